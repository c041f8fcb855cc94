"""`riffedu grade`: marks what is right, survives what is hostile, and touches nothing else."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest

from riffedu import cli
from riffedu.errors import RiffeduError
from riffedu.lessons.build import solution, sources, student
from riffedu.syllabus import LESSONS, lesson
from riffedu.verbs import grade as grading
from riffedu.verbs import landlock

STFT = lesson("02")


def notebook(path, *cells, heading="# 02 · The STFT"):
    path.parent.mkdir(parents=True, exist_ok=True)
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_markdown_cell(heading)]
    book.cells += [nbformat.v4.new_code_cell(text) for text in cells]
    nbformat.write(book, path)
    return path


USE = "from riffedu.lessons.l02_stft import exercises"


def mark(path, **limits):
    return grading.grade(path, path.parent, **{"seconds": 120, **limits})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The teacher's copy of lesson 02, graded."""
    folder = tmp_path_factory.mktemp("whole")
    [source] = [s for s in sources() if s.parent.name == "l02_stft"]
    book = solution(source.read_text("utf-8"))
    nbformat.write(book, folder / "anna.ipynb")
    return mark(folder / "anna.ipynb", seconds=300)


def test_the_teachers_copy_gets_every_mark(whole):
    assert whole.state == "complete" and whole.lesson == "02"
    assert all(whole.verdicts.values()) and len(whole.verdicts) >= 3


def test_every_check_of_the_lesson_gets_a_mark(whole):
    assert set(grading.checks_of(STFT)) == set(whole.verdicts)
    assert not whole.wrong and not whole.untried


def copies(label):
    """The code cells of a lesson, as learners and as teachers get them."""
    [source] = [s for s in sources() if s.parent.name == f"l{lesson(label).name}"]
    for copy in (student, solution):
        book = copy(source.read_text("utf-8"), lesson(label))
        yield [
            grading.Cell("code", cell.source, cell.id)
            for cell in book.cells
            if cell.cell_type == "code"
        ]


@pytest.mark.parametrize("label", [each.label for each in LESSONS if each.state == "ready"])
def test_an_exercise_is_untried_until_its_cell_is_changed(label):
    empty, solved = copies(label)
    checks = set(grading.checks_of(lesson(label)))
    assert checks and grading.untried_checks(lesson(label), empty) == checks
    assert grading.untried_checks(lesson(label), solved) == set()
    lost = [grading.Cell("code", cell.text, "None") for cell in solved]  # by an older Jupyter
    assert grading.untried_checks(lesson(label), lost) == set()


HANDED_OUT = """\
def place(row, column, n_fft, hop_length, sample_rate):
    hertz = ...
    seconds = ...
    return hertz, seconds

exercises.check_place(place)
# NBVAL_CHECK_OUTPUT"""
TRIED = HANDED_OUT.replace("hertz = ...", "hertz = row")


@pytest.mark.parametrize(
    ("text", "same_cell", "tried"),
    [
        (HANDED_OUT.partition("\n#")[0], True, False),
        (HANDED_OUT.replace(" ...", "  ...  # how?").replace("\n\n", "\n"), True, False),
        ("", True, False),  # emptied
        (None, True, False),  # deleted
        (TRIED, True, True),
        (TRIED, False, True),  # in a new cell
        (TRIED.replace("exercises.check_place(place)", ""), True, True),  # without its check
        ("def place(row", True, True),  # broken
        ("exercises.check_place(lambda *sizes: (1, 1))", False, True),
        ("print('something else')", False, False),
        ("\0" * 9 + "(" * 99999, False, False),
    ],
)
def test_what_counts_as_tried(text, same_cell, tried):
    empty, _ = copies("02")
    cells = [cell for cell in empty if not (same_cell and "check_place" in cell.text)]
    [identity] = {cell.identity for cell in empty if "check_place" in cell.text}
    if text is not None:
        cells.append(grading.Cell("code", text, identity if same_cell else "new"))
    untried = grading.untried_checks(STFT, cells)
    assert ("check_place" not in untried) is tried
    assert untried | {"check_place"} == set(grading.checks_of(STFT))


def test_a_printed_verdict_does_not_count(tmp_path):
    got = mark(notebook(tmp_path / "sly.ipynb", 'print("✓ Right. Well done.")'))
    assert got.state == "complete" and not any(got.verdicts.values())


def test_the_last_verdict_counts(tmp_path):
    [name, *_] = grading.checks_of(STFT)
    path = notebook(tmp_path / "a.ipynb", USE, f"exercises.{name}(None)", "1 / 0", "print(2)")
    got = mark(path)
    assert got.verdicts[name] is False and got.state == "1 cell with errors"


