"""Exercises of notebooks/08_denoising.ipynb."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from riffedu.diffusion import samplers, schedule, toy
from riffedu.widgets.answers import NotYet, as_array, as_number, as_words
from riffedu.widgets.verdict import NotWritten, check, hint, right, run

_SOUNDS_LIKE = {
    "right": "The right sampler ends at one clip, without a rustle.",
    "one leap": "One leap ends at the average: several clips at once.",
    "stops early": "Without the last step, one clip stays under a faint rustle.",
    "never shrinks": "Noise that never shrinks is as loud at the end as at the beginning.",
}
RUNS = dict(zip("ABCD", map(str, np.random.default_rng(5).permutation(list(_SOUNDS_LIKE)))))
DATA = ("tune", "piano", "guitar", "sustained", "full_mix", "speech_like")


@check
def check_clean(clean: Callable[..., Any]) -> object:
    """Check that ``clean(x, noise, alpha_bar)`` gives x₀ = (x − √(1−ᾱ) · ε) / √ᾱ."""
    x0, noise = np.array([1.0, -0.5, 0.2]), np.array([0.3, 2.0, -1.0])
    x = 0.6 * x0 + 0.8 * noise
    answer = as_array(run(clean, x, noise, 0.36), x.shape, "x₀")
    mistakes = {
        "The picture is still scaled by √ᾱ: divide by √ᾱ.": x - 0.8 * noise,
        "That subtracts the whole noise; only √(1 − ᾱ) of it is in x.": (x - noise) / 0.6,
        "The square roots are missing: ᾱ is a share of power.": (x - 0.64 * noise) / 0.36,
        "Divide by √ᾱ, not by ᾱ.": (x - 0.8 * noise) / 0.36,
        "Multiplied where it should be divided: x holds √ᾱ · x₀.": 0.6 * (x - 0.8 * noise),
        "Subtract the noise; it is not added.": (x + 0.8 * noise) / 0.6,
        "The factors are exchanged: √ᾱ belongs to the picture.": (x - 0.6 * noise) / 0.8,
        "That would be right if the network predicted v; this one predicts ε.": 0.6 * x
        - 0.8 * noise,
        "The brackets are missing: divide the whole difference by √ᾱ.": x - 0.8 * noise / 0.6,
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values, atol=1e-6):
            return hint(message)
    if not np.allclose(answer, x0, atol=1e-6):
        return hint("Solve x = √ᾱ · x₀ + √(1−ᾱ) · ε for x₀.")
    again = as_array(run(clean, 0.8 * x0 + 0.6 * noise, noise, 0.64), x.shape, "x₀")
    if not np.allclose(again, x0, atol=1e-6):
        return hint("Right for one ᾱ, wrong for another: use alpha_bar, no numbers.")
    return right("This is the clean picture that the network predicts at every step.")


@check
def check_sampler(my_sampler: Callable[..., Any]) -> object:
    """Check that ``my_sampler(predict, x, levels)`` yields DDIM's state after every step."""
    import torch

    alphas = schedule.alphas_cumprod(schedule.betas("cosine"))
    levels = schedule.noise_levels(alphas, schedule.timesteps(6))
    exact = toy.exact_predictor(toy.shape("note", 60).double(), alphas)
    asked: list[float] = []
    start = toy.gaussian_noise(20, seed=1).double()

    def predict(x: Any, timestep: float) -> Any:
        asked.append(float(timestep))
        if getattr(x, "shape", None) != start.shape:
            raise NotYet("A state keeps the shape (20, 2) of x: scale and add, and select nothing.")
        [level, _] = schedule.noise_levels(alphas, [timestep])
        return (x - level.signal * exact(x, timestep)) / level.deviation

    kept = start.clone()
    states = _states(run(my_sampler, predict, start, list(levels)), len(levels))
    if not torch.equal(start, kept):
        return hint("Your sampler changed x in place: x = … makes a new state, x -= … does not.")
    arrays = [as_array(state, (20, 2), "Each state") for state in states]
    count, steps = len(arrays), len(levels) - 1
    if count == 1:
        return hint("Yield the state after every step, inside the loop; yours yields only once.")
    if count == steps + 1 and np.allclose(arrays[0], start):
        return hint("Yield the state after each step; yours yields the noise first.")
    if count != steps:
        return hint(f"{steps + 1} levels are {steps} steps; yours makes {count}.")
    if len(asked) != steps:
        return hint(f"One evaluation for each step, {steps} in all: yours asks {len(asked)} times.")
    if asked != [level.timestep for level in levels[:-1]]:
        return hint(
            f"Ask at the level where x is, not at the next one: at t = {levels[0].timestep:g} "
            f"first; yours asks at {asked[0]:g}."
        )

    def same(rule: Callable[..., Any], most: int = steps) -> bool:
        made = _run(rule, levels, predict, start)[:most]
        return all(np.allclose(a, b, atol=1e-6) for a, b in zip(arrays, made))

    if same(samplers.ddim):
        return right("That is all of DDIM, and every sampler without fresh noise begins like it.")
    for message, rule in _BUGS.items():
        if same(rule):
            return hint(message)
    ours, theirs = np.abs(arrays[0]).mean(), np.abs(_run(samplers.ddim, levels, predict, start)[0])
    if same(samplers.ddim, 1):
        return hint("The first step is right, a later one is not: does x hold the new state then?")
    return hint(
        f"After the first step your state is {ours:.2f} in size, DDIM's {theirs.mean():.2f}. Split "
        "x into x₀ and ε at this level; mix them again in the shares of the next level."
    )


