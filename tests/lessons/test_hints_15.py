"""Lesson 15: right answers in several forms pass, and each usual mistake gets its own hint."""

import math

import numpy as np
import pytest
from hints import said
from scipy import stats

from riffedu.lessons.l15_measure_and_compare import exercises as ex
from riffedu.lessons.l15_measure_and_compare.sounds import order
from riffedu.miniatures import tokens
from riffedu.signal.audio import clip


def p(k, n):
    return sum(math.comb(n, i) for i in range(k, n + 1)) / 2**n


@pytest.mark.parametrize(
    "answer",
    [
        p,
        lambda k, n: stats.binomtest(k, n, alternative="greater").pvalue,
        lambda k, n: float(stats.binom.sf(k - 1, n, 0.5)),
        lambda k, n: np.array([p(k, n)]),
    ],
)
def test_p_value_is_right(answer):
    said(ex.check_p_value(answer), None)


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda k, n: math.comb(n, k) / 2**n, "exactly this many"),
        (lambda k, n: p(k + 1, n), "start one too high"),
        (lambda k, n: p(k, n) - 1 / 2**n, "stop one too early"),
        (lambda k, n: sum(math.comb(n, i) for i in range(k + 1)) / 2**n, "lower tail"),
        (lambda k, n: min(1, 2 * p(k, n)), "both tails"),
        (lambda k, n: 1 - p(k, n), "one minus"),
        (lambda k, n: k / n, "share of right answers"),
        (lambda k, n: float(stats.norm.sf((k - n / 2) / (math.sqrt(n) / 2))), "normal approx"),
        (lambda k, n: p(k, n) * 2**n, "divide the count"),
        (lambda k, n: -1.0, "between 0 and 1"),
        (lambda k, n: 0.3, "(10 + 1) / 1024"),
        (lambda k, n: math.nan, "NaN"),
        (lambda k, n: [0.1, 0.2], "one number"),
        (lambda k, n: "small", "numbers"),
        (lambda k, n: None, "body"),
        (lambda k: 0.5, "other arguments"),
        (0.05, "function itself"),
    ],
)
def test_p_value_is_wrong(answer, words):
    said(ex.check_p_value(answer), words)


@pytest.mark.parametrize(
    "answer", [(12, 0.64, 1200), (12.0, 1 - 0.95**20, 8 * 6 * 25), (np.int64(12), "0.64", [1200])]
)
def test_predictions_are_right(answer):
    if isinstance(answer[1], str):
        answer = (answer[0], float(answer[1]), answer[2])
    said(ex.check_predictions(*answer), None)


@pytest.mark.parametrize(
    "answer, words",
    [
        ((11, 0.64, 1200), "11 of 16"),
        ((8, 0.64, 1200), "Half of 16"),
        ((14, 0.64, 1200), "fewer are"),
        ((17, 0.64, 1200), "from 0 to 16"),
        ((12, 0.05, 1200), "chance in one test"),
        ((12, 1.0, 1200), "is not a probability"),
        ((12, 0.36, 1200), "none hits"),
        ((12, 64, 1200), "between 0 and 1"),
        ((12, 0.5, 1200), "twenty times"),
        ((12, 0.64, 12800), "not 64"),
        ((12, 0.64, 150), "one codebook"),
        ((12, 0.64, 48), "one frame"),
        ((12, 0.64, 4800), "four columns"),
        ((12, 0.64, 200), "counts tokens"),
        ((12, 0.64, 1600), "not 256"),
        ((12, 0.64, 7), "bits per token"),
        ((12, ..., 1200), "every ..."),
        ((12, "many", 1200), "should be numbers"),
    ],
)
def test_predictions_are_wrong(answer, words):
    said(ex.check_predictions(*answer), words)


def bookwise(variant):
    return lambda x, books: ex._bookwise(x, books, variant)


@pytest.mark.parametrize(
    "answer",
    [tokens.encode, bookwise(""), lambda x, books: tokens.encode(x, books).astype(float).tolist()],
)
def test_codes_are_right(answer):
    said(ex.check_codes(answer), None)


@pytest.mark.parametrize(
    "answer, words",
    [
        (bookwise("whole"), "codes x itself"),
        (bookwise("added"), "should be subtracted"),
        (bookwise("from x"), "from x anew"),
        (bookwise("entry"), "not what it has left over"),
        (bookwise("reversed"), "backwards"),
        (bookwise("farthest"), "argmin"),
        (lambda x, books: tokens.encode(x, books).T, "one row per vector"),
        (lambda x, books: tokens.decode(tokens.encode(x, books), books), "numbers of the entries"),
        (lambda x, books: tokens.encode(x, books)[:, 0], "(40, 3)"),
        (lambda x, books: tokens.encode(x, books) + 1, "counted from 0"),
        (lambda x, books: np.zeros((40, 3)), "The first column"),
        (
            lambda x, books: np.stack([tokens.nearest_entry(x, books[0])] * 3, 1),
            "first column is right",
        ),
        (lambda x, books: [[1, 2], [3]], "different lengths"),
        (lambda x, books: None, "body"),
        (lambda x, books: x @ books, "stopped with"),
    ],
)
def test_codes_are_wrong(answer, words):
    said(ex.check_codes(answer), words)


