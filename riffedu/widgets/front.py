"""The browser's half of a widget: files of `js/`, joined in the order given; or what stands in for it.

The files are plain scripts that share one scope, so nothing is built or fetched; the last one holds the
``export default`` that anywidget wants.
"""

from __future__ import annotations

from pathlib import Path

ELSEWHERE = "<p><em>This part is alive where the notebook runs: open the course with <code>riffedu lab</code>.</em></p>"
FOLDER = Path(__file__).parent / "js"


def front(*names: str) -> str:
    """The text of the named files, one after the other."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


def or_else(bundle, html: str = ELSEWHERE, text: str | None = None):
    """A widget's display bundle, and what a page shows where widgets can't load."""
    if not bundle:
        return bundle
    if isinstance(bundle, tuple):
        return or_else(bundle[0], html, text), bundle[1]
    words = {} if text is None else {"text/plain": text}
    return {**bundle, **words, "text/html": html}
