"""The dataset: captioned 5.12 s clips, drawn from a seed, rendered and kept as pictures.

Item ``i`` of seed ``s`` is drawn from ``numpy.random.default_rng([s, i, attempt])`` alone, so it
is the same in every shard size and number of workers. ``riffedu train data`` writes shards of
uint8 pictures beside one line of metadata each. Taught by notebook 14.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np

from riffedu.signal.audio import set_level
from ..errors import RiffeduError
from . import music, scores
from .instruments import BACKING_INSTRUMENTS, INSTRUMENTS, MELODY_INSTRUMENTS, ONE_SHOTS
from .music import pick
from .render import (SAMPLE_RATE, Synthesizer, chorus, drive, find_soundfonts, have_one_shots,
                     low_pass, one_shot_kit, render_drums, reverb, rms, tremolo)

SAMPLES = 225792  # 512 columns of 441 samples: 5.12 s
SECONDS = SAMPLES / SAMPLE_RATE
SHARD = 256
VERSION = 2

KINDS = {"solo": 0.54, "pair": 0.08, "band": 0.20, "drums": 0.18}
BRIGHT = ("major", "mixolydian", "major pentatonic")
DARK = ("minor", "phrygian", "harmonic minor", "minor pentatonic", "dorian")


# ---------------------------------------------------------------- drawing what to play

def draw_tempo(rng, low: float = 50, high: float = 180) -> float:
    """Beats a minute: slow, medium and fast equally often."""
    thirds = ((50, 78), (78, 118), (118, 180))
    a, b = thirds[int(rng.integers(3))]
    return whole_tempo(rng, float(np.clip(rng.uniform(a, b), low, high)))


def whole_tempo(rng, bpm: float) -> float:
    """``bpm`` as a caption can name it: a multiple of 5 six times of ten, else a whole number."""
    return float(5 * round(bpm / 5) if rng.random() < 0.6 else round(bpm))


def tempo_word(bpm: float) -> str:
    """``slow`` below 80, ``fast`` from 120, else ``medium``."""
    return "slow" if bpm < 80 else "fast" if bpm >= 120 else "medium"


def draw_dynamics(rng) -> tuple[str, float]:
    """A word and a mean MIDI velocity."""
    return pick(rng, (("soft", 48.0), ("medium", 78.0), ("medium", 88.0), ("loud", 112.0)))


def place(steps, scale: str, name: str, rng, register: str, tonic: int | None = None):
    """Pitches for a pattern: picks the octave that puts it into the wanted part of the
    instrument's range, and folds what falls outside back by octaves.

    Returns ``[(beat, length, MIDI note, accent)]`` and the tonic's pitch class.
    """
    instrument = INSTRUMENTS[name]
    tonic = int(rng.integers(12)) if tonic is None else tonic
    share = {"low": 0.28, "middle": 0.48, "high": 0.70}[register]
    target = instrument.low + share * (instrument.high - instrument.low)
    pitches = [music.pitch(s.degree, scale, tonic) for s in steps]
    shift = 12 * round((target - float(np.mean(pitches))) / 12)
    notes = {}
    for s, p in zip(steps, pitches):
        p += shift
        while p < instrument.low:
            p += 12
        while p > instrument.high:
            p -= 12
        notes[(s.beat, p)] = (s.beat, s.length, p, s.accent)
    return sorted(notes.values()), tonic % 12


def register_word(pitches) -> str:
    """``low`` below MIDI 52 on average, ``high`` from 73, else ``middle``."""
    mean = float(np.mean(pitches))
    return "low" if mean < 52 else "high" if mean >= 73 else "middle"


def perform(rng, notes, beats: float, bpm: float, start: float, lead_in: float, velocity: float,
            articulation: float = 0.95, tightness: float = 0.006):
    """Loops ``notes`` from beat ``start`` and plays them a little unevenly, as people do.

    Returns ``[(start s, end s, MIDI note, velocity)]`` with time 0 at ``lead_in`` seconds before
    the clip.
    """
    second = 60.0 / bpm
    span = SECONDS + lead_in
    first = start - lead_in / second
    played = []
    for loop in range(int(np.floor(first / beats)), int((first + span / second) // beats) + 1):
        for beat, length, key, accent in notes:
            at = (loop * beats + beat - first) * second
            if -0.01 <= at < span:
                at = max(0.0, at + float(rng.normal(0, tightness)))
                held = max(0.04, articulation * length * second)
                played.append((at, at + held, key, velocity * accent + float(rng.normal(0, 4))))
    return played


def start_beat(rng, notes, beats: float) -> float:
    """Where in the loop the clip begins: on a beat on which something sounds, mostly a bar's first."""
    onsets = sorted({round(n[0] % beats, 4) for n in notes})
    whole = [b for b in onsets if abs(b - round(b)) < 1e-3]
    bar = beats / 4 if beats % 4 == 0 else 4
    downbeats = [b for b in whole if b % bar == 0]
    if rng.random() < 0.85 and downbeats:
        return pick(rng, downbeats)
    return pick(rng, whole or onsets)


