"""Lesson 01b: right answers in several forms pass, and each usual mistake gets its own hint."""

import numpy as np
import pytest

from riffedu.lessons.l01b_fourier import exercises
from riffedu.lessons.l01b_fourier.sounds import order
from riffedu.signal.fourier import centre_of_mass, dft, dft_matrix, idft, similarity, wind


def assert_hint(verdict, *words):
    assert not verdict
    for word in words:
        assert word in verdict.message, verdict.message


# Exercise 1


def b(x, f, r):
    return similarity(x, f, r)


def a(x, f, r):
    return similarity(x, f, r, np.pi / 2)


def both(x, f, r):
    return np.hypot(a(x, f, r), b(x, f, r))


def searched(x, f, r, phases):
    """The best of some phases: near for many, too low for few."""
    return max(2 * similarity(x, f, r, phase) for phase in np.linspace(0, 2 * np.pi, phases))


@pytest.mark.parametrize(
    "amount",
    [
        lambda x, f, r: 2 * both(x, f, r),
        lambda x, f, r: 2 * abs(centre_of_mass(x, f, r)),
        lambda x, f, r: np.array([2 * both(x, f, r)]),
        lambda x, f, r: 2 / len(x) * abs(sum(x * np.exp(2j * np.pi * f * np.arange(len(x)) / r))),
        lambda x, f, r: searched(x, f, r, 100),
    ],
)
def test_amount_right(amount):
    assert exercises.check_amount(amount)


def test_a_search_over_many_phases_is_told_the_shorter_way():
    verdict = exercises.check_amount(lambda *s: searched(*s, 100))
    assert verdict and "without a search" in verdict.message
    assert "without a search" not in exercises.check_amount(lambda *s: 2 * both(*s)).message


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (b, "Only the sine"),
        (lambda *s: 2 * b(*s), "Only the sine"),
        (a, "Only the cosine"),
        (lambda *s: abs(2 * a(*s)), "Only the cosine"),
        (both, "half of it"),
        (lambda *s: 4 * both(*s) ** 2, "root is missing"),
        (lambda *s: a(*s) + b(*s), "right angles"),
        (lambda *s: 2 * (abs(a(*s)) + abs(b(*s))), "right angles"),
        (lambda *s: 2 * max(a(*s), b(*s)), "The larger"),
        (lambda x, f, r: 2 * len(x) * both(x, f, r), "without averaging"),
        (lambda x, f, r: 2 * both(x, f, 8000), "use sample_rate"),
        (lambda *s: 3 * both(*s), "you return 0.45"),
        (lambda x, f, r: np.sqrt(2) * np.std(x), "holds another tone"),
        (lambda *s: searched(*s, 9), "Close: your results for an amplitude of 0.3 lie between"),
        (lambda *s: searched(*s, 4), "with any phase. With a phase of 57°"),
        (lambda *s: 2 * centre_of_mass(*s), "use np.abs"),
        (lambda x, f, r: x, "shape (8000,)"),
        (lambda x, f, r: [[1, 2], [3]], "different lengths"),
        (lambda x, f, r: np.nan, "NaN"),
        (lambda x, f, r: "0.3", "numbers"),
        (lambda x, f, r: f + b(x, f, r), "with any phase"),
        (lambda x, f, r: None, "write its body"),
        (lambda x, f: 1, "TypeError"),
    ],
)
def test_amount_mistakes(amount, words):
    assert_hint(exercises.check_amount(amount), words)


# Exercise 2

RIGHT = {0: 8, 3: 16, 13: 16, 8: 4}


@pytest.mark.parametrize(
    "answer",
    [
        RIGHT,
        {k: RIGHT.get(k, 0) for k in range(16)},
        {np.int64(k): np.float64(v) for k, v in RIGHT.items()},
        dict(enumerate(np.abs(np.fft.fft(exercises.MIXED)))),
    ],
)
def test_bins_right(answer):
    assert exercises.check_bins(answer)


