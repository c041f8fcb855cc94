"""Text from phones, reduced to what is safe to show, to record and to use as a prompt."""

from __future__ import annotations

import re
import unicodedata

from riffedu.errors import RiffeduError

LONGEST_NAME = 20
LONGEST_PROMPT = 80
BLANK_LETTERS = re.compile("[\u115f\u1160\u3164\uffa0]")
"""The fillers of Hangul, which Unicode counts as letters."""
UNSEEN_MARKS = re.compile(
    "[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U00016fe4\U000e0100-\U000e01ef]"
)
"""Joiners and selectors of variants, which would make two names look like one."""
MARKS = 2  # combining marks in a row: enough for every script, too few to cover other lines


def clean_name(name: object) -> str:
    """Return a name of at most 20 characters: letters, digits, spaces and ``.'-``.

    Raises RiffeduError if nothing of it is left.

    >>> clean_name("  Ada <b>L.</b> ")
    'Ada b L. b'
    """
    kept = _clean(name, ".'-")[:LONGEST_NAME].strip()
    if not any(map(str.isalnum, kept)):
        raise RiffeduError("enter a name with at least one letter")
    return kept


def clean_prompt(text: object) -> str:
    """Return a prompt of letters, digits, spaces and ``.,'-/#&``, without any prompt syntax.

    Raises RiffeduError if nothing of it is left, or if it has more than 80 characters.

    >>> clean_prompt("(fast:1.3) drums -> [piano]")
    'fast 1.3 drums - piano'
    """
    kept = _clean(text, ".,'-/#&")
    if not any(map(str.isalnum, kept)):
        raise RiffeduError("write what to play, for example: a calm solo piano")
    if len(kept) > LONGEST_PROMPT:
        raise RiffeduError(f"at most {LONGEST_PROMPT} characters, please")
    return kept


def _clean(text: object, signs: str) -> str:
    """Replace all but visible letters, marks, digits and ``signs`` with spaces; join the spaces."""
    if not isinstance(text, str):
        raise RiffeduError("enter some text")
    visible = UNSEEN_MARKS.sub("", BLANK_LETTERS.sub(" ", text[: 4 * LONGEST_PROMPT]))
    out, marks = "", 0
    for character in unicodedata.normalize("NFC", visible):
        kind = unicodedata.category(character)[0]
        marks = marks + 1 if kind == "M" else 0
        if marks <= MARKS:
            out += character if kind in "LNM" or character in signs else " "
    return " ".join(out.split())
