"""One model, many listeners: each has a session, and the sessions use the model in turn.

In a notebook, the model runs in the notebook's own process. `riffedu app` serves one model to all
its pages: their processes hold no weights, do not load torch, and request pieces over a local
socket.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import asdict
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from typing import TYPE_CHECKING, Any

from riffedu.class_limits import class_limits
from riffedu.errors import RiffeduError
from riffedu.music.instrument import FILE, Instrument, PieceSettings
from riffedu.music.stream import Piece, Stream
from riffedu.training.known_words import is_shipped
from riffedu.turns import MODEL_LOCK

if TYPE_CHECKING:
    import numpy as np

    from riffedu.music.pipeline import Pipeline

WHERE = "RIFFEDU_MODEL_SERVER"
"""Environment variable with the model server's address for the pages: ``port:key``, key in hex."""
HOST = "127.0.0.1"
CLOSE_TIMEOUT = 2.0  # seconds
PLACE_TIMEOUT = 1.0  # seconds in which a page that is closing frees its place
KEY_TIMEOUT = 5  # seconds in which a client proves that it knows the key


class FirstPieces:
    """The first pieces for one choice of settings, made before anyone asks for them.

    A session that begins with these settings gets them at once, with the state of the stream from
    which it then goes on by itself.
    """

    def __init__(self, pipeline: Pipeline, settings: PieceSettings, count: int = 2):
        self.settings = settings
        self.made: list[tuple[Piece, Stream]] = []
        instrument = Instrument(pipeline)
        for _ in range(count):
            with MODEL_LOCK.hold():
                piece = instrument.next(settings)
            self.made.append((piece, copy(instrument.stream)))


class ModelServer:
    """One pipeline that many sessions use in turn; ``first`` are pieces that are ready for them."""

    def __init__(self, pipeline: Pipeline):
        self.pipeline = pipeline
        self.first: FirstPieces | None = None

    def session(self) -> Session:
        """Open a session for one more listener."""
        return Session(self.pipeline, self)


class Session:
    """One listener's stream of music; `next` waits for its turn to use the model."""

    def __init__(self, pipeline: Pipeline, server: ModelServer | None = None):
        self._instrument, self._server = Instrument(pipeline), server
        self._all_first = True  # so far, every piece came from `FirstPieces`
        self.closed = False

    @property
    def waiting(self) -> int:
        """How many sessions are waiting for the model now."""
        return MODEL_LOCK.waiting

    @property
    def shipped(self) -> bool:
        """Whether the model is the shipped one, whose captions are known."""
        pipeline = self._instrument.pipeline
        return is_shipped(pipeline.checkpoint.path) and not getattr(pipeline, "loras", ())

    def next(self, settings: PieceSettings) -> Piece:
        """Generate the next piece.

        Raises RiffeduError if the settings cannot be met or the session is closed.
        """

        def check_open() -> None:
            if self.closed:
                raise RiffeduError("this session is closed: open a new one")

        check_open()
        if ready := self._ready(settings):
            return ready
        with MODEL_LOCK.hold(check_open):
            self._all_first = False
            return self._instrument.next(settings)

    def _ready(self, settings: PieceSettings) -> Piece | None:
        first = self._server.first if self._server else None
        if not (first and self._all_first and settings == first.settings):
            return None
        number = self._instrument.stream.number
        if number >= len(first.made):
            return None
        piece, stream = first.made[number]
        self._instrument.go_on(piece, settings, copy(stream))
        return piece

    def xray(self, number: int, row: float, column: float) -> dict[str, Any]:
        """See `riffedu.music.instrument.Instrument.xray`; the `Place` as a dict."""
        with MODEL_LOCK.hold():
            return asdict(self._instrument.xray(number, row, column))

    def restart(self) -> None:
        """Start over: the next piece is number 0."""
        self._instrument.restart()
        self._all_first = True

    def add_sound(self, waveform: np.ndarray, sample_rate: int, name: str = FILE) -> None:
        """See `riffedu.music.instrument.Instrument.add_sound`."""
        with MODEL_LOCK.hold():
            self._instrument.add_sound(waveform, sample_rate, name)

    def close(self) -> None:
        """Close the session: it generates nothing more."""
        self.closed = True


