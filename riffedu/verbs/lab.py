"""``riffedu lab``: JupyterLab at the first lesson, with or without make."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from riffedu.errors import RiffeduError
from riffedu.paths import course_folder

FIRST_LESSON = "00_hear_it_first.ipynb"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "notebook",
        nargs="?",
        default=FIRST_LESSON,
        help=f"a notebook of notebooks/, by name or number (default: {FIRST_LESSON})",
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=int, help="the port to serve on (default: 8888 or next)")


def find_notebook(name: str) -> Path:
    """The notebook of ``notebooks/`` whose file name is, or begins with, ``name``."""
    notebooks = sorted((course_folder() / "notebooks").glob("*.ipynb"))
    found = [n for n in notebooks if n.name == name] or [
        n for n in notebooks if n.name.startswith(name)
    ]
    if len(found) != 1:
        have = ", ".join(n.stem for n in notebooks) or "none"
        raise RiffeduError(f"no single notebook is called {name!r}; notebooks/ has {have}")
    return found[0]


def command(notebook: Path, no_browser: bool = False, port: int | None = None) -> list[str]:
    """The command line that starts JupyterLab on ``notebook``."""
    parts = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={course_folder()}",
        f"--LabApp.default_url=/lab/tree/notebooks/{notebook.name}",
    ]
    if no_browser:
        parts.append("--no-browser")
    if port is not None:
        parts.append(f"--port={port}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        parts.append("--allow-root")  # Containers run as root, where Jupyter refuses otherwise.
    return parts


def environment() -> dict[str, str]:
    """This process's environment, with JupyterLab's news and update pop-ups turned off."""
    ours = str(Path(__file__).parent / "jupyter")
    theirs = os.environ.get("JUPYTER_CONFIG_PATH")
    return os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, (ours, theirs)))}


def run(args: argparse.Namespace) -> int:
    parts = command(find_notebook(args.notebook), args.no_browser, args.port)
    if os.name == "posix":
        # JupyterLab takes this process over, and so gets its signals.
        os.execve(parts[0], parts, environment())
    try:
        return subprocess.run(parts, env=environment()).returncode
    except KeyboardInterrupt:
        return 0  # Ctrl-C is how one leaves JupyterLab.
