"""A wheel is the whole course: built, unpacked far from the clone, and used there."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
IGNORED = {"__pycache__", ".ipynb_checkpoints"}
LEFT_OUT = ("riffedu/course/docs/live/", "riffedu/course/docs/site/")  # built from a clone only
LIMIT = 100e6  # bytes: what PyPI accepts


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=300)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def away(wheel, tmp_path_factory):
    """Run a command with the unpacked wheel, in an empty folder without the clone."""
    site, here = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("here")
    zipfile.ZipFile(wheel).extractall(site)
    env = {**os.environ, "PYTHONPATH": str(site)}
    env.pop("RIFFEDU_DATA", None)

    def run(*args):
        done = subprocess.run(
            [sys.executable, *args], cwd=here, env=env, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return here, done.stdout

    return run


def test_it_is_small_enough_and_complete(wheel):
    assert wheel.stat().st_size < LIMIT
    names = set(zipfile.ZipFile(wheel).namelist())
    for part in ("notebooks", "data", "docs"):
        files = (path for path in (ROOT / part).rglob("*") if path.is_file())
        shipped = [path.relative_to(ROOT).as_posix() for path in files]
        missing = {
            f"riffedu/course/{name}" for name in shipped if not IGNORED & set(name.split("/"))
        }
        missing -= names | {name for name in missing if name.startswith(LEFT_OUT)}
        assert not missing, missing
    assert not [name for name in names if "checkpoint" in name and name.endswith(".ipynb")]


def test_it_is_the_wheel_that_runs(away):
    _, out = away("-c", "import riffedu, riffedu.paths as p; print(p.course_folder())")
    assert "site" in out and out.strip().endswith(os.path.join("riffedu", "course"))
    assert str(ROOT) not in out


def test_it_generates(away):
    here, _ = away("-m", "riffedu", "generate", "piano", "-o", "a.wav", "--steps", "1", "--quiet")
    assert (here / "a.wav").stat().st_size > 100_000


def test_it_hands_out_its_lessons(away):
    here, out = away("-m", "riffedu", "lab", "--copy-only")
    lessons = sorted(path.name for path in (here / "riffedu-lessons" / "notebooks").iterdir())
    assert lessons == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert "lessons copied" in out


def test_it_has_the_clips_and_the_classifier(away):
    code = (
        "from riffedu.signal.audio import clip; from riffedu.evaluate import shipped_classifier\n"
        "print(clip('tune')[1], shipped_classifier() is not None)"
    )
    assert away("-c", code)[1].split() == ["44100", "True"]


@pytest.mark.parametrize("tool", ["slides", "worksheet"])
def test_it_makes_slides_and_worksheets(away, tool):
    here, _ = away("-m", f"riffedu.lessons.{tool}", "05")
    assert "<math" in (here / f"05_griffin_lim.{tool}.html").read_text("utf-8")
