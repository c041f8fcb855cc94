"""Exercises of notebooks/13_interpolation.ipynb."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from riffedu.widgets.verdict import check, hint, right, run

PLACES = (0.0, 0.2, 0.5, 0.9, 1.0)


@check
def check_deviation(deviation: Any) -> object:
    """Check ``deviation(alpha)`` of (1 − α) a + α b for independent a and b of deviation 1."""
    answers = np.array([float(run(deviation, a)) for a in PLACES])
    a = np.array(PLACES)
    power = (1 - a) ** 2 + a**2
    mistakes = {
        "Deviations don't add: noises that know nothing of each other add in power.": a * 0 + 1,
        "That is the variance. The deviation is its square root.": power,
        "Square each share before you add them.": np.sqrt((1 - a) + a**2),
        "A difference of noises is no quieter than their sum: powers add, always.": np.abs(
            1 - 2 * a
        ),
        "That is the middle's, for every α.": a * 0 + math.sqrt(0.5),
        "Those are the shares of an arc, whose powers add up to 1. This is the straight line.": (
            np.cos(a * np.pi / 2) + np.sin(a * np.pi / 2)
        ),
    }
    for message, values in mistakes.items():
        if np.allclose(answers, values, atol=1e-6):
            return hint(message)
    for place, answer, wanted in zip(PLACES, answers, np.sqrt(power)):
        if not math.isclose(answer, wanted, rel_tol=1e-3, abs_tol=1e-6):
            return hint(
                f"At α = {place:g} you say {answer:.3g}. The power of (1 − α) a is (1 − α)², "
                "that of α b is α²; add, and take the root."
            )
    return right("√½ in the middle: 3 dB too quiet, whatever the noise was.")


@check
def check_shares(shares: Any) -> object:
    """Check ``shares(alpha, angle)``: slerp's factors sin((1−α)θ)/sin θ and sin(αθ)/sin θ."""
    for angle in (math.pi / 2, 1.0, 2.5):
        for a in (0.0, 0.3, 0.5, 1.0):
            answer = np.asarray(run(shares, a, angle), dtype=np.float64)
            if answer.shape != (2,):
                return hint("Two numbers are wanted: the share of the start, and that of the end.")
            whole = math.sin(angle)
            wanted = np.array([math.sin((1 - a) * angle), math.sin(a * angle)]) / whole
            if np.allclose(answer, wanted, atol=1e-6):
                continue
            mistakes = {
                "Exchanged: at α = 0 all of it is the start.": wanted[::-1],
                "That is lerp.": [1 - a, a],
                "Divide by sin θ: at α = 0 the start's share must be 1.": wanted * whole,
                "That is right where θ = 90°; the angle is given, so use it.": (
                    [math.cos(a * math.pi / 2), math.sin(a * math.pi / 2)]
                ),
                "Divide by sin θ, not by θ.": wanted * whole / angle,
                "α belongs inside the sine: it is the angle that is shared out.": [1 - a, a]
                * wanted,
                "sin counts in radians, and so does the angle that you are given.": (
                    np.array(
                        [math.sin(math.radians((1 - a) * angle)), math.sin(math.radians(a * angle))]
                    )
                    / math.sin(math.radians(angle))
                ),
            }
            for message, values in mistakes.items():
                if np.allclose(answer, values, atol=1e-6):
                    return hint(message)
            return hint(
                f"For α = {a:g} and θ = {angle:.2f} they should be "
                f"{wanted[0]:.3f} and {wanted[1]:.3f}; yours are "
                f"{answer[0]:.3f} and {answer[1]:.3f}."
            )
    return right(
        "At a right angle they are cosine and sine: the equal-power crossfade of lesson 01."
    )


@check
def check_weights(weights: Any) -> object:
    """Check ``weights(x, y)``: the shares of the corners (0,0), (1,0), (0,1) and (1,1)."""
    for x, y in ((0.25, 0.6), (0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5)):
        answer = np.asarray(run(weights, x, y), dtype=np.float64)
        if answer.shape != (4,):
            return hint(
                f"Four numbers are wanted, one a corner; yours have the shape {answer.shape}."
            )
        u, v = 1 - x, 1 - y
        wanted = np.array([u * v, x * v, u * y, x * y])
        if np.allclose(answer, wanted, atol=1e-6):
            continue
        mistakes = {
            "Corners 1 and 2 are exchanged: (1, 0) comes before (0, 1).": wanted[[0, 2, 1, 3]],
            "The other way round: at (0, 0) all of it is corner 0.": wanted[::-1],
            "y is upside down.": wanted[[2, 3, 0, 1]],
            "x is turned round.": wanted[[1, 0, 3, 2]],
            "Going round the square, corner 3 would be (0, 1). Here the rows come one after "
            "the other.": wanted[[0, 1, 3, 2]],
            "Sums, where products are needed: a corner counts only if x and y are both near.": (
                np.array([u + v, x + v, u + y, x + y]) / 4
            ),
        }
        for message, values in mistakes.items():
            if np.allclose(answer, values, atol=1e-6):
                return hint(message)
        if not math.isclose(answer.sum(), 1, abs_tol=1e-6):
            return hint(f"At ({x}, {y}) yours add up to {answer.sum():.2f}. Shares add up to 1.")
        return hint(
            f"At ({x}, {y}) they should be {np.round(wanted, 3).tolist()}; yours are "
            f"{np.round(answer, 3).tolist()}."
        )
    return right("Along x first, then along y: a mixture of mixtures.")


@check
def check_easing(easing: Any) -> object:
    """Check that ``easing(a)`` goes from 0 to 1, never back, and is at rest at both ends."""
    places = np.linspace(0, 1, 101)
    values = np.array([float(run(easing, float(a))) for a in places])
    if not np.isfinite(values).all():
        return hint("Some of its values are no numbers.")
    if abs(values[0]) > 1e-6 or abs(values[-1] - 1) > 1e-6:
        return hint(
            f"It must begin at 0 and end at 1; yours goes from {values[0]:.3g} to {values[-1]:.3g}."
        )
    if np.allclose(values, places):
        return hint("That is “linear”: it sets off and stops with a jolt. Make both ends slow.")
    if np.diff(values).min() < -1e-9:
        return hint(
            f"It turns back at {places[np.diff(values).argmin()]:.2f}: a traveller would hear "
            "that place twice."
        )
    start, end = values[1] / 0.01, (1 - values[-2]) / 0.01
    if start > 0.1 and end > 0.1:
        return hint("Faster or slower on the way, but not at rest at the ends.")
    if start > 0.1 or end > 0.1:
        which = "end" if start > 0.1 else "start"
        other = "start" if start > 0.1 else "end"
        return hint(f"The {which} is slow, but not the {other}: its slope there must be 0, too.")
    return right("At rest at both ends. If it is 3a² − 2a³, it is the library's “smooth”.")
