"""Slides of a lesson from its own cells: ``python -m riffedu.lessons.slides 05 -o FOLDER``.

Each section begins a slide to the right; what follows in it is below, as much text, code and output
as a screen holds a slide. Answers to questions are speaker notes (press S). The page is one file
that needs no network: reveal.js is in it, and equations are MathML, which browsers draw themselves.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from riffedu.lessons.build import solution
from riffedu.lessons.page import exit_code_of, parser_for, passing, source_and_place, to_html
from riffedu.output import write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

WORDS, LINES, OUTPUT = 130, 24, 0.4
"""What fills a slide: words of text, or lines of code; and an output's share of it."""

HERE = Path(__file__).parent
_FOR_TESTS = re.compile(r"^# NBVAL_\w+\n?", re.MULTILINE)
_PLAN = re.compile(r"^\*\*In 45 minutes\*\*.*\n?", re.MULTILINE)
_ANSWER = re.compile(r"<details><summary>Answer</summary>(.*?)</details>", re.DOTALL)


def with_slides(book: NotebookNode, more: bool = False) -> NotebookNode:
    """Split a notebook at its headings and mark its cells as slides, sub-slides and notes.

    Sections marked (more), the summary's links and the exercises' solutions are left out, unless
    ``more`` keeps the sections.
    """
    import nbformat.v4 as v4

    cells: list[NotebookNode] = []
    skipped, full = False, 0.0

    def add(cell: NotebookNode, share: float, section: bool = False) -> None:
        """Add a cell to the slide, or to the next one if this one has too little room."""
        nonlocal full
        fits = full + share <= 1 and not section
        kind = "-" if fits else "slide" if section else "subslide"
        full = full + share if fits else share
        cell.metadata["slideshow"] = {"slide_type": kind}
        cells.append(cell)

    for cell in book.cells:
        if cell.cell_type == "code":
            if not skipped:
                cell.source = _FOR_TESTS.sub("", cell.source).rstrip()
                add(cell, cell.source.count("\n") / LINES + OUTPUT)
            continue
        for part in re.split(r"(?=^## )", cell.source, flags=re.MULTILINE):
            heading = re.match(r"## (.+)", part)
            if heading:
                optional = heading[1].endswith(" (more)") and not more
                skipped = optional or heading[1].startswith("Exercise")
            if skipped or not part.strip():
                continue
            notes = _ANSWER.findall(part)
            shown = _PLAN.sub("", _ANSWER.sub("", part)).replace(" (more)", "").strip()
            for number, text in enumerate(paragraphs(shown)):
                section = number == 0 and (heading is not None or not cells)
                add(v4.new_markdown_cell(text), len(text.split()) / WORDS, section)
            for note in notes:
                cells.append(v4.new_markdown_cell(note.strip()))
                cells[-1].metadata["slideshow"] = {"slide_type": "notes"}
    return v4.new_notebook(cells=cells, metadata=book.metadata)


def paragraphs(markdown: str) -> list[str]:
    r"""Split Markdown between its paragraphs; a list is one, and so is a table or a block of code.

    >>> paragraphs("One.\n\n- two\n\n  still two\n- three\n\nFour.")
    ['One.', '- two\n\n  still two\n- three', 'Four.']
    """
    parts: list[str] = []
    for each in re.split(r"\n\n+(?=\S)", markdown):
        last = parts[-1] if parts else ""
        if last.startswith("#") and "\n" not in last or last.count("```") % 2:
            parts[-1] += f"\n\n{each}"  # under its heading; within code
        else:
            parts.append(each)
    return parts


def write_slides(
    number: float | str, folder: str | Path = ".", more: bool = False, execute: bool = False
) -> Path:
    """Write ``FOLDER/05_griffin_lim.slides.html`` and return its path.

    ``execute`` runs the cells first, so that the slides have pictures and sounds. Raises
    RiffeduError for an unknown lesson or a folder that does not exist.
    """
    lesson, source, path = source_and_place(number, folder, "slides")
    book = with_slides(solution(source), more)
    if execute:
        run(book)
    write_text(path, to_page(book, lesson.heading))
    return path


def run(book: NotebookNode) -> None:
    """Execute a notebook in a folder of its own, with a progress bar, and keep what it shows."""
    from nbclient import NotebookClient
    from tqdm.auto import tqdm

    code = [cell for cell in book.cells if cell.cell_type == "code"]
    with tempfile.TemporaryDirectory() as place, tqdm(total=len(code), unit="cell") as bar:
        NotebookClient(
            book,
            timeout=600,
            store_widget_state=False,
            resources={"metadata": {"path": place}},
            on_cell_executed=lambda **_: bar.update(),
        ).execute(stderr=subprocess.DEVNULL)  # it warns that a kernel talks over TCP
    for cell in code:
        cell.outputs = [each for each in cell.outputs if not passing(each)]


def to_page(book: NotebookNode, title: str) -> str:
    """Return the HTML of a notebook whose cells are marked as slides."""
    from nbconvert import SlidesExporter

    exporter = SlidesExporter(extra_template_basedirs=[str(HERE)], template_name="deck")
    exporter.register_filter("markdown2html", to_html)
    exporter.anchor_link_text = ""
    book.metadata["title"] = title
    page, _ = exporter.from_notebook_node(book)
    return page


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = parser_for("slides", "Write a lesson as slides for a browser.")
    parser.add_argument("--more", action="store_true", help="include the sections marked (more)")
    parser.add_argument(
        "--execute", action="store_true", help="run the cells first (a minute; lesson 14: ten)"
    )
    args = parser.parse_args(arguments)
    return exit_code_of(lambda: write_slides(args.lesson, args.output, args.more, args.execute))


if __name__ == "__main__":
    sys.exit(main())
