"""Lesson 15: timing conditioning, the clock of Stable Audio, on curves of loudness.

A "song" here is a curve of loudness that fades in, pulses and fades out, between 4 and 20 s long.
Training pieces are cut from it anywhere, 8 s each, and silence follows the end. A small network
learns to draw such pieces from noise by flow matching; with the clock it is also told where in the
song the piece begins and how long the song is.

    *_, last = train(clock=True)
    curves = draw(last.network, start=0, total=6)       # (count, 32): a whole song of 6 s
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from riffedu.diffusion.toy import Progress
from riffedu.diffusion.unet import timestep_embedding
from riffedu.errors import RiffeduError
from riffedu.miniatures.flow import line

if TYPE_CHECKING:
    from torch import Tensor

POINTS, STEP = 32, 0.25  # a piece is 32 values of loudness, 0.25 s apart
SHORTEST, LONGEST = 4.0, 20.0  # seconds of a song
WIDTH = 16  # numbers that stand for one time


def loudness(start: Tensor, total: Tensor, phase: Tensor) -> Tensor:
    """Return pieces of songs: (count, 32), from −1 (silence) to about 1.

        l(s) = 2 · rise(s) · fall(s) · (0.85 + 0.15 cos(2π(s + phase))) − 1

    with s the time in the song, rise 0 → 1 in the first second and fall 1 → 0 in the last two.
    ``start`` and ``total`` in seconds and ``phase`` in seconds are (count,) each.
    """
    import torch

    s = start[:, None] + STEP * torch.arange(POINTS)
    rise, fall = s.clamp(0, 1), ((total[:, None] - s) / 2).clamp(0, 1)
    return 2 * rise * fall * (0.85 + 0.15 * (2 * math.pi * (s + phase[:, None])).cos()) - 1


def clock_embedding(start: Tensor, total: Tensor) -> Tensor:
    """Return the two times of each piece as sines and cosines: (count, 32).

    The same `timestep_embedding` as for the noise level, of tenths of a second. Source: Evans et
    al., "Fast Timing-Conditioned Latent Audio Diffusion" (2024), §3. Notebook:
    15_measure_and_compare.
    """
    import torch

    return torch.cat([timestep_embedding(10 * x, WIDTH, 1000.0) for x in (start, total)], dim=1)


def build_network(seed: int = 0, width: int = 192) -> Any:
    """Return a network from noisy piece, noise level and clock (32 + 16 + 32) to a velocity."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(POINTS + 3 * WIDTH, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, POINTS),
        )


def train(
    clock: bool = True, steps: int = 800, batch: int = 128, seed: int = 0
) -> Iterator[Progress]:
    """Train a network on pieces of songs that are drawn anew in each step; yield a `Progress`.

        loss = mean |network(x, t, start, total) − (ε − x₀)|²,    x = (1 − t) x₀ + t ε

    Without the ``clock`` the network reads zeros in its place. Notebook: 15_measure_and_compare.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    network = build_network(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3, fused=True)
    annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        length, cut, phase, t = torch.rand(4, batch, generator=generator)
        total = SHORTEST + (LONGEST - SHORTEST) * length
        start = cut * total
        x0 = loudness(start, total, phase)
        noise = torch.randn(x0.shape, generator=generator)
        x, wanted = line(x0, noise, t[:, None])
        told = clock_embedding(start, total) * clock
        predicted = network(torch.cat([x, timestep_embedding(1000 * t, WIDTH), told], 1))
        loss = (predicted - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        annealing.step()
        yield Progress(step, steps, loss.item(), network)


def draw(
    network: Any,
    start: float | None = None,
    total: float | None = None,
    count: int = 200,
    steps: int = 20,
    seed: int = 0,
) -> Tensor:
    """Draw pieces from noise for a start and a length in seconds: (count, 32).

    Without them the network reads zeros, as one trained without the clock expects. Notebook:
    15_measure_and_compare.
    """
    import torch

    if (start is None) != (total is None):
        raise RiffeduError("a clock needs both a start and a total length, or neither")
    x = torch.randn(count, POINTS, generator=torch.Generator().manual_seed(seed))
    told = torch.zeros(count, 2 * WIDTH)
    if start is not None and total is not None:
        told = clock_embedding(torch.tensor([start]), torch.tensor([total])).expand(count, -1)
    for step in range(steps):
        level = timestep_embedding(torch.full((count,), 1000 * (1 - step / steps)), WIDTH)
        with torch.no_grad():
            x = x - network(torch.cat([x, level, told], 1)) / steps
    return x
