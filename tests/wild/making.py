"""Wild files, made small: what people bring, and what a door has to make of it."""

import io
import shutil
import struct
import subprocess
import warnings

import numpy as np
import pytest
import soundfile

from riffedu.errors import RiffeduWarning
from riffedu.signal import audio
from riffedu.signal.files.mpeg import frame_of

RATE = 44100
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg")


def tone(hertz=440.0, seconds=1.0, rate=RATE, gain=0.3, channels=1):
    x = gain * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return x if channels == 1 else np.stack([x] * channels, -1)


def noise(seconds=1.0, seed=0, rate=RATE):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate))


def coded(samples=None, rate=RATE, kind="WAV", subtype=None, **options) -> bytes:
    """A sound as the bytes of a file."""
    file = io.BytesIO()
    samples = tone() if samples is None else samples
    channels = np.atleast_2d(samples.T).shape[0]
    with soundfile.SoundFile(file, "w", rate, channels, subtype, format=kind, **options) as writer:
        writer.write(samples)
    return file.getvalue()


def mp3(samples=None, rate=RATE, info=True, **options) -> bytes:
    """An MP3; without ``info``, the frame that states its length is taken off."""
    data = coded(samples, rate, "MP3", **options)
    return data if info else data[frame_of(data[:4]).length :]


def vbr(samples=None, info=False) -> bytes:
    return mp3(samples, info=info, bitrate_mode="VARIABLE", compression_level=0.5)


def id3(size=100, content=b"", lie=0) -> bytes:
    """An ID3v2 tag of so many bytes, which says that it has ``lie`` more."""
    said = size + lie
    head = bytes(said >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\4\0\0" + head + content.ljust(size, b"\0")[:size]


def patched(data: bytes, at: int, value, form: str = "<I") -> bytes:
    field = struct.pack(form, value)
    return data[:at] + field + data[at + len(field) :]


def flipped(data: bytes, at: int, bit: int = 4) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def by_ffmpeg(folder, ending: str, *options, samples=None, rate=RATE) -> bytes:
    soundfile.write(folder / "from.wav", tone(seconds=2) if samples is None else samples, rate)
    line = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", folder / "from.wav", *options]
    subprocess.run([*map(str, line), str(folder / f"to{ending}")], check=True)
    return (folder / f"to{ending}").read_bytes()


def heard(source) -> tuple[np.ndarray, int, list[str]]:
    """Load a sound by every road; they must agree. Returns what was said besides."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        waveform, rate = audio.load(source)
        samples = waveform.shape[-1]
        assert audio.duration(source) == samples / rate
        blocks = list(audio.load_blocks(source, 0.3))
        joined = np.concatenate(blocks, axis=-1)
        assert joined.shape == waveform.shape and np.abs(joined - waveform).max() < 1e-6
        start = 0.6 * samples / rate
        part, _ = audio.load_part(source, start, 0.2 * samples / rate)
        first = round(start * rate)
        assert np.abs(part - waveform[..., first:][..., : part.shape[-1]]).max() < 1e-6
    assert {w.category for w in said} <= {RiffeduWarning}
    lines = sorted({str(w.message) for w in said})
    assert all("\n" not in line and len(line) < 300 for line in lines)
    return waveform, rate, lines


def pitch(waveform, rate, start, seconds=0.2) -> float:
    """The loudest frequency of a moment."""
    x = waveform[round(start * rate) :][: round(seconds * rate)]
    return float(np.argmax(np.abs(np.fft.rfft(x * np.hanning(len(x)), 2**16))) * rate / 2**16)
