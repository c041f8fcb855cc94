"""The panel of notebooks/00_hear_it_first.ipynb: a prompt in, a picture and a sound out."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from riffedu.diffusion.guidance import PromptWarning
from riffedu.music.generate import GUIDANCE, STEPS
from riffedu.widgets.job import JobControls
from riffedu.widgets.live import LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, row, seed_box, slider
from riffedu.widgets.player import prompt_of

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline
    from riffedu.music.result import DenoisingState, Result

EXAMPLES = (
    "a calm solo piano",
    "techno",
    "slow sad violin",
    "fast rock drums",
    "jazzy swing with double bass",
    "bright music box arpeggio",
    "funky slap bass groove",
    "church organ, slow chords",
)


class HearPanel(Panel):
    """A panel that generates a clip and plays it.

    Controls by name: ``prompt, examples, seed, dice, guidance, steps, watch, generate_button,
    stop_button, progress, status``; ``heard`` shows and plays the latest ``result``.
    """

    def __init__(self, pipeline: Pipeline, result: Result | None = None):
        self.pipeline, self.result = pipeline, result
        settings = {
            "prompt": EXAMPLES[0],
            "seed": 0,
            "guidance_scale": GUIDANCE,
            "num_inference_steps": STEPS,
            **pipeline.checkpoint.defaults,
        }
        settings.update(result.parameters if result is not None else {})
        self.prompt = w.Text(
            value=settings["prompt"],
            description="Prompt",
            style=WIDE,
            placeholder="instrument, style, mood, tempo …",
            layout=w.Layout(width="640px"),
        )
        self.examples = [
            w.Button(
                description=words,
                tooltip=f"Put “{words}” into the prompt",
                layout=w.Layout(width="auto"),
            )
            for words in EXAMPLES
        ]
        self.seed = seed_box(settings["seed"])
        self.dice = w.Button(
            description="Another seed", icon="random", tooltip="Draw a seed at random"
        )
        self.guidance = slider(
            "Guidance",
            settings["guidance_scale"],
            0,
            12,
            0.5,
            readout_format=".1f",
            continuous_update=False,
        )
        self.steps = slider(
            "Steps", settings["num_inference_steps"], 1, 50, continuous_update=False
        )
        self.watch = w.Checkbox(
            value=True,
            description="watch the picture appear",
            indent=False,
            layout=w.Layout(width="auto"),
        )
        self.job = JobControls("Generate")
        self.generate_button, self.stop_button = self.job.start_button, self.job.stop_button
        self.progress, self.status = self.job.progress, self.job.status
        self.heard = LiveSound(height=320)
        for button in self.examples:
            button.on_click(self._take_example)
        self.dice.on_click(self._roll)
        self.generate_button.on_click(lambda _: self.generate())
        self.box = w.VBox(
            [
                self.prompt,
                row(note("Try:"), *self.examples),
                w.HBox([self.seed, self.dice]),
                self.guidance,
                self.steps,
                row(self.job.box, self.watch),
                self.heard.widget,
            ]
        )
        if result is not None:
            self._show()

    def generate(self) -> None:
        """Do what the Generate button does; from code, call `wait` afterwards."""
        settings = {
            "prompt": self.prompt.value,
            "seed": self.seed.value,
            "guidance_scale": self.guidance.value,
            "num_inference_steps": self.steps.value,
        }
        watch = self.watch.value
        self.job.start(
            lambda step: self._work(step, settings, watch), settings["num_inference_steps"]
        )

    def wait(self, seconds: float = 120.0) -> None:
        """Wait for the work to finish, at most this long."""
        self.job.wait(seconds)

    def _work(self, step: Callable[[str], None], settings: dict[str, Any], watch: bool) -> None:
        def show_progress(state: DenoisingState) -> None:
            step(f"Step {state.step} of {state.total}")
            every = max(1, state.total // 5)
            if watch and state.step % every == 0 and state.step < state.total:
                title = f"What the model has in mind after {state.step} of {state.total} steps"
                self.heard.widget.preview(state.image(), title)

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", PromptWarning)
            self.result = self.pipeline.generate(**settings, progress=False, callback=show_progress)
        self._show()
        self.job.say(" ".join([*(f"Note: {r.message}." for r in caught), "Done. Press play."]))

    def _show(self) -> None:
        result = self.result
        assert result is not None
        self.heard.set(result.waveform, result.sample_rate, prompt_of(result), image=result.image)

    def _take_example(self, button: w.Button) -> None:
        self.prompt.value = button.description

    def _roll(self, _: w.Button) -> None:
        self.seed.value = random.randrange(10000)


def hear_it_first(pipeline: Pipeline, result: Result | None = None) -> HearPanel:
    """Return a panel that generates five seconds of music; it shows ``result`` at the start."""
    return HearPanel(pipeline, result)
