"""A folder of sounds for those who have none at hand: a babbling voice, made by formula.

The shipped model cannot speak: no clip that it was trained on has a voice that changes its vowels.

Taught in lesson 14.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from riffedu.signal.audio import save
from riffedu.signal.synth import babble

RATE = 44100
VOICE = "a babbling voice"


def make_voice(folder: str | Path, files: int = 10, seed: int = 0) -> Path:
    """Write ``files`` sounds of 5.5 to 9 s and their ``captions.csv``; return the folder.

    Pitch (95 to 230 Hz), pace and syllables differ, and so do the captions. The same seed gives the
    same files.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    rows = [("file", "caption")]
    for number in range(files):
        hertz = 95 * (230 / 95) ** random.random()
        each, seconds = random.uniform(0.16, 0.32), random.uniform(5.5, 9.0)
        sound = babble(_syllables(random, int(seconds / each)), each, hertz=hertz, seed=number)
        words = "low " if hertz < 130 else "high " if hertz > 180 else ""
        pace = ", slow" if each > 0.27 else ", fast" if each < 0.2 else ""
        name = f"voice-{number:02d}.flac"
        save(folder / name, sound, RATE)
        rows.append((name, VOICE.replace("a ", f"a {words}", 1) + pace))
    with open(folder / "captions.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def _syllables(random: np.random.Generator, count: int) -> str:
    """Random syllables, about one in ten a pause, never at the beginning."""
    return " ".join(
        "-"
        if place and random.random() < 0.1
        else random.choice(list("mntkslp")) + random.choice(list("aeiou"))
        for place in range(count)
    )
