"""Lesson 15: semantic, coarse and fine tokens, each written by a model of its own (MusicLM, Bark).

A *semantic* token says what is played, here which note, and nothing about how it sounds. A first
model writes a plan of such tokens, a second one the coarse codec tokens for the plan, a third one
the fine tokens for the coarse. Here each model is a table of counts.

    plan = plan_of(frames)                                   # (notes,) whole numbers
    composer = Table.of(before(plan, 2), plan)               # what follows two notes
    coarse = Table.of(places(plan), coded[:, 0])             # what a note sounds like, roughly
    fine = [Table.of(coded[:, :q], coded[:, q]) for q in (1, 2, 3)]
    coded = perform(plan, coarse, fine)                      # (frames, 4), for `tokens.decode`
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.mel import hz_to_mel, mel_to_hz

NOTE = 6  # frames in a note: 0.24 s
LOW, HIGH = 20, 150  # mel bands in which the fundamental of a note is looked for: below 1 kHz
LOUD = 0.5  # a partial counts if it has this share of the loudest one's level


def plan_of(frames: np.ndarray, note: int = NOTE) -> np.ndarray:
    """Return one semantic token per note of a tune: its pitch as a MIDI number.

        f = centre of the lowest band that is loud and louder than its neighbours
        token = round(69 + 12 log₂(f / 440))

    ``frames (n, 512 · columns)`` of `riffedu.miniatures.tokens.to_frames`, of pictures with the
    default `SpectrogramParams`. Two instruments that play the same tune have the same plan. A real
    system's tokens are the clusters of a trained network's states (w2v-BERT in MusicLM). Raises
    RiffeduError if there is not one whole note. Notebook: 15_measure_and_compare.
    """
    if len(frames) < note:
        raise RiffeduError(f"{len(frames)} frames are too few: a note needs {note}")
    loud = frames[: len(frames) // note * note].reshape(-1, note, 512, frames.shape[1] // 512)
    bands = loud.mean(axis=(1, 3))[:, ::-1]  # low bands first
    seen, below, above = (bands[:, LOW + d : HIGH + d] for d in (0, -1, 1))
    peak = (seen >= below) & (seen >= above) & (seen >= LOUD * seen.max(axis=1, keepdims=True))
    hertz = mel_to_hz((LOW + 1 + peak.argmax(axis=1)) * hz_to_mel(10_000) / 513)
    return np.rint(69 + 12 * np.log2(hertz / 440)).astype(int)


def before(plan: np.ndarray, count: int) -> np.ndarray:
    """Return the ``count`` tokens before each token, nearest first: (n, count); −1 where none."""
    padded = np.concatenate([np.full(count, -1), plan])
    return np.stack([padded[count - k : count - k + len(plan)] for k in range(1, count + 1)], 1)


def places(plan: np.ndarray, note: int = NOTE) -> np.ndarray:
    """Return, for each frame, its note and its place in the note: (n · note, 2)."""
    return np.stack([np.repeat(plan, note), np.tile(np.arange(note), len(plan))], axis=1)


@dataclass(frozen=True)
class Table:
    """A model of one token given a few others, by counting: p(token | known) = its share.

    ``counts`` maps each known tuple, and each of its beginnings, to the tokens that were seen with
    it. A tuple that was never seen falls back to its longest beginning that was (*backoff*).
    """

    counts: dict[tuple[int, ...], Counter]

    @classmethod
    def of(cls, known: np.ndarray, wanted: np.ndarray) -> Table:
        """Count the tokens ``wanted (n,)`` that follow ``known (n, k)``, most telling first."""
        counts: dict[tuple[int, ...], Counter] = defaultdict(Counter)
        for row, token in zip(known.tolist(), wanted.tolist()):
            for length in range(len(row) + 1):
                counts[tuple(row[:length])][token] += 1
        return cls(dict(counts))

    def draw(self, known: Sequence[int], random: np.random.Generator) -> int:
        """Draw a token given the known ones. Notebook: 15_measure_and_compare."""
        row = tuple(int(token) for token in known)
        while row not in self.counts:
            row = row[:-1]
        tokens, counts = zip(*sorted(self.counts[row].items()))
        return int(random.choice(tokens, p=np.array(counts) / sum(counts)))


def compose(composer: Table, notes: int, memory: int = 2, seed: int = 0) -> np.ndarray:
    """Write a plan of ``notes`` semantic tokens, each drawn given the ``memory`` before it."""
    random, plan = np.random.default_rng(seed), [-1] * memory
    for _ in range(notes):
        plan.append(composer.draw(plan[: -memory - 1 : -1], random))
    return np.array(plan[memory:])


def perform(
    plan: np.ndarray, coarse: Table, fine: Sequence[Table], note: int = NOTE, seed: int = 0
) -> np.ndarray:
    """Write the codec tokens of a plan, coarse first: (notes · note, 1 + len(fine)).

    The coarse token of a frame depends on its note and its place in it; each finer one on the
    coarser ones of the same frame, so all frames could be written at once, as Bark does. Source:
    Borsos et al., "AudioLM" (2022); Agostinelli et al., "MusicLM" (2023). Notebook:
    15_measure_and_compare.
    """
    random, coded = np.random.default_rng(seed), []
    for place in places(plan, note):
        frame = [coarse.draw(place, random)]
        for table in fine:
            frame.append(table.draw(frame, random))
        coded.append(frame)
    return np.array(coded)
