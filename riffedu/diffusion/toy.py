"""Lessons 07 and 08: diffusion in the plane, small enough to plot completely.

A "picture" here is one point: two numbers instead of 262,144. A data set is a cloud of points in
some shape. The rest is the same as in the music model: the schedule is
`riffedu.diffusion.schedule`, the loop is `riffedu.diffusion.samplers.sample`, and the network
predicts v from x and the timestep.

    points = toy.shape("note")                                # the data
    for state in toy.train(points, alphas): ...               # alphas: ᾱ of a schedule
    start = toy.gaussian_noise(1000)                          # pure noise
    for step in sample(toy.predictor(state.network), start, noise_levels(alphas, timesteps(30)),
                       prediction_type="v_prediction"): ...
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from riffedu.diffusion.schedule import add_noise, noise_levels, velocity
from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike
    from torch import Tensor

SHAPES = ("note", "spiral", "ring")


def shape(name: str = "note", count: int = 4000, seed: int = 0) -> Tensor:
    """Return points drawn at random from a shape: float32 (count, 2), x to the right and y upwards.

    "note" is an eighth note, "spiral" a spiral of two turns, "ring" eight dots on a circle. The
    mean is the origin and the mean square of a coordinate is 1, as noise schedules assume. Raises
    RiffeduError for an unknown name or fewer than two points. Notebook: 07_noise.
    """
    import torch

    if name not in SHAPES:
        raise RiffeduError(f"shape {name!r} is unknown: use {', '.join(SHAPES)}")
    if count < 2:
        raise RiffeduError(f"count={count}: a shape needs at least two points")
    generator = torch.Generator().manual_seed(seed)
    along, across, which = torch.rand(3, count, generator=generator)
    points = {"note": _note, "spiral": _spiral, "ring": _ring}[name](along, across, which)
    points = points - points.mean(0)
    return points / points.square().mean().sqrt()


def gaussian_noise(count: int = 1000, seed: int = 0) -> Tensor:
    """Return pure noise in the plane, the start of sampling: float32 (count, 2), N(0, 1)."""
    import torch

    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))


def forward_process(
    x: Tensor, betas: Sequence[float] | np.ndarray, seed: int = 0
) -> Iterator[Tensor]:
    """Run the forward process by its definition, one small step at a time; yield x after each.

        x_t = √(1 − β_t) · x_{t−1} + √β_t · z,      z ~ N(0, 1)

    Each step scales x down a little and adds a little noise, which preserves unit variance. The
    closed form of all steps up to t is `riffedu.diffusion.schedule.add_noise` at ᾱ_t. ``x`` has any
    shape. Source: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models" (2020), eq. 2.
    Notebook: 07_noise.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    for beta in betas:
        z = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = math.sqrt(1 - beta) * x + math.sqrt(beta) * z
        yield x


def posterior_mean(x: Tensor, points: Tensor, alpha_bar: float) -> Tensor:
    """Return the expected clean point E[x₀ | x] for the data set ``points``, the best prediction.

        x̂₀ = Σ_i w_i p_i,    w = softmax_i( −|x − √ᾱ p_i|² / (2 (1 − ᾱ)) )

    The mean of the points, weighted by the likelihood that noise moved each of them to x. No
    network has a smaller mean squared error on this data set. The score ∇ log p(x) is
    (√ᾱ x̂₀ − x) / (1 − ᾱ). ``x`` (count, 2), ``points`` (many, 2). Raises RiffeduError unless
    0 ≤ ᾱ < 1. Source: Robbins, "An Empirical Bayes Approach to Statistics" (1956), for Tweedie's
    formula; Karras et al. (2022), appendix B.3. Notebook: 07_noise.
    """
    import torch

    if not 0 <= alpha_bar < 1:
        raise RiffeduError(f"alpha_bar={alpha_bar} must be in [0, 1)")
    squared = torch.cdist(x, math.sqrt(alpha_bar) * points).square()
    weights = torch.softmax(-squared / (2 * (1 - alpha_bar)), dim=1)
    return weights @ points


def exact_predictor(points: Tensor, alphas_cumprod: ArrayLike) -> Callable[[Tensor, float], Tensor]:
    """Return `posterior_mean` as the ``predict(x, timestep)`` of a sampler.

    It needs no network. Its ``prediction_type`` is "sample". Notebook: 08_denoising.
    """

    def predict(x: Tensor, timestep: float) -> Tensor:
        return posterior_mean(x, points, noise_levels(alphas_cumprod, [timestep])[0].alpha_bar)

    return predict


