"""Lesson 15: notes, harmonics, key: three measures of pitch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.music.musical_key import NAMES, SCALES, parse_key

SOUNDING_DB = 40.0  # frames further below a clip's loudest are silence
LOWEST = 82.4069  # hertz of E2, MIDI 40
BINS = 36  # to an octave: three a semitone
OCTAVES = 6.6
STEP = 256  # samples between frames of the constant-Q transform, at 22050 Hz
SMOOTH = 7  # frames that are averaged: 81 ms
STANDS_OUT = 3.0  # times its surroundings, in amplitude: 9.5 dB
QUIET = 0.003  # of a clip's loudest line, −50 dB: less is what the transform leaks
CLEAR = 0.5  # share of a frame's amplitude in lines

# Krumhansl and Kessler 1982: how well each of the twelve fits after a cadence in C, 1 to 7.
PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


@dataclass(frozen=True)
class Notes:
    """The result of `notes`.

    ``value`` in 0..1; per frame the ``clarity`` in 0..1 and whether it is ``sounding``; ``picture
    (bins, frames)``, the smoothed constant-Q amplitudes; ``lines``, of the same shape, True on bins
    taken for a partial; ``times`` in seconds, ``hertz`` of the bins.
    """

    value: float
    clarity: np.ndarray
    sounding: np.ndarray
    picture: np.ndarray
    lines: np.ndarray
    times: np.ndarray
    hertz: np.ndarray


@dataclass(frozen=True)
class Harmonics:
    """The result of `harmonics`.

    ``value`` in −1..1; per frame the ``share``, its ``f0`` in hertz, and whether it is
    ``sounding``; ``magnitude (rows, frames)`` up to 5 kHz over ``hertz``.
    """

    value: float
    share: np.ndarray
    f0: np.ndarray
    sounding: np.ndarray
    magnitude: np.ndarray
    hertz: np.ndarray


@dataclass(frozen=True)
class Key:
    """The result of `key`.

    ``heard``, such as "D minor"; its correlation ``value`` in −1..1; the ``scores`` of all 24 keys
    by name; the mean ``chroma (12,)`` from C, summing to 1.
    """

    heard: str
    value: float
    scores: dict[str, float]
    chroma: np.ndarray


def _constant_q(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return amplitudes (bins, frames) of librosa's constant-Q transform at 22050 Hz."""
    import librosa

    from riffedu.evaluate.rhythm import _mono
    from riffedu.signal.audio import resample

    x = resample(_mono(waveform).astype(np.float32), sample_rate, 22050)
    if len(x) < 22050 // 2:
        raise RiffeduError("notes need at least half a second of sound")
    return np.abs(
        librosa.cqt(
            x,
            sr=22050,
            hop_length=STEP,
            fmin=LOWEST,
            bins_per_octave=BINS,
            n_bins=int(BINS * OCTAVES),
        )
    )


def _sounding(power: np.ndarray) -> np.ndarray:
    return (power > 0) & (power > power.max(initial=0) * 10 ** (-SOUNDING_DB / 10))


