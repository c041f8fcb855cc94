"""What every panel has in common."""

from __future__ import annotations

import ipywidgets as w

WIDE = {"description_width": "130px"}
TOGGLES = {"description_width": "initial", "button_width": "auto"}


class Panel:
    """Named controls in a `box`; put the panel last in a cell, or hand it to ``display``."""

    box: w.Widget

    def _repr_mimebundle_(self, **options):
        return self.box._repr_mimebundle_(**options)


def note(text: str) -> w.HTML:
    """A small line of explanation inside a panel."""
    return w.HTML(f'<div style="font-size:90%;opacity:0.85">{text}</div>')
