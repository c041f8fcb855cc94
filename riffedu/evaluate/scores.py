"""Lesson 15: from the classifier's scores to accuracies, floors and confusions."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from riffedu.errors import RiffeduError


def top_k(scores: np.ndarray, truth: np.ndarray, k: int = 1) -> float:
    """Return the share, 0 to 1, of ``scores (n, classes)`` whose true class is among the k best."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float((best == np.asarray(truth)[:, None]).any(axis=1).mean())


def accuracies(scores: np.ndarray, truth: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Return top-1 and top-5 accuracy for all clips, for instruments and for styles.

    ``truth (n,)`` holds class numbers, ``groups (n,)`` is "instrument" or "style". ``error`` is the
    standard error of top-1, √(p(1 − p)/n); ± 2 standard errors is a 95 % interval.
    """
    table = {}
    for group in ("all", *sorted(set(groups))):
        rows = np.flatnonzero(groups == group) if group != "all" else np.arange(len(truth))
        p = top_k(scores[rows], truth[rows])
        table[group] = {
            "clips": len(rows),
            "top1": p,
            "top5": top_k(scores[rows], truth[rows], 5),
            "error": float(np.sqrt(p * (1 - p) / len(rows))),
        }
    return table


def shuffle_labels(truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """Permute labels so that no clip keeps its own class (a derangement).

    Clips sorted by class (classes and clips in random order) pass their label on by a random number
    of places, at least as many as the largest class has clips.
    """
    truth = np.asarray(truth)
    random = np.random.default_rng([seed, 31])
    classes, counts = np.unique(truth, return_counts=True)
    if 2 * counts.max() > len(truth):
        raise RiffeduError("labels cannot be shuffled if over half belong to one class")
    order = random.permutation(len(truth))
    rank = random.permutation(classes.max() + 1)
    order = order[np.argsort(rank[truth[order]], kind="stable")]
    shift = int(random.integers(counts.max(), len(truth) - counts.max() + 1))
    shuffled = np.empty_like(truth)
    shuffled[order] = np.roll(truth[order], shift)
    return shuffled


def shuffle_within(truth: np.ndarray, groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """Apply `shuffle_labels` to instruments and styles separately."""
    shuffled = np.array(truth)
    for group in sorted(set(groups)):
        rows = np.flatnonzero(groups == group)
        shuffled[rows] = shuffle_labels(shuffled[rows], seed)
    return shuffled


def confusions(scores: np.ndarray, truth: np.ndarray, names: list[str], most: int = 5) -> Any:
    """Return the most frequent mistakes: [(requested, heard, how often, of how many)]."""
    heard = scores.argmax(axis=1)
    asked = Counter(int(t) for t in truth)
    wrong = Counter((int(t), int(h)) for t, h in zip(truth, heard) if t != h)
    ranked = sorted(wrong.items(), key=lambda pair: (-pair[1], pair[0]))[:most]
    return [(names[t], names[h], times, asked[t]) for (t, h), times in ranked]


def weakest(scores: np.ndarray, truth: np.ndarray, names: list[str], most: int = 8) -> Any:
    """Return the classes recognised least often: [(name, right, clips)], weakest first."""
    right = scores.argmax(axis=1) == truth
    tally = [
        (names[c], int(right[truth == c].sum()), int((truth == c).sum())) for c in np.unique(truth)
    ]
    return sorted(tally, key=lambda row: (row[1] / row[2], -row[2], row[0]))[:most]
