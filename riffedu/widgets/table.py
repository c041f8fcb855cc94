"""A table of sounds to compare by ear: players without pictures, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from riffedu.widgets.sound import Sound


class SoundTable:
    """Several sounds in a row, each with the browser's own player and no spectrogram."""

    def __init__(self, sounds: list[Sound]):
        self.sounds = sounds

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<td style="padding:0 0.8em;text-align:left">{sound.html}</td>'
            for sound in self.sounds
        )
        return f'<table role="presentation"><tr>{cells}</tr></table>'

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.sounds))


def by_ear(sounds: Mapping[str, np.ndarray], sample_rate: int) -> SoundTable:
    """Return a table of players for sounds that are to be told apart by ear alone.

    ``sounds`` maps labels to waveforms as `riffedu.widgets.play` takes them. No picture is drawn,
    since a spectrogram would give the answer away. Raises RiffeduError as `play` does.
    """
    return SoundTable([Sound.of(x, sample_rate, label) for label, x in sounds.items()])
