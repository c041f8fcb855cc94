"""Exercises of notebooks/09_latents.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from riffedu.signal.mel import hz_to_mel, mel_to_hz
from riffedu.widgets.verdict import check, hint, right, run


@check
def check_compression(shrinks_by: Callable[..., Any]) -> object:
    """``shrinks_by(height, width, factor, channels, size)``: picture bytes over latent bytes."""
    cases = ((512, 512, 32, 32, 4), (512, 512, 8, 4, 2), (256, 1024, 16, 4, 2))
    answers = [run(shrinks_by, *case) for case in cases]
    if any(np.ndim(answer) for answer in answers):
        return hint("One number is wanted.")
    mistakes = {
        "The latents' bytes are wanted below, the picture's above: turn it round.": (
            lambda h, w, f, c, s: c * s / f**2
        ),
        "That counts numbers. Each latent takes `size` bytes.": lambda h, w, f, c, s: f**2 / c,
        "Every place holds `channels` numbers.": lambda h, w, f, c, s: f**2 / s,
        "That counts places: each holds `channels` numbers of `size` bytes.": (
            lambda h, w, f, c, s: f**2
        ),
        "A square has factor × factor pixels: both sides shrink.": (
            lambda h, w, f, c, s: f / (c * s)
        ),
        "Those are the latents' bytes. By what factor is the picture larger?": (
            lambda h, w, f, c, s: h * w / f**2 * c * s
        ),
        "`size` is in bytes already, and a pixel is one byte.": (
            lambda h, w, f, c, s: f**2 / (c * s) * 8
        ),
    }
    for message, wrong in mistakes.items():
        if np.allclose(answers, [wrong(*case) for case in cases]):
            return hint(message)
    for case, answer in zip(cases, answers):
        _, _, factor, channels, size = case
        if not np.isclose(answer, factor**2 / (channels * size)):
            return hint(
                f"For {case} you say {answer:g}: the picture has {case[0] * case[1]} bytes."
                " How many places have the latents, how many numbers each?"
            )
    return right("Riffusion's latents, at 2 bytes: 8 times. Ours, at 4 bytes: 8 times, too.")


@check
def check_linear_code(there_and_back: Callable[..., Any]) -> object:
    """``there_and_back(patch, mean, patterns)`` must give mean + Pᵀ P (patch − mean)."""
    random = np.random.default_rng(0)
    patterns = np.linalg.qr(random.standard_normal((12, 5)))[0].T
    patch, mean = random.standard_normal((2, 12)) + 1
    answer = np.asarray(run(there_and_back, patch, mean, patterns), dtype=np.float64)
    numbers = patterns @ (patch - mean)
    if answer.shape == numbers.shape:
        same = np.allclose(answer, numbers)
        return hint(
            "Those are the numbers. Now back: add up the patterns, and the mean."
            if same
            else "That is as short as the code. Go back to a patch, too."
        )
    if answer.shape != patch.shape:
        return hint(f"A patch of {len(patch)} pixels is wanted; yours has shape {answer.shape}.")
    if np.allclose(answer, mean + patterns.T @ numbers):
        return right("A linear autoencoder; its encoder is P, its decoder the same P, turned over.")
    mistakes = {
        "The mean is taken off and never put back: the patch comes out too dark or too light.": (
            patterns.T @ numbers
        ),
        "The mean is never taken off: the patterns say how a patch differs from the mean.": (
            patterns.T @ (patterns @ patch)
        ),
        "You add the mean, but the numbers were made with the mean still in the patch.": (
            mean + patterns.T @ (patterns @ patch)
        ),
        "That is the patch as it came: it must go through the few numbers.": patch,
        "The mean must be added at the end, not taken off again.": patterns.T @ numbers - mean,
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values):
            return hint(message)
    return hint(
        "numbers = P (patch − mean), then mean + Pᵀ numbers. `@` multiplies matrices, "
        "`.T` turns one over."
    )


@check
def check_pause(pause: Callable[..., Any]) -> object:
    """``pause(latents, at, columns, silent)``: columns of silence put in, the end cut off."""
    latents = np.arange(1.0, 3 * 4 * 9 + 1).reshape(3, 4, 9)
    silent = np.array([-1.0, -2.0, -3.0])
    for at, columns in ((3, 2), (5, 1), (0, 4), (4, 0)):
        answer = np.asarray(run(pause, latents.copy(), at, columns, silent.copy()), dtype=float)
        quiet = np.broadcast_to(silent[:, None, None], (3, 4, columns))
        want = np.concatenate([latents[:, :, :at], quiet, latents[:, :, at : 9 - columns]], axis=2)
        if answer.shape == want.shape and np.allclose(answer, want):
            continue
        if columns and answer.shape == (3, 4, 9 + columns):
            return hint("As long as before, please: cut off what is pushed out at the end.")
        if answer.shape != want.shape:
            return hint(f"The shape must stay {latents.shape}, yours is {answer.shape}.")
        if columns == 0:
            return hint("For 0 columns nothing should change. Mind that a slice [:-0] is empty.")
        return hint(_pause_mistake(answer, want, latents, at, columns))
    return right("0.32 s of silence for each column, and not one square had to be drawn anew.")


def _pause_mistake(
    answer: np.ndarray, want: np.ndarray, latents: np.ndarray, at: int, columns: int
) -> str:
    hole = slice(at, at + columns)
    rest = np.delete(np.arange(latents.shape[2]), np.r_[hole])
    muted = latents.copy()
    muted[:, :, hole] = want[:, :, hole]
    if np.allclose(answer, muted):
        return "That mutes what was there. It should come after the pause instead."
    if np.allclose(answer, latents):
        return "Nothing has changed."
    if np.allclose(answer[:, :, rest], want[:, :, rest]):
        if np.allclose(answer[:, :, hole], 0):
            return "Zeros aren't silence: they decode to a grey drone. Put `silent` there."
        if np.allclose(answer[:, :, hole], latents[:, :, hole]):
            return "The columns after `at` are there twice, and no silence: put `silent` first."
        return (
            "The sound is right, the silence is not: channel c of every place gets silent[c]. "
            "silent[:, None, None] has a shape that fits."
        )
    if np.allclose(answer[:, :, : at + columns], want[:, :, : at + columns]):
        return "Up to the pause it is right; after it the sound should go on where it stopped."
    return (
        "latents[:, :, :at] stays; then the silence; then latents[:, :, at:] as far as there "
        "is room. Time is the last axis."
    )


@check
def check_moved_up(moved_up: Callable[..., Any]) -> object:
    """``moved_up(hertz, mel)``: where a tone goes when its picture moves up by so many mel."""
    cases = ((440.0, 191.7), (100.0, 500.0), (3000.0, 50.0), (440.0, 0.0))
    answers = [run(moved_up, *case) for case in cases]
    if any(np.ndim(answer) for answer in answers):
        return hint("One number is wanted, in hertz.")
    if np.allclose(answers, [mel_to_hz(hz_to_mel(f) + up) for f, up in cases], rtol=1e-6):
        return right("Times r, and then something is added: that is no transposition.")
    mistakes = {
        "That multiplies only: a transposition. The 700 in the formula spoils it; solve for f'.": (
            lambda f, up: f * 10 ** (up / 2595)
        ),
        "That adds only. The logarithm makes a factor of the shift, too.": (
            lambda f, up: f + 700 * (10 ** (up / 2595) - 1)
        ),
        "That is mel: go back to hertz.": lambda f, up: float(hz_to_mel(f)) + up,
        "Hertz and mel can't be added: go to mel first, then back.": lambda f, up: f + up,
        "At the end take the 700 off again.": lambda f, up: (f + 700) * 10 ** (up / 2595),
        "The logarithm is to base 10, so its inverse is 10 ** …": (
            lambda f, up: (f + 700) * np.exp(up / 2595) - 700
        ),
        "That goes down: up is to larger mel.": lambda f, up: mel_to_hz(hz_to_mel(f) - up),
    }
    for message, wrong in mistakes.items():
        if np.allclose(answers, [wrong(*case) for case in cases], rtol=1e-6):
            return hint(message)
    for (f, up), answer in zip(cases, answers):
        want = float(mel_to_hz(hz_to_mel(f) + up))
        if not np.isclose(answer, want, rtol=1e-6):
            return hint(
                f"From {f:g} Hz by {up:g} mel should lead to {want:.0f} Hz; yours is "
                f"{answer:.0f}. To mel, add, and back."
            )
    return hint("Nearly: more digits are wanted, so don't round.")
