"""Textures that follow a chord progression: chords, arpeggios and bass lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .draws import pick
from .melodies import melody
from .patterns import PatternNote, rhythm, subdivision
from .theory import chord, progression


def _voicings(
    rng: np.random.Generator, roots: Sequence[int] | None = None
) -> tuple[Sequence[int], list[list[int]]]:
    """The roots of a progression and the tones of its chords, in degrees."""
    roots = roots or progression(rng)
    seventh = bool(rng.random() < 0.2)
    base = int(pick(rng, (-3, -2, -1, 0, 1)))
    return roots, [chord(r, seventh, base) for r in roots]


CHORD_RHYTHMS: dict[int, dict[str, tuple[tuple[float, ...], ...]]] = {
    4: {
        "sparse": ((4,), (4,), (2, 2), (3, 1)),
        "medium": (
            (1, 1, 1, 1),
            (1.5, 1.5, 1),
            (2, 1, 1),
            (1.5, 0.5, 2),
            (1, 1.5, 1.5),
            (0.5, 1, 1, 1, 0.5),
        ),
        "busy": (
            (0.5,) * 8,
            (1, 0.5, 0.5) * 2,
            (0.75, 0.75, 0.5) * 2,
            (0.5, 0.5, 1) * 2,
            (0.5, 0.25, 0.25) * 4,
        ),
    },
    3: {
        "sparse": ((3,), (2, 1)),
        "medium": ((1, 1, 1), (1.5, 1.5), (1, 2)),
        "busy": ((0.5,) * 6, (1, 0.5, 0.5, 0.5, 0.5)),
    },
}


def chords(
    rng: np.random.Generator, meter: int, density: str, roots: Sequence[int] | None = None
) -> list[PatternNote]:
    """Return block chords, one progression chord per bar, in a repeated rhythm."""
    _, voicings = _voicings(rng, roots)
    lengths = pick(rng, CHORD_RHYTHMS[meter][density])
    starts = np.cumsum((0,) + lengths[:-1]).tolist()
    return [
        PatternNote(meter * bar + at, length, tone, 1.0 if at == 0 else 0.8)
        for bar, tones in enumerate(voicings)
        for at, length in zip(starts, lengths)
        for tone in tones
    ]


def held_chords(
    rng: np.random.Generator, meter: int, density: str, roots: Sequence[int] | None = None
) -> list[PatternNote]:
    """Return long chords of one, two or half a bar each, over a bass note, as pads play."""
    roots, voicings = _voicings(rng, roots)
    length = pick(
        rng, {"sparse": (2 * meter, meter), "medium": (meter,), "busy": (meter / 2, meter)}[density]
    )
    bass = rng.random() < 0.6
    wide = rng.random() < 0.3
    notes = []
    for i in range(int(round(4 * meter / length))):
        root, tones = roots[i % 4], voicings[i % 4]
        tones = ([root - 7] if bass else []) + tones + ([tones[0] + 7] if wide else [])
        notes += [PatternNote(i * length, length, t) for t in tones]
    return notes


def strummed_chords(
    rng: np.random.Generator, meter: int, density: str, roots: Sequence[int] | None = None
) -> list[PatternNote]:
    """Return strummed chords of up to six notes; the notes of a stroke start one after another."""
    roots, voicings = _voicings(rng, roots)
    lengths = pick(rng, CHORD_RHYTHMS[meter][density])
    starts = np.cumsum((0,) + lengths[:-1]).tolist()
    notes = []
    for bar, (root, tones) in enumerate(zip(roots, voicings)):
        full = sorted({root - 7, *tones, tones[0] + 7, tones[1] + 7})
        for n, (at, length) in enumerate(zip(starts, lengths)):
            stroke = full if at == int(at) else full[::-1]
            notes += [
                PatternNote(
                    meter * bar + at + 0.03 * k, length - 0.03 * k, t, 1.0 if n == 0 else 0.75
                )
                for k, t in enumerate(stroke)
            ]
    return notes


def arpeggio(
    rng: np.random.Generator, meter: int, density: str, roots: Sequence[int] | None = None
) -> list[PatternNote]:
    """Return chord tones one after another: up, down, up and down, or in a random order."""
    _, voicings = _voicings(rng, roots)
    unit, shape = subdivision(rng, density), pick(rng, ("up", "down", "both", "drawn", "up"))
    octaves = int(pick(rng, (1, 2, 2, 3)))
    drawn = rng.permutation(3 * octaves).tolist()
    notes = []
    for bar, tones in enumerate(voicings):
        ladder = [t + 7 * o for o in range(octaves) for t in tones[:3]]
        ladder = {
            "up": ladder,
            "down": ladder[::-1],
            "both": ladder + ladder[-2:0:-1],
            "drawn": [ladder[i] for i in drawn],
        }[shape]
        for n in range(int(round(meter / unit))):
            notes.append(
                PatternNote(
                    meter * bar + n * unit,
                    unit,
                    ladder[n % len(ladder)],
                    1.0 if n % 4 == 0 else 0.75,
                )
            )
    return notes


BROKEN_CHORD_FIGURES = (
    (0, 2, 1, 2),
    (0, 1, 2, 1),
    (0, 2, 1, 3),
    (0, 1, 2, 3, 2, 1),
    (0, 2, 3, 2),
    (0, 1, 3, 2),
    (3, 2, 1, 0),
    (0, 3, 1, 3, 2, 3),
)


def broken_chords(
    rng: np.random.Generator, meter: int, density: str, roots: Sequence[int] | None = None
) -> list[PatternNote]:
    """Return a figure such as Alberti's (low, high, middle, high), often over a held bass note."""
    roots, voicings = _voicings(rng, roots)
    unit, figure = subdivision(rng, density), pick(rng, BROKEN_CHORD_FIGURES)
    bass = rng.random() < 0.5
    notes = []
    for bar, (root, tones) in enumerate(zip(roots, voicings)):
        four = tones[:3] + [tones[0] + 7]
        if bass:
            notes.append(PatternNote(meter * bar, meter, root - 7, 0.9))
        for n in range(int(round(meter / unit))):
            notes.append(
                PatternNote(
                    meter * bar + n * unit,
                    unit,
                    four[figure[n % len(figure)]],
                    0.95 if n % len(figure) == 0 else 0.75,
                )
            )
    return notes


