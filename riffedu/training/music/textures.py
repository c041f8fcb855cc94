"""All textures by name, and the drawing of a pattern of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .accompaniments import (
    accompanied,
    arpeggio,
    bass_line,
    broken_chords,
    chords,
    held_chords,
    power_chords,
    strummed_chords,
)
from .draws import pick
from .melodies import (
    drone,
    drum_line,
    fanfare,
    glissando,
    long_notes,
    melody,
    ostinato,
    repeated_note,
    riff,
    roll,
    scale_run,
)
from .patterns import Pattern, PatternNote

TEXTURES: dict[str, Callable[..., list[PatternNote]]] = {
    "melody": melody,
    "chords": chords,
    "held chords": held_chords,
    "strummed chords": strummed_chords,
    "arpeggio": arpeggio,
    "broken chords": broken_chords,
    "accompanied": accompanied,
    "ostinato": ostinato,
    "repeated note": repeated_note,
    "long notes": long_notes,
    "scale run": scale_run,
    "glissando": glissando,
    "bass line": bass_line,
    "power chords": power_chords,
    "riff": riff,
    "fanfare": fanfare,
    "drone": drone,
    "drum line": drum_line,
    "roll": roll,
}
CHORDAL = (
    "chords",
    "held chords",
    "strummed chords",
    "arpeggio",
    "broken chords",
    "accompanied",
    "bass line",
    "power chords",
    "drone",
    "drum line",
    "fanfare",
)


def draw_pattern(
    rng: np.random.Generator,
    texture: str,
    density: str | None = None,
    meter: int | None = None,
    **options: Any,
) -> Pattern:
    """Draw a pattern of the named texture: four bars of three or four beats.

    ``options`` are passed to the texture (``roots``: the progression to follow).
    """
    meter = meter or int(pick(rng, (4, 4, 4, 4, 3)))
    density = density or pick(rng, ("sparse", "medium", "medium", "busy"))
    drawn = TEXTURES[texture](rng, meter, density, **options)
    beats = 4 * meter
    notes = tuple(sorted(s._replace(length=max(0.05, s.length)) for s in drawn))
    return Pattern(texture, beats, notes, density, meter)