SLOW_ATTACK = ("synth pad", "strings", "choir", "church organ", "brass")


def lead_in_seconds(rng, names) -> float:
    """Seconds of music before the clip: always for what swells slowly, else now and then."""
    slow = any(n in SLOW_ATTACK for n in names)
    return float(rng.uniform(0.4, 1.0)) if rng.random() < (0.85 if slow else 0.25) else 0.0


def program_of(rng, studio: "Studio", name: str, font: int) -> int:
    """One of the instrument's programs that the soundfont really holds."""
    programs = [p for p in INSTRUMENTS[name].programs if studio.synth.has(font, p)]
    if not programs:
        raise RiffeduError(f"{studio.synth.paths[font]} has no preset for {name} (General MIDI "
                           f"program {INSTRUMENTS[name].programs[0]}): name a GM soundfont.")
    # The first program is the typical one.
    return programs[0] if len(programs) == 1 or rng.random() < 0.65 else pick(rng, programs[1:])


# ---------------------------------------------------------------- kinds of clip

class Studio:
    """What every item needs, loaded once per process: soundfonts, scores, one-shots."""

    def __init__(self, soundfonts=None, pieces: list[dict] | None = None):
        self.synth = Synthesizer(soundfonts)
        self.pieces = pieces or []
        self.samples = have_one_shots()
        self.by_kind: dict[str, list[dict]] = {}
        for piece in self.pieces:
            self.by_kind.setdefault(piece["kind"], []).append(piece)


TUNE_PLAYERS = ("violin", "flute", "recorder", "accordion", "harmonica", "oboe", "clarinet",
                "trumpet", "pan flute", "banjo", "piano", "saxophone", "bagpipe", "music box",
                "acoustic guitar", "xylophone", "marimba", "steel drums", "synth lead",
                "kalimba", "vibraphone", "koto")
CHORALE_PLAYERS = ("choir", "strings", "church organ", "brass", "harpsichord", "accordion",
                   "rock organ", "synth pad", "piano", "pizzicato strings", "vibraphone")
QUARTET_PLAYERS = ("strings", "pizzicato strings", "strings", "piano")


def score_excerpt(rng, studio: Studio, name: str):
    """A stretch of a real piece for this instrument: (notes, beats, piece, bpm) or None."""
    kinds = [kind for kind, players in (("tune", TUNE_PLAYERS), ("chorale", CHORALE_PLAYERS),
                                        ("quartet", QUARTET_PLAYERS),
                                        ("piano", ("piano", "harpsichord")))
             if name in players and studio.by_kind.get(kind)]
    if not kinds:
        return None
    kind = pick(rng, kinds)
    piece = pick(rng, studio.by_kind[kind])
    instrument = INSTRUMENTS[name]
    notes = sorted((on, length, p) for part in piece["parts"] for on, length, p in part)
    mean = float(np.mean([n[2] for n in notes]))
    centre = (instrument.low + instrument.high) / 2
    shift = 12 * round((centre - mean) / 12) + int(rng.integers(-4, 5))
    folded = {}
    for on, length, p in notes:
        p += shift
        while p < instrument.low:
            p += 12
        while p > instrument.high:
            p -= 12
        folded[(on, p)] = (on, length, p, 1.0 if on == int(on) else 0.85)
    eighths = piece["signature"].endswith("/8")
    low, high = {"tune": (132, 180) if eighths else (80, 130), "chorale": (60, 100),
                 "piano": (70, 105), "quartet": (70, 130)}[kind]
    notes = sorted(folded.values())
    bpm = whole_tempo(rng, rng.uniform(low, high))
    return notes, max(n[0] + n[1] for n in notes), dict(piece, key=moved_key(piece, shift)), bpm


