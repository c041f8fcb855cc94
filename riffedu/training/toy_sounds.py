"""Eight sounds synthesised by formula: the data set of the toy model, without recordings.

Taught in lesson 14.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from riffedu.signal import synth
from riffedu.signal.audio import set_level

RATE, SECONDS = 44100, 5.12
SAMPLES = round(RATE * SECONDS)
SCALE = (0, 3, 5, 7, 10)  # minor pentatonic, in semitones


def _at(onsets: np.ndarray, sound: Callable[[], np.ndarray]) -> np.ndarray:
    """Place a new sound at each onset in seconds; what rings past the end is cut."""
    made = np.zeros(SAMPLES, np.float32)
    for onset in onsets:
        begin = round(onset * RATE)
        one = sound()[: SAMPLES - begin]
        made[begin : begin + len(one)] += one
    return made


def _beats(random: np.random.Generator, slow: float, fast: float) -> np.ndarray:
    """Onsets of a steady beat of ``slow`` to ``fast`` beats a second."""
    period = 1 / random.uniform(slow, fast)
    return np.arange(random.uniform(0, period), SECONDS, period)


def _note(random: np.random.Generator, low: float, octaves: int = 1) -> float:
    """The frequency in Hz of a note of the scale, ``octaves`` from ``low`` on."""
    steps = SCALE[random.integers(5)] + 12 * random.integers(octaves)
    return float(low * 2 ** (steps / 12))


def drum(random: np.random.Generator) -> np.ndarray:
    """Return a bass drum on every beat."""
    return _at(_beats(random, 1.5, 3), synth.kick)


def cymbal(random: np.random.Generator) -> np.ndarray:
    """Return a hi-hat, four to eight times a second."""
    return _at(_beats(random, 4, 8), lambda: synth.hat(seed=int(random.integers(1 << 30))))


def string(random: np.random.Generator) -> np.ndarray:
    """Return a plucked string: a melody of the pentatonic scale."""
    return _at(_beats(random, 2, 4), lambda: synth.pluck(_note(random, 220, 2), 1.5))


def voice(random: np.random.Generator) -> np.ndarray:
    """Return a voice that sings vowels."""
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < SAMPLES:
        name, seconds = random.choice(list("aeiou")), float(random.uniform(0.3, 0.8))
        sung = synth.vowel(name, _note(random, 110), seconds)
        parts.append(sung * synth.envelope(seconds, 0.03, 0.05, 0.8, 0.08))
    return np.concatenate(parts)[:SAMPLES]


def wind(random: np.random.Generator) -> np.ndarray:
    """Return pink noise that swells and falls."""
    t = synth.times(SECONDS)
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * (random.uniform(0.2, 0.6) * t + random.random()))
    return synth.noise(SECONDS, colour="pink", seed=int(random.integers(1 << 30))) * swell


def siren(random: np.random.Generator) -> np.ndarray:
    """Return a tone that glides up and down."""
    t = synth.times(SECONDS)
    turns = random.uniform(0.3, 0.8) * t + random.random()
    path = random.uniform(600, 900) * 2 ** (0.6 * np.sin(2 * np.pi * turns))
    return synth.harmonics(path, [1], SECONDS)


def organ(random: np.random.Generator) -> np.ndarray:
    """Return held chords of three notes with odd and even overtones."""
    chords: list[np.ndarray] = []
    for _ in range(4):
        root = _note(random, 130)
        notes = [root, root * 2 ** (random.choice([3, 4]) / 12), root * 2 ** (7 / 12)]
        parts = [1, 0.8, 0.6, 0.5, 0, 0.3, 0, 0.3]
        chords.append(sum(synth.harmonics(f, parts, SECONDS / 4) for f in notes))  # type: ignore
    return np.resize(np.concatenate(chords), SAMPLES)


def clock(random: np.random.Generator) -> np.ndarray:
    """Return clicks, eight to sixteen a second."""
    return synth.impulses(random.uniform(8, 16), SECONDS)


SOUNDS = {
    "a bass drum": drum,
    "a cymbal": cymbal,
    "a plucked string": string,
    "a singing voice": voice,
    "wind": wind,
    "a siren": siren,
    "an organ": organ,
    "a ticking clock": clock,
}


def make_sounds(each: int, seed: int = 0) -> tuple[list[np.ndarray], list[str]]:
    """Return ``each`` clips of every sound, all different: waveforms and captions.

    A waveform is float32 ``(225792,)``, 5.12 s at 44.1 kHz, at an RMS of −20 dBFS. The same seed
    gives the same clips.
    """
    waveforms, captions = [], []
    for number, (caption, make) in enumerate(SOUNDS.items()):
        for index in range(each):
            random = np.random.default_rng([seed, number, index])
            waveforms.append(set_level(np.asarray(make(random), np.float32)))
            captions.append(caption)
    return waveforms, captions
