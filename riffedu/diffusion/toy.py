"""Lessons 07 and 08: diffusion in the plane, small enough to see all of it.

A "picture" here is one point: two numbers instead of 262,144. A data set is a cloud of points in
some shape. Everything else is the real thing: the schedule is `riffedu.diffusion.schedule`, the loop is
`riffedu.diffusion.samplers.sample`, the network is told x and the time and says v.

    points = toy.shape("note")                                # the data
    for state in toy.train(points, kept): ...                 # kept: ᾱ of a schedule
    start = toy.cloud(1000)                                   # pure noise
    for step in sample(toy.predictor(state.network), start, noise_levels(kept, timesteps(30)),
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
    from torch import Tensor

SHAPES = ("note", "spiral", "ring")


def shape(name: str = "note", count: int = 4000, seed: int = 0) -> Tensor:
    """Points drawn at random from a shape: float32 (count, 2), x to the right and y upwards.

    "note" is a quaver, "spiral" a line wound up, "ring" eight dots on a circle. The middle lies at
    the origin and the mean square of a coordinate is 1, as a schedule wants its data. Raises
    RiffeduError for an unknown name and for less than two points. Notebook: 07_noise.
    """
    import torch

    if name not in SHAPES:
        raise RiffeduError(f"shape {name!r} is unknown: use {', '.join(SHAPES)}")
    if count < 2:
        raise RiffeduError(f"a shape needs at least two points, not {count}")
    generator = torch.Generator().manual_seed(seed)
    along, across, which = torch.rand(3, count, generator=generator)
    points = {"note": _note, "spiral": _spiral, "ring": _ring}[name](along, across, which)
    points = points - points.mean(0)
    return points / points.square().mean().sqrt()


def cloud(count: int = 1000, seed: int = 0) -> Tensor:
    """Pure noise in the plane, where every way back begins: float32 (count, 2), N(0, 1)."""
    import torch

    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))


def drift(x, betas: Sequence[float], seed: int = 0) -> Iterator[Tensor]:
    """The forward process as it is defined, one small step at a time; yields x after each.

        x_t = √(1 − β_t) · x_{t−1} + √β_t · z,      z ~ N(0, 1)

    A step shrinks a little and adds a little, so that unit variance stays. All steps up to t at
    once are `riffedu.diffusion.schedule.add_noise` at ᾱ_t. ``x`` is a torch tensor of any shape. Source: Ho,
    Jain and Abbeel, "Denoising Diffusion Probabilistic Models" (2020), eq. 2. Notebook: 07_noise.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    for beta in betas:
        z = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = math.sqrt(1 - beta) * x + math.sqrt(beta) * z
        yield x


def best_guess(x, points, alpha_bar: float) -> Tensor:
    """Where x most likely came from, if the data are just these ``points``: the best x₀.

        x̂₀ = Σ_i w_i p_i,    w = softmax_i( −|x − √ᾱ p_i|² / (2 (1 − ᾱ)) )

    The mean of the points, each weighed by how likely its noise would have led to x. No network can
    have a smaller squared error on this data set. The score, the slope of log p(x), is
    (√ᾱ x̂₀ − x) / (1 − ᾱ). ``x`` (count, 2), ``points`` (many, 2). Raises RiffeduError unless
    0 ≤ ᾱ < 1. Source: Robbins, "An Empirical Bayes Approach to Statistics" (1956), for Tweedie's
    formula; Karras et al. (2022), appendix B.3. Notebook: 07_noise.
    """
    import torch

    if not 0 <= alpha_bar < 1:
        raise RiffeduError(f"alpha_bar={alpha_bar} must lie in [0, 1): without noise x is its own")
    away = torch.cdist(x, math.sqrt(alpha_bar) * points).square()
    weights = torch.softmax(-away / (2 * (1 - alpha_bar)), dim=1)
    return weights @ points


def exact_predictor(points, alphas_cumprod) -> Callable:
    """``predict(x, timestep)`` for `riffedu.diffusion.samplers.sample`, by `best_guess`: x₀, no network.

    Its ``prediction_type`` is "sample". Notebook: 08_denoising.
    """

    def predict(x, timestep):
        return best_guess(x, points, noise_levels(alphas_cumprod, [timestep])[0].alpha_bar)

    return predict


