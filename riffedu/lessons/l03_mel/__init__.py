"""Lesson 03: what its notebook imports."""

from riffedu.lessons.l03_mel import exercises
from riffedu.lessons.l03_mel.panel import bank_picture, mel_panel

__all__ = ["bank_picture", "exercises", "mel_panel"]
