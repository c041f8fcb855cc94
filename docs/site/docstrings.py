"""Docstrings as reStructuredText: equations keep their lines, lessons are links."""

from __future__ import annotations

import re
from typing import Any

from riffedu.syllabus import LESSONS

NAMES = {lesson.name for lesson in LESSONS}
LESSON = re.compile(r"(?<![\w/`])(\d\db?_\w+)(?![\w/`])")
LITERAL = re.compile(r"(``.+?``|`[^`]+`)")


def process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place, as autodoc's event asks for."""
    lines[:] = with_literal_blocks([readable(line) for line in lines])


def readable(line: str) -> str:
    """Escape what would be markup outside literals, and link lessons."""
    if line.lstrip().startswith(">>>"):
        return line
    parts = LITERAL.split(line)
    parts[::2] = [LESSON.sub(link, re.sub(r"([*|])", r"\\\1", part)) for part in parts[::2]]
    return "".join(parts)


def link(found: re.Match) -> str:
    """Return a lesson's name as a link to its page."""
    name = found[1]
    return f":doc:`{name} </notebooks/{name}>`" if name in NAMES else name


def with_literal_blocks(lines: list[str]) -> list[str]:
    """Mark an indented block after a blank line, such as an equation, as text to be kept."""
    made: list[str] = []
    inside = False
    for place, line in enumerate(lines):
        indented = line.startswith("    ")
        before = [each for each in lines[:place] if each.strip()][-1:]
        starts = indented and not inside and place and not lines[place - 1].strip()
        if starts and before and not before[0].startswith((" ", "*", "-", ">>>")):
            if not before[0].endswith("::"):
                made += ["::", ""]
            inside = True
        elif line.strip() and not indented:
            inside = False
        made.append(line.replace("\\*", "*").replace("\\|", "|") if inside else line)
    return made