def test_an_endless_loop_is_stopped(tmp_path):
    got = mark(notebook(tmp_path / "loop.ipynb", "while True: pass"), seconds=12)
    assert got.state == "stopped after 12 s" and got.seconds < 40


def test_an_endless_thread_is_left_behind(tmp_path):
    text = "import threading\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()"
    assert mark(notebook(tmp_path / "thread.ipynb", text)).state == "complete"


def test_too_much_memory(tmp_path):
    text = "import numpy as np\nbig = np.ones(int(1e10), np.uint8)"
    got = mark(notebook(tmp_path / "big.ipynb", text), memory=6e9)
    assert got.state == "needed more than 6 GB"


HOSTILE = {
    "delete": "import os\nos.remove({precious!r})",
    "overwrite": "open({precious!r}, 'w').write('gone')",
    "append": "open({precious!r}, 'a').write('gone')",
    "pathlib": "from pathlib import Path\nPath({precious!r}).unlink()",
    "rmtree": "import shutil\nshutil.rmtree({folder!r})",
    "rename": "import os\nos.rename({precious!r}, 'mine')",
    "truncate": "import os\nos.truncate({precious!r}, 0)",
    "shell": "import os\nos.system('rm -rf ' + {folder!r})",
    "magic": "!rm -rf {folder}",
    "program": "import subprocess\nsubprocess.run(['rm', '-rf', {folder!r}])",
    "fork": "import os\nos.fork()",
    "network": "import socket\nsocket.create_connection(('127.0.0.1', 9))",
    "link": "import os\nos.symlink({folder!r}, 'door')\nopen('door/precious.txt', 'w')",
    "spawn": "import multiprocessing as m\nm.get_context('spawn').Process(target=print).start()",
    "database": "import sqlite3\nsqlite3.connect({precious!r}).execute('create table a (b)')",
    "signal": "import os\nos.kill(os.getppid(), 9)",
}
EVASIVE = {  # of the audit hook
    "folder": "import os\nfd = os.open({folder!r}, 0)\nos.open('precious.txt', 0o1001, dir_fd=fd)",
    "native write": "import ctypes\nctypes.CDLL(None).truncate({precious!r}.encode(), 0)",
    "native program": "import ctypes\nctypes.CDLL(None).system(b'rm -rf ' + {folder!r}.encode())",
    "native signal": "import ctypes, os\nctypes.CDLL(None).kill(os.getppid(), 9)",
}


def marked_unharmed(tmp_path, text):
    folder = tmp_path / "home"
    folder.mkdir()
    precious = folder / "precious.txt"
    precious.write_text("my only copy")
    text = text.format(precious=str(precious), folder=str(folder))
    got = mark(notebook(tmp_path / "in" / "hostile.ipynb", text))
    assert precious.read_text() == "my only copy"
    return got


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_notebooks_harm_nothing(tmp_path, kind):
    assert marked_unharmed(tmp_path, HOSTILE[kind]).state.startswith("refused: ")


@pytest.mark.skipif(landlock.version() < 6, reason="needs Landlock of Linux 6.12")
@pytest.mark.parametrize("kind", EVASIVE)
def test_the_kernel_stops_what_the_hook_cannot_see(tmp_path, kind):
    assert marked_unharmed(tmp_path, EVASIVE[kind]).seconds


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_the_notebook_that_runs(tmp_path):
    notebook(tmp_path / "loop.ipynb", "while True: pass")
    command = [sys.executable, "-m", "riffedu", "grade", str(tmp_path)]
    started = psutil.Popen([*command, "-o", str(tmp_path / "marks.csv")], stderr=subprocess.PIPE)
    give_up = time.monotonic() + 60
    while not (family := started.children()):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    assert "interrupted" in started.communicate(timeout=60)[1].decode()
    assert started.returncode == 130 and not any(each.is_running() for each in family)


def test_a_notebook_may_write_in_its_own_folder(tmp_path):
    text = "open('note.txt', 'w').write('hello')\nimport os\nos.remove('note.txt')"
    assert mark(notebook(tmp_path / "fine.ipynb", text)).state == "complete"


def test_one_that_ends_the_process(tmp_path):
    got = mark(notebook(tmp_path / "exit.ipynb", "import os\nos._exit(3)"))
    assert got.state == "exited early (exit status 3)"


