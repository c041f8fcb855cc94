"""The browser's half of a widget: files of `js/`, joined in the order given.

They are plain scripts that share one scope, so nothing is built or fetched; the last one holds the
``export default`` that anywidget wants.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "js"


def front(*names: str) -> str:
    """The text of the named files, one after the other."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
