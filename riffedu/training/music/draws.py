"""Random choices, and the split that follows from a pattern's fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np


def pick(
    rng: np.random.Generator, options: Sequence[Any], weights: Sequence[float] | None = None
) -> Any:
    """Choose one of ``options``, with optional ``weights``; keep its Python type."""
    if weights is not None:
        weights = np.asarray(weights, dtype=float) / np.sum(weights)
    return options[int(rng.choice(len(options), p=weights))]


def fingerprint(content: object) -> str:
    """Return the first 12 hex digits of the SHA-1 of ``repr(content)``."""
    return hashlib.sha1(repr(content).encode()).hexdigest()[:12]


def split_of(pattern_id: str) -> str:
    """Return "train" (90 %), "validation" (4 %) or "test" (6 %), by hash of the pattern."""
    share = int(hashlib.sha1(("split " + pattern_id).encode()).hexdigest()[:8], 16) / 2**32
    return "train" if share < 0.90 else "validation" if share < 0.94 else "test"
