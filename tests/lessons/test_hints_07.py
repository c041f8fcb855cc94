"""Lesson 07: each usual mistake gets its own hint, and every right form passes."""

import numpy as np
import pytest
import torch

from riffedu.diffusion import schedule
from riffedu.lessons.l07_noise import exercises
from tests.lessons.hints import said


def right(x0, e, k):
    return np.sqrt(k) * x0 + np.sqrt(1 - k) * e


@pytest.mark.parametrize(
    "answer, words",
    [
        (right, None),
        (schedule.add_noise, None),
        (lambda x, e, k: torch.tensor(right(x, e, k)), None),
        (lambda x, e, k: list(right(x, e, k)), None),
        (lambda x, e, k: k * x + (1 - k) * e, "square roots"),
        (lambda x, e, k: right(e, x, k), "exchanged"),
        (lambda x, e, k: k**0.5 * x + (1 - k**0.5) * e, "1 − √ᾱ"),
        (lambda x, e, k: k**0.5 * x + (1 - k) * e, "noise lacks"),
        (lambda x, e, k: k * x + (1 - k) ** 0.5 * e, "picture lacks"),
        (lambda x, e, k: k**0.5 * x + e, "the noise is not"),
        (lambda x, e, k: x + (1 - k) ** 0.5 * e, "the picture is not"),
        (lambda x, e, k: right(x, -e, k), "not taken away"),
        (lambda x, e, k: k**0.5 * e - (1 - k) ** 0.5 * x, "direction"),
        (lambda x, e, k: 0.6 * x + 0.8 * e, "another"),
        (lambda x, e, k: right(x, e, k) + 1, "0.6 · x0"),
        (lambda x, e, k: right(x, e, k)[:2], "shape"),
        (lambda x, e, k: 1.0, "shape"),
        (lambda x, e, k: np.sqrt(-k) * x, "NaN"),
        (lambda x, e, k: [[1], [1, 2]], "different lengths"),
        (lambda x, e, k: None, "return"),
        (lambda x, e: x, "arguments"),
        (0.5, "without brackets"),
    ],
)
def test_add_noise(answer, words):
    with np.errstate(all="ignore"):
        said(exercises.check_add_noise(answer), words)


RIGHT = dict(amplitude=0.25, snr=-9.54, angle=60, contrast=6.02, columns=6.02)


@pytest.mark.parametrize(
    "change, words",
    [
        ({}, None),
        ({"snr": -9.5, "angle": 60.2}, None),
        ({"contrast": np.float32(6), "columns": np.array([6])}, None),
        ({"amplitude": 0.0625}, "square root"),
        ({"amplitude": 0.5}, "four"),
        ({"amplitude": 0.75}, "lost"),
        ({"amplitude": -1}, "multiply"),
        ({"snr": -10}, "ᾱ in dB"),
        ({"snr": 9.54}, "sign"),
        ({"snr": -19.08}, "10 · log10"),
        ({"snr": 1 / 9}, "ratio"),
        ({"angle": 75.5}, "not ᾱ"),
        ({"angle": 30}, "begins at the picture"),
        ({"angle": 1.047}, "radians"),
        ({"angle": 22.5}, "proportional"),
        ({"contrast": 3}, "multiplied by 4"),
        ({"contrast": 0}, "the ratio changes"),
        ({"contrast": -6}, "stronger"),
        ({"columns": 12}, "not 1/n²"),
        ({"columns": 3}, "twice as many"),
        ({"columns": -6}, "removes noise"),
        ({"columns": 99}, "you predicted 99"),
        ({"columns": ...}, "in place of each"),
        ({"columns": "more"}, "numbers"),
        ({"column": 6}, "five numbers"),
    ],
)
def test_predictions(change, words):
    said(exercises.check_predictions({**RIGHT, **change}), words)


def v(x0, e, k):
    return np.sqrt(k) * e - np.sqrt(1 - k) * x0


