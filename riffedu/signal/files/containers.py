"""Lesson 01: what a sound file's header states, compared with its content. Used by `signal.files`.

A decoder trusts the sizes in a header. They are wrong in files that were streamed (0, or the
largest number there is), cut short, or joined end to end. `look` finds the sounds in a file and,
where the decoder would lose some, corrected headers for them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from riffedu.signal.files.mpeg import after_tag, is_whole, runs_of
from riffedu.signal.files.ogg import look_at_ogg
from riffedu.signal.files.pieces import CUT, MORE, Data, Look, Part, find

UNKNOWN = (0xFFFF0000, 0x7FFF0000)
"""Sizes in a header from these on mean "unknown": a program wrote them that could not go back."""
MPEG = (".mp3", ".mp2", ".mp1", ".mpga")
FILES = (b"RIFF", b"RIFX", b"RF64", b"FORM")
FULL = re.compile(rb"[^\0]")
MAGIC = re.compile(
    rb"fLaC\0\0\0\x22|OggS\0\x02|(?:RIFF|RIFX|RF64)....WAVE|FORM....AIF[FC]", re.DOTALL
)


def look(data: Data, name: str = "") -> Look:
    """Compare what a file's header states with its content. ``data``: bytes or an mmap.

    >>> look(b"").parts
    []
    """
    start = after_tag(data)
    if not data[start : start + 4].strip(b"\0") and (full := FULL.search(data, start)):
        start = full.start()
    if MAGIC.match(data, start):
        kind = data[start : start + 4]
        return {b"fLaC": _flac, b"OggS": look_at_ogg}.get(kind, _iff)(data, start)
    if data[:4] == b".snd":
        return _au(data)
    if data[:4] == b"caff":
        return _caf(data)
    if data[:4] == b"riff" and data[24:28] == b"wave":
        return _w64(data)
    if data[:7] == b"NIST_1A" and (count := re.search(rb"sample_count -i (\d+)", data[:1024])):
        return Look(frames=int(count[1]))
    if data[:4] == b"2BIT":
        return Look(frames=int.from_bytes(data[26:30], "big"))
    if is_mpeg(data, name):
        return Look() if is_whole(data, len(data)) else _mpeg(data)
    return Look()


def is_mpeg(data: Data, name: str = "") -> bool:
    """Return whether a file may be an MP3, by its first bytes or its name.

    >>> is_mpeg(bytes([0xFF, 0xFB]))
    True
    """
    head = data[:4]
    frame = len(head) > 1 and head[0] == 0xFF and head[1] >= 0xE0 and head[1] & 6
    return bool(frame) or head[:3] == b"ID3" or not head.strip(b"\0") or name.endswith(MPEG)


def _mpeg(data: Data, start: int = 0, end: int | None = None) -> Look:
    runs = runs_of(data, start, end)
    found = Look([Part(run.pieces, run.lost > 0) for run in runs])
    seconds = sum(run.promised / run.rate for run in runs)
    there = sum(run.frames / run.rate for run in runs)
    lost = sum(run.lost for run in runs)
    held = sum(b - a for run in runs for a, b in run.pieces[1:])  # type: ignore[misc]
    cut = any(run.cut for run in runs)
    # Some encoders count the Xing frame itself: one frame less than promised is none less.
    missing = any(run.promised > run.frames + 1152 for run in runs)
    if missing or (seconds > there and (cut or lost)):
        found.promised, found.why = seconds, "it was cut short, or frames are damaged"
    elif lost or sum(run.before for run in runs) > held / 100:
        lost += sum(run.before for run in runs)
        found.promised = there * (1 + lost / max(1, held))
        found.why = "frames are damaged"
    elif cut:
        found.why = "it ends in the middle of a frame, so it was cut short"
    return found


# RIFF (WAV) and FORM (AIFF): chunks with a name and a size


def _chunks(data: Data, at: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, first byte, size) of the chunks from ``at`` on."""
    while at + 8 <= len(data):
        name, size = struct.unpack(order + "4sI", data[at : at + 8])
        yield name, at + 8, size
        at += 8 + size + (size & 1)


