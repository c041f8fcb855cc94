"""A widget's JavaScript and CSS, and the HTML that replaces it on a static page.

The files in ``js/`` are plain scripts that share one scope, so there is no build step. The last
one holds the ``export default`` that anywidget requires.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

ELSEWHERE = (
    "<p><em>This panel is interactive in a running notebook: "
    "open the course with <code>riffedu lab</code>.</em></p>"
)
FOLDER = Path(__file__).parent / "js"


def front(*names: str | Path) -> str:
    """Return the text of the files, joined in this order; names are relative to ``js/``."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


def or_else(bundle: Any, html: str = ELSEWHERE, text: str | None = None) -> Any:
    """Add to a widget's display bundle what a page without widgets shows: ``html``, ``text``."""
    if not bundle:
        return bundle
    if isinstance(bundle, tuple):
        return or_else(bundle[0], html, text), bundle[1]
    words = {} if text is None else {"text/plain": text}
    return {**bundle, **words, "text/html": html}
