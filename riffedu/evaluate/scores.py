"""From what the ear heard to honest numbers: accuracies, floors, confusions (lesson 15)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from riffedu.errors import RiffeduError


def top_k(scores: np.ndarray, truth: np.ndarray, k: int = 1) -> float:
    """The share, 0 to 1, of ``scores (n, classes)`` whose true class is among the k best."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float((best == np.asarray(truth)[:, None]).any(axis=1).mean())


def accuracies(scores: np.ndarray, truth: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Top-1 and top-5 of all clips, of instruments and of styles.

    ``truth (n,)`` holds class numbers, ``groups (n,)`` says "instrument" or "style". ``error`` is
    the standard error of top-1, √(p(1 − p)/n): two of them either way hold 95 % of repeats.
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
    """The same labels dealt out anew, so that no clip keeps its own class: a derangement.

    Clips sorted by class (classes and clips in random order) hand their label on by a random
    number of places, no fewer than the largest class has clips.
    """
    truth = np.asarray(truth)
    random = np.random.default_rng([seed, 31])
    classes, counts = np.unique(truth, return_counts=True)
    if 2 * counts.max() > len(truth):
        raise RiffeduError("labels of one class only, or mostly of one, cannot be shuffled apart")
    order = random.permutation(len(truth))
    rank = random.permutation(classes.max() + 1)
    order = order[np.argsort(rank[truth[order]], kind="stable")]
    shift = int(random.integers(counts.max(), len(truth) - counts.max() + 1))
    shuffled = np.empty_like(truth)
    shuffled[order] = np.roll(truth[order], shift)
    return shuffled


def shuffle_within(truth: np.ndarray, groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """`shuffle_labels` of instruments among instruments and of styles among styles."""
    shuffled = np.array(truth)
    for group in sorted(set(groups)):
        rows = np.flatnonzero(groups == group)
        shuffled[rows] = shuffle_labels(shuffled[rows], seed)
    return shuffled


def confusions(scores: np.ndarray, truth: np.ndarray, names: list[str], most: int = 5) -> Any:
    """The commonest mistakes: [(asked for, heard, how often, of how many)], worst first."""
    heard = scores.argmax(axis=1)
    asked = Counter(int(t) for t in truth)
    wrong = Counter((int(t), int(h)) for t, h in zip(truth, heard) if t != h)
    ranked = sorted(wrong.items(), key=lambda pair: (-pair[1], pair[0]))[:most]
    return [(names[t], names[h], times, asked[t]) for (t, h), times in ranked]


def weakest(scores: np.ndarray, truth: np.ndarray, names: list[str], most: int = 8) -> Any:
    """The classes heard right least often: [(name, right, clips)], weakest first."""
    right = scores.argmax(axis=1) == truth
    tally = [
        (names[c], int(right[truth == c].sum()), int((truth == c).sum())) for c in np.unique(truth)
    ]
    return sorted(tally, key=lambda row: (row[1] / row[2], -row[2], row[0]))[:most]
