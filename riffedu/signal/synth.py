"""Lesson 01: test tones and small instruments, each synthesised from its equation.

Every function returns a float32 waveform (samples,) and is deterministic. Tones and noise have an
RMS of 0.1 (−20 dBFS), short sounds and voices a peak of 0.5: levels that are safe to play.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.arrays import as_rate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SAMPLE_RATE = 44100
RMS = 0.1
PEAK = 0.5

# Mean formants in Hz of men's vowels: Peterson and Barney, "Control methods used in a study of the
# vowels", J. Acoust. Soc. Am. 24 (1952), table II.
VOWELS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
HUMS = {"m": (250, 1000, 2200), "n": (250, 1500, 2500), "l": (360, 1200, 2800)}


def times(seconds: float, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Return the sample times of a sound: t[n] = n / sample_rate, in seconds, float64.

    There are round(seconds · sample_rate) of them. Raises RiffeduError if that is 0.

    >>> times(0.5, 8).tolist()
    [0.0, 0.125, 0.25, 0.375]
    """
    sample_rate = as_rate(sample_rate)
    if not (0 < seconds < np.inf and round(seconds * sample_rate)):
        raise RiffeduError(
            f"{seconds} s at {sample_rate} Hz gives no samples: both must be above 0, and the "
            "sound must be at least one sample long"
        )
    return np.arange(round(seconds * sample_rate)) / sample_rate


def sine(
    hertz: float,
    seconds: float = 1.0,
    sample_rate: int = SAMPLE_RATE,
    amplitude: float = RMS * np.sqrt(2),
    phase: float = 0.0,
) -> np.ndarray:
    """Return a sampled sine: the simplest tone there is.

        x[n] = amplitude · sin(2π · hertz · n / sample_rate + phase)

    ``hertz`` may lie above sample_rate / 2: the result is an alias, as lesson 01 shows.

    >>> sine(1, seconds=1, sample_rate=4, amplitude=1).round(3).tolist()
    [0.0, 1.0, 0.0, -1.0]
    """
    t = times(seconds, sample_rate)
    return (amplitude * np.sin(2 * np.pi * hertz * t + phase)).astype(np.float32)


def harmonics(
    hertz: ArrayLike,
    amplitudes: Sequence[float] | np.ndarray,
    seconds: float = 1.0,
    sample_rate: int = SAMPLE_RATE,
) -> np.ndarray:
    """Return a tone with overtones: sines at integer multiples of one frequency.

        x(t) = Σ_k a_k · sin(k · φ(t)),   φ(t) = 2π ∫ hertz dt,   k = 1, 2, …

    ``hertz``: a number, or an array with the frequency at each of the sound's samples.
    ``amplitudes``: a_1, a_2, …, as ratios; the sum is then set to an RMS of 0.1. Partials that
    would reach half the sample rate are left out: they would alias.

    >>> harmonics(220, [1, 0.5, 0.25], seconds=0.1).shape
    (4410,)
    """
    t = times(seconds, sample_rate)
    path = np.broadcast_to(np.asarray(hertz, np.float64), t.shape)
    phase = 2 * np.pi * (np.cumsum(path) - path) / sample_rate
    room = int(np.ceil(sample_rate / 2 / path.max())) - 1
    parts = (a * np.sin(k * phase) for k, a in enumerate(amplitudes[:room], start=1))
    return to_rms(sum(parts, start=np.zeros_like(t)))


