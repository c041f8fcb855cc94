"""Lesson 00: the names that its notebook imports."""

from riffedu.lessons.l00_hear_it_first import exercises
from riffedu.lessons.l00_hear_it_first.course import course_map
from riffedu.lessons.l00_hear_it_first.drawings import example_picture, example_sound, marked
from riffedu.lessons.l00_hear_it_first.panel import hear_it_first

__all__ = [
    "course_map",
    "example_picture",
    "example_sound",
    "exercises",
    "hear_it_first",
    "marked",
]
