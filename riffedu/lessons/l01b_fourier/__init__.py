"""Lesson 01b: what its notebook imports."""

from riffedu.lessons.l01b_fourier import exercises
from riffedu.lessons.l01b_fourier.drawings import bins_picture, matrix_picture, wound_picture
from riffedu.lessons.l01b_fourier.panel import fourier_panel
from riffedu.lessons.l01b_fourier.sounds import KEYS, three_notes, two_notes

__all__ = [
    "KEYS",
    "bins_picture",
    "exercises",
    "fourier_panel",
    "matrix_picture",
    "three_notes",
    "two_notes",
    "wound_picture",
]
