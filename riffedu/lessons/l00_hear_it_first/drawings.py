"""Pictures of notebooks/00_hear_it_first.ipynb with arrows that name their parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from riffedu.widgets.pictures import HERTZ, ORANGE, Picture, figure_png, height, new_figure

if TYPE_CHECKING:
    from PIL.Image import Image

RATE = 44100
SECONDS = 5.12
NOTE = 262
MARKS = (
    ((0.8, NOTE), "a held note", (0.35, 0.02)),
    ((1.3, 4 * NOTE), "its overtones", (1.0, 0.47)),
    ((2.95, 523), "three notes that climb", (2.2, 0.06)),
    ((3.72, 6000), "a drum hit", (2.7, 0.92)),
    ((4.6, 2500), "hiss", (4.3, 0.2)),
    ((1.9, 3000), "white: silence", (0.7, 0.75)),
)
"""Where the arrows of `example_picture` point, in seconds and hertz, what they say, and where."""


def example_sound() -> np.ndarray:
    """Return a note with overtones, three short notes, a drum hit and hiss: 5.12 s at 44100 Hz."""
    from riffedu.signal import synth

    def note(hertz: float, seconds: float) -> np.ndarray:
        tone = synth.harmonics(hertz, [1, 0.7, 0.5, 0.4], seconds)
        return tone * synth.envelope(seconds, release=0.05)

    x = np.zeros(round(SECONDS * RATE), np.float32)
    hiss = 0.5 * synth.noise(0.7) * synth.envelope(0.7, release=0.1)
    parts = [(0.2, note(NOTE, 1.5)), (3.7, 0.6 * synth.snare()), (4.25, hiss)]
    parts += [(2.1 + 0.4 * i, note(f, 0.35)) for i, f in enumerate((330, 415, 523))]
    for start, part in parts:
        at = round(start * RATE)
        x[at : at + len(part)] += part
    return x


def example_picture() -> Picture:
    """Draw the picture of `example_sound`, with an arrow to each of its parts."""
    from riffedu.signal.convert import audio_to_image

    image = audio_to_image(example_sound(), RATE)
    return annotated(image, MARKS, "A sound with known parts")


def marked(image: Image) -> Picture:
    """Draw a picture with its axes, and an arrow to its darkest place."""
    seconds, hertz = darkest(image)
    words = f"the darkest, so the loudest place:\n{seconds:.1f} s, near {hertz:.0f} Hz"
    place = min(seconds + 0.25, 2.6), 0.55 if hertz < 700 else 0.1
    return annotated(image, [((seconds, hertz), words, place)], "The model's picture")


def darkest(image: Image) -> tuple[float, float]:
    """Return the seconds and hertz of the darkest place, 5 rows high and 5 columns wide."""
    from scipy.ndimage import uniform_filter

    from riffedu.signal.mel import hz_to_mel, mel_to_hz

    dark = 255 - np.asarray(image.convert("L"), np.float64)
    row, column = np.unravel_index(uniform_filter(dark, 5).argmax(), dark.shape)
    hertz = mel_to_hz((1 - (row + 0.5) / len(dark)) * hz_to_mel(HERTZ[-1]))
    return (column + 0.5) / 100, float(hertz)


def annotated(image: Image, marks: Iterable, title: str) -> Picture:
    """Draw a picture with axes and an arrow to each mark, which are as in `MARKS`."""
    figure, [[axis]] = new_figure(1, 1, 8.6, 4.6)
    seconds = image.width / 100
    axis.imshow(
        np.asarray(image.convert("L")),
        cmap="gray",
        vmin=0,
        vmax=255,
        aspect="auto",
        extent=(0, seconds, 0, 1),
        interpolation="nearest",
    )
    axis.set_yticks([height(f) for f in HERTZ], [f"{f:g}" for f in HERTZ])
    axis.set_xlabel("time in seconds →")
    axis.set_ylabel("pitch in hertz (mel scale) →")
    axis.set_title(title, fontsize=10)
    said = []
    for (at, hertz), words, place in marks:
        axis.annotate(
            words,
            (at, height(hertz)),
            place,
            color=ORANGE,
            fontsize=10,
            fontweight="bold",
            bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": "none", "alpha": 0.85},
            arrowprops={"arrowstyle": "->", "color": ORANGE, "linewidth": 1.6},
        )
        said.append(f"{' '.join(words.split())} at {at:.2f} s and {hertz:.0f} Hz")
    return Picture(figure_png(figure), f"{title}, dark is loud. Arrows: {'; '.join(said)}.")