TRUE = {letter: str(books) for letter, books in order().items()}
BY_BOOKS = {books: letter for letter, books in TRUE.items()}


def swapped(a, b):
    return {**TRUE, BY_BOOKS[a]: b, BY_BOOKS[b]: a}


@pytest.mark.parametrize("form", [int, str, lambda n: f" {n} "])
def test_by_ear_is_right(form):
    said(ex.check_by_ear({letter: form(n) for letter, n in TRUE.items()}), None)


@pytest.mark.parametrize(
    "answer, words",
    [
        (swapped("2", "4"), "2 and 4 are the other way round"),
        ({c: {"1": "8", "2": "4", "4": "2", "8": "1"}[n] for c, n in TRUE.items()}, "All four"),
        (swapped("1", "2"), "Begin with the coarsest"),
        (swapped("4", "8"), "Listen again to"),
        ({**TRUE, "A": ...}, "put a word"),
        ({**TRUE, "A": "16"}, "not one of"),
        (dict.fromkeys("ABCD", "1"), "exactly one"),
        ({"A": 1}, "letters A, B, C, D"),
        ("ABCD", "dict"),
        (None, "replace the ..."),
    ],
)
def test_by_ear_is_wrong(answer, words):
    said(ex.check_by_ear(answer), words)


BABBLE = clip("speech_like")


def clicks(x, rate):
    y = np.array(x)
    for start in range(0, len(y), rate // 2):
        y[start : start + 40] = 0.9
    return y


def hum(x, rate):
    t = np.arange(len(x)) / rate
    return x * 0.7 + sum(np.sin(2 * np.pi * f * t) for f in (333, 710, 1234)) / 20


@pytest.mark.parametrize(
    "change, measure", [(clicks, "attack"), (clicks, " Attack "), (hum, "notes")]
)
def test_a_fooled_figure_is_right(change, measure):
    said(ex.check_fooled(change, measure, BABBLE), None)


@pytest.mark.parametrize(
    "change, measure, words",
    [
        (clicks, "loudness", "Name the figure"),
        (clicks, 3, "Name the figure"),
        (lambda x, r: x[:1000], "attack", "Keep the length"),
        (lambda x, r: 50 * x, "attack", "would clip"),
        (lambda x, r: 0 * x, "attack", "silent"),
        (lambda x, r: x, "attack", "Nothing was changed"),
        (lambda x, r: 0.1 * np.sin(np.arange(len(x)) / 9), "notes", "another sound"),
        (lambda x, r: x + 1e-4, "attack", "inaudible"),
        (hum, "harmonics", "went down"),
        (lambda x, r: x * np.nan, "attack", "NaN"),
        (lambda x, r: x * 1j, "attack", "complex"),
        (lambda x, r: None, "attack", "body"),
        (lambda x, r: x + "click", "attack", "stopped with"),
    ],
)
def test_a_fooled_figure_is_wrong(change, measure, words):
    said(ex.check_fooled(change, measure, BABBLE), words)


def test_too_small_a_gain_is_named():
    def soft(x, rate):
        y = np.array(x)
        y[:: rate // 2] = 0.3
        return y + 0.004 * np.random.default_rng(0).standard_normal(len(y))

    verdict = ex.check_fooled(soft, "attack", BABBLE)
    assert not verdict and ("must gain 0.1" in verdict.message or "went down" in verdict.message)


CARD = """# Card
## Intended use
Sound effects for a school play.
## Data
Twelve recordings of one door.
## Licence
Weights and recordings are CC0.
## Consent
The caretaker has agreed in writing.
## Measured
The door is heard in 17 of 20 clips, 62 % to 97 %.
## Limits
It knows only one single door.
"""


@pytest.mark.parametrize(
    "card",
    [
        CARD,
        CARD.replace("62 % to 97 %", "85 ± 16 %").replace("## ", "### "),
        CARD.replace("## Licence", "## LICENCE AND TERMS"),
    ],
)
def test_a_card_is_right(card):
    said(ex.check_card(card), None)


@pytest.mark.parametrize(
    "card, words",
    [
        ("a good model", "Begin each section"),
        (CARD.replace("## Consent", "## Thanks"), "No heading names: consent"),
        (CARD.replace("It knows only one single door.", "None."), "next to nothing"),
        (CARD.replace("Twelve recordings", "... recordings"), "still a ..."),
        (CARD.replace("Twelve recordings", "TODO: recordings"), "TODO"),
        (CARD.replace("17 of 20 clips, 62 % to 97 %", "most clips, as far as I tell"), "a figure"),
        (CARD.replace("17 of 20 clips, 62 % to 97 %", "85 % of all, 62 to 97"), "of how many"),
        (CARD.replace(", 62 % to 97 %", ""), "uncertainty"),
        (CARD.replace("one single door", "the best door"), "praises"),
        (7, "one string"),
        (..., "replace the ..."),
        (None, "replace the ..."),
    ],
)
def test_a_card_is_wrong(card, words):
    said(ex.check_card(card), words)
