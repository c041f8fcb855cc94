"""Lesson 15: what its notebook imports."""

from riffedu.lessons.l15_measure_and_compare import exercises
from riffedu.lessons.l15_measure_and_compare.bench_panel import bench_panel
from riffedu.lessons.l15_measure_and_compare.panel import abx_panel, rating_panel
from riffedu.lessons.l15_measure_and_compare.tables import (
    bars_picture,
    history_table,
    interval_picture,
)

__all__ = [
    "abx_panel",
    "bars_picture",
    "bench_panel",
    "exercises",
    "history_table",
    "interval_picture",
    "rating_panel",
]
