"""The pipeline: everything that lessons 11 to 13 teach, as methods of one object.

Each method is one line to the function that its lesson teaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tqdm.auto import tqdm

from riffedu.diffusion.checkpoint import load_checkpoint
from riffedu.music import continuation, edit, interpolate, looping, riffuse, stream
from riffedu.music.generate import TextToMusic
from riffedu.music.result import Result


class Pipeline(TextToMusic):
    """From words to sound, and everything that can be done to a sound, over one checkpoint."""

    def transform(self, clip, prompt: str, strength: float = 0.6, mask=None, **options) -> Result:
        """A sound, remade by words: see `riffedu.music.edit.transform`."""
        return edit.transform(self, clip, prompt, strength, mask, **options)

    def extend(self, clip, prompt: str, seconds: float, **options) -> Result:
        """A sound goes on to ``seconds`` in all: see `riffedu.music.continuation.extend`."""
        return continuation.extend(self, clip, prompt, seconds, **options)

    def loop(self, prompt: str, bpm: float = 120.0, beats: int = 8, **options) -> Result:
        """A loop without a seam: see `riffedu.music.looping.loop`."""
        return looping.loop(self, prompt, bpm, beats, **options)

    def interpolate(
        self,
        prompts: Sequence[str],
        pieces: int = 3,
        easing: str = "linear",
        seed: int = 0,
        progress: bool = True,
        **options,
    ) -> Result:
        """One piece of music that goes from prompt to prompt: see `riffedu.music.stream.interpolate_prompts`."""
        way = stream.interpolate_prompts(self, prompts, pieces, easing, seed, **options)
        first = next(way)  # after this all that was asked for has been checked
        total = (len(prompts) - 1) * pieces + 1
        rest = tqdm(way, total=total, initial=1, desc="pieces", disable=not progress)
        made = [first, *rest]
        return stream.join(self, made, {"prompt": list(prompts), "seed": seed, **options})

    def morph(
        self, clip_a, clip_b, alpha: float | Sequence[float], **options
    ) -> Result | list[Result]:
        """What lies between two sounds: see `riffedu.music.interpolate.morph`."""
        return interpolate.morph(self, clip_a, clip_b, alpha, **options)

    def riffuse(self, start, end, alpha: float, init_image, mask_image=None, **options) -> Result:
        """Riffusion's own way between two prompts: see `riffedu.music.riffuse.riffuse`."""
        return riffuse.riffuse(self, start, end, alpha, init_image, mask_image, **options)


def load_pipeline(name_or_path: str | Path = "default", device: str = "cpu") -> Pipeline:
    """Open a checkpoint (see ``load_checkpoint``) and get the road from words to sound.

    >>> load_pipeline().generate("a calm solo piano").waveform   # doctest: +SKIP
    """
    return Pipeline(load_checkpoint(name_or_path, device))
