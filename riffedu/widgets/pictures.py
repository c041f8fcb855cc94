"""Figures for the lessons: spectrogram pictures with axes, latents, curves.

Grey shows level (dark is loud); signed values are orange and purple, which colour-blind readers can
tell apart. Every figure carries a description for screen readers.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.mel import hz_to_mel
from riffedu.signal.params import SpectrogramParams
from riffedu.signal.picture import as_picture

if TYPE_CHECKING:
    from PIL.Image import Image

HERTZ = (0, 100, 250, 500, 1000, 2000, 4000, 10000)
SIGNED = "PuOr"
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#999999"
SPAN = 127.5  # greys for a change of 1
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#000000", "#cc79a7")  # Okabe and Ito's


class Picture:
    """An image with a description: the last value of a cell, or an argument of ``display``."""

    kind = "png"

    def __init__(self, png: bytes, alt: str):
        self.png, self.alt = png, alt

    @property
    def html(self) -> str:
        """The image as an HTML element with its description."""
        data = base64.b64encode(self.png).decode()
        alt = html.escape(self.alt, quote=True)
        kind = self.kind
        return f'<img alt="{alt}" style="max-width:100%" src="data:image/{kind};base64,{data}">'

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.alt


def described(image: Image, alt: str) -> Picture:
    """Return an image as it is, with a description."""
    file = io.BytesIO()
    image.save(file, format="png")
    return Picture(file.getvalue(), alt)


def thumbnail(image: Image, alt: str, width: int = 640, height: int = 240) -> Picture:
    """Return a small copy without axes, which replaces a widget on a static page."""
    image = as_picture(image, "L")
    small = image.resize((min(width, max(1, image.width)), height))
    file = io.BytesIO()
    small.save(file, format="webp", quality=60)
    made = Picture(file.getvalue(), alt)
    made.kind = "webp"
    return made


def picture(
    image: Image, title: str = "", params: SpectrogramParams | None = None, size: float = 4.6
) -> Picture:
    """Draw a spectrogram picture with axes: seconds to the right, hertz (mel scale) upwards."""
    return pictures([image], [title], params, size=size)


def pictures(
    images: Iterable[Image],
    titles: Iterable[str] | None = None,
    params: SpectrogramParams | None = None,
    columns: int = 4,
    size: float = 2.9,
) -> Picture:
    """Draw spectrogram pictures side by side on the same axes.

    ``images`` are PIL pictures with dark = loud and low frequencies at the bottom; ``titles`` one
    string each; ``params`` is their `SpectrogramParams` (default: Riffusion's); ``size`` is the
    width in inches of a picture of 5.12 s. Raises RiffeduError for an empty list.
    """
    images = [as_picture(image, "L") for image in images]
    if not images:
        raise RiffeduError("there are no pictures to draw: the list is empty")
    titles = list(titles) if titles is not None else [""] * len(images)
    params = params or SpectrogramParams()
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    wide = max(image.width for image in images) / 512
    figure, axes = new_figure(rows, columns, size * min(max(wide, 0.6), 2.5), size * 0.87)
    for i, axis in enumerate(axes.flat):
        if i >= len(images):
            axis.set_axis_off()
            continue
        image = images[i]
        seconds = image.width * params.column_ms / 1000
        axis.imshow(
            np.asarray(image),
            cmap="gray",
            vmin=0,
            vmax=255,
            aspect="auto",
            extent=(0, seconds, 0, 1),
            interpolation="nearest",
        )
        axis.set_title(titles[i], fontsize=10, wrap=True)
        hertz = [f for f in HERTZ if params.min_frequency <= f <= params.max_frequency]
        axis.set_yticks([height(f, params) for f in hertz])
        axis.set_yticklabels([f"{f:g}" if f < 1000 else f"{f / 1000:g}k" for f in hertz])
        axis.tick_params(labelsize=8)
        if i % columns == 0:
            axis.set_ylabel("Hz (mel scale)", fontsize=9)
        if i // columns == rows - 1 or i + columns >= len(images):
            axis.set_xlabel("seconds", fontsize=9)
    alt = " ".join(describe(image, title, params) for image, title in zip(images, titles))
    return Picture(figure_png(figure), alt)


def height(hertz: Any, params: SpectrogramParams | None = None) -> Any:
    """Return the vertical position of a frequency: 0 at the bottom edge, 1 at the top."""
    params = params or SpectrogramParams()
    scale = params.mel_scale_type
    low, high = hz_to_mel([params.min_frequency, params.max_frequency], scale)
    return (hz_to_mel(hertz, scale) - low) / (high - low)


def describe(image: Image, title: str = "", params: SpectrogramParams | None = None) -> str:
    """Describe a spectrogram picture: range, where most of the energy lies, loudest time."""
    params = params or SpectrogramParams()
    image = as_picture(image, "L")
    pixels = np.asarray(image, dtype=np.float64)
    loud = ((255 - pixels) / 255) ** (1 / params.power_for_image)
    start = f"Spectrogram picture{f' of “{title}”' if title else ''}"
    seconds = image.width * params.column_ms / 1000
    bounds = f"{params.min_frequency} to {params.max_frequency} Hz"
    span = f"{seconds:.2f} s wide, {bounds} on a mel scale"
    if loud.sum() == 0:
        return f"{start}, {span}: white, which is silence."
    rows = np.cumsum(loud.sum(axis=1)[::-1]) / loud.sum()
    low, high = (_hertz(np.searchsorted(rows, q) / len(rows), params) for q in (0.1, 0.9))
    when = loud.sum(axis=0).argmax() * params.column_ms / 1000
    return (
        f"{start}, {span}: dark is loud. Most of the sound lies between {low:.0f} and "
        f"{high:.0f} Hz; it is loudest at {when:.1f} s."
    )


def maps(
    grid: Any, titles: list[str] | None = None, title: str = "", limit: float | None = None
) -> Picture:
    """Draw the channels of latents, shape ``(channels, height, width)``, as small maps.

    Orange is negative, purple positive, white zero, on a common scale of ± ``limit`` (default: the
    largest absolute value).
    """
    grid = np.asarray(grid, dtype=np.float32)
    titles = titles or [f"channel {i}" for i in range(len(grid))]
    limit = float(limit or np.abs(grid).max() or 1.0)
    columns = min(8, len(grid))
    figure, axes = new_figure(-(-len(grid) // columns), columns, 1.25, 1.35)
    shown = None
    for i, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if i < len(grid):
            shown = axis.imshow(grid[i], cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
            axis.set_title(titles[i], fontsize=8)
    figure.colorbar(shown, ax=axes, fraction=0.02, pad=0.02).ax.tick_params(labelsize=8)
    if title:
        figure.suptitle(title, fontsize=11)
    channels, rows, cells = grid.shape
    return Picture(
        figure_png(figure),
        f"{title or 'Latents'}: {channels} channels of {rows} by {cells} numbers as small maps, "
        f"orange below zero and purple above; mean {grid.mean():.2f}, spread {grid.std():.2f}.",
    )


def line_picture(curves: dict, x: str = "", y: str = "", title: str = "", **axes: Any) -> Picture:
    """Plot curves: ``curves`` maps each name to (x values, y values).

    ``axes`` is passed to matplotlib's `Axes.set`: xlim, ylim, xscale and so on.
    """
    figure, [[axis]] = new_figure(1, 1, 8.0, 2.9)
    words = []
    for number, (name, (across, up)) in enumerate(curves.items()):
        across, up = np.asarray(across, dtype=float), np.asarray(up, dtype=float)
        axis.plot(
            across,
            up,
            label=name,
            color=COLOURS[number % len(COLOURS)],
            linestyle=("-", "--", "-.", ":")[number % 4],
            linewidth=1.5,
        )
        if "xlim" in axes:
            seen = (across >= axes["xlim"][0]) & (across <= axes["xlim"][1])
            across, up = (across[seen], up[seen]) if seen.any() else (across, up)
        top = up.argmax()
        words.append(
            f"{name} goes from {_told(up, 0)} to {_told(up, -1)}, its highest is "
            f"{_told(up, top)} at {_told(across, top)}"
        )
    axis.set(xlabel=x, ylabel=y, **axes)
    axis.set_title(title, fontsize=10)
    axis.grid(alpha=0.3)
    if len(curves) > 1:
        axis.legend(fontsize=8)
    return Picture(figure_png(figure), f"{title}: {y} over {x}. {'; '.join(words)}.")


def _told(values: np.ndarray, index: int) -> str:
    """Return one of the values as text: 0 if it is as small as a rounding error beside the rest."""
    value, largest = values[index], np.abs(values[np.isfinite(values)]).max(initial=0)
    return "0" if abs(value) < 1e-6 * largest else f"{value:.4g}"


def new_figure(rows: int, columns: int, width: float, tall: float) -> tuple[Any, Any]:
    """Return (figure, axes), made without pyplot, whose global state is not thread-safe."""
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(columns * width, rows * tall), dpi=96, layout="constrained", facecolor="white"
    )
    return figure, figure.subplots(rows, columns, squeeze=False)


def figure_png(figure: Any) -> bytes:
    """Render a figure as PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _hertz(at: float, params: SpectrogramParams) -> float:
    frequencies = np.linspace(params.min_frequency, params.max_frequency, 2001)
    heights = height(frequencies, params)
    return float(np.interp(at, heights, frequencies))


def difference(
    before: Any, after: Any, titles: Sequence[str] = ("before", "after", "after − before")
) -> Picture:
    """Draw two pictures (height, width), values from −1 to 1, and their difference in colour."""
    before, after = np.asarray(before), np.asarray(after)
    figure, [axes] = new_figure(1, 3, 3.3, 2.9)
    change = after - before
    most = np.abs(change).max() or 1.0
    for axis, title, x in zip(axes, titles, (before, after, change)):
        style = (
            {"cmap": SIGNED, "vmin": -most, "vmax": most}
            if x is change
            else {"cmap": "gray", "vmin": -1, "vmax": 1}
        )
        shown = axis.imshow(x, interpolation="nearest", aspect="auto", **style)
        axis.set_title(title, fontsize=10)
        axis.tick_params(labelsize=8)
        axis.set_xlabel("column", fontsize=9)
    axes[0].set_ylabel("row", fontsize=9)
    figure.colorbar(shown, ax=axes[2]).ax.tick_params(labelsize=8)
    share = np.mean(np.abs(change) > 1e-3 * most)
    return Picture(
        figure_png(figure),
        f"Two pictures, “{titles[0]}” and “{titles[1]}”, and their "
        f"difference: {share:.1%} of all pixels changed, by {SPAN * most:.0f} greys at "
        "most; orange became darker, purple lighter.",
    )


def wave_picture(
    curves: dict,
    dots: dict | None = None,
    title: str = "",
    seconds: tuple[float, float] | None = None,
) -> Picture:
    """Plot waveforms over time: ``curves`` as lines, ``dots`` as samples on stems.

    Both map a name to (times in seconds, values). ``seconds`` = (from, to) is the part shown.
    """
    figure, [[axis]] = new_figure(1, 1, 8.0, 2.5)
    styles = zip((BLUE, ORANGE, GREY, "#009e73"), ("-", "--", "-", ":"))
    for (name, (t, x)), (colour, line) in zip(curves.items(), styles):
        axis.plot(1000 * np.asarray(t), x, color=colour, linestyle=line, linewidth=1.4, label=name)
    for (name, (t, x)), colour in zip((dots or {}).items(), (ORANGE, "#000000", BLUE)):
        axis.vlines(1000 * np.asarray(t), 0, x, color=colour, linewidth=0.8)
        axis.plot(1000 * np.asarray(t), x, "o", color=colour, markersize=4, label=name)
    axis.axhline(0, color="black", linewidth=0.5)
    axis.set(xlabel="milliseconds", ylabel="value")
    if seconds:
        axis.set_xlim(1000 * seconds[0], 1000 * seconds[1])
    axis.set_title(title, fontsize=10)
    axis.legend(fontsize=8, loc="upper right")
    what = [
        f"{name}, from {np.min(x):.2g} to {np.max(x):.2g}"
        for name, (_, x) in {**curves, **(dots or {})}.items()
    ]
    return Picture(figure_png(figure), f"{title or 'Waves'}, over time: {'; '.join(what)}.")


def beside(*parts: str) -> str:
    """Place HTML parts side by side; they wrap on a narrow page."""
    inside = "".join(f"<div>{part}</div>" for part in parts)
    return f'<div style="display:flex;flex-wrap:wrap;gap:1.2em;align-items:center">{inside}</div>'
