"""The panel and figures of notebooks/09_latents.ipynb."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np

from riffedu.diffusion.noise import array_to_image, image_to_array
from riffedu.errors import RiffeduError
from riffedu.widgets.live import LiveFigure, LiveSound, frame
from riffedu.widgets.panel import WIDE, Panel, note, one_thread, row, toggles
from riffedu.widgets.pictures import SIGNED, Picture, figure_png, height, new_figure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from PIL.Image import Image
    from torch import Tensor

    from riffedu.music.pipeline import Pipeline

SECONDS = 2.56
CLIPS = ("tune", "sustained", "piano", "full_mix", "guitar", "percussion", "speech_like")
PLACES = [
    ("one place", "place"),
    ("its column", "column"),
    ("its row", "row"),
    ("everywhere", "everywhere"),
]
SPAN = 127.5  # greys for a change of 1
LONG = w.Layout(width="480px", max_width="98%")


def code_picture(patterns: ArrayLike, title: str = "", columns: int = 16) -> Picture:
    """Plot patterns (count, height, width) as small squares, each scaled to its own maximum.

    Orange is negative (darker, louder), purple positive, white zero.
    """
    patterns = np.asarray(patterns)
    count, tall, wide = patterns.shape
    columns = min(columns, count)
    rows, gap = -(-count // columns), max(1, wide // 8)
    sheet = np.zeros((rows * (tall + gap), columns * (wide + gap)))
    for number, pattern in enumerate(patterns):
        top, left = (tall + gap) * (number // columns), (wide + gap) * (number % columns)
        sheet[top : top + tall, left : left + wide] = pattern / (np.abs(pattern).max() or 1.0)
    figure, [[axis]] = new_figure(1, 1, 0.62 * columns, 0.62 * rows + 0.35)
    axis.imshow(sheet, cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest")
    axis.set_axis_off()
    axis.set_title(title, fontsize=10)
    finest = [_finest(pattern) for pattern in patterns]
    return Picture(
        figure_png(figure),
        f"{title}: {len(patterns)} squares, orange darker and purple "
        f"lighter. The first changes its sign {finest[0]} times from edge to edge, the "
        f"last {finest[-1]} times, the busiest {max(finest)} times.",
    )


def _finest(pattern: np.ndarray) -> int:
    """The larger number of sign changes along a pattern's middle row and middle column."""
    lines = (pattern[len(pattern) // 2], pattern[:, pattern.shape[1] // 2])
    return max(int((np.diff(np.sign(line)) != 0).sum()) for line in lines)


class LatentsPanel(Panel):
    """A panel that mixes two clips in latents and in pixels, and changes single latents.

    Controls by name: ``first, second, mix, channel, amount, where, row, column, undo_button,
    shown, listen_button``.

    `figure` shows the mix in latents (with the added amount), the mix in pixels, and their
    difference; `facts` states its size; `heard` plays one of the mixes after a press of
    `listen_button`. ``sounds`` maps names to (waveform, sample rate); the first ``duration``
    seconds of each are used.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        sounds: dict[str, tuple[np.ndarray, int]],
        duration: float = SECONDS,
    ) -> None:
        if len(sounds) < 1:
            raise RiffeduError("there is no sound to choose: give at least one in sounds")
        self.pipeline, self.sounds, self.duration = pipeline, sounds, duration
        self._known: dict = {}
        names = list(sounds)
        self.first = w.Dropdown(options=names, description="First", style=WIDE)
        self.second = w.Dropdown(
            options=names, value=names[1 % len(names)], description="Second", style=WIDE
        )
        _, _, rows, columns = self.source(names[0])[1].shape

        def slider(kind: type, name: str, **options: Any) -> Any:
            return kind(description=name, style=WIDE, layout=LONG, **options)

        self.mix = slider(w.FloatSlider, "Mix", value=0, min=0, max=1, step=0.05)
        self.channel = slider(
            w.IntSlider, "Channel", value=0, min=0, max=pipeline.checkpoint.latent_channels - 1
        )
        self.amount = slider(w.FloatSlider, "Amount", value=0, min=-10, max=10, step=0.5)
        self.where = toggles(PLACES, "Where")
        self.row = slider(w.IntSlider, "Row", value=rows // 4, min=0, max=rows - 1)
        self.column = slider(w.IntSlider, "Column", value=columns // 2, min=0, max=columns - 1)
        self.undo_button = w.Button(description="Undo", icon="undo", tooltip="Amount back to 0")
        self.shown = toggles([("the latents", "latents"), ("the pixels", "pixels")], "Sound of")
        self.listen_button = w.Button(
            description="Listen", icon="volume-up", tooltip="Turn this mix into sound"
        )
        self.figure = LiveFigure(columns=3, width=10.2, height=3.3)
        self.facts, self.heard = w.HTML(), LiveSound("The mix")
        self._draw_axes()
        for control in (
            self.first,
            self.second,
            self.mix,
            self.channel,
            self.amount,
            self.where,
            self.row,
            self.column,
        ):
            control.observe(self._update, "value")
        self.shown.observe(lambda _: self.heard.clear(), "value")
        self.undo_button.on_click(lambda _: setattr(self.amount, "value", 0))
        self.listen_button.on_click(self.listen)
        self._update()
        self.box = w.VBox(
            [
                row(self.first, self.second),
                self.mix,
                self.channel,
                self.amount,
                row(self.where, self.undo_button),
                self.row,
                self.column,
                self.figure.widget,
                self.facts,
                row(self.shown, self.listen_button, self.heard.widget),
                note(
                    "Row 0 holds the lowest pitches. Right: orange is where the latents draw "
                    "darker (louder) than the pixels, purple lighter. Sounds are set to −20 dBFS."
                ),
            ]
        )

    def source(self, name: str) -> tuple[Image, Tensor]:
        """Return (picture, latents) of one of the sounds; cached."""
        from riffedu.signal.convert import audio_to_image

        if name not in self._known:
            sound, rate = self.sounds[name]
            image = audio_to_image(sound[..., : round(self.duration * rate)], rate)
            self._known[name] = image, self.pipeline.encode_image(image)
        return self._known[name]

    def _mixed(self, one: Any, other: Any) -> Any:
        return one + (other - one) * self.mix.value

    def latents(self) -> Tensor:
        """Return the mix of both clips' latents, with the amount that the controls add."""
        (_, one), (_, two) = (self.source(choice.value) for choice in (self.first, self.second))
        width = min(one.shape[3], two.shape[3])
        mixed = self._mixed(one[..., :width], two[..., :width]).clone()
        row = mixed.shape[2] - 1 - self.row.value
        wide = self.where.value
        rows = slice(None) if wide in ("column", "everywhere") else slice(row, row + 1)
        at = min(self.column.value, width - 1)
        columns = slice(None) if wide in ("row", "everywhere") else slice(at, at + 1)
        mixed[0, self.channel.value, rows, columns] += self.amount.value
        return mixed

    def pictures(self) -> dict[str, Image]:
        """Return the two mixes as pictures: "latents" (mixed, then decoded) and "pixels"."""
        (one, _), (two, _) = (self.source(choice.value) for choice in (self.first, self.second))
        width = min(one.width, two.width)
        one, two = (image.crop((0, 0, width, image.height)) for image in (one, two))
        [decoded] = self.pipeline.decode_latents(self.latents(), width)
        mean = array_to_image(self._mixed(image_to_array(one), image_to_array(two)), one)
        return {"latents": decoded, "pixels": mean}

    def listen(self, _: Any = None) -> None:
        """Convert the selected mix to sound and load it into the player."""
        kind = self.shown.value
        result = self.pipeline.play_picture(self.pictures()[kind], {})
        name = f"{self.first.value} and {self.second.value}, mixed in {kind}"
        self.heard.set(result.waveform, result.sample_rate, name, image=result.image)

    def _draw_axes(self) -> None:
        left, middle, right = self.figure.axes
        self._images = {}
        hertz = (100, 500, 1000, 2000, 4000)
        for name, axis in (("latents", left), ("pixels", middle), ("change", right)):
            look = (
                {"cmap": SIGNED, "vmin": -1, "vmax": 1}
                if axis is right
                else {"cmap": "gray", "vmin": 0, "vmax": 255}
            )
            self._images[name] = axis.imshow(
                [[255]],
                aspect="auto",
                interpolation="nearest",
                extent=(0, self.duration, 0, 1),
                **look,
            )
            axis.set_yticks([height(f) for f in hertz])
            axis.set_yticklabels([f"{f:g}" if f < 1000 else f"{f / 1000:g}k" for f in hertz])
            axis.set_xlabel("seconds", fontsize=9)
            axis.tick_params(labelsize=8)
        left.set_title("Mixed in latents", fontsize=10)
        middle.set_title("Mixed in pixels", fontsize=10)
        right.set_title("Latents − pixels", fontsize=10)
        bar = self.figure.figure.colorbar(self._images["change"], ax=right)
        bar.ax.tick_params(labelsize=8)

    @one_thread()
    def _update(self, _: Any = None) -> None:
        places = self.where.value
        self.row.disabled = places in ("column", "everywhere")
        self.column.disabled = places in ("row", "everywhere")
        both = {name: np.asarray(image.convert("L")) for name, image in self.pictures().items()}
        change = (both["latents"].astype(np.float32) - both["pixels"]) / SPAN
        for name, pixels in (*both.items(), ("change", change)):
            self._images[name].set_data(pixels)
        for axis, image in zip(self.figure.axes, self._images.values()):
            seconds = both["pixels"].shape[1] / 100
            frame(axis, (0, seconds), (0, 1))
            image.set_extent((0, seconds, 0, 1))
        text = (
            f"{1 - self.mix.value:.0%} {self.first.value}, {self.mix.value:.0%} "
            f"{self.second.value}. The two mixes differ by "
            f"{SPAN * np.sqrt(np.mean(change**2)):.0f} greys (root mean square)."
        )
        if self.amount.value:
            text += f" Channel {self.channel.value} {self.amount.value:+g}: {self._place()}."
        self.facts.value = f'<p role="status">{html.escape(text)}</p>'
        self.heard.clear()
        self.figure.refresh(
            f"Left the mix in latents, in the middle the mix in pixels, right "
            f"their difference. {text}"
        )

    def _place(self) -> str:
        at = {"row": f"row {self.row.value}", "column": f"column {self.column.value}"}
        at["place"] = f"{at['row']}, {at['column']}"
        return at.get(self.where.value, "everywhere")


def latents_panel(
    pipeline: Pipeline, sounds: dict[str, tuple[np.ndarray, int]] | None = None, **options: Any
) -> LatentsPanel:
    """Mix two clips in latents and in pixels, change single latents, and hear the result.

    ``sounds``: name → (waveform, sample rate); the default is the course's clips. ``options``:
    ``duration``, the seconds of each sound that are used (2.56).
    """
    from riffedu.signal.audio import clip

    return LatentsPanel(pipeline, sounds or {name: clip(name) for name in CLIPS}, **options)
