"""Figures and tables of notebooks/15_measure_and_compare.ipynb."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from riffedu.lessons.l15_measure_and_compare.history import COLUMNS, MODELS, SOURCES, Model, ours
from riffedu.widgets.pictures import COLOURS, Picture, figure_png, new_figure

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline


class Html:
    """A piece of HTML that a cell shows."""

    def __init__(self, text: str):
        self.text = text

    def _repr_html_(self) -> str:
        return self.text


def history_table(pipeline: Pipeline | None = None, models: Sequence[Model] = MODELS) -> Html:
    """Return what came after as a table; each cell links to its source.

    With a ``pipeline``, its model is the first row.
    """
    models = [*([ours(pipeline)] if pipeline else []), *models]
    head = "".join(f"<th>{column}</th>" for column in ("model", *COLUMNS))
    rows = []
    for model in models:
        cells = []
        for column in COLUMNS:
            text, key = model.cells[column]
            title, address = SOURCES[key]
            link = f'<a href="{address}" title="{html.escape(title)}">{html.escape(text)}</a>'
            cells.append(f"<td>{link if address else html.escape(text)}</td>")
        rows.append(f"<tr><th>{html.escape(model.name)}</th>{''.join(cells)}</tr>")
    style = "font-size:85%;text-align:left"
    return Html(f'<table style="{style}"><tr>{head}</tr>{"".join(rows)}</table>')


def bars_picture(
    groups: Mapping[str, Mapping[str, float]], y: str = "", title: str = "", limit: float = 1.05
) -> Picture:
    """Draw grouped bars: ``groups`` maps a label on the x axis to {name of a bar: height}."""
    figure, [[axis]] = new_figure(1, 1, 8.0, 2.8)
    names = list(next(iter(groups.values())))
    for n, name in enumerate(names):
        places = np.arange(len(groups)) + (n - (len(names) - 1) / 2) * 0.8 / len(names)
        heights = [group.get(name, np.nan) for group in groups.values()]
        axis.bar(places, heights, 0.75 / len(names), label=name, color=COLOURS[n % len(COLOURS)])
    axis.set_xticks(range(len(groups)), groups)
    axis.set(ylabel=y, title=title, ylim=(0, limit))
    axis.legend(fontsize=8, ncols=len(names), loc="lower center")
    told = "; ".join(
        f"{label}: " + ", ".join(f"{name} {value:.2f}" for name, value in group.items())
        for label, group in groups.items()
    )
    return Picture(figure_png(figure), f"{title}. {told}.")


def interval_picture(
    intervals: Mapping[str, tuple[float, float, float]], x: str = "", title: str = ""
) -> Picture:
    """Draw values with their intervals: ``intervals`` maps a label to (value, low, high)."""
    figure, [[axis]] = new_figure(1, 1, 7.0, 0.9 + 0.35 * len(intervals))
    for n, (value, low, high) in enumerate(intervals.values()):
        axis.plot([low, high], [n, n], color=COLOURS[0], linewidth=2)
        axis.plot(value, n, "o", color=COLOURS[1])
    axis.axvline(0, color="#777777", linewidth=1)
    axis.set_yticks(range(len(intervals)), intervals)
    axis.set(xlabel=x, title=title, ylim=(len(intervals) - 0.5, -0.5))
    told = "; ".join(
        f"{name} {v:.2f} ({a:.2f} to {b:.2f})" for name, (v, a, b) in intervals.items()
    )
    return Picture(figure_png(figure), f"{title}. {told}.")
