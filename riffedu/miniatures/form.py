"""Lesson 15: the form of a song from a schedule of prompts, made with `extend`.

Suno and Udio have not published how their models keep the form of a song. What can be rebuilt is
the form itself: sections with a prompt each, all a whole number of beats long, at one tempo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.music.continuation import extend
from riffedu.signal.audio import ramp

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline

JOINT = 0.05  # seconds of cross-fade between sections


@dataclass(frozen=True)
class Section:
    """A part of a song: its ``name``, its ``prompt``, its length in ``beats``."""

    name: str
    prompt: str
    beats: int = 8


POP = (
    Section("intro", "a calm solo piano"),
    Section("verse", "piano with soft drums"),
    Section("chorus", "a rock band"),
    Section("outro", "a calm solo piano"),
)


def sections(
    pipeline: Pipeline, schedule: Sequence[Section], bpm: float = 120.0, **options: Any
) -> Iterator[tuple[Section, np.ndarray, int]]:
    """Yield every section of a song as (section, waveform, sample rate), each made from the last.

    The first is generated; each of the others extends the one before under its own prompt, so tempo
    and beat carry over, and only the extension is kept. Every prompt also names the tempo. Only
    one section is extended at a time, so the cost grows with the length of the song, not with its
    square. ``options`` are those of `riffedu.music.edit.transform_steps`. Notebook:
    15_measure_and_compare.
    """
    if not schedule or not 30 <= bpm <= 300:
        raise RiffeduError("a song needs a section and a tempo of 30 to 300 beats per minute")
    last: np.ndarray | None = None
    for section in schedule:
        prompt, seconds = f"{section.prompt} at {bpm:g} bpm", section.beats * 60 / bpm
        if last is None:
            made: Any = pipeline.generate(
                prompt, duration=seconds, tempo=bpm, progress=False, **options
            )
            rate, sound = made.sample_rate, made.waveform
        else:
            known = len(last) / rate
            made = extend(
                pipeline, (last, rate), prompt, known + seconds, progress=False, **options
            )
            sound = made.waveform[len(last) :]
        last = sound[: round(seconds * rate)]
        yield section, last, rate


def song(
    pipeline: Pipeline, schedule: Sequence[Section] = POP, bpm: float = 120.0, **options: Any
) -> tuple[np.ndarray, int]:
    """Return a whole song, (waveform, sample rate), of the `sections` of a schedule.

    The sections are joined where they end, each faded into the next over 50 ms without moving a
    beat. Notebook: 15_measure_and_compare.
    """
    parts = list(sections(pipeline, schedule, bpm, **options))
    rate = parts[0][2]
    sound, rise = parts[0][1].copy(), ramp(round(JOINT * rate))
    for _, part, _ in parts[1:]:
        part = part.copy()
        part[: len(rise)] *= rise
        sound[-len(rise) :] *= rise[::-1]
        sound = np.concatenate([sound, part])
    return sound, rate
