"""Lessons 02 and 03: usual mistakes get a hint of their own, and none passes as right."""

import math

import numpy as np
import pytest
from hints import said

from riffedu import stft
from riffedu.lessons.l02_stft import exercises as short
from riffedu.lessons.l03_mel import exercises as mel
from riffedu.signal.mel import hz_to_mel, mel_to_hz

# 02


def framed(x, n_fft, hop, window, count=None, transform=np.fft.rfft):
    count = 1 + (len(x) - n_fft) // hop if count is None else count
    frames = [transform(x[t * hop : t * hop + n_fft] * window) for t in range(count)]
    return np.stack(frames, axis=1)


@pytest.mark.parametrize(
    "own, words",
    [
        (framed, None),
        (lambda x, n, h, w: stft(x, n, h, window=w, center=False), None),
        (lambda x, n, h, w: framed(x, n, h, w).tolist(), None),
        (lambda x, n, h, w: framed(x, n, h, w, count=1 + len(x) // h), "shorter than the window"),
        (lambda x, n, h, w: [[1, 2], [3]], "different lengths"),
        (lambda x, n, h, w: framed(x, n, h, np.hanning(n)), "the argument window"),
        (lambda x, n, h, w: 0 * framed(x, n, h, w), "All numbers are 0"),
        (lambda x, n, h, w: np.nan * framed(x, n, h, w), "NaN"),
        (lambda x, n, h, w: framed(x, n, h, w).T, "swapped"),
        (lambda x, n, h, w: framed(x, n, h, w, transform=np.fft.fft), "64 rows"),
        (lambda x, n, h, w: framed(x, n, h, w)[:, :-1], "last frame is missing"),
        (lambda x, n, h, w: np.abs(framed(x, n, h, w)), "stay complex"),
        (lambda x, n, h, w: framed(x, n, h, np.ones(n)), "left the window out"),
        (lambda x, n, h, w: framed(x, n, h, w).conj(), "sign of the exponent"),
        (lambda x, n, h, w: framed(x, n, h, w) / n, "divided by n_fft"),
    ],
)
def test_stft(own, words):
    said(short.check_stft(own), words)


def place(row, column, n_fft, hop, rate):
    return row * rate / n_fft, column * hop / rate


@pytest.mark.parametrize(
    "answer, words",
    [
        (place, None),
        (lambda *a: list(place(*a)), None),
        (lambda k, t, n, h, r: (np.fft.rfftfreq(n, 1 / r)[k], np.array([t * h / r])), None),
        (lambda *a: place(*a)[::-1], "wrong order"),
        (lambda k, t, n, h, r: (2 * k * r / n, t * h / r), "twice too high"),
        (lambda k, t, n, h, r: (k * r / 2 / n, t * h / r), "half of it"),
        (lambda k, t, n, h, r: (k * n / r, t * h / r), "Turned round"),
        (lambda k, t, n, h, r: ((k - 1) * r / n, t * h / r), "row 0 is 0 Hz"),
        (lambda k, t, n, h, r: (k, t * h / r), "1 Hz apart"),
        (lambda k, t, n, h, r: (k * r / n, t * n / r), "every hop_length samples"),
        (lambda k, t, n, h, r: (k * r / n, 1000 * t * h / r), "milliseconds"),
        (lambda k, t, n, h, r: (k * 44100 / n, t * h / 44100), "not fixed numbers"),
        (lambda *a: place(*a)[0], "Return two numbers"),
        (lambda *a: ("1 Hz", "1 s"), "should be numbers"),
        (lambda *a: (np.nan, 1), "NaN"),
        (lambda *a: None, "returns nothing"),
    ],
)
def test_place(answer, words):
    said(short.check_place(answer), words)


@pytest.mark.parametrize(
    "answer, words",
    [
        (5000, None),
        (4410.0, None),
        (np.int64(7000), None),
        (441, "400 Hz wide"),
        (2000, "too short for the tones"),
        (3500, "79 ms: too short"),
        (7600, "take a shorter one"),
        (17640, "lie in one window"),
        (44100, "1000 ms"),
        (4410.5, "whole number"),
        (8, "from 16"),
        (-5000, "from 16"),
        (88200, "to 44100"),
        ("5000", "whole number"),
        ([5000], "whole number"),
        (np.nan, "whole number"),
    ],
)
def test_window_length(answer, words):
    said(short.check_window_length(answer), words)


SIX = {"rows": 513, "columns": 126, "spacing": 15.625, "tone": 125, "click": 32, "largest": 511}


@pytest.mark.parametrize(
    "answer, words",
    [
        (SIX, None),
        (short.experiment(), None),
        ({**SIX, "spacing": 15.63, "click": np.float32(31.9), "rows": [513]}, None),
        ([513, 126], "dict with six numbers"),
        ({"rows": 513}, "dict with six numbers"),
        ({**SIX, "tone": ...}, "in place of each"),
        ({**SIX, "tone": "125 Hz"}, "should be numbers"),
        ({**SIX, "tone": np.inf}, "infinite"),
        ({**SIX, "rows": 1024}, "mirrors"),
        ({**SIX, "rows": 512}, "one is missing"),
        ({**SIX, "rows": 257}, "add rows"),
        ({**SIX, "columns": 125}, "one frame more"),
        ({**SIX, "columns": 122}, "uncentred"),
        ({**SIX, "columns": 118}, "uncentred"),
        ({**SIX, "spacing": 31.25}, "The frame, with its zeros"),
        ({**SIX, "spacing": 15.6}, None),
        ({**SIX, "spacing": 8000 / 513}, "512 steps"),
        ({**SIX, "spacing": 7.8125}, "the 2 cancels"),
        ({**SIX, "spacing": 125}, "columns a second"),
        ({**SIX, "tone": 62.5}, "half the hill"),
        ({**SIX, "tone": 31.25}, "one bin"),
        ({**SIX, "tone": 15.625}, "not the hill narrower"),
        ({**SIX, "click": 64}, "see nothing"),
        ({**SIX, "click": 16}, "half a window"),
        ({**SIX, "click": 0.032}, "in seconds"),
        ({**SIX, "largest": 512}, "begins with a 0"),
        ({**SIX, "largest": 256}, "COLA"),
        ({**SIX, "largest": 1024}, "cover nothing"),
        ({**SIX, "largest": 300}, "largest: you predicted 300, the experiment gives 511"),
    ],
)
def test_one_stft(answer, words):
    said(short.check_predictions(answer), words)


PIANOS = short.order()


def other_piano(one, other):
    """The right answer with two pianos interchanged."""
    swap = {one: other, other: one}
    return {letter: swap.get(way, way) for letter, way in PIANOS.items()}


@pytest.mark.parametrize(
    "answer, words",
    [
        (PIANOS, None),
        ({letter: way.upper() for letter, way in PIANOS.items()}, None),
        (dict(reversed(PIANOS.items())), None),
        ("A is cut", "Give a dict"),
        ({"A": "cut"}, "Give a dict"),
        ({**PIANOS, "A": ...}, "in place of each"),
        ({**PIANOS, "A": None}, "in place of each"),
        ({**PIANOS, "A": "blurred"}, "“blurred” is not one of"),
        ({**PIANOS, "A": 400}, "“400” is not one of"),
        (dict.fromkeys("ABCD", "cut"), "exactly one"),
        (other_piano("10 ms", "400 ms"), "2 of 4"),
        (other_piano("cut", "400 ms"), "attacks are smeared"),
        (other_piano("cut", "untouched"), "every note begins clearly"),
        (other_piano("cut", "10 ms"), "sounds hoarse"),
        (other_piano("400 ms", "untouched"), "every note begins clearly"),
    ],
)
def test_four_pianos(answer, words):
    said(short.check_ears(answer), words)


# 03

MEL = {"half": 2037, "below": 0.325, "band": 91, "octave": 61, "lowest": 61}


@pytest.mark.parametrize(
    "answer, words",
    [
        (MEL, None),
        (mel.experiment(), None),
        ({**MEL, "half": np.float64(2040), "band": 90.7, "octave": [62]}, None),
        ([2037, 0.325, 91, 61, 61], "dict with five numbers"),
        ({"half": 2037}, "dict with five numbers"),
        ({**MEL, "band": ...}, "in place of each"),
        ({**MEL, "band": "91st"}, "should be numbers"),
        ({**MEL, "band": np.nan}, "NaN"),
        ({**MEL, "half": 5000}, "half of the hertz"),
        ({**MEL, "half": 1537}, "Turn it into hertz"),
        ({**MEL, "half": 1000}, "only a third"),
        ({**MEL, "below": 0.1}, "an axis in hertz"),
        ({**MEL, "below": 0.675}, "the fraction above"),
        ({**MEL, "below": 32.5}, "in percent"),
        ({**MEL, "band": 92}, "one too high"),
        ({**MEL, "below": 166}, "number of bands"),
        ({**MEL, "below": 33}, "in percent"),
        ({**MEL, "band": 90}, "one too low"),
        ({**MEL, "band": 22}, "equal steps of hertz"),
        ({**MEL, "band": 420}, "from the top"),
        ({**MEL, "octave": 22.5}, "equal steps of hertz"),
        ({**MEL, "octave": 368}, "difference in mel"),
        ({**MEL, "octave": 40}, "octave: you predicted 40, the library computes 62"),
        ({**MEL, "lowest": 30}, "one step"),
        ({**MEL, "lowest": 153.8}, "tiny at the bottom"),
        ({**MEL, "lowest": 312.5}, "not in hertz"),
        ({**MEL, "lowest": 47.3}, "one step in mel"),
        ({**MEL, "lowest": 156}, "tiny at the bottom"),
        ({**MEL, "lowest": 94.6}, "width in mel"),
        ({**MEL, "lowest": 7.5}, "for 512 bands"),
    ],
)
def test_mel_axis(answer, words):
    said(mel.check_predictions(answer), words)


def lines(f, low, centre, high):
    return (f - low) / (centre - low), (high - f) / (high - centre)


@pytest.mark.parametrize(
    "triangle, words",
    [
        (lambda f, *edges: np.interp(f, edges, [0, 1, 0]), None),
        (lambda f, *edges: np.clip(np.minimum(*lines(f, *edges)), 0, None), None),
        (lambda f, *edges: [max(0, min(lines(each, *edges))) for each in f], None),
        (lambda f, *edges: np.minimum(*lines(f, *edges)), "negative there"),
        (lambda f, *edges: np.maximum(0, np.maximum(*lines(f, *edges))), "opens upwards"),
        (lambda f, *edges: np.maximum(0, lines(f, *edges)[0]), "Only the rise"),
        (lambda f, *edges: np.clip(lines(f, *edges)[0], 0, 1), "stays at 1"),
        (lambda f, *edges: np.maximum(0, lines(f, *edges)[1]), "Only the fall"),
        (
            lambda f, a, b, c: np.maximum(0, np.minimum((f - a) / (b - a), (f - b) / (c - b))),
            "1 at the centre",
        ),
        (lambda f, a, b, c: np.maximum(0, 1 - np.abs(f - b) / ((c - a) / 2)), "same width"),
        (lambda f, *edges: np.interp(f, (300, 500, 900), [0, 1, 0]), "not fixed numbers"),
        (lambda f, *edges: max(0, min(lines(f, *edges))), "np.minimum"),
        (lambda f, *edges: 0.5, "One weight for each frequency"),
        (lambda f, *edges: f * np.nan, "NaN"),
        (lambda f, *edges: ["a"] * 8, "should be numbers"),
        (lambda f, *edges: 0 * f, "weight at 400 Hz is 0.5; yours is 0"),
        (lambda f, *edges: None, "returns nothing"),
    ],
)
def test_triangle(triangle, words):
    said(mel.check_triangle(triangle), words)


def edge(number, bands, top):
    return mel_to_hz(number * hz_to_mel(top) / (bands + 1))


@pytest.mark.parametrize(
    "frame, words",
    [
        (lambda r, n, top: math.ceil(r / edge(2, n, top)), None),
        (lambda r, n, top: int(r / edge(2, n, top)) + 1, None),
        (lambda r, n, top: np.ceil(r / np.linspace(0, edge(2, n, top), 2)[1:]), None),
        (lambda r, n, top: r / edge(2, n, top), "round up"),
        (lambda r, n, top: int(np.ceil(r / edge(1, n, top))), "twice what is needed"),
        (lambda r, n, top: int(r / (top - edge(n - 1, n, top))), "widest band"),
        (lambda r, n, top: edge(2, n, top), "solve for n_fft"),
        (lambda r, n, top: 4410, "without any row: 8"),
        (lambda r, n, top: 17640, "5895 would do"),
        (lambda r, n, top: 5895, "For 64 bands"),
        (lambda r, n, top: 0, "without any row: 512"),
        (lambda r, n, top: int(r / edge(2, n, top)), "Round up"),
        (lambda r, n, top: "5895", "should be numbers"),
        (lambda r, n, top: [5895, 5896], "should be one number"),
        (lambda r, n, top: np.inf, "infinite"),
        (lambda r, n: 5895, "other arguments"),
        (lambda r, n, top: None, "returns nothing"),
    ],
)
def test_frame(frame, words):
    said(mel.check_frame(frame), words)


BANKS = mel.order()


def other_bank(one, other):
    """The right answer with two filterbanks interchanged."""
    swap = {one: other, other: one}
    return {letter: swap.get(way, way) for letter, way in BANKS.items()}


@pytest.mark.parametrize(
    "answer, words",
    [
        (BANKS, None),
        ({letter: way.title() for letter, way in BANKS.items()}, None),
        (dict(reversed(BANKS.items())), None),
        (list(BANKS.values()), "Give a dict"),
        ({"A": "no bass"}, "Give a dict"),
        ({**BANKS, "A": ...}, "in place of each"),
        ({**BANKS, "A": None}, "in place of each"),
        ({**BANKS, "A": "128 bands"}, "“128 bands” is not one of"),
        ({**BANKS, "A": 32}, "“32” is not one of"),
        (dict.fromkeys("ABCD", "no bass"), "exactly one"),
        (other_bank("no bass", "no treble"), "2 of 4"),
        (other_bank("no bass", "512 bands"), "as clear as it was"),
        (other_bank("no bass", "32 bands"), "hoarse"),
        (other_bank("32 bands", "512 bands"), "as clear as it was"),
        (other_bank("no treble", "512 bands"), "as clear as it was"),
    ],
)
def test_four_banks(answer, words):
    said(mel.check_ears(answer), words)
