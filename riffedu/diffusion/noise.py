"""Lesson 07: pictures as arrays for diffusion, and how much of a melody survives noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from riffedu.diffusion.schedule import add_noise
from riffedu.errors import RiffeduError
from riffedu.signal.picture import as_picture

if TYPE_CHECKING:
    from PIL.Image import Image

    from riffedu.signal.params import SpectrogramParams

MIN_HERTZ, MAX_HERTZ = 200.0, 2500.0


def image_to_array(image: Image) -> np.ndarray:
    """Return a picture's pixels in the range of diffusion: float32 (height, width), white 1.

    The range is centred on zero, like the noise. Colours are converted to grey.
    Notebook: 07_noise.
    """
    return np.asarray(as_picture(image, "L"), dtype=np.float32) / np.float32(127.5) - 1


def array_to_image(x: np.ndarray, like: Image) -> Image:
    """Return an RGB picture of an array in [−1, 1], with the EXIF metadata of ``like``.

    Values outside the range are clipped to white or black. Raises RiffeduError if the shape of x is
    not ``like``'s (height, width). Notebook: 07_noise.
    """
    from PIL import Image

    if np.shape(x) != (like.height, like.width):
        raise RiffeduError(
            f"x has shape {np.shape(x)}, but the picture has {like.height, like.width}"
        )
    pixels = np.rint((np.clip(x, -1, 1) + 1) * 127.5).astype(np.uint8)
    image = Image.fromarray(pixels).convert("RGB")
    image.getexif().update(like.getexif())
    image.info["exif"] = image.getexif().tobytes()
    return image


def melody(x: np.ndarray, columns: int = 16, params: SpectrogramParams | None = None) -> np.ndarray:
    """Return the strongest frequency from 200 to 2500 Hz, in hertz, for every ``columns`` columns.

    A simple pitch tracker: it averages over a frame (16 columns are 0.16 s), blurs across rows and
    takes the darkest row. ``x`` is (rows, width) as returned by `image_to_array`; an incomplete
    last frame is ignored. Raises RiffeduError if x is shorter than one frame. Notebook: 07_noise.
    """
    from scipy.ndimage import gaussian_filter1d

    from riffedu.signal.mel import hz_to_mel, mel_to_hz
    from riffedu.signal.params import SpectrogramParams

    p = params or SpectrogramParams()
    frames = x.shape[1] // columns
    if frames < 1:
        raise RiffeduError(
            f"x has {x.shape[1]} columns, but one frame needs {columns}: give a wider x or "
            "smaller frames"
        )
    low, high = hz_to_mel([p.min_frequency, p.max_frequency], p.mel_scale_type)
    hertz = mel_to_hz(np.linspace(low, high, len(x) + 2)[1:-1], p.mel_scale_type)
    rows = (hertz > MIN_HERTZ) & (hertz < MAX_HERTZ)
    dark = -x[::-1][rows, : frames * columns]
    mean = dark.reshape(-1, frames, columns).mean(-1)
    return hertz[rows][gaussian_filter1d(mean, 1.0, axis=0).argmax(0)]


def pitch_accuracy(x0: np.ndarray, x: np.ndarray, columns: int = 16) -> float:
    """Return the fraction of frames in which `melody` agrees for x and x₀ within half a semitone.

    Chance level is about 3 %. Notebook: 07_noise.
    """
    semitones = 12 * np.log2(melody(x, columns) / melody(x0, columns))
    return float(np.mean(np.abs(semitones) < 0.5))


def pitch_accuracy_in_noise(
    x0: np.ndarray,
    alpha_bars: Sequence[float] | np.ndarray,
    columns: int = 16,
    draws: int = 4,
    seed: int = 0,
) -> np.ndarray:
    """Return the `pitch_accuracy` of x_t for each ᾱ_t, averaged over several draws of the noise.

    The same draws are used for every ᾱ, so that curves can be compared. Notebook: 07_noise.
    """
    rng = np.random.default_rng(seed)
    noises = rng.standard_normal((draws, *x0.shape), dtype=np.float32)
    return np.array(
        [
            np.mean(
                [pitch_accuracy(x0, add_noise(x0, noise, alpha_bar), columns) for noise in noises]
            )
            for alpha_bar in alpha_bars
        ]
    )
