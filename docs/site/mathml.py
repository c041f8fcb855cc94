"""Equations as MathML: browsers draw it by themselves, so a page needs no script and no network."""

from __future__ import annotations

from typing import Any

from docutils import nodes

from riffedu.lessons.page import mathml


def inline(writer: Any, node: nodes.Element) -> None:
    """Write an equation within a line."""
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def block(writer: Any, node: nodes.Element) -> None:
    """Write an equation on a line of its own, which scrolls where the page is narrow."""
    drawn = mathml(node.astext(), "block")
    writer.body.append(f'<div class="equation" tabindex="0">{drawn}</div>\n')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Register the renderer, which ``html_math_renderer = "mathml"`` chooses."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
