"""`riffedu lab`: it finds the lesson that was asked for, and JupyterLab serves it."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from riffedu import cli, syllabus
from riffedu.errors import RiffeduError
from riffedu.syllabus import LESSONS
from riffedu.verbs import lab

ROOT = Path(__file__).resolve().parents[2]


def test_find_notebook():
    first = ROOT / "notebooks" / lab.FIRST_LESSON
    assert lab.find_notebook(lab.FIRST_LESSON) == first
    assert lab.find_notebook("00") == lab.find_notebook("0") == first
    assert lab.find_notebook("5").stem == "05_griffin_lim"
    for lesson in LESSONS[:4]:
        assert lab.find_notebook(lesson.label).stem == lesson.name, "01 is not 01b"
    for wrong in ("98", ""):
        with pytest.raises(RiffeduError, match="00_hear_it_first"):
            lab.find_notebook(wrong)


@pytest.mark.parametrize(
    "lesson", [each for each in LESSONS if each.state == "ready"], ids=lambda each: each.name
)
def test_lab_opens_a_lesson_by_number(monkeypatch, lesson):
    monkeypatch.setattr(lab.os, "name", "other")  # so that JupyterLab is a child, not this process
    started = []

    def start(parts, env):
        started.extend(parts)
        return subprocess.CompletedProcess(parts, 0)

    monkeypatch.setattr(lab.subprocess, "run", start)
    file = lab.lesson_notebook(lesson.number)
    assert file == ROOT / "notebooks" / f"{lesson.name}.ipynb" and file.is_file()
    assert cli.main(["lab", "--lesson", lesson.label]) == 0
    assert f"--LabApp.default_url=/lab/tree/notebooks/{lesson.name}.ipynb" in started


@pytest.mark.parametrize(
    "number, words",
    [(14, "14 Train your own is planned"), (98, "there is no lesson 98"), (-1, "no lesson -1")],
)
def test_lab_names_a_lesson_that_cannot_be_opened(monkeypatch, capsys, number, words):
    monkeypatch.setattr(lab.os, "name", "other")
    monkeypatch.setattr(lab.subprocess, "run", lambda *_, **__: pytest.fail("JupyterLab starts"))
    planned = [
        dataclasses.replace(each, state="planned") if each.number == 14 else each
        for each in LESSONS
    ]
    monkeypatch.setattr(syllabus, "LESSONS", tuple(planned))
    assert cli.main(["lab", f"--lesson={number}"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and words in err


def test_lab_takes_a_lesson_or_a_notebook(capsys):
    assert cli.main(["lab", "--lesson", "5", "02_stft"]) == 2
    assert "not allowed with" in capsys.readouterr().err


def test_lab_says_how_flags_for_jupyter_are_written(capsys):
    assert cli.main(["lab", "--ip", "0.0.0.0"]) == 2
    assert "such as --ip=0.0.0.0" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="ends the server by signal")
def test_lab_serves_the_first_lesson(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    env = os.environ | {name: str(tmp_path / name) for name in folders} | {"JUPYTER_TOKEN": "t"}
    server = subprocess.Popen(
        [sys.executable, "-m", "riffedu", "lab", "--no-browser", "--port", str(port)],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        give_up = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{base}/api", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < give_up
                time.sleep(0.2)
        with urllib.request.urlopen(f"{base}/?token=t", timeout=30) as page:
            assert page.url.split("?")[0] == f"{base}/lab/tree/notebooks/{lab.FIRST_LESSON}"
            assert "apputils-extension:announcements" in page.read().decode()  # News stay off.
        address = f"{base}/api/contents/notebooks/{lab.FIRST_LESSON}?token=t"
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert json.load(answer)["type"] == "notebook"
    finally:
        server.terminate()
        server.wait(timeout=30)
