"""Lesson 01: what its notebook imports."""

from riffedu.lessons.l01_sound import exercises
from riffedu.lessons.l01_sound.panel import alias_panel, beats_panel, bits_panel, levels_table

__all__ = ["alias_panel", "beats_panel", "bits_panel", "exercises", "levels_table"]
