"""Lesson 06: what its notebook imports."""

from riffedu.lessons.l06_beyond_griffin_lim import exercises
from riffedu.lessons.l06_beyond_griffin_lim.panel import beyond_panel

__all__ = ["beyond_panel", "exercises"]
