"""Lesson 01: reading sounds that libsndfile cannot read with ffmpeg, and silencing decoders."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import finalize

from riffedu.errors import RiffeduError

KINDS = {  # what a file begins with (after some bytes): what it is
    (4, b"ftyp"): "an MP4 file",
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"): "a Windows Media file",
    (0, b"\x1a\x45\xdf\xa3"): "a WebM or Matroska file",
    (8, b"AVI "): "a video file",
    (0, b"FLV\x01"): "a video file",
    (0, b"#!AMR"): "an AMR file",
    (0, b"MAC "): "a Monkey's Audio file",
    (0, b"wvpk"): "a WavPack file",
    (0, b"TTA1"): "a True Audio file",
    (0, b"MPCK"): "a Musepack file",
    (0, b"DSD "): "a DSD file",
    (0, b"\x0b\x77"): "an AC-3 file",
    (0, b"OggS"): "an Ogg file of a kind that libsndfile cannot read",
    (0, b"RIFF"): "a WAV file of a kind that libsndfile cannot read",
    (0, b"\0\0\x01\xba"): "a video file",
    (0, b"\x47\x40"): "a video file",
    (0, b".RMF"): "a RealMedia file",
}
READABLE = (0x01, 0x02, 0x03, 0x06, 0x07, 0x11, 0x31, 0x40, 0x55, 0xFFFE)
"""Format tags of WAV files that libsndfile reads."""
TIME = re.compile(r"Duration: (\d+):(\d+):(\d+\.\d+)")


def kind_of(head: bytes) -> str:
    """Name a format that libsndfile cannot read by its first bytes; "" where it is unknown.

    >>> kind_of(bytes(4) + b"ftypM4A ")
    'an MP4 file'
    """
    for (at, magic), name in KINDS.items():
        if head[at : at + len(magic)] == magic:
            return "" if _should_be_readable(head) else name
    start = (
        10 + int.from_bytes(bytes(b & 127 for b in head[6:10]), "big") if head[:3] == b"ID3" else 0
    )
    # An AAC frame looks like one of an MP3, but for the layer, which is 0.
    sync = head[start : start + 2] if start < 128 else b""
    return "an AAC file" if sync[:1] == b"\xff" and sync[1:] and sync[1] & 0xF6 == 0xF0 else ""


def _should_be_readable(head: bytes) -> bool:
    """Whether libsndfile reads such a WAV or Ogg file, unless it is damaged."""
    if head[:4] == b"OggS":
        return any(name in head[:300] for name in (b"vorbis", b"OpusHead", b"\x7fFLAC"))
    at = head.find(b"fmt ") + 8
    return head[:4] + head[8:12] == b"RIFFWAVE" and (
        at < 8 or int.from_bytes(head[at : at + 2], "little") in READABLE
    )


class Temporary:
    """A temporary file with a ``name``, removed when nothing refers to this object any more."""

    def __init__(self, ending: str = ""):
        handle, self.name = tempfile.mkstemp(ending, "riffedu-")
        os.close(handle)
        finalize(self, _remove, self.name)


def _remove(name: str) -> None:
    try:
        os.unlink(name)
    except OSError:
        pass


def command(label: str) -> str:
    """Return the ffmpeg command that converts a file to a format that riffedu reads."""
    stem = label.rpartition(".")[0] or label
    return f"ffmpeg -i {shlex.quote(label)} {shlex.quote(stem + '.wav')}"


def decode(path: str, label: str, kind: str) -> tuple[Any, float, str]:
    """Decode a file with ffmpeg to a temporary WAV file of 32-bit floats.

    Returns (an object whose ``name`` is its path and which removes it when it is no longer needed,
    the seconds that the container states or 0, ffmpeg's complaint or ""). Raises RiffeduError
    with the command that converts it if ffmpeg is not installed, and if it finds no sound.
    """
    if shutil.which("ffmpeg") is None:
        raise RiffeduError(
            f"{label} is {kind}: install ffmpeg, or convert it on a machine with ffmpeg: "
            f"{command(label)}"
        )
    status = os.stat(path)
    return _decoded(path, label, kind, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2)  # duration, then load, then parts: one decoding for all
def _decoded(path: str, label: str, kind: str, *_: int) -> tuple[Any, float, str]:
    made = Temporary(".w64")
    source = ["-protocol_whitelist", "file", "-i", "file:" + os.path.abspath(path)]
    target = ["-map", "0:a:0", "-vn", "-sn", "-dn", "-c:a", "pcm_f32le", "-f", "w64", made.name]
    line = ["ffmpeg", "-hide_banner", "-nostdin", "-y", "-nostats", *source, *target]
    try:
        done = subprocess.run(line, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    except OSError as error:
        raise RiffeduError(f"{label}: ffmpeg cannot be started: {error.strerror}") from None
    said = done.stderr.decode("utf-8", "replace")
    if os.path.getsize(made.name) == 0 or (done.returncode and "No space left" in said):
        reason = said.strip().splitlines()[-1:] or ["no reason given"]
        if "matches no streams" in said:
            raise RiffeduError(f"{label} is {kind} without sound")
        if "No space left" in said:
            raise RiffeduError(
                f"{label} cannot be decoded: no space left in {Path(made.name).parent}"
            )
        raise RiffeduError(f"{label} is {kind} that ffmpeg cannot read: {reason[0][:160]}")
    found = TIME.search(said)
    seconds = sum(float(n) * k for n, k in zip(found.groups(), (3600, 60, 1))) if found else 0.0
    guessed = "Estimating duration from bitrate" in said
    with open(path, "rb") as file:
        seconds = max(0.0 if guessed else seconds, _play_duration(file.read(8192)))
    broken = re.search(r"Error while decoding|[Ii]nvalid data|corrupt|partial file", said)
    return made, seconds, "parts of it are damaged" if broken else ""


def _play_duration(head: bytes) -> float:
    """Seconds that a Windows Media file promises; ffmpeg ignores them in one that was cut short."""
    at = head.find(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    if at < 0 or len(head) < at + 88:
        return 0.0
    length, preroll = (int.from_bytes(head[i : i + 8], "little") for i in (at + 64, at + 80))
    return max(0.0, length / 1e7 - preroll / 1e3)


_lock = threading.Lock()
_quiet: dict[str, int] = {"now": 0, "stderr": -1}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what a C library prints off stderr: libmpg123 reports damage in no other way.

    File descriptor 2 belongs to the whole process, so the first thread to enter closes it and the
    last to leave opens it again.
    """
    with _lock:
        _quiet["now"] += 1
        if _quiet["now"] == 1:
            _hush()
    try:
        yield
    finally:
        with _lock:
            _quiet["now"] -= 1
            if _quiet["now"] == 0 and _quiet["stderr"] >= 0:
                os.dup2(_quiet["stderr"], 2)
                os.close(_quiet["stderr"])


def _hush() -> None:
    try:
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass
    _quiet["stderr"] = -1
    try:
        _quiet["stderr"] = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
    except OSError:  # a process without stderr
        pass
