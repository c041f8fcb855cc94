"""Lesson 04: each usual mistake gets its own hint, and every right form passes."""

import numpy as np
import pytest

from riffedu.lessons.l04_image import exercises
from riffedu.signal import paint
from tests.lessons.hints import said


def by_hand(share):
    for level in range(255, -1, -1):  # the highest level that is not above the value
        if level <= 255 - 255 * share**0.25:
            return level
    return 0


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda s: int(255 - 255 * s**0.25), None),
        (lambda s: np.uint8(255 * (1 - np.sqrt(np.sqrt(s)))), None),
        (by_hand, None),
        (lambda s: np.array([np.floor(255 - 255 * s**0.25)]), None),
        (lambda s: int(255 * s**0.25), "negative"),
        (lambda s: int(255 - 255 * s), "fourth root"),
        (lambda s: int(255 - 255 * s**0.5), "square root"),
        (lambda s: int(255 - 255 * s**4), "decoding"),
        (lambda s: 255 - 255 * s**0.25, "whole number"),
        (lambda s: round(255 - 255 * s**0.25), "nearest"),
        (lambda s: 255 - int(255 * s**0.25), "at the end"),
        (lambda s: 1 - s**0.25, "between 0 and 1"),
        (lambda s: int(256 - 256 * s**0.25), "256"),
        (lambda s: 7, "must be 0"),
        (lambda s: int(255 * (1 - s) ** 0.25), "0.0625"),
        (lambda s: np.nan, "NaN"),
        (lambda s: [[1], [1, 2]], "different lengths"),
        (lambda s: [1, 2], "one number"),
        (lambda s: "dark", "numbers"),
        (lambda s: 255 - 255 * [s] ** 0.25, "list"),
        (lambda: 1, "arguments"),
        (7, "without brackets"),
        (lambda s: None, "return"),
    ],
)
def test_pixel(answer, words):
    said(exercises.check_pixel(answer), words)


RIGHT = dict(row=455, max_value=6.02, half_dark=-24.1, wide=250, up=606.9)


@pytest.mark.parametrize(
    "change, words",
    [
        ({}, None),
        ({"row": 454, "up": 607}, None),
        ({"max_value": np.float32(6), "half_dark": -24, "wide": np.array([250.0])}, None),
        ({"row": 56}, "Row 0 is the top"),
        ({"row": 499}, "evenly spaced in Hz"),
        ({"row": 10}, "you predicted 10"),
        ({"max_value": 0}, "amplitude of black"),
        ({"max_value": 3}, "not a power"),
        ({"max_value": 2}, "factor"),
        ({"max_value": 1.5}, "fourth root"),
        ({"max_value": -6}, "sign"),
        ({"half_dark": -6}, "not half the amplitude"),
        ({"half_dark": -12}, "square"),
        ({"half_dark": 24}, "Lighter"),
        ({"wide": 125}, "record"),
        ({"wide": 500}, "octave higher"),
        ({"up": 493}, "ratio found at 440"),
        ({"up": 1420}, "adds rows in Hz"),
        ({"up": 250}, "pitch axis"),
        ({"up": ...}, "in place of each"),
        ({"up": "high"}, "numbers"),
        ({"down": 1}, "five numbers"),
        ({"up": np.nan}, "NaN"),
    ],
)
def test_predictions(change, words):
    said(exercises.check_predictions({**RIGHT, **change}), words)


def notes(first, second):
    mel = paint.blank(1.28)
    mel = paint.line(mel, first, start=0.05, end=0.6) if first else mel
    return paint.line(mel, second, start=0.7, end=1.25) if second else mel


@pytest.mark.parametrize(
    "answer, words",
    [
        (notes(330, 660), None),
        (notes(150, 300).tolist(), None),
        (notes(1000, 2000).astype(np.float64), None),
        (notes(660, 330), "falls"),
        (notes(440, 440), "one pitch"),
        (notes(400, 600), "fifth"),
        (notes(220, 880), "two octaves"),
        (notes(440, 868), "not a distance in the picture"),
        (notes(440, 554), "doubling"),
        (notes(440, None), "silent"),
        (paint.blank(1.0), "white"),
        (np.zeros((3, 3)), "512 bands"),
        (np.zeros(512), "512 bands"),
        (-notes(330, 660), "negative"),
        (notes(330, 660) * np.nan, "NaN"),
        ([[1], [1, 2]], "different lengths"),
        ("an octave", "numbers"),
    ],
)
def test_octave(answer, words):
    said(exercises.check_octave(answer), words)


