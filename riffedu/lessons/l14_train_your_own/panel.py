"""The first panel of notebooks/14_train_your_own.ipynb: train a toy and watch."""

from __future__ import annotations

import html
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np

from riffedu.errors import RiffeduError
from riffedu.training.toy_sounds import SOUNDS
from riffedu.training.toy_unet import build_toy, train_toy, with_unet
from riffedu.widgets.job import JobControls, Stopped
from riffedu.widgets.live import LiveFigure, LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, row, toggles

if TYPE_CHECKING:
    from PIL.Image import Image

    from riffedu.music.pipeline import Pipeline

RATES = {"0.0002 (slow)": 2e-4, "0.002": 2e-3, "0.02": 2e-2, "1 (too high)": 1.0}
SHEET_STEPS, GUIDANCE = 10, 2.0


class ToyPanel(Panel):
    """A panel that trains a small U-Net on eight sounds, and draws what it makes on the way.

    Controls by name: ``minutes, rate, train_button, stop_button, reset_button, progress, status,
    sound, listen_button``.

    `figure` shows the loss of every step, its running mean, and eight pictures out of noise; they
    are drawn again every ``every`` seconds. Train goes on where the last training in ``folder``
    ended; Reset forgets it. ``history`` is a list of (step, loss), ``sheet`` the eight pictures,
    ``model`` the pipeline with the toy's U-Net.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        latents: Any,
        captions: list[str],
        folder: str | Path,
        minutes: float = 4.0,
        every: float = 20.0,
    ) -> None:
        self.pipeline, self.latents, self.captions = pipeline, latents, captions
        self.folder, self.every = Path(folder), every
        self.minutes = w.BoundedFloatText(
            value=minutes, min=0.01, max=120, description="Minutes", style=WIDE
        )
        self.rate = w.Dropdown(options=RATES, value=2e-3, description="Learning rate", style=WIDE)
        self.job = JobControls("Train")
        self.train_button, self.stop_button = self.job.start_button, self.job.stop_button
        self.progress, self.status = self.job.progress, self.job.status
        self.reset_button = w.Button(
            description="Reset", icon="trash", tooltip="Forget all training and begin again"
        )
        self.sound = toggles([(name, name) for name in SOUNDS], "Sound")
        self.listen_button = w.Button(
            description="Listen", icon="volume-up", tooltip="Turn this picture into sound"
        )
        self.figure = LiveFigure(rows=2, columns=5, width=10.5, height=4.4)
        self.facts, self.heard = w.HTML(), LiveSound("A sound of the toy")
        self._draw_axes()
        self._begin()
        self.train_button.on_click(lambda _: self.run())
        self.reset_button.on_click(self.reset)
        self.listen_button.on_click(self.listen)
        self.sound.observe(lambda _: self.heard.clear(), "value")
        self.box = w.VBox(
            [
                row(self.minutes, self.rate),
                row(self.job.box, self.reset_button),
                self.figure.widget,
                self.facts,
                self.sound,
                row(self.listen_button, self.heard.widget),
                note(
                    "Train goes on where it stopped, also tomorrow; the pictures come from the "
                    "averaged weights. Reset begins again."
                ),
            ]
        )

    def _begin(self) -> None:
        """Start from new weights; a training state in the folder is taken up by `run`."""
        channels = self.pipeline.checkpoint.latent_channels
        self.width = self.pipeline.encode_prompt("").shape[-1]
        self.unet = build_toy(channels, self.width)
        self.model = with_unet(self.pipeline, self.unet)
        self.history: list[tuple[int, float]] = []
        self.sheet: list[Image] = []
        self.figure.say("Nothing is trained yet: press Train.")

    def run(self) -> None:
        """Train, like the Train button; call `wait` to wait for the end."""
        seconds = max(1, round(60 * self.minutes.value))
        self.job.start(lambda step: self._work(step, self.minutes.value, self.rate.value), seconds)

    def wait(self, seconds: float = 7200.0) -> None:
        """Wait for the training to end, at most ``seconds``."""
        self.job.wait(seconds)

    def reset(self, _: Any = None) -> None:
        """Forget the training, like the Reset button."""
        if self.job.running:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self._begin()
        self._lines()
        self.facts.value = ""
        self.job.say("Begun again.")

    def _work(self, step: Callable[[str], Any], minutes: float, rate: float) -> None:
        def on_save(mean: Any, history: list) -> None:
            with mean.applied_to(self.unet):
                self._draw_sheet()

        steps: Any = train_toy(
            self.pipeline,
            self.unet,
            self.latents,
            self.captions,
            self.folder,
            minutes=minutes,
            learning_rate=rate,
            save_every=self.every,
            on_save=on_save,
        )
        told = None
        try:
            for done in steps:
                self.history.append((done.step, done.loss))
                if told is None or done.seconds - told >= 1:
                    told = done.seconds
                    step(f"Step {done.step}: loss {self.loss:.3f}")
        except (Stopped, RiffeduError):
            steps.close()
            raise
        finally:
            self._lines()
        self.job.say(f"Done: {self.history[-1][0]} steps, loss {self.loss:.3f}.")

    @property
    def loss(self) -> float:
        """The mean loss of the last 50 steps."""
        return float(np.mean([loss for _, loss in self.history[-50:]]))

    def _draw_axes(self) -> None:
        grid = self.figure.axes
        self._curve = self.figure.figure.add_subplot(grid[0, 0].get_gridspec()[:, 0])
        for axis in grid[:, 0]:
            axis.remove()
        self.figure.axes = np.array([self._curve, *grid[:, 1:].flat])
        self._curve.xaxis.set_zorder(-1)
        self._curve.yaxis.set_zorder(-1)
        self._curve.set_title("The loss", fontsize=10)
        self._curve.set(xlabel="step", xlim=(0, 100), ylim=(0, 1.3))
        self._curve.grid(alpha=0.3)
        [self._all] = self._curve.plot([], [], color="#999999", linewidth=0.6)
        [self._mean] = self._curve.plot([], [], color="#0072b2", linewidth=2)
        self._images = []
        for axis, name in zip(self.figure.axes[1:], SOUNDS):
            axis.set(xticks=[], yticks=[])
            axis.set_title(name, fontsize=9)
            shown = axis.imshow(
                [[255]], cmap="gray", vmin=0, vmax=255, aspect="auto", extent=(0, 1, 0, 1)
            )
            self._images.append(shown)

    def _lines(self) -> None:
        """Draw the loss of every step, and the mean of 30."""
        steps = np.array(self.history).reshape(-1, 2)
        self._all.set_data(steps[:, 0], steps[:, 1])
        if len(steps) >= 30:
            mean = np.convolve(steps[:, 1], np.ones(30) / 30, "valid")
            self._mean.set_data(steps[29:, 0], mean)
        else:
            self._mean.set_data([], [])
        top = np.percentile(steps[:, 1], 98) if len(steps) else 1.3
        self._curve.set(xlim=(0, max(100, len(steps))), ylim=(0, max(1.3, 1.1 * float(top))))
        loss = f"{self.loss:.3f} after {self.history[-1][0]} steps" if self.history else "none yet"
        self.figure.refresh(f"Left the loss, {loss}; right eight pictures that the toy generated.")

    def _draw_sheet(self) -> None:
        import torch

        names = list(SOUNDS)
        noise = torch.cat([self.model.initial_noise(seed) for seed in range(len(names))])
        text = self.model.encode_prompt(names)
        *_, last = self.model.denoise(noise, text, None, SHEET_STEPS, GUIDANCE)
        if not last.latents.isfinite().all():
            raise RiffeduError("the weights have become infinite: reset, and lower the rate")
        self.sheet = self.model.decode_latents(last.latents)
        for shown, image in zip(self._images, self.sheet):
            shown.set_data(np.asarray(image.convert("L").resize((128, 128))))
        self._lines()
        text = f"Eight pictures out of noise, at step {self.history[-1][0] if self.history else 0}."
        self.facts.value = f'<p role="status">{html.escape(text)}</p>'

    def listen(self, _: Any = None) -> None:
        """Convert the chosen picture to sound and load it into the player."""
        if not self.sheet:
            self.job.say("There is no picture yet: press Train.")
            return
        image = self.sheet[list(SOUNDS).index(self.sound.value)]
        result = self.model.play_picture(image, {})
        self.heard.set(result.waveform, result.sample_rate, self.sound.value, image=result.image)


def toy_panel(
    pipeline: Pipeline, latents: Any, captions: list[str], folder: str | Path, **options: Any
) -> ToyPanel:
    """Train a toy from zero: watch its loss, see and hear what comes out of noise.

    ``options``: ``minutes`` at the start (4), ``every`` how many seconds pictures are drawn (20).
    """
    return ToyPanel(pipeline, latents, captions, folder, **options)
