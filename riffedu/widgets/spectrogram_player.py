"""A picture that plays: seek, select a time and band, loop, compare, paint, record, in the browser.

The page gets 16-bit samples at 44100 Hz and grey pixels as bytes; everything that one does with them
but turning a painted picture into sound happens there, without asking Python.
"""

from __future__ import annotations

import threading

import anywidget
import ipywidgets as w
import numpy as np
import traitlets
from PIL import Image

from riffedu.errors import RiffeduError
from riffedu.widgets.front import front, or_else
from riffedu.widgets.pictures import beside, thumbnail
from riffedu.widgets.sound import Sound, prompt_of

RATE = 44100
"""Samples a second on the way to the page: its audio clock runs at the same rate."""
WIDEST = 16384
"""Columns of a sound's picture: one of over 164 s gets wider steps."""
LONGEST = 600
"""Seconds that a page can hold with ease."""
STATIC = 60
"""Seconds of sound that a static page is burdened with; of a longer one it has the picture only."""
LOUDEST = 0.5
"""The amplitude that is black on an empty canvas."""


class SpectrogramPlayer(anywidget.AnyWidget):
    """The widget; `spectrogram_player` makes one with a sound in it.

    ``player`` is the `riffedu.widgets.sound.Sound` that is heard, ``other`` the one that the A/B switch
    changes to, ``image`` the picture as it is now, painted or not (a PIL picture with its tags, ready
    for `riffedu.image_to_audio`) and ``pixels`` the same as an array, ``take`` the last recording as
    (waveform, sample rate), ``selection`` the selected [from s, to s, from Hz, to Hz] or [].
    ``loop``, ``speed``, ``selection`` and ``colour_map`` may be set. ``observe`` tells of a change of
    ``image`` or ``take``.
    """

    _esm = front(
        "sound.js", "picture.js", "dom.js", "transport.js", "brush.js",
        "player/state.js", "player/python.js", "player/painting.js", "player/microphone.js",
        "player/axes.js", "player/drawing.js", "player/page.js", "player/keys.js", "player/hands.js",
        "player.js",
    )  # fmt: skip
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

    def __init__(self, label: str = "Sound", **options):
        options.setdefault("layout", w.Layout(flex="1 1 360px", max_width="860px"))
        super().__init__(label=label, **options)
        self.on_msg(self._told)

    def set(self, player: Sound, other: Sound | None = None) -> None:
        """Another sound, and the one beside it; it does not start by itself.

        Raises RiffeduError for sounds of over ten minutes.
        """
        for each in filter(None, (player, other)):
            seconds = each.waveform.shape[-1] / each.sample_rate
            if seconds > LONGEST:
                raise RiffeduError(
                    f"this sound lasts {seconds:.0f} s; the player takes {LONGEST} s at most: "
                    "give it a part, as in waveform[..., :600 * sample_rate]"
                )
        channels = max(_channels(player), _channels(other) if other else 1)
        images, step = _images(player, other)
        with self.hold_sync():
            self.label, self.caption, self.alt = player.label, player.caption, player.alt
            self.label_b = other.label if other else ""
            self.caption_b = other.caption if other else ""
            self.player, self.other, self.image = player, other, images[0]
            self.channels, self.step, self.message = channels, step, ""
            self.rows, self.frequencies = images[0].height, row_edges(images[0])
            self.sound, self.sound_b = (_samples(each, channels) for each in (player, other))
            self.picture, self.picture_b = (_pixels(each) for each in images)
            self.columns, self.columns_b = (each.width if each else 0 for each in images)

    def look(self, image: Image.Image, label: str) -> None:
        """A picture without its sound, as it comes into being."""
        with self.hold_sync():
            self.player = self.other = None
            self.sound = self.sound_b = self.picture_b = b""
            self.label, self.caption, self.message = label, "", ""
            self.image, self.step, self.alt = image, tags_step(image), label
            self.rows, self.frequencies = image.height, row_edges(image)
            self.picture, self.columns = _pixels(image), image.width

    def clear(self) -> None:
        """No sound and no picture."""
        with self.hold_sync():
            self.player = self.other = self.image = None
            self.sound = self.sound_b = self.picture = self.picture_b = b""
            self.columns = self.columns_b = 0
            self.caption = self.caption_b = self.message = ""

    def blank(self, seconds: float = 5.12) -> None:
        """A white canvas, which is silence, to paint on."""
        if not 0.1 <= seconds <= 60:
            raise RiffeduError(f"a canvas lasts 0.1 to 60 seconds, not {seconds}")
        from riffedu.signal.image import image_from_pixels
        from riffedu.signal.params import SpectrogramParams

        params = SpectrogramParams()
        columns = round(1000 * seconds / params.step_size_ms)
        white = np.full((params.num_frequencies, columns), 255, np.uint8)
        image = image_from_pixels(white, LOUDEST * params.win_length / 4, params)
        silence = np.zeros(columns * params.hop_length, np.float32)
        self.set(Sound.of(silence, params.sample_rate, self.label, image=image))

    @property
    def pixels(self) -> np.ndarray | None:
        """The picture as it is now, painted or not: grey levels (rows, columns), low is down."""
        return None if self.image is None else np.asarray(self.image.convert("L"))

    def _told(self, _, content, buffers) -> None:
        """What the page sends: a painted picture, or a recording."""
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
                    str(error) if known else f"The page sent what can't be read: {error!r}"
                )

    def _paint(self, pixels: bytes, start: int, stop: int) -> None:
        from riffedu.signal.reconstruct import repaint

        if self.player is None or len(pixels) != self.rows * self.columns:
            raise RiffeduError(
                f"the painting has {len(pixels)} bytes, the picture {self.rows * self.columns}"
            )
        image = _repixelled(self.image, pixels)
        waveform = repaint(self.player.unturned, self.player.sample_rate, image, start, stop)
        player = Sound.of(
            waveform, self.player.sample_rate, self.label, attenuate=True, image=image
        )
        # Not the picture: the page may be painting on already.
        self.player, self.image = player, image
        self.sound, self.caption = _samples(player, self.channels), player.caption
        self.alt, self.message = player.alt, ""

    def _take(self, samples: bytes) -> None:
        waveform = np.frombuffer(samples, "<i2").astype(np.float32) / 32768
        if len(waveform) < RATE / 10:
            raise RiffeduError("the recording is shorter than a tenth of a second: hold on longer")
        self.set(Sound.of(waveform, RATE, "Your recording"))
        self.take = (waveform, RATE)

    def _repr_mimebundle_(self, **options):
        """The widget; and where widgets can't load, a picture and the browser's own player."""
        bundle = super()._repr_mimebundle_(**options)
        if self.player is None:
            return or_else(bundle)
        long = self.player.waveform.shape[-1] > STATIC * self.player.sample_rate
        players = [each.html for each in (self.player, self.other) if each and not long]
        html = beside(thumbnail(self.image, self.alt).html, *players)
        return or_else(bundle, html, repr(self.player))


