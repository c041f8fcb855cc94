"""Lesson 05: what its notebook imports."""

from riffedu.lessons.l05_griffin_lim import exercises
from riffedu.lessons.l05_griffin_lim.panel import griffin_lim_panel

__all__ = ["exercises", "griffin_lim_panel"]
