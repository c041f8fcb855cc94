"""Lesson 11: the names that its notebook imports."""

from riffedu.lessons.l11_text_to_music import exercises
from riffedu.lessons.l11_text_to_music.panel import compare, walk
from riffedu.lessons.l11_text_to_music.xray_panel import xray

__all__ = ["compare", "exercises", "walk", "xray"]
