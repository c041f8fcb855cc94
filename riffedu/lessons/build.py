"""Notebooks from one source: ``python -m riffedu.lessons.build``.

A lesson is written once, as Markdown, in ``riffedu/lessons/lNN_name/lesson.md``, with its
solutions in place:

* text between code blocks is a Markdown cell;
* a ```` ```python ```` block is a code cell;
* an ```` ```output ```` block after it is what the cell must print: it is stored in the notebook,
  and the tests compare it with what a run prints;
* in a code cell, the lines between ``# solution`` and ``# end`` are the learner's work; commented
  lines after ``# student``, where given, replace them in the learner's copy.

`student` leaves those lines out and is what ``notebooks/`` holds; `solution` keeps them.

The first cell of a written notebook begins with a comment that names its source. The last cell
links to the previous lesson, the course map and the next lesson, in the order of
`riffedu.syllabus`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from riffedu.errors import RiffeduError
from riffedu.output import write_text
from riffedu.syllabus import LESSONS, Lesson

if TYPE_CHECKING:
    from nbformat import NotebookNode

SOURCES = Path(__file__).parent
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
HOLE = "...  # your turn"
_WORK = r"^([ \t]*)# solution\n(.*?)(?:^[ \t]*# student\n(.*?))?^[ \t]*# end$"
COMPARED = "# NBVAL_CHECK_OUTPUT"  # has nbval compare a cell's stored output
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def cells(markdown: str) -> list[dict]:
    """Split a lesson's source into ``{"kind": "markdown" | "code", "source": …, "output": …}``."""
    found: list[dict] = []
    fenced = re.split(r"^```(python|output)\n(.*?)^```\n?", markdown, flags=re.M | re.S)
    for text, kind, body in zip(fenced[::3], [*fenced[1::3], None], [*fenced[2::3], ""]):
        if text.strip():
            found.append({"kind": "markdown", "source": text.strip()})
        if kind == "python":
            found.append({"kind": "code", "source": body.rstrip(), "output": None})
        elif kind == "output":
            if not found or found[-1]["kind"] != "code":
                raise ValueError(f"an output block must follow its code block: {body!r}")
            found[-1]["output"] = body
    return found


def with_hole(source: str) -> str:
    """Return a cell's code as the learner gets it: a placeholder or the ``# student`` lines."""

    def hole(match: re.Match) -> str:
        indent, given = match[1], match[3]
        return re.sub(r"^(\s*)# ?", r"\1", given.rstrip(), flags=re.M) if given else indent + HOLE

    return re.sub(_WORK, hole, source, flags=re.M | re.S)


def without_marks(source: str) -> str:
    """Return a cell's code with the solution, without the marks and the learner's lines."""
    return re.sub(_WORK, lambda match: match[2].rstrip(), source, flags=re.M | re.S)


def notebook(
    markdown: str,
    lesson: Lesson | None = None,
    code: Callable[[str], str] = without_marks,
) -> NotebookNode:
    """Return an `nbformat` notebook of a lesson's source.

    ``lesson`` adds the comment at the top and the links at the bottom; ``code`` is applied to the
    source of each code cell. Cell ids are counted, so that the same source gives the same file to
    the byte. Cells with a stored output have an execution count: nbval compares no others.
    """
    import nbformat.v4 as v4

    found = cells(markdown)
    if lesson is not None:
        found[0]["source"] = f"{generated_comment(lesson)}\n\n{found[0]['source']}"
        found.append({"kind": "markdown", "source": navigation(lesson)})
    made = []
    for number, cell in enumerate(found):
        identity = f"cell-{number:02d}"
        if cell["kind"] == "markdown":
            made.append(v4.new_markdown_cell(cell["source"], id=identity))
            continue
        source, stored, count = code(cell["source"]), [], None
        if cell["output"] is not None:
            source += f"\n{COMPARED}"
            stored = [v4.new_output("stream", name="stdout", text=cell["output"])]
            count = 1 + sum(other.cell_type == "code" for other in made)
        made.append(v4.new_code_cell(source, id=identity, outputs=stored, execution_count=count))
    return v4.new_notebook(
        cells=made, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )


def generated_comment(lesson: Lesson) -> str:
    """Return the HTML comment at the top of a generated notebook."""
    return (
        f"<!-- Generated from riffedu/lessons/l{lesson.name}/lesson.md. Do not edit this notebook: "
        "edit that file, then run `make notebooks`. -->"
    )


def navigation(lesson: Lesson) -> str:
    """Return Markdown links to the previous and next ready lessons and the course map."""
    ready = [each for each in LESSONS if each.state == "ready"]
    previous = [each for each in ready if each.number < lesson.number][-1:]
    following = [each for each in ready if each.number > lesson.number][:1]
    links = [f"[← {each.heading}]({each.name}.ipynb)" for each in previous]
    if lesson.number != LESSONS[0].number:
        links.append(f"[Course map]({LESSONS[0].name}.ipynb)")
    links += [f"[{each.heading} →]({each.name}.ipynb)" for each in following]
    return " · ".join(links)


def student(markdown: str, lesson: Lesson | None = None) -> NotebookNode:
    """Return the learner's notebook, without the solutions."""
    return notebook(markdown, lesson, with_hole)


def solution(markdown: str, lesson: Lesson | None = None) -> NotebookNode:
    """Return the teacher's notebook, with the solutions."""
    return notebook(markdown, lesson, without_marks)


def text(book: NotebookNode) -> str:
    """Return the text of a notebook's file."""
    import nbformat

    return nbformat.writes(book, version=4) + "\n"


def sources() -> list[Path]:
    """Return every lesson's source, in the order of the course."""
    return sorted(SOURCES.glob("l[0-9][0-9]*/lesson.md"))


def name_of(source: Path) -> str:
    """Return the notebook's name: ``02_stft`` for ``l02_stft/lesson.md``."""
    return source.parent.name[1:]


def source_of(lesson: Lesson) -> Path:
    """Return the path of a lesson's source; raise RiffeduError if it is not written yet."""
    source = SOURCES / f"l{lesson.name}" / "lesson.md"
    if not source.is_file():
        raise RiffeduError(f"lesson {lesson.heading} is planned and not written yet")
    return source


def lesson_of(source: Path) -> Lesson:
    """Return the syllabus entry of a lesson's source; raise RiffeduError if there is none."""
    for each in LESSONS:
        if each.name == name_of(source):
            return each
    raise RiffeduError(
        f"riffedu/lessons/{source.parent.name} is not in the syllabus: "
        "add a lesson with this number and slug to riffedu/syllabus.py"
    )


def write(
    folder: Path = NOTEBOOKS, copy: Callable[[str, Lesson | None], NotebookNode] = student
) -> list[Path]:
    """Write one notebook per source into ``folder`` and return their paths."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = []
    for source in sources():
        path = Path(folder) / f"{name_of(source)}.ipynb"
        book = copy(source.read_text("utf-8"), lesson_of(source))
        write_text(path, text(book))
        paths.append(path)
    return paths


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="Write the notebooks from their sources.")
    parser.add_argument(
        "--solutions",
        metavar="FOLDER",
        help="write notebooks with solutions to this folder instead",
    )
    folder = parser.parse_args().solutions
    for path in write(Path(folder), solution) if folder else write():
        print(path)
