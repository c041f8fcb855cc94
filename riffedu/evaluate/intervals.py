"""How sure is a ratio? Means, bootstrap intervals, and how often more is more (lesson 15)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True)
class Ratio:
    """``value`` = mean made ÷ mean real, and the interval ``low`` to ``high`` around it."""

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
    """An interval around a statistic: what it might have been with other seeds.

    Each of ``samples`` (1-D) is drawn from anew, with replacement, as often as it has numbers;
    ``statistic(*drawn)`` takes them as (resamples, n) and answers (resamples,). Returns the
    percentiles that leave (1 − level)/2 outside on either side. The same as scipy.stats.bootstrap
    with method="percentile".

    Limits: with two or three seeds it is too narrow (a sample of 3 spreads √(2/3) as far as it
    should); it knows nothing of prompts that were not asked. Source: Efron and Tibshirani, *An
    Introduction to the Bootstrap* (1993), ch. 13. Notebook: 15_measure_it.
    """
    random = np.random.default_rng([seed, 15])
    drawn = [np.asarray(s, float)[random.integers(0, len(s), (resamples, len(s)))] for s in samples]
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(statistic(*drawn), [tail, 100 - tail])
    return float(low), float(high)


def ratio(made: Any, real: Any, seed: int = 0) -> Ratio | None:
    """Mean of ``made`` ÷ mean of ``real`` with its bootstrap interval; None without both."""
    made, real = numbers(made), numbers(real)
    if not len(made) or not len(real) or real.mean() <= 0:
        return None
    low, high = bootstrap(ratios, (made, real), seed)
    return Ratio(float(made.mean() / real.mean()), low, high)


def ratios(made: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Means of the last axis, divided."""
    return made.mean(axis=-1) / np.maximum(real.mean(axis=-1), 1e-9)


def overall(table: list[tuple[np.ndarray, np.ndarray]], seed: int = 0) -> Ratio | None:
    """Mean over classes of min(1, made ÷ real): what one class has too much of doesn't pay for
    what another lacks. ``table``: (made, real) of each class. None for no class.
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
    """How often one of ``more`` is above one of ``less``, ties half: 1 always, ½ is chance. It is
    the area under the ROC curve, Mann and Whitney's U ÷ (n m).
    """
    more, less = numbers(more), numbers(less)
    if not len(more) or not len(less):
        return None
    gap = more[:, None] - less
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def numbers(values: Any) -> np.ndarray:
    """What was measured, without the clips that had nothing to measure (None)."""
    return np.array([v for v in values if v is not None], dtype=float)
