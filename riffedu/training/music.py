"""Programmed music: scales, rhythms, textures for one instrument, and grooves for a band.

Everything is drawn first as a *pattern* in scale degrees and beats, which says nothing about key,
tempo or instrument. Its fingerprint decides whether it may be heard in training, in validation or
in the test (`split_of`), so no test item is a transposed training item. Taught by notebook 14.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

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
SEVEN_NOTE = ("major", "major", "major", "minor", "minor", "minor", "dorian", "mixolydian",
              "harmonic minor", "phrygian")
ANY_SCALE = ("major",) * 6 + ("minor",) * 6 + (
    "dorian", "mixolydian", "harmonic minor", "major pentatonic", "major pentatonic",
    "minor pentatonic", "minor pentatonic", "blues", "blues", "whole tone", "hijaz")
KEYS = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")

PROGRESSIONS = (
    (0, 4, 5, 3), (0, 3, 4, 4), (0, 5, 3, 4), (5, 3, 0, 4), (1, 4, 0, 0), (0, 3, 0, 4),
    (0, 6, 5, 4), (0, 5, 2, 6), (0, 3, 6, 2), (0, 0, 3, 0), (0, 2, 3, 4), (3, 4, 0, 0),
    (0, 1, 4, 0), (0, 4, 0, 4), (0, 6, 3, 0), (2, 5, 1, 4), (0, 5, 1, 4), (3, 0, 4, 5),
    (0, 4, 3, 3), (0, 2, 5, 3), (0, 6, 5, 6), (0, 3, 5, 4), (0, 0, 5, 4), (0, 3, 1, 4),
)


class Step(NamedTuple):
    """One note of a pattern: when and how long in beats, which degree of the scale counted from
    the tonic (negative below), and how strong (about 0.5 to 1)."""

    beat: float
    length: float
    degree: int
    accent: float = 0.8


@dataclass(frozen=True)
class Pattern:
    """A loop of ``beats`` beats. ``steps`` are `Step`; ``texture`` names what it is."""

    texture: str
    beats: float
    steps: tuple[Step, ...]
    density: str = "medium"
    meter: int = 4

    @property
    def id(self) -> str:
        """Fingerprint of the degrees and the rhythm, the same in every key and tempo."""
        return fingerprint([(round(s.beat, 3), s.degree) for s in self.steps])


def fingerprint(content) -> str:
    """First 12 hex digits of the SHA-1 of ``repr(content)``."""
    return hashlib.sha1(repr(content).encode()).hexdigest()[:12]


def split_of(pattern_id: str) -> str:
    """``"train"`` (90 %), ``"validation"`` (4 %) or ``"test"`` (6 %), by hash of the pattern."""
    share = int(hashlib.sha1(("split " + pattern_id).encode()).hexdigest()[:8], 16) / 2**32
    return "train" if share < 0.90 else "validation" if share < 0.94 else "test"


def pitch(degree: int, scale: str, tonic: int) -> int:
    """MIDI note of a scale degree: tonic + 12 · octave + interval."""
    steps = SCALES[scale]
    octave, index = divmod(degree, len(steps))
    return tonic + 12 * octave + steps[index]


def pick(rng: np.random.Generator, options, weights=None):
    """One of ``options``, as the Python object that it is."""
    if weights is not None:
        weights = np.asarray(weights, dtype=float) / np.sum(weights)
    return options[int(rng.choice(len(options), p=weights))]


# ---------------------------------------------------------------- textures for one instrument

CELLS = {
    "sparse": ((2,), (1,), (1.5, 0.5), (3,), (1, 1), (2,)),
    "medium": ((1,), (0.5, 0.5), (0.75, 0.25), (1.5, 0.5), (0.5, 0.5), (1,), (0.5, 1, 0.5)),
    "busy": ((0.5, 0.5), (0.25,) * 4, (0.5, 0.25, 0.25), (0.25, 0.25, 0.5), (1 / 3,) * 3,
             (0.25, 0.5, 0.25)),
}


def rhythm(rng, beats: float, density: str) -> list[float]:
    """Note lengths that fill ``beats``, drawn from `CELLS`."""
    lengths: list[float] = []
    left = beats
    while left > 1e-6:
        cell = pick(rng, CELLS[density])
        if sum(cell) > left + 1e-6:
            cell = (1,) if left >= 1 - 1e-6 else (left,)
        lengths += cell
        left -= sum(cell)
    return lengths


def melody(rng, meter: int, density: str) -> list[Step]:
    """Four bars by a plan such as A A' B A: bars of one letter share rhythm and contour."""
    plan = pick(rng, ("AABA", "ABAC", "AABC", "ABAB", "AAAB"))
    steps, motifs, degree = [], {}, int(pick(rng, (0, 2, 4, 7)))
    for bar, letter in enumerate(plan):
        if letter not in motifs:
            lengths = rhythm(rng, meter, density)
            jumps = rng.choice([-4, -3, -2, -1, -1, -1, 0, 1, 1, 1, 2, 3, 4],
                               size=len(lengths)).tolist()
            motifs[letter] = (lengths, jumps)
            start = degree
        else:
            start = int(pick(rng, (0, 1, 2, 4, -1)))
        lengths, jumps = motifs[letter]
        degree, at = start, 0.0
        for length, jump in zip(lengths, jumps):
            steps.append(Step(meter * bar + at, length, degree, 1.0 if at == 0 else 0.8))
            degree += jump
            if not -3 <= degree <= 9:
                degree -= 2 * jump
            at += length
    steps[-1] = steps[-1]._replace(degree=int(pick(rng, (0, 7, 4))))
    return steps


def progression(rng) -> tuple[int, ...]:
    """Four chord roots (degrees): a well-known loop, at times begun later or held on one chord."""
    chords = pick(rng, PROGRESSIONS)
    turn = int(pick(rng, (0, 0, 1, 2)))
    return chords[turn:] + chords[:turn]


def chord(root: int, seventh: bool = False, base: int = -2) -> list[int]:
    """Degrees of the triad (or seventh chord) on ``root``, folded to lie from ``base`` up."""
    tones = [root, root + 2, root + 4] + ([root + 6] if seventh else [])
    return sorted((t - base) % 7 + base for t in tones)


def _chord_tools(rng, roots=None):
    roots = roots or progression(rng)
    seventh = bool(rng.random() < 0.2)
    base = int(pick(rng, (-3, -2, -1, 0, 1)))
    return roots, [chord(r, seventh, base) for r in roots]


