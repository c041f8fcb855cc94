"""Play a sound: every lesson's output goes through `play`, `show` or `hear`.

A checked sound displays itself as a `spectrogram_player`. On a static page, where widgets cannot
load, the browser's own audio player takes its place.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.signal.audio import set_level
from riffedu.signal.reconstruct import image_to_audio
from riffedu.widgets.player_widget import SpectrogramPlayer, spectrogram_player
from riffedu.widgets.sound import Sound, prompt_of

if TYPE_CHECKING:
    from PIL.Image import Image


class Player(Sound):
    """A sound with playback controls: the last value of a cell, or an argument of ``display``."""

    @cached_property
    def widget(self) -> SpectrogramPlayer:
        """The `SpectrogramPlayer` of this sound, created on first use."""
        return spectrogram_player(self)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)


def play(
    waveform: np.ndarray,
    sample_rate: int,
    label: str = "Sound",
    attenuate: bool = False,
    image: Image | None = None,
) -> Player:
    """Play a waveform at the level of its samples, without normalisation.

    ``waveform`` is float in [-1, 1], shape ``(samples,)`` or ``(channels, samples)`` with one or
    two channels; ``sample_rate`` is in Hz, 1000 to 655350. ``attenuate`` lowers a sound whose peak
    exceeds 1.0 (0 dBFS) to a peak of −1 dBFS, and the caption states by how much. ``image`` is
    the picture to show; by default it is computed from the sound.

    Raises RiffeduError for another shape, for NaN or infinity, for another rate, and, without
    ``attenuate``, for a peak above 1.0. Notebook: 00_hear_it_first.
    """
    return Player.of(waveform, sample_rate, label, attenuate, image)


def show(result: Any, label: str | None = None, height: int = 280) -> SpectrogramPlayer:
    """Show a generated result as a spectrogram player, ``height`` pixels tall."""
    return spectrogram_player(result, label=label or prompt_of(result), height=height)


def hear(image: Image, label: str = "Sound") -> Player:
    """Play a spectrogram picture, at the level of generated clips."""
    waveform, sample_rate = image_to_audio(image, progress=False)
    return play(set_level(waveform), sample_rate, label, image=image)
