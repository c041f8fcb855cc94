"""The panel and figures of notebooks/07_noise.ipynb."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np

from riffedu.diffusion.noise import array_to_image, image_to_array, pitch_accuracy
from riffedu.diffusion.schedule import (
    add_noise,
    alphas_cumprod,
    betas,
    snr,
    velocity,
    zero_terminal_snr,
)
from riffedu.widgets.live import LiveFigure, LiveSound, frame
from riffedu.widgets.panel import WIDE, Panel, note, row, slider, toggles
from riffedu.widgets.pictures import Picture, figure_png, height, new_figure

if TYPE_CHECKING:
    from PIL.Image import Image

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#000000")  # Okabe and Ito's
STYLES = ("-", "--", "-.", ":")
NAMES = ("linear", "scaled_linear", "cosine", "zero terminal")
CLIPS = ("tune", "piano", "full_mix", "speech_like", "percussion")


def four_schedules() -> dict[str, np.ndarray]:
    """Return ᾱ_t for t = 0 to 999 by name; "zero terminal" is scaled_linear, ending at ᾱ = 0."""
    schedules = {name: alphas_cumprod(betas(name)) for name in NAMES[:3]}
    return {**schedules, NAMES[3]: alphas_cumprod(zero_terminal_snr(betas("scaled_linear")))}


def circle_picture(degrees: Sequence[float] = (0, 30, 60, 90)) -> Picture:
    """Plot x_t along a quarter circle from x₀ to ε, with v at each of the angles φ in degrees."""
    figure, [[axis]] = new_figure(1, 1, 4.2, 4.0)
    angles = np.linspace(0, math.pi / 2, 100)
    axis.plot(np.cos(angles), np.sin(angles), color="#777777", linewidth=1)
    for angle in np.radians(degrees):
        alpha_bar = math.cos(angle) ** 2
        x = add_noise(np.array([1.0, 0]), np.array([0, 1.0]), alpha_bar)
        v = velocity(np.array([1.0, 0]), np.array([0, 1.0]), alpha_bar)
        axis.annotate("", x, (0, 0), arrowprops={"arrowstyle": "-|>", "color": COLOURS[0]})
        axis.annotate("", x + 0.4 * v, x, arrowprops={"arrowstyle": "-|>", "color": COLOURS[1]})
        axis.text(*(x + 0.46 * v), "v", color=COLOURS[1], ha="center", va="center")
        axis.text(
            *(0.62 * x + 0.05 * np.array([v[0], v[1]])),
            f"{math.degrees(angle):.0f}°",
            color=COLOURS[0],
            fontsize=8,
            ha="center",
        )
    axis.set(xlim=(-0.6, 1.35), ylim=(-0.15, 1.5), aspect="equal", xticks=[0, 1], yticks=[0, 1])
    axis.set_xlabel("share of x₀: cos φ = √ᾱ")
    axis.set_ylabel("share of ε: sin φ = √(1 − ᾱ)")
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    listed = ", ".join(f"{angle:g}" for angle in degrees)
    return Picture(
        figure_png(figure),
        "A quarter circle from x₀, to the right, up to the noise ε. At "
        f"{listed} degrees an arrow from the middle shows x_t, and another "
        "along the circle, at a right angle to it, shows v.",
    )


class NoisePanel(Panel):
    """A panel that adds noise to a picture by a schedule, and plays the result.

    Controls by name: ``clip, schedule, shown, time, hear_button``.

    `figure` shows the picture at the timestep and its position on the schedule, `facts` states how
    much of the picture is left, and `heard` plays it after a press of `hear_button`. ``sounds``
    maps names to (waveform, sample rate).
    """

    def __init__(self, sounds: dict[str, tuple[np.ndarray, int]], seed: int = 0) -> None:
        self.sounds, self.seed = sounds, seed
        self.schedules = four_schedules()
        self._signals: dict = {}
        self.clip = w.Dropdown(options=list(sounds), description="Clip", style=WIDE)
        self.schedule = w.Dropdown(
            options=NAMES, value="cosine", description="Schedule", style=WIDE
        )
        self.time = slider("t", 400, 0, 999, width=620)
        self.shown = toggles([("x_t", "x"), ("v", "v"), ("ε", "noise")], "Picture")
        self.hear_button = w.Button(
            description="Hear x_t", icon="volume-up", tooltip="Turn the noisy picture into sound"
        )
        self.figure = LiveFigure(
            columns=2, width=9.6, height=3.6, gridspec_kw={"width_ratios": [1.0, 1.15]}
        )
        self.facts, self.heard = w.HTML(), LiveSound("The noisy picture")
        self._draw_axes()
        for control in (self.clip, self.schedule, self.time, self.shown):
            control.observe(self._update, "value")
        self.hear_button.on_click(self.hear)
        self._update()
        self.box = w.VBox(
            [
                row(self.clip, self.schedule, self.shown),
                self.time,
                self.figure.widget,
                self.facts,
                row(self.hear_button, self.heard.widget),
                note("Each sound is set to −20 dBFS: a picture full of noise is loud."),
            ]
        )

    @property
    def alpha_bar(self) -> float:
        """ᾱ at the selected timestep of the selected schedule."""
        return float(self.schedules[self.schedule.value][self.time.value])

    def _signal(self) -> tuple[Image, np.ndarray, np.ndarray]:
        """(picture, x₀, ε) of the clip; all timesteps share one draw of noise."""
        from riffedu.signal.convert import audio_to_image

        name = self.clip.value
        if name not in self._signals:
            image = audio_to_image(*self.sounds[name])
            rng = np.random.default_rng(self.seed)
            noise = rng.standard_normal((image.height, image.width), dtype=np.float32)
            self._signals[name] = image, image_to_array(image), noise
        return self._signals[name]

    def hear(self, _: Any = None) -> None:
        """Convert the noisy picture to sound and load it into the player."""
        from riffedu.signal.audio import set_level
        from riffedu.signal.reconstruct import image_to_audio

        waveform, rate = image_to_audio(array_to_image(self.x, self._signal()[0]), progress=False)
        label = f"{self.clip.value}, {self.schedule.value}, t = {self.time.value}"
        self.heard.set(set_level(waveform), rate, label)

    def _draw_axes(self) -> None:
        left, right = self.figure.axes
        self._image = left.imshow(
            [[0]],
            cmap="gray",
            vmin=-1,
            vmax=1,
            aspect="auto",
            extent=(0, 1, 0, 1),
            interpolation="nearest",
        )
        hertz = (100, 250, 500, 1000, 2000, 4000)
        left.set_yticks([height(f) for f in hertz])
        left.set_yticklabels([f"{f:g}" if f < 1000 else f"{f / 1000:g}k" for f in hertz])
        left.set(xlabel="seconds", ylabel="Hz (mel scale)")
        self._curves = {}
        for name, colour, style in zip(NAMES, COLOURS, STYLES):
            with np.errstate(divide="ignore"):
                decibels = 10 * np.log10(snr(self.schedules[name]))
            self._curves[name] = right.plot(decibels, color=colour, linestyle=style, label=name)[0]
        self._dot = right.plot([0], [0], "o", markersize=9, color="#000000", zorder=5)[0]
        right.axhline(0, color="#777777", linewidth=0.8)
        right.set(xlim=(0, 999), ylim=(-60, 45), xlabel="t", ylabel="SNR (dB)")
        right.legend(fontsize=8, loc="lower left").set_zorder(-1)
        right.grid(alpha=0.3)
        for axis in (left, right):
            axis.tick_params(labelsize=8)

    def _update(self, _: Any = None) -> None:
        image, x0, noise = self._signal()
        alpha_bar, name, t = self.alpha_bar, self.schedule.value, self.time.value
        self.x = add_noise(x0, noise, alpha_bar)
        shown = {"x": self.x, "noise": noise}.get(self.shown.value)
        self._image.set_data(velocity(x0, noise, alpha_bar) if shown is None else shown)
        seconds = 0.01 * image.width
        frame(self._image.axes, (0, seconds), (0, 1))
        self._image.set_extent((0, seconds, 0, 1))
        with np.errstate(divide="ignore"):
            decibels = 10 * np.log10(snr(alpha_bar))
        self._dot.set_data([t], [max(decibels, -59.0)])
        for other, curve in self._curves.items():
            curve.set(linewidth=2.5 if other == name else 1.0, alpha=1.0 if other == name else 0.5)
        left = pitch_accuracy(x0, self.x)
        level = f"{decibels:.1f} dB" if decibels > -150 else "−∞ dB"
        facts = (
            f"ᾱ = {alpha_bar:.4f}: picture × {math.sqrt(alpha_bar):.3f}, noise × "
            f"{math.sqrt(1 - alpha_bar):.3f}. SNR {level}. The strongest pitch is still found in "
            f"{left:.0%} of the moments."
        )
        self.facts.value = f"<p>{html.escape(facts.replace('-', '−'))}</p>"
        self.heard.clear()
        what = {"x": "noisy picture x_t", "v": "direction v", "noise": "noise ε"}
        self.figure.refresh(
            f"Left, the {what[self.shown.value]} of {self.clip.value} at t = {t}. Right, the "
            f"signal-to-noise ratio of four schedules, falling with t; {name} is at {level} there."
        )


def noise_panel(sounds: dict[str, tuple[np.ndarray, int]] | None = None) -> NoisePanel:
    """Add noise to a clip's picture by one of four schedules; see it and hear it.

    ``sounds``: name → (waveform, sample rate); the default is five clips of the course.
    """
    from riffedu.signal.audio import clip

    return NoisePanel(sounds or {name: clip(name) for name in CLIPS})
