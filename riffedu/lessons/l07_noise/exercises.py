"""Exercises of notebooks/07_noise.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from riffedu.diffusion import schedule
from riffedu.widgets.answers import as_array, as_number, as_numbers, first_wrong
from riffedu.widgets.verdict import check, hint, right, run


@check
def check_add_noise(noisy: Callable[..., Any]) -> object:
    """Check that ``noisy(x0, noise, alpha_bar)`` gives √ᾱ · x₀ + √(1 − ᾱ) · ε."""
    x0, noise = np.array([1.0, -0.5, 0.2]), np.array([0.3, 2.0, -1.0])
    kept = 0.36
    answer = as_array(run(noisy, x0.copy(), noise.copy(), kept), x0.shape, "x_t")
    mistakes = {
        "The square roots are missing. ᾱ is a fraction of power, and power is amplitude squared.": (
            kept * x0 + (1 - kept) * noise
        ),
        "The two are exchanged: ᾱ is what is left of the picture.": (0.8 * x0 + 0.6 * noise),
        "The noise's factor is √(1 − ᾱ), not 1 − √ᾱ: the squares must add up to 1.": (
            0.6 * x0 + 0.4 * noise
        ),
        "The noise lacks its square root: its factor is √(1 − ᾱ).": 0.6 * x0 + (1 - kept) * noise,
        "The picture lacks its square root: its factor is √ᾱ.": kept * x0 + 0.8 * noise,
        "The picture is shrunk, the noise is not: √(1 − ᾱ) is missing.": 0.6 * x0 + noise,
        "The noise is scaled, the picture is not: √ᾱ is missing.": x0 + 0.8 * noise,
        "The noise is added, not taken away.": 0.6 * x0 - 0.8 * noise,
        "That is v, the direction. x_t is the position.": 0.6 * noise - 0.8 * x0,
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values, atol=1e-6):
            return hint(message)
    if not np.allclose(answer, 0.6 * x0 + 0.8 * noise, atol=1e-6):
        return hint("At ᾱ = 0.36 it should be 0.6 · x0 + 0.8 · noise.")
    if not np.allclose(run(noisy, x0, noise, 0.64), 0.8 * x0 + 0.6 * noise, atol=1e-6):
        return hint("Right for one ᾱ, wrong for another: use alpha_bar, no numbers.")
    return right("Any timestep at once: no need to simulate the steps before it.")


@check
def check_velocity(direction: Callable[..., Any]) -> object:
    """Check that ``direction(x0, noise, alpha_bar)`` gives v = √ᾱ · ε − √(1 − ᾱ) · x₀."""
    x0, noise = np.array([1.0, -0.5, 0.2]), np.array([0.3, 2.0, -1.0])
    answer = as_array(run(direction, x0.copy(), noise.copy(), 0.36), x0.shape, "v")
    mistakes = {
        "The sign is wrong: v points towards the noise, so ε has the plus.": 0.8 * x0 - 0.6 * noise,
        "That is x_t, the position. Take its derivative by φ: cos becomes −sin, sin becomes cos.": (
            0.6 * x0 + 0.8 * noise
        ),
        "The factors are exchanged: the derivative of sin φ · ε is cos φ · ε, and cos φ = √ᾱ.": (
            0.8 * noise - 0.6 * x0
        ),
        "The derivative of cos is minus sin.": 0.6 * noise + 0.8 * x0,
        "The square roots are missing.": 0.36 * noise - 0.64 * x0,
        "That is the straight line from picture to noise; v follows the circle: weight both.": noise
        - x0,
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values, atol=1e-6):
            return hint(message)
    if not np.allclose(answer, 0.6 * noise - 0.8 * x0, atol=1e-6):
        return hint("At ᾱ = 0.36 it should be 0.6 · noise − 0.8 · x0.")
    if not np.allclose(run(direction, x0, noise, 0.64), 0.8 * noise - 0.6 * x0, atol=1e-6):
        return hint("Right for one ᾱ, wrong for another: use alpha_bar, no numbers.")
    return right("The networks of this course are trained to predict v.")


@check
def check_predictions(predictions: Any) -> object:
    """Check five predictions about noise; the computation is done here."""
    names = ("amplitude", "snr", "angle", "contrast", "columns")
    said = as_numbers(predictions, names)
    found = _experiment()
    near = {"amplitude": 0.005, "snr": 0.1, "angle": 0.5, "contrast": 0.1, "columns": 0.1}
    usual = {
        "amplitude": {
            0.0625: "amplitude: that is the power that is left, ᾱ. Amplitude is its square root.",
            0.5: "amplitude: that is one step's power, or two steps' amplitude. There are four.",
            0.75: "amplitude: that is what has been lost.",
            -1.0: "amplitude: fractions of fractions multiply; you subtracted them.",
        },
        "snr": {
            -10.0: "snr: that is ᾱ in dB. The ratio is ᾱ / (1 − ᾱ).",
            9.54: "snr: the sign is wrong. At ᾱ = 0.1 there is more noise than signal.",
            -19.08: "snr: ᾱ is a power: 10 · log10.",
            0.111: "snr: that is the ratio. In decibels it is 10 · log10 of it.",
        },
        "angle": {
            75.52: "angle: the cosine of φ is √ᾱ, not ᾱ.",
            30.0: "angle: that is the angle from the noise; φ begins at the picture.",
            1.047: "angle: that is in radians.",
            22.5: "angle: the angle is not proportional to ᾱ.",
        },
        "contrast": {
            3.01: "contrast: it is an amplitude, so its power is multiplied by 4.",
            2.0: "contrast: in decibels, please: 20 · log10 of 2.",
            0.0: "contrast: the noise stays as it is, so the ratio changes.",
            -6.02: "contrast: the music becomes stronger, so the ratio gets better.",
        },
        "columns": {
            12.04: "columns: averaged over n columns, noise keeps 1/n of its power, not 1/n².",
            3.01: "columns: that is for twice as many. 10 · log10 of 4.",
            4.0: "columns: in decibels, please: 10 · log10 of 4.",
            -6.02: "columns: averaging removes noise, so the ratio gets better.",
        },
    }
    if wrong := first_wrong(said, found, near, usual):
        name, mistake = wrong
        return hint(mistake or f"{name}: you predicted {said[name]:g}, and it is {found[name]:g}.")
    listed = ", ".join(f"{name} {value:g}" for name, value in found.items())
    return right(f"All five agree: {listed}.")


def _experiment() -> dict[str, float]:
    left = schedule.alphas_cumprod([0.5] * 4)[-1]
    return {
        "amplitude": float(left**0.5),
        "snr": round(float(10 * np.log10(schedule.snr(0.1))), 2),
        "angle": round(float(np.degrees(np.arccos(0.25**0.5))), 1),
        "contrast": round(float(10 * np.log10(2.0**2)), 2),
        "columns": round(float(10 * np.log10(4)), 2),
    }


@check
def check_schedule(betas: Any) -> object:
    """Check 1000 values β whose SNR falls from 20 dB to −20 dB in equal steps of dB."""
    if callable(betas):
        return hint("Give the array of β itself, not a function.")
    betas = as_array(betas, None, "The array of β")
    if betas.ndim != 1 or betas.dtype.kind == "c":
        return hint(f"β is one real number for each step; yours has the shape {betas.shape}.")
    want_db = np.linspace(20, -20, 1000)
    ratio = 10 ** (want_db / 10)
    left = ratio / (1 + ratio)
    if len(betas) == 999:
        return hint("999 values: the first step is missing. It starts from ᾱ = 1.")
    if len(betas) != 1000:
        return hint(f"1000 values, one for each step; yours are {len(betas)}.")
    usual = {
        "That is ᾱ itself. β_t is what one step takes: 1 − ᾱ_t / ᾱ_{t−1}.": left,
        "That is what one step leaves. β is what it takes: 1 minus that.": left
        / np.concatenate([[1], left[:-1]]),
        "The first step takes something, too: ᾱ is 1 before it, so its β is 1 − ᾱ.": np.concatenate(
            [[0], 1 - left[1:] / left[:-1]]
        ),
        "That is the SNR. From it ᾱ = SNR / (1 + SNR), and from ᾱ the β.": ratio,
        "Those are decibels. Turn them into ratios, the ratios into ᾱ, and ᾱ into β.": want_db,
        "That is what has been lost after all steps, 1 − ᾱ. β is what one step takes.": 1 - left,
    }
    for message, wrong in usual.items():
        if np.allclose(betas, wrong, rtol=1e-4, atol=1e-6):
            return hint(message)
    if betas.min() < 0 or betas.max() >= 1:
        return hint(
            f"β is a fraction of the power, from 0 to below 1; yours go from {betas.min():.3g} to "
            f"{betas.max():.3g}."
        )
    if not betas.any():
        return hint("All β are 0: no noise is ever added.")
    found = 10 * np.log10(np.maximum(schedule.snr(schedule.alphas_cumprod(betas)), 1e-30))
    if np.allclose(found, want_db, atol=0.05):
        return right("Equal steps in dB: every stage of drowning gets the same number of steps.")
    if np.allclose(found, want_db[::-1], atol=0.5):
        return hint("It rises. The SNR falls as noise is added: from 20 to −20.")
    if np.allclose(found, 2 * want_db, atol=0.5) or np.allclose(found, want_db / 2, atol=0.5):
        return hint("The decibels are off by a factor of 2: SNR is a ratio of powers, 10 · log10.")
    if abs(found[-1] - want_db[-1]) < 0.5 and abs(found[0] - want_db[0]) < 0.5:
        return hint("Beginning and end are right; between them the steps in dB are not equal.")
    return hint(
        f"Your SNR goes from {found[0]:.1f} dB after the first step to {found[-1]:.1f} dB after "
        "the last. It should be 20 and −20."
    )


_TIMES = {100: 0, 400: 1, 600: 2, 800: 3}
_ANSWERS = dict(zip("ABCD", map(int, np.random.default_rng(8).permutation(list(_TIMES)))))


@lru_cache(1)
def four_times() -> dict[str, np.ndarray]:
    """Return the sounds A to D: a tune's picture at four times; 5.12 s at 44.1 kHz."""
    from riffedu.diffusion.noise import array_to_image, image_to_array
    from riffedu.signal.audio import clip, set_level
    from riffedu.signal.convert import audio_to_image
    from riffedu.signal.reconstruct import image_to_audio

    image = audio_to_image(*clip("tune"))
    x0 = image_to_array(image)
    noise = np.random.default_rng(0).standard_normal(x0.shape, dtype=np.float32)
    left = schedule.alphas_cumprod(schedule.betas("cosine"))
    sounds = {}
    for letter, t in _ANSWERS.items():
        x = schedule.add_noise(x0, noise, left[t])
        sounds[letter] = set_level(image_to_audio(array_to_image(x, image), progress=False)[0], -23)
    return sounds


