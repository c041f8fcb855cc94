"""A stand-in for a GPU: tensors on it compute on the CPU, and refuse to meet tensors of the CPU.

`Elsewhere` is a tensor that claims to be on the device ``meta``. `standing_in` is a context in
which ``.to(DEVICE)`` and ``device=DEVICE`` make such tensors. As with a real GPU, an operation that
mixes both kinds raises, except for numbers (tensors without dimensions) and for indices.
"""

from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("meta")
MAY_MIX = ("aten.copy_", "aten.index.", "aten.index_put", "aten._index_put", "aten._to_copy")


class Elsewhere(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
            requires_grad=False,
        )

    def __init__(self, inner):
        self.inner = inner

    def __repr__(self):
        return f"Elsewhere({self.inner})"

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


def run(function, args, kwargs):
    leaves, _ = tree_flatten((args, kwargs))
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    there = [t for t in tensors if isinstance(t, Elsewhere)]
    strangers = [t for t in tensors if not isinstance(t, Elsewhere) and t.ndim]
    name = str(function)
    if there and strangers and not name.startswith(MAY_MIX):
        raise RuntimeError(f"{name}: a tensor on the device meets one of {strangers[0].shape}")
    target = kwargs.get("device")
    out = bool(there) if target is None else torch.device(target) == DEVICE
    if target is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if name.startswith(("aten.copy_", "aten.index_put", "aten._index_put")):
        out = isinstance(args[0], Elsewhere)
    inner_args, inner_kwargs = tree_map(
        lambda x: x.inner if isinstance(x, Elsewhere) else x, (args, kwargs)
    )
    result = function(*inner_args, **inner_kwargs)
    if name.split(".")[1].endswith("_") and there:  # in place: the same tensor comes back
        return args[0]
    wrap = lambda x: Elsewhere(x) if out and isinstance(x, torch.Tensor) else x  # noqa: E731
    return tree_map(wrap, result)


class _Moves(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


class _Builds(TorchFunctionMode):
    """Make tensors from numbers on the CPU first: on ``meta``, torch drops the numbers."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            return function(*args, **kwargs).to(device)
        if function in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            if isinstance(args[1], list):
                args = (args[0], torch.tensor(args[1]), *args[2:])
        return function(*args, **kwargs)


@contextmanager
def standing_in():
    with _Builds(), _Moves():
        yield DEVICE
