"""Text from phones, reduced to what is safe to show, to record and to use as a prompt."""

from __future__ import annotations

import unicodedata

from riffedu.errors import RiffeduError

LONGEST_NAME = 20
LONGEST_PROMPT = 80
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
    """Replace all but letters, marks, digits and ``signs`` with spaces, and join the spaces."""
    if not isinstance(text, str):
        raise RiffeduError("enter some text")
    out, marks = "", 0
    for character in unicodedata.normalize("NFC", text[: 4 * LONGEST_PROMPT]):
        kind = unicodedata.category(character)[0]
        marks = marks + 1 if kind == "M" else 0
        if marks <= MARKS:
            out += character if kind in "LNM" or character in signs else " "
    return " ".join(out.split())
