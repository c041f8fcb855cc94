"""What a check answers: right, or not yet with a hint. It never raises on a learner's answer."""

from __future__ import annotations

import functools
import html


class Verdict:
    """``right`` and one ``message``; a cell that ends in a check shows it."""

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
    return Verdict(True, message)


def hint(message: str) -> Verdict:
    return Verdict(False, message)


def check(function):
    """A check that answers with a hint where the learner's code raises or is not written yet."""

    @functools.wraps(function)
    def checked(answer, *more):
        if answer is None or answer is ...:
            return hint("Nothing to check so far: replace the ... with your answer.")
        try:
            return function(answer, *more)
        except NotWritten:
            return hint("Your function gives nothing back: write its body, end with return.")
        except Exception as error:
            return hint(f"Your code stopped with {type(error).__name__}: {error}")

    return checked


class NotWritten(Exception):
    """A learner's function gave None or a hole: its body or its return is not written yet."""


def run(function, *arguments):
    """Call a learner's function."""
    value = function(*arguments)
    if (
        value is None
        or value is ...
        or isinstance(value, tuple)
        and any(part is ... for part in value)
    ):
        raise NotWritten
    return value
