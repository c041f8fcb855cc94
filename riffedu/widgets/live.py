"""Figures and sounds that follow a slider: fast updates of an existing widget.

`pictures.picture` and `player.play` create a new object each time, which suits a cell. A panel
updates instead: the figure and its axes stay, and only the data in them changes.
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np
import traitlets

from riffedu.widgets.player_widget import SpectrogramPlayer
from riffedu.widgets.sound import Sound

REST = 0.35
"""Seconds after which a slider that no longer moves counts as released."""

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL.Image import Image


class DescribedImage(w.Image):
    """An image whose tooltip describes it.

    The front end's tooltip code reads ``description``, which ipywidgets' Image lacks: setting a
    tooltip on an Image stops the page from drawing it.
    """

    description = traitlets.Unicode("").tag(sync=True)


class LiveFigure:
    """A matplotlib figure that is redrawn into one `DescribedImage`.

    ``axes`` is the one Axes, or an array of them when there is more than one; ``subplots`` goes to
    `matplotlib.figure.Figure.subplots`. Change the artists (``line.set_data``, ``image.set_data``)
    and call `refresh`, which takes about 15 ms for 9 × 3 inches. Text takes most of the drawing
    time, so titles, ticks and everything with a ``zorder`` below 0 are cached as pixels until one
    of them or an axis limit changes (about 60 ms). Ticks and grids lie below the moving artists.
    """

    def __init__(
        self,
        alt: str = "",
        rows: int = 1,
        columns: int = 1,
        width: float = 7.0,
        height: float = 3.0,
        **subplots: Any,
    ):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(
            figsize=(width, height), dpi=96, layout="constrained", facecolor="white"
        )
        self._canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.subplots(rows, columns, **subplots)
        for axes in np.atleast_1d(self.axes).flat:
            axes.xaxis.set_zorder(-1)
            axes.yaxis.set_zorder(-1)
        self.alt = alt
        shape = w.Layout(width=f"{96 * width:.0f}px", max_width="100%")
        self.widget = DescribedImage(format="png", layout=shape)

    def refresh(self, alt: str | None = None, *above: Any) -> None:
        """Redraw the figure; ``alt`` is its description.

        The artists ``above`` are drawn last. The layout is computed at the first drawing and kept,
        so that the axes stay still while a slider moves. Call `rearrange` after a change of titles
        or ticks that needs more room.
        """
        self.alt = self.alt if alt is None else alt
        canvas = self._canvas
        if self.figure.stale:
            self._draw_static()
        canvas.restore_region(self._static)
        for artist in (*self._moving, *above):
            self.figure.draw_artist(artist)
        self.figure.stale = False  # a legend says that it is, when it is drawn
        self.widget.value = png(np.asarray(canvas.buffer_rgba())[..., :3])
        self.widget.tooltip = self.alt

    def say(self, words: str) -> None:
        """Refresh with a message across the middle, such as why the figure is empty."""
        message = self.figure.text(
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
        self.refresh(words, message)
        message.remove()

    def rearrange(self) -> None:
        """Compute the layout again at the next `refresh`."""
        self.figure.set_layout_engine("constrained")
        self.figure.stale = True

    def _draw_static(self) -> None:
        """Draw and cache the static artists. Changing an animated artist leaves the cache valid."""
        self._moving = [artist for axes in np.atleast_1d(self.axes).flat for artist in moving(axes)]
        for artist in self._moving:
            artist.set_animated(True)
        canvas = self._canvas
        canvas.draw()
        self.figure.set_layout_engine("none")
        self._static = canvas.copy_from_bbox(self.figure.bbox)


def moving(axes: Axes) -> list:
    """Return the artists of an Axes with a ``zorder`` of at least 0, without its title, sorted."""
    static = [axes.title, axes.patch, *([] if axes.axison else axes.spines.values())]
    moves = [each for each in axes.get_children() if each.get_zorder() >= 0 and each not in static]
    return sorted(moves, key=lambda artist: artist.get_zorder())


def frame(axes: Axes, xlim: tuple, ylim: tuple) -> None:
    """Set the limits if they differ: setting them redraws the ticks."""
    axes.autoscale(False)  # or a picture's `set_extent` would set them
    if (axes.get_xlim(), axes.get_ylim()) != (xlim, ylim):
        axes.set(xlim=xlim, ylim=ylim)


def png(pixels: np.ndarray) -> bytes:
    """Encode pixels (rows, columns, 3) as PNG, unfiltered: three times as fast as Pillow."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # filter type 0 at the start of each row
    rows[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)  # 8 bits, red, green and blue
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


class LiveSound:
    """A player whose sound can be replaced; checks and caption are those of `play`."""

    def __init__(self, label: str = "Sound", height: int = 120):
        self.label = label
        self.widget = SpectrogramPlayer(label, height=height)

    @property
    def player(self) -> Sound | None:
        """The sound in the player, or None."""
        return self.widget.player

    def set(
        self,
        waveform: np.ndarray,
        sample_rate: int,
        label: str | None = None,
        attenuate: bool = False,
        image: Image | None = None,
    ) -> None:
        """Replace the sound, and its picture if given. Playback does not start by itself."""
        self.widget.set(Sound.of(waveform, sample_rate, label or self.label, attenuate, image))

    def clear(self) -> None:
        """Remove the sound, when it no longer fits what the panel shows."""
        if self.player is not None:
            self.widget.clear()


class AtRest:
    """Call ``work`` when `REST` seconds have passed since the last `touch`: a slider was released.

    A slider does not report its release, only its values.
    """

    def __init__(self, work: Callable[[], None]):
        self.work = work
        self._timer: threading.Timer | None = None

    def touch(self) -> None:
        """Restart the waiting time."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(REST, self.work)
        self._timer.daemon = True
        self._timer.start()

    def wait(self) -> None:
        """Wait until the work is done; for notebooks and tests that move a slider from code."""
        if self._timer is not None:
            self._timer.join()
