"""Lesson 10: what its notebook imports."""

from riffedu.lessons.l10_text_and_guidance import exercises
from riffedu.lessons.l10_text_and_guidance.panel import (
    attention_pictures,
    similarity_picture,
    text_panel,
)

__all__ = ["attention_pictures", "exercises", "similarity_picture", "text_panel"]
