"""Lesson 15: blind listening tests: ABX and ratings with hidden reference and anchor.

A test object knows the order of its sounds; `riffedu.lessons.l15_measure_and_compare.panel` shows
them without it. What was heard is a list of `Vote`, one per trial, which can be saved as CSV and
pooled with those of others (`riffedu.evaluate.votes`).

    test = AbxTest({"original": x, "codec": y}, rate, trials=10, listener="Ada")
    test.sound("X"); test.answer("A")                    # repeat until test.done
    binomial_p_value(test.right, len(test.votes))
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.audio import loudness, peak_db

LUFS = -23.0  # level of every sound of a test
PEAK_DB = -1.0
FADE = 0.02  # seconds at both ends, so that no cut clicks
ANCHOR_HZ = 3500.0  # low anchor of ITU-R BS.1534
REFERENCE, ANCHOR = "hidden reference", "low anchor"


@dataclass(frozen=True)
class Vote:
    """One judgement by one ``listener`` on one ``item`` (a prompt or the name of a clip).

    ABX: ``system`` is what X was, ``answer`` what the listener said, ``score`` 1 if they agree and
    0 otherwise. Rating: ``answer`` is empty and ``score`` lies in 0..100.
    """

    listener: str
    kind: str  # "abx" or "rating"
    item: str
    trial: int
    system: str
    answer: str
    score: float


# ---------------------------------------------------------------- statistics


def binomial_p_value(right: int, trials: int, chance: float = 0.5) -> float:
    """Return the probability of ``right`` or more correct answers by guessing.

        p = Σ_{i = k}^{n} C(n, i) cⁱ (1 − c)ⁿ⁻ⁱ

    This is exact, unlike the normal approximation, which is poor for the ten to twenty trials of a
    listening test. Equal to scipy.stats.binomtest(k, n, c, alternative="greater").

    Limits: the number of trials must be fixed beforehand. If you stop as soon as p < 0.05,
    you will find a difference sooner or later, even between equal sounds. Notebook:
    15_measure_and_compare.

    >>> round(binomial_p_value(9, 10), 4)
    0.0107
    """
    _check_counts(right, trials)
    return math.fsum(
        math.comb(trials, i) * chance**i * (1 - chance) ** (trials - i)
        for i in range(right, trials + 1)
    )


def exact_interval(right: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of a share: the chances that could explain the count.

        low: P(k or more | low) = (1 − level) / 2,   high: P(k or fewer | high) = (1 − level) / 2

    Both tails are monotonic in the chance, so bisection finds them. Equal to
    scipy.stats.binomtest(k, n).proportion_ci(level, "exact"). Source: Clopper and Pearson,
    Biometrika 26 (1934). Notebook: 15_measure_and_compare.

    >>> [round(p, 3) for p in exact_interval(9, 10)]
    [0.555, 0.997]
    """
    _check_counts(right, trials)
    tail = (1 - level) / 2

    def bisect(too_low: object) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if too_low(middle) else (low, middle)  # type: ignore[operator]
        return (low + high) / 2

    lowest = bisect(lambda c: binomial_p_value(right, trials, c) < tail) if right else 0.0
    if right == trials:
        return lowest, 1.0
    return lowest, bisect(lambda c: 1 - binomial_p_value(right + 1, trials, c) > tail)


def mean_interval(values: object, level: float = 0.95) -> tuple[float, float, float]:
    """Return the mean of some scores and Student's confidence interval: (mean, low, high).

        mean ± t_{n−1}((1 + level) / 2) · s / √n

    ``values (n,)``: one score per listener. s is the sample's standard deviation (n − 1). With one
    value the interval is infinite. Equal to scipy.stats.t.interval.

    Limits: it assumes independent values. Average the trials of one listener first: ten scores by
    one person say less than ten by ten. Source: Student, Biometrika 6 (1908). Notebook:
    15_measure_and_compare.
    """
    from scipy.special import stdtrit

    x = np.asarray(values, dtype=float)
    if not len(x):
        raise RiffeduError("a mean needs at least one score")
    if len(x) == 1:
        return float(x[0]), -math.inf, math.inf
    half = stdtrit(len(x) - 1, (1 + level) / 2) * x.std(ddof=1) / math.sqrt(len(x))
    return float(x.mean()), float(x.mean() - half), float(x.mean() + half)


def _check_counts(right: int, trials: int) -> None:
    if not 0 <= right <= trials:
        raise RiffeduError(f"{right} right answers in {trials} trials are impossible")


# ---------------------------------------------------------------- sounds


def level_matched(sounds: Mapping[str, np.ndarray], sample_rate: int) -> dict[str, np.ndarray]:
    """Return mono sounds of equal length and loudness, faded at both ends.

    All are cut to the shortest and set to −23 LUFS, or lower if one of them would peak above −1
    dBFS: then all get the lower level. Listeners take a louder sound for a better one from a
    difference of about 0.2 dB. Raises RiffeduError for a silent sound or one under 0.4 s. Notebook:
    15_measure_and_compare.
    """
    from riffedu.signal.audio import fade

    mono = {name: np.atleast_2d(x).mean(axis=0) for name, x in sounds.items()}
    shortest = min(map(len, mono.values()))
    if shortest < 0.4 * sample_rate:
        raise RiffeduError("a sound of a listening test must last 0.4 s or longer")
    cut = {name: fade(x[:shortest], sample_rate, FADE, FADE) for name, x in mono.items()}
    levels = {name: loudness(x, sample_rate) for name, x in cut.items()}
    if silent := [name for name, level in levels.items() if not math.isfinite(level)]:
        raise RiffeduError(f"{silent[0]!r} is silent: it cannot be matched in level")
    headroom = min(PEAK_DB - peak_db(x) + levels[name] for name, x in cut.items())
    target = min(LUFS, headroom)
    return {
        name: (x * 10 ** ((target - levels[name]) / 20)).astype(np.float32)
        for name, x in cut.items()
    }


