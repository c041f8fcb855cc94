"""What the files test_hints_NN.py share: compare a verdict with the words its hint must have."""

from __future__ import annotations

from riffedu.widgets.verdict import Verdict


def said(verdict: Verdict, words: str | None) -> None:
    """Assert that a verdict is right (``words`` is None) or a hint that contains ``words``."""
    assert bool(verdict) == (words is None), repr(verdict)
    assert words is None or words in verdict.message, repr(verdict)
    assert "\n" not in verdict.message and len(verdict.message) < 400, repr(verdict)