def sampler_works(my_sampler: Any) -> bool:
    """Return whether `check_sampler` accepts ``my_sampler``."""
    return bool(check_sampler(my_sampler))


def _states(made: Any, most: int) -> list:
    if not isinstance(made, Iterable) or hasattr(made, "shape"):
        raise NotYet("A sampler is a generator here: `yield` the state after each step.")
    states = list(itertools.islice(made, most))
    if any(state is None or state is ... for state in states):
        raise NotWritten
    if not states:
        raise NotYet("Your sampler yields nothing: loop over levels and the levels after them.")
    return states


def _run(rule: Callable[..., Any], levels: Any, predict: Any, start: Any) -> list[np.ndarray]:
    return [step.latents.numpy() for step in samplers.sample(predict, start, levels, rule)]


def _guess_only(x: Any, prediction: Any, level: Any, **_: Any) -> Any:
    return prediction.x0


def _unshrunk(x: Any, prediction: Any, level: Any, **_: Any) -> Any:
    return level.signal * prediction.x0 + prediction.noise


def _swapped(x: Any, prediction: Any, level: Any, **_: Any) -> Any:
    return level.deviation * prediction.x0 + level.signal * prediction.noise


def _unscaled(x: Any, prediction: Any, level: Any, **_: Any) -> Any:
    return prediction.x0 + level.deviation * prediction.noise


def _no_roots(x: Any, prediction: Any, level: Any, **_: Any) -> Any:
    return level.signal**2 * prediction.x0 + level.deviation**2 * prediction.noise


def _stays(x: Any, prediction: Any, level: Any, **_: Any) -> Any:
    here = prediction.level
    return here.signal * prediction.x0 + here.deviation * prediction.noise


def _subtracts(x: Any, prediction: Any, level: Any, **_: Any) -> Any:
    return level.signal * prediction.x0 - level.deviation * prediction.noise


