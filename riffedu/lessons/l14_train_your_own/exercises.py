"""Exercises of notebooks/14_train_your_own.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from riffedu.diffusion import toy
from riffedu.diffusion.schedule import add_noise, alphas_cumprod, betas, velocity
from riffedu.lessons.l14_train_your_own.full_run import full_run_picture
from riffedu.widgets.answers import as_number
from riffedu.widgets.verdict import check, hint, right, run

# Exercise 1: the loop

POINT = (1.2, -0.7)
STEPS = 300


def cosine_alphas() -> Any:
    """Return ᾱ of the cosine schedule as a float32 tensor ``(1000,)``."""
    import torch

    return torch.as_tensor(alphas_cumprod(betas("cosine")), dtype=torch.float32)


def _losses(network: Any, points: Any, alphas: Any) -> dict[str, float]:
    """Return the mean squared error of a network for the right target and for usual wrong ones."""
    import torch

    generator = torch.Generator().manual_seed(5)
    x0 = points[torch.randint(len(points), (4000,), generator=generator)]
    times = torch.randint(len(alphas), (4000,), generator=generator)
    noise = torch.randn(x0.shape, generator=generator)
    a = alphas[times, None]
    with torch.no_grad():
        v = network(toy.features(add_noise(x0, noise, a), times))
        linear = network(toy.features(a * x0 + (1 - a) * noise, times))
    wanted = velocity(x0, noise, a)
    return {
        "right": float((v - wanted).square().mean()),
        "noise": float((v - noise).square().mean()),
        "clean": float((v - x0).square().mean()),
        "sign": float((v + wanted).square().mean()),
        "roots": float((linear - (a * noise - (1 - a) * x0)).square().mean()),
    }


@check
def check_loop(my_loop: Callable) -> object:
    """Check ``my_loop(network, points, alphas, steps)``: trains it; returns a moving average."""
    import torch

    from riffedu.training.loop import MovingAverage

    if not callable(my_loop):
        return hint("Give the check your function itself, by its name and without brackets.")
    alphas, points = cosine_alphas(), torch.tensor([POINT])
    network = toy.build_network(64, seed=1)
    before = {name: value.clone() for name, value in network.named_parameters()}
    torch.manual_seed(0)
    average = run(my_loop, network, points, alphas, STEPS)
    if all(torch.equal(before[name], value) for name, value in network.named_parameters()):
        return hint(
            "The weights of the network have not changed: call loss.backward() and "
            "optimizer.step() in every step, with an optimizer of network.parameters()."
        )
    if any(not value.isfinite().all() for value in network.parameters()):
        return hint("The weights are no longer finite: lower the learning rate, to 0.005 perhaps.")
    if not isinstance(average, MovingAverage):
        return hint(
            f"Return the MovingAverage, not {type(average).__name__}: it has the averaged weights."
        )
    found = _losses(network, points, alphas)
    if found["right"] > 0.25:
        return hint(_what_was_learnt(found))
    with average.applied_to(network):
        smooth = _losses(network, points, alphas)["right"]
    if all(torch.equal(before[name], value) for name, value in average.parameters.items()):
        return hint("The moving average still holds the first weights: update it in every step.")
    if smooth > 0.25:
        return hint(
            f"The network learns, but its average does not follow (loss {smooth:.2f}): update it "
            "after every optimizer.step(), with a decay of 0.99, not more."
        )
    return right(
        f"It has overfitted one point: the loss is {smooth:.3f}, and a constant one is 1. "
        "A loop that cannot do this has a mistake, whatever the data."
    )


def _what_was_learnt(found: dict[str, float]) -> str:
    """Return the hint for a network whose loss did not fall: it may have learnt something else."""
    other = min((value, name) for name, value in found.items() if name != "right")
    told = {
        "noise": "It has learnt to predict the noise ε: the target of this loop is the velocity v.",
        "clean": "It has learnt to predict the clean point x₀: the target is the velocity v.",
        "sign": "The velocity has the wrong sign: v = √ᾱ ε − √(1−ᾱ) x₀ (use `velocity`).",
        "roots": "The roots are missing: x_t = √ᾱ x₀ + √(1−ᾱ) ε (use `add_noise`).",
    }
    if other[0] < 0.35 and other[0] < 0.6 * found["right"]:
        return told[other[1]]
    return (
        f"After {STEPS} steps on one point the loss is still {found['right']:.2f}, not below 0.25. "
        "Are t and ε drawn anew in every step, one t per point of the batch? Does the network get "
        "the noisy x and the same t? Is optimizer.zero_grad() called, and the rate near 0.005?"
    )


# Exercise 2: predict

PREDICTIONS = {
    "matrix": 8 * 320 + 320 * 8,
    "convolution": 4 * 64 * 3 * 3 + 4 * 128,
    "start": 0.0,
    "doubled": 2.0,
    "constant": 1.0,
}

_WRONG: dict[str, dict[float, str]] = {
    "matrix": {
        320 * 320: "that is W itself. A has 8 × 320 weights, and B as many.",
        8 * 320: "that is A alone; B has as many.",
        8 * 8: "A and B are not 8 × 8: one side of each is 320 long.",
        320 * 320 + 2 * 8 * 320: "W is frozen: only A and B are trained.",
        2 * 8 * 320 + 320 + 8: "A and B have no biases.",
    },
    "convolution": {
        4 * 64 + 4 * 128: "A has the layer's own kernel: 3 × 3 weights for each pair of channels.",
        9 * (4 * 64 + 4 * 128): "only A has the 3 × 3 kernel; B is a 1 × 1 convolution.",
        9 * 64 * 128: "that is the layer itself.",
        4 * 64 * 9: "that is A alone; B leads from 4 channels to 128.",
        4 * 64 * 3 + 4 * 128: "a 3 × 3 kernel has 9 weights for each pair of channels, not 3.",
    },
    "start": {1.0: "B is zero at the start. What is B A x then?"},
    "doubled": {
        1.0: "the factor is α / r: with r = 8 and α = 16 it is not 1.",
        4.0: "the factor is α / r = 16 / 8.",
        16.0: "α is divided by r.",
        0.5: "the factor is α / r, not r / α.",
        8.0: "the factor is α / r = 16 / 8.",
    },
    "constant": {
        0.0: "zero is the best constant prediction, but what is its mean squared error?",
        0.5: "v = √ᾱ ε − √(1−ᾱ) x₀: the powers ᾱ · 1 and (1−ᾱ) · 1 are added.",
        2.0: "the two shares of the power, ᾱ and 1 − ᾱ, sum to 1, not to 2.",
    },
}


@check
def check_predictions(predictions: dict[str, Any]) -> object:
    """Check five numbers about a LoRA and the loss, written down before anything is run."""
    if not isinstance(predictions, dict) or set(predictions) != set(PREDICTIONS):
        return hint(f"Give a dict with a number for each of {', '.join(PREDICTIONS)}.")
    for name, wanted in PREDICTIONS.items():
        if predictions[name] is ... or predictions[name] is None:
            return hint(f"{name}: replace the ... with a number.")
        given = as_number(predictions[name], f"{name}: it")
        if abs(given - wanted) > 0.02 * max(1, wanted):
            usual = next((m for v, m in _WRONG[name].items() if abs(given - v) < 1e-6), None)
            return hint(f"{name}: {usual or _GENERAL[name]}")
    return right(
        "All right. The matrix itself has 102,400 weights, and the pair that changes it 5,120: a "
        "LoRA is small because r is."
    )


_GENERAL = {
    "matrix": "A is r × in and B is out × r: count both.",
    "convolution": "A: r × 64 × 3 × 3, B: 128 × r × 1 × 1, without biases.",
    "start": "at the start B is zero, so the outputs are equal.",
    "doubled": "the change is α / r · B A x.",
    "constant": "the mean of v² when x₀ and ε both have a mean square of 1.",
}


# Exercise 3: by ear

STRENGTHS = ("0", "0.5", "1", "1.5")


def order() -> dict[str, str]:
    """Return the strength of the LoRA in each clip of exercise 3, by its letter."""
    drawn = np.random.default_rng(1429).permutation(len(STRENGTHS))
    return {letter: STRENGTHS[n] for letter, n in zip("ABCD", drawn)}


def four_strengths() -> tuple[dict[str, np.ndarray], int]:
    """Generate one prompt and seed at four strengths: ({letter: waveform}, sample rate)."""
    from riffedu.signal.audio import set_level
    from riffedu.signal.reconstruct import image_to_audio

    sounds, rate = {}, 0
    for letter, strength in order().items():
        picture = full_run_picture(f"strength-{strength}")
        waveform, rate = image_to_audio(picture, progress=False)
        sounds[letter] = set_level(waveform)
    return sounds, rate


@check
def check_by_ear(letter: str) -> object:
    """Check that ``letter`` names the clip in which the base model plays alone."""
    if not isinstance(letter, str) or letter.strip().upper() not in order():
        return hint("Answer with one letter in quotes: A, B, C or D.")
    strength = order()[letter.strip().upper()]
    if strength == "0":
        return right(
            "That is the base model: it was asked for a voice and plays what it has. With more "
            "strength the sound begins to speak."
        )
    if strength == "0.5":
        return hint("There the LoRA works already, at half its strength. Listen for less voice.")
    return hint("That one speaks clearly: the LoRA works at full strength or more.")


# Exercise 4: the leak

LEAKS = {3: "copy", 7: "quieter", 10: "moved"}


def two_sets() -> tuple[np.ndarray, np.ndarray]:
    """Return training clips ``(40, 32, 64)`` and test clips ``(12, 32, 64)`` with three leaks.

    Each clip is a small picture of loudness, 32 bands by 64 times. One test clip is a copy of a
    training clip, one a quieter copy, and one a copy that begins a little later.
    """
    random = np.random.default_rng(14)
    clips = []
    for _ in range(52):
        notes = random.integers(0, 32, 16)
        clip = 0.05 * random.random((32, 64))
        for place, band in enumerate(notes):
            clip[band, 4 * place : 4 * place + 4] += (1.0, 0.7, 0.5, 0.3)
        clips.append(clip)
    train, test = np.stack(clips[:40]), np.stack(clips[40:])
    source = {index: train[n] for index, n in zip(LEAKS, (17, 31, 5))}
    noise = 0.02 * random.random((3, 32, 64))
    test[3] = source[3]
    test[7] = 0.4 * source[7] + noise[1]
    test[10] = np.roll(source[10], 6, axis=1) + noise[2]
    return train, test


@check
def check_leaks(leaks: Any) -> object:
    """Check the numbers of the test clips that are in the training set."""
    try:
        given = [int(number) for number in np.asarray(list(leaks)).ravel()]
    except (TypeError, ValueError):
        return hint("Give the numbers of the leaked test clips as a list, for example [0, 5].")
    if any(not 0 <= number < 12 for number in given):
        return hint("The test clips have the numbers 0 to 11: give those, not the training clips'.")
    found = set(given)
    if found == set(LEAKS):
        return right(
            "All three: a copy, a quieter copy and one that begins later. A model scored on this "
            "test set would be praised for its memory."
        )
    if not found:
        return hint("There are leaks. Begin with the largest correlation of each test clip.")
    if wrong := sorted(found - set(LEAKS)):
        if len(found) > 6:
            return hint(
                f"{len(found)} of 12 are too many: clips that are only alike are no leaks. Look "
                "for a gap between the largest correlations and the rest."
            )
        return hint(f"Clip {wrong[0]} is not in the training set: unrelated clips correlate a bit.")
    missing = sorted(set(LEAKS[n] for n in set(LEAKS) - found))
    told = {
        "copy": "One that is missing is an exact copy: subtract, and look for zero.",
        "quieter": "One that is missing is a quieter copy: compare after removing the level, by "
        "correlation.",
        "moved": "One that is missing begins at another time: compare at several shifts "
        "(np.roll along the times).",
    }
    return hint(f"{len(found)} of 3. {told[missing[0]]}")
