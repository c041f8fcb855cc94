"""The spectrogram player: seek, select time and band, loop, compare, paint and record.

The page receives 16-bit samples at 44100 Hz and grey pixels. Everything except turning a painted
picture into sound happens in the browser, without a round trip to Python.
"""

from __future__ import annotations

import threading
from typing import Any

import anywidget
import ipywidgets as w
import numpy as np
import traitlets
from PIL import Image

from riffedu.errors import RiffeduError
from riffedu.signal.audio import resample
from riffedu.signal.files.tags import derive, texts_of
from riffedu.signal.image import image_from_pixels, tags_of, to_pixels
from riffedu.signal.mel import hz_to_mel, mel_spectrogram, mel_to_hz
from riffedu.signal.params import SpectrogramParams
from riffedu.signal.picture import as_picture
from riffedu.signal.reconstruct import image_to_audio, repaint
from riffedu.widgets.front import front, or_else
from riffedu.widgets.pictures import beside, thumbnail
from riffedu.widgets.sound import Sound, prompt_of

RATE = 44100
"""Sample rate of the sound sent to the page, and of its audio clock."""
WIDEST = 16384
"""Most columns of a picture: a sound of over 164 s gets a longer step."""
LONGEST = 600
"""Longest sound in seconds that a page can hold."""
STATIC = 60
"""Longest sound in seconds that a static page includes; a longer one is shown as a picture."""
LOUDEST = 0.5
"""The amplitude of black on an empty canvas."""


