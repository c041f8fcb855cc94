"""A toy from zero: a small U-Net, eight sounds, the loss, the loop and the codec of the large one.

What differs from the shipped model is its size: under two million weights instead of 21, eight
captions instead of thousands, minutes instead of days.

Taught in lesson 14.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .denoiser import velocity_loss
from .feed import EVENLY, StateCache, draw_times
from .loop import MovingAverage, TrainingStep, train
from .toy_sounds import RATE, make_sounds

if TYPE_CHECKING:
    import torch

    from riffedu.music.pipeline import Pipeline

BATCH = 16
LEARNING_RATE = 2e-3


def build_toy(channels: int = 32, width: int = 384, seed: int = 0) -> Any:
    """Return a new U-Net of two levels: latents of ``channels``, token states of ``width``."""
    import torch
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet2DConditionModel(
            sample_size=16,
            in_channels=channels,
            out_channels=channels,
            layers_per_block=1,
            block_out_channels=(48, 80),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=4,
            norm_num_groups=16,
            cross_attention_dim=width,
        )


def toy_latents(pipeline: Pipeline, each: int = 16, seed: int = 0) -> tuple[Any, list[str]]:
    """Return latents ``(8 · each, c, h, w)`` of the eight sounds, and their captions."""
    import torch

    from riffedu.signal.convert import audio_to_image

    waveforms, captions = make_sounds(each, seed)
    pictures = [audio_to_image(waveform, RATE, pipeline.params) for waveform in waveforms]
    return torch.cat([pipeline.encode_image(picture) for picture in pictures]), captions


def with_unet(pipeline: Pipeline, unet: Any) -> Pipeline:
    """Return a pipeline that shares everything with ``pipeline`` but the U-Net."""
    return type(pipeline)(replace(pipeline.checkpoint, unet=unet.eval()), pipeline.params)


def train_toy(
    pipeline: Pipeline,
    unet: Any,
    latents: torch.Tensor,
    captions: Sequence[str],
    folder: str | Path,
    *,
    minutes: float,
    learning_rate: float = LEARNING_RATE,
    batch: int = BATCH,
    save_every: float = 20.0,
    on_save: Callable[[MovingAverage, list], Any] | None = None,
) -> Iterator[TrainingStep]:
    """Train ``unet`` on latents and captions for ``minutes``; yield every step of the loop.

    Autoencoder, text encoder and noise schedule are those of ``pipeline``. A clip is moved in time
    by whole cells at random, around its end, so that a few clips are many. With the same
    ``folder``, a later call goes on. ``save_every`` and ``on_save`` are those of
    `riffedu.training.loop.train`. At the end, also when stopped, ``unet`` holds the averaged
    weights.
    """
    import torch

    random = np.random.default_rng()
    alphas = pipeline.checkpoint.scheduler.alphas_cumprod
    states_of = StateCache(pipeline.encode_prompt, captions.__getitem__, 1)

    def loss_of(step: int) -> torch.Tensor:
        some = random.integers(0, len(latents), batch)
        moved = [latents[i].roll(int(random.integers(latents.shape[-1])), -1) for i in some]
        clean, states = torch.stack(moved), states_of(some, random)
        times = draw_times(batch, len(alphas), EVENLY)
        return velocity_loss(unet, clean, states, alphas, torch.randn_like(clean), times)

    last: list[MovingAverage] = []

    def saved(mean: MovingAverage, history: list) -> None:
        last[:] = [mean]
        if on_save is not None:
            on_save(mean, history)

    try:
        yield from train(
            unet,
            loss_of,
            folder,
            minutes=minutes,
            learning_rate=learning_rate,
            warmup=30,
            decay=0.995,
            save_every=save_every,
            on_save=saved,
        )
    finally:
        for mean in last:
            for name, value in unet.named_parameters():
                value.data.copy_(mean.parameters[name])
