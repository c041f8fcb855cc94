"""Pictures and sounds that follow a slider: drawn anew into the same widget, quickly.

`pictures.picture` and `player.play` make a new thing each time, which suits a cell. A panel's slider
wants the old thing changed: the figure and its axes stay, only the data in them are set.
"""

from __future__ import annotations

import io

import ipywidgets as w
import numpy as np
import traitlets

from riffedu.widgets.player import play


class DescribedImage(w.Image):
    """A picture whose tooltip says what can be seen in it.

    The page's code for tooltips reads a ``description``, which ipywidgets' own Image lacks: there,
    setting a tooltip stops the page from drawing it.
    """

    description = traitlets.Unicode("").tag(sync=True)


class LiveFigure:
    """A matplotlib figure that is drawn once and then redrawn into one `DescribedImage`.

    ``axes`` is the one Axes, or an array of them when there is more than one; ``subplots`` goes to
    `matplotlib.figure.Figure.subplots`. Change the artists (``line.set_data``, ``image.set_data``)
    and call `refresh`: some 40 ms for 7 × 3 inches, where drawing everything anew takes 200.
    """

    def __init__(self, alt: str = "", rows: int = 1, columns: int = 1, width: float = 7.0,
                 height: float = 3.0, **subplots):  # fmt: skip
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(
            figsize=(width, height), dpi=96, layout="constrained", facecolor="white"
        )
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.subplots(rows, columns, **subplots)
        self.alt = alt
        shape = w.Layout(width=f"{96 * width:.0f}px", max_width="100%")
        self.widget = DescribedImage(format="png", layout=shape)

    def refresh(self, alt: str | None = None) -> None:
        """Draw the figure as it is now; ``alt`` says in words what can be seen in it.

        The layout is worked out at the first drawing and kept, which halves the time of the others
        and keeps the axes still while a slider moves. Call `rearrange` after a change of titles or
        ticks that needs more room.
        """
        from PIL import Image

        self.alt = self.alt if alt is None else alt
        canvas = self.figure.canvas
        canvas.draw()
        self.figure.set_layout_engine("none")
        pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
        file = io.BytesIO()
        pixels.save(file, format="png", compress_level=1)
        self.widget.value = file.getvalue()
        self.widget.tooltip = self.alt

    def rearrange(self) -> None:
        """Find room for titles and labels again at the next `refresh`."""
        self.figure.set_layout_engine("constrained")


class LiveSound:
    """A player whose sound can be exchanged; the same door, rules and caption as `play`."""

    def __init__(self, label: str = "Sound", height: int = 120):
        from riffedu.widgets.spectrogram_player import SpectrogramPlayer

        self.label = label
        self.widget = SpectrogramPlayer(label, height=height)

    @property
    def player(self):
        """The `Player` that is heard, or None."""
        return self.widget.player

    def set(self, waveform, sample_rate: int, label: str | None = None, attenuate: bool = False,
            image=None) -> None:  # fmt: skip
        """Put another sound in, with its picture if there is one. It does not start by itself."""
        self.widget.set(play(waveform, sample_rate, label or self.label, attenuate, image))

    def clear(self) -> None:
        """No sound: what the panel shows has changed, and the old one no longer fits."""
        if self.player is not None:
            self.widget.clear()
