"""The live instrument: endless music that you control while it plays.

The page requests the next piece when little is left to play, and a worker thread here generates
it. A page that is closed or hangs therefore costs nothing, and however often the dot moves, a piece
uses its position at the moment of the request.
"""

from __future__ import annotations

import base64
import io
import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from riffedu import __version__, limits
from riffedu.app.model_server import WHERE, open_model_server
from riffedu.errors import RiffeduError
from riffedu.music.instrument import (
    FILE,
    LONGEST_SEED,
    SEED_SOUNDS,
    STEPS,
    STRENGTH,
    PieceSettings,
)
from riffedu.music.provenance import record_of
from riffedu.training.known_words import warning_of
from riffedu.widgets.front import front, or_else
from riffedu.widgets.player_widget import tags_step

if TYPE_CHECKING:
    from riffedu.app.model_server import ModelServer, RemoteModelServer
    from riffedu.music.pipeline import Pipeline
    from riffedu.music.stream import Piece

PROMPTS = ("a calm solo piano", "a church organ", "fast rock drums", "a string orchestra")
GUIDANCE = 3.0
IDEAS = (
    *PROMPTS,
    "a sad cello melody",
    "funk with slap bass and drums",
    "a peaceful harp arpeggio",
    "techno, driving",
    "dreamy vibraphone chords",
    "a solo violin, calm",
    "reggae band, relaxed",
    "a music box tune",
    "a distorted guitar riff",
    "jazz with piano and upright bass",
    "a choir in a large hall",
    "bossa nova on an acoustic guitar",
    "hip hop drum loop",
    "a brass fanfare",
    "a steel drums melody, happy",
    "ambient synth pad",
    "a kalimba ostinato",
    "a pan flute, mysterious",
    "house at 125 bpm",
    "a slow waltz",
)
"""Prompts to pick from: their words are in the captions of the training data."""
CONTROLS = (
    "prompts",
    "x",
    "y",
    "text",
    "seed",
    "steps",
    "guidance_scale",
    "strength",
    "seed_sound",
    "width",
)
SESSION_VERSION = 1
MOST_PIECES = 100_000  # four days
LONGEST_SESSION = 32 << 20
"""Characters of a saved session: a minute of sound, and days of moves."""
JS = Path(__file__).parent / "js"


