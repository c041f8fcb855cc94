"""The teacher's half of the class server: the live instrument, on this machine only.

The instrument is the widget of `riffedu.app.live_instrument`, unchanged, without Jupyter: its page
talks to it over a WebSocket, and `PageComm` stands where Jupyter's connection would be.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ipywidgets import DOMWidget
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from traitlets import TraitError

from riffedu.app.addresses import LOOPBACK
from riffedu.app.classroom.phones import GONE, JS, POLICY, file_route
from riffedu.app.classroom.room import Room
from riffedu.app.live_instrument import CONTROLS, LiveInstrument
from riffedu.music.instrument import PieceSettings
from riffedu.training.known_words import warning_of
from riffedu.widgets.front import front

LONGEST_MESSAGE = 32 << 20
"""Bytes of a message of the teacher's page: a minute of sound, or a long session."""


class PageComm:
    """Carries a widget's messages to the teacher's page, from any thread."""

    comm_id = "class"

    def __init__(self) -> None:
        self.deliver: Callable[[dict, list], Any] = lambda content, buffers: None

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        """Send a widget's message."""
        self.deliver(data, [bytes(each) for each in buffers or ()])

    def on_msg(self, callback: Callable) -> None:
        """Call ``callback`` with each message of the page."""
        self.receive = callback

    def close(self, *_: Any, **__: Any) -> None:
        """Do nothing: the page may come back."""


class ClassInstrument(LiveInstrument):
    """The live instrument with prompts from a class.

    ``on_piece`` is called when a piece is begun, ``before_restart`` while the old pieces are known.
    """

    def __init__(self, model_server: Any, room: Room, **controls: Any):
        self.room = room
        self.on_piece: Callable[[], Any] = lambda: None
        self.before_restart: Callable[[], Any] = lambda: None
        super().__init__(model_server, **controls)

    def _next_settings(self) -> PieceSettings:
        self.prompts = self.room.next_prompts(len(self.score), self.prompts)
        self.on_piece()
        return super()._next_settings()

    def advise(self, prompt: str) -> str:
        """Return a line about the words of ``prompt`` that the model does not know, or ""."""
        return warning_of(prompt) if self._session.shipped else ""

    def restart(self) -> None:
        """Start over: the next piece is number 0."""
        if self.score:
            self.before_restart()
        super().restart()


class Teacher:
    """The instrument, and the one page that shows it; a second page takes the first one's place.

    ``overview`` returns what the page shows of the class, ``orders`` are what its buttons may ask
    for, by name. ``token`` admits the page.
    """

    def __init__(
        self,
        instrument: LiveInstrument,
        comm: PageComm,
        overview: Callable[[], dict],
        orders: dict[str, Callable[[Any], Any]],
    ):
        self.instrument, self.comm = instrument, comm
        self.overview, self.orders = overview, orders
        self.token = secrets.token_urlsafe(16)
        self.page: TeacherSocket | None = None
        self._told: dict | None = None
        self._server = HTTPServer(self._application())
        loop = asyncio.get_running_loop()
        comm.deliver = lambda content, buffers: loop.call_soon_threadsafe(
            self._deliver, content, buffers
        )

    def _deliver(self, message: dict, buffers: list[bytes]) -> None:
        """Pass a widget's message on to the page."""
        if message.get("method") == "update":
            self.send({"update": message["state"]})
        elif message.get("method") == "custom":
            self.send({"custom": message["content"], "buffers": len(buffers)}, *buffers)

    def send(self, content: dict, *buffers: bytes) -> None:
        """Send a message, and behind it its buffers."""
        if self.page:
            self.page.post(json.dumps(content))
            for each in buffers:
                self.page.post(each)

    def changed(self) -> None:
        """Send the overview if it is another one than the last."""
        overview = self.overview()
        if overview != self._told:
            self._told = overview
            self.send({"class": overview})

    def admit(self, page: TeacherSocket) -> None:
        """Show the instrument on ``page`` from now on."""
        if self.page:
            self.page.close(GONE, "another page shows the instrument now")
        self.page, self._told = page, None
        shown = set(self.instrument.traits(sync=True)) - set(DOMWidget.class_traits(sync=True))
        own = sorted(name for name in shown if not name.startswith("_"))
        self.send({"state": {name: getattr(self.instrument, name) for name in own}})
        self.changed()

    def listen(self) -> str:
        """Serve the page on a free port of 127.0.0.1, and return its address."""
        [listening] = bind_sockets(0, LOOPBACK)
        self._server.add_socket(listening)
        return f"http://{LOOPBACK}:{listening.getsockname()[1]}/#{self.token}"

    def close(self) -> None:
        """Serve no longer, and disconnect the page."""
        self._server.stop()
        if self.page:
            self.page.close()

    def _application(self) -> Application:
        """Return the routes of the teacher's page."""
        page, style, script = (
            (JS / f"teacher.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
        )
        return Application(
            [
                file_route("/", "text/html", page),
                file_route("/teacher.css", "text/css", f"{self.instrument._css}\n{style}"),
                file_route("/teacher.js", "text/javascript", f"{front('dom.js')}\n{script}"),
                file_route("/instrument.js", "text/javascript", str(self.instrument._esm)),
                ("/socket", TeacherSocket, {"teacher": self}),
            ],
            websocket_max_message_size=LONGEST_MESSAGE,
            log_function=lambda handler: None,
        )


class TeacherSocket(WebSocketHandler):
    """The teacher's page."""

    def initialize(self, teacher: Teacher) -> None:
        """Start with no page admitted."""
        self.teacher = teacher
        self.awaited: tuple[dict, int] | None = None
        self.buffers: list[bytes] = []

    def post(self, message: str | bytes) -> None:  # type: ignore[override]
        """Send one message."""
        with suppress(WebSocketClosedError):
            self.write_message(message, isinstance(message, bytes))

    def on_message(self, message: str | bytes) -> None:
        """Take one message of the page, or one buffer of the last message."""
        if isinstance(message, bytes):
            if self.teacher.page is not self or self.awaited is None:
                return self.close(POLICY, "a buffer without a message")
            self.buffers.append(message)
            return self._complete()
        told = json.loads(message)
        if self.teacher.page is not self:
            if not hmac.compare_digest(str(told.get("token")), self.teacher.token):
                return self.close(POLICY, "open the address that riffedu printed")
            return self.teacher.admit(self)
        if "custom" in told:
            self.awaited, self.buffers = (told["custom"], int(told.get("buffers", 0))), []
            self._complete()
        elif "update" in told:
            state = {name: value for name, value in told["update"].items() if name in CONTROLS}
            with suppress(TraitError):
                self._receive({"method": "update", "state": state})
        elif told.get("do") in self.teacher.orders:
            self.teacher.orders[told["do"]](told.get("with"))
            self.teacher.changed()

    def _complete(self) -> None:
        """Hand on the message that has all its buffers."""
        if self.awaited and len(self.buffers) >= self.awaited[1]:
            content, self.awaited = self.awaited[0], None
            self._receive({"method": "custom", "content": content})

    def _receive(self, data: dict) -> None:
        self.teacher.comm.receive({"content": {"data": data}, "buffers": self.buffers})

    def on_close(self) -> None:
        """Leave the instrument as it is, for the page that comes next."""
        if self.teacher.page is self:
            self.teacher.page = None
