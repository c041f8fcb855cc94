"""Lesson 01: sound as numbers. Load, save, resample, measure and set levels.

A waveform is float32, nominally in [−1, 1], of shape (samples,) or (channels, samples).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.paths import clips_folder

FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS"),
           ".mp3": ("MP3", "MPEG_LAYER_III")}  # fmt: skip


def load(path, sample_rate: int | None = None) -> tuple[np.ndarray, int]:
    """Reads a sound file: (waveform, sample_rate).

    Whatever libsndfile reads: WAV of every depth, FLAC, OGG, MP3, AIFF. The waveform is float32,
    (samples,) when mono, else (channels, samples); with ``sample_rate`` it is resampled to that.

    Raises RiffeduError for a missing or unreadable file, an empty sound, or NaN or infinite
    samples in it. Notebook: 01_sound.
    """
    import soundfile

    path = Path(path)
    if not path.is_file():
        raise RiffeduError(f"{path}: there is no such sound file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        raise RiffeduError(f"{path} is no sound that can be read: {_reason(error)}") from None
    if len(samples) == 0:
        raise RiffeduError(f"{path} holds no samples: the sound is empty")
    if not np.isfinite(samples).all():
        raise RiffeduError(f"{path} holds NaN or infinite samples: export it again")
    waveform = samples[:, 0] if samples.shape[1] == 1 else np.ascontiguousarray(samples.T)
    if sample_rate is not None:
        waveform, rate = resample(waveform, rate, sample_rate), sample_rate
    return waveform, rate


def save(path, waveform, sample_rate: int) -> Path:
    """Writes a sound file; the ending chooses the format: .wav and .flac (16 bit), .ogg, .mp3.

    Never scales: what lies outside [−1, 1] would clip, so it is refused. Written beside its place
    first and then moved there, so that no half sound is ever left. Returns the path.

    Raises RiffeduError for an unknown ending, a place that cannot be written, an empty sound, or
    samples that are NaN, infinite or too loud. Notebook: 01_sound.
    """
    import soundfile

    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        endings = ", ".join(FORMATS)
        raise RiffeduError(f"{path}: no sound format ends in {path.suffix!r}; use {endings}")
    waveform = as_waveform(waveform)
    peak = float(np.abs(waveform).max())
    if peak > 1:
        raise RiffeduError(
            f"the sound peaks at {20 * np.log10(peak):+.1f} dBFS and would clip: set its level "
            "first (riffedu.audio.set_level)"
        )
    kind, subtype = FORMATS[path.suffix.lower()]
    frames = np.atleast_2d(waveform).T
    channels = frames.shape[1]
    beside = path.with_name(f".{path.name}.part")
    try:
        with soundfile.SoundFile(beside, "w", sample_rate, channels, subtype, format=kind) as file:
            # In pieces: libsndfile's Vorbis encoder overflows its stack on one long write.
            for start in range(0, len(frames), 65536):
                file.write(frames[start:start + 65536])
        os.replace(beside, path)
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        raise RiffeduError(f"{path} cannot be written: {_reason(error)}") from None
    finally:
        beside.unlink(missing_ok=True)
    return path


def clip(name: str) -> tuple[np.ndarray, int]:
    """One of the course's own sounds: (waveform, sample_rate), RMS −20 dBFS, at most 5.12 s.

    `clips` lists them. Raises RiffeduError for a name that is not among them.
    """
    known = clips()
    if name not in known:
        raise RiffeduError(f"there is no clip {name!r}: choose one of {', '.join(known)}")
    return load(clips_folder() / known[name]["file"])


def clips() -> dict[str, dict]:
    """The sounds in data/clips by name: file, title, credit, licence, and what each shows."""
    import json

    listed = json.loads((clips_folder() / "clips.json").read_text("utf-8"))["clips"]
    return {entry["name"]: entry for entry in listed}


def resample(waveform, from_rate: int, to_rate: int) -> np.ndarray:
    """The same sound at another sample rate, by soxr's very-high-quality band-limited filter.

    Shape (…, samples) → (…, round(samples · to_rate / from_rate)). What lies above half the new
    rate is filtered out, not folded down. Notebook: 01_sound.
    """
    waveform = as_waveform(waveform)
    if not (from_rate > 0 and to_rate > 0):
        raise RiffeduError(f"sample rates must be above 0, not {from_rate} and {to_rate}")
    if from_rate == to_rate:
        return waveform
    import soxr

    resampled = soxr.resample(waveform.T, from_rate, to_rate, quality="VHQ").T
    length = max(1, round(waveform.shape[-1] * to_rate / from_rate))
    missing = max(0, length - resampled.shape[-1])
    padding = [(0, 0)] * (waveform.ndim - 1) + [(0, missing)]
    return np.ascontiguousarray(np.pad(resampled, padding)[..., :length])


def rms_db(waveform) -> float:
    """Root-mean-square level in dBFS: 10 · log10(mean x²), over all channels; −inf for silence.

    A full-scale sine has −3.01 dBFS. Notebook: 01_sound.
    """
    return _db(_rms(waveform))


def peak_db(waveform) -> float:
    """Peak level in dBFS: 20 · log10(max |x|); 0 is full scale, −inf is silence."""
    return _db(_peak(waveform))


def set_level(waveform, rms_db: float = -20.0, peak_db: float = -1.0) -> np.ndarray:
    """One gain for the whole sound: to ``rms_db`` dBFS, or to ``peak_db`` if that comes first.

    Silence stays silence. Notebook: 01_sound.
    """
    waveform = as_waveform(waveform)
    if _peak(waveform) == 0:
        return waveform
    gain_db = min(rms_db - _db(_rms(waveform)), peak_db - _db(_peak(waveform)))
    return (waveform * 10 ** (gain_db / 20)).astype(np.float32)


def as_waveform(waveform) -> np.ndarray:
    """Float32 of shape (samples,) or (channels, samples), or a RiffeduError that says why not."""
    try:
        waveform = np.asarray(waveform, dtype=np.float32)
    except (TypeError, ValueError):
        raise RiffeduError("a waveform is an array of numbers") from None
    if waveform.ndim not in (1, 2):
        raise RiffeduError(
            f"a waveform has shape (samples,) or (channels, samples), not {waveform.shape}"
        )
    if waveform.size == 0:
        raise RiffeduError("the sound is empty: give it at least one sample")
    if not np.isfinite(waveform).all():
        raise RiffeduError("the sound holds NaN or infinite samples")
    return waveform


def _rms(waveform) -> float:
    return np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))


def _peak(waveform) -> float:
    return np.abs(waveform).max()


def _db(amplitude: float) -> float:
    return float(20 * np.log10(amplitude)) if amplitude > 0 else -np.inf


def _reason(error: Exception) -> str:
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return text.strip().rstrip(".").partition("\n")[0]
