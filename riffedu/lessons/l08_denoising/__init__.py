"""Lesson 08: what its notebook imports."""

from riffedu.lessons.l08_denoising import exercises
from riffedu.lessons.l08_denoising.panel import denoising_panel

__all__ = ["denoising_panel", "exercises"]