def moved_key(piece: dict, semitones: int) -> str | None:
    """The tonic of a piece that is played ``semitones`` higher, as `music.KEYS` names it."""
    same = {"D flat": "C sharp", "D sharp": "E flat", "G flat": "F sharp", "G sharp": "A flat",
            "A sharp": "B flat"}
    name = same.get(piece["key"], piece["key"])
    known = name in music.KEYS
    return music.KEYS[(music.KEYS.index(name) + semitones) % 12] if known else None


# Asked for often and heard rarely in pairs and bands: drawn twice as often as the others.
OFTEN = ("piano", "banjo", "marimba", "harpsichord", "church organ", "music box", "violin",
         "trumpet", "flute", "acoustic guitar", "accordion", "xylophone", "kalimba", "harp")


def draw_solo(rng, studio: Studio) -> tuple[list, dict]:
    """One instrument alone, playing a programmed texture or a stretch of a real piece."""
    name = pick(rng, tuple(INSTRUMENTS), [2 if n in OFTEN else 1 for n in INSTRUMENTS])
    instrument = INSTRUMENTS[name]
    font = int(rng.integers(len(studio.synth.names)))
    dynamics, velocity = draw_dynamics(rng)
    excerpt = score_excerpt(rng, studio, name) if rng.random() < 0.25 else None
    articulation, articulation_word = 0.95, "normal"
    if excerpt:
        notes, beats, piece, bpm = excerpt
        texture = {"tune": "melody", "chorale": "chorale", "quartet": "ensemble",
                   "piano": "accompanied"}[piece["kind"]]
        pattern_id, source, mode, density = piece["id"], piece["title"], piece["mode"], "medium"
        key, meter = piece["key"], piece["signature"]
        # A downbeat with some music after it.
        whole = [n[0] for n in notes if n[0] == int(n[0]) and n[0] < beats - 8] or [0.0]
        start = pick(rng, whole)
        scale = mode
    else:
        texture = pick(rng, instrument.textures)
        pattern = music.draw_pattern(rng, texture)
        density, beats = pattern.density, pattern.beats
        scale = pick(rng, music.SEVEN_NOTE if texture in music.CHORDAL else music.ANY_SCALE)
        if texture in ("power chords", "riff"):
            scale = pick(rng, ("minor", "minor", "major", "phrygian", "dorian", "mixolydian"))
        fastest = 110 if texture in ("glissando", "roll") else 140 if density == "busy" else 180
        # Notes that die away need company: no slow tempo for sparse plucked patterns.
        slowest = 84 if density == "sparse" and not instrument.sustain else 50
        bpm = draw_tempo(rng, slowest, fastest)
        register = pick(rng, ("low", "middle", "middle", "high"))
        notes, tonic = place(pattern.steps, scale, name, rng, register)
        key, meter = music.KEYS[tonic], f"{pattern.meter}/4"
        pattern_id, source, mode = pattern.id, "programmed", scale
        start = start_beat(rng, notes, beats)
        if texture in ("melody", "ostinato", "scale run", "bass line", "arpeggio", "chords",
                       "riff", "fanfare"):
            articulation, articulation_word = pick(
                rng, ((0.95, "normal"), (0.95, "normal"), (1.02, "legato"), (0.45, "staccato")))
    lead_in = lead_in_seconds(rng, [name])
    played = perform(rng, notes, beats, bpm, start, lead_in, velocity, articulation)
    sound = studio.synth.render(font, program_of(rng, studio, name, font), played,
                                SECONDS + lead_in)
    meta = {"kind": "solo", "instruments": [name], "style": None, "texture": texture,
            "density": density, "tempo_bpm": bpm, "meter": meter, "dynamics": dynamics,
            "mode": mode, "scale": scale, "key": key, "articulation": articulation_word,
            "register": register_word([p[2] for p in played] or [60]), "pattern": pattern_id,
            "source": source, "soundfont": studio.synth.names[font],
            "notes_per_second": len(played) / (SECONDS + lead_in)}
    return [(sound, 1.0)], dict(meta, lead_in=lead_in)


BACKING_TEXTURES = {
    "double bass": ("bass line",), "electric bass": ("bass line",), "slap bass": ("bass line",),
    "synth bass": ("bass line",), "cello": ("bass line",),
    "synth pad": ("held chords",), "choir": ("held chords",), "strings": ("held chords", "chords"),
    "brass": ("held chords", "chords"), "church organ": ("held chords",),
    "rock organ": ("held chords", "chords"), "accordion": ("chords", "held chords"),
    "acoustic guitar": ("strummed chords", "arpeggio", "broken chords"),
    "electric guitar": ("strummed chords", "arpeggio", "broken chords"),
    "harp": ("arpeggio", "broken chords"), "pizzicato strings": ("arpeggio", "chords"),
}


