"""FairLock at the model: a lock that is handed on in the order in which it was asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class FairLock:
    """A lock that is handed on in the order in which it was asked for."""

    def __init__(self):
        self._line: deque[object] = deque()
        self._moved = threading.Condition()

    @property
    def waiting(self) -> int:
        """How many stand in line behind the one whose turn it is."""
        return max(0, len(self._line) - 1)

    @contextmanager
    def hold(self, meanwhile: Callable[[], Any] = lambda: None) -> Iterator[None]:
        """Wait for one's turn, and have it. ``meanwhile`` is called as one waits; it may raise."""
        me = object()
        with self._moved:
            self._line.append(me)
            try:
                while self._line[0] is not me:
                    meanwhile()
                    self._moved.wait(0.1)
            except BaseException:
                self._leave(me)
                raise
        try:
            yield
        finally:
            with self._moved:
                self._leave(me)

    def _leave(self, me: object) -> None:
        self._line.remove(me)
        self._moved.notify_all()


MODEL_LOCK = FairLock()
"""This process's turns at the model: panels and seats share two cores, so one works at a time."""
