"""The panel of notebooks/13_interpolation.ipynb: four prompts, and a dot between them."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.music.interpolate import four_corners, slerp
from riffedu.music.stream import Piece, corner_states, endless
from riffedu.widgets.job import JobControls
from riffedu.widgets.live import LiveFigure, LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, row, seed_box, slider, toggles
from riffedu.widgets.pictures import COLOURS, describe, height

PLACES = ("Lower left", "Lower right", "Upper left", "Upper right")
PROMPTS = ("a calm solo piano", "a church organ", "fast rock drums", "a string orchestra")
KEPT = 8
"""Pieces of a riff that can be heard again."""
LONG = w.Layout(width="380px", max_width="98%")


def weights(x: float, y: float) -> np.ndarray:
    """Return the share of each corner at (x, y): `four_corners` of the four unit vectors."""
    return four_corners(list(np.eye(4)), x, y)


class InterpolationPanel(Panel):
    """Controls by name: ``corners`` (four texts, in the order of `PLACES`), ``x, y, mixed, seed,
    steps, clip_button, on_button, stop_button, progress, status``.

    `square` shows the dot, and where music was made so far; `figure` is the picture of the last
    clip or piece, `heard` plays it. ``result`` is the last clip, ``pieces`` are those of the riff.
    """

    def __init__(
        self,
        pipeline: Any,
        prompts: Any = PROMPTS,
        seed: int = 0,
        steps: int = 8,
        duration: float = 5.12,
    ):
        if len(prompts) != 4:
            raise RiffeduError(f"four prompts are needed, one per corner, not {len(prompts)}")
        self.pipeline, self.duration, self.result = pipeline, duration, None
        self.pieces: list[Piece] = []
        self.trail: list[tuple[float, float]] = []
        self._riff = self._riff_of = None
        self.corners = [
            w.Text(value=text, description=place, style=WIDE, layout=LONG)
            for place, text in zip(PLACES, prompts)
        ]
        self.x, self.y = (slider(name, 0.5, 0, 1, 0.01, width=380) for name in ("Right", "Up"))
        self.mixed = toggles([("the words", False), ("the words and the noise", True)], "Mix")
        self.seed = seed_box(seed, most=2**31 - 5)
        self.steps = slider("Steps", steps, 1, 50, width=380, continuous_update=False)
        self.job = JobControls("Clip here")
        self.clip_button, self.stop_button = self.job.start_button, self.job.stop_button
        self.progress, self.status = self.job.progress, self.job.status
        self.on_button = w.Button(
            description="Go on from here",
            icon="forward",
            tooltip="The next piece of an endless riff",
        )
        self.square, self.heard = LiveFigure(width=4.4, height=3.6), LiveSound("Here")
        self.figure = LiveFigure("The picture of what you make comes here.", width=4.8, height=3.6)
        self._draw_square()
        self._draw_picture()
        for control in (self.x, self.y, *self.corners):
            control.observe(self._move, "value")
        self.clip_button.on_click(lambda _: self.clip())
        self.on_button.on_click(lambda _: self.go_on())
        rows = [
            row(*pair)
            for pair in (
                self.corners[2:],
                self.corners[:2],
                (self.x, self.y),
                (self.seed, self.steps),
            )
        ]
        self.box = w.VBox(
            [
                *rows,
                self.mixed,
                row(self.on_button, self.job.box),
                row(self.square.widget, self.figure.widget),
                self.heard.widget,
                note(
                    "“Clip here” makes one clip, always from the same noise. “Go on from here” "
                    "makes the next piece of a stream: move the dot, press again. Other words, "
                    "seed or steps start a new stream."
                ),
            ]
        )
        self._move()

    @property
    def place(self) -> tuple[float, float]:
        """Where the dot is."""
        return self.x.value, self.y.value

    def clip(self) -> None:
        """Do what “Clip here” does; `wait` for its end when driving the panel by code."""
        self._start(self._clip, self.steps.value + 1)

    def go_on(self) -> None:
        """Do what “Go on from here” does: make one more piece where the dot is."""
        self._start(self._go_on, 1)

    def wait(self, seconds: float = 120.0) -> None:
        """Wait for the work to finish."""
        self.job.wait(seconds)

    def _start(self, work: Any, steps: int) -> None:
        asked = {
            "prompts": tuple(each.value for each in self.corners),
            "place": self.place,
            "seed": self.seed.value,
            "steps": self.steps.value,
            "mixed": self.mixed.value,
        }

        def guarded(step: Any) -> None:
            self.on_button.disabled = True
            try:
                work(step, **asked)
            finally:
                self.on_button.disabled = False

        self.job.start(guarded, steps)

    def _clip(
        self, step: Any, prompts: Any, place: Any, seed: int, steps: int, mixed: bool
    ) -> None:
        text = four_corners(self._states(prompts), *place)
        noise = [self.pipeline.initial_noise(seed + i, self.duration) for i in range(4)]
        start = four_corners(noise, *place, slerp) if mixed else noise[0]
        for state in self.pipeline.denoise(start, text, num_inference_steps=steps):
            step(f"Step {state.step} of {state.total}")
        step("Turning the picture into sound")
        [image] = self.pipeline.decode_latents(state.latents, self.pipeline.columns(self.duration))
        self.result = self.pipeline.play_picture(image, {"place": place})
        self._show(self.result, place, f"A clip at ({place[0]:g}, {place[1]:g})")

    def _go_on(
        self, step: Any, prompts: Any, place: Any, seed: int, steps: int, mixed: bool
    ) -> None:
        asked = prompts, seed, steps
        if asked != self._riff_of:
            self._states(prompts)  # says what is wrong with them before the old riff is dropped
            self._riff = endless(
                self.pipeline, prompts, lambda _: self._next_place, seed, num_inference_steps=steps
            )
            self._riff_of, self.pieces = asked, []
        step("Making a piece")
        self._next_place = place
        try:
            piece = next(self._riff)
        except BaseException:
            self._riff_of = None  # a generator that raised is over
            raise
        self.pieces = [*self.pieces[1 - KEPT :], piece]
        sound = np.concatenate([each.waveform for each in self.pieces])
        first, last = self.pieces[0].number + 1, piece.number + 1
        told = "Piece 1" if last == 1 else f"Pieces {first} to {last}"
        self._show(piece, place, told, sound)

    def _states(self, prompts: Any) -> list:
        for name, prompt in zip(PLACES, prompts):
            limits.text(f"prompt at the {name.lower()}", prompt)
        return corner_states(self.pipeline, prompts)

    def _show(self, made: Any, place: Any, told: str, sound: Any = None) -> None:
        self.trail.append(place)
        self._way.set_data(*zip(*self.trail))
        title = told if sound is None else f"Piece {made.number + 1}"
        self._image.set_data(np.asarray(made.image.convert("L")))
        seconds = made.image.width * self.pipeline.params.column_ms / 1000
        self._image.set_extent((0, seconds, 0, 1))
        self.figure.axes.set(xlim=(0, seconds))
        self.figure.axes.set_title(title, fontsize=10)
        self.figure.refresh(describe(made.image, title, self.pipeline.params))
        self.heard.set(made.waveform if sound is None else sound, made.sample_rate, told)
        self.job.say(f"{told}: done. Press play, or move the dot.")
        self._move()

    def _draw_square(self) -> None:
        square = self.square.axes
        square.set(xlim=(-0.32, 1.32), ylim=(-0.22, 1.22), aspect="equal")
        square.set_axis_off()
        square.plot([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], color="#777777", linewidth=1)
        self._labels = [
            square.text(
                x,
                y + (0.06 if y else -0.06),
                "",
                ha="center",
                fontsize=8,
                parse_math=False,
                va="bottom" if y else "top",
            )
            for x, y in ((0, 0), (1, 0), (0, 1), (1, 1))
        ]
        self._dots = square.scatter(
            [0, 1, 0, 1], [0, 0, 1, 1], s=[0] * 4, color=COLOURS[0], zorder=3
        )
        [self._way] = square.plot(
            [], [], "o--", color="#777777", linewidth=1, markersize=4, markerfacecolor="white"
        )
        [self._dot] = square.plot([], [], "o", color=COLOURS[1], markersize=13, zorder=4)

    def _draw_picture(self) -> None:
        picture = self.figure.axes
        self._image = picture.imshow(
            [[255]],
            cmap="gray",
            vmin=0,
            vmax=255,
            aspect="auto",
            extent=(0, self.duration, 0, 1),
            interpolation="nearest",
        )
        hertz = (100, 500, 1000, 2000, 4000)
        picture.set_yticks([height(f, self.pipeline.params) for f in hertz])
        picture.set_yticklabels([f"{f:g}" if f < 1000 else f"{f / 1000:g}k" for f in hertz])
        picture.set_xlabel("seconds", fontsize=9)
        picture.set_title("Nothing yet", fontsize=10)
        picture.tick_params(labelsize=8)
        self.figure.refresh()

    def _move(self, _: Any = None) -> None:
        shares = weights(*self.place)
        self._dot.set_data([self.x.value], [self.y.value])
        self._dots.set_sizes(20 + 380 * shares)
        told = []
        for label, corner, share in zip(self._labels, self.corners, shares):
            text = corner.value if len(corner.value) <= 24 else f"{corner.value[:23]}…"
            label.set_text(f"{text}\n{share:.0%}")
            told.append(f"{share:.0%} {corner.value}")
        alt = (
            f"A square with a dot at {self.x.value:.2f} to the right and {self.y.value:.2f} up: "
            f"{', '.join(told)}."
        )
        self.square.refresh(alt)


def interpolation_panel(
    pipeline: Any, prompts: Any = PROMPTS, seed: int = 0, **options: Any
) -> InterpolationPanel:
    """Move a dot between four prompts: make a clip there, or continue without end.

    ``options``: ``steps`` at the start (8), ``duration`` of a clip (5.12 s).
    """
    return InterpolationPanel(pipeline, prompts, seed, **options)
