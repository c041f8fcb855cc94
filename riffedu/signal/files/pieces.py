"""Lesson 01: files as lists of pieces, and what was found in them. Used by `containers`."""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Data = bytes | mmap.mmap
Piece = bytes | tuple[int, int]
"""A piece of a virtual file: bytes, or (begin, end) in the real one."""
WINDOW = 2**25

CUT, MORE = "it was cut short", "more data follows than its header promises"


@dataclass
class Part:
    """One sound of a file: the content of a virtual file that contains it alone."""

    pieces: list[Piece]
    doubtful: bool = False
    """Damaged: how long it is, only the decoder can say."""


@dataclass
class Look:
    """What `look` found. If it lists no parts, the file can be read as it is."""

    parts: list[Part] = field(default_factory=list)
    promised: float = 0.0
    """Seconds that the headers promise, where that is more than the parts hold."""
    share: float = 1.0
    """The same as a multiple of what the parts hold, where a header counts bytes."""
    frames: int = 0
    """The same in samples of each channel, where a header counts those."""
    why: str = ""
    """What is wrong, for the warning."""


class Pieces:
    """A read-only file that consists of pieces of another one, and bytes between them."""

    def __init__(self, file: Any, pieces: list[Piece]):
        self.file, self.pieces, self.place = file, pieces, 0
        sizes = [len(p) if isinstance(p, bytes) else p[1] - p[0] for p in pieces]
        self.starts = np.cumsum([0, *sizes]).tolist()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position, like a file."""
        self.place = max(0, offset + (0, self.place, self.starts[-1])[whence])
        return self.place

    def tell(self) -> int:
        """Return the position in the file."""
        return self.place

    def read(self, count: int) -> bytes:
        """Read up to ``count`` bytes; fewer only at the end."""
        try:
            return self._read(count)
        except (OSError, ValueError):  # the decoder that asks cannot be told; it sees the end
            return b""

    def _read(self, count: int) -> bytes:
        parts = []
        while count > 0 and self.place < self.starts[-1]:
            i = int(np.searchsorted(self.starts, self.place, "right")) - 1
            piece, inside = self.pieces[i], self.place - self.starts[i]
            if isinstance(piece, bytes):
                part = piece[inside : inside + count]
            else:
                self.file.seek(piece[0] + inside)
                part = self.file.read(min(count, self.starts[i + 1] - self.place))
            if not part:
                break
            parts.append(part)
            self.place += len(part)
            count -= len(part)
        return b"".join(parts)


def find(data: Data, what: bytes, at: int, end: int | None = None) -> int:
    """Find bytes like ``data.find``, without keeping all of a mapped file in memory.

    >>> find(b"abcabc", b"c", 3)
    5
    """
    end = len(data) if end is None else end
    while at < end:
        # A regular expression takes two thirds of the time of ``data.find``.
        if hit := re.compile(re.escape(what)).search(data, at, min(end, at + WINDOW + len(what))):
            return hit.start()
        at += WINDOW
        release(data, at)
    return -1


def release(data: Data, upto: int) -> None:
    """Release the memory of the part of a mapped file that was already searched."""
    if isinstance(data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        upto = min(upto, len(data)) // mmap.PAGESIZE * mmap.PAGESIZE
        if upto > 0:
            data.madvise(mmap.MADV_DONTNEED, 0, upto)
