"""Lessons 00 to 03: usual mistakes get a hint of their own, and none passes as right."""

from types import SimpleNamespace

import numpy as np
import pytest
from hints import said

from riffedu import stft
from riffedu.lessons.l00_hear_it_first import exercises as hear
from riffedu.lessons.l01_sound import exercises as sound
from riffedu.lessons.l02_stft import exercises as short

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
    ],
)
def test_sine(tone, words):
    said(sound.check_sine(tone), words)


@pytest.mark.parametrize(
    "rounded, words",
    [
        (lambda x, bits: np.round(x, bits), "decimal places"),
        (lambda x, bits: np.round(x * 2**bits / 2), "numbers of the steps"),
        (lambda x, bits: np.floor(x * 2**bits / 2) / 2**bits * 2, "cuts off instead"),
        (lambda x, bits: np.round(x * 2**bits) / 2**bits, "half as wide"),
        (lambda x, bits: np.round(x * 2**bits / 2) / 2**bits * 2, "Clip to"),
        (
            lambda x, bits: np.clip(
                np.round(x * 2 ** (bits - 1)) / 2 ** (bits - 1), -1, 1 - 2 / 2**bits
            ),
            None,
        ),
    ],
)
def test_rounding(rounded, words):
    said(sound.check_rounding(rounded), words)


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
        (lambda x, n, h, w: framed(x, n, h, w, count=1 + len(x) // h), "shorter than the window"),
        (lambda x, n, h, w: framed(x, n, h, np.hanning(n)), "the argument window"),
        (lambda x, n, h, w: 0 * framed(x, n, h, w), "All numbers are 0"),
        (lambda x, n, h, w: np.nan * framed(x, n, h, w), "NaN"),
        (lambda x, n, h, w: framed(x, n, h, w).T, "swapped"),
        (lambda x, n, h, w: framed(x, n, h, w, transform=np.fft.fft), "64 rows"),
        (lambda x, n, h, w: framed(x, n, h, w)[:, :-1], "last frame is missing"),
        (lambda x, n, h, w: np.abs(framed(x, n, h, w)), "stay complex"),
        (lambda x, n, h, w: framed(x, n, h, np.ones(n)), "left the window out"),
        (lambda x, n, h, w: framed(x, n, h, w).conj(), "sign is turned round"),
        (lambda x, n, h, w: framed(x, n, h, w) / n, "divided by n_fft"),
    ],
)
def test_stft(own, words):
    said(short.check_stft(own), words)
