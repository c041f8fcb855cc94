"""The panel of notebooks/08b_unet.ipynb: switch parts of the U-Net off, and look inside."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np

from riffedu.diffusion.unet import modules, record_activations, switches, without
from riffedu.widgets.live import LiveFigure, LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, one_thread, row, slider
from riffedu.widgets.pictures import SIGNED

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from riffedu.music.pipeline import Pipeline

NOTHING_OFF = "nothing"
_OUTPUT = {
    "v_prediction": "The network itself predicts v, a mixture of noise and picture; the panel "
    "shows the clean picture that follows from it: x₀ = √ᾱ x − √(1 − ᾱ) v. ",
    "epsilon": "The network itself predicts the noise ε; the panel shows the clean picture that "
    "follows from it: x₀ = (x − √(1 − ᾱ) ε) / √ᾱ. ",
}


class UNetPanel(Panel):
    """One prediction of the clean picture, with a part of the U-Net switched off.

    The network predicts v (or the noise); the clean picture is computed from that and its input.
    ``off`` chooses the part, ``time`` the noise level, ``block`` whose activations are laid over
    the picture and ``channel`` which of its channels (0: the mean size of all).
    """

    def __init__(self, pipeline: Pipeline, image: Image, prompt: str = "", seed: int = 0):
        self.pipeline, self.image = pipeline, image
        self.latents = pipeline.encode_image(image)
        self.noise = pipeline.initial_noise(seed, image.width * pipeline.params.column_ms / 1000)
        self.words = pipeline.encode_prompt(prompt)
        self.unet = pipeline.checkpoint.unet
        self._least: dict[int, float] = {}
        self._whole: dict[int, tuple[Tensor, list[Image]]] = {}
        self.off = w.Dropdown(
            options=[NOTHING_OFF, *switches(self.unet)],
            description="Switch off",
            style=WIDE,
        )
        self.time = slider("Time t (noise)", 600, 20, 980, 20)
        self.block = w.Dropdown(options=list(modules(self.unet)), description="Block", style=WIDE)
        self.channel = slider("Channel", 0, 0, 1)
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
                    f"{_OUTPUT.get(pipeline.prediction_type, '')}Activations are the numbers that "
                    "leave a block, laid over the clean picture: white is 0, purple positive, "
                    "orange negative, and the strongest colour is the largest size in this map. "
                    "Channel 0 shows the mean size over all channels, which is never negative: the "
                    "more purple, the more active. Sounds are set to −20 dBFS."
                ),
            ]
        )
        self._predict()

    def noisy(self, t: int | None = None) -> Tensor:
        """Return the picture's latents with the noise of time ``t``, by default the chosen one."""
        t = self.time.value if t is None else t
        level = self.pipeline.checkpoint.scheduler.alphas_cumprod[t]
        return level.sqrt() * self.latents + (1 - level).sqrt() * self.noise

    def predict(self, *off: str, t: int | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the predicted clean latents without the parts ``off``, and all activations."""
        import torch

        from riffedu.diffusion.schedule import clean_and_noise

        t = self.time.value if t is None else t
        noisy, names = self.noisy(t), [name for name in off if name != NOTHING_OFF]
        with torch.no_grad(), without(self.unet, *names), record_activations(self.unet) as record:
            output = self.unet(noisy, t, self.words).sample
        level = self.pipeline.checkpoint.scheduler.alphas_cumprod[t]
        clean, _ = clean_and_noise(noisy, output, level, self.pipeline.prediction_type)
        return clean, record

    def factor(self, *off: str, t: int) -> float:
        """Divide the squared error without the parts ``off`` by that of the whole network.

        1: no change; more than 1: further from the clean latents; less than 1: nearer.
        """
        if t not in self._least:
            self._least[t] = self._squared_error(t)
        return self._squared_error(t, *off) / self._least[t]

    def _squared_error(self, t: int, *off: str) -> float:
        return float((self.predict(*off, t=t)[0] - self.latents).square().mean())

    @one_thread()
    def _predict(self, _: Any = None) -> None:
        t, off = self.time.value, self.off.value
        self.clean, self.record = self.predict(off)
        if t not in self._whole:
            whole = self.clean if off == NOTHING_OFF else self.predict()[0]
            self._whole[t] = whole, [self._picture(each) for each in (self.noisy(), whole)]
        whole, (noisy, best) = self._whole[t]
        self.predicted = best if off == NOTHING_OFF else self._picture(self.clean)
        for name, image in zip(self._images, (noisy, best, self.predicted)):
            self._images[name].set_data(np.asarray(image.convert("L")))
        self.figure.axes[2].title.set_text(self._what())
        error, least = ((x - self.latents).square().mean().sqrt() for x in (self.clean, whole))
        without_what = "" if off == NOTHING_OFF else f" without {off}"
        self.facts.value = (
            f'<p role="status">{html.escape(f"Distance to the clean picture{without_what}")}: '
            f"{error:.3f} (all parts: {least:.3f}), root mean square over the latents, whose own "
            f"spread is {self.latents.std():.2f}.</p>"
        )
        self.heard.clear()
        self._choose_block()

    def _what(self) -> str:
        off = self.off.value
        return "nothing off" if off == NOTHING_OFF else f"without {off}"

    def _picture(self, latents: Tensor) -> Image:
        return self.pipeline.decode_latents(latents, self.image.width)[0]

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
        self.figure.axes[3].title.set_text(f"{self.block.value}, {which} ({tall}×{wide})")
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
            cmap=SIGNED,
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
        label = f"t = {self.time.value}, {self._what()}"
        self.heard.set(result.waveform, result.sample_rate, label, image=result.image)


def unet_panel(pipeline: Pipeline, image: Image, prompt: str = "", seed: int = 0) -> UNetPanel:
    """Switch parts of the U-Net off and look at its prediction and its activations.

    ``image`` is the clean picture, ``prompt`` its description and ``seed`` that of the noise.
    """
    return UNetPanel(pipeline, image, prompt, seed)
