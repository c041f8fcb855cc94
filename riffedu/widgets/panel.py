"""What all panels share: layout, labelled controls, single-threaded callbacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as w

from riffedu.widgets.front import or_else

WIDE = {"description_width": "130px"}
FIT = {"width": "max-content", "min_width": "300px"}


class Panel:
    """Named controls in a `box`; shown as the last expression of a cell or by ``display``."""

    box: w.Widget

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return or_else(self.box._repr_mimebundle_(**options))


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread: a context manager or decorator for slider callbacks.

    The work of a panel is too small to gain from a second thread, and while the browser uses the
    other core the threads wait for each other, which takes two to ten times as long.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def row(*controls: w.Widget) -> w.HBox:
    """Place controls side by side; they wrap on a narrow page."""
    return w.HBox(controls, layout=w.Layout(flex_flow="row wrap", align_items="center"))


def slider(
    description: str,
    value: float,
    low: float,
    high: float,
    step: float = 1,
    width: int = 480,
    **traits: Any,
) -> w.IntSlider | w.FloatSlider:
    """Return a labelled slider: of integers if ``value`` and ``step`` are integers.

    ``width`` is its width in pixels; ``traits`` go to the widget.
    """
    whole = isinstance(value, int) and isinstance(step, int)
    traits = {"style": WIDE, "layout": w.Layout(width=f"{width}px", max_width="98%"), **traits}
    kind = w.IntSlider if whole else w.FloatSlider
    return kind(value=value, min=low, max=high, step=step, description=description, **traits)


def seed_box(value: int = 0, most: int = 2**31 - 1) -> w.BoundedIntText:
    """Return a labelled field for a seed, 0 to ``most``."""
    layout = w.Layout(width="280px")
    return w.BoundedIntText(
        value=value, min=0, max=most, description="Seed", style=WIDE, layout=layout
    )


def toggles(options: Any, description: str, **traits: Any) -> w.ToggleButtons:
    """Return toggle buttons with the label on the left, as on sliders."""
    style = {**WIDE, "button_width": "auto"}
    made = w.ToggleButtons(options=options, description=description, style=style, **traits)
    return made.add_class("widget-inline-hbox")


def note(text: str) -> w.HTML:
    """Return a line of small explanatory text."""
    return w.HTML(f'<div style="font-size:90%;opacity:0.85">{text}</div>')
