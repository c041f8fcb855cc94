"""The second panel of notebooks/14_train_your_own.ipynb: a LoRA's strength, while it plays."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np

from riffedu.errors import RiffeduError
from riffedu.widgets.job import JobControls
from riffedu.widgets.live import LiveFigure, LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, row, seed_box, slider

if TYPE_CHECKING:
    from PIL.Image import Image

    from riffedu.diffusion.lora import Lora
    from riffedu.music.pipeline import Pipeline

LONG = w.Layout(width="480px", max_width="98%")


class LoraPanel(Panel):
    """A panel that plays one prompt and one seed at any strength of one LoRA or several.

    Controls by name: ``prompt, seed, strengths`` (a slider for each LoRA), ``play_button,
    stop_button, progress, status``.

    The strengths take effect at the next step of a run that is going on, so a slider can be moved
    while it plays; one that is released while nothing runs starts a new run. `figure` shows the
    picture, `heard` plays it. ``made`` maps strengths to pictures.
    """

    def __init__(
        self, pipeline: Pipeline, prompt: str, loras: list[Lora], seed: int = 0, steps: int = 12
    ) -> None:
        if not loras:
            raise RiffeduError("give the panel at least one LoRA")
        self.pipeline, self.loras, self.steps = pipeline, loras, steps
        self.made: dict[tuple[float, ...], Image] = {}
        self.prompt = w.Text(value=prompt, description="Prompt", style=WIDE, layout=LONG)
        self.seed = seed_box(seed)
        self.strengths = [
            slider(
                f"Strength of {lora.name}"[:32],
                lora.strength,
                0,
                1.5,
                0.05,
                style={"description_width": "190px"},
                continuous_update=False,
            )
            for lora in loras
        ]
        self.job = JobControls("Play")
        self.play_button, self.stop_button = self.job.start_button, self.job.stop_button
        self.progress, self.status = self.job.progress, self.job.status
        self.figure, self.heard = LiveFigure(width=5.6, height=3.2), LiveSound("With the LoRA")
        self._image = self.figure.axes.imshow(
            [[255]], cmap="gray", vmin=0, vmax=255, aspect="auto", extent=(0, 5.12, 0, 1)
        )
        self.figure.axes.set(xlabel="seconds", yticks=[])
        self.facts = w.HTML()
        for each in self.strengths:
            each.observe(self._moved, "value")
        self.play_button.on_click(lambda _: self.run())
        self.box = w.VBox(
            [
                row(self.prompt, self.seed),
                *self.strengths,
                self.job.box,
                self.figure.widget,
                self.facts,
                self.heard.widget,
                note("0 is the base model, 1 what was trained, more is an exaggeration."),
            ]
        )
        self.figure.say("Nothing yet: press Play.")

    def run(self) -> None:
        """Generate, like the Play button; call `wait` to wait for the end."""
        prompt, seed = self.prompt.value, self.seed.value
        self.job.start(lambda step: self._work(step, prompt, seed), self.steps + 1)

    def wait(self, seconds: float = 120.0) -> None:
        """Wait for the run to end, at most ``seconds``."""
        self.job.wait(seconds)

    def _moved(self, _: Any = None) -> None:
        for lora, strength in zip(self.loras, self.strengths):
            lora.strength = strength.value
        if not self.job.running and self.made:
            self.run()

    def _work(self, step: Callable[[str], Any], prompt: str, seed: int) -> None:
        def told(state: Any) -> None:
            used = ", ".join(f"{lora.strength:g}" for lora in self.loras)
            step(f"Step {state.step} of {state.total}, strength {used}")

        result = self.pipeline.generate(
            prompt, seed=seed, num_inference_steps=self.steps, progress=False, callback=told
        )
        strengths = tuple(lora.strength for lora in self.loras)
        self.made[strengths] = result.image
        label = "strength " + ", ".join(f"{value:g}" for value in strengths)
        self._image.set_data(np.asarray(result.image.convert("L")))
        self.figure.refresh(f"The picture of “{prompt}” at {label}.")
        self.facts.value = f'<p role="status">{html.escape(f"{prompt}: {label}")}</p>'
        self.heard.set(result.waveform, result.sample_rate, label, image=result.image)
        self.job.say("Done. Move a slider.")


def lora_panel(
    pipeline: Pipeline, prompt: str, loras: Any = None, seed: int = 0, steps: int = 12
) -> LoraPanel:
    """Play a prompt at any strength of the pipeline's LoRAs, or of those given."""
    chosen = loras or [lora for lora in pipeline.loras if lora.attached]
    return LoraPanel(pipeline, prompt, list(chosen), seed, steps)
