"""Patterns: notes in beats and scale degrees, and the rhythms they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .draws import fingerprint, pick


class PatternNote(NamedTuple):
    """One note of a pattern.

    ``beat`` and ``length`` are in beats, ``degree`` counts scale steps from the tonic (negative
    below it), ``accent`` is the strength (about 0.5 to 1).
    """

    beat: float
    length: float
    degree: int
    accent: float = 0.8


@dataclass(frozen=True)
class Pattern:
    """A loop of ``beats`` beats; ``texture`` names what kind of pattern it is."""

    texture: str
    beats: float
    notes: tuple[PatternNote, ...]
    density: str = "medium"
    meter: int = 4

    @property
    def id(self) -> str:
        """Fingerprint of the degrees and the rhythm, the same in every key and tempo."""
        return fingerprint([(round(s.beat, 3), s.degree) for s in self.notes])


RHYTHM_CELLS = {
    "sparse": ((2,), (1,), (1.5, 0.5), (3,), (1, 1), (2,)),
    "medium": ((1,), (0.5, 0.5), (0.75, 0.25), (1.5, 0.5), (0.5, 0.5), (1,), (0.5, 1, 0.5)),
    "busy": (
        (0.5, 0.5),
        (0.25,) * 4,
        (0.5, 0.25, 0.25),
        (0.25, 0.25, 0.5),
        (1 / 3,) * 3,
        (0.25, 0.5, 0.25),
    ),
}


def rhythm(rng: np.random.Generator, beats: float, density: str) -> list[float]:
    """Return note lengths that fill ``beats``, drawn from `RHYTHM_CELLS`."""
    lengths: list[float] = []
    left = beats
    while left > 1e-6:
        cell = pick(rng, RHYTHM_CELLS[density])
        if sum(cell) > left + 1e-6:
            cell = (1,) if left >= 1 - 1e-6 else (left,)
        lengths += cell
        left -= sum(cell)
    return lengths


def subdivision(rng: np.random.Generator, density: str) -> float:
    """Return the length of the equal notes of an arpeggio or a run, in beats."""
    return pick(rng, {"sparse": (1.0, 0.5), "medium": (0.5, 1 / 3, 0.5), "busy": (0.25,)}[density])


def fit_to_chords(
    notes: Sequence[PatternNote], roots: Sequence[int], bar_beats: float
) -> list[PatternNote]:
    """Move the notes of a melody on strong beats to the nearest tone of their chord."""
    fitted = []
    for s in notes:
        if s.beat % 2 == 0:
            root = roots[int(s.beat // bar_beats) % len(roots)]
            options = [d for d in range(s.degree - 3, s.degree + 4) if (d - root) % 7 in (0, 2, 4)]
            s = s._replace(degree=min(options, key=lambda d: abs(d - s.degree)))
        fitted.append(s)
    return fitted
