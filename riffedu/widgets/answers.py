"""Read a learner's answer before it is compared, and say plainly why one cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class NotYet(Exception):
    """Raised by a check for an answer that cannot be compared; its text becomes the hint."""


def as_array(answer: Any, shape: tuple[int, ...] | None = None, name: str = "The answer") -> Any:
    """Return ``answer`` as a float64 or complex128 array, or raise `NotYet` with the reason.

    Lists, tuples, tensors and arrays of any number type are accepted. ``shape`` is the expected
    shape; ``name`` begins the sentence of the hint. NaN and infinity are refused.
    """
    try:
        array = np.asarray(answer)
    except ValueError:
        raise NotYet(
            f"{name} has rows of different lengths: every row needs as many numbers."
        ) from None
    if array.dtype == object:
        raise NotYet(f"{name} should be an array of numbers; yours contains something else.")
    if array.dtype.kind not in "fiubc":
        kind = "text" if array.dtype.kind in "US" else f"{array.dtype.name} values"
        raise NotYet(f"{name} should be numbers, not {kind}.")
    array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    if shape is not None and array.shape != shape:
        raise NotYet(f"{name} should have the shape {shape}; yours has {array.shape}.")
    if np.isnan(array).any():
        raise NotYet(
            f"{name} contains NaN (not a number): look for 0 / 0, or for a root or logarithm of a "
            "negative number."
        )
    if np.isinf(array).any():
        raise NotYet(f"{name} is infinite somewhere: look for a division by 0 or a log of 0.")
    return array


def as_number(answer: Any, name: str = "The answer") -> float:
    """Return ``answer`` as one finite real number, or raise `NotYet` with the reason."""
    array = as_array(answer, None, name)
    if array.size != 1:
        raise NotYet(f"{name} should be one number; yours has the shape {array.shape}.")
    if np.iscomplexobj(array):
        raise NotYet(f"{name} should be a real number; yours is complex: use np.abs or np.angle.")
    return float(array.reshape(()))


def as_numbers(answer: Any, names: tuple[str, ...]) -> dict[str, float]:
    """Return ``answer`` as a dict from each of ``names`` to a number, or raise `NotYet`."""
    if not isinstance(answer, dict) or set(answer) != set(names):
        count = {5: "five", 6: "six"}.get(len(names), str(len(names)))
        raise NotYet(f"Give a dict with {count} numbers: {', '.join(names)}.")
    if any(value is None or value is ... for value in answer.values()):
        raise NotYet("Nothing to check so far: put a number in place of each ...")
    return {name: as_number(answer[name], f"“{name}”") for name in names}


def first_wrong(
    said: Mapping[str, float],
    found: Mapping[str, float],
    near: Mapping[str, float],
    usual: Mapping[str, Mapping[float, str]],
    parts: float = 1,
) -> tuple[str, str | None] | None:
    """Return the name of the first wrong prediction and its usual mistake; None if all are right.

    A prediction is right within ``near`` of what was ``found``. ``usual`` maps wrong values to
    their hints; one applies within ``near / parts``, and without one the mistake is None.
    """
    for name, value in said.items():
        if abs(value - found[name]) <= near[name]:
            continue
        for mistake, message in usual[name].items():
            if abs(value - mistake) <= near[name] / parts:
                return name, message
        return name, None
    return None


def as_words(answer: Any, letters: str, words: tuple[str, ...]) -> dict[str, str]:
    """Return ``answer`` as a dict from each letter to one of ``words``, or raise `NotYet`."""
    if not isinstance(answer, dict) or set(answer) != set(letters):
        raise NotYet(f"Give a dict with one word for each of the letters {', '.join(letters)}.")
    if any(word is None or word is ... for word in answer.values()):
        raise NotYet("Nothing to check so far: put a word in place of each ...")
    said = {letter: str(answer[letter]).strip().lower() for letter in letters}
    unknown = [word for word in said.values() if word not in words]
    if unknown:
        raise NotYet(f"“{unknown[0]}” is not one of: {', '.join(words)}.")
    if len(words) == len(letters) and len(set(said.values())) < len(letters):
        raise NotYet("Each word fits exactly one of the sounds.")
    return said


_USUAL = {
    "truth value of an array": "an `if`, `and`, `or`, `min` or `max` got a whole array where it "
    "needs one number. np.where, np.minimum and np.maximum work on every element.",
    "inhomogeneous": "an array was made from rows of different lengths.",
    "could not be broadcast": "two arrays of different shapes were combined.",
    "unsupported operand type(s)": "one of the two values is not a number or an array. A list or "
    "a function must be converted or called first.",
    "can't multiply sequence": "a list cannot be multiplied like an array: np.array(…) makes one.",
    "is not callable": "something that is not a function was called.",
    "positional argument": "the function takes other arguments than the exercise gives it.",
    "only length-1 arrays": "`math` functions take one number; NumPy's take arrays: np.sqrt, "
    "np.log10 …",
    "only 0-dimensional arrays": "`math` functions take one number; NumPy's take arrays: np.sqrt, "
    "np.log10 …",
}


def explain(error: Exception) -> str:
    """Say in a sentence what an exception in a learner's code usually means."""
    told = f"Your code stopped with {type(error).__name__}: {error}"
    for words, meaning in _USUAL.items():
        if words in str(error):
            return f"{told.rstrip('.')}. That means: {meaning}"
    return told
