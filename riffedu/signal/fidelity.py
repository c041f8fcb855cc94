"""Lesson 06: measures of a reconstruction against its picture and against the original."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from time import process_time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.arrays import Array

if TYPE_CHECKING:
    from riffedu.signal.params import SpectrogramParams


class Row(NamedTuple):
    """The measures of one clip after a round trip with one method."""

    clip: str
    way: str
    seconds: float  # of one processor, for the way back
    mel_consistency_db: float
    distance_db: float
    attacks: float
    level_db: float


def mel_consistency_db(waveform: Array, mel: np.ndarray, params: SpectrogramParams) -> float:
    """Return how far a sound's mel amplitudes are from the target; lower is better.

        20 · log10( ‖ g · mel(waveform) − mel ‖ / ‖ mel ‖ )

    with the gain g that minimises it, so the level does not matter. ``mel``: amplitudes
    (num_frequencies, columns); ``waveform``: columns · hop_length samples. At −20 dB a tenth
    of the amplitude is wrong. Loud bins dominate. Notebook: 06_beyond_griffin_lim.

    >>> from riffedu.signal.mel import mel_spectrogram
    >>> from riffedu.signal.params import SpectrogramParams
    >>> x = np.random.default_rng(0).standard_normal(4410).astype(np.float32)
    >>> mel = mel_spectrogram(x, SpectrogramParams())
    >>> mel_consistency_db(0.5 * x, mel, SpectrogramParams()) < -100
    True
    """
    from riffedu.signal.mel import mel_spectrogram

    found = mel_spectrogram(waveform, params)
    if found.shape != np.shape(mel):
        raise RiffeduError(f"the sound's picture has shape {found.shape}, not {np.shape(mel)}")
    gain = (found * mel).sum() / max((found**2).sum(), 1e-30)
    size: Any = np.linalg.norm(mel)
    error = np.linalg.norm(gain * found - mel) / max(size, 1e-30)
    return float(20 * np.log10(max(error, 1e-15)))


def log_spectral_distance(
    waveform: Array,
    original: Array,
    sample_rate: int,
    max_frequency: float = 10000,
    floor_db: float = -80,
) -> float:
    """Return the log-spectral distance of two sounds in dB; 0 means equal.

        mean over t of √( mean over k of (20 · log10(|X[k, t]| / |Y[k, t]|))² )

    Frames of 2048 samples, rows up to ``max_frequency``, with a floor 80 dB below the original's
    loudest bin. Quiet bins count as much as loud ones; phase does not count. Source: Gray and
    Markel, "Distance measures for speech processing", IEEE Trans. ASSP 24 (1976). Notebook:
    06_beyond_griffin_lim.

    >>> x = np.random.default_rng(0).standard_normal(4410)
    >>> round(log_spectral_distance(x, 2 * x, 44100), 1)
    6.0
    """
    found, wanted = (_magnitudes(x, 2048, sample_rate, max_frequency) for x in (waveform, original))
    floor = max(wanted.max() * 10 ** (floor_db / 20), 1e-20)
    ratio = 20 * np.log10(np.maximum(wanted, floor) / np.maximum(found, floor))
    return float(np.sqrt((ratio**2).mean(axis=0)).mean())


def attack_likeness(
    waveform: Array, original: Array, sample_rate: int, max_frequency: float = 10000
) -> float:
    """Return the correlation of the onset strengths of two sounds: 1 means equal, 0 unrelated.

    Onset strength is the rise of log |STFT| (frames of 256 samples, 6 ms, every 64 samples), summed
    over rows. A method that smears drum strokes scores low here, whatever else it matches.
    Notebook: 06_beyond_griffin_lim.

    >>> x = np.random.default_rng(0).standard_normal(4410)
    >>> round(attack_likeness(x, 0.5 * x, 44100), 3)
    1.0
    """
    rises = []
    for x in (waveform, original):
        magnitude = _magnitudes(x, 256, sample_rate, max_frequency)
        log = np.log(np.maximum(magnitude, max(1e-3 * magnitude.max(), 1e-20)))
        rises.append(np.maximum(np.diff(log, axis=1), 0).sum(axis=0))
    if min(np.ptp(rise) for rise in rises) == 0:
        return 0.0
    return float(np.corrcoef(*rises)[0, 1])


def round_trip(
    clips: dict[str, np.ndarray],
    ways: Iterable[str] | dict[str, Callable] | None = None,
    params: SpectrogramParams | None = None,
    progress: bool = True,
    least_seconds: float = 0.0,
) -> list[Row]:
    """Convert every clip to a picture and back with every method, and measure the loss.

    ``clips``: name → mono waveform at ``params.sample_rate``. ``ways``: names in
    `riffedu.signal.inversion.QUALITIES`, or name → function (mel, params) → waveform. The picture
    has 8 bits, as saved. Seconds are the median of as many runs as fit in ``least_seconds``, at
    least one.

    Notebook: 06_beyond_griffin_lim.

    >>> from riffedu.signal.params import SpectrogramParams
    >>> params = SpectrogramParams(sample_rate=8000, num_frequencies=64, max_frequency=4000)
    >>> noise = np.random.default_rng(0).standard_normal(4000) / 10
    >>> [row] = round_trip({"noise": noise}, ["fast"], params, progress=False)
    >>> row.clip, row.way
    ('noise', 'fast')
    """
    from functools import partial

    from tqdm.auto import tqdm

    from riffedu.signal.audio import rms_db
    from riffedu.signal.convert import audio_to_image
    from riffedu.signal.image import spectrogram_from_image
    from riffedu.signal.inversion import QUALITIES, sound_from_mel
    from riffedu.signal.params import SpectrogramParams

    params = params or SpectrogramParams()
    if not isinstance(ways, dict):
        ways = {way: partial(sound_from_mel, quality=way) for way in ways or QUALITIES}
    rows = []
    for (clip, sound), (way, inverse) in tqdm(
        [(c, w) for c in clips.items() for w in ways.items()],
        "there and back",
        leave=False,
        disable=not progress,
    ):
        mel = spectrogram_from_image(audio_to_image(sound, params.sample_rate, params))
        spent: list[float] = []
        while not spent or sum(spent) < least_seconds:
            start = process_time()
            back = inverse(mel, params)
            spent.append(process_time() - start)
        rate = params.sample_rate
        heard = back[: len(sound)]
        rows.append(
            Row(
                clip,
                way,
                float(np.median(spent)),
                mel_consistency_db(back, mel, params),
                log_spectral_distance(heard, sound, rate, params.max_frequency),
                attack_likeness(heard, sound, rate, params.max_frequency),
                rms_db(heard) - rms_db(sound),
            )
        )
    return rows


class Point(NamedTuple):
    """A method after some iterations: the time taken so far and the quality reached."""

    n_iter: int
    seconds: float  # of one processor, from the picture to the sound of this iteration
    mel_consistency_db: float
    sound: np.ndarray


def speed_and_quality(
    steps: Iterator,
    mel: np.ndarray,
    params: SpectrogramParams,
    at: Collection[int] = (0, 1, 2, 4, 8, 16, 32),
) -> Iterator[Point]:
    """Time a method and measure its result after each of the iterations ``at``.

    Measuring is not timed. ``steps``: one of
    `riffedu.signal.inversion.METHODS`, run on ``mel``. Notebook: 06_beyond_griffin_lim.

    >>> from riffedu.signal.inversion import METHODS
    >>> from riffedu.signal.params import SpectrogramParams
    >>> params = SpectrogramParams(sample_rate=8000, num_frequencies=64, max_frequency=4000)
    >>> mel = np.ones((64, 20), np.float32)
    >>> points = speed_and_quality(METHODS["read off"](mel, params, n_iter=2), mel, params)
    >>> [point.n_iter for point in points]
    [0, 1, 2]
    """
    from riffedu.signal.inversion import sound_of

    spent, start = 0.0, process_time()
    for state in steps:
        spent += process_time() - start
        if state.iteration in at:
            start = process_time()
            sound = sound_of(state, mel, params)
            cost = spent + process_time() - start
            yield Point(state.iteration, cost, mel_consistency_db(sound, mel, params), sound)
        start = process_time()


def as_table(rows: list[Row], seconds: bool = True) -> str:
    """Format the rows and the mean of each method as a Markdown table of rounded numbers.

    Where there is no original to compare with, a row holds NaN and the table shows a dash.

    >>> print(as_table([Row("tune", "fast", 0.5, -20.0, 5.0, 0.9, 0.0)]))
    | clip | way | s | consistency dB | distance dB | attacks | level dB |
    | --- | --- | --- | --- | --- | --- | --- |
    | tune | fast | 0.50 | -20.0 | 5.0 | 0.90 | +0.0 |
    | mean | fast | 0.50 | -20.0 | 5.0 | 0.90 | +0.0 |
    """
    ways = list(dict.fromkeys(row.way for row in rows))
    means = []
    for way in ways:
        numbers = np.array([row[2:] for row in rows if row.way == way])
        known = ~np.isnan(numbers)
        total = np.where(known, numbers, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        means.append(Row("mean", way, *np.where(known.any(axis=0), total, np.nan)))
    lines = [
        ["clip", "way", "s", "consistency dB", "distance dB", "attacks", "level dB"],
        ["---"] * 7,
    ]
    for row in [*rows, *means]:
        cells = zip(row[2:], (".2f", ".1f", ".1f", ".2f", "+.1f"), strict=True)
        lines.append([*row[:2], *("–" if np.isnan(n) else format(n, form) for n, form in cells)])
    if not seconds:
        lines = [line[:2] + line[3:] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _magnitudes(waveform: Array, n_fft: int, sample_rate: int, max_frequency: float) -> np.ndarray:
    from riffedu.signal.arrays import as_sound
    from riffedu.signal.phase import magnitude_of
    from riffedu.signal.stft import stft

    waveform = as_sound(waveform)[0].detach()
    rows = 1 + int(max_frequency * n_fft / sample_rate)
    return magnitude_of(stft(waveform, n_fft, n_fft // 4))[:rows].numpy()
