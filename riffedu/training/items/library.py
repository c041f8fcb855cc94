"""Soundfonts, scores and drum one-shots, loaded once per process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...errors import RiffeduError
from .. import scores
from ..instruments import INSTRUMENTS
from ..music.draws import pick
from ..render import Synthesizer, have_one_shots


class SoundLibrary:
    """The soundfonts, pieces and one-shots that items are drawn from, loaded once per process."""

    def __init__(
        self,
        soundfonts: Sequence[str | Path] | None = None,
        pieces: list[dict] | None = None,
    ) -> None:
        self.synth = Synthesizer(soundfonts)
        self.pieces = pieces or []
        self.has_one_shots = have_one_shots()
        self.by_kind: dict[str, list[dict]] = {}
        for piece in self.pieces:
            self.by_kind.setdefault(piece["kind"], []).append(piece)


@lru_cache(maxsize=1)
def open_sound_library(folder: str | None = None) -> SoundLibrary:
    """Return the sound library of a data set made with the default soundfonts.

    ``folder`` is the data set's folder, which holds its scores, so that its items can be rendered
    again. Without it, the scores are cached in ``~/.cache/riffedu``.
    """
    cache = Path(folder) if folder else Path.home() / ".cache" / "riffedu"
    return SoundLibrary(None, scores.load(cache / "scores.json"))


def choose_program(rng: np.random.Generator, library: SoundLibrary, name: str, font: int) -> int:
    """Return one of the instrument's programs that the soundfont contains."""
    programs = [p for p in INSTRUMENTS[name].programs if library.synth.has(font, p)]
    if not programs:
        raise RiffeduError(
            f"{library.synth.paths[font]} has no preset for {name} (General MIDI "
            f"program {INSTRUMENTS[name].programs[0]}): use a General MIDI soundfont"
        )
    # The first program is the most typical one.
    return programs[0] if len(programs) == 1 or rng.random() < 0.65 else pick(rng, programs[1:])