def accompanied(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return a melody in the right hand over bass and chords in the left, as on a piano."""
    tune = melody(rng, meter, density)
    roots, voicings = _voicings(rng)
    style = pick(rng, ("held", "oom-pah", "broken", "broken"))
    figure, unit = pick(rng, BROKEN_CHORD_FIGURES), pick(rng, (0.5, 1.0))
    notes = [s._replace(degree=s.degree + 7, accent=min(1.0, s.accent + 0.1)) for s in tune]
    for bar, (root, tones) in enumerate(zip(roots, voicings)):
        low = [t - 7 for t in tones[:3]]
        if style == "held":
            notes += [PatternNote(meter * bar, meter, t, 0.65) for t in (root - 14, *low)]
        elif style == "oom-pah":
            for beat in range(meter):
                tones_now = [root - 14] if beat % (meter if meter == 3 else 2) == 0 else low
                notes += [PatternNote(meter * bar + beat, 0.8, t, 0.65) for t in tones_now]
        else:
            four = [root - 14] + low
            for n in range(int(round(meter / unit))):
                notes.append(
                    PatternNote(meter * bar + n * unit, unit, four[figure[n % len(figure)]], 0.65)
                )
    return sorted(notes)


BASS_RHYTHMS = {
    "sparse": ((4,), (2, 2), (3, 1), (2.5, 1.5)),
    "medium": (
        (1, 1, 1, 1),
        (1.5, 0.5, 1, 1),
        (1.5, 1.5, 1),
        (1.5, 0.5, 1.5, 0.5),
        (0.75, 0.75, 1, 0.5, 1),
    ),
    "busy": (
        (0.5,) * 8,
        (0.5, 0.25, 0.25) * 4,
        (0.75, 0.25, 0.5, 0.5) * 2,
        (0.75, 0.75, 0.5, 0.5, 0.5, 1),
        (0.25, 0.5, 0.25, 0.5, 0.5) * 2,
    ),
}
BASS_FIGURES = (
    (0,),
    (0, 7),
    (0, 4),
    (0, 0, 4, 7),
    (0, 4, 7, 4),
    (0, 2, 4, 5),
    (0, 0, 7, 6),
    (0, 4, 5, 7),
    (0, 2, 4, 2),
    (0, -3, 0, 4),
    (0, 7, 0, 6, 4),
)


def bass_line(
    rng: np.random.Generator, meter: int, density: str, roots: Sequence[int] | None = None
) -> list[PatternNote]:
    """Return roots, fifths and octaves under a progression, or a walk from root to root."""
    roots = roots or progression(rng)
    roots = [r - 7 if r > 3 else r for r in roots]
    if rng.random() < 0.25:
        notes = []
        for bar, root in enumerate(roots):
            target = roots[(bar + 1) % len(roots)]
            walk = [
                root,
                root + int(pick(rng, (2, 1, -1))),
                root + int(pick(rng, (4, 2, 3))),
                target + int(pick(rng, (1, -1))),
            ]
            notes += [PatternNote(meter * bar + b, 1, walk[b % 4], 0.9) for b in range(meter)]
        return notes
    lengths = pick(rng, BASS_RHYTHMS[density]) if meter == 4 else rhythm(rng, meter, density)
    starts = np.cumsum((0, *lengths[:-1])).tolist()
    figure = pick(rng, BASS_FIGURES)
    return [
        PatternNote(
            meter * bar + at, 0.9 * length, root + figure[n % len(figure)], 1.0 if at == 0 else 0.82
        )
        for bar, root in enumerate(roots)
        for n, (at, length) in enumerate(zip(starts, lengths))
    ]


POWER_RHYTHMS = (
    (0.5,) * 8,
    (4,),
    (2, 2),
    (1.5, 0.5, 2),
    (0.5, 0.25, 0.25) * 4,
    (0.25,) * 16,
    (1.5, 1.5, 1),
    (0.5, 0.5, 0.5, 0.5, 2),
    (0.75, 0.75, 0.5, 1, 1),
    (0.25, 0.25, 0.5) * 4,
)


def power_chords(rng: np.random.Generator, meter: int, density: str) -> list[PatternNote]:
    """Return power chords (root, fifth, octave), held or repeated; distortion keeps them clear."""
    lengths = pick(rng, POWER_RHYTHMS) if meter == 4 else rhythm(rng, 3, density)
    starts = np.cumsum((0, *lengths[:-1])).tolist()
    roots = [r - 7 if r > 2 else r for r in progression(rng)]
    full = rng.random() < 0.6
    return [
        PatternNote(
            meter * bar + at,
            (0.95 if length >= 1 else 0.6) * length,
            root + tone,
            1.0 if at == 0 else 0.85,
        )
        for bar, root in enumerate(roots)
        for at, length in zip(starts, lengths)
        for tone in ((0, 4, 7) if full else (0, 4))
    ]
