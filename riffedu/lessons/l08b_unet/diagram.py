"""Pictures of a U-Net: its blocks with their sizes, and what each of them sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.diffusion.unet import Block
from riffedu.widgets.pictures import Picture, figure_png, new_figure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

PLAIN, ATTENDING = "#BBD7EA", "#F6C98B"
"""Colours of blocks without and with attention."""


def unet_diagram(blocks: Sequence[Block]) -> Picture:
    """Draw the parts of a U-Net from `riffedu.diffusion.unet.blocks` as a U, with its skips.

    Coarser levels are lower; each box states the channels and the grid of its output, and its
    number of weights. Orange boxes have attention.
    """
    figure, [[axis]] = new_figure(1, 1, 1.15 * len(blocks), 3.9)
    rows = [block.shape[1] for block in blocks]
    levels = sorted(set(rows), reverse=True)
    places = [(n, -levels.index(row)) for n, row in enumerate(rows)]
    for (x, y), (x2, y2) in zip(places, places[1:]):
        axis.annotate(
            "", (x2 - 0.42, y2), (x + 0.42, y), arrowprops={"arrowstyle": "->", "color": "#444444"}
        )
    downs = [n for n, block in enumerate(blocks) if block.name.startswith("down")]
    ups = [n for n, block in enumerate(blocks) if block.name.startswith("up")]
    for height, (down, up) in enumerate(zip(downs, reversed(ups))):
        top = 0.62 + 0.16 * (len(downs) - height)
        axis.plot(
            [down, down, up, up],
            [places[down][1] + 0.3, top, top, places[up][1] + 0.3],
            ls="--",
            lw=1.1,
            color="#0072B2",
        )
    for (x, y), block in zip(places, blocks):
        channels, tall, wide = block.shape
        axis.text(
            x,
            y,
            f"{block.name}\n{channels} × {tall}×{wide}\n{_count(block.parameters)}",
            ha="center",
            va="center",
            fontsize=8,
            bbox={"boxstyle": "round", "fc": ATTENDING if block.attention else PLAIN, "ec": "#444"},
        )
    axis.set_xlim(-0.6, len(blocks) - 0.4)
    axis.set_ylim(-len(levels) + 0.4, 1.3)
    axis.set_axis_off()
    total = sum(block.parameters for block in blocks)
    axis.set_title(
        f"{_count(total)} weights; orange: with attention; dashed: skip connections", fontsize=9
    )
    words = [f"{b.name}: {b.shape[0]} channels of {b.shape[1]} by {b.shape[2]}" for b in blocks]
    return Picture(figure_png(figure), f"A U-Net of {len(blocks)} parts. {'; '.join(words)}.")


def fields_picture(fields: Mapping[str, ArrayLike]) -> Picture:
    """Draw receptive fields, name → ``(rows, columns)`` in 0..1, side by side; dark is strong."""
    figure, axes = new_figure(1, len(fields), 1.5, 1.9)
    words = []
    for axis, (name, field) in zip(axes.flat, fields.items()):
        field = np.asarray(field)
        axis.imshow(field, cmap="Purples", vmin=0, vmax=1)
        axis.set_title(name, fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        words.append(f"{name}: {np.mean(field > 0.05):.0%} of the cells above a twentieth")
    return Picture(figure_png(figure), f"Receptive fields. {'; '.join(words)}.")


def _count(number: Any) -> str:
    """Write a number of weights briefly: 37 k, 5.9 M."""
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"
