"""Lesson 04: what its notebook imports."""

from riffedu.lessons.l04_image import exercises
from riffedu.lessons.l04_image.panel import paint_panel

__all__ = ["exercises", "paint_panel"]
