"""Where the course keeps its files: one place that answers, one clear error when it can't."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from riffedu.errors import RiffeduError


def course_folder() -> Path:
    """The folder that holds ``notebooks/`` and ``data/``: the clone that riffedu runs from.

    Raises RiffeduError when the package was installed apart from its clone.
    """
    clone = Path(__file__).resolve().parent.parent
    if not (clone / "pyproject.toml").is_file():
        raise RiffeduError(
            "riffedu runs from its clone, where notebooks/ and data/ lie: "
            "clone the repository and run `pip install -e .` there"
        )
    return clone


def data_folder() -> Path:
    """The folder of shipped models and clips.

    The environment variable ``RIFFEDU_DATA`` wins; otherwise it is ``data/`` in the clone that
    riffedu runs from. Raises RiffeduError when neither is a folder.
    """
    named = os.environ.get("RIFFEDU_DATA")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise RiffeduError(f"RIFFEDU_DATA names {named!r}, which is not a folder")
        return folder
    try:
        folder = course_folder() / "data"
    except RiffeduError as error:
        raise RiffeduError(f"{error}, or let RIFFEDU_DATA name its data folder") from None
    if not folder.is_dir():
        raise RiffeduError(
            f"the clone's data folder is missing: run `git checkout -- data` ({folder})"
        )
    return folder


def models_folder() -> Path:
    """``data/models``: each folder in it is a checkpoint that ``load_checkpoint(name)`` opens."""
    return data_folder() / "models"


def clips_folder() -> Path:
    """``data/clips``: the sounds that the lessons play with, and clips.json with their credits.

    Raises RiffeduError when it is missing.
    """
    folder = data_folder() / "clips"
    if not (folder / "clips.json").is_file():
        raise RiffeduError(f"the course's sounds are missing: {folder / 'clips.json'}")
    return folder


def check_writable(name: str | Path, endings: Iterable[str], what: str) -> Path:
    """The path of a file that a command will write, checked before any work is done.

    Raises RiffeduError where its ending is none of ``endings``, where it is a folder, or where
    nothing can be written. ``what`` is "sound" or "picture".
    """
    path = Path(name).expanduser()
    if path.is_dir():
        raise RiffeduError(f"{name} is a folder: name the {what} file to write in it")
    if path.suffix.lower() not in endings:
        raise RiffeduError(f"can't write a {what} as {name!r}: end its name in {' '.join(endings)}")
    if not path.parent.is_dir():
        raise RiffeduError(f"can't write {name}: there is no folder {path.parent}")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise RiffeduError(f"can't write {name}: {error.strerror} ({path.parent})") from None
    return path
