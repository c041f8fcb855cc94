"""Writing: files that are complete or absent, and text that any encoding can show.

`check_output` checks the path before the work begins, `write_whole` writes it, `say` prints.
"""

from __future__ import annotations

import atexit
import ctypes
import errno
import os
import re
import secrets
import shutil
import signal
import stat
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from riffedu.errors import RiffeduError

STDOUT = Path("-")
"""The output ``-``: bytes go to stdout, and what is said goes to stderr."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk that is full, and of a file that may not grow."""

_unfinished: set[Path] = set()
"""Temporary files that exist now: an interrupt between two statements leaves none behind."""


class DiskFull(RiffeduError):
    """The disk is full: a batch stops here, because every later file would fail too."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: the program cleans up as after Ctrl-C, and ends with code 143."""


def exit_code(stop: KeyboardInterrupt) -> int:
    """Return the exit code after an interrupt: 130 for Ctrl-C, 143 for SIGTERM."""
    return 143 if isinstance(stop, Terminated) else 130


# Text


def say(text: object = "", file: Any = None, flush: bool = False) -> None:
    r"""Print one line; what the stream's encoding cannot show is escaped.

    Characters outside the encoding become ``\xNN``, ``\uNNNN`` or ``\UNNNNNNNN``; so do the bytes
    of a file name that is not valid in the file system's encoding. ``file`` is a text stream
    (default: stdout).

    >>> say("512 × 512 pixels")
    512 × 512 pixels
    """
    stream = sys.stdout if file is None else file
    try:
        print(text, file=stream, flush=flush)
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        shown = str(text).encode(encoding, "backslashreplace").decode(encoding)
        print(shown, file=stream, flush=flush)


def escape_unprintable() -> None:
    """Make stdout and stderr escape what their encoding cannot show, whatever code prints it.

    It covers what `say` does not print: ``--help``, progress bars and warnings of libraries.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


# Interrupts


@contextmanager
def ending_cleanly() -> Iterator[list[KeyboardInterrupt]]:
    """Turn SIGTERM and SIGHUP into `Terminated`, so that ``finally`` blocks run.

    Yields a list of the interrupts so far, Ctrl-C included: C code may swallow one and raise an
    error of its own instead. Outside the main thread nothing changes; a signal that is ignored
    (``nohup``) stays ignored.
    """
    arrived: list[KeyboardInterrupt] = []

    def end(number: int, _: Any) -> NoReturn:
        arrived.append(KeyboardInterrupt() if number == signal.SIGINT else Terminated())
        raise arrived[-1]

    usual = {"SIGINT": signal.default_int_handler, "SIGTERM": signal.SIG_DFL}
    usual["SIGHUP"] = signal.SIG_DFL
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name, handler in usual.items():
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) == handler:
                before[number] = signal.signal(number, end)
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until the block ends; it should take milliseconds.

    Use it for calls through C code that would print and swallow an interrupt, and for steps that
    belong together. Outside the main thread, where Python delivers no signals, nothing changes.
    """
    arrived: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(signal.getsignal(number)):
                before[number] = signal.signal(number, lambda which, _: arrived.append(which))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


@atexit.register
def remove_unfinished() -> None:
    """Delete temporary files that an interrupt left."""
    while _unfinished:
        with suppress(OSError):
            _unfinished.pop().unlink(missing_ok=True)


# Places


def check_output(
    name: str | Path, endings: Iterable[str] = (), what: str = "file", overwrite: bool = True
) -> Path:
    """Return the path of a file to be written, after checking that it can be.

    ``endings`` are the extensions allowed (empty: any); ``what`` is "sound" or "picture". ``-`` is
    stdout. Pipes and devices need no extension. Raises RiffeduError if the path is a folder, has
    another extension or too long a name, if its folder is missing or not writable, or if the file
    exists and ``overwrite`` is false.
    """
    if str(name) == "-":
        return STDOUT
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            raise RiffeduError(f"{name} is a folder: give the path of a {what} file")
        endings = list(endings)
        if endings and path.suffix.lower() not in endings and not is_stream(path):
            raise RiffeduError(
                f"cannot write a {what} as {str(name)!r}: its name must end in one of "
                f"{' '.join(endings)}"
            )
        target = _target(path)
        if is_stream(path):
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, "Permission denied")
            return path
        exists = _exists(target)
        if not target.parent.is_dir():
            raise RiffeduError(f"{name} cannot be written: there is no folder {target.parent}")
        _try_folder(target.parent)
        if exists and not overwrite:
            raise RiffeduError(
                f"{name} already exists: choose another name, or replace it with --overwrite"
            )
        if exists and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "it is write-protected")
    except (OSError, ValueError) as error:
        if isinstance(error, RiffeduError):
            raise
        raise _refusal(name, error) from None
    return path


def check_folder(name: str | Path) -> Path:
    """Return a folder to write to, after checking that it exists or can be made, and is writable.

    Creates nothing. Raises RiffeduError if it is a file, or if a parent folder is not writable.
    """
    if str(name) in ("-", ""):
        raise RiffeduError(f"cannot write several files to {str(name)!r}: give a folder")
    path = Path(name).expanduser()
    try:
        if _exists(path) and not path.is_dir():
            raise RiffeduError(f"{name} is a file: give the path of a folder")
        nearest = path
        while not _exists(nearest):
            nearest = nearest.parent
        if not nearest.is_dir():
            raise RiffeduError(f"cannot create the folder {name}: {nearest} is a file")
        _try_folder(nearest)
    except (OSError, ValueError) as error:
        if isinstance(error, RiffeduError):
            raise
        raise _refusal(name, error) from None
    return path


