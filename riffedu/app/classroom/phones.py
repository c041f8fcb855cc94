"""The phones' half of the class server: one page, and a WebSocket that takes a name and prompts.

A phone can do nothing else. Its messages are JSON, at most 1 KB:

    {"join": name, "code": code, "key": key}   first; the key is "" or that of an earlier welcome
    {"say": prompt, "message": number}         afterwards; numbers increase

Anything else ends the connection. After each message the server reads no further for `PAUSE`, so a
flood waits in the sender's own buffers. What the server sends is the seat's state (`Room.status`);
a phone that reads slowly gets only the newest one.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from riffedu.app.classroom.room import Room, Seat, WrongCode
from riffedu.errors import RiffeduError

JS = Path(__file__).parent / "js"
LONGEST_MESSAGE = 1024
"""Bytes of a phone's message."""
PAUSE = 1.0
"""Seconds from one message of a phone to the next that is read, and after a wrong code."""
JOIN_WITHIN = 10.0
"""Seconds in which a connection must join."""
BURST, REFILL = 200, 10
"""Connections and requests that an address may make at once, and per second from then on."""
OPEN = 80
"""Connections that an address may hold open."""
MANY = 1000
"""Addresses whose budgets are remembered."""
POLICY, GONE = 1008, 4000
"""Close codes: a message that breaks the rules; a seat that was taken away or taken over."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self' ws:; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "riffedu",
}


class Page(RequestHandler):
    """One of the fixed files of a page."""

    def initialize(self, content: bytes, kind: str) -> None:
        """Keep what `get` answers with."""
        self.content, self.kind = content, kind

    def set_default_headers(self) -> None:
        """Allow the page only its own files and its own server."""
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def get(self) -> None:
        """Answer with the file."""
        self.set_header("Content-Type", f"{self.kind}; charset=utf-8")
        self.finish(self.content)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer with the status alone."""
        self.finish(str(status_code))


def file_route(path: str, kind: str, content: str) -> tuple:
    """Return the route of a fixed file."""
    return path, Page, {"content": content.encode(), "kind": kind}


class Phones:
    """All phones that are connected now, by seat."""

    def __init__(self, room: Room):
        self.room = room
        self.sockets: dict[Seat, PhoneSocket] = {}
        self.on_change: Callable[[], Any] = lambda: None

    def changed(self) -> None:
        """Send every phone its state; disconnect those whose seats were taken away."""
        for seat, phone in list(self.sockets.items()):
            if seat not in self.room.seats:
                phone.close(GONE, "removed")
            phone.fresh.set()
        self.on_change()

    def application(self) -> Application:
        """Return the only routes that a phone can reach."""
        read = {name: (JS / f"phone.{name}").read_text("utf-8") for name in ("html", "css", "js")}
        return Application(
            [
                file_route("/", "text/html", read["html"]),
                file_route("/phone.css", "text/css", read["css"]),
                file_route("/phone.js", "text/javascript", read["js"]),
                ("/socket", PhoneSocket, {"phones": self}),
            ],
            websocket_max_message_size=LONGEST_MESSAGE,
            websocket_ping_interval=15,
            websocket_ping_timeout=15,
            log_function=lambda handler: None,
        )


