"""Lesson 13: from one sound to another. Ways between two points, and journeys over many.

Text is mixed along a straight line; noise along an arc, because a straight line between two draws of
Gaussian noise passes through something too quiet to be noise. Two recordings are mixed on the way to
noise and brought back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from riffedu import limits
from riffedu.diffusion import windows
from riffedu.diffusion.samplers import ddim, invert, reversible, sample
from riffedu.errors import RiffeduError
from riffedu.music import edit

HALF_WAY = 0.5
"""How far towards noise `morph` mixes, unless told otherwise."""
TOGETHER = 8
"""Places between two sounds that the U-Net sees at once."""

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda a: a,
    "smooth": lambda a: a * a * (3 - 2 * a),
    "slow start": lambda a: a * a,
    "slow end": lambda a: 1 - (1 - a) ** 2,
}


def lerp(start, end, alpha: float):
    """The straight way: start + α · (end − start), α in [0, 1].

    Arrays or tensors of one shape, or numbers. Halfway between two independent draws of unit noise it
    has a deviation of 0.71 only. Notebook: 13_interpolation.
    """
    _check_pair(start, end, alpha)
    return start + alpha * (end - start)


def slerp(start, end, alpha: float, parallel: float = 0.9995):
    """The way along the arc between two directions, in equal angles; α in [0, 1].

        slerp = sin((1 − α) θ) / sin θ · start + sin(α θ) / sin θ · end,   cos θ = ⟨start, end⟩ / (‖start‖ ‖end‖)

    Each argument is one vector, whatever its shape: θ is the angle between the two as wholes. Noise of
    unit variance stays so on the way. Where |cos θ| > ``parallel`` the arc is a line (or, for opposite
    vectors, undefined), and where one has no length there is no angle: then `lerp`. NumPy or torch in,
    the same out. Source: Shoemake, "Animating rotation with quaternion curves", SIGGRAPH (1985); the
    threshold is Riffusion's. Notebook: 13_interpolation.
    """
    _check_pair(start, end, alpha)
    lengths = float((start**2).sum()) ** 0.5 * float((end**2).sum()) ** 0.5
    cosine = float((start * end).sum()) / lengths if lengths else 1.0
    if abs(cosine) > parallel:
        return lerp(start, end, alpha)
    angle = math.acos(cosine)
    first, second = math.sin((1 - alpha) * angle), math.sin(alpha * angle)
    return (first * start + second * end) / math.sin(angle)


def four_corners(corners: Sequence, x: float, y: float, mix: Callable = lerp):
    """A mixture of four: first along both edges, then between them. x, y in [0, 1].

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
    """Points on the way over all ``stops``: ``steps`` from each to the next, and the last stop.

    (len(stops) − 1) · steps + 1 points, the first one the first stop. ``easing`` says how the way
    between two stops is paced: "linear", "smooth" (slow at both ends), "slow start" or "slow end".
    Raises RiffeduError for fewer than two stops, less than one step, or another easing.
    Notebook: 13_interpolation.
    """
    if len(stops) < 2:
        raise RiffeduError(f"a journey needs at least two stops, not {len(stops)}")
    if steps < 1:
        raise RiffeduError(f"steps={steps} must be at least 1")
    if easing not in EASINGS:
        raise RiffeduError(f"easing={easing!r} is unknown: use {', '.join(EASINGS)}")
    for start, end in zip(stops, stops[1:]):
        for step in range(steps):
            yield mix(start, end, EASINGS[easing](step / steps))
    yield stops[-1]


