"""Lesson 13: from one sound to another. Ways between two points, and journeys over many.

Text is mixed along a straight line; noise along an arc, because a straight line between two draws of
Gaussian noise passes through something too quiet to be noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from riffedu.errors import RiffeduError

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda a: a,
    "smooth": lambda a: a * a * (3 - 2 * a),
    "slow start": lambda a: a * a,
    "slow end": lambda a: 1 - (1 - a) ** 2,
}


def lerp(start, end, alpha: float):
    """The straight way: start + α · (end − start), α in [0, 1].

    Arrays or tensors of one shape, or numbers. Halfway between two independent draws of unit noise it
    has a deviation of 0.71 only. Notebook: 13_interpolation.
    """
    _check_pair(start, end, alpha)
    return start + alpha * (end - start)


def slerp(start, end, alpha: float, parallel: float = 0.9995):
    """The way along the arc between two directions, in equal angles; α in [0, 1].

        slerp = sin((1 − α) θ) / sin θ · start + sin(α θ) / sin θ · end,   cos θ = ⟨start, end⟩ / (‖start‖ ‖end‖)

    Each argument is one vector, whatever its shape: θ is the angle between the two as wholes. Noise of
    unit variance stays so on the way. Where |cos θ| > ``parallel`` the arc is a line (or, for opposite
    vectors, undefined), and where one has no length there is no angle: then `lerp`. NumPy or torch in,
    the same out. Source: Shoemake, "Animating rotation with quaternion curves", SIGGRAPH (1985); the
    threshold is Riffusion's. Notebook: 13_interpolation.
    """
    _check_pair(start, end, alpha)
    lengths = float((start**2).sum()) ** 0.5 * float((end**2).sum()) ** 0.5
    cosine = float((start * end).sum()) / lengths if lengths else 1.0
    if abs(cosine) > parallel:
        return lerp(start, end, alpha)
    angle = math.acos(cosine)
    first, second = math.sin((1 - alpha) * angle), math.sin(alpha * angle)
    return (first * start + second * end) / math.sin(angle)


def four_corners(corners: Sequence, x: float, y: float, mix: Callable = lerp):
    """A mixture of four: first along both edges, then between them. x, y in [0, 1].

        (x, y) = (0, 0) is corner 0, (1, 0) corner 1, (0, 1) corner 2 and (1, 1) corner 3

    ``mix`` is `lerp` (text states) or `slerp` (noise, latents). With `lerp` the weights are
    (1−x)(1−y), x(1−y), (1−x)y and xy. Raises RiffeduError unless there are four corners.
    Notebook: 13_interpolation.
    """
    if len(corners) != 4:
        raise RiffeduError(f"four corners are needed, not {len(corners)}")
    return mix(mix(corners[0], corners[1], x), mix(corners[2], corners[3], x), y)


def journey(stops: Sequence, steps: int, mix: Callable = lerp,
            easing: str = "linear") -> Iterator:
    """Points on the way over all ``stops``: ``steps`` from each to the next, and the last stop.

    (len(stops) − 1) · steps + 1 points, the first one the first stop. ``easing`` says how the way
    between two stops is paced: "linear", "smooth" (slow at both ends), "slow start" or "slow end".
    Raises RiffeduError for fewer than two stops, less than one step, or another easing.
    Notebook: 13_interpolation.
    """
    if len(stops) < 2:
        raise RiffeduError(f"a journey needs at least two stops, not {len(stops)}")
    if steps < 1:
        raise RiffeduError(f"steps={steps} must be at least 1")
    if easing not in EASINGS:
        raise RiffeduError(f"easing={easing!r} is unknown: use {', '.join(EASINGS)}")
    for start, end in zip(stops, stops[1:]):
        for step in range(steps):
            yield mix(start, end, EASINGS[easing](step / steps))
    yield stops[-1]


def _check_pair(start, end, alpha: float) -> None:
    if np.shape(start) != np.shape(end):
        raise RiffeduError(
            f"both ends must have one shape, not {tuple(np.shape(start))} and "
            f"{tuple(np.shape(end))}"
        )
    if not 0 <= alpha <= 1:
        raise RiffeduError(f"alpha={alpha} must lie between 0 and 1")
