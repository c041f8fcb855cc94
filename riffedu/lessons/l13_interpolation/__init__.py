"""Lesson 13: what its notebook imports."""

from riffedu.lessons.l13_interpolation import exercises
from riffedu.lessons.l13_interpolation.panel import interpolation_panel

__all__ = ["exercises", "interpolation_panel"]
