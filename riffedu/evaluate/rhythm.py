"""Lesson 15: beat, tempo, attack: three measures of timing, all from one curve.

The curve is the onset envelope: how much the level of the mel bands has risen within one hop. Its
autocorrelation measures the beat, the lag of the highest peak gives the tempo, and the steepness of
each rise is the attack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from riffedu.errors import RiffeduError

RATE = 100  # frames of the onset envelope in a second
BANDS = 128
OUTSTANDING_DB = 0.8  # an onset lies this far above a clip's usual flicker
QUIET_DB = 50.0  # what lies this far below the loudest band of a clip does not count
LAGS = (0.25, 1.5)  # seconds between beats: 240 to 40 beats a minute
WINDOW = 0.01  # seconds: the shortest rise that `attack` tells from a step
BLUNT = 0.25  # of a rise is done in the steepest 10 ms by a 40-ms swell, and by hiss
REACH = 0.06  # seconds to each side of an onset in which `attack` looks for its rise


@dataclass(frozen=True)
class Beat:
    """The result of `beat`.

    ``value`` in 0..1; ``tempo`` in bpm (nan without a beat); ``likeness (lags,)`` over ``lags`` in
    seconds; the ``envelope (frames,)`` it was computed from, `RATE` frames per second.
    """

    value: float
    tempo: float
    lags: np.ndarray
    likeness: np.ndarray
    envelope: np.ndarray


@dataclass(frozen=True)
class Attack:
    """The result of `attack`.

    ``value`` in 0..1 (nan without an onset); ``times`` in seconds and ``shares`` of the onsets;
    ``levels (bands, frames)``, the band amplitudes, ``rate`` frames per second.
    """

    value: float
    times: np.ndarray
    shares: np.ndarray
    levels: np.ndarray
    rate: int


def onset_envelope(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the mean rise in level of the mel bands since the previous frame.

        o[t] = mean_b max(0, L[b, t] − L[b, t − 1]),   L = 10 log10 (bank · |STFT|²) in dB

    ``waveform (samples,)``; window 46 ms, hop 10 ms, 128 mel bands over the whole range. Bands more
    than 50 dB below the loudest are set to that level, so that inaudible noise does not count.
    Returns float64 (frames,) ≥ 0 in dB per hop, 100 frames per second. Only rises count: the end of
    a note is not an onset. Equal to librosa.onset.onset_strength with the same sizes.

    Source: Böck and Widmer, "Maximum filter vibrato suppression for onset detection", DAFx (2013),
    without the filter; Bello et al., "A tutorial on onset detection in music signals", IEEE Trans.
    Speech and Audio Proc. 13 (2005). Notebook: 15_measure_and_compare.
    """
    from riffedu.signal.stft import stft

    x = _mono(waveform)
    hop, n_fft = sample_rate // RATE, int(2 ** round(np.log2(0.0464 * sample_rate)))
    power = np.abs(stft(x, n_fft, hop)) ** 2
    bands = _bank(sample_rate, n_fft) @ power
    loudest = bands.max()
    if loudest <= 0:
        return np.zeros(bands.shape[1])
    level = 10 * np.log10(np.maximum(bands, loudest * 10 ** (-QUIET_DB / 10)))
    rise = np.maximum(0, np.diff(level, axis=1)).mean(axis=0)
    return np.concatenate([[0.0], rise])


@lru_cache(maxsize=4)
def _bank(sample_rate: int, n_fft: int) -> np.ndarray:
    from riffedu.signal.mel import mel_filterbank

    return mel_filterbank(sample_rate, n_fft, BANDS, 0.0, None, "slaney", "slaney")


def _mono(waveform: np.ndarray) -> np.ndarray:
    x = np.asarray(waveform, dtype=np.float64)
    x = x.mean(axis=0) if x.ndim == 2 else x
    if x.ndim != 1 or len(x) < 2048 or not np.isfinite(x).all():
        raise RiffeduError("the sound must have shape (samples,) and at least 2048 finite samples")
    return x


