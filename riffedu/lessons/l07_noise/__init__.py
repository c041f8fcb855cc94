"""Lesson 07: what its notebook imports."""

from riffedu.lessons.l07_noise import exercises
from riffedu.lessons.l07_noise.panel import circle_picture, four_schedules, noise_panel

__all__ = ["circle_picture", "exercises", "four_schedules", "noise_panel"]
