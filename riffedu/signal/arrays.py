"""One door for arrays: torch inside, NumPy accepted (lesson 02)."""

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
    """Torch inside, NumPy accepted: returns the tensor and how to hand a result back."""
    import torch

    if isinstance(x, torch.Tensor):
        tensor, give_back = x, lambda y: y
    else:
        try:
            array = np.asarray(x)
            if array.dtype.kind not in "fciu":
                raise TypeError(f"numbers, not {array.dtype}")
            native = array.dtype.newbyteorder("=")
            tensor = torch.from_numpy(np.require(array, native, requirements=["C", "W"]))
        except (TypeError, ValueError) as error:
            raise RiffeduError(f"an array of numbers is needed here: {error}") from None
        give_back = torch.Tensor.numpy
    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.dtype.itemsize < 4:
        tensor = tensor.to(torch.float32)
    return tensor, give_back
