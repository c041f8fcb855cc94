"""Clips of one instrument."""

from __future__ import annotations

import numpy as np

from ..instruments import INSTRUMENTS
from ..music.draws import pick
from ..music.textures import CHORDAL, draw_pattern
from ..music.theory import ANY_SCALE, KEYS, SEVEN_NOTE_SCALES
from .excerpts import score_excerpt
from .library import SoundLibrary, choose_program
from .performance import (
    SECONDS,
    draw_dynamics,
    draw_tempo,
    lead_in_seconds,
    perform,
    place_in_range,
    register_word,
    start_beat,
)

# Often requested but rare in pairs and bands: drawn twice as often as the others.
FREQUENT_INSTRUMENTS = (
    "piano",
    "banjo",
    "marimba",
    "harpsichord",
    "church organ",
    "music box",
    "violin",
    "trumpet",
    "flute",
    "acoustic guitar",
    "accordion",
    "xylophone",
    "kalimba",
    "harp",
)


def draw_solo(rng: np.random.Generator, library: SoundLibrary) -> tuple[list, dict]:
    """Draw a clip of one instrument that plays a programmed texture or a real piece."""
    name = pick(
        rng, tuple(INSTRUMENTS), [2 if n in FREQUENT_INSTRUMENTS else 1 for n in INSTRUMENTS]
    )
    instrument = INSTRUMENTS[name]
    font = int(rng.integers(len(library.synth.names)))
    dynamics, velocity = draw_dynamics(rng)
    excerpt = score_excerpt(rng, library, name) if rng.random() < 0.25 else None
    articulation, articulation_word = 0.95, "normal"
    if excerpt:
        notes, beats, piece, bpm = excerpt
        texture = {
            "tune": "melody",
            "chorale": "chorale",
            "quartet": "ensemble",
            "piano": "accompanied",
        }[piece["kind"]]
        pattern_id, source, mode, density = piece["id"], piece["title"], piece["mode"], "medium"
        key, meter = piece["key"], piece["signature"]
        # A downbeat with some music after it.
        whole = [n[0] for n in notes if n[0] == int(n[0]) and n[0] < beats - 8] or [0.0]
        start = pick(rng, whole)
        scale = mode
    else:
        texture = pick(rng, instrument.textures)
        pattern = draw_pattern(rng, texture)
        density, beats = pattern.density, pattern.beats
        scale = pick(rng, SEVEN_NOTE_SCALES if texture in CHORDAL else ANY_SCALE)
        if texture in ("power chords", "riff"):
            scale = pick(rng, ("minor", "minor", "major", "phrygian", "dorian", "mixolydian"))
        fastest = 110 if texture in ("glissando", "roll") else 140 if density == "busy" else 180
        # Sparse notes that decay would leave silence: no slow tempo for sparse plucked patterns.
        slowest = 84 if density == "sparse" and not instrument.sustain else 50
        bpm = draw_tempo(rng, slowest, fastest)
        register = pick(rng, ("low", "middle", "middle", "high"))
        notes, tonic = place_in_range(pattern.notes, scale, name, rng, register)
        key, meter = KEYS[tonic], f"{pattern.meter}/4"
        pattern_id, source, mode = pattern.id, "programmed", scale
        start = start_beat(rng, notes, beats)
        if texture in (
            "melody",
            "ostinato",
            "scale run",
            "bass line",
            "arpeggio",
            "chords",
            "riff",
            "fanfare",
        ):
            articulation, articulation_word = pick(
                rng, ((0.95, "normal"), (0.95, "normal"), (1.02, "legato"), (0.45, "staccato"))
            )
    lead_in = lead_in_seconds(rng, [name])
    played = perform(rng, notes, beats, bpm, start, lead_in, velocity, articulation)
    sound = library.synth.render(
        font, choose_program(rng, library, name, font), played, SECONDS + lead_in
    )
    metadata = {
        "kind": "solo",
        "instruments": [name],
        "style": None,
        "texture": texture,
        "density": density,
        "tempo_bpm": bpm,
        "meter": meter,
        "dynamics": dynamics,
        "mode": mode,
        "scale": scale,
        "key": key,
        "articulation": articulation_word,
        "register": register_word([p[2] for p in played] or [60]),
        "pattern": pattern_id,
        "source": source,
        "soundfont": library.synth.names[font],
        "notes_per_second": len(played) / (SECONDS + lead_in),
    }
    return [(sound, 1.0)], dict(metadata, lead_in=lead_in)
