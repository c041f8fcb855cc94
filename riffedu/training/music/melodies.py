"""Textures of single notes: melodies, ostinatos, runs, riffs, fanfares and drum rolls."""

from __future__ import annotations

import numpy as np

from .draws import pick
from .patterns import PatternNote, rhythm, subdivision
from .theory import progression


def melody(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return four bars with a form such as AABA: bars of one letter share rhythm and contour."""
    plan = pick(rng, ("AABA", "ABAC", "AABC", "ABAB", "AAAB"))
    notes, motifs, degree = [], {}, int(pick(rng, (0, 2, 4, 7)))
    for bar, letter in enumerate(plan):
        if letter not in motifs:
            lengths = rhythm(rng, meter, density)
            jumps = rng.choice(
                [-4, -3, -2, -1, -1, -1, 0, 1, 1, 1, 2, 3, 4], size=len(lengths)
            ).tolist()
            motifs[letter] = (lengths, jumps)
            start = degree
        else:
            start = int(pick(rng, (0, 1, 2, 4, -1)))
        lengths, jumps = motifs[letter]
        degree, at = start, 0.0
        for length, jump in zip(lengths, jumps):
            notes.append(PatternNote(meter * bar + at, length, degree, 1.0 if at == 0 else 0.8))
            degree += jump
            if not -3 <= degree <= 9:
                degree -= 2 * jump
            at += length
    notes[-1] = notes[-1]._replace(degree=int(pick(rng, (0, 7, 4))))
    return notes


def ostinato(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return one or two bars, repeated."""
    bars = int(pick(rng, (1, 1, 2)))
    lengths = rhythm(rng, meter * bars, "medium" if density == "sparse" else density)
    tones = pick(rng, ((0, 2, 4), (0, 4, 7), (0, 1, 2), (0, 4, 5), (0, 2, 4, 6), (0, 3, 4, 7)))
    at, notes = 0.0, []
    for length in lengths:
        notes.append(PatternNote(at, length, int(pick(rng, tones)), 1.0 if at == 0 else 0.8))
        at += length
    return [s._replace(beat=s.beat + meter * bars * k) for k in range(4 // bars) for s in notes]


def repeated_note(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return one pitch in a rhythm; it may change with each bar."""
    lengths = rhythm(rng, meter, density)
    starts = np.cumsum([0] + lengths[:-1]).tolist()
    degrees = pick(rng, ((0, 0, 0, 0), (0, 0, 0, 0), progression(rng)))
    return [
        PatternNote(meter * bar + at, 0.8 * length, degree, 1.0 if at == 0 else 0.75)
        for bar, degree in enumerate(degrees)
        for at, length in zip(starts, lengths)
    ]


def long_notes(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return slow single notes, each half a bar, one bar or two bars long."""
    notes, at, degree = [], 0.0, 0
    while at < 4 * meter:
        length = min(pick(rng, (meter, meter, meter / 2, 2 * meter)), 4 * meter - at)
        notes.append(PatternNote(at, length, degree))
        degree = int(np.clip(degree + pick(rng, (-3, -2, -1, 1, 2, 3, 4)), -3, 8))
        at += length
    return notes


def scale_run(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return a run up and down the scale, sometimes in thirds."""
    unit = subdivision(rng, density)
    span, thirds = int(pick(rng, (5, 7, 8, 10, 14))), rng.random() < 0.25
    down_first = rng.random() < 0.5
    ladder = list(range(span + 1)) + list(range(span - 1, 0, -1))
    ladder = [-d + span for d in ladder] if down_first else ladder
    if thirds:
        ladder = [x for d in ladder for x in (d, d + 2)]
    hold = float(pick(rng, (1, 1, 2)))
    notes, at, n = [], 0.0, 0
    while at < 4 * meter - 1e-6:
        turn = ladder[n % len(ladder)] in (0, span) and n % len(ladder) != 0
        length = min(unit * (hold if turn else 1), 4 * meter - at)
        notes.append(PatternNote(at, length, ladder[n % len(ladder)], 0.85))
        at, n = at + length, n + 1
    return notes


def glissando(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return harp glissandos over two or three octaves."""
    notes, direction = [], 1
    span, unit = int(pick(rng, (14, 17, 21))), pick(rng, (1 / 8, 1 / 6, 1 / 8))
    rest = float(pick(rng, (0, 1, 2)))
    at = 0.0
    while at < 4 * meter:
        for k in range(span):
            degree = k if direction > 0 else span - 1 - k
            notes.append(PatternNote(at, 3 * unit, degree - 7, 0.6 + 0.3 * k / span))
            at += unit
        at += rest
        direction *= pick(rng, (-1, -1, 1))
    return [s for s in notes if s.beat < 4 * meter]


def riff(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return a low one-bar figure that keeps returning to its root, repeated."""
    lengths = rhythm(rng, meter, "busy" if density == "busy" else "medium")
    at, notes = 0.0, []
    for length in lengths:
        degree = 0 if rng.random() < 0.5 else int(pick(rng, (-1, 1, 2, 3, 4, 6, 7)))
        notes.append(PatternNote(at, 0.85 * length, degree, 1.0 if degree == 0 else 0.85))
        at += length
    return [s._replace(beat=s.beat + meter * bar) for bar in range(4) for s in notes]


def fanfare(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return dotted calls on the notes of one chord."""
    notes, at = [], 0.0
    cells = ((0.75, 0.25), (1 / 3,) * 3, (0.5, 0.5), (1,), (0.5, 0.25, 0.25), (2,))
    while at < 4 * meter - 1e-6:
        degree = int(pick(rng, (0, 2, 4, 4, 7, 7, 9)))
        for length in pick(rng, cells):
            if at < 4 * meter - 1e-6:
                notes.append(PatternNote(at, 0.85 * length, degree, 0.95))
                at += length
    return notes


def drone(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return a melody over a tonic and fifth that are struck again every one or two bars."""
    tune = melody(rng, meter, "medium" if density == "sparse" else density)
    every = float(pick(rng, (meter, 2 * meter, meter)))
    low = [
        PatternNote(at, every, d, 0.6)
        for at in np.arange(0, 4 * meter, every).tolist()
        for d in (0, 4)
    ]
    return sorted([s._replace(degree=s.degree + 7) for s in tune] + low)


def drum_line(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return tonic and dominant strokes of a kettledrum."""
    lengths = rhythm(rng, 2 * meter, density)
    notes, at = [], 0.0
    for length in lengths:
        notes.append(
            PatternNote(at, length, int(pick(rng, (0, 0, -3, 0, 4))), 1.0 if at == 0 else 0.8)
        )
        at += length
    return [s._replace(beat=s.beat + 2 * meter * k) for k in range(2) for s in notes]


def roll(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return a drum roll with a crescendo, then a single stroke; on one or more pitches."""
    beats, unit = int(pick(rng, (2, 3, 4, 6, 8))), pick(rng, (1 / 8, 1 / 6))
    degree, notes, at = 0, [], 0.0
    while at < 4 * meter:
        count = int(beats / unit)
        notes += [
            PatternNote(at + k * unit, unit, degree, 0.45 + 0.5 * k / count) for k in range(count)
        ]
        notes.append(PatternNote(at + beats, 1.0, degree, 1.0))
        at += beats + 1
        degree = int(pick(rng, (0, -3, 4)))
    return [s for s in notes if s.beat < 4 * meter]
