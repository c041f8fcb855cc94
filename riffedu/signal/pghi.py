"""Lesson 06: phase gradient heap integration, phases computed from magnitudes."""

from __future__ import annotations

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.arrays import Array, Window, as_tensor
from riffedu.signal.phase import _check_magnitude, random_phases
from riffedu.signal.stft import get_window


def pghi(
    magnitude: Array,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: Window = "hann",
    tolerance: float = 1e-3,
    seed: int = 0,
) -> Array:
    """Compute phases from magnitudes without iterations (phase gradient heap integration).

    `phase_slopes` gives the change of phase from one bin to the next, along time and along
    frequency. `integrate` sums these changes along paths through the loudest bins, where they are
    most reliable. Bins below ``tolerance`` · the loudest get random phases from ``seed``.

    ``magnitude``: real ≥ 0, shape (…, n_fft // 2 + 1, columns), of centred frames as `stft` makes
    them. Returns the complex spectrum, as a torch or NumPy array like ``magnitude``. The phases are
    right up to a constant where a frame contains one sine or one click; where sounds overlap they
    are a good start.

    Raises RiffeduError for magnitudes of another shape or a tolerance outside (0, 1). Source:
    Průša, Balazs and Søndergaard, "A noniterative method for reconstruction of phase from STFT
    magnitude", IEEE/ACM Trans. ASLP 25 (2017). Notebook: 06_beyond_griffin_lim.

    >>> pghi(np.random.default_rng(0).random((33, 8)), 64, 16).shape
    (33, 8)
    """
    import torch

    magnitude, give_back = as_tensor(magnitude)
    _check_magnitude(magnitude, n_fft)
    if not 0 < tolerance < 1:
        raise RiffeduError(f"pghi needs a tolerance between 0 and 1, not {tolerance}")
    phases = random_phases(magnitude, seed)
    flat = (-1, *magnitude.shape[-2:])
    for picture, guess in zip(magnitude.reshape(flat), phases.reshape(flat), strict=True):
        for start in range(0, picture.shape[-1], 1024):  # so that memory does not grow with length
            part = np.ascontiguousarray(picture[:, start : start + 1024].numpy())
            slopes = phase_slopes(part, n_fft, hop_length, win_length, window)
            phase, known = integrate(part, *slopes, tolerance)
            turned = torch.from_numpy(np.exp(1j * phase[known])).to(guess.dtype)
            guess[:, start : start + 1024][torch.from_numpy(known)] = turned
    return give_back(phases * magnitude)


