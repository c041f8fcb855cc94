"""Exercises of notebooks/07_noise.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from riffedu.diffusion import schedule
from riffedu.widgets.verdict import check, hint, right, run


@check
def check_add_noise(noisy: Callable[..., Any]) -> object:
    """``noisy(x0, noise, alpha_bar)`` must give √ᾱ · x₀ + √(1 − ᾱ) · ε."""
    x0, noise = np.array([1.0, -0.5, 0.2]), np.array([0.3, 2.0, -1.0])
    kept = 0.36
    answer = np.asarray(run(noisy, x0, noise, kept), dtype=np.float64)
    if answer.shape != x0.shape:
        return hint(f"x_t has the shape of x0, here {x0.shape}; yours is {answer.shape}.")
    mistakes = {
        "The square roots are missing. ᾱ is a share of power, and power is amplitude squared.": (
            kept * x0 + (1 - kept) * noise
        ),
        "The two are exchanged: ᾱ is what is left of the picture.": (0.8 * x0 + 0.6 * noise),
        "The noise's factor is √(1 − ᾱ), not 1 − √ᾱ: the squares must add up to 1.": (
            0.6 * x0 + 0.4 * noise
        ),
        "The picture is shrunk, the noise is not: √(1 − ᾱ) is missing.": 0.6 * x0 + noise,
        "The noise is scaled, the picture is not: √ᾱ is missing.": x0 + 0.8 * noise,
        "The noise is added, not taken away.": 0.6 * x0 - 0.8 * noise,
        "That is v, the direction. x_t is the place.": 0.6 * noise - 0.8 * x0,
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
def check_alpha_bar(kept: Callable[..., Any]) -> object:
    """``kept(betas)`` must give ᾱ_t, the running product of 1 − β."""
    betas = np.array([0.1, 0.2, 0.5, 0.25])
    answer = np.asarray(run(kept, betas), dtype=np.float64)
    if answer.shape != betas.shape:
        return hint(
            f"One ᾱ for each time: shape {betas.shape}, yours is {answer.shape}. "
            "np.cumprod keeps every product on the way."
        )
    mistakes = {
        "Those are the 1 − β of single steps. What is left after several is their product.": (
            1 - betas
        ),
        "That is the product of the β themselves. A step leaves 1 − β.": np.cumprod(betas),
        "You combined the β by adding. Fractions of fractions multiply.": 1 - np.cumsum(betas),
        "That is what has been lost. ᾱ is what is left.": 1 - np.cumprod(1 - betas),
        "That is √ᾱ, the amplitude. ᾱ itself is a share of power.": np.sqrt(np.cumprod(1 - betas)),
        "A product of 1 − β, not a sum.": np.cumsum(1 - betas),
        "Moved by one: ᾱ at t = 0 has one step behind it already, 1 − β_0.": (
            np.cumprod(np.concatenate([[1.0], 1 - betas[:-1]]))
        ),
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values, atol=1e-6):
            return hint(message)
    want = schedule.alphas_cumprod(betas)
    if not np.allclose(answer, want, atol=1e-6):
        return hint(
            f"For β = {betas.tolist()} it should be {want.round(3).tolist()}; yours is "
            f"{answer.round(3).tolist()}."
        )
    return right("0.9, then 0.9 · 0.8, and so on: each step takes its share of what was left.")


@check
def check_velocity(direction: Callable[..., Any]) -> object:
    """``direction(x0, noise, alpha_bar)`` must give v = √ᾱ · ε − √(1 − ᾱ) · x₀."""
    x0, noise = np.array([1.0, -0.5, 0.2]), np.array([0.3, 2.0, -1.0])
    answer = np.asarray(run(direction, x0, noise, 0.36), dtype=np.float64)
    if answer.shape != x0.shape:
        return hint(f"v has the shape of x0, here {x0.shape}; yours is {answer.shape}.")
    mistakes = {
        "Turned round: v points towards the noise, so ε has the plus.": 0.8 * x0 - 0.6 * noise,
        "That is x_t, the place. Take its derivative by φ: cos becomes −sin, sin becomes cos.": (
            0.6 * x0 + 0.8 * noise
        ),
        "The factors are exchanged: the derivative of sin φ · ε is cos φ · ε, and cos φ = √ᾱ.": (
            0.8 * noise - 0.6 * x0
        ),
        "The derivative of cos is minus sin.": 0.6 * noise + 0.8 * x0,
        "The square roots are missing.": 0.36 * noise - 0.64 * x0,
        "The straight way from picture to noise doesn't follow the circle: weigh both.": noise - x0,
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
def check_zero_db(when: Callable[..., Any]) -> object:
    """``when(alpha_bar)``: the first t at which the signal-to-noise ratio is below 0 dB."""
    for name in ("cosine", "linear", "scaled_linear"):
        kept = schedule.alphas_cumprod(schedule.betas(name))
        answer = run(when, kept)
        want = int(np.argmax(kept < 0.5))
        if np.ndim(answer) or answer != int(answer):
            return hint("One whole number is wanted, a t.")
        if answer == want:
            continue
        ratio = kept / (1 - kept)
        mistakes = {
            "There the amplitude is down to a half. 0 dB means equal powers.": (
                np.argmax(np.sqrt(kept) < 0.5)
            ),
            "That is the last t at or above 0 dB; the first below it is one later.": want - 1,
            "0 dB is a ratio of 1, not of 0, and no ratio is below 0: your comparison is never "
            "true.": 0,
            "That is the last time of all. You want the first one below 0 dB.": len(kept) - 1,
            "That is −10 dB: a ratio of 0.1.": np.argmax(ratio < 0.1),
            "You count how many times lie below 0 dB; where does the first one lie?": (
                np.sum(kept < 0.5)
            ),
        }
        for message, value in mistakes.items():
            if answer == value:
                return hint(message)
        ratio_there = 10 * np.log10(ratio[int(answer)]) if 0 <= answer < len(kept) else None
        told = "" if ratio_there is None else f", where the ratio is {ratio_there:.1f} dB"
        return hint(
            f"For the {name} schedule you say {int(answer)}{told}. It should be where ᾱ "
            "first falls below 1 − ᾱ."
        )
    return right("Equal powers: ᾱ = 1/2, half way round the quarter circle.")
