"""The panel of notebooks/04_image.ipynb: put shapes on a picture, and hear it."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets as w
import numpy as np
from PIL import Image

from riffedu.errors import RiffeduError
from riffedu.signal import paint
from riffedu.signal.image import image_from_spectrogram
from riffedu.signal.params import SpectrogramParams
from riffedu.widgets.live import LiveFigure, LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, row, slider
from riffedu.widgets.pictures import HERTZ, height

SECONDS = 2.56
SHAPES = {
    "line (tone or glide)": "line",
    "note with overtones": "harmonics",
    "stroke": "beat",
    "patch of noise": "rectangle",
    "stamp of a clip": "stamp",
}
ORANGE = np.array([0.835, 0.369, 0.0], np.float32)
LOUDEST = 0.5
"""Amplitudes of this and more are black, so that the greys do not change while one paints."""


class PaintPanel(Panel):
    """Controls by name: ``shape, pitch, to, start, length, level, add_button, undo_button,
    clear_button, listen_button, status``.

    `figure` shows the painting with the shape that would be added; ``mel`` is the painting
    without it, ``image`` the same as a picture, `sound` the player.
    """

    def __init__(self, mel: np.ndarray | None = None, stamp: np.ndarray | None = None) -> None:
        self.params = SpectrogramParams()
        self.mel = paint.blank(SECONDS) if mel is None else np.array(mel, dtype=np.float32)
        self._stamp, self._before = stamp, []
        wide = w.Layout(width="480px")
        self.shape = w.Dropdown(options=SHAPES, description="Shape", style=WIDE)
        self.pitch, self.to = (
            w.FloatLogSlider(
                value=value,
                base=10,
                min=np.log10(60),
                max=np.log10(8000),
                step=0.005,
                description=name,
                readout_format=".0f",
                style=WIDE,
                layout=wide,
            )
            for name, value in (("Pitch (Hz)", 440), ("… gliding to", 440))
        )
        self.start = slider("Start (s)", 0.2, 0, self.seconds - 0.05, 0.01, layout=wide)
        self.length = slider("Length (s)", 0.6, 0.05, self.seconds, 0.05, layout=wide)
        self.level = slider("Level (dBFS)", -20, -60, -12, layout=wide)
        self.add_button, self.undo_button, self.clear_button, self.listen_button = (
            w.Button(description=name, icon=icon, tooltip=words)
            for name, icon, words in (
                ("Add", "plus", "Paint the shape and hear the picture"),
                ("Undo", "undo", "Remove the last shape"),
                ("Clear", "trash", "Remove all shapes; Undo brings them back"),
                ("Listen", "play", "Hear the picture"),
            )
        )
        self.add_button.button_style = "primary"
        self.figure, self.sound = LiveFigure(width=6.4, height=4.2), LiveSound("The painting")
        self.status = w.HTML()
        self._draw_axes()
        for control in (self.shape, self.to, self.start, self.length, self.level):
            control.observe(self._preview, "value")
        self.pitch.observe(self._follow, "value")
        for button, work in (
            (self.add_button, self.add),
            (self.undo_button, self.undo),
            (self.clear_button, self.clear),
            (self.listen_button, self.listen),
        ):
            button.on_click(lambda _, work=work: work())
        self.box = w.VBox(
            [
                self.shape,
                self.pitch,
                self.to,
                self.start,
                self.length,
                self.level,
                row(self.add_button, self.undo_button, self.clear_button, self.listen_button),
                self.status,
                row(self.figure.widget, self.sound.widget),
                note("The shape that Add would paint is orange. The arrow keys move the sliders."),
            ]
        )
        self._preview()

    @property
    def seconds(self) -> float:
        """The duration of the painting."""
        return self.mel.shape[1] * self.params.column_ms / 1000

    @property
    def image(self) -> Image.Image:
        """The painting as a picture, ready for `riffedu.image_to_audio`."""
        return image_from_spectrogram(self.mel, self.params)

    def painted(self) -> np.ndarray:
        """Return the painting with the shape that the controls set."""
        start, level = self.start.value, float(self.level.value)
        end = min(start + self.length.value, self.seconds)
        pitch, to = self.pitch.value, self.to.value
        shape = self.shape.value
        if shape == "line":
            return paint.line(self.mel, pitch, to, start, end, level)
        if shape == "harmonics":
            return paint.harmonics(self.mel, pitch, to, start, end, level)
        if shape == "beat":
            return paint.beat(self.mel, start, level)
        if shape == "rectangle":
            low, high = sorted((pitch, to))
            return paint.rectangle(self.mel, low, max(high, 1.1 * low), start, end, level)
        part = self.stamp()[:, : max(1, round(self.length.value * 100))]
        gain = 10 ** ((level + 20) / 20)
        return paint.stamp(self.mel, gain * part, start)

    def stamp(self) -> np.ndarray:
        """Return the mel amplitudes that “stamp of a clip” paints; the flute's tune by default."""
        if self._stamp is None:
            from riffedu.signal.audio import clip
            from riffedu.signal.mel import mel_spectrogram

            self._stamp = mel_spectrogram(clip("tune")[0][: round(SECONDS * 44100)])
        return self._stamp

    def add(self) -> None:
        """Do what the Add button does: paint the shape, and hear the picture."""
        self._change(self.painted)
        if not self.status.value:
            self.listen()

    def clear(self) -> None:
        """Do what the Clear button does."""
        self._change(lambda: np.zeros_like(self.mel))
        self.sound.clear()

    def undo(self) -> None:
        """Do what the Undo button does."""
        if self._before:
            self.mel = self._before.pop()
            self._preview()
        else:
            self._say("There is nothing to undo.")

    def listen(self) -> None:
        """Do what the Listen button does."""
        from riffedu.signal.reconstruct import image_to_audio

        if not self.mel.any():
            return self._say("The picture is white, which is silence: add a shape.")
        waveform, rate = image_to_audio(self.image, progress=False)
        self.sound.set(waveform, rate, attenuate=True, image=self.image)
        self._say("")

    def _change(self, make: Callable[[], np.ndarray]) -> None:
        try:
            new = make()
        except RiffeduError as error:
            return self._say(str(error))
        self._before.append(self.mel)
        self.mel = new
        self._say("")
        self._preview()

    def _say(self, message: str) -> None:
        style = "border-left:4px solid #d55e00;padding-left:6px" if message else ""
        said = html.escape(message)
        self.status.value = said and f'<b role="alert" style="{style}">{said}</b>'

    def _follow(self, change: dict[str, Any]) -> None:
        """Move the end of the glide with its beginning, unless the two were set apart."""
        if abs(self.to.value - change["old"]) < 1e-6:
            self.to.value = change["new"]  # which draws
        else:
            self._preview()

    def _draw_axes(self) -> None:
        axes = self.figure.axes
        hertz = [f for f in HERTZ if f <= self.params.max_frequency]
        axes.set_yticks(
            [height(f) for f in hertz], [f"{f:g}" if f < 1000 else f"{f / 1000:g}k" for f in hertz]
        )
        axes.set(xlabel="seconds", ylabel="Hz (mel scale)")
        axes.tick_params(labelsize=8)
        self._drawn = axes.imshow(
            self._colours(self.mel),
            aspect="auto",
            origin="lower",
            extent=(0, self.seconds, 0, 1),
            interpolation="nearest",
        )

    def _colours(self, seen: np.ndarray) -> np.ndarray:
        """(512, columns, 3) in [0, 1]: the painting grey, what ``seen`` has more than it orange."""
        loudest = LOUDEST * self.params.win_length / 4
        was, now = (
            (mel / loudest).clip(0, 1) ** self.params.power_for_image for mel in (self.mel, seen)
        )
        return (1 - was[..., None] - (now - was)[..., None] * (1 - ORANGE)).clip(0, 1)

    def _preview(self, _: object = None) -> None:
        try:
            seen = self.painted()
            self._say("")
        except RiffeduError as error:
            seen = self.mel
            self._say(str(error))
        self._drawn.set_data(self._colours(seen))
        name = next(words for words, value in SHAPES.items() if value == self.shape.value)
        self.figure.refresh(
            f"A painted spectrogram of {self.seconds:.2f} s with {len(self._before)} shapes, and "
            f"the next one: {name} at {self.pitch.value:.0f} Hz from {self.start.value:.2f} s."
        )


def paint_panel(mel: np.ndarray | None = None, stamp: np.ndarray | None = None) -> PaintPanel:
    """Return a canvas to paint a sound on; ``panel.mel`` and ``panel.image`` are the painting.

    ``mel``: amplitudes (512, columns) to begin with, white by default; ``stamp``: amplitudes that
    the stamp paints, the flute's tune by default.
    """
    return PaintPanel(mel, stamp)
