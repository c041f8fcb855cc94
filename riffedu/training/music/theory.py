"""Scales, keys, chords and chord progressions, in scale degrees."""

from __future__ import annotations

import numpy as np

from .draws import pick

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "hijaz": (0, 1, 4, 5, 7, 8, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
}
SEVEN_NOTE_SCALES = (
    "major",
    "major",
    "major",
    "minor",
    "minor",
    "minor",
    "dorian",
    "mixolydian",
    "harmonic minor",
    "phrygian",
)
ANY_SCALE = (
    ("major",) * 6
    + ("minor",) * 6
    + (
        "dorian",
        "mixolydian",
        "harmonic minor",
        "major pentatonic",
        "major pentatonic",
        "minor pentatonic",
        "minor pentatonic",
        "blues",
        "blues",
        "whole tone",
        "hijaz",
    )
)
KEYS = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
PROGRESSIONS = (
    (0, 4, 5, 3),
    (0, 3, 4, 4),
    (0, 5, 3, 4),
    (5, 3, 0, 4),
    (1, 4, 0, 0),
    (0, 3, 0, 4),
    (0, 6, 5, 4),
    (0, 5, 2, 6),
    (0, 3, 6, 2),
    (0, 0, 3, 0),
    (0, 2, 3, 4),
    (3, 4, 0, 0),
    (0, 1, 4, 0),
    (0, 4, 0, 4),
    (0, 6, 3, 0),
    (2, 5, 1, 4),
    (0, 5, 1, 4),
    (3, 0, 4, 5),
    (0, 4, 3, 3),
    (0, 2, 5, 3),
    (0, 6, 5, 6),
    (0, 3, 5, 4),
    (0, 0, 5, 4),
    (0, 3, 1, 4),
)


def pitch(degree: int, scale: str, tonic: int) -> int:
    """Return the MIDI note of a scale degree: tonic + 12 · octave + interval."""
    intervals = SCALES[scale]
    octave, index = divmod(degree, len(intervals))
    return tonic + 12 * octave + intervals[index]


def progression(rng: np.random.Generator) -> tuple[int, ...]:
    """Return four chord roots (degrees): a common progression, sometimes rotated by 1 or 2 bars."""
    chords = pick(rng, PROGRESSIONS)
    rotation = int(pick(rng, (0, 0, 1, 2)))
    return chords[rotation:] + chords[:rotation]


def chord(root: int, seventh: bool = False, base: int = -2) -> list[int]:
    """Return degrees of the triad (or seventh chord) on ``root``, folded to start at ``base``."""
    tones = [root, root + 2, root + 4] + ([root + 6] if seventh else [])
    return sorted((t - base) % 7 + base for t in tones)
