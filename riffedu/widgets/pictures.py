"""Pictures for lessons: spectrogram pictures with real axes, latents, and words for both.

Greys show loudness (dark = loud, as in the picture itself); signed numbers are orange and purple,
which eyes of every kind tell apart. Each picture carries a description for those who don't see it.
"""

from __future__ import annotations

import base64
import html
import io

import numpy as np

from riffedu.errors import RiffeduError

HERTZ = (0, 100, 250, 500, 1000, 2000, 4000, 10000)
SIGNED = "PuOr"
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#999999"
SPAN = 127.5  # greys for a change of 1
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#000000", "#cc79a7")  # Okabe and Ito's


class Picture:
    """PNG bytes with a description: put it last in a cell, or hand it to ``display``."""

    kind = "png"

    def __init__(self, png: bytes, alt: str):
        self.png, self.alt = png, alt

    @property
    def html(self) -> str:
        data = base64.b64encode(self.png).decode()
        alt = html.escape(self.alt, quote=True)
        kind = self.kind
        return f'<img alt="{alt}" style="max-width:100%" src="data:image/{kind};base64,{data}">'

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.alt


def thumbnail(image, alt: str, width: int = 640, height: int = 240) -> Picture:
    """A small copy without axes, some kilobytes: what stands in for a widget in a static page."""
    small = image.convert("L").resize((min(width, max(1, image.width)), height))
    file = io.BytesIO()
    small.save(file, format="webp", quality=60)
    made = Picture(file.getvalue(), alt)
    made.kind = "webp"
    return made


def picture(image, title: str = "", params=None, size: float = 4.6) -> Picture:
    """A spectrogram picture with its axes: seconds to the right, hertz on a mel scale upwards."""
    return pictures([image], [title], params, size=size)


