"""Lesson 11: prompts that change with time, such as ``"a piano:0 -> an organ:2.5"``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from riffedu import limits
from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from torch import Tensor

FADE = 0.5
"""Seconds that one prompt takes to replace another, around the time of the change."""
_ARROW = re.compile(r"->|→")
_TIMED = re.compile(r"(?P<text>.*\S)\s*:\s*(?P<seconds>\d+(?:\.\d*)?|\.\d+)\s*s?", re.S)

Schedule = tuple[tuple[str, float], ...]


def parse_schedule(prompt: str, duration: float | None = None) -> Schedule:
    """Parse a prompt schedule: ((text, seconds), …), each text with the time from which it applies.

    Parts are separated by ``->``; each ends in a colon and a time in seconds, and the first one may
    omit it. A prompt without ``->`` applies from 0. Raises RiffeduError unless the times begin at
    0, increase, and stay below ``duration``, if that is given. Notebook: 11_text_to_music.

    >>> parse_schedule("a piano -> (an organ:1.2):2.5")
    (('a piano', 0.0), ('(an organ:1.2)', 2.5))
    """
    pieces = _ARROW.split(prompt)
    if len(pieces) == 1:
        return ((prompt, 0.0),)
    found: list[tuple[str, float]] = []
    for piece in map(str.strip, pieces):
        match = _TIMED.fullmatch(piece)
        if not (match or (piece and not found)):
            raise RiffeduError(
                f"the part {piece!r} of the prompt schedule needs a text and a time in seconds, as "
                'in "a piano:0 -> an organ:2.5"'
            )
        found.append((match["text"], float(match["seconds"])) if match else (piece, 0.0))
    times = [seconds for _, seconds in found]
    if times[0] != 0 or any(b <= a for a, b in zip(times, times[1:])):
        raise RiffeduError(
            "the times of a prompt schedule must begin at 0 and increase, not "
            + ", ".join(f"{seconds:g}" for seconds in times)
        )
    if duration is not None and times[-1] >= duration:
        raise RiffeduError(
            f"{found[-1][0]!r} begins at {times[-1]:g} s, but the music lasts {duration:g} s: use "
            "an earlier time or a longer duration"
        )
    return tuple(found)


def shares(times: Sequence[float], columns: int, seconds_per_column: float) -> list[list[float]]:
    """Return the share of each prompt in each latent column: one row per prompt, columns sum to 1.

    Around each change, over `FADE` seconds, the new prompt's share rises linearly from 0 to 1.
    ``times`` are the times from which the prompts apply, in seconds.

    >>> shares([0, 2], 4, 1.0)
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    """
    middles = [(column + 0.5) * seconds_per_column for column in range(columns)]
    begun = [
        [min(max((middle - start) / FADE + 0.5, 0.0), 1.0) if start else 1.0 for middle in middles]
        for start in times
    ]
    begun.append([0.0] * columns)
    return [[a - b for a, b in zip(now, later)] for now, later in zip(begun, begun[1:])]


def scheduled(
    predicts: Sequence[Callable[[Tensor, float], Tensor]], weights: Tensor, width: int
) -> Callable[[Tensor, float], Tensor]:
    """Join networks, one per prompt, into one whose prompt changes along the time axis.

        prediction = Σₖ shareₖ(column) · predictₖ(x)

    Every network sees the columns in which its share is above 0, and as many around them as fill
    the U-Net's ``width``, so the prompts influence each other and the change is seamless.
    ``weights (prompts, n, columns)`` are the `shares` of each item. Source: Bar-Tal et al.,
    "MultiDiffusion" (2023), region-based generation. Notebook: 11_text_to_music.
    """
    import torch

    def predict(x: Tensor, timestep: float) -> Tensor:
        total = torch.zeros_like(x)
        for predict_one, share in zip(predicts, weights):
            [used] = share.any(dim=0).nonzero(as_tuple=True)
            first, last = _room(int(used[0]), int(used[-1]) + 1, width, x.shape[-1])
            seen = predict_one(x[..., first:last].contiguous(), timestep)
            total[..., first:last] += share[:, None, None, first:last].to(x) * seen
        return total

    return predict


def joined(times: Sequence[Sequence[float]], columns: int, seconds_per_column: float) -> Tensor:
    """Return the `shares` of several items, ``(prompts, n, columns)``; missing prompts have 0."""
    import torch

    most = max(map(len, times))
    rows = [shares(each, columns, seconds_per_column) for each in times]
    none = [[0.0] * columns]
    filled = [each + none * (most - len(each)) for each in rows]
    return torch.tensor(filled).transpose(0, 1)


def one_prompt(text: str, what: str) -> str:
    """Return ``text``. Raises RiffeduError if it is a prompt schedule, which ``what`` can't use."""
    if len(parse_schedule(limits.text("prompt", text, empty=True))) > 1:
        raise RiffeduError(f"{what} can have only one prompt at a time: remove the ->")
    return text


def _room(first: int, last: int, width: int, columns: int) -> tuple[int, int]:
    """Widen a range of columns to ``width``, evenly on both sides, within the picture."""
    missing = max(0, min(width, columns) - (last - first))
    first = min(max(0, first - missing // 2), max(0, columns - width))
    return (first, max(last, min(columns, first + width)))
