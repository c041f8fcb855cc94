"""Lesson 09: one copy of a checkpoint's weights for all processes that are forked from one.

`riffedu kernels` keeps the weights in a file in memory. Each notebook maps that file: what it only
reads is shared, and a page that it writes to becomes its own (copy on write).
"""

from __future__ import annotations

import copy
import mmap
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from riffedu.diffusion.checkpoint import PREPARED, Checkpoint
from riffedu.diffusion.weights import NETWORKS
from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from torch.nn import Parameter

ALIGNMENT = 64  # bytes: a cache line, and what vector instructions like


class SharedCheckpoint:
    """A checkpoint whose weights are in a file in memory; `copy` gives one that maps them.

    For checkpoints on the CPU, on Linux. Raises RiffeduError elsewhere. Notebook: 09_latents.
    """

    def __init__(self, checkpoint: Checkpoint):
        if not hasattr(os, "memfd_create"):
            raise RiffeduError("weights can be shared between processes on Linux only")
        self._file = os.memfd_create("riffedu-weights", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._size = 0
        starts = [self._write(each) for each in _weights(checkpoint)]
        _seal(self._file)
        for template in (checkpoint, None):  # the second has no weights but the file's
            self._checkpoint = template or self.copy()
            self._places = {id(w): (s, w) for s, w in zip(starts, _weights(self._checkpoint))}
        for weight in _weights(self._checkpoint):
            weight.sum()  # pages that this process has read count as shared in the others

    def copy(self) -> Checkpoint:
        """Return a checkpoint of its own, whose weights are shared until it changes them."""
        import torch

        flags = mmap.MAP_PRIVATE
        pages = mmap.mmap(self._file, self._size, flags, mmap.PROT_READ | mmap.PROT_WRITE)
        memo: dict[int, Any] = {}
        for key, (start, weight) in self._places.items():
            flat = torch.frombuffer(pages, dtype=weight.dtype, count=weight.numel(), offset=start)
            mapped = flat.as_strided(weight.shape, weight.stride())
            memo[key] = torch.nn.Parameter(mapped, requires_grad=False)
        networks = {name: copy.deepcopy(getattr(self._checkpoint, name), memo) for name in NETWORKS}
        return replace(self._checkpoint, **networks)

    def _write(self, weight: Parameter) -> int:
        """Append a weight's values in the order in which they lie in memory; return the offset."""
        import torch

        start = -(-self._size // ALIGNMENT) * ALIGNMENT
        flat = torch.as_strided(weight.detach(), (weight.numel(),), (1,))
        os.pwrite(self._file, flat.numpy().tobytes(), start)
        self._size = start + flat.nbytes
        return start


def _seal(file: int) -> None:
    """Make a file in memory read-only: no process can change what the others read."""
    import fcntl

    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)


def share(checkpoint: Checkpoint) -> None:
    """From now on, `load_checkpoint` of this path returns a copy that shares its weights."""
    PREPARED[checkpoint.path] = SharedCheckpoint(checkpoint).copy


def _weights(checkpoint: Checkpoint) -> list[Parameter]:
    return [p for name in NETWORKS for p in getattr(checkpoint, name).parameters() if p.numel()]