@check
def check_ears(heard: Any) -> object:
    """Check that ``heard`` maps A to D to the times 100, 400, 600 and 800."""
    if not isinstance(heard, dict) or set(heard) != set("ABCD"):
        return hint("Give a dict with a time for each of the letters A, B, C and D.")
    if any(t is None or t is ... for t in heard.values()):
        return hint("Nothing to check so far: put a time in place of each ...")
    said = {letter: as_number(t, f"The time of {letter}") for letter, t in heard.items()}
    for letter, t in said.items():
        if t not in _TIMES:
            return hint(f"{letter}: {t:g} is not one of the times 100, 400, 600 and 800.")
    if len(set(said.values())) < 4:
        return hint("Each of the four times occurs once.")
    if all(_TIMES[int(said[letter])] == 3 - _TIMES[_ANSWERS[letter]] for letter in "ABCD"):
        return hint("Exactly the other way round: t = 0 is nearly clean, and t = 999 is noise.")
    wrong = [letter for letter in "ABCD" if said[letter] != _ANSWERS[letter]]
    if wrong:
        more = "more" if _ANSWERS[wrong[0]] > said[wrong[0]] else "less"
        return hint(f"{wrong[0]} has {more} noise than at t = {said[wrong[0]]:g}. Compare again.")
    return right("You hear the schedule: the tune sinks, and the rustle rises.")