CHORD_RHYTHMS = {
    4: {"sparse": ((4,), (4,), (2, 2), (3, 1)),
        "medium": ((1, 1, 1, 1), (1.5, 1.5, 1), (2, 1, 1), (1.5, 0.5, 2), (1, 1.5, 1.5),
                   (0.5, 1, 1, 1, 0.5)),
        "busy": ((0.5,) * 8, (1, 0.5, 0.5) * 2, (0.75, 0.75, 0.5) * 2, (0.5, 0.5, 1) * 2,
                 (0.5, 0.25, 0.25) * 4)},
    3: {"sparse": ((3,), (2, 1)),
        "medium": ((1, 1, 1), (1.5, 1.5), (1, 2)),
        "busy": ((0.5,) * 6, (1, 0.5, 0.5, 0.5, 0.5))},
}


def chords(rng, meter: int, density: str, roots=None) -> list[Step]:
    """Block chords, one progression chord a bar, in a repeated rhythm."""
    _, voicings = _chord_tools(rng, roots)
    lengths = pick(rng, CHORD_RHYTHMS[meter][density])
    starts = np.cumsum((0,) + lengths[:-1]).tolist()
    return [Step(meter * bar + at, length, tone, 1.0 if at == 0 else 0.8)
            for bar, tones in enumerate(voicings)
            for at, length in zip(starts, lengths) for tone in tones]


def held_chords(rng, meter: int, density: str, roots=None) -> list[Step]:
    """Long chords of one, two or half a bar each, with a bass note below, as pads play."""
    roots, voicings = _chord_tools(rng, roots)
    length = pick(rng, {"sparse": (2 * meter, meter), "medium": (meter,),
                        "busy": (meter / 2, meter)}[density])
    bass = rng.random() < 0.6
    wide = rng.random() < 0.3
    steps = []
    for i in range(int(round(4 * meter / length))):
        root, tones = roots[i % 4], voicings[i % 4]
        tones = ([root - 7] if bass else []) + tones + ([tones[0] + 7] if wide else [])
        steps += [Step(i * length, length, t) for t in tones]
    return steps


def strummed_chords(rng, meter: int, density: str, roots=None) -> list[Step]:
    """Chords of five or six strings; later strings of a stroke sound a little later."""
    roots, voicings = _chord_tools(rng, roots)
    lengths = pick(rng, CHORD_RHYTHMS[meter][density])
    starts = np.cumsum((0,) + lengths[:-1]).tolist()
    steps = []
    for bar, (root, tones) in enumerate(zip(roots, voicings)):
        full = sorted({root - 7, *tones, tones[0] + 7, tones[1] + 7})
        for n, (at, length) in enumerate(zip(starts, lengths)):
            stroke = full if at == int(at) else full[::-1]
            steps += [Step(meter * bar + at + 0.03 * k, length - 0.03 * k, t,
                           1.0 if n == 0 else 0.75) for k, t in enumerate(stroke)]
    return steps


def _subdivision(rng, density: str) -> float:
    return pick(rng, {"sparse": (1.0, 0.5), "medium": (0.5, 1 / 3, 0.5), "busy": (0.25,)}[density])


def arpeggio(rng, meter: int, density: str, roots=None) -> list[Step]:
    """Chord tones one after another: up, down, up and down, or in a drawn order."""
    _, voicings = _chord_tools(rng, roots)
    unit, shape = _subdivision(rng, density), pick(rng, ("up", "down", "both", "drawn", "up"))
    octaves = int(pick(rng, (1, 2, 2, 3)))
    drawn = rng.permutation(3 * octaves).tolist()
    steps = []
    for bar, tones in enumerate(voicings):
        ladder = [t + 7 * o for o in range(octaves) for t in tones[:3]]
        ladder = {"up": ladder, "down": ladder[::-1], "both": ladder + ladder[-2:0:-1],
                  "drawn": [ladder[i] for i in drawn]}[shape]
        for n in range(int(round(meter / unit))):
            steps.append(Step(meter * bar + n * unit, unit, ladder[n % len(ladder)],
                              1.0 if n % 4 == 0 else 0.75))
    return steps


BROKEN = ((0, 2, 1, 2), (0, 1, 2, 1), (0, 2, 1, 3), (0, 1, 2, 3, 2, 1), (0, 2, 3, 2), (0, 1, 3, 2),
          (3, 2, 1, 0), (0, 3, 1, 3, 2, 3))


def broken_chords(rng, meter: int, density: str, roots=None) -> list[Step]:
    """A figure such as Alberti's (low, high, middle, high), often over a held bass note."""
    roots, voicings = _chord_tools(rng, roots)
    unit, figure = _subdivision(rng, density), pick(rng, BROKEN)
    bass = rng.random() < 0.5
    steps = []
    for bar, (root, tones) in enumerate(zip(roots, voicings)):
        four = tones[:3] + [tones[0] + 7]
        if bass:
            steps.append(Step(meter * bar, meter, root - 7, 0.9))
        for n in range(int(round(meter / unit))):
            steps.append(Step(meter * bar + n * unit, unit, four[figure[n % len(figure)]],
                              0.95 if n % len(figure) == 0 else 0.75))
    return steps


def accompanied(rng, meter: int, density: str) -> list[Step]:
    """A tune in the right hand over bass and chords in the left: the piano's daily bread."""
    tune = melody(rng, meter, density)
    roots, voicings = _chord_tools(rng)
    style = pick(rng, ("held", "oom-pah", "broken", "broken"))
    figure, unit = pick(rng, BROKEN), pick(rng, (0.5, 1.0))
    steps = [s._replace(degree=s.degree + 7, accent=min(1.0, s.accent + 0.1)) for s in tune]
    for bar, (root, tones) in enumerate(zip(roots, voicings)):
        low = [t - 7 for t in tones[:3]]
        if style == "held":
            steps += [Step(meter * bar, meter, t, 0.65) for t in (root - 14, *low)]
        elif style == "oom-pah":
            for beat in range(meter):
                tones_now = [root - 14] if beat % (meter if meter == 3 else 2) == 0 else low
                steps += [Step(meter * bar + beat, 0.8, t, 0.65) for t in tones_now]
        else:
            four = [root - 14] + low
            for n in range(int(round(meter / unit))):
                steps.append(Step(meter * bar + n * unit, unit, four[figure[n % len(figure)]],
                                  0.65))
    return sorted(steps)


