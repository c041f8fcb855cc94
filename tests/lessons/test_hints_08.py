"""Lesson 08: each usual mistake gets its own hint, and every right form passes."""

import numpy as np
import pytest
import torch

from riffedu.diffusion import schedule, toy
from riffedu.diffusion.samplers import ddim, heun, sample
from riffedu.lessons.l08_denoising import exercises
from tests.lessons.hints import said


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, e, a: (x - (1 - a) ** 0.5 * e) / a**0.5, None),
        (lambda x, e, a: schedule.clean_and_noise(x, e, a, "epsilon")[0], None),
        (lambda x, e, a: list(x / a**0.5 - e * (1 / a - 1) ** 0.5), None),
        (lambda x, e, a: torch.tensor((x - np.sqrt(1 - a) * e) / np.sqrt(a)), None),
        (lambda x, e, a: x - np.sqrt(1 - a) * e, "divide by √ᾱ"),
        (lambda x, e, a: (x - e) / np.sqrt(a), "whole noise"),
        (lambda x, e, a: (x - (1 - a) * e) / a, "square roots"),
        (lambda x, e, a: (x - np.sqrt(1 - a) * e) / a, "not by ᾱ"),
        (lambda x, e, a: (x - np.sqrt(1 - a) * e) * np.sqrt(a), "should be divided"),
        (lambda x, e, a: (x + np.sqrt(1 - a) * e) / np.sqrt(a), "not added"),
        (lambda x, e, a: (x - np.sqrt(a) * e) / np.sqrt(1 - a), "exchanged"),
        (lambda x, e, a: np.sqrt(a) * x - np.sqrt(1 - a) * e, "predicted v"),
        (lambda x, e, a: x - np.sqrt(1 - a) * e / np.sqrt(a), "brackets"),
        (lambda x, e, a: (x - 0.8 * e) / 0.6, "no numbers"),
        (lambda x, e, a: e, "Solve"),
        (lambda x, e, a: 0.0, "shape (3,)"),
        (lambda x, e, a: x * np.nan, "NaN"),
        (lambda x, e, a: [[1], [1, 2]], "different lengths"),
        (lambda x, e, a: None, "write its body"),
        (lambda x, e, a: 1 / 0, "ZeroDivisionError"),
        (np.zeros(3), "without brackets"),
    ],
)
def test_clean(answer, words):
    said(exercises.check_clean(answer), words)


def sampler(mix, split=None, ask=0, first=False):
    """A generator as the exercise asks for, with one thing changed."""

    def run(predict, x, levels):
        if first:
            yield x
        for pair in zip(levels, levels[1:]):
            level, after = pair
            noise = predict(x, pair[ask].timestep)
            x0 = split(x, noise, level) if split else (x - level.deviation * noise) / level.signal
            x = mix(x0, noise, level, after)
            yield x

    return run


def right_mix(x0, noise, level, after):
    return after.signal * x0 + after.deviation * noise


def as_a_list(predict, x, levels):
    return list(sampler(right_mix)(predict, x, levels))


def with_the_library(predict, x, levels):
    return [step.latents for step in sample(predict, x, levels, ddim)]


def only_the_end(predict, x, levels):
    *_, end = sampler(right_mix)(predict, x, levels)
    yield end


def returned(predict, x, levels):
    return as_a_list(predict, x, levels)[-1]


def in_place(predict, x, levels):
    for state in as_a_list(predict, x.clone(), levels):
        x -= x - state
        yield x.clone()


def one_too_few(predict, x, levels):
    yield from as_a_list(predict, x, levels)[:-1]


def from_the_start(predict, x, levels):
    for level, after in zip(levels, levels[1:]):
        noise = predict(x, level.timestep)
        yield right_mix((x - level.deviation * noise) / level.signal, noise, level, after)


def for_ever(predict, x, levels):
    while True:
        yield x + 1


def empty(predict, x, levels):
    yield from ()


def nothing(predict, x, levels):
    for _ in levels[1:]:
        yield None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (sampler(right_mix), None),
        (as_a_list, None),
        (with_the_library, None),
        (sampler(lambda x0, e, a, b: x0), "goes to x₀ in every step"),
        (sampler(lambda x0, e, a, b: b.signal * x0 + e), "never shrinks"),
        (sampler(lambda x0, e, a, b: b.deviation * x0 + b.signal * e), "exchanged"),
        (sampler(lambda x0, e, a, b: x0 + b.deviation * e), "full size"),
        (sampler(lambda x0, e, a, b: b.alpha_bar * x0 + (1 - b.alpha_bar) * e), "square roots"),
        (sampler(lambda x0, e, a, b: a.signal * x0 + a.deviation * e), "stays where it is"),
        (sampler(lambda x0, e, a, b: b.signal * x0 - b.deviation * e), "keeps its sign"),
        (sampler(right_mix, lambda x, e, a: x - a.deviation * e), "After the first step"),
        (sampler(right_mix, ask=1), "Ask at the level where x is"),
        (sampler(right_mix, first=True), "yields the noise first"),
        (only_the_end, "yields only once"),
        (returned, "`yield` the state"),
        (in_place, "in place"),
        (one_too_few, "are 6 steps; yours makes 5"),
        (for_ever, "are 6 steps; yours makes 7"),
        (from_the_start, "hold the new state"),
        (empty, "yields nothing"),
        (nothing, "returns nothing"),
        (sampler(lambda x0, e, a, b: x0 * float("nan")), "NaN"),
        (sampler(lambda x0, e, a, b: x0[0]), "shape (20, 2)"),
        (lambda predict, x: [x], "other arguments"),
    ],
)
def test_sampler(answer, words):
    said(exercises.check_sampler(answer), words)


