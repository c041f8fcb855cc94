"""Run lessons and write the output of their cells into their sources: ``python -m … 09 10``.

After a change of the model's weights or of an algorithm the ```` ```output ```` blocks of a lesson
no longer match what its cells print. ``python -m riffedu.lessons.refresh 09`` runs lesson 09's
notebook and rewrites the blocks that differ, then `riffedu.lessons.build` writes the notebooks.
Read the diff before you commit it: the text around a block may still mention the old figures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from riffedu.lessons import build
from riffedu.output import write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode


def printed(notebook: NotebookNode) -> list[str]:
    """Return what the compared cells of an executed notebook printed, in order."""
    return [
        "".join(
            output.text
            for output in cell.outputs
            if output.output_type == "stream" and output.name == "stdout"
        )
        for cell in notebook.cells
        if cell.cell_type == "code" and build.COMPARED in cell.source.splitlines()
    ]


def with_outputs(markdown: str, outputs: Sequence[str]) -> str:
    """Return a lesson's source with its output blocks replaced, in order, by ``outputs``.

    Raises ValueError if the source has a different number of blocks.
    """
    blocks = re.findall(r"^```output\n.*?^```$", markdown, flags=re.M | re.S)
    if len(blocks) != len(outputs):
        raise ValueError(f"{len(blocks)} output blocks, but {len(outputs)} outputs")
    new = iter(outputs)

    def block(_: re.Match) -> str:
        text = next(new)
        return f"```output\n{text}{'' if text.endswith(chr(10)) or not text else chr(10)}```"

    return re.sub(r"^```output\n.*?^```$", block, markdown, flags=re.M | re.S)


def run(markdown: str, folder: Path = build.NOTEBOOKS) -> list[str]:
    """Execute a lesson's learner copy in ``folder`` and return what its compared cells print."""
    from nbclient import NotebookClient

    notebook = build.student(markdown)
    NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return printed(notebook)


def refresh(source: Path) -> bool:
    """Rewrite the output blocks of one ``lesson.md``; return whether any changed."""
    old = source.read_text("utf-8")
    new = with_outputs(old, run(old))
    if new != old:
        write_text(source, new)
    return new != old


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="Rewrite the outputs in lessons' sources.")
    parser.add_argument("lessons", nargs="*", help="lessons to run, such as 09 (default: all)")
    wanted = parser.parse_args().lessons
    for source in build.sources():
        label = build.lesson_of(source).label
        if not wanted or label in wanted:
            print(label, "changed" if refresh(source) else "unchanged")
    build.write()