_BUGS: dict[str, Callable[..., Any]] = {
    "That goes to x₀ in every step. Only the last step does; the others keep some noise.": (
        _guess_only
    ),
    "The noise never shrinks: multiply it by next_level.deviation.": _unshrunk,
    "The two scales are exchanged: .signal belongs to the picture.": _swapped,
    "The picture keeps its full size: multiply x₀ by next_level.signal.": _unscaled,
    "The scales are square roots: .signal and .deviation, not .alpha_bar and 1 − .alpha_bar.": (
        _no_roots
    ),
    "You mix with the scales of this level, so x stays where it is. Take next_level's.": _stays,
    "The noise keeps its sign: add less of it, don't subtract it.": _subtracts,
}


def four_runs() -> dict[str, np.ndarray]:
    """Return the sounds A to D, 1.28 s at 44.1 kHz, drawn by four samplers from six pictures."""
    import torch

    from riffedu.diffusion.noise import array_to_image, image_to_array
    from riffedu.signal.audio import clip, set_level
    from riffedu.signal.convert import audio_to_image
    from riffedu.signal.reconstruct import image_to_audio

    images = [audio_to_image(clip(name)[0][: round(1.28 * 44100)], 44100) for name in DATA]
    points = torch.from_numpy(np.stack([image_to_array(x).ravel() for x in images])).double()
    alphas = schedule.alphas_cumprod(schedule.betas("cosine"))
    levels = schedule.noise_levels(alphas, schedule.timesteps(4))
    noise = torch.randn(1, points.shape[1], generator=torch.Generator().manual_seed(4)).double()
    start = 0.02 * points[:1] + noise  # a hint of the tune, so that it is the one drawn
    predict = toy.exact_predictor(points, alphas)
    run = partial(samplers.sample, predict, start, prediction_type="sample")
    whole = list(run(levels))
    made = {
        "right": whole[-1].latents,
        "one leap": whole[0].x0,
        "stops early": whole[-2].latents,
        "never shrinks": list(run(levels, sampler=_unshrunk))[-1].latents,
    }
    like = images[0]
    sounds = {}
    for letter, word in RUNS.items():
        pixels = made[word].reshape(like.height, like.width).numpy().clip(-1, 1)
        image = array_to_image(pixels, like)
        sounds[letter] = set_level(image_to_audio(image, progress=False)[0], -23)
    return sounds


@check
def check_ears(heard: Any) -> object:
    """Check that ``heard`` maps A to D to right, one leap, stops early or never shrinks."""
    said = as_words(heard, "ABCD", tuple(_SOUNDS_LIKE))
    wrong = [letter for letter in RUNS if said[letter] != RUNS[letter]]
    if wrong:
        more = f" ({len(wrong)} of the four are not right yet.)"
        return hint(f"Listen to {wrong[0]} again. {_SOUNDS_LIKE[said[wrong[0]]]}{more}")
    return right("Rustle, haze or a second clip: a sampler's bugs can be told apart by ear.")


