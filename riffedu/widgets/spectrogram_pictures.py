"""Spectrograms in decibels, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.stft import decibels, get_window, stft
from riffedu.widgets.pictures import Picture, figure_png, new_figure

RANGE = 70  # decibels from black to white


def spectrograms(
    analyses: dict,
    sample_rate: int,
    hertz: tuple[float, float] | None = None,
    seconds: tuple[float, float] | None = None,
    span: float = RANGE,
    columns: int = 3,
) -> Picture:
    """Draw spectrograms side by side: seconds to the right, hertz upwards, dark is loud.

    ``analyses`` maps each title to (waveform, settings), the settings being `riffedu.stft`'s:
    n_fft, hop_length, win_length, window. Grey levels are decibels on a common scale: ``span`` dB
    below the largest value; a sine of amplitude 1 reads 0 dB. ``hertz`` and ``seconds``,
    (from, to), select the part to draw. Raises RiffeduError for an empty dict.
    """
    if not analyses:
        raise RiffeduError("there is nothing to draw: the dictionary of analyses is empty")
    columns = min(columns, len(analyses))
    figure, axes = new_figure(-(-len(analyses) // columns), columns, 8.4 / columns, 2.8)
    hertz, drawn = hertz or (0, sample_rate / 2), {}
    for title, (x, settings) in analyses.items():
        lasts = seconds or (0, len(x) / sample_rate)
        magnitude = np.abs(stft(x, **settings)) / full_scale(**settings)
        small, place = part(magnitude, sample_rate, hertz, lasts, **settings)
        drawn[title] = decibels(small, floor=-200), place, lasts
    loudest = max(db.max() for db, _, _ in drawn.values())
    for axis in axes.flat[len(analyses) :]:
        axis.set_axis_off()
    for axis, (title, (db, place, lasts)) in zip(axes.flat, drawn.items()):
        image = axis.imshow(
            db,
            cmap="gray_r",
            vmin=loudest - span,
            vmax=loudest,
            aspect="auto",
            origin="lower",
            interpolation="nearest",
            extent=place,
        )
        axis.set(xlim=lasts, ylim=hertz)
        axis.set_title(title, fontsize=10)
        axis.tick_params(labelsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel("Hz", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("seconds", fontsize=9)
    bar = figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02)
    bar.set_label("dB", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    told = "; ".join(f"“{title}”, loudest {db.max():.0f} dB" for title, (db, *_) in drawn.items())
    return Picture(
        figure_png(figure),
        f"Spectrograms from {hertz[0]:g} to {hertz[1]:g} Hz, dark is loud: {told}.",
    )


def full_scale(n_fft: int, win_length: int | None = None, window: Any = "hann", **_: Any) -> float:
    """Return the STFT magnitude of a sine of amplitude 1: half the sum of the window."""
    return float(get_window(window, win_length or n_fft).sum()) / 2


def part(
    magnitude: np.ndarray,
    sample_rate: int,
    hertz: tuple[float, float],
    seconds: tuple[float, float],
    n_fft: int,
    hop_length: int,
    most: tuple[int, int] = (300, 600),
    **_: Any,
) -> tuple[np.ndarray, tuple]:
    """Return the part of a spectrogram between these hertz and seconds, and where to draw it.

    Never more than ``most`` numbers, for a screen has no more dots: the largest of each block,
    which loses no line and no click. The place is (left, right, bottom, top); each number's own
    moment and frequency lie in the middle of its little rectangle.
    """
    steps = sample_rate / n_fft, hop_length / sample_rate
    first = [max(0, int(low / step)) for (low, _), step in zip((hertz, seconds), steps)]
    last = [int(np.ceil(high / step)) for (_, high), step in zip((hertz, seconds), steps)]
    x = magnitude[first[0] : last[0] + 1, first[1] : last[1] + 1]
    by = [-(-n // m) for n, m in zip(x.shape, most)]
    x = np.pad(x, [(0, -n % b) for n, b in zip(x.shape, by)])
    x = x.reshape(x.shape[0] // by[0], by[0], -1, by[1]).max(axis=(1, 3))
    bottom, left = ((f - 0.5) * step for f, step in zip(first, steps))
    tall, wide = (n * b * step for n, b, step in zip(x.shape, by, steps))
    return x, (left, left + wide, bottom, bottom + tall)