def phase_slopes(
    magnitude: np.ndarray,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: Window = "hann",
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate the phase difference to the next column and to the next row, in radians.

        along time:       2π hop k / n_fft + c / log(W(0) / W(1)) · ∂ log magnitude / ∂k
        along frequency: −2π centre / n_fft − c / log(w(0) / w(hop)) · ∂ log magnitude / ∂t

    with c = π hop / n_fft and the derivative ∂f/∂k = (f[k + 1] − f[k − 1]) / 2 per row, likewise
    ∂f/∂t per column; both are averaged over the two bins of a step. At a peak, row k turns with
    its own frequency, beside it with that of the peak; likewise in time with a click. The window w
    determines the curvature of a peak: how far w falls from its ``centre`` in one hop, and how far
    its transform W falls in one row. Exact for a Gaussian; for others near the peaks, where the
    sound is.

    ``magnitude``: (rows, columns). Returns arrays (rows, columns − 1) and (rows − 1, columns).
    Source: Portnoff, "Magnitude-phase relationships for short-time Fourier transforms based on
    Gaussian analysis windows", ICASSP (1979). Notebook: 06_beyond_griffin_lim.

    >>> along_time, along_frequency = phase_slopes(np.ones((33, 8)), 64, 16)
    >>> along_time.shape, along_frequency.shape
    ((33, 7), (32, 8))
    """
    win_length = win_length or n_fft
    w = get_window(window, win_length).numpy().astype(np.float64)
    n = np.arange(win_length) - win_length / 2
    centre = (n_fft - win_length) // 2 + win_length / 2
    falls_in_a_row = _fall(w.sum(), w @ np.cos(2 * np.pi * n / n_fft))
    falls_in_a_hop = _fall(w[win_length // 2], w[min(win_length // 2 + hop_length, win_length - 1)])
    c = np.pi * hop_length / n_fft

    log = np.log(np.maximum(magnitude, max(1e-10 * magnitude.max(), 1e-30)))
    time, frequency = np.zeros_like(log), np.zeros_like(log)
    time[1:-1] = (log[2:] - log[:-2]) / 2 * (c / falls_in_a_row)
    time += np.arange(len(log), dtype=log.dtype)[:, None] * (2 * np.pi * hop_length / n_fft)
    frequency[:, 1:-1] = (log[:, 2:] - log[:, :-2]) / 2 * (-c / falls_in_a_hop)
    frequency -= 2 * np.pi * centre / n_fft
    return (time[:, 1:] + time[:, :-1]) / 2, (frequency[1:] + frequency[:-1]) / 2


def _fall(top: float, beside: float) -> float:
    return np.log(top / max(beside, 1e-3 * top)) if top > 1.0001 * beside else np.inf


def integrate(
    magnitude: np.ndarray,
    along_time: np.ndarray,
    along_frequency: np.ndarray,
    tolerance: float = 1e-3,
) -> tuple[np.ndarray, np.ndarray]:
    """Sum phase differences along the loudest paths; return (phase, mask of bins that have one).

    Many paths lead to a bin, and their sums differ where the slopes are wrong. The bins above
    ``tolerance`` · the loudest are therefore joined by a maximum spanning tree, in which an edge
    weighs the product of its two magnitudes. Each connected part has its root, with phase 0, at
    its loudest bin. Every bin then sums the edges to its root by pointer doubling: one edge, two,
    four, eight … Phases are in radians.

    The authors grow such a tree bin by bin with a heap; here no loop over bins is needed. Shapes
    as `phase_slopes` returns them. Notebook: 06_beyond_griffin_lim.

    >>> magnitude = np.ones((33, 8))
    >>> phase, known = integrate(magnitude, *phase_slopes(magnitude, 64, 16))
    >>> phase.shape, bool(known.all())
    ((33, 8), True)
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

    known = magnitude > tolerance * magnitude.max()
    bins = np.flatnonzero(known)
    number = np.cumsum(known, dtype=np.int32).reshape(known.shape)  # of a bin; the root's is 0
    right, up = known[:, :-1] & known[:, 1:], known[:-1] & known[1:]
    tops = number[known & _tops(magnitude)]
    start = np.concatenate([number[:, :-1][right], number[:-1][up], 0 * tops])
    end = np.concatenate([number[:, 1:][right], number[1:][up], tops])
    level = np.log(magnitude[known] / magnitude.max())
    level = np.append(2 * np.log(tolerance) - 1, level)  # the root is nobody's first choice
    cost = 1 - level[start] - level[end]
    edges = coo_array((cost, (start, end)), shape=(len(level), len(level)))
    parent = breadth_first_order(minimum_spanning_tree(edges), 0, directed=False)[1]

    child = np.flatnonzero(parent > 0)
    a, b = bins[child - 1], bins[parent[child] - 1]
    row, column = np.divmod(np.minimum(a, b), magnitude.shape[1])
    vertical = abs(a - b) == magnitude.shape[1]
    step = np.empty(len(child))
    step[vertical] = along_frequency[row[vertical], column[vertical]]
    step[~vertical] = along_time[row[~vertical], column[~vertical]]
    way = np.zeros(len(level))
    way[child] = np.where(a > b, step, -step)
    parent[0] = 0
    while parent.any():
        way += way[parent]
        parent = parent[parent]
    phase = np.zeros(magnitude.shape)
    phase[known] = way[1:]
    return phase, known


def _tops(magnitude: np.ndarray) -> np.ndarray:
    """Return the local maxima: bins that none of their four neighbours exceeds."""
    tops = np.ones(magnitude.shape, dtype=bool)
    for here, low, high in (
        (tops, magnitude[:-1], magnitude[1:]),
        (tops.T, magnitude.T[:-1], magnitude.T[1:]),
    ):
        here[:-1] &= low >= high
        here[1:] &= high >= low
    return tops
