"""Soundfonts, scores and drum one-shots, loaded once per process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from ...errors import RiffeduError
from .. import scores
from ..instruments import INSTRUMENTS
from ..music.draws import pick
from ..render import Synthesizer, have_one_shots


class SoundLibrary:
    """What every item needs, loaded once per process: soundfonts, scores, one-shots."""

    def __init__(self, soundfonts=None, pieces: list[dict] | None = None):
        self.synth = Synthesizer(soundfonts)
        self.pieces = pieces or []
        self.has_one_shots = have_one_shots()
        self.by_kind: dict[str, list[dict]] = {}
        for piece in self.pieces:
            self.by_kind.setdefault(piece["kind"], []).append(piece)


@lru_cache(maxsize=1)
def open_sound_library(folder: str | None = None) -> SoundLibrary:
    """The library of a dataset made with the usual soundfonts: ``folder`` holds its scores, so its
    items can be heard again. Without a folder the scores are kept in ``~/.cache/riffedu``.
    """
    cache = Path(folder) if folder else Path.home() / ".cache" / "riffedu"
    return SoundLibrary(None, scores.load(cache / "scores.json"))


def choose_program(rng: np.random.Generator, library: SoundLibrary, name: str, font: int) -> int:
    """One of the instrument's programs that the soundfont really holds."""
    programs = [p for p in INSTRUMENTS[name].programs if library.synth.has(font, p)]
    if not programs:
        raise RiffeduError(
            f"{library.synth.paths[font]} has no preset for {name} (General MIDI "
            f"program {INSTRUMENTS[name].programs[0]}): name a GM soundfont."
        )
    # The first program is the typical one.
    return programs[0] if len(programs) == 1 or rng.random() < 0.65 else pick(rng, programs[1:])
