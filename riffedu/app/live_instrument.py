"""The live instrument: endless music that one steers while it plays.

The page asks for the next piece when little is left to play; a thread here makes it. So a page that is
closed, or hangs, costs nothing, and however often a dot is moved, only where it is when a piece is
begun counts.
"""

from __future__ import annotations

import base64
import io
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from riffedu.app.model_server import WHERE, open_model_server
from riffedu.errors import RiffeduError
from riffedu.music.instrument import FILE, SEED_SOUNDS, STEPS, STRENGTH, PieceSettings
from riffedu.widgets.front import front, or_else
from riffedu.widgets.spectrogram_player import tags_step

PROMPTS = ("a calm solo piano", "a church organ", "fast rock drums", "a string orchestra")
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
)
VERSION = 1


JS = Path(__file__).parent / "js"


class LiveInstrument(anywidget.AnyWidget):
    """The widget; `live_instrument` makes one.

    Controls by name: ``prompts`` (lower left, lower right, upper left, upper right), ``x, y, text, seed,
    steps, guidance_scale, strength, seed_sound``: they count from the next piece on. ``wish`` is what they
    ask for, ``score`` what each piece so far was asked for by, ``session`` both as text for `restore`.
    """

    _esm = front(
        *("sound.js", "picture.js", "dom.js"),
        *(JS / f"{name}.js" for name in ("band", "state", "session", "pad", "scroll", "page")),
        *(JS / "hands.js", JS / "instrument.js"),
    )
    _css = front("look.css", JS / "instrument.css")

    prompts = traitlets.List(traitlets.Unicode(), list(PROMPTS)).tag(sync=True)
    x = traitlets.Float(0.5).tag(sync=True)
    y = traitlets.Float(0.5).tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    steps = traitlets.Int(STEPS).tag(sync=True)
    guidance_scale = traitlets.Float(3.0).tag(sync=True)
    strength = traitlets.Float(STRENGTH).tag(sync=True)
    seed_sound = traitlets.Unicode("").tag(sync=True)
    seed_sounds = traitlets.List().tag(sync=True)
    frequencies = traitlets.List().tag(sync=True)
    page = traitlets.Bool(False).tag(sync=True)

    def __init__(self, model_server, **controls):
        self._session = model_server.session()
        self._worker = ThreadPoolExecutor(1, "instrument")
        self._brought: tuple[np.ndarray, int] | None = None
        self._begin()
        menu = [[name, words] for name, words in SEED_SOUNDS.items()]
        super().__init__(
            seed_sounds=menu, frequencies=_row_edges(), page=WHERE in os.environ, **controls
        )
        self.on_msg(self._told)

    @property
    def wish(self) -> PieceSettings:
        """What the controls ask for. RiffeduError where they can't."""
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

    def _repr_mimebundle_(self, **options):
        return or_else(super()._repr_mimebundle_(**options))

    def restart(self) -> None:
        """Begin anew: the next piece is the first."""
        self._begin()
        self._session.restart()

    def _begin(self) -> None:
        self.score: list[PieceSettings] = []
        self._replay: list[PieceSettings] = []
        self._restored: PieceSettings | None = None

    @property
    def session(self) -> str:
        """The controls, every piece's wish and the sound that was brought along, as JSON.

        Of the wishes only what changed is written: [number of the piece, names and new values].
        """
        told, last = [], {}
        for number, wish in enumerate(self.score):
            now = wish.to_dict()
            changed = {name: value for name, value in now.items() if last.get(name, ...) != value}
            if changed:
                told.append([number, changed])
            last = now
        return json.dumps(
            {
                "riffedu": VERSION,
                "now": self.wish.to_dict(),
                "pieces": len(self.score),
                "score": told,
                "sound": _packed(self._brought),
            }
        )

    def restore(self, session: str) -> int:
        """Play a session again from its beginning, piece by piece as it was, and then go on.

        A control that is moved ends the repetition. Returns how many pieces it has. RiffeduError for
        what is no session; then all stays as it was.
        """
        try:
            told = json.loads(session)
            if told["riffedu"] != VERSION:
                raise RiffeduError("this session was made by another version of riffedu")
            now, changes = (
                PieceSettings.from_dict(told["now"]),
                {n: made for n, made in told["score"]},
            )
            score, last = [], {}
            for number in range(int(told["pieces"])):
                last = {**last, **changes.get(number, {})}
                score.append(PieceSettings.from_dict(last))
            sound = _unpacked(told.get("sound"))
        except RiffeduError:
            raise
        except Exception as error:
            raise RiffeduError(f"this is no session of the instrument ({error!r})"[:200]) from None
        if sound is not None:
            self._session.add_sound(*sound)
            self._brought = sound
        self._show(now)
        self.restart()
        self._replay, self._restored = score, self.wish
        return len(score)

    def _show(self, wish: PieceSettings) -> None:
        with self.hold_sync():
            self.prompts, (self.x, self.y) = list(wish.prompts), wish.place
            self.text, self.seed, self.steps = wish.text, wish.seed, wish.num_inference_steps
            self.strength, self.seed_sound = wish.strength, wish.seed_sound
            if wish.guidance_scale is not None:
                self.guidance_scale = wish.guidance_scale

    def _next_wish(self) -> PieceSettings:
        """The next one of a session that is repeated, or what the controls say."""
        wish = self.wish
        if self._replay and wish == self._restored:
            return self._replay[len(self.score)] if len(self.score) < len(self._replay) else wish
        self._replay = []
        return wish

    def _told(self, _, content, buffers) -> None:
        """What the page sends. Work goes to the thread, so that the kernel stays free."""
        verbs = {
            "next": self._make,
            "restart": self._restart,
            "sound": self._bring,
            "session": self._hand_out,
            "restore": self._take_up,
        }
        verb = verbs.get(content.get("type"))
        if verb is not None:
            self._worker.submit(self._guarded, verb, content, buffers)

    def _guarded(self, verb, content, buffers) -> None:
        try:
            verb(content, buffers)
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

    def _make(self, content, _) -> None:
        for name, value in (content.get("controls") or {}).items():
            if name in CONTROLS and getattr(self, name) != value:
                setattr(self, name, value)
        wish, began = self._next_wish(), time.monotonic()
        piece = self._session.next(wish)
        if self._ending():
            return
        self.score.append(wish)
        sound = np.concatenate([piece.waveform, piece.after])
        step = round(1000 * tags_step(piece.image))
        columns = len(piece.waveform) * 1000 // (step * piece.sample_rate)
        pixels = np.asarray(piece.image.convert("L"))[:, :columns]
        self.send(
            {
                "type": "piece",
                "run": content.get("run"),
                "number": piece.number,
                "place": list(wish.place),
                "words": wish.text or _words(wish),
                "period": piece.period,
                "took": time.monotonic() - began,
                "waiting": self._session.waiting,
                "repeated": bool(self._replay) and len(self.score) <= len(self._replay),
                "after": len(piece.after),
                "rows": pixels.shape[0],
                "columns": pixels.shape[1],
            },
            [_int16(sound), pixels.tobytes()],
        )

    def _ending(self) -> bool:
        """Whether the kernel or the widget is going away: then the worker takes nothing more."""
        try:
            self._worker.submit(bool)
        except RuntimeError:
            return True
        return False

    def _restart(self, _content, _buffers) -> None:
        self.restart()

    def _bring(self, content, buffers) -> None:
        samples = np.frombuffer(bytes(buffers[0]), "<i2").astype(np.float32) / 32768
        self._session.add_sound(samples, 44100)
        self._brought = samples, 44100
        self.seed_sound = FILE
        self.send({"type": "brought", "name": str(content.get("name", "your sound"))[:80]})

    def _hand_out(self, content, _) -> None:
        self.send({"type": "session", "how": content.get("how"), "session": self.session})

    def _take_up(self, content, _) -> None:
        self.send({"type": "restored", "pieces": self.restore(content["session"])})

    def close(self) -> None:
        """The widget is gone, and so is its seat."""
        self._session.close()
        self._worker.shutdown(wait=False, cancel_futures=True)
        super().close()


