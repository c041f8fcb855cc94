"""Exercises of notebooks/01_sound.ipynb."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from riffedu.signal.audio import fade, resample, rms_db, set_level
from riffedu.signal.sampling import decimate, quantise
from riffedu.signal.synth import hat, pluck, sine, to_rms
from riffedu.widgets.answers import as_array, as_numbers, as_words, first_wrong
from riffedu.widgets.verdict import check, hint, right, run


@check
def check_sine(tone: Callable) -> object:
    """Check that ``tone(hertz, seconds, sample_rate)`` gives the samples of 0.1 · sin(2π f t)."""
    f, seconds, rate = 440.0, 0.05, 8000
    answer = as_array(run(tone, f, seconds, rate))
    n = np.arange(400)
    want = 0.1 * np.sin(2 * np.pi * f * n / rate)
    if answer.ndim != 1:
        return hint(f"Return one row of samples; yours has the shape {answer.shape}.")
    if len(answer) == 401:
        return hint("One sample too many: n goes from 0 to seconds · sample_rate − 1.")
    if len(answer) != 400:
        return hint(
            f"{seconds} s at {rate} Hz are 400 samples, yours are {len(answer)}: the "
            "number is seconds · sample_rate."
        )
    if not answer.any():
        return hint("All samples are 0: return amplitude · sin(2π · hertz · t).")
    if _near(answer, want):
        other = as_array(run(tone, 100.0, 0.01, 44100))
        if not _near(other, 0.1 * np.sin(2 * np.pi * 100 * np.arange(441) / 44100)):
            return hint("Right at 8000 Hz, wrong at 44100: use sample_rate, not a fixed number.")
        return right("A number for each moment n / sample_rate: that is all a recording is.")
    mistakes = {
        "The 2π is missing: without it, sin takes 2π seconds for f swings.": np.sin(f * n / rate),
        "The time is missing: t = n / sample_rate seconds, not n.": np.sin(2 * np.pi * f * n),
        "That is a cosine: it begins at the top, a sine begins at 0.": (
            np.cos(2 * np.pi * f * n / rate)
        ),
        "The last sample lies one step before the end: linspace puts it at the end, unless told "
        "endpoint=False.": np.sin(2 * np.pi * f * np.linspace(0, seconds, 400)),
        "np.sin counts in radians, a full circle is 2π and not 360.": np.sin(360 * f * n / rate),
    }
    for message, wave in mistakes.items():
        if _near(answer, wave) or _near(answer, 0.1 * wave):
            return hint(message)
    if _near(answer / np.abs(answer).max(), want / np.abs(want).max()):
        return hint("The right wave, but not the amplitude: multiply by 0.1.")
    return hint(
        "Not these samples. Sample n stands for the moment t = n / sample_rate, and there "
        "the wave is 0.1 · sin(2π · hertz · t)."
    )


@check
def check_predictions(predictions: dict) -> object:
    """Check five predictions about aliases and levels; the experiment is done here."""
    names = ("seven", "twelve", "half", "added", "mixed")
    told = as_numbers(predictions, names)
    found = experiment()
    near = {"seven": 5.0, "twelve": 5.0, "half": 0.25, "added": 0.25, "mixed": 0.25}
    usual: dict[str, dict[float, str]] = {
        "seven": {
            7000: "seven: 7000 Hz lies above half the sample rate, so another tone comes out.",
            -1000: "seven: a frequency below zero is the same tone, upside down: give it as a "
            "positive number.",
            3000: "seven: you folded at 5000 Hz. The mirror is half the sample rate, 4000 Hz: "
            "7000 lies 3000 above it, so the alias lies 3000 below it.",
            0: "seven: the samples are not all zero. Which multiple of 8000 is nearest?",
        },
        "twelve": {
            12500: "twelve: 12,500 Hz lies above half the sample rate: another tone comes out.",
            4500: "twelve: 4500 Hz still lies above half the sample rate, 4000 Hz: fold again.",
            -3500: "twelve: a frequency below zero is the same tone, upside down: give it as a "
            "positive number.",
            500: "twelve: 12,500 − 12,000, but 12,000 is no multiple of the sample rate.",
        },
        "half": {
            6: "half: the size is right, but softer is a negative number of decibels.",
            -3: "half: −3 dB is half the power. Half the amplitude is a quarter of the power.",
            0.5: "half: that is the factor. In decibels it is 20 · log10 of it.",
            -10: "half: −10 dB is a tenth of the power.",
        },
        "added": {
            3: "added: that is for unrelated sounds. A copy is in step: the amplitude doubles.",
            2: "added: that is the factor. In decibels it is 20 · log10 of it.",
            0: "added: both swing together, so the sum is stronger.",
            -6: "added: the sum is louder, so the number is positive.",
        },
        "mixed": {
            6: "mixed: that would need two noises in step. Unrelated sounds add in power.",
            2: "mixed: that is the factor of the power. In decibels it is 10 · log10 of it.",
            0: "mixed: unrelated sounds do not cancel on average: their powers add.",
            1.5: "mixed: the power doubles, and power has the factor 10 in 10 · log10.",
        },
    }
    if wrong := first_wrong(told, found, near, usual):
        name, mistake = wrong
        return hint(
            mistake or f"{name}: you predicted {told[name]:g}, measured is {found[name]:.4g}."
        )
    listed = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
    return right(f"The experiment agrees: {listed}.")


def experiment() -> dict[str, float]:
    """Return what `check_predictions` asks for, measured on samples."""
    rng, rate = np.random.default_rng(0), 8000

    def pitch(hertz: float) -> float:
        return float(np.abs(np.fft.rfft(sine(hertz, 1.0, rate))).argmax())

    tone = sine(440)
    one, two = to_rms(rng.standard_normal(88200)), to_rms(rng.standard_normal(88200))
    return {
        "seven": pitch(7000),
        "twelve": pitch(12500),
        "half": rms_db(tone / 2) - rms_db(tone),
        "added": rms_db(tone + tone) - rms_db(tone),
        "mixed": rms_db(one + two) - rms_db(one),
    }


@check
def check_rms(level: Callable) -> object:
    """Check that ``level(x)`` gives x with one gain on it, so that its RMS is −20 dBFS."""
    rng = np.random.default_rng(0)
    sounds = [rng.uniform(-0.9, 0.9, 4000), 0.01 * rng.standard_normal(4000) ** 3]
    sounds.append(0.2 + 0.1 * sounds[0])  # a constant offset: its RMS is not its deviation
    for x in sounds:
        given = x.copy()
        y = as_array(run(level, given))
        if y.shape != x.shape:
            return hint(f"Return a sound of the same shape, {x.shape}; yours has {y.shape}.")
        if not y.any():
            return hint("The result is all zeros: return the sound times a gain.")
        gain = float(y @ x / (x @ x))
        if not np.allclose(y, gain * x, atol=1e-5):
            return hint("More than the level changed: multiply the whole sound by one number.")
        if not np.array_equal(given, x):
            return hint(
                "The sound that you were given has changed: return a new array instead, "
                "as x * gain does."
            )
        got = rms_db(y)
        if abs(got + 20) > 0.02:
            return hint(_level_hint(x, gain, got))
    return right("Every sound comes out at −20 dBFS, whatever it was: its shape is untouched.")


def _level_hint(x: np.ndarray, gain: float, got: float) -> str:
    root, peak, mean = np.sqrt(np.mean(x**2)), np.abs(x).max(), np.mean(np.abs(x))
    mistakes = {
        "You set the peak to −20 dBFS. RMS is the root of the mean of the squares.": 0.1 / peak,
        "That is the mean of |x|. RMS squares first, and takes the root at the end.": 0.1 / mean,
        "The root is missing: mean(x²) is a power, and its root the amplitude.": 0.1 / root**2,
        "That is the standard deviation, which leaves out the mean. RMS is the root of the mean of "
        "the squares themselves.": 0.1 / np.std(x),
        "−20 dB is a factor of 0.1 for an amplitude: 10 ** (−20 / 20). Dividing by 10 is for "
        "powers.": 0.01 / root,
        "That is +20 dB, a hundred times too much: mind the sign. Don't play it!": 10 / root,
        "You turned the sound down by 20 dB from where it was. Measure its level first.": 0.1,
    }
    for message, value in mistakes.items():
        if np.isclose(gain, value, rtol=1e-3):
            return message
    return (
        f"Its RMS is {got:.1f} dBFS now. The gain is the RMS that it should have, divided by the "
        "RMS that it has."
    )


WAYS = {
    "4 bits": "Rounding to 4 bits keeps the treble, adds a buzz to the notes, and leaves the "
    "pauses silent.",
    "dither": "Dither adds a steady hiss, which is also there in the pauses.",
    "alias": "Without a filter, the hi-hat is folded down: a dull knock is heard in its place.",
    "low-pass": "After a low-pass, nothing is left of the hi-hat.",
}


def order() -> dict[str, str]:
    """Return what was done to each of the recordings A to D."""
    drawn = np.random.default_rng(11).permutation(list(WAYS))
    return {letter: str(way) for letter, way in zip("ABCD", drawn)}


def four_ways() -> dict[str, np.ndarray]:
    """Return the recordings A to D: float32 ``(samples,)``, 3.2 s at 44100 Hz, RMS −23 dBFS."""
    x = phrase()
    x = x / np.abs(x).max() * (1 - 1 / 16)
    spoilt = {
        "4 bits": quantise(x, 4),
        "dither": quantise(x, 4, dither=True),
        "alias": resample(decimate(x, 8, filtered=False), 5512, 44100),
        "low-pass": resample(decimate(x, 8), 5512, 44100),
    }
    return {
        letter: set_level(spoilt[way][: len(x)], rms_db=-23, peak_db=-1)
        for letter, way in order().items()
    }


def phrase() -> np.ndarray:
    """Return four plucked notes, 0.8 s apart, each with a hi-hat and a pause after it; 44100 Hz."""
    x = np.zeros(round(3.2 * 44100), np.float32)
    for beat, hertz in enumerate((220, 277, 330, 440)):
        parts = (0, fade(pluck(hertz, 0.45), 44100, 0, 0.2)), (0.48, hat(0.1))
        for start, part in parts:
            at = round((0.8 * beat + start) * 44100)
            x[at : at + len(part)] += part
    return x


@check
def check_ears(heard: dict) -> object:
    """Check that ``heard`` maps A to D to what was done: 4 bits, dither, alias or low-pass."""
    told = as_words(heard, "ABCD", tuple(WAYS))
    wrong = [letter for letter, way in order().items() if told[letter] != way]
    if wrong:
        return hint(
            f"{4 - len(wrong)} of 4. Listen to {wrong[0]} again: it is not “{told[wrong[0]]}”. "
            f"{WAYS[told[wrong[0]]]}"
        )
    return right("Silent pauses, hissing pauses, a hi-hat gone or folded down: all four found.")


def _near(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, atol=1e-4)