def draw_pair(rng, studio: Studio) -> tuple[list, dict]:
    """A tune on one instrument, chords, arpeggios or a bass line on another."""
    lead = pick(rng, MELODY_INSTRUMENTS)
    back = pick(rng, [n for n in BACKING_INSTRUMENTS if n != lead])
    font = int(rng.integers(len(studio.synth.names)))
    dynamics, velocity = draw_dynamics(rng)
    meter = int(pick(rng, (4, 4, 4, 3)))
    density = pick(rng, ("sparse", "medium", "medium", "busy"))
    scale = pick(rng, music.SEVEN_NOTE)
    bpm = draw_tempo(rng, 56, 140 if density == "busy" else 168)
    roots = music.progression(rng)
    tune = music.draw_pattern(rng, "melody", density, meter)
    tune_steps = music.settle(tune.steps, roots, meter)
    texture = pick(rng, BACKING_TEXTURES.get(back, ("chords", "arpeggio", "broken chords",
                                                    "held chords")))
    backing = music.draw_pattern(rng, texture, pick(rng, ("sparse", "medium", "medium")), meter,
                                 roots=roots)
    notes, tonic = place(tune_steps, scale, lead, rng, pick(rng, ("middle", "middle", "high")))
    low_notes, _ = place(backing.steps, scale, back, rng, pick(rng, ("low", "middle")), tonic)
    start = start_beat(rng, low_notes, tune.beats)
    lead_in = lead_in_seconds(rng, [lead, back])
    layers = []
    for name, part, level in ((lead, notes, 1.0), (back, low_notes, 0.7)):
        played = perform(rng, part, tune.beats, bpm, start, lead_in, velocity)
        sound = studio.synth.render(font, program_of(rng, studio, name, font), played,
                                    SECONDS + lead_in)
        layers.append((sound, level))
    meta = {"kind": "pair", "instruments": [lead, back], "style": None,
            "texture": f"melody over {texture}", "density": density, "tempo_bpm": bpm,
            "meter": f"{meter}/4",
            "dynamics": dynamics, "mode": scale, "scale": scale, "key": music.KEYS[tonic],
            "articulation": "normal", "register": register_word([n[2] for n in notes]),
            "pattern": tune.id, "source": "programmed", "soundfont": studio.synth.names[font],
            "notes_per_second": len(notes) / (tune.beats * 60 / bpm)}
    return layers, dict(meta, lead_in=lead_in)


