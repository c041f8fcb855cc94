"""What a lesson's page without a kernel and a network is made of: slides, worksheet, site.

Equations are MathML, which browsers draw without a script.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

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
