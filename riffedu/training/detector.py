"""A detector of sounds that needs hardly any training: the nearest mean.

A few numbers describe the level, variation and change of each band of a picture; every sound is
represented by the mean of its clips, and a new clip belongs to the nearest one. It is weak if
two sounds differ in melody or rhythm, and reliable if they differ in timbre. It has never seen a
generated clip.

Taught in lesson 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import RiffeduError

BANDS, TIMES = 32, 128


def features(pictures: Any) -> np.ndarray:
    """Describe pictures by three numbers per band: level, variation, change; float64 ``(n, 96)``.

        level = mean_t L,   variation = std_t L,   change = mean_t |L_t − L_{t−1}|

    L is the loudness of a band at a time, in 0..1, as means of blocks of the picture: 32 bands, 128
    times. ``pictures``: Pillow pictures, or arrays ``(rows, columns)`` uint8, where dark is loud.
    """
    found = []
    for picture in pictures:
        grey = np.asarray(picture.convert("L") if hasattr(picture, "convert") else picture)
        rows, columns = (size // part for size, part in zip(grey.shape, (BANDS, TIMES)))
        if not rows or not columns:
            raise RiffeduError(f"a picture of {grey.shape} is too small: 5.12 s is (512, 512)")
        blocks = grey[: rows * BANDS, : columns * TIMES].reshape(BANDS, rows, TIMES, columns)
        loud = 1 - blocks.mean(axis=(1, 3)) / 255
        change = np.abs(np.diff(loud, axis=1)).mean(axis=1)
        found.append(np.concatenate([loud.mean(axis=1), loud.std(axis=1), 3 * change]))
    return np.stack(found)


@dataclass(frozen=True)
class NearestMean:
    """Means of features by name: ``means (sounds, 96)``, in units of ``scale (96,)``."""

    names: tuple[str, ...]
    means: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, pictures: Any, names: Sequence[str]) -> NearestMean:
        """Learn from pictures and the name of the sound in each.

        ``scale`` is the standard deviation of each feature within the sounds, so that a feature
        that varies within a sound counts for less.
        """
        described, labels = features(pictures), np.asarray(names)
        known = tuple(sorted(set(names)))
        means = np.stack([described[labels == name].mean(axis=0) for name in known])
        inside = described - means[[known.index(name) for name in names]]
        return cls(known, means, np.sqrt((inside**2).mean(axis=0)) + 0.02)

    def distances(self, pictures: Any) -> np.ndarray:
        """Return the distance of each picture to each mean: ``(n, sounds)``."""
        apart = features(pictures)[:, None] - self.means[None]
        return np.sqrt(((apart / self.scale) ** 2).mean(axis=-1))

    def tell(self, pictures: Any) -> list[str]:
        """Return the name of the nearest sound for each picture."""
        return [self.names[i] for i in self.distances(pictures).argmin(axis=1)]