class LiveInstrument(anywidget.AnyWidget):
    """The widget that `live_instrument` returns.

    Controls by name: ``prompts`` (lower left, lower right, upper left, upper right), ``x, y, text,
    seed, steps, guidance_scale, strength, seed_sound``; a change takes effect with the next piece.
    ``width`` is the stereo width (`riffedu.signal.stereo.widen`) and is heard at once.
    ``settings`` are the current values of the controls, ``score`` the settings of each piece so
    far, and ``session`` holds both as JSON for `restore`.
    """

    _esm = front(
        *(f"{name}.js" for name in ("sound", "picture", "dom", "transport")),
        *(f"{name}.js" for name in ("clips", "book_page", "lab_book")),
        *(JS / f"{name}.js" for name in ("widener", "band", "state", "session", "pad", "scroll")),
        *(JS / f"{name}.js" for name in ("xray", "page", "hands", "instrument")),
    )
    _css = front("look.css", JS / "instrument.css")

    prompts = traitlets.List(traitlets.Unicode(), list(PROMPTS)).tag(sync=True)
    x = traitlets.Float(0.5).tag(sync=True)
    y = traitlets.Float(0.5).tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    steps = traitlets.Int(STEPS).tag(sync=True)
    guidance_scale = traitlets.Float(GUIDANCE).tag(sync=True)
    strength = traitlets.Float(STRENGTH).tag(sync=True)
    seed_sound = traitlets.Unicode("").tag(sync=True)
    width = traitlets.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    seed_sounds: Any = traitlets.List().tag(sync=True)
    ideas: Any = traitlets.List(list(IDEAS)).tag(sync=True)
    frequencies: Any = traitlets.List().tag(sync=True)
    burst: Any = traitlets.List().tag(sync=True)
    page = traitlets.Bool(False).tag(sync=True)
    version = traitlets.Unicode(__version__).tag(sync=True)

    def __init__(self, model_server: ModelServer | RemoteModelServer, **controls: Any):
        self._session = model_server.session()
        self._worker = ThreadPoolExecutor(1, "instrument")
        self._sound: tuple[np.ndarray, int] | None = None
        self._lock = threading.RLock()  # of score and replay; not held while the model works
        self._clear()
        self._continued = self.score  # the score that the session's stream continues
        menu = [[name, words] for name, words in SEED_SOUNDS.items()]
        super().__init__(
            seed_sounds=menu,
            frequencies=row_edges(),
            burst=side_burst(),
            page=WHERE in os.environ,
            **controls,
        )
        self.on_msg(self._on_message)
        self.observe(self._check_words, ["prompts", "text"])

    def _check_words(self, change: Any) -> None:
        """Tell the page about words in a new prompt that the model's training never used."""
        known = change.old if isinstance(change.old, list) else ()  # undefined at first
        new = [change.new] if isinstance(change.new, str) else set(change.new) - set(known)
        warning = next(filter(None, map(warning_of, new)), "")
        if warning:
            with suppress(RuntimeError):  # the widget is closed
                self._worker.submit(self._warn, warning)  # not here: the session may be busy

    def _warn(self, warning: str) -> None:
        if self._session.shipped:
            self.send({"type": "unknown", "message": f"{warning[0].upper()}{warning[1:]}."})

    @property
    def settings(self) -> PieceSettings:
        """What the controls are set to. Raises RiffeduError if a value is invalid."""
        return PieceSettings(
            prompts=tuple(self.prompts),
            place=(self.x, self.y),
            text=self.text,
            seed=self.seed,
            num_inference_steps=self.steps,
            guidance_scale=self.guidance_scale,
            strength=self.strength,
            seed_sound=self.seed_sound,
        )

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return or_else(super()._repr_mimebundle_(**options))

    def restart(self) -> None:
        """Start over: the next piece is number 0. A piece in the making is discarded."""
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        self.score: list[PieceSettings] = []
        self._replay: list[PieceSettings] = []
        self._restored: PieceSettings | None = None

    @property
    def session(self) -> str:
        """The controls, each piece's settings and the uploaded sound, as JSON.

        For each piece, only settings that changed are stored: ``[number, {name: new value}]``.
        """
        changes: list[list] = []
        last: dict[str, Any] = {}
        for number, settings in enumerate(self.score):
            now = settings.to_dict()
            changed = {name: value for name, value in now.items() if last.get(name, ...) != value}
            if changed:
                changes.append([number, changed])
            last = now
        return json.dumps(
            {
                "riffedu": SESSION_VERSION,
                "now": self.settings.to_dict(),
                "width": self.width,
                "pieces": len(self.score),
                "score": changes,
                "sound": _packed(self._sound),
            }
        )

    def restore(self, session: str) -> int:
        """Replay a session from its first piece, then continue, and return its number of pieces.

        Moving a control ends the replay. Raises RiffeduError if ``session`` is not a valid session;
        nothing changes in that case.
        """
        if len(session) > LONGEST_SESSION:
            raise RiffeduError("this is not a session of the live instrument: it is too long")
        try:
            saved = json.loads(session)
            if saved["riffedu"] != SESSION_VERSION:
                raise RiffeduError("this session was saved by a different version of riffedu")
            now = PieceSettings.from_dict(saved["now"])
            width = limits.number("width", saved.get("width", 0), 0, 1)
            changes = {number: changed for number, changed in saved["score"]}
            pieces = limits.whole("pieces", saved["pieces"], 0, MOST_PIECES)
            score = _score_of(changes, pieces)
            sound = _unpacked(saved.get("sound"))
        except RiffeduError:
            raise
        except Exception as error:
            raise RiffeduError(
                f"this is not a session of the live instrument ({error!r})"[:200]
            ) from None
        if sound is not None:
            self._session.add_sound(*sound)
            self._sound = sound
        with self._lock:
            self._show(now)
            self.width = width
            self.restart()
            self._replay, self._restored = score, self.settings
        return len(score)

    def _show(self, settings: PieceSettings) -> None:
        with self.hold_sync():
            self.prompts, (self.x, self.y) = list(settings.prompts), settings.place
            self.text, self.seed = settings.text, settings.seed
            self.steps = settings.num_inference_steps
            self.strength, self.seed_sound = settings.strength, settings.seed_sound
            if settings.guidance_scale is not None:
                self.guidance_scale = settings.guidance_scale

    def _next_settings(self) -> PieceSettings:
        """The settings of the next piece: those of the session being replayed, or the controls'."""
        settings = self.settings
        if self._replay and settings == self._restored:
            number = len(self.score)
            return self._replay[number] if number < len(self._replay) else settings
        self._replay = []
        return settings

    def _on_message(self, _: Any, content: dict[str, Any], buffers: list) -> None:
        """Handle a message from the page on the worker thread; the kernel stays responsive."""
        handlers = {
            "next": self._make,
            "restart": self._restart,
            "sound": self._take_sound,
            "session": self._send_session,
            "restore": self._restore,
            "xray": self._look_into,
        }
        handler = handlers.get(content.get("type", ""))
        if handler == self._send_session:
            self._run(handler, content, buffers)  # at once, not after the piece in the making
        elif handler is not None:
            self._worker.submit(self._run, handler, content, buffers)

    def _run(self, handler: Callable, content: dict[str, Any], buffers: list) -> None:
        try:
            handler(content, buffers)
        except Exception as error:
            known = isinstance(error, RiffeduError)
            message = str(error) if known else f"{type(error).__name__}: {error}"
            self.send(
                {
                    "type": "wrong",
                    "of": content.get("type"),
                    "run": content.get("run"),
                    "message": " ".join(message.split()),
                }
            )

    def _make(self, content: dict[str, Any], _: list) -> None:
        for name, value in (content.get("controls") or {}).items():
            if name in CONTROLS and getattr(self, name) != value:
                setattr(self, name, value)
        began = time.monotonic()
        if (made := self._next_piece()) is None:
            return
        settings, piece = made
        sound = np.concatenate([piece.waveform, piece.after])
        step = round(1000 * tags_step(piece.image))
        columns = len(piece.waveform) * 1000 // (step * piece.sample_rate)
        pixels = np.asarray(piece.image.convert("L"))[:, :columns]
        self.send(
            {
                "type": "piece",
                "run": content.get("run"),
                "number": piece.number,
                "place": list(settings.place),
                "words": settings.text or _mixture(settings),
                "period": piece.period,
                "took": time.monotonic() - began,
                "waiting": self._session.waiting,
                "repeated": bool(self._replay) and len(self.score) <= len(self._replay),
                "after": len(piece.after),
                "rows": pixels.shape[0],
                "columns": pixels.shape[1],
                "record": json.dumps(_record(settings, piece.number)),
            },
            [_int16(sound), pixels.tobytes()],
        )

    def _next_piece(self) -> tuple[PieceSettings, Piece] | None:
        """Make the score's next piece; None if the widget closes meanwhile.

        If a cell calls `restart` or `restore` meanwhile, the piece is discarded and the first piece
        of the new score is made: the page gets one answer to its request.
        """
        while True:
            with self._lock:
                score, settings = self.score, self._next_settings()
            if score is not self._continued:
                self._session.restart()
                self._continued = score
            piece = self._session.next(settings)
            if self._closing():
                return None
            with self._lock:
                if score is self.score:
                    score.append(settings)
                    return settings, piece

    def _closing(self) -> bool:
        """Whether the kernel or the widget is shutting down: the worker then accepts no work."""
        try:
            self._worker.submit(bool)
        except RuntimeError:
            return True
        return False

    def _restart(self, _content: dict[str, Any], _buffers: list) -> None:
        self.restart()

    def _take_sound(self, content: dict[str, Any], buffers: list) -> None:
        samples = np.frombuffer(bytes(buffers[0]), "<i2").astype(np.float32) / 32768
        self._session.add_sound(samples, 44100)
        self._sound = samples, 44100
        self.seed_sound = FILE
        self.send({"type": "brought", "name": str(content.get("name", "your sound"))[:80]})

    def _send_session(self, content: dict[str, Any], _: list) -> None:
        self.send({"type": "session", "how": content.get("how"), "session": self.session})

    def _restore(self, content: dict[str, Any], _: list) -> None:
        before = self.session
        self.send(
            {"type": "restored", "pieces": self.restore(content["session"]), "before": before}
        )

    def _look_into(self, content: dict[str, Any], _: list) -> None:
        number, row, column = (content[name] for name in ("number", "row", "column"))
        place = self._session.xray(number, row, column)
        self.send({"type": "xray", "piece": number, **place})

    def close(self) -> None:
        """Close the widget and its session."""
        self._session.close()
        self._worker.shutdown(wait=False, cancel_futures=True)
        super().close()