def without(k):
    return {key: value for key, value in RIGHT.items() if key != k}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({...: ...}, "Nothing to check"),
        ({}, "Nothing to check"),
        ({0: ..., 3: 16}, "Nothing to check"),
        ([8, 0, 0, 16], "dictionary"),
        (without(13), "mirror image. Where"),
        (without(3), "three turns itself"),
        (without(0), "constant 0.5"),
        (without(8), "How many turns"),
        ({**RIGHT, 0: 4}, "The constant is not shared"),
        ({**RIGHT, 8: 2}, "alternating signs is not shared"),
        ({**RIGHT, 3: 32, 13: 32}, "they get half each"),
        ({**RIGHT, 13: 8}, "equal"),
        ({**RIGHT, 3: 5, 13: 5}, "not 5"),
        ({k: v / 16 for k, v in RIGHT.items()}, "without averaging"),
        ({**RIGHT, 4: 1}, "Bin 4 is zero"),
        ({**RIGHT, 13: -16}, "never negative"),
        ({**RIGHT, 3: -16j}, "never negative"),
        ({**RIGHT, 16: 1}, "from 0 to 15"),
        ({"3": 16}, "from 0 to 15"),
        ({**RIGHT, 3: [16, 16]}, "one number"),
        ({**RIGHT, 3: np.nan}, "NaN"),
        ({**RIGHT, 3: "16"}, "numbers"),
        ({**RIGHT, 8: 9}, "Bin 8 is not 9"),
    ],
)
def test_bins_mistakes(answer, words):
    assert_hint(exercises.check_bins(answer), words)


def test_the_check_s_samples_are_the_lesson_s():
    n = np.arange(16)
    mixed = 0.5 + 2 * np.sin(2 * np.pi * 3 * n / 16 + 1) + 0.25 * np.cos(np.pi * n)
    assert np.array_equal(mixed, exercises.MIXED)


# Exercise 3


def turned(factor, start=0, skip=0):
    """A transform with ``factor`` in the exponent, in which k and n start elsewhere."""

    def wrong(x):
        n = np.arange(len(x))
        table = np.outer(n + skip, n + start) / len(x)
        return np.exp(factor * table) @ x

    return wrong


def loops(x):
    X = np.zeros(len(x), complex)
    for k in range(len(x)):
        for n in range(len(x)):
            X[k] += x[n] * np.exp(-2j * np.pi * k * n / len(x))
    return X


def real_room(x):
    X = np.zeros(len(x))
    for k in range(len(x)):
        X[k] = complex(loops(x)[k])
    return X


def lists(x):
    N = len(x)
    parts = [
        [
            (x[n] * np.cos(2 * np.pi * k * n / N), -x[n] * np.sin(2 * np.pi * k * n / N))
            for n in range(N)
        ]
        for k in range(N)
    ]
    return [complex(*np.sum(part, axis=0)) for part in parts]


def fft(x):
    """A learner's own fast transform, under its usual name: odd lengths by two loops."""
    if len(x) % 2:
        return loops(x)
    even, odd = fft(x[::2]), fft(x[1::2])
    turn = np.exp(-2j * np.pi * np.arange(len(odd)) / len(x)) * odd
    return np.concatenate([even + turn, even - turn])


@pytest.mark.parametrize(
    "my_dft",
    [fft, loops, turned(-2j * np.pi), lists, lambda x: [np.sum(row) for row in products(x)]],
)
def test_dft_right(my_dft):
    assert exercises.check_dft(my_dft)


def products(x):
    n = np.arange(len(x))
    return np.exp(-2j * np.pi * np.outer(n, n) / len(x)) * x


