"""What a lesson's page without a kernel and a network is made of: slides, worksheet, site.

Equations are MathML, which browsers draw without a script.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from riffedu import syllabus
from riffedu.errors import RiffeduError
from riffedu.lessons.build import source_of
from riffedu.output import say

if TYPE_CHECKING:
    from nbformat import NotebookNode

_PROGRESS = re.compile(r"\d+%\|")  # tqdm's
_ATOM = r"<m[ino][^>]*>[^<]*</m[ino]>"
_FUNCTION = re.compile(rf"<mi>([a-z]{{2,}})</mi>((?:{_ATOM}|<mrow>(?:{_ATOM})+</mrow>)</msu[bp]>)?")
_BAR = re.compile(r'<mo(?: stretchy="false")?>(&#x0007C;|&#x02016;)</mo>')
_OPENING = re.compile(r"(<mrow>)?<mo [^>]*>(&#x00028;|&#x0005B;|[(\[])")


def mathml(equation: str, display: str = "inline") -> str:
    r"""Return a LaTeX equation as MathML; ``display="block"`` puts it on a line of its own.

    latex2mathml knows neither ``\|`` nor ``\arg`` and would print the commands; and it sets names
    of functions without space, so that ``a \sin`` reads as the arcsine. A browser takes the bars of
    |a| for relations, with space on both sides, and lets one bar of a norm grow without the other.
    """
    equation = re.sub(r"(\\big)?\\\|", r"\\Vert ", equation)
    equation = equation.replace(r"\arg", r"\operatorname{arg}")
    drawn = _FUNCTION.sub(_spaced, convert(equation.strip(), display=display))
    return _BAR.sub(r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>', drawn)


def _spaced(name: re.Match[str]) -> str:
    """Return a function's name as an operator: a thin space before it, and one after it."""
    after = "0" if _OPENING.match(name.string, name.end()) else "0.167em"
    return f'<mo lspace="0.167em" rspace="{after}">{name[1]}</mo>{name[2] or ""}'


class MathML(IPythonRenderer):
    """nbconvert's renderer, with equations drawn instead of left to MathJax."""

    def inline_math(self, body: str) -> str:
        """Return an equation within a line."""
        return mathml(body)

    def block_math(self, body: str) -> str:
        """Return an equation on a line of its own."""
        return mathml(body, "block")


def to_html(markdown: str, **options: Any) -> str:
    """Return the HTML of a cell's Markdown."""
    renderer = MathML(escape=False, exclude_anchor_links=True, **options)
    return MarkdownWithMath(renderer=renderer).render(markdown)


def passing(output: NotebookNode) -> bool:
    """Tell whether an output is of use only while a cell runs."""
    text = "".join(output.get("data", {}).get("text/plain", ""))
    return bool(_PROGRESS.search(text)) or output.get("name") == "stderr"


def source_and_place(
    number: float | str, folder: str | Path, kind: str
) -> tuple[syllabus.Lesson, str, Path]:
    """Return a lesson, its source, and ``FOLDER/05_griffin_lim.KIND.html``.

    Raises RiffeduError for an unknown lesson or a folder that does not exist.
    """
    lesson, folder = syllabus.lesson(number), Path(folder).expanduser()
    if not folder.is_dir():
        raise RiffeduError(f"there is no folder {folder} for the {kind}")
    return lesson, source_of(lesson).read_text("utf-8"), folder / f"{lesson.name}.{kind}.html"


def parser_for(kind: str, description: str) -> argparse.ArgumentParser:
    """Return the parser of ``python -m riffedu.lessons.KIND``: a lesson, and where to write."""
    parser = argparse.ArgumentParser(
        prog=f"python -m riffedu.lessons.{kind}", description=description
    )
    parser.add_argument("lesson", help="number of the lesson, for example 5 or 1b")
    parser.add_argument(
        "-o", "--output", default=".", help="folder to write to (default: the current one)"
    )
    return parser


def exit_code_of(write: Callable[[], Path]) -> int:
    """Write a page and say where it is; an error is one line, and exit code 2."""
    try:
        say(write())
    except RiffeduError as error:
        say(f"error: {error}", sys.stderr)
        return 2
    return 0
