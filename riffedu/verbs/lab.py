"""``riffedu lab``: opens JupyterLab at a lesson.

In a clone the lessons are opened where they are. Elsewhere, and with ``--folder``, the learner gets
copies of them (`riffedu.verbs.handout`). Unknown flags are passed on to JupyterLab.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from riffedu import syllabus
from riffedu.errors import RiffeduError
from riffedu.output import say
from riffedu.paths import clone_folder, course_folder
from riffedu.verbs.handout import hand_out

FOLDER = "riffedu-lessons"
PASSES_ON = True
FIRST_LESSON = f"{syllabus.LESSONS[0].name}.ipynb"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``riffedu lab``."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--lesson", metavar="N", help="open lesson N, for example 5 or 1b")
    which.add_argument(
        "notebook",
        nargs="?",
        default=FIRST_LESSON,
        help=f"name, or start of the name, of a notebook in notebooks/ (default: {FIRST_LESSON})",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address; do not open a browser"
    )
    parser.add_argument(
        "--port", type=int, help="port to serve on (default: the first free one from 8888)"
    )
    parser.add_argument(
        "--folder",
        metavar="FOLDER",
        help="folder for your copies of the lessons; your changes are kept (default: "
        f"{FOLDER} in the current folder, or the clone itself)",
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="for each lesson that you have changed, put the new version beside your copy",
    )
    parser.add_argument(
        "--copy-only", action="store_true", help="copy the lessons; do not open JupyterLab"
    )


def lesson_notebook(number: float | str) -> Path:
    """Return the notebook of lesson ``number``.

    Raises RiffeduError if there is no such lesson, or if it is only planned.
    """
    found = syllabus.lesson(number)
    if found.state != "ready":
        raise RiffeduError(f"lesson {found.heading} is planned and has no notebook yet")
    return course_folder() / found.notebook


def find_notebook(name: str) -> Path:
    """Return the notebook in ``notebooks/`` whose file name is, or starts with, ``name``.

    A number is that of a lesson: 5 is 05.

    Raises RiffeduError unless exactly one notebook matches.
    """
    notebooks = sorted((course_folder() / "notebooks").glob("*.ipynb"))
    if re.fullmatch(r"\d[a-z]?", name):
        name = f"0{name}"
    found = (
        [n for n in notebooks if n.name == name]
        or [n for n in notebooks if n.name.startswith(f"{name}_")]  # 01 is not 01b
        or [n for n in notebooks if n.name.startswith(name)]
    )
    if len(found) != 1:
        have = ", ".join(n.stem for n in notebooks) or "none"
        match = "several notebooks match" if found else "no notebook matches"
        raise RiffeduError(f"{match} {name!r}: choose one of {have}")
    return found[0]


def command(
    notebook: Path, root: Path, no_browser: bool = False, port: int | None = None
) -> list[str]:
    """Return the command line that starts JupyterLab in the folder ``root`` on ``notebook``."""
    parts = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/notebooks/{notebook.name}",
    ]
    if no_browser:
        parts.append("--no-browser")
    if port is not None:
        parts.append(f"--port={port}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        parts.append(
            "--allow-root"
        )  # Containers run as root, where Jupyter otherwise refuses to start.
    return parts


def environment() -> dict[str, str]:
    """Return this process's environment, with JupyterLab's news and update pop-ups turned off."""
    ours = str(Path(__file__).parent / "jupyter")
    theirs = os.environ.get("JUPYTER_CONFIG_PATH")
    return os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, (ours, theirs)))}


def root_folder(folder: str | None, update: bool = False) -> Path:
    """Return the folder that JupyterLab serves: the clone, or the learner's updated copies."""
    clone = clone_folder()
    if clone and folder is None:
        return clone
    root = Path(folder or FOLDER).expanduser().resolve()
    done = str(hand_out(root, update))
    say(f"Your lessons are in {root}" + (f"\n{done}" if done else ""), flush=True)
    return root


def run(args: argparse.Namespace) -> int:
    """Start JupyterLab at the requested lesson."""
    if args.lesson is not None:
        notebook = lesson_notebook(args.lesson)
    else:
        try:
            notebook = find_notebook(args.notebook)
        except RiffeduError as error:
            if not args.passed_on:
                raise
            raise RiffeduError(
                f"{error} (flags for Jupyter need an equals sign, such as --ip=0.0.0.0)"
            ) from None
    root = root_folder(args.folder, args.update)
    if args.copy_only:
        return 0
    parts = command(notebook, root, args.no_browser, args.port) + args.passed_on
    if os.name == "posix":
        # JupyterLab replaces this process, and so receives its signals.
        os.execve(parts[0], parts, environment())
    try:
        return subprocess.run(parts, env=environment()).returncode
    except KeyboardInterrupt:
        return 0  # Ctrl-C is the usual way to stop JupyterLab.
