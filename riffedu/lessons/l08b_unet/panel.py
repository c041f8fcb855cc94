"""The panel of notebooks/08b_unet.ipynb: switch parts of the U-Net off, and look inside."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np

from riffedu.diffusion.unet import modules, record_activations, switches, without
from riffedu.widgets.live import LiveFigure, LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, one_thread, row

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from riffedu.music.pipeline import Pipeline

LONG = w.Layout(width="480px", max_width="98%")
NOTHING_OFF = "nothing"


class UNetPanel(Panel):
    """One prediction of the clean picture, with a part of the U-Net switched off.

    ``off`` chooses the part, ``time`` the noise level, ``block`` whose activations are laid over
    the picture and ``channel`` which of its channels (0: the mean size of all).
    """

    def __init__(self, pipeline: Pipeline, image: Image, prompt: str = "", seed: int = 0):
        self.pipeline, self.image = pipeline, image
        self.latents = pipeline.encode_image(image)
        self.noise = pipeline.initial_noise(seed, image.width * pipeline.params.column_ms / 1000)
        self.words = pipeline.encode_prompt(prompt)
        self.unet = pipeline.checkpoint.unet
        self._whole: dict[int, Any] = {}
        self.off = w.Dropdown(
            options=[NOTHING_OFF, *switches(self.unet)],
            description="Switch off",
            style=WIDE,
        )
        self.time = w.IntSlider(
            value=600,
            min=20,
            max=980,
            step=40,
            description="Time t (noise)",
            continuous_update=False,
            style=WIDE,
            layout=LONG,
        )
        self.block = w.Dropdown(options=list(modules(self.unet)), description="Block", style=WIDE)
        self.channel = w.IntSlider(
            value=0, min=0, max=1, description="Channel", style=WIDE, layout=LONG
        )
        self.listen_button = w.Button(description="Hear the prediction")
        self.heard = LiveSound("Prediction")
        self.facts = w.HTML()
        self.figure = LiveFigure("", 1, 4, 11.0, 3.1)
        self._draw_axes()
        for control in (self.off, self.time):
            control.observe(self._predict, "value")
        self.block.observe(self._choose_block, "value")
        self.channel.observe(self._show_activation, "value")
        self.listen_button.on_click(self.listen)
        self.box = w.VBox(
            [
                row(self.off, self.block),
                self.time,
                self.channel,
                self.figure.widget,
                self.facts,
                row(self.listen_button, self.heard.widget),
                note(
                    "The prediction is what the network takes for the clean picture, in one "
                    "evaluation. Activations: orange where a channel is large, purple where it is "
                    "negative; channel 0 is the mean size of all. Sounds are set to −20 dBFS."
                ),
            ]
        )
        self._predict()

    def noisy(self) -> Tensor:
        """Return the picture's latents with the noise of the chosen time."""
        level = self.pipeline.checkpoint.scheduler.alphas_cumprod[self.time.value]
        return level.sqrt() * self.latents + (1 - level).sqrt() * self.noise

    def predict(self, off: str) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the predicted clean latents, and the activations of every block."""
        import torch

        from riffedu.diffusion.schedule import clean_and_noise

        names = () if off == NOTHING_OFF else (off,)
        noisy, t = self.noisy(), self.time.value
        with torch.no_grad(), without(self.unet, *names), record_activations(self.unet) as record:
            output = self.unet(noisy, t, self.words).sample
        level = self.pipeline.checkpoint.scheduler.alphas_cumprod[t]
        clean, _ = clean_and_noise(noisy, output, level, self.pipeline.prediction_type)
        return clean, record

    @one_thread()
    def _predict(self, _: Any = None) -> None:
        t = self.time.value
        if t not in self._whole:
            self._whole[t] = self.predict(NOTHING_OFF)[0]
        whole = self._whole[t]
        self.clean, self.record = self.predict(self.off.value)
        names = ("noisy", "all parts", "prediction")
        for name, latents in zip(names, (self.noisy(), whole, self.clean)):
            [image] = self.pipeline.decode_latents(latents, self.image.width)
            self._images[name].set_data(np.asarray(image.convert("L")))
            if name == "prediction":
                self.predicted = image
        error, least = ((x - self.latents).square().mean().sqrt() for x in (self.clean, whole))
        without_what = "" if self.off.value == NOTHING_OFF else f" without {self.off.value}"
        self.facts.value = (
            f'<p role="status">{html.escape(f"Distance to the clean picture{without_what}")}: '
            f"{error:.3f} (all parts: {least:.3f}), root mean square over the latents, whose own "
            f"spread is {self.latents.std():.2f}.</p>"
        )
        self.heard.clear()
        self._choose_block()

    def _choose_block(self, _: Any = None) -> None:
        """Fit the range of the channels to the block."""
        self.channel.max = self.record[self.block.value].shape[1]
        self._show_activation()

    def activation(self) -> np.ndarray:
        """Return the chosen channel of the chosen block, (rows, columns), scaled to −1..1."""
        found = self.record[self.block.value][0].float()
        chosen = found.abs().mean(0) if self.channel.value == 0 else found[self.channel.value - 1]
        largest = float(chosen.abs().max())
        return chosen.numpy() / (largest or 1.0)

    def _show_activation(self, _: Any = None) -> None:
        self._over.set_data(self.activation())
        tall, wide = self.record[self.block.value].shape[2:]
        which = f"channel {self.channel.value}" if self.channel.value else "mean size"
        self.figure.axes[3].set_title(f"{self.block.value}, {which} ({tall}×{wide})", fontsize=9)
        self.figure.refresh(
            f"A noisy picture at t = {self.time.value}, the prediction with all parts, with "
            f"{self.off.value} switched off, and the activations of {self.block.value}, {which}."
        )

    def _draw_axes(self) -> None:
        empty = np.full((self.image.height, self.image.width), 255, np.uint8)
        extent = (0.0, self.image.width * self.pipeline.params.column_ms / 1000, 0.0, 1.0)
        look = {"cmap": "gray", "vmin": 0, "vmax": 255, "aspect": "auto", "extent": extent}
        titles = ("noisy", "all parts", "prediction", "activations")
        self._images = {}
        for axis, title in zip(self.figure.axes, titles):
            self._images[title] = axis.imshow(empty, **look)
            axis.set_title(title, fontsize=9)
            axis.set_yticks([])
            axis.set_xlabel("s", fontsize=8)
        self._images["activations"].set_data(np.asarray(self.image.convert("L")))
        self._over = self.figure.axes[3].imshow(
            np.zeros((2, 2)),
            cmap="PuOr_r",
            vmin=-1,
            vmax=1,
            alpha=0.6,
            aspect="auto",
            extent=extent,
            interpolation="nearest",
        )

    def listen(self, _: Any = None) -> None:
        """Convert the predicted picture to sound and load it into the player."""
        result = self.pipeline.play_picture(self.predicted, {})
        label = f"t = {self.time.value}, without {self.off.value}"
        self.heard.set(result.waveform, result.sample_rate, label, image=result.image)


def unet_panel(pipeline: Pipeline, image: Image, prompt: str = "", seed: int = 0) -> UNetPanel:
    """Switch parts of the U-Net off and look at its prediction and its activations.

    ``image`` is the clean picture, ``prompt`` its description and ``seed`` that of the noise.
    """
    return UNetPanel(pipeline, image, prompt, seed)