def notes(waveform: np.ndarray, sample_rate: int) -> Notes:
    """Measure the share of sounding frames that hold a clear pitch or chord.

        clarity[t] = Σ_{b on a line} C[b, t] / Σ_b C[b, t]
        value = share of sounding frames with clarity > ½

    ``C`` is the amplitude of a constant-Q transform (E2 up to 8 kHz, three bins per semitone),
    averaged over 81 ms. A bin is on a line if it, or its neighbour, is a local maximum of its
    column, is 3 times (9.5 dB) above the median of the half octave around it, and is less than 50
    dB below the clip's loudest bin. The long average leaves a tone a line and evens out noise.
    ``clarity`` itself can be plotted; both lie in 0..1. Renders of melodies and chords give 0.8 to
    1, bands about 0.3, drums less than 0.1, noise 0. The alternative pyin tracks one voice only and
    finds most of a chord unvoiced.

    Limits: lines are not music. Mains hum, a whistle or five random sines that never change give 1.
    Distorted guitars and pizzicato, which listeners hear as notes, give 0.1, because much of their
    sound lies between the lines. Reverberation and a held pedal raise the value.

    Source: constant-Q: Brown, J. Acoust. Soc. Am. 89 (1991), by librosa.cqt; lines against the
    median around them as in harmonic-percussive separation, Fitzgerald, DAFx (2010). Notebook:
    15_measure_and_compare.
    """
    from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter1d

    raw = _constant_q(waveform, sample_rate)
    picture = uniform_filter1d(raw, SMOOTH, axis=1)
    around = median_filter(picture, (BINS // 2 + 1, 1))
    least = np.maximum(STANDS_OUT * around, QUIET * picture.max())
    peaks = (picture == maximum_filter1d(picture, 5, axis=0)) & (picture > least)
    lines = maximum_filter1d(peaks, 3, axis=0)
    total = picture.sum(axis=0)
    clarity = (picture * lines).sum(axis=0) / np.maximum(total, 1e-20)
    sounding = _sounding((raw**2).sum(axis=0))
    value = float((clarity[sounding] > CLEAR).mean()) if sounding.any() else float("nan")
    hertz = LOWEST * 2 ** (np.arange(len(raw)) / BINS)
    return Notes(
        value, clarity, sounding, picture, lines, np.arange(len(clarity)) * STEP / 22050, hertz
    )


def harmonics(
    waveform: np.ndarray, sample_rate: int, lowest: float = 80.0, highest: float = 1000.0
) -> Harmonics:
    """Measure how well partials lie on multiples of one f0.

        share[t] = max_{f0} Σ_f |X[f, t]| cos(2π f / f0) / Σ_f |X[f, t]|,   f ≤ 5 kHz

    The cosine is a comb: +1 on every multiple of f0, −1 half-way between. Only local maxima over f0
    from 80 to 1000 Hz are considered. Frames of 93 ms, 20 ms apart; ``value`` is the mean over
    sounding frames: near 1 for locked harmonics, about 0.75 if each is off by up to 3 %, 0.5 for a
    triad (no f0 fits all three notes), 0.1 for noise. Amplitudes are used, not powers, so that the
    high partials, which a wrong f0 misses first, have weight.

    The sum is the autocorrelation, at the lag 1 / f0, of a signal whose power spectrum is |X|; it
    is computed as one inverse FFT per frame.

    Limits: a pure sine gives 1 because it has no other partials, and so does any buzz. Bells,
    marimbas and every chord give low values, as they should: compare only like with like. A triad
    in just intonation has a common f0 far below and is measured by it.

    Source: Tolonen and Karjalainen, "A computationally efficient multipitch analysis model", IEEE
    Trans. Speech and Audio Proc. 8 (2000); the comb as a cosine: Camacho and Harris (SWIPE), J.
    Acoust. Soc. Am. 124 (2008). Notebook: 15_measure_and_compare.
    """
    from riffedu.evaluate.rhythm import _mono
    from riffedu.signal.stft import stft

    n_fft = int(2 ** round(np.log2(0.0929 * sample_rate)))
    magnitude = np.abs(stft(_mono(waveform), n_fft, round(0.02 * sample_rate)))
    sounding = _sounding((magnitude**2).sum(axis=0))
    hertz = np.arange(len(magnitude)) * sample_rate / n_fft
    magnitude[hertz > 5000] = 0
    likeness = np.fft.irfft(magnitude, n=n_fft, axis=0)
    likeness = likeness / np.maximum(likeness[0], 1e-20)
    lags = np.arange(int(sample_rate / highest), int(sample_rate / lowest) + 1)
    here = likeness[lags]
    local = (here >= likeness[lags - 1]) & (here > likeness[lags + 1])
    share = np.where(local, here, 0).max(axis=0)
    f0 = sample_rate / lags[np.where(local, here, -2).argmax(axis=0)]
    value = float(share[sounding].mean()) if sounding.any() else float("nan")
    kept = hertz <= 5000
    return Harmonics(value, share, f0, sounding, magnitude[kept], hertz[kept])


def chroma_of(found: Notes) -> np.ndarray:
    """Return the strength of the twelve pitch classes from C: (12,) ≥ 0, sum 1 (0 in silence).

    These are the square roots of the amplitudes of `notes`, on lines only and up to 1 kHz, folded
    into one octave. Bins outside the spectral peaks (drums, noise) would fill all twelve classes
    alike; higher peaks are mostly overtones; and without the square root the loudest note would
    mask the others.
    """
    folded = np.zeros(12)
    strength = np.sqrt(found.picture * found.lines)[:, found.sounding].sum(axis=1)
    classes = np.rint(40 + 12 * np.arange(len(strength)) / BINS).astype(int) % 12
    kept = found.hertz <= 1000
    np.add.at(folded, classes[kept], strength[kept])
    return folded / folded.sum() if folded.sum() > 0 else folded


def key(waveform: np.ndarray, sample_rate: int) -> Key:
    """Estimate the key of a sound by correlating its chroma with 24 key profiles.

        score(tonic, mode) = corr(chroma, profile_mode rotated to the tonic)

    Pearson's correlation, −1..1; the best of 24 is ``heard``. By chance a key is right in 4 % of
    cases. Five seconds of this project's renders are heard in the key they were written in in only
    a third of cases (half by `key_score`), so `scale_share` suits them better.

    Limits: the method counts how long pitch classes sound and ignores order and bass: a melody on
    the white keys can be C major, A minor, or a mode. Overtones add fifths and thirds, so the key a
    fifth up, the relative and the parallel key are its usual mistakes. Sounds without a key (drums,
    noise, atonal music) still get a best one: look at the score.

    Source: Krumhansl and Kessler, Psychological Review 89 (1982), table of profiles; Krumhansl,
    *Cognitive Foundations of Musical Pitch* (1990), ch. 4, for the algorithm. Notebook:
    15_measure_and_compare.
    """
    return key_of(chroma_of(notes(waveform, sample_rate)))


def key_of(found: np.ndarray) -> Key:
    """Return the `key` of a chroma (12,) that has already been computed."""
    if np.ptp(found) < 1e-12:
        return Key("none", 0.0, {}, found)
    scores = {
        f"{NAMES[tonic]} {mode}": float(np.corrcoef(found, np.roll(profile, tonic))[0, 1])
        for mode, profile in PROFILES.items()
        for tonic in range(12)
    }
    best = max(scores, key=lambda name: scores[name])
    return Key(best, scores[best], scores, found)


def key_score(heard: str, asked: str) -> float:
    """Return how close two keys are by MIREX's rule.

    1 for the same key, ½ for a fifth up, 0.3 for the relative and 0.2 for the parallel key, else 0.
    Keys are written "D minor", "Bb major" or "B flat major". Source: MIREX, audio key detection.
    """
    if heard == "none":
        return 0.0
    (a, mode), (b, other) = parse_key(heard), parse_key(asked)
    if mode == other:
        return {0: 1.0, 7: 0.5}.get((a - b) % 12, 0.0)
    if a == b:
        return 0.2
    return 0.3 if (a - b) % 12 == (9 if mode == "minor" else 3) else 0.0


def scale_share(found: np.ndarray, asked: str) -> float:
    """Return the share, 0..1, of a chroma (12,) that is on the scale of the requested key.

    Major or natural minor. Chance is 7/12 = 0.58; renders in a major or minor key give 0.93. nan
    without a chroma.

    Limits: relative keys share their scale, so "C major" cannot be told from "A minor"; a single
    held tonic gives 1. Always compare with the share on scales that were not requested.
    """
    if found.sum() <= 0:
        return float("nan")
    tonic, mode = parse_key(asked)
    steps = np.array(SCALES[mode])
    return float(found[(tonic + steps) % 12].sum() / found.sum())
