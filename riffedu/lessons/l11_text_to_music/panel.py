"""The panels and tables of notebooks/11_text_to_music.ipynb: the road, and what turns on it."""

from __future__ import annotations

import ipywidgets as w

from riffedu.errors import RiffeduError
from riffedu.widgets.job import JobControls
from riffedu.widgets.live import LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, row, toggles
from riffedu.widgets.pictures import Picture, maps, picture
from riffedu.widgets.player import hear, show

VIEWS = {
    "the state": "state",
    "what the model has in mind": "estimate",
    "the latents": "latents",
}
TITLES = {"state": "The state", "estimate": "What the model has in mind"}
KNOBS = {
    "guidance": ("guidance_scale", float, "0, 1, 4, 12"),
    "steps": ("num_inference_steps", int, "1, 3, 8, 25"),
    "seed": ("seed", int, "0, 1, 2"),
    "prompt": ("prompt", str, "solo piano, solo violin, rock drums"),
}
MOST_CLIPS = 6


class WalkPanel(Panel):
    """The sampler's states under a slider.

    Controls: ``step, view, listen_button, stop_button, progress, status, output, sound``.
    """

    def __init__(self, pipeline, result):
        self.pipeline, self.result = pipeline, result
        self.states = list(result.steps())
        told = result.parameters
        self.noise = pipeline.initial_noise(told["seed"], told["duration"])
        self._drawn: dict[tuple[int, str], Picture] = {}
        last = len(self.states)
        self.step = w.IntSlider(
            value=last,
            min=0,
            max=last,
            description="Step",
            style=WIDE,
            layout=w.Layout(width="640px"),
            continuous_update=False,
        )
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
        """The drawing of one moment, made once and kept; ``index`` 0 is before the first step."""
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
        """What the Listen button does: turn the picture shown into sound."""
        index, view = self.step.value, self.view.value
        view = "state" if view == "latents" else view
        self.job.start(lambda step: self._hear(step, index, view), 2)

    def wait(self, seconds: float = 120.0) -> None:
        self.job.wait(seconds)

    def _image(self, index: int, view: str):
        if index == 0:
            return self.pipeline.decode_latents(self.noise, self.result.image.width)[0]
        state = self.states[index - 1]
        return state.noisy_image() if view == "state" else state.image()

    def _hear(self, step, index: int, view: str) -> None:
        step("Turning the picture into sound")
        label = f"{TITLES[view]}, step {index} of {len(self.states)}"
        self.sound.widget.set(hear(self._image(index, view), label))
        self.job.say("Done. Press play.")

    def _draw(self, _=None) -> None:
        try:
            self.output.value = self.drawing(self.step.value, self.view.value).html
            self.sound.clear()
        except RiffeduError as error:
            self.job.fail(error)


class ComparePanel(Panel):
    """One setting at several values, everything else equal.

    Controls: ``prompt, seed, knob, values, compare_button, stop_button, progress, status,
    output`` (a player each); ``results`` are the clips made last, by value.
    """

    def __init__(self, pipeline, prompt: str, seed: int = 0, steps: int = 12):
        self.pipeline, self.steps, self.results = pipeline, steps, {}
        wide = w.Layout(width="640px")
        self.prompt = w.Text(value=prompt, description="Prompt", style=WIDE, layout=wide)
        self.seed = w.BoundedIntText(
            value=seed,
            min=0,
            max=2**31 - 1,
            description="Seed",
            style=WIDE,
            layout=w.Layout(width="280px"),
        )
        self.knob = toggles(list(KNOBS), "Compare")
        self.values = w.Text(
            value=KNOBS["guidance"][2],
            description="Values",
            style=WIDE,
            layout=wide,
            placeholder=f"up to {MOST_CLIPS}, with commas between",
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
        """What the Compare button does."""
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
        name = KNOBS[knob][0]
        wanted = {value: {**given, name: value} for value in values}
        total = sum(settings["num_inference_steps"] for settings in wanted.values())
        self.job.start(lambda step: self._work(step, knob, wanted), total)

    def wait(self, seconds: float = 300.0) -> None:
        self.job.wait(seconds)

    def _work(self, step, knob: str, wanted: dict) -> None:
        made: dict = {}
        for value, settings in wanted.items():
            name = titled(knob, value)
            made[value] = self.pipeline.generate(
                **settings,
                progress=False,
                callback=lambda state: step(f"{name}: step {state.step}"),
            )
            self.output.children = [
                *self.output.children[: len(made) - 1],
                show(made[value], name, height=200),
            ]
        self.results = made
        self.job.say("Done.")

    def _take_knob(self, change) -> None:
        self.values.value = KNOBS[change["new"]][2]


def titled(knob: str, value) -> str:
    """What a clip of a comparison is called."""
    return value if knob == "prompt" else f"{knob} {value:g}"


def parse(text: str, knob: str) -> list:
    """The values of a knob from a line with commas; RiffeduError says what to write instead."""
    _, kind, example = KNOBS[knob]
    words = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not 1 <= len(words) <= MOST_CLIPS:
        raise RiffeduError(f"give one to {MOST_CLIPS} values, with commas between: {example}")
    try:
        return [kind(word) for word in words]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise RiffeduError(f"values for {knob} are {what}, for example: {example}") from None


def walk(pipeline, result) -> WalkPanel:
    """The states of a result that was generated with ``keep_states=True``, under a slider."""
    return WalkPanel(pipeline, result)


def compare(pipeline, prompt: str, seed: int = 0, steps: int = 12) -> ComparePanel:
    """A bench for fair comparisons: one setting at several values, all else equal."""
    return ComparePanel(pipeline, prompt, seed, steps)
