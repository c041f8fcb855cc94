"""A panel of notebooks/11_text_to_music.ipynb: select a place of a clip, and see what drew it."""

from __future__ import annotations

from bisect import bisect
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from riffedu.errors import RiffeduError
from riffedu.widgets.panel import Panel
from riffedu.widgets.player import show

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline
    from riffedu.music.result import Result
    from riffedu.music.xray import Place, XRay

START = "Drag a small rectangle around a blot in the picture."


class XRayPanel(Panel):
    """A player; what is selected in it is looked into.

    Controls by name: ``player``, whose ``selection`` can be set, and ``report``. ``place`` is what
    was found last.
    """

    def __init__(self, pipeline: Pipeline, result: Result):
        self.pipeline, self.result = pipeline, result
        self.place: Place | None = None
        self._xray: XRay | None = None
        self.player = show(result)
        self.report = w.HTML(START)
        self.player.observe(self._look, "selection")
        self.box = w.VBox([self.player, self.report])

    def _look(self, change: dict[str, Any]) -> None:
        """Look into the middle of the selection."""
        from riffedu.music.xray import xray

        if not change["new"]:
            self.place, self.report.value = None, START
            return
        begin, end, low, high = change["new"]
        try:
            if self._xray is None:
                self.report.value = "Making the clip again, and watching …"
                self._xray = xray(self.pipeline, self.result)
        except RiffeduError as error:
            self.report.value = escape(str(error))
            return
        edges = self.player.frequencies
        row = sum(min(len(edges) - 1, bisect(edges, f)) for f in (low, high)) / 2
        columns = self._xray.shape[1] * self.pipeline.checkpoint.compression
        column = (begin + end) / 2 / self.player.step
        self.place = self._xray.at(1 - row / (len(edges) - 1), column / columns)
        self.report.value = described(self.place)


def described(place: Place) -> str:
    """Return what drew a place, as HTML."""
    words = [f"“{escape(word)}” {share:.1%}" for word, share in place.words]
    values = ", ".join(f"{channel} ({value:.1f})" for channel, value in place.channels)
    return (
        f"<b>Words</b>: {', '.join([*words, f'no word {place.other:.1%}'])} of the attention.<br>"
        f"<b>Step</b>: this place was settled at step {place.step} of {place.steps}.<br>"
        f"<b>Latents</b>: row {place.row + 1}, column {place.column + 1}; the largest channels are "
        f"{values.replace('-', '−')}."
    )


def xray(pipeline: Pipeline, result: Result) -> XRayPanel:
    """Return a player of a generated clip that says what drew the place you select."""
    return XRayPanel(pipeline, result)
