"""Lesson 15: votes of listening tests as CSV files, pooled over a class and summarised."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from riffedu.errors import RiffeduError
from riffedu.evaluate.listening import (
    REFERENCE,
    Vote,
    binomial_p_value,
    exact_interval,
    mean_interval,
)
from riffedu.output import write_whole

COLUMNS = tuple(field.name for field in fields(Vote))
RELIABLE = 90.0  # a reliable listener gives the hidden reference at least this much


@dataclass(frozen=True)
class AbxResult:
    """``right`` of ``trials``, ``p_value`` under guessing, interval of the true hit rate."""

    item: str
    right: int
    trials: int
    p_value: float
    low: float
    high: float


@dataclass(frozen=True)
class RatingResult:
    """Mean score of a system over ``listeners`` with Student's interval."""

    system: str
    listeners: int
    mean: float
    low: float
    high: float


def write_votes(path: str | Path, votes: Sequence[Vote]) -> Path:
    """Write votes as CSV with a header line, whole or not at all; an existing file is replaced."""
    with write_whole(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, COLUMNS)
        rows.writeheader()
        rows.writerows(map(asdict, votes))
    return Path(path)


def read_votes(path: str | Path) -> list[Vote]:
    """Read votes that `write_votes` or a listening page has written.

    Raises RiffeduError, with the number of the line, for missing columns and impossible scores.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except UnicodeDecodeError:
        raise RiffeduError(f"{path} is not a UTF-8 CSV file") from None
    votes = []
    for number, row in enumerate(rows, start=2):
        try:
            score, trial = float(row["score"]), int(row["trial"])
            vote = Vote(
                row["listener"],
                row["kind"],
                row["item"],
                trial,
                row["system"],
                row["answer"],
                score,
            )
        except (KeyError, TypeError, ValueError):
            raise RiffeduError(
                f"{path}, line {number}: a vote needs the columns {', '.join(COLUMNS)}"
            ) from None
        allowed = score in (0, 1) if vote.kind == "abx" else 0 <= score <= 100
        if vote.kind not in ("abx", "rating") or not allowed:
            raise RiffeduError(f"{path}, line {number}: invalid {vote.kind!r} score {score:g}")
        votes.append(vote)
    return votes


def pool(paths: Iterable[str | Path]) -> list[Vote]:
    """Return the votes of several files together.

    A file given twice would count twice and make chance look like certainty: RiffeduError if one
    listener has voted twice on the same trial. Files of listeners without a name get one each.
    """
    votes: list[Vote] = []
    for number, path in enumerate(paths, start=1):
        for vote in read_votes(path):
            named = vote.listener or f"listener {number}"
            votes.append(Vote(**{**asdict(vote), "listener": named}))
    seen: set[tuple] = set()
    for vote in votes:
        rated = vote.system if vote.kind == "rating" else ""
        key = (vote.listener, vote.kind, vote.item, vote.trial, rated)
        if key in seen:
            raise RiffeduError(
                f"{vote.listener} has voted twice on {vote.item!r}, trial {vote.trial}: was a file "
                "given twice, or do two listeners share a name?"
            )
        seen.add(key)
    return votes


def abx_results(votes: Iterable[Vote]) -> list[AbxResult]:
    """Return one result per item, in alphabetical order, over all listeners' trials."""
    by_item: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        if vote.kind == "abx":
            by_item[vote.item].append(vote)
    results = []
    for item, found in sorted(by_item.items()):
        right, trials = int(sum(vote.score for vote in found)), len(found)
        p_value = binomial_p_value(right, trials)
        results.append(AbxResult(item, right, trials, p_value, *exact_interval(right, trials)))
    return results


def unreliable(votes: Iterable[Vote]) -> list[str]:
    """Return listeners who rate the hidden reference below 90 in more than 15 % of the items.

    They could not hear it or did not try; ITU-R BS.1534-3 excludes their ratings.
    """
    scores: dict[str, list[float]] = defaultdict(list)
    for vote in votes:
        if vote.kind == "rating" and vote.system == REFERENCE:
            scores[vote.listener].append(vote.score)
    return sorted(
        name
        for name, given in scores.items()
        if sum(score < RELIABLE for score in given) > 0.15 * len(given)
    )


def rating_results(votes: Iterable[Vote], all_listeners: bool = False) -> list[RatingResult]:
    """Return one result per system, best first, from each reliable listener's mean rating."""
    votes = [vote for vote in votes if vote.kind == "rating"]
    left_out = [] if all_listeners else unreliable(votes)
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for vote in votes:
        if vote.listener not in left_out:
            scores[vote.system][vote.listener].append(vote.score)
    results = []
    for system, by_listener in scores.items():
        means = [math.fsum(given) / len(given) for given in by_listener.values()]
        results.append(RatingResult(system, len(means), *mean_interval(means)))
    return sorted(results, key=lambda result: -result.mean)


def to_markdown(votes: Sequence[Vote]) -> str:
    """Return the results of pooled votes as Markdown tables."""
    lines: list[str] = []
    if found := abx_results(votes):
        lines += ["| ABX | right | trials | p | true share, 95 % |", "|---|--:|--:|--:|---|"]
        lines += [
            f"| {r.item} | {r.right} | {r.trials} | {r.p_value:.3f} | {r.low:.2f}–{r.high:.2f} |"
            for r in found
        ]
    if rated := rating_results(votes):
        lines += [""] * bool(lines)
        lines += ["| rating | listeners | mean | 95 % |", "|---|--:|--:|---|"]
        lines += [
            f"| {r.system} | {r.listeners} | {r.mean:.0f} | "
            + (f"{r.low:.0f} to {r.high:.0f} |" if r.listeners > 1 else "one listener: unknown |")
            for r in rated
        ]
    if left_out := unreliable(votes):
        lines += ["", f"Left out, hidden reference rated below 90: {', '.join(left_out)}."]
    return "\n".join(lines) + "\n"