class SpectrogramPlayer(anywidget.AnyWidget):
    """The widget; `spectrogram_player` creates one with a sound in it.

    ``player`` is the current `Sound`, ``other`` the one that the A/B switch selects. ``image`` is
    the current picture, painted or not (a PIL image with its tags, as `riffedu.image_to_audio`
    takes it), and ``pixels`` the same as an array. ``take`` is the last recording as (waveform,
    sample rate), ``selection`` the selected [from s, to s, from Hz, to Hz] or []. ``loop``,
    ``speed``, ``selection`` and ``colour_map`` can be set; ``image`` and ``take`` can be observed.
    """

    _esm = front(
        *(f"{name}.js" for name in ("sound", "picture", "dom", "transport", "brush")),
        *(f"{name}.js" for name in ("clips", "book_page", "lab_book")),
        *(f"player/{name}.js" for name in ("state", "python", "painting", "pen", "microphone")),
        *(f"player/{name}.js" for name in ("axes", "drawing", "page", "keys", "hands")),
        "player.js",
    )
    _css = front("look.css")

    sound = traitlets.Bytes(b"").tag(sync=True)
    sound_b = traitlets.Bytes(b"").tag(sync=True)
    channels = traitlets.Int(1).tag(sync=True)
    picture = traitlets.Bytes(b"").tag(sync=True)
    picture_b = traitlets.Bytes(b"").tag(sync=True)
    rows = traitlets.Int(512).tag(sync=True)
    columns = traitlets.Int(0).tag(sync=True)
    columns_b = traitlets.Int(0).tag(sync=True)
    step = traitlets.Float(0.01).tag(sync=True)
    frequencies = traitlets.List(traitlets.Float(), [0.0, 10000.0]).tag(sync=True)
    label = traitlets.Unicode("Sound").tag(sync=True)
    label_b = traitlets.Unicode("").tag(sync=True)
    caption = traitlets.Unicode("").tag(sync=True)
    caption_b = traitlets.Unicode("").tag(sync=True)
    alt = traitlets.Unicode("").tag(sync=True)
    message = traitlets.Unicode("").tag(sync=True)
    origin = traitlets.Dict({}).tag(sync=True)  # texts for the files that the page saves
    stroke = traitlets.Int(0).tag(sync=True)  # the last one whose sound this is
    height = traitlets.Int(180).tag(sync=True)
    paint = traitlets.Bool(False).tag(sync=True)
    record = traitlets.Bool(False).tag(sync=True)
    loop = traitlets.Bool(False).tag(sync=True)
    speed = traitlets.Float(1.0).tag(sync=True)
    selection = traitlets.List(traitlets.Float(), []).tag(sync=True)
    colour_map = traitlets.Enum(("grey", "cividis", "viridis", "magma"), "grey").tag(sync=True)

    player = traitlets.Instance(Sound, allow_none=True)
    other = traitlets.Instance(Sound, allow_none=True)
    image = traitlets.Instance(Image.Image, allow_none=True)
    take = traitlets.Tuple(allow_none=True, default_value=None)

    def __init__(self, label: str = "Sound", **options: Any):
        options.setdefault("layout", w.Layout(flex="1 1 360px", max_width="860px"))
        super().__init__(label=label, **options)
        self.on_msg(self._receive)

    def set(self, player: Sound, other: Sound | None = None) -> None:
        """Show another sound, and the one to compare it with; playback does not start by itself.

        Raises RiffeduError for sounds of over ten minutes.
        """
        for each in filter(None, (player, other)):
            seconds = each.waveform.shape[-1] / each.sample_rate
            if seconds > LONGEST:
                raise RiffeduError(
                    f"this sound lasts {seconds:.0f} s, but the player takes at most {LONGEST} s: "
                    "give it a part, such as waveform[..., :600 * sample_rate]"
                )
        channels = max(_channels(player), _channels(other) if other else 1)
        images, step = _images(player, other)
        picture = images[0]
        assert picture is not None
        with self.hold_sync():
            self.label, self.caption, self.alt = player.label, player.caption, player.alt
            self.label_b = other.label if other else ""
            self.caption_b = other.caption if other else ""
            self.player, self.other, self.image = player, other, picture
            self.channels, self.step, self.message = channels, step, ""
            self.rows, self.frequencies = picture.height, row_edges(picture)
            self.origin = texts_of(picture)
            self.sound, self.sound_b = (_samples(each, channels) for each in (player, other))
            self.picture, self.picture_b = (_pixels(each) for each in images)
            self.columns, self.columns_b = (each.width if each else 0 for each in images)

    def preview(self, image: Image.Image, label: str) -> None:
        """Show a picture without a sound, while it is being generated."""
        with self.hold_sync():
            self.player = self.other = None
            self.sound = self.sound_b = self.picture_b = b""
            self.label, self.caption, self.message = label, "", ""
            self.image, self.step, self.alt = image, tags_step(image), label
            self.rows, self.frequencies = image.height, row_edges(image)
            self.picture, self.columns = _pixels(image), image.width

    def clear(self) -> None:
        """Remove sound and picture."""
        with self.hold_sync():
            self.player = self.other = self.image = None
            self.sound = self.sound_b = self.picture = self.picture_b = b""
            self.columns = self.columns_b = 0
            self.origin = {}
            self.caption = self.caption_b = self.message = ""

    def blank(self, seconds: float = 5.12) -> None:
        """Start an empty canvas to paint on: white, which is silence."""
        if not 0.1 <= seconds <= 60:
            raise RiffeduError(f"a canvas must last 0.1 to 60 seconds, not {seconds}")
        params = SpectrogramParams()
        columns = round(1000 * seconds / params.column_ms)
        white = np.full((params.num_frequencies, columns), 255, np.uint8)
        image = image_from_pixels(white, LOUDEST * params.win_length / 4, params)
        silence = np.zeros(columns * params.hop_length, np.float32)
        self.set(Sound.of(silence, params.sample_rate, self.label, image=image))

    @property
    def pixels(self) -> np.ndarray | None:
        """The current picture as grey levels (rows, columns), low frequencies at the bottom."""
        return None if self.image is None else np.asarray(as_picture(self.image, "L"))

    def _receive(self, _: Any, content: dict, buffers: list) -> None:
        """Handle a message from the page: a painted picture or a recording."""
        with self.hold_sync():
            try:
                if content.get("type") == "painted":
                    self.stroke = int(content.get("stroke", 0))
                    self._paint(bytes(buffers[0]), int(content["from"]), int(content["to"]))
                elif content.get("type") == "take":
                    self._take(bytes(buffers[0]))
            except (RiffeduError, KeyError, IndexError, ValueError, TypeError) as error:
                known = isinstance(error, RiffeduError)
                self.message = (
                    str(error)
                    if known
                    else f"The page sent a message that cannot be read: {error!r}"
                )

    def _paint(self, pixels: bytes, start: int, stop: int) -> None:
        if self.player is None or self.image is None or len(pixels) != self.rows * self.columns:
            raise RiffeduError(
                f"the painting has {len(pixels)} bytes, but the picture needs "
                f"{self.rows * self.columns}"
            )
        image = _repixelled(self.image, pixels)
        self.origin = derive(image, "paint", self.image)
        waveform = repaint(self.player.original, self.player.sample_rate, image, start, stop)
        player = Sound.of(
            waveform, self.player.sample_rate, self.label, attenuate=True, image=image
        )
        # The picture is not sent back: the page may have been painted on since.
        self.player, self.image = player, image
        self.sound, self.caption = _samples(player, self.channels), player.caption
        self.alt, self.message = player.alt, ""

    def _take(self, samples: bytes) -> None:
        waveform = np.frombuffer(samples, "<i2").astype(np.float32) / 32768
        if len(waveform) < RATE / 10:
            raise RiffeduError("the recording is shorter than 0.1 s: record for longer")
        self.set(Sound.of(waveform, RATE, "Your recording"))
        self.take = (waveform, RATE)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Return the widget, with a picture and the browser's own player for static pages."""
        bundle = super()._repr_mimebundle_(**options)
        if self.player is None or self.image is None:
            return or_else(bundle)
        long = self.player.waveform.shape[-1] > STATIC * self.player.sample_rate
        players = [each.html for each in (self.player, self.other) if each and not long]
        html = beside(thumbnail(self.image, self.alt).html, *players)
        return or_else(bundle, html, repr(self.player))


