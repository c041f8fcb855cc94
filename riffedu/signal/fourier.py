"""Lesson 01b: the discrete Fourier transform, written out.

A sound is compared with sines, then wound round a circle, and the two turn out to be the same. The
rest of the course uses the fast algorithm, ``numpy.fft`` or ``torch.fft``, which gives the
same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.arrays import as_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def similarity(x: ArrayLike, hertz: float, sample_rate: float, phase: float = 0.0) -> float:
    """Compare a sound with a sine: multiply sample by sample, and average.

        s = (1/N) Σ_n x[n] · sin(2π f n / f_s + phase)

    ``x``: real, (samples,); ``phase`` in radians: 0 compares with a sine, π/2 with a cosine. A sine
    of amplitude a and the same phase gives a/2, one that is a quarter of a cycle away gives 0. That
    is exact for a whole number of cycles; otherwise the error is about a / (4π · cycles) at most.
    Raises RiffeduError for a sound that is empty or not mono. Notebook: 01b_fourier.

    >>> x = np.sin(2 * np.pi * 3 * np.arange(100) / 100)
    >>> round(similarity(x, 3, 100), 3), abs(round(similarity(x, 3, 100, np.pi / 2), 3))
    (0.5, 0.0)
    """
    x = _mono(x)
    n = np.arange(len(x))
    return float(np.mean(x * np.sin(2 * np.pi * hertz * n / sample_rate + phase)))


def wind(x: ArrayLike, hertz: float, sample_rate: float) -> np.ndarray:
    """Wind a sound round a circle: turn a pointer ``hertz`` times a second, as long as each sample.

        p[n] = x[n] · e^(−2πi f n / f_s)

    ``x``: (samples,). Returns complex, (samples,): the end of the pointer at each sample. It turns
    clockwise, hence the minus; a negative sample points the opposite way. Raises RiffeduError for a
    sound that is empty or not mono. Notebook: 01b_fourier.

    >>> wind([1, 1, 1, -1], 1, 4).round(3).tolist()
    [(1+0j), -1j, (-1-0j), -1j]
    """
    x = _mono(x)
    return x * np.exp(-2j * np.pi * hertz * np.arange(len(x)) / sample_rate)


def centre_of_mass(x: ArrayLike, hertz: ArrayLike, sample_rate: float) -> np.ndarray:
    """Average the wound sound, for each frequency: how much of it there is, and its phase.

        c(f) = (1/N) Σ_n x[n] · e^(−2πi f n / f_s)

    ``x``: (samples,); ``hertz``: a number or an array. Returns complex, in the shape of ``hertz``.
    The real part is the similarity with a cosine, the imaginary part minus that with a sine. A
    cosine of amplitude a and phase φ has |c| = a/2 at its frequency, and the angle φ. At
    f = k f_s / N it is `dft` (x)[k] / N. Raises RiffeduError for a sound that is empty or not mono.
    Notebook: 01b_fourier.

    >>> x = 0.6 * np.cos(2 * np.pi * 3 * np.arange(100) / 100)
    >>> np.abs(centre_of_mass(x, [2, 3, 4], 100)).round(3).tolist()
    [0.0, 0.3, 0.0]
    """
    hertz = np.asarray(hertz, np.float64)
    centres = [wind(x, f, sample_rate).mean() for f in hertz.flat]
    return np.array(centres, complex).reshape(hertz.shape)


def dft(x: ArrayLike) -> np.ndarray:
    """Compute the discrete Fourier transform (DFT) by two loops.

        X[k] = Σ_n x[n] · e^(−2πi k n / N),   k = 0 … N − 1

    ``x``: real or complex, (N,). Returns complex, (N,): entry k is for k cycles in N samples,
    k · f_s / N hertz. It takes N² multiplications: use it for short sounds; ``numpy.fft.fft`` gives
    the same numbers in about N log2 N. Raises RiffeduError for a sound that is empty or not
    mono. Notebook: 01b_fourier.

    >>> np.abs(dft([1, 0, -1, 0])).round(3).tolist()
    [0.0, 2.0, 0.0, 2.0]
    """
    x = _mono(x)
    N = len(x)
    X = np.zeros(N, complex)
    for k in range(N):
        for n in range(N):
            X[k] += x[n] * np.exp(-2j * np.pi * k * n / N)
    return X


def dft_matrix(N: int) -> np.ndarray:
    """Write the DFT of N samples as a matrix: ``dft(x)`` is ``dft_matrix(len(x)) @ x``.

        W[k, n] = e^(−2πi k n / N)

    Returns complex, (N, N). It is symmetric, and its inverse is its conjugate divided by N. Raises
    RiffeduError for N below 1. Notebook: 01b_fourier.

    >>> dft_matrix(2).real.tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
    if N < 1:
        raise RiffeduError(f"the matrix needs at least 1 sample, not {N}")
    n = np.arange(N)
    return np.exp(-2j * np.pi * np.outer(n, n) / N)


def idft(X: ArrayLike) -> np.ndarray:
    """Compute the inverse DFT: let every pointer turn back, and add them up.

        x[n] = (1/N) Σ_k X[k] · e^(+2πi k n / N)

    ``X``: complex, (N,). Returns complex, (N,); the imaginary parts are rounding errors if ``X`` is
    the transform of real samples. Raises RiffeduError for a spectrum that is empty or not one row.
    Notebook: 01b_fourier.

    >>> idft([0, 2, 0, 2]).real.round().astype(int).tolist()
    [1, 0, -1, 0]
    """
    X = _mono(X)
    N = len(X)
    n = np.arange(N)
    x = np.zeros(N, complex)
    for k in range(N):
        x += X[k] * np.exp(2j * np.pi * k * n / N)
    return x / N


def _mono(x: ArrayLike) -> np.ndarray:
    x = as_numbers(x)
    if x.ndim != 1 or not len(x):
        raise RiffeduError(
            f"expected a one-dimensional array with at least one number, not shape {x.shape}"
        )
    return x
