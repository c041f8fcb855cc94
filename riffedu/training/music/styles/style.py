"""A style: what the members of a band play in one bar, and with which instruments."""

from __future__ import annotations

from dataclasses import dataclass

from ..theory import PROGRESSIONS


@dataclass(frozen=True)
class Style:
    """A groove: bars of ``beats`` beats in rows of ``steps`` characters.

    Rows: ``x`` hit, ``X`` accent, ``g`` ghost, ``?`` a hit half of the time, ``.`` silence.
    Bass rows: ``r`` root, ``o`` octave, ``f`` fifth, ``t`` third, ``s`` seventh, ``-`` hold.
    Chord rows: ``x``, ``X`` strokes, ``-`` hold. ``swing`` delays every second step by that part
    of a step.
    """

    tempo: tuple[int, int]
    drums: tuple[dict, ...]
    bass: tuple[str, ...]
    comp: tuple[str, ...]
    bass_instruments: tuple[str, ...]
    comp_instruments: tuple[str, ...]
    lead_instruments: tuple[str, ...]
    kits: tuple[int, ...] = (0,)
    steps: int = 16
    beats: int = 4
    swing: float = 0.0
    scales: tuple[str, ...] = ("major", "minor")
    progressions: tuple[tuple[int, ...], ...] = PROGRESSIONS
    lead: float = 0.35
    lead_density: str = "medium"
    comp_texture: str = "chords"
    seventh: float = 0.0
    one_shots: float = 0.0
    drum_share: float = 1.0


# Rows and progressions that several styles share.
EIGHTH_NOTE_HATS = ("x.x.x.x.x.x.x.x.", "X.x.X.x.X.x.X.x.")
MINOR_LOOPS = ((0, 0, 0, 0), (0, 0, 5, 6), (0, 5, 6, 0), (0, 6, 5, 6), (0, 0, 3, 0), (0, 3, 0, 4))
