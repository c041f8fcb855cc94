"""The drawings of notebooks/01b_fourier.ipynb: wound sounds, and the bins of a short transform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riffedu.widgets.pictures import (
    BLUE,
    COLOURS,
    GREY,
    ORANGE,
    SIGNED,
    Picture,
    figure_png,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Circle

FEW = 32
"""The most samples that are drawn as single pointers."""


def wound_picture(wound: dict[str, np.ndarray], title: str = "") -> Picture:
    """Draw wound sounds side by side, each with its centre of mass: names and complex arrays.

    The thick line goes from the middle to the centre of mass. Up to `FEW` samples are drawn as
    pointers, the long ones with their numbers, and more samples as a curve.
    """
    figure, [axes] = new_figure(1, len(wound), 8.6 / max(3, len(wound)), 3.1)
    few = max(map(len, wound.values())) <= FEW
    limit = (1.35 if few else 1.1) * max(float(np.abs(p).max()) for p in wound.values())
    words = []
    for axis, (name, p) in zip(axes, wound.items()):
        centre = p.mean()
        axis.add_patch(circle(limit / (1.35 if few else 1.1)))
        if len(p) <= FEW:
            draw_pointers(axis, p, limit)
        else:
            axis.plot(p.real, p.imag, color=BLUE, linewidth=0.6)
        axis.plot([0, centre.real], [0, centre.imag], color=ORANGE, linewidth=2)
        axis.plot(centre.real, centre.imag, "o", color=ORANGE, markersize=8)
        axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        axis.tick_params(labelsize=8)
        axis.set_title(name, fontsize=10)
        words.append(f"{name}: {place(centre)}")
    figure.suptitle(title, fontsize=10)
    alt = f"{title or 'Wound sounds'}: curves round a circle. {'; '.join(words)}."
    return Picture(figure_png(figure), alt)


def draw_pointers(axis: Axes, p: np.ndarray, limit: float) -> None:
    """Draw each sample as a pointer; long ones get their numbers, which share a label."""
    places: dict[complex, list[str]] = {}
    for n, end in enumerate(p):
        axis.plot([0, end.real], [0, end.imag], "-", color=BLUE, linewidth=1)
        axis.plot(end.real, end.imag, "o", color=BLUE, markersize=4)
        if abs(end) > 0.35 * limit:
            places.setdefault(complex(np.round(end / limit, 1)), []).append(str(n))
    for numbers, end in ((names, p[int(names[0])]) for names in places.values()):
        at = end * (1 + 0.15 * limit / abs(end))
        axis.text(at.real, at.imag, ", ".join(numbers), fontsize=8, ha="center", va="center")


def circle(radius: float) -> Circle:
    """Return a grey circle round the origin, for an Axes to add."""
    from matplotlib.patches import Circle as Shape

    return Shape((0, 0), radius, fill=False, color=GREY, linewidth=0.8, zorder=-2)


def place(centre: complex) -> str:
    """Return where a centre of mass lies, in words."""
    length = abs(centre)
    if length < 0.005:
        return "the centre of mass is in the middle"
    angle = f"{degrees(centre):.0f}°".replace("-", "−")
    return f"the centre of mass is {length:.2f} from the middle, at {angle}"


def degrees(pointer: complex) -> float:
    """Return the angle of a pointer in degrees, with 180 for −180 and 0 for −0."""
    angle = float(np.rint(np.degrees(np.angle(pointer))))
    return 180.0 if angle == -180 else angle + 0.0


def bins_picture(spectra: dict[str, np.ndarray], title: str = "") -> Picture:
    """Draw the magnitudes of short transforms, one stem for each bin: names and arrays."""
    figure, [[axis]] = new_figure(1, 1, 8.0, 2.6)
    words = []
    for number, (name, X) in enumerate(spectra.items()):
        k = np.arange(len(X)) + 0.18 * (number - (len(spectra) - 1) / 2)
        size, colour = np.abs(X), COLOURS[number % len(COLOURS)]
        axis.vlines(k, 0, size, color=colour, linewidth=1.5)
        axis.plot(k, size, "os^D"[number % 4], color=colour, markersize=5, label=name)
        high = [str(i) for i in np.flatnonzero(size > 1e-6 + 0.01 * size.max())]
        where = f"in bin{'s' * (len(high) > 1)} {', '.join(high)}" if high else "nowhere"
        words.append(f"{name} is above zero {where}")
    axis.set(xlabel="bin k", ylabel="magnitude", xticks=range(len(X)), ylim=(0, None))
    axis.set_title(title, fontsize=10)
    if len(spectra) > 1:
        axis.legend(fontsize=8)
    return Picture(figure_png(figure), f"{title or 'Bins'}: {'; '.join(words)}.")


def matrix_picture(W: np.ndarray) -> Picture:
    """Draw a DFT matrix in colour, real and imaginary parts side by side: orange −1, purple 1."""
    figure, [axes] = new_figure(1, 2, 3.8, 3.3)
    for axis, part, title in zip(
        axes, (W.real, W.imag), ("real part: cosines", "imaginary: −sines")
    ):
        shown = axis.imshow(part, cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest")
        axis.set(xlabel="sample n", ylabel="bin k")
        axis.set_title(title, fontsize=10)
    figure.colorbar(shown, ax=axes, fraction=0.04).ax.tick_params(labelsize=8)
    return Picture(
        figure_png(figure),
        f"A matrix of {W.shape[0]} by {W.shape[1]} numbers, cosines and sines: orange is −1, "
        "purple 1. Row k goes through k cycles from left to right; the rows of the lower half "
        "mirror those of the upper half.",
    )
