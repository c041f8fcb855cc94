"""Lesson 12: masks, which select the parts of a picture to regenerate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from riffedu.signal.params import SpectrogramParams


import math
from collections.abc import Mapping, Sequence

import numpy as np

from riffedu import limits
from riffedu.errors import RiffeduError

REGIONS = {
    "bass": {"below": 250},
    "middle": {"above": 250, "below": 2000},
    "treble": {"above": 2000},
}


def region(
    shape: Sequence[int],
    params: SpectrogramParams,
    after: float = 0.0,
    before: float = math.inf,
    above: float = 0.0,
    below: float = math.inf,
) -> np.ndarray:
    """Return a mask that is 1 between these times in seconds and frequencies in Hz, else 0.

    ``shape`` is (rows, columns) of the picture, row 0 at the top. ``below=250`` selects the bass,
    ``after=2`` everything after 2 s. Returns float32. Raises RiffeduError if the region is empty.
    Notebook: 12_editing.
    """
    from riffedu.signal.mel import hz_to_mel

    rows, columns = shape
    seconds = (np.arange(columns) + 0.5) * params.column_ms / 1000
    low, high = hz_to_mel([params.min_frequency, params.max_frequency], params.mel_scale_type)
    mels = low + (np.arange(rows)[::-1] + 0.5) / rows * (high - low)
    wanted = hz_to_mel([above, min(below, 1e9)], params.mel_scale_type)
    time = (seconds >= after) & (seconds < before)
    pitch = (mels >= wanted[0]) & (mels < wanted[1])
    mask = np.outer(pitch, time).astype(np.float32)
    if not mask.any():
        raise RiffeduError("the mask is empty: no part of the picture lies within these bounds")
    return mask


def named_region(
    name: str | Mapping[str, float], shape: Sequence[int], params: SpectrogramParams
) -> np.ndarray:
    """Return the `region` with a name in `REGIONS`, or with the bounds in a mapping."""
    if isinstance(name, str):
        name = REGIONS[limits.one_of("the mask", name.lower(), REGIONS)]
    if unknown := set(name) - {"after", "before", "above", "below"}:
        raise RiffeduError(
            f"a mask can be bounded by after, before, above and below, not by {min(unknown)!r}"
        )
    return region(shape, params, **name)


def latent_mask(mask: Any, factor: int) -> torch.Tensor:
    """Average a picture's mask over the patch of each latent: a tensor (1, 1, h, w).

    ``factor`` is the number of pixels per latent along each side; an incomplete patch at the right
    or bottom edge counts as a whole one. Raises RiffeduError for a mask that is not two-dimensional
    or has values outside [0, 1].
    """
    import torch

    mask = np.asarray(mask, dtype=np.float32)
    if mask.ndim != 2 or not mask.size or not (mask.min() >= 0 and mask.max() <= 1):
        raise RiffeduError(
            "a mask must be two-dimensional, with values from 0 (keep) to 1 (regenerate)"
        )
    spare = (0, -mask.shape[1] % factor, 0, -mask.shape[0] % factor)
    filled = torch.nn.functional.pad(torch.from_numpy(mask)[None, None], spare, mode="replicate")
    return torch.nn.functional.avg_pool2d(filled, factor)
