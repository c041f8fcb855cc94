"""Lesson 03: the mel scale, its filterbank, and the inverse.

Names: ``bank`` is the filterbank, ``magnitude`` is |STFT|, ``mel`` the mel amplitudes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.arrays import Array, as_sound, as_tensor
from riffedu.signal.stft import istft, reflect, stft

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike

    from riffedu.signal.params import SpectrogramParams

TINY = np.float32(1e-12)
"""Stands in for 0 where a sum of weights divides."""


def hz_to_mel(hertz: ArrayLike, scale: str = "htk") -> np.ndarray:
    """Convert hertz to mel.

        htk:     m = 2595 · log10(1 + f / 700)
        slaney:  m = 3 f / 200 below 1000 Hz, 15 + 27 · ln(f / 1000) / ln 6.4 above

    ``hertz`` ≥ 0, any shape. Sources: O'Shaughnessy, *Speech Communication* (1987); Slaney,
    *Auditory Toolbox* (1998). Notebook: 03_mel.

    >>> float(hz_to_mel(1000).round(1))
    1000.0
    """
    hertz = np.asarray(hertz, dtype=np.float64)
    if _known(scale) == "htk":
        return 2595 * np.log10(1 + hertz / 700)
    return np.where(
        hertz < 1000,
        3 * hertz / 200,
        15 + 27 * np.log(np.maximum(hertz, 1000) / 1000) / np.log(6.4),
    )


def mel_to_hz(mel: ArrayLike, scale: str = "htk") -> np.ndarray:
    """Convert mel to hertz: the inverse of `hz_to_mel`, with the same scales. Notebook: 03_mel.

    >>> float(mel_to_hz(1000).round(1))
    1000.0
    """
    mel = np.asarray(mel, dtype=np.float64)
    if _known(scale) == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    return np.where(
        mel < 15, 200 * mel / 3, 1000 * np.exp((np.maximum(mel, 15) - 15) / 27 * np.log(6.4))
    )


def mel_filterbank(
    sample_rate: float,
    n_fft: int,
    n_mels: int = 512,
    min_frequency: float = 0.0,
    max_frequency: float | None = 10000.0,
    scale: str = "htk",
    norm: str | None = None,
) -> np.ndarray:
    """Return triangular filters over the rows of an STFT, evenly spaced in mel.

    Band m rises from edge m to 1 at edge m + 1 and falls to 0 at edge m + 2, where the n_mels + 2
    edges cut [min_frequency, max_frequency] into equal steps of mel:

        bank[m, k] = max(0, min((f_k − e_m) / (e_{m+1} − e_m),
                                (e_{m+2} − f_k) / (e_{m+2} − e_{m+1})))

    with f_k = k · sample_rate / n_fft. Returns float32, shape (n_mels, n_fft // 2 + 1), values in
    [0, 1]; ``norm="slaney"`` divides each triangle by half its width in hertz, which gives all the
    same area. ``max_frequency=None`` is sample_rate / 2. Frequencies in hertz.

    Raises RiffeduError for an unknown scale or norm and for frequencies out of order.
    Source: as implemented by HTK and by Slaney's toolbox. Notebook: 03_mel.

    >>> mel_filterbank(44100, 2048, n_mels=64).shape
    (64, 1025)
    """
    max_frequency = sample_rate / 2 if max_frequency is None else max_frequency
    _check_bank(min_frequency, max_frequency, norm, n_mels)
    low, high = hz_to_mel([min_frequency, max_frequency], scale)
    edges = mel_to_hz(np.linspace(low, high, n_mels + 2), scale)[:, None]
    f = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    rise = (f - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - f) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0, np.minimum(rise, fall))
    if norm == "slaney":
        bank *= 2 / (edges[2:] - edges[:-2])
    return bank.astype(np.float32)


def mel_spectrogram(waveform: Array, params: SpectrogramParams | None = None) -> Array:
    """Return the mel amplitudes of a sound: the filterbank times |STFT|.

        mel[m, t] = Σ_k bank[m, k] · |X[k, t]|

    ``waveform``: real, shape (…, samples), nominally in [−1, 1], at ``params.sample_rate``
    (default: Riffusion's `SpectrogramParams`). Returns float32 ≥ 0, shape
    (…, num_frequencies, columns), row 0 the lowest band.

    There is one column for every hop that begins inside the sound: ceil(samples / hop_length).
    Column t is centred on sample t · hop_length, so a 5.12 s clip, 225792 samples, gives 512
    columns. (A centred STFT has one more when the hop divides the samples; Riffusion keeps it, and
    gets its 512 columns from 5.11 s.) Beyond input and output, memory does not grow with length;
    for sounds that do not fit into memory, use `mel_blocks`.

    Raises RiffeduError for an empty sound or one with NaN or infinite samples. Notebook: 03_mel.

    >>> mel_spectrogram(np.zeros(4410)).shape
    (512, 10)
    """
    import torch

    params = params or _default_params()
    x, give_back = as_sound(waveform)
    columns = -(-x.shape[-1] // params.hop_length)
    mel = torch.empty(*x.shape[:-1], params.num_frequencies, columns)
    done = 0
    for block in mel_blocks(x.split(65536, -1), params):
        mel[..., done : done + block.shape[-1]] = block
        done += block.shape[-1]
    return give_back(mel)


def mel_blocks(blocks: Iterable[Array], params: SpectrogramParams | None = None) -> Iterator[Array]:
    """Yield the columns of `mel_spectrogram` for a sound that arrives in blocks.

    ``blocks``: an iterable of consecutive waveforms of shape (…, samples), of any length, such as
    a file read in pieces. Yields the mel amplitudes 64 columns at a time (the last block is
    shorter), each as soon as its samples have arrived; joined in time, they equal
    `mel_spectrogram` of the joined sound. An hour needs no more memory than a second. (64 columns
    fit into a processor's cache; 128 took half as long again.)

    Raises RiffeduError if the blocks contain no samples, or if one has NaN or infinite samples or
    another number of channels. Notebook: 03_mel.

    >>> [mel.shape for mel in mel_blocks([np.zeros(3000), np.zeros(2000)])]
    [(512, 12)]
    """
    import torch

    params = params or _default_params()
    bank = sparse_filterbank(params)
    n_fft, hop = params.n_fft, params.hop_length
    tensors = (as_sound(block, block=True) for block in blocks)
    for piece, give_back in _pieces(tensors, n_fft, hop, columns=64):
        spectrum = stft(piece, n_fft, hop, params.win_length, center=False).numpy()
        # NumPy's abs: torch's takes as long as the FFT.
        magnitude = np.abs(spectrum[..., : bank.shape[1], :])
        channels = [bank @ channel for channel in magnitude.reshape(-1, *magnitude.shape[-2:])]
        mel = np.reshape(channels, (*magnitude.shape[:-2], *channels[0].shape))
        yield give_back(torch.from_numpy(mel))


def _pieces(
    tensors: Iterable[tuple[torch.Tensor, Callable]], n_fft: int, hop_length: int, columns: int
) -> Iterator[tuple[torch.Tensor, Callable]]:
    """Cut a sound into overlapping pieces, mirrored at both ends as in a centred `stft`.

    Each piece holds the samples of ``columns`` frames, the last one those of the frames left.
    """
    import torch

    size, step = (columns - 1) * hop_length + n_fft, columns * hop_length
    before = n_fft // 2
    after = n_fft - 1 - before  # so that the last frame is centred inside the sound
    held, begun = None, False
    for x, give_back in tensors:
        x = _checked(x, held)
        held = x if held is None else torch.cat([held, x], -1)
        if not begun and held.shape[-1] > before:
            held, begun = torch.cat([held[..., 1 : before + 1].flip(-1), held], -1), True
        while begun and held.shape[-1] > size + before:  # the end stays, to be mirrored
            yield held[..., :size], give_back
            held = held[..., step:]
    if held is None or held.shape[-1] == 0:
        raise RiffeduError("the sound is empty: give it at least one sample")
    if begun:
        held = torch.cat([held, held[..., -after - 1 : -1].flip(-1)], -1)
    else:
        held = reflect(held, before)[..., : held.shape[-1] + before + after]
    while held.shape[-1] >= n_fft:
        yield held[..., :size], give_back
        held = held[..., step:]


def _checked(x: torch.Tensor, held: torch.Tensor | None) -> torch.Tensor:
    """A block as float32, or a RiffeduError that says why it does not follow ``held``."""
    import torch

    if x.ndim == 0 or held is not None and x.shape[:-1] != held.shape[:-1]:
        raise RiffeduError(
            f"a block of shape {tuple(x.shape)} does not match the previous blocks: all need the "
            "same number of channels"
        )
    return x.detach().to(torch.float32)


def invert_mel(mel: Array, params: SpectrogramParams | None = None, method: str = "pinv") -> Array:
    """Estimate |STFT| from mel amplitudes.

    The 8821 rows of a frame were summed into 512 bands, so the position of a sine inside its band
    is lost: it comes back as a smooth hump, and rows above ``max_frequency`` as 0. Among the many
    magnitudes that fit, ``method`` chooses:

    - "transpose": `transpose_inverse`, straight lines from band to band. Cheapest, never negative,
      but blurred by a band to each side: bank · magnitude misses ``mel`` by some −20 dB.
    - "pinv": `pseudo_inverse`, the smallest that fit exactly; then what came out negative is set
      to 0, which costs some of the fit: −35 to −70 dB on the course's clips. No iterations.
    - "nnls": 30 of `nnls_steps`, which are ≥ 0 *and* fit, below −80 dB, at five times the cost.

    ``mel``: shape (…, num_frequencies, columns), as `mel_spectrogram` gives it. Returns float32
    ≥ 0, shape (…, n_fft // 2 + 1, columns). Raises RiffeduError for an unknown method and when the
    rows do not match ``params``. Notebook: 03_mel.

    >>> invert_mel(np.ones((512, 2)), method="transpose").shape
    (8821, 2)
    """
    import torch

    params = params or _default_params()
    if method not in _INVERSES:
        known = ", ".join(map(repr, _INVERSES))
        raise RiffeduError(f"method={method!r} is unknown: use one of {known}")
    mel, give_back = as_tensor(mel)
    if mel.ndim < 2 or mel.shape[-2] != params.num_frequencies:
        raise RiffeduError(
            f"the mel amplitudes have shape {tuple(mel.shape)}; params.num_frequencies="
            f"{params.num_frequencies} rows and at least one column are needed"
        )
    bank = sparse_filterbank(params)
    side_by_side = mel.to(torch.float32).movedim(-2, 0).flatten(1).numpy()  # (bands, all columns)
    found = torch.from_numpy(_INVERSES[method](side_by_side, bank))
    found = found.reshape(-1, *mel.shape[:-2], mel.shape[-1]).movedim(0, -2)
    magnitude = torch.zeros(*mel.shape[:-2], params.n_fft // 2 + 1, mel.shape[-1])
    magnitude[..., : found.shape[-2], :] = found
    return give_back(magnitude)


def mel_round_trip(
    waveform: Array, params: SpectrogramParams | None = None, method: str = "pinv"
) -> Array:
    """Send a sound through the filterbank and back with its own phases: what mel alone loses.

        Y = X / |X| · invert_mel(bank · |X|),   X = STFT(waveform)

    ``waveform``: shape (…, samples). Returns float32 of the same shape, not
    normalised. A picture cannot do this, since it has no phases. Raises RiffeduError as
    `mel_spectrogram` and `invert_mel` do. Notebook: 03_mel.

    >>> mel_round_trip(np.zeros(4410), method="transpose").shape
    (4410,)
    """
    import torch

    params = params or _default_params()
    x, give_back = as_sound(waveform)
    magnitude = invert_mel(mel_spectrogram(x, params), params, method)
    grid = params.n_fft, params.hop_length, params.win_length
    spectrum = stft(x.to(torch.float32), *grid)[..., : magnitude.shape[-1]]
    return give_back(istft(torch.sgn(spectrum) * magnitude, *grid, length=x.shape[-1]))


def transpose_inverse(mel: np.ndarray, bank: Any) -> np.ndarray:
    """Invert the filterbank by its transpose: each band's mean magnitude, linear in between.

        magnitude = bankᵀ (mel / (bank 1)) / (bankᵀ 1)

    Each row gets the mean of its two bands, weighted by its share in each. ``mel``: NumPy
    (bands, columns); ``bank``: (bands, rows), dense or scipy sparse. Returns float32 ≥ 0, (rows,
    columns), 0 in rows that no band holds. Notebook: 03_mel.

    >>> bank = mel_filterbank(8000, 256, n_mels=8, max_frequency=4000)
    >>> transpose_inverse(np.ones((8, 3)), bank).shape
    (129, 3)
    """
    area = np.asarray(bank.sum(axis=1), dtype=np.float32).reshape(-1, 1)
    weight = np.asarray(bank.sum(axis=0), dtype=np.float32).reshape(-1, 1)
    return (bank.T @ (mel / np.maximum(area, TINY))) / np.maximum(weight, TINY)


def pseudo_inverse(mel: np.ndarray, bank: Any) -> np.ndarray:
    """Return the magnitudes of least Σ magnitude² that have these mel amplitudes, clamped at 0.

        magnitude = max(0, bankᵀ (bank bankᵀ)⁺ mel)

    which is the Moore-Penrose pseudo-inverse. The bands overlap with their neighbours only, so
    bank bankᵀ has three diagonals. Where bands are empty or alike it cannot be inverted: its
    eigenvalues under 10⁻⁶ of the largest are left out. Arguments and result as for
    `transpose_inverse`. Source: Penrose, Proc. Cambridge Phil. Soc. 52 (1956). Notebook: 03_mel.

    >>> bank = mel_filterbank(8000, 256, n_mels=8, max_frequency=4000)
    >>> magnitude = pseudo_inverse(np.ones((8, 3)), bank)
    >>> bool(np.allclose(bank @ magnitude, 1, atol=0.1))
    True
    """
    from scipy.sparse import csr_array

    gram = csr_array(bank @ bank.T, dtype=np.float64).toarray()
    inverse = np.linalg.pinv(gram, rcond=1e-6, hermitian=True).astype(np.float32)
    return np.maximum(0, bank.T @ (inverse @ mel))


def nnls_steps(
    mel: np.ndarray, bank: Any, n_iter: int = 30, initial: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Solve min ‖mel − bank · magnitude‖ with magnitude ≥ 0 (NNLS); yield every iterate.

        magnitude_{i+1} = max(0, ahead + bankᵀ (mel − bank · ahead) / (bankᵀ bank 1))
        ahead = magnitude_i + i/(i + 3) · (magnitude_i − magnitude_{i−1})

    Projected gradient steps with momentum. Each row has its own step size, 1 / (bankᵀ bank 1),
    which never overshoots: bank ≥ 0, so diag(bankᵀ bank 1) − bankᵀ bank is positive semidefinite.

    Arguments as for `transpose_inverse`. Yields n_iter + 1 float32 arrays (rows, columns), the
    first of them ``initial``, by default the `pseudo_inverse`: where many magnitudes fit, the
    first guess decides which one is found. Sources: Beck and Teboulle, SIAM J. Imaging Sciences 2
    (2009); the step size: De Pierro, IEEE Trans. Medical Imaging 14 (1995). Notebook: 03_mel.

    >>> bank = mel_filterbank(8000, 256, n_mels=8, max_frequency=4000)
    >>> *_, magnitude = nnls_steps(np.ones((8, 3)), bank)
    >>> bool(np.allclose(bank @ magnitude, 1, atol=1e-3))
    True
    """
    one = np.ones((bank.shape[1], 1), dtype=np.float32)
    stride = 1 / np.maximum(bank.T @ (bank @ one), TINY)
    magnitude = pseudo_inverse(mel, bank) if initial is None else initial
    ahead = magnitude
    for i in range(n_iter):
        yield magnitude
        lacks = mel - bank @ ahead
        following = np.maximum(0, ahead + (bank.T @ lacks) * stride)
        ahead = following + np.float32(i / (i + 3)) * (following - magnitude)
        magnitude = following
    yield magnitude


def _last_of_nnls(mel: np.ndarray, bank: Any) -> np.ndarray:
    [magnitude] = deque(nnls_steps(mel, bank), maxlen=1)
    return magnitude


_INVERSES = {"transpose": transpose_inverse, "pinv": pseudo_inverse, "nnls": _last_of_nnls}


def fit_mel(magnitude: torch.Tensor, mel: np.ndarray, bank: Any) -> torch.Tensor:
    """Take one multiplicative update step of magnitudes towards given mel amplitudes.

        magnitude ← magnitude · bankᵀ(mel / (bank · magnitude)) / (bankᵀ 1)

    Each row is scaled by the ratio of wanted to present mel amplitudes in its bands, so that fine
    structure found elsewhere, by Griffin-Lim for example, survives. From all ones, one step gives
    a smooth first guess; repeated steps approach magnitudes ≥ 0 that have ``mel`` exactly. Each
    step lowers the Kullback-Leibler divergence.

    ``magnitude``: torch, (rows, columns) ≥ 0; ``mel``: NumPy, (bands, columns); ``bank``: (bands,
    rows), dense or scipy sparse. Returns torch float32 (rows, columns). Source: Lee and Seung,
    "Algorithms for non-negative matrix factorization", NIPS (2000).
    Notebook: 06_beyond_griffin_lim.

    >>> import torch
    >>> bank = mel_filterbank(8000, 256, n_mels=8, max_frequency=4000)
    >>> fit_mel(torch.ones(129, 3), np.ones((8, 3)), bank).shape
    torch.Size([129, 3])
    """
    import torch

    found = np.ascontiguousarray(magnitude.numpy(), dtype=np.float32)
    lacks = mel / np.maximum(bank @ found, TINY)
    weight = np.maximum(np.asarray(bank.sum(axis=0), dtype=np.float32).reshape(-1, 1), TINY)
    found *= (bank.T @ lacks) / weight
    return torch.from_numpy(found.T.copy()).mT


def filterbank_of(params: SpectrogramParams) -> np.ndarray:
    """Return `mel_filterbank` with the numbers of a `SpectrogramParams`. Read-only: it is shared.

    >>> from riffedu.signal.params import SpectrogramParams
    >>> filterbank_of(SpectrogramParams()).shape
    (512, 8821)
    """
    return _filterbank(
        params.sample_rate,
        params.n_fft,
        params.num_frequencies,
        params.min_frequency,
        params.max_frequency,
        params.mel_scale_type,
        params.mel_scale_norm,
    )


@lru_cache(maxsize=8)
def sparse_filterbank(params: SpectrogramParams) -> Any:
    """Return `filterbank_of` as a scipy CSR matrix, without the STFT rows above ``max_frequency``.

    Two in a thousand of its numbers are not zero.

    >>> from riffedu.signal.params import SpectrogramParams
    >>> sparse_filterbank(SpectrogramParams()).shape
    (512, 4000)
    """
    from scipy.sparse import csr_matrix

    bank = filterbank_of(params)
    return csr_matrix(bank[:, : np.flatnonzero(bank.any(axis=0)).max(initial=0) + 1])


@lru_cache(maxsize=8)
def _filterbank(*numbers: Any) -> np.ndarray:
    return mel_filterbank(*numbers)


def _check_bank(min_frequency: float, max_frequency: float, norm: str | None, n_mels: int) -> None:
    if not 0 <= min_frequency < max_frequency:
        raise RiffeduError(
            f"the bands need 0 <= min_frequency < max_frequency, not {min_frequency} and "
            f"{max_frequency} Hz"
        )
    if norm not in (None, "slaney"):
        raise RiffeduError(f"norm={norm!r} is unknown: use None or 'slaney'")
    if n_mels < 1:
        raise RiffeduError(f"n_mels={n_mels} must be at least 1")


def _known(scale: str) -> str:
    if scale not in ("htk", "slaney"):
        raise RiffeduError(f"mel scale {scale!r} is unknown: use 'htk' or 'slaney'")
    return scale


def _default_params() -> SpectrogramParams:
    from riffedu.signal.params import SpectrogramParams

    return SpectrogramParams()
