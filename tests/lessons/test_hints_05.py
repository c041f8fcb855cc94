"""Lesson 05: each usual mistake gets its own hint, and every right form passes."""

import numpy as np
import pytest

from riffedu import griffin_lim, istft, stft
from riffedu.lessons.l05_griffin_lim import exercises
from tests.lessons.hints import said


def swapped(a, b):
    return np.abs(a) * np.exp(1j * np.angle(b))


def safe(b):
    with np.errstate(invalid="ignore"):
        return b / np.abs(b)


@pytest.mark.parametrize(
    "answer, words",
    [
        (swapped, None),
        (lambda a, b: np.abs(a) * b / np.maximum(np.abs(b), 1e-12), None),
        (lambda a, b: swapped(a, b).tolist(), None),
        (lambda a, b: swapped(b, a), "other way round"),
        (lambda a, b: np.abs(a) * np.angle(b), "phase is lost"),
        (lambda a, b: np.abs(a) * b, "b / |b|"),
        (lambda a, b: a * b, "Both magnitudes"),
        (lambda a, b: a * np.exp(1j * np.angle(b)), "one on top of the other"),
        (lambda a, b: swapped(a, b.conj()), "exp(+1j"),
        (lambda a, b: np.abs(a) * np.exp(1j * np.angle(b, deg=True)), "radians"),
        (lambda a, b: a, "a itself"),
        (lambda a, b: b, "b itself"),
        (lambda a, b: swapped(a, b) + 1, "Which of the two is off"),
        (lambda a, b: swapped(a, b)[:, :3], "shape"),
        (lambda a, b: np.abs(a) * safe(b), "0 / 0"),
        (lambda a, b: swapped(a, b) * np.nan, "NaN"),
        (lambda a, b: [[1], [1, 2]], "different lengths"),
        (lambda a, b: None, "return"),
        (lambda a: a, "arguments"),
        (3, "without brackets"),
    ],
)
def test_swap(answer, words):
    said(exercises.check_swap(answer), words)


RIGHT = dict(robot=172.3, numbers=16, kept=6.25, turned=6.02, greys=0)


@pytest.mark.parametrize(
    "change, words",
    [
        ({}, None),
        ({"kept": 6, "numbers": 16.03}, None),
        ({"robot": np.float32(172), "greys": np.array([0])}, None),
        ({"robot": 86}, "hop of 256"),
        ({"robot": 43}, "not half"),
        ({"robot": 21.5}, "not at the window"),
        ({"robot": 440}, "you predicted 440"),
        ({"numbers": 8}, "two real ones"),
        ({"numbers": 32}, "mirror"),
        ({"numbers": 4}, "four times as many"),
        ({"kept": 0.0625}, "per cent"),
        ({"kept": 24}, "More overlap"),
        ({"kept": 100}, "consistent"),
        ({"turned": 0}, "−x − x"),
        ({"turned": -6.02}, "above 0"),
        ({"turned": 2}, "factor"),
        ({"greys": 255}, "|−X|"),
        ({"greys": ...}, "in place of each"),
        ({"greys": "none"}, "numbers"),
        ({"grey": 0}, "five numbers"),
        ({"kept": np.inf}, "infinite"),
    ],
)
def test_predictions(change, words):
    said(exercises.check_predictions({**RIGHT, **change}), words)


def scrambled(magnitude):
    turns = np.random.default_rng(1).uniform(size=magnitude.shape)
    return magnitude * np.exp(2j * np.pi * turns)


def P(spectrum):
    return stft(istft(spectrum, 256, 64), 256, 64)


def mine(magnitude, n_iter, step=lambda s, m: swapped(m, P(s)), start=scrambled):
    spectrum = start(magnitude)
    for _ in range(n_iter):
        spectrum = step(spectrum, magnitude)
    return istft(spectrum, 256, 64)


@pytest.mark.parametrize(
    "answer, words",
    [
        (mine, None),
        (lambda m, n: mine(m, n, start=lambda m: m + 0j).tolist(), None),
        (lambda m, n: griffin_lim(m, 256, 64, n_iter=n, momentum=0), None),
        (lambda m, n: griffin_lim(m, 256, 64, n_iter=n), None),
        (lambda m, n: mine(m, 30), "do not bring"),
        (lambda m, n: mine(m, n, lambda s, m: P(s)), "do not bring"),
        (lambda m, n: mine(m, n, lambda s, m: swapped(m, s)), "do not bring"),
        (
            lambda m, n: mine(m, n, lambda s, m: (0.1 * m + 0.9 * np.abs(P(s))) * safe(P(s))),
            "stops at",
        ),
        (lambda m, n: scrambled(m), "a spectrum"),
        (lambda m, n: m, "a spectrum"),
        (lambda m, n: 0 * mine(m, 1), "silent"),
        (lambda m, n: mine(m, n)[:-64], "samples"),
        (lambda m, n: mine(m, n) + 0j, "real"),
        (lambda m, n: mine(m, n) * np.nan, "NaN"),
        (lambda m, n: mine(m, n, start=lambda m: m * safe(0j * m)), "NaN"),
        (lambda m, n: istft(m + 0j, 512, 64), "RiffeduError"),
        (lambda m, n: None, "return"),
        (lambda m: mine(m, 4), "arguments"),
        (np.zeros(4), "without brackets"),
    ],
)
def test_griffin_lim(answer, words):
    said(exercises.check_griffin_lim(answer), words)


def other(*places):
    words = list(exercises.VOICES.values())
    return dict(zip("ABCD", [words[i] for i in places]))


@pytest.mark.parametrize(
    "answer, words",
    [
        (exercises.VOICES, None),
        ({k: v.title() for k, v in exercises.VOICES.items()}, None),
        (dict(reversed(exercises.VOICES.items())), None),
        (other(1, 0, 2, 3), "2 of the four"),
        (other(0, 2, 1, 3), "Listen to B"),
        (other(0, 1, 3, 2), "Listen to C"),
        (other(1, 2, 3, 0), "4 of the four"),
        (other(2, 1, 0, 3), "Listen to A"),
        ({**exercises.VOICES, "B": "robot"}, "not one of"),
        ({**exercises.VOICES, "B": None}, "in place of each"),
        ({**exercises.VOICES, "A": "alike", "B": "alike"}, "exactly one"),
        ({"A": "alike"}, "each of the letters"),
        (list("ABCD"), "each of the letters"),
        (np.arange(4), "each of the letters"),
    ],
)
def test_ears(answer, words):
    said(exercises.check_ears(answer), words)


def test_the_four_voices_are_safe_and_equally_loud():
    for sound in exercises.four_voices().values():
        assert np.abs(sound).max() < 1 and abs(20 * np.log10(sound.std()) + 23) < 1
