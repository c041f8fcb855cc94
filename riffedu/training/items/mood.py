"""The mood of a clip, derived from its mode, tempo and dynamics."""

from __future__ import annotations

BRIGHT = ("major", "mixolydian", "major pentatonic")


def mood_of(metadata: dict) -> str:
    """Return the mood of a clip, from its mode, tempo and dynamics.

    Tempo, notes per second and dynamics add up to an energy. Bright modes map low, middle and
    high energy to calm, happy and cheerful; the other modes map it to sad, dark and tense.
    """
    energy = (metadata["tempo_bpm"] - 100) / 60 + (metadata["notes_per_second"] - 4) / 6
    energy += {"soft": -0.6, "medium": 0.0, "loud": 0.5}[metadata["dynamics"]]
    level = "low" if energy < -0.5 else "high" if energy > 0.8 else "middle"
    if metadata["style"] == "ambient":
        return "dreamy"
    if metadata["style"] == "metal":
        return "aggressive"
    if (
        metadata["kind"] == "drums"
        or metadata["kind"] == "band"
        and metadata["style"] not in ("waltz", "march")
    ):
        return {"low": "laid-back", "middle": "groovy", "high": "energetic"}[
            "low"
            if metadata["tempo_bpm"] < 90
            else "high"
            if metadata["tempo_bpm"] >= 120
            else "middle"
        ]
    if metadata["scale"] == "whole tone":
        return "dreamy"
    if metadata["scale"] == "hijaz":
        return "exotic"
    if metadata["scale"] == "blues":
        return "bluesy"
    if metadata["mode"] in BRIGHT:
        return {"low": "calm", "middle": "happy", "high": "cheerful"}[level]
    return {"low": "sad", "middle": "dark", "high": "tense"}[level]
