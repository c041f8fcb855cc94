"""Lesson 15: the Fréchet distance, how far apart two sets of clips are."""

from __future__ import annotations

from typing import Any

import numpy as np

from riffedu.errors import RiffeduError


def frechet_distance(a: Any, b: Any) -> float:
    """Return the Fréchet distance of two sets of embeddings, each treated as a Gaussian.

        d² = ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½)

    ``a (n, d)`` and ``b (m, d)``: one embedding per row, at least two rows each. Returns d² ≥ 0,
    the number that is customarily reported; it is 0 if means and covariances agree. With few rows
    it is biased upwards, so compare only distances of equally many clips.

    Raises RiffeduError for sets that have no covariance or differ in width. Source: Dowson & Landau
    1982, "The Fréchet distance between multivariate normal distributions"; for sound, Kilgour et
    al. 2019, "Fréchet Audio Distance". Notebook: 15_measure_and_compare.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or min(len(a), len(b)) < 2 or a.shape[1] != b.shape[1]:
        raise RiffeduError(
            "the Fréchet distance needs two arrays of embeddings, (clips, width), with at least "
            f"two clips each and the same width, not {a.shape} and {b.shape}"
        )
    gap = a.mean(axis=0) - b.mean(axis=0)
    first, second = np.atleast_2d(np.cov(a.T)), np.atleast_2d(np.cov(b.T))
    spread = np.trace(first) + np.trace(second) - 2 * trace_of_root(first, second)
    return float(max(0.0, gap @ gap + spread))


def trace_of_root(first: np.ndarray, second: np.ndarray) -> float:
    """Return tr (Σ₁Σ₂)^½ of two covariances.

    Σ₁Σ₂ is not symmetric, but it has the eigenvalues of the symmetric Σ₁^½ Σ₂ Σ₁^½. None is
    negative, so the trace of the root is the sum of their square roots.
    """
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(values.clip(min=0)) @ vectors.T
    return float(np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(min=0)).sum())
