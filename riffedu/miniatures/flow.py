"""Lesson 15: flow matching against v-prediction, in the plane of lessons 07 and 08.

Both train a network on pairs of a clean point and noise, and both ask it for a velocity. They
differ in the path from one to the other, which is one line of code: v-prediction moves on a circle,
flow matching on a straight line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from riffedu.diffusion.toy import Progress, build_network, features
from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from torch import Tensor

Path = Callable[["Tensor", "Tensor", "Tensor"], "tuple[Tensor, Tensor]"]


def circle(x0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the position at time t on the path of v-prediction, and its velocity dx/dt.

        φ = πt/2,   x = cos φ · x₀ + sin φ · ε,   dx/dt = π/2 · (cos φ · ε − sin φ · x₀) = π/2 · v

    ``t`` lies in 0 (clean) to 1 (noise). v is `riffedu.diffusion.schedule.velocity` at ᾱ = cos² φ,
    the cosine schedule. Notebook: 15_measure_and_compare.
    """
    a, b = (math.pi / 2 * t).cos(), (math.pi / 2 * t).sin()
    return a * x0 + b * noise, math.pi / 2 * (a * noise - b * x0)


def line(x0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the position at time t on the path of flow matching, and its velocity dx/dt.

        x = (1 − t) · x₀ + t · ε,   dx/dt = ε − x₀

    The velocity of one pair does not change along the path. What the network learns is the mean
    over all pairs that pass through x, and that does change, so sampling still takes several steps.
    Source: Lipman et al., "Flow Matching for Generative Modeling" (2022); Liu et al., "Flow
    Straight and Fast" (2022). Notebook: 15_measure_and_compare.
    """
    return (1 - t) * x0 + t * noise, noise - x0


PATHS: dict[str, Path] = {"v-prediction": circle, "flow matching": line}


def train(
    points: Tensor, path: Path, steps: int = 1500, batch: int = 256, seed: int = 0
) -> Iterator[Progress]:
    """Train a network to predict dx/dt from x and t; yield a `Progress` after each step.

        loss = mean |network(x, t) − dx/dt|²,     (x, dx/dt) = path(x₀, ε, t)

    The loop is `riffedu.diffusion.toy.train` with another path. Losses of different paths cannot be
    compared: their targets differ in size. Notebook: 15_measure_and_compare.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    network = build_network(seed=seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2, fused=True)
    annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        x0 = points[torch.randint(len(points), (batch,), generator=generator)]
        noise = torch.randn(x0.shape, generator=generator)
        t = torch.rand(batch, 1, generator=generator)
        x, wanted = path(x0, noise, t)
        loss = (network(features(x, 1000 * t[:, 0])) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        annealing.step()
        yield Progress(step, steps, loss.item(), network)


def euler(network: Any, noise: Tensor, steps: int = 10) -> Iterator[Tensor]:
    """Follow the velocity from noise (t = 1) to clean points (t = 0); yield x after each step.

        x ← x − dx/dt · Δt,   Δt = 1 / steps

    With ``line`` this is diffusers' FlowMatchEulerDiscreteScheduler without a shift. Notebook:
    15_measure_and_compare.
    """
    import torch

    if steps < 1:
        raise RiffeduError(f"sampling needs at least one step, not {steps}")
    x = noise
    for step in range(steps):
        with torch.no_grad():
            x = x - network(features(x, 1000 * (1 - step / steps))) / steps
        yield x
