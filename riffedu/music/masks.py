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


def as_mask(mask: Any) -> np.ndarray:
    """Return a mask as float32 (rows, columns) in [0, 1]: 0 keeps, 1 regenerates.

    ``mask`` is a PIL picture (white regenerates; where it is transparent, the sound is kept), or an
    array or tensor of booleans, of numbers from 0 to 1, or of greys from 0 to 255: if the largest
    is 128 or more, all are divided by 255. Colours are averaged. Raises RiffeduError for another
    shape and for other values. Notebook: 12_editing.
    """
    from PIL import Image

    if isinstance(mask, Image.Image):
        if mask.mode[0] in "IF":  # integers of up to 16 bits, or floats
            values = np.asarray(mask, dtype=np.float32)
            return as_mask(values / 257 if values.max() > 255 else values)
        visible = np.asarray(mask.convert("RGBA").getchannel("A"), dtype=np.float32) / 255
        grey = np.asarray(mask.convert("RGB").convert("L"), dtype=np.float32) / 255
        return grey * visible
    if hasattr(mask, "detach"):
        mask = mask.detach().cpu().float().numpy()
    try:
        found = np.asarray(mask, dtype=np.float32)
    except (TypeError, ValueError):
        raise RiffeduError(
            f"a mask must be an array or a PIL picture, not {type(mask).__name__}"
        ) from None
    if found.ndim == 3 and found.shape[2] in (1, 3):
        found = found.mean(axis=2)
    if found.ndim != 2 or not found.size:
        raise RiffeduError(f"a mask must be two-dimensional (rows, columns), not {found.shape}")
    low, high = float(found.min()), float(found.max())
    if low >= 0 and 128 <= high <= 255:
        return found / 255
    if low >= 0 and high <= 1:
        return found
    raise RiffeduError(
        "a mask must be 0 (keep) to 1 or 255 (regenerate); the values of this one range "
        f"from {low:g} to {high:g}"
    )


def latent_mask(mask: Any, factor: int) -> torch.Tensor:
    """Average a picture's mask over the patch of each latent: a tensor (1, 1, h, w).

    ``mask`` is anything that `as_mask` accepts. ``factor`` is the number of pixels per latent along
    each side; an incomplete patch at the right or bottom edge counts as a whole one.
    """
    import torch

    mask = as_mask(mask)
    spare = (0, -mask.shape[1] % factor, 0, -mask.shape[0] % factor)
    filled = torch.nn.functional.pad(torch.from_numpy(mask)[None, None], spare, mode="replicate")
    return torch.nn.functional.avg_pool2d(filled, factor)
