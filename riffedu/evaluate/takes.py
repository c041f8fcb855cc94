"""Lesson 15: generate several takes of one prompt and keep the one that matches the prompt best.

A generator's results differ from seed to seed, so the cheapest way to a better clip is to generate
several in one batch and keep the best: best-of-n sampling. The criterion uses the tools of lesson
15: the classifier's probability of the instruments and styles that the prompt names, and the beat
at the tempo that it names. A prompt that names neither is judged by its notes and its beat.

Shell: ``riffedu generate … --takes 4``. Notebook: 15_measure_and_compare.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.evaluate.pitch import notes
from riffedu.evaluate.rhythm import beat, tempo_fits
from riffedu.music.pulse import named_tempo

if TYPE_CHECKING:
    from riffedu.evaluate.classifier import Classifier
    from riffedu.music.pipeline import Pipeline
    from riffedu.music.result import Result

MOST = 16  # takes of one prompt: what a batch of 5-second clips needs stays under 4 GB


@dataclass(frozen=True)
class Take:
    """The best of several takes.

    ``result`` is the clip, ``number`` its place from 1, ``scores`` (in 0..1) one per take, and
    ``criterion`` says what was measured.
    """

    result: Result
    number: int
    scores: tuple[float, ...]
    criterion: str

    def __str__(self) -> str:
        score = self.scores[self.number - 1]
        return f"take {self.number} of {len(self.scores)}: {self.criterion} {score:.2f}"


def named_classes(prompt: str, classes: Sequence[tuple[str, str]]) -> list[int]:
    """Return the numbers of the ``classes`` (group, name) that ``prompt`` names as whole words.

    Longer names win: "electric piano" does not also name the piano. A plural s may follow.


    >>> classes = [("instrument", "piano"), ("instrument", "electric piano")]
    >>> named_classes("two Electric pianos", classes)
    [1]
    """
    found, rest = [], prompt.lower()
    for number in sorted(range(len(classes)), key=lambda n: -len(classes[n][1])):
        rest, times = re.subn(rf"\b{re.escape(classes[number][1])}s?\b", " | ", rest)
        if times:
            found.append(number)
    return sorted(found)


def take_scores(
    classifier: Classifier, prompt: str, results: Sequence[Result]
) -> tuple[np.ndarray, str]:
    """Return a score in 0..1 per result, and the criterion in words.

    The score is the mean of the parts that apply: the probability of the classes that ``prompt``
    names, and the regularity of the beat if its tempo matches the one named, else 0. If neither
    applies, it is the mean of the clarity of the notes and the regularity of the beat.
    """
    named = named_classes(prompt, classifier.classes)
    tempo = named_tempo(prompt)
    parts, words = [], []
    if named:
        parts.append(_probability(classifier, named, results))
        words.append(" and ".join(classifier.classes[n][1] for n in named))
    if tempo or not named:
        pulses = [beat(r.waveform, r.sample_rate) for r in results]
        regular = np.nan_to_num([pulse.value for pulse in pulses])
        if tempo:
            fits = [tempo_fits(pulse.tempo, tempo) for pulse in pulses]
            parts.append(regular * np.array(fits))
            words.append(f"beat at {tempo:g} bpm")
        else:
            clear = [notes(r.waveform, r.sample_rate).value for r in results]
            parts.append((regular + np.nan_to_num(clear)) / 2)
            words.append("notes and beat")
    return np.mean(parts, axis=0), ", ".join(words)


def _probability(classifier: Classifier, named: list[int], results: Sequence[Result]) -> np.ndarray:
    """The softmax probability of the named classes together, one per result."""
    from riffedu.evaluate.classifier import SIDE, thumbnail

    pixels = [np.asarray(r.image.convert("L")) for r in results]
    width = pixels[0].shape[1] // SIDE * SIDE or SIDE
    padded = [np.pad(p, ((0, 0), (0, SIDE)), constant_values=255)[:, :width] for p in pixels]
    scores, _ = classifier.listen(thumbnail(np.stack(padded)))
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True))[:, named].sum(axis=1)


def best_take(
    pipeline: Pipeline,
    prompt: str,
    takes: int = 4,
    seed: int = 0,
    classifier: Classifier | None = None,
    **options: Any,
) -> Take:
    """Generate ``takes`` clips with seeds ``seed``, ``seed + 1``, … in one batch; keep the best.

    ``options`` are those of `riffedu.music.pipeline.Pipeline.generate`. The time is proportional to
    the number of takes. Raises RiffeduError for a number outside 1..16. Notebook:
    15_measure_and_compare.
    """
    from riffedu.evaluate import shipped_classifier
    from riffedu.evaluate.classifier import load_classifier

    limits.whole("takes", takes, 1, MOST)
    seed = limits.seed_of(seed)
    results: Any = pipeline.generate(
        [prompt] * takes, seed=[seed + n for n in range(takes)], **options
    )
    if classifier is None:
        folder = shipped_classifier()
        if folder is None:
            raise RiffeduError("no classifier: riffedu's data folder has no subfolder evaluator")
        classifier = load_classifier(folder)
    scores, criterion = take_scores(classifier, prompt, results)
    best = int(scores.argmax())
    return Take(results[best], best + 1, tuple(float(s) for s in scores), criterion)