RIGHT = dict(heun=19, first=0.016, second=0.0008, leading=750, apart=0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"first": 0.063 / 4, "second": 0.010 / 16}, None),
        ({"heun": np.int64(19), "apart": 0.0, "leading": 750.0}, None),
        ({"heun": 20}, "no second look"),
        ({"heun": 10}, "twice in each step"),
        ({"heun": 18}, "2 · 10 − 1"),
        ({"heun": 7}, "two looks a step"),
        ({"first": 0.063 / 16}, "not quartered"),
        ({"first": 0.03}, "two doublings"),
        ({"first": 0.5}, "gives 0.016"),
        ({"second": 0.0025}, "quartered twice"),
        ({"second": 0.1}, "Second order"),
        ({"leading": 999}, "that is trailing"),
        ({"leading": 250}, "0, 250, 500"),
        ({"apart": 1}, "never used"),
        ({"apart": ...}, "“apart” is missing"),
        ({"heun": "many"}, "numbers"),
        ({"heun": [1, 2]}, "one number"),
        ({"first": np.nan}, "NaN"),
    ],
)
def test_predictions(change, words):
    said(exercises.check_predictions(RIGHT | change), words)


def test_predictions_of_another_kind():
    said(exercises.check_predictions([19, 0.016]), "Give a dict")


def test_heun_evaluates_19_times_in_10_steps():
    asked, alphas = [], schedule.alphas_cumprod(schedule.betas("cosine"))[:900]
    levels = schedule.noise_levels(alphas, schedule.timesteps(10, 900))
    list(sample(lambda x, t: asked.append(t) or x, toy.gaussian_noise(5), levels, heun))
    assert len(asked) == 19


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"D": " Right "}, None),
        ({letter: word.upper() for letter, word in exercises.RUNS.items()}, None),
        ({"A": "right", "D": "never shrinks"}, "without a rustle"),
        ({"B": "stops early", "C": "one leap"}, "(2 of the four"),
        ({"C": "right", "D": "stops early"}, "Listen to C"),
        ({"A": "one leap", "B": "never shrinks"}, "several clips at once"),
        ({"A": "stops early", "C": "never shrinks"}, "faint rustle"),
        ({"A": "loud"}, "not one of"),
        ({"A": "right"}, "exactly one"),
        ({"A": ...}, "put a word"),
        ({"E": "right"}, "letters A, B, C, D"),
        ({"A": None}, "put a word"),
    ],
)
def test_ears(change, words):
    said(exercises.check_ears(exercises.RUNS | change), words)


def test_the_four_runs_are_what_their_names_say():
    sounds = {exercises.RUNS[letter]: x for letter, x in exercises.four_runs().items()}
    assert all(np.abs(x).max() < 1 and len(x) == len(sounds["right"]) for x in sounds.values())

    def flatness(x):
        power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2 + 1e-12
        return np.exp(np.log(power).mean()) / power.mean()

    assert flatness(sounds["right"]) < flatness(sounds["stops early"])
    assert flatness(sounds["stops early"]) < flatness(sounds["never shrinks"])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (schedule.timesteps, None),
        (lambda n, total: [round(total - i * total / n) - 1 for i in range(n)], None),
        (lambda n, total: torch.tensor(schedule.timesteps(n, total)), None),
        (lambda n, total: schedule.timesteps(n, total)[::-1], "Noisiest first"),
        (lambda n, total: schedule.timesteps(n, total, "leading"), "never sees pure noise"),
        (lambda n, total: np.linspace(total - 1, 0, n), "linspace"),
        (lambda n, total: np.round(np.linspace(total - 1, 0, n)), "linspace"),
        (lambda n, total: total - np.arange(n) * total / n, "Off by one"),
        (lambda n, total: np.linspace(total - 1, 0, n, endpoint=False), "not of (total"),
        (lambda n, total: total - np.arange(1, n + 1) * total / n - 1, "whole leap"),
        (lambda n, total: total - np.arange(n) * total / n - 1, "round to whole"),
        (lambda n, total: np.zeros(n + 1), "5 timesteps"),
        (lambda n, total: np.arange(n), "should be [999, 799"),
        (lambda n, total: [[1], [1, 2]], "different lengths"),
        (lambda n, total: np.full(n, np.nan), "NaN"),
        (lambda n, total: np.array([]), "5 timesteps"),
        (lambda n, total: None, "write its body"),
        (lambda n: n, "other arguments"),
    ],
)
def test_trailing(answer, words):
    said(exercises.check_trailing(answer), words)