def spectrogram_player(sound, other=None, label: str | None = None, **options) -> SpectrogramPlayer:
    """A player for a sound, or for two aligned ones with an A/B switch.

    ``sound`` and ``other`` are what `play` returns, a generated result, or (waveform, sample_rate).
    ``options``: ``paint`` and ``record`` bring their tools, ``height`` is the picture's in pixels. What `play`
    refuses is refused here. Used in every lesson; painting is taught in notebooks/04_image.ipynb.
    """
    made = SpectrogramPlayer(label or "Sound", **options)
    made.set(as_sound(sound, label), None if other is None else as_sound(other))
    return made


def painter(seconds: float = 5.12, sound=None, label: str = "The painting") -> SpectrogramPlayer:
    """A canvas to paint sound on: white, or the picture of ``sound``.

    ``painter.image`` is the painting, ``painter.player.waveform`` its sound. Taught in
    notebooks/04_image.ipynb.
    """
    made = SpectrogramPlayer(label, paint=True, height=300)
    made.blank(seconds) if sound is None else made.set(as_sound(sound, label))
    threading.Thread(target=_warm_up).start()
    return made


def _warm_up() -> None:
    """The first picture that is turned into sound takes a second of imports: not at the first stroke."""
    from riffedu.signal.image import image_from_pixels
    from riffedu.signal.params import SpectrogramParams
    from riffedu.signal.reconstruct import image_to_audio

    grey = np.full((SpectrogramParams().num_frequencies, 64), 128, np.uint8)
    image_to_audio(image_from_pixels(grey, 1.0, SpectrogramParams()), progress=False)


