"""Lesson 15: measures of the picture itself: sharpness, patch borders, nearest training clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from riffedu.errors import RiffeduError

FINE = 1 / 8  # cycles per pixel: details of less than eight pixels
PATCH = 32  # pixels to a side of what one place of the shipped latents stands for
SHAPE = (64, 64)  # rows and columns of `features`
SHIFTS = 16  # columns of `features` that a copy may be moved by: 1.28 s


@dataclass(frozen=True)
class Sharpness:
    """The result of `sharpness`.

    ``value`` lies in 0..1. ``power (frequencies,)`` is the power in rings of the two-dimensional
    spectrum, summing to 1, over ``cycles`` per pixel.
    """

    value: float
    power: np.ndarray
    cycles: np.ndarray


@dataclass(frozen=True)
class Borders:
    """The result of `patch_borders`.

    ``value`` ≥ 0 is 1 where borders do not differ from other places. ``steps (columns − 1,)`` is
    the mean absolute difference of neighbouring columns in grey levels; ``border`` is True at
    borders.
    """

    value: float
    steps: np.ndarray
    border: np.ndarray


@dataclass(frozen=True)
class Nearest:
    """The result of `nearest`: one entry per clip.

    ``distance`` (0..2) to the nearest training clip, its ``number``, and the ``shift`` in seconds
    at which the two match best.
    """

    distance: np.ndarray
    number: np.ndarray
    shift: np.ndarray


def grey(picture: Any) -> np.ndarray:
    """Convert a picture, from Pillow or an array, to (rows, columns) float64 grey levels 0..255."""
    pixels = np.asarray(picture.convert("L") if hasattr(picture, "convert") else picture)
    if pixels.ndim != 2 or min(pixels.shape) < 16:
        raise RiffeduError(
            f"the picture must be grey and at least 16 × 16 pixels, not {pixels.shape}"
        )
    return pixels.astype(np.float64)


def sharpness(picture: Any) -> Sharpness:
    """Return the share of a picture's energy in fine detail, above 1/8 cycle per pixel.

        P = |FFT2(w · (pixels − mean))|²,   value = Σ_{√(u² + v²) > 1/8} P / Σ P

    ``w`` is a Hann window in both directions, so that the edges of the picture do not count as
    detail; u and v are in cycles per pixel. White noise gives 0.95 (1 − π/64, the share of the
    square outside the circle), renders 0.01 (drums) to 0.2 (organ), an 8-pixel blur less than
    0.001.

    Limits: grain is fine detail, too. Noise raises the value, and resampling or strong compression
    can raise it; it does not ask whether a line is where a note is. Pictures of loud, dense music
    hold more detail than those of sparse music, so compare only like with like.

    Source: power spectra of pictures, Field, J. Opt. Soc. Am. A 4 (1987). Notebook:
    15_measure_and_compare.
    """
    pixels = grey(picture)
    rows, columns = pixels.shape
    window = np.hanning(rows + 2)[1:-1, None] * np.hanning(columns + 2)[1:-1]
    level = (pixels * window).sum() / window.sum()
    power = np.abs(np.fft.fft2((pixels - level) * window)) ** 2
    cycles = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns))
    total = power.sum()
    if total < 1e-9:
        return Sharpness(0.0, np.zeros(64), (np.arange(64) + 0.5) / 128)
    rings = np.minimum((cycles * 128).astype(int), 63)  # beyond ½ only the corners
    by_ring = np.bincount(rings.ravel(), power.ravel(), 64) / total
    return Sharpness(
        float(power[cycles > FINE].sum() / total), by_ring, (np.arange(64) + 0.5) / 128
    )


def patch_borders(picture: Any, patch: int = PATCH, axis: int = 1) -> Borders:
    """Return how much larger the step between columns is at patch borders than elsewhere.

        value = mean of d[c] where c is a multiple of ``patch`` / mean of d[c] elsewhere
        d[c] = mean over rows of |pixels[:, c] − pixels[:, c − 1]|

    1 means that borders do not stand out. A decoder that draws each patch on its own gives 2.5 to
    6, a flutter every 0.32 s. ``axis=0`` compares rows. Measure the picture as decoded: drawn again
    from the sound, borders are half hidden by the 100 ms window. nan if nothing changes elsewhere.

    Limits: music that itself changes every 0.32 s (187 bpm, starting at the first column) gives a
    high value without any fault. Grain over the whole picture lowers the value to 1 without
    closing a gap, and so does a decoder that blurs only across borders.

    Source: blockiness of JPEG, Wu and Yuen, IEEE Signal Processing Letters 4 (1997). Notebook:
    15_measure_and_compare.
    """
    pixels = grey(picture)
    steps = np.abs(np.diff(pixels, axis=axis)).mean(axis=1 - axis)
    border = np.arange(1, len(steps) + 1) % patch == 0
    if not border.any():
        raise RiffeduError(f"the picture must be wider than {patch} columns to have a patch border")
    between = steps[~border].mean()
    value = float(steps[border].mean() / between) if between > 1e-9 else float("nan")
    return Borders(value, steps, border)


def features(pictures: np.ndarray) -> np.ndarray:
    """Return features to compare pictures by: loudness as 64 × 64 means, float32 in 0..1.

    ``pictures (n, 512, columns)`` uint8, dark is loud. Each feature covers eight rows and 80 ms.
    Returns (n, 64, 64).
    """
    pictures = np.asarray(pictures)
    if pictures.ndim != 3 or any(s % f for s, f in zip(pictures.shape[1:], SHAPE, strict=True)):
        raise RiffeduError(f"pictures must have shape (n, 512, 512), not {pictures.shape}")
    n, rows, columns = pictures.shape
    tall, wide = rows // SHAPE[0], columns // SHAPE[1]
    places = pictures.reshape(n, SHAPE[0], tall, SHAPE[1], wide)
    return 1 - places.mean(axis=(2, 4), dtype=np.float32) / 255


def nearest(clips: np.ndarray, training: np.ndarray, shifts: int = SHIFTS) -> Nearest:
    """Find the nearest training clip of each clip, to detect copies.

        distance = min over training clips and shifts of 1 − corr(clip shifted by s, training clip)

    ``clips (n, 64, 64)`` and ``training (m, 64, 64)`` are `features`. Pearson's correlation is
    taken over the columns that overlap; a copy may begin up to 16 columns (1.28 s) earlier or
    later. Distance 0 is a copy of any level and contrast, 1 is unrelated. One shift of all pairs is
    one matrix product.

    Limits: a copy that is transposed by a semitone, stretched or played on another instrument is
    not found, and a blurred one only partly; slow pads resemble one another without any copying.
    Compare with test clips (`memorisation`), and look at the nearest pairs.

    Source: nearest neighbours as a test of copying: Somepalli et al., "Diffusion art or digital
    forgery?", CVPR (2023). Notebook: 15_measure_and_compare.
    """
    columns = clips.shape[2]
    best = np.full(len(clips), -np.inf)
    number, place = np.zeros(len(clips), int), np.zeros(len(clips), int)
    for shift in range(-shifts, shifts + 1):
        a, b = max(0, shift), columns + min(0, shift)
        here = _unit(clips[:, :, a:b])
        for start in range(0, len(training), 2048):  # in blocks: all at once would fill a laptop
            likeness = here @ _unit(training[start : start + 2048, :, a - shift : b - shift]).T
            found = likeness.argmax(axis=1)
            value = likeness[np.arange(len(clips)), found]
            better = value > best
            best[better], place[better] = value[better], shift
            number[better] = start + found[better]
    return Nearest(1 - best, number, place * 0.08)


def _unit(features_: np.ndarray) -> np.ndarray:
    rows = features_.reshape(len(features_), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def memorisation(generated: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """Compare generated clips with unseen music: which are nearer to the training set?

    ``generated`` and ``test`` are distances of `nearest` to the same training clips. Returns the
    two medians, ``ratio`` of the generated to the test median, and ``share``, the share of
    generated clips that are nearer than 99 of 100 test clips (1st percentile); chance gives 0.01.

    Limits: with few test clips the first percentile is the nearest of them. A model that blurs
    everything is far from everything.
    """
    edge = float(np.percentile(test, 1))
    return {
        "generated": float(np.median(generated)),
        "test": float(np.median(test)),
        "ratio": float(np.median(generated) / max(np.median(test), 1e-9)),
        "edge": edge,
        "share": float((generated < edge).mean()),
    }