@check
def check_predictions(predictions: Any) -> object:
    """Check ``predictions`` (heun, first, second, leading, apart) by running the experiments."""
    names = ("heun", "first", "second", "leading", "apart")
    if not isinstance(predictions, dict):
        return hint("Give a dict: dict(heun=…, first=…, second=…, leading=…, apart=…).")
    if missing := [n for n in names if predictions.get(n) is None or predictions[n] is ...]:
        return hint(f"“{missing[0]}” is missing: predict a number for each.")
    said = {name: as_number(predictions[name], f"“{name}”") for name in names}
    if said["heun"] != 19:
        told = {20: "The last step has no second look: nothing is noisy where it ends."}
        told[10] = "Heun looks twice in each step but the last."
        told[18] = told[21] = "Two looks a step, but one in the last: 2 · 10 − 1."
        return hint(told.get(int(said["heun"]), "Count two looks a step, but one in the last."))
    first, second = (_ellipse_error(rule, 80) for rule in (samplers.ddim, samplers.dpmpp_2m))
    if not 0.8 * first < said["first"] < 1.25 * first:
        if np.isclose(said["first"], 0.063 / 16, rtol=0.1):
            return hint("“first”: a first-order error is halved by twice the looks, not quartered.")
        if np.isclose(said["first"], 0.063 / 2, rtol=0.1):
            return hint("“first”: from 20 to 80 is two doublings.")
        return hint(f"“first”: the experiment gives {first:.3f}; you predicted {said['first']:g}.")
    if not 0.5 * second < said["second"] < 1.5 * second:
        if np.isclose(said["second"], 0.010 / 4, rtol=0.1):
            return hint("“second”: from 20 to 80 is two doublings: quartered twice.")
        return hint(
            f"“second”: the experiment gives {second:.4f}; you predicted {said['second']:g}. "
            "Second order is quartered by twice the looks."
        )
    if said["leading"] != 750:
        if said["leading"] in (999, 1000):
            return hint(
                "“leading”: that is trailing, or nearly. Leading counts up from 0, by 1000 // 4."
            )
        return hint("“leading”: the timesteps are 0, 250, 500 and one more; it is the first.")
    if said["apart"] != 0:
        return hint("“apart”: DDIM (η = 0) draws no fresh noise, so the generator is never used.")
    return right(
        "A first-order error falls by 4, a second-order error by 16 in theory and by 11 here."
    )


def _ellipse_error(rule: Callable[..., Any], steps: int) -> float:
    """The RMS error at the end of a run, for the Gaussian cloud of the lesson."""
    import torch

    wide = torch.tensor([1.35, 0.35], dtype=torch.float64)
    alphas = schedule.alphas_cumprod(schedule.betas("cosine"))
    levels = schedule.noise_levels(alphas, schedule.timesteps(steps))
    start = toy.gaussian_noise(1500, seed=2).double()

    def guess(x: Any, timestep: float) -> Any:
        k = schedule.noise_levels(alphas, [timestep])[0].alpha_bar
        return k**0.5 * wide**2 / (k * wide**2 + 1 - k) * x

    *_, last = samplers.sample(guess, start, levels, rule, "sample")
    k = levels[0].alpha_bar
    end = start * wide / (k * wide**2 + 1 - k) ** 0.5
    return float((last.latents - end).square().mean().sqrt())


@check
def check_trailing(times: Callable[..., Any]) -> object:
    """Check ``times(n, total)``: n times from total − 1 downwards in equal steps of total / n."""
    for n, total in ((5, 1000), (7, 1000), (3, 12)):
        answer = as_array(run(times, n, total), None, "The list of timesteps")
        want = schedule.timesteps(n, total)
        if answer.shape != want.shape:
            return hint(
                f"There should be {n} timesteps, so shape {want.shape}; yours has {answer.shape}."
            )
        if np.allclose(answer, want):
            continue
        leap = total / n
        mistakes = {
            "Noisiest first: the run begins at the last timestep.": want[::-1],
            "That is “leading”: it never sees pure noise.": schedule.timesteps(n, total, "leading"),
            "That is “linspace”: it ends at 0, and spends its last look where nothing is noisy.": (
                np.linspace(total - 1, 0, n)
            ),
            "Steps of total / n, not of (total − 1) / n.": (total - 1) * (1 - np.arange(n) / n),
            "Off by one: timesteps count from 0, so the last one is total − 1.": want + 1,
            f"Shifted by a whole leap of {leap:g}: the first must be {total - 1}.": want - leap,
        }
        for message, values in mistakes.items():
            if np.allclose(answer, values) or np.allclose(answer, np.round(values)):
                return hint(message)
        if np.abs(answer - want).max() <= 0.5 + 1e-9 and not math.isclose(leap, round(leap)):
            return hint("Nearly: round to whole numbers before you subtract 1.")
        return hint(
            f"For {n} of {total} they should be {want.astype(int).tolist()}; yours begin "
            f"{answer[:4].tolist()}."
        )
    return right("It begins at pure noise and wastes no evaluation on a clean picture.")