def _iff(data: Data, start: int) -> Look:
    order = "<" if data[start : start + 4] in (b"RIFF", b"RF64") else ">"
    aiff = data[start : start + 4] == b"FORM"
    wanted, head = (b"SSND", b"COMM") if aiff else (b"data", b"fmt ")
    described: tuple[int, int] | None = None
    for name, at, size in _chunks(data, start + 12, order):
        if name == head:
            described = at, size
        if name == wanted:
            break
    else:
        return _moved(data, start, len(data))
    if described is None:
        return _moved(data, start, len(data))
    if data[start : start + 4] == b"RF64" and data[start + 12 : start + 16] == b"ds64":
        size = int.from_bytes(data[start + 28 : start + 36], "little") or len(data) - at
    form = data[described[0] : described[0] + 20].ljust(20, b"\0")
    if not aiff and struct.unpack(order + "H", form[:2])[0] == 0x55:  # an MP3 inside a WAV
        return _mpeg(data, at, min(len(data), at + size) if size else None)
    there, empty = len(data) - at, 8 if aiff else 0
    ends = list(_after(data, at, min(size, there), order))
    if size <= empty and there > empty and not ends:
        return _streamed(data, start, at, described[0], order, aiff)
    found = _moved(data, start, len(data))
    if not aiff:
        found.why = _contradiction(form, order)
    elif data[start + 8 : start + 12] == b"AIFF":
        channels, frames, bits = struct.unpack(">HIH", form[:8])
        if channels * frames * -(-bits // 8) != size - 8:
            found.why = f"its header contradicts itself: {frames} × {channels} × {bits} bits"
    if size > there or not there:
        unknown = any(first <= size <= first + 0xFFFF for first in UNKNOWN)
        plain = aiff or struct.unpack(order + "H", form[:2])[0] in (1, 3, 6, 7, 0xFFFE)
        if not unknown and size > (1.005 if plain else 1) * there > 0:
            found.share, found.why = size / there, CUT
        return found
    end = ends[0] if ends else at + size
    if end < len(data) and data[end : end + 4] in FILES:
        more = _iff(data, end)
        first = Part([(start, end)])
        more.parts = [first, *(more.parts or [Part([(end, len(data))])])]
        here = (end - start) / (len(data) - start)
        more.share = here + (1 - here) * more.share
        more.why = more.why or found.why
        return more
    left = len(data) - end
    if not ends and left > size / 100 and data[end : end + 4096].strip(b"\0"):
        found.parts = found.parts or [Part([(start, len(data))])]
        found.share, found.why = 1 + left / max(1, size), MORE
    return found


def _after(data: Data, at: int, size: int, order: str, head: str = "4sI") -> Iterator[int]:
    """Yield where the file ends, or another one begins, if well-formed chunks follow the sound."""
    for end in dict.fromkeys((at + size + (size & 1), at + size)):
        place, wide = end, struct.calcsize(order + head)
        while place + wide <= len(data):
            name, length = struct.unpack(order + head, data[place : place + wide])
            if name in FILES:
                break
            if name[:3] in (b"TAG", b"ID3", b"APE"):
                place = len(data)
            elif not re.fullmatch(rb"[ -~]{4}", name) or not (
                0 <= length <= len(data) + 1 - place - wide
            ):
                break
            else:
                place += wide + length + (length & 1 if wide == 8 else 0)
        else:
            if end <= len(data):
                yield place
                return
        if data[place : place + 4] in FILES:
            yield place
            return


def _moved(data: Data, start: int, end: int) -> Look:
    """The file without what stands before its first byte."""
    return Look([Part([(start, end)])] if start else [])


def _streamed(data: Data, start: int, at: int, form: int, order: str, aiff: bool) -> Look:
    """A header whose sizes were never filled in: fill them in."""
    size = len(data) - at
    head = bytearray(data[start:at])
    struct.pack_into(order + "I", head, 4, len(data) - start - 8)
    struct.pack_into(order + "I", head, at - start - 4, size)
    if aiff:
        channels, _, bits = struct.unpack(">HIH", data[form : form + 8])
        frames = (size - 8) // max(1, channels * -(-bits // 8))
        struct.pack_into(">I", head, form - start + 2, frames)
    return Look([Part([bytes(head), (at, len(data))])])


def _contradiction(form: bytes, order: str) -> str:
    """What is wrong with a description of PCM samples, whose numbers follow from one another."""
    tag, channels, rate, per_second, block, bits, _, inside = struct.unpack(
        order + "HHIIHHHH", form
    )
    if not per_second or not block:
        return ""
    if tag in (1, 3, 6, 7, 0xFFFE):  # PCM, floats, A-law, µ-law
        agrees = block == channels * -(-bits // 8) and per_second == rate * block
    elif tag in (2, 0x11):  # ADPCM: 4 bits a sample, after a head for each channel
        each = block // max(1, channels)
        agrees = not inside or inside == (2 * each - 12 if tag == 2 else 2 * each - 7)
    else:
        return ""
    if agrees:
        return ""
    return (
        f"its header contradicts itself: {channels} × {bits} bits at {rate} Hz, {block} bytes each"
    )


# AU and CAF


def _au(data: Data) -> Look:
    start, size = struct.unpack(">II", data[4:12].ljust(8, b"\0"))
    there = len(data) - start
    if size == 0 < there:
        return Look([Part([data[:8] + b"\xff" * 4, (12, len(data))])])
    if 0 < 1.005 * there < size < UNKNOWN[0]:
        return Look(share=size / there, why=CUT)
    if 0 < size < there * 0.99:
        return Look(share=there / size, why=MORE)
    return Look()


def _w64(data: Data) -> Look:
    """Sony's WAV: names of 16 bytes, and sizes of 8 that count themselves."""
    at, why = 40, ""
    while at + 24 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 16 : at + 24], "little")
        there = len(data) - at - 24
        if name == b"fmt ":
            why = _contradiction(data[at + 24 : at + 44].ljust(20, b"\0"), "<")
        if name == b"data" and (size - 24 > 1.005 * there or size <= 24) and there > 0:
            whole = (there + 24).to_bytes(8, "little")
            head = data[:16] + len(data).to_bytes(8, "little") + data[24 : at + 16] + whole
            unknown = size <= 24 or size >= 2**62
            share = 1.0 if unknown else (size - 24) / there
            part = Part([head, (at + 24, len(data))])
            return Look([part], share=share, why=why if unknown else CUT)
        at += max(24, size + 7 & ~7)
    return Look(why=why)


