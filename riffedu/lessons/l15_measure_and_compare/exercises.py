"""Exercises of notebooks/15_measure_and_compare.ipynb."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from riffedu.evaluate.ablation import measured
from riffedu.evaluate.listening import binomial_p_value
from riffedu.lessons.l15_measure_and_compare.sounds import order
from riffedu.miniatures.tokens import encode
from riffedu.widgets.answers import NotYet, as_array, as_number, as_words
from riffedu.widgets.verdict import check, hint, right, run

CASES = ((9, 10), (5, 10), (12, 16), (0, 4), (30, 50))


def _upper(k: int, n: int) -> float:
    return binomial_p_value(k, n)


_P_MISTAKES: tuple[tuple[str, Callable[[int, int], float]], ...] = (
    (
        "That is the probability of exactly this many. More would have been as surprising: add "
        "the terms from `right` up to `trials`.",
        lambda k, n: math.comb(n, k) / 2**n,
    ),
    (
        "You start one too high: `right` itself belongs to the sum. range(right, trials + 1).",
        lambda k, n: _upper(k, n) - math.comb(n, k) / 2**n,
    ),
    (
        "You stop one too early: range(right, trials) leaves out `trials` itself.",
        lambda k, n: _upper(k, n) - (1 / 2**n if k <= n else 0),
    ),
    (
        "That is the lower tail, the probability of so few or fewer. The question is how often "
        "guessing does so well or better.",
        lambda k, n: 1 - _upper(k + 1, n) if k < n else 1.0,
    ),
    (
        "That counts both tails. Whoever hears the difference is right more often than chance, "
        "not less: one tail.",
        lambda k, n: min(1.0, 2 * _upper(k, n)),
    ),
    (
        "That is one minus the probability: small should mean surprising.",
        lambda k, n: 1 - _upper(k, n),
    ),
    ("That is the share of right answers, not a probability of getting it.", lambda k, n: k / n),
    (
        "That is the normal approximation. With ten trials it is off by a lot: count exactly, "
        "with math.comb.",
        lambda k, n: 0.5 * math.erfc((k - n / 2) / math.sqrt(n / 2)),
    ),
    (
        "Each of the 2ⁿ sequences of guesses is equally likely: divide the count by 2 ** trials.",
        lambda k, n: float(sum(math.comb(n, i) for i in range(k, n + 1))),
    ),
)


@check
def check_p_value(p_value: Callable) -> object:
    """Check ``p_value(right, trials)``: the probability of so many right answers by guessing."""
    given = [as_number(run(p_value, k, n), "The p-value") for k, n in CASES]
    if np.allclose(given, [_upper(k, n) for k, n in CASES], atol=1e-9):
        return right(
            "That is the exact binomial test. It needs no table and no assumption beyond guessing."
        )
    for message, mistake in _P_MISTAKES:
        if np.allclose(given, [mistake(k, n) for k, n in CASES], atol=1e-9):
            return hint(message)
    if any(p < -1e-9 or p > 1 + 1e-9 for p in given):
        return hint(f"A probability lies between 0 and 1; yours reaches {max(given, key=abs):.3g}.")
    return hint(
        f"For 9 right of 10 the answer is (10 + 1) / 1024 = {11 / 1024:.4f}; yours is "
        f"{given[0]:.4f}. Count the sequences of ten guesses with 9 or 10 hits."
    )


NEEDED = 12
FALSE_ALARM = 1 - 0.95**20
RATE_OF_EIGHT = 8 * 6 * 25


@check
def check_predictions(needed: Any, false_alarm: Any, bits: Any) -> object:
    """Check right answers needed of 16, false alarms in 20 tests, bits of eight codebooks."""
    if any(value is None or value is ... for value in (needed, false_alarm, bits)):
        return hint("Nothing to check so far: replace every ... with your prediction.")
    k, share, rate = (
        as_number(value, name)
        for value, name in (
            (needed, "The number of right answers"),
            (false_alarm, "The chance of a false alarm"),
            (bits, "The rate"),
        )
    )
    if k != NEEDED:
        if k == 11:
            return hint(f"11 of 16: by guessing that comes in {_upper(11, 16):.1%} of tests.")
        if k in (8, 9, 10):
            return hint("Half of 16 is what guessing gives; 10 comes in almost a quarter of tests.")
        if k > 16 or k < 0 or k % 1:
            return hint("Right answers: a whole number from 0 to 16.")
        return hint("That is enough, but fewer are: look for the smallest number with p < 0.05.")
    if abs(share - FALSE_ALARM) > 0.03:
        if abs(share - 0.05) < 0.01:
            return hint("5 % is the chance in one test. You make twenty, and any of them may hit.")
        if abs(share - 1) < 0.03:
            return hint("20 · 5 % is not a probability: think of all twenty coming out clean.")
        if abs(share - 0.95**20) < 0.03:
            return hint("That is the chance that none hits. At least one is the rest.")
        if share > 1:
            return hint("Give the false alarm as a share between 0 and 1.")
        return hint("All twenty come out clean with probability 0.95 · 0.95 · … : twenty times.")
    if rate != RATE_OF_EIGHT:
        return hint(_bits_mistake(rate))
    return right(
        f"12 of 16; {FALSE_ALARM:.0%} of such series find a difference that is not there; and "
        f"{RATE_OF_EIGHT} bits in a second, where a CD has {44100 * 16 * 2}."
    )


def _bits_mistake(rate: float) -> str:
    known = {
        8 * 64 * 25: "64 entries need log₂ 64 = 6 bits, not 64.",
        6 * 25: "That is one codebook; there are eight.",
        8 * 6: "That is one frame; there are 25 in a second.",
        8 * 6 * 100: "A frame has four columns, 40 ms: 25 frames in a second, not 100.",
        8 * 25: "That counts tokens. Each stands for one of 64 entries: how many bits is that?",
        8 * 8 * 25: "64 entries, not 256: a token needs 6 bits, not 8.",
    }
    return known.get(rate, "Rate: codebooks · bits per token · frames per second.")


def _bookwise(x: np.ndarray, codebooks: list[np.ndarray], variant: str) -> np.ndarray:
    """Residual codes and, by name, their usual mistakes."""
    rest, found = x, []
    for codebook in codebooks[::-1] if variant == "reversed" else codebooks:
        distance = np.square(rest[:, None] - codebook).sum(axis=2)
        nearest = distance.argmax(axis=1) if variant == "farthest" else distance.argmin(axis=1)
        found.append(nearest)
        if variant == "whole":
            continue
        if variant == "added":
            rest = rest + codebook[nearest]
        elif variant == "from x":
            rest = x - codebook[nearest]
        elif variant == "entry":
            rest = codebook[nearest]
        else:
            rest = rest - codebook[nearest]
    return np.stack(found, axis=1)


_CODE_MISTAKES = {
    "whole": "Every codebook codes x itself. Subtract what the earlier books have drawn: the "
    "residual goes to the next one.",
    "added": "The chosen entry is added to the rest; it should be subtracted.",
    "from x": "The rest is taken from x anew each time. Subtract from the rest itself, so that all "
    "earlier books count.",
    "entry": "The next book codes the chosen entry, not what it has left over.",
    "reversed": "The books run backwards: the first one is the coarsest.",
    "farthest": "That picks the farthest entry: argmin, not argmax.",
}


@check
def check_codes(residual_codes: Callable) -> object:
    """Check ``residual_codes(x, codebooks)``: numbers (n, q) of a residual vector quantiser."""
    random = np.random.default_rng(5)
    x = random.standard_normal((40, 6))
    books = [random.standard_normal((8, 6)) / 2**q for q in range(3)]
    answer = as_array(run(residual_codes, x.copy(), [b.copy() for b in books]), None, "The codes")
    if answer.shape == (3, 40):
        return hint("Right way, wrong side up: one row per vector, one column per codebook.")
    if answer.shape == (40, 6):
        return hint("That is a vector for every x. Return the numbers of the entries, (n, q).")
    if answer.shape != (40, 3):
        return hint(f"For 40 vectors and 3 codebooks return (40, 3) numbers, not {answer.shape}.")
    if np.array_equal(answer, encode(x, books)):
        return right("Those are the tokens of SoundStream, EnCodec and MusicGen: coarse to fine.")
    for name, message in _CODE_MISTAKES.items():
        if np.array_equal(answer, _bookwise(x, books, name)):
            return hint(message)
    if np.array_equal(answer - 1, encode(x, books)):
        return hint("The numbers begin at 1: entries are counted from 0.")
    if not np.array_equal(answer[:, 0], encode(x, books)[:, 0]):
        return hint("The first column: the number of the entry with the smallest |x − entry|².")
    return hint("The first column is right. The second codes x minus the first column's entries.")


@check
def check_by_ear(books: dict[str, Any]) -> object:
    """Check which clip was coded with 1, 2, 4 and 8 codebooks."""
    words = ("1", "2", "4", "8")
    said = as_words(books, "ABCD", words)
    truth = {letter: str(count) for letter, count in order().items()}
    wrong = [letter for letter in "ABCD" if said[letter] != truth[letter]]
    if not wrong:
        return right("Your ears count codebooks: each one takes away some of the grain.")
    if all(said[letter] == truth[letter] for letter in "ABCD" if truth[letter] in ("1", "8")):
        return hint("The coarsest and the finest are right; 2 and 4 are the other way round.")
    if said == {letter: words[3 - words.index(truth[letter])] for letter in "ABCD"}:
        return hint("All four the wrong way round: more codebooks sound clearer, not coarser.")
    if "1" in (said[letter] for letter in wrong):
        return hint("Begin with the coarsest: one codebook steps from sound to sound like stairs.")
    return hint(f"Listen again to {' and '.join(wrong)}, one directly after the other.")


MEASURES = ("notes", "beat", "attack", "harmonics")


@check
def check_fooled(change: Callable, measure: Any, sound: tuple[np.ndarray, int]) -> object:
    """Check that ``change(x, rate)`` raises ``measure`` by 0.1 or more and worsens the sound."""
    if not isinstance(measure, str) or measure.strip().lower() not in MEASURES:
        return hint(f"Name the figure that you fool: {', '.join(MEASURES)}.")
    name, (x, rate) = measure.strip().lower(), sound
    y = as_array(run(change, np.array(x), rate), None, "The changed sound")
    if np.iscomplexobj(y):
        return hint("The changed sound is complex: take its real part.")
    if y.shape != x.shape:
        return hint(f"Keep the length: {x.shape} samples came in, {y.shape} came out.")
    if np.abs(y).max() > 1:
        return hint(f"The result peaks at {np.abs(y).max():.2f} and would clip: stay within ±1.")
    if not y.any():
        return hint("The result is silent: a sound without sound fools nobody.")
    if np.allclose(y, x):
        return hint("Nothing was changed.")
    share = float(np.corrcoef(x, y)[0, 1] ** 2) if y.std() else 0.0
    if share < 0.25:
        return hint("That is another sound. The original must still be in it: change it, or add.")
    added = y - float(np.dot(x, y) / np.dot(x, x)) * x
    if share > 0.999 and np.abs(added).max() < 0.1 * np.abs(y).max():
        return hint("The change is inaudible (30 dB below the sound): make it plainly worse.")
    before, after = (measured(each, rate)[name] for each in (x, y))
    if not np.isfinite(after):
        return hint(f"Nothing is left for the figure {name!r} to measure.")
    gain = after - np.nan_to_num(before)
    if gain < 0:
        return hint(f"{name} went down, from {before:.2f} to {after:.2f}: read its Limits again.")
    if gain < 0.1:
        return hint(f"{name} went from {before:.2f} to {after:.2f} only: it must gain 0.1.")
    return right(
        f"{name}: {before:.2f} → {after:.2f}. Whoever reads only the figure buys your version. "
        "Blind listeners would not: try it in the panel above."
    )


SECTIONS = ("intended use", "data", "licence", "consent", "measured", "limits")


@check
def check_card(card: Any) -> object:
    """Check a Markdown model card, with a heading for each of six sections and honest figures."""
    if not isinstance(card, str):
        raise NotYet("Give the card as one string, in triple quotes.")
    card = re.sub("license", "licence", re.sub("measurements?", "measured", card, flags=re.I))
    heads = [line.lstrip("# ").lower() for line in card.splitlines() if line.startswith("#")]
    if not heads:
        return hint("Begin each section with a heading: a line that starts with ##.")
    if missing := [part for part in SECTIONS if not any(part in head for head in heads)]:
        return hint(f"No heading names: {', '.join(missing)}.")
    bodies = dict(_sections(card))
    if thin := [
        head
        for head, body in bodies.items()
        if len(body.split()) < (1 if "licence" in head else 4) and head != heads[0]
    ]:
        return hint(f"Section “{thin[0]}” says next to nothing: write a sentence.")
    if "..." in card or "…" in card or re.search(r"\btodo\b", card, re.I):
        return hint("There is still a ... or TODO in it.")
    measured_part = next(body for head, body in bodies.items() if "measured" in head)
    if not re.search(r"\d", measured_part):
        return hint("Measured: give a figure.")
    if not re.search(r"\b(clips|listeners|trials|seeds|n\s*=)", measured_part):
        return hint("Measured: of how many clips, seeds or listeners is that the mean?")
    if not re.search(r"±|–|\bto\b|interval|p\s*[=<]", measured_part):
        return hint("Measured: a figure needs its uncertainty, ± or an interval from … to ….")
    if re.search(r"\b(best|perfect|state[- ]of[- ]the[- ]art|amazing)\b", card, re.I):
        return hint("That praises. Say what was measured and let readers judge.")
    return right("A reader can tell what it is for, whose sounds are in it, and how sure you are.")


def _sections(card: str) -> list[tuple[str, str]]:
    parts = re.split(r"^#+\s*(.*)$", card, flags=re.M)[1:]
    return [(head.lower(), body) for head, body in zip(parts[::2], parts[1::2])]
