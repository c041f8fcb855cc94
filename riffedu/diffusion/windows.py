"""Lesson 12: a network for latents of any width, by overlapping windows."""

from __future__ import annotations

import math
from collections.abc import Callable

from riffedu.errors import RiffeduError

TOGETHER = 8
"""Windows that the U-Net sees at once: memory does not grow with the sound beyond that."""


def windowed(
    predict: Callable, width: int, overlap: int | None = None, circular: bool = False
) -> Callable:
    """The same network for latents wider than it learned: windows, and the mean where they overlap.

    ``width`` is what the network learned, ``overlap`` what neighbours share (default: a quarter of it),
    in latent columns. Near its edges a window counts less. Because every step takes the mean, the
    windows agree on one sound instead of being glued together. With ``circular`` the last window goes
    on at the beginning: what comes out has no beginning and no end. Latents ``(n, c, h, w)``.

    Source: Bar-Tal et al., "MultiDiffusion" (2023). Notebook: 12_editing.
    """
    import torch

    overlap = width // 4 if overlap is None else overlap
    if not 0 <= overlap < width:
        raise RiffeduError(f"overlap={overlap} must lie between 0 and width={width}, less than it")
    ramp = torch.arange(width)
    weight = torch.minimum(ramp + 1, width - ramp).clamp(max=max(1, overlap)).float()

    def look(x, timestep):
        total = x.shape[-1]
        if total <= width and not circular:
            return predict(x, timestep)
        windows = [
            torch.arange(s, s + width) % total for s in _starts(total, width, overlap, circular)
        ]
        answers = [
            answer
            for first in range(0, len(windows), TOGETHER)
            for answer in predict(
                torch.cat([x[..., w] for w in windows[first : first + TOGETHER]]), timestep
            ).split(len(x))
        ]
        mean, heavy = torch.zeros_like(x), torch.zeros(total, dtype=x.dtype, device=x.device)
        for window, answer in zip(windows, answers):
            mean.index_add_(-1, window.to(x.device), answer * weight.to(x))
            heavy.index_add_(0, window.to(x.device), weight.to(x))
        return mean / heavy

    return look


def _starts(total: int, width: int, overlap: int, circular: bool) -> list[int]:
    """Where windows begin: as few as overlap by ``overlap`` at least, spread evenly."""
    way = total if circular else total - width
    count = max(1, math.ceil(way / (width - overlap)))
    if circular:
        return [round(i * total / max(2, count)) for i in range(max(2, count))]
    return [round(i * way / count) for i in range(count + 1)]
