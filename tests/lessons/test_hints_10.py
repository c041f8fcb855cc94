"""Lesson 10: each usual mistake gets its own hint, and every right form passes."""

import numpy as np
import pytest
import torch

from riffedu.diffusion import guidance
from riffedu.lessons import build
from riffedu.lessons.l10_text_and_guidance import exercises
from tests.lessons.hints import said


def softmax(x):
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def as_the_formula_stands(q, k):
    powers = np.exp(k @ q / np.sqrt(len(q)))
    return powers / powers.sum()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda q, k: softmax(k @ q / np.sqrt(len(q))), None),
        (as_the_formula_stands, None),
        (lambda q, k: list(softmax((k * q).sum(1) / len(q) ** 0.5)), None),
        (lambda q, k: torch.softmax(torch.tensor(k @ q / len(q) ** 0.5), 0), None),
        (lambda q, k: k @ q / np.sqrt(len(q)), "Those are the scores"),
        (lambda q, k: np.exp(k @ q / np.sqrt(len(q))), "sum to 1 yet"),
        (lambda q, k: softmax(k @ q), "√d first"),
        (lambda q, k: softmax(k @ q / len(q)), "not by d"),
        (lambda q, k: softmax(k @ q / np.sqrt(len(k))), "not the number of tokens"),
        (lambda q, k: (k @ q) / (k @ q).sum(), "below 0"),
        (lambda q, k: softmax(-(k @ q) / np.sqrt(len(q))), "sign"),
        (lambda q, k: softmax(k @ q / 4), "take d from"),
        (lambda q, k: np.ones(5) / 5, "keys @ query"),
        (lambda q, k: np.zeros(5), "All shares are 0"),
        (lambda q, k: q, "5 tokens"),
        (lambda q, k: k @ q * np.nan, "NaN"),
        (lambda q, k: [[1], [1, 2]], "different lengths"),
        (lambda q, k: q @ k, "ValueError"),
        (lambda q, k: 1 if k @ q > 0 else 0, "needs one number"),
        (lambda q, k: None, "write its body"),
        (np.ones(5), "without brackets"),
    ],
)
def test_attention(answer, words):
    with np.errstate(all="ignore"):
        said(exercises.check_attention(answer), words)


def test_the_overflow_is_told_and_accepted():
    with np.errstate(all="ignore"):
        verdict = exercises.check_attention(as_the_formula_stands)
    assert verdict and "largest score first" in verdict.message


def made(mix, guide=lambda t, scale, below: t <= 1000 * below, lazy=True):
    """A `my_guidance` with its formula, its condition or its thrift changed."""

    def my_guidance(ask, words, against, scale, below):
        def predict(x, t):
            s = scale if guide(t, scale, below) else 1
            c = ask(x, t, words)
            return c if lazy and s == 1 else mix(c, ask(x, t, against), s)

        return predict

    return my_guidance


def straight(c, u, s):
    return u + s * (c - u)


def early(ask, words, against, scale, below):
    c = ask(np.zeros(4), 0, words)
    return lambda x, t: c


def thrifty_to_a_fault(ask, words, against, scale, below):
    def predict(x, t):
        c = ask(x, t, words)
        return c if t > 1000 * below else straight(c, ask(x, t, against), scale)

    return predict


def with_the_library(ask, words, against, scale, below):
    def predict(x, t):
        s = guidance.scale_at(t, scale, 1000 * below)
        if s == 1:
            return ask(x, t, words)
        return guidance.classifier_free_guidance(ask(x, t, words), ask(x, t, against), s)

    return predict


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (made(straight), None),
        (made(lambda c, u, s: s * c + (1 - s) * u), None),
        (with_the_library, None),
        (made(lambda c, u, s: c + s * (u - c)), "exchanged"),
        (made(lambda c, u, s: s * (c - u)), "only the step"),
        (made(lambda c, u, s: c + s * (c - u)), "one difference too far"),
        (made(lambda c, u, s: u), "leaves the words out"),
        (made(lambda c, u, s: s * c), "only scales"),
        (made(lambda c, u, s: u + s * (c + u)), "minus belongs"),
        (made(lambda c, u, s: (c + u) / 2), "the mean of both"),
        (made(lambda c, u, s: u + 3 * (c - u)), "u + s · (c − u)"),
        (made(straight, lambda t, s, b: True), "guide only at t ≤"),
        (made(straight, lambda t, s, b: t > 1000 * b), "should act, and doesn't"),
        (made(straight, lambda t, s, b: t <= b), "should act, and doesn't"),
        (made(straight, lambda t, s, b: t < 1000 * b), "At t = 500"),
        (made(straight, lazy=False), "too many at t = 700"),
        (thrifty_to_a_fault, "At scale 1"),
        (early, "inside predict"),
        (lambda ask, words, against, scale, below: np.zeros(4), "Return a function"),
        (lambda ask, w, a, s, b: lambda x, t: ask(t, x, w), "x first"),
        (lambda ask, w, a, s, b: lambda x, t: ask(x, t, w - a), "words or against"),
        (lambda ask, w, a, s, b: lambda x, t: None, "write its body"),
        (lambda ask, w, a, s, b: lambda x, t: ask(x, t, w)[:2], "shape (4,)"),
        (lambda ask, w, a, s, b: lambda x, t: ask(x, t, w) * np.nan, "NaN"),
        (lambda ask, w: 1, "other arguments"),
        (3, "without brackets"),
    ],
)
def test_guidance(answer, words):
    said(exercises.check_guidance(answer), words)
    assert exercises.guidance_works(answer) == (words is None)


