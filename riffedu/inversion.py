"""Lesson 06: from a picture's mel amplitudes to the sound that fits them."""

from __future__ import annotations

from functools import lru_cache, partial
from math import ceil, gcd
from typing import Any, NamedTuple

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.image import SpectrogramParams
from riffedu.mel import filterbank_of, fit_mel, invert_mel
from riffedu.phase import griffin_lim_steps
from riffedu.stft import istft, stft


def sound_from_mel(mel, params: SpectrogramParams, quality: str = "fast", seed: int = 0,
                   n_iter: int | None = None, progress: bool = False) -> np.ndarray:
    """Mel amplitudes (num_frequencies, columns) to a waveform (columns · hop_length,), float32.

    ``quality`` names one of `WAYS`. Raises RiffeduError for an unknown one.
    Notebook: 06_beyond_griffin_lim.
    """
    if quality not in WAYS:
        raise RiffeduError(f"quality={quality!r} is unknown: use {' or '.join(map(repr, WAYS))}")
    options = {} if n_iter is None else {"n_iter": n_iter}
    return WAYS[quality](mel, params, seed=seed, progress=progress, **options)


def plain_sound(mel, params: SpectrogramParams, seed: int = 0, n_iter: int = 32,
                progress: bool = False) -> np.ndarray:
    """Mel amplitudes (num_frequencies, columns) to a waveform (samples,), as Riffusion does it."""
    steps = griffin_lim_steps(
        invert_mel(mel, params), params.n_fft, params.hop_length, params.win_length,
        n_iter=n_iter, seed=seed, length=mel.shape[-1] * params.hop_length,
    )  # fmt: skip
    for state in _bar(steps, n_iter + 1, progress):
        pass
    return state.waveform.numpy()


def fast_sound(mel, params: SpectrogramParams, seed: int = 0, n_iter: int = 40,
               progress: bool = False) -> np.ndarray:
    """The same, ten times faster and as true to the picture. Four observations:

    1. The picture says nothing above ``max_frequency``: work at twice that rate (20 kHz).
    2. Frames are zero-padded fourfold, which adds rows and no knowledge: every second row does.
    3. Windows overlap tenfold: while phases are still being found, every second column does.
    4. Magnitudes are known only through their mel bands: let each iteration keep the fine
       structure that it found, and scale it to the picture (`riffedu.mel.fit_mel`).

    In the end each frame is synthesised at the full rate with the rows above left empty: exact
    band-limited resampling, for free. ``mel``: (num_frequencies, columns). Returns float32
    (columns · hop_length,). Notebook: 06_beyond_griffin_lim.
    """
    import torch

    grid = lean_grid(params)
    columns = mel.shape[-1]
    stride = 2 if grid.win_length >= 8 * grid.hop_length else 1
    few = np.ascontiguousarray(mel[:, ::stride], dtype=np.float32)
    refit = partial(fit_mel, mel=few, bank=grid.bank)
    steps = griffin_lim_steps(
        refit(torch.ones(grid.bank.shape[1], few.shape[-1])), grid.n_fft,
        stride * grid.hop_length, grid.win_length, n_iter=n_iter, seed=seed,
        length=columns * grid.hop_length, refit=refit,
    )  # fmt: skip
    for state in _bar(steps, n_iter + 1, progress):
        pass
    found = stft(state.waveform, grid.n_fft, grid.hop_length, grid.win_length)[:, :columns]
    spectrum = torch.sgn(found) * fit_mel(found.abs(), mel, grid.bank) * grid.scale
    size = params.n_fft // grid.step
    spectrum = torch.nn.functional.pad(spectrum.mT, (0, size // 2 + 1 - len(spectrum))).mT
    return istft(spectrum, size, params.hop_length, params.win_length,
                 length=columns * params.hop_length).numpy()


WAYS = {"fast": fast_sound, "plain": plain_sound}
"""What ``quality`` may be."""


class Grid(NamedTuple):
    """An STFT grid: sizes in samples of its own rate, and the filterbank on its rows."""

    n_fft: int
    hop_length: int
    win_length: int
    bank: Any  # scipy CSR: bank @ |STFT| is mel, in the units of ``params``
    step: int  # a row here for every ``step`` rows of ``params``
    scale: float  # sample rate of ``params`` / sample rate here


@lru_cache(maxsize=8)
def lean_grid(params: SpectrogramParams) -> Grid:
    """The smallest grid that still holds what a picture says: observations 1 and 2.

    The lowest rate above 2 · max_frequency at which window and hop are whole samples, and zeros to
    twice the window. Riffusion's 17640, 441, 4410 at 44.1 kHz become 4000, 200, 2000 at 20 kHz.
    """
    from scipy.sparse import csr_matrix

    n_fft, hop, size = params.n_fft, params.hop_length, params.win_length
    step = 1 if n_fft % (2 * size) else n_fft // (2 * size)
    n_fft //= step
    parts = gcd(n_fft, hop, size)
    kept = ceil(2 * params.max_frequency / params.sample_rate * parts)
    scale = parts / kept
    n_fft, hop, size = (length // parts * kept for length in (n_fft, hop, size))
    bank = filterbank_of(params)[:, ::step][:, :n_fft // 2 + 1] * np.float32(step * scale)
    return Grid(n_fft, hop, size, csr_matrix(bank), step, scale)


def _bar(steps, total: int, progress: bool):
    from tqdm.auto import tqdm

    return tqdm(steps, total=total, desc="phases", delay=1.0, leave=False, disable=not progress)