@pytest.mark.parametrize(
    "answer, words",
    [
        (v, None),
        (schedule.velocity, None),
        (lambda x, e, k: v(x, e, k).tolist(), None),
        (lambda x, e, k: -v(x, e, k), "sign"),
        (right, "position"),
        (lambda x, e, k: (1 - k) ** 0.5 * e - k**0.5 * x, "exchanged"),
        (lambda x, e, k: v(-x, e, k), "minus sin"),
        (lambda x, e, k: k * e - (1 - k) * x, "square roots"),
        (lambda x, e, k: e - x, "straight line"),
        (lambda x, e, k: 0.6 * e - 0.8 * x, "another"),
        (lambda x, e, k: 0 * x, "0.6 · noise"),
        (lambda x, e, k: v(x, e, k)[None], "shape"),
        (lambda x, e, k: v(x, e, k) / 0, "infinite"),
        (lambda x, e, k: "v", "numbers"),
        (lambda x, e, k: None, "return"),
        (lambda x: x, "arguments"),
    ],
)
def test_velocity(answer, words):
    with np.errstate(all="ignore"):
        said(exercises.check_velocity(answer), words)


DB = np.linspace(20, -20, 1000)


def from_db(db, per_decade=10):
    ratio = 10 ** (np.asarray(db) / per_decade)
    left = ratio / (1 + ratio)
    return 1 - left / np.concatenate([[1], left[:-1]])


def loop():
    before, found = 1.0, []
    for db in DB:
        ratio = 10 ** (db / 10)
        found.append(1 - ratio / (1 + ratio) / before)
        before = ratio / (1 + ratio)
    return found


LEFT = 1 / (1 + 10 ** (-DB / 10))


@pytest.mark.parametrize(
    "answer, words",
    [
        (from_db(DB), None),
        (loop(), None),
        (torch.tensor(from_db(DB)), None),
        (LEFT, "ᾱ itself"),
        (1 - from_db(DB), "one step leaves"),
        (1 - LEFT, "lost after all"),
        (np.append(0, from_db(DB)[1:]), "first step takes"),
        (10 ** (DB / 10), "the SNR"),
        (DB, "decibels"),
        (from_db(DB)[1:], "first step is missing"),
        (from_db(DB)[:100], "1000 values"),
        (from_db(DB, 20), "factor of 2"),
        (from_db(20 - 40 * np.linspace(0, 1, 1000) ** 2), "not equal"),
        (from_db(np.linspace(10, -10, 1000)), "factor of 2"),
        (from_db(np.linspace(20, -30, 1000)), "It should be"),
        (schedule.betas("cosine"), "It should be"),
        (-from_db(DB), "fraction"),
        (np.zeros(1000), "ever added"),
        (from_db(DB)[None], "shape"),
        (from_db(DB) * np.nan, "NaN"),
        ([[1], [1, 2]], "different lengths"),
        ("cosine", "numbers"),
        (from_db, "not a function"),
    ],
)
def test_schedule(answer, words):
    said(exercises.check_schedule(answer), words)


TIMES = exercises._ANSWERS
FIRST, SECOND, THIRD, LAST = sorted(TIMES, key=TIMES.__getitem__)


def swapped(one, other):
    return {**TIMES, one: TIMES[other], other: TIMES[one]}


@pytest.mark.parametrize(
    "answer, words",
    [
        (TIMES, None),
        ({letter: float(t) for letter, t in TIMES.items()}, None),
        ({letter: np.array([t]) for letter, t in TIMES.items()}, None),
        (swapped(FIRST, LAST), "than at"),
        (swapped(FIRST, SECOND), "Compare again"),
        (swapped(SECOND, THIRD), "Compare again"),
        (dict(zip((FIRST, SECOND, THIRD, LAST), (800, 600, 400, 100))), "other way round"),
        ({**TIMES, "A": 500}, "not one of the times"),
        ({**TIMES, "A": TIMES["B"]}, "occurs once"),
        ({**TIMES, "A": ...}, "in place of each"),
        ({**TIMES, "A": "late"}, "numbers"),
        ({**TIMES, "A": np.nan}, "NaN"),
        ({"A": 100}, "each of the letters"),
        ([100, 400, 600, 800], "each of the letters"),
    ],
)
def test_ears(answer, words):
    said(exercises.check_ears(answer), words)


def test_the_four_times_are_safe_and_equally_loud():
    for sound in exercises.four_times().values():
        assert np.abs(sound).max() < 0.95 and abs(20 * np.log10(sound.std()) + 23) < 1
