"""One model, many listeners: each has a seat, and pieces are made in turns.

In a notebook the model lives in the notebook's own process. `riffedu app` serves one model to all its pages:
their processes hold no weights, load no torch, and ask for pieces over a socket of this machine.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from typing import Any

from riffedu.errors import RiffeduError
from riffedu.music.instrument import FILE, Instrument, PieceSettings
from riffedu.music.stream import Piece
from riffedu.turns import MODEL_LOCK

WHERE = "RIFFEDU_MODEL_SERVER"
"""The environment variable that tells a page's process where the model_server is: port:key in hex."""
HOST = "127.0.0.1"
PATIENCE = 2.0  # seconds


class ModelServer:
    """One pipeline with seats for listeners."""

    def __init__(self, pipeline):
        self.pipeline = pipeline

    def session(self) -> Session:
        return Session(self.pipeline)


class Session:
    """One listener's music; `next` waits for its turn at the model."""

    def __init__(self, pipeline):
        self._instrument = Instrument(pipeline)
        self.closed = False

    @property
    def waiting(self) -> int:
        """How many others wait for the model now."""
        return MODEL_LOCK.waiting

    def next(self, wish: PieceSettings) -> Piece:
        """The next piece. RiffeduError for what can't be, and after `close`."""

        def still_here() -> None:
            if self.closed:
                raise RiffeduError("this seat was given up")

        still_here()
        with MODEL_LOCK.hold(still_here):
            return self._instrument.next(wish)

    def restart(self) -> None:
        """The next piece is the first of new music."""
        self._instrument.restart()

    def add_sound(self, waveform, sample_rate: int, name: str = FILE) -> None:
        """See `riffedu.music.instrument.Instrument.add_sound`."""
        with MODEL_LOCK.hold():
            self._instrument.add_sound(waveform, sample_rate, name)

    def close(self) -> None:
        """Nothing more is made for this seat."""
        self.closed = True


class SessionListener:
    """Seats of ``model_server`` for processes of this machine that know ``key``, each on a thread.

    Every connection to ``port`` is a seat; a client that goes away, however it goes, gives its seat up.
    """

    def __init__(self, model_server: ModelServer, key: bytes):
        self._studio, self._open = model_server, True
        self._at_work: list[threading.Thread] = []
        self._listener = Listener((HOST, 0), authkey=key)
        self.port: int = self._listener.address[1]
        threading.Thread(target=self._welcome, daemon=True).start()

    def close(self) -> None:
        """No new seats; what is being made is waited for a moment: torch must not be cut off in mid-work."""
        self._open = False
        with suppress(OSError):  # a knock, for the one who waits at the door keeps it open
            socket.create_connection((HOST, self.port), 1).close()
        self._listener.close()
        give_up = time.monotonic() + PATIENCE
        for thread in self._at_work:
            thread.join(max(0.0, give_up - time.monotonic()))

    def _welcome(self) -> None:
        while self._open:
            try:
                connection = self._listener.accept()
            except (AuthenticationError, EOFError, OSError):
                continue  # a stranger
            thread = threading.Thread(target=_attend, args=(self._studio, connection), daemon=True)
            thread.start()
            self._at_work = [each for each in self._at_work if each.is_alive()] + [thread]


def _attend(model_server: ModelServer, connection) -> None:
    """Do what one client asks for until it goes."""
    seat = model_server.session()
    verbs = {
        "next": lambda wish: _packed(seat.next(PieceSettings.from_dict(wish))),
        "restart": seat.restart,
        "add_sound": seat.add_sound,
        "waiting": lambda: seat.waiting,
    }
    try:
        while True:
            verb, *asked = connection.recv()
            try:
                answer = ("done", verbs[verb](*asked))
            except Exception as error:
                known = isinstance(error, RiffeduError)
                answer = ("wrong", str(error) if known else f"{type(error).__name__}: {error}")
            connection.send(answer)
    except (EOFError, OSError):
        pass
    finally:
        seat.close()
        connection.close()


def connect(port: int, key: bytes) -> RemoteModelServer:
    """The model_server that another process of this machine serves. RiffeduError where there is none."""
    return RemoteModelServer(port, key)


class RemoteModelServer:
    """A model_server in another process."""

    def __init__(self, port: int, key: bytes):
        self._where = port, key
        self.session().close()  # says at once whether it can be reached

    def session(self) -> RemoteSession:
        return RemoteSession(*self._where)


class RemoteSession:
    """A seat in another process's model_server: the same verbs as `Session`."""

    def __init__(self, port: int, key: bytes):
        try:
            self._connection = Client((HOST, port), authkey=key)
        except (OSError, EOFError, AuthenticationError) as error:
            raise RiffeduError(f"the instrument's model can't be reached: {error}") from None
        self._one = threading.Lock()

    @property
    def waiting(self) -> int:
        return self._ask("waiting")

    def next(self, wish: PieceSettings) -> Piece:
        return _unpacked(self._ask("next", wish.to_dict()))

    def restart(self) -> None:
        self._ask("restart")

    def add_sound(self, waveform, sample_rate: int, name: str = FILE) -> None:
        self._ask("add_sound", waveform, sample_rate, name)

    def close(self) -> None:
        self._connection.close()

    def _ask(self, *asked) -> Any:
        try:
            with self._one:
                self._connection.send(asked)
                state, answer = self._connection.recv()
        except (OSError, EOFError):
            raise RiffeduError("the instrument's model has gone: start riffedu app again") from None
        if state == "wrong":
            raise RiffeduError(answer)
        return answer


def open_model_server(pipeline=None) -> ModelServer | RemoteModelServer:
    """The model_server of ``pipeline``; without one, that of `riffedu app`, or of the shipped model."""
    told = os.environ.get(WHERE)
    if pipeline is None and told:
        port, _, key = told.partition(":")
        return connect(int(port), bytes.fromhex(key))
    if pipeline is None:
        from riffedu.music.pipeline import load_pipeline

        pipeline = load_pipeline()
    return ModelServer(pipeline)


def _packed(piece: Piece) -> dict[str, Any]:
    """A piece as what pickle sends without asking for our classes: its picture in greys."""
    grey = piece.image.convert("L")
    return {**vars(piece), "image": (grey.size, grey.tobytes(), piece.image.info.get("exif"))}


def _unpacked(told: dict[str, Any]) -> Piece:
    from PIL import Image

    size, pixels, exif = told["image"]
    image = Image.frombytes("L", size, pixels)
    if exif:
        image.info["exif"] = exif
    return Piece(**{**told, "image": image})