def _drum_layer(rng, studio, style, groove, bpm, start, lead_in, velocity, font):
    """Sound of the kit, the one-shots in it (or None) and hits a second."""
    kit = pick(rng, [k for k in style.kits if studio.synth.has(font, k, drums=True)] or [0])
    samples = one_shot_kit(rng) if studio.samples and rng.random() < style.one_shots else None
    notes = [(h.beat, 0.2, h.voice, h.strength) for h in groove.hits]
    second, span = 60 / bpm, SECONDS + lead_in
    first = start - lead_in / second
    hits = []
    for loop in range(int(np.floor(first / groove.beats)),
                      int((first + span / second) // groove.beats) + 1):
        for beat, _, voice, strength in notes:
            at = (loop * groove.beats + beat - first) * second
            if -0.01 <= at < span:
                at = max(0.0, at + float(rng.normal(0, 0.002 if samples else 0.004)))
                hits.append((at, voice, float(np.clip(
                    strength * velocity / 100 + rng.normal(0, 0.04), 0.1, 1.0))))
    return render_drums(studio.synth, font, kit, hits, span, samples), samples, len(hits) / span


def draw_band(rng, studio: Studio, drums_only: bool = False) -> tuple[list, dict]:
    """A style played by its band, or its drum pattern alone."""
    names = [n for n, s in music.STYLES.items() if s.drums or not drums_only]
    style_name = pick(rng, names)
    style = music.STYLES[style_name]
    font = int(rng.integers(len(studio.synth.names)))
    dynamics, velocity = draw_dynamics(rng)
    if style_name in ("metal", "techno", "drum and bass", "rock") and dynamics == "soft":
        dynamics, velocity = "medium", 88.0
    with_drums = drums_only or (bool(style.drums) and rng.random() < style.drum_share)
    groove = music.draw_groove(rng, style_name, drums=with_drums, band=not drums_only)
    bpm = whole_tempo(rng, rng.uniform(*style.tempo))
    scale, tonic = pick(rng, style.scales), int(rng.integers(12))
    if scale == "major pentatonic":
        scale = "major"
    bar = style.beats
    start = float(bar * rng.integers(4)) if rng.random() < 0.85 else float(
        rng.integers(int(groove.beats)))
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
        sound, one_shots, density = _drum_layer(rng, studio, style, groove, bpm, start, lead_in,
                                                max(70.0, velocity), font)
        layers.append((sound, 0.75))
    pitches = []
    levels = {"bass": 0.75, "comp": 0.55, "lead": 0.7}
    for role, name in parts:
        notes, _ = place(groove.roles[role], scale, name, rng,
                         {"bass": "low", "comp": "middle", "lead": "middle"}[role], tonic)
        if role == "lead" and style_name in ("blues", "rock", "funk"):
            notes = [(b, n, _snap(p, "blues" if style_name == "blues" else "minor pentatonic"
                                  if scale in ("minor", "dorian") else "major pentatonic", tonic),
                      a) for b, n, p, a in notes]
        program = program_of(rng, studio, name, font)
        if style_name == "metal" and name == "distorted guitar":
            program = 30
        tight = style_name in ("metal", "techno", "house", "disco", "drum and bass")
        played = perform(rng, notes, groove.beats, bpm, start, lead_in, velocity, 0.95,
                         0.003 if tight else 0.008)
        if style_name == "ambient" and role == "lead":
            played = [n for n in played if rng.random() < 0.85]
        layers.append((studio.synth.render(font, program, played, SECONDS + lead_in),
                       levels[role] * (1.0 if with_drums or role != "comp" else 1.3)))
        pitches += [n[2] for n in played]
        density += len(played) / (SECONDS + lead_in)
    meta = {"kind": "drums" if drums_only else "band",
            "instruments": (["drums"] if with_drums else []) + [n for _, n in parts],
            "style": style_name, "texture": "drum beat" if drums_only else "groove",
            "density": "medium", "tempo_bpm": bpm, "meter": "3/4" if bar == 3 else "4/4",
            "dynamics": dynamics, "mode": None if drums_only else scale, "scale": None if drums_only else scale,
            "key": None if drums_only else music.KEYS[tonic], "articulation": "normal",
            "register": register_word(pitches) if pitches else "middle", "pattern": groove.id,
            "source": "programmed", "soundfont": studio.synth.names[font],
            "one_shots": sorted(set(one_shots.values())) if one_shots else [],
            "notes_per_second": density}
    return layers, dict(meta, lead_in=lead_in)


def _snap(note: int, scale: str, tonic: int) -> int:
    """The nearest note of a scale."""
    allowed = [(tonic + s) % 12 for s in music.SCALES[scale]]
    return min((note + d for d in (0, -1, 1, -2, 2)), key=lambda p: (p % 12 not in allowed,
                                                                     abs(p - note)))


def mood_of(meta: dict) -> str:
    """A mood that follows from the music: its mode, its speed and its force.

    Energy adds tempo, notes a second and dynamics; bright modes turn it into calm, happy,
    energetic, dark modes into sad, dark, tense.
    """
    energy = (meta["tempo_bpm"] - 100) / 60 + (meta["notes_per_second"] - 4) / 6
    energy += {"soft": -0.6, "medium": 0.0, "loud": 0.5}[meta["dynamics"]]
    level = "low" if energy < -0.5 else "high" if energy > 0.8 else "middle"
    if meta["style"] == "ambient":
        return "dreamy"
    if meta["style"] == "metal":
        return "aggressive"
    if meta["kind"] == "drums" or meta["kind"] == "band" and meta["style"] not in ("waltz",
                                                                                   "march"):
        return {"low": "laid-back", "middle": "groovy", "high": "energetic"}[
            "low" if meta["tempo_bpm"] < 90 else "high" if meta["tempo_bpm"] >= 120 else "middle"]
    if meta["scale"] == "whole tone":
        return "dreamy"
    if meta["scale"] == "hijaz":
        return "exotic"
    if meta["scale"] == "blues":
        return "bluesy"
    if meta["mode"] in BRIGHT:
        return {"low": "calm", "middle": "happy", "high": "cheerful"}[level]
    return {"low": "sad", "middle": "dark", "high": "tense"}[level]


DRIVEN = ("electric guitar", "rock organ", "electric bass", "synth bass", "synth lead",
          "electric piano", "drums", "harmonica", "double bass", "slap bass")
LOW = ("double bass", "electric bass", "slap bass", "synth bass")


def apply_effects(rng, sound: np.ndarray, meta: dict) -> tuple[np.ndarray, list[str]]:
    """None for 62 % of the clips; else reverb, drive, low-pass, tremolo or chorus."""
    roll, effects = rng.random(), []
    if meta["style"] == "ambient":
        roll = 0.65
    low = meta["instruments"][0] in LOW
    if roll >= 0.62:
        kind = "reverb" if roll < 0.84 else pick(rng, ("low-pass", "drive", "tremolo", "chorus"))
        if kind == "drive" and meta["instruments"][0] not in DRIVEN:
            kind = "reverb"
        if kind == "reverb" and low and meta["kind"] == "solo":
            kind = pick(rng, ("low-pass", "drive"))  # a reverberant bass is only mud
        if kind in ("tremolo", "chorus") and meta["kind"] in ("band", "drums"):
            kind = "low-pass"
        if kind == "reverb":
            sound = reverb(sound, rng, float(rng.uniform(0.8, 2.8)), float(rng.uniform(0.2, 0.55)))
        elif kind == "low-pass":
            sound = low_pass(sound, float(np.exp(rng.uniform(np.log(600), np.log(2200)))))
        elif kind == "drive":
            sound = drive(sound, float(rng.uniform(4, 15)))
        elif kind == "tremolo":
            sound = tremolo(sound, float(rng.uniform(3, 8)), float(rng.uniform(0.5, 0.9)))
        else:
            sound = chorus(sound, float(rng.uniform(0.5, 1.5)))
        effects.append(kind)
    return sound, effects


# ---------------------------------------------------------------- one item

@lru_cache(maxsize=1)
def open_model_server(folder: str | None = None) -> Studio:
    """The studio of a dataset made with the usual soundfonts: ``folder`` holds its scores, so its
    items can be heard again. Without a folder the scores are kept in ``~/.cache/riffedu``."""
    cache = Path(folder) if folder else Path.home() / ".cache" / "riffedu"
    return Studio(None, scores.load(cache / "scores.json"))


def render_item(seed: int, index: int, studio: Studio | None = None) -> tuple[np.ndarray, dict]:
    """Item ``index`` of dataset ``seed``: (waveform, metadata).

    Parameters
    ----------
    seed, index : the item's name; metadata's ``id`` is ``"seed-index"``.
    studio : soundfonts and scores; by default `open_model_server`'s.

    Returns
    -------
    waveform : float32 (225792,), 44.1 kHz mono, RMS -20 dBFS (less where the peak would pass -1).
    meta : dict with ``id, split, pattern, kind, instruments, style, mood, tempo_bpm, tempo_word,
        texture, register, dynamics, key, mode, scale, effects, soundfont`` and more.

    A draw that comes out silent is drawn again from the next attempt's generator.
    """
    studio = studio or open_model_server()
    for attempt in range(20):
        rng = np.random.default_rng([seed, index, attempt])
        kind = pick(rng, tuple(KINDS), tuple(KINDS.values()))
        if kind == "solo":
            layers, meta = draw_solo(rng, studio)
        elif kind == "pair":
            layers, meta = draw_pair(rng, studio)
        else:
            layers, meta = draw_band(rng, studio, drums_only=kind == "drums")
        cut = int(round(meta.pop("lead_in") * SAMPLE_RATE))
        if any(rms(layer[cut:]) < 1e-5 for layer, _ in layers):
            continue
        sound = sum(level * layer / rms(layer[cut:]) for layer, level in layers)
        sound, effects = apply_effects(rng, sound.astype(np.float32), meta)
        sound = sound[cut:cut + SAMPLES]
        begin = rms(sound[:SAMPLE_RATE // 2])
        if np.isfinite(sound).all() and begin > 0.05 * rms(sound) > 0:
            meta["effects"] = effects
            meta["tempo_bpm"] = round(meta["tempo_bpm"], 1)
            meta["notes_per_second"] = round(meta["notes_per_second"], 2)
            meta["tempo_word"] = tempo_word(meta["tempo_bpm"])
            meta["mood"] = mood_of(meta)
            meta["split"] = music.split_of(meta["pattern"])
            meta["id"] = f"{seed}-{index}"
            return set_level(sound), meta
    raise RiffeduError(f"Item {index} of seed {seed} stayed silent in 20 draws: is the soundfont "
                       "a General MIDI one?")


# ---------------------------------------------------------------- pictures

def picture(waveform: np.ndarray) -> np.ndarray:
    """The grey levels of a clip's picture: uint8 (512, 512), drawn as everywhere in the course."""
    from riffedu.signal.image import image_from_spectrogram
    from riffedu.signal.mel import mel_spectrogram

    return np.asarray(image_from_spectrogram(mel_spectrogram(waveform)))[..., 0]


# ---------------------------------------------------------------- shards

_STUDIO: Studio | None = None


def _start_worker(soundfonts, pieces, alone: bool = True) -> None:
    """With others beside it, a worker keeps to one thread: the processes share the cores."""
    global _STUDIO
    _STUDIO = Studio(soundfonts, pieces)
    if not alone:
        import torch

        torch.set_num_threads(1)


def _make_shard(task) -> int:
    """Renders items ``first``..``last`` and writes both files under temporary names first."""
    folder, number, seed, first, last = task
    pictures, lines = [], []
    for index in range(first, last):
        waveform, meta = render_item(seed, index, _STUDIO)
        pictures.append(picture(waveform))
        lines.append(json.dumps(meta))
    stem = Path(folder) / f"shard-{number:05d}"
    temporary = stem.with_suffix(".part")
    with open(temporary, "wb") as file:
        np.save(file, np.stack(pictures))
    text = stem.with_suffix(".jsonl.part")
    text.write_text("\n".join(lines) + "\n")
    os.replace(text, stem.with_suffix(".jsonl"))
    os.replace(temporary, stem.with_suffix(".npy"))  # last: its presence says the shard is whole
    return last - first


def make_dataset(folder, n: int = 12000, seed: int = 0, soundfonts=None, workers: int = 2,
                 progress: bool = True, shard: int = SHARD) -> Path:
    """Renders ``n`` items into ``folder`` and returns it; finished shards are kept.

    Parameters
    ----------
    folder : path of the dataset; gets ``shard-00000.npy`` (uint8 (256, 512, 512), dark = loud, low
        frequencies at the bottom), ``shard-00000.jsonl`` (one line of metadata a picture),
        ``scores.json`` and ``manifest.json``.
    n : number of items.
    seed : the same seed gives the same items, whatever ``workers`` and ``shard`` are.
    soundfonts : paths; by default those found in the usual places.
    workers : processes.

    Raises
    ------
    RiffeduError
        No soundfont, an unwritable folder, or a folder begun with another seed.
    """
    import multiprocessing

    from tqdm.auto import tqdm

    if n < 1 or workers < 1 or shard < 1:
        raise RiffeduError("The number of items, of workers and the shard size must be at "
                           "least 1.")
    paths = find_soundfonts(soundfonts)
    Synthesizer(paths)  # a damaged soundfont is told here, before workers start and files appear
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".write-test").touch()
        (folder / ".write-test").unlink()
    except OSError as error:
        raise RiffeduError(f"Cannot write to {folder}: {error.strerror}.") from error
    recipe = {"version": VERSION, "seed": seed, "shard": shard,
              "soundfonts": [Path(p).name for p in paths]}
    manifest = folder / "manifest.json"
    if manifest.is_file():
        old = json.loads(manifest.read_text())
        if any(old.get(k) != v for k, v in recipe.items()):
            raise RiffeduError(f"{folder} was begun with another seed, shard size, version or "
                               "soundfonts: name an empty folder, or the same options again.")
    pieces = scores.load(folder / "scores.json", progress)
    _write_manifest(manifest, recipe, n, paths, pieces)
    tasks = []
    for number, first in enumerate(range(0, n, shard)):
        target, last = folder / f"shard-{number:05d}.npy", min(n, first + shard)
        if target.is_file() and len(np.load(target, mmap_mode="r")) >= last - first:
            continue
        tasks.append((str(folder), number, seed, first, last))
    done = n - sum(t[4] - t[3] for t in tasks)
    with tqdm(total=n, initial=done, desc="rendering", unit="clip", disable=not progress) as bar:
        if workers == 1 or len(tasks) <= 1:
            _start_worker(paths, pieces)
            for task in tasks:
                bar.update(_make_shard(task))
        else:
            with multiprocessing.get_context("spawn").Pool(
                    min(workers, len(tasks)), _start_worker, (paths, pieces, False)) as pool:
                for count in pool.imap_unordered(_make_shard, tasks):
                    bar.update(count)
    return folder


MIT_SOUNDFONT = ("MIT: Permission is hereby granted, free of charge, to any person obtaining a "
                 "copy of this software and associated documentation files, to deal in the Software "
                 "without restriction, including without limitation the rights to use, copy, "
                 "modify, merge, publish, distribute, sublicense, and/or sell copies, provided "
                 "that the copyright notice and this permission notice are included. Provided "
                 "\"as is\", without warranty of any kind.")
KNOWN_SOUNDFONTS = {
    "FluidR3_GM": ("Fluid (R3) General MIDI, (c) 2000-2002, 2008 Frank Wen; (c) 2008 Toby Smithe. "
                   "Debian package fluid-soundfont-gm", MIT_SOUNDFONT),
    "MuseScore_General": ("MuseScore_General, (c) 2018-2021 S. Christian Collins, mirabilos; from "
                          "Fluid (R3) Mono, (c) 2014-2017 Michael Cowgill, 2002 Ethan Winer, 2016 "
                          "Michael Schorsch, 2000-2002, 2008 Frank Wen. Debian packages "
                          "musescore-general-soundfont and -small",
                          MIT_SOUNDFONT + " Parts are CC0 (drumline, cymbals) or public domain."),
}
COLLECTIONS = {
    "bach": "Chorales by J. S. Bach (1685-1750), encoded in music21's corpus; only files whose "
            "header states no rights",
    "ryansMammoth": "Ryan's Mammoth Collection (Boston, 1883), ABC by Ray Davies and others",
    "oneills1850": "Music of Ireland, F. O'Neill (Chicago, 1903), ABC by John Walsh, John Chambers "
                   "and others",
    "airdsAirs": "A Selection of Scotch, English, Irish and Foreign Airs, J. Aird (Glasgow, "
                 "1778-1801), ABC by Jack Campin",
    "mozart": "Quartets and a sonata by W. A. Mozart (1756-1791)",
    "haydn": "Quartet by J. Haydn (1732-1809)",
    "joplin": "Maple Leaf Rag by S. Joplin (1899)",
}


def sources(paths, pieces: list[dict], one_shots: bool) -> list[dict]:
    """Source and licence of every ingredient: soundfonts, one-shots, scores, own patterns."""
    found = []
    for path in paths:
        known = next((v for k, v in KNOWN_SOUNDFONTS.items() if Path(path).stem.startswith(k)),
                     ("given by the user", "unknown: see the soundfont's own documents"))
        found.append({"what": "soundfont", "name": Path(path).name, "source": known[0],
                      "licence": known[1]})
    if one_shots:
        files = sorted({name for names in ONE_SHOTS.values() for name in names})
        found.append({"what": "drum one-shots", "name": "Sonic Pi samples",
                      "source": "freesound.org, collected by Sonic Pi (samples/README.md names "
                                "each); Debian package sonic-pi-samples",
                      "licence": "CC0 1.0", "files": [f"{f}.flac" for f in files]})
    for collection in sorted({p["id"].split("/")[0] for p in pieces}):
        found.append({"what": "scores", "name": f"music21 corpus/{collection}",
                      "source": COLLECTIONS.get(collection, collection),
                      "licence": "compositions in the public domain; encodings distributed with "
                                 "music21 by permission of the encoders",
                      "files": sorted({p["id"].split("#")[0] for p in pieces
                                       if p["id"].startswith(collection + "/")})})
    found.append({"what": "patterns and grooves", "name": "riffedu/training/music.py",
                  "source": "programmed for riffedu", "licence": "MIT"})
    return found


def _write_manifest(path: Path, recipe: dict, n: int, paths, pieces: list[dict]) -> None:
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in ("numpy", "scipy", "tinysoundfont", "music21"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    content = dict(recipe, items=n, versions=versions,
                   sources=sources(paths, pieces, have_one_shots()))
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(content, indent=1))
    os.replace(temporary, path)


# ---------------------------------------------------------------- command

def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``riffedu train data``."""
    parser.add_argument("-o", "--output", default="runs/data", help="folder (default runs/data)")
    parser.add_argument("--n", type=int, default=12000, help="number of clips (default 12000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--soundfont", action="append", help=".sf2 or .sf3 file; repeatable")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)


def run(args: argparse.Namespace) -> int:
    """Renders the dataset that the options describe."""
    make_dataset(args.output, args.n, args.seed, args.soundfont, args.workers)
    return 0


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description="Render the captioned training clips.")
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
