"""Lesson 02: what its notebook imports."""

from riffedu.lessons.l02_stft import exercises
from riffedu.lessons.l02_stft.panel import stft_panel

__all__ = ["exercises", "stft_panel"]
