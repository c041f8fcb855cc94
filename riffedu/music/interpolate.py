"""Lesson 13: from one sound to another. Paths between two points, and over many.

Text is mixed along a straight line; noise along an arc, because a straight line between two draws
of Gaussian noise passes through something too quiet to be noise. Two recordings are mixed on the
way to noise and brought back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from riffedu.music.generate import TextToMusic
    from riffedu.music.result import Result


import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from riffedu import limits
from riffedu.diffusion import windows
from riffedu.diffusion.samplers import ddim, invert, reversible, sample
from riffedu.errors import RiffeduError
from riffedu.music import edit
from riffedu.music.prompt_schedule import one_prompt

HALF_WAY = 0.5
"""How far towards noise `morph` mixes, by default."""
BATCH_SIZE = 8
"""Places between two sounds that the U-Net sees at once."""

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda a: a,
    "smooth": lambda a: a * a * (3 - 2 * a),
    "slow start": lambda a: a * a,
    "slow end": lambda a: 1 - (1 - a) ** 2,
}


def lerp(start: Any, end: Any, alpha: float) -> Any:
    """Interpolate linearly: start + α · (end − start), α in [0, 1].

    Arrays or tensors of the same shape, or numbers. Halfway between two independent draws of unit
    noise, the standard deviation is only 0.71. Notebook: 13_interpolation.
    """
    _check_pair(start, end, alpha)
    return start + alpha * (end - start)


def slerp(start: Any, end: Any, alpha: float, parallel: float = 0.9995) -> Any:
    """Interpolate along the arc between two directions, at a constant angular speed; α in [0, 1].

        slerp = sin((1 − α) θ) / sin θ · start + sin(α θ) / sin θ · end
        cos θ = ⟨start, end⟩ / (‖start‖ ‖end‖)

    Each argument counts as one vector, whatever its shape. Noise of unit variance keeps unit
    variance on the way. If |cos θ| > ``parallel``, or if one vector is zero, the result is that of
    `lerp`. NumPy or torch in, the same out. Source: Shoemake, "Animating rotation with quaternion
    curves", SIGGRAPH (1985); the threshold is Riffusion's. Notebook: 13_interpolation.
    """
    _check_pair(start, end, alpha)
    lengths = float((start**2).sum()) ** 0.5 * float((end**2).sum()) ** 0.5
    cosine = float((start * end).sum()) / lengths if lengths else 1.0
    if abs(cosine) > parallel:
        return lerp(start, end, alpha)
    angle = math.acos(cosine)
    first, second = math.sin((1 - alpha) * angle), math.sin(alpha * angle)
    return (first * start + second * end) / math.sin(angle)


def four_corners(corners: Sequence, x: float, y: float, mix: Callable = lerp) -> Any:
    """Mix four corners: first along both edges, then between them. x, y in [0, 1].

        (x, y) = (0, 0) is corner 0, (1, 0) corner 1, (0, 1) corner 2 and (1, 1) corner 3

    ``mix`` is `lerp` (text states) or `slerp` (noise, latents). With `lerp` the weights are
    (1−x)(1−y), x(1−y), (1−x)y and xy. Raises RiffeduError unless there are four corners.
    Notebook: 13_interpolation.
    """
    if len(corners) != 4:
        raise RiffeduError(f"four corners are needed, not {len(corners)}")
    return mix(mix(corners[0], corners[1], x), mix(corners[2], corners[3], x), y)


def prompt_path(
    stops: Sequence, steps: int, mix: Callable = lerp, easing: str = "linear"
) -> Iterator:
    """Return points on the path through ``stops``: ``steps`` from each to the next, then the last.

    (len(stops) − 1) · steps + 1 points, the first one the first stop. ``easing`` is the pacing of
    the path between two stops: "linear", "smooth" (slow at both ends), "slow start" or "slow end".
    Raises RiffeduError for fewer than two stops, less than one step, or an unknown easing.
    Notebook: 13_interpolation.
    """
    if len(stops) < 2:
        raise RiffeduError(f"a prompt path needs at least two stops, not {len(stops)}")
    if steps < 1:
        raise RiffeduError(f"steps={steps} must be at least 1")
    if easing not in EASINGS:
        raise RiffeduError(f"easing={easing!r} is unknown: use {', '.join(EASINGS)}")
    for start, end in zip(stops, stops[1:]):
        for step in range(steps):
            yield mix(start, end, EASINGS[easing](step / steps))
    yield stops[-1]


def morph(
    pipeline: TextToMusic,
    clip_a: tuple[np.ndarray, int],
    clip_b: tuple[np.ndarray, int],
    alpha: float | Sequence[float],
    strength: float = HALF_WAY,
    progress: bool = True,
    **options: Any,
) -> Result | list[Result]:
    """Interpolate between two clips: a Result for a number ``alpha``, a list for several.

    α = 0 is ``clip_a`` and α = 1 is ``clip_b``, each as the autoencoder reconstructs it;
    `morph_latents` computes what is in between. Clips are (waveform, sample_rate) of equal length
    and are mixed to mono; the level in dB is interpolated. ``options``: prompt,
    num_inference_steps, mix, fixed_point_iterations.

    Raises RiffeduError for clips of different lengths and for an α or a strength outside [0, 1].
    Notebook: 13_interpolation.
    """
    several: Any = alpha if limits.is_list(alpha) else [alpha]
    alphas = [limits.number("alpha", each, 0, 1) for each in several]
    if not alphas:
        raise RiffeduError(
            "alpha is an empty list: give at least one position between the sounds, from 0 to 1"
        )
    (one, loud_a), (other, loud_b) = (
        edit.picture_and_level(pipeline, clip) for clip in (clip_a, clip_b)
    )
    if one.width != other.width:
        step = pipeline.params.hop_length / pipeline.params.sample_rate
        first, second = (picture.width * step for picture in (one, other))
        raise RiffeduError(
            f"the sounds last {first:g} s and {second:g} s: cut them to the same length first"
        )
    start, end = (pipeline.encode_image(picture) for picture in (one, other))
    mixed = morph_latents(pipeline, start, end, alphas, strength, progress=progress, **options)
    steps, _ = pipeline.settings(options.get("num_inference_steps"), None)
    levels = reversible(pipeline.noise_levels(steps))
    taken = len(edit.from_strength(levels, strength)) - 1
    edit.warn_without_steps(strength, len(levels) - 1, taken)
    louder, results = one if loud_a >= loud_b else other, []
    for place, image in zip(alphas, pipeline.decode_latents(mixed, one.width)):
        level = lerp(max(loud_a, edit.QUIETEST), max(loud_b, edit.QUIETEST), place)
        told = {"verb": "morph", "alpha": place, "strength": strength}
        parameters = {**told, "steps_taken": taken, **options}
        results.append(edit.edited_result(pipeline, image, louder, parameters, level))
    return results if limits.is_list(alpha) else results[0]


def morph_latents(
    pipeline: TextToMusic,
    start: Any,
    end: Any,
    alphas: Sequence[float],
    strength: float = HALF_WAY,
    prompt: str = "",
    num_inference_steps: int | None = None,
    mix: Callable = slerp,
    fixed_point_iterations: int = 2,
    progress: bool = False,
) -> torch.Tensor:
    """Interpolate between two latents, ``(len(alphas), c, h, w)``: invert, mix the noise, denoise.

        x = DDIM⁻¹(start),  y = DDIM⁻¹(end),  z(α) = DDIM(mix(x, y, α))

    Both ends go ``strength`` of the way into noise by `riffedu.diffusion.samplers.invert`, so that
    the ends themselves are reproduced. Strength 0 mixes the latents directly, 1 mixes noise. The
    U-Net gets ``prompt`` in both directions, without guidance, which would make the inversion
    inexact. Sources: Song, Meng and Ermon, "Denoising Diffusion Implicit Models" (2021), §5.3; Wang
    and Golland, "Interpolating between Images with Diffusion Models" (2023). Notebook:
    13_interpolation.
    """
    import torch
    from tqdm.auto import tqdm

    levels = edit.from_strength(reversible(pipeline.noise_levels(num_inference_steps)), strength)
    words = pipeline.encode_prompt(one_prompt(prompt, "a morph"))
    predict = pipeline.predictor(words, guidance_scale=1.0)
    predict = windows.windowed(predict, pipeline.window)
    kind, both, finished = pipeline.prediction_type, torch.cat([start, end]), []
    batches = [alphas[i : i + BATCH_SIZE] for i in range(0, len(alphas), BATCH_SIZE)]
    with tqdm(
        total=(1 + len(batches)) * (len(levels) - 1), disable=not progress or len(levels) == 1
    ) as bar:
        last = partial(edit.last_latents, callback=lambda step: bar.update())
        one, other = last(invert(predict, both, levels, kind, fixed_point_iterations), both).split(
            1
        )
        for batch in batches:
            mixed = torch.cat([mix(one, other, alpha) for alpha in batch])
            finished.append(last(sample(predict, mixed, levels, ddim, kind), mixed))
    return torch.cat(finished)


def _check_pair(start: Any, end: Any, alpha: float) -> None:
    if np.shape(start) != np.shape(end):
        raise RiffeduError(
            f"both ends must have the same shape, not {tuple(np.shape(start))} and "
            f"{tuple(np.shape(end))}"
        )
    if not 0 <= alpha <= 1:
        raise RiffeduError(f"alpha={alpha} must lie between 0 and 1")
