"""Lesson 13: what its notebook imports."""

from riffedu.lessons.l13_interpolation import exercises
from riffedu.lessons.l13_interpolation.panel import journey_panel

__all__ = ["exercises", "journey_panel"]
