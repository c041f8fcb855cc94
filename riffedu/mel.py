"""Lesson 03: hertz as ears count them. The mel scale, its filterbank, and the way back.

Names: ``bank`` is the filterbank, ``magnitude`` is |STFT|, ``mel`` the mel amplitudes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.stft import at_the_door, reflect, stft


def hz_to_mel(hertz, scale: str = "htk"):
    """Hertz to mel.

        htk:     m = 2595 · log10(1 + f / 700)
        slaney:  m = 3 f / 200 below 1000 Hz, 15 + 27 · ln(f / 1000) / ln 6.4 above

    ``hertz`` ≥ 0, any shape. Sources: O'Shaughnessy, *Speech Communication* (1987); Slaney,
    *Auditory Toolbox* (1998). Notebook: 03_mel.
    """
    hertz = np.asarray(hertz, dtype=np.float64)
    if _known(scale) == "htk":
        return 2595 * np.log10(1 + hertz / 700)
    return np.where(hertz < 1000, 3 * hertz / 200,
                    15 + 27 * np.log(np.maximum(hertz, 1000) / 1000) / np.log(6.4))


def mel_to_hz(mel, scale: str = "htk"):
    """Mel to hertz: the inverse of `hz_to_mel`, with the same scales. Notebook: 03_mel."""
    mel = np.asarray(mel, dtype=np.float64)
    if _known(scale) == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    return np.where(mel < 15, 200 * mel / 3, 1000 * np.exp((np.maximum(mel, 15) - 15) / 27
                                                           * np.log(6.4)))


def mel_filterbank(sample_rate: float, n_fft: int, n_mels: int = 512, min_frequency: float = 0.0,
                   max_frequency: float | None = 10000.0, scale: str = "htk",
                   norm: str | None = None) -> np.ndarray:
    """Triangles over the rows of an STFT, evenly spaced in mel.

    Band m rises from edge m to 1 at edge m + 1 and falls to 0 at edge m + 2, where the n_mels + 2
    edges cut [min_frequency, max_frequency] into equal steps of mel:

        bank[m, k] = max(0, min((f_k − e_m) / (e_{m+1} − e_m),
                                (e_{m+2} − f_k) / (e_{m+2} − e_{m+1})))

    with f_k = k · sample_rate / n_fft. Returns float32, shape (n_mels, n_fft // 2 + 1), values in
    [0, 1]; ``norm="slaney"`` divides each triangle by half its width in hertz, which gives all the
    same area. ``max_frequency=None`` is sample_rate / 2. Frequencies in hertz.

    Raises RiffeduError for an unknown scale or norm and for frequencies out of order.
    Source: as implemented by HTK and by Slaney's toolbox. Notebook: 03_mel.
    """
    max_frequency = sample_rate / 2 if max_frequency is None else max_frequency
    if not 0 <= min_frequency < max_frequency:
        raise RiffeduError(
            f"the bands need 0 <= min_frequency < max_frequency, not {min_frequency} and "
            f"{max_frequency} Hz"
        )
    if norm not in (None, "slaney"):
        raise RiffeduError(f"norm={norm!r} is unknown: use None or 'slaney'")
    if n_mels < 1:
        raise RiffeduError(f"n_mels={n_mels} must be at least 1")
    low, high = hz_to_mel([min_frequency, max_frequency], scale)
    steps = np.linspace(low, high, n_mels + 2)
    edges = mel_to_hz(steps, scale)[:, None]
    f = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    rise = (f - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - f) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0, np.minimum(rise, fall))
    if norm == "slaney":
        bank *= 2 / (edges[2:] - edges[:-2])
    return bank.astype(np.float32)


def mel_spectrogram(waveform, params=None):
    """Mel amplitudes of a sound: the filterbank times |STFT|.

        mel[m, t] = Σ_k bank[m, k] · |X[k, t]|

    ``waveform``: real, shape (…, samples), nominally in [−1, 1], at ``params.sample_rate``
    (default: Riffusion's `SpectrogramParams`). Returns float32 ≥ 0, shape
    (…, num_frequencies, columns), row 0 the lowest band.

    There is one column for every hop that begins inside the sound:
    columns = ceil(samples / hop_length). Column t is centred on sample t · hop_length, so a 5.12 s
    clip, 225792 samples, gives 512 columns. (A centred STFT has one more when the hop divides the
    samples; its centre lies on the first sample *after* the sound, and Riffusion, which keeps it,
    gets its 512 columns from 5.11 s.) Memory does not grow with length beyond input and output:
    the STFT is taken 128 columns at a time, and only up to ``max_frequency``.

    Raises RiffeduError for an empty sound or one with NaN or infinite samples. Notebook: 03_mel.
    """
    import torch

    params = params or _default_params()
    x, give_back = at_the_door(waveform)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise RiffeduError("the sound is empty: give it at least one sample")
    if not torch.isfinite(x.sum(dtype=torch.float64)):
        raise RiffeduError("the sound holds NaN or infinite samples: clean them first")
    n_fft, hop = params.n_fft, params.hop_length
    columns = -(-x.shape[-1] // hop)
    bank = sparse_filterbank(params)
    channels = reflect(x.to(torch.float32).reshape(-1, x.shape[-1]), n_fft // 2)
    mel = torch.empty(len(channels), bank.shape[0], columns)
    for channel, sound in enumerate(channels):
        for start in range(0, columns, 128):
            stop = min(start + 128, columns)
            block = sound[start * hop:(stop - 1) * hop + n_fft]
            spectrum = stft(block, n_fft, hop, params.win_length, center=False)
            magnitude = spectrum[:bank.shape[1]].abs()
            mel[channel, :, start:stop] = torch.from_numpy(bank @ magnitude.numpy())
    return give_back(mel.reshape(*x.shape[:-1], bank.shape[0], columns))


def invert_mel(mel, params=None):
    """|STFT| from mel amplitudes: the smallest magnitudes that have them, negatives set to 0.

        magnitude = max(0, bankᵀ (bank bankᵀ)⁻¹ mel)

    which is the Moore-Penrose pseudo-inverse, clamped. The 8821 rows of a frame went into 512
    bands, so what the bands forgot (where a sine lies inside its band) stays forgotten: each comes
    back as a smooth hump, and rows above ``max_frequency`` as 0.

    ``mel``: shape (…, num_frequencies, columns), as `mel_spectrogram` gives it. Returns float32
    ≥ 0, shape (…, n_fft // 2 + 1, columns). Least squares without iterations: fast, and level
    is kept. Raises RiffeduError when the rows do not match ``params``. Notebook: 03_mel.
    """
    import torch

    params = params or _default_params()
    mel, give_back = at_the_door(mel)
    if mel.ndim < 2 or mel.shape[-2] != params.num_frequencies:
        raise RiffeduError(
            f"the mel amplitudes have shape {tuple(mel.shape)}; params.num_frequencies="
            f"{params.num_frequencies} rows and some columns are needed"
        )
    bank = torch.from_numpy(filterbank_of(params))
    weights = torch.linalg.solve(bank @ bank.T, mel.to(torch.float32))
    return give_back((bank.T @ weights).clamp(min=0))


def fit_mel(magnitude, mel, bank):
    """One multiplicative step from any magnitudes towards ones that have the mel amplitudes.

        magnitude ← magnitude · bankᵀ(mel / (bank · magnitude)) / (bankᵀ 1)

    Each row is scaled by what its bands lack, and keeps its place among its neighbours: so fine
    structure that was found elsewhere, by Griffin-Lim say, survives. From all ones, one step gives
    the smooth first guess; repeated, the steps approach magnitudes ≥ 0 that have ``mel`` exactly.
    The error that each step lowers is the Kullback-Leibler divergence.

    ``magnitude``: torch, (rows, columns) ≥ 0; ``mel``: NumPy, (bands, columns); ``bank``: (bands,
    rows), dense or scipy sparse. Returns torch float32 (rows, columns). Source: Lee and Seung,
    "Algorithms for non-negative matrix factorization", NIPS (2000).
    Notebook: 06_beyond_griffin_lim.
    """
    import torch

    found = np.ascontiguousarray(magnitude.numpy(), dtype=np.float32)
    lacks = mel / np.maximum(bank @ found, np.float32(1e-12))
    weight = np.maximum(np.asarray(bank.sum(axis=0), dtype=np.float32).reshape(-1, 1), 1e-12)
    found *= (bank.T @ lacks) / weight
    return torch.from_numpy(found.T.copy()).mT


def filterbank_of(params) -> np.ndarray:
    """`mel_filterbank` with the numbers of a `SpectrogramParams`. Read-only: it is shared."""
    return _filterbank(
        params.sample_rate, params.n_fft, params.num_frequencies, params.min_frequency,
        params.max_frequency, params.mel_scale_type, params.mel_scale_norm,
    )  # fmt: skip


def sparse_filterbank(params):
    """The same as a scipy CSR matrix, without the columns above ``max_frequency``: two numbers of
    a thousand are not zero."""
    from scipy.sparse import csr_matrix

    bank = filterbank_of(params)
    return csr_matrix(bank[:, :int(np.flatnonzero(bank.any(0))[-1]) + 1])


@lru_cache(maxsize=8)
def _filterbank(*numbers) -> np.ndarray:
    return mel_filterbank(*numbers)


def _known(scale: str) -> str:
    if scale not in ("htk", "slaney"):
        raise RiffeduError(f"mel scale {scale!r} is unknown: use 'htk' or 'slaney'")
    return scale


def _default_params():
    from riffedu.image import SpectrogramParams  # lesson 04 explains what its numbers are for

    return SpectrogramParams()
