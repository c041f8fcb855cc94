"""Lesson 12: extend a sound in time, in its own rhythm."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu import limits
from riffedu.diffusion.samplers import SamplerStep
from riffedu.errors import RiffeduError
from riffedu.music.edit import (
    edited_result,
    last_latents,
    picture_and_level,
    run_parameters,
    transform_steps,
)
from riffedu.music.masks import latent_mask
from riffedu.music.provenance import sound_hash

if TYPE_CHECKING:
    from PIL.Image import Image

    from riffedu.music.generate import TextToMusic
    from riffedu.music.result import Result

GOING_ON = 0.75
"""How far a sound that goes on may leave its own repetition."""


def extend(
    pipeline: TextToMusic,
    clip: tuple[np.ndarray, int],
    prompt: str,
    seconds: float,
    strength: float = GOING_ON,
    progress: bool = True,
    callback: Callable[[SamplerStep], Any] | None = None,
    **options: Any,
) -> Result:
    """Extend a clip to ``seconds`` in all; the result begins with the clip itself.

    The canvas is as wide as the result. The clip is repeated on it, each time after its own
    `period`, so that beats fall on beats; then everything after the clip is regenerated at
    ``strength``, in overlapping windows. At strength 1 the repeats are ignored (plain outpainting),
    and only the last moments of the clip set the tempo. A last latent column that the clip fills
    only in part is regenerated, too.

    ``prompt`` can be a schedule such as ``"a piano:0 -> an organ:8"``, whose times count from the
    beginning of the clip. Each prompt is predicted where it applies, and the predictions are
    cross-faded over half a second around each change (`riffedu.music.prompt_schedule`).

    Raises RiffeduError if the clip already lasts ``seconds`` or is shorter than one latent column.
    Notebook: 12_editing.
    """
    picture, loudness = picture_and_level(pipeline, clip)
    options["seed"] = limits.seed_of(options.get("seed", 0))
    params, columns = pipeline.params, pipeline.columns(seconds)
    step = params.hop_length / params.sample_rate
    if columns <= picture.width:
        raise RiffeduError(
            f"the sound already lasts {picture.width * step:g} s: ask for a longer duration"
        )
    factor = pipeline.checkpoint.compression
    kept = picture.width // factor
    if kept == 0:
        raise RiffeduError(
            f"the sound is too short to extend: it must last at least {factor * step:g} s"
        )
    canvas = repeated(picture, columns, pipeline.params.column_ms)
    latents = pipeline.encode_image(canvas)
    mask = np.ones((canvas.height, columns), np.float32)
    mask[:, : kept * factor] = 0
    mask = latent_mask(mask, factor)
    last = last_latents(
        transform_steps(pipeline, latents, prompt, strength, mask, **options),
        latents,
        progress,
        callback,
    )
    [image] = pipeline.decode_latents(last, columns)
    image.paste(picture.crop((0, 0, kept * factor, picture.height)))
    parameters = {
        "verb": "extend",
        "audio": sound_hash(*clip),
        "prompt": prompt,
        "duration": seconds,
        **run_parameters(pipeline, strength, **options),
    }
    return edited_result(pipeline, image, picture, parameters, loudness, kept=True)


def period(pixels: np.ndarray, column_ms: float = 10) -> int:
    """Return the number of columns after which a picture is most like itself: a bar, or some beats.

    Onset strength, the increase of level from one column to the next in 64 frequency bands, is
    correlated with itself at each lag from one second to three quarters of the picture; the lag
    of the largest correlation is the period. ``pixels`` are greys (rows, columns), one column
    every ``column_ms`` milliseconds. A picture shorter than two seconds repeats as a whole.
    Notebook: 12_editing.
    """
    dark = 255 - np.asarray(pixels, dtype=np.float32)
    rows, columns = dark.shape
    second = round(1000 / column_ms)
    lags = range(second, 3 * columns // 4)
    if columns < 2 * second:
        return columns
    bands = np.add.reduceat(dark, np.arange(0, rows, max(1, rows // 64)), axis=0)
    onsets = np.maximum(np.diff(bands, axis=1), 0)
    near = max(1, round(10 / column_ms))  # 10 ms early or late counts as the same time
    count = onsets.shape[1] - 2 * near
    smooth = np.zeros((len(onsets), count), np.float32)
    for shift in range(-near, near + 1):
        smooth += (near + 1 - abs(shift)) * onsets[:, near + shift : near + shift + count]
    smooth -= smooth.mean(axis=1, keepdims=True)

    def alike(lag: int) -> float:
        now, then = smooth[:, :-lag], smooth[:, lag:]
        return float((now * then).sum() / (np.linalg.norm(now) * np.linalg.norm(then) + 1e-9))

    return max(lags, key=alike)


def repeated(picture: Image, columns: int, column_ms: float = 10) -> Image:
    """Repeat a picture after its `period` until it is ``columns`` wide."""
    from PIL import Image

    pixels = np.asarray(picture.convert("RGB"))
    lag, places = period(pixels.mean(axis=2), column_ms), np.arange(columns)
    late = places >= pixels.shape[1]
    places[late] -= lag * -(-(places[late] - pixels.shape[1] + 1) // lag)
    return Image.fromarray(pixels[:, places])
