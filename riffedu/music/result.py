"""Lesson 11: what a generation returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffedu.errors import RiffeduError
from riffedu.music.provenance import record_of
from riffedu.signal.files.saving import save
from riffedu.signal.files.tags import Record, attach
from riffedu.signal.image import PICTURES, save_image
from riffedu.signal.stereo import WIDTH, widen

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from torch import Tensor


RMS_DB, PEAK_DB = -20.0, -1.0


@dataclass
class DenoisingState:
    """The state of a denoising run after one step.

    ``step`` counts from 1 to ``total``; ``timestep`` is the time of the U-Net's prediction (1000 is
    noise, 0 is clean); ``latents (n, c, h, w)`` are the latents after the step; ``x0``, of the same
    shape, is the U-Net's estimate of the clean latents. Notebook: 11_text_to_music.
    """

    step: int
    total: int
    timestep: float
    latents: Tensor
    x0: Tensor
    draw: Callable[[Tensor], list[Image]] = field(repr=False)

    def image(self) -> Image:
        """Decode the estimate of the clean latents (of the first item of a batch)."""
        return self.draw(self.x0[:1])[0]

    def noisy_image(self) -> Image:
        """Decode the noisy latents themselves (of the first item of a batch)."""
        return self.draw(self.latents[:1])[0]

    def item(self, index: int, draw: Callable[[Tensor], list[Image]]) -> DenoisingState:
        """Return the state of one item of a batch."""
        one = slice(index, index + 1)
        latents, x0 = self.latents[one].clone(), self.x0[one].clone()
        return DenoisingState(self.step, self.total, self.timestep, latents, x0, draw)


@dataclass
class Result:
    """A generated clip: its sound, its picture, and the parameters to generate it again.

    ``waveform`` is float32 ``(samples,)`` in [-1, 1] at ``sample_rate`` Hz, at the level that
    ``parameters`` state (−20 dBFS RMS, or a peak of −1 dBFS if that is lower). ``image`` carries
    the same level, so ``image_to_audio(result.image)`` returns the same sound.
    """

    waveform: np.ndarray
    sample_rate: int
    image: Image
    parameters: dict[str, Any]
    states: list[DenoisingState] | None = field(default=None, repr=False)

    @property
    def record(self) -> Record:
        """What the same machine needs to make the clip again: see `riffedu.music.provenance`."""
        return record_of(self.parameters)

    def save(self, path: str | Path, bits: int | str | None = None, overwrite: bool = True) -> Path:
        """Write the sound or, if the extension is a picture's, the picture, with the `record`.

        ``bits`` as in `riffedu.signal.audio.save`. Notebook: 11_text_to_music.
        """
        if Path(path).suffix.lower() in PICTURES:
            attach(self.image, self.record)
            return save_image(self.image, path, overwrite)
        return save(path, self.waveform, self.sample_rate, bits, self.record, overwrite)

    def widened(self, width: float = WIDTH) -> Result:
        """Return the clip in stereo: its sound as the middle, see `riffedu.signal.stereo.widen`.

        In mono it is the same sound; if a channel would exceed a peak of −1 dBFS, both are lowered.
        The picture stays that of the middle. Raises RiffeduError for a width outside 0..1.
        """
        seed = self.parameters.get("seed") or 0
        wide = widen(self.waveform, self.sample_rate, width, seed)
        peak = float(abs(wide).max())
        wide = wide * min(1.0, 10 ** (PEAK_DB / 20) / peak) if peak else wide
        return replace(self, waveform=wide, parameters={**self.parameters, "stereo": width})

    def steps(self) -> list[DenoisingState]:
        """Return all states, first to last. Raises RiffeduError without ``generate(...,
        keep_states=True)``.
        """
        if self.states is None:
            raise RiffeduError("the states were not kept: generate with keep_states=True")
        return self.states
