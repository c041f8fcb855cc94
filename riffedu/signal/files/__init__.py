"""Lesson 01: opening sounds of any kind; a warning says what is missing.

`open_sound` takes a path, bytes, an open file or a pipe, compares the length in the header with
what can be read, and passes what libsndfile cannot read to ffmpeg. Used by `riffedu.signal.audio`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import Any

import numpy as np

from riffedu.errors import RiffeduError, warn
from riffedu.signal.files.containers import is_mpeg, look
from riffedu.signal.files.foreign import Temporary, command, decode, kind_of, quiet
from riffedu.signal.files.pieces import CUT, Look, Part, Piece, Pieces
from riffedu.signal.files.sources import BLOCK, Given, at_hand, reason

PREROLL = 16 * 1152
"""Samples of an MP3 that are decoded before the place that was asked for."""

LOOKED_AT = ("FLAC", "OGG", "MP3", "WAV", "AIFF", "AU", "CAF", "RF64", "W64")
"""Formats whose sizes `look` compares; for others, libsndfile notes in its log what is wrong."""

STEP = 1024
"""Samples that are skipped at a time where a decoder gives up."""

RATES = (1000, 768000)
"""Lowest and highest sample rate accepted, in Hz: a damaged header can hold any number."""

FOREIGN = tuple(
    ".m4a .mp4 .m4b .mov .aac .wma .asf .webm .mkv .mka .avi .flv .amr .ape .wv .tta .mpc .ac3 "
    ".eac3 .dts .dsf .3gp .ts .mpg .mpeg .ra .rm .spx".split()
)
"""Endings of files that go to ffmpeg even if their first bytes are unknown."""


@contextmanager
def open_sound(source: Any) -> Iterator[Reader]:
    """Open a sound of any format for reading, all of it.

    ``source``: a path (text or pathlib; ``~`` is the home folder, ``-`` standard input), bytes, or
    an open binary file, which is read from its beginning if it can be rewound. Several sounds end
    to end in one file are one sound. Every format of libsndfile is read, and others through ffmpeg
    where it is installed.

    Raises RiffeduError, one line, where nothing can be read. Where only a part can be read, warns
    (RiffeduWarning) with the seconds that were read and those that the header states.

    >>> with open_sound("none.wav"):
    ...     pass
    Traceback (most recent call last):
    riffedu.errors.RiffeduError: none.wav: there is no such sound file
    """
    import soundfile

    given = at_hand(source)
    try:
        with Reader(given) as reader:
            yield reader
    except RiffeduError:
        raise
    except (soundfile.SoundFileError, OSError, TypeError, ValueError, MemoryError) as error:
        why = reason(error)
        why = "Format not recognised" if "possibly a pipe" in why else why  # libsndfile's guess
        raise RiffeduError(
            f"{given.label} cannot be read as a sound; it may be damaged or cut short: {why}"
        ) from None


@lru_cache(maxsize=1)
def sound_file() -> type:
    """Return the class SoundFile, without its seek to the current place after every read.

    In an MP3, that seek changes what comes next: a frame needs bytes of the frames before it.
    """
    from soundfile import SoundFile

    class Steady(SoundFile):
        def seekable(self) -> bool:
            return False

        @property
        def can_seek(self) -> bool:
            return super().seekable()

    return Steady


class Reader:
    """An open sound: ``samplerate`` in Hz, ``channels``, and ``frames``, the samples of each.

    ``frames`` is what can be read, not what a header states.
    """

    def __init__(self, given: Given):
        self.given, self.label = given, given.label
        self._files: list[Any] = []
        self._under: dict[int, Any] = {}  # files over which those are, which do not close them
        self._warned, self._lost, self._missing = False, 0, 0.0
        with given.bytes() as data:
            head = data[:4096]
            found = look(data, given.path)
        self._hush = quiet if is_mpeg(head, given.path) else nullcontext
        try:
            found = self._open(found, head)
            self.samplerate, self.channels = self._files[0].samplerate, self._files[0].channels
            self._check_rate()
            self._lengths = [self._length(i, found) for i in range(len(self._files))]
            self.frames = sum(self._lengths)
            self.place = 0
            self._compare(found)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            self._shut(file)

    def _shut(self, file: Any) -> None:
        file.close()
        if under := self._under.pop(id(file), None):
            under.close()

    def read(self, count: int | None = None) -> np.ndarray:
        """Read the next ``count`` frames, or all that are left: float32, (frames, channels).

        Returns fewer only at the end. Warns if the decoder gives up earlier.
        """
        left = self.frames - self.place
        count = left if count is None else max(0, min(count, left))
        out = np.empty((count, self.channels), np.float32)
        done = 0
        while done < count:
            got = self._some(out[done:])
            if not got:
                break
            done += got
            self.place += got
        if done < count:
            self._fell_short()
        if self._lost:
            whole = self.frames / self.samplerate
            lost, self._lost = self._lost / self.samplerate, 0
            self._warn(whole - lost, whole, "the rest is damaged, and silent")
        return out[:done]

    def seek(self, frame: int) -> None:
        """Move to a frame."""
        i, inside = self._part(frame)
        if i < len(self._files):
            if self._files[i].can_seek:
                # In an MP3 the frames just before are decoded too, as they are when all is read.
                before = inside if self._files[i].format != "MP3" else max(0, inside - PREROLL)
                with self._hush():
                    self._files[i].seek(before)
            else:  # GSM: read up to the place
                before = 0
                self._renew(i)
            skipped = np.empty((inside - before, self._files[i].channels), np.float32)
            with self._hush():
                self._safely(i, before, skipped)
        self.place = frame

    def _part(self, frame: int) -> tuple[int, int]:
        i = 0
        while i < len(self._lengths) and frame >= self._lengths[i]:
            frame -= self._lengths[i]
            i += 1
        return i, frame

    def _some(self, out: np.ndarray) -> int:
        """Read into ``out`` up to the end of the part that is being read; return how many."""
        i, inside = self._part(self.place)
        if i == len(self._files):
            return 0
        file = self._files[i]
        out = out[: self._lengths[i] - inside]
        if file.channels == self.channels:
            with self._hush():
                return self._safely(i, inside, out)
        part = np.empty((len(out), file.channels), np.float32)
        with self._hush():
            got = self._safely(i, inside, part)
        out[:got] = part[:got] if file.channels == 1 else part[:got].mean(axis=1, keepdims=True)
        return got

    def _safely(self, i: int, inside: int, out: np.ndarray) -> int:
        """Read; past damage that stops the decoder go on after it, with silence in between."""
        import soundfile

        try:
            return len(self._files[i].read(out=out))
        except soundfile.SoundFileError:
            pass
        done = hole = 0
        while done + hole < len(out) and hole <= 2**16:
            self._renew(i)
            try:
                self._files[i].seek(inside + done + hole)
                while done + hole < len(out):
                    to_next = STEP - (inside + done + hole) % STEP
                    got = len(self._files[i].read(out=out[done + hole :][:to_next]))
                    if not got:
                        return done
                    out[done : done + hole] = 0
                    self._lost += hole
                    done, hole = done + hole + got, 0
            except soundfile.SoundFileError:
                hole += STEP - (inside + done + hole) % STEP
        return done

    def _renew(self, i: int) -> None:
        self._shut(self._files[i])
        self._files[i] = self._new(i)

    def _open(self, found: Look, head: bytes) -> Look:
        """Open all parts with libsndfile, or the whole with ffmpeg."""
        import soundfile

        self._parts: list[Part] = found.parts
        try:
            return self._open_parts(found)
        except (soundfile.SoundFileError, TypeError):
            path = self.given.path.lower()
            if path.endswith(".raw") and not self._files:
                raise RiffeduError(
                    f"{self.label} contains raw samples without a header; describe "
                    f"them to ffmpeg: {command(self.label).replace('-i', '-f s16le -ar 44100 -i')}"
                ) from None
            kind = kind_of(head)
            if not kind and path.endswith(FOREIGN):
                kind = f"a file of the kind {os.path.splitext(path)[1]}"
            if not kind:
                raise
        self.close()
        made, seconds, complaint = decode(self._on_disk(), self.label, kind)
        self.given, self._parts = Given(self.label, made.name, keep=made), []
        self._files = [self._new(0)]
        heard = self._files[0].frames / self._files[0].samplerate
        # Containers round, and count what an encoder added at the ends.
        return Look(promised=seconds if seconds > 1.02 * heard + 0.1 else 0, why=complaint)

    def _open_parts(self, found: Look) -> Look:
        """Open those parts that can be opened, at least one."""
        import soundfile

        good, failed = [], None
        for i in range(max(1, len(found.parts))):
            try:
                self._files.append(self._new(i))
                good += found.parts[i : i + 1]
            except (soundfile.SoundFileError, TypeError) as error:
                failed = error
        if failed and not self._files:
            raise failed
        if failed:
            found.parts, found.why = good, found.why or CUT
            self._parts = good
        return found

    def _on_disk(self) -> str:
        if self.given.path:
            return self.given.path
        kept = Temporary()
        with open(kept.name, "wb") as out:
            out.write(self.given.data)
        self.given = Given(self.label, kept.name, keep=kept)
        return kept.name

    def _new(self, i: int) -> Any:
        with self._hush():
            if self.given.path and not self._parts:
                path = self.given.path
                return sound_file()(path if os.name == "nt" else os.fsencode(path))
            under = self.given.open()
            try:
                whole: list[Piece] = [(0, len(self.given.data))]
                view = Pieces(under, self._parts[i].pieces if self._parts else whole)
                file = sound_file()(view)
            except BaseException:
                under.close()
                raise
            self._under[id(file)] = under
            return file

    def _check_rate(self) -> None:
        low, high = RATES
        if not low <= self.samplerate <= high:
            raise RiffeduError(
                f"{self.label}: the header is damaged: its sample rate, {self.samplerate} Hz, "
                f"is not between {low} and {high} Hz"
            )

    def _length(self, i: int, found: Look) -> int:
        """The frames of a part; where they are in doubt, decode them and count."""
        file = self._files[i]
        size = os.path.getsize(self.given.path) if self.given.path else len(self.given.data)
        believable = file.frames < 4096 * size + BLOCK
        doubtful = found.parts and found.parts[i].doubtful or file.format == "SDS"
        if believable and not doubtful:
            return file.frames
        count, block = 0, np.empty((BLOCK // 16, file.channels), np.float32)
        with self._hush():
            while got := self._safely(i, count, block):
                count += got
        self._lost = 0
        self._renew(i)
        self._missing += max(0, file.frames - count) / file.samplerate if believable else 0
        return count

    def _compare(self, found: Look) -> None:
        """Warn of what is promised and is not there."""
        for i, file in enumerate(self._files):
            if file.samplerate != self.samplerate:
                rest = sum(f.frames / f.samplerate for f in self._files[i:])
                here = sum(self._lengths[:i]) / self.samplerate
                self._files, self._lengths = self._files[:i], self._lengths[:i]
                self.frames = sum(self._lengths)
                return self._warn(here, here + rest, "then its sample rate changes")
        there = self.frames / self.samplerate
        if self.frames == 0 and (found.why or self._missing):
            self._fell_short()
        promised = max(
            there * found.share,
            found.promised,
            there + self._missing,
            found.frames / self.samplerate,
        )
        if not self._parts and self._files[0].format not in LOOKED_AT:
            log = self._files[0].extra_info
            sizes = re.findall(r"(\d+) \(?should be (\d+)", log)
            shares = [int(a) / max(1, int(b)) for a, b in sizes if int(a) < 2**31 - 2**16]
            promised = max([promised, *(there * share for share in shares)])
            found.why = found.why or (CUT if "truncated file" in log else "")
        if promised > 1.005 * there or found.why:
            self._warn(there, promised, found.why or CUT)

    def _fell_short(self) -> None:
        if self.place == 0 or self.frames == 0:
            raise RiffeduError(
                f"{self.label} cannot be read as a sound: it is damaged or was cut short"
            )
        there, promised = self.place / self.samplerate, self.frames / self.samplerate
        self.frames = self.place
        self._warn(there, promised, "it is damaged or was cut short")

    def _warn(self, there: float, promised: float, why: str) -> None:
        if self._warned:
            return
        self._warned = True
        read = f"{there:.2f} s of {promised:.2f} s were read: {why}"
        if promised <= 1.005 * there:
            read = f"{there:.2f} s were read, but {why}"
        warn(f"{self.label}: {read}")


def as_channels(label: Any, samples: np.ndarray) -> np.ndarray:
    """Convert (samples, channels) to (samples,) or (channels, samples).

    Raises RiffeduError for NaN or infinite samples.

    >>> as_channels("a.wav", np.zeros((5, 2))).shape
    (2, 5)
    """
    if not np.isfinite(samples).all():
        raise RiffeduError(f"{label} contains NaN or infinite samples: export it again")
    return samples[:, 0] if samples.shape[1] == 1 else np.ascontiguousarray(samples.T)
