"""What every panel has in common."""

from __future__ import annotations

from contextlib import contextmanager

import ipywidgets as w

from riffedu.widgets.front import or_else

WIDE = {"description_width": "130px"}
FIT = {"width": "max-content", "min_width": "300px"}


class Panel:
    """Named controls in a `box`; put the panel last in a cell, or hand it to ``display``."""

    box: w.Widget

    def _repr_mimebundle_(self, **options):
        return or_else(self.box._repr_mimebundle_(**options))


@contextmanager
def one_thread():
    """Torch on one processor, for what follows a slider; a decorator, too.

    Pieces as small as a panel's gain nothing by being shared out, and where the browser keeps the
    other processor busy they wait for it: twice the time, now and then ten times.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def row(*controls: w.Widget) -> w.HBox:
    """Controls beside each other, and below where the page is narrow."""
    return w.HBox(controls, layout=w.Layout(flex_flow="row wrap", align_items="center"))


def toggles(options, description: str, **traits) -> w.ToggleButtons:
    """Buttons of which one is down, with the label at their left, where a slider has it."""
    style = {**WIDE, "button_width": "auto"}
    made = w.ToggleButtons(options=options, description=description, style=style, **traits)
    return made.add_class("widget-inline-hbox")


def note(text: str) -> w.HTML:
    """A small line of explanation inside a panel."""
    return w.HTML(f'<div style="font-size:90%;opacity:0.85">{text}</div>')
