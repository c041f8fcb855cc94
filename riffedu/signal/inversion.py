"""Lesson 06: from the mel amplitudes of a picture to a waveform."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from math import ceil, gcd
from typing import Any, NamedTuple

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.admm import admm_steps
from riffedu.signal.arrays import Array
from riffedu.signal.audio import ramp
from riffedu.signal.mel import filterbank_of, fit_mel, invert_mel
from riffedu.signal.params import SpectrogramParams
from riffedu.signal.pghi import pghi
from riffedu.signal.phase import PhaseState, griffin_lim_steps, magnitude_of, with_magnitude
from riffedu.signal.stft import istft, stft


class Quality(NamedTuple):
    """Settings of one quality: those of `lean_steps`, or Riffusion's method if ``plain``."""

    n_iter: int
    stride: int = 1
    plain: bool = False


QUALITIES = {"fast": Quality(16, stride=2), "best": Quality(64), "plain": Quality(32, plain=True)}
"""What ``quality`` may be."""


def sound_from_mel(
    mel: np.ndarray,
    params: SpectrogramParams,
    quality: str = "fast",
    seed: int = 0,
    n_iter: int | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Reconstruct a waveform from mel amplitudes.

    ``mel``: (num_frequencies, columns). Returns float32 of shape (columns · hop_length,).
    ``quality``: "fast" runs `lean_steps` and `full_rate` on every second column for 16 iterations,
    "best" on all columns for 64; "plain" runs `plain_steps`, Riffusion's method. ``n_iter``
    overrides the number of iterations. With ``progress``, a progress bar appears after one second.
    Raises RiffeduError for an unknown quality and for n_iter < 0. Notebook: 06_beyond_griffin_lim.

    >>> mel = np.zeros((64, 20), np.float32)
    >>> params = SpectrogramParams(sample_rate=8000, num_frequencies=64, max_frequency=4000)
    >>> sound_from_mel(mel, params, n_iter=1).shape
    (1600,)
    """
    from tqdm.auto import tqdm

    if quality not in QUALITIES:
        raise RiffeduError(
            f"quality={quality!r} is unknown: use {' or '.join(map(repr, QUALITIES))}"
        )
    way = QUALITIES[quality]
    n_iter = way.n_iter if n_iter is None else n_iter
    steps = (
        plain_steps(mel, params, n_iter, seed)
        if way.plain
        else lean_steps(mel, params, n_iter, way.stride, seed)
    )
    bar = tqdm(steps, "phases", n_iter + 1, delay=1.0, leave=False, disable=not progress)
    [state] = deque(bar, maxlen=1)
    return sound_of(state, mel, params)


def plain_steps(
    mel: np.ndarray, params: SpectrogramParams, n_iter: int = 32, seed: int = 0
) -> Iterator[PhaseState]:
    """Run Riffusion's method: inverse mel, then fast Griffin-Lim from random phases on all rows.

    >>> params = SpectrogramParams(sample_rate=8000, num_frequencies=64, max_frequency=4000)
    >>> len(list(plain_steps(np.ones((64, 20)), params, n_iter=1)))
    2
    """
    yield from griffin_lim_steps(
        invert_mel(mel, params),
        params.n_fft,
        params.hop_length,
        params.win_length,
        n_iter=n_iter,
        seed=seed,
        length=mel.shape[-1] * params.hop_length,
    )


def lean_steps(
    mel: np.ndarray,
    params: SpectrogramParams,
    n_iter: int = 16,
    stride: int = 2,
    seed: int = 0,
    start: Callable | None = pghi,
    method: Callable = griffin_lim_steps,
    refit: bool = True,
) -> Iterator[PhaseState]:
    """Reconstruct several times as fast as `plain_steps`, and closer to the picture.

    The method rests on five observations:

    1. The picture says nothing above ``max_frequency``: work at twice that rate (20 kHz).
    2. Zero padding to four times the window adds rows but no information: half of the rows suffice.
    3. Ten windows overlap at every sample: every second column suffices to estimate the phases
       (``stride``).
    4. Phases need not be random: the slopes of the magnitudes determine most of them (``start``).
    5. The picture gives the magnitudes only as mel bands: each iteration keeps the fine structure
       found so far and rescales it to the picture (``refit``, `riffedu.signal.mel.fit_mel`).

    ``mel``: (num_frequencies, columns) ≥ 0. ``start`` gives the initial phases: `pghi`, or None for
    random ones. ``method``: `griffin_lim_steps` or `admm_steps`. Yields n_iter + 1 states at the
    rate of `lean_grid`; `full_rate` converts one to sound. Where ``stride`` would leave fewer
    than four windows over a sample, it is 1. Notebook: 06_beyond_griffin_lim.

    >>> params = SpectrogramParams(sample_rate=8000, num_frequencies=64, max_frequency=3000)
    >>> [state.waveform.shape for state in lean_steps(np.ones((64, 20)), params, n_iter=1)]
    [torch.Size([1200]), torch.Size([1200])]
    """
    import torch

    grid = lean_grid(params)
    stride = stride if grid.win_length >= 4 * stride * grid.hop_length else 1
    few = np.ascontiguousarray(mel[:, ::stride], dtype=np.float32)
    fit = partial(fit_mel, mel=few, bank=grid.bank)
    magnitude = fit(fit(fit(torch.ones(grid.bank.shape[1], few.shape[-1]))))
    sizes = (grid.n_fft, stride * grid.hop_length, grid.win_length)
    yield from method(
        magnitude,
        *sizes,
        n_iter=n_iter,
        seed=seed,
        refit=fit if refit else None,
        initial=start(magnitude, *sizes, seed=seed) if start else None,
        length=mel.shape[-1] * grid.hop_length,
    )


METHODS: dict[str, Callable[..., Iterator[PhaseState]]] = {
    "Riffusion's": plain_steps,
    "small grid": partial(lean_steps, start=None, refit=False),
    "read off": partial(lean_steps, refit=False),
    "refitted": lean_steps,
    "every column": partial(lean_steps, stride=1),
    "ADMM": partial(lean_steps, stride=1, method=admm_steps),
}
"""Lesson 06's ideas one by one: (mel, params, n_iter, seed=…) to states. "refitted" is what "fast"
does, "every column" what "best" does, each with its number of iterations."""


def sound_of(state: PhaseState, mel: np.ndarray, params: SpectrogramParams) -> np.ndarray:
    """Return the waveform of a state of one of the `METHODS`: float32, (columns · hop_length,).

    >>> params = SpectrogramParams(sample_rate=8000, num_frequencies=64, max_frequency=3000)
    >>> mel = np.ones((64, 20))
    >>> *_, state = lean_steps(mel, params, n_iter=1)
    >>> sound_of(state, mel, params).shape
    (1600,)
    """
    if state.magnitude.shape[-2] == params.n_fft // 2 + 1:
        return state.waveform.numpy()
    return full_rate(state.waveform, mel, params)


def full_rate(waveform: Array, mel: np.ndarray, params: SpectrogramParams) -> np.ndarray:
    """Return the ``waveform`` of a `lean_steps` state at the full sample rate.

    The waveform is transformed once more, now at every column, and scaled to the picture. Each
    frame is then synthesised at ``params.sample_rate`` with its upper rows empty, which is exact
    band-limited resampling. Half of the first frames lies before the beginning of the sound; in a
    picture that begins loud this causes a click, so the first 2 ms are faded in where they are
    louder than what follows. Returns float32 of shape (columns · hop_length,).

    >>> params = SpectrogramParams(sample_rate=8000, num_frequencies=64, max_frequency=3000)
    >>> mel = np.ones((64, 20))
    >>> *_, state = lean_steps(mel, params, n_iter=1)
    >>> full_rate(state.waveform, mel, params).shape
    (1600,)
    """
    import torch

    grid = lean_grid(params)
    columns = mel.shape[-1]
    found = stft(waveform, grid.n_fft, grid.hop_length, grid.win_length)[:, :columns]
    spectrum = with_magnitude(found, fit_mel(magnitude_of(found), mel, grid.bank) * grid.scale)
    n_fft = params.n_fft // grid.step
    spectrum = torch.nn.functional.pad(spectrum.mT, (0, n_fft // 2 + 1 - len(spectrum))).mT
    sound = istft(
        spectrum, n_fft, params.hop_length, params.win_length, length=columns * params.hop_length
    ).numpy()
    first, then = np.split(sound[: params.sample_rate // 50], [params.sample_rate // 500])
    if np.abs(first).max() > np.abs(then).max(initial=0):
        first *= ramp(len(first))
    return sound


class Grid(NamedTuple):
    """An STFT grid: sizes in samples at its own sample rate, and the filterbank for its rows."""

    n_fft: int
    hop_length: int
    win_length: int
    bank: Any  # scipy CSR: bank @ |STFT| is mel, in the units of ``params``
    step: int  # a row here for every ``step`` rows of ``params``
    scale: float  # sample rate of ``params`` / sample rate here


@lru_cache(maxsize=8)
def lean_grid(params: SpectrogramParams) -> Grid:
    """Return the smallest STFT grid that holds everything a picture determines.

    Its rate is the lowest one ≥ 2 · max_frequency at which window and hop are whole numbers
    of samples; zero padding doubles the window (observations 1 and 2 of `lean_steps`). Riffusion's
    n_fft, hop and window of 17640, 441 and 4410 at 44.1 kHz become 4000, 200 and 2000 at 20 kHz.
    The lowest mel bands are narrower than two rows, so the filterbank interpolates linearly
    between the rows of the smaller grid.

    >>> lean_grid(SpectrogramParams())[:3]
    (4000, 200, 2000)
    """
    from scipy.sparse import csr_matrix

    n_fft, hop, win = params.n_fft, params.hop_length, params.win_length
    step = 1 if n_fft % (2 * win) else n_fft // (2 * win)
    n_fft //= step
    parts = gcd(n_fft, hop, win)
    kept = ceil(2 * params.max_frequency / params.sample_rate * parts)
    scale = parts / kept
    n_fft, hop, win = (length // parts * kept for length in (n_fft, hop, win))
    hat = 1 - np.abs(np.arange(1 - step, step, dtype=np.float32)) / step
    full = np.pad(filterbank_of(params), ((0, 0), (step - 1, step - 1)))
    bank = sum(share * full[:, i:][:, ::step][:, : n_fft // 2 + 1] for i, share in enumerate(hat))
    return Grid(n_fft, hop, win, csr_matrix(bank * np.float32(scale)), step, scale)
