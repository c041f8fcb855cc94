"""The panels of notebooks/11_text_to_music.ipynb: the stages, and what each setting changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from riffedu.errors import RiffeduError
from riffedu.widgets.job import JobControls
from riffedu.widgets.live import LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, row, seed_box, slider, toggles
from riffedu.widgets.pictures import Picture, maps, picture
from riffedu.widgets.player import hear, show

if TYPE_CHECKING:
    from PIL import Image

    from riffedu.music.pipeline import Pipeline
    from riffedu.music.result import DenoisingState, Result

VIEWS = {
    "the state": "state",
    "what the model has in mind": "estimate",
    "the latents": "latents",
}
TITLES = {"state": "The state", "estimate": "What the model has in mind"}
SETTINGS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "guidance": ("guidance_scale", float, "0, 1, 4, 12"),
    "steps": ("num_inference_steps", int, "1, 3, 8, 25"),
    "seed": ("seed", int, "0, 1, 2"),
    "prompt": ("prompt", str, "solo piano, solo violin, rock drums"),
}
MAX_CLIPS = 6


class WalkPanel(Panel):
    """A slider over the sampler's states.

    Controls: ``step, view, listen_button, stop_button, progress, status, output, sound``.
    """

    def __init__(self, pipeline: Pipeline, result: Result):
        self.pipeline, self.result = pipeline, result
        self.states = list(result.steps())
        metadata = result.parameters
        self.noise = pipeline.initial_noise(
            *(metadata[name] for name in ("seed", "duration", "tempo", "key"))
        )
        self._drawn: dict[tuple[int, str], Picture] = {}
        last = len(self.states)
        self.step = slider("Step", last, 0, last, width=640, continuous_update=False)
        self.view = toggles(VIEWS, "Show")
        self.job = JobControls("Listen")
        self.listen_button, self.stop_button = self.job.start_button, self.job.stop_button
        self.progress, self.status = self.job.progress, self.job.status
        self.output = w.HTML(layout=w.Layout(min_height="420px"))
        self.sound = LiveSound()
        self.step.observe(self._draw, "value")
        self.view.observe(self._draw, "value")
        self.listen_button.on_click(lambda _: self.listen())
        self.box = w.VBox(
            [
                note("Step 0 is pure noise. Slide, or focus the slider and use the arrow keys."),
                self.step,
                self.view,
                self.job.box,
                row(self.output, self.sound.widget),
            ]
        )
        self._draw()

    def drawing(self, index: int, view: str) -> Picture:
        """Return the cached drawing of one state; ``index`` 0 is before the first step."""
        key = index, view
        if key not in self._drawn:
            of = f"step {index} of {len(self.states)}"
            if view == "latents":
                latents = self.states[index - 1].latents if index else self.noise
                self._drawn[key] = maps(latents[0], title=f"Latents, {of}")
            else:
                self._drawn[key] = picture(self._image(index, view), f"{TITLES[view]}, {of}")
        return self._drawn[key]

    def listen(self) -> None:
        """Do what the Listen button does: convert the picture on display to sound."""
        index, view = self.step.value, self.view.value
        view = "state" if view == "latents" else view
        self.job.start(lambda step: self._hear(step, index, view), 2)

    def wait(self, seconds: float = 120.0) -> None:
        """Wait for the work to finish, at most this long."""
        self.job.wait(seconds)

    def _image(self, index: int, view: str) -> Image.Image:
        if index == 0:
            return self.pipeline.decode_latents(self.noise, self.result.image.width)[0]
        state = self.states[index - 1]
        return state.noisy_image() if view == "state" else state.image()

    def _hear(self, step: Callable[[str], None], index: int, view: str) -> None:
        step("Turning the picture into sound")
        label = f"{TITLES[view]}, step {index} of {len(self.states)}"
        self.sound.widget.set(hear(self._image(index, view), label))
        self.job.say("Done. Press play.")

    def _draw(self, _: Any = None) -> None:
        try:
            self.output.value = self.drawing(self.step.value, self.view.value).html
            self.sound.clear()
        except RiffeduError as error:
            self.job.fail(error)


class ComparePanel(Panel):
    """Clips that differ in one setting only.

    Controls: ``prompt, seed, knob, values, compare_button, stop_button, progress, status,
    output`` (a player each); ``results`` holds the latest clips, by value.
    """

    def __init__(self, pipeline: Pipeline, prompt: str, seed: int = 0, steps: int = 12):
        self.pipeline, self.steps = pipeline, steps
        self.results: dict[Any, Result] = {}
        wide = w.Layout(width="640px")
        self.prompt = w.Text(value=prompt, description="Prompt", style=WIDE, layout=wide)
        self.seed = seed_box(seed)
        self.knob = toggles(list(SETTINGS), "Compare")
        self.values = w.Text(
            value=SETTINGS["guidance"][2],
            description="Values",
            style=WIDE,
            layout=wide,
            placeholder=f"up to {MAX_CLIPS}, separated by commas",
        )
        self.job = JobControls("Compare")
        self.compare_button, self.stop_button = self.job.start_button, self.job.stop_button
        self.progress, self.status = self.job.progress, self.job.status
        self.output = w.Box(layout=w.Layout(flex_flow="row wrap", width="100%"))
        self.knob.observe(self._take_knob, "value")
        self.compare_button.on_click(lambda _: self.compare())
        self.box = w.VBox(
            [
                self.prompt,
                self.seed,
                self.knob,
                self.values,
                self.job.box,
                self.output,
            ]
        )

    def compare(self) -> None:
        """Do what the Compare button does."""
        knob = self.knob.value
        try:
            values = parse(self.values.value, knob)
        except RiffeduError as error:
            self.job.fail(error)
            return
        given = {
            "prompt": self.prompt.value,
            "seed": self.seed.value,
            "num_inference_steps": self.steps,
        }
        name = SETTINGS[knob][0]
        wanted = {value: {**given, name: value} for value in values}
        total = sum(settings["num_inference_steps"] for settings in wanted.values())
        self.job.start(lambda step: self._work(step, knob, wanted), total)

    def wait(self, seconds: float = 300.0) -> None:
        """Wait for the work to finish, at most this long."""
        self.job.wait(seconds)

    def _work(self, step: Callable[[str], None], knob: str, wanted: dict) -> None:
        made: dict = {}
        for value, settings in wanted.items():
            name = titled(knob, value)

            def show_progress(state: DenoisingState, name: str = name) -> None:
                step(f"{name}: step {state.step}")

            made[value] = self.pipeline.generate(**settings, progress=False, callback=show_progress)
            self.output.children = [
                *self.output.children[: len(made) - 1],
                show(made[value], name, height=200),
            ]
        self.results = made
        self.job.say("Done.")

    def _take_knob(self, change: dict[str, Any]) -> None:
        self.values.value = SETTINGS[change["new"]][2]


def titled(knob: str, value: Any) -> str:
    """Return the title of one clip of a comparison."""
    return value if knob == "prompt" else f"{knob} {value:g}"


def parse(text: str, knob: str) -> list:
    """Parse comma-separated values of a setting.

    Raises RiffeduError, with an example, if there are too few or too many or one is invalid.
    """
    _, kind, example = SETTINGS[knob]
    words = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not 1 <= len(words) <= MAX_CLIPS:
        raise RiffeduError(f"give 1 to {MAX_CLIPS} values, separated by commas: {example}")
    try:
        return [kind(word) for word in words]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise RiffeduError(f"values for {knob} must be {what}, for example {example}") from None


def walk(pipeline: Pipeline, result: Result) -> WalkPanel:
    """Return a slider over a result's states; it needs ``keep_states=True`` in `generate`."""
    return WalkPanel(pipeline, result)


def compare(pipeline: Pipeline, prompt: str, seed: int = 0, steps: int = 12) -> ComparePanel:
    """Return a panel for fair comparisons: one setting at several values, all else equal."""
    return ComparePanel(pipeline, prompt, seed, steps)
