"""Lesson 01: the frames of an MP3, counted. Used by `riffedu.signal.files.containers`.

An MP3 is a sequence of frames, each with a header of four bytes that states its own length. No
header states the length of the whole: decoders estimate it from the first frame, or trust a "Xing"
frame that an encoder may have written. Counting the frames gives the true length.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

from riffedu.signal.files.pieces import Data, Piece, find, release

RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
KBITS = {  # (version 1?, layer): kilobits per second
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
CRC = []
for _value in range(256):
    for _ in range(8):
        _value = _value >> 1 ^ (0xA001 if _value & 1 else 0)
    CRC.append(_value)
TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"3DI")
IN_A_ROW = 3
"""As many frames must follow one another before a place counts as the beginning of a sound."""


class Frame(NamedTuple):
    """What a frame's header says; ``kind`` is the same in all frames of one sound."""

    length: int  # bytes
    samples: int
    rate: int
    kind: tuple[int, int, bool]  # version and layer, rate, mono?


class Run(NamedTuple):
    """A sound of one kind in an MP3: what to read, and how much of it is missing."""

    pieces: list[Piece]  # the content of a file that holds these frames alone
    rate: int
    frames: int  # samples that the frames hold
    promised: int  # samples that the Xing frame promises, or as many as were found
    lost: int  # bytes between the frames
    cut: bool  # ends in the middle of a frame
    before: int = 0  # bytes before the first frame


