"""Lesson 01: the pages of an Ogg file, checked. Used by `riffedu.signal.files.containers`.

An Ogg file is a sequence of pages. Each has a checksum and states the position in the sound where
it ends; a decoder skips pages whose checksum is wrong, and reads only the first of several streams.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from riffedu.signal.files.pieces import CUT, WINDOW, Data, Look, Part, Piece, find, release

REVERSED = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))


@dataclass
class Page:
    """A page of an Ogg file; ``whole``: it is complete and its checksum is right."""

    at: int
    end: int
    flags: int
    position: int
    serial: int
    whole: bool


def ogg_crc(page: bytes) -> int:
    """Return the checksum of an Ogg page, with its own checksum field taken as 0.

    Ogg uses zlib's polynomial in the opposite bit order, so input and result are bit-reversed.

    >>> hex(ogg_crc(b"OggS" + bytes(23)))
    '0x9ea1a511'
    """
    clear = page[:22] + bytes(4) + page[26:]
    crc = zlib.crc32(clear.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)


def _pages(data: Data, at: int) -> Iterator[Page]:
    seen = at
    while (at := find(data, b"OggS\0", at)) >= 0:
        if at > seen + WINDOW:
            release(data, at)
            seen = at
        head = data[at : at + 27]
        table = data[at + 27 : at + 27 + (head[26] if len(head) == 27 else 0)]
        if len(head) < 27:
            return
        _, flags, position, serial, _, crc, count = struct.unpack("<5sBqIIIB", head)
        end = at + 27 + count + sum(table)
        there = len(table) == count and end <= len(data)
        whole = there and ogg_crc(data[at:end]) == crc
        yield Page(at, end, flags, position, serial, whole)
        follows = there and (end == len(data) or data[end : end + 4] == b"OggS")
        at = end if whole or follows else at + 4


def look_at_ogg(data: Data, start: int) -> Look:
    """Compare the pages of all streams of an Ogg file with what they state: see `look`."""
    pages = list(_pages(data, start))
    links: list[list[Page]] = []
    for page in pages:
        if page.flags & 2 and page.whole and (not links or not links[-1][-1].flags & 2):
            links.append([])
        elif page.flags & 2 and page.whole:
            return Look()  # several streams side by side, such as a video: ffmpeg's business
        if links:
            links[-1].append(page)
    if not links:
        return Look()
    found, good, seconds = Look(), start == 0 and len(links) == 1, 0.0
    for link in links:
        whole = [page for page in link if page.whole]
        cut = not whole[-1].flags & 4
        lost = (
            len(link) > len(whole) or sum(p.end - p.at for p in whole) < link[-1].end - link[0].at
        )
        found.parts.append(Part(_kept(data, link) if lost else [(link[0].at, link[-1].end)], lost))
        good &= not lost and not cut
        positions = [page.position for page in link if 0 <= page.position < 2**40]
        seconds += max(positions, default=0) / _clock(data[link[0].at : link[0].at + 64])
        if lost or cut:
            found.why = CUT if cut else "pages are damaged"
    tail = data[pages[-1].end : pages[-1].end + 27]
    if 0 < len(tail) < 27 and b"OggS".startswith(tail[:4]):  # not even the head of another page
        good, found.why = False, CUT
    if found.why:
        found.promised = seconds
    return Look() if good else found


def _kept(data: Data, link: list[Page]) -> list[Piece]:
    """All that can be decoded of damaged pages, with check sums that the decoder accepts."""
    pieces: list[Piece] = []
    for page, after in zip(link, [*link[1:], None]):
        follows = page.end == (after.at if after else len(data))
        if page.whole:
            pieces.append((page.at, page.end))
        elif follows:
            pieces.append(_signed(data[page.at : page.end]))
        elif after is None and page.end > len(data):
            pieces.append(_mended(data, page))
    return pieces


def _signed(page: bytes) -> bytes:
    return page[:22] + struct.pack("<I", ogg_crc(page)) + page[26:]


def _clock(page: bytes) -> float:
    """How many positions of an Ogg stream make a second, by its first page."""
    if (at := page.find(b"\x01vorbis")) >= 0:
        return max(1, struct.unpack("<I", page[at + 12 : at + 16])[0])
    if (at := page.find(b"fLaC")) >= 0 and len(page) >= at + 21:
        return max(1, int.from_bytes(page[at + 18 : at + 21], "big") >> 4)
    return 48000.0


def _mended(data: Data, page: Page) -> bytes:
    """The packets of a page that was cut short, as a page that ends the stream."""
    count = data[page.at + 26]
    table, room = data[page.at + 27 : page.at + 27 + count], len(data) - page.at - 27 - count
    kept = used = 0
    for i, size in enumerate(table):
        if used + size > room:
            break
        used += size
        kept = i + 1 if size < 255 else kept
    if not kept or len(table) < count:
        return b""
    body = data[page.at + 27 + count :][: sum(table[:kept])]
    head = data[page.at : page.at + 5] + bytes([page.flags | 4]) + data[page.at + 6 : page.at + 22]
    made = head + bytes(4) + bytes([kept]) + table[:kept] + body
    return _signed(made)
