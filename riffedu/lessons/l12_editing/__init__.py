"""Lesson 12: what its notebook imports."""

from riffedu.lessons.l12_editing import exercises
from riffedu.lessons.l12_editing.panel import editing_panel
from riffedu.lessons.l12_editing.stems_panel import stems_panel

__all__ = ["editing_panel", "exercises", "stems_panel"]
