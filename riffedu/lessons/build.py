"""Notebooks from one source: ``python -m riffedu.lessons.build``.

A lesson is written once, as Markdown, in ``riffedu/lessons/lNN_name/lesson.md``, with its
solutions in place:

* text between code blocks is a Markdown cell;
* a ```` ```python ```` block is a code cell;
* an ```` ```output ```` block after it is what the cell must print: it is stored in the notebook,
  and the tests compare it with what a run prints;
* in a code cell, the lines between ``# solution`` and ``# end`` are the learner's work; commented
  lines after ``# student``, where given, are what stands in their place in the learner's copy.

`student` leaves those lines out and is what ``notebooks/`` holds; `solution` keeps them.
"""

from __future__ import annotations

import re
from pathlib import Path

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
    """The code of a cell as the learner gets it: a hole, or the ``# student`` lines, for theirs."""

    def hole(match) -> str:
        indent, given = match[1], match[3]
        return re.sub(r"^(\s*)# ?", r"\1", given.rstrip(), flags=re.M) if given else indent + HOLE

    return re.sub(_WORK, hole, source, flags=re.M | re.S)


def without_marks(source: str) -> str:
    """The code of a cell with the solution left in, its marks and the learner's lines taken out."""
    return re.sub(_WORK, lambda match: match[2].rstrip(), source, flags=re.M | re.S)


def notebook(markdown: str, code=without_marks):
    """An `nbformat` notebook of a lesson; ``code`` is what is done to each code cell's source.

    Cell ids are counted, so that the same source gives the same file to the byte. Cells with a
    stored output have an execution count: nbval compares no others.
    """
    import nbformat.v4 as v4

    made = []
    for number, cell in enumerate(cells(markdown)):
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


def student(markdown: str):
    """The notebook that a learner gets: the solutions left out."""
    return notebook(markdown, with_hole)


def solution(markdown: str):
    """The notebook that a teacher keeps: the solutions in place."""
    return notebook(markdown, without_marks)


def text(book) -> str:
    """A notebook as the text of its file."""
    import nbformat

    return nbformat.writes(book, version=4) + "\n"


def sources() -> list[Path]:
    """Every lesson's source, in the order of the course."""
    return sorted(SOURCES.glob("l[0-9][0-9]_*/lesson.md"))


def name_of(source: Path) -> str:
    """The notebook's name: ``02_stft`` for ``l02_stft/lesson.md``."""
    return source.parent.name[1:]


def write(folder: Path = NOTEBOOKS, copy=student) -> list[Path]:
    """Write one notebook per source into ``folder`` and return their paths."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = []
    for source in sources():
        path = Path(folder) / f"{name_of(source)}.ipynb"
        path.write_text(text(copy(source.read_text("utf-8"))), "utf-8")
        paths.append(path)
    return paths


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="Write the notebooks from their sources.")
    parser.add_argument("--solutions", metavar="FOLDER", help="write solution copies there instead")
    folder = parser.parse_args().solutions
    for path in write(Path(folder), solution) if folder else write():
        print(path)
