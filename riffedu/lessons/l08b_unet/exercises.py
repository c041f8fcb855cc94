"""Exercises of notebooks/08b_unet.ipynb."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from riffedu.lessons.l08b_unet.sounds import order
from riffedu.widgets.verdict import check, hint, right, run


def shrink(x: np.ndarray) -> np.ndarray:
    """Return the means of 2 × 2 cells: half the rows, half the columns."""
    rows, columns = x.shape
    return x.reshape(rows // 2, 2, columns // 2, 2).mean((1, 3))


def grow(x: np.ndarray) -> np.ndarray:
    """Repeat every cell 2 × 2 times: twice the rows, twice the columns."""
    return x.repeat(2, 0).repeat(2, 1)


def work(x: np.ndarray) -> np.ndarray:
    """Stand in for the blocks of a level: anything that is not linear."""
    return np.tanh(x + 0.25 * np.roll(x, 1, 1))


def _unet(x: np.ndarray, depth: int, variant: str = "") -> np.ndarray:
    """The answer of exercise 1 and, by name, its usual mistakes."""
    if depth == 0:
        return x if variant == "no bottom" else work(x)
    below = grow(_unet(shrink(x), depth - 1 if variant != "one level" else 0, variant))
    return {
        "": lambda: work(x + below),
        "no bottom": lambda: work(x + below),
        "one level": lambda: work(x + below),
        "no skip": lambda: work(below),
        "no work": lambda: x + below,
        "skip last": lambda: x + work(below),
        "worked skip": lambda: work(x) + below,
        "product": lambda: work(x * below),
        "mean": lambda: work((x + below) / 2),
    }[variant]()


_MISTAKES = {
    "no skip": "The skip is missing: add this level's own input to what came up from below.",
    "no work": "Every level works once on the way up: call work on the sum.",
    "skip last": "The skip comes before the work: work(x + …), so that the work can use it.",
    "worked skip": "Here work sees only the skip: add first, then call work on the sum.",
    "no bottom": "At depth 0 there is still work to do: return work(x), not x.",
    "one level": "That goes down one level whatever depth is: ask for depth − 1 on the way down.",
    "product": "Skip and result are multiplied: in this exercise they are added.",
    "mean": "Skip and result are averaged: in this exercise they are added.",
}


@check
def check_unet(tiny_unet: Callable) -> object:
    """Check ``tiny_unet(x, depth)``: a U of `shrink`, `grow`, a skip that is added, and `work`."""
    x = np.random.default_rng(0).standard_normal((16, 24))
    answers = {}
    for depth in (0, 1, 3):
        try:
            answers[depth] = np.asarray(run(tiny_unet, x, depth), dtype=float)
        except RecursionError:
            return hint("It calls itself without end: at depth 0 return, and ask for depth − 1.")
    for depth, answer in answers.items():
        if answer.shape != x.shape:
            return hint(
                f"For x of shape (16, 24) and depth {depth} the answer has shape {answer.shape}: "
                "what is shrunk on the way down must be grown on the way up."
            )
    if all(np.allclose(answers[d], _unet(x, d)) for d in answers):
        return right("That is a U-Net: the coarse levels see far, and the skips keep what is fine.")
    for name, message in _MISTAKES.items():
        if all(np.allclose(answers[d], _unet(x, d, name)) for d in answers):
            return hint(message)
    if not np.allclose(answers[0], work(x)):
        return hint("Begin with depth 0: the answer there is work(x).")
    if not np.allclose(answers[1], _unet(x, 1)):
        return hint("Depth 0 is right. At depth 1: shrink x, work, grow, add x, work.")
    return hint("Depths 0 and 1 are right, but not 3: each level must call the next one.")


SIZES = {"down 0": (64, 32, 24), "down 1": (128, 16, 12), "down 2": (256, 16, 12)}
SIZES["up 0"] = (256, 32, 24)
WEIGHTS = 3 * 3 * 64 * 128 + 128


@check
def check_sizes(sizes: dict[str, Sequence[int]], weights: Any) -> object:
    """Check the output shapes of four blocks and the number of weights of a convolution."""
    if not isinstance(sizes, dict) or set(sizes) != set(SIZES):
        return hint(f"Give a shape for each of {', '.join(SIZES)}, in a dictionary.")
    if any(value is ... for value in sizes.values()) or weights is ...:
        return hint("Replace every ... with a number or a shape (channels, rows, columns).")
    for name, wanted in SIZES.items():
        try:
            given = tuple(int(each) for each in sizes[name])
        except (TypeError, ValueError):
            return hint(f"{name}: give a shape of three whole numbers, (channels, rows, columns).")
        if message := _size_mistake(name, given, wanted):
            return hint(f"{name}: {message}")
    try:
        number = float(weights)
    except (TypeError, ValueError):
        return hint("Weights: give one number.")
    mistakes = {
        WEIGHTS - 128: "Weights: nearly. Each of the 128 output channels also has a bias.",
        64 * 128 + 128: "Weights: that is a 1 × 1 convolution. A 3 × 3 one has 9 times as many.",
        64 * 128: "Weights: each pair of channels has 3 × 3 weights, and there are biases.",
        9 * 64 * 128 + 64: "Weights: there is one bias for each output channel, not input channel.",
        9 * 128 + 128: "Weights: every output channel looks at all 64 input channels.",
        9 * 64 * 64 + 64: "Weights: from 64 to 128 channels, not from 64 to 64.",
        WEIGHTS * 32 * 24: "Weights: the same weights are used at every place: do not multiply by "
        "the size of the picture.",
    }
    if number == WEIGHTS:
        return right("All right. The weights do not depend on the size of the picture.")
    return hint(mistakes.get(int(number), "Weights: 3 × 3 × inputs × outputs, plus the biases."))


def _size_mistake(name: str, given: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Name what is wrong with a shape; "" if it is right."""
    if given == wanted:
        return ""
    if len(given) != 3:
        return f"give three numbers, (channels, rows, columns), not {len(given)}."
    if given == (wanted[0], wanted[2], wanted[1]):
        return "rows come before columns."
    if sorted(given) == sorted(wanted):
        return "the order is channels, rows, columns."
    if given[0] != wanted[0]:
        return "the channels are those of the block's own level: 64, 128 or 256."
    if name == "down 2":
        return "the last block of the way down does not halve."
    if name == "up 0":
        return "a block of the way up doubles rows and columns at its end."
    if given[1] > wanted[1]:
        return "a block of the way down halves rows and columns at its end."
    return "rows and columns are halved once in each block, not twice."


@check
def check_by_ear(letter: str) -> object:
    """Check that ``letter`` names the clip made with the finest skip connections switched off."""
    if letter is ... or not isinstance(letter, str) or letter.strip().upper() not in order():
        return hint("Answer with one letter in quotes: A, B, C or D.")
    off = order()[letter.strip().upper()]
    if off == ("skips 0",):
        return right(
            "Without its finest skips the network no longer sees the noisy picture in detail: it "
            "cannot take away noise that it does not see."
        )
    if off == ("words",):
        return hint("That clip is clean, but plays something else: the words were switched off.")
    if not off:
        return hint("Nothing is switched off there. Listen for noise that stays.")
    return hint("There only the coarsest level is disturbed, which is hardly heard. Listen on.")