def features(x, timestep) -> Tensor:
    """What the network is told: the point, and sines and cosines of its place and its time.

    ``x`` (count, 2), ``timestep`` one number or one for each point → (count, 26). A small network
    bends slowly; waves of four lengths, each half the one before, let it draw thin lines and tell
    one time from the next. Source: Tancik et al., "Fourier Features Let Networks Learn High
    Frequency Functions in Low Dimensional Domains" (2020). Notebook: 07_noise.
    """
    import torch

    time = torch.as_tensor(timestep, dtype=x.dtype).expand(len(x))[:, None] * (math.pi / 2000)
    waves = (torch.cat([x, time], 1)[:, :, None] * 2.0 ** torch.arange(4)).flatten(1)
    return torch.cat([x, waves.sin(), waves.cos()], 1)


def build_network(width: int = 128, seed: int = 0) -> Any:
    """Four layers from `features` to two numbers, weights drawn by ``seed``. Notebook: 07_noise."""
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
    """Training just after step ``step`` of ``total``: its loss, and the network as it is now."""

    step: int
    total: int
    loss: float
    network: Any


def train(
    points,
    alphas_cumprod,
    steps: int = 1500,
    batch: int = 256,
    seed: int = 0,
    rate: float = 1e-2,
    network: Any = None,
) -> Iterator[Progress]:
    """Teach a network to say v from x_t and t; yields a `Progress` after each step.

        loss = mean |network(x_t, t) − v|²,     x_t = √ᾱ_t · x₀ + √(1−ᾱ_t) · ε

    Each step draws points, times and noise anew. Adam, its rate falling to 0 along half a cosine.
    The same seed gives the same losses. Some 3 s for 1500 steps on one core. Source: Ho et al.
    (2020), alg. 1; Salimans and Ho (2022) for v. Notebook: 07_noise.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    kept = torch.as_tensor(alphas_cumprod, dtype=points.dtype)
    network = network or build_network(seed=seed)
    adam = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for step in range(1, steps + 1):
        x0 = points[torch.randint(len(points), (batch,), generator=generator)]
        times = torch.randint(len(kept), (batch,), generator=generator)
        noise = torch.randn(x0.shape, generator=generator)
        alpha_bar = kept[times, None]
        said = network(features(add_noise(x0, noise, alpha_bar), times))
        loss = (said - velocity(x0, noise, alpha_bar)).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        falling.step()
        yield Progress(step, steps, loss.item(), network)


def predictor(network) -> Callable:
    """``predict(x, timestep)`` for `riffedu.diffusion.samplers.sample`; its type is "v_prediction"."""
    import torch

    def predict(x, timestep):
        with torch.no_grad():
            return network(features(x, timestep))

    return predict


def distance(a, b) -> float:
    """How far two clouds are from each other: 0 for equal distributions, no pairs needed.

        D² = 2 E|a − b| − E|a − a'| − E|b − b'|

    The energy distance, over all pairs but those of a point with itself, and at least 0. Source:
    Székely and Rizzo, "Energy statistics" (2013). Notebook: 08_denoising.
    """
    import torch

    def within(x):
        return torch.cdist(x, x).sum() / (len(x) * (len(x) - 1))

    squared = 2 * torch.cdist(a, b).mean() - within(a) - within(b)
    return math.sqrt(max(0.0, squared.item()))


def _note(along, across, which):
    """A quaver: an oval head, leaning; a stem; a flag."""
    import torch

    turn, out = 2 * math.pi * along, across.sqrt()
    wide, tall = 0.62 * out * turn.cos(), 0.42 * out * turn.sin()
    head = torch.stack([wide - 0.4 * tall, tall + 0.3 * wide], 1)
    stem = torch.stack([0.52 + 0.1 * across, 0.15 + 2.35 * along], 1)
    fall = 0.62 + 0.75 * (1.4 * along).sin()
    flag = torch.stack([fall, 2.5 - 1.35 * along - 0.35 * across * (1 - 0.8 * along)], 1)
    part = torch.bucketize(which, torch.tensor([0.5, 0.76]))
    return torch.stack([head, stem, flag])[part, torch.arange(len(which))]


def _spiral(along, across, which):
    """Two turns of an even spiral, as dense at its end as at its beginning."""
    import torch

    turn = 0.8 + 4 * math.pi * along.sqrt()
    radius = turn + 0.9 * (across - 0.5)
    return torch.stack([radius * turn.cos(), radius * turn.sin()], 1)


def _ring(along, across, which):
    """Eight small dots, evenly round a circle."""
    import torch

    turn, out = 2 * math.pi * along, 0.08 * across.sqrt()
    centre = (8 * which).floor() * math.pi / 4
    return torch.stack([centre.cos() + out * turn.cos(), centre.sin() + out * turn.sin()], 1)