def is_stream(path: Path) -> bool:
    """Return whether a path is stdout, a pipe or a device, which are written to, not replaced."""
    if path == STDOUT or str(path).startswith(("/dev/fd/", "/proc/self/fd/")):
        return True
    if str(path) in ("/dev/stdout", "/dev/stderr"):
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _target(path: Path) -> Path:
    """Return what a path leads to: links are followed, so that they stay links."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, "too many symbolic links")
    return target


def _exists(path: Path) -> bool:
    """Return whether a path exists; unlike `Path.exists`, raise OSError for too long a name."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _try_folder(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder):
        pass


def _refusal(path: str | Path, error: Exception) -> RiffeduError:
    """Return the one-line error for a file that cannot be written."""
    number = getattr(error, "errno", None)
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    reason = reason.strip().rstrip(".").partition("\n")[0]
    if number == errno.ENAMETOOLONG:
        reason = "the name is too long for this disk"
    kind = DiskFull if number in FULL else RiffeduError
    return kind(f"{path} cannot be written: {reason}")


# Writing


@contextmanager
def _system_errors() -> Iterator[None]:
    """Raise the system's error where safetensors or NumPy raise one of their own for it."""
    try:
        yield
    except Exception as error:
        said, number = str(error), None
        if type(error).__name__ == "SafetensorError":
            if found := re.search(r"(?:os error |Os { code: )(\d+)", said):
                number = int(found[1])
        elif isinstance(error, OSError) and re.fullmatch(r"\d+ requested and \d+ written", said):
            number = errno.ENOSPC  # NumPy does not tell, but a disk that takes a part is full
        if number is None:
            raise
        if sys.platform == "win32" and not isinstance(error, OSError):
            raise ctypes.WinError(number) from None
        raise OSError(number, os.strerror(number)) from None


@contextmanager
def write_whole(path: str | Path, overwrite: bool = True) -> Iterator[Path]:
    """Write a file completely or not at all: yield a temporary path to write to.

    The temporary file is in the same folder, under a short name of its own, and replaces
    ``path`` when the block ends without an error: two programs that write the same file never mix
    their output, and the last one wins. A symbolic link stays one and its target is
    replaced; an existing file keeps its mode. Pipes, devices and ``-`` (stdout) get the bytes when
    the file is complete.

    Raises RiffeduError, with the system's reason, if the file cannot be written; with
    ``overwrite=False`` also if it exists by then.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with write_whole(folder + "/a.txt") as part:
    ...         _ = part.write_text("all of it")
    ...     Path(folder, "a.txt").read_text()
    'all of it'
    """
    path = Path(path).expanduser()
    part: Path | None = None
    try:
        stream = is_stream(path)
        target = path if stream else _target(path)
        folder = Path(tempfile.gettempdir()) if stream else target.parent
        if not folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, f"there is no folder {folder}")
        part = folder / f".{secrets.token_hex(6)}.part"
        _unfinished.add(part)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
        mode = part.stat().st_mode
        with _system_errors():
            yield part
        if stream:
            _pour(part, path)
        else:
            _move(part, target, mode, overwrite)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _refusal(path, error) from None
    finally:
        if part is not None:
            with uninterrupted():
                with suppress(OSError):
                    part.unlink(missing_ok=True)
                _unfinished.discard(part)


@contextmanager
def write_files(folder: str | Path) -> Iterator[Path]:
    """Write several files that belong together: yield a temporary folder to write to.

    When the block ends without an error its files move into ``folder`` (created if
    missing), each of them complete, and Ctrl-C waits until all have moved. Raises RiffeduError,
    with the system's reason.
    """
    folder = Path(folder).expanduser()
    part = folder / f".{secrets.token_hex(6)}.part"
    try:
        part.mkdir(parents=True)
        mode = part.stat().st_mode & 0o666
        with _system_errors():
            yield part
        with uninterrupted():
            for file in sorted(part.iterdir()):
                _move(file, folder / file.name, mode, overwrite=True)
    except OSError as error:
        raise _refusal(folder, error) from None
    finally:
        with uninterrupted():
            shutil.rmtree(part, ignore_errors=True)


def write_text(path: str | Path, text: str, overwrite: bool = True) -> Path:
    """Write a UTF-8 text file completely or not at all: see `write_whole`."""
    with write_whole(path, overwrite) as part:
        part.write_text(text, encoding="utf-8")
    return Path(path)


def write_tensors(
    path: str | Path, tensors: dict[str, Any], metadata: dict[str, str] | None = None
) -> None:
    """Write a safetensors file completely or not at all: see `write_whole`."""
    from safetensors.torch import save_file

    with write_whole(path) as part:
        save_file(tensors, part, metadata)


def _move(part: Path, target: Path, mode: int, overwrite: bool) -> None:
    """Replace ``target`` by ``part``, which gets its mode, or ``mode`` if there is no such file.

    The mode of ``part`` does not count: safetensors makes files that only their owner can read.
    """
    with suppress(FileNotFoundError):
        mode = target.stat().st_mode
        if not overwrite:
            raise FileExistsError(errno.EEXIST, "it already exists")
    os.chmod(part, stat.S_IMODE(mode))
    os.replace(part, target)


def _pour(part: Path, path: Path) -> None:
    """Copy the bytes of a complete file to a pipe, a device or stdout."""
    with open(part, "rb") as complete:
        if path == STDOUT:
            sys.stdout.flush()
            shutil.copyfileobj(complete, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with open(path, "wb") as sink:
                shutil.copyfileobj(complete, sink)
