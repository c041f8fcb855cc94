"""Real pieces, transposed into an instrument's range."""

from __future__ import annotations

import numpy as np

from ..instruments import INSTRUMENTS
from ..music.draws import pick
from ..music.theory import KEYS
from .library import SoundLibrary
from .performance import ScoreNote, round_tempo

TUNE_PLAYERS = (
    "violin",
    "flute",
    "recorder",
    "accordion",
    "harmonica",
    "oboe",
    "clarinet",
    "trumpet",
    "pan flute",
    "banjo",
    "piano",
    "saxophone",
    "bagpipe",
    "music box",
    "acoustic guitar",
    "xylophone",
    "marimba",
    "steel drums",
    "synth lead",
    "kalimba",
    "vibraphone",
    "koto",
)
CHORALE_PLAYERS = (
    "choir",
    "strings",
    "church organ",
    "brass",
    "harpsichord",
    "accordion",
    "rock organ",
    "synth pad",
    "piano",
    "pizzicato strings",
    "vibraphone",
)
QUARTET_PLAYERS = ("strings", "pizzicato strings", "strings", "piano")


def score_excerpt(
    rng: np.random.Generator, library: SoundLibrary, name: str
) -> tuple[list[ScoreNote], float, dict, float] | None:
    """Return a real piece for this instrument: (notes, beats, piece, bpm); None if none suits."""
    kinds = [
        kind
        for kind, players in (
            ("tune", TUNE_PLAYERS),
            ("chorale", CHORALE_PLAYERS),
            ("quartet", QUARTET_PLAYERS),
            ("piano", ("piano", "harpsichord")),
        )
        if name in players and library.by_kind.get(kind)
    ]
    if not kinds:
        return None
    kind = pick(rng, kinds)
    piece = pick(rng, library.by_kind[kind])
    instrument = INSTRUMENTS[name]
    notes = sorted((on, length, p) for part in piece["parts"] for on, length, p in part)
    mean = float(np.mean([n[2] for n in notes]))
    centre = (instrument.low + instrument.high) / 2
    shift = 12 * round((centre - mean) / 12) + int(rng.integers(-4, 5))
    folded = {}
    for on, length, p in notes:
        p += shift
        while p < instrument.low:
            p += 12
        while p > instrument.high:
            p -= 12
        folded[(on, p)] = (on, length, p, 1.0 if on == int(on) else 0.85)
    eighths = piece["signature"].endswith("/8")
    low, high = {
        "tune": (132, 180) if eighths else (80, 130),
        "chorale": (60, 100),
        "piano": (70, 105),
        "quartet": (70, 130),
    }[kind]
    folded_notes = sorted(folded.values())
    bpm = round_tempo(rng, rng.uniform(low, high))
    return (
        folded_notes,
        max(n[0] + n[1] for n in folded_notes),
        dict(piece, key=transposed_key(piece, shift)),
        bpm,
    )


def transposed_key(piece: dict, semitones: int) -> str | None:
    """Return the tonic of a piece that is played ``semitones`` higher, as `KEYS` names it."""
    same = {
        "D flat": "C sharp",
        "D sharp": "E flat",
        "G flat": "F sharp",
        "G sharp": "A flat",
        "A sharp": "B flat",
    }
    name = same.get(piece["key"], piece["key"])
    known = name in KEYS
    return KEYS[(KEYS.index(name) + semitones) % 12] if known else None