def low_anchor(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the sound low-passed at 3.5 kHz, which every listener should rate worse.

    The spectrum is cut off by FFT. Source: ITU-R BS.1534-3 (2015).
    """
    spectrum = np.fft.rfft(waveform)
    hertz = np.fft.rfftfreq(len(waveform), 1 / sample_rate)
    return np.fft.irfft(np.where(hertz <= ANCHOR_HZ, spectrum, 0), len(waveform)).astype(np.float32)


def dithered(waveform: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a sound as 16-bit samples with fresh dither: equal sounds become different bytes.

    The dither is the sum of two uniform random numbers, ±1 step of 16 bits, as for a CD. Without
    it, the bytes of X would be those of A or of B, and a reader of the page could compare them.
    """
    noise = random.random(waveform.shape) - random.random(waveform.shape)
    return np.clip(np.rint(32767 * waveform + noise), -32768, 32767).astype("<i2")


# ---------------------------------------------------------------- tests


class AbxTest:
    """Two sounds A and B, and a number of trials: is X the sound A, or B?

    ``sounds`` maps two names to waveforms of one ``sample_rate``; they are level-matched. The
    ``trials`` are fixed at the start. The order is drawn from the operating system's randomness, or
    from ``seed`` in a test of the test. Notebook: 15_measure_and_compare.
    """

    def __init__(
        self,
        sounds: Mapping[str, np.ndarray],
        sample_rate: int,
        trials: int = 10,
        item: str = "clip",
        listener: str = "",
        seed: int | None = None,
    ):
        if len(sounds) != 2 or not 1 <= trials <= 100:
            raise RiffeduError("an ABX test needs two sounds and 1 to 100 trials")
        self.sounds = level_matched(sounds, sample_rate)
        self.sample_rate, self.trials, self.item = sample_rate, trials, item
        self.listener, self.votes = listener, list[Vote]()
        self._random = np.random.default_rng(seed)
        self._order = self._random.integers(0, 2, trials)

    @property
    def names(self) -> tuple[str, str]:
        """The names of A and B."""
        first, second = self.sounds
        return first, second

    @property
    def done(self) -> bool:
        """Whether all trials are answered."""
        return len(self.votes) == self.trials

    @property
    def right(self) -> int:
        """The number of right answers so far."""
        return int(sum(vote.score for vote in self.votes))

    def sound(self, letter: str) -> np.ndarray:
        """Return A, B or this trial's X as int16 samples with fresh dither."""
        place = {"A": 0, "B": 1, "X": self._order[min(len(self.votes), self.trials - 1)]}[letter]
        return dithered(self.sounds[self.names[place]], self._random)

    def answer(self, letter: str) -> None:
        """Record that X was heard as "A" or "B", and move on to the next trial."""
        if self.done or letter not in ("A", "B"):
            raise RiffeduError("answer A or B, once per trial")
        was = "AB"[self._order[len(self.votes)]]
        said, truth = (self.names["AB".index(each)] for each in (letter, was))
        number = len(self.votes) + 1
        self.votes.append(
            Vote(self.listener, "abx", self.item, number, truth, said, float(letter == was))
        )


class RatingTest:
    """Several versions of one sound, rated from 0 (bad) to 100 (excellent), as in MUSHRA.

    ``systems`` maps names to versions of ``reference``. Two stimuli are added: the reference itself
    without its name and a low-passed `low_anchor`. The stimuli are shuffled and lettered A, B, C …
    Source: ITU-R BS.1534-3, whose panels of trained listeners and loudspeakers a classroom lacks.
    Notebook: 15_measure_and_compare.
    """

    def __init__(
        self,
        reference: np.ndarray,
        systems: Mapping[str, np.ndarray],
        sample_rate: int,
        item: str = "clip",
        listener: str = "",
        seed: int | None = None,
    ):
        if not 1 <= len(systems) <= 10 or {REFERENCE, ANCHOR} & set(systems):
            raise RiffeduError(
                f"a rating needs 1 to 10 systems; {REFERENCE!r} and {ANCHOR!r} are added"
            )
        reference = np.atleast_2d(reference).mean(axis=0)
        self.sounds = level_matched(
            {REFERENCE: reference, ANCHOR: low_anchor(reference, sample_rate), **systems},
            sample_rate,
        )
        self.sample_rate, self.item, self.listener = sample_rate, item, listener
        self._random = np.random.default_rng(seed)
        names = list(self.sounds)
        self.letters = tuple("ABCDEFGHIJKL"[: len(names)])
        self._systems = [names[n] for n in self._random.permutation(len(names))]

    def sound(self, letter: str) -> np.ndarray:
        """Return a lettered stimulus, or the open "reference", as int16 with fresh dither."""
        system = REFERENCE if letter == "reference" else self._systems[self.letters.index(letter)]
        return dithered(self.sounds[system], self._random)

    def rate(self, scores: Mapping[str, float]) -> list[Vote]:
        """Return the votes of one listener: a score from 0 to 100 for every letter."""
        if set(scores) != set(self.letters) or not all(0 <= s <= 100 for s in scores.values()):
            raise RiffeduError("give every letter a score from 0 to 100")
        return [
            Vote(self.listener, "rating", self.item, 1, system, "", float(scores[letter]))
            for letter, system in zip(self.letters, self._systems)
        ]
