"""Scatter plots of points and trajectories in the plane."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from riffedu.widgets.pictures import COLOURS, Picture, figure_png, new_figure


def clouds(
    points: Iterable,
    titles: Iterable[str] | None = None,
    arrows: Iterable | None = None,
    limit: float = 2.8,
    columns: int = 5,
) -> Picture:
    """Draw point clouds side by side on the same axes, each an array (count, 2).

    ``arrows`` holds, for each cloud, None or a pair (start, end) of such arrays.
    """
    arrays = [np.asarray(cloud) for cloud in points]
    labels = list(titles) if titles is not None else [""] * len(arrays)
    vectors = list(arrows) if arrows is not None else [None] * len(arrays)
    columns = min(columns, len(arrays))
    size = 9.6 / max(columns, 3)
    figure, axes = new_figure(-(-len(arrays) // columns), columns, size, 1.1 * size)
    words = []
    for number, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if number >= len(arrays):
            continue
        cloud = arrays[number]
        axis.scatter(*cloud.T, s=3, color=COLOURS[0], alpha=0.5, linewidths=0)
        if (vector := vectors[number]) is not None:
            start, end = (np.asarray(part) for part in vector)
            axis.quiver(
                *start.T,
                *(end - start).T,
                color=COLOURS[1],
                angles="xy",
                scale_units="xy",
                scale=1,
                width=0.006,
            )
        axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        axis.set_title(labels[number], fontsize=10)
        wide, tall = cloud.std(0)
        words.append(
            f"{labels[number] or number}: {len(cloud)} points, spread {wide:.2f} across "
            f"and {tall:.2f} up{', with arrows' if vectors[number] is not None else ''}"
        )
    return Picture(figure_png(figure), f"Clouds of points in the plane. {'; '.join(words)}.")


def paths(
    points: np.ndarray,
    tracks: Iterable,
    titles: Iterable[str] | None = None,
    limit: float = 2.8,
) -> Picture:
    """Draw trajectories side by side on the same axes, over the point cloud ``points`` (count, 2).

    Each of ``tracks`` is an array (moments, trajectories, 2), or a dict of such arrays by name,
    drawn into one plot. A ring marks the start of a trajectory, a dot its end.
    """
    points = np.asarray(points)
    tracks = [each if isinstance(each, dict) else {"": each} for each in tracks]
    titles = list(titles) if titles is not None else [""] * len(tracks)
    size = 9.6 / max(len(tracks), 2.5)
    figure, [axes] = new_figure(1, len(tracks), size, 1.05 * size)
    words = []
    for axis, title, ways in zip(axes, titles, tracks):
        axis.scatter(*points.T, s=3, color="#999999", alpha=0.5, linewidths=0)
        for number, (name, way) in enumerate(ways.items()):
            way, colour = np.asarray(way), COLOURS[number % len(COLOURS)]
            few = ".-" if len(way) < 12 else "-"
            for n in range(way.shape[1]):
                label = name if n == 0 else None
                axis.plot(*way[:, n].T, few, color=colour, linewidth=0.9, markersize=4, label=label)
            axis.plot(*way[0].T, "o", color=colour, markersize=5, markerfacecolor="white")
            axis.plot(*way[-1].T, "o", color=colour, markersize=5)
            long = np.linalg.norm(np.diff(way, axis=0), axis=2).sum(0).mean()
            straight = np.linalg.norm(way[-1] - way[0], axis=1).mean()
            words.append(
                f"{' '.join(filter(None, (title, name)))}: {way.shape[1]} trajectories of "
                f"{len(way) - 1} steps, {long:.1f} long on average where the straight "
                f"line is {straight:.1f}"
            )
        axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        axis.set_axis_off()
        axis.set_title(title, fontsize=10)
        if len(ways) > 1:
            axis.legend(fontsize=8, loc="lower left")
    return Picture(figure_png(figure), f"Trajectories in the plane. {'; '.join(words)}.")
