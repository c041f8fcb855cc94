"""One control panel per lesson, the player, and pictures with axes.

A panel is an object with named controls (``panel.prompt``, ``panel.generate_button`` …): put it
last in a cell to see it, or set its controls by code. What takes time runs on a thread, so Stop
answers; ``panel.wait()`` waits for the end.
"""

from riffedu.widgets.beyond import beyond_panel
from riffedu.widgets.course import course_map
from riffedu.widgets.denoising_panel import denoising_panel, paths
from riffedu.widgets.editing_panel import editing_panel
from riffedu.widgets.griffin_lim import griffin_lim_panel
from riffedu.widgets.hear import hear_it_first
from riffedu.widgets.instrument import live_instrument
from riffedu.widgets.journey_panel import journey_panel
from riffedu.widgets.latents_panel import code_picture, difference, latents_panel
from riffedu.widgets.mel_panel import bank_picture, mel_panel
from riffedu.widgets.noise_panel import circle_picture, clouds, four_schedules, noise_panel
from riffedu.widgets.paint_panel import paint_panel
from riffedu.widgets.pictures import line_picture, maps, picture, pictures
from riffedu.widgets.player import play, show
from riffedu.widgets.road import compare, hear, token_table, walk
from riffedu.widgets.sound import alias_panel, beats_panel, bits_panel, levels_table, wave_picture
from riffedu.widgets.source import show_source
from riffedu.widgets.spectrogram_player import painter, recorder, spectrogram_player
from riffedu.widgets.stft_panel import spectrograms, stft_panel
from riffedu.widgets.text_panel import attention_pictures, similarity_picture, text_panel

__all__ = [
    "alias_panel",
    "attention_pictures",
    "bank_picture",
    "beats_panel",
    "beyond_panel",
    "bits_panel",
    "circle_picture",
    "clouds",
    "code_picture",
    "compare",
    "course_map",
    "denoising_panel",
    "difference",
    "editing_panel",
    "four_schedules",
    "griffin_lim_panel",
    "hear",
    "hear_it_first",
    "journey_panel",
    "latents_panel",
    "levels_table",
    "line_picture",
    "live_instrument",
    "maps",
    "mel_panel",
    "noise_panel",
    "paint_panel",
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
    "similarity_picture",
    "stft_panel",
    "text_panel",
    "token_table",
    "walk",
    "wave_picture",
]
