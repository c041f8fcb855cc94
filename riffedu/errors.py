"""RiffeduError, raised for bad input, and riffedu's warning class; both print one line."""

from __future__ import annotations

import os
import sys
import warnings

PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class RiffeduError(ValueError):
    """Bad input. ``str(error)`` is one line; the command line prints it and exits with code 2."""


class RiffeduWarning(UserWarning):
    """Something was lost or changed that the user should know. One line, like an error."""


def warn(message: str) -> None:
    """Issue a `RiffeduWarning` at the line outside riffedu that called it, however deep."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and _is_ours(frame.f_code.co_filename):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, RiffeduWarning, stacklevel=level)


def _is_ours(file: str) -> bool:
    return file.startswith(PACKAGE) or os.path.basename(file) == "contextlib.py"
