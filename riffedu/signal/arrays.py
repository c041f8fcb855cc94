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


def as_tensor(x: Array) -> tuple[torch.Tensor, Callable[[Any], Any]]:
    """Convert an array to a float or complex tensor; return it with the conversion back.

    The second result is a function that converts a tensor to the kind of array that ``x`` was.
    Raises RiffeduError if ``x`` is not an array of numbers.

    >>> tensor, give_back = as_tensor([1, 2, 3])
    >>> tensor.dtype, give_back(2 * tensor)
    (torch.float32, array([2., 4., 6.], dtype=float32))
    """
    import torch

    if isinstance(x, torch.Tensor):
        tensor, give_back = x, lambda y: y
    else:
        try:
            array = np.asarray(x)
            if array.dtype.kind not in "fciu":
                raise TypeError(f"its values must be numbers, not {array.dtype}")
            native = array.dtype.newbyteorder("=")
            tensor = torch.from_numpy(np.require(array, native, requirements=["C", "W"]))
        except (TypeError, ValueError) as error:
            raise RiffeduError(f"not an array of numbers: {error}") from None
        give_back = torch.Tensor.numpy
    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.dtype.itemsize < 4:
        tensor = tensor.to(torch.float32)
    return tensor, give_back


def as_waveform(waveform: Array) -> np.ndarray:
    """Check a waveform and return it as float32, (samples,) or (channels, samples).

    Raises RiffeduError for other shapes, an empty sound, and NaN or infinite samples.

    >>> as_waveform([0, 1]).dtype.name
    'float32'
    """
    try:
        waveform = np.asarray(waveform, dtype=np.float32)
    except (TypeError, ValueError):
        raise RiffeduError("a waveform must be an array of numbers") from None
    if waveform.ndim not in (1, 2):
        raise RiffeduError(
            f"a waveform must have shape (samples,) or (channels, samples), not {waveform.shape}"
        )
    if waveform.size == 0:
        raise RiffeduError("the sound is empty: give it at least one sample")
    if not np.isfinite(waveform).all():
        raise RiffeduError("the sound contains NaN or infinite samples")
    return waveform
