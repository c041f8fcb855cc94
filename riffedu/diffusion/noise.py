"""Lesson 07: a picture as the numbers that diffusion works on, and what is left of its melody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from riffedu.diffusion.schedule import add_noise
from riffedu.errors import RiffeduError

FIRST_HERTZ, LAST_HERTZ = 200.0, 2500.0


def signal_of(image) -> np.ndarray:
    """A picture's pixels as diffusion wants them: white 1, black −1; float32 (height, width).

    Centred on zero, as the noise is. Colours are averaged to grey. Notebook: 07_noise.
    """
    return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(127.5) - 1


def image_of(x, like):
    """The picture of numbers in [−1, 1], with the size and tags of the picture ``like``.

    What noise has pushed further out becomes white or black. Raises RiffeduError where the sizes
    differ. Notebook: 07_noise.
    """
    from PIL import Image

    if np.shape(x) != (like.height, like.width):
        raise RiffeduError(f"x has shape {np.shape(x)}; its picture has {like.height, like.width}")
    pixels = np.rint((np.clip(x, -1, 1) + 1) * 127.5).astype(np.uint8)
    image = Image.fromarray(pixels).convert("RGB")
    image.getexif().update(like.getexif())
    image.info["exif"] = image.getexif().tobytes()
    return image


def melody(x, columns: int = 16, params=None) -> np.ndarray:
    """The darkest frequency between 200 and 2500 Hz, in hertz, for every ``columns`` columns.

    A simple listener: it averages over a moment (16 columns are 0.16 s), blurs by a row and takes
    the darkest. ``x`` is (rows, width) as `signal_of` gives it; columns that fill no whole moment
    are left out. Raises RiffeduError if there is none. Notebook: 07_noise.
    """
    from scipy.ndimage import gaussian_filter1d

    from riffedu.signal.mel import hz_to_mel, mel_to_hz
    from riffedu.signal.params import SpectrogramParams

    p = params or SpectrogramParams()
    moments = x.shape[1] // columns
    if moments < 1:
        raise RiffeduError(f"{x.shape[1]} columns hold no moment of {columns}")
    ends = hz_to_mel([p.min_frequency, p.max_frequency], p.mel_scale_type)
    hertz = mel_to_hz(np.linspace(*ends, len(x) + 2)[1:-1], p.mel_scale_type)
    rows = (hertz > FIRST_HERTZ) & (hertz < LAST_HERTZ)
    dark = -x[::-1][rows, : moments * columns]
    mean = dark.reshape(-1, moments, columns).mean(-1)
    return hertz[rows][gaussian_filter1d(mean, 1.0, axis=0).argmax(0)]


def melody_left(x0, x, columns: int = 16) -> float:
    """The share of moments in which `melody` finds the same note in x as in x₀, to half a semitone.

    Chance alone gives some 3 %. Notebook: 07_noise.
    """
    apart = 12 * np.log2(melody(x, columns) / melody(x0, columns))
    return float(np.mean(np.abs(apart) < 0.5))


def survival(
    x0, alpha_bars: Sequence[float], columns: int = 16, draws: int = 4, seed: int = 0
) -> np.ndarray:
    """`melody_left` in x_t for each ᾱ_t, as the mean over a few draws of the noise.

    Every ᾱ gets the same draws, so that curves can be compared. Notebook: 07_noise.
    """
    random = np.random.default_rng(seed)
    noises = random.standard_normal((draws, *x0.shape), dtype=np.float32)
    return np.array(
        [
            np.mean([melody_left(x0, add_noise(x0, noise, kept), columns) for noise in noises])
            for kept in alpha_bars
        ]
    )