def chirp(
    start: float,
    end: float,
    seconds: float = 1.0,
    sample_rate: int = SAMPLE_RATE,
    kind: str = "exponential",
    amplitude: float = RMS * np.sqrt(2),
) -> np.ndarray:
    """Return a tone that glides from ``start`` to ``end`` Hz.

        linear:       f(t) = start + (end − start) · t / T     constant hertz per second
        exponential:  f(t) = start · (end / start)^(t / T)     constant octaves per second

    The phase is the integral 2π ∫ f dt; sin(2π f(t) t) would be wrong, gliding twice as fast.

    >>> chirp(200, 400, seconds=0.1).shape
    (4410,)
    """
    t = times(seconds, sample_rate)
    if kind == "linear":
        cycles = start * t + (end - start) * t**2 / (2 * seconds)
    elif kind == "exponential" and start > 0 and end > 0:
        rate = np.log(end / start) / seconds
        cycles = start * (np.expm1(rate * t) / rate if rate else t)
    else:
        raise RiffeduError(
            f'kind must be "linear" or "exponential" (from and to above 0 Hz), not {kind!r} from '
            f"{start} to {end}"
        )
    return (amplitude * np.sin(2 * np.pi * cycles)).astype(np.float32)


def impulses(
    hertz: float, seconds: float = 1.0, sample_rate: int = SAMPLE_RATE, amplitude: float = PEAK
) -> np.ndarray:
    """Return clicks: one sample of ``amplitude`` at each k / hertz seconds (rounded), else zeros.

    A few per second are heard as clicks; above about twenty they fuse into a pitched buzz.

    >>> impulses(2, seconds=1, sample_rate=4).tolist()
    [0.5, 0.0, 0.5, 0.0]
    """
    x = np.zeros(len(times(seconds, sample_rate)), np.float32)
    if not hertz > 0:
        raise RiffeduError(f"the rate of clicks must be above 0 Hz, not {hertz}")
    clicks = np.arange(0, len(x) - 0.5, max(1.0, sample_rate / hertz))
    x[clicks.round().astype(int)] = amplitude
    return x


def noise(
    seconds: float = 1.0, sample_rate: int = SAMPLE_RATE, colour: str = "white", seed: int = 0
) -> np.ndarray:
    """Return noise of an RMS of 0.1: "white", "pink" or "brown".

        power at frequency f ∝ f^(−slope),   slope = 0 (white), 1 (pink), 2 (brown)

    White noise has equal power per hertz, pink noise per octave. The spectrum of white noise is
    shaped; below 20 Hz it stays flat.

    >>> x = noise(0.1, colour="pink")
    >>> round(float(np.sqrt(np.mean(x**2))), 3)
    0.1
    """
    slopes = {"white": 0, "pink": 1, "brown": 2}
    if colour not in slopes:
        raise RiffeduError(f"colour must be white, pink or brown, not {colour!r}")
    x = np.random.default_rng(seed).standard_normal(len(times(seconds, sample_rate)))
    f = np.fft.rfftfreq(len(x), 1 / sample_rate)
    x = np.fft.irfft(np.fft.rfft(x) * np.maximum(f, 20) ** (-slopes[colour] / 2), len(x))
    return to_rms(x)


def pluck(
    hertz: float, seconds: float = 1.0, sample_rate: int = SAMPLE_RATE, seed: int = 0
) -> np.ndarray:
    """Return a plucked string (Karplus-Strong): noise that circulates in a smoothing delay line.

        y[n] = x[n] + ½ (y[n − N] + y[n − N − 1]),   N = round(sample_rate / hertz − ½)

    The average of two neighbours is a low-pass and delays by half a sample, so one cycle takes
    N + ½ samples; rounding N makes high notes slightly out of tune. Source:
    Karplus and Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music
    Journal 7(2) (1983).

    >>> float(np.abs(pluck(220, seconds=0.1)).max())
    0.5
    """
    from scipy.signal import lfilter

    n = round(sample_rate / hertz - 0.5) if hertz > 0 else 0
    if n < 1:
        raise RiffeduError(
            f"a string at a sample rate of {sample_rate} Hz must have a pitch from 0 to "
            f"{sample_rate / 2} Hz, not {hertz}"
        )
    burst = np.zeros(len(times(seconds, sample_rate)))
    burst[:n] = np.random.default_rng(seed).uniform(-1, 1, n)[: len(burst)]
    feedback = np.zeros(n + 2)
    feedback[[0, n, n + 1]] = 1, -0.5, -0.5
    return to_peak(lfilter([1], feedback, burst))


