"""Numbers and keys in captions: "at 120 bpm", "in D minor", "in 3/4".

The words of `riffedu.training.captions` include "fast" and "in a minor key", but no numbers.
`with_numbers` adds one to about half of the captions of clips with a known beat. The text encoder
has a token for every whole number from 40 to 220, and cross-attention can learn its meaning. Clips
start on a beat, usually on the first of a bar, so tempo and meter determine where every beat lies.

Taught by notebook 14.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .music.draws import pick

TEMPO_SHARE = 0.5  # captions that name the tempo, where it is known
KEY_SHARE = 0.3  # captions that name the key, where it is known
METER_SHARE = 0.05
LONGEST = 20  # words: the network reads 32 word pieces

TEMPO_PHRASES = (
    ("{text} at {bpm} bpm", 6),
    ("{text}, {bpm} bpm", 4),
    ("{bpm} bpm {text}", 3),
    ("{text} at {bpm} beats per minute", 1),
    ("{text}, tempo {bpm}", 1),
)
METER_PHRASES = ("{text} in {meter}", "{text}, {meter} time")
MODES = {
    "major": "major",
    "minor": "minor",
    "harmonic minor": "minor",
    "dorian": "dorian",
    "phrygian": "phrygian",
    "mixolydian": "mixolydian",
    "major pentatonic": "major",
    "minor pentatonic": "minor",
}


def bpm_of(meta: dict) -> int | None:
    """Return the tempo a caption may state, in whole bpm; None if the beat is ambiguous.

    Tunes in 6/8 and 9/8 can be counted in eighths or in dotted quarters, so they get no number.
    """
    meter = meta.get("meter")
    if not meter or meter.endswith("/8"):
        return None
    return round(meta["tempo_bpm"])


def key_words(meta: dict) -> str:
    """Return words such as "D minor" or "E flat dorian"; "" without a tonic or a common scale."""
    mode = MODES.get(meta["scale"])
    return f"{meta['key']} {mode}" if meta["key"] and mode else ""


def _join(text: str, phrase: str, **fields: Any) -> str:
    stop = "." if text.endswith(".") else ""
    return phrase.format(text=text.removesuffix("."), **fields) + stop


def with_numbers(text: str, meta: dict, rng: np.random.Generator) -> str:
    """Return ``text`` with the tempo, the key or the meter of the clip added at random.

    ``meta`` is what `data.render_item` returns; ``rng`` is a `numpy.random.Generator`. A caption
    that would exceed the network's number of tokens is returned unchanged.
    """
    asks = rng.random(3)
    key, bpm = key_words(meta), bpm_of(meta)
    if key and asks[1] < KEY_SHARE and " in " not in text:
        text = _join(text, "{text} in {key}", key=key)
    if bpm and asks[0] < TEMPO_SHARE and len(text.split()) < LONGEST:
        frames = [frame for frame, _ in TEMPO_PHRASES]
        weights = [float(weight) for _, weight in TEMPO_PHRASES]
        text = _join(text, pick(rng, frames, weights), bpm=bpm)
    elif bpm and asks[2] < METER_SHARE and len(text.split()) < LONGEST:
        text = _join(text, pick(rng, METER_PHRASES), meter=meta["meter"])
    return text
