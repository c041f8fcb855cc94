"""Who is in the class, who holds which corner of the pad, and whose prompt plays next.

A phone that joins gets a seat at the corner with the fewest phones. The prompts of one corner take
turns: each plays for at least `PIECES` pieces while others wait, and a phone has at most one prompt
waiting. Nothing here knows the network; every method may be called from any thread.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from riffedu.app.classroom.words import clean_name, clean_prompt
from riffedu.errors import RiffeduError

CORNERS = ("C", "D", "A", "B")
"""The letters of the corners, in the order of the prompts: lower left, lower right, upper left …"""
PLACES = ("lower left", "lower right", "upper left", "upper right")
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"  # without I, L and O, which look like digits
CODE_LENGTH = 8
"""Letters of a join code: with 8, a network of 254 addresses would have to guess for weeks.

So the class needs no common limit on wrong codes, with which one phone could shut out all others.
"""
PIECES = 2
"""Pieces for which a prompt plays at least while another one waits for its corner."""
ABSENCE = 60.0
"""Seconds after which a phone that has lost its connection loses its seat."""
LONGEST_RECORD = 50_000
"""Events that are recorded at most."""


class WrongCode(RiffeduError):
    """The join code is not the current one."""


@dataclass(eq=False)
class Seat:
    """A phone in the class.

    ``key`` lets the same phone return, ``heard`` numbers its last
    message, ``note`` is about its prompt.
    """

    name: str
    corner: int
    address: str
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    heard: int = 0
    waiting: str = ""
    note: str = ""
    absent_since: float | None = None


@dataclass
class Corner:
    """A corner of the pad: its prompt, whose it is ("" is the teacher's), and who waits for it.

    ``given`` is the prompt of the last piece, ``teachers`` the last one that the teacher chose.
    ``since`` counts the pieces made before the prompt's first, ``number`` is that piece's own.
    """

    prompt: str
    given: str
    teachers: str
    by: str = ""
    since: int = -PIECES
    number: int = 0
    queue: deque[Seat] = field(default_factory=deque)


class Room:
    """The state of a class. ``prompts`` are the teacher's, which play until a phone's turn.

    ``advise`` returns a note for a phone about its prompt, or "".
    """

    def __init__(
        self,
        prompts: Sequence[str],
        most_phones: int = 40,
        per_address: int = 0,
        now: Callable[[], float] = time.monotonic,
    ):
        self.most_phones, self.per_address, self._now = most_phones, per_address, now
        self.advise: Callable[[str], str] = lambda prompt: ""
        self.locked = self.paused = False
        self.seats: list[Seat] = []
        self.corners = [Corner(prompt, prompt, prompt) for prompt in prompts]
        self.heard_piece = -1
        self._made, self._began = 0, now()
        self._events: list[dict[str, Any]] = []
        self._lock = threading.RLock()
        self.new_code()

    # --- phones -------------------------------------------------------------------------------

    def join(self, name: object, code: object, address: str, key: object = "") -> Seat:
        """Give a phone a seat, or its old one if ``key`` is that seat's.

        Raises WrongCode, or RiffeduError if the class is full or takes no new phones.
        """
        with self._lock:
            self.free_absent()
            if back := next((seat for seat in self.seats if seat.key == key), None):
                back.absent_since = None
                return back
            given = code.strip().upper() if isinstance(code, str) else ""
            if not hmac.compare_digest(given.encode("utf-8", "replace"), self.code.encode()):
                raise WrongCode("this is not the current code of the class")
            if self.locked:
                raise RiffeduError("the class is not accepting new phones now")
            here = sum(seat.address == address for seat in self.seats)
            if len(self.seats) >= self.most_phones or here >= (self.per_address or here + 1):
                raise RiffeduError("no place is free: ask your teacher, or wait until one is")
            name = self._unused(clean_name(name))
            crowd = [sum(seat.corner == i for seat in self.seats) for i in range(len(CORNERS))]
            corner = min(range(len(CORNERS)), key=lambda i: (crowd[i], CORNERS[i]))
            self.seats.append(seat := Seat(name, corner, address))
            self._record(joined=name, corner=CORNERS[corner])
            return seat

    def say(self, seat: Seat, message: int, text: object) -> None:
        """Let ``text`` wait for the seat's corner, in place of what the seat had waiting.

        ``message`` counts the phone's messages; one that has been heard already changes nothing.
        Raises RiffeduError, after which the message still counts as heard, for text that cannot be
        a prompt, or while the phones are paused.
        """
        with self._lock:
            if message <= seat.heard or seat not in self.seats:
                return
            seat.heard = message
            if self.paused:
                raise RiffeduError("your teacher has paused the phones")
            seat.waiting = clean_prompt(text)
            seat.note = self.advise(seat.waiting)
            queue = self.corners[seat.corner].queue
            if seat not in queue:
                queue.append(seat)
            self._record(said=seat.waiting, by=seat.name, message=message)

    def lose(self, seat: Seat) -> None:
        """Keep the seat of a phone that has lost its connection, for `ABSENCE` seconds."""
        with self._lock:
            seat.absent_since = self._now()

    def free_absent(self) -> None:
        """Free the seats of phones that have been away for too long."""
        with self._lock:
            for seat in list(self.seats):
                if seat.absent_since is not None and self._now() - seat.absent_since > ABSENCE:
                    self._free(seat)

    def _free(self, seat: Seat) -> None:
        self.seats.remove(seat)
        corner = self.corners[seat.corner]
        if seat in corner.queue:
            corner.queue.remove(seat)
        self._record(left=seat.name)

    def _unused(self, name: str) -> str:
        """Return ``name``, with a number if it is taken."""
        taken = {seat.name for seat in self.seats}
        names = (name, *(f"{name} {n}" for n in range(2, len(taken) + 3)))
        return next(each for each in names if each not in taken)

    # --- the teacher --------------------------------------------------------------------------

    def new_code(self) -> None:
        """Change the join code: phones that have joined stay, the old code admits nobody."""
        self.code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))

    def remove(self, name: object) -> None:
        """Take a phone's seat away; its prompt gives way to the teacher's."""
        with self._lock:
            for seat in [seat for seat in self.seats if seat.name == name]:
                corner = self.corners[seat.corner]
                if corner.by == seat.name:
                    corner.prompt, corner.by, corner.since = corner.teachers, "", -PIECES
                self._free(seat)

    # --- the music ----------------------------------------------------------------------------

    def next_prompts(self, number: int, prompts: Sequence[str]) -> list[str]:
        """Return the prompts of piece ``number``; ``prompts`` are the pad's now.

        A prompt that is not the one given last was edited by the teacher, and takes a turn.
        """
        with self._lock:
            for corner, shown in zip(self.corners, prompts):
                if shown != corner.given:
                    corner.teachers = shown
                    self._turn(corner, shown, "", number)
                elif corner.queue and not self.paused and self._may_turn(corner):
                    seat = corner.queue.popleft()
                    self._turn(corner, seat.waiting, seat.name, number)
                    seat.waiting = ""
                elif number == 0:
                    corner.number = 0
            given = [corner.prompt for corner in self.corners]
            if number == 0 or given != [corner.given for corner in self.corners]:
                self._record(piece=number, prompts=given, by=[c.by for c in self.corners])
            for corner in self.corners:
                corner.given = corner.prompt
            self._made += 1
            return given

    def _turn(self, corner: Corner, prompt: str, by: str, number: int) -> None:
        corner.prompt, corner.by, corner.since, corner.number = prompt, by, self._made, number

    def _may_turn(self, corner: Corner) -> bool:
        alone = len(corner.queue) == 1 and corner.queue[0].name == corner.by
        return alone or self._made - corner.since >= PIECES

    # --- what is shown and kept ---------------------------------------------------------------

    def status(self, seat: Seat) -> dict[str, Any]:
        """Return what a phone shows of its own seat and corner."""
        with self._lock:
            corner = self.corners[seat.corner]
            return {
                "name": seat.name,
                "corner": CORNERS[seat.corner],
                "place": PLACES[seat.corner],
                "heard": seat.heard,
                "playing": corner.prompt,
                "yours": corner.by == seat.name,
                "audible": corner.number <= self.heard_piece,
                "waiting": seat.waiting,
                "before": corner.queue.index(seat) if seat in corner.queue else 0,
                "paused": self.paused,
                "note": seat.note,
            }

    def overview(self) -> dict[str, Any]:
        """Return what the teacher's page shows: the code, the phones, the corners."""
        with self._lock:
            order = sorted(range(len(CORNERS)), key=lambda i: CORNERS[i])
            return {
                "code": self.code,
                "locked": self.locked,
                "paused": self.paused,
                "most": self.most_phones,
                "phones": [
                    {
                        "name": seat.name,
                        "corner": CORNERS[seat.corner],
                        "away": seat.absent_since is not None,
                    }
                    for seat in self.seats
                ],
                "corners": [
                    {
                        "index": i,
                        "letter": CORNERS[i],
                        "place": PLACES[i],
                        "prompt": self.corners[i].prompt,
                        "by": self.corners[i].by,
                        "next": [seat.name for seat in self.corners[i].queue],
                    }
                    for i in order
                ],
            }

    def record(self) -> list[dict[str, Any]]:
        """Return all events: who joined, said and left, and whose prompts each piece has.

        ``at`` is the time in seconds since the class began.
        """
        with self._lock:
            return list(self._events)

    def _record(self, **event: Any) -> None:
        if len(self._events) < LONGEST_RECORD:
            self._events.append({"at": round(self._now() - self._began, 1), **event})
