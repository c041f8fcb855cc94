"""The loop that every network here is trained with: a generator that yields each step.

One loop serves the autoencoder and the denoiser. It follows the weights with an exponential moving
average (EMA), warms the learning rate up and cools it down at the end, and keeps everything that it
needs to continue after an interruption in a folder of safetensors and JSON: no pickles.

Taught in lesson 14.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import RiffeduError
from ..output import write_files, write_whole


@dataclass
class TrainingStep:
    """What the loop knows after one step; ``seconds`` counts training time over all runs."""

    step: int
    loss: float
    learning_rate: float
    seconds: float


class MovingAverage:
    """Exponential moving average of a module's parameters: ``a ← d·a + (1 − d)·w``.

    The decay warms up, ``d = min(decay, (1 + step) / (10 + step))``, so that early averages forget
    the random start. Source: Polyak and Juditsky 1992; the warm-up is TensorFlow's.
    """

    def __init__(self, module: torch.nn.Module, decay: float):
        self.decay = decay
        self.parameters = {
            name: value.detach().clone() for name, value in module.named_parameters()
        }

    def update(self, module: torch.nn.Module, step: int, every: int = 1) -> None:
        """Update after step ``step``, or only after every ``every`` steps: d becomes d^every, which
        follows the same average at a fraction of the work.
        """
        import torch

        if step % every:
            return
        decay = min(self.decay, (1 + step) / (10 + step)) ** every
        new = dict(module.named_parameters())
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.parameters.values()), [new[k] for k in self.parameters], 1 - decay
            )

    @contextlib.contextmanager
    def applied_to(self, module: torch.nn.Module) -> Iterator[torch.nn.Module]:
        """Give the module the averaged weights inside the ``with`` block."""
        import torch

        kept = {name: value.detach().clone() for name, value in module.named_parameters()}
        with torch.no_grad():
            for name, value in module.named_parameters():
                value.copy_(self.parameters[name])
        try:
            yield module
        finally:
            with torch.no_grad():
                for name, value in module.named_parameters():
                    value.copy_(kept[name])


def learning_rate_at(
    step: int, share_done: float, base: float, warmup: int, cooldown: float
) -> float:
    """Rise over ``warmup`` steps, hold, fall to a twentieth over the last ``cooldown`` share."""
    rate = base * min(1.0, (step + 1) / warmup)
    if cooldown and share_done > 1 - cooldown:
        rate *= max(0.05, (1 - share_done) / cooldown)
    return rate


def mixed_precision(device: str) -> Any:
    """Return bfloat16 autocast where the hardware multiplies it faster than float32, else no-op.

    On a processor without AVX512-BF16 or AMX, bfloat16 convolutions are emulated and a hundred
    times slower, so the choice is measured on a small product instead of guessed.
    """
    import torch

    if device != "cpu":
        return lambda: torch.autocast(device, torch.bfloat16)
    left = torch.randn(256, 256)

    def seconds(matrix: torch.Tensor) -> Any:
        matrix @ matrix
        start = time.perf_counter()
        for _ in range(3):
            matrix @ matrix
        return time.perf_counter() - start

    if seconds(left.bfloat16()) < 0.8 * seconds(left):
        return lambda: torch.autocast("cpu", torch.bfloat16)
    return contextlib.nullcontext


def train(
    module: torch.nn.Module,
    loss_of: Callable[[int], torch.Tensor],
    folder: str | Path,
    *,
    minutes: float,
    learning_rate: float,
    warmup: int = 200,
    cooldown: float = 0.25,
    decay: float = 0.999,
    save_every: float = 300.0,
    average_every: int = 1,
    on_save: Callable | None = None,
    autocast: Callable = contextlib.nullcontext,
) -> Iterator[TrainingStep]:
    """Train ``module`` for ``minutes``; yield a `TrainingStep` after every step.

    ``loss_of(step)`` draws a batch and returns its loss. State is kept in ``folder`` (created)
    every ``save_every`` seconds and at the end, even when the run is interrupted; a later call with
    the same folder continues from it. ``on_save(average, history)`` runs after each save, to draw a
    sheet. AdamW (Loshchilov and Hutter, 2019), gradients clipped to norm 1.
    """
    import torch

    folder = Path(folder)
    weights = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        weights, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    average = MovingAverage(module, decay)
    history = load_state(folder, module, average, optimizer) if has_state(folder) else []
    step = history[-1][0] if history else 0
    before = history[-1][3] if history else 0.0
    start = saved = time.perf_counter()

    def save() -> None:
        save_state(folder, module, average, optimizer, history)
        if on_save is not None:
            on_save(average, history)

    try:
        while (elapsed := time.perf_counter() - start) < 60 * minutes:
            rate = learning_rate_at(step, elapsed / (60 * minutes), learning_rate, warmup, cooldown)
            for group in optimizer.param_groups:
                group["lr"] = rate
            with autocast():
                loss = loss_of(step)
            value = float(loss.detach())
            if value != value:  # before the step, so that what is saved stays sound
                raise RiffeduError(
                    f"the loss is not a number at step {step}: lower the learning rate"
                )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            step += 1
            average.update(module, step, average_every)
            history.append([step, value, rate, before + time.perf_counter() - start])
            yield TrainingStep(*history[-1])
            if time.perf_counter() - saved > save_every:
                save()
                saved = time.perf_counter()
    finally:
        save()


def has_state(folder: str | Path) -> bool:
    """Return whether ``folder`` holds a training state to resume from."""
    return (Path(folder) / "state.json").exists()


def save_state(
    folder: str | Path, module: torch.nn.Module, average: Any, optimizer: Any, history: list
) -> None:
    """Write weights, average, optimizer and history; the JSON file is written last."""
    from safetensors.torch import save_file

    tensors = {f"weights.{k}": v for k, v in module.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.parameters.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": v for k, v in state.items()}
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    with write_files(folder) as part:
        save_file(tensors, part / "state.safetensors")
        (part / "state.json").write_text(json.dumps(history))


def load_state(folder: str | Path, module: torch.nn.Module, average: Any, optimizer: Any) -> list:
    """Restore what `save_state` wrote; returns the history of ``[step, loss, rate, seconds]``."""
    from safetensors.torch import load_file

    tensors = load_file(Path(folder) / "state.safetensors")

    def part(prefix: str) -> Any:
        return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

    module.load_state_dict(part("weights."))
    for name, value in part("average.").items():
        average.parameters[name].copy_(value)
    states: dict[int, dict] = {}
    for key, value in part("optimizer.").items():
        index, name = key.split(".", 1)
        states.setdefault(int(index), {})[name] = value
    known = optimizer.state_dict()
    known["state"] = states
    optimizer.load_state_dict(known)
    return json.loads((Path(folder) / "state.json").read_text())


def save_half(network: Any, folder: str | Path) -> None:
    """Save a copy of a diffusers or transformers network as float16 safetensors."""
    import copy

    import torch

    with write_files(folder) as part:
        copy.deepcopy(network).to("cpu", torch.float16).save_pretrained(part)
        path = part / "config.json"
        config = json.loads(path.read_text())
        config.pop("_name_or_path", None)  # where it was loaded from is nobody's business
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def draw_loss_curve(history: list, path: str | Path, smooth: int = 50) -> None:
    """Draw the loss over training time as a PNG: every step thin, its running mean thick."""
    import numpy as np
    from matplotlib.figure import Figure

    steps = np.array(history)
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    hours = steps[:, 3] / 3600
    axes.plot(hours, steps[:, 1], lw=0.5, color="0.75")
    if len(steps) > smooth:
        mean = np.convolve(steps[:, 1], np.ones(smooth) / smooth, "valid")
        axes.plot(hours[smooth - 1 :], mean, lw=1.8, color="#0072B2")
        axes.set_ylim(mean.min() * 0.9, min(mean.max() * 1.05, np.percentile(steps[:, 1], 99)))
    axes.set(xlabel="training time (hours)", ylabel="loss", title=f"{len(steps)} steps")
    with write_whole(path) as part:
        figure.savefig(part, dpi=110, format="png")
