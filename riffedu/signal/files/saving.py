"""Lesson 01: writing sound files. `riffedu.signal.audio` exports `save`."""

from __future__ import annotations

import errno
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.output import is_stream, uninterrupted, write_whole
from riffedu.signal.arrays import Array, as_waveform
from riffedu.signal.files import reason
from riffedu.signal.files.tags import Record, append_info, comments, id3

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".opus": ("OGG", "OPUS"),
    ".m4a": ("M4A", "AAC"),
}
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
BITS = ("16", "24", "float")
"""Sample formats of `save`; .flac has the first two, the lossy formats have none."""
LARGEST_WAV = 2**32 - 2**20
"""Bytes: a WAV file counts its size in 32 bits."""


def save(
    path: str | Path,
    waveform: Array,
    sample_rate: int,
    bits: int | str | None = None,
    record: Record | None = None,
    overwrite: bool = True,
) -> Path:
    """Write a sound file; the extension sets the format: .wav, .flac, .ogg, .mp3, .opus, .m4a.

    Never scales the samples. ``bits`` is 16 (the default) or 24 for .wav and .flac, or "float" for
    .wav, whose samples may lie outside [−1, 1]. An .opus file has 48 kHz; .m4a requires ffmpeg.
    ``path`` may be a pipe or a device, or "-" for stdout: without an extension they get a WAV file.
    ``record``, stored in the file, says how the sound was made, see `riffedu.signal.files.tags`.
    The file is written whole or not at all, see `riffedu.output.write_whole`. In an .ogg of six
    channels the last is the bass channel, as in 5.1. Returns the path.

    Raises RiffeduError for an unknown extension, a path that cannot be written, a rate or number
    of channels that the format does not support, an empty sound, samples that are NaN or infinite,
    or samples outside [−1, 1], which would clip.
    Notebook: 01_sound.

    >>> import tempfile
    >>> from riffedu.signal.audio import duration, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(folder + "/tone.wav", np.zeros(4410), 44100)
    ...     print(duration(path), load(path)[0].shape)
    0.1 (4410,)
    """
    path = Path(path).expanduser()
    suffix = check_format(path, bits)
    waveform = as_waveform(waveform)
    _check_fits(path, suffix, waveform, sample_rate, bits)
    with write_whole(path, overwrite) as part, open(part, "w+b") as file:
        try:
            write_sound(file, waveform, sample_rate, suffix, bits, record)
        except (TypeError, ValueError) as error:
            raise RiffeduError(f"{path} cannot be written: {reason(error)}") from None
    return path