class PhoneSocket(WebSocketHandler):
    """One phone's connection."""

    def initialize(self, phones: Phones) -> None:
        """Begin without a seat."""
        self.phones, self.room = phones, phones.room
        self.seat: Seat | None = None
        self.writer: asyncio.Future | None = None
        self.fresh = asyncio.Event()
        self.wrong = ""

    def open(self) -> None:
        """Expect the phone to join soon."""
        self.set_nodelay(True)
        asyncio.get_running_loop().call_later(JOIN_WITHIN, self._expect_joined)

    def _expect_joined(self) -> None:
        if self.seat is None:
            self.close(POLICY, "nobody joined")

    async def on_message(self, message: str | bytes) -> None:
        """Take one message; the next one is read when this has returned."""
        try:
            told = json.loads(message) if isinstance(message, str) else None
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            return self.close(POLICY, "not a message of this page")
        if self.seat is None and "join" in told:
            await self._join(told)
        elif self.seat is not None and _is_number(told.get("message")) and "say" in told:
            self.wrong = ""
            try:
                self.room.say(self.seat, told["message"], told["say"])
            except RiffeduError as error:
                self.wrong = str(error)
            self.phones.changed()
            await _pause()
        else:
            self.close(POLICY, "not a message of this page")

    async def _join(self, told: dict[str, Any]) -> None:
        address = self.request.remote_ip or ""
        try:
            seat = self.room.join(told["join"], told.get("code"), address, told.get("key"))
        except RiffeduError as error:
            await _pause()  # an address with OPEN connections makes 80 guesses per second
            await self._send({"refused": str(error), "code": isinstance(error, WrongCode)})
            return
        if before := self.phones.sockets.get(seat):
            before.stop()
            before.close(GONE, "taken over")
        self.seat, self.phones.sockets[seat] = seat, self
        await self._send({"welcome": seat.key})
        if self.seat:  # it may have gone while the welcome was sent
            self.writer = asyncio.ensure_future(self._write())
            self.phones.changed()

    async def _write(self) -> None:
        """Send the newest state whenever it has changed and the phone has taken the last."""
        sent = None
        while self.seat:
            await self.fresh.wait()
            self.fresh.clear()
            if (
                self.seat
                and (state := {**self.room.status(self.seat), "wrong": self.wrong}) != sent
            ):
                await self._send(state)
                sent = state

    async def _send(self, content: dict[str, Any]) -> None:
        with suppress(WebSocketClosedError):
            await self.write_message(json.dumps(content))

    def on_close(self) -> None:
        """Keep the seat for a while, as a phone may return."""
        if self.seat is None:
            return
        seat = self.seat
        self.stop()
        self.phones.sockets.pop(seat, None)
        self.room.lose(seat)
        self.phones.changed()

    def stop(self) -> None:
        """Write no more, and hold no seat."""
        self.seat = None
        if self.writer:
            self.writer.cancel()


async def _pause() -> None:
    with suppress(asyncio.CancelledError):  # the server ends
        await asyncio.sleep(PAUSE)


def _is_number(value: object) -> bool:
    return type(value) is int and 0 < value < 2**31


class GuardedServer(HTTPServer):
    """A server with a limit per address on open connections, and on requests per second."""

    def initialize(self, application: Application) -> None:  # type: ignore[override]
        """Allow requests of a small header and no body, which arrive within 10 seconds."""
        super().initialize(
            application,
            idle_connection_timeout=10,
            body_timeout=5,
            max_header_size=8192,
            max_body_size=1024,
            max_buffer_size=65536,
        )
        self._budgets: dict[str, tuple[float, float]] = {}  # requests left, and when
        self._streams: dict[str, list] = {}

    def handle_stream(self, stream: Any, address: tuple) -> None:
        """Serve a connection, or close it."""
        self._forget_closed()
        open_now = self._streams.get(address[0], [])
        if len(open_now) >= OPEN or not self._spend(address[0]):
            stream.close()
            return
        self._streams[address[0]] = [*open_now, stream]
        super().handle_stream(stream, address)

    def _forget_closed(self) -> None:
        """Forget closed connections, and addresses that have no others."""
        for host, streams in list(self._streams.items()):
            self._streams[host] = [each for each in streams if not each.closed()]
            if not self._streams[host]:
                del self._streams[host]

    def start_request(self, server_conn: Any, request_conn: Any) -> Any:
        """Answer one request, or close its connection."""
        if not self._spend(server_conn.context.address[0]):
            server_conn.stream.close()
        return super().start_request(server_conn, request_conn)

    def _spend(self, host: str) -> bool:
        """Whether the address has a request left of its budget; it is used up here."""
        now = time.monotonic()
        left, before = self._budgets.pop(host, (BURST, now))
        left = min(BURST, left + REFILL * (now - before))
        self._budgets[host] = max(0.0, left - 1), now
        while len(self._budgets) > MANY:
            del self._budgets[next(iter(self._budgets))]
        return left >= 1
