"""Exercises of notebooks/08b_unet.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from riffedu.lessons.l08b_unet import sounds
from riffedu.widgets.answers import NotYet, as_array, as_number
from riffedu.widgets.verdict import check, hint, right, run


class CannotHalve(ValueError):
    """Raised by `shrink` for an odd number of rows or columns."""


def shrink(x: np.ndarray) -> np.ndarray:
    """Return the means of 2 × 2 cells: half the rows, half the columns."""
    rows, columns = np.shape(x)
    if rows % 2 or columns % 2:
        raise CannotHalve(f"{rows} rows and {columns} columns cannot both be halved")
    x = np.asarray(x)
    return x.reshape(rows // 2, 2, columns // 2, 2).mean((1, 3))


def grow(x: np.ndarray) -> np.ndarray:
    """Repeat every cell 2 × 2 times: twice the rows, twice the columns."""
    return np.repeat(np.repeat(x, 2, 0), 2, 1)


def work(x: np.ndarray) -> np.ndarray:
    """Stand in for the blocks of a level: anything that is not linear."""
    return np.tanh(np.asarray(x) + 0.25 * np.roll(x, 1, 1))


def _unet(x: np.ndarray, depth: int, variant: str = "") -> np.ndarray:
    """The answer of exercise 1 and, by name, its usual mistakes."""
    if depth == 0:
        return x if variant == "no bottom" else work(x)
    kept = work(x) if variant == "work down" else x
    handed = work(x) if variant in ("work down", "work below") else x
    below = grow(_unet(shrink(handed), depth - 1 if variant != "one level" else 0, variant))
    return {
        "": lambda: work(x + below),
        "no bottom": lambda: work(x + below),
        "one level": lambda: work(x + below),
        "work down": lambda: work(kept + below),
        "work below": lambda: work(x + below),
        "no skip": lambda: work(below),
        "no work": lambda: x + below,
        "skip last": lambda: x + work(below),
        "worked skip": lambda: work(x) + below,
        "product": lambda: work(x * below),
        "mean": lambda: work((x + below) / 2),
    }[variant]()


_WORKS_DOWN = (
    "That works on the way down, too, as a real U-Net does. In this exercise a level works once, "
    "on the way up: shrink x as it is."
)
_MISTAKES = {
    "no skip": "The skip is missing: add this level's own input to what came up from below.",
    "no work": "Every level works once on the way up: call work on the sum.",
    "skip last": "The skip comes before the work: work(x + …), so that the work can use it.",
    "worked skip": "Here work sees only the skip: add first, then call work on the sum.",
    "no bottom": "At depth 0 there is still work to do: return work(x), not x.",
    "one level": "That goes down one level whatever depth is: ask for depth − 1 on the way down.",
    "work down": _WORKS_DOWN,
    "work below": _WORKS_DOWN,
    "product": "Skip and result are multiplied: in this exercise they are added.",
    "mean": "Skip and result are averaged: in this exercise they are added.",
}


@check
def check_unet(tiny_unet: Callable) -> object:
    """Check ``tiny_unet(x, depth)``: a U of `shrink`, `grow`, a skip that is added, and `work`."""
    x = np.random.default_rng(0).standard_normal((16, 24))
    answers = {depth: _answer(tiny_unet, x, depth) for depth in (0, 1, 3)}
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


def _answer(tiny_unet: Callable, x: np.ndarray, depth: int) -> np.ndarray:
    """Call the learner's function once; raise `NotYet` with a hint if that goes wrong."""
    no_end = "It does not stop: at depth 0 return work(x), before anything is shrunk."
    smaller = "It calls itself without getting nearer to 0: ask for depth − 1 on the way down."
    try:
        answer = run(tiny_unet, x.copy(), depth)
    except (RecursionError, CannotHalve):
        raise NotYet(no_end if depth == 0 else smaller) from None
    except ValueError as error:
        if "broadcast" not in str(error):
            raise
        raise NotYet(
            "Two arrays of different sizes were combined. On each level shrink x once for the call "
            "below, and grow its result once before x is added."
        ) from None
    array = as_array(answer, None, f"Your answer for depth {depth}")
    if np.iscomplexobj(array):
        raise NotYet("Your answer is complex: shrink, grow, work and + give real numbers here.")
    if array.shape != x.shape:
        raise NotYet(
            f"For x of shape {x.shape} and depth {depth} the answer has shape {array.shape}: "
            "what is shrunk on the way down must be grown on the way up."
        )
    return array


SIZES = {"down 0": (64, 32, 24), "down 1": (128, 16, 12), "down 2": (256, 16, 12)}
SIZES["up 0"] = (256, 32, 24)
WEIGHTS = 3 * 3 * 64 * 128 + 128


@check
def check_sizes(sizes: Any, weights: Any = ...) -> object:
    """Check the output shapes of four blocks and the number of weights of a convolution."""
    if not isinstance(sizes, dict) or set(sizes) != set(SIZES):
        return hint(f"Give a shape for each of {', '.join(SIZES)}, in a dictionary.")
    if weights is ... or any(map(_open, sizes.values())):
        return hint("Replace every ... with a number or a shape (channels, rows, columns).")
    for name, wanted in SIZES.items():
        given = as_array(sizes[name], None, name)
        if given.ndim != 1:
            return hint(f"{name}: give a shape of three whole numbers, (channels, rows, columns).")
        if np.iscomplexobj(given) or (given != np.round(given)).any():
            return hint(f"{name}: channels, rows and columns are counted: give whole numbers.")
        if message := _size_mistake(name, tuple(int(each) for each in given), wanted):
            return hint(f"{name}: {message}")
    number = as_number(weights, "The number of weights")
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
    if number != round(number):
        return hint("Weights: they are counted, so give a whole number.")
    return hint(mistakes.get(int(number), "Weights: 3 × 3 × inputs × outputs, plus the biases."))


def _open(size: Any) -> bool:
    """Tell whether an answer still holds a ``...``."""
    return size is ... or isinstance(size, tuple | list) and any(each is ... for each in size)


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


_BY_EAR = {
    sounds.NOTHING: "Nothing is switched off there: drum strokes that die away. Listen for "
    "noise that stays.",
    sounds.WORDS: "That clip has notes with overtones instead of drums: without the words the "
    "network does not know what was asked for.",
    sounds.TIME: "That clip has hard strokes and near silence between them: the time was switched "
    "off.",
}


@check
def check_by_ear(letter: str) -> object:
    """Check that ``letter`` names the clip made with the finest skip connections switched off."""
    order = sounds.order()
    if not isinstance(letter, str) or letter.strip().upper() not in order:
        return hint("Answer with one letter in quotes: A, B, C or D.")
    off = order[letter.strip().upper()]
    if off == sounds.FINEST:
        return right(
            "Without its finest skips the network no longer sees the noisy picture in detail: it "
            "cannot take away noise that it does not see."
        )
    return hint(_BY_EAR[off])
