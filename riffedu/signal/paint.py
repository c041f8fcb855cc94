"""Lesson 04: painting sound. Shapes drawn on a mel picture, and transforms of a picture.

A painting is an array of mel amplitudes (bands, columns), band 0 the lowest, in the units of
`riffedu.mel_spectrogram`: a shape painted at −20 dBFS sounds at −20 dBFS. Each function returns a
new array and does not change its argument. Where two shapes overlap, the louder one counts.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.mel import sparse_filterbank
from riffedu.signal.params import SpectrogramParams


def blank(seconds: float = 2.56, params: SpectrogramParams | None = None) -> np.ndarray:
    """Return an empty canvas: zeros of shape (num_frequencies, columns). Notebook: 04_image.

    >>> blank(1.0).shape
    (512, 100)
    """
    params = params or SpectrogramParams()
    if not seconds > 0:
        raise RiffeduError(f"a canvas must last more than 0 s, not {seconds} s")
    columns = max(1, round(seconds * 1000 / params.column_ms))
    return np.zeros((params.num_frequencies, columns), np.float32)


def line(
    mel: np.ndarray,
    hertz: float,
    to: float | None = None,
    start: float = 0.0,
    end: float = np.inf,
    level_db: float = -20.0,
    params: SpectrogramParams | None = None,
) -> np.ndarray:
    """Paint a tone from ``start`` to ``end`` (seconds), or a glide from ``hertz`` to ``to``.

    A tone is not a single row: the window spreads it into a peak, and the peak must be painted for
    it to sound like a tone. For an amplitude a = 10^(level_db / 20) and a Hann window of N samples,

        |X(f)| = a N/4 · |sinc(x) / (1 − x²)|,   x = (f − hertz) N / sample_rate

    which the filterbank sums as it does any spectrum. A glide is linear on the mel scale, a
    straight line in the picture. Raises RiffeduError for frequencies outside the picture.
    Notebook: 04_image.

    >>> line(blank(0.2), 440).shape
    (512, 20)
    """
    params = params or SpectrogramParams()
    now = _columns(mel, start, end, params)
    path = _path(len(now), hertz, hertz if to is None else to, params)
    hills = _hills(path, params) * np.float32(10 ** (level_db / 20))
    return _over(mel, now, hills)


def harmonics(
    mel: np.ndarray,
    hertz: float,
    to: float | None = None,
    start: float = 0.0,
    end: float = np.inf,
    level_db: float = -20.0,
    partials: int = 8,
    fall_db: float = 6.0,
    params: SpectrogramParams | None = None,
) -> np.ndarray:
    """Paint a note: lines at 1, 2, 3 … times ``hertz``, falling by ``fall_db`` per octave.

    Partials outside the picture are left out. Notebook: 04_image.

    >>> harmonics(blank(0.2), 440, partials=3).shape
    (512, 20)
    """
    params = params or SpectrogramParams()
    if partials < 1:
        raise RiffeduError(f"partials={partials} must be at least 1")
    to = hertz if to is None else to
    for n in range(1, partials + 1):
        if n == 1 or n * max(hertz, to) < params.max_frequency:
            level = level_db - fall_db * np.log2(n)
            mel = line(mel, n * hertz, n * to, start, end, level, params)
    return mel


def beat(
    mel: np.ndarray,
    at: float,
    level_db: float = -20.0,
    low: float = 0.0,
    high: float = np.inf,
    params: SpectrogramParams | None = None,
) -> np.ndarray:
    """Paint a click at ``at`` seconds: a vertical line from ``low`` to ``high`` hertz.

    A click is not a single column: every window that contains it shows it, weighted by the window
    there: |X| = a · w(t − at) in all rows, 100 ms wide. It is painted 40 dB above
    ``level_db``, because a single sample has to be that much higher to sound as loud as a tone.
    Notebook: 04_image.

    >>> int(beat(blank(0.2), at=0.1).max(axis=0).argmax())
    10
    """
    params = params or SpectrogramParams()
    half = params.window_duration_ms / 2000
    t = np.arange(mel.shape[1]) * params.column_ms / 1000
    if not 0 <= at <= t[-1] + params.column_ms / 1000:
        raise RiffeduError(
            f"the click at {at:g} s lies outside the picture, which is {len(t)} columns long"
        )
    window = np.where(np.abs(t - at) < half, 0.5 + 0.5 * np.cos(np.pi * (t - at) / half), 0)
    rows = _between(low, high, params)
    stroke = np.outer(rows * _flat(params), window * 10 ** ((level_db + 40) / 20))
    return np.maximum(mel, stroke.astype(np.float32))


def rectangle(
    mel: np.ndarray,
    low: float,
    high: float,
    start: float = 0.0,
    end: float = np.inf,
    level_db: float = -20.0,
    seed: int = 0,
    params: SpectrogramParams | None = None,
) -> np.ndarray:
    """Paint noise between two frequencies and two times, at ``level_db`` dBFS (RMS).

    White noise of variance σ² has E|X|² = σ² Σ w² in each row, with a Rayleigh distribution;
    this speckle, drawn with ``seed``, makes it hiss instead of buzz.
    Notebook: 04_image.

    >>> rectangle(blank(0.2), 1000, 2000).shape
    (512, 20)
    """
    params = params or SpectrogramParams()
    now = _columns(mel, start, end, params)
    rows = _between(low, high, params)
    if not rows.any():
        raise RiffeduError(f"no band lies between {low:g} and {high:g} Hz")
    high = min(high, params.max_frequency)
    variance = 10 ** (level_db / 10) * params.sample_rate / 2 / (high - max(0, low))
    strength = np.sqrt(variance * 0.375 * params.win_length)
    speckle = np.random.default_rng(seed).rayleigh(1 / np.sqrt(2), (mel.shape[0], len(now)))
    return _over(mel, now, (rows * _flat(params))[:, None] * strength * speckle)


def stamp(
    mel: np.ndarray,
    part: np.ndarray,
    start: float = 0.0,
    bands: int = 0,
    params: SpectrogramParams | None = None,
) -> np.ndarray:
    """Paste another picture at ``start`` seconds, moved up by ``bands``.

    Parts outside the canvas are cut off. Notebook: 04_image.

    >>> stamp(blank(0.2), np.ones((512, 3)), start=0.1)[0, 9:14].tolist()
    [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    params = params or SpectrogramParams()
    left = round(start * 1000 / params.column_ms)
    moved = move(np.asarray(part, dtype=np.float32), bands)
    if moved.ndim != 2 or len(moved) != len(mel):
        raise RiffeduError(f"the stamp has shape {moved.shape}; it needs {len(mel)} bands")
    if not 0 <= left < mel.shape[1]:
        raise RiffeduError(f"a stamp at {start:g} s lies outside the canvas")
    moved = moved[:, : mel.shape[1] - left]
    return _over(mel, np.arange(left, left + moved.shape[1]), moved)


def move(mel: np.ndarray, bands: int) -> np.ndarray:
    """Move a picture up by ``bands`` (down if negative); bands that leave it are lost.

    On a mel axis this is not a transposition: equal distances are equal ratios of (700 + f), not of
    f, so overtones drift apart. Notebook: 04_image.

    >>> move(np.array([[1.0], [0.0]]), 1).tolist()
    [[0.0], [1.0]]
    """
    moved = np.zeros_like(mel)
    size = len(mel) - abs(bands)
    if size > 0:
        moved[max(bands, 0) : max(bands, 0) + size] = mel[max(-bands, 0) : max(-bands, 0) + size]
    return moved


def reverse(mel: np.ndarray) -> np.ndarray:
    """Reverse a picture in time. Notebook: 04_image.

    >>> reverse(np.array([[1, 2]])).tolist()
    [[2, 1]]
    """
    return mel[:, ::-1].copy()


def upside_down(mel: np.ndarray) -> np.ndarray:
    """Flip a picture in frequency. Notebook: 04_image.

    >>> upside_down(np.array([[1], [2]])).tolist()
    [[2], [1]]
    """
    return mel[::-1].copy()


def stretch(mel: np.ndarray, factor: float) -> np.ndarray:
    """Stretch a picture in time by ``factor`` at the same pitch, by linear interpolation.

    Raises RiffeduError unless the factor is from 0.1 to 10. Notebook: 04_image.

    >>> stretch(np.array([[0.0, 1.0]]), 1.5).tolist()
    [[0.0, 0.5, 1.0]]
    """
    if not 0.1 <= factor <= 10:
        raise RiffeduError(f"factor={factor} must lie between 0.1 and 10")
    columns = mel.shape[1]
    at = np.linspace(0, columns - 1, max(1, round(columns * factor)))
    low = np.minimum(at.astype(int), max(0, columns - 2))
    high = np.minimum(low + 1, columns - 1)
    share = (at - low).astype(np.float32)
    return mel[:, low] * (1 - share) + mel[:, high] * share


def _columns(mel: np.ndarray, start: float, end: float, params: SpectrogramParams) -> np.ndarray:
    """The columns centred in [start, end)."""
    t = np.arange(mel.shape[1]) * params.column_ms / 1000
    now = np.flatnonzero((t >= start - 1e-9) & (t < end - 1e-9))
    if not len(now):
        raise RiffeduError(f"no part of the canvas lies between {start:g} and {end:g} s")
    return now


def _path(count: int, hertz: float, to: float, params: SpectrogramParams) -> np.ndarray:
    from riffedu.signal.mel import hz_to_mel, mel_to_hz

    for f in (hertz, to):
        if not params.min_frequency < f < params.max_frequency:
            raise RiffeduError(
                f"{f:g} Hz lies outside the picture: from {params.min_frequency} to "
                f"{params.max_frequency} Hz"
            )
    ends = hz_to_mel([hertz, to], params.mel_scale_type)
    return mel_to_hz(np.linspace(ends[0], ends[1], count), params.mel_scale_type)


def _hills(path: np.ndarray, params: SpectrogramParams) -> np.ndarray:
    """Mel amplitudes of tones of amplitude 1 at the frequencies ``path``, a column each."""
    from scipy.sparse import csc_matrix

    bank = sparse_filterbank(params)
    per_row = params.sample_rate / params.n_fft
    reach = int(np.ceil(2 * params.n_fft / params.win_length))  # the main lobe: two bins each side
    rows = np.round(path / per_row).astype(int) + np.arange(-reach, reach + 1)[:, None]
    x = (rows * per_row - path) * params.win_length / params.sample_rate
    height = params.win_length / 4 * _hann_lobe(x)
    inside = (rows >= 0) & (rows < bank.shape[1]) & (np.abs(x) < 2)
    columns = np.broadcast_to(np.arange(len(path)), rows.shape)
    found = csc_matrix(
        (height[inside], (rows[inside], columns[inside])), shape=(bank.shape[1], len(path))
    )
    return np.asarray((bank @ found).todense(), dtype=np.float32)


def _hann_lobe(x: np.ndarray) -> np.ndarray:
    """sinc(x) / (1 − x²), whose value at ±1 is ½."""
    near = np.abs(np.abs(x) - 1) < 1e-6
    safe = np.where(near, 0, x)
    return np.abs(np.where(near, 0.5, np.sinc(safe) / (1 - safe**2)))


def _between(low: float, high: float, params: SpectrogramParams) -> np.ndarray:
    """1 for bands centred between two frequencies, else 0."""
    from riffedu.signal.mel import hz_to_mel, mel_to_hz

    ends = hz_to_mel([params.min_frequency, params.max_frequency], params.mel_scale_type)
    edges = np.linspace(ends[0], ends[1], params.num_frequencies + 2)
    middles = mel_to_hz(edges[1:-1], params.mel_scale_type)
    return ((middles >= low) & (middles <= high)).astype(np.float32)


@lru_cache(maxsize=8)
def _flat(params: SpectrogramParams) -> np.ndarray:
    """The response of each band to a spectrum of ones."""
    return np.asarray(sparse_filterbank(params).sum(axis=1), dtype=np.float32).ravel()


def _over(mel: np.ndarray, columns: np.ndarray, shape: np.ndarray) -> np.ndarray:
    painted = np.array(mel, dtype=np.float32)
    painted[:, columns] = np.maximum(painted[:, columns], shape)
    return painted
