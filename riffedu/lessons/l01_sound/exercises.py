"""Exercises of notebooks/01_sound.ipynb."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from riffedu.signal.audio import rms_db
from riffedu.signal.sampling import alias, quantise
from riffedu.widgets.verdict import check, hint, right, run


@check
def check_sine(tone: Callable) -> object:
    """``tone(hertz, seconds, sample_rate)`` must give the samples of 0.1 · sin(2π f t)."""
    f, seconds, rate = 440.0, 0.05, 8000
    answer = np.asarray(run(tone, f, seconds, rate), dtype=np.float64)
    n = np.arange(400)
    want = 0.1 * np.sin(2 * np.pi * f * n / rate)
    if answer.ndim != 1:
        return hint(f"One row of samples is wanted, yours has the shape {answer.shape}.")
    if len(answer) == 401:
        return hint("One sample too many: n goes from 0 to seconds · sample_rate − 1.")
    if len(answer) != 400:
        return hint(
            f"{seconds} s at {rate} Hz are 400 samples, yours are {len(answer)}: the "
            "number is seconds · sample_rate."
        )
    if not np.isfinite(answer).all():
        return hint("The result holds NaN or infinite numbers.")
    if not answer.any():
        return hint("All samples are 0: return amplitude · sin(2π · hertz · t).")
    if _near(answer, want):
        other = np.asarray(run(tone, 100.0, 0.01, 44100), dtype=np.float64)
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
def check_alias(heard: Callable) -> object:
    """``heard(hertz, sample_rate)`` must give the frequency that a sampled tone has in fact."""
    rate = 8000
    tones = np.array([500.0, 4000, 5000, 7000, 8000, 9000, 12500, 20300])
    want = np.array([alias(f, rate) for f in tones])
    answer = np.array([float(run(heard, f, rate)) for f in tones])
    mistakes = {
        "That is the tone itself. Above half the sample rate another one comes out.": tones,
        "The remainder is half of it: 5000 Hz leaves 5000, but only 0 to 4000 fit. Fold what is "
        "above half the rate back: sample_rate − remainder.": tones % rate,
        "That is right between half the rate and the whole, and wrong elsewhere: 500 Hz must stay "
        "500, and 9000 Hz is 1000.": np.abs(rate - tones),
        "You folded at the sample rate. The mirror stands at half of it.": (
            np.abs(tones - 2 * rate * np.round(tones / (2 * rate)))
        ),
        "A frequency below zero is the same tone, upside down: take the absolute value.": (
            tones - rate * np.round(tones / rate)
        ),
        "Take the nearest multiple of the rate, by round; by // you get the one below.": (
            np.abs(tones - rate * (tones // rate))
        ),
    }
    if not np.allclose(answer, want):
        for message, values in mistakes.items():
            if np.allclose(answer, values):
                return hint(message)
        wrong = int(np.argmax(~np.isclose(answer, want)))
        return hint(
            f"{tones[wrong]:g} Hz sampled at {rate} Hz should be heard as "
            f"{want[wrong]:g} Hz, yours is {answer[wrong]:g}."
        )
    if not np.isclose(float(run(heard, 30000.0, 44100)), 14100):
        return hint("Right at 8000 Hz, wrong at 44100: use sample_rate, not a fixed number.")
    return right("Half the sample rate is a mirror, and so is 0: every tone ends between them.")


@check
def check_rms(level: Callable) -> object:
    """``level(x)`` must give x with one gain on it, so that its RMS is −20 dBFS."""
    rng = np.random.default_rng(0)
    sounds = [rng.uniform(-0.9, 0.9, 4000), 0.01 * rng.standard_normal(4000) ** 3]
    sounds.append(0.2 + 0.1 * sounds[0])  # a constant offset: its RMS is not its deviation
    for x in sounds:
        given = x.copy()
        y = np.asarray(run(level, given), dtype=np.float64)
        if y.shape != x.shape:
            return hint(f"A sound of the same shape is wanted, {x.shape}; yours has {y.shape}.")
        if not np.isfinite(y).all():
            return hint("The result holds NaN or infinite numbers: look for a division by zero.")
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
    return f"Its RMS is {got:.1f} dBFS now. The gain is what is wanted over what is there."


@check
def check_rounding(rounded: Callable) -> object:
    """``rounded(x, bits)`` must give x on the nearest of 2^bits steps from −1 to 1 − q."""
    x, bits = np.linspace(-1, 1, 4097), 3
    want, q = quantise(x, bits), 2.0 / 2**bits
    answer = np.asarray(run(rounded, x.copy(), bits), dtype=np.float64)
    if answer.shape != x.shape:
        return hint(f"A sample for each sample: shape {x.shape}, yours is {answer.shape}.")
    inside = np.abs(x) < 1 - q  # so that hints about steps don't depend on the clipping
    half = np.isclose(np.abs(x / q % 1 - 0.5), 0)  # both ways to round a half are fine
    seen = inside & ~half
    mistakes = {
        "np.round(x, bits) rounds to decimal places. Divide by the step q, round, and multiply by "
        "q again.": np.round(x, bits),
        "These are the numbers of the steps. Multiply them by q again, to be samples.": (
            np.round(x / q)
        ),
        "That cuts off instead of rounding: the error reaches a whole step, and the sound shifts. "
        "Use np.round.": q * np.floor(x / q),
        "That cuts off towards 0, by int or trunc: use np.round.": q * np.trunc(x / q),
        "Your step is half as wide as it may be: ±1 is a range of 2, so q = 2 / 2 ** bits.": (
            q / 2 * np.round(2 * x / q)
        ),
        "Your step is twice as wide as q = 2 / 2 ** bits.": 2 * q * np.round(x / q / 2),
        "You rounded to `bits` steps: bits are digits, and name 2 ** bits steps.": (
            2 / bits * np.round(x * bits / 2)
        ),
    }
    if not np.allclose(answer[seen], want[seen], atol=1e-6):
        for message, values in mistakes.items():
            if np.allclose(answer[seen], values[seen], atol=1e-6):
                return hint(message)
        wrong = int(np.argmax(seen & ~np.isclose(answer, want, atol=1e-6)))
        return hint(
            f"In 3 bits, {x[wrong]:.3f} should become {want[wrong]:g}, yours is {answer[wrong]:g}."
        )
    if answer.max() > 1 - q + 1e-6:
        return hint(
            f"Your highest step is {answer.max():g}: that makes one step more than 2 ** "
            "bits. Clip to −1 … 1 − q, by np.clip."
        )
    if not np.allclose(answer[~half], want[~half], atol=1e-6):
        return hint("At the ends it goes wrong: clip to −1 … 1 − q, no further in.")
    if not np.allclose(np.asarray(run(rounded, np.array([0.3]), 8)), quantise([0.3], 8)):
        return hint("Right for 3 bits, wrong for 8: use bits, not a fixed number.")
    return right("Each bit halves the step, and so halves the error: 6 dB.")


def _near(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, atol=1e-4)