@pytest.mark.parametrize(
    ("my_dft", "words"),
    [
        (turned(2j * np.pi), "wrong way"),
        (turned(-1j), "2π is missing"),
        (turned(-1j * np.pi), "not π"),
        (turned(-2 * np.pi), "i is missing"),
        (turned(-2j * np.pi, skip=1), "k must start at 0"),
        (turned(-2j * np.pi, start=1), "n must start at 0"),
        (lambda x: turned(-2j * np.pi * len(x))(x + 0j), "division by N is missing"),
        (lambda x: loops(x) / len(x), "averaged"),
        (lambda x: loops(x) / np.sqrt(len(x)), "√N"),
        (lambda x: loops(x).real, "real parts"),
        (lambda x: loops(x).imag, "imaginary parts"),
        (lambda x: abs(loops(x)), "Those are the lengths"),
        (lambda x: np.zeros(len(x), complex), "Zeros only"),
        (lambda x: loops(x).real - loops(x).imag, "without its minus"),
        (lambda x: loops(x)[:5], "mirror image included"),
        (lambda x: sum(x), "That is one number"),
        (products, "add them up over n"),
        (lambda x: loops(x)[:7], "Eight samples"),
        (lambda x: products(x)[:, :7].sum(axis=1), "last sample"),
        (lambda x: np.append(loops(x[:8]), np.zeros(0)) if len(x) == 8 else loops(x)[:5], "len(x)"),
        (lambda x: np.fft.fft(x), "uses fft, which is given"),
        (lambda x: dft_matrix(len(x)) @ x, "uses dft_matrix, which is given"),
        (np.fft.fft, "uses fft, which is given"),
        (dft, "uses dft, which is given"),
        (lambda x: idft(x.conj()).conj() * len(x), "uses idft"),
        (lambda x: np.array([wind(x, k, len(x)).sum() for k in range(len(x))]), "uses wind"),
        (lambda x: np.array([(lambda: wind(x, k, len(x)))().sum() for k in x]), "uses wind"),
        (lambda x: len(x) * centre_of_mass(x, range(len(x)), len(x)), "uses centre_of_mass"),
        (real_room, "np.zeros(N, complex)"),
        (lambda x: [[1, 2], [3]], "different lengths"),
        (lambda x: x * np.nan, "NaN"),
        (lambda x: ["a"] * 8, "numbers"),
        (lambda x: np.append(np.sum(x), np.ones(7)), "Bin 0 is right"),
        (lambda x: np.ones(8), "plain sum"),
        (lambda x: None, "write its body"),
    ],
)
def test_dft_mistakes(my_dft, words):
    assert_hint(exercises.check_dft(my_dft), words)


# Exercise 4

CHORDS = order()


@pytest.mark.parametrize(
    "answer",
    [
        CHORDS,
        {letter: f"{hertz} Hz" for letter, hertz in CHORDS.items()},
        {letter: np.float64(hertz) for letter, hertz in CHORDS.items()},
    ],
)
def test_chords_right(answer):
    assert exercises.check_chords(answer)


def swapped(one, other):
    """The right answer with two of its frequencies interchanged."""
    exchange = {one: other, other: one}
    return {letter: exchange.get(hertz, hertz) for letter, hertz in CHORDS.items()}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({**CHORDS, "A": ...}, ("put a frequency",)),
        ([415, 494, 349, 660], ("dictionary",)),
        ({"A": 415}, ("dictionary",)),
        ({**CHORDS, "B": 330}, ("B: 330 Hz is the note",)),
        ({**CHORDS, "B": 440}, ("440 Hz is not one of",)),
        ({**CHORDS, "B": "fifth"}, ("as a number",)),
        ({**CHORDS, "B": [494]}, ("as a number",)),
        ({**CHORDS, "B": np.nan}, ("as a number",)),
        ({**CHORDS, "B": np.inf}, ("as a number",)),
        (dict.fromkeys("ABCD", 349), ("only one",)),
        (swapped(415, 349), ("2 of 4", "A is not the chord with 349 Hz", "clashes")),
        (swapped(494, 660), ("2 of 4", "B is not the chord with 660 Hz", "melts")),
        (swapped(415, 494), ("A is not the chord with 494 Hz", "hollow")),
        (swapped(349, 660), ("2 of 4",)),
        (dict(zip("ABCD", [494, 415, 660, 349])), ("0 of 4",)),
    ],
)
def test_chords_mistakes(answer, words):
    assert_hint(exercises.check_chords(answer), *words)