def kick(seconds: float = 0.4, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Return a bass drum: a decaying sine that falls from 200 to 50 Hz.

    x(t) = e^(−t / 0.1) · sin(2π ∫ f dt),   f(t) = 50 + 150 · e^(−t / 0.03)

    >>> kick().shape
    (17640,)
    """
    t = times(seconds, sample_rate)
    cycles = 50 * t + 150 * 0.03 * -np.expm1(-t / 0.03)
    return to_peak(np.exp(-t / 0.1) * np.sin(2 * np.pi * cycles))


def snare(seconds: float = 0.3, sample_rate: int = SAMPLE_RATE, seed: int = 0) -> np.ndarray:
    """Return a snare drum: a short 190 Hz tone for the head, decaying noise for the wires.

    >>> snare().shape
    (13230,)
    """
    t = times(seconds, sample_rate)
    wires = noise(seconds, sample_rate, seed=seed) / RMS * np.exp(-t / 0.06)
    return to_peak(np.exp(-t / 0.04) * np.sin(2 * np.pi * 190 * t) + 0.4 * wires)


def hat(seconds: float = 0.1, sample_rate: int = SAMPLE_RATE, seed: int = 0) -> np.ndarray:
    """Return a closed hi-hat: white noise, differenced twice to keep the treble, decaying in 25 ms.

    >>> hat().shape
    (4410,)
    """
    t = times(seconds, sample_rate)
    hiss = np.diff(noise(seconds, sample_rate, seed=seed), 2, prepend=[0, 0])
    return to_peak(hiss * np.exp(-t / 0.025))


def vowel(
    name: str, hertz: float = 110.0, seconds: float = 1.0, sample_rate: int = SAMPLE_RATE
) -> np.ndarray:
    """Return a sung "a", "e", "i", "o" or "u": a buzz filtered by the formants of a vocal tract.

    Source-filter model: the vocal folds give harmonics that fall like 1/k, the vocal tract boosts
    those near its resonances, the *formants*. The source sets the pitch, the filter the vowel.
    Source: Fant, "Acoustic theory of speech production" (1960).

    >>> vowel("a", seconds=0.1).shape
    (4410,)
    """
    if name not in VOWELS:
        raise RiffeduError(f"a vowel must be one of {', '.join(VOWELS)}, not {name!r}")
    buzz = harmonics(hertz, 1 / np.arange(1, 50), seconds, sample_rate)
    return to_peak(resonate(buzz, VOWELS[name], sample_rate))


def resonate(x: np.ndarray, formants: ArrayLike, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Filter a sound with resonators in series, each of unit gain at 0 Hz.

        y[n] = a x[n] + b y[n−1] + c y[n−2],  c = −e^(−2πB/sr),  b = 2 e^(−πB/sr) cos(2πF/sr),
        a = 1 − b − c

    for each formant F (Hz) with the bandwidth B = 50 Hz + F / 20. ``formants``: (k,), or
    (blocks, k) where they change over the length of the sound. Source: Klatt, "Software for a
    cascade/parallel formant synthesizer", J. Acoust. Soc. Am. 67 (1980).

    >>> resonate(impulses(100, 0.01), [700, 1200]).shape
    (441,)
    """
    from scipy.signal import lfilter

    tracks = np.atleast_2d(np.asarray(formants, np.float64)).T
    edges = np.linspace(0, len(x), tracks.shape[1] + 1).round().astype(int)
    for track in tracks:
        y, state = np.empty(len(x)), np.zeros(2)
        for f, start, end in zip(track, edges, edges[1:]):
            r = np.exp(-np.pi * (50 + f / 20) / sample_rate)
            b, c = 2 * r * np.cos(2 * np.pi * f / sample_rate), -(r**2)
            y[start:end], state = lfilter([1 - b - c], [1, -b, -c], x[start:end], zi=state)
        x = y
    return x


def babble(
    syllables: str = "ma si to ne ku sa lo mi",
    seconds_each: float = 0.25,
    sample_rate: int = SAMPLE_RATE,
    hertz: float = 120.0,
    seed: int = 0,
) -> np.ndarray:
    """Return nonsense speech of consonant-vowel syllables; "-" is a pause.

    m, n and l are hummed, s is hissed, p, t and k are short bursts. Formants, pitch, voice and
    breath are tracks with a value every 5 ms, smoothed over 50 ms, as a mouth moves smoothly.
    The pitch falls over each group of five syllables.

    >>> babble("ma - si", sample_rate=8000).shape
    (6000,)
    """
    blocks = round(seconds_each / 0.005)
    rows = [
        _syllable(text, hertz * (1.25 - 0.08 * (i % 5)), blocks)
        for i, text in enumerate(syllables.split())
    ]
    window = np.hanning(11) / np.hanning(11).sum()
    tracks = [np.convolve(np.pad(x, 5, "edge"), window, "valid") for x in np.concatenate(rows).T]
    t = times(len(tracks[0]) * 0.005, sample_rate)
    pitch, voice, breath = (np.interp(t / 0.005, np.arange(len(x)), x) for x in tracks[3:])
    buzz = harmonics(pitch, 1 / np.arange(1, 50), t[-1] + 1 / sample_rate, sample_rate) * voice
    hiss = np.diff(noise(len(t) / sample_rate, sample_rate, seed=seed), prepend=0) * breath
    return to_peak(resonate(buzz, np.transpose(tracks[:3]), sample_rate) + 0.5 * hiss)


def _syllable(text: str, pitch: float, blocks: int) -> np.ndarray:
    """Rows of (three formants, pitch, voice, breath), one for each block of `babble`."""
    consonant, v = text[0], VOWELS.get(text[-1], VOWELS["a"])
    here = np.arange(blocks) / blocks
    hum = HUMS.get(consonant)
    formants = np.where((here < 0.3)[:, None], hum or v, v)
    voice = np.where(here < 0.3, 0.35 if hum else 0.0, 1.0) * (here < 0.92) * (text != "-")
    hiss, burst = 0.25 * (here < 0.4), 0.6 * ((here > 0.24) & (here < 0.3))
    breath = hiss * (consonant == "s") + burst * (consonant in "ptk")
    return np.column_stack([formants, np.full(blocks, pitch), voice, breath])


def envelope(
    seconds: float,
    attack: float = 0.01,
    decay: float = 0.1,
    sustain: float = 0.7,
    release: float = 0.2,
    sample_rate: int = SAMPLE_RATE,
) -> np.ndarray:
    """Return an ADSR envelope (attack, decay, sustain, release) with values from 0 to 1.

    Four straight lines: 0 → 1 in ``attack`` seconds, 1 → ``sustain`` in ``decay``,
    held, → 0 in the last ``release`` seconds. Multiply a sound by it.

    >>> envelope(1, 0.25, 0.25, 0.5, 0.25, sample_rate=8).round(2).tolist()
    [0.0, 0.5, 1.0, 0.75, 0.5, 0.5, 0.5, 0.25]
    """
    if min(attack, decay, release) < 0 or attack + decay + release > seconds:
        raise RiffeduError("attack, decay and release must be 0 or more and fit in the sound")
    corners = [0, attack, attack + decay, seconds - release, seconds]
    return np.interp(times(seconds, sample_rate), corners, [0, 1, sustain, sustain, 0]).astype(
        np.float32
    )


def to_rms(x: np.ndarray, rms: float = RMS) -> np.ndarray:
    """Scale a sound to an RMS, as float32; silence stays silence.

    >>> to_rms(np.array([1, -1])).tolist()
    [0.10000000149011612, -0.10000000149011612]
    """
    now = np.sqrt(np.mean(np.square(x)))
    return (x * (rms / now if now else 1)).astype(np.float32)


def to_peak(x: np.ndarray, peak: float = PEAK) -> np.ndarray:
    """Scale a sound to a peak, as float32; silence stays silence.

    >>> to_peak(np.array([1, -2])).tolist()
    [0.25, -0.5]
    """
    now = np.abs(x).max()
    return (x * (peak / now if now else 1)).astype(np.float32)
