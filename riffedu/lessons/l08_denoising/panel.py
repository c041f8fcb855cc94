"""The panel of notebooks/08_denoising.ipynb."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np

from riffedu.diffusion.samplers import SAMPLERS, SamplerStep, ddim, sample
from riffedu.errors import RiffeduError
from riffedu.widgets.job import JobControls
from riffedu.widgets.live import LiveFigure, LiveSound
from riffedu.widgets.panel import FIT, WIDE, Panel, note, row, seed_box, slider, toggles
from riffedu.widgets.pictures import COLOURS, height

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from riffedu.diffusion.schedule import NoiseLevel
    from riffedu.music.pipeline import Pipeline

SECONDS = 2.56
SIGMA = 20.0
LABELS = {
    "ddpm": "DDPM (= DDIM, η = 1)",
    "ddim": "DDIM (η of your choice)",
    "euler": "Euler (= DDIM, η = 0)",
    "euler_ancestral": "Euler ancestral (= DDIM, η = 1)",
    "heun": "Heun (two looks a step)",
    "dpmpp_2m": "DPM-Solver++(2M)",
}


class DenoisingPanel(Panel):
    """A panel that runs a sampler and shows, step by step, its state and predicted x₀.

    Controls by name: ``prompt, rule, steps, eta, seed, run_button, stop_button, progress,
    status, step, shown, listen_button``.

    `figure` shows the state at the selected step, the clean picture predicted there, and the
    distance of both from the end of the run; `heard` plays one of them after a press of
    `listen_button`. ``moments`` are the run's steps (the first is the noise), ``before`` those of
    the previous run.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        prompt: str,
        seed: int = 0,
        steps: int = 10,
        duration: float = SECONDS,
    ) -> None:
        self.pipeline, self.duration = pipeline, duration
        self.moments: list[SamplerStep] = []
        self.before: list[SamplerStep] = []
        self._drawn: dict = {}
        self.prompt = w.Text(
            value=prompt,
            description="Prompt",
            style=WIDE,
            layout=w.Layout(width="640px", max_width="98%"),
        )
        self.rule = w.Dropdown(
            options=[(LABELS[name], name) for name in SAMPLERS],
            value="ddim",
            description="Rule",
            style=WIDE,
            layout=FIT,
        )
        self.steps = slider("Steps", steps, 1, 50, continuous_update=False)
        self.eta = slider("η", 0, 0, 1, 0.05, continuous_update=False)
        self.seed = seed_box(seed)
        self.job = JobControls("Run")
        self.run_button, self.stop_button = self.job.start_button, self.job.stop_button
        self.progress, self.status = self.job.progress, self.job.status
        self.step = slider("Step", 0, 0, 0, width=640, disabled=True)
        self.shown = toggles(
            [("the state", "state"), ("the guess x₀", "guess")], "Sound of", value="guess"
        )
        self.listen_button = w.Button(
            description="Listen",
            icon="volume-up",
            disabled=True,
            tooltip="Turn this picture into sound",
        )
        self.figure = LiveFigure(columns=3, width=9.6, height=3.3)
        self.facts, self.heard = w.HTML(), LiveSound("On the way")
        self._draw_axes()
        self.rule.observe(self._choose, "value")
        self.step.observe(self._show, "value")
        self.shown.observe(lambda _: self.heard.clear(), "value")
        self.run_button.on_click(lambda _: self.run())
        self.listen_button.on_click(self.listen)
        self.box = w.VBox(
            [
                self.prompt,
                row(self.rule, self.seed),
                self.steps,
                self.eta,
                self.job.box,
                self.step,
                self.figure.widget,
                self.facts,
                row(self.shown, self.listen_button, self.heard.widget),
                note(
                    "Step 0 is the noise. Right: the run before this one is dotted. Heun begins "
                    f"where σ = {SIGMA:g}, since from pure noise its first step goes wrong."
                ),
            ]
        )
        self.figure.say("Nothing yet: press Run.")

    def run(self) -> None:
        """Start a run, like the Run button; call `wait` to wait for its end."""
        name, n = self.rule.value, self.steps.value
        rule = partial(ddim, eta=self.eta.value) if name == "ddim" else SAMPLERS[name]
        wanted = {
            "prompt": self.prompt.value,
            "seed": self.seed.value,
            "rule": rule,
            "name": name,
            "steps": n,
        }
        self.job.start(lambda step: self._work(step, wanted), 2 * n + 1)

    def wait(self, seconds: float = 120.0) -> None:
        """Wait for the run to end, at most ``seconds``."""
        self.job.wait(seconds)

    def noise_levels(self, name: str, steps: int) -> list[NoiseLevel]:
        """Return the model's noise levels; for Heun, the same schedule from σ = 20."""
        from riffedu.diffusion.schedule import noise_levels, timesteps

        if name != "heun":
            return self.pipeline.noise_levels(steps)
        alphas = np.asarray(self.pipeline.checkpoint.scheduler.alphas_cumprod, dtype=np.float64)
        alphas = alphas[alphas * (1 + SIGMA**2) >= 1]
        return noise_levels(alphas, timesteps(steps, len(alphas)))

    def _work(self, step: Callable[[str], Any], wanted: dict[str, Any]) -> None:
        import torch

        if not wanted["prompt"].strip():
            raise RiffeduError('the prompt is empty: say what to play, e.g. "a calm solo piano"')
        levels = self.noise_levels(wanted["name"], wanted["steps"])
        noise = self.pipeline.initial_noise(wanted["seed"], self.duration)
        predict = self.pipeline.predictor(self.pipeline.encode_prompt(wanted["prompt"]))
        generator = torch.Generator().manual_seed(wanted["seed"] + 1)
        run = sample(
            predict, noise, levels, wanted["rule"], self.pipeline.prediction_type, generator
        )
        moments: list[SamplerStep] = []
        try:
            for moment in run:
                step(f"Step {moment.step} of {moment.total}")
                moments = moments or [SamplerStep(0, moment.total, levels[0], noise, moment.x0)]
                moments.append(moment)
        finally:
            if moments:  # a run that was stopped can be looked at as far as it went
                self._take(moments)
        for index in reversed(range(len(moments))):
            step(f"Drawing step {index}")
            self.drawn(index)
        self.job.say("Done. Move the slider.")

    def _take(self, moments: list[SamplerStep]) -> None:
        self.before, self.moments, self._drawn = self.moments, moments, {}
        self.listen_button.disabled = self.step.disabled = False
        self._curve()
        shown, last = self.step.value, len(moments) - 1
        with self.step.hold_trait_notifications():
            self.step.max = self.step.value = last
        if shown == last:  # no change of the slider has drawn it
            self._show()

    def drawn(self, index: int) -> dict[str, Image]:
        """Return the decoded pictures of one step, "state" and "guess"; cached."""
        known, moment = self._drawn, self.moments[index]
        if index not in known:
            columns = self.pipeline.columns(self.duration)
            draw = partial(self.pipeline.decode_latents, columns=columns)
            [state], [guess] = draw(moment.latents), draw(moment.x0)
            known[index] = {"state": state, "guess": guess}
        return known[index]

    def listen(self, _: Any = None) -> None:
        """Convert the selected picture to sound and load it into the player."""
        try:
            image = self.drawn(self.step.value)[self.shown.value]
            result = self.pipeline.play_picture(image, {})
        except RiffeduError as error:
            self.job.fail(error)
            return
        what = dict(map(reversed, self.shown.options))[self.shown.value]
        self.heard.set(
            result.waveform,
            result.sample_rate,
            f"{what} at step {self.step.value}",
            image=result.image,
        )

    def _choose(self, _: Any = None) -> None:
        self.eta.disabled = self.rule.value != "ddim"

    def _draw_axes(self) -> None:
        state, guess, right = self.figure.axes
        self._images = {}
        hertz = (100, 500, 1000, 2000, 4000)
        for axis, name in ((state, "state"), (guess, "guess")):
            self._images[name] = axis.imshow(
                [[255]],
                cmap="gray",
                vmin=0,
                vmax=255,
                aspect="auto",
                extent=(0, self.duration, 0, 1),
                interpolation="nearest",
            )
            axis.set_yticks([height(f) for f in hertz])
            axis.set_yticklabels([f"{f:g}" if f < 1000 else f"{f / 1000:g}k" for f in hertz])
            axis.set_xlabel("seconds", fontsize=9)
        state.set_title("The state", fontsize=10)
        guess.set_title("The predicted x₀", fontsize=10)
        right.set_title("How far from the end", fontsize=10)
        kinds = {"state": (COLOURS[0], "-"), "guess": (COLOURS[1], "--")}
        self._lines, self._old = {}, {}
        for name, (colour, style) in kinds.items():
            [self._lines[name]] = right.plot([], [], style, color=colour, label=name)
            [self._old[name]] = right.plot([], [], ":", color=colour, linewidth=1)
        [self._dots] = right.plot([], [], "o", color="#000000", markersize=6)
        right.set(xlim=(0, 1), ylim=(0, 1.6), xlabel="share of the run", ylabel="root mean square")
        right.legend(fontsize=8, loc="upper right").set_zorder(-1)
        right.grid(alpha=0.3)
        for axis in self.figure.axes:
            axis.tick_params(labelsize=8)

    def _curve(self) -> None:
        self._away = away(self.moments)
        for lines, moments in ((self._lines, self.moments), (self._old, self.before)):
            for name, values in away(moments).items():
                lines[name].set_data(np.linspace(0, 1, len(values)), values)
        top = max(values.max() for values in self._away.values())
        self.figure.axes[2].set_ylim(0, max(1.6, 1.1 * top))

    def _show(self, _: Any = None) -> None:
        if not self.moments:
            return
        index = min(self.step.value, len(self.moments) - 1)
        try:
            pictures = self.drawn(index)
        except RiffeduError as error:
            self.job.fail(error)
            return
        for name, image in pictures.items():
            self._images[name].set_data(np.asarray(image.convert("L")))
        moment, here = self.moments[index], [self._away[name][index] for name in self._lines]
        self._dots.set_data([index / max(1, len(self.moments) - 1)] * 2, here)
        text = (
            f"Step {index} of {moment.total}: the network was evaluated at t = "
            f"{moment.level.timestep:.0f}, where {moment.level.signal:.0%} of the picture's "
            f"amplitude is left. From the end: state {here[0]:.2f}, guess {here[1]:.2f}."
        )
        self.facts.value = f'<p role="status">{html.escape(text)}</p>'
        self.heard.clear()
        self.figure.refresh(
            f"Left the state, in the middle the guess, right their distances from "
            f"the end of the run. {text}"
        )


def away(moments: list[SamplerStep]) -> dict[str, np.ndarray]:
    """Return the RMS distance of each step's state and predicted x₀ from the end of the run."""
    if not moments:
        return {"state": np.zeros(0), "guess": np.zeros(0)}
    end = moments[-1].latents

    def far(latents: Tensor) -> float:
        return (latents - end).square().mean().sqrt().item()

    return {
        "state": np.array([far(moment.latents) for moment in moments]),
        "guess": np.array([far(moment.x0) for moment in moments]),
    }


def denoising_panel(
    pipeline: Pipeline, prompt: str = "a calm solo piano", seed: int = 0, **options: Any
) -> DenoisingPanel:
    """Run a sampler, then scrub through its steps: see, compare and hear each.

    ``options``: ``steps`` at the start (10), ``duration`` of the clip (2.56 s).
    """
    return DenoisingPanel(pipeline, prompt, seed, **options)
