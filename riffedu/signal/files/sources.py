"""Lesson 01: where a sound comes from: a path, bytes, an open file or a pipe.

Used by `riffedu.signal.files`.
"""

from __future__ import annotations

import io
import mmap
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from riffedu.errors import RiffeduError
from riffedu.signal.files.foreign import Temporary
from riffedu.signal.files.pieces import Data

IN_MEMORY = 2**26
"""Bytes of a pipe that are kept in memory; more go to a temporary file."""

BLOCK = 2**20
"""Bytes or frames read at once where the length is not known."""


class Given:
    """A sound that can be read as often as needed: a file at ``path``, or ``data`` in memory."""

    def __init__(self, label: str, path: str = "", data: bytes = b"", keep: Any = None):
        self.label, self.path, self.data, self.keep = label, path, data, keep

    def __str__(self) -> str:
        return self.label

    def __fspath__(self) -> str:
        if not self.path:
            raise TypeError(f"{self.label} is not a file")
        return self.path

    @contextmanager
    def bytes(self) -> Iterator[Data]:
        """Return its bytes, in memory or mapped into it."""
        if not self.path:
            yield self.data
            return
        with open(self.path, "rb", buffering=0) as file, _mapped(file) as data:
            yield data

    def open(self) -> Any:
        """Return a new binary file over it."""
        return open(self.path, "rb") if self.path else io.BytesIO(self.data)


def at_hand(source: Any, what: str = "sound") -> Given:
    """Make a source readable as often as needed: pipes and the like are stored first.

    Raises RiffeduError for a missing file, a folder, 0 bytes or another type.

    ``what`` names it in messages: "sound" or "picture".

    >>> at_hand(b"RIFF").label
    'the sound given as bytes'
    """
    if isinstance(source, Given):
        return source
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _filled(Given(f"the {what} given as bytes", data=bytes(source)), what)
    if isinstance(source, (str, os.PathLike)):
        return _at(os.fspath(source), what)
    if hasattr(source, "read"):
        return _stored(source, printable(getattr(source, "name", None) or "the open file"), what)
    raise RiffeduError(
        f"a {what} must be a path, bytes or an open binary file, not {type(source).__name__}"
    )


def _at(name: str | bytes, what: str) -> Given:
    name = os.fsdecode(name)
    label = printable(name)
    if name == "-":
        return _stored(sys.stdin.buffer, "standard input", what)
    path = os.path.expanduser(name)
    try:
        status = os.stat(path)
        mode = status.st_mode
        if stat.S_ISDIR(mode):
            raise RiffeduError(f"{label} is a folder: give the path of a {what} file")
        if stat.S_ISREG(mode):
            if status.st_size == 0:
                raise RiffeduError(f"{label} is empty (0 bytes): it cannot be read as a {what}")
            return Given(label, path)
        with open(path, "rb") as pipe:
            return _stored(pipe, label, what)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        if isinstance(error, RiffeduError):
            raise
        web = re.match(r"\w+://", name)
        if web:
            raise RiffeduError(f"{label} is a web address: download the file first") from None
        raise RiffeduError(f"{label}: there is no such {what} file") from None
    except OSError as error:
        raise RiffeduError(f"{label} cannot be read: {error.strerror}") from None


def _stored(file: Any, label: str, what: str) -> Given:
    """Read an open file to its end; where it can be rewound, from its beginning and back again."""
    try:
        place = file.tell() if file.seekable() else None
    except (AttributeError, OSError, ValueError):
        place = None
    try:
        if place is not None:
            file.seek(0)
        first = file.read(IN_MEMORY)
        if isinstance(first, str):
            raise RiffeduError(f"{label} is open as text: open it with mode 'rb'")
        parts, size, more = [first or b""], len(first or b""), first
        while more and size < IN_MEMORY:  # a pipe gives what is there, not what is asked for
            more = file.read(IN_MEMORY - size)
            parts.append(more or b"")
            size += len(more or b"")
        if not more:
            return _filled(Given(label, data=b"".join(parts)), what)
        kept = Temporary()
        with open(kept.name, "wb") as out:
            out.writelines(parts)
            while more := file.read(BLOCK):
                out.write(more)
        return Given(label, kept.name, keep=kept)
    except (OSError, ValueError) as error:
        if isinstance(error, RiffeduError):
            raise
        raise RiffeduError(f"{label} cannot be read: {reason(error)}") from None
    finally:
        if place is not None and not file.closed:
            file.seek(place)


def _filled(given: Given, what: str) -> Given:
    if not given.data:
        raise RiffeduError(f"{given.label} is empty (0 bytes): it cannot be read as a {what}")
    return given


def _mapped(file: Any) -> AbstractContextManager:
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # a file system that maps no files
        return nullcontext(file.read())


def printable(name: Any) -> str:
    r"""Return a name for a one-line message: characters that cannot be shown are escaped.

    >>> print(printable("a\nb.wav"))
    a\nb.wav
    """
    text = os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else str(name)
    if text.isprintable():
        return text
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return "".join(shown)


def reason(error: BaseException) -> str:
    """Return the first line of an error, without its full stop.

    >>> reason(ValueError("wrong header."))
    'wrong header'
    """
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return text.strip().rstrip(".").partition("\n")[0]
