"""The limits that a teacher sets for everyone on a machine, in one TOML file.

The file is the one that the environment variable ``RIFFEDU_LIMITS`` names. Without it, the limits
are riffedu's own. docs/teaching/one-machine.md describes each.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from riffedu.errors import RiffeduError

WHERE = "RIFFEDU_LIMITS"


@dataclass(frozen=True)
class ClassLimits:
    """The most that one learner may ask for; 0 means no limit, except for the first four."""

    steps: int = 1000
    """Denoising steps of one clip."""
    clip_seconds: float = 60.0
    """Length of a clip to generate."""
    sound_seconds: float = 300.0
    """Length of a sound to edit or upload."""
    pages: int = 100
    """Pages of `riffedu app` at once."""
    kernels: int = 0
    """Notebooks that `riffedu kernels` runs at once."""
    kernel_megabytes: int = 0
    """Memory that a notebook may use beside what all share."""
    cell_seconds: float = 0.0
    """Time that a notebook's cell may run."""
    threads: int = 1
    """Threads that a notebook computes with; 0: as many as there are cores."""


def read_limits(file: str | Path) -> ClassLimits:
    """Read the limits in a TOML file; what it does not mention keeps its default.

    Raises RiffeduError if the file can't be read, or names an unknown limit or an invalid value.
    """
    try:
        found = tomllib.loads(Path(file).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RiffeduError(f"the limits in {str(file)!r} can't be read: {reason}") from None
    known = {each.name: each.default for each in fields(ClassLimits)}
    for name, value in found.items():
        if name not in known:
            raise RiffeduError(
                f"{str(file)!r} sets {name!r}, which is not a limit: use {', '.join(known)}"
            )
        whole = isinstance(known[name], int)
        kind = int if whole else (int, float)
        low = 1 if name in ("steps", "pages") else 0
        if isinstance(value, bool) or not isinstance(value, kind) or not low <= value < 1e9:
            raise RiffeduError(
                f"{name!r} in {str(file)!r} must be a {'whole ' if whole else ''}number, at "
                f"least {low}, not {value!r}"
            )
    return ClassLimits(**found)


@cache
def class_limits() -> ClassLimits:
    """Return the limits in the file that ``RIFFEDU_LIMITS`` names, or riffedu's own."""
    named = os.environ.get(WHERE)
    return read_limits(named) if named else ClassLimits()
