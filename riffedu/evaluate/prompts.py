"""Lesson 15: the prompts of the music table and the test renders each is compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PromptClass:
    """A ``prompt`` and the metadata of the renders to compare with.

    ``wanted`` is None if training holds nothing of the kind.
    """

    name: str
    prompt: str
    wanted: dict[str, Any] | None = field(default_factory=dict)


@dataclass(frozen=True)
class PromptPair:
    """Two prompts that should differ in one of `riffedu.evaluate.readings.QUANTITIES`.

    The clip of ``more`` should have more of ``quantity`` than that of ``less``; each has its
    renders.
    """

    name: str
    quantity: str
    more: PromptClass
    less: PromptClass


def _solo(name: str, **also: Any) -> dict[str, Any]:
    return {"kind": "solo", "instruments": [name], **also}


def _style(name: str, kind: str = "band") -> dict[str, Any]:
    return {"kind": kind, "style": name}


CLASSES = (
    PromptClass("piano", "a calm solo piano", _solo("piano")),
    PromptClass("violin", "a violin melody", _solo("violin")),
    PromptClass("church organ", "church organ chords", _solo("church organ")),
    PromptClass("banjo", "a fast banjo", _solo("banjo")),
    PromptClass("trumpet", "a trumpet tune", _solo("trumpet")),
    PromptClass("slap bass", "a slap bass line", _solo("slap bass")),
    PromptClass("flute", "a flute melody", _solo("flute")),
    PromptClass("music box", "music box", _solo("music box")),
    PromptClass("marimba", "marimba", _solo("marimba")),
    PromptClass("harpsichord", "harpsichord", _solo("harpsichord")),
    PromptClass("distorted guitar", "distorted guitar power chords", _solo("distorted guitar")),
    PromptClass("strings", "slow strings with reverb", _solo("strings")),
    PromptClass("duet", "a melody with chords, two instruments", {"kind": "pair"}),
    PromptClass("rock", "rock band", _style("rock")),
    PromptClass("techno", "techno", _style("techno")),
    PromptClass("reggae", "reggae", _style("reggae")),
    PromptClass("jazz", "a jazz band", _style("jazz")),
    PromptClass("hip hop drums", "hip hop drums", _style("hip hop", "drums")),
    PromptClass("waltz drums", "a waltz drum groove", _style("waltz", "drums")),
    PromptClass("rock drums", "rock drums", _style("rock", "drums")),
    PromptClass("singing", "a woman sings a love song", None),
    PromptClass("speech", "a man reads the news", None),
)

# Tempi a sixth of an octave apart: one that fits (8 %, octaves forgiven) hardly fits another.
TEMPI = (80, 92, 106, 122, 140)
TEMPO_PROMPTS = ("techno at {} bpm", "rock drums at {} bpm", "hip hop at {} bpm")
KEYS = ("D minor", "A major", "G minor", "F major", "E minor", "C major")
KEY_PROMPTS = ("piano in {}", "church organ chords in {}")

PAIRS = (
    PromptPair(
        "register",
        "height",
        PromptClass("high", "a high piano melody", _solo("piano", register="high")),
        PromptClass("low", "a low piano melody", _solo("piano", register="low")),
    ),
    PromptPair(
        "tempo word",
        "onsets",
        PromptClass("fast", "fast rock drums", {"kind": "drums", "tempo_word": "fast"}),
        PromptClass("slow", "slow rock drums", {"kind": "drums", "tempo_word": "slow"}),
    ),
    PromptPair(
        "mode",
        "majorness",
        PromptClass("major", "piano in a major key", {"kind": "solo", "scale": "major"}),
        PromptClass("minor", "piano in a minor key", {"kind": "solo", "scale": "minor"}),
    ),
    PromptPair(
        "effect",
        "brightness",
        PromptClass("plain", "a bright rock band", {"kind": "band", "effects": []}),
        PromptClass("muffled", "a muffled rock band", {"kind": "band", "effects": ["low-pass"]}),
    ),
    PromptPair(
        "players",
        "width",
        PromptClass("band", "a funk band with drums and brass", {"kind": "band"}),
        PromptClass("one", "a flute alone", _solo("flute")),
    ),
)


def matches(metadata: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Return whether a clip's metadata contain everything wanted, with the same values."""
    return all(metadata.get(name) == value for name, value in wanted.items())
