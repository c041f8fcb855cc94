"""Lesson 06: each usual mistake gets its own hint, and every right form passes."""

import numpy as np
import pytest

from riffedu.lessons.l06_beyond_griffin_lim import exercises
from tests.lessons.hints import said


def good_rows(spectrum, n_fft, win_length):
    return spectrum[:: n_fft // win_length]


@pytest.mark.parametrize(
    "answer, words",
    [
        (good_rows, None),
        (lambda s, n, w: s[np.arange(0, len(s), n / w).astype(int)], None),
        (lambda s, n, w: [row for i, row in enumerate(s) if i % (n // w) == 0], None),
        (lambda s, n, w: s[: len(s[:: n // w])], "fine spacing"),
        (lambda s, n, w: s[:, :: n // w], "columns"),
        (lambda s, n, w: s[n // w - 1 :: n // w], "row 0"),
        (lambda s, n, w: s[::2], "Every second"),
        (lambda s, n, w: s[::4], "use the arguments"),
        (lambda s, n, w: s, "which n"),
        (lambda s, n, w: s[:: n / w], "TypeError"),
        (lambda s, n, w: s[0], "which n"),
        (lambda s, n, w: good_rows(s, n, w) * np.nan, "NaN"),
        (lambda s, n, w: [[1], [1, 2]], "different lengths"),
        (lambda s: s[::4], "arguments"),
        (lambda s, n, w: None, "return"),
        (np.zeros((3, 3)), "without brackets"),
    ],
)
def test_small_rows(answer, words):
    said(exercises.check_small_rows(answer), words)


RIGHT = dict(rate=10000, hop=100, window=1000, numbers=2, turn=7.2, hills=1)


@pytest.mark.parametrize(
    "change, words",
    [
        ({}, None),
        ({"turn": 7.19, "rate": 1e4}, None),
        ({"hop": np.float32(100), "window": np.array([1000])}, None),
        ({"rate": 5000}, "half of it"),
        ({"rate": 20000}, "up to 10 kHz"),
        ({"rate": 44100}, "lower rate"),
        ({"hop": 441}, "at the new rate"),
        ({"hop": 10}, "in ms"),
        ({"window": 4410}, "44.1 kHz"),
        ({"window": 2000}, "padding"),
        ({"numbers": 4}, "half as many"),
        ({"numbers": 0.5}, "how many are left"),
        ({"turn": 3607.2}, "whole cycles out"),
        ({"turn": 0.02}, "in cycles"),
        ({"turn": 0}, "a little more"),
        ({"turn": 0.126}, "radians"),
        ({"turn": 90}, "you predicted 90"),
        ({"hills": 2}, "longer window"),
        ({"hills": ...}, "in place of each"),
        ({"hills": "one"}, "numbers"),
        ({"hill": 1}, "six numbers"),
    ],
)
def test_predictions(change, words):
    said(exercises.check_predictions({**RIGHT, **change}), words)


def tuner(column, row_hz, curve=np.log, sign=1.0, times=1.0):
    top = int(np.argmax(column))
    left, middle, right = curve(column[top - 1 : top + 2])
    return (top + sign * times * (left - right) / (2 * (left - 2 * middle + right))) * row_hz


def fitted(column, row_hz):
    top = int(np.argmax(column))
    a, b, _ = np.polyfit([-1, 0, 1], np.log(np.asarray(column)[top - 1 : top + 2]), 2)
    return (top - b / (2 * a)) * row_hz


def gravity(column, row_hz):
    top = int(np.argmax(column))
    three = column[top - 1 : top + 2]
    return (np.arange(top - 1, top + 2) * three).sum() / three.sum() * row_hz


def by_slope(column, row_hz):
    top = int(np.argmax(column))
    log = np.log(column)
    a = log[top] - (log[top - 1] + log[top + 1]) / 2
    return np.array([(top + (log[top + 1] - log[top - 1]) / (4 * a)) * row_hz])


@pytest.mark.parametrize(
    "answer, words",
    [
        (tuner, None),
        (fitted, None),
        (by_slope, None),
        (lambda c, r: np.argmax(c) * r, "nearest row"),
        (lambda c, r: tuner(c, r, np.array), "log magnitudes"),
        (lambda c, r: tuner(c, r, sign=-1), "wrong sign"),
        (lambda c, r: tuner(c, r, times=0.5), "half"),
        (lambda c, r: tuner(c, r, times=2), "twice"),
        (gravity, "gravity"),
        (lambda c, r: tuner(c, 1), "Multiply by row_hz"),
        (lambda c, r: 440.0, "you say 440.00"),
        (lambda c, r: np.nan, "NaN"),
        (lambda c, r: c, "one number"),
        (lambda c, r: "A", "numbers"),
        (lambda c, r: c.index(max(c)), "AttributeError"),
        (lambda c: 1, "arguments"),
        (lambda c, r: None, "return"),
    ],
)
def test_tuner(answer, words):
    said(exercises.check_tuner(answer), words)


def admm(own=2, share=lambda rho: 1 - rho, sign=-1, with_memory=True, divided=True, clean=True):
    def step(spectrum, memory, rebuilt, magnitude, rho):
        both = spectrum + memory
        ahead = own * rebuilt + sign * share(rho) * (both if with_memory else spectrum)
        found = magnitude * np.exp(1j * np.angle(ahead)) if clean else ahead
        return found, (both - rebuilt) / (1 + rho if divided else 1)

    return step


good_step = admm()


@pytest.mark.parametrize(
    "answer, words",
    [
        (good_step, None),
        (lambda *a: list(good_step(*a)), None),
        (lambda *a: tuple(part.tolist() for part in good_step(*a)), None),
        (admm(own=1, share=lambda rho: 0), "Griffin-Lim"),
        (admm(with_memory=False), "v = spectrum + memory"),
        (admm(own=1), "as far again"),
        (admm(share=lambda rho: rho), "not ρ v"),
        (admm(sign=1), "not plus"),
        (admm(clean=False), "divide by the absolute"),
        (admm(own=5), "is off"),
        (admm(divided=False), "1 + ρ"),
        (lambda *a: (good_step(*a)[0], a[1]), "next memory is"),
        (lambda *a: good_step(*a)[0], "Return two"),
        (lambda *a: (good_step(*a)[0][1:], a[1]), "shape"),
        (lambda *a: (good_step(*a)[0] * np.nan, a[1]), "NaN"),
        (lambda *a: None, "return"),
        (lambda a: a, "arguments"),
    ],
)
def test_memory(answer, words):
    said(exercises.check_memory(answer), words)


TONE, DRUM = exercises._TONE, exercises._DRUM


def others(letter):
    return [other for other in "ABCD" if other != letter]


@pytest.mark.parametrize(
    "answer, words",
    [
        ({"tone": TONE, "drum": DRUM}, None),
        ({"tone": TONE.lower(), "drum": f" {DRUM} "}, None),
        ({"drum": np.str_(DRUM), "tone": TONE}, None),
        *(({"tone": other, "drum": DRUM}, f"Tone {other} flutters") for other in others(TONE)),
        *(({"tone": TONE, "drum": other}, f"drum {other} begin") for other in others(DRUM)),
        ({"tone": "E", "drum": DRUM}, "not “E”"),
        ({"tone": ..., "drum": DRUM}, "in place of each"),
        ({"tone": TONE}, "two letters"),
        ("AB", "two letters"),
        ({"tone": 1, "drum": 2}, "not “1”"),
    ],
)
def test_ears(answer, words):
    said(exercises.check_ears(answer), words)


def test_the_sounds_to_tell_apart_are_safe_and_differ_as_the_answers_say():
    def flutter(x):
        loud = np.abs(x[8820:-8820].reshape(-1, 441)).max(axis=1)
        return loud.std() / loud.mean()

    tones = exercises.four_tones()
    assert flutter(tones[TONE]) < 0.01 < 0.05 < min(flutter(tones[o]) for o in others(TONE))
    for sound in (*tones.values(), *exercises.four_drums().values()):
        assert np.abs(sound).max() < 0.9