def morph(
    pipeline,
    clip_a,
    clip_b,
    alpha: float | Sequence[float],
    strength: float = HALF_WAY,
    progress: bool = True,
    **options,
):
    """What lies between two sounds: a Result where ``alpha`` is a number, a list where it is several.

    α = 0 is ``clip_a`` and α = 1 is ``clip_b``, as the autoencoder draws them; between them lies what
    `morph_latents` makes of both. Clips are (waveform, sample_rate), of one length, channels are mixed,
    and the level in dB goes from the one's to the other's. ``options``: prompt,
    num_inference_steps, mix, looks.

    Raises RiffeduError for sounds of unlike length, and for an α or a strength outside [0, 1]. Silence is
    a sound, too. Notebook: 13_interpolation.
    """
    alphas = [
        limits.number("alpha", a, 0, 1) for a in (alpha if limits.is_list(alpha) else [alpha])
    ]
    if not alphas:
        raise RiffeduError("alpha is an empty list: give the places between the sounds, 0 to 1")
    (one, loud_a), (other, loud_b) = (edit.to_picture(pipeline, clip) for clip in (clip_a, clip_b))
    if one.width != other.width:
        first, second = (p.width * pipeline.params.step_size_ms / 1000 for p in (one, other))
        raise RiffeduError(
            f"the sounds last {first:g} and {second:g} s: cut both to one length first"
        )
    start, end = (pipeline.encode_image(picture) for picture in (one, other))
    mixed = morph_latents(pipeline, start, end, alphas, strength, progress=progress, **options)
    louder, results = one if loud_a >= loud_b else other, []
    for place, image in zip(alphas, pipeline.decode_latents(mixed, one.width)):
        level = lerp(max(loud_a, edit.QUIETEST), max(loud_b, edit.QUIETEST), place)
        told = {"alpha": place, "strength": strength, **options}
        results.append(edit.finish(pipeline, image, louder, told, level))
    return results if limits.is_list(alpha) else results[0]


def morph_latents(
    pipeline,
    start,
    end,
    alphas: Sequence[float],
    strength: float = HALF_WAY,
    prompt: str = "",
    num_inference_steps: int | None = None,
    mix: Callable = slerp,
    looks: int = 2,
    progress: bool = False,
):
    """Latents between two, ``(len(alphas), c, h, w)``: part of the way into noise, mixed, and back.

        x = DDIM⁻¹(start),  y = DDIM⁻¹(end),  z(α) = DDIM(mix(x, y, α))

    Both ends go ``strength`` of the way by `riffedu.diffusion.samplers.invert`, so that what isn't mixed comes back
    as it was; what is mixed is brought back to what the U-Net takes for music. Strength 0 mixes
    the latents as they are, 1 mixes noise. ``prompt`` is what the U-Net is told in both directions,
    without guidance, which inversion does not survive. Sources: Song, Meng and Ermon, "Denoising
    Diffusion Implicit Models" (2021), §5.3; Wang and Golland, "Interpolating between Images with
    Diffusion Models" (2023). Notebook: 13_interpolation.
    """
    import torch
    from tqdm.auto import tqdm

    levels = edit.from_strength(reversible(pipeline.noise_levels(num_inference_steps)), strength)
    words = pipeline.encode_prompt(limits.text("prompt", prompt, empty=True))
    predict = pipeline.predictor(words, guidance_scale=1.0)
    predict = windows.windowed(predict, pipeline.window)
    kind, both, finished = pipeline.prediction_type, torch.cat([start, end]), []
    batches = [alphas[i : i + TOGETHER] for i in range(0, len(alphas), TOGETHER)]
    with tqdm(
        total=(1 + len(batches)) * (len(levels) - 1), disable=not progress or len(levels) == 1
    ) as bar:
        last = partial(edit.last_latents, callback=lambda step: bar.update())
        one, other = last(invert(predict, both, levels, kind, looks), both).split(1)
        for batch in batches:
            mixed = torch.cat([mix(one, other, alpha) for alpha in batch])
            finished.append(last(sample(predict, mixed, levels, ddim, kind), mixed))
    return torch.cat(finished)


def _check_pair(start, end, alpha: float) -> None:
    if np.shape(start) != np.shape(end):
        raise RiffeduError(
            f"both ends must have one shape, not {tuple(np.shape(start))} and "
            f"{tuple(np.shape(end))}"
        )
    if not 0 <= alpha <= 1:
        raise RiffeduError(f"alpha={alpha} must lie between 0 and 1")
