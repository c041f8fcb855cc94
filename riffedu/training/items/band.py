"""Clips of a band in a style, or of its drum kit alone."""

from __future__ import annotations

import numpy as np

from ..music.draws import pick
from ..music.grooves import Groove, draw_groove
from ..music.styles import STYLES, Style
from ..music.theory import KEYS, SCALES
from ..render import one_shot_kit, render_drums
from .library import SoundLibrary, choose_program
from .performance import (
    SECONDS,
    draw_dynamics,
    lead_in_seconds,
    perform,
    place_in_range,
    register_word,
    round_tempo,
)


def _drum_layer(
    rng: np.random.Generator,
    library: SoundLibrary,
    style: Style,
    groove: Groove,
    bpm: float,
    start: float,
    lead_in: float,
    velocity: float,
    font: int,
) -> tuple[np.ndarray, dict[str, str] | None, float]:
    """Sound of the kit, the one-shots in it (or None) and the number of hits per second."""
    kit = pick(rng, [k for k in style.kits if library.synth.has(font, k, drums=True)] or [0])
    samples = (
        one_shot_kit(rng) if library.has_one_shots and rng.random() < style.one_shots else None
    )
    notes = [(h.beat, 0.2, h.voice, h.strength) for h in groove.hits]
    second, span = 60 / bpm, SECONDS + lead_in
    first = start - lead_in / second
    hits = []
    for loop in range(
        int(np.floor(first / groove.beats)), int((first + span / second) // groove.beats) + 1
    ):
        for beat, _, voice, strength in notes:
            at = (loop * groove.beats + beat - first) * second
            if -0.01 <= at < span:
                at = max(0.0, at + float(rng.normal(0, 0.002 if samples else 0.004)))
                strength = strength * velocity / 100 + rng.normal(0, 0.04)
                hits.append((at, voice, float(np.clip(strength, 0.1, 1.0))))
    return render_drums(library.synth, font, kit, hits, span, samples), samples, len(hits) / span


def draw_band(
    rng: np.random.Generator, library: SoundLibrary, drums_only: bool = False
) -> tuple[list, dict]:
    """Draw a clip of a style, played by its band or by its drum kit alone."""
    names = [n for n, s in STYLES.items() if s.drums or not drums_only]
    style_name = pick(rng, names)
    style = STYLES[style_name]
    font = int(rng.integers(len(library.synth.names)))
    dynamics, velocity = draw_dynamics(rng)
    if style_name in ("metal", "techno", "drum and bass", "rock") and dynamics == "soft":
        dynamics, velocity = "medium", 88.0
    with_drums = drums_only or (bool(style.drums) and rng.random() < style.drum_share)
    groove = draw_groove(rng, style_name, drums=with_drums, band=not drums_only)
    bpm = round_tempo(rng, rng.uniform(*style.tempo))
    scale, tonic = pick(rng, style.scales), int(rng.integers(12))
    if scale == "major pentatonic":
        scale = "major"
    bar = style.beats
    start = (
        float(bar * rng.integers(4))
        if rng.random() < 0.85
        else float(rng.integers(int(groove.beats)))
    )
    parts: list[tuple[str, str]] = []
    if not drums_only:
        parts.append(("bass", pick(rng, style.bass_instruments)))
        parts.append(("comp", pick(rng, style.comp_instruments)))
        lead = pick(rng, [n for n in style.lead_instruments if n != parts[1][1]] or ["piano"])
        if rng.random() < style.lead:
            parts.append(("lead", lead))
        if len(parts) == 3 and rng.random() < 0.12:
            del parts[int(rng.integers(2))]
        elif with_drums and rng.random() < 0.08:
            del parts[1]
    lead_in = lead_in_seconds(rng, [name for _, name in parts])
    layers, one_shots, density = [], None, 0.0
    if with_drums:
        sound, one_shots, density = _drum_layer(
            rng, library, style, groove, bpm, start, lead_in, max(70.0, velocity), font
        )
        layers.append((sound, 0.75))
    pitches = []
    levels = {"bass": 0.75, "comp": 0.55, "lead": 0.7}
    for role, name in parts:
        notes, _ = place_in_range(
            groove.roles[role],
            scale,
            name,
            rng,
            {"bass": "low", "comp": "middle", "lead": "middle"}[role],
            tonic,
        )
        if role == "lead" and style_name in ("blues", "rock", "funk"):
            if style_name == "blues":
                lead_scale = "blues"
            elif scale in ("minor", "dorian"):
                lead_scale = "minor pentatonic"
            else:
                lead_scale = "major pentatonic"
            notes = [
                (beat, length, _nearest_scale_note(note, lead_scale, tonic), accent)
                for beat, length, note, accent in notes
            ]
        program = choose_program(rng, library, name, font)
        if style_name == "metal" and name == "distorted guitar":
            program = 30
        tight = style_name in ("metal", "techno", "house", "disco", "drum and bass")
        played = perform(
            rng, notes, groove.beats, bpm, start, lead_in, velocity, 0.95, 0.003 if tight else 0.008
        )
        if style_name == "ambient" and role == "lead":
            played = [n for n in played if rng.random() < 0.85]
        layers.append(
            (
                library.synth.render(font, program, played, SECONDS + lead_in),
                levels[role] * (1.0 if with_drums or role != "comp" else 1.3),
            )
        )
        pitches += [n[2] for n in played]
        density += len(played) / (SECONDS + lead_in)
    metadata = {
        "kind": "drums" if drums_only else "band",
        "instruments": (["drums"] if with_drums else []) + [n for _, n in parts],
        "style": style_name,
        "texture": "drum beat" if drums_only else "groove",
        "density": "medium",
        "tempo_bpm": bpm,
        "meter": "3/4" if bar == 3 else "4/4",
        "dynamics": dynamics,
        "mode": None if drums_only else scale,
        "scale": None if drums_only else scale,
        "key": None if drums_only else KEYS[tonic],
        "articulation": "normal",
        "register": register_word(pitches) if pitches else "middle",
        "pattern": groove.id,
        "source": "programmed",
        "soundfont": library.synth.names[font],
        "one_shots": sorted(set(one_shots.values())) if one_shots else [],
        "notes_per_second": density,
    }
    return layers, dict(metadata, lead_in=lead_in)


def _nearest_scale_note(note: int, scale: str, tonic: int) -> int:
    """The note of the scale nearest to ``note``."""
    allowed = [(tonic + s) % 12 for s in SCALES[scale]]
    return min(
        (note + d for d in (0, -1, 1, -2, 2)), key=lambda p: (p % 12 not in allowed, abs(p - note))
    )
