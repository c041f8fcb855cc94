"""Checks that tell a learner right or wrong, with a hint that names the usual mistake.

``check_…(answer)`` never raises on an answer: it gives a `Verdict` that a cell shows. The lessons'
sources with their solutions are in ``solutions/``; `riffedu.exercises.build` makes the notebooks.
"""

from riffedu.exercises.denoising import (
    check_clean,
    check_ddim,
    check_heun_looks,
    check_trailing,
)
from riffedu.exercises.editing import (
    check_after,
    check_keep,
    check_loop_seconds,
    check_steps_taken,
)
from riffedu.exercises.griffin_lim import (
    check_before,
    check_consistency,
    check_step,
    check_swap,
)
from riffedu.exercises.beyond import check_lean_grid, check_memory, check_small_rows
from riffedu.exercises.hear_it_first import check_reading, check_repeat, mystery_sounds
from riffedu.exercises.image import check_level, check_octave, check_pixel, check_row
from riffedu.exercises.interpolation import (
    check_deviation,
    check_easing,
    check_shares,
    check_weights,
)
from riffedu.exercises.latents import (
    check_compression,
    check_linear_code,
    check_moved_up,
    check_pause,
)
from riffedu.exercises.mel import check_band, check_frame, check_mel, check_triangle
from riffedu.exercises.noise import check_add_noise, check_alpha_bar, check_velocity, check_zero_db
from riffedu.exercises.sound import check_alias, check_rms, check_rounding, check_sine
from riffedu.exercises.stft import (
    check_hops,
    check_place,
    check_stft,
    check_window_length,
    tones_and_clicks,
)
from riffedu.exercises.text_and_guidance import (
    check_attention,
    check_prompt_weights,
    check_questions,
    check_rescale,
)
from riffedu.exercises.text_to_music import check_grid, check_guidance, check_width
from riffedu.exercises.verdict import Verdict

__all__ = [
    "Verdict",
    "check_add_noise",
    "check_after",
    "check_alias",
    "check_alpha_bar",
    "check_band",
    "check_attention",
    "check_before",
    "check_clean",
    "check_compression",
    "check_consistency",
    "check_ddim",
    "check_deviation",
    "check_easing",
    "check_frame",
    "check_grid",
    "check_guidance",
    "check_heun_looks",
    "check_hops",
    "check_keep",
    "check_lean_grid",
    "check_level",
    "check_linear_code",
    "check_loop_seconds",
    "check_mel",
    "check_memory",
    "check_moved_up",
    "check_octave",
    "check_pause",
    "check_pixel",
    "check_place",
    "check_prompt_weights",
    "check_questions",
    "check_reading",
    "check_repeat",
    "check_rescale",
    "check_rms",
    "check_rounding",
    "check_row",
    "check_shares",
    "check_sine",
    "check_small_rows",
    "check_step",
    "check_steps_taken",
    "check_stft",
    "check_swap",
    "check_trailing",
    "check_triangle",
    "check_velocity",
    "check_weights",
    "check_width",
    "check_window_length",
    "check_zero_db",
    "mystery_sounds",
    "tones_and_clicks",
]
