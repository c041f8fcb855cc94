"""Lesson 13's stream as an instrument: the settings can change with every piece.

`PieceSettings` describe the next piece in numbers and words, so that they can be sent, saved and
replayed: the same settings give the same music.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from riffedu.music.generate import TextToMusic
    from riffedu.music.xray import Place, XRay


from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from riffedu import limits
from riffedu.class_limits import class_limits
from riffedu.errors import RiffeduError
from riffedu.music.stream import Piece, Stream, corner_states

STEPS = 8
STRENGTH = 0.88
"""How far a piece may leave its seed sound: far enough to be new, near enough to keep its beat."""
PULSES = {f"pulse {bpm}": bpm for bpm in (75, 100, 120, 125, 150)}
"""Beats per minute of the pulses, by name."""
CLIPS = ("percussion", "full_mix", "tune", "piano", "guitar", "sustained")
SEED_SOUNDS = {
    "": "none: all is new",
    **{name: f"a pulse, {name.split()[1]} beats a minute" for name in PULSES},
    **{name: f"the clip “{name.replace('_', ' ')}”" for name in CLIPS},
}
"""What a piece may begin from, by name, and in words for a menu."""
FILE = "file"
"""The name of a sound that somebody brought along."""
XRAYS = 25
"""The last pieces that `Instrument.xray` can look into: more than a minute and a half."""
LONGEST_SEED = 60.0
"""Seconds of a seed sound that count."""
LONGEST_TEXT = 1000
"""Characters of a prompt; the text encoder reads far fewer."""


@dataclass(frozen=True)
class PieceSettings:
    """What the next piece should be.

    ``prompts``: one, two or four corners, in the order of `riffedu.music.stream.endless`, mixed
    according to ``place``. A non-empty ``text`` replaces them all. ``seed_sound`` is a name in
    `SEED_SOUNDS`, or `FILE`; the piece starts from it at ``strength``. Raises RiffeduError for
    values out of range.
    """

    prompts: tuple[str, ...] = ("a calm solo piano",)
    place: tuple[float, float] = (0.5, 0.5)
    text: str = ""
    seed: int = 0
    num_inference_steps: int = STEPS
    guidance_scale: float | None = None
    negative_prompt: str = ""
    strength: float = STRENGTH
    seed_sound: str = ""

    def __post_init__(self) -> None:
        if not limits.is_list(self.prompts) or len(self.prompts) not in (1, 2, 4):
            raise RiffeduError(f"one, two or four prompts are needed, not {self.prompts!r}")
        if not limits.is_list(self.place) or len(self.place) != 2:
            raise RiffeduError(f"a position must be two numbers, not {self.place!r}")
        scale = self.guidance_scale
        checked = {
            "prompts": tuple(
                limits.text("prompt in a corner", each, longest=LONGEST_TEXT)
                for each in self.prompts
            ),
            "place": tuple(limits.number("the place", each, 0, 1) for each in self.place),
            "text": limits.text("text", self.text, True, LONGEST_TEXT).strip(),
            "seed": limits.whole("seed", self.seed, 0, 2**31 - 1),
            "num_inference_steps": limits.steps("steps", self.num_inference_steps, 100),
            "guidance_scale": None if scale is None else limits.guidance(scale),
            "negative_prompt": limits.text(
                "negative prompt", self.negative_prompt, True, LONGEST_TEXT
            ),
            "strength": limits.number("strength", self.strength, 0, 1),
            "seed_sound": limits.one_of("the seed sound", self.seed_sound, [*SEED_SOUNDS, FILE]),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a dict for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Any) -> PieceSettings:
        """Create settings from the result of `to_dict`; unknown names raise RiffeduError."""
        if not isinstance(settings, dict):
            raise RiffeduError(f"piece settings must be a dict, not {type(settings).__name__}")
        if unknown := set(settings) - {each.name for each in fields(cls)}:
            raise RiffeduError(f"unknown piece setting {min(map(str, unknown))!r}")
        return cls(**settings)


class Instrument:
    """A player of endless music: `next` turns `PieceSettings` into a piece."""

    def __init__(self, pipeline: TextToMusic):
        self.pipeline = pipeline
        self._pictures: dict[str, np.ndarray] = {}
        self._known: dict[Any, Any] = {}
        self.restart()

    def restart(self) -> None:
        """Start again: the next piece is number 0 and continues nothing."""
        self.stream = Stream(self.pipeline)
        self._made: dict[int, tuple[PieceSettings, Any]] = {}
        self._seen: tuple[int, Any] = (-1, None)

    def add_sound(self, waveform: np.ndarray, sample_rate: int, name: str = FILE) -> None:
        """Add a seed sound, its first minute at most. Raises RiffeduError for an invalid or silent
        one.
        """
        from riffedu.music.continuation import period
        from riffedu.music.edit import picture_and_level
        from riffedu.signal.arrays import as_rate, as_waveform

        sample_rate = limits.whole("the sample rate", as_rate(sample_rate), 1000, 655350)
        longest = min(LONGEST_SEED, class_limits().sound_seconds)
        waveform = as_waveform(waveform)[..., : round(longest * sample_rate)]
        if waveform.shape[-1] < sample_rate / 2:
            raise RiffeduError("a seed sound must last at least half a second")
        picture, loudness = picture_and_level(self.pipeline, (waveform, sample_rate))
        if loudness == -np.inf:
            raise RiffeduError("the seed sound is silent: choose another one")
        pixels = np.asarray(picture.convert("L"))
        self._pictures[name] = pixels[:, : period(pixels, self.pipeline.params.column_ms)]

    def next(self, settings: PieceSettings) -> Piece:
        """Return the next piece. Raises RiffeduError for a seed sound that has not been added."""
        from riffedu.music.interpolate import four_corners

        text = (
            self._states(settings.text)[0]
            if settings.text
            else four_corners(self._states(settings.prompts), *settings.place)
        )
        under = self._under(settings.seed_sound) if settings.seed_sound else None
        piece = self.stream.next(
            text,
            settings.place,
            settings.seed,
            under=under,
            strength=settings.strength,
            num_inference_steps=settings.num_inference_steps,
            guidance_scale=settings.guidance_scale,
            negative_prompt=settings.negative_prompt,
        )
        self.go_on(piece, settings, self.stream)
        return piece

    def go_on(self, piece: Piece, settings: PieceSettings, stream: Stream) -> None:
        """Continue from ``piece``, which ``stream`` has just made."""
        self.stream = stream
        self._made[piece.number] = settings, stream.again
        self._made.pop(piece.number - XRAYS, None)

    def xray(self, number: int, row: float, column: float) -> Place:
        """Return what drew a pixel of piece ``number``'s picture; row 0 is the top.

        The piece's latents are computed again, once for each piece that is looked at. The first
        part of a piece was drawn with the one before, which is then looked at. Raises RiffeduError
        for a piece that is not among the last `XRAYS`, and outside the picture.
        Notebook: 11_text_to_music.
        """
        rows = self.pipeline.params.num_frequencies
        columns = self.pipeline.window * self.pipeline.checkpoint.compression
        down = limits.number("row", row, 0, rows) / rows
        along = limits.number("column", column, 0, columns) / columns
        own = self.pipeline.window - self.stream.shared
        if number > 0 and along < 1 - own / self.pipeline.window:
            earlier = self.xray(
                number - 1, row, column + own * self.pipeline.checkpoint.compression
            )
            return replace(earlier, column=earlier.column - own)
        if number not in self._made:
            raise RiffeduError("this piece was played too long ago: touch a later one")
        if number != self._seen[0]:
            self._seen = number, self._look_into(*self._made[number])
        return self._seen[1].at(down, along)

    def _look_into(self, settings: PieceSettings, again: Callable) -> XRay:
        """Make a piece's latents again, and watch."""
        from riffedu.music.xray import XRay, watching, words_of

        x, y = settings.place
        prompts = [settings.text] if settings.text else (list(settings.prompts) * 4)[:4]
        shares = (1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y
        with watching(self.pipeline.checkpoint.unet) as watch:
            again(callback=watch)
        tokenizer = self.pipeline.checkpoint.tokenizer
        return XRay(watch, words_of(tokenizer, prompts, (1.0,) if settings.text else shares))

    def _states(self, prompts: Any) -> list:
        """Return the token states of the corners, from a cache of recent ones."""
        if prompts not in self._known:
            while len(self._known) >= 8:
                del self._known[next(iter(self._known))]
            self._known[prompts] = corner_states(self.pipeline, prompts)
        return self._known[prompts]

    def _under(self, name: str) -> torch.Tensor:
        """Return latents of the seed sound, continued in time from piece to piece."""
        from PIL import Image

        stream, factor = self.stream, self.pipeline.checkpoint.compression
        pixels = self._turn(name)
        start = stream.number * (self.pipeline.window - stream.shared) * factor
        columns = (start + np.arange(self.pipeline.window * factor)) % pixels.shape[1]
        return self.pipeline.encode_image(Image.fromarray(pixels[:, columns]).convert("RGB"))

    def _turn(self, name: str) -> np.ndarray:
        """Return the picture to repeat: beats of a pulse, or one period of a clip.

        See `riffedu.music.continuation.period`.
        """
        if name not in self._pictures:
            from riffedu.music.pulse import pulse
            from riffedu.signal.audio import clip

            if name == FILE:
                raise RiffeduError("there is no seed sound: drop a sound file on the instrument")
            if name in PULSES:
                rows = self.pipeline.params.num_frequencies
                step = self.pipeline.params.column_ms
                beat = 60_000 / PULSES[name] / step  # columns; a few beats may be a whole number
                beats = min(range(1, 9), key=lambda n: abs(n * beat - round(n * beat)))
                drawn = pulse(rows, round(beats * beat), beats, step)
                self._pictures[name] = np.asarray(drawn.convert("L"))
            else:
                self.add_sound(*clip(name), name)
        return self._pictures[name]
