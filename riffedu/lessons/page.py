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


def mathml(equation: str, display: str = "inline") -> str:
    r"""Return a LaTeX equation as MathML; ``display="block"`` puts it on a line of its own.

    latex2mathml knows neither ``\|`` nor ``\arg`` and would print the commands.
    """
    equation = re.sub(r"(\\big)?\\\|", r"\\Vert ", equation)
    equation = equation.replace(r"\arg", r"\operatorname{arg}")
    return convert(equation.strip(), display=display)


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
