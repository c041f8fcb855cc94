"""Grooves: four bars of a style, as drum hits and notes for each role of the band."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .draws import fingerprint, pick
from .melodies import melody
from .patterns import PatternNote, fit_to_chords
from .styles import STYLES, Style
from .theory import chord


class DrumHit(NamedTuple):
    """One drum stroke: beat, voice of `instruments.DRUM_KEYS`, strength 0 to 1."""

    beat: float
    voice: str
    strength: float


@dataclass
class Groove:
    """Four bars of a band: drum hits, and notes in scale degrees for each role."""

    style: str
    beats: float
    hits: list[DrumHit] = field(default_factory=list)
    roles: dict[str, list[PatternNote]] = field(default_factory=dict)
    id: str = ""


STRENGTH = {"x": 0.8, "X": 1.0, "g": 0.35}
FILLS = ("tttt", "s.ss", "ssss", "s.t.", "st.t")


def _resolve_row(rng: np.random.Generator, row: str | tuple[str, ...]) -> str:
    """One of the alternative rows, with each ``?`` decided."""
    row = row if isinstance(row, str) else pick(rng, row)
    return "".join(("x" if rng.random() < 0.5 else ".") if c == "?" else c for c in row)


def _vary(rng: np.random.Generator, style: Style, rows: dict) -> dict:
    """Vary the rows as drummers do: a dropped or added kick or hat, a ghost note."""
    rows = {voice: list(row) for voice, row in rows.items()}
    for voice in ("kick", "hat", "open", "ride", "conga1", "shaker", "cowbell"):
        if voice in rows and rng.random() < 0.3:
            at = int(rng.integers(1, style.steps))
            on = rows[voice][at] != "."
            if not (voice == "kick" and at % 4 == 0):
                rows[voice][at] = "." if on else ("g" if voice == "kick" else "x")
    if "snare" in rows and rng.random() < 0.3:
        at = int(rng.integers(1, style.steps))
        if rows["snare"][at] == ".":
            rows["snare"][at] = "g"
    return {voice: "".join(row) for voice, row in rows.items()}


def _drum_bars(rng: np.random.Generator, style: Style) -> list[dict]:
    """Four bars of rows: one pattern, a variation in every second bar, sometimes a fill."""
    rows = pick(rng, style.drums)
    first = _vary(rng, style, {v: _resolve_row(rng, r) for v, r in rows.items()})
    second = first
    if rng.random() < 0.5:
        second = dict(first, **{v: _resolve_row(rng, rows[v]) for v in list(rows)[:2]})
    bars = [dict(first), dict(second), dict(first), dict(second)]
    if rng.random() < 0.35:
        n, fill = style.steps, pick(rng, FILLS)
        cut = n - n // 4 * int(pick(rng, (1, 1, 2)))
        last = {v: r[:cut] + "." * (n - cut) for v, r in bars[3].items()}
        for k in range(cut, n):
            kind = fill[(k - cut) % 4]
            voice = {
                "s": "snare",
                "t": ("tom1", "tom2", "tom3")[3 * (k - cut) // (n - cut)],
                ".": None,
            }[kind]
            if voice:
                row = last.setdefault(voice, "." * n)
                last[voice] = row[:k] + "x" + row[k + 1 :]
        bars[3] = last
        bars[0].setdefault("crash", "x" + "." * (n - 1))
    return bars


def _row_notes(row: str, unit: float) -> list[tuple[float, float, str]]:
    """(beat, length, letter) of a bass or chord row; ``-`` holds the note before it."""
    notes: list[list] = []
    for n, c in enumerate(row):
        if c == "-" and notes and abs(notes[-1][0] + notes[-1][1] - n * unit) < 1e-6:
            notes[-1][1] += unit
        elif c not in ".-":
            notes.append([n * unit, unit, c])
    return [tuple(note) for note in notes]


def draw_groove(
    rng: np.random.Generator, name: str, drums: bool = True, band: bool = True
) -> Groove:
    """Draw four bars of a style.

    With ``drums`` the fingerprint depends on the drum pattern alone, so a band and a drum solo with
    the same pattern are always in the same split.
    """
    style = STYLES[name]
    unit = style.beats / style.steps
    groove = Groove(name, 4 * style.beats)

    def swung(n: int) -> float:
        return (n + (style.swing if n % 2 else 0.0)) * unit

    bars = _drum_bars(rng, style) if drums and style.drums else []
    for bar, rows in enumerate(bars):
        groove.hits += [
            DrumHit(bar * style.beats + swung(n), voice, STRENGTH[c])
            for voice, row in rows.items()
            for n, c in enumerate(row)
            if c != "."
        ]
    if band:
        _draw_roles(rng, style, groove, unit)
    grid = [sorted(rows.items()) for rows in bars]
    roles = (
        []
        if bars
        else [(r, [(s.beat, s.degree) for s in notes]) for r, notes in groove.roles.items()]
    )
    groove.id = fingerprint((name, grid, roles))
    return groove


def _draw_roles(rng: np.random.Generator, style: Style, groove: Groove, unit: float) -> None:
    roots = pick(rng, style.progressions)
    seventh = bool(rng.random() < style.seventh)
    base = int(pick(rng, (-2, -1, 0)))
    bass_row, comp_row = pick(rng, style.bass), pick(rng, style.comp)
    bass, comp = [], []
    for bar, root in enumerate(roots):
        start = bar * style.beats
        low = root - 7 if root > 3 else root
        if bass_row == "walk":
            target = roots[(bar + 1) % 4]
            target = target - 7 if target > 3 else target
            walk = [
                low,
                low + int(pick(rng, (1, 2, -1, 4))),
                low + int(pick(rng, (4, 2, 3, 7))),
                target + int(pick(rng, (1, -1))),
            ]
            bass += [PatternNote(start + b, 0.9, walk[b], 0.9) for b in range(4)]
        else:
            up = {"r": 0, "o": 7, "f": 4, "t": 2, "s": 6}
            bass += [
                PatternNote(start + at, 0.92 * length, low + up[c], 0.9)
                for at, length, c in _row_notes(bass_row, unit)
            ]
        tones = {"power": [low, low + 4, low + 7], "octaves": None}.get(
            style.comp_texture, chord(root, seventh, base)
        )
        for n, (at, length, c) in enumerate(_row_notes(comp_row, unit)):
            now = tones or []
            if tones is None:  # montuno: octaves and inner notes take turns
                three = chord(root, False, base)
                now = [three[0], three[0] + 7] if n % 2 == 0 else [three[1], three[2]]
            comp += [
                PatternNote(start + at, 0.92 * length, t, 1.0 if c == "X" else 0.85) for t in now
            ]
    groove.roles["bass"], groove.roles["comp"] = bass, comp
    meter = style.beats if style.beats in (3, 4) else 4
    tune = melody(rng, meter, style.lead_density)
    repeats = int(round(groove.beats / (4 * meter)))
    lead = [s._replace(beat=s.beat + 4 * meter * k) for k in range(repeats) for s in tune]
    groove.roles["lead"] = fit_to_chords(lead, roots, style.beats)