def test_a_spoilt_result_file_is_no_mark(tmp_path):
    text = "open('marks.json', 'w').write('{}')\nimport os\nos._exit(0)"
    assert not any(mark(notebook(tmp_path / "spoil.ipynb", text)).verdicts.values())


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[" * 100_000,
        '{"verdicts": [], "errors": 0, "refused": [], "memory": false}',
        '{"verdicts": {"check_a": 1}, "errors": 0, "refused": [], "memory": false}',
        '{"verdicts": {}, "errors": "0", "refused": [], "memory": false}',
        '{"verdicts": {}, "errors": 0, "refused": [1], "memory": false}',
    ],
)
def test_a_result_file_of_a_wrong_shape(tmp_path, content):
    (tmp_path / "marks.json").write_text(content)
    assert grading._read(tmp_path / "marks.json") == {
        "verdicts": {},
        "errors": 0,
        "refused": [],
        "memory": False,
    }


def test_names_that_a_table_cannot_hold(tmp_path):
    marks = [grading.Mark("a\udcff.ipynb", "", {}, "complete")]
    grading.write_table(tmp_path / "marks.csv", marks)
    assert r"a\udcff.ipynb" in (tmp_path / "marks.csv").read_text("utf-8")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": [1]}', "\udc80", "[" * 100_000])
def test_a_damaged_notebook(tmp_path, content):
    path = tmp_path / "bad.ipynb"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert mark(path).state == "not a notebook, or damaged"


def test_another_notebook(tmp_path):
    got = mark(notebook(tmp_path / "b.ipynb", "1", heading="# My holidays"))
    assert "not a lesson of this course" in got.state


def test_the_verb_writes_a_table(tmp_path, capsys):
    notebook(tmp_path / "class" / "ben.ipynb", USE)
    notebook(tmp_path / "class" / "group" / "eve.ipynb", "while True: pass")
    (tmp_path / "class" / "zoe.ipynb").write_text("{")
    table = tmp_path / "marks.csv"
    args = ["grade", str(tmp_path / "class"), "-o", str(table), "--seconds", "20", "--jobs", "2"]
    assert cli.main(args) == 1
    printed = capsys.readouterr().out
    assert "3 notebooks graded, 2 of them not complete:" in printed
    assert f"Exercises: 0 right, 0 wrong, {2 * len(grading.checks_of(STFT))} untried." in printed
    rows = {row["notebook"]: row for row in csv.DictReader(table.open(encoding="utf-8"))}
    checks = len(grading.checks_of(STFT))
    assert rows["ben.ipynb"]["right"] == "0" and rows["ben.ipynb"]["of"] == str(checks)
    assert rows["ben.ipynb"]["state"] == "complete"
    assert len(rows["ben.ipynb"]["untried"].split()) == checks and not rows["ben.ipynb"]["wrong"]
    assert rows["group/eve.ipynb"]["state"].startswith("stopped after")
    assert rows["zoe.ipynb"]["state"] == "not a notebook, or damaged"


def test_the_table_tells_wrong_from_untried(tmp_path, capsys):
    window = "exercises.check_window_length(win_length)"
    notebook(
        tmp_path / "class" / "ida.ipynb", USE, HANDED_OUT, f"win_length = 5000\n{window}", TRIED
    )
    notebook(tmp_path / "class" / "jon.ipynb", USE, HANDED_OUT, f"win_length = \n{window}")
    table = tmp_path / "marks.csv"
    assert cli.main(["grade", str(tmp_path / "class"), "-o", str(table)]) == 1
    first, second = csv.DictReader(table.open(encoding="utf-8"))
    assert tuple(first) == grading.COLUMNS
    assert (first["right"], first["wrong"]) == ("1", "place")
    assert first["untried"] == "stft predictions ears" and first["state"] == "complete"
    assert (second["right"], second["wrong"]) == ("0", "window_length"), "its check did not run"
    assert second["untried"] == "place stft predictions ears"
    assert second["state"] == "1 cell with errors"
    assert "Exercises: 1 right, 2 wrong, 7 untried." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nowhere"], "no folder nowhere"),
        (["."], "no notebook"),
        ([".", "--jobs", "0"], "--jobs"),
        ([".", "--seconds", "-1"], "--seconds"),
        ([".", "--memory", "nan"], "--memory"),
        ([".", "-o", "old.csv"], "old.csv already exists"),
        ([".", "-o", "none/marks.csv"], "there is no folder"),
    ],
)
def test_bad_arguments(tmp_path, monkeypatch, capsys, args, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.csv").touch()
    assert cli.main(["grade", *args]) == 2
    assert words in capsys.readouterr().err


def test_names_of_checks_are_found_in_the_lesson():
    with pytest.raises(RiffeduError):
        grading.find_notebooks(__import__("pathlib").Path("/nonexistent"))
    assert json.dumps(grading.checks_of(STFT)).count("check_") >= 3
