"""The kit that every lesson's panel is made of: players, pictures with axes, live figures.

A panel is an object with named controls (``panel.prompt``, ``panel.generate_button`` …): put it
last in a cell to see it, or set its controls by code. What takes time runs on a thread, so Stop
responds; ``panel.wait()`` waits for the end. The panels themselves are with their lessons, in
``riffedu/lessons/``.
"""

from riffedu.widgets.pictures import (
    described,
    difference,
    line_picture,
    maps,
    picture,
    pictures,
    wave_picture,
)
from riffedu.widgets.plane import clouds, paths
from riffedu.widgets.player import hear, play, show
from riffedu.widgets.player_widget import painter, recorder, spectrogram_player
from riffedu.widgets.source import show_source
from riffedu.widgets.spectrogram_pictures import spectrograms
from riffedu.widgets.tokens import token_table

__all__ = [
    "clouds",
    "described",
    "difference",
    "hear",
    "line_picture",
    "maps",
    "painter",
    "paths",
    "picture",
    "pictures",
    "play",
    "recorder",
    "show",
    "show_source",
    "spectrogram_player",
    "spectrograms",
    "token_table",
    "wave_picture",
]
