"""Exercises of notebooks/10_text_and_guidance.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from riffedu.diffusion.guidance import classifier_free_guidance, parse_weights, scale_at
from riffedu.diffusion.schedule import timesteps
from riffedu.widgets.answers import NotYet, as_array, as_number, as_words
from riffedu.widgets.verdict import check, hint, right, run

PROMPT = "((piano)), [loud (drums:1.5)]"
_SOUNDS_LIKE = {
    "church organ": "An organ holds chords, with no attacks between them.",
    "rock drums": "Drums have strokes and no pitch that one could sing.",
    "glockenspiel melody": "A glockenspiel is struck high up, and every note dies away.",
    "double bass": "A double bass plays single notes at the bottom.",
}
CLIPS = dict(zip("ABCD", map(str, np.random.default_rng(3).permutation(list(_SOUNDS_LIKE)))))


@check
def check_attention(shares: Callable[..., Any]) -> object:
    """Check that ``shares(query, keys)`` gives softmax(K q / √d): one number for each token."""
    draw = np.random.default_rng(0)
    query, keys = draw.standard_normal(16), draw.standard_normal((5, 16))
    answer = as_array(run(shares, query, keys), None, "The list of shares")
    if answer.shape != (5,):
        return hint(
            f"There should be one share for each of the 5 tokens, shape (5,); yours has "
            f"{answer.shape}."
        )
    if not answer.any():
        return hint("All shares are 0: they must sum to 1.")
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
        "d is the length of the query, not the number of tokens.": (_softmax(scores / 5**0.5),),
        "Scores may be below 0: take the exponential before the sum.": (scores / scores.sum(),),
        "The sign is reversed: the key with the largest score gets the largest share.": (
            _softmax(-scores / 4),
        ),
    }
    for message, values in mistakes.items():
        if any(np.allclose(answer, value, atol=1e-6) for value in values):
            return hint(message)
    if not np.allclose(answer, want, atol=1e-6):
        return hint("The scores are keys @ query / √d; then exponential, then divide by the sum.")
    one, two = draw.standard_normal(9), draw.standard_normal((3, 9))
    again = as_array(run(shares, one, two), (3,), "The list of shares")
    if not np.allclose(again, _softmax(two @ one / 3), atol=1e-6):
        return hint("Right for d = 16, wrong for d = 9: take d from the query's length.")
    with np.errstate(all="ignore"):
        large = np.asarray(run(shares, 1e5 * query, keys), dtype=np.float64)
    if not np.isfinite(large).all():
        return right(
            "As the formula stands. It overflows for large scores (exp(710) is infinite): "
            "subtract the largest score first, as shown above, and it never does."
        )
    return right("What the U-Net does at every place, in every head, with all the tokens at once.")


@check
def check_guidance(my_guidance: Callable[..., Any]) -> object:
    """Check that ``my_guidance(ask, words, against, scale, below)`` returns a guided predictor."""
    asked: list[str] = []
    names = {3.0: "words", -1.0: "against"}

    def ask(x: Any, t: Any, states: Any) -> Any:
        value = float(np.ravel(states)[0]) if np.size(states) == 1 else None
        if value not in names:
            raise NotYet("Call ask(x, t, states) with states = words or against, as they come.")
        if np.shape(x) != (4,):
            raise NotYet("Call ask(x, t, states) in this order: x first, then t.")
        asked.append(names[value])
        return value * x + t / 1000

    words, against, x = np.array([3.0]), np.array([-1.0]), np.array([1.0, -2.0, 0.5, 3.0])
    first = True
    for t, scale, below in (
        (400.0, 5.0, 0.5),
        (500.0, 2.5, 0.5),
        (700.0, 5.0, 0.5),
        (400.0, 1.0, 1),
    ):
        asked.clear()
        predict = run(my_guidance, ask, words, against, scale, below)
        if not callable(predict):
            return hint("Return a function predict(x, t), not its value: define it inside.")
        if asked:
            return hint("Evaluate inside predict: x and t are not known before it is called.")
        answer = as_array(run(predict, x.copy(), t), (4,), "The prediction")
        s = scale_at(t, scale, 1000 * below)
        c, u = 3 * x + t / 1000, -x + t / 1000
        if not np.allclose(answer, classifier_free_guidance(c, u, s)):
            return hint(_guidance_mistake(answer, c, u, t, scale, below))
        needed = 1 if s == 1 else 2
        if len(asked) > needed:
            if first or scale != 1:
                return hint(
                    f"The result is right, but {len(asked)} evaluations are too many at t = {t:g}, "
                    f"scale {scale:g}, below {below:g}: {needed} will do."
                )
            return hint("At scale 1 the second prediction is multiplied by 0: don't ask for it.")
        first = False
    return right("That is classifier-free guidance in a limited interval, at the lowest cost.")


def _guidance_mistake(
    answer: np.ndarray, c: np.ndarray, u: np.ndarray, t: float, scale: float, below: float
) -> str:
    s = scale_at(t, scale, 1000 * below)
    if scale != 1 and s == 1 and np.allclose(answer, u + scale * (c - u)):
        return f"At t = {t:g} and below = {below:g} the scale is 1: guide only at t ≤ 1000 · below."
    if s != 1 and np.allclose(answer, c):
        return (
            f"At t = {t:g} and below = {below:g} guidance should act, and doesn't: the condition "
            "is t ≤ 1000 · below."
        )
    mistakes = {
        "The two predictions are exchanged: start without the words and go towards them.": (
            c + s * (u - c)
        ),
        "That is only the step. Add it to the prediction without the words.": s * (c - u),
        "That starts at the prediction with words, one difference too far.": c + s * (c - u),
        "That leaves the words out altogether.": u,
        "That only scales the prediction with words: subtract the other one.": s * c,
        "The minus belongs between the two predictions.": u + s * (c + u),
        "That is the mean of both: guidance goes beyond the prediction with words.": (c + u) / 2,
    }
    for message, value in mistakes.items():
        if np.allclose(answer, value):
            return message
    if s == 1:
        return f"At t = {t:g} the scale is 1: return the prediction with words as it is."
    return "The prediction should be u + s · (c − u), c with the words and u with `against`."


def guidance_works(my_guidance: Any) -> bool:
    """Return whether `check_guidance` accepts ``my_guidance``."""
    return bool(check_guidance(my_guidance))


def four_prompts(pipeline: Any) -> dict[str, np.ndarray]:
    """Return the sounds A to D, 2.56 s at 44.1 kHz: four prompts from the same noise, 8 steps."""
    from riffedu.signal.audio import set_level

    noise = pipeline.initial_noise(1, 2.56)
    sounds = {}
    for letter, prompt in CLIPS.items():
        text = pipeline.encode_prompt(prompt)
        *_, last = pipeline.denoise(noise, text, pipeline.encode_prompt(""), 8, 5.0)
        [image] = pipeline.decode_latents(last.latents, pipeline.columns(2.56))
        sounds[letter] = set_level(pipeline.play_picture(image, {}).waveform, -23)
    return sounds


@check
def check_ears(heard: Any) -> object:
    """Check that ``heard`` maps A to D to the four prompts of `four_prompts`."""
    said = as_words(heard, "ABCD", tuple(_SOUNDS_LIKE))
    wrong = [letter for letter in CLIPS if said[letter] != CLIPS[letter]]
    if wrong:
        more = f" ({len(wrong)} of the four are not right yet.)"
        return hint(f"Listen to {wrong[0]} again. {_SOUNDS_LIKE[said[wrong[0]]]}{more}")
    return right("One noise, four clips: the words decide register, attack and texture.")


@check
def check_rescale(rescaled: Callable[..., Any]) -> object:
    """Check ``rescaled(guided, conditional, share)``: guided · (share · σ_c / σ_g + 1 − share)."""
    draw = np.random.default_rng(0)
    conditional = draw.standard_normal((4, 8, 8))
    guided = 3 * conditional + draw.standard_normal((4, 8, 8))
    answer = as_array(run(rescaled, guided, conditional, 0.7), guided.shape, "The result")
    ratio = conditional.std() / guided.std()
    mistakes = {
        "The fraction is upside down: this makes it even larger.": guided * (0.7 / ratio + 0.3),
        "That brings back all of the spread; share says how much of the way.": guided * ratio,
        "share acts the wrong way round: at share 0 nothing must change.": guided
        * (0.3 * ratio + 0.7),
        "The part 1 − share is missing: at share 0 this would be silence.": guided * 0.7 * ratio,
        "That mixes in the conditional answer: rescaling keeps the guided one and its direction.": (
            0.7 * conditional + 0.3 * guided
        ),
        "Nothing has changed.": guided,
        "That takes the standard deviation from guided and makes it 1; take conditional's.": (
            guided * (0.7 / guided.std() + 0.3)
        ),
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values, atol=1e-6):
            return hint(message)
    factors = {0.7: 0.7 * ratio + 0.3, 0.0: 1.0, 1.0: ratio}
    for share, factor in factors.items():
        again = as_array(run(rescaled, guided, conditional, share), guided.shape, "The result")
        if not np.allclose(again, guided * factor, atol=1e-6):
            return hint(
                f"At share {share} the answer is guided times {factor:.3f} for my numbers, "
                f"whose spreads are {guided.std():.3f} (guided) and "
                f"{conditional.std():.3f} (conditional)."
            )
    return right("The direction is guidance's, the size is the one that the network is used to.")


@check
def check_predictions(predictions: Any) -> object:
    """Check ``predictions`` (calls, alone, half, beyond, piano, drums); they are computed here."""
    names = ("calls", "alone", "half", "beyond", "piano", "drums")
    if not isinstance(predictions, dict):
        return hint("Give a dict: dict(calls=…, alone=…, half=…, beyond=…, piano=…, drums=…).")
    if missing := [n for n in names if predictions.get(n) is None or predictions[n] is ...]:
        return hint(f"“{missing[0]}” is missing: predict a number for each.")
    said = {name: as_number(predictions[name], f"“{name}”") for name in names}
    parsed = {words.strip(" ,"): weight for words, weight in parse_weights(PROMPT)}
    scales = {s: [scale_at(t, s, 300) for t in timesteps(8)] for s in (5, 1)}
    want = {
        "calls": sum(1 if s == 1 else 2 for s in scales[5]),
        "alone": sum(1 if s == 1 else 2 for s in scales[1]),
        "half": classifier_free_guidance(2, 1, 0.5),
        "beyond": classifier_free_guidance(2, 1, 3),
        "piano": parsed["piano"],
        "drums": parsed["drums"],
    }
    for name in names:
        if np.isclose(said[name], want[name], atol=0.006):
            continue
        for (where, value), message in _PREDICTED.items():
            if where == name and np.isclose(said[name], value, atol=1e-4):
                return hint(f"“{name}”: {message}")
        return hint(f"“{name}”: you predicted {said[name]:g}. {_HOW[name]}")
    return right("You can count what guidance costs, and say where it goes.")


_PREDICTED = {
    ("calls", 16): "that is guidance at every time. Above t = 300 the scale is 1: one evaluation.",
    ("calls", 14): "that guides at the times above 300, where guidance should be off.",
    ("calls", 8): "that counts one for every step; a guided step needs two.",
    ("calls", 4): "that counts the guided steps only; the others need one each.",
    ("calls", 2): "that is the number of guided steps; each needs two, the others one.",
    ("calls", 11): "only 249 and 124 are at most 300; 374 is not.",
    ("alone", 16): "at scale 1 the second prediction is multiplied by 0: nobody needs it.",
    ("alone", 10): "at scale 1 the second prediction is multiplied by 0, in guided steps too.",
    ("half", 2.5): "that goes beyond the words. At s = 0.5 it is half-way between 1 and 2.",
    ("half", 1): "that leaves the words out; s = 0 does so.",
    ("half", 0.5): "that is only the step: it is added to the prediction without words.",
    ("beyond", 3): "that is only the step, 3 · (2 − 1): it is added to 1.",
    ("beyond", 5): "that starts at the prediction with words; guidance starts without.",
    ("beyond", 6): "that multiplies the prediction with words by s.",
    ("beyond", -1): "the two predictions are exchanged.",
    ("piano", 1.2): "brackets multiply: two pairs are 1.1 times 1.1.",
    ("piano", 2.2): "brackets multiply: two pairs are 1.1 times 1.1.",
    ("piano", 1.1): "there are two pairs of brackets around piano.",
    ("drums", 1.5): "drums stand inside square brackets, too: these count on top.",
    ("drums", 1.65): "square brackets divide, they don't multiply.",
    ("drums", 1.35): "square brackets divide by 1.1, which is not times 0.9.",
}
_HOW = {
    "calls": "List the eight times, and count two for each that is at most 300.",
    "alone": "How many steps are there, and how many predictions does scale 1 need?",
    "half": "Put 1, 2 and s into u + s · (c − u).",
    "beyond": "Put 1, 2 and s into u + s · (c − u).",
    "piano": "Count the brackets around it.",
    "drums": "Count the brackets around it.",
}


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()
