"""What may be asked of a pipeline: each check gives the value back, or says what is wrong with it.

Raises RiffeduError in one line, before any work is done.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any

from riffedu.errors import RiffeduError

LONGEST = 60.0
"""Seconds that may be made at once."""
LONGEST_SOUND = 300.0
"""Seconds of a sound that may be changed at once: some 1.5 GB."""


def pair_up(prompt: Any, negative: Any, seed: Any) -> list[tuple[str, str, int]]:
    """One (prompt, negative prompt, seed) per clip; what isn't a list serves all of them."""
    negative = "" if negative is None else negative
    given = {"prompts": prompt, "negative prompts": negative, "seeds": seed}
    lists = {k: list(v) if is_list(v) else None for k, v in given.items()}
    lengths = {k: len(v) for k, v in lists.items() if v is not None}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        told = ", ".join(f"{n} {k}" for k, n in lengths.items())
        raise RiffeduError(f"give lists of one length, at least 1, not {told}")
    count = max(lengths.values(), default=1)
    columns = [lists[k] or [v] * count for k, v in given.items()]
    return [
        (text("prompt", p), text("negative prompt", n, empty=True), seed_of(s))
        for p, n, s in zip(*columns)
    ]


def text(what: str, value: Any, empty: bool = False) -> str:
    """Text, not blank unless ``empty``; halves of surrogate pairs become question marks."""
    if not isinstance(value, str):
        raise RiffeduError(f"the {what} must be text, not {type(value).__name__}")
    if not (empty or value.strip()):
        raise RiffeduError(f'the {what} is empty: say what to play, e.g. "a calm solo piano"')
    return value.encode("utf-8", "replace").decode()


def whole(what: str, value: Any, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``."""
    try:
        number = operator.index(value)
    except TypeError:
        raise RiffeduError(f"{what} must be a whole number, not {value!r}") from None
    if isinstance(value, bool) or not low <= number <= high:
        raise RiffeduError(f"{what} must be a whole number from {low} to {high}, not {value}")
    return number


def seed_of(value: Any) -> int:
    """A whole number that torch takes as a seed."""
    return whole("seed", value, 0, 2**63 - 1)


def number(what: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """A number from ``low`` to ``high``; NaN is none."""
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
    """A guidance scale, 0 to 30."""
    return number("guidance_scale", scale, 0, 30)


def duration(seconds: Any) -> float:
    """Seconds that a picture may last."""
    seconds = number("duration", seconds)
    if not 0 < seconds <= LONGEST:
        raise RiffeduError(
            f"duration must be more than 0 and at most {LONGEST:g} seconds, not {seconds:g}"
        )
    return seconds


def sound_length(seconds: float) -> float:
    """Seconds of a sound that is to be changed."""
    if seconds > LONGEST_SOUND:
        raise RiffeduError(
            f"the sound lasts {seconds:.0f} s, and {LONGEST_SOUND:g} s at most can be changed at "
            "once: cut it, for example with `riffedu sample-clips`"
        )
    return seconds


def one_of(what: str, value: Any, known: Iterable[str]) -> str:
    """One of the ``known`` names."""
    if value not in (known := list(known)):
        raise RiffeduError(f"{what} must be one of {', '.join(known)}, not {value!r}")
    return value


def is_list(value: Any) -> bool:
    """Whether ``value`` holds several; text is one."""
    return not isinstance(value, str) and hasattr(value, "__iter__")
