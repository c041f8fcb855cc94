"""Slides of a lesson from its own cells: ``python -m riffedu.lessons.slides 05 -o FOLDER``.

Each section begins a slide to the right; its code cells follow below, one a slide, and a slide that
is longer than the screen scrolls. Answers to questions are speaker notes (press S). Written by
nbconvert for reveal.js, which the page loads from the network, as it does MathJax.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from riffedu import syllabus
from riffedu.errors import RiffeduError
from riffedu.lessons.build import SOURCES, solution
from riffedu.output import say, write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

REVEAL = "https://cdn.jsdelivr.net/npm/reveal.js@4.6.1"
_FOR_TESTS = re.compile(r"^# NBVAL_\w+\n?", re.MULTILINE)
_ANSWER = re.compile(r"<details><summary>Answer</summary>(.*?)</details>", re.DOTALL)


def with_slides(book: NotebookNode, more: bool = False) -> NotebookNode:
    """Split a notebook at its headings and mark its cells as slides, sub-slides and notes.

    Sections marked (more), the summary's links and the exercises' solutions are left out, unless
    ``more`` keeps the sections.
    """
    import nbformat.v4 as v4

    cells: list[NotebookNode] = []
    skipped = False

    def add(cell: NotebookNode, kind: str) -> None:
        cell.metadata["slideshow"] = {"slide_type": kind}
        cells.append(cell)

    for cell in book.cells:
        if cell.cell_type == "code":
            if not skipped:
                cell.source = _FOR_TESTS.sub("", cell.source).rstrip()
                add(cell, "subslide")
            continue
        for part in re.split(r"(?=^## )", cell.source, flags=re.MULTILINE):
            heading = re.match(r"## (.+)", part)
            if heading:
                optional = heading[1].endswith(" (more)") and not more
                skipped = optional or heading[1].startswith("Exercise")
            if skipped or not part.strip():
                continue
            notes = _ANSWER.findall(part)
            shown = _ANSWER.sub("", part).replace(" (more)", "").strip()
            add(v4.new_markdown_cell(shown), "slide" if heading or not cells else "subslide")
            for note in notes:
                add(v4.new_markdown_cell(note.strip()), "notes")
    return v4.new_notebook(cells=cells, metadata=book.metadata)


def write_slides(
    number: float | str,
    folder: str | Path = ".",
    more: bool = False,
    execute: bool = False,
    reveal: str = REVEAL,
) -> Path:
    """Write ``FOLDER/05_griffin_lim.slides.html`` and return its path.

    ``execute`` runs the cells first, so that the slides have pictures and sounds. Raises
    RiffeduError for an unknown lesson or a folder that does not exist.
    """
    from nbconvert import SlidesExporter

    lesson, folder = syllabus.lesson(number), Path(folder).expanduser()
    if not folder.is_dir():
        raise RiffeduError(f"there is no folder {folder} for the slides")
    source = SOURCES / f"l{lesson.name}" / "lesson.md"
    if not source.is_file():
        raise RiffeduError(f"lesson {lesson.heading} is planned and has no slides yet")
    book = with_slides(solution(source.read_text("utf-8")), more)
    if execute:
        from nbclient import NotebookClient

        NotebookClient(book, timeout=600, store_widget_state=False).execute()
    exporter = SlidesExporter(reveal_url_prefix=reveal, exclude_input_prompt=True)
    exporter.reveal_scroll = True
    page, _ = exporter.from_notebook_node(book)
    path = folder / f"{lesson.name}.slides.html"
    write_text(path, page)
    return path


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m riffedu.lessons.slides",
        description="Write a lesson as slides for a browser.",
    )
    parser.add_argument("lesson", help="number of the lesson, for example 5 or 1b")
    parser.add_argument(
        "-o", "--output", default=".", help="folder to write to (default: the current one)"
    )
    parser.add_argument("--more", action="store_true", help="include the sections marked (more)")
    parser.add_argument(
        "--execute", action="store_true", help="run the cells first (about a minute)"
    )
    parser.add_argument("--reveal", default=REVEAL, help="another address of reveal.js 4")
    args = parser.parse_args(arguments)
    try:
        say(write_slides(args.lesson, args.output, args.more, args.execute, args.reveal))
    except RiffeduError as error:
        say(f"error: {error}", sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
