"""Confine this process with Landlock, the Linux kernel's sandbox for programs without privileges.

Source: Landlock's user-space API, https://docs.kernel.org/userspace-api/landlock.html (Linux 5.13;
the rights below need up to 6.12). What the kernel is too old to restrict stays unrestricted.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls
ASK_VERSION, PATH_BENEATH, NO_NEW_PRIVILEGES = 1, 1, 38

EXECUTE, WRITE_FILE, TRUNCATE = 1, 1 << 1, 1 << 14
CHANGE_FOLDER = sum(1 << bit for bit in range(4, 13))  # remove and make entries of every kind
MOVE = 1 << 13  # between folders
BIND_TCP, CONNECT_TCP = 1, 2
ABSTRACT_SOCKETS, SIGNALS = 1, 2


def version() -> int:
    """Return the version of Landlock on this machine, or 0 if there is none."""
    return max(0, _call(CREATE_RULESET, None, 0, ASK_VERSION)) if sys.platform == "linux" else 0


def confine(folder: Path) -> bool:
    """Allow this thread, and all that it starts, to change files only in ``folder``.

    It may also write to ``/dev/null``. It can start no program, use no TCP, and signal no process
    outside the sandbox. This cannot be undone. Returns False, and does nothing, without Landlock.
    """
    found = version()
    if not found:
        return False
    files = WRITE_FILE | (TRUNCATE if found >= 3 else 0)
    change = files | CHANGE_FOLDER | (MOVE if found >= 2 else 0)
    rights = struct.pack("3Q", change | EXECUTE, BIND_TCP | CONNECT_TCP, ABSTRACT_SOCKETS | SIGNALS)
    size = 8 if found < 4 else 16 if found < 6 else 24
    rules = _check(_call(CREATE_RULESET, rights, size, 0))
    try:
        for path, allowed in ((folder, change), (Path(os.devnull), files)):
            place = os.open(path, os.O_PATH)
            try:
                rule = struct.pack("=Qi", allowed, place)
                _check(_call(ADD_RULE, rules, PATH_BENEATH, rule, 0))
            finally:
                os.close(place)
        _check(ctypes.CDLL(None, use_errno=True).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _check(_call(RESTRICT_SELF, rules, 0))
    finally:
        os.close(rules)
    return True


def _call(*arguments: int | bytes | None) -> int:
    call = ctypes.CDLL(None, use_errno=True).syscall
    numbers = (ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)
    return call(*numbers)


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