RIGHT = dict(calls=10, alone=8, half=1.5, beyond=4, piano=1.21, drums=1.5 / 1.1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"drums": 1.36, "piano": 1.1 * 1.1}, None),
        ({"calls": np.int64(10), "half": np.array([1.5])}, None),
        ({"calls": 16}, "guidance at every time"),
        ({"calls": 14}, "above 300"),
        ({"calls": 8}, "needs two"),
        ({"calls": 4}, "guided steps only"),
        ({"calls": 2}, "number of guided steps"),
        ({"calls": 11}, "374 is not"),
        ({"calls": 99}, "List the eight times"),
        ({"alone": 16}, "multiplied by 0"),
        ({"half": 0.5}, "only the step"),
        ({"half": 1}, "s = 0 does so"),
        ({"beyond": 3}, "added to 1"),
        ({"beyond": 5}, "starts without"),
        ({"beyond": 6}, "by s"),
        ({"beyond": -1}, "exchanged"),
        ({"piano": 1.2}, "1.1 times 1.1"),
        ({"piano": 1.1}, "two pairs"),
        ({"drums": 1.5}, "count on top"),
        ({"drums": 1.65}, "don't multiply"),
        ({"drums": 1.35}, "not times 0.9"),
        ({"drums": 3}, "Count the brackets"),
        ({"drums": ...}, "“drums” is missing"),
        ({"half": "between"}, "numbers"),
        ({"half": np.nan}, "NaN"),
    ],
)
def test_predictions(change, words):
    said(exercises.check_predictions(RIGHT | change), words)


def test_predictions_of_another_kind():
    said(exercises.check_predictions([10, 8]), "Give a dict")
    [source] = [path for path in build.sources() if build.name_of(path).startswith("10_")]
    assert exercises.PROMPT in source.read_text("utf-8"), "the lesson shows the prompt"


WORDS = list(exercises.CLIPS.values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({letter: word.upper() for letter, word in exercises.CLIPS.items()}, None),
        ({letter: f" {word} " for letter, word in exercises.CLIPS.items()}, None),
        ({"A": WORDS[1], "B": WORDS[0]}, "Listen to A"),
        ({"B": WORDS[2], "C": WORDS[1]}, "Listen to B"),
        ({"C": WORDS[3], "D": WORDS[2]}, "(2 of the four"),
        (dict(zip("ABCD", [*WORDS[1:], WORDS[0]])), "(4 of the four"),
        ({"A": "piano"}, "not one of"),
        ({"A": WORDS[1]}, "exactly one"),
        ({"A": ...}, "put a word"),
        ({"A": None}, "put a word"),
        ({"E": "rock drums"}, "letters A, B, C, D"),
        ({"D": 4}, "not one of"),
    ],
)
def test_ears(change, words):
    said(exercises.check_ears(exercises.CLIPS | change), words)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda g, c, s: g * (s * c.std() / g.std() + 1 - s), None),
        (lambda g, c, s: (1 - s) * g + s * g / g.std() * c.std(), None),
        (lambda g, c, s: torch.tensor(g * (s * np.std(c) / np.std(g) + 1 - s)), None),
        (lambda g, c, s: g * (s * g.std() / c.std() + 1 - s), "upside down"),
        (lambda g, c, s: g * c.std() / g.std(), "how much of the way"),
        (lambda g, c, s: g * ((1 - s) * c.std() / g.std() + s), "wrong way round"),
        (lambda g, c, s: g * s * c.std() / g.std(), "silence"),
        (lambda g, c, s: s * c + (1 - s) * g, "mixes in"),
        (lambda g, c, s: g, "Nothing has changed"),
        (lambda g, c, s: g * (s / g.std() + 1 - s), "makes it 1"),
        (lambda g, c, s: g * (0.7 * c.std() / g.std() + 0.3), "At share 0.0"),
        (lambda g, c, s: g[0], "should have the shape"),
        (lambda g, c, s: g * np.nan, "NaN"),
        (lambda g, c, s: None, "write its body"),
        (lambda g, c: g, "other arguments"),
    ],
)
def test_rescale(answer, words):
    said(exercises.check_rescale(answer), words)


def test_the_librarys_rescaling_is_the_same():
    g, c = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    want = g * (0.7 * c.std() / (3 * g).std() + 0.3) * 3
    assert torch.allclose(guidance.rescale(3 * g, c, 0.7), want, atol=1e-4)
