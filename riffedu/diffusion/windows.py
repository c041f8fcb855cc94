"""Lesson 12: run a network on latents of any width, in overlapping windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from torch import Tensor

BATCH_SIZE = 8
"""Windows per U-Net batch; it bounds the memory that a long sound needs."""


def windowed(
    predict: Callable[[Tensor, float], Tensor],
    width: int,
    overlap: int | None = None,
    circular: bool = False,
) -> Callable[[Tensor, float], Tensor]:
    """Wrap a network for latents wider than its training width: average overlapping windows.

    ``width`` is the training width and ``overlap`` the columns that adjacent windows share
    (default: a quarter of the width), in latent columns. A window has less weight near its edges.
    Because the windows are averaged at every sampling step, they converge to one continuous sound.
    With ``circular``, windows wrap around from the end to the beginning, so that the result loops
    seamlessly. Latents are ``(n, c, h, w)``. Raises RiffeduError unless 0 ≤ overlap < width.

    Source: Bar-Tal et al., "MultiDiffusion" (2023). Notebook: 12_editing.
    """
    import torch

    overlap = width // 4 if overlap is None else overlap
    if not 0 <= overlap < width:
        raise RiffeduError(f"overlap={overlap} must be at least 0 and less than width={width}")
    ramp = torch.arange(width)
    weight = torch.minimum(ramp + 1, width - ramp).clamp(max=max(1, overlap)).float()

    def predict_windowed(x: Tensor, timestep: float) -> Tensor:
        total = x.shape[-1]
        if total <= width and not circular:
            return predict(x, timestep)
        windows = [
            torch.arange(s, s + width) % total for s in _starts(total, width, overlap, circular)
        ]
        outputs = [
            output
            for first in range(0, len(windows), BATCH_SIZE)
            for output in predict(
                torch.cat([x[..., w] for w in windows[first : first + BATCH_SIZE]]), timestep
            ).split(len(x))
        ]
        weighted = torch.zeros_like(x)
        total_weight = torch.zeros(total, dtype=x.dtype, device=x.device)
        for window, output in zip(windows, outputs):
            weighted.index_add_(-1, window.to(x.device), output * weight.to(x))
            total_weight.index_add_(0, window.to(x.device), weight.to(x))
        return weighted / total_weight

    return predict_windowed


def _starts(total: int, width: int, overlap: int, circular: bool) -> list[int]:
    """First columns of the windows: the fewest that overlap by ``overlap``, evenly spaced."""
    span = total if circular else total - width
    count = max(1, math.ceil(span / (width - overlap)))
    if circular:
        return [round(i * total / max(2, count)) for i in range(max(2, count))]
    return [round(i * span / count) for i in range(count + 1)]