def spectrogram_player(
    sound: Any, other: Any = None, label: str | None = None, **options: Any
) -> SpectrogramPlayer:
    """Return a player for a sound, or for two aligned sounds with an A/B switch.

    ``sound`` and ``other`` are what `play` returns, a generated result, or (waveform, sample_rate).
    ``options``: ``paint=True`` and ``record=True`` add these tools, ``height`` is the height of the
    picture in pixels. Raises RiffeduError as `play` does. Used in every lesson; painting is
    taught in 04_image.
    """
    made = SpectrogramPlayer(label or "Sound", **options)
    made.set(as_sound(sound, label), None if other is None else as_sound(other))
    return made


def painter(
    seconds: float = 5.12, sound: Any = None, label: str = "The painting"
) -> SpectrogramPlayer:
    """Return a canvas to paint sound on: empty, or the picture of ``sound``.

    ``painter.image`` is the painting, ``painter.player.waveform`` its sound. Notebook: 04_image.
    """
    made = SpectrogramPlayer(label, paint=True, height=300)
    made.blank(seconds) if sound is None else made.set(as_sound(sound, label))
    threading.Thread(target=_warm_up).start()
    return made


def _warm_up() -> None:
    """Import what the first inversion needs, which takes a second, before the first stroke."""
    grey = np.full((SpectrogramParams().num_frequencies, 64), 128, np.uint8)
    image_to_audio(image_from_pixels(grey, 1.0, SpectrogramParams()), progress=False)


def recorder(label: str = "Record something") -> SpectrogramPlayer:
    """Return a microphone button; ``recorder.take`` is (waveform, sample_rate) of the last take.

    The browser asks for permission first. Notebook: 01_sound.
    """
    return SpectrogramPlayer(label, record=True)


def as_sound(sound: Any, label: str | None = None) -> Sound:
    """Return a `Sound` from a Sound, a generated result or (waveform, sample_rate)."""
    if isinstance(sound, Sound):
        return sound
    if isinstance(sound, tuple) and len(sound) == 2:
        return Sound.of(*sound, label or "Sound")
    if hasattr(sound, "waveform") and hasattr(sound, "sample_rate"):
        image = getattr(sound, "image", None)
        return Sound.of(sound.waveform, sound.sample_rate, label or prompt_of(sound), image=image)
    raise RiffeduError(
        f"a player needs (waveform, sample_rate) or a result, not {type(sound).__name__}"
    )


def row_edges(image: Image.Image) -> list[float]:
    """Return the frequencies in Hz at the edges of a picture's rows, lowest first."""
    params = SpectrogramParams.from_exif(tags_of(image))
    scale = params.mel_scale_type
    low, high = hz_to_mel([params.min_frequency, params.max_frequency], scale)
    edges = mel_to_hz(np.linspace(low, high, image.height + 1), scale)
    return [round(float(f), 2) for f in edges]


def _images(player: Sound, other: Sound | None) -> tuple[list[Image.Image | None], float]:
    """Return both pictures, computed on a common scale if missing, and the seconds per column."""
    both = (player, other)
    images = [each.image if each else None for each in both]
    if images[0] is not None and (other is None or images[1] is not None):
        step = SpectrogramParams.from_exif(tags_of(images[0])).column_ms / 1000
        return images, step
    drawn = _drawn([each for each in both if each])
    return [*drawn, *[None] * (2 - len(drawn))], tags_step(drawn[0])


def tags_step(image: Image.Image) -> float:
    """Return the seconds per column of a picture, from its tags."""
    return SpectrogramParams.from_exif(tags_of(image)).column_ms / 1000


def _drawn(players: list[Sound]) -> list[Image.Image]:
    """Draw sounds as pictures in which equal grey means equal amplitude."""
    longest = max(each.waveform.shape[-1] / each.sample_rate for each in players)
    params = SpectrogramParams(step_size_ms=10 * max(1, int(np.ceil(longest * 100 / WIDEST))))
    mels = []
    for each in players:
        mono = np.atleast_2d(each.waveform).mean(axis=0)
        mels.append(mel_spectrogram(resample(mono, each.sample_rate, params.sample_rate), params))
    loudest = max(float(mel.max()) for mel in mels)
    return [image_from_pixels(to_pixels(mel, loudest), loudest, params, grey=True) for mel in mels]


def _channels(player: Sound) -> int:
    return np.atleast_2d(player.waveform).shape[0]


def _samples(player: Sound | None, channels: int) -> bytes:
    """Return 16-bit samples at 44100 Hz, channels interleaved, clipped at full scale."""
    if player is None:
        return b""
    sound = np.atleast_2d(resample(player.waveform, player.sample_rate, RATE))
    sound = np.broadcast_to(sound, (channels, sound.shape[-1]))
    return np.clip(np.rint(32768 * sound.T), -32768, 32767).astype("<i2").tobytes()


def _pixels(image: Image.Image | None) -> bytes:
    return b"" if image is None else np.asarray(as_picture(image, "L")).tobytes()


def _repixelled(image: Image.Image, pixels: bytes) -> Image.Image:
    """Return the picture with new pixels and the same tags, so that black keeps its level."""
    new = Image.frombytes("L", image.size, pixels)
    new.info["exif"] = image.info.get("exif", b"")
    return new
