"""Lesson 01: sound as numbers. Load, save, resample; levels; fade, mix and stitch.

A waveform is float32, nominally in [−1, 1], of shape (samples,) or (channels, samples).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.limits import number
from riffedu.paths import clips_folder
from riffedu.signal.arrays import Array, as_rate, as_waveform
from riffedu.signal.files import as_channels, open_sound
from riffedu.signal.files.saving import FORMATS as FORMATS
from riffedu.signal.files.saving import save as save
from riffedu.signal.files.sources import Given

Source: TypeAlias = str | Path | bytes | BinaryIO | Given
"""Where a sound comes from."""

SHAPES = {
    "linear": lambda t: t,
    "smooth": lambda t: np.sin(np.pi / 2 * t) ** 2,
    "equal power": lambda t: np.sin(np.pi / 2 * t),
}


# Files


def load(source: Source, sample_rate: int | None = None) -> tuple[np.ndarray, int]:
    """Read a sound; return (waveform, sample_rate).

    ``source``: a path (``~`` is the home folder, "-" standard input), bytes, or an open binary
    file. Reads every format of libsndfile: WAV of any depth, FLAC, Ogg, Opus, MP3, AIFF and more;
    others, such as M4A, AAC, WMA, WebM and the sound of videos, through ffmpeg where it is
    installed. The waveform is float32, (samples,) when mono, else (channels, samples); integers
    are divided by their full scale, so that 16 bits give −1 … 0.99997. ``sample_rate`` resamples it
    to that rate. Several sounds end to end in one file are one sound.

    Warns (RiffeduWarning) where only a part can be read, with the seconds that were read and those
    that the file promises. Raises RiffeduError for a missing or unreadable file, an empty sound, or
    NaN or infinite samples in it. Notebook: 01_sound.

    >>> waveform, sample_rate = load(clips_folder() / clips()["tune"]["file"])
    >>> waveform.dtype.name, sample_rate
    ('float32', 44100)
    """
    with open_sound(source) as file:
        rate, waveform = file.samplerate, as_channels(file.label, file.read())
    if waveform.shape[-1] == 0:
        raise RiffeduError(f"{file.label} contains no samples: the sound is empty")
    if sample_rate is not None:
        waveform, rate = resample(waveform, rate, sample_rate), sample_rate
    return waveform, rate


def load_part(source: Source, start: float, seconds: float) -> tuple[np.ndarray, int]:
    """Read ``seconds`` of a sound, starting at ``start``, both in seconds.

    Takes and returns what `load` does. Raises RiffeduError as `load` does, and if the sound is too
    short.

    >>> load_part(clips_folder() / clips()["tune"]["file"], 1.0, 0.5)[0].shape
    (22050,)
    """
    start, seconds = number("start", start), number("seconds", seconds)
    with open_sound(source) as file:
        first, count = start * file.samplerate, seconds * file.samplerate
        if not (0 <= first and 0.5 < count and round(first) + round(count) <= file.frames):
            raise RiffeduError(
                f"{file.label} lasts {file.frames / file.samplerate:.2f} s: it is too short to "
                f"read {seconds:g} s starting at {start:g} s"
            )
        file.seek(round(first))
        samples = file.read(round(count))
        if len(samples) < round(count):
            raise RiffeduError(f"{file.label} was cut short: it ends before {start + seconds:g} s")
        return as_channels(file.label, samples), file.samplerate


def duration(source: Source) -> float:
    """Return the duration in seconds of what `load` reads, whatever a header states.

    The samples are not decoded, unless the file is damaged or needs ffmpeg. Takes, warns and raises
    as `load` does.

    >>> duration(clips_folder() / clips()["tune"]["file"])
    5.12
    """
    with open_sound(source) as file:
        return file.frames / file.samplerate


def load_blocks(
    source: Source, seconds: float = 10.0, sample_rate: int | None = None
) -> Iterator[np.ndarray]:
    """Read a sound block by block, for sounds too long for memory.

    Yields what `load` returns in blocks of about ``seconds``, each (samples,) or
    (channels, samples); joined, they are the same sound. Takes, warns and raises as `load` does.

    >>> path = clips_folder() / clips()["tune"]["file"]
    >>> [block.shape for block in load_blocks(path, seconds=4)]
    [(176400,), (49392,)]
    """
    import soxr

    with open_sound(source) as file:
        rate, total, given = file.samplerate, 0, 0
        to = rate if sample_rate is None else as_rate(sample_rate)
        stream = soxr.ResampleStream(rate, to, file.channels, "float32", "VHQ")
        while len(samples := file.read(max(1, round(seconds * rate)))):
            total += len(samples)
            samples = stream.resample_chunk(samples) if to != rate else samples
            given += len(samples)
            if len(samples):
                yield as_channels(file.label, samples)
        if total == 0:
            raise RiffeduError(f"{file.label} contains no samples: the sound is empty")
        if to != rate:
            rest = stream.resample_chunk(np.zeros((0, file.channels), np.float32), last=True)
            wanted = max(1, round(total * to / rate)) - given
            rest = np.pad(rest, [(0, max(0, wanted - len(rest))), (0, 0)])[:wanted]
            if len(rest):
                yield as_channels(file.label, rest)


def clip(name: str) -> tuple[np.ndarray, int]:
    """Load one of the course's clips: (waveform, sample_rate), RMS −20 dBFS, at most 5.12 s.

    `clips` lists their names. Raises RiffeduError for an unknown name.

    >>> waveform, sample_rate = clip("tune")
    >>> waveform.shape, sample_rate
    ((225792,), 44100)
    """
    known = clips()
    if name not in known:
        raise RiffeduError(f"there is no clip {name!r}: choose one of {', '.join(known)}")
    return load(clips_folder() / known[name]["file"])


def clips() -> dict[str, dict]:
    """Return the clips in data/clips by name: file, title, credit, licence, and what each shows.

    >>> sorted(clips()["tune"])
    ['credit', 'file', 'licence', 'name', 'shows', 'title']
    """
    import json

    listed = json.loads((clips_folder() / "clips.json").read_text("utf-8"))["clips"]
    return {entry["name"]: entry for entry in listed}


def resample(waveform: Array, from_rate: int, to_rate: int) -> np.ndarray:
    """Resample a sound with soxr's very-high-quality band-limited filter.

    Shape (…, samples) → (…, round(samples · to_rate / from_rate)). Frequencies above half the
    new rate are filtered out, so they do not alias; see `riffedu.signal.sampling.decimate`.
    Notebook: 01_sound.

    >>> resample(np.zeros(441), 44100, 20000).shape
    (200,)
    """
    waveform = as_waveform(waveform)
    from_rate, to_rate = as_rate(from_rate), as_rate(to_rate)
    if from_rate == to_rate:
        return waveform
    import soxr

    resampled = soxr.resample(waveform.T, from_rate, to_rate, quality="VHQ").T
    length = max(1, round(waveform.shape[-1] * to_rate / from_rate))
    missing = max(0, length - resampled.shape[-1])
    padding = [(0, 0)] * (waveform.ndim - 1) + [(0, missing)]
    return np.ascontiguousarray(np.pad(resampled, padding)[..., :length])


# Levels


def rms_db(waveform: Array) -> float:
    """Return the root-mean-square level in dBFS, over all channels; −inf for silence.

        10 · log10(mean x²)

    A full-scale sine has −3.01 dBFS, a full-scale square wave 0. Notebook: 01_sound.

    >>> round(rms_db([1, -1]), 2), rms_db([0, 0])
    (0.0, -inf)
    """
    return _db(_rms(as_waveform(waveform)))


def peak_db(waveform: Array) -> float:
    """Return the peak level in dBFS: 20 · log10(max |x|); 0 is full scale, −inf is silence.

    >>> round(peak_db([0.5, -0.1]), 2)
    -6.02
    """
    return _db(_peak(as_waveform(waveform)))


def loudness(waveform: Array, sample_rate: int) -> float:
    """Return the loudness in LUFS, a level weighted like hearing; −inf for silence.

    The mean square after K-weighting, a filter that lowers bass and raises treble as the head does,
    over blocks of 0.4 s; nearly silent blocks are left out. Defined for one to five channels (and
    six, 5.1, without its bass channel). Computed by pyloudnorm.

    Raises RiffeduError for a sound shorter than 0.4 s or more than six channels. Source: ITU-R
    BS.1770-4 (2015). Notebook: 01_sound.

    >>> round(loudness(np.sin(np.arange(44100) / 7), 44100), 1)
    -3.0
    """
    import pyloudnorm

    frames = np.atleast_2d(as_waveform(waveform)).T.astype(np.float64)
    sample_rate = as_rate(sample_rate)
    if len(frames) < 0.4 * sample_rate:
        raise RiffeduError(
            f"loudness needs at least 0.4 s of sound, not {len(frames) / sample_rate:.3f} s: use "
            "rms_db"
        )
    if frames.shape[1] == 6:
        frames = np.delete(frames, 3, axis=1)
    if frames.shape[1] > 5:
        raise RiffeduError(f"loudness is defined for 1 to 6 channels, not {frames.shape[1]}")
    return float(pyloudnorm.Meter(sample_rate).integrated_loudness(frames))


def set_level(waveform: Array, rms_db: float = -20.0, peak_db: float = -1.0) -> np.ndarray:
    """Scale a sound to an RMS of ``rms_db`` dBFS, or to a peak of ``peak_db`` if reached first.

    Silence stays silence. Notebook: 01_sound.

    >>> round(rms_db(set_level([0.5, -0.5])), 2)
    -20.0
    """
    waveform = as_waveform(waveform)
    return _gain_to(waveform, rms_db, _db(_rms(waveform)), peak_db)


def gain(before: np.ndarray, after: np.ndarray) -> float:
    """Return the factor between two waveforms that differ only in level; 1.0 for silence.

    >>> gain(np.array([0.0, 0.5]), np.array([0.0, 0.25]))
    0.5
    """
    loudest = np.unravel_index(np.abs(before).argmax(), before.shape)
    return float(after[loudest] / before[loudest]) if before[loudest] else 1.0


def set_loudness(
    waveform: Array, sample_rate: int, lufs: float = -23.0, peak_db: float = -1.0
) -> np.ndarray:
    """Scale a sound to ``lufs`` LUFS, or to a peak of ``peak_db`` dBFS if reached first.

    −23 is the level of European broadcasts (EBU R 128). Silence stays silence. Raises
    RiffeduError as `loudness` does. Notebook: 01_sound.

    >>> tone = set_loudness(np.sin(np.arange(44100) / 7), 44100)
    >>> round(loudness(tone, 44100), 1)
    -23.0
    """
    return _gain_to(as_waveform(waveform), lufs, loudness(waveform, sample_rate), peak_db)


# Editing


def ramp(samples: int, shape: str = "smooth") -> np.ndarray:
    """Return a fade-in curve from 0 to 1; reversed, [::-1], it is the fade-out.

        linear: t    smooth: sin²(πt/2)    equal power: sin(πt/2)    t = (n + ½) / samples

    Fade-in and fade-out sum to 1 (linear, smooth), or their squares do (equal power).

    >>> ramp(4, "linear").tolist()
    [0.125, 0.375, 0.625, 0.875]
    """
    if shape not in SHAPES:
        raise RiffeduError(f"the shape of a fade must be one of {', '.join(SHAPES)}, not {shape!r}")
    return SHAPES[shape]((np.arange(samples) + 0.5) / max(1, samples)).astype(np.float32)


def fade(
    waveform: Array,
    sample_rate: int,
    seconds_in: float = 0.01,
    seconds_out: float = 0.01,
    shape: str = "smooth",
) -> np.ndarray:
    """Fade a sound in and out, which avoids clicks at its ends; shapes as for `ramp`.

    Raises RiffeduError if the fades are longer than the sound. Notebook: 01_sound.

    >>> fade(np.ones(4), 100, 0.02, 0.01, "linear").tolist()
    [0.25, 0.75, 1.0, 0.5]
    """
    waveform, sample_rate = as_waveform(waveform).copy(), as_rate(sample_rate)
    into, out = round(seconds_in * sample_rate), round(seconds_out * sample_rate)
    if min(into, out) < 0 or into + out > waveform.shape[-1]:
        raise RiffeduError(
            f"fades of {seconds_in} s and {seconds_out} s do not fit in a sound of "
            f"{waveform.shape[-1] / sample_rate:.3f} s"
        )
    waveform[..., :into] *= ramp(into, shape)
    waveform[..., waveform.shape[-1] - out :] *= ramp(out, shape)[::-1]
    return waveform


def mix(waveforms: Iterable[Array], gains_db: Iterable[float] | None = None) -> np.ndarray:
    """Mix sounds of the same sample rate: y = Σ 10^(gain / 20) · x.

    The result is as long as the longest; a mono sound goes to every channel. ``gains_db``: one per
    sound, 0 by default. The sum is not scaled, so peaks may exceed 1; see `set_level`. Raises
    RiffeduError for incompatible numbers of channels or gains. Notebook: 01_sound.

    >>> mix([[0.25, 0.5], [0.5]]).tolist()
    [0.75, 0.5]
    """
    given = [as_waveform(x) for x in waveforms]
    sounds = [np.atleast_2d(x) for x in given]
    gains = [0.0] * len(sounds) if gains_db is None else list(gains_db)
    if not sounds or len(gains) != len(sounds):
        raise RiffeduError(
            f"mix needs a gain for each sound, not {len(gains)} gains for {len(sounds)} sounds"
        )
    channels = max(map(len, sounds))
    if any(len(x) not in (1, channels) for x in sounds):
        raise RiffeduError(
            "sounds with different numbers of channels cannot be mixed, unless one is mono"
        )
    total = np.zeros((channels, max(x.shape[-1] for x in sounds)), np.float32)
    for sound, gain in zip(sounds, gains):
        total[:, : sound.shape[-1]] += np.float32(10 ** (gain / 20)) * sound
    return total if any(x.ndim == 2 for x in given) else total[0]


def stitch(
    waveforms: Iterable[Array], sample_rate: int, seconds: float = 0.1, shape: str = "equal power"
) -> np.ndarray:
    """Join sounds end to end, each cross-faded into the next over ``seconds``.

        y = x_1 · √(1 − g²) + x_2 · g,   g = sin(πt/2)      (equal power)

    Uncorrelated sounds add in power, so their squared gains must sum to 1; "linear" would dip by
    3 dB. If both are the same sound continued, amplitudes add: use "linear" or "smooth", since
    equal power would swell by 3 dB.

    Raises RiffeduError for no sounds, sounds shorter than their fades, or unequal channels.
    Notebook: 01_sound.

    >>> stitch([np.ones(100), np.ones(100)], 1000, 0.05).shape
    (150,)
    """
    sounds, n = [as_waveform(x) for x in waveforms], round(seconds * as_rate(sample_rate))
    if not sounds or len({x.shape[:-1] for x in sounds}) > 1:
        raise RiffeduError(
            "stitch needs at least one sound, and the same number of channels in all of them"
        )
    joints = [1] + [2] * (len(sounds) - 2) + [1] if len(sounds) > 1 else [0]
    if n < 0 or any(x.shape[-1] < n * ends for x, ends in zip(sounds, joints)):
        raise RiffeduError(f"a sound is too short for a cross-fade of {seconds} s at each joint")
    rise, parts = ramp(n, shape), [sounds[0]]
    for sound in sounds[1:]:
        last = parts.pop()
        cut = last.shape[-1] - n
        joint = last[..., cut:] * rise[::-1] + sound[..., :n] * rise
        parts += [last[..., :cut], joint, sound[..., n:]]
    return np.concatenate(parts, axis=-1)


# Checks


def _gain_to(waveform: np.ndarray, wanted_db: float, now_db: float, peak_db: float) -> np.ndarray:
    if now_db == -np.inf:
        return waveform
    gain_db = min(wanted_db - now_db, peak_db - _db(_peak(waveform)))
    return (waveform * 10 ** (gain_db / 20)).astype(np.float32)


def _rms(waveform: Array) -> float:
    return np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))


def _peak(waveform: Array) -> float:
    return np.abs(waveform).max()


def _db(amplitude: float) -> float:
    return float(20 * np.log10(amplitude)) if amplitude > 0 else -np.inf
