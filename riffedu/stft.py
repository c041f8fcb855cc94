"""Lesson 02: short-time Fourier transform, there and back.

A sound is cut into overlapping frames, each frame is faded in and out by a window, and each
windowed frame is taken apart into sines. Everything here is written out on top of ``torch.fft``.
"""

from __future__ import annotations

import numpy as np

from riffedu.errors import RiffeduError


def stft(x, n_fft: int, hop_length: int, win_length: int | None = None, window="hann",
         center: bool = True):
    """Spectrum of each windowed frame of a sound.

        X[k, t] = Σ_n w[n] · x[t·hop_length + n] · exp(−2πi k n / n_fft),   n = 0 … n_fft − 1

    ``x``: real, shape (…, samples). Returns complex, shape (…, n_fft // 2 + 1, frames): row k is
    the frequency k · sample_rate / n_fft, column t the time t · hop_length / sample_rate.
    NumPy in gives NumPy out, torch in gives torch out; float64 stays float64.

    ``win_length`` < ``n_fft`` puts the window in the middle of the frame and zeros beside it:
    more rows, not more resolution. ``window`` is a name that scipy.signal.get_window knows
    (periodic) or the ``win_length`` samples themselves. With ``center``, the sound is mirrored at
    both ends so that frame t is centred on sample t · hop_length, and there are
    1 + samples // hop_length frames; without it, only frames that lie wholly inside the sound.

    Raises RiffeduError for sizes that make no frame. Source: Allen and Rabiner, "A unified
    approach to short-time Fourier analysis and synthesis", Proc. IEEE 65 (1977).
    Notebook: 02_stft.
    """
    import torch

    x, give_back = at_the_door(x)
    win_length = _check_sizes(n_fft, hop_length, win_length)
    window = get_window(window, win_length, x.dtype)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise RiffeduError("the sound is empty: give it at least one sample")
    if center:
        x = reflect(x, n_fft // 2)
    if x.shape[-1] < n_fft:
        raise RiffeduError(
            f"the sound has {x.shape[-1]} samples, a frame needs {n_fft}: "
            "use center=True or a smaller n_fft"
        )
    left, right = _margins(n_fft, win_length)
    frames = x[..., left:x.shape[-1] - right].unfold(-1, win_length, hop_length) * window
    frames = torch.nn.functional.pad(frames, (left, right))
    return give_back(torch.fft.rfft(frames).mT)


def istft(spectrum, n_fft: int, hop_length: int, win_length: int | None = None, window="hann",
          center: bool = True, length: int | None = None):
    """The sound whose STFT is nearest to ``spectrum``: windowed frames, overlapped and added.

        x[n] = Σ_t w[n − t·hop] · x_t[n − t·hop]  /  Σ_t w[n − t·hop]²

    where x_t is the inverse FFT of column t. This is the least-squares answer, and it returns the
    sound exactly where ``spectrum`` is the STFT of one with the same parameters.

    ``spectrum``: complex, shape (…, n_fft // 2 + 1, frames). Returns real, shape (…, samples):
    (frames − 1) · hop_length samples when centred, or ``length`` samples (cut, or zeros added).

    Raises RiffeduError where some sample is under no window (the NOLA condition, "nonzero
    overlap-add", fails), so that it cannot be known. Source: Griffin and Lim, "Signal estimation
    from modified short-time Fourier transform", IEEE Trans. ASSP 32 (1984), eq. 6.
    Notebook: 02_stft.
    """
    import torch

    spectrum, give_back = at_the_door(spectrum)
    win_length = _check_sizes(n_fft, hop_length, win_length)
    if not spectrum.is_complex() or spectrum.ndim < 2 or spectrum.shape[-2] != n_fft // 2 + 1:
        raise RiffeduError(
            f"istft needs a complex spectrum of {n_fft // 2 + 1} rows for n_fft={n_fft}, "
            f"this one is {spectrum.dtype} of shape {tuple(spectrum.shape)}"
        )
    if spectrum.shape[-1] == 0:
        raise RiffeduError("the spectrum has no frames: give it at least one column")
    window = get_window(window, win_length, spectrum.real.dtype)
    left, right = _margins(n_fft, win_length)
    frames = torch.fft.irfft(spectrum.mT, n=n_fft)[..., left:n_fft - right] * window
    total = overlap_add(frames, hop_length)
    weight = overlap_add((window**2).expand(frames.shape[-2], -1), hop_length)

    start = n_fft // 2 - left if center else 0
    if length is None:
        length = (frames.shape[-2] - 1) * hop_length + (0 if center else n_fft)
    if not center:
        total = torch.nn.functional.pad(total, (left, right))
        weight = torch.nn.functional.pad(weight, (left, right))
    total, weight = total[..., start:start + length], weight[start:start + length]
    if not center:
        # The first and last samples lie under the window's own zeros: nothing is known there, and
        # nothing is claimed. Holes further in are the mistake that the error is for.
        known = (weight > 1e-10).nonzero()
        inside = weight[known[0]:known[-1] + 1] if len(known) else weight
    else:
        inside = weight
    if len(inside) and inside.min() <= 1e-10:
        raise RiffeduError(
            f"the windows leave gaps (NOLA fails): with hop_length={hop_length} some samples lie "
            f"under no part of the {win_length}-sample window; use a smaller hop_length"
        )
    x = torch.where(weight > 1e-10, total / weight.clamp(min=1e-10), 0)
    return give_back(torch.nn.functional.pad(x, (0, length - x.shape[-1])))


def overlap_add(frames, hop_length: int):
    """Lays frame t down at t · hop_length and adds: (…, frames, size) → (…, samples).

    Each frame is cut into pieces of one hop; piece j of every frame is added in one go.
    """
    import torch

    count, size = frames.shape[-2:]
    pieces = -(-size // hop_length)
    frames = torch.nn.functional.pad(frames, (0, pieces * hop_length - size))
    out = frames.new_zeros(*frames.shape[:-2], count + pieces - 1, hop_length)
    for j in range(pieces):
        out[..., j:j + count, :] += frames[..., j * hop_length:(j + 1) * hop_length]
    return out.flatten(-2)[..., :(count - 1) * hop_length + size]


def get_window(window, win_length: int, dtype=None):
    """``win_length`` samples of a window as a torch tensor: periodic, so that hops tile evenly.

        Hann: w[n] = ½ − ½ cos(2πn / win_length)

    ``window``: "hann", any other name or (name, parameter) that scipy.signal.get_window knows, or
    the samples. Raises RiffeduError for an unknown name or a wrong number of samples.
    """
    import torch

    if isinstance(window, str) and window == "hann":
        samples = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length)
    elif isinstance(window, (str, tuple)):
        from scipy import signal

        try:
            samples = signal.get_window(window, win_length)
        except (ValueError, TypeError) as error:
            raise RiffeduError(f"scipy makes no window {window!r}: {error}") from None
    else:
        samples = np.asarray(window)
        if samples.shape != (win_length,):
            raise RiffeduError(
                f"the window has shape {samples.shape}, win_length={win_length} needs "
                f"({win_length},)"
            )
    return torch.as_tensor(samples, dtype=dtype or torch.float32)


def reflect(x, pad: int):
    """Mirrors a sound at both ends, ``pad`` samples each, as often as a short sound needs:
    c b [a b c d] c b. Shape (…, samples) → (…, samples + 2 · pad)."""
    import torch

    last = x.shape[-1] - 1
    if pad <= last:
        before, after = x[..., 1:pad + 1].flip(-1), x[..., last - pad:last].flip(-1)
        return torch.cat([before, x, after], -1)
    there_and_back = torch.arange(-pad, last + 1 + pad) % max(1, 2 * last)
    return x[..., torch.minimum(there_and_back, 2 * last - there_and_back).clamp(min=0)]


def at_the_door(x):
    """Torch inside, NumPy accepted: returns the tensor and how to hand a result back."""
    import torch

    if isinstance(x, torch.Tensor):
        tensor, give_back = x, lambda y: y
    else:
        array = np.asarray(x)
        if array.dtype.kind not in "fciu":
            raise RiffeduError(f"numbers are needed here, not {array.dtype}")
        tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))
        give_back = torch.Tensor.numpy
    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.dtype.itemsize < 4:
        tensor = tensor.to(torch.float32)
    return tensor, give_back


def _margins(n_fft: int, win_length: int) -> tuple[int, int]:
    left = (n_fft - win_length) // 2
    return left, n_fft - win_length - left


def _check_sizes(n_fft: int, hop_length: int, win_length: int | None) -> int:
    win_length = n_fft if win_length is None else win_length
    if not 1 <= win_length <= n_fft:
        raise RiffeduError(f"win_length={win_length} must lie between 1 and n_fft={n_fft}")
    if hop_length < 1:
        raise RiffeduError(f"hop_length={hop_length} must be at least 1")
    return win_length
