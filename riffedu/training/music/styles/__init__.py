"""The styles of bands: drum, bass and chord rows, tempi, scales and instruments."""

from __future__ import annotations

from .electronic import ELECTRONIC
from .popular import POPULAR
from .style import Style
from .traditional import TRADITIONAL

# Items draw a style by its place in this list: a new order would change the data set.
STYLE_ORDER = (
    "rock",
    "metal",
    "techno",
    "house",
    "disco",
    "hip hop",
    "funk",
    "reggae",
    "bossa nova",
    "jazz",
    "blues",
    "drum and bass",
    "waltz",
    "march",
    "ambient",
    "salsa",
    "country",
)
_ALL = POPULAR | ELECTRONIC | TRADITIONAL
STYLES: dict[str, Style] = {name: _ALL[name] for name in STYLE_ORDER}

__all__ = ["STYLES", "STYLE_ORDER", "Style"]
