"""Lesson 01: sampling and quantisation, written out.

Aliases, interpolation between samples, the low-pass before decimation, and quantisation. The rest
of the course resamples with `riffedu.signal.audio.resample`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.arrays import as_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def alias(hertz: float, sample_rate: float) -> float:
    """Return the frequency of a sampled tone of ``hertz`` after aliasing, 0 to sample_rate / 2.

        f_alias = | f − f_s · round(f / f_s) |

    Both frequencies have the same samples, up to the sign. Source: Shannon,
    "Communication in the presence of noise", Proc. IRE 37 (1949). Notebook: 01_sound.

    >>> alias(5000, 8000)
    3000
    """
    if not sample_rate > 0:
        raise RiffeduError(f"a sample rate must be above 0 Hz, not {sample_rate}")
    return abs(hertz - sample_rate * round(hertz / sample_rate))


def sinc_interpolate(samples: ArrayLike, sample_rate: float, t: ArrayLike) -> np.ndarray:
    """Return values between samples, on the only curve without frequencies above f_s / 2.

        x(t) = Σ_n x[n] · sinc(f_s t − n),   sinc(u) = sin(πu) / (πu)

    ``samples``: (samples,), taken to be zero before and after; ``t``: times in seconds, (k,).
    Returns (k,). The cost is k · samples: use it for short sounds. Near the ends of a truncated
    tone it differs from the tone, since the samples beyond are missing. Source: Whittaker (1915),
    Shannon (1949). Notebook: 01_sound.

    >>> sinc_interpolate([0, 1, 0], 1, [0.5, 1]).round(3).tolist()
    [0.637, 1.0]
    """
    samples, t = np.asarray(samples, np.float64), np.asarray(t, np.float64)
    return np.sinc(sample_rate * t[:, None] - np.arange(len(samples))) @ samples


def low_pass(cutoff: float, sample_rate: float, taps: int = 255) -> np.ndarray:
    """Return the ``taps`` weights of a low-pass filter with its cutoff at ``cutoff`` Hz.

        h[n] = c · sinc(2 f_c / f_s · (n − (taps − 1) / 2)) · w[n],   Σ h = 1

    The sinc is the ideal low-pass, but infinite; w, the Kaiser window with β = 10, truncates it
    smoothly. The transition from 0 to −100 dB takes about 6.4 f_s / taps Hz around the cutoff.
    Apply it with ``np.convolve(x, h, "same")``. Source: Oppenheim and Schafer, "Discrete-time
    signal processing", 7.5. Notebook: 01_sound.

    >>> h = low_pass(1000, 8000)
    >>> len(h), round(float(h.sum()), 6)
    (255, 1.0)
    """
    if not 0 < cutoff < sample_rate / 2 or taps < 1:
        raise RiffeduError(f"the cutoff must lie between 0 and {sample_rate / 2} Hz, not {cutoff}")
    n = np.arange(taps) - (taps - 1) / 2
    h = np.sinc(2 * cutoff / sample_rate * n) * np.kaiser(taps, 10)
    return h / h.sum()


def decimate(x: ArrayLike, factor: int, filtered: bool = True) -> np.ndarray:
    """Keep every ``factor``-th sample of a sound, which divides its sample rate by ``factor``.

    ``filtered``: frequencies above the new Nyquist frequency are filtered out first (`low_pass` at
    0.45 of the new rate); otherwise they alias. ``x``: (samples,). Returns float32,
    (ceil(samples / factor),). Notebook: 01_sound.

    >>> decimate(np.ones(441), 3).shape
    (147,)
    """
    x = as_numbers(x).astype(np.float32)
    if x.ndim != 1 or factor != int(factor) or factor < 1:
        raise RiffeduError(
            f"decimate needs a mono sound and an integer factor of at least 1, not {factor}"
        )
    if filtered and factor > 1:
        x = np.convolve(x, low_pass(0.45 / factor, 1.0, 64 * factor + 1))[32 * factor :][: len(x)]
    return x[::factor].astype(np.float32)


def quantise(x: ArrayLike, bits: int, dither: bool = False, seed: int = 0) -> np.ndarray:
    """Quantise samples to the 2^bits values that ``bits`` bits can represent.

        y = q · round(x / q),   q = 2 / 2^bits,   −1 ≤ y ≤ 1 − q

    The error is at most q / 2, which for a full-scale sine gives a signal-to-noise ratio of about
    6.02 · bits + 1.76 dB. It depends on the sound and is heard as distortion, unless ``dither``
    adds noise before rounding (TPDF, the sum of two uniform numbers of one step): the error is then
    a steady hiss, 4.8 dB louder. Returns float32. Source: Lipshitz, Wannamaker and
    Vanderkooy, "Quantization and dither", J. Audio Eng. Soc. 40 (1992). Notebook: 01_sound.

    >>> quantise([0.3, 0.9], bits=2).tolist()
    [0.5, 0.5]
    """
    if not 1 <= bits <= 24:
        raise RiffeduError(f"bits must be a whole number from 1 to 24, not {bits}")
    q, steps = 2.0 / 2**bits, as_numbers(x).astype(np.float64) * 2**bits / 2
    if dither:
        steps = steps + np.random.default_rng(seed).uniform(-0.5, 0.5, (2, *steps.shape)).sum(0)
    return (q * np.clip(np.round(steps), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)).astype(
        np.float32
    )


def snr_db(x: ArrayLike, y: ArrayLike) -> float:
    """Return the signal-to-noise ratio in dB of y against x: 10 · log10(Σ x² / Σ (y − x)²).

    >>> round(snr_db([1, 1], [1.1, 0.9]), 1)
    20.0
    """
    x, y = (as_numbers(z).astype(np.float64) for z in (x, y))
    noise, signal = np.sum((y - x) ** 2), np.sum(x**2)
    if noise == 0:
        return np.inf
    return float(10 * np.log10(signal / noise)) if signal else -np.inf
