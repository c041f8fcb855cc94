"""Run the lessons for the site, each once: a run is kept until its code or the library's changes.

A run takes half a minute to some minutes, so `executed` keeps it under a name that is a hash of all
that it depends on. Widgets keep their state in the notebook: `outputs` makes pages of it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "riffedu"
SECONDS = 1800  # for one cell: the trainings of lesson 14 run at full length


def state_of_code(name: str) -> bytes:
    """Return a hash of the library and of one lesson's folder, but of no other lesson's."""
    found = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        folder, *inside = path.relative_to(PACKAGE).parts
        if folder in ("app", "verbs") or (folder == "lessons" and inside[0] != f"l{name}"):
            continue
        found.update(path.read_bytes())
    return found.digest()


def key(path: Path, book: nbformat.NotebookNode) -> str:
    """Return the name of a lesson's run: it changes with the cells' code and with the library."""
    cells = "\0".join(cell.source for cell in book.cells if cell.cell_type == "code")
    return hashlib.sha256(cells.encode() + state_of_code(path.stem)).hexdigest()[:16]


def executed(path: Path, cache: Path, may_run: bool = True) -> nbformat.NotebookNode:
    """Return a lesson with its outputs, from ``cache`` if it ran there before.

    Unless it ``may_run``, it has those of its last run, even if the library has changed since, or
    none. The text is always the present one.
    """
    book = nbformat.read(path, as_version=4)
    kept = cache / f"{path.stem}-{key(path, book)}.ipynb"
    earlier = sorted(cache.glob(f"{path.stem}-*.ipynb"), key=os.path.getmtime)
    if may_run and not kept.is_file():
        run(path, kept)
        for old in earlier:
            old.unlink()
    elif not kept.is_file():
        if not earlier:
            return book
        kept = earlier[-1]
    return with_outputs(book, nbformat.read(kept, as_version=4))


def run(path: Path, kept: Path) -> None:
    """Execute a notebook in a fresh kernel and keep it, whole or not at all.

    What a lesson writes, such as a training, goes into an empty folder that is removed afterwards.
    """
    book, start = nbformat.read(path, as_version=4), time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        NotebookClient(
            book,
            timeout=SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": place}},
            store_widget_state=True,
        ).execute(stderr=subprocess.DEVNULL)  # it warns that a kernel talks over TCP
    kept.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(book, kept.with_suffix(".part"))
    kept.with_suffix(".part").replace(kept)
    print(f"{path.stem}: ran in {time.monotonic() - start:.0f} s", flush=True)


def with_outputs(book: nbformat.NotebookNode, ran: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Give a notebook the outputs and the widgets' state of an earlier run of the same code."""
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    done = [cell for cell in ran.cells if cell.cell_type == "code"]
    for cell, other in zip(code, done):
        if cell.source == other.source:
            cell.outputs, cell.execution_count = other.outputs, other.execution_count
    book.metadata.widgets = ran.metadata.get("widgets", {})
    return book


if __name__ == "__main__":
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        executed(notebook, ROOT / "build" / "site" / "runs")
