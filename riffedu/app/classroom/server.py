"""One class: the phones' server, the teacher's page, the instrument and its record."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from riffedu.app.addresses import is_loopback, qr_code
from riffedu.app.classroom.phones import GuardedServer, Phones
from riffedu.app.classroom.record import Recorder, Replay
from riffedu.app.classroom.room import Room
from riffedu.app.classroom.teacher import ClassInstrument, PageComm, Teacher
from riffedu.app.live_instrument import PROMPTS, LiveInstrument
from riffedu.errors import RiffeduError
from riffedu.output import say


class ClassServer:
    """A class that plays one instrument; create it inside a running event loop.

    ``output`` is the session file, ``url`` the phones' address as the QR code shows it.
    """

    def __init__(
        self,
        model_server: Any,
        url: str,
        output: Path,
        most_phones: int = 40,
        per_address: int = 0,
        seed: int = 0,
    ):
        loop = asyncio.get_running_loop()
        self.url, self.room = url, Room(PROMPTS, most_phones, per_address)
        self.phones, comm = Phones(self.room), PageComm()
        self.instrument = ClassInstrument(model_server, self.room, comm=comm, seed=seed)
        self.recorder = Recorder(output, lambda: self.instrument.session, self.room.record)
        self.teacher = Teacher(self.instrument, comm, self.overview, self._orders())
        self.room.advise = self.instrument.advise
        self.phones.on_change = self.teacher.changed
        self.instrument.before_restart = self._begin_another_file
        self.instrument.on_piece = lambda: loop.call_soon_threadsafe(self.phones.changed)
        self._server = GuardedServer(self.phones.application())

    def listen(self, ip: str, port: int) -> None:
        """Let phones connect. Raises OSError if the address is in use."""
        self._server.listen(port, ip)

    def overview(self) -> dict[str, Any]:
        """Return what the teacher's page shows of the class."""
        return {
            **self.room.overview(),
            "address": self.url,
            "qr": _qr_code(f"{self.url}#{self.room.code}"),
            "reachable": not is_loopback(urlsplit(self.url).hostname or ""),
            "file": self.recorder.path.name,
        }

    def _orders(self) -> dict[str, Callable[[Any], Any]]:
        """Return what the teacher's page can ask for, by name."""
        room = self.room

        def order(action: Callable[[Any], Any]) -> Callable[[Any], Any]:
            def carry_out(value: Any) -> None:
                action(value)
                self.phones.changed()

            return carry_out

        return {
            "lock": order(lambda on: setattr(room, "locked", bool(on))),
            "pause": order(lambda on: setattr(room, "paused", bool(on))),
            "code": order(lambda _: room.new_code()),
            "remove": order(room.remove),
            "heard": order(lambda number: setattr(room, "heard_piece", int(number))),
        }

    async def keep(self, every: float) -> None:
        """Free the seats of absent phones and write the record, every so many seconds."""
        while True:
            await asyncio.sleep(every)
            self.room.free_absent()
            self.phones.changed()
            await asyncio.get_running_loop().run_in_executor(None, self.save)

    def save(self) -> None:
        """Write the record; if that fails, say so, because a full disk must not end the music."""
        try:
            self.recorder.save()
        except (OSError, RiffeduError) as error:
            say(f"riffedu: the class cannot be recorded: {error}", sys.stderr)

    def _begin_another_file(self) -> None:
        self.save()
        self.recorder.next_file()

    def close(self) -> None:
        """Stop the servers and the music, and write the record."""
        self._server.stop()
        self.teacher.close()
        self.instrument.close()
        self.save()


class ReplayServer:
    """The teacher's page with a recorded class. Raises RiffeduError if ``text`` is not one."""

    def __init__(self, model_server: Any, name: str, text: bytes):
        self.name, self._past, self._heard, comm = name, Replay(text), 0, PageComm()
        self.instrument = LiveInstrument(model_server, comm=comm)
        self._pieces = self.instrument.restore(text.decode())
        self.teacher = Teacher(self.instrument, comm, self.overview, {"heard": self._hear})

    def overview(self) -> dict[str, Any]:
        """Return what the page shows: whose prompts are heard."""
        corners = self._past.at(self._heard)
        return {"replay": self.name, "pieces": self._pieces, "corners": corners}

    def _hear(self, number: Any) -> None:
        self._heard = int(number)

    def close(self) -> None:
        """Stop the server and the music."""
        self.teacher.close()
        self.instrument.close()


_qr_code = lru_cache(4)(qr_code)
