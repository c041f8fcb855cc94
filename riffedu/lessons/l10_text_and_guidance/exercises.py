"""Exercises of notebooks/10_text_and_guidance.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from riffedu.diffusion.guidance import parse_weights
from riffedu.widgets.verdict import check, hint, right, run

PROMPT = "((piano)), [loud (drums:1.5)]"


@check
def check_attention(shares: Callable[..., Any]) -> object:
    """``shares(query, keys)`` must give softmax(K q / √d): one number for each token."""
    draw = np.random.default_rng(0)
    query, keys = draw.standard_normal(16), draw.standard_normal((5, 16))
    answer = np.asarray(run(shares, query, keys), dtype=np.float64)
    if answer.shape != (5,):
        return hint(
            f"One share for each of the 5 tokens is wanted; your array's shape is {answer.shape}."
        )
    scores = keys @ query
    want = _softmax(scores / 4)
    mistakes = {
        "Those are the scores. Shares are at least 0 and sum to 1: take the exponential of each "
        "and divide by their sum.": (scores, scores / 4),
        "They don't sum to 1 yet: divide by the sum.": (np.exp(scores / 4), np.exp(scores)),
        "Divide the scores by √d first, or long vectors make one token take all.": (
            _softmax(scores),
        ),
        "Divide by √d, not by d.": (_softmax(scores / 16),),
        "Scores may be below 0: it needs the exponential before the sum.": (scores / scores.sum(),),
        "The sign is turned: the key that fits best gets most.": (_softmax(-scores / 4),),
    }
    for message, values in mistakes.items():
        if any(np.allclose(answer, value, atol=1e-6) for value in values):
            return hint(message)
    if not np.allclose(answer, want, atol=1e-6):
        return hint("The scores are keys @ query / √d; then exponential, then divide by the sum.")
    one, two = draw.standard_normal(9), draw.standard_normal((3, 9))
    if not np.allclose(run(shares, one, two), _softmax(two @ one / 3), atol=1e-6):
        return hint("Right for d = 16, wrong for d = 9: take d from the query's length.")
    with np.errstate(all="ignore"):
        large = np.asarray(run(shares, 1e5 * query, keys), dtype=np.float64)
    if not np.isfinite(large).all():
        return hint(
            "Right, but large scores overflow: exp(710) is infinite already. Take the "
            "largest score off all of them first; no share changes by that."
        )
    return right("What the U-Net does at every place, in every head, with all the tokens at once.")


@check
def check_rescale(rescaled: Callable[..., Any]) -> object:
    """``rescaled(guided, conditional, share)``: guided · (share · std(c)/std(g) + 1 − share)."""
    draw = np.random.default_rng(0)
    conditional = draw.standard_normal((4, 8, 8))
    guided = 3 * conditional + draw.standard_normal((4, 8, 8))
    answer = np.asarray(run(rescaled, guided, conditional, 0.7), dtype=np.float64)
    if answer.shape != guided.shape:
        return hint(f"The shape stays {guided.shape}; yours is {answer.shape}.")
    ratio = conditional.std() / guided.std()
    mistakes = {
        "The fraction is turned over: this makes it even larger.": guided * (0.7 / ratio + 0.3),
        "That brings back all of the spread; share says how much of the way.": guided * ratio,
        "share is turned round: at share 0 nothing must change.": guided * (0.3 * ratio + 0.7),
        "The part 1 − share is missing: at share 0 this would be silence.": guided * 0.7 * ratio,
        "That mixes in the conditional answer: rescaling keeps the guided one and its direction.": (
            0.7 * conditional + 0.3 * guided
        ),
        "Nothing has changed.": guided,
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values, atol=1e-6):
            return hint(message)
    factors = {0.7: 0.7 * ratio + 0.3, 0.0: 1.0, 1.0: ratio}
    for share, factor in factors.items():
        if not np.allclose(run(rescaled, guided, conditional, share), guided * factor, atol=1e-6):
            return hint(
                f"At share {share} the answer is guided times {factor:.3f} for my numbers, "
                f"whose spreads are {guided.std():.3f} (guided) and "
                f"{conditional.std():.3f} (conditional)."
            )
    return right("The direction is guidance's, the size is the one that the network is used to.")


@check
def check_questions(questions: Callable[..., Any]) -> object:
    """``questions(times, scale, below)``: how many items the U-Net is asked about in a run."""
    times = np.array([999, 874, 749, 624, 499, 374, 249, 124])
    answer = run(questions, times, 5.0, 0.5)
    if np.ndim(answer) or answer != int(answer):
        return hint("One whole number is wanted.")
    mistakes = {
        16: "That is guidance everywhere: above t = 500 the scale is 1: one question is enough.",
        8: "With guidance each step asks twice, with the words and without.",
        4: "Count the steps without guidance, too: they ask once.",
    }
    if int(answer) in mistakes:
        return hint(mistakes[int(answer)])
    if answer != 12:
        return hint(f"Of the 8 times 4 are at most 500: 4 · 2 + 4 · 1. You say {answer}.")
    if run(questions, times[1:], 5.0, 0.25) != 9:
        return hint("Right for below = 0.5. At 0.25 the limit is t = 250: it is 1000 · below.")
    if run(questions, times, 1.0, 0.5) != 8:
        return hint("At scale 1 the answer without words is multiplied by 0: nobody asks for it.")
    if run(questions, times, 5.0, 0.499) != 12:
        return hint("A time that is just at the limit is still guided: at most, not less than.")
    return right("Guidance in half of the steps costs half as much as guidance in all of them.")


@check
def check_prompt_weights(weights: dict[str, float]) -> object:
    """The weights of the words in `PROMPT`, as a dict."""
    if not isinstance(weights, dict):
        return hint('Give a dictionary such as {"piano": 1.0, "loud": 1.0, "drums": 1.0}.')
    parsed = {words.strip(" ,"): weight for words, weight in parse_weights(PROMPT)}
    want = {word: parsed[word] for word in ("piano", "loud", "drums")}
    if missing := [word for word in want if weights.get(word) is None or weights[word] is ...]:
        return hint(f"The weight of “{missing[0]}” is missing.")
    mistakes = {
        ("piano", 1.2): "Brackets multiply: two pairs are 1.1 times 1.1.",
        ("piano", 2.2): "Brackets multiply: two pairs are 1.1 times 1.1.",
        ("piano", 1.1): "There are two pairs of brackets around piano.",
        ("loud", 0.9): "Square brackets divide by 1.1; that is not 0.9, if nearly.",
        ("loud", 1.1): "Square brackets make weaker: they divide.",
        ("drums", 1.5): "drums stand inside square brackets, too: these count on top.",
        ("drums", 1.65): "Square brackets divide, they don't multiply.",
        ("drums", 1.35): "Square brackets divide by 1.1, which is not times 0.9.",
    }
    for (word, value), message in mistakes.items():
        if np.isclose(weights[word], value, atol=1e-4):
            return hint(message)
    for word, value in want.items():
        if not np.isclose(weights[word], value, atol=0.006):
            return hint(f"“{word}” weighs something else: count the brackets around it.")
    return right("Brackets multiply, square ones divide, and the inner ones count with the outer.")


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()
