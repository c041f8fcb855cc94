"""Lesson 15: the uncertainty of a ratio: means, bootstrap intervals, rank comparisons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True)
class Ratio:
    """``value`` = mean of made ÷ mean of real, with its interval from ``low`` to ``high``."""

    value: float
    low: float
    high: float


def bootstrap(
    statistic: Callable[..., np.ndarray],
    samples: Sequence[np.ndarray],
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return a confidence interval of a statistic over random seeds.

    Each of ``samples`` (1-D) is resampled with replacement at its own size; ``statistic(*drawn)``
    takes arrays (resamples, n) and returns (resamples,). The interval lies between the percentiles
    that leave (1 − level) / 2 outside on each side, as in scipy.stats.bootstrap with
    method="percentile".

    Limits: with two or three seeds it is too narrow (3 samples spread only √(2/3) as far as they
    should), and it says nothing about prompts that were not used. Source: Efron and Tibshirani, *An
    Introduction to the Bootstrap* (1993), ch. 13. Notebook: 15_measure_and_compare.
    """
    random = np.random.default_rng([seed, 15])
    drawn = [np.asarray(s, float)[random.integers(0, len(s), (resamples, len(s)))] for s in samples]
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(statistic(*drawn), [tail, 100 - tail])
    return float(low), float(high)


def ratio(made: Any, real: Any, seed: int = 0) -> Ratio | None:
    """Return mean made ÷ mean real with its bootstrap interval; None if one is empty."""
    made, real = numbers(made), numbers(real)
    if not len(made) or not len(real) or real.mean() <= 0:
        return None
    low, high = bootstrap(ratios, (made, real), seed)
    return Ratio(float(made.mean() / real.mean()), low, high)


def ratios(made: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Return the means over the last axis, divided."""
    return made.mean(axis=-1) / np.maximum(real.mean(axis=-1), 1e-9)


def overall(table: list[tuple[np.ndarray, np.ndarray]], seed: int = 0) -> Ratio | None:
    """Return the mean over classes of min(1, made ÷ real), or None without classes.

    The limit at 1 keeps an excess in one class from compensating for a lack in another. ``table``
    holds (made, real) for each class.
    """
    if not table:
        return None

    def mean_of_ratios(*drawn: np.ndarray) -> np.ndarray:
        pairs = zip(drawn[::2], drawn[1::2], strict=True)
        return np.mean([np.minimum(1, ratios(made, real)) for made, real in pairs], axis=0)

    flat = [each for pair in table for each in pair]
    value = float(mean_of_ratios(*(np.asarray(s, float)[None] for s in flat))[0])
    return Ratio(value, *bootstrap(mean_of_ratios, flat, seed))


def above(more: Any, less: Any) -> float | None:
    """Return how often a value of ``more`` exceeds one of ``less``, ties counting half.

    1 means always, ½ is chance. It is the area under the ROC curve, Mann and Whitney's U ÷ (n m).
    """
    more, less = numbers(more), numbers(less)
    if not len(more) or not len(less):
        return None
    gap = more[:, None] - less
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def numbers(values: Any) -> np.ndarray:
    """Return the measured values without those of clips that had nothing to measure (None)."""
    return np.array([v for v in values if v is not None], dtype=float)
