"""The pipeline: everything that lessons 11 to 13 teach, as methods of one object.

Each method calls the function that its lesson teaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from riffedu.diffusion.checkpoint import load_checkpoint
from riffedu.music import continuation, edit, interpolate, looping, riffuse, stream
from riffedu.music.generate import TextToMusic
from riffedu.music.result import Result

if TYPE_CHECKING:
    from PIL.Image import Image


class Pipeline(TextToMusic):
    """Text to music, editing, looping and interpolation with one checkpoint."""

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


def load_pipeline(name_or_path: str | Path = "default", device: str = "cpu") -> Pipeline:
    """Open a checkpoint (see ``load_checkpoint``) and get the road from words to sound.

    >>> load_pipeline().generate("a calm solo piano").waveform   # doctest: +SKIP
    """
    return Pipeline(load_checkpoint(name_or_path, device))
