"""Lesson 14: what its notebook imports."""

from riffedu.lessons.l14_train_your_own import exercises
from riffedu.lessons.l14_train_your_own.collect_panel import collect_panel
from riffedu.lessons.l14_train_your_own.full_run import full_run, full_run_picture, workplace
from riffedu.lessons.l14_train_your_own.lora_panel import lora_panel
from riffedu.lessons.l14_train_your_own.panel import toy_panel

__all__ = [
    "collect_panel",
    "exercises",
    "full_run",
    "full_run_picture",
    "lora_panel",
    "toy_panel",
    "workplace",
]
