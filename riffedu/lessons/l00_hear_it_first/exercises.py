"""The exercises of notebooks/00_hear_it_first.ipynb."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riffedu.widgets.verdict import Verdict, check, hint, right

if TYPE_CHECKING:
    from PIL.Image import Image

    from riffedu.music.result import Result

ANSWERS = {"A": "clicks", "B": "glide", "C": "tone", "D": "noise"}
_MISREAD = {
    "tone": "A tone is one pitch for a long time: one row of the picture, from left to right.",
    "clicks": "A click is short and holds all pitches at once: one column, from bottom to top.",
    "glide": "A glide changes its pitch while time goes on: its line climbs.",
    "noise": "Noise is all pitches all the time: grey everywhere, with no line in any direction.",
}


def mystery_sounds() -> dict[str, np.ndarray]:
    """Return four sounds, by the letters A to D: float32 ``(samples,)``, 5.12 s at 44100 Hz.

    A tone, clicks, a rising glide and noise, in an order that only their pictures show.
    """
    rate, seconds = 44100, 5.12
    time = np.arange(int(rate * seconds)) / rate
    clicks = np.zeros_like(time)
    for start in np.arange(0.3, seconds, 0.6):
        elapsed = np.clip(time - start, 0, None)
        clicks += (time >= start) * np.exp(-elapsed * 90) * np.sin(2 * np.pi * 900 * elapsed**0.5)
    hertz = 150 * (4000 / 150) ** (time / seconds)
    sounds = {
        "tone": 0.3 * sum(np.sin(2 * np.pi * 330 * k * time) / k for k in (1, 2, 3)) / 2,
        "clicks": 0.7 * clicks,
        "glide": 0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / rate),
        "noise": np.clip(0.08 * np.random.default_rng(0).standard_normal(len(time)), -1, 1),
    }
    return {letter: sounds[name].astype(np.float32) for letter, name in ANSWERS.items()}


@check
def check_reading(answer: dict) -> Verdict:
    """Check that ``answer`` maps each letter A to D to its sound: tone, clicks, glide or noise."""
    if not isinstance(answer, dict):
        return hint('Answer with a dictionary, such as {"A": "tone", "B": "clicks", …}.')
    if set(answer) != set(ANSWERS):
        return hint("Give one word for each of the letters A, B, C and D.")
    if None in answer.values() or ... in answer.values():
        return hint("Nothing to check so far: put a word in place of each ...")
    words = {letter: str(word).strip().lower() for letter, word in answer.items()}
    unknown = [word for word in words.values() if word not in _MISREAD]
    if unknown:
        return hint(f"“{unknown[0]}” is not one of: tone, clicks, glide, noise.")
    if sorted(words.values()) != sorted(ANSWERS.values()):
        return hint("Each of the four words fits one picture, and only one.")
    wrong = [letter for letter, word in ANSWERS.items() if words[letter] != word]
    if wrong:
        return hint(f"Look at {wrong[0]} again. {_MISREAD[words[wrong[0]]]}")
    return right("Rows are pitches, columns are moments: you can read a sound before you hear it.")


MELODIES = {
    1: (262, 330, 392, 523),
    2: (523, 392, 330, 262),
    3: (330, 392, 523, 262),
    4: (392, 262, 523, 330),
}
"""The notes of each picture in exercise 2, in hertz."""


def melody_order() -> dict[str, int]:
    """Return the picture of each melody, by its letter."""
    return {
        letter: int(n)
        for letter, n in zip("ABCD", np.random.default_rng(5).permutation([1, 2, 3, 4]))
    }


def _melody(number: int) -> np.ndarray:
    from riffedu.signal import synth

    note = synth.envelope(0.55, release=0.1)
    notes = [note * synth.harmonics(f, [1, 0.5, 0.25], 0.55) for f in MELODIES[number]]
    return np.concatenate(notes).astype(np.float32)


def four_melodies() -> dict[str, np.ndarray]:
    """Return the melodies A to D: float32 ``(samples,)``, 2.2 s at 44100 Hz."""
    return {letter: _melody(number) for letter, number in melody_order().items()}


def melody_pictures() -> list[Image]:
    """Return the pictures 1 to 4 of the same melodies."""
    from riffedu.signal.convert import audio_to_image

    return [audio_to_image(_melody(number), 44100) for number in MELODIES]


def _turns(number: int) -> list[str]:
    """Up or down, from note to note."""
    return ["up" if step > 0 else "down" for step in np.diff(MELODIES[number])]


@check
def check_melodies(answer: dict) -> Verdict:
    """Check that ``answer`` maps each letter A to D to the number of its picture, 1 to 4."""
    want = melody_order()
    if not isinstance(answer, dict):
        return hint('Answer with a dictionary, such as {"A": 1, "B": 2, …}.')
    if set(answer) != set(want):
        return hint("Give one number for each of the letters A, B, C and D.")
    if None in answer.values() or ... in answer.values():
        return hint("Nothing to check so far: put a picture's number in place of each ...")
    said = {}
    for letter, value in answer.items():
        word = str(value).strip().lower().removeprefix("picture").strip()
        if word.removesuffix(".0") not in {"1", "2", "3", "4"}:
            return hint(f"{letter}: “{value}” is not one of the pictures 1, 2, 3 and 4.")
        said[letter] = int(word.removesuffix(".0"))
    if len(set(said.values())) < 4:
        return hint("Each picture belongs to one melody, and only one.")
    wrong = [letter for letter, number in want.items() if said[letter] != number]
    if wrong:
        letter = wrong[0]
        seen, heard = _turns(said[letter]), _turns(want[letter])
        step = next(i for i in range(3) if seen[i] != heard[i])
        return hint(
            f"{4 - len(wrong)} of 4. Listen to {letter} again: from note {step + 1} to note "
            f"{step + 2} picture {said[letter]} goes {seen[step]}. Does the melody?"
        )
    return right("Higher in the picture is higher in pitch: you can follow a melody in it.")


@check
def check_repeat(
    first: Result, again: Result | None = None, another: Result | None = None
) -> Verdict:
    """Check three results: the same clip twice, and a different clip from the same prompt."""
    if again is None or again is ... or another is None or another is ...:
        return hint("Three results are needed: first, again, another.")
    if not all(hasattr(result, "parameters") for result in (first, again, another)):
        return hint("Give the three results of pipeline.generate themselves, not their names.")
    prompts = {str(r.parameters["prompt"]) for r in (first, again, another)}
    if len(prompts) > 1:
        return hint("The words changed too. Keep the prompt, and change one thing only: the seed.")
    if not _same(first, again):
        if first.parameters["seed"] != again.parameters["seed"]:
            return hint(
                "The first two differ, because their seeds do. A seed names one picture of noise, "
                "and the clip grows out of it: give the same number."
            )
        return hint("The first two have one seed, but other settings differ: steps or guidance?")
    if _same(first, another):
        return hint("The third is the first once more: give it another seed.")
    if first.parameters["seed"] == another.parameters["seed"]:
        return hint("The third has the same seed and other settings: change the seed alone.")
    return right("Same words and same seed: the same samples. A new seed: a new clip.")


def _same(one: Result, other: Result) -> bool:
    return np.array_equal(one.waveform, other.waveform)
