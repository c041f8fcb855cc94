"""Every notebook in a real JupyterLab: it opens, runs to its end and shows its panels."""

import pytest
from pages import ROOT

LOOKED_AT = ("00", "03", "13")  # by axe-core, in both themes
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_shows_its_panels(open_notebook, path):
    notebook = open_notebook(path)
    notebook.run()
    assert notebook.errors() == []
    assert notebook.blank_widgets(shots=path.stem) == []
    if path.stem[:2] in LOOKED_AT:
        for theme in ("JupyterLab Dark", "JupyterLab Light"):
            notebook.theme(theme)
            assert notebook.unreadable() == []


@pytest.mark.parametrize(
    "cell, wrong",
    [
        ("1 / 0", "errors"),
        (
            "import anywidget\nclass Blank(anywidget.AnyWidget):\n"
            "    _esm = 'export default {render() { throw new Error(`no`); }}'\nBlank()",
            "blank_widgets",
        ),
        (
            "import ipywidgets\nipywidgets.HTML('<b>Traceback</b> (most recent call last)')",
            "blank_widgets",
        ),
        # A progress bar that stays does not stand in for the panel that is missing.
        (
            "from tqdm.auto import tqdm\nimport anywidget\nlist(tqdm([1]))\n"
            "class Blank(anywidget.AnyWidget): _esm = 'export default {render() {}}'\nBlank()",
            "blank_widgets",
        ),
    ],
)
def test_a_broken_notebook_would_be_noticed(browser, lab, cell, wrong):
    from pages import LabPage, Watched

    with Watched(browser) as watched:
        notebook = LabPage(watched.page, lab, [cell])
        notebook.run()
        found = {"errors": notebook.errors, "blank_widgets": lambda: notebook.blank_widgets(2)}[
            wrong
        ]()
        notebook.close()
    assert found