def _caf(data: Data, start: int = 0) -> Look:
    at = start + 8
    while at + 12 <= len(data):
        name, size = struct.unpack(">4sq", data[at : at + 12])
        there = len(data) - at - 12
        if name == b"data" and 4 <= size < there:
            end, ends = at + 12 + size, list(_after(data, at + 12, size, ">", "4sq"))
            left = there - size
            if data[end : end + 4] == b"caff":
                return Look([Part([(0, end)]), *(_caf(data, end).parts or [_rest(data, end)])])
            if not ends and left > size / 100 and data[end : end + 4096].strip(b"\0"):
                return Look(share=1 + left / size, why=MORE)
        simple = data[start + 28 : start + 32] in (b"lpcm", b"ulaw", b"alaw")
        if name == b"data" and (size > there > 4 or size == -1) and simple:
            head = data[: at + 4] + struct.pack(">q", there)
            head = head[start:]
            if size == -1:  # "until the end", as a program writes that cannot go back
                return Look([Part([head, (at + 12, len(data))])])
            return Look([Part([head, (at + 12, len(data))])], share=size / there, why=CUT)
        if size < 0:
            break
        at += 12 + size
    return Look([_rest(data, start)] if start else [])


def _rest(data: Data, start: int) -> Part:
    return Part([(start, len(data))])


# FLAC


def _table(polynomial: int, bits: int) -> list[int]:
    """The remainders of all bytes for a cyclic redundancy check."""
    table = []
    for value in range(256):
        crc = value << bits - 8
        for _ in range(8):
            crc = crc << 1 ^ (polynomial if crc >> bits - 1 else 0)
        table.append(crc & (1 << bits) - 1)
    return table


