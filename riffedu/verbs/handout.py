"""Copies of the lessons in a folder of the learner's choice; their work is never overwritten."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from riffedu.errors import RiffeduError
from riffedu.output import write_text, write_whole
from riffedu.paths import course_folder

RECORD = ".riffedu.json"
"""File in a learner's folder: the SHA-256 of each lesson as it was copied."""


@dataclass(frozen=True)
class Copies:
    """What `hand_out` did: lessons copied, replaced, or given a new version beside them."""

    copied: tuple[str, ...]
    replaced: tuple[str, ...]
    beside: tuple[str, ...]
    waiting: tuple[str, ...]
    """Lessons with a newer version that differ from what was copied, left alone."""

    def __str__(self) -> str:
        parts = [
            (self.copied, "copied"),
            (self.replaced, "replaced by a newer version"),
            (self.beside, "written beside your changed ones"),
        ]
        lines = [f"{len(names)} lessons {what}" for names, what in parts if names]
        if self.waiting:
            lines.append(
                f"a newer version of {', '.join(self.waiting)} is available; you changed yours, "
                "so it was kept: --update puts the new one beside it"
            )
        return "\n".join(lines)


def hand_out(folder: str | Path, update: bool = False) -> Copies:
    """Copy the lessons and what they link to into ``folder``; return what was done.

    A notebook that is missing is copied, and one that the learner has not changed follows the
    installed version. A changed one is never touched; with ``update`` the newer version is written
    beside it as ``NAME-new.ipynb`` (``NAME-new-2.ipynb`` …). Raises RiffeduError if the folder
    cannot be written.
    """
    folder, source = Path(folder).expanduser(), course_folder()
    try:
        (folder / "notebooks").mkdir(parents=True, exist_ok=True)
        return _copy(source, folder, update)
    except OSError as error:
        reason = error.strerror or error
        raise RiffeduError(f"the lessons cannot be copied to {folder}: {reason}") from None


def _copy(source: Path, folder: Path, update: bool) -> Copies:
    record = folder / RECORD
    known = _read(record)
    done: dict[str, list[str]] = {"copied": [], "replaced": [], "beside": [], "waiting": []}
    for shipped in sorted((source / "notebooks").glob("*.ipynb")):
        own, new = folder / "notebooks" / shipped.name, _digest(shipped)
        if not own.exists():
            kind = "copied"
        elif known.get(shipped.name) == new or (have := _digest(own)) == new:
            continue
        elif have == known.get(shipped.name):
            kind = "replaced"
        elif update:
            kind, own = "beside", _free(own)
        else:
            kind = "waiting"
        done[kind].append(shipped.stem)
        if kind != "waiting":
            with write_whole(own) as part:
                shutil.copyfile(shipped, part)
            known[shipped.name] = new
    site = shutil.ignore_patterns("site", "live")
    shutil.copytree(source / "docs", folder / "docs", ignore=site, dirs_exist_ok=True)
    write_text(record, json.dumps(known, indent=1) + "\n")
    return Copies(**{kind: tuple(names) for kind, names in done.items()})


def _free(own: Path) -> Path:
    """Return an unused file name for a new version of a lesson."""
    names = (f"{own.stem}-new{'' if n == 1 else f'-{n}'}" for n in count(1))
    return next(path for name in names if not (path := own.with_stem(name)).exists())


def _read(record: Path) -> dict[str, str]:
    """The record of a folder; one that is missing or damaged counts as empty."""
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