@lru_cache(maxsize=4096)
def frame_of(header: bytes) -> Frame | None:
    """Read the header of a frame, its first four bytes; None where it is not one.

    >>> frame_of(bytes([0xFF, 0xFB, 0x90, 0xC4]))
    Frame(length=417, samples=1152, rate=44100, kind=(13, 44100, True))
    """
    if len(header) < 4 or header[0] != 0xFF or header[1] < 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bits, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
        return None
    hertz, first = RATES[version][rate], version == 3
    bitrate, padding = 1000 * KBITS[first, layer][bits - 1], header[2] >> 1 & 1
    samples = 384 if layer == 1 else 1152 if layer == 2 or first else 576
    length = (
        (12 * bitrate // hertz + padding) * 4
        if layer == 1
        else samples // 8 * bitrate // hertz + padding
    )
    return Frame(length, samples, hertz, (header[1] >> 1 & 15, hertz, header[3] >> 6 == 3))


def after_tag(data: Data, at: int = 0) -> int:
    """Return the position after an ID3v2 tag, or ``at`` if there is none.

    >>> after_tag(b"ID3" + bytes([4, 0, 0, 0, 0, 0, 2]) + bytes(2))
    12
    """
    while data[at : at + 3] == b"ID3" and len(data) >= at + 10:
        a, b, c, d = (byte & 127 for byte in data[at + 6 : at + 10])
        footer = 10 * (data[at + 5] >> 4 & 1)
        at += 10 + (a << 21 | b << 14 | c << 7 | d) + footer
    return at


def info_of(data: Data, at: int) -> tuple[int, int, int] | None:
    """Read a Xing frame: (place of "Xing", frames, bytes) as far as it states them, else 0."""
    frame = frame_of(data[at : at + 4])
    if frame is None:
        return None
    version1, mono = frame.kind[0] >> 2 == 3, frame.kind[2]
    mark = at + 4 + ((17 if mono else 32) if version1 else (9 if mono else 17))
    if data[mark : mark + 4] not in (b"Xing", b"Info"):
        return None
    flags, one, two = struct.unpack(">III", data[mark + 4 : mark + 16].ljust(12, b"\0"))
    return mark, one if flags & 1 else 0, (two if flags & 1 else one) if flags & 2 else 0


def is_whole(data: Data, size: int) -> bool:
    """Return whether a Xing frame states the actual number of bytes, so frames need no counting.

    It must have the LAME encoder's checksum; if another encoder wrote it, frames are counted.

    >>> is_whole(b"", 0)
    False
    """
    start = after_tag(data)
    info = info_of(data, start) if start < size else None
    if not info or not info[1] or not info[2]:
        return False
    end = size - 128 if data[size - 128 : size - 125] == b"TAG" else size
    mark = info[0]
    if info[2] != end - start or any(data[start + 4 : mark]):
        return False
    crc = 0
    for byte in data[start : mark + 154]:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return crc.to_bytes(2, "big") == data[mark + 154 : mark + 156]


def runs_of(data: Data, start: int = 0, end: int | None = None) -> list[Run]:
    """Count the frames of any MP3: with tags, zeros, several MP3s end to end, or damage.

    Returns a run for each separate sound: a new one begins at every Xing frame and where the
    sample rate or the number of channels changes.
    """
    end = len(data) if end is None else end
    at = _start(data, start, end)
    infos = _infos(data, start, end)
    runs: list[Run] = []
    # What stands before the first frame, if it is no tag, may have been frames.
    tagged = data[start : start + 3] == b"ID3" or not data[start : start + 4].strip(b"\0")
    before = 0 if tagged or at is None else at - start
    while at is not None and at < end:
        run, at = _run(data, at, end, infos)
        if run.frames or not runs:
            runs.append(run._replace(before=before))
        else:  # the beginning of a sound whose frames are missing
            promised = runs[-1].promised + run.promised
            runs[-1] = runs[-1]._replace(cut=True, promised=promised)
        before = 0
    return [run for run in runs if run.frames]


def _infos(data: Data, at: int, end: int) -> set[int]:
    """Where the Xing frames begin."""
    found = set()
    for word in (b"Xing", b"Info"):
        mark = at
        while (mark := find(data, word, mark, end)) >= 0:
            found |= {mark - 4 - side for side in (9, 17, 32) if info_of(data, mark - 4 - side)}
            mark += 4
    return found


def _start(data: Data, at: int, end: int) -> int | None:
    """The first frame: after the tags, or, where they lie about their size, wherever it is."""
    after = after_tag(data, at)
    if after < end and _begins(data, after, end):
        return after
    return _next(data, at + 10 if after > at else at, end)


def _begins(data: Data, at: int, end: int, kind: tuple | None = None) -> bool:
    """Whether frames of one kind follow one another from here on."""
    for _ in range(IN_A_ROW):
        frame = frame_of(data[at : at + 4])
        if frame is None or (kind and frame.kind != kind):
            return False
        kind = frame.kind
        at += frame.length
        if at >= end:
            return True
    return True


def _next(data: Data, at: int, end: int) -> int | None:
    while (at := find(data, b"\xff", at, end)) >= 0:
        if _begins(data, at, end):
            return at
        at += 1
    return None


def _run(data: Data, at: int, end: int, infos: set[int]) -> tuple[Run, int | None]:
    first = frame_of(data[at : at + 4])
    assert first is not None
    kind, info, head = first.kind, info_of(data, at), at
    at += first.length if info else 0
    lengths: dict[bytes, int] = {}  # of the headers seen so far; 0 for those of another kind
    pieces, count, lost, cut = [], 0, 0, False
    following: int | None = at
    while following is not None and following < end and not _other(data, following, kind):
        at = begun = following
        while at < end and (at not in infos or at == begun == head):
            header = data[at : at + 4]
            length = lengths.get(header)
            if length is None:
                frame = frame_of(header)
                length = frame.length if frame and frame.kind == kind else 0
                lengths[header] = length
            if not length or at + length > end:
                break
            at += length
            count += 1
            if count % 65536 == 0:
                release(data, at)
        pieces.append((begun, at))
        if at >= end or at in infos:
            following = at
            break
        if end - at < 4:
            cut, following = bool(data[at:end].strip(b"\0")), None
            break
        if not _other(data, at, kind):  # a frame, but its end is missing
            cut, following = not data[at : at + 16].startswith(TAGS), None
            break
        following, skipped = _resume(data, at, end)
        lost += skipped
    pieces = [piece for piece in pieces if piece[0] < piece[1]]
    size = sum(b - a for a, b in pieces)
    promised = info[1] if info and info[1] else count
    top = _info_frame(data, head, first, info, count, size, promised == count and not lost)
    samples = count * first.samples
    promise = max(promised * first.samples, samples)
    return Run([top, *pieces], first.rate, samples, promise, lost, cut), following


def _other(data: Data, at: int, kind: tuple) -> bool:
    frame = frame_of(data[at : at + 4])
    return frame is None or frame.kind != kind


def _resume(data: Data, at: int, end: int) -> tuple[int | None, int]:
    """Where the frames go on after ``at``, and how many bytes of sound were skipped."""
    if data[at : at + 16].startswith(TAGS) or not data[at : at + 4].strip(b"\0"):
        after = after_tag(data, at)
        found = after if after > at and _begins(data, after, end) else _next(data, at, end)
        return found, 0
    found = _next(data, at, end)
    return found, (end if found is None else found) - at


def _info_frame(
    data: Data,
    at: int,
    first: Frame,
    info: tuple[int, int, int] | None,
    count: int,
    size: int,
    whole: bool,
) -> bytes:
    """A Xing frame with the true counts, for the decoder: the file's own one, or a new one."""
    if info and data[info[0] + 7] & 3 == 3:
        top, mark = bytearray(data[at : at + first.length]), info[0] - at
        top[4:mark] = bytes(mark - 4)  # or the decoder takes it for a frame of sound
        struct.pack_into(">II", top, mark + 8, count, size + len(top))
        if not whole and len(top) >= mark + 144:  # the padding that it states is lost
            top[mark + 142] &= 0xF0
            top[mark + 143] = 0
        return bytes(top)
    version1, mono = first.kind[0] >> 2 == 3, first.kind[2]
    side = (17 if mono else 32) if version1 else (9 if mono else 17)
    header = data[at : at + 4]
    for bits in range(1, 15):
        made = bytes([0xFF, header[1] | 1, bits << 4 | header[2] & 0x0C, header[3]])
        frame = frame_of(made)
        if frame and frame.length >= side + 60:
            # With a LAME tag, even one that says nothing is to be trimmed, seeking is exact.
            counts = struct.pack(">III", 3, count, size + frame.length)
            tag = b"LAME3.100" + bytes(27)
            return (made + bytes(side) + b"Xing" + counts + tag).ljust(frame.length, b"\0")
    return b""