CRC8, CRC16 = _table(0x107, 8), _table(0x18005, 16)


def _flac(data: Data, start: int) -> Look:
    """Compare the length in STREAMINFO with the number of the last frame."""
    places = [start]
    while (at := find(data, b"fLaC\0\0\0\x22", places[-1] + 4)) >= 0:
        places.append(at)
    found, good = Look(), start == 0 and len(places) == 1
    short, total = 0, 0.0
    for begin, end in zip(places, [*places[1:], len(data)]):
        promised = _promised(data, begin)
        rate = int.from_bytes(data[begin + 18 : begin + 21], "big") >> 4
        there, stop, code = _flac_end(data, begin, end)
        if there is None:
            return Look()
        top = bytearray(data[begin : begin + 26])
        top[21] = top[21] & 0xF0 | there >> 32 & 15
        top[22:26] = (there & 0xFFFFFFFF).to_bytes(4, "big")
        good &= there == promised
        if HERTZ.get(code, rate) != rate:
            good, found.why = False, f"its header contradicts its frames: {rate} Hz"
        short += max(0, promised - there)
        total += max(promised, there) / max(1, rate)
        found.parts.append(Part([bytes(top), (begin + 26, stop)]))
    if short:
        found.promised, found.why = total, found.why or CUT
    elif stop < len(data) - 256:
        found.why = "it ends in the middle of a frame, so it was cut short"
    return Look() if good else found


def _flac_end(data: Data, begin: int, end: int) -> tuple[int | None, int, int]:
    """Return (samples up to the last whole frame, where that ends, the code of its rate).

    The first is None where there is no frame.
    """
    fixed = int.from_bytes(data[begin + 8 : begin + 10], "big")
    least = int.from_bytes(data[begin + 12 : begin + 15], "big")
    sync = b"\xff\xf8" if data[begin + 8 : begin + 10] == data[begin + 10 : begin + 12] else b"\xff"
    back = end
    while (back := data.rfind(sync, begin + 42, back)) >= 0:
        frame = flac_frame(data[back : back + 16], fixed)
        if frame is None:
            continue
        (first, count), code = frame, data[back + 2] & 15
        if first + count == _promised(data, begin) and end - back >= max(least, 11):
            return first + count, end, code
        if _crc16(data[back : end - 2]) == data[end - 2 : end]:
            return first + count, end, code
        return first, back, code
    return None, 0, 0


_RATES = 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000
HERTZ = dict(enumerate(_RATES, start=1))
"""Sample rates by their codes in the headers of frames."""


def _promised(data: Data, begin: int) -> int:
    return int.from_bytes(data[begin + 21 : begin + 26], "big") & 0xFFFFFFFFF


def flac_frame(head: bytes, fixed: int) -> tuple[int, int] | None:
    """Parse a FLAC frame header: (first sample, number of samples), or None if it is none.

    ``fixed``: samples in a frame, if all frames have the same number.
    """
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    size, rate = head[2] >> 4, head[2] & 15
    if size == 0 or rate == 15 or head[3] >> 4 > 10:
        return None
    more = next((n for n in range(7) if not head[4] & (0x80 >> n)), 7)
    more = max(1, more)
    number = head[4] & (0x7F if more == 1 else 0x7F >> more)
    for byte in head[5 : 4 + more]:
        if byte >> 6 != 2:
            return None
        number = number << 6 | byte & 63
    at = 4 + more
    if size in (6, 7):
        count = int.from_bytes(head[at : at + size - 5], "big") + 1
        at += size - 5
    else:
        count = 192 if size == 1 else 576 << (size - 2) if size < 6 else 256 << (size - 8)
    at += (rate == 12) + 2 * (rate in (13, 14))
    crc = 0
    for byte in head[:at]:
        crc = CRC8[crc ^ byte]
    if at >= len(head) or crc != head[at]:
        return None
    return (number if head[1] & 1 else number * fixed), count


def _crc16(data: bytes) -> bytes:
    """The check sum at the end of a FLAC frame."""
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFF00) ^ CRC16[crc >> 8 ^ byte]
    return crc.to_bytes(2, "big")
