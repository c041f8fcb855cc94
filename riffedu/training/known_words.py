"""Which words of a prompt the captions of the shipped model's training data contain.

A text encoder gives every word a place, but the denoiser has learned sounds only for the words of
its captions; for any other word it can at best follow a neighbour. Taught by notebook 14.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from riffedu.paths import models_folder

from . import caption_numbers, vocabulary
from .instruments import INSTRUMENTS
from .music.theory import KEYS

SHORTEST = 3
"""Letters of the shortest word that counts."""
PLAIN = frozenset(
    "and are but for from hear its let like not now one play played plays please register some "
    "something sound sounds that the them then this three time two very want with you your".split()
)
"""Words without a sound of their own, and those that `captions` adds to the tables."""


@lru_cache
def caption_words() -> frozenset[str]:
    """Return every word that a training caption can contain, in lower case."""
    tables = [
        *(value for name, value in vars(vocabulary).items() if name.isupper()),
        *(value for name, value in vars(caption_numbers).items() if name.isupper()),
        INSTRUMENTS.keys(),
        KEYS,
    ]
    held_out = [vocabulary.HELD_OUT, vocabulary.HELD_OUT_MOODS, vocabulary.HELD_OUT_TEMPI]
    kept = [table for table in tables if not any(table is each for each in held_out)]
    return frozenset(
        word for text in _strings(kept) for word in _words(re.sub(r"\{\w+\}", "", text))
    )


def unknown_words(prompt: str) -> list[str]:
    """Return the words of ``prompt`` that no training caption contains, in order, each once.

    Numbers, words of fewer than three letters and words such as "the" don't count; a singular and
    its plural are one word. Notebook: 14_train_your_own.

    >>> unknown_words("An opera singer with a piano, guitars and a barking dog")
    ['opera', 'singer', 'barking', 'dog']
    """
    known = caption_words() | PLAIN
    found = [word for word in _words(prompt) if len(word) >= SHORTEST and not _forms(word) & known]
    return list(dict.fromkeys(found))


def warning_of(prompt: str) -> str:
    """Return one line about the unknown words of ``prompt``, ``""`` if it has none."""
    words = unknown_words(prompt)
    shown = ", ".join(f"“{word[:30]}”" for word in words[:5]) + (" …" if len(words) > 5 else "")
    return words and f"the model's training never used {shown}: it can only guess" or ""


def is_shipped(model: str | Path) -> bool:
    """Return whether ``model`` is the shipped one, which these captions describe."""
    return str(model) == "default" or Path(model) == models_folder() / "default"


def _forms(word: str) -> set[str]:
    return {word, f"{word}s", word.removesuffix("s"), word.removesuffix("es")}


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _strings(table: object) -> Iterator[str]:
    """Every string inside nested tables, keys included."""
    if isinstance(table, str):
        yield table
    elif isinstance(table, dict):
        yield from _strings([*table.keys(), *table.values()])
    elif hasattr(table, "__iter__"):
        for each in table:
            yield from _strings(each)
