"""Training presets: the settings that differ between a two-core CPU and a GPU.

Taught in lesson 14.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from ..errors import RiffeduError
from ..output import exit_code, say


@dataclass(frozen=True)
class Preset:
    """Batch sizes and learning rates; the networks and losses are the same everywhere."""

    device: str
    autoencoder_batch: int
    autoencoder_rate: float
    denoiser_batch: int
    denoiser_rate: float
    latent_noise: float = 0.1  # standard deviation, in units of the latents' own
    caption_dropout: float = 0.1
    average_decay: float = 0.999


PRESETS = {
    "two-cores": Preset("cpu", 4, 2e-4, 64, 7e-4),
    "one-gpu": Preset("cuda", 32, 4e-4, 256, 6e-4, average_decay=0.9995),
}


def training_device(preset: str) -> str:
    """Return the torch device of a preset; raise RiffeduError if it is not available."""
    import torch

    device = PRESETS[preset].device
    if device == "cuda" and not torch.cuda.is_available():
        raise RiffeduError("no GPU was found: use --preset two-cores")
    return device


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that the training commands share."""
    parser.add_argument(
        "--data", default="runs/data", help="folder that `riffedu train data` wrote"
    )
    parser.add_argument(
        "--output", default="runs/model", help="model folder to write (default: runs/model)"
    )
    parser.add_argument(
        "--preset",
        choices=sorted(PRESETS),
        default="two-cores",
        help="settings for this machine (default: two-cores)",
    )
    parser.add_argument(
        "--minutes", type=float, default=30.0, help="minutes to train in this run (default: 30)"
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")


def follow(steps: Any, minutes: float, name: str, batch: int = 1) -> int:
    """Run the steps under a progress bar that counts minutes and says how many samples of
    ``batch`` a step go by in a second; Ctrl-C keeps what was trained.
    """
    from tqdm.auto import tqdm

    if minutes <= 0:
        raise RiffeduError("--minutes must be more than 0")
    first = None
    mean = None
    rate = ""
    try:
        with tqdm(total=round(60 * minutes), unit="s", desc=name, mininterval=5) as bar:
            for step in steps:
                first = step if first is None else first
                if step.seconds > first.seconds:
                    speed = batch * (step.step - first.step) / (step.seconds - first.seconds)
                    rate = f"{speed:.1f}/s"
                mean = step.loss if mean is None else 0.98 * mean + 0.02 * step.loss
                bar.set_postfix(step=step.step, loss=f"{mean:.4f}", samples=rate, refresh=False)
                passed = round(step.seconds - first.seconds)
                bar.update(max(0, min(bar.total, passed) - bar.n))
    except KeyboardInterrupt as stop:
        steps.close()
        say("stopped; everything so far is saved; run the same command again to continue")
        return exit_code(stop)
    return 0