def pictures(images, titles=None, params=None, columns: int = 4, size: float = 2.9) -> Picture:
    """Spectrogram pictures side by side, on the same axes.

    ``images`` are PIL pictures with dark = loud and low frequencies at the bottom; ``titles`` one
    string each; ``params`` is their `SpectrogramParams` (default: Riffusion's); ``size`` is the
    width of one in inches, if it lasts 5.12 s.
    """
    images = list(images)
    if not images:
        raise RiffeduError("there are no pictures to draw: the list is empty")
    titles = list(titles) if titles is not None else [""] * len(images)
    params = params or _default_params()
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    wide = max(image.width for image in images) / 512
    figure, axes = _figure(rows, columns, size * min(max(wide, 0.6), 2.5), size * 0.87)
    for i, axis in enumerate(axes.flat):
        if i >= len(images):
            axis.set_axis_off()
            continue
        image = images[i]
        seconds = image.width * params.step_size_ms / 1000
        axis.imshow(
            np.asarray(image.convert("L")),
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
    return Picture(_png(figure), alt)


def height(hertz, params=None):
    """Where a frequency lies in a picture: 0 at the bottom edge, 1 at the top."""
    from riffedu.signal.mel import hz_to_mel

    params = params or _default_params()
    scale = params.mel_scale_type
    low, high = hz_to_mel([params.min_frequency, params.max_frequency], scale)
    return (hz_to_mel(hertz, scale) - low) / (high - low)


def describe(image, title: str = "", params=None) -> str:
    """A spectrogram picture in words: its span, where most of its sound lies, its loudest time."""
    params = params or _default_params()
    pixels = np.asarray(image.convert("L"), dtype=np.float64)
    loud = ((255 - pixels) / 255) ** (1 / params.power_for_image)
    start = f"Spectrogram picture{f' of “{title}”' if title else ''}"
    seconds = image.width * params.step_size_ms / 1000
    bounds = f"{params.min_frequency} to {params.max_frequency} Hz"
    span = f"{seconds:.2f} s wide, {bounds} on a mel scale"
    if loud.sum() == 0:
        return f"{start}, {span}: white, which is silence."
    rows = np.cumsum(loud.sum(axis=1)[::-1]) / loud.sum()
    low, high = (_hertz(np.searchsorted(rows, q) / len(rows), params) for q in (0.1, 0.9))
    when = loud.sum(axis=0).argmax() * params.step_size_ms / 1000
    return (
        f"{start}, {span}: dark is loud. Most of the sound lies between {low:.0f} and "
        f"{high:.0f} Hz; it is loudest at {when:.1f} s."
    )


def maps(grid, titles=None, title: str = "", limit: float | None = None) -> Picture:
    """The channels of one latent, shape ``(channels, height, width)``, as small multiples.

    Orange is negative, purple positive, white zero; all on one scale of ± ``limit`` (default: the
    largest absolute value).
    """
    grid = np.asarray(grid, dtype=np.float32)
    titles = titles or [f"channel {i}" for i in range(len(grid))]
    limit = float(limit or np.abs(grid).max() or 1.0)
    columns = min(8, len(grid))
    figure, axes = _figure(-(-len(grid) // columns), columns, 1.25, 1.35)
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
        _png(figure),
        f"{title or 'Latents'}: {channels} channels of {rows} by {cells} numbers as small maps, "
        f"orange below zero and purple above; mean {grid.mean():.2f}, spread {grid.std():.2f}.",
    )


def line_picture(curves: dict, x: str = "", y: str = "", title: str = "", **axes) -> Picture:
    """Curves over one pair of axes: ``curves`` maps each name to (x values, y values).

    ``axes`` goes to matplotlib's `Axes.set`: xlim, ylim, xscale and so on.
    """
    figure, [[axis]] = _figure(1, 1, 8.0, 2.9)
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
        words.append(
            f"{name} goes from {up[0]:.4g} to {up[-1]:.4g}, its highest is "
            f"{up.max():.4g} at {across[up.argmax()]:.4g}"
        )
    axis.set(xlabel=x, ylabel=y, **axes)
    axis.set_title(title, fontsize=10)
    axis.grid(alpha=0.3)
    if len(curves) > 1:
        axis.legend(fontsize=8)
    return Picture(_png(figure), f"{title}: {y} over {x}. {'; '.join(words)}.")


def _figure(rows: int, columns: int, width: float, tall: float):
    """A figure of its own, outside pyplot, whose global state is not safe in a panel's thread."""
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(columns * width, rows * tall), dpi=96, layout="constrained", facecolor="white"
    )
    return figure, figure.subplots(rows, columns, squeeze=False)


def _png(figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _hertz(at: float, params) -> float:
    heights = height(frequencies := np.linspace(params.min_frequency, params.max_frequency, 2001))
    return float(np.interp(at, heights, frequencies))


def _default_params():
    from riffedu.signal.params import SpectrogramParams

    return SpectrogramParams()


def difference(before, after, titles=("before", "after", "after − before")) -> Picture:
    """Two drawings (height, width) from −1 to 1, and in colour what changed between them."""
    before, after = np.asarray(before), np.asarray(after)
    figure, [axes] = _figure(1, 3, 3.3, 2.9)
    change = after - before
    most = np.abs(change).max() or 1.0
    for axis, title, x in zip(axes, titles, (before, after, change)):
        look = (
            {"cmap": SIGNED, "vmin": -most, "vmax": most}
            if x is change
            else {"cmap": "gray", "vmin": -1, "vmax": 1}
        )
        shown = axis.imshow(x, interpolation="nearest", aspect="auto", **look)
        axis.set_title(title, fontsize=10)
        axis.tick_params(labelsize=8)
        axis.set_xlabel("column", fontsize=9)
    axes[0].set_ylabel("row", fontsize=9)
    figure.colorbar(shown, ax=axes[2]).ax.tick_params(labelsize=8)
    share = np.mean(np.abs(change) > 1e-3 * most)
    return Picture(
        _png(figure),
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
    """Waves over time: ``curves`` as lines, ``dots`` as samples on their stems.

    Both map a name to (moments in seconds, values). ``seconds`` = (from, to) is the part shown.
    """
    figure, [[axis]] = _figure(1, 1, 8.0, 2.5)
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
    return Picture(_png(figure), f"{title or 'Waves'}, over time: {'; '.join(what)}.")


def beside(*parts: str) -> str:
    """HTML parts next to each other, wrapping where the page is narrow."""
    inside = "".join(f"<div>{part}</div>" for part in parts)
    return f'<div style="display:flex;flex-wrap:wrap;gap:1.2em;align-items:center">{inside}</div>'