def recorder(label: str = "Record something") -> SpectrogramPlayer:
    """A microphone button: ``recorder.take`` is the last recording as (waveform, sample_rate).

    The browser asks before it lets anyone listen. Taught in notebooks/01_sound.ipynb.
    """
    return SpectrogramPlayer(label, record=True)


def as_sound(sound, label: str | None = None) -> Sound:
    """A `Sound` of a Sound, of a result, or of (waveform, sample_rate)."""
    if isinstance(sound, Sound):
        return sound
    if isinstance(sound, tuple) and len(sound) == 2:
        return Sound.of(*sound, label or "Sound")
    if hasattr(sound, "waveform") and hasattr(sound, "sample_rate"):
        image = getattr(sound, "image", None)
        return Sound.of(sound.waveform, sound.sample_rate, label or prompt_of(sound), image=image)
    raise RiffeduError(
        f"a player wants (waveform, sample_rate) or a result, not {type(sound).__name__}"
    )


def row_edges(image: Image.Image) -> list[float]:
    """The frequencies between a picture's rows in Hz, from the lowest to the highest."""
    from riffedu.signal.image import tags_of
    from riffedu.signal.mel import hz_to_mel, mel_to_hz
    from riffedu.signal.params import SpectrogramParams

    params = SpectrogramParams.from_exif(tags_of(image))
    scale = params.mel_scale_type
    low, high = hz_to_mel([params.min_frequency, params.max_frequency], scale)
    edges = mel_to_hz(np.linspace(low, high, image.height + 1), scale)
    return [round(float(f), 2) for f in edges]


def _images(player: Sound, other: Sound | None):
    """Both pictures, and the seconds of a column: drawn on one scale where they are drawn here."""
    from riffedu.signal.image import tags_of
    from riffedu.signal.params import SpectrogramParams

    both = (player, other)
    images = [each.image if each else None for each in both]
    if images[0] is not None and (other is None or images[1] is not None):
        step = SpectrogramParams.from_exif(tags_of(images[0])).step_size_ms / 1000
        return images, step
    drawn = _drawn([each for each in both if each])
    return [*drawn, *[None] * (2 - len(drawn))], tags_step(drawn[0])


def tags_step(image: Image.Image) -> float:
    """Seconds from one column of a picture to the next, by its tags."""
    from riffedu.signal.image import tags_of
    from riffedu.signal.params import SpectrogramParams

    return SpectrogramParams.from_exif(tags_of(image)).step_size_ms / 1000


def _drawn(players: list[Sound]) -> list[Image.Image]:
    """The sounds as pictures in which the same grey is the same amplitude."""
    from riffedu.signal.audio import resample
    from riffedu.signal.image import image_from_pixels, to_pixels
    from riffedu.signal.mel import mel_spectrogram
    from riffedu.signal.params import SpectrogramParams

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
    """16-bit samples at 44100 Hz, channels interleaved; what the filter lifts over 1 is held there."""
    if player is None:
        return b""
    from riffedu.signal.audio import resample

    sound = np.atleast_2d(resample(player.waveform, player.sample_rate, RATE))
    sound = np.broadcast_to(sound, (channels, sound.shape[-1]))
    return np.clip(np.rint(32768 * sound.T), -32768, 32767).astype("<i2").tobytes()


def _pixels(image: Image.Image | None) -> bytes:
    return b"" if image is None else np.asarray(image.convert("L")).tobytes()


def _repixelled(image: Image.Image, pixels: bytes) -> Image.Image:
    """The picture with other pixels: same tags, so that black stays as loud as it was."""
    new = Image.frombytes("L", image.size, pixels)
    new.info["exif"] = image.info.get("exif", b"")
    return new