def first_settings(seed: int = 0) -> PieceSettings:
    """Return the settings of the first piece of an instrument whose controls are untouched."""
    return PieceSettings(PROMPTS, seed=seed, guidance_scale=GUIDANCE)


def live_instrument(pipeline: Pipeline | None = None, **controls: Any) -> LiveInstrument:
    """Play endless music on a pad with four prompts and a dot to drag between them.

    Without ``pipeline`` it uses the model that `riffedu app` serves, or else the shipped model.
    ``controls`` are initial values of `LiveInstrument`'s controls. Taught in
    notebooks/13_interpolation.ipynb.
    """
    return LiveInstrument(open_model_server(pipeline), **controls)


def _mixture(settings: PieceSettings) -> str:
    """What a piece is made from, as a label: the prompts with at least a fifth, largest first."""
    if len(settings.prompts) == 1:
        return settings.prompts[0]
    x, y = settings.place
    corners = (1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y
    shares = corners if len(settings.prompts) == 4 else (1 - x, x)  # two fill left and right
    parts = sorted(zip(shares, settings.prompts), reverse=True)
    return " + ".join(f"{share:.0%} {text}" for share, text in parts if share >= 0.2)


def _record(settings: PieceSettings, number: int) -> dict[str, Any]:
    """How a piece was made, for the lab book."""
    made = settings.to_dict() | {"verb": "live", "piece": number}
    return record_of(made | {"prompt": settings.text or _mixture(settings)})


def _int16(sound: np.ndarray) -> bytes:
    return np.clip(np.rint(32768 * sound), -32768, 32767).astype("<i2").tobytes()


def row_edges() -> list[float]:
    """Return the frequencies at the edges of a picture's rows in hertz, lowest first."""
    from riffedu.signal.mel import hz_to_mel, mel_to_hz
    from riffedu.signal.params import SpectrogramParams

    params = SpectrogramParams()
    low, high = hz_to_mel([params.min_frequency, params.max_frequency], params.mel_scale_type)
    edges = np.linspace(low, high, params.num_frequencies + 1)
    return [round(float(f), 2) for f in mel_to_hz(edges, params.mel_scale_type)]


def side_burst() -> list[float]:
    """Return the noise burst that makes the stereo side, for the page."""
    from riffedu.signal.params import SpectrogramParams
    from riffedu.signal.stereo import noise_burst

    return [round(float(value), 6) for value in noise_burst(SpectrogramParams().sample_rate)]


def _score_of(changes: dict[int, dict[str, Any]], pieces: int) -> list[PieceSettings]:
    """Return each piece's settings from the changes; pieces without any share one object."""
    score: list[PieceSettings] = []
    last: dict[str, Any] = {}
    for number in range(pieces):
        if number in changes or not score:
            last = {**last, **changes.get(number, {})}
            score.append(PieceSettings.from_dict(last))
        else:
            score.append(score[-1])
    return score


def _packed(sound: tuple[np.ndarray, int] | None) -> str | None:
    """Encode a clip as base64 FLAC."""
    if sound is None:
        return None
    from riffedu.widgets.sound import flac

    return base64.b64encode(flac(*sound)).decode()


def _unpacked(text: str | None) -> tuple[np.ndarray, int] | None:
    """Decode a clip that `_packed` encoded. Raises RiffeduError for more samples than it can have.

    A few kilobytes of FLAC may hold hours of silence, so the length is checked before decoding.
    """
    if not text:
        return None
    import soundfile

    with soundfile.SoundFile(io.BytesIO(base64.b64decode(text))) as file:
        if file.frames * file.channels > LONGEST_SEED * 44100:
            raise RiffeduError(f"the session's sound is longer than {LONGEST_SEED:.0f} s")
        return file.read(dtype="float32").T, file.samplerate