def ostinato(rng, meter: int, density: str) -> list[Step]:
    """One bar (or two) said again and again."""
    bars = int(pick(rng, (1, 1, 2)))
    lengths = rhythm(rng, meter * bars, "medium" if density == "sparse" else density)
    tones = pick(rng, ((0, 2, 4), (0, 4, 7), (0, 1, 2), (0, 4, 5), (0, 2, 4, 6), (0, 3, 4, 7)))
    at, steps = 0.0, []
    for length in lengths:
        steps.append(Step(at, length, int(pick(rng, tones)), 1.0 if at == 0 else 0.8))
        at += length
    return [s._replace(beat=s.beat + meter * bars * k) for k in range(4 // bars) for s in steps]


def repeated_note(rng, meter: int, density: str) -> list[Step]:
    """One pitch in a rhythm; it may move with each bar."""
    lengths = rhythm(rng, meter, density)
    starts = np.cumsum([0] + lengths[:-1]).tolist()
    degrees = pick(rng, ((0, 0, 0, 0), (0, 0, 0, 0), progression(rng)))
    return [Step(meter * bar + at, 0.8 * length, degree, 1.0 if at == 0 else 0.75)
            for bar, degree in enumerate(degrees) for at, length in zip(starts, lengths)]


def long_notes(rng, meter: int, density: str) -> list[Step]:
    """Slow single notes, a half or a whole bar or two each."""
    steps, at, degree = [], 0.0, 0
    while at < 4 * meter:
        length = min(pick(rng, (meter, meter, meter / 2, 2 * meter)), 4 * meter - at)
        steps.append(Step(at, length, degree))
        degree = int(np.clip(degree + pick(rng, (-3, -2, -1, 1, 2, 3, 4)), -3, 8))
        at += length
    return steps


def scale_run(rng, meter: int, density: str) -> list[Step]:
    """Up and down the scale, now and then in thirds."""
    unit = _subdivision(rng, density)
    span, thirds = int(pick(rng, (5, 7, 8, 10, 14))), rng.random() < 0.25
    down_first = rng.random() < 0.5
    ladder = list(range(span + 1)) + list(range(span - 1, 0, -1))
    ladder = [-d + span for d in ladder] if down_first else ladder
    if thirds:
        ladder = [x for d in ladder for x in (d, d + 2)]
    hold = float(pick(rng, (1, 1, 2)))
    steps, at, n = [], 0.0, 0
    while at < 4 * meter - 1e-6:
        turn = ladder[n % len(ladder)] in (0, span) and n % len(ladder) != 0
        length = min(unit * (hold if turn else 1), 4 * meter - at)
        steps.append(Step(at, length, ladder[n % len(ladder)], 0.85))
        at, n = at + length, n + 1
    return steps


def glissando(rng, meter: int, density: str) -> list[Step]:
    """The harp's sweep over two or three octaves, then a chord."""
    steps, direction = [], 1
    span, unit = int(pick(rng, (14, 17, 21))), pick(rng, (1 / 8, 1 / 6, 1 / 8))
    rest = float(pick(rng, (0, 1, 2)))
    at = 0.0
    while at < 4 * meter:
        for k in range(span):
            degree = k if direction > 0 else span - 1 - k
            steps.append(Step(at, 3 * unit, degree - 7, 0.6 + 0.3 * k / span))
            at += unit
        at += rest
        direction *= pick(rng, (-1, -1, 1))
    return [s for s in steps if s.beat < 4 * meter]


BASS_RHYTHMS = {
    "sparse": ((4,), (2, 2), (3, 1), (2.5, 1.5)),
    "medium": ((1, 1, 1, 1), (1.5, 0.5, 1, 1), (1.5, 1.5, 1), (1.5, 0.5, 1.5, 0.5),
               (0.75, 0.75, 1, 0.5, 1)),
    "busy": ((0.5,) * 8, (0.5, 0.25, 0.25) * 4, (0.75, 0.25, 0.5, 0.5) * 2,
             (0.75, 0.75, 0.5, 0.5, 0.5, 1), (0.25, 0.5, 0.25, 0.5, 0.5) * 2),
}
BASS_FIGURES = ((0,), (0, 7), (0, 4), (0, 0, 4, 7), (0, 4, 7, 4), (0, 2, 4, 5), (0, 0, 7, 6),
                (0, 4, 5, 7), (0, 2, 4, 2), (0, -3, 0, 4), (0, 7, 0, 6, 4))


def bass_line(rng, meter: int, density: str, roots=None) -> list[Step]:
    """Roots, fifths and octaves under a progression, or a walk from root to root."""
    roots = roots or progression(rng)
    roots = [r - 7 if r > 3 else r for r in roots]
    if rng.random() < 0.25:
        steps = []
        for bar, root in enumerate(roots):
            target = roots[(bar + 1) % len(roots)]
            walk = [root, root + int(pick(rng, (2, 1, -1))), root + int(pick(rng, (4, 2, 3))),
                    target + int(pick(rng, (1, -1)))]
            steps += [Step(meter * bar + b, 1, walk[b % 4], 0.9) for b in range(meter)]
        return steps
    lengths = pick(rng, BASS_RHYTHMS[density]) if meter == 4 else rhythm(rng, meter, density)
    starts = np.cumsum((0, *lengths[:-1])).tolist()
    figure = pick(rng, BASS_FIGURES)
    return [Step(meter * bar + at, 0.9 * length, root + figure[n % len(figure)],
                 1.0 if at == 0 else 0.82)
            for bar, root in enumerate(roots)
            for n, (at, length) in enumerate(zip(starts, lengths))]


POWER_RHYTHMS = ((0.5,) * 8, (4,), (2, 2), (1.5, 0.5, 2), (0.5, 0.25, 0.25) * 4, (0.25,) * 16,
                 (1.5, 1.5, 1), (0.5, 0.5, 0.5, 0.5, 2), (0.75, 0.75, 0.5, 1, 1),
                 (0.25, 0.25, 0.5) * 4)


def power_chords(rng, meter: int, density: str) -> list[Step]:
    """Root, fifth, octave, held or chugged: what distortion takes without turning to mud."""
    lengths = pick(rng, POWER_RHYTHMS) if meter == 4 else rhythm(rng, 3, density)
    starts = np.cumsum((0, *lengths[:-1])).tolist()
    roots = [r - 7 if r > 2 else r for r in progression(rng)]
    full = rng.random() < 0.6
    return [Step(meter * bar + at, (0.95 if length >= 1 else 0.6) * length, root + tone,
                 1.0 if at == 0 else 0.85)
            for bar, root in enumerate(roots) for at, length in zip(starts, lengths)
            for tone in ((0, 4, 7) if full else (0, 4))]


def riff(rng, meter: int, density: str) -> list[Step]:
    """A low, catchy one-bar figure that keeps coming back to its root."""
    lengths = rhythm(rng, meter, "busy" if density == "busy" else "medium")
    at, steps = 0.0, []
    for length in lengths:
        degree = 0 if rng.random() < 0.5 else int(pick(rng, (-1, 1, 2, 3, 4, 6, 7)))
        steps.append(Step(at, 0.85 * length, degree, 1.0 if degree == 0 else 0.85))
        at += length
    return [s._replace(beat=s.beat + meter * bar) for bar in range(4) for s in steps]


def fanfare(rng, meter: int, density: str) -> list[Step]:
    """Dotted calls on the notes of one chord."""
    steps, at = [], 0.0
    cells = ((0.75, 0.25), (1 / 3,) * 3, (0.5, 0.5), (1,), (0.5, 0.25, 0.25), (2,))
    while at < 4 * meter - 1e-6:
        degree = int(pick(rng, (0, 2, 4, 4, 7, 7, 9)))
        for length in pick(rng, cells):
            if at < 4 * meter - 1e-6:
                steps.append(Step(at, 0.85 * length, degree, 0.95))
                at += length
    return steps


def drone(rng, meter: int, density: str) -> list[Step]:
    """A melody over a tonic and fifth that never stop (bagpipe), or are struck anew (sitar)."""
    tune = melody(rng, meter, "medium" if density == "sparse" else density)
    every = float(pick(rng, (meter, 2 * meter, meter)))
    low = [Step(at, every, d, 0.6) for at in np.arange(0, 4 * meter, every).tolist()
           for d in (0, 4)]
    return sorted([s._replace(degree=s.degree + 7) for s in tune] + low)


def drum_line(rng, meter: int, density: str) -> list[Step]:
    """Tonic and dominant strokes of a kettledrum."""
    lengths = rhythm(rng, 2 * meter, density)
    steps, at = [], 0.0
    for length in lengths:
        steps.append(Step(at, length, int(pick(rng, (0, 0, -3, 0, 4))), 1.0 if at == 0 else 0.8))
        at += length
    return [s._replace(beat=s.beat + 2 * meter * k) for k in range(2) for s in steps]


def roll(rng, meter: int, density: str) -> list[Step]:
    """A roll that swells, then a stroke; on one or two pitches."""
    beats, unit = int(pick(rng, (2, 3, 4, 6, 8))), pick(rng, (1 / 8, 1 / 6))
    degree, steps, at = 0, [], 0.0
    while at < 4 * meter:
        count = int(beats / unit)
        steps += [Step(at + k * unit, unit, degree, 0.45 + 0.5 * k / count) for k in range(count)]
        steps.append(Step(at + beats, 1.0, degree, 1.0))
        at += beats + 1
        degree = int(pick(rng, (0, -3, 4)))
    return [s for s in steps if s.beat < 4 * meter]


TEXTURES = {
    "melody": melody, "chords": chords, "held chords": held_chords,
    "strummed chords": strummed_chords, "arpeggio": arpeggio, "broken chords": broken_chords,
    "accompanied": accompanied, "ostinato": ostinato, "repeated note": repeated_note,
    "long notes": long_notes, "scale run": scale_run, "glissando": glissando,
    "bass line": bass_line, "power chords": power_chords, "riff": riff, "fanfare": fanfare,
    "drone": drone, "drum line": drum_line, "roll": roll,
}
CHORDAL = ("chords", "held chords", "strummed chords", "arpeggio", "broken chords", "accompanied",
           "bass line", "power chords", "drone", "drum line", "fanfare")


def draw_pattern(rng, texture: str, density: str | None = None, meter: int | None = None,
                 **options) -> Pattern:
    """A pattern of the named texture; four bars of three or four beats. ``options`` go to the
    texture (``roots``: the progression to follow)."""
    meter = meter or int(pick(rng, (4, 4, 4, 4, 3)))
    density = density or pick(rng, ("sparse", "medium", "medium", "busy"))
    steps = TEXTURES[texture](rng, meter, density, **options)
    beats = 4 * meter
    steps = tuple(sorted(s._replace(length=max(0.05, s.length)) for s in steps))
    return Pattern(texture, beats, steps, density, meter)


def settle(steps, roots, bar_beats: float) -> list[Step]:
    """Moves the notes of a tune that fall on strong beats to the nearest tone of their chord."""
    settled = []
    for s in steps:
        if s.beat % 2 == 0:
            root = roots[int(s.beat // bar_beats) % len(roots)]
            options = [d for d in range(s.degree - 3, s.degree + 4) if (d - root) % 7 in (0, 2, 4)]
            s = s._replace(degree=min(options, key=lambda d: abs(d - s.degree)))
        settled.append(s)
    return settled


# ---------------------------------------------------------------- grooves

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


_HATS8 = ("x.x.x.x.x.x.x.x.", "X.x.X.x.X.x.X.x.")
_MINOR_LOOPS = ((0, 0, 0, 0), (0, 0, 5, 6), (0, 5, 6, 0), (0, 6, 5, 6), (0, 0, 3, 0), (0, 3, 0, 4))

STYLES: dict[str, Style] = {
    "rock": Style(
        tempo=(100, 150), kits=(0, 16, 8),
        drums=(
            {"kick": "x.....?.x.x....?", "snare": "....X.......X...", "hat": _HATS8},
            {"kick": "x.x.....x.?.....", "snare": "....X.......X..?", "hat": _HATS8},
            {"kick": "x.....x...x...?.", "snare": "....X.......X...",
             "ride": ("x.x.x.x.x.x.x.x.", "x...x.x.x...x.x."), "pedal": "....x.......x..."},
            {"kick": "x..x..x.?.x.....", "snare": "....X.......X...",
             "open": "x...x...x...x..."}),
        bass=("r.r.r.r.r.r.r.r.", "r-.r..r-r-.r..f-", "r---..r-r---f-o-", "r-r-r-r-r-r-f-s-"),
        comp=("x-x-x-x-x-x-x-x-", "X-----x-X---x---", "X---x-x---x-x---", "X---------------",
              "x-.x-.x-x-.x-.x-"),
        bass_instruments=("electric bass",), comp_instruments=("distorted guitar",
                                                               "distorted guitar",
                                                               "electric guitar", "rock organ"),
        lead_instruments=("electric guitar", "distorted guitar", "rock organ"),
        scales=("minor", "major", "mixolydian", "dorian"), comp_texture="power"),
    "metal": Style(
        tempo=(140, 180), kits=(16, 0),
        drums=(
            {"kick": "xxxxxxxxxxxxxxxx", "snare": "....X.......X...", "crash": "x...............",
             "ride": "x...x...x...x..."},
            {"kick": "x.xxx.xxx.xxx.x?", "snare": "....X.......X...",
             "open": "x...x...x...x..."},
            {"kick": "x.x.x.x.x.x.x.x.", "snare": ".x.x.x.x.x.x.x.x",
             "ride": "x.x.x.x.x.x.x.x."},
            {"kick": "x..xx.?.x..xx.?.", "snare": "........X.......",
             "crash": "x...x...x...x..."}),
        bass=("rrrrrrrrrrrrrrrr", "r.rrr.rrr.rrr.rr", "r..rr...r..rr..."),
        comp=("xxxxxxxxxxxxxxxx", "x.xxx.xxx.xxx.xx", "x..xx...x..xx...", "X-xxX-xxX-xxX-xx"),
        bass_instruments=("electric bass",), comp_instruments=("distorted guitar",),
        lead_instruments=("distorted guitar",), lead=0.25, lead_density="busy",
        scales=("minor", "phrygian", "harmonic minor"),
        progressions=((0, 0, 5, 6), (0, 0, 1, 0), (0, 5, 6, 0), (0, 0, 0, 1), (0, 2, 1, 0)),
        comp_texture="power"),
    "techno": Style(
        tempo=(122, 140), kits=(24, 25), one_shots=0.5,
        drums=(
            {"kick": "X...X...X...X...", "open": "..x...x...x...x.",
             "clap": ("....x.......x...", "................"), "hat": "?.??.??.?.??.?.?"},
            {"kick": "X...X...X...X...", "hat": "xxxxxxxxxxxxxxxx",
             "rim": ("..?..x....?..x..", "...x..x....x..?.")},
            {"kick": "X...X...X...X..?", "open": "..x...x...x...x.", "tom3": "?..?..?...?..x..",
             "hat": "x.xxx.xxx.xxx.xx"}),
        bass=("..r...r...r...r.", "r.rr.rr.r.rr.rr.", ".rrr.rrr.rrr.rrr", "r..r..r..r..r.r.",
              "rrorrrorrrorrrot"),
        comp=("x..x..x.........", "....x..x....x...", "X---------------", "..x...x...x...x."),
        bass_instruments=("synth bass",), comp_instruments=("synth lead", "synth pad"),
        lead_instruments=("synth lead",), scales=("minor", "phrygian", "dorian"),
        progressions=_MINOR_LOOPS, lead=0.3, lead_density="busy"),
    "house": Style(
        tempo=(116, 128), kits=(24, 25, 0), one_shots=0.5,
        drums=(
            {"kick": "X...X...X...X...", "clap": "....X.......X...",
             "open": "..X...X...X...X.", "shaker": ("x.xxx.xxx.xxx.xx", "................")},
            {"kick": "X...X...X...X...", "snare": "....X.......X..?",
             "open": "..X...X...X...X.", "hat": "x?.xx?.xx?.xx?.x",
             "conga1": "?..?..?..?..?.?."},
            {"kick": "X...X...X...X.?.", "clap": "....X.......X...",
             "open": "..X...X...X...X.", "tambourine": "....x..?....x..?"}),
        bass=("..r...r...r..rs.", "r..r..r...r.r...", "r.....r..r....o.", "..r-..r-..r-..f-"),
        comp=("x-.x-.x-..x-.x..", "..x-..x-..x-..x-", "x-.x-.x-.x-.x-x-", "X-------X--X----"),
        bass_instruments=("synth bass", "electric bass"),
        comp_instruments=("piano", "electric piano", "rock organ", "synth pad"),
        lead_instruments=("saxophone", "synth lead", "strings"), seventh=0.6,
        scales=("minor", "dorian", "major"),
        progressions=((0, 3, 0, 3), (0, 6, 5, 6), (5, 3, 0, 4), (0, 3, 6, 2), (1, 4, 0, 5))),
    "disco": Style(
        tempo=(110, 126), kits=(0, 8, 16),
        drums=(
            {"kick": "x...x...x...x...", "snare": "....X.......X...",
             "open": "..X...X...X...X.", "hat": "x.?.x.?.x.?.x.?."},
            {"kick": "x...x...x...x..?", "snare": "....X.......X..g",
             "hat": "xx.xxx.xxx.xxx.x", "open": "..X...X...X...X."},
            {"kick": "x...x...x...x...", "snare": "....X.......X...", "clap": "....x.......x...",
             "tambourine": "x.xxx.xxx.xxx.xx", "open": "..X...X...X...X."}),
        bass=("r.o.r.o.r.o.r.o.", "r.oor.oor.oor.oo", "r.o.r.o.f.o.s.o.", "r..or.o.r..or.f."),
        comp=("..xx..xx..xx..xx", ".xx..xx..xx..xx.", "x..x..x.x..x..x.", "X-------X-------"),
        bass_instruments=("electric bass", "slap bass"),
        comp_instruments=("electric guitar", "strings", "electric piano", "electric guitar"),
        lead_instruments=("strings", "brass", "strings"), lead=0.5, seventh=0.4,
        scales=("minor", "dorian", "major")),
    "hip hop": Style(
        tempo=(76, 98), kits=(25, 24, 0), one_shots=0.5, swing=0.22,
        drums=(
            {"kick": "x..?..x..xx.....", "snare": "....X.......X...", "hat": _HATS8},
            {"kick": "x.....?x..x...?.", "snare": "....X..g....X...",
             "hat": "x.xxx.x.x.xxx.x?"},
            {"kick": "x..x......x..x..", "clap": "....X.......X...",
             "hat": "xxxxxxxxxxx.xxxx"},
            {"kick": "x.......x.x..?..", "snare": "....X.......X..g", "hat": "x.x.x.x.x.x.x.x.",
             "open": "......x.......?."}),
        bass=("r------.r-......", "r--.....r-r-....", "r-----r-......o-", "r..r......r..r.."),
        comp=("x---....x---....", "X---------------", "x-..x-..x-..x-..", "..x-....x-..x-.."),
        bass_instruments=("synth bass", "electric bass", "double bass"),
        comp_instruments=("electric piano", "piano", "strings", "vibraphone", "harp"),
        lead_instruments=("flute", "vibraphone", "saxophone", "trumpet"), lead=0.25, seventh=0.5,
        scales=("minor", "dorian", "harmonic minor"),
        progressions=_MINOR_LOOPS + ((0, 5, 3, 4),)),
    "funk": Style(
        tempo=(92, 116), kits=(0, 8),
        drums=(
            {"kick": "x..x...?..x..x..", "snare": "....X..g.g..X..g",
             "hat": "xxxxxxxxxxxxxxxx"},
            {"kick": "x.x....x..x.?...", "snare": "....X..g.g.gX..?",
             "hat": "x.xxx.xxx.xxx.xx", "open": "..............x."},
            {"kick": "x..?..x.x..x....", "snare": "....X.g..g..X.g.",
             "hat": "x.x.x.x.x.x.x.x.", "cowbell": "x...x...x...x..."}),
        bass=("r..o.r.s.r..o.r.", "r..r..o...sr.f..", "r.r...os.rr...f.", "r...r.or..r.o.sf"),
        comp=("..x..x.x..xx..x.", "xx.x..x.xx.x..x.", "....x..x....x.x.", "x..x..x..x..x.x."),
        bass_instruments=("slap bass", "slap bass", "electric bass"),
        comp_instruments=("electric guitar", "electric guitar", "rock organ", "electric piano"),
        lead_instruments=("brass", "saxophone", "trumpet", "brass"), lead=0.45, seventh=0.7,
        scales=("dorian", "mixolydian"), lead_density="busy",
        progressions=((0, 0, 0, 0), (0, 0, 3, 0), (0, 3, 0, 3), (0, 0, 6, 3))),
    "reggae": Style(
        tempo=(70, 86), kits=(0, 8), swing=0.12,
        drums=(
            {"kick": "....X.......X...", "rim": "....X.......X...", "hat": _HATS8},
            {"kick": "x...x...x...x...", "rim": "....X..?....X...",
             "hat": "x.xxx.x.x.xxx.x."},
            {"kick": "....X.......X..?", "snare": "....X.......X..?",
             "hat": "..x...x...x...x.", "conga2": "?...?.x.....?.xx"}),
        bass=("r-.rr-f-..t-r-..", "....r-t-f-..r-..", "r--.r-..f-t-r...", "r-.r..r-.f-.t-r-"),
        comp=("..x...x...x...x.", "..xx..xx..xx..xx", "..X...X...X...X."),
        bass_instruments=("electric bass",),
        comp_instruments=("electric guitar", "rock organ", "piano", "electric guitar"),
        lead_instruments=("harmonica", "trombone", "rock organ", "saxophone"), lead=0.3,
        progressions=((0, 3, 0, 3), (0, 4, 3, 3), (0, 1, 0, 1), (0, 5, 3, 4), (0, 3, 4, 3))),
    "bossa nova": Style(
        tempo=(120, 152), kits=(40, 32, 0), beats=8,
        drums=(
            {"kick": "x..xx..xx..xx..x", "rim": "x..x..x...x..x..", "hat": "xxxxxxxxxxxxxxxx"},
            {"kick": "x..xx..xx..xx..x", "rim": "x..x...x..x...x?", "shaker": "X.xxX.xxX.xxX.xx"},
            {"kick": "x...x...x...x...", "rim": "..x..x..x..x..?.",
             "cabasa": "xxxxxxxxxxxxxxxx", "pedal": "..x...x...x...x."}),
        bass=("r-.ff-.rr-.ff-.r", "r--.f--.r--.f--.", "r-.rf-.fr-.rf-.o"),
        comp=("x..x..x...x..x..", "x-..x-.x-..x-.x-", "x.x..x.x..x.x..x", "..x-.x-..x-.x-.."),
        bass_instruments=("double bass", "electric bass"),
        comp_instruments=("acoustic guitar", "acoustic guitar", "acoustic guitar", "piano"),
        lead_instruments=("flute", "saxophone", "vibraphone", "clarinet"), lead=0.5, seventh=1.0,
        scales=("major", "major", "minor", "dorian"),
        progressions=((0, 5, 1, 4), (0, 1, 4, 0), (2, 5, 1, 4), (0, 0, 1, 4), (1, 4, 0, 5))),
    "jazz": Style(
        tempo=(116, 180), kits=(32, 40), steps=12,
        drums=(
            {"ride": "x..x.xx..x.x", "pedal": "...x.....x..", "kick": "g..g..g..g..",
             "snare": ".....?..?..."},
            {"ride": "x..x.xx..x.x", "pedal": "...x.....x..", "snare": "..?.....?..g",
             "kick": "........?..."},
            {"ride": "x..x.xx..x.x", "pedal": "...x.....x..", "rim": ".........X..",
             "snare": "?....?......", "kick": "?.........?."},
            {"hat": "x..x.xx..x.x", "snare": "g.gX.gg.gX.g", "kick": "x.....x....."}),
        bass=("walk", "walk", "walk", "r-----f-----"),
        comp=("x----x......", "..x..x...x..", "x-...x-.....", ".....x-....x", "x..........x"),
        bass_instruments=("double bass",),
        comp_instruments=("piano", "piano", "electric guitar", "vibraphone"),
        lead_instruments=("saxophone", "saxophone", "trumpet", "clarinet", "trombone",
                          "vibraphone"), lead=0.55, seventh=1.0,
        scales=("major", "dorian", "minor", "mixolydian"),
        progressions=((1, 4, 0, 0), (0, 5, 1, 4), (2, 5, 1, 4), (1, 4, 0, 5), (0, 3, 2, 5))),
    "blues": Style(
        tempo=(66, 116), kits=(0, 8, 32), steps=12,
        drums=(
            {"kick": "x.....x....?", "snare": "...X.....X..", "hat": "x.xx.xx.xx.x"},
            {"kick": "x....?x.....", "snare": "...X.....X.?", "ride": "x.xx.xx.xx.x",
             "pedal": "...x.....x.."},
            {"kick": "x..?..x..?..", "snare": "...X.....X..", "hat": "xxxxxxxxxxxx"}),
        bass=("r.rt.tf.ft.t", "r--t--f--t--", "r.rr.rf.fs.f", "r.rf.fs.sf.f"),
        comp=("x.xx.xx.xx.x", "x--..x--..x-", "...x.....x..", "x-----x-----", "..x..x..x..x"),
        bass_instruments=("electric bass", "double bass"),
        comp_instruments=("electric guitar", "piano", "rock organ", "acoustic guitar"),
        lead_instruments=("harmonica", "electric guitar", "saxophone", "distorted guitar"),
        lead=0.55, seventh=0.8, scales=("mixolydian",),
        progressions=((0, 0, 0, 0), (3, 3, 0, 0), (4, 3, 0, 4), (0, 3, 0, 0), (0, 3, 0, 4))),
    "drum and bass": Style(
        tempo=(162, 180), kits=(0, 24, 16), one_shots=0.4,
        drums=(
            {"kick": "X.........X.....", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X.........X..?..", "snare": "....X..g.g..X..g", "hat": "xxx.xxx.xxx.xxx."},
            {"kick": "X.X.......XX....", "snare": "....X..x.x..X...", "ride": "x.x.x.x.x.x.x.x."},
            {"kick": "X..?......X.....", "snare": "....X..x.?..X...",
             "hat": "x.xxx.xxx.xxx.xx"}),
        bass=("r---------r-----", "r-----r---s-----", "r-..r-....r-o-..", "r-------------f-"),
        comp=("X---------------", "X---------------", "x-..........x-..", "..x-..x-........"),
        bass_instruments=("synth bass",),
        comp_instruments=("synth pad", "strings", "electric piano", "choir"),
        lead_instruments=("synth lead", "piano", "vibraphone"), lead=0.25, seventh=0.5,
        scales=("minor", "dorian"), progressions=_MINOR_LOOPS),
    "waltz": Style(
        tempo=(96, 176), kits=(40, 0, 48), steps=12, beats=3, drum_share=0.4,
        drums=(
            {"kick": "x...........", "hat": "....x...x..."},
            {"kick": "x.......?...", "snare": "....g...g...", "ride": "x...x...x..."},
            {"kick": "x...........", "snare": "....x...x.?.", "triangle": "x..........."},
            {"kick": "x...........", "rim": "....x...x...", "hat": "x.?.x.?.x.?."}),
        bass=("r---........", "r-----------", "r---....f---"),
        comp=("....x-..x-..", "....x-..x-..", "....x.x.x.x.", "x-x-x-x-x-x-"),
        bass_instruments=("double bass", "cello"),
        comp_instruments=("piano", "accordion", "strings", "harp", "acoustic guitar"),
        lead_instruments=("violin", "accordion", "clarinet", "flute", "strings", "oboe"),
        lead=0.85, scales=("major", "major", "minor", "harmonic minor"),
        progressions=((0, 0, 4, 0), (0, 3, 4, 0), (0, 4, 4, 0), (0, 5, 1, 4), (0, 4, 0, 4))),
    "march": Style(
        tempo=(100, 128), kits=(48, 0, 16, 56),
        drums=(
            {"kick": "X...x...X...x...", "snare": "..xx..xx..xxxxxx", "crash": "x.......?......."},
            {"kick": "X.......X.......", "snare": "X.xxX.xxX.xxXxxx",
             "crash": "....x.......x..."},
            {"kick": "X...x...X...x...", "snare": "x.x.x.xxx.x.xxxx"},
            {"kick": "X...x...X...x..?", "snare": "x.xxxxx.x.xxxxx.",
             "crash": "x..............."}),
        bass=("r-..f-..r-..f-..", "r-..f-..r-..t-f-", "r---f---r---f---"),
        comp=("..x-..x-..x-..x-", "....x-......x-..", "x-..x-x-x-..x---"),
        bass_instruments=("trombone", "double bass"),
        comp_instruments=("french horn", "brass", "brass", "clarinet"),
        lead_instruments=("trumpet", "flute", "brass", "trumpet", "recorder"), lead=0.85,
        scales=("major", "major", "major", "minor"),
        progressions=((0, 0, 4, 0), (0, 3, 4, 0), (0, 4, 4, 0), (0, 3, 0, 4))),
    "ambient": Style(
        tempo=(50, 80), drums=(), drum_share=0.0,
        bass=("r---------------",),
        comp=("X---------------",),
        bass_instruments=("synth bass", "cello", "double bass"),
        comp_instruments=("synth pad", "strings", "choir", "synth pad"),
        lead_instruments=("piano", "vibraphone", "harp", "electric piano", "music box", "flute",
                          "kalimba", "electric guitar"),
        lead=0.6, lead_density="sparse", seventh=0.5,
        scales=("major", "minor", "dorian", "mixolydian"), comp_texture="pad"),
    "salsa": Style(
        tempo=(160, 180), kits=(0, 8), beats=8,
        drums=(
            {"clave": "x..x..x...x.x...", "cowbell": "x.xxx.xxx.xxx.xx",
             "conga1": "..x...x...x...x.", "conga2": "......xx......xx"},
            {"clave": "..x.x...x..x..x.", "conga3": "..x...x...x...x.",
             "conga2": "......xx......xx", "shaker": "xxxxxxxxxxxxxxxx",
             "cowbell": "X...X...X...X..."},
            {"cowbell": "X.x.X.xxX.x.X.x?", "conga1": "x.x...x.x.x...x.",
             "conga2": "......xx......xx", "kick": "...x...x...x...x", "rim": "..x...x..?..x..."}),
        bass=("...f--r-...f--r-", "r..f--r-...f--o-"),
        comp=("x.xx.x.xx.x.x.xx", "xx.x.x.xx.xx.x.x", "x.x..x.xx.x..x.x"),
        bass_instruments=("double bass", "electric bass"), comp_instruments=("piano",),
        lead_instruments=("trumpet", "brass", "trombone", "flute"), lead=0.5,
        scales=("minor", "major", "mixolydian"), comp_texture="octaves",
        progressions=((0, 3, 4, 3), (0, 0, 4, 4), (0, 6, 5, 4), (0, 3, 4, 0))),
    "country": Style(
        tempo=(92, 132), kits=(0, 40, 8),
        drums=(
            {"kick": "x.......x.......", "snare": "ggXgggXgggXgggXg"},
            {"kick": "x...x...x...x...", "snare": "..X...X...X...X.", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x.......x.?.....", "rim": "....X.......X...", "shaker": "x.xxx.xxx.xxx.xx"},
            {"kick": "x.......x.......", "snare": "g.XgggXgg.XgggXx"}),
        bass=("r---....f---....", "r-..f-..r-..f-..", "r---r---f---t---"),
        comp=("....x-......x-..", "..x-..x-..x-..x-", "x-x-x-xxx-x-x-xx", "..xx..xx..xx..xx"),
        bass_instruments=("double bass", "electric bass"),
        comp_instruments=("acoustic guitar", "banjo", "acoustic guitar"),
        lead_instruments=("banjo", "harmonica", "violin", "electric guitar"), lead=0.6,
        scales=("major", "major", "mixolydian", "major pentatonic"),
        progressions=((0, 3, 0, 4), (0, 0, 4, 0), (0, 3, 4, 0), (0, 4, 0, 0))),
}


class Hit(NamedTuple):
    """One drum stroke: beat, voice of `instruments.DRUM_KEYS`, strength 0 to 1."""

    beat: float
    voice: str
    strength: float


@dataclass
class Groove:
    """A drawn band pattern: hits for the kit and steps (in degrees) for each role."""

    style: str
    beats: float
    hits: list[Hit] = field(default_factory=list)
    roles: dict[str, list[Step]] = field(default_factory=dict)
    id: str = ""


STRENGTH = {"x": 0.8, "X": 1.0, "g": 0.35}
FILLS = ("tttt", "s.ss", "ssss", "s.t.", "st.t")


def _resolve(rng, row) -> str:
    row = row if isinstance(row, str) else pick(rng, row)
    return "".join(("x" if rng.random() < 0.5 else ".") if c == "?" else c for c in row)


def _colour(rng, style: Style, rows: dict) -> dict:
    """Small changes that real drummers make: a dropped or added kick or hat, a ghost note."""
    rows = {voice: list(row) for voice, row in rows.items()}
    for voice in ("kick", "hat", "open", "ride", "conga1", "shaker", "cowbell"):
        if voice in rows and rng.random() < 0.3:
            at = int(rng.integers(1, style.steps))
            on = rows[voice][at] != "."
            if not (voice == "kick" and at % 4 == 0):
                rows[voice][at] = "." if on else ("g" if voice == "kick" else "x")
    if "snare" in rows and rng.random() < 0.3:
        at = int(rng.integers(1, style.steps))
        if rows["snare"][at] == ".":
            rows["snare"][at] = "g"
    return {voice: "".join(row) for voice, row in rows.items()}


def _drum_bars(rng, style: Style) -> list[dict]:
    """Four bars of rows: one pattern, its answer in every second bar, now and then a fill."""
    rows = pick(rng, style.drums)
    first = _colour(rng, style, {v: _resolve(rng, r) for v, r in rows.items()})
    second = first
    if rng.random() < 0.5:
        second = dict(first, **{v: _resolve(rng, rows[v]) for v in list(rows)[:2]})
    bars = [dict(first), dict(second), dict(first), dict(second)]
    if rng.random() < 0.35:
        n, fill = style.steps, pick(rng, FILLS)
        cut = n - n // 4 * int(pick(rng, (1, 1, 2)))
        last = {v: r[:cut] + "." * (n - cut) for v, r in bars[3].items()}
        for k in range(cut, n):
            kind = fill[(k - cut) % 4]
            voice = {"s": "snare", "t": ("tom1", "tom2", "tom3")[3 * (k - cut) // (n - cut)],
                     ".": None}[kind]
            if voice:
                row = last.setdefault(voice, "." * n)
                last[voice] = row[:k] + "x" + row[k + 1:]
        bars[3] = last
        bars[0].setdefault("crash", "x" + "." * (n - 1))
    return bars


def _row_notes(row: str, unit: float) -> list[tuple[float, float, str]]:
    """(beat, length, letter) of a bass or chord row; ``-`` holds the note before it."""
    notes: list[list] = []
    for n, c in enumerate(row):
        if c == "-" and notes and abs(notes[-1][0] + notes[-1][1] - n * unit) < 1e-6:
            notes[-1][1] += unit
        elif c not in ".-":
            notes.append([n * unit, unit, c])
    return [tuple(note) for note in notes]


def draw_groove(rng, name: str, drums: bool = True, band: bool = True) -> Groove:
    """Four bars of a style. With ``drums`` the kit's pattern alone decides the fingerprint, so a
    band and a drum solo on the same pattern always land in the same split."""
    style = STYLES[name]
    unit = style.beats / style.steps
    groove = Groove(name, 4 * style.beats)

    def swung(n: int) -> float:
        return (n + (style.swing if n % 2 else 0.0)) * unit

    bars = _drum_bars(rng, style) if drums and style.drums else []
    for bar, rows in enumerate(bars):
        groove.hits += [Hit(bar * style.beats + swung(n), voice, STRENGTH[c])
                        for voice, row in rows.items() for n, c in enumerate(row) if c != "."]
    if band:
        _draw_roles(rng, style, groove, unit)
    grid = [sorted(rows.items()) for rows in bars]
    roles = [] if bars else [(r, [(s.beat, s.degree) for s in steps])
                             for r, steps in groove.roles.items()]
    groove.id = fingerprint((name, grid, roles))
    return groove


def _draw_roles(rng, style: Style, groove: Groove, unit: float) -> None:
    roots = pick(rng, style.progressions)
    seventh = bool(rng.random() < style.seventh)
    base = int(pick(rng, (-2, -1, 0)))
    bass_row, comp_row = pick(rng, style.bass), pick(rng, style.comp)
    bass, comp = [], []
    for bar, root in enumerate(roots):
        start = bar * style.beats
        low = root - 7 if root > 3 else root
        if bass_row == "walk":
            target = roots[(bar + 1) % 4]
            target = target - 7 if target > 3 else target
            walk = [low, low + int(pick(rng, (1, 2, -1, 4))), low + int(pick(rng, (4, 2, 3, 7))),
                    target + int(pick(rng, (1, -1)))]
            bass += [Step(start + b, 0.9, walk[b], 0.9) for b in range(4)]
        else:
            up = {"r": 0, "o": 7, "f": 4, "t": 2, "s": 6}
            bass += [Step(start + at, 0.92 * length, low + up[c], 0.9)
                     for at, length, c in _row_notes(bass_row, unit)]
        tones = {"power": [low, low + 4, low + 7],
                 "octaves": None}.get(style.comp_texture, chord(root, seventh, base))
        for n, (at, length, c) in enumerate(_row_notes(comp_row, unit)):
            now = tones
            if tones is None:  # montuno: octaves and inner notes take turns
                three = chord(root, False, base)
                now = [three[0], three[0] + 7] if n % 2 == 0 else [three[1], three[2]]
            comp += [Step(start + at, 0.92 * length, t, 1.0 if c == "X" else 0.85) for t in now]
    groove.roles["bass"], groove.roles["comp"] = bass, comp
    meter = style.beats if style.beats in (3, 4) else 4
    tune = melody(rng, meter, style.lead_density)
    repeats = int(round(groove.beats / (4 * meter)))
    lead = [s._replace(beat=s.beat + 4 * meter * k) for k in range(repeats) for s in tune]
    groove.roles["lead"] = settle(lead, roots, style.beats)
