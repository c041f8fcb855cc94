"""Lesson 08b: right answers in several forms pass, and each usual mistake gets its own hint."""

import numpy as np
import pytest
from hints import said

from riffedu.lessons.l08b_unet import exercises as ex
from riffedu.lessons.l08b_unet.sounds import FINEST, NOTHING, TIME, WORDS, order

shrink, grow, work = ex.shrink, ex.grow, ex.work


def u(x, depth):
    return work(x) if depth == 0 else work(x + grow(u(shrink(x), depth - 1)))


def loop(x, depth):
    skips = []
    for _ in range(depth):
        skips.append(x)
        x = shrink(x)
    x = work(x)
    for skip in reversed(skips):
        x = work(grow(x) + skip)
    return x


def endless(x, depth):
    return work(x + grow(endless(shrink(x.repeat(2, 0).repeat(2, 1)), depth)))


def no_bottom(x, depth):
    return work(x + grow(no_bottom(shrink(x), depth - 1)))


def stuck(x, depth):
    return work(x) if depth == 0 else work(x + grow(stuck(shrink(x), depth)))


def in_place(x, depth):
    if depth:
        x += grow(in_place(shrink(x), depth - 1))
    return work(x)


@pytest.mark.parametrize("answer", [u, loop, in_place, lambda x, depth: u(x, depth).tolist()])
def test_a_unet_is_right(answer):
    said(ex.check_unet(answer), None)


def mistake(step, bottom=work):
    def answer(x, depth):
        return bottom(x) if depth == 0 else step(x, lambda y: answer(y, depth - 1))

    return answer


@pytest.mark.parametrize(
    "answer, words",
    [
        (mistake(lambda x, down: work(grow(down(shrink(x))))), "The skip is missing"),
        (mistake(lambda x, down: x + grow(down(shrink(x)))), "works once on the way up"),
        (mistake(lambda x, down: x + work(grow(down(shrink(x))))), "The skip comes before"),
        (mistake(lambda x, down: work(x) + grow(down(shrink(x)))), "work sees only the skip"),
        (mistake(lambda x, down: work(x + grow(down(shrink(x)))), lambda x: x), "return work(x)"),
        (lambda x, depth: u(x, min(depth, 1)), "ask for depth − 1"),
        (mistake(lambda x, down: work(work(x) + grow(down(shrink(work(x)))))), "as a real U-Net"),
        (mistake(lambda x, down: work(x + grow(down(shrink(work(x)))))), "shrink x as it is"),
        (mistake(lambda x, down: work(x * grow(down(shrink(x))))), "are multiplied"),
        (mistake(lambda x, down: work((x + grow(down(shrink(x)))) / 2)), "are averaged"),
        (mistake(lambda x, down: work(down(shrink(x)))), "must be grown"),
        (mistake(lambda x, down: work(x + down(shrink(x)))), "grow its result once"),
        (mistake(lambda x, down: work(x + grow(down(x)))), "shrink x once for the call"),
        (lambda x, depth: np.zeros_like(x), "Begin with depth 0"),
        (lambda x, depth: work(x), "Depth 0 is right"),
        (endless, "does not stop"),
        (no_bottom, "at depth 0 return work(x)"),
        (stuck, "without getting nearer to 0"),
        (lambda x, depth: ..., "body"),
        (lambda x, depth: None, "returns nothing"),
        (lambda x, depth: "x", "should be numbers"),
        (lambda x, depth: u(x, depth) * np.nan, "contains NaN"),
        (lambda x, depth: u(x, depth) + np.inf, "is infinite"),
        (lambda x, depth: u(x, depth) + 0j, "is complex"),
        (lambda x, depth: [[1, 2], [3]], "rows of different lengths"),
        (lambda x, depth: u(x, depth).mean(), "the answer has shape ()"),
        (lambda x: work(x), "other arguments"),
        (np.zeros((16, 24)), "your function itself"),
    ],
)
def test_a_unet_is_wrong(answer, words):
    said(ex.check_unet(answer), words)


RIGHT = {"down 0": (64, 32, 24), "down 1": (128, 16, 12), "down 2": (256, 16, 12)}
RIGHT["up 0"] = (256, 32, 24)


