"""The result of checking an exercise: right, or a hint. A check never raises on an answer."""

from __future__ import annotations

import functools
import html
from collections.abc import Callable
from typing import Any

from riffedu.widgets.answers import NotYet, explain


class Verdict:
    """``right`` and a ``message``, displayed by a cell whose last line is a check."""

    def __init__(self, right: bool, message: str):
        self.right, self.message = right, message

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{'✓ Right.' if self.right else '✗ Not yet.'} {self.message}"

    def _repr_html_(self) -> str:
        colour = "#0072b2" if self.right else "#d55e00"  # a pair for eyes of every kind
        style = f"border-left:5px solid {colour};padding:0.3em 0.8em"
        return f'<div role="status" style="{style}">{html.escape(repr(self))}</div>'


def right(message: str) -> Verdict:
    """Return a verdict for a right answer."""
    return Verdict(True, message)


def hint(message: str) -> Verdict:
    """Return a verdict for an answer that is not right yet."""
    return Verdict(False, message)


def check(function: Callable[..., Any]) -> Callable[..., Verdict]:
    """Decorate a check: it returns a hint if the learner's code raises or is still missing."""

    @functools.wraps(function)
    def checked(answer: Any, *more: Any) -> Verdict:
        if answer is None or answer is ...:
            return hint("Nothing to check so far: replace the ... with your answer.")
        try:
            return function(answer, *more)
        except NotWritten:
            return hint("Your function returns nothing: write its body and end it with return.")
        except NotYet as reason:
            return hint(str(reason))
        except Exception as error:
            return hint(explain(error))

    return checked


class NotWritten(Exception):
    """Raised when a learner's function returns None or ``...``."""


def run(function: Callable, *arguments: Any) -> Any:
    """Call a learner's function; raise `NotWritten` if it returns nothing."""
    if not callable(function):
        raise NotYet("Give the check your function itself, by its name and without brackets.")
    value = function(*arguments)
    if (
        value is None
        or value is ...
        or isinstance(value, tuple)
        and any(part is ... for part in value)
    ):
        raise NotWritten
    return value
