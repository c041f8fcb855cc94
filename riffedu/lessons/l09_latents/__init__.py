"""Lesson 09: what its notebook imports."""

from riffedu.lessons.l09_latents import exercises
from riffedu.lessons.l09_latents.panel import code_picture, latents_panel

__all__ = ["code_picture", "exercises", "latents_panel"]