@pytest.mark.parametrize(
    "sizes, weights",
    [
        (RIGHT, 73856),
        ({name: list(size) for name, size in RIGHT.items()}, 9 * 64 * 128 + 128),
        ({name: np.array(size) for name, size in RIGHT.items()}, np.float64(73856)),
    ],
)
def test_sizes_are_right(sizes, weights):
    said(ex.check_sizes(sizes, weights), None)


@pytest.mark.parametrize(
    "change, weights, words",
    [
        ({"down 0": (64, 24, 32)}, 73856, "rows come before columns"),
        ({"down 0": (32, 24, 64)}, 73856, "the order is channels"),
        ({"down 0": (128, 32, 24)}, 73856, "channels are those of the block's own level"),
        ({"down 0": (64, 64, 48)}, 73856, "halves rows and columns at its end"),
        ({"down 1": (128, 8, 6)}, 73856, "halved once in each block"),
        ({"down 2": (256, 8, 6)}, 73856, "the last block of the way down does not halve"),
        ({"up 0": (256, 16, 12)}, 73856, "doubles rows and columns"),
        ({"up 0": (256, 32)}, 73856, "three numbers"),
        ({"up 0": 256}, 73856, "three whole numbers"),
        ({"up 0": ...}, 73856, "Replace every ..."),
        ({"up 0": (256, ..., 24)}, 73856, "Replace every ..."),
        ({"up 0": (256.9, 32, 24)}, 73856, "up 0: channels, rows and columns are counted"),
        ({"up 0": (256, 32, np.nan)}, 73856, "up 0 contains NaN"),
        ({"up 0": (256, 32, np.inf)}, 73856, "up 0 is infinite"),
        ({"up 0": ("256", "32", "24")}, 73856, "up 0 should be numbers"),
        ({"up 0": [[256], [32, 24]]}, 73856, "up 0 has rows of different lengths"),
        ({"up 0": {256, 32, 24}}, 73856, "up 0 should be an array of numbers"),
        ({"up 0": (256, 32, 24j)}, 73856, "whole numbers"),
        ({}, 73728, "also has a bias"),
        ({}, 64 * 128 + 128, "1 × 1 convolution"),
        ({}, 64 * 128, "3 × 3 weights"),
        ({}, 9 * 64 * 128 + 64, "each output channel, not input"),
        ({}, 9 * 128 + 128, "all 64 input channels"),
        ({}, 9 * 64 * 64 + 64, "from 64 to 128"),
        ({}, 73856 * 32 * 24, "do not multiply"),
        ({}, 1, "inputs × outputs"),
        ({}, 73856.4, "Weights: they are counted"),
        ({}, np.nan, "number of weights contains NaN"),
        ({}, np.inf, "number of weights is infinite"),
        ({}, [64, 128], "number of weights should be one number"),
        ({}, [[1], [2, 3]], "number of weights has rows of different lengths"),
        ({}, 73856j, "number of weights should be a real number"),
        ({}, "many", "number of weights should be numbers"),
        ({}, ..., "Replace every ..."),
    ],
)
def test_sizes_are_wrong(change, weights, words):
    said(ex.check_sizes({**RIGHT, **change}, weights), words)


def test_sizes_need_every_block():
    said(ex.check_sizes({"down 0": (64, 32, 24)}, 73856), "for each of down 0, down 1")
    said(ex.check_sizes([1, 2], 73856), "in a dictionary")


def by_what_is_off():
    return {names: letter for letter, names in order().items()}


@pytest.mark.parametrize("form", [str, str.lower, lambda letter: f" {letter} "])
def test_by_ear_is_right(form):
    said(ex.check_by_ear(form(by_what_is_off()[FINEST])), None)


@pytest.mark.parametrize(
    "answer, words",
    [
        (by_what_is_off()[WORDS], "without the words"),
        (by_what_is_off()[NOTHING], "Nothing is switched off there"),
        (by_what_is_off()[TIME], "the time was switched off"),
        (f" {by_what_is_off()[TIME].lower()} ", "hard strokes"),
        (..., "replace the ..."),
        (None, "replace the ..."),
        (2, "one letter"),
        ("E", "one letter"),
        ("AB", "one letter"),
        ("", "one letter"),
        (["A"], "one letter"),
    ],
)
def test_by_ear_is_wrong(answer, words):
    said(ex.check_by_ear(answer), words)
