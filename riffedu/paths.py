"""The folders of the course's files."""

from __future__ import annotations

import os
from pathlib import Path

from riffedu.errors import RiffeduError


def clone_folder() -> Path | None:
    """Return the clone that riffedu runs from, or None if it was installed from a wheel."""
    clone = Path(__file__).resolve().parent.parent
    return clone if (clone / "pyproject.toml").is_file() else None


def course_folder() -> Path:
    """Return the folder of ``notebooks/``, ``docs/`` and ``data/``: the clone, or the wheel's copy.

    Raises RiffeduError if neither is there.
    """
    folder = clone_folder() or Path(__file__).resolve().parent / "course"
    if not folder.is_dir():
        raise RiffeduError(
            "this installation of riffedu lacks its lessons and its model: reinstall it "
            "(`pip install --force-reinstall --no-deps riffedu`), or run it from its clone"
        )
    return folder


def data_folder() -> Path:
    """Return the folder of shipped models and clips.

    The environment variable ``RIFFEDU_DATA`` if it is set; otherwise ``data/`` in `course_folder`.
    Raises RiffeduError if that is not a folder.
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
        raise RiffeduError(f"{error}, or set RIFFEDU_DATA to its data folder") from None
    if not folder.is_dir():
        raise RiffeduError(
            f"the clone's data folder is missing: run `git checkout -- data` ({folder})"
        )
    return folder


def models_folder() -> Path:
    """Return ``data/models``: each folder in it is a checkpoint for ``load_checkpoint(name)``."""
    return data_folder() / "models"


def clips_folder() -> Path:
    """Return ``data/clips``: the clips that the lessons use, and clips.json with their credits.

    Raises RiffeduError if it is missing.
    """
    folder = data_folder() / "clips"
    if not (folder / "clips.json").is_file():
        raise RiffeduError(f"the course's clips are missing: there is no {folder / 'clips.json'}")
    return folder
