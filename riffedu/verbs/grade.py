"""``riffedu grade``: runs the checks of learners' notebooks and writes the marks as a table."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tqdm.auto import tqdm

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.lessons import build
from riffedu.output import check_output, say, write_whole
from riffedu.paths import data_folder
from riffedu.syllabus import LESSONS, Lesson
from riffedu.verbs.outputs import add_overwrite

SECONDS, MEMORY_GB = 300.0, 6.0
LONGEST_NOTEBOOK = 100 << 20  # bytes
COLUMNS = ("notebook", "lesson", "right", "of", "untried", "wrong", "state", "seconds")
_CHECK = re.compile(r"\bexercises\.(check_\w+)\(")
_HEADING = re.compile(r"^# (\d\d[a-z]?) · ", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook: ``kind`` is "code" or "markdown"."""

    kind: str
    text: str
    identity: str

    @property
    def bare(self) -> str:
        """Its text without comments and white space, which alone are no work of a learner."""
        return re.sub(r"#.*|\s", "", self.text)


@dataclass(frozen=True)
class Mark:
    """The mark of one notebook: its lesson, the verdict of each check, and how the run ended.

    ``untried`` names the checks that are not right and whose cells are as they were handed out.
    """

    notebook: str
    lesson: str
    verdicts: dict[str, bool]
    state: str
    seconds: float = 0.0
    untried: frozenset[str] = frozenset()

    @property
    def right(self) -> list[str]:
        """The checks that the learner's answers passed."""
        return [name for name, right in self.verdicts.items() if right]

    @property
    def wrong(self) -> list[str]:
        """The checks of changed cells that did not pass, or did not run."""
        return [
            name for name, right in self.verdicts.items() if not right and name not in self.untried
        ]

    def row(self) -> tuple:
        """Return the values of `COLUMNS`."""
        untried = [name for name in self.verdicts if name in self.untried]
        return (
            self.notebook,
            self.lesson,
            len(self.right),
            len(self.verdicts),
            *(" ".join(n.removeprefix("check_") for n in names) for names in (untried, self.wrong)),
            self.state,
            f"{self.seconds:.0f}",
        )


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu grade``."""
    parser.add_argument("folder", help="folder with the learners' notebooks, searched recursively")
    parser.add_argument(
        "-o",
        "--output",
        default="marks.csv",
        help="CSV table to write: one row per notebook with the number of exercises that are "
        "right, the names of those untried (cell as handed out) and wrong, and how the run ended "
        "(default: marks.csv)",
    )
    add_overwrite(parser)
    parser.add_argument(
        "--seconds",
        type=float,
        default=SECONDS,
        help=f"time limit per notebook, in seconds (default: {SECONDS:g})",
    )
    parser.add_argument(
        "--memory",
        type=float,
        default=MEMORY_GB,
        help=f"memory limit per notebook, in GB (default: {MEMORY_GB:g}; not on Windows)",
    )
    parser.add_argument(
        "--jobs", type=int, default=1, help="notebooks to run at the same time (default: 1)"
    )


def run(args: Namespace) -> int:
    """Grade a folder of notebooks; return 1 if some could not be graded to the end."""
    seconds = limits.number("--seconds", args.seconds, 1, 86400)
    memory = limits.number("--memory", args.memory, 1, 1024) * 1e9
    jobs = limits.whole("--jobs", args.jobs, 1, 64)
    folder = Path(args.folder).expanduser()
    output = check_output(args.output, what="table", overwrite=args.overwrite)
    notebooks = find_notebooks(folder)
    marks: list[Mark] = []
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        graded = pool.map(lambda path: grade(path, folder, seconds, memory, stop), notebooks)
        try:
            for mark in tqdm(graded, total=len(notebooks), desc="notebooks", unit=""):
                marks.append(mark)
                write_table(output, marks)
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    bad = [mark for mark in marks if mark.state != "complete"]
    right, wrong, untried = (
        sum(len(names) for names in each)
        for each in zip(*((mark.right, mark.wrong, mark.untried) for mark in marks))
    )
    say(f"{len(marks)} notebooks graded, {len(bad)} of them not complete: {output}")
    say(f"Exercises: {right} right, {wrong} wrong, {untried} untried.")
    return 1 if bad else 0


def find_notebooks(folder: Path) -> list[Path]:
    """Return the notebooks below ``folder``, sorted; RiffeduError if there is none."""
    if not folder.is_dir():
        raise RiffeduError(f"there is no folder {folder}")
    found = sorted(
        path
        for path in folder.rglob("*.ipynb")
        if path.is_file() and ".ipynb_checkpoints" not in path.parts
    )
    if not found:
        raise RiffeduError(f"there is no notebook (.ipynb) in {folder}")
    return found


def grade(
    path: Path,
    folder: Path,
    seconds: float = SECONDS,
    memory: float = 1e9 * MEMORY_GB,
    stop: threading.Event | None = None,
) -> Mark:
    """Run one notebook in a fresh, limited process and return its mark; ``stop`` ends it early."""
    name = str(path.relative_to(folder))
    try:
        cells = [cell for cell in cells_of(path) if cell.kind == "code"]
        lesson = lesson_of(path)
    except RiffeduError as error:
        return Mark(name, "", {}, str(error))
    checks = dict.fromkeys(checks_of(lesson), False)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="riffedu-grade-") as place:
        job = Path(place) / "job.json"
        asked = {
            "package": f"l{lesson.name}",
            "cells": [cell.text for cell in cells],
            "memory": memory,
            "seconds": seconds,
        }
        job.write_text(json.dumps(asked), "utf-8")
        ended = _run(job, seconds, stop or threading.Event())
        marks = _read(job.with_name("marks.json"))
    for check, (right, _) in marks["verdicts"].items():
        if check in checks:
            checks[check] = bool(right)
    untried = {check for check in untried_checks(lesson, cells) if not checks[check]}
    state = _state(ended, marks, seconds, memory)
    spent = time.monotonic() - start
    return Mark(name, lesson.label, checks, state, spent, frozenset(untried))


def _run(job: Path, seconds: float, stop: threading.Event) -> int | None:
    """Run `riffedu.verbs.grade_one`; return its exit status, None if it ran out of time."""
    place = str(job.parent)
    folders = ("TMPDIR", "TEMP", "TMP", "NUMBA_CACHE_DIR", "IPYTHONDIR")
    environment = {
        **os.environ,
        **dict.fromkeys(folders, place),
        "HF_HUB_OFFLINE": "1",
        "RIFFEDU_DATA": str(data_folder()),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "riffedu.verbs.grade_one", str(job)]
    child = subprocess.Popen(
        command,
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    give_up = time.monotonic() + seconds
    try:
        while not stop.is_set() and time.monotonic() < give_up:
            with suppress(subprocess.TimeoutExpired):
                return child.wait(0.2)
        return None
    finally:
        if os.name == "posix":  # what it has started, too
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
        child.kill()
        child.wait()


def _read(path: Path) -> dict:
    """Read what the process has written so far; a notebook may have spoilt it."""
    empty: dict = {"verdicts": {}, "errors": 0, "refused": [], "memory": False}
    try:
        marks = json.loads(path.read_text("utf-8"))
        sound = (
            marks.keys() == empty.keys()
            and all(isinstance(right, bool) for right, _ in marks["verdicts"].values())
            and all(isinstance(each, str) for each in marks["refused"])
            and isinstance(marks["errors"], int)
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return empty
    return marks if sound else empty


def _state(ended: int | None, marks: dict, seconds: float, memory: float) -> str:
    if marks["refused"]:
        more = len(marks["refused"]) - 1
        return f"refused: {marks['refused'][0]}" + (f" and {more} more" if more else "")
    if ended is None:
        return f"stopped after {seconds:g} s"
    if marks["memory"]:
        return f"needed more than {memory / 1e9:g} GB"
    if ended:
        return f"exited early (exit status {ended})"
    cells = "1 cell" if marks["errors"] == 1 else f"{marks['errors']} cells"
    return f"{cells} with errors" if marks["errors"] else "complete"


def cells_of(path: Path) -> list[Cell]:
    """Return the cells of a notebook. Raises RiffeduError if it is damaged."""
    try:
        if path.stat().st_size > LONGEST_NOTEBOOK:
            raise RiffeduError(f"longer than {LONGEST_NOTEBOOK >> 20} MB: not read")
        cells = json.loads(path.read_text("utf-8"))["cells"]
        return [
            Cell(cell["cell_type"], "".join(cell["source"]), str(cell.get("id"))) for cell in cells
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RiffeduError("not a notebook, or damaged") from None


def lesson_of(path: Path) -> Lesson:
    """Return the lesson of a notebook, from its heading; RiffeduError if it is none of ours."""
    text = "\n".join(cell.text for cell in cells_of(path) if cell.kind == "markdown")
    found = _HEADING.search(text)
    for lesson in LESSONS:
        if found and lesson.label == found[1] and lesson.state == "ready":
            return lesson
    raise RiffeduError("not a lesson of this course, or its heading was removed")


@cache
def handed_out(lesson: Lesson) -> tuple[Cell, ...]:
    """Return the code cells of a lesson's notebook before a learner changes it."""
    source = build.SOURCES / f"l{lesson.name}" / "lesson.md"
    book = build.student(source.read_text("utf-8"), lesson)
    return tuple(
        Cell("code", cell.source, cell.id) for cell in book.cells if cell.cell_type == "code"
    )


def checks_of(lesson: Lesson) -> Sequence[str]:
    """Return the names of a lesson's checks, in the order of its notebook."""
    return list(
        dict.fromkeys(name for cell in handed_out(lesson) for name in _CHECK.findall(cell.text))
    )


def untried_checks(lesson: Lesson, cells: Iterable[Cell]) -> set[str]:
    """Return the checks whose cells are as they were handed out, or are gone.

    A learner's cell belongs to a check if it calls the check, or has the id of the cell that
    was handed out with that call. White space and comments do not count as a change.
    """
    given = handed_out(lesson)
    known = {"", *(cell.bare for cell in given)}
    changed = [cell for cell in cells if cell.bare not in known]
    tried = {name for cell in changed for name in _CHECK.findall(cell.text)}
    ids = {cell.identity for cell in changed}
    tried |= {name for cell in given if cell.identity in ids for name in _CHECK.findall(cell.text)}
    return set(checks_of(lesson)) - tried


def write_table(path: Path, marks: Sequence[Mark]) -> None:
    """Write the marks as CSV, whole or not at all."""
    with (
        write_whole(path) as part,
        open(part, "w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(mark.row() for mark in marks)
