"""Lessons 00 and 01: usual mistakes get a hint of their own, and none passes as right."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hints import said

from riffedu.lessons.l00_hear_it_first import exercises as hear
from riffedu.lessons.l01_sound import exercises as sound
from riffedu.signal.synth import sine

# 00


@pytest.mark.parametrize(
    "answer, words",
    [
        (["clicks", "glide", "tone", "noise"], "with a dictionary"),
        ("clicks", "with a dictionary"),
        ({"A": "clicks"}, "each of the letters"),
        ({**hear.ANSWERS, "A": ...}, "in place of each"),
        ({**hear.ANSWERS, "A": "hiss"}, "is not one of"),
        ({**hear.ANSWERS, "A": "noise"}, "fits one picture"),
        ({**hear.ANSWERS, "A": "glide", "B": "clicks"}, "Look at A again"),
        ({**hear.ANSWERS, "C": "noise", "D": "tone"}, "grey everywhere"),
        ({**hear.ANSWERS, "B": "tone", "C": "glide"}, "one row of the picture"),
        ({**hear.ANSWERS, "A": "tone", "C": "clicks"}, "one row of the picture"),
        ({**hear.ANSWERS, "B": "clicks", "A": "glide"}, "its line climbs"),
        ({**hear.ANSWERS, "C": "clicks", "A": "tone"}, "Look at A"),
        ({**hear.ANSWERS, "D": "clicks", "A": "noise"}, "Look at A again. Noise"),
        ({**hear.ANSWERS, "E": "tone"}, "each of the letters"),
        ({**hear.ANSWERS, "A": 3}, "“3” is not one of"),
        ({letter: word.upper() for letter, word in hear.ANSWERS.items()}, None),
        (dict(reversed(hear.ANSWERS.items())), None),
        ({letter: f" {word} " for letter, word in hear.ANSWERS.items()}, None),
    ],
)
def test_reading(answer, words):
    said(hear.check_reading(answer), words)


def made(seed, prompt="piano", steps=25):
    numbers = np.random.default_rng([seed, steps]).random(8)
    parameters = {"prompt": prompt, "seed": seed, "num_inference_steps": steps}
    return SimpleNamespace(parameters=parameters, waveform=numbers)


@pytest.mark.parametrize(
    "results, words",
    [
        ((made(1), made(1), made(2)), None),
        ((made(5), made(5), made(0)), None),
        ((made(1, steps=8), made(1, steps=8), made(2, steps=8)), None),
        ((made(1), made(1), ...), "Three results"),
        ((made(1), None, made(2)), "Three results"),
        ((made(1), made(1), made(2, "organ")), "The words changed"),
        (("a", "b", "c"), "the three results"),
        ((made(1),), "Three results"),
        ((made(1), made(1, "organ"), made(2)), "The words changed"),
        ((made(1), made(3), made(2)), "their seeds do"),
        ((made(1), made(1, steps=8), made(2)), "other settings differ"),
        ((made(1), made(1), made(1)), "once more"),
        ((made(1), made(1), made(1, steps=8)), "change the seed alone"),
    ],
)
def test_repeat(results, words):
    said(hear.check_repeat(*results), words)


def exchanged(one, other):
    """The right pictures, with two of the letters interchanged."""
    right = hear.melody_order()
    return {**right, one: right[other], other: right[one]}


PICTURES = hear.melody_order()


@pytest.mark.parametrize(
    "answer, words",
    [
        (PICTURES, None),
        ({letter: f"picture {number}" for letter, number in PICTURES.items()}, None),
        ({letter: np.float64(number) for letter, number in PICTURES.items()}, None),
        ([3, 4, 2, 1], "with a dictionary"),
        ({"A": 1}, "each of the letters"),
        ({**PICTURES, "E": 1}, "each of the letters"),
        ({**PICTURES, "A": ...}, "in place of each"),
        ({**PICTURES, "A": None}, "in place of each"),
        ({**PICTURES, "A": 5}, "A: “5” is not one of"),
        ({**PICTURES, "B": "up"}, "B: “up” is not one of"),
        ({**PICTURES, "B": 1.5}, "B: “1.5” is not one of"),
        (dict.fromkeys("ABCD", 1), "only one"),
        (exchanged("A", "B"), "2 of 4. Listen to A again"),
        (exchanged("C", "D"), "2 of 4. Listen to C again"),
        (exchanged("B", "D"), "2 of 4. Listen to B again"),
    ],
)
def test_melodies(answer, words):
    said(hear.check_melodies(answer), words)


# 01


def gain(of):
    return lambda x: x * of(x)


@pytest.mark.parametrize(
    "level, words",
    [
        (gain(lambda x: 0.1 / np.sqrt(np.mean(x**2))), None),
        (gain(lambda x: 0.1 * len(x) ** 0.5 / np.linalg.norm(x)), None),
        (lambda x: list(0.1 * x / np.sqrt(np.mean(x**2))), None),
        (gain(lambda x: 0.1 / np.std(x)), "standard deviation"),
        (gain(lambda x: 0), "all zeros"),
        (gain(lambda x: np.nan), "NaN"),
        (gain(lambda x: 0.1 / np.abs(x).max()), "set the peak"),
        (gain(lambda x: 0.1 / np.mean(np.abs(x))), "mean of |x|"),
        (gain(lambda x: 0.1 / np.mean(x**2)), "The root is missing"),
        (gain(lambda x: 0.01 / np.sqrt(np.mean(x**2))), "for powers"),
        (gain(lambda x: 10 / np.sqrt(np.mean(x**2))), "mind the sign"),
        (gain(lambda x: 0.1), "Measure its level first"),
        (lambda x: x[:10], "same shape"),
        (lambda x: np.clip(x, -0.1, 0.1), "one number"),
        (lambda x: None, "returns nothing"),
    ],
)
def test_rms(level, words):
    said(sound.check_rms(level), words)


@pytest.mark.parametrize(
    "tone, words",
    [
        (lambda f, s, r: 0.1 * np.sin(2 * np.pi * f * np.arange(round(s * r)) / r), None),
        (lambda f, s, r: np.zeros(round(s * r)), "All samples are 0"),
        (lambda f, s, r: np.full(round(s * r), np.nan), "NaN"),
        (lambda f, s, r: 0.1 * np.sin(f * np.arange(round(s * r)) / r), "2π is missing"),
        (lambda f, s, r: 0.1 * np.cos(2 * np.pi * f * np.arange(round(s * r)) / r), "a cosine"),
        (lambda f, s, r: np.sin(2 * np.pi * f * np.arange(round(s * r)) / r), "by 0.1"),
        (lambda f, s, r: 0.1 * np.sin(2 * np.pi * f * np.linspace(0, s, 400)), "endpoint"),
        (lambda f, s, r: 0.1 * np.sin(360 * f * np.arange(round(s * r)) / r), "radians"),
        (lambda f, s, r: 0.1 * np.sin(2 * np.pi * f * np.arange(round(s * r))), "time is missing"),
        (lambda f, s, r: 0.1 * np.sin(2 * np.pi * f * np.arange(401) / r), "One sample too many"),
        (lambda f, s, r: 0.1 * np.sin(2 * np.pi * f * np.arange(400) / 8000), "44100"),
        (lambda f, s, r: ["a"] * 400, "should be numbers"),
        (lambda f, s, r: [[1, 2], [3]], "different lengths"),
        (lambda f, s, r: 0.1, "one row of samples"),
        ("tone", "function itself"),
        (lambda f, s, r: sine(f, s, r, amplitude=0.1), None),
        (
            lambda f, s, r: [0.1 * math.sin(2 * math.pi * f * n / r) for n in range(round(s * r))],
            None,
        ),
    ],
)
def test_sine(tone, words):
    said(sound.check_sine(tone), words)


FIVE = {"seven": 1000, "twelve": 3500, "half": -6, "added": 6, "mixed": 3}


@pytest.mark.parametrize(
    "answer, words",
    [
        (FIVE, None),
        (sound.experiment(), None),
        ({**FIVE, "half": np.float32(-6.02), "mixed": [3.01]}, None),
        ([1000, 3500, -6, 6, 3], "dict with five numbers"),
        ({"seven": 1000}, "dict with five numbers"),
        ({**FIVE, "half": ...}, "in place of each"),
        ({**FIVE, "half": "-6 dB"}, "should be numbers"),
        ({**FIVE, "seven": np.nan}, "NaN"),
        ({**FIVE, "seven": [1000, 2000]}, "should be one number"),
        ({**FIVE, "seven": 7000}, "another tone comes out"),
        ({**FIVE, "seven": -1000}, "seven: a frequency below zero"),
        ({**FIVE, "seven": 3000}, "The mirror is half"),
        ({**FIVE, "seven": 5}, "nearest"),
        ({**FIVE, "twelve": 4500}, "fold again"),
        ({**FIVE, "twelve": -3500}, "twelve: a frequency below zero"),
        ({**FIVE, "twelve": 500}, "no multiple"),
        ({**FIVE, "twelve": 12500}, "twelve: 12,500 Hz lies above"),
        ({**FIVE, "half": 6}, "softer is a negative number"),
        ({**FIVE, "half": -3}, "half the power"),
        ({**FIVE, "half": 0.5}, "the factor"),
        ({**FIVE, "half": -20}, "half: you predicted -20, measured is -6.02"),
        ({**FIVE, "added": 3}, "in step"),
        ({**FIVE, "added": 2}, "the factor"),
        ({**FIVE, "mixed": 6}, "add in power"),
        ({**FIVE, "mixed": 0}, "do not cancel"),
        ({**FIVE, "mixed": 1.5}, "the factor 10"),
    ],
)
def test_levels_and_aliases(answer, words):
    said(sound.check_predictions(answer), words)


SPOILT = sound.order()


def other_way(one, other):
    """The right answer with two ways interchanged."""
    swap = {one: other, other: one}
    return {letter: swap.get(way, way) for letter, way in SPOILT.items()}


@pytest.mark.parametrize(
    "answer, words",
    [
        (SPOILT, None),
        ({letter: way.upper() for letter, way in SPOILT.items()}, None),
        ({letter: f" {way}" for letter, way in reversed(SPOILT.items())}, None),
        (list(SPOILT.values()), "Give a dict"),
        ({"A": "alias"}, "Give a dict"),
        ({**SPOILT, "A": ...}, "in place of each"),
        ({**SPOILT, "A": None}, "in place of each"),
        ({**SPOILT, "A": "noise"}, "“noise” is not one of"),
        ({**SPOILT, "A": 4}, "“4” is not one of"),
        (dict.fromkeys("ABCD", "alias"), "exactly one"),
        (other_way("4 bits", "dither"), "2 of 4"),
        (other_way("alias", "low-pass"), "a dull knock is heard in its place"),
        (other_way("low-pass", "dither"), "also there in the pauses"),
        (other_way("low-pass", "4 bits"), "adds a buzz to the notes"),
        (other_way("alias", "dither"), "a dull knock"),
    ],
)
def test_four_ways(answer, words):
    said(sound.check_ears(answer), words)
