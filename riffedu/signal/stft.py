"""Lesson 02: the short-time Fourier transform (STFT) and its inverse.

A sound is cut into overlapping frames, each frame is multiplied by a window, and each windowed
frame is Fourier transformed. Everything here is written out on top of ``torch.fft``, which gives
the numbers of `riffedu.signal.fourier.dft` (lesson 01b).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.arrays import Array, Window, as_sound, as_tensor

if TYPE_CHECKING:
    import torch

NEGLIGIBLE = 1e-10  # relative to the squared window's maximum: a smaller weight counts as zero


def stft(
    x: Array,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
) -> Array:
    """Compute the short-time Fourier transform: the spectrum of each windowed frame of a sound.

        X[k, t] = Σ_n w[n] · x[t·hop_length + n] · exp(−2πi k n / n_fft),   n = 0 … n_fft − 1

    ``x``: real, shape (…, samples). Returns complex, shape (…, n_fft // 2 + 1, frames): row k is
    the frequency k · sample_rate / n_fft, column t the time t · hop_length / sample_rate (of the
    frame's middle when centred, else of its start). NumPy in gives NumPy out, torch in gives torch
    out; float64 stays float64.

    ``win_length`` < ``n_fft`` centres the window in the frame and pads it with zeros: more rows,
    not more resolution. ``window`` is a name that scipy.signal.get_window knows
    (periodic) or the ``win_length`` samples themselves. With ``center``, the sound is mirrored at
    both ends so that frame t is centred on sample t · hop_length, and there are
    1 + samples // hop_length frames (for odd n_fft, 1 + (samples − 1) // hop_length); without it,
    only the 1 + (samples − n_fft) // hop_length frames that lie wholly inside the sound.

    Raises RiffeduError for sizes that make no frame, and for a sound that is empty, complex or
    contains NaN. Source: Allen and Rabiner, "A unified approach to short-time Fourier analysis and
    synthesis", Proc. IEEE 65 (1977). Notebook: 02_stft.

    >>> stft(np.zeros(1000), n_fft=256, hop_length=100).shape
    (129, 11)
    """
    import torch

    x, give_back = as_sound(x)
    win_length = _check_sizes(n_fft, hop_length, win_length)
    _check_sound(x, n_fft, center)
    window = get_window(window, win_length, x.dtype)
    left, right = _margins(n_fft, win_length)
    if center:
        x = reflect(x, n_fft // 2)
    frames = x[..., left : x.shape[-1] - right].unfold(-1, win_length, hop_length) * window
    frames = torch.nn.functional.pad(frames, (left, right))
    return give_back(torch.fft.rfft(frames).mT)


def istft(
    spectrum: Array,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    length: int | None = None,
) -> Array:
    """Compute the inverse STFT: the sound whose STFT is nearest to ``spectrum``, by overlap-add.

        x[n] = Σ_t w[n − t·hop] · x_t[n − t·hop]  /  Σ_t w[n − t·hop]²

    where x_t is the inverse FFT of column t. This is the least-squares solution. It is exact if
    ``spectrum`` is the STFT of a sound with the same parameters.

    ``spectrum``: complex, shape (…, n_fft // 2 + 1, frames). Returns real, shape (…, samples):
    (frames − 1) · hop_length samples when centred, (frames − 1) · hop_length + n_fft when not, or
    ``length`` samples. Samples at the ends that no window reaches are 0.

    Raises RiffeduError if the windows leave gaps (the NOLA condition fails, see `is_nola`), since
    a sample outside all windows cannot be reconstructed. Source: Griffin and Lim, "Signal
    estimation from modified short-time Fourier transform", IEEE Trans. ASSP 32 (1984), eq. 6.
    Notebook: 02_stft.

    >>> x = np.random.default_rng(0).standard_normal(1000)
    >>> y = istft(stft(x, 256, 64), 256, 64, length=1000)
    >>> bool(np.allclose(x, y))
    True
    """
    import torch

    spectrum, give_back = as_tensor(spectrum)
    win_length = _check_sizes(n_fft, hop_length, win_length)
    _check_spectrum(spectrum, n_fft, length)
    window = get_window(window, win_length, spectrum.real.dtype)
    _check_gaps(window, win_length, hop_length)
    left, right = _margins(n_fft, win_length)
    frames = torch.fft.irfft(spectrum.mT, n=n_fft)[..., left : n_fft - right] * window
    total = overlap_add(frames, hop_length)
    weight = overlap_add((window**2).expand(frames.shape[-2], -1), hop_length)
    known = weight > NEGLIGIBLE * (window**2).max()
    x = torch.where(known, total / weight.where(known, 1), 0)
    # x[0] lies before the sound's start when frames are centred, after it when they are not.
    start = left - n_fft // 2 if center else left
    if length is None:
        length = (frames.shape[-2] - 1) * hop_length + (0 if center else n_fft)
    x = torch.nn.functional.pad(x, (start, max(0, length - start - x.shape[-1])))[..., :length]
    if not x.sum().isfinite():
        raise RiffeduError("the spectrum contains NaN or infinite numbers: remove them first")
    return give_back(x)


def overlap_add(frames: Array, hop_length: int) -> Array:
    """Overlap and add frames, frame t at t · hop_length: (…, frames, size) → (…, samples).

    Each frame is cut into pieces of one hop; piece j of every frame is added in one go. NumPy in
    gives NumPy out. Notebook: 02_stft.

    >>> overlap_add(np.ones((3, 4)), hop_length=2).tolist()
    [1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0]
    """
    import torch

    frames, give_back = as_tensor(frames)
    count, size = frames.shape[-2:]
    pieces = -(-size // hop_length)
    frames = torch.nn.functional.pad(frames, (0, pieces * hop_length - size))
    out = frames.new_zeros(*frames.shape[:-2], count + pieces - 1, hop_length)
    for j in range(pieces):
        out[..., j : j + count, :] += frames[..., j * hop_length : (j + 1) * hop_length]
    return give_back(out.flatten(-2)[..., : (count - 1) * hop_length + size])


def get_window(window: Window, win_length: int, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Return the ``win_length`` samples of a periodic window, as a torch tensor.

        Hann: w[n] = ½ − ½ cos(2πn / win_length)

    ``window``: "hann", any other name or (name, parameter) that scipy.signal.get_window knows, or
    the samples. Raises RiffeduError for an unknown name, a wrong number of samples, and samples
    that are not real and finite, or all 0. Notebook: 02_stft.

    >>> get_window("hann", 4).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    import torch

    if isinstance(window, str) and window == "hann" and win_length > 1:
        samples = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length)
    elif isinstance(window, (str, tuple)):
        samples = _scipy_window(window, win_length)
    else:
        samples = np.asarray(window)
    if samples.shape != (win_length,):
        raise RiffeduError(
            f"the window has shape {samples.shape}, but win_length={win_length} needs "
            f"({win_length},)"
        )
    if samples.dtype.kind not in "fiu" or not np.isfinite(samples).all() or not samples.any():
        raise RiffeduError("a window must consist of real, finite numbers that are not all 0")
    return torch.as_tensor(samples, dtype=dtype or torch.float32)


def overlap(window: Window, win_length: int, hop_length: int, power: int = 2) -> np.ndarray:
    """Return the sum of the overlapping windows of all frames, at each sample of one hop.

        W[n] = Σ_t w[n − t · hop_length]^power,   n = 0 … hop_length − 1

    It repeats with every hop, except near the ends of the sound. ``window`` as for
    `get_window`; returns float64, shape (hop_length,). Notebook: 02_stft.

    >>> overlap("hann", 8, 4, power=1).round(6).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    import torch

    _check_sizes(win_length, hop_length, None)
    samples = get_window(window, win_length, torch.float64).numpy()
    pieces = np.pad(samples, (0, -win_length % hop_length)).reshape(-1, hop_length)
    return (pieces**power).sum(axis=0)


def is_cola(window: Window, win_length: int, hop_length: int, tolerance: float = 1e-5) -> bool:
    """Return whether the windows satisfy COLA (constant overlap-add): their sum is constant.

    Then adding the frames, without a division, gives the sound back up to a constant factor.
    ``tolerance`` is relative. Notebook: 02_stft.

    >>> is_cola("hann", 512, 256), is_cola("hann", 512, 300)
    (True, False)
    """
    total = overlap(window, win_length, hop_length, power=1)
    return bool(np.abs(total - total.mean()).max() <= tolerance * np.abs(total.mean()))


def is_nola(window: Window, win_length: int, hop_length: int) -> bool:
    """Return whether the windows satisfy NOLA (nonzero overlap-add): each sample has a window.

    This is necessary and sufficient for `istft` to be exact. It is weaker than COLA, because istft
    divides by the sum of the squared windows, which need not be constant. Notebook: 02_stft.

    >>> is_nola("hann", 512, 300), is_nola("hann", 512, 512)
    (True, False)
    """
    import torch

    greatest = float((get_window(window, win_length, torch.float64) ** 2).max())
    return bool(overlap(window, win_length, hop_length).min() > NEGLIGIBLE * greatest)


def window_spectrum(
    window: Window, win_length: int, zoom: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Return a window's spectrum, the shape of a sine in a column: (bins, decibels), 0 dB at bin 0.

    A bin is sample_rate / win_length wide; zero padding gives ``zoom`` points per bin.
    Notebook: 02_stft.

    >>> bins, db = window_spectrum("hann", 64)
    >>> round(float(db[bins == 1][0]), 2)
    -6.02
    """
    import torch

    samples = get_window(window, win_length, torch.float64).numpy()
    magnitude = np.abs(np.fft.rfft(samples, zoom * win_length))
    bins = np.arange(len(magnitude)) / zoom
    return bins, decibels(magnitude, magnitude[0], floor=-200)


def lobes(window: Window, win_length: int = 1024) -> tuple[float, float]:
    """Return a window's main-lobe width in bins and its highest side lobe in dB.

    The main-lobe width limits how close two separable tones can be; the side lobes mask faint
    tones further away. Source: Harris, "On the use of windows for harmonic analysis with the
    discrete Fourier transform", Proc. IEEE 66 (1978). Notebook: 02_stft.

    >>> width, side_lobe_db = lobes("hann")
    >>> round(width, 1), round(side_lobe_db, 1)
    (4.0, -31.5)
    """
    bins, db = window_spectrum(window, win_length)
    rises = (np.diff(db) > 0) & (db[:-1] < -3)
    edge = int(rises.argmax()) if rises.any() else len(db) - 1
    return float(2 * bins[edge]), float(db[edge:].max())


def decibels(magnitude: Array, reference: float = 1.0, floor: float = -100.0) -> Array:
    """Return magnitudes in decibels: 20 · log10(|x| / reference), at least ``floor``.

    With half the window's sum as reference, a sine of amplitude 1 reads 0 dB in an STFT.
    Notebook: 02_stft.

    >>> decibels(np.array([1.0, 0.1, 0.0])).round(6).tolist()
    [0.0, -20.0, -100.0]
    """
    magnitude, give_back = as_tensor(magnitude)
    if not reference > 0:
        raise RiffeduError(f"decibels need a reference above 0, not {reference}")
    ratio = magnitude.abs() / reference
    return give_back(20 * ratio.clamp(min=10 ** (floor / 20)).log10())


def reflect(x: torch.Tensor, pad: int) -> torch.Tensor:
    """Mirror a sound at both ends by ``pad`` samples: c b [a b c d] c b.

    A short sound is mirrored as often as needed. Shape (…, samples) → (…, samples + 2 · pad).

    >>> import torch
    >>> reflect(torch.arange(4), 2).tolist()
    [2, 1, 0, 1, 2, 3, 2, 1]
    """
    import torch

    last = x.shape[-1] - 1
    if pad <= last:
        before, after = x[..., 1 : pad + 1].flip(-1), x[..., last - pad : last].flip(-1)
        return torch.cat([before, x, after], -1)
    positions = torch.arange(-pad, last + 1 + pad) % max(1, 2 * last)
    return x[..., torch.minimum(positions, 2 * last - positions).clamp(min=0)]


def _scipy_window(window: Window, win_length: int) -> np.ndarray:
    from scipy import signal

    try:
        return signal.get_window(window, win_length)
    except (ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise RiffeduError(f"scipy cannot make the window {window!r}: {reason}") from None


def _margins(n_fft: int, win_length: int) -> tuple[int, int]:
    left = (n_fft - win_length) // 2
    return left, n_fft - win_length - left


def _check_sizes(n_fft: int, hop_length: int, win_length: int | None) -> int:
    win_length = n_fft if win_length is None else win_length
    for name, size in {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}.items():
        if not isinstance(size, (int, np.integer)) or size < 1:
            raise RiffeduError(f"{name}={size!r} must be a whole number of samples, at least 1")
    if win_length > n_fft:
        raise RiffeduError(f"win_length={win_length} must not be more than n_fft={n_fft}")
    return win_length


def _check_sound(x: torch.Tensor, n_fft: int, center: bool) -> None:
    if not center and x.shape[-1] < n_fft:
        raise RiffeduError(
            f"the sound has {x.shape[-1]} samples, but a frame needs {n_fft}: "
            "use center=True or a smaller n_fft"
        )


def _check_spectrum(spectrum: torch.Tensor, n_fft: int, length: int | None) -> None:
    if not spectrum.is_complex() or spectrum.ndim < 2 or spectrum.shape[-2] != n_fft // 2 + 1:
        raise RiffeduError(
            f"istft needs a complex spectrum of {n_fft // 2 + 1} rows for n_fft={n_fft}, "
            f"but this one is {spectrum.dtype} of shape {tuple(spectrum.shape)}"
        )
    if spectrum.shape[-1] == 0:
        raise RiffeduError("the spectrum has no frames: give it at least one column")
    if length is not None and (not isinstance(length, (int, np.integer)) or length < 0):
        raise RiffeduError(f"length={length!r} must be a whole number of samples, 0 or more")


def _check_gaps(window: Window, win_length: int, hop_length: int) -> None:
    if not is_nola(window, win_length, hop_length):
        raise RiffeduError(
            f"the windows leave gaps (NOLA fails): with hop_length={hop_length} some samples get "
            f"no weight from any window of {win_length} samples; use a smaller hop_length"
        )
