"""From a pattern to played notes: tempo, dynamics, pitch range, start and timing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..instruments import INSTRUMENTS
from ..music.draws import pick
from ..music.patterns import PatternNote
from ..music.theory import pitch
from ..render import SAMPLE_RATE

SAMPLES = 225792  # 512 columns of 441 samples: 5.12 s
SECONDS = SAMPLES / SAMPLE_RATE

ScoreNote = tuple[float, float, int, float]  # beat, length in beats, MIDI note, accent
PlayedNote = tuple[float, float, int, float]  # start s, end s, MIDI note, velocity


def draw_tempo(rng: np.random.Generator, low: float = 50, high: float = 180) -> float:
    """Draw a tempo in beats per minute: slow, medium and fast with equal probability."""
    thirds = ((50, 78), (78, 118), (118, 180))
    a, b = thirds[int(rng.integers(3))]
    return round_tempo(rng, float(np.clip(rng.uniform(a, b), low, high)))


def round_tempo(rng: np.random.Generator, bpm: float) -> float:
    """Round ``bpm`` for captions: to a multiple of 5 in 60 % of draws, else to an integer."""
    return float(5 * round(bpm / 5) if rng.random() < 0.6 else round(bpm))


def tempo_word(bpm: float) -> str:
    """Return ``slow`` below 80, ``fast`` from 120, else ``medium``."""
    return "slow" if bpm < 80 else "fast" if bpm >= 120 else "medium"


def draw_dynamics(rng: np.random.Generator) -> tuple[str, float]:
    """Draw a word for the dynamics and a mean MIDI velocity."""
    return pick(rng, (("soft", 48.0), ("medium", 78.0), ("medium", 88.0), ("loud", 112.0)))


def place_in_range(
    notes: Sequence[PatternNote],
    scale: str,
    name: str,
    rng: np.random.Generator,
    register: str,
    tonic: int | None = None,
) -> tuple[list[ScoreNote], int]:
    """Return pitches for a pattern, in the requested register of the instrument.

    Transposes by whole octaves and folds notes outside the instrument's range back into it.

    Returns ``[(beat, length, MIDI note, accent)]`` and the tonic's pitch class.
    """
    instrument = INSTRUMENTS[name]
    tonic = int(rng.integers(12)) if tonic is None else tonic
    share = {"low": 0.28, "middle": 0.48, "high": 0.70}[register]
    target = instrument.low + share * (instrument.high - instrument.low)
    pitches = [pitch(s.degree, scale, tonic) for s in notes]
    shift = 12 * round((target - float(np.mean(pitches))) / 12)
    placed = {}
    for s, p in zip(notes, pitches):
        p += shift
        while p < instrument.low:
            p += 12
        while p > instrument.high:
            p -= 12
        placed[(s.beat, p)] = (s.beat, s.length, p, s.accent)
    return sorted(placed.values()), tonic % 12


def register_word(pitches: Sequence[int]) -> str:
    """Return ``low`` below MIDI 52 on average, ``high`` from 73, else ``middle``."""
    mean = float(np.mean(pitches))
    return "low" if mean < 52 else "high" if mean >= 73 else "middle"


def perform(
    rng: np.random.Generator,
    notes: Sequence[ScoreNote],
    beats: float,
    bpm: float,
    start: float,
    lead_in: float,
    velocity: float,
    articulation: float = 0.95,
    tightness: float = 0.006,
) -> list[PlayedNote]:
    """Loop ``notes`` from beat ``start``, with small random deviations of timing and velocity.

    ``tightness`` is the standard deviation of the onsets in seconds.

    Returns ``[(start s, end s, MIDI note, velocity)]`` with time 0 at ``lead_in`` seconds before
    the clip.
    """
    second = 60.0 / bpm
    span = SECONDS + lead_in
    first = start - lead_in / second
    played = []
    for loop in range(int(np.floor(first / beats)), int((first + span / second) // beats) + 1):
        for beat, length, key, accent in notes:
            at = (loop * beats + beat - first) * second
            if -0.01 <= at < span:
                at = max(0.0, at + float(rng.normal(0, tightness)))
                held = max(0.04, articulation * length * second)
                played.append((at, at + held, key, velocity * accent + float(rng.normal(0, 4))))
    return played


def start_beat(rng: np.random.Generator, notes: Sequence[ScoreNote], beats: float) -> float:
    """Return the beat of the loop on which the clip begins: one with a note, usually a downbeat."""
    onsets = sorted({round(n[0] % beats, 4) for n in notes})
    whole = [b for b in onsets if abs(b - round(b)) < 1e-3]
    bar = beats / 4 if beats % 4 == 0 else 4
    downbeats = [b for b in whole if b % bar == 0]
    if rng.random() < 0.85 and downbeats:
        return pick(rng, downbeats)
    return pick(rng, whole or onsets)


SLOW_ATTACK = ("synth pad", "strings", "choir", "church organ", "brass")


def lead_in_seconds(rng: np.random.Generator, names: Sequence[str]) -> float:
    """Draw the seconds of music before the clip: usual for slow attacks, else in a quarter."""
    slow = any(n in SLOW_ATTACK for n in names)
    return float(rng.uniform(0.4, 1.0)) if rng.random() < (0.85 if slow else 0.25) else 0.0
