"""Lessons 01 to 06 in one step: sound to picture, and picture to sound."""

from __future__ import annotations

from functools import lru_cache, partial
from math import ceil, gcd
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from riffedu.audio import as_waveform, resample
from riffedu.errors import RiffeduError
from riffedu.image import SpectrogramParams, image_from_spectrogram, spectrogram_from_image
from riffedu.mel import filterbank_of, fit_mel, invert_mel, mel_spectrogram
from riffedu.phase import griffin_lim_steps
from riffedu.stft import istft, stft


def audio_to_image(waveform, sample_rate: int,
                   params: SpectrogramParams | None = None) -> Image.Image:
    """Sound to picture: resample to ``params.sample_rate``, `mel_spectrogram`, draw.

    ``waveform``: (samples,) or (channels, samples). Channels are mixed to one, unless
    ``params.stereo``, where two are drawn (a mono sound in both). One column per hop: 5.12 s give
    512. Raises RiffeduError for an unfit waveform or more than two channels in a stereo picture.
    Notebook: 04_image.
    """
    params = params or SpectrogramParams()
    waveform = np.atleast_2d(as_waveform(waveform))
    if not params.stereo:
        waveform = waveform.mean(axis=0)
    elif len(waveform) > 2:
        raise RiffeduError(f"a stereo picture holds two channels, the sound has {len(waveform)}")
    else:
        waveform = np.broadcast_to(waveform, (2, waveform.shape[-1]))
    waveform = resample(waveform, sample_rate, params.sample_rate)
    return image_from_spectrogram(mel_spectrogram(waveform, params), params)


def image_to_audio(image: Image.Image, params: SpectrogramParams | None = None, seed: int = 0,
                   n_iter: int = 40, method: str = "fast", progress: bool = True):
    """Picture to sound: (waveform, sample_rate).

    ``method="fast"`` is `sound_from_mel`; "plain" is what Riffusion does, ten times slower: the
    inverse mel first, then fast Griffin-Lim on all rows. ``n_iter`` Griffin-Lim iterations from
    random phases drawn with ``seed``: the same seed gives the same sound.

    Returns float32, (samples,) or (2, samples) for a stereo picture, columns · hop_length samples
    at ``params.sample_rate``. Nothing is normalised: the level is the picture's, from its
    MAX_VALUE, so peaks may pass 1; see `riffedu.audio.set_level`. With ``progress``, a bar shows
    if it takes more than a second. Raises RiffeduError for an unfit picture. 
    Notebook: 06_beyond_griffin_lim.
    """
    methods = {"fast": sound_from_mel, "plain": sound_from_mel_plain}
    if method not in methods:
        raise RiffeduError(f"method={method!r} is unknown: use {' or '.join(map(repr, methods))}")
    mel = spectrogram_from_image(image, params)
    params = params or SpectrogramParams.from_exif(image.getexif())
    channels = [methods[method](channel, params, seed, n_iter, progress)
                for channel in mel.reshape(-1, *mel.shape[-2:])]
    return (np.stack(channels) if params.stereo else channels[0]), params.sample_rate


def sound_from_mel_plain(mel, params: SpectrogramParams, seed: int = 0, n_iter: int = 32,
                         progress: bool = False) -> np.ndarray:
    """Mel amplitudes (num_frequencies, columns) to a waveform (samples,), as Riffusion does it."""
    steps = griffin_lim_steps(
        invert_mel(mel, params), params.n_fft, params.hop_length, params.win_length,
        n_iter=n_iter, seed=seed, length=mel.shape[-1] * params.hop_length,
    )  # fmt: skip
    for state in _bar(steps, n_iter + 1, progress):
        pass
    return state.waveform.numpy()


def sound_from_mel(mel, params: SpectrogramParams, seed: int = 0, n_iter: int = 40,
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
