"""The lock that panels and sessions hold while they use the model."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class FairLock:
    """A lock that is granted in the order of the requests."""

    def __init__(self) -> None:
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """How many wait for the lock while another holds it."""
        return max(0, len(self._queue) - 1)

    @contextmanager
    def hold(self, meanwhile: Callable[[], Any] = lambda: None) -> Iterator[None]:
        """Acquire the lock for a ``with`` block.

        ``meanwhile`` is called repeatedly during the wait; if it raises, the request is withdrawn.
        """
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                while self._queue[0] is not ticket:
                    meanwhile()
                    self._changed.wait(0.1)
            except BaseException:
                self._leave(ticket)
                raise
        try:
            yield
        finally:
            with self._changed:
                self._leave(ticket)

    def _leave(self, ticket: object) -> None:
        self._queue.remove(ticket)
        self._changed.notify_all()


MODEL_LOCK = FairLock()
"""This process's lock on the model: panels and sessions share its cores, so they take turns."""
