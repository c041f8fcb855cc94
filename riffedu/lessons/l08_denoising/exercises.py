"""Exercises of notebooks/08_denoising.ipynb."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from riffedu.diffusion import schedule
from riffedu.widgets.verdict import check, hint, right, run


@check
def check_clean(clean: Callable[..., Any]) -> object:
    """``clean(x, noise, alpha_bar)`` must give x₀ = (x − √(1−ᾱ) · ε) / √ᾱ."""
    x0, noise = np.array([1.0, -0.5, 0.2]), np.array([0.3, 2.0, -1.0])
    x = 0.6 * x0 + 0.8 * noise
    answer = np.asarray(run(clean, x, noise, 0.36), dtype=np.float64)
    if answer.shape != x.shape:
        return hint(f"x₀ has the shape of x, here {x.shape}; yours is {answer.shape}.")
    mistakes = {
        "The picture is still scaled by √ᾱ: divide by √ᾱ.": x - 0.8 * noise,
        "That subtracts the whole noise; only √(1 − ᾱ) of it is in x.": (x - noise) / 0.6,
        "The square roots are missing: ᾱ is a share of power.": (x - 0.64 * noise) / 0.36,
        "Divide by √ᾱ, not by ᾱ.": (x - 0.8 * noise) / 0.36,
        "Multiplied where it should be divided: x holds √ᾱ · x₀.": 0.6 * (x - 0.8 * noise),
        "Subtract the noise; it is not added.": (x + 0.8 * noise) / 0.6,
        "The factors are exchanged: √ᾱ belongs to the picture.": (x - 0.6 * noise) / 0.8,
        "That would be right if the network said v; this one says ε.": 0.6 * x - 0.8 * noise,
        "The brackets are missing: all of it is divided.": x - 0.8 * noise / 0.6,
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values, atol=1e-6):
            return hint(message)
    if not np.allclose(answer, x0, atol=1e-6):
        return hint("Solve x = √ᾱ · x₀ + √(1−ᾱ) · ε for x₀.")
    if not np.allclose(run(clean, 0.8 * x0 + 0.6 * noise, noise, 0.64), x0, atol=1e-6):
        return hint("Right for one ᾱ, wrong for another: use alpha_bar, no numbers.")
    return right("This is the clean picture that the network predicts at every step.")


@check
def check_ddim(step: Callable[..., Any]) -> object:
    """``step(x0, noise, alpha_bar)`` must give √ᾱ' · x₀ + √(1−ᾱ') · ε, at the level to come."""
    x0, noise = np.array([1.0, -0.5, 0.2]), np.array([0.3, 2.0, -1.0])
    answer = np.asarray(run(step, x0, noise, 0.64), dtype=np.float64)
    if answer.shape != x0.shape:
        return hint(f"x' has the shape of x0, here {x0.shape}; yours is {answer.shape}.")
    mistakes = {
        "That goes all the way to x₀. Only the last step, to ᾱ' = 1, does.": x0,
        "The square roots are missing.": 0.64 * x0 + 0.36 * noise,
        "The factors are exchanged: √ᾱ' belongs to the picture.": 0.6 * x0 + 0.8 * noise,
        "The noise must stay, only less of it: at the next level x is still noisy.": 0.8 * x0,
        "The noise keeps its sign: its share gets smaller, but it is added.": (
            0.8 * x0 - 0.6 * noise
        ),
        "The noise is not shrunk: √(1 − ᾱ') is missing.": 0.8 * x0 + noise,
        "The picture is not shrunk: √ᾱ' is missing.": x0 + 0.6 * noise,
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values, atol=1e-6):
            return hint(message)
    if not np.allclose(answer, 0.8 * x0 + 0.6 * noise, atol=1e-6):
        return hint(
            "At ᾱ' = 0.64 it should be 0.8 · x0 + 0.6 · noise: the forward process, with "
            "the noise that the network predicts."
        )
    if not np.array_equal(np.asarray(run(step, x0, noise, 1.0), dtype=np.float64), x0):
        return hint("Right for one ᾱ', wrong for another: use alpha_bar, no numbers.")
    return right("That is all of DDIM: add the same noise to the guess again, but less of it.")


@check
def check_heun_looks(looks: Callable[..., Any]) -> object:
    """``looks(steps)``: how often Heun's rule asks the network in so many steps, 2n − 1."""
    counts = (1, 2, 7, 20)
    answers = [run(looks, n) for n in counts]
    if any(np.ndim(answer) or answer != int(answer) for answer in answers):
        return hint("One whole number is wanted.")
    mistakes = {
        "One look is missing: the last step doesn't look again. Where would it look? Nothing is "
        "noisy there.": [2 * n for n in counts],
        "That is Euler's count: Heun looks again where the first try led.": list(counts),
        "One step too many is spared: only the last one does with a single look.": (
            [2 * n - 2 for n in counts]
        ),
        "The clean level at the end is never looked at.": [2 * n + 1 for n in counts],
        "That is how many levels there are. Count the questions.": [n + 1 for n in counts],
    }
    for message, values in mistakes.items():
        if answers == values:
            return hint(message)
    for n, answer in zip(counts, answers):
        if answer != 2 * n - 1:
            return hint(f"For {n} steps you say {answer}. Two looks a step, but for the last.")
    return right("So a fair comparison gives Heun half the steps, and one half more.")


@check
def check_trailing(times: Callable[..., Any]) -> object:
    """``times(n, total)``: n times from total − 1 downwards in equal steps of total / n."""
    for n, total in ((5, 1000), (7, 1000), (3, 12)):
        answer = np.asarray(run(times, n, total), dtype=np.float64)
        want = schedule.timesteps(n, total)
        if answer.shape != want.shape:
            return hint(f"{n} times are wanted, your array's shape is {answer.shape}.")
        if np.allclose(answer, want):
            continue
        leap = total / n
        mistakes = {
            "Noisiest first: the run begins at the last time.": want[::-1],
            "That is “leading”: it never sees pure noise.": schedule.timesteps(n, total, "leading"),
            "That is “linspace”: it ends at 0, and spends its last look where nothing is noisy.": (
                np.linspace(total - 1, 0, n)
            ),
            "Moved by one: times count from 0, so the last one is total − 1.": want + 1,
            f"Shifted by a whole leap of {leap:g}: the first must be {total - 1}.": want - leap,
        }
        for message, values in mistakes.items():
            if np.allclose(answer, values) or np.allclose(answer, np.round(values)):
                return hint(message)
        if np.abs(answer - want).max() <= 0.5 + 1e-9 and not math.isclose(leap, round(leap)):
            return hint("Nearly: round to whole times, before taking 1 off.")
        return hint(
            f"For {n} of {total} they should be {want.astype(int).tolist()}; yours begin "
            f"{answer[:4].tolist()}."
        )
    return right("Begins at pure noise, as every run does, and wastes no look on a clean picture.")
