"""A class as one file: the instrument's session, and beside it who joined, said and played what.

The file is a session of the live instrument, so its "open" button replays the music too.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from riffedu import limits
from riffedu.app.classroom.room import CORNERS, LONGEST_RECORD
from riffedu.app.live_instrument import LONGEST_SESSION, MOST_PIECES
from riffedu.errors import RiffeduError
from riffedu.output import write_text

KEY = "class"
"""The name of the class's events in the session file."""


class Recorder:
    """Writes a class to a file from time to time; after a restart of the music, to another one."""

    def __init__(self, path: Path, session: Callable[[], str], events: Callable[[], list]):
        self.path, self._session, self._events = path, session, events
        self._first, self._written = path, ""
        self._lock = threading.Lock()

    def save(self) -> None:
        """Write the class as it is now, unless nothing has changed. Raises OSError."""
        with self._lock:
            text = json.dumps({**json.loads(self._session()), KEY: self._events()})
            if text != self._written:
                write_text(self.path, text)
                self._written = text

    def next_file(self) -> None:
        """Leave the file as it is, and write to another one from now on."""
        with self._lock:
            names = (self._first.with_stem(f"{self._first.stem}-{n}") for n in count(2))
            self.path = next(path for path in names if not path.exists())


def read_recording(path: str | Path) -> bytes:
    """Return the bytes of a file, but no more than show that it is too long for `Replay`."""
    with open(path, "rb") as file:
        return file.read(LONGEST_SESSION + 1)


class Replay:
    """What a recorded class shows while its session plays again.

    Raises RiffeduError if the recording is damaged, or longer than a class can be.
    """

    def __init__(self, text: bytes):
        try:
            if len(text) > LONGEST_SESSION:
                raise RiffeduError(f"it has more than {LONGEST_SESSION} bytes")
            events = json.loads(text.decode())[KEY]
            limits.whole("the number of events", len(events), 0, LONGEST_RECORD)
            self._turns = [_turn(event) for event in events if "piece" in event]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise RiffeduError(f"this is not a class recording ({error!r})"[:200]) from None

    def at(self, number: int) -> list[dict[str, Any]]:
        """Return each corner's prompt and whose it is, in piece ``number``."""
        turns = [turn for turn in self._turns if turn[0] <= max(0, number)]
        _, prompts, by = turns[-1] if turns else (0, [], [])
        return [
            {"index": i, "letter": CORNERS[i], "prompt": prompt, "by": by[i], "next": []}
            for i, prompt in enumerate(prompts)
        ]


def _turn(event: dict[str, Any]) -> tuple[int, list[str], list[str]]:
    """Return a piece's number, and each corner's prompt and whose it is; check their number."""
    number = limits.whole("piece", event["piece"], 0, MOST_PIECES)
    prompts, by = ([str(each) for each in event[name]] for name in ("prompts", "by"))
    if not len(prompts) == len(by) == len(CORNERS):
        raise RiffeduError(f"piece {number} has {len(prompts)} prompts of {len(by)}")
    return number, prompts, by
