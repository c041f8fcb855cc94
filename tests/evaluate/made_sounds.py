"""Sounds with known answers, for the tests of the measures."""

import librosa
import numpy as np

from riffedu.signal import synth

SR, N = 44100, 225792
TIME = np.arange(N) / SR


def white(seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(N)


def strokes(times, rise: float = 0.0, seed: int = 0, fall: float = 0.05) -> np.ndarray:
    """Bursts of noise that take ``rise`` seconds to come and fade with time constant ``fall``."""
    shape = np.zeros(N)
    for t in times:
        u = TIME - t
        up = np.clip(u / rise, 0, 1) if rise else (u >= 0).astype(float)
        shape = np.maximum(shape, up * np.exp(-np.maximum(u - rise, 0) / fall))
    return shape * white(seed)


def stack(f0: float, off: float = 0.0, seed: int = 0, partials: int = 12) -> np.ndarray:
    """A tone whose k-th partial lies at k·f0, wrong by up to ``off`` of itself."""
    random = np.random.default_rng(seed)
    return synth.to_rms(
        sum(
            np.sin(2 * np.pi * k * f0 * (1 + off * random.uniform(-1, 1)) * TIME + k) / k**0.7
            for k in range(1, partials + 1)
        )
    )


def play(midi, seconds: float = 0.32, gap: float = 0.0) -> np.ndarray:
    """Notes one after another; a tuple sounds together; ten harmonics each."""
    parts = []
    for keys in midi:
        keys = keys if isinstance(keys, tuple) else (keys,)
        tone = sum(
            synth.harmonics(librosa.midi_to_hz(k), 0.6 ** np.arange(10), seconds) for k in keys
        )
        fade = synth.envelope(seconds, 0.01, 0.05, 0.7, 0.03)
        parts += [tone * fade[: len(tone)], np.zeros(int(gap * SR))]
    sound = np.concatenate(parts)
    return np.resize(sound, N)


def drums() -> np.ndarray:
    sound = np.zeros(N + SR)
    for beat, at in enumerate(np.arange(0, 5.1, 0.25)):
        hit = synth.kick() if beat % 4 == 0 else synth.snare() if beat % 4 == 2 else synth.hat()
        sound[int(at * SR) : int(at * SR) + len(hit)] += hit
    return sound[:N]


MELODY = (62, 64, 65, 67, 69, 70, 73, 74, 73, 70, 69, 67, 65, 64, 62, 69)
CHORDS = ((48, 55, 64, 67), (53, 57, 60, 65), (55, 59, 62, 67), (48, 55, 64, 72))


def pictures(count: int, seed: int) -> np.ndarray:
    """Notes here and there: dark lines of random place, length and strength."""
    random = np.random.default_rng(seed)
    drawn = np.full((count, 512, 512), 235.0)
    for one in drawn:
        for _ in range(25):
            row, column = random.integers(0, 500), random.integers(0, 480)
            length, strength = random.integers(20, 120), random.uniform(80, 200)
            one[row : row + 5, column : column + length] -= strength
    return drawn.clip(0, 255).astype(np.uint8)
