"""Clips of two instruments: a melody and its accompaniment."""

from __future__ import annotations

import numpy as np

from ..instruments import BACKING_INSTRUMENTS, MELODY_INSTRUMENTS
from ..music.draws import pick
from ..music.patterns import fit_to_chords
from ..music.textures import draw_pattern
from ..music.theory import KEYS, SEVEN_NOTE_SCALES, progression
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

BACKING_TEXTURES = {
    "double bass": ("bass line",),
    "electric bass": ("bass line",),
    "slap bass": ("bass line",),
    "synth bass": ("bass line",),
    "cello": ("bass line",),
    "synth pad": ("held chords",),
    "choir": ("held chords",),
    "strings": ("held chords", "chords"),
    "brass": ("held chords", "chords"),
    "church organ": ("held chords",),
    "rock organ": ("held chords", "chords"),
    "accordion": ("chords", "held chords"),
    "acoustic guitar": ("strummed chords", "arpeggio", "broken chords"),
    "electric guitar": ("strummed chords", "arpeggio", "broken chords"),
    "harp": ("arpeggio", "broken chords"),
    "pizzicato strings": ("arpeggio", "chords"),
}


def draw_pair(rng: np.random.Generator, library: SoundLibrary) -> tuple[list, dict]:
    """Draw a melody on one instrument, with chords, arpeggios or a bass line on another."""
    lead = pick(rng, MELODY_INSTRUMENTS)
    back = pick(rng, [n for n in BACKING_INSTRUMENTS if n != lead])
    font = int(rng.integers(len(library.synth.names)))
    dynamics, velocity = draw_dynamics(rng)
    meter = int(pick(rng, (4, 4, 4, 3)))
    density = pick(rng, ("sparse", "medium", "medium", "busy"))
    scale = pick(rng, SEVEN_NOTE_SCALES)
    bpm = draw_tempo(rng, 56, 140 if density == "busy" else 168)
    roots = progression(rng)
    tune = draw_pattern(rng, "melody", density, meter)
    tune_steps = fit_to_chords(tune.notes, roots, meter)
    texture = pick(
        rng, BACKING_TEXTURES.get(back, ("chords", "arpeggio", "broken chords", "held chords"))
    )
    backing = draw_pattern(
        rng, texture, pick(rng, ("sparse", "medium", "medium")), meter, roots=roots
    )
    notes, tonic = place_in_range(
        tune_steps, scale, lead, rng, pick(rng, ("middle", "middle", "high"))
    )
    low_notes, _ = place_in_range(
        backing.notes, scale, back, rng, pick(rng, ("low", "middle")), tonic
    )
    start = start_beat(rng, low_notes, tune.beats)
    lead_in = lead_in_seconds(rng, [lead, back])
    layers = []
    for name, part, level in ((lead, notes, 1.0), (back, low_notes, 0.7)):
        played = perform(rng, part, tune.beats, bpm, start, lead_in, velocity)
        sound = library.synth.render(
            font, choose_program(rng, library, name, font), played, SECONDS + lead_in
        )
        layers.append((sound, level))
    metadata = {
        "kind": "pair",
        "instruments": [lead, back],
        "style": None,
        "texture": f"melody over {texture}",
        "density": density,
        "tempo_bpm": bpm,
        "meter": f"{meter}/4",
        "dynamics": dynamics,
        "mode": scale,
        "scale": scale,
        "key": KEYS[tonic],
        "articulation": "normal",
        "register": register_word([n[2] for n in notes]),
        "pattern": tune.id,
        "source": "programmed",
        "soundfont": library.synth.names[font],
        "notes_per_second": len(notes) / (tune.beats * 60 / bpm),
    }
    return layers, dict(metadata, lead_in=lead_in)
