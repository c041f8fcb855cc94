"""Lesson 11: what a generation gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from torch import Tensor


RMS_DB, PEAK_DB = -20.0, -1.0


@dataclass
class DenoisingState:
    """One moment of a denoising run, just after its step.

    ``step`` counts from 1 to ``total``; ``timestep`` is where the U-Net looked (1000 is noise, 0
    is clean); ``latents (n, c, h, w)`` is what the step left; ``x0``, of the same shape, is what
    the U-Net took for the finished latents when it looked. ``image()`` draws that guess,
    ``noisy_image()`` the latents themselves. Notebook: 11_text_to_music.
    """

    step: int
    total: int
    timestep: float
    latents: Tensor
    x0: Tensor
    draw: Callable[[Tensor], list[Image]] = field(repr=False)

    def image(self) -> Image:
        """The picture that the U-Net had in mind at this step (of the first item of a batch)."""
        return self.draw(self.x0[:1])[0]

    def noisy_image(self) -> Image:
        """The picture that the latents show, noise and all (of the first item of a batch)."""
        return self.draw(self.latents[:1])[0]

    def item(self, index: int, draw: Callable[[Tensor], list[Image]]) -> DenoisingState:
        """This moment of one item of a batch."""
        one = slice(index, index + 1)
        latents, x0 = self.latents[one].clone(), self.x0[one].clone()
        return DenoisingState(self.step, self.total, self.timestep, latents, x0, draw)


@dataclass
class Result:
    """A generated clip: its sound, its picture, and all that is needed to make it again.

    ``waveform`` is float32 ``(samples,)`` in [-1, 1] at ``sample_rate`` Hz, set to the level that
    ``parameters`` states (−20 dBFS RMS unless that would lift the peak over −1 dBFS). ``image``
    carries the same level, so ``image_to_audio(result.image)`` gives this sound back.
    """

    waveform: np.ndarray
    sample_rate: int
    image: Image
    parameters: dict[str, Any]
    states: list[DenoisingState] | None = field(default=None, repr=False)

    def steps(self) -> list[DenoisingState]:
        """Every state on the way, first to last; needs ``generate(..., keep_states=True)``."""
        if self.states is None:
            raise RiffeduError("the states were not kept: generate with keep_states=True")
        return self.states