def self_likeness(envelope: np.ndarray, lags: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the correlation of a curve with itself at each lag.

        r(l) = Σ_t a[t] b[t] / √(Σ a² Σ b²),   a = o[0 … n−l) − its mean,  b = o[l … n) − its mean

    The two segments have the same length at every lag, so long lags are not penalised (as they are
    by the usual sum over all n divided by r(0)). ``envelope (n,)``; ``lags``: whole frames < n − 1.
    Returns (lags,) in −1..1, 0 where a segment is constant: numpy.corrcoef of the two segments.
    Notebook: 15_measure_and_compare.
    """
    o = np.asarray(envelope, dtype=np.float64)
    found = np.zeros(len(lags))
    for i, lag in enumerate(lags):
        a, b = o[: len(o) - lag], o[lag:]
        a, b = a - a.mean(), b - b.mean()
        size = np.sqrt((a @ a) * (b @ b))
        found[i] = a @ b / size if size > 1e-12 else 0.0
    return found


def beat(waveform: np.ndarray, sample_rate: int) -> Beat:
    """Measure the regularity of the rhythm: the highest autocorrelation of the onset envelope.

        value = max(0, max_l r(l)),   l a local maximum between 0.25 and 1.5 s

    The envelope is first smoothed with a Gaussian of 20 ms, the timing precision of musicians who
    play together. A metronome gives nearly 1, white noise about 0.2 (the largest of a hundred
    chance correlations), renders 0.5 to 0.9 (drums most). ``tempo`` is the lag whose correlation,
    weighted by exp(−½ log₂(bpm / 120)²), is highest: of several matching periods, listeners tap the
    one nearest to two per second.

    Limits: it measures pulses, not music. Noise that swells twice a second reads like a drummer,
    and so does a picture whose 32-pixel patches do not join: a step every 0.32 s. Free playing
    (rubato, a fermata) gives low values however good it is; five seconds hold three bars at most.

    Source: Ellis, "Beat tracking by dynamic programming", J. New Music Research 36 (2007), for the
    weight; Scheirer, J. Acoust. Soc. Am. 103 (1998), for the idea. Notebook:
    15_measure_and_compare.
    """
    from scipy.ndimage import gaussian_filter1d

    envelope = onset_envelope(waveform, sample_rate)
    smooth = gaussian_filter1d(envelope, 0.02 * RATE)
    first, last = (round(s * RATE) for s in LAGS)
    last = min(last, len(envelope) - RATE // 2)
    if last <= first:
        raise RiffeduError("a beat needs at least one second of sound")
    frames = np.arange(first - 1, last + 2)
    r = self_likeness(smooth, frames)
    peaks = np.flatnonzero((r[1:-1] >= r[:-2]) & (r[1:-1] > r[2:]) & (r[1:-1] > 0)) + 1
    if not len(peaks):
        return Beat(0.0, float("nan"), frames / RATE, r, envelope)
    places, heights = np.array([_vertex(r[p - 1 : p + 2], frames[p]) for p in peaks]).T
    bpm = 60 * RATE / places
    liking = heights * np.exp(-0.5 * np.log2(bpm / 120) ** 2)
    return Beat(
        float(np.clip(heights.max(), 0, 1)), float(bpm[liking.argmax()]), frames / RATE, r, envelope
    )


def _vertex(three: np.ndarray, middle: float) -> tuple[float, float]:
    """Return place and height of the vertex of the parabola through three neighbours."""
    a, b, c = three
    bend = a - 2 * b + c
    shift = 0.5 * (a - c) / bend if bend < 0 else 0.0
    return middle + shift, b - 0.25 * (a - c) * shift


def tempo_fits(heard: float, asked: float, tolerance: float = 0.08) -> bool:
    """Return whether a tempo is the requested one, its half or its double, within 8 %.

    Octave errors are accepted because listeners make them, too. That makes the test easy: a random
    tempo passes in log₂(1.08 / 0.92) = 23 % of cases, so state this chance level beside every
    figure.

    Limits: a model that always plays at 120 passes for 60, 120 and 240: ask for five tempi, and
    compare with the clips of the other four. Source: Gouyon et al., "An experimental comparison of
    audio tempo induction algorithms", IEEE Trans. Audio, Speech, Lang. Proc. 14 (2006), accuracy 2
    (which allows 4 % and factors of three, too). Notebook: 15_measure_and_compare.
    """
    if not (np.isfinite(heard) and heard > 0 and asked > 0):
        return False
    return any(abs(heard / (asked * octave) - 1) <= tolerance for octave in (0.5, 1, 2))


def onset_times(envelope: np.ndarray, least: float = 0.3, apart: float = 0.06) -> np.ndarray:
    """Return the frames of the onsets: prominent local maxima of an onset envelope.

    A frame counts if it is the largest within ``apart`` seconds on each side, exceeds the median by
    ``least`` of the way to the clip's maximum, and by 0.8 dB (steady noise has nothing higher).
    Returns whole frames (n,). Limits: soft notes beside a loud snare are missed.
    """
    from scipy.ndimage import maximum_filter1d

    o = np.asarray(envelope, dtype=np.float64)
    floor = np.median(o)
    stands_out = o > floor + max(least * (o.max() - floor), OUTSTANDING_DB)
    return np.flatnonzero(stands_out & (o == maximum_filter1d(o, 2 * round(apart * RATE) + 1)))


def attack(waveform: np.ndarray, sample_rate: int) -> Attack:
    """Measure the sharpness of onsets: the share of a rise completed within 10 ms.

        share = max_t Σ_b (A[b, t + 10 ms] − A[b, t]) / Σ_b max_t (A[b, t] − min_{u ≤ t} A[b, u])
        value = max(0, (mean share − ¼) / ¾)

    in the 120 ms around an onset. ``A[b, t]`` is the amplitude in eight bands from 200 to 10000 Hz,
    in Hann windows of 10 ms, 2.5 ms apart; each band is relative to its own maximum. The mean is
    over the onsets (`onset_times`), weighted by their prominence. A rise of 40 ms completes a
    quarter in its steepest 10 ms, and noise does so by chance: this is the zero of the scale.
    ``value`` is near 1 for clicks in silence, 0.35 for rises of 20 ms, below 0.1 for 40 ms and
    more, nan without an onset. Bands that rise one after the other, or flutter, do not count as
    sharp, because the bands are summed first.

    Limits: it considers only the steepest 10 ms. Crackle, a click before every note or a hard gate
    raise the value without improving the sound; a string that swells rightly gives a low value;
    noise around an onset lowers it; below 100 Hz the oscillation of the tone itself passes for an
    attack.

    Source: the attack time of Peeters et al., "The Timbre Toolbox", J. Acoust. Soc. Am. 130 (2011),
    turned into a share, so that bands can be added. Notebook: 15_measure_and_compare.
    """
    envelope = onset_envelope(waveform, sample_rate)
    levels, rate = band_levels(waveform, sample_rate)
    reach, step = round(REACH * rate), round(WINDOW * rate)
    found = []
    for frame in onset_times(envelope):
        middle = round(frame / RATE * rate)
        part = levels[:, max(0, middle - reach) : middle + reach + 1]
        together = part.sum(axis=0)
        steepest = (together[step:] - together[:-step]).max(initial=0.0)
        rise = (part - np.minimum.accumulate(part, axis=1)).max(axis=1).sum()
        if rise > 1e-9:
            found.append((frame / RATE, min(1.0, steepest / rise), envelope[frame]))
    times, shares, heights = np.array(found).reshape(-1, 3).T
    if not len(shares):
        return Attack(float("nan"), times, shares, levels, rate)
    mean = float(np.average(shares, weights=heights - np.median(envelope)))
    return Attack(max(0.0, (mean - BLUNT) / (1 - BLUNT)), times, shares, levels, rate)


def band_levels(waveform: np.ndarray, sample_rate: int) -> tuple[np.ndarray, int]:
    """Return the amplitudes of eight bands, (8, frames) in 0..1, and the frames per second.

    Each band is relative to its own maximum or to 3 % of the loudest band's, whichever is larger.
    """
    from riffedu.signal.stft import stft

    rate = 400
    size = 2 * round(WINDOW * sample_rate / 2)
    power = np.abs(stft(_mono(waveform), size, round(sample_rate / rate))) ** 2
    hertz = np.arange(len(power)) * sample_rate / size
    edges = np.geomspace(200, min(10000, 0.45 * sample_rate), 9)
    levels = np.sqrt(
        np.stack(
            [
                power[(low <= hertz) & (hertz < high)].sum(axis=0)
                for low, high in zip(edges[:-1], edges[1:], strict=True)
            ]
        )
    )
    top = levels.max(axis=1, keepdims=True)
    return levels / np.maximum(top, max(0.03 * top.max(), 1e-12)), rate
