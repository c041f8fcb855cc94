"""Lesson 12: extend a sound in time, in its own rhythm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from riffedu.diffusion.samplers import SamplerStep
from riffedu.errors import RiffeduError
from riffedu.music.edit import _told, finish, last_latents, to_picture, transform_steps
from riffedu.music.masks import latent_mask

GOING_ON = 0.75
"""How far a sound that goes on may leave its own repetition."""


def extend(
    pipeline,
    clip,
    prompt: str,
    seconds: float,
    strength: float = GOING_ON,
    progress: bool = True,
    callback: Callable[[SamplerStep], Any] | None = None,
    **options,
):
    """A sound goes on to ``seconds`` in all: a Result whose picture begins with the sound's own.

    The canvas is as wide as wanted. On it the sound is repeated, each time after its own `period`, so
    that beat falls on beat; then everything after the sound itself is remade with ``strength``, at
    once, through windows that overlap. At 1 the repeats are forgotten too (plain out-painting), and
    nothing but the last moments of the sound keeps the time. The last 0.32 s (a latent column) of the
    sound, where it fills its column partly only, is made anew. Notebook: 12_editing.
    """
    picture, loudness = to_picture(pipeline, clip)
    columns = pipeline.columns(seconds)
    if columns <= picture.width:
        raise RiffeduError(
            f"the sound lasts {picture.width / 100:g} s already: ask for more than that"
        )
    factor = pipeline.checkpoint.compression
    kept = picture.width // factor
    if kept == 0:
        raise RiffeduError(f"the sound is too short to go on from: {factor / 100:g} s are needed")
    canvas = repeated(picture, columns)
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
    told = {
        "prompt": prompt,
        "duration": seconds,
        "strength": strength,
        **_told(pipeline, **options),
    }
    return finish(pipeline, image, picture, told, loudness, kept=True)


def period(pixels) -> int:
    """Columns after which a picture is most like itself: a bar, or some beats.

    Compares what *begins* at each place and pitch (where the next column is darker) with the same one
    ``lag`` columns later, by correlation; lags from one second to three quarters of the picture.
    Greys (rows, columns). A picture of under two seconds repeats as a whole. Notebook: 12_editing.
    """
    dark = 255 - np.asarray(pixels, dtype=np.float32)
    rows, columns = dark.shape
    lags = range(100, 3 * columns // 4)
    if columns < 200:
        return columns
    bands = np.add.reduceat(dark, np.arange(0, rows, 8), axis=0)
    begins = np.maximum(np.diff(bands, axis=1), 0)
    begins = begins[:, :-2] + 2 * begins[:, 1:-1] + begins[:, 2:]  # 10 ms early or late is the same
    begins -= begins.mean(axis=1, keepdims=True)

    def alike(lag: int) -> float:
        now, then = begins[:, :-lag], begins[:, lag:]
        return float((now * then).sum() / (np.linalg.norm(now) * np.linalg.norm(then) + 1e-9))

    return max(lags, key=alike)


def repeated(picture, columns: int):
    """The picture, then itself again after its `period`, until it is ``columns`` wide."""
    from PIL import Image

    pixels = np.asarray(picture.convert("RGB"))
    lag, places = period(pixels.mean(axis=2)), np.arange(columns)
    late = places >= pixels.shape[1]
    places[late] -= lag * -(-(places[late] - pixels.shape[1] + 1) // lag)
    return Image.fromarray(pixels[:, places])
