"""Every notebook, found by listing the folder: committed clean, runs, and hides no error.

nbval (see the Makefile) runs the same notebooks and sees every error that a cell shows. What it
can't see is an error that lands in a widget's Output area; this file looks there.
"""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
SECONDS = 240  # For one cell: a busy machine takes its time.

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def run(notebook, folder):
    """Execute every cell in a fresh kernel, ``folder`` being its working directory."""
    NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": folder}},
        store_widget_state=True,
    ).execute()


def hidden_errors(notebook) -> list[str]:
    """Errors that executing did not raise: in widgets' Output areas and on cells' stderr."""
    state = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    outputs = [o for model in state.values() for o in model["state"].get("outputs", ())]
    outputs += [o for cell in notebook.cells for o in cell.get("outputs", ())]
    return [
        f"{output.get('ename', 'stderr')}: {output.get('evalue') or output.get('text')}"
        for output in outputs
        if output["output_type"] == "error"
        or "Traceback (most recent call last)" in str(output.get("text", ""))
    ]


def unstripped(notebook) -> list[str]:
    """What a committed notebook must not hold.

    Outputs may stay only in cells whose NBVAL_CHECK_OUTPUT marker has nbval compare them.
    """
    found = ["widget state"] if "widgets" in notebook.metadata else []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        # nbval calls a compared cell without an execution count "unrun", and fails it.
        compared = "# NBVAL_CHECK_OUTPUT" in cell.source.splitlines()
        if cell.execution_count is not None and not compared:
            found.append(f"cell {number}: execution count")
        if cell.outputs and not compared:
            found.append(f"cell {number}: outputs")
        if any(output.get("execution_count") is not None for output in cell.outputs):
            found.append(f"cell {number}: execution count of an output")
    return found


def test_all_are_in_the_folder():
    """A notebook anywhere else would never be run."""
    skipped = {".venv", ".ipynb_checkpoints", ".git", "runs", "build"}
    elsewhere = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.ipynb")
        if path.parent != FOLDER and not skipped & set(path.relative_to(ROOT).parts)
    ]
    assert not elsewhere
    assert {path.name[:2] for path in NOTEBOOKS} >= {"00", "11"}


@every_notebook
def test_committed_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert unstripped(notebook) == []
    assert notebook.metadata.kernelspec.name == "python3"


@every_notebook
def test_runs_without_hidden_errors(path):
    notebook = nbformat.read(path, as_version=4)
    run(notebook, FOLDER)
    assert hidden_errors(notebook) == []


def test_an_error_in_a_widget_is_seen(tmp_path):
    """The case that nbclient alone lets pass."""
    source = "from ipywidgets import interact\ninteract(lambda x: 1 / x, x=(0, 1));"
    notebook = new_notebook(cells=[new_code_cell(source)])
    run(notebook, tmp_path)
    assert hidden_errors(notebook) == ["ZeroDivisionError: division by zero"]


def test_what_is_not_stripped_is_seen():
    cell = new_code_cell("1 + 1", execution_count=3)
    cell.outputs = [nbformat.v4.new_output("execute_result", execution_count=3)]
    assert unstripped(new_notebook(cells=[cell])) == [
        "cell 0: execution count",
        "cell 0: outputs",
        "cell 0: execution count of an output",
    ]
    kept = new_code_cell("# NBVAL_CHECK_OUTPUT\nprint(2)")
    kept.outputs = [nbformat.v4.new_output("stream", text="2\n")]
    assert unstripped(new_notebook(cells=[kept])) == []