def check_format(path: Path, bits: int | str | None = None) -> str:
    """Return the extension that sets the format of a file; ``.wav`` for a stream without one.

    Raises RiffeduError for an unknown extension, for ``bits`` that the format does not have, and
    for .m4a without ffmpeg.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS and is_stream(path):
        suffix = ".wav"
    if suffix not in FORMATS:
        raise RiffeduError(
            f"{path}: no sound format has the extension {path.suffix!r}; use {', '.join(FORMATS)}"
        )
    if bits is not None and str(bits) not in BITS:
        raise RiffeduError(f"bits must be one of {', '.join(BITS)}, not {bits!r}")
    able = {".wav": BITS, ".flac": BITS[:2]}.get(suffix, ())
    if bits is not None and str(bits) not in able:
        what = "float samples" if bits == "float" else f"{bits} bits"
        other = "use .wav" if able else "use .wav or .flac, or omit the bits"
        raise RiffeduError(f"{suffix} files cannot have {what}: {other}")
    if suffix == ".m4a" and not shutil.which("ffmpeg"):
        raise RiffeduError(
            f"cannot write {path}: .m4a requires ffmpeg, which is not installed; "
            "install it, or write .flac or .mp3"
        )
    return suffix


def _check_fits(
    path: Path, suffix: str, waveform: np.ndarray, sample_rate: Any, bits: int | str | None
) -> None:
    peak, channels = float(np.abs(waveform).max()), len(np.atleast_2d(waveform))
    if peak > 1 and bits != "float":
        raise RiffeduError(
            f"the sound peaks at {20 * np.log10(peak):+.1f} dBFS and would clip: lower its level "
            "first (riffedu.signal.audio.set_level)"
        )
    if suffix == ".mp3" and (channels > 2 or sample_rate not in MP3_RATES):
        raise RiffeduError(
            f"{path} cannot be written: an mp3 has 1 or 2 channels at {MP3_RATES[0]} to "
            f"{MP3_RATES[-1]} Hz, not {channels} at {sample_rate}; resample, or save as .flac"
        )
    width = {"24": 3, "float": 4}.get(str(bits), 2)
    if suffix == ".wav" and waveform.size * width > LARGEST_WAV:
        raise RiffeduError(f"{path} would exceed the 4 GB of a WAV file: save it as .flac")


def write_sound(
    file: IO[bytes],
    waveform: np.ndarray,
    sample_rate: int,
    suffix: str = ".wav",
    bits: int | str | None = None,
    record: Record | None = None,
) -> None:
    """Write a sound to an open binary file that can seek; the arguments are those of `save`."""
    kind, subtype = FORMATS[suffix]
    if bits is not None:
        subtype = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}[str(bits)]
    frames, texts = np.atleast_2d(waveform).T, comments(record) if record else {}
    if kind == "M4A":
        _write_m4a(file, frames, sample_rate, texts)
        return
    if subtype == "OPUS" and sample_rate not in OPUS_RATES:
        import soxr

        frames = soxr.resample(frames, sample_rate, OPUS_RATES[-1], quality="VHQ")
        sample_rate = OPUS_RATES[-1]
    if kind == "MP3" and texts:
        # Encoded apart, because LAME writes its table of contents at the file's very start.
        encoded = io.BytesIO()
        _encode(encoded, frames, sample_rate, kind, subtype, {})
        file.write(id3(texts) + encoded.getvalue())
        return
    own = {} if kind == "WAV" else texts  # libsndfile drops long texts in WAV files
    _encode(file, frames, sample_rate, kind, subtype, own)
    if kind == "WAV" and texts:
        append_info(file, texts)


class _Watched:
    """A file that keeps its first error: libsndfile's callbacks would print and lose it."""

    def __init__(self, file: IO[bytes]):
        self.file = file
        self.error: OSError | None = None
        self.tell, self.read = file.tell, file.read

    def write(self, data: bytes) -> int:
        return self._keep(self.file.write, data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._keep(self.file.seek, offset, whence)

    def check(self) -> None:
        self._keep(self.file.flush)
        if self.error:
            raise self.error

    def _keep(self, action: Callable[..., Any], *args: Any) -> Any:
        try:
            return action(*args)
        except OSError as error:
            self.error = self.error or error
            return 0


def _encode(
    file: IO[bytes], frames: np.ndarray, rate: int, kind: str, subtype: str, texts: dict[str, str]
) -> None:
    """Encode frames (samples, channels) with libsndfile."""
    import soundfile

    watched, sound = _Watched(file), None
    try:
        try:
            with uninterrupted():
                sound = soundfile.SoundFile(
                    watched, "w", rate, frames.shape[1], subtype, format=kind
                )
                for name, text in texts.items():
                    setattr(sound, name, text)
            # In pieces: libsndfile's Vorbis encoder overflows its stack on one long write.
            for start in range(0, len(frames), 65536):
                with uninterrupted():
                    sound.write(frames[start : start + 65536])
                watched.check()
        finally:
            if sound is not None:
                with uninterrupted():
                    sound.close()
    except (soundfile.SoundFileError, AssertionError) as error:
        watched.check()
        raise ValueError(reason(error)) from None
    watched.check()


def _write_m4a(file: IO[bytes], frames: np.ndarray, rate: int, texts: dict[str, str]) -> None:
    """Encode frames as AAC with ffmpeg, into an open file that has a name."""
    given = io.BytesIO()
    _encode(given, frames, rate, "WAV", "PCM_24", {})
    names = {"software": "encoder"}
    told = [part for k, v in texts.items() for part in ("-metadata", f"{names.get(k, k)}={v}")]
    command = ["ffmpeg", "-v", "error", "-y", "-f", "wav", "-i", "-", *told]
    command += ["-c:a", "aac", "-b:a", "192k", "-f", "ipod", f"file:{file.name}"]
    done = subprocess.run(command, input=given.getvalue(), capture_output=True)
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["ffmpeg failed"]
        if any("No space left" in line for line in lines):
            raise OSError(errno.ENOSPC, "No space left on device")
        raise ValueError(f"ffmpeg says: {lines[-1]}")
