"""The site builds without a warning or a dead link, and needs neither kernel nor network."""

import os
import re
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from riffedu import cli
from riffedu.verbs import docs

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "docs" / "site"


@pytest.fixture
def site(monkeypatch):
    """The builder's modules, by name: they lie beside the package, not in it."""
    monkeypatch.syspath_prepend(str(SITE))
    before = set(sys.modules)

    def module(name):
        sys.modules.pop(name, None)
        return __import__(name)

    yield module
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == SITE:
            del sys.modules[name]


def test_it_builds_without_warnings_or_dead_links(tmp_path):
    """The lessons are not run here: their tests do that."""
    pytest.importorskip("myst_nb")
    pytest.importorskip("latex2mathml")
    command = [sys.executable, str(SITE / "build.py"), "--no-run", "--quick", "--work", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ}, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in ("index", "README", "notebooks/05_griffin_lim", "api/signal.stft", "search"):
        assert (tmp_path / "html" / f"{page}.html").is_file()
    equations = (tmp_path / "html" / "notebooks" / "02_stft.html").read_text("utf-8")
    assert "<math" in equations and not re.search("<script[^>]*mathjax", equations, re.I)


def test_dead_links_and_foreign_scripts_are_seen(site, tmp_path):
    (tmp_path / "there.html").write_text('<p id="here"><a href="#here">ok</a></p>')
    (tmp_path / "index.html").write_text(
        '<a href="there.html#here">ok</a><a href="https://example.org/">out</a>'
        '<a href="gone.html">no</a><a href="there.html#nowhere">no</a>'
        '<script src="https://cdn.example/x.js"></script>'
    )
    assert site("links").problems(tmp_path) == [
        "index.html fetches https://cdn.example/x.js",
        "index.html: no file at gone.html",
        "index.html: no place at there.html#nowhere",
    ]


CELLS = """\
import ipywidgets as w
from riffedu.signal import synth
from riffedu.widgets import play
from riffedu.widgets.panel import Panel
class Two(Panel):
    box = w.VBox([w.IntSlider(7, description="Steps"), w.HTML("<p>said</p>"),
                  w.Button(description="hidden", layout=w.Layout(display="none"))])
play(synth.sine(440, 0.5), 44100, "A tone")
---
Two()"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A small lesson that a kernel has run, with the state of its widgets."""
    cells = [new_code_cell(source) for source in CELLS.split("---\n")]
    book = new_notebook(cells=[new_markdown_cell("# A lesson"), *cells])
    folder = tmp_path_factory.mktemp("lesson")
    resources = {"metadata": {"path": folder}}
    NotebookClient(book, kernel_name="python3", resources=resources).execute()
    return book


def test_links_in_outputs_lead_to_pages(site, tmp_path):
    page = '<a href="../a/README.md"><a href="02_stft.ipynb#x"><a href="https://b.org/c.md">'
    assert site("outputs").Outputs(tmp_path).taken_out(page) == (
        '<a href="../a/README.html"><a href="02_stft.html#x"><a href="https://b.org/c.md">'
    )


def test_outputs_need_no_kernel(site, ran, tmp_path):
    from riffedu.signal import synth

    book = nbformat.from_dict(ran.copy())
    site("outputs").without_kernel(book, "03_mel", site("outputs").Outputs(tmp_path / "outputs"))
    player, panel = (cell.outputs[-1].data for cell in book.cells[1:])
    assert "widgets" not in book.metadata
    assert [key for key in (*player, *panel) if "widget" in key] == []
    assert "data:" not in player["text/html"] and "A tone" in player["text/html"]
    [sound] = (tmp_path / "outputs").glob("*.flac")
    heard, rate = soundfile.read(sound)
    assert rate == 44100 and sound.name in player["text/html"]
    assert np.abs(heard - synth.sine(440, 0.5)).max() < 1e-4
    assert "Steps <b>7</b>" in panel["text/html"] and "<p>said</p>" in panel["text/html"]
    assert "riffedu lab 03" in panel["text/html"] and "hidden" not in panel["text/html"]


def test_a_lesson_runs_again_only_if_its_code_changes(site, monkeypatch, tmp_path):
    lessons = site("lessons")
    path = tmp_path / "03_mel.ipynb"
    runs = []

    def run(_, kept):
        runs.append(kept)
        kept.write_text(path.read_text())

    def build(text, code):
        nbformat.write(new_notebook(cells=[new_markdown_cell(text), new_code_cell(code)]), path)
        return lessons.executed(path, tmp_path).cells[0].source, len(runs)

    monkeypatch.setattr(lessons, "run", run)
    assert build("a", "1") == ("a", 1)
    assert build("b", "1") == ("b", 1)
    assert build("b", "2") == ("b", 2)
    monkeypatch.setattr(lessons, "state_of_code", lambda name: b"changed")
    assert build("b", "2") == ("b", 3)
    assert len(list(tmp_path.glob("03_mel-*.ipynb"))) == 1


def test_docs_says_how_to_build_the_site(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(docs, "clone_folder", lambda: tmp_path)
    assert cli.main(["docs"]) == 2
    assert "build it with `make docs`" in capsys.readouterr().err
    monkeypatch.setattr(docs, "clone_folder", lambda: None)
    assert cli.main(["docs"]) == 2
    assert "run `make docs` and `riffedu docs` there" in capsys.readouterr().err


def test_docs_serves_the_site(monkeypatch, tmp_path):
    folder = tmp_path / docs.SITE
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("the site")
    (folder / "a.mjs").write_text("1")
    monkeypatch.setattr(docs, "clone_folder", lambda: tmp_path)
    with docs.serve(docs.site_folder()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        assert urllib.request.urlopen(address).read() == b"the site"
        script = urllib.request.urlopen(f"{address}a.mjs")
        assert script.headers["Content-Type"] == "text/javascript"
        assert script.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        with pytest.raises(docs.RiffeduError, match="choose another --port"):
            docs.serve(folder, server.server_port)
        server.shutdown()