class SessionListener:
    """Opens sessions of ``model_server`` for local processes that know ``key``.

    Each connection to ``port`` is one session, on its own thread. The session closes when the
    client disconnects, even if the client crashed.
    """

    def __init__(self, model_server: ModelServer, key: bytes):
        self._model_server, self._key, self._open = model_server, key, True
        self._places = threading.BoundedSemaphore(class_limits().pages)
        self._threads: list[threading.Thread] = []
        self._listener = Listener((HOST, 0), backlog=16)
        self.port: int = self._listener.address[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no new sessions, and wait up to 2 s for running requests.

        Ending the process while torch is computing could crash it.
        """
        self._open = False
        with suppress(OSError):  # A blocked accept() returns only when a client connects.
            socket.create_connection((HOST, self.port), 1).close()
        self._listener.close()
        give_up = time.monotonic() + CLOSE_TIMEOUT
        for thread in self._threads:
            thread.join(max(0.0, give_up - time.monotonic()))

    def _accept(self) -> None:
        while self._open:
            try:
                connection = self._listener.accept()
            except (EOFError, OSError):
                continue
            thread = threading.Thread(target=self._admit, args=(connection,), daemon=True)
            thread.start()
            self._threads = [each for each in self._threads if each.is_alive()] + [thread]

    def _admit(self, connection: Connection) -> None:
        with connection:
            if not _knows_key(connection, self._key):
                return
            if not self._places.acquire(timeout=PLACE_TIMEOUT):
                return _refuse(connection)
            try:
                _serve(self._model_server, connection)
            finally:
                self._places.release()


def _knows_key(connection: Connection, key: bytes) -> bool:
    """Whether the client knows the key; what `Listener` does for all, but one client at a time."""
    try:
        _answer_within(connection, KEY_TIMEOUT)
        deliver_challenge(connection, key)
        answer_challenge(connection, key)
        _answer_within(connection, 0)
    except (AuthenticationError, EOFError, OSError):
        return False
    return True


def _answer_within(connection: Connection, seconds: int) -> None:
    """Let reading fail with OSError when the client is silent for so long; 0: never."""
    windows = sys.platform == "win32"
    limit = struct.pack("I", 1000 * seconds) if windows else struct.pack("ll", seconds, 0)
    line = socket.socket(fileno=connection.fileno())
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    finally:
        line.detach()


def _serve(model_server: ModelServer, connection: Connection) -> None:
    """Answer one client's requests until it disconnects."""
    session = model_server.session()
    methods: dict[str, Callable[..., Any]] = {
        "next": lambda settings: _packed(session.next(PieceSettings.from_dict(settings))),
        "restart": session.restart,
        "xray": session.xray,
        "add_sound": session.add_sound,
        "waiting": lambda: session.waiting,
        "shipped": lambda: session.shipped,
    }
    try:
        while True:
            method, *arguments = connection.recv()
            try:
                answer = ("done", methods[method](*arguments))
            except Exception as error:
                known = isinstance(error, RiffeduError)
                answer = ("error", str(error) if known else f"{type(error).__name__}: {error}")
            connection.send(answer)
    except (EOFError, OSError):
        pass
    finally:
        session.close()


def _refuse(connection: Connection) -> None:
    """Answer a client for whom there is no room; it may connect again later."""
    with suppress(EOFError, OSError):
        connection.recv()
        message = f"all {class_limits().pages} places are taken: close another page, or wait"
        connection.send(("full", message))


def connect(port: int, key: bytes) -> RemoteModelServer:
    """Connect to the model server of another process on this machine.

    Raises RiffeduError if none answers, or if ``key`` is wrong.
    """
    return RemoteModelServer(port, key)


class RemoteModelServer:
    """The model server of another process."""

    def __init__(self, port: int, key: bytes):
        self._address = port, key
        self.session().close()  # fails now if the server cannot be reached

    def session(self) -> RemoteSession:
        """Open a session for one more listener."""
        return RemoteSession(*self._address)


class RemoteSession:
    """A session of another process's model server, with the methods of `Session`."""

    def __init__(self, port: int, key: bytes):
        self._address = port, key
        self._connection: Connection | None = self._connect()
        self._request_lock = threading.Lock()

    def _connect(self) -> Connection:
        port, key = self._address
        try:
            return Client((HOST, port), authkey=key)
        except (OSError, EOFError, AuthenticationError) as error:
            raise RiffeduError(f"cannot reach the model server: {error}") from None

    @property
    def waiting(self) -> int:
        """How many sessions are waiting for the model now."""
        return self._ask("waiting")

    @property
    def shipped(self) -> bool:
        """Whether the model is the shipped one, whose captions are known."""
        return self._ask("shipped")

    def next(self, settings: PieceSettings) -> Piece:
        """Generate the next piece; see `Session.next`."""
        return _unpacked(self._ask("next", settings.to_dict()))

    def xray(self, number: int, row: float, column: float) -> dict[str, Any]:
        """See `Session.xray`."""
        return self._ask("xray", number, row, column)

    def restart(self) -> None:
        """Start over: the next piece is number 0."""
        self._ask("restart")

    def add_sound(self, waveform: np.ndarray, sample_rate: int, name: str = FILE) -> None:
        """See `riffedu.music.instrument.Instrument.add_sound`."""
        self._ask("add_sound", waveform, sample_rate, name)

    def close(self) -> None:
        """Disconnect, which closes the session."""
        if self._connection:
            self._connection.close()

    def _ask(self, *request: Any) -> Any:
        with self._request_lock:
            if self._connection is None:  # there was no room: perhaps there is now
                self._connection = self._connect()
            try:
                self._connection.send(request)
                status, answer = self._connection.recv()
            except (OSError, EOFError):
                stopped = "the model server has stopped: start `riffedu app` again"
                raise RiffeduError(stopped) from None
            if status == "full":
                self._connection.close()
                self._connection = None
        if status != "done":
            raise RiffeduError(answer)
        return answer


def open_model_server(pipeline: Pipeline | None = None) -> ModelServer | RemoteModelServer:
    """Return the model server of ``pipeline``.

    Without ``pipeline``: the server of `riffedu app` if this is one of its pages, or else a new one
    with the shipped model.
    """
    address = os.environ.get(WHERE)
    if pipeline is None and address:
        port, _, key = address.partition(":")
        return connect(int(port), bytes.fromhex(key))
    if pipeline is None:
        from riffedu.music.pipeline import load_pipeline

        pipeline = load_pipeline()
    return ModelServer(pipeline)


def _packed(piece: Piece) -> dict[str, Any]:
    """Convert a piece to plain values that pickle without our classes; the picture in greyscale."""
    grey = piece.image.convert("L")
    return {**vars(piece), "image": (grey.size, grey.tobytes(), piece.image.info.get("exif"))}


def _unpacked(values: dict[str, Any]) -> Piece:
    from PIL import Image

    size, pixels, exif = values["image"]
    image = Image.frombytes("L", size, pixels)
    if exif:
        image.info["exif"] = exif
    return Piece(**{**values, "image": image})
