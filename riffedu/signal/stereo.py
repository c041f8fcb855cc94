"""Lesson 12: stereo from mono, and what is left when it is played in mono."""

from __future__ import annotations

import math

import numpy as np

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.signal.arrays import Array, as_waveform

WIDTH, BURST, LOWEST = 0.5, 0.03, 200.0
"""Default width; length of the noise burst in seconds; lowest frequency of the side, in Hz."""


def widen(waveform: Array, sample_rate: int, width: float = WIDTH, seed: int = 0) -> np.ndarray:
    """Make a mono sound stereo: shape (samples,) → (2, samples).

        L = m + s,   R = m − s,   s = width · RMS(m) · h ∗ m / RMS(h ∗ m)

    h is a decaying burst of noise of 30 ms without bass: it scrambles the phases of ``m``, and its
    spectrum is flat on average, though it varies by some dB from one narrow band to the next. The
    mean of L and R is ``m`` itself, so nothing is lost in mono. With s uncorrelated to m, the
    correlation of L and R is (1 − width²) / (1 + width²). Frequencies below 200 Hz stay in the
    middle. ``width`` is 0 (mono) to 1 (uncorrelated channels). Notebook: 12_editing.

    >>> sweep = np.sin(np.arange(44100) ** 1.3 / 500)
    >>> stereo = widen(sweep, 44100)
    >>> stereo.shape, bool(np.abs(stereo.mean(0) - sweep).max() < 1e-6)
    ((2, 44100), True)
    """
    from scipy.signal import fftconvolve

    middle = as_waveform(waveform)
    if middle.ndim != 1:
        raise RiffeduError("widen needs a mono sound, of shape (samples,)")
    width = limits.number("width", width, 0, 1)
    burst = noise_burst(sample_rate, seed)
    return from_side(middle, fftconvolve(middle, burst)[: len(middle)], width)


def noise_burst(sample_rate: int, seed: int = 0) -> np.ndarray:
    """Return h of `widen`: 30 ms of decaying noise without bass, of energy 1.

    >>> h = noise_burst(44100)
    >>> len(h), round(float(np.sum(h**2)), 6)
    (1323, 1.0)
    """
    from scipy.signal import butter, sosfilt

    size = max(1, round(BURST * sample_rate))
    random = np.random.default_rng(limits.seed_of(seed))
    burst = random.standard_normal(size) * np.exp(-3 * np.arange(size) / size)
    burst = sosfilt(butter(2, LOWEST, "highpass", fs=sample_rate, output="sos"), burst)
    return burst / np.linalg.norm(burst)


def from_side(middle: Array, side: Array, width: float = WIDTH) -> np.ndarray:
    """Join a middle and a side: L = m + s, R = m − s, with RMS(s) = width · RMS(m).

    What ``side`` has in common with ``middle`` is removed from it first (s ⟂ m), so that both
    channels are equally loud. A silent side gives mono. Raises RiffeduError for different lengths.

    >>> from_side([1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0], 0.5)[0].tolist()
    [1.5, -0.5, 0.5, -1.5]
    """
    m, s = (as_waveform(x).astype(np.float64) for x in (middle, side))
    if m.ndim != 1 or m.shape != s.shape:
        raise RiffeduError(
            f"middle and side must be mono and equally long, not {m.shape} and {s.shape}"
        )
    s = s - m * (float(m @ s) / max(float(m @ m), 1e-30))
    rms, own = math.sqrt(np.mean(m**2)), math.sqrt(np.mean(s**2))
    s = s * (width * rms / own) if own > 1e-9 * max(rms, 1e-30) else 0 * s
    return np.stack([m + s, m - s]).astype(np.float32)


def stereo_width(waveform: Array) -> tuple[float, float]:
    """Return the correlation of two channels and the width, RMS(L − R) / RMS(L + R).

    Correlation 1 and width 0 are mono; correlation 0 is two independent sounds; below 0, parts
    cancel when the sound is played in mono. Both are nan for silence. Raises RiffeduError unless
    there are two channels.

    >>> stereo_width([[1.0, -1.0], [1.0, -1.0]])
    (1.0, 0.0)
    """
    sound = as_waveform(waveform).astype(np.float64)
    if sound.ndim != 2 or len(sound) != 2:
        raise RiffeduError("stereo_width needs two channels, of shape (2, samples)")
    left, right = sound
    power = math.sqrt((left @ left) * (right @ right))
    both = np.sum((left + right) ** 2)
    apart = np.sum((left - right) ** 2)
    if not power:
        return math.nan, math.nan
    return float(left @ right / power), math.sqrt(apart / both) if both else math.inf
