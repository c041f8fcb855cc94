"""The one door through which every lesson's sound goes out.

A checked sound shows itself as a `spectrogram_player`: a picture that plays. Where widgets cannot
load, as in a static page, the browser's own player stands in.
"""

from __future__ import annotations

from functools import cached_property

from riffedu.signal.audio import set_level
from riffedu.signal.reconstruct import image_to_audio
from riffedu.widgets.sound import Sound, prompt_of
from riffedu.widgets.spectrogram_player import SpectrogramPlayer, spectrogram_player


class Player(Sound):
    """A sound with its controls: put it last in a cell, or hand it to ``display``."""

    @cached_property
    def widget(self) -> SpectrogramPlayer:
        """The `SpectrogramPlayer` of this sound, made when it is asked for."""
        return spectrogram_player(self)

    def _repr_mimebundle_(self, **options):
        return self.widget._repr_mimebundle_(**options)


def play(
    waveform, sample_rate: int, label: str = "Sound", attenuate: bool = False, image=None
) -> Player:
    """A player for a waveform, at the level that its numbers have: never turned up.

    ``waveform`` is float in [-1, 1], shape ``(samples,)`` or ``(channels, samples)`` with one or
    two channels; ``sample_rate`` is in Hz. Peaks over 1.0 (0 dBFS) would clip: RiffeduError, or
    with ``attenuate`` the whole sound is turned down until its peak is at -1 dBFS, and the
    caption says by how much. ``image`` is the picture that it came from, drawn instead of one made
    from the sound. Taught in notebooks/00_hear_it_first.ipynb.
    """
    return Player.of(waveform, sample_rate, label, attenuate, image)


def show(result, label: str | None = None, height: int = 280) -> SpectrogramPlayer:
    """A generated result as a picture that plays, ``height`` pixels tall."""
    return spectrogram_player(result, label=label or prompt_of(result), height=height)


def hear(image, label: str = "Sound") -> Player:
    """A player for a picture, its sound set to the level that generated clips have."""
    waveform, sample_rate = image_to_audio(image, progress=False)
    return play(set_level(waveform), sample_rate, label, image=image)