def live_instrument(pipeline=None, **controls) -> LiveInstrument:
    """Endless music with a pad, four prompts and a dot between them: drag it while it plays.

    ``pipeline``: the shipped model by default, or the one that `riffedu app` serves. ``controls`` are
    first values of `LiveInstrument`'s. Taught in notebooks/13_interpolation.ipynb.
    """
    return LiveInstrument(open_model_server(pipeline), **controls)


def _words(wish: PieceSettings) -> str:
    """The prompt whose corner is nearest, for a label."""
    if len(wish.prompts) < 4:
        return wish.prompts[0]
    x, y = wish.place
    return wish.prompts[(x > 0.5) + 2 * (y > 0.5)]


def _int16(sound) -> bytes:
    return np.clip(np.rint(32768 * sound), -32768, 32767).astype("<i2").tobytes()


def _row_edges() -> list[float]:
    from riffedu.signal.mel import hz_to_mel, mel_to_hz
    from riffedu.signal.params import SpectrogramParams

    params = SpectrogramParams()
    low, high = hz_to_mel([params.min_frequency, params.max_frequency], params.mel_scale_type)
    edges = np.linspace(low, high, params.num_frequencies + 1)
    return [round(float(f), 2) for f in mel_to_hz(edges, params.mel_scale_type)]


def _packed(sound) -> str | None:
    """A sound as text: FLAC in base64."""
    if sound is None:
        return None
    from riffedu.widgets.sound import flac

    return base64.b64encode(flac(*sound)).decode()


def _unpacked(text: str | None):
    if not text:
        return None
    import soundfile

    waveform, rate = soundfile.read(io.BytesIO(base64.b64decode(text)), dtype="float32")
    return waveform.T, rate