def features(x: Tensor, timestep: float | Tensor) -> Tensor:
    """Return the network's input: each point, and Fourier features of its position and timestep.

    ``x`` (count, 2), ``timestep`` one number or one per point → (count, 26). A small network learns
    smooth functions first; sines and cosines of four frequencies, each twice the one before, let it
    learn thin lines and distinguish nearby timesteps. Source: Tancik et al., "Fourier Features Let
    Networks Learn High Frequency Functions in Low Dimensional Domains" (2020). Notebook: 07_noise.
    """
    import torch

    time = torch.as_tensor(timestep, dtype=x.dtype).expand(len(x))[:, None] * (math.pi / 2000)
    waves = (torch.cat([x, time], 1)[:, :, None] * 2.0 ** torch.arange(4)).flatten(1)
    return torch.cat([x, waves.sin(), waves.cos()], 1)


def build_network(width: int = 128, seed: int = 0) -> Any:
    """Build a four-layer network from `features` to v, randomly initialised. Notebook: 07_noise."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(26, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 2),
        )


@dataclass(frozen=True)
class Progress:
    """The state of training after step ``step`` of ``total``: the loss, and the network so far."""

    step: int
    total: int
    loss: float
    network: Any


def train(
    points: Tensor,
    alphas_cumprod: ArrayLike,
    steps: int = 1500,
    batch: int = 256,
    seed: int = 0,
    learning_rate: float = 1e-2,
    network: Any = None,
) -> Iterator[Progress]:
    """Train a network to predict v from x_t and t; yields a `Progress` after each step.

        loss = mean |network(x_t, t) − v|²,     x_t = √ᾱ_t · x₀ + √(1−ᾱ_t) · ε

    Each step draws new points, timesteps and noise. The optimizer is Adam with cosine annealing of
    the learning rate. The same seed gives the same losses. 1500 steps take about 3 s on one core.
    Source: Ho et al.
    (2020), alg. 1; Salimans and Ho (2022) for v. Notebook: 07_noise.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    alphas = torch.as_tensor(alphas_cumprod, dtype=points.dtype)
    network = network or build_network(seed=seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        x0 = points[torch.randint(len(points), (batch,), generator=generator)]
        times = torch.randint(len(alphas), (batch,), generator=generator)
        noise = torch.randn(x0.shape, generator=generator)
        alpha_bar = alphas[times, None]
        predicted = network(features(add_noise(x0, noise, alpha_bar), times))
        loss = (predicted - velocity(x0, noise, alpha_bar)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        annealing.step()
        yield Progress(step, steps, loss.item(), network)


def predictor(network: Any) -> Callable[[Tensor, float], Tensor]:
    """Return a trained network as the ``predict(x, timestep)`` of a sampler.

    Its ``prediction_type`` is "v_prediction".
    """
    import torch

    def predict(x: Tensor, timestep: float) -> Tensor:
        with torch.no_grad():
            return network(features(x, timestep))

    return predict


def energy_distance(a: Tensor, b: Tensor) -> float:
    """Return the energy distance between the distributions of two point clouds: 0 if equal.

        D² = 2 E|a − b| − E|a − a'| − E|b − b'|

    The expectations are over all pairs of different points; negative estimates of D² give 0.
    Source: Székely and Rizzo, "Energy statistics" (2013). Notebook: 08_denoising.
    """
    import torch

    def within(x: Tensor) -> Tensor:
        return torch.cdist(x, x).sum() / (len(x) * (len(x) - 1))

    squared = 2 * torch.cdist(a, b).mean() - within(a) - within(b)
    return math.sqrt(max(0.0, squared.item()))


def _note(along: Tensor, across: Tensor, which: Tensor) -> Tensor:
    """An eighth note: a slanted oval head, a stem and a flag."""
    import torch

    turn, out = 2 * math.pi * along, across.sqrt()
    wide, tall = 0.62 * out * turn.cos(), 0.42 * out * turn.sin()
    head = torch.stack([wide - 0.4 * tall, tall + 0.3 * wide], 1)
    stem = torch.stack([0.52 + 0.1 * across, 0.15 + 2.35 * along], 1)
    fall = 0.62 + 0.75 * (1.4 * along).sin()
    flag = torch.stack([fall, 2.5 - 1.35 * along - 0.35 * across * (1 - 0.8 * along)], 1)
    part = torch.bucketize(which, torch.tensor([0.5, 0.76]))
    return torch.stack([head, stem, flag])[part, torch.arange(len(which))]


def _spiral(along: Tensor, across: Tensor, which: Tensor) -> Tensor:
    """Two turns of an Archimedean spiral of uniform density."""
    import torch

    turn = 0.8 + 4 * math.pi * along.sqrt()
    radius = turn + 0.9 * (across - 0.5)
    return torch.stack([radius * turn.cos(), radius * turn.sin()], 1)


def _ring(along: Tensor, across: Tensor, which: Tensor) -> Tensor:
    """Eight small dots, evenly spaced on a circle."""
    import torch

    turn, out = 2 * math.pi * along, 0.08 * across.sqrt()
    centre = (8 * which).floor() * math.pi / 4
    return torch.stack([centre.cos() + out * turn.cos(), centre.sin() + out * turn.sin()], 1)
