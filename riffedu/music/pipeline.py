"""The pipeline: everything that lessons 11 to 13 teach, as methods of one object.

Each method calls the function that its lesson teaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from riffedu import limits
from riffedu.diffusion.checkpoint import Checkpoint, load_checkpoint
from riffedu.diffusion.lora import Lora, load_lora, parse_strength
from riffedu.music import continuation, edit, interpolate, looping, riffuse, stream
from riffedu.music.generate import TextToMusic
from riffedu.music.result import Result
from riffedu.signal.params import SpectrogramParams

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image


class Pipeline(TextToMusic):
    """Text to music, editing, looping and interpolation with one checkpoint.

    ``loras`` are the changes of its U-Net, see `add_lora`.
    """

    def __init__(self, checkpoint: Checkpoint, params: SpectrogramParams | None = None):
        super().__init__(checkpoint, params)
        self.loras: list[Lora] = []

    def identity(self) -> dict[str, Any]:
        """Return the model, its hash, and the LoRAs with their strengths, for records."""
        active = {lora.name: lora.strength for lora in self.loras if lora.attached}
        return super().identity() | ({"lora": active} if active else {})

    def add_lora(self, file: str | Path, strength: float | None = None) -> Lora:
        """Add a LoRA to the U-Net: a file, or ``"FILE:0.8"`` with its strength from 0 to 2.

        Several can be added; their changes are summed. The result's ``strength`` can be set at any
        time, and its ``remove()`` takes it off. See `riffedu.diffusion.lora.load_lora`. Notebook:
        14_train_your_own.
        """
        path, given = (Path(file), strength) if strength is not None else parse_strength(file)
        lora = load_lora(self.checkpoint.unet, path, given)
        self.loras.append(lora)
        return lora

    def remove_loras(self) -> None:
        """Take all LoRAs off: the U-Net is again as it was loaded."""
        while self.loras:
            self.loras.pop().remove()

    def transform(
        self,
        clip: tuple[np.ndarray, int],
        prompt: str,
        strength: float = 0.6,
        mask: Any = None,
        **options: Any,
    ) -> Result:
        """Regenerate a clip from a prompt: see `riffedu.music.edit.transform`."""
        return edit.transform(self, clip, prompt, strength, mask, **options)

    def extend(
        self, clip: tuple[np.ndarray, int], prompt: str, seconds: float, **options: Any
    ) -> Result:
        """Extend a clip to ``seconds`` in all: see `riffedu.music.continuation.extend`."""
        return continuation.extend(self, clip, prompt, seconds, **options)

    def loop(self, prompt: str, bpm: float = 120.0, beats: int = 8, **options: Any) -> Result:
        """Generate a seamless loop: see `riffedu.music.looping.loop`."""
        return looping.loop(self, prompt, bpm, beats, **options)

    def interpolate(
        self,
        prompts: Sequence[str],
        pieces: int = 3,
        easing: str = "linear",
        seed: int = 0,
        progress: bool = True,
        **options: Any,
    ) -> Result:
        """Interpolate over several prompts: see `riffedu.music.stream.interpolate_prompts`."""
        seed = limits.seed_of(seed)
        way = stream.interpolate_prompts(self, prompts, pieces, easing, seed, **options)
        first = next(way)  # after this all that was asked for has been checked
        total = (len(prompts) - 1) * pieces + 1
        rest = tqdm(way, total=total, initial=1, desc="pieces", disable=not progress)
        made = [first, *rest]
        told = stream.journey_parameters(
            self, prompts, pieces, easing, len(made), seed=seed, **options
        )
        return stream.join(self, made, told)

    def morph(
        self,
        clip_a: tuple[np.ndarray, int],
        clip_b: tuple[np.ndarray, int],
        alpha: float | Sequence[float],
        **options: Any,
    ) -> Result | list[Result]:
        """Interpolate between two clips: see `riffedu.music.interpolate.morph`."""
        return interpolate.morph(self, clip_a, clip_b, alpha, **options)

    def riffuse(
        self,
        start: Any,
        end: Any,
        alpha: float,
        init_image: Image,
        mask_image: Image | None = None,
        **options: Any,
    ) -> Result:
        """Interpolate as Riffusion v1 does: see `riffedu.music.riffuse.riffuse`."""
        return riffuse.riffuse(self, start, end, alpha, init_image, mask_image, **options)


def load_pipeline(
    name_or_path: str | Path = "default",
    device: str | torch.device = "cpu",
    half: bool | None = None,
    lora: str | Path | Sequence[str | Path] = (),
) -> Pipeline:
    """Open a checkpoint as a pipeline from words to sound.

    ``device`` is "auto", "cpu", "cuda" or "mps". For this and for ``half``, see
    `riffedu.diffusion.checkpoint.load_checkpoint`. A seed gives the same noise on every device, and
    the same sound up to rounding.

    ``lora`` is a file or several, each as in `Pipeline.add_lora`: ``lora="mine.safetensors:0.8"``.

    >>> load_pipeline().generate("a calm solo piano").waveform   # doctest: +SKIP
    """
    pipeline = Pipeline(load_checkpoint(name_or_path, device, half))
    for each in [lora] if isinstance(lora, str | Path) else lora:
        pipeline.add_lora(each)
    return pipeline
