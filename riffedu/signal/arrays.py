"""Lesson 01: array arguments. The library computes with torch and accepts NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    import torch

Array: TypeAlias = Any
"""A NumPy array or a torch tensor: functions return the kind that they were given."""

Window: TypeAlias = Any
"""A window: a name, a (name, parameter) tuple of scipy.signal.get_window, or its samples."""


FULL_SCALE = {"int8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31, "uint8": 2.0**7}
"""What integer samples are divided by, as in files; those of uint8 lie around 128."""

CHANNELS = 8
"""The most channels of a sound. More rows than that are samples, and the array lies on its side."""


def as_tensor(x: Array) -> tuple[torch.Tensor, Callable[[Any], Any]]:
    """Convert an array to a float or complex tensor; return it with the conversion back.

    The second result is a function that converts a tensor to the kind of array that ``x`` was: for
    torch, on its device. Raises RiffeduError if ``x`` is not an array of numbers.

    >>> tensor, give_back = as_tensor([1, 2, 3])
    >>> tensor.dtype, give_back(2 * tensor)
    (torch.float32, array([2., 4., 6.], dtype=float32))
    """
    import torch

    if isinstance(x, torch.Tensor):
        tensor, device = _on_cpu(x), x.device

        def give_back(y: torch.Tensor) -> Any:
            return y.to(device)

    else:
        try:
            array = _numbers(x)
            native = array.dtype.newbyteorder("=")
            tensor = torch.from_numpy(np.require(array, native, requirements=["C", "W"]))
        except TypeError as error:
            raise RiffeduError(f"expected an array of numbers: {error}") from None
        give_back = torch.Tensor.numpy
    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.dtype.itemsize < 4:
        tensor = tensor.to(torch.float32)
    return tensor, give_back


def as_sound(x: Array, block: bool = False) -> tuple[torch.Tensor, Callable[[Any], Any]]:
    """Convert a sound of any number of axes, time last, with the checks of `as_waveform`.

    float64 stays float64. An array of two axes that has more rows than columns is refused, but not
    one of many rows: it may be a batch. A ``block`` of a longer sound may have any size, even 0.

    >>> as_sound(np.array([[16384, 0]], np.int16))[0]
    tensor([[0.5000, 0.0000]])
    """
    tensor, give_back = as_tensor(_scaled(x))
    if not block:
        _check_axes(tuple(tensor.shape))
    if not block and (tensor.ndim == 0 or tensor.shape[-1] == 0):
        raise RiffeduError("the sound is empty: give it at least one sample")
    if tensor.is_complex():
        raise RiffeduError("a sound must be real-valued, not complex (is this a spectrum?)")
    if not tensor.sum().isfinite():  # quicker than asking each: one NaN or infinity is enough
        _check_finite(tensor.detach().numpy())
    return tensor, give_back


def as_waveform(waveform: Array) -> np.ndarray:
    """Check a waveform and return it as float32, (samples,) or (channels, samples).

    The only entry point for arrays. Takes lists, NumPy arrays of any strides, and torch tensors of
    any device and type. int8, int16 and int32 are divided by their full scale (32768 for 16 bits),
    as `riffedu.signal.audio.load` does, uint8 after subtracting 128; other integers have none, and
    may only be −1, 0 and 1.

    Raises RiffeduError for other shapes, more channels than samples or than 8, an empty sound, NaN,
    infinite or masked samples, and anything that is not made of real numbers.

    >>> as_waveform(np.array([-32768, 16384], np.int16)).tolist()
    [-1.0, 0.5]
    """
    waveform = _scaled(waveform)
    if hasattr(waveform, "detach"):
        waveform = as_tensor(waveform)[0].detach().numpy()
    try:
        array = _numbers(waveform)
    except TypeError as error:
        raise RiffeduError(f"a waveform must be an array of numbers: {error}") from None
    if array.dtype.kind == "c":
        raise RiffeduError("a sound must be real-valued, not complex (is this a spectrum?)")
    if array.ndim not in (1, 2):
        raise RiffeduError(
            f"a waveform must have shape (samples,) or (channels, samples), not {array.shape}"
        )
    if array.size == 0:
        raise RiffeduError("the sound is empty: give it at least one sample")
    _check_axes(array.shape)
    if array.ndim == 2 and len(array) > CHANNELS:
        raise RiffeduError(
            f"a waveform of shape {array.shape} has {len(array)} channels, more than {CHANNELS}: "
            "give (channels, samples)"
        )
    with np.errstate(over="ignore"):
        array = array.astype(np.float32, copy=False)
    _check_finite(array)
    return array


def as_rate(rate: Any) -> Any:
    """Check a sample rate in Hz: a number above 0; whole numbers become int.

    >>> as_rate(44100.0)
    44100
    """
    try:
        number = np.nan if isinstance(rate, (str, bytes, bool)) else float(rate)
    except (TypeError, ValueError, RuntimeError):
        number = np.nan
    if not 0 < number < np.inf:
        raise RiffeduError(
            f"the sample rate must be a number of Hz above 0, such as 44100, not {rate!r}"
        )
    return int(number) if number == int(number) else number


def _on_cpu(x: torch.Tensor) -> torch.Tensor:
    try:
        x = x.to_dense() if x.is_sparse else x
        return x if x.device.type == "cpu" else x.cpu()
    except (RuntimeError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise RiffeduError(f"the tensor on {x.device} cannot be read: {reason}") from None


def _numbers(x: Any) -> np.ndarray:
    """An array of real or complex numbers; TypeError with the reason otherwise."""
    if x is None:
        raise TypeError("its type is NoneType")
    if isinstance(x, np.ma.MaskedArray):
        if np.ma.is_masked(x):
            raise TypeError(f"{np.ma.count_masked(x)} are masked; fill them, as x.filled(0) does")
        x = x.data
    try:
        array = np.asarray(x)
    except Exception as error:  # whatever another library's array raises
        raise TypeError(str(error).partition("\n")[0]) from None
    if array.dtype.kind == "O" and array.size:
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"its type is {type(x).__name__}") from None
    if array.dtype.kind not in "fciu":
        raise TypeError(f"its type is {array.dtype}")
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    return array


def as_numbers(x: Array) -> np.ndarray:
    """Return real or complex numbers as a NumPy array: integer samples divided by their full scale.

    int8, int16, int32 and uint8 arrays are divided as in `as_waveform`; lists, other integers and
    complex numbers are unchanged. Raises RiffeduError for anything that is not numbers.

    >>> as_numbers(np.array([16384], np.int16)).tolist(), as_numbers([2]).tolist()
    ([0.5], [2])
    """
    x = _scaled(x, strict=False)
    if hasattr(x, "detach"):
        return as_tensor(x)[0].detach().numpy()
    try:
        return _numbers(x)
    except TypeError as error:
        raise RiffeduError(f"expected an array of numbers: {error}") from None


def _scaled(x: Any, strict: bool = True) -> Any:
    """Integer samples divided by their full scale; anything else as it is."""
    name = str(getattr(x, "dtype", "")).removeprefix("torch.").lstrip("<>=|")
    if hasattr(x, "detach") and "int" in name:
        import torch

        return torch.from_numpy(_scaled(_on_cpu(x).numpy(), strict)).to(x.device)
    if isinstance(x, (list, tuple)) and not hasattr(x, "dtype"):
        try:
            x = np.asarray(x)
        except Exception:
            return x
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "iu":
        return x
    name = x.dtype.newbyteorder("=").name
    if name in FULL_SCALE:
        centred = x.astype(np.float32 if x.dtype.itemsize < 4 else np.float64)
        return ((centred - 128 * (name == "uint8")) / FULL_SCALE[name]).astype(np.float32)
    if not strict:
        return x
    if x.size and (x.max() > 1 or (x.dtype.kind == "i" and x.min() < -1)):
        raise RiffeduError(
            f"the full scale of {name} samples is not known: scale them to -1…1 first, as in "
            "waveform / 32768 for 16 bits"
        )
    return x.astype(np.float32)


def _check_axes(shape: tuple[int, ...]) -> None:
    if len(shape) == 2 and shape[1] and shape[0] > max(2, shape[1]):
        raise RiffeduError(
            f"shape {tuple(shape)} means {shape[0]} channels of {shape[1]} samples; if it is "
            "(samples, channels), give waveform.T"
        )


def _check_finite(array: np.ndarray) -> None:
    if not np.isfinite(array).all():
        raise RiffeduError("the sound contains NaN or infinite samples: remove them first")
