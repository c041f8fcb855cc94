"""Checks of a pipeline's arguments: each returns the valid value, or raises RiffeduError.

The message is one line with the value and the permitted range.
"""

from __future__ import annotations

import math
import operator
import secrets
from collections.abc import Iterable
from typing import Any

from riffedu.class_limits import class_limits
from riffedu.errors import RiffeduError


def pair_up(prompt: Any, negative: Any, seed: Any) -> list[tuple[str, str, int]]:
    """Return one (prompt, negative prompt, seed) per clip; a single value applies to all clips.

    Raises RiffeduError if lists differ in length or are empty, or if a value is invalid.
    """
    negative = "" if negative is None else negative
    seed = seed_of(None) if seed is None else seed
    given = {"prompts": prompt, "negative prompts": negative, "seeds": seed}
    lists = {k: list(v) if is_list(v) else None for k, v in given.items()}
    lengths = {k: len(v) for k, v in lists.items() if v is not None}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        found = ", ".join(f"{n} {k}" for k, n in lengths.items())
        raise RiffeduError(f"give non-empty lists of the same length, not {found}")
    count = max(lengths.values(), default=1)
    columns = [lists[k] or [v] * count for k, v in given.items()]
    return [
        (text("prompt", p), text("negative prompt", n, empty=True), seed_of(s))
        for p, n, s in zip(*columns)
    ]


def text(what: str, value: Any, empty: bool = False, longest: int | None = None) -> str:
    """Check a string, blank only if ``empty``; lone surrogates become question marks.

    ``longest`` is its most characters.
    """
    if not isinstance(value, str):
        raise RiffeduError(f"the {what} must be text, not {type(value).__name__}")
    if not (empty or value.strip()):
        raise RiffeduError(f'the {what} is empty: say what to play, e.g. "a calm solo piano"')
    if longest is not None and len(value) > longest:
        raise RiffeduError(
            f"the {what} has {len(value)} characters: at most {longest} are possible"
        )
    return value.encode("utf-8", "replace").decode()


def whole(what: str, value: Any, low: int, high: int) -> int:
    """Check an integer from ``low`` to ``high``."""
    try:
        number = operator.index(value)
    except TypeError:
        raise RiffeduError(f"{what} must be a whole number, not {value!r}") from None
    if isinstance(value, bool) or not low <= number <= high:
        raise RiffeduError(f"{what} must be a whole number from {low} to {high}, not {value}")
    return number


def steps(what: str, value: Any, most: int) -> int:
    """Check a number of denoising steps, from 1 to ``most`` or to the limit of the class."""
    return whole(what, value, 1, min(most, class_limits().steps))


def seed_of(value: Any) -> int:
    """Check a seed, an integer from 0 to 2⁶³ − 1 as torch requires; choose one at random for None.

    Random seeds are below 2³¹, short enough to write down.
    """
    if value is None:
        return secrets.randbelow(2**31)
    return whole("seed", value, 0, 2**63 - 1)


def number(what: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """Check that a value is a number from ``low`` to ``high`` and not NaN."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise RiffeduError(f"{what} must be a number, not {value!r}") from None
    if math.isnan(found):
        raise RiffeduError(f"{what} must be a number, not NaN")
    if not low <= found <= high:
        raise RiffeduError(f"{what} must be from {low:g} to {high:g}, not {found:g}")
    return found


def guidance(scale: Any) -> float:
    """Check a guidance scale, 0 to 30."""
    return number("guidance_scale", scale, 0, 30)


def duration(seconds: Any) -> float:
    """Check the length of a clip to generate, in seconds."""
    seconds = number("duration", seconds)
    most = class_limits().clip_seconds
    if not 0 < seconds <= most:
        raise RiffeduError(
            f"duration must be more than 0 and at most {most:g} seconds, not {seconds:g}"
        )
    return seconds


def sound_length(seconds: float) -> float:
    """Check the length of a sound to edit, in seconds."""
    most = class_limits().sound_seconds
    if seconds > most:
        raise RiffeduError(
            f"the sound lasts {seconds:.0f} s, but at most {most:g} s can be edited at "
            "once: cut it, for example with `riffedu sample-clips`"
        )
    return seconds


def one_of(what: str, value: Any, known: Iterable[str]) -> str:
    """Check that a value is one of the ``known`` names."""
    if value not in (known := list(known)):
        raise RiffeduError(f"{what} must be one of {', '.join(known)}, not {value!r}")
    return value


def is_list(value: Any) -> bool:
    """Return whether ``value`` is a list or another iterable, but not a string."""
    return not isinstance(value, str) and hasattr(value, "__iter__")
