"""The sounds of notebooks/01b_fourier.ipynb: chords of pure tones."""

from __future__ import annotations

import numpy as np

from riffedu.signal.audio import fade
from riffedu.signal.synth import sine

RATE = 8000
"""Samples per second of every sound in this lesson."""
KEYS = {
    "C": 262,
    "C♯": 277,
    "D": 294,
    "D♯": 311,
    "E": 330,
    "F": 349,
    "F♯": 370,
    "G": 392,
    "G♯": 415,
    "A": 440,
    "A♯": 466,
    "B": 494,
}
"""The keys from middle C upwards, in hertz, rounded to whole numbers."""
LOW = 330
UPPER = (349, 415, 494, 660)
"""The four chords of exercise 4: each has the low note and one of the upper ones."""


def three_notes(seconds: float = 1.0) -> np.ndarray:
    """Return a chord of three pure tones with one amplitude, 0.1, and three phases: (samples,)."""
    parts = ((262, 0.0), (330, np.pi / 2), (392, -0.9))
    return np.sum([sine(f, seconds, RATE, 0.1, phase) for f, phase in parts], axis=0)


def order() -> dict[str, int]:
    """Return the upper note of each chord of exercise 4, by its letter."""
    drawn = np.random.default_rng(22).permutation(UPPER)
    return {letter: int(f) for letter, f in zip("ABCD", drawn)}


def two_notes() -> dict[str, np.ndarray]:
    """Return four chords, A to D, of 330 Hz and one more note each, one second long."""
    turns = np.random.default_rng(16).uniform(0, 2 * np.pi, (4, 2))
    chords = {}
    for (letter, upper), (low, high) in zip(order().items(), turns):
        both = sine(LOW, 1.0, RATE, 0.1, low) + sine(upper, 1.0, RATE, 0.1, high)
        chords[letter] = fade(both, RATE, 0.02, 0.02)
    return chords