def mu(s, m=1000):
    return np.round(255 * np.log1p(m * s) / np.log1p(m))


def mu_back(p, m=1000):
    return np.expm1(p / 255 * np.log1p(m)) / m


def level(s, rounded=np.round, span=96):
    return rounded(255 * np.maximum(0, 1 + 20 * np.log10(np.maximum(s, 1e-9)) / span))


def level_back(p, span=96):
    return np.where(p > 0, 10 ** ((p / 255 - 1) * span / 20), 0)


@pytest.mark.parametrize(
    "encode, decode, words",
    [
        (mu, mu_back, None),
        (lambda s: 255 - mu(s), lambda p: mu_back(255 - p), None),
        (lambda s: level(s).astype(np.uint8), level_back, None),
        (mu, ..., "Two functions"),
        (mu, lambda p: p / 255, "inverse"),
        (lambda s: np.log1p(1000 * s), mu_back, "whole numbers"),
        (lambda s: 256 + mu(s), mu_back, "0 to 255"),
        (lambda s: np.round(s), lambda p: p, "0 or 1"),
        (lambda s: np.round(255 * s), lambda p: p / 255, "too few levels"),
        (lambda s: np.floor(255 * s**0.25), lambda p: (p / 255) ** 4, "nearest"),
        (lambda s: level(s, np.floor), level_back, "smaller range"),
        (lambda s: level(s, span=60), lambda p: level_back(p, 60), "larger range"),
        (lambda s: np.round(255 * s**0.25), lambda p: (p / 255) ** 4, "logarithm"),
        (lambda s: np.round(255 * s**0.1), lambda p: (p / 255) ** 10, "dB on all bins"),
        (lambda s: np.round(40 * s**0.25), lambda p: (p / 40) ** 4, "of the 256 levels"),
        (lambda s: mu(s)[0], mu_back, "shape"),
        (lambda s: mu(s, 0), mu_back, "NaN"),
        (lambda s: mu(max(s, 0)), mu_back, "whole array"),
        (lambda s: None, mu_back, "return"),
    ],
)
def test_codec(encode, decode, words):
    with np.errstate(all="ignore"):
        said(exercises.check_codec(encode, decode), words)


SWAPPED = {**exercises.PICTURES, "A": exercises.PICTURES["B"], "B": exercises.PICTURES["A"]}


@pytest.mark.parametrize(
    "answer, words",
    [
        (exercises.PICTURES, None),
        ({k: f" {v.upper()} " for k, v in exercises.PICTURES.items()}, None),
        (dict(reversed(exercises.PICTURES.items())), None),
        (SWAPPED, "swells"),
        (dict(zip("ABCD", ["upside down", "in proportion", "reversed", "higher"])), "other way"),
        (
            dict(zip("ABCD", ["higher", "reversed", "upside down", "in proportion"])),
            "2 of the four",
        ),
        (
            dict(zip("ABCD", ["in proportion", "higher", "upside down", "reversed"])),
            "no longer fit",
        ),
        (dict(zip("ABCD", ["in proportion", "reversed", "higher", "upside down"])), "Listen to C"),
        ({**exercises.PICTURES, "A": "noise"}, "not one of"),
        ({**exercises.PICTURES, "A": ...}, "in place of each"),
        ({**exercises.PICTURES, "A": "reversed"}, "exactly one"),
        ({"A": "reversed"}, "each of the letters"),
        ("reversed", "each of the letters"),
        (["reversed"] * 4, "each of the letters"),
    ],
)
def test_ears(answer, words):
    said(exercises.check_ears(answer), words)


def test_the_four_sounds_are_safe_and_equally_loud():
    for sound in exercises.four_pictures().values():
        assert np.abs(sound).max() < 0.9 and len(sound) == 256 * 441
        assert abs(20 * np.log10(sound.std()) + 23) < 0.1
