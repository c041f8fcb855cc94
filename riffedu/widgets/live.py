"""Pictures and sounds that follow a slider: drawn anew into the same widget, quickly.

`pictures.picture` and `player.play` make a new thing each time, which suits a cell. A panel's
slider wants the old thing changed: the figure and its axes stay, only the data in them are set.
"""

from __future__ import annotations

import struct
import zlib

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
    """A matplotlib figure whose curves and pictures are redrawn into one `DescribedImage`.

    ``axes`` is the one Axes, or an array of them when there is more than one; ``subplots`` goes to
    `matplotlib.figure.Figure.subplots`. Change the artists (``line.set_data``, ``image.set_data``)
    and call `refresh`: some 15 ms for 9 × 3 inches. Text takes most of the time of a drawing, so
    titles, ticks and all else with a ``zorder`` below 0 is kept as dots until any of it, or a
    limit, is set again (some 60 ms). Ticks and grids lie under what moves.
    """

    def __init__(
        self,
        alt: str = "",
        rows: int = 1,
        columns: int = 1,
        width: float = 7.0,
        height: float = 3.0,
        **subplots,
    ):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(
            figsize=(width, height), dpi=96, layout="constrained", facecolor="white"
        )
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.subplots(rows, columns, **subplots)
        for axes in np.atleast_1d(self.axes).flat:
            axes.xaxis.set_zorder(-1)
            axes.yaxis.set_zorder(-1)
        self.alt = alt
        shape = w.Layout(width=f"{96 * width:.0f}px", max_width="100%")
        self.widget = DescribedImage(format="png", layout=shape)

    def refresh(self, alt: str | None = None, *above) -> None:
        """Draw the figure as it is now; ``alt`` says in words what can be seen in it.

        Artists that lie ``above`` the axes are drawn last. The layout is worked out at the first
        drawing and kept, so that the axes stay still while a slider moves. Call `rearrange` after a
        change of titles or ticks that needs more room.
        """
        self.alt = self.alt if alt is None else alt
        canvas = self.figure.canvas
        if self.figure.stale:
            self._draw_lettering()
        canvas.restore_region(self._lettering)
        for artist in (*self._moving, *above):
            self.figure.draw_artist(artist)
        self.figure.stale = False  # a legend says that it is, when it is drawn
        self.widget.value = png(np.asarray(canvas.buffer_rgba())[..., :3])
        self.widget.tooltip = self.alt

    def say(self, words: str) -> None:
        """`refresh` with words across the middle: why there is nothing to see yet."""
        said = self.figure.text(
            0.5,
            0.5,
            words,
            ha="center",
            va="center",
            fontsize=12,
            color="#333333",
            backgroundcolor="white",
            animated=True,
        )
        self.refresh(words, said)
        said.remove()

    def rearrange(self) -> None:
        """Find room for titles and labels again at the next `refresh`."""
        self.figure.set_layout_engine("constrained")
        self.figure.stale = True

    def _draw_lettering(self) -> None:
        """Draw and keep what stays. What moves is "animated": changing it makes nothing stale."""
        self._moving = [artist for axes in np.atleast_1d(self.axes).flat for artist in moving(axes)]
        for artist in self._moving:
            artist.set_animated(True)
        canvas = self.figure.canvas
        canvas.draw()
        self.figure.set_layout_engine("none")
        self._lettering = canvas.copy_from_bbox(self.figure.bbox)


def moving(axes) -> list:
    """What an Axes holds, from the lowest up, but what lies below 0 and its title."""
    stays = [axes.title, axes.patch, *([] if axes.axison else axes.spines.values())]
    moves = [each for each in axes.get_children() if each.get_zorder() >= 0 and each not in stays]
    return sorted(moves, key=lambda artist: artist.get_zorder())


def frame(axes, xlim: tuple, ylim: tuple) -> None:
    """Set limits where they are other ones: setting them has ticks drawn again."""
    axes.autoscale(False)  # or a picture's `set_extent` would set them
    if (axes.get_xlim(), axes.get_ylim()) != (xlim, ylim):
        axes.set(xlim=xlim, ylim=ylim)


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of bytes (rows, columns, 3): packed as they are, in a third of Pillow's time."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each begins with a 0: nothing is filtered
    rows[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)  # 8 bits, red, green and blue
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


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

    def set(
        self,
        waveform,
        sample_rate: int,
        label: str | None = None,
        attenuate: bool = False,
        image=None,
    ) -> None:
        """Put another sound in, with its picture if there is one. It does not start by itself."""
        self.widget.set(play(waveform, sample_rate, label or self.label, attenuate, image))

    def clear(self) -> None:
        """No sound: what the panel shows has changed, and the old one no longer fits."""
        if self.player is not None:
            self.widget.clear()
