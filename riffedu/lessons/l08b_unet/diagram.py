"""Pictures of a U-Net: its blocks with their sizes, and what each of them sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.diffusion import unet as inside
from riffedu.widgets.pictures import Picture, figure_png, new_figure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from torch import Tensor

PLAIN, ATTENDING = "#BBD7EA", "#F6C98B"
"""Colours of blocks without and with attention."""
SKIP, TIME, WORDS, DATA = "#0072B2", "#009E73", "#D55E00", "#444444"
TALL = 1.35
"""Distance of two levels."""


def unet_diagram(unet: Any, x: Tensor, timestep: int, words: Tensor) -> Picture:
    """Draw a U-Net as a U: every part on the level where it works, skips, time and words.

    Each box states the shape of its output and its number of weights. All of it is measured on the
    module, by one prediction (`riffedu.diffusion.unet.blocks` and `skips`).
    """
    blocks = inside.blocks(unet, x, timestep, words)
    skips = inside.skips(unet, x, timestep, words)
    grids = [tuple(x.shape[2:]), *(block.shape[1:] for block in blocks)]  # of inputs, in order
    levels = sorted(set(grids), reverse=True)
    figure, [[axis]] = new_figure(1, 1, 1.25 * len(blocks), 1.2 * len(levels) + 2.0)
    places = {b.name: (1.25 * n, -TALL * levels.index(grids[n])) for n, b in enumerate(blocks)}
    names = list(places)
    bottom, right = -TALL * (len(levels) - 1) - 1.1, places[names[-1]][0]

    def arrow(start: tuple, end: tuple, colour: str = DATA, style: str = "-") -> None:
        look = {"arrowstyle": "->", "color": colour, "ls": style, "shrinkA": 0, "shrinkB": 0}
        axis.annotate("", end, start, arrowprops=look, zorder=1)

    for name, after in zip(names, names[1:]):
        (a, b), (c, d) = places[name], places[after]
        arrow((a + 0.5, b), (c - 0.5, d))
    drawn = {skip.target: 0 for skip in skips}
    for skip in skips:
        start, (across, up) = _point(skip, places, names), places[skip.target]
        nth = drawn[skip.target]
        top, end = up + 0.72 - 0.14 * nth, across - 0.25 + 0.15 * nth
        axis.plot([start[0], start[0], end], [start[1], top, top], ls="--", lw=1.1, color=SKIP)
        arrow((end, top), (end, up + 0.31), SKIP, "--")
        axis.plot(*start, "o", color=SKIP, ms=4, zorder=4)
        drawn[skip.target] += 1
    entries = {
        f"time t\n{inside.weights(*_time(unet)) / 1e6:.2f} M": (TIME, bottom, 0.2),
        f"words\n{words.shape[1]} vectors": (WORDS, bottom - 0.7, 0.35),
    }
    for label, (colour, height, shift) in entries.items():
        users = [b for b in blocks if (b.attention if colour == WORDS else _residual(b))]
        last = max(places[b.name][0] for b in users) + shift
        axis.plot([0.5, last], [height, height], color=colour, lw=1.2, zorder=0)
        for each in users:
            across, up = places[each.name]
            axis.plot([across + shift] * 2, [height, up - 0.4], color=colour, lw=0.9, zorder=0)
            arrow((across + shift, up - 0.41), (across + shift, up - 0.31), colour)
        _box(axis, (0, height), label, "white", colour)
    for block in blocks:
        channels, tall, wide = block.shape
        label = f"{block.name}\n{channels} × {tall}×{wide}\n{_count(block.parameters)}"
        _box(axis, places[block.name], label, ATTENDING if block.attention else PLAIN, DATA)
    for rows, columns in levels:
        height = -TALL * levels.index((rows, columns))
        axis.text(-0.75, height, f"{rows}×{columns}", ha="right", va="center", fontsize=9)
    axis.set(xlim=(-1.5, right + 0.6), ylim=(bottom - 1.05, 0.95))
    axis.set_axis_off()
    total = inside.weights(unet)
    axis.set_title(
        f"{_count(total)} weights. Orange boxes: with attention. Dashed: skip connections, each "
        "from the dot where it is taken.",
        fontsize=9,
    )
    return Picture(figure_png(figure), _words(blocks, skips, total))


def _point(skip: inside.Skip, places: Mapping, names: list[str]) -> tuple[float, float]:
    """The point where a skip is taken: behind a box, or at the end of the arrow that halves."""
    across, up = places[skip.source]
    if skip.halved:
        after, below = places[names[names.index(skip.source) + 1]]
        return after - 0.56, below + (up - below) * 0.06 / 0.25
    return across + 0.42, up + 0.31


def _box(axis: Any, place: tuple[float, float], label: str, fill: str, edge: str) -> None:
    style = {"boxstyle": "round", "fc": fill, "ec": edge}
    axis.text(*place, label, ha="center", va="center", fontsize=8, bbox=style, zorder=3)


def _time(unet: Any) -> list[Any]:
    """The networks whose output is the time embedding."""
    parts = (unet.time_embedding, getattr(unet, "add_embedding", None))
    return [part for part in parts if part is not None]


def _residual(block: inside.Block) -> bool:
    return bool(getattr(block.module, "resnets", None))


def _words(blocks: list[inside.Block], skips: list[inside.Skip], total: int) -> str:
    """Describe the diagram."""
    parts = [f"{b.name}: {b.shape[0]} channels of {b.shape[1]} by {b.shape[2]}" for b in blocks]
    carried = [f"{s.source}{' after halving' if s.halved else ''} to {s.target}" for s in skips]
    time = ", ".join(b.name for b in blocks if _residual(b))
    words = ", ".join(b.name for b in blocks if b.attention)
    return (
        f"A U-Net of {len(blocks)} parts and {_count(total)} weights. {'; '.join(parts)}. Skips: "
        f"{'; '.join(carried)}. Time enters {time}; words enter {words}."
    )


def fields_picture(fields: Mapping[str, ArrayLike]) -> Picture:
    """Draw receptive fields, name → ``(rows, columns)`` in 0..1, side by side; dark is strong."""
    columns = min(6, len(fields))
    figure, axes = new_figure(-(-len(fields) // columns), columns, 1.5, 1.9)
    words = []
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (name, field) in zip(axes.flat, fields.items()):
        field = np.asarray(field)
        axis.set_axis_on()
        axis.imshow(field, cmap="Purples", vmin=0, vmax=1)
        axis.set_title(name, fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        words.append(f"{name}: {np.mean(field > 0.05):.0%} of the cells above a twentieth")
    return Picture(figure_png(figure), f"Receptive fields. {'; '.join(words)}.")


def _count(number: Any) -> str:
    """Write a number of weights briefly: 37 k, 5.9 M."""
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"
