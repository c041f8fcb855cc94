"""Lesson 09: how much of a picture a few numbers hold, and what each of them draws.

A picture is ``x``: an array (height, width) of numbers from −1 (black, loud) to 1 (white, silent),
see `riffedu.diffusion.noise.signal_of`. ``vae`` is a checkpoint's autoencoder, ``latents`` a tensor
(1, channels, rows, columns), scaled as diffusion wants them.
"""

from __future__ import annotations

import numpy as np

from riffedu.diffusion.codec import encode_pixels
from riffedu.errors import RiffeduError

SIDE = 32


# A code without a network


def patches(x, side: int = SIDE) -> np.ndarray:
    """A picture cut into squares: (height · width / side², side²), row by row from the top left.

    Raises RiffeduError unless both sides are multiples of ``side``. Notebook: 09_latents.
    """
    x = np.asarray(x)
    if x.ndim != 2 or not x.size or x.shape[0] % side or x.shape[1] % side:
        raise RiffeduError(f"a picture of shape {x.shape} can't be cut into squares of {side}")
    cut = x.reshape(x.shape[0] // side, side, x.shape[1] // side, side)
    return cut.swapaxes(1, 2).reshape(-1, side * side)


def from_patches(cut, shape: tuple[int, int], side: int = SIDE) -> np.ndarray:
    """The picture (height, width) that `patches` was given. Notebook: 09_latents."""
    height, width = shape
    grid = np.asarray(cut).reshape(height // side, width // side, side, side)
    return grid.swapaxes(1, 2).reshape(height, width)


def dct_basis(count: int, side: int = SIDE) -> np.ndarray:
    """JPEG's patterns: the ``count`` smoothest cosines over a square, as rows (count, side²).

        pattern_{u,v}[i, j] = c_u c_v · cos(π u (i + ½) / side) · cos(π v (j + ½) / side)

    in order of u + v; c_0 = √(1 / side), else √(2 / side), so that the rows are orthonormal.
    Source: Ahmed, Natarajan and Rao, "Discrete cosine transform", IEEE Trans. Computers (1974).
    Notebook: 09_latents.
    """
    u, i = np.ogrid[:side, :side]
    waves = np.sqrt(np.where(u, 2, 1) / side) * np.cos(np.pi * u * (i + 0.5) / side)
    pairs = sorted(((u, v) for u in range(side) for v in range(side)), key=lambda p: (sum(p), p))
    return np.array([np.outer(waves[u], waves[v]).ravel() for u, v in pairs[:count]])


def through(x, patterns, mean=0.0, side: int = SIDE) -> np.ndarray:
    """A picture to a few numbers per square, and back.

        numbers = P (patch − mean),   back = mean + Pᵀ numbers

    ``patterns``: P, orthonormal rows (count, side²); ``mean``: what a patch is without them. No
    other choice of numbers brings these patterns closer to the picture. Notebook: 09_latents.
    """
    numbers = (patches(x, side) - mean) @ patterns.T
    return from_patches(mean + numbers @ patterns, np.shape(x), side)


# The network as it is


def draw(vae, latents) -> np.ndarray:
    """What the decoder draws, (height, width), before it is rounded to 256 greys.

    Colours are averaged. Of several latents the first counts. Notebook: 09_latents.
    """
    import torch

    with torch.no_grad():
        return vae.decode(latents[:1] / vae.config.scaling_factor).sample[0].mean(0).cpu().numpy()


def read(vae, x):
    """The latents of a picture that need not be greys: `Pipeline.encode_image` for numbers.

    Sides must be multiples of the compression. Notebook: 09_latents.
    """
    import torch

    device = next(vae.parameters()).device
    pixels = torch.as_tensor(np.asarray(x, dtype=np.float32), device=device)
    return encode_pixels(vae, pixels.expand(1, vae.config.in_channels, -1, -1))


def alphabet(vae) -> tuple[np.ndarray, np.ndarray]:
    """What the decoder draws at one place alone: (the bare square, what each channel adds to it).

        bare = D(0),   pattern_c = D(e_c) − D(0),   e_c: 1 in channel c, else 0

    Shapes (side, side) and (channels, side, side). Where the decoder is linear and its squares
    don't overlap, every drawing is a sum of these. Notebook: 09_latents.
    """
    import torch

    channels = vae.config.latent_channels
    ones = torch.cat([torch.zeros(1, channels), torch.eye(channels)])[:, :, None, None]
    drawn = np.stack([draw(vae, one[None]) for one in ones.to(next(vae.parameters()).device)])
    return drawn[0], drawn[1:] - drawn[0]


def push(
    vae, latents, row: int, column: int, channel: int | None = None, amount: float = 1.0
) -> np.ndarray:
    """What changes in the drawing when latents move: (height, width), after minus before.

    ``amount`` is added to one ``channel``, or to all of them, at one place of the grid; row 0 is at
    the top. Raises RiffeduError for a place outside of it. Notebook: 09_latents.
    """
    _, channels, rows, columns = latents.shape
    if not (0 <= row < rows and 0 <= column < columns and 0 <= (channel or 0) < channels):
        raise RiffeduError(
            f"row {row}, column {column}, channel {channel}: the latents have "
            f"{rows} rows, {columns} columns and {channels} channels"
        )
    moved = latents.clone()
    moved[0, slice(None) if channel is None else channel, row, column] += amount
    return draw(vae, moved) - draw(vae, latents)


def reach(change, least: float = 1e-4) -> tuple[slice, slice]:
    """The rows and columns of a drawing that changed: the smallest box around all that did.

    ``change`` is what `push` gives; ``least``, as a share of the largest change, counts as none.
    Two empty slices where nothing changed. Notebook: 09_latents.
    """
    size = np.abs(change)
    there = size > least * size.max()
    spans = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
    rows, columns = (slice(s[0], s[-1] + 1) if len(s) else slice(0, 0) for s in spans)
    return rows, columns


# Measures


def share_kept(x, y) -> float:
    """How much of what varies in x is in y, too: 1 is all; can be negative.

        1 − Σ (x − y)² / Σ (x − mean of x)²

    The statisticians' R². Pictures or stacks of pictures, of one shape. Notebook: 09_latents.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.shape != y.shape:
        raise RiffeduError(f"pictures of shapes {x.shape} and {y.shape} can't be compared")
    return float(1 - ((x - y) ** 2).sum() / max(((x - x.mean()) ** 2).sum(), 1e-30))


def lost_by_detail(x, y, axis: int = -1) -> tuple[np.ndarray, np.ndarray]:
    """How much of each size of detail is missing in y: (periods in pixels, shares of power).

        Σ |F(x − y)|² / Σ |F(x)|²   over octaves of frequency: 1, 2–3, 4–7 … waves in the picture

    F is the Fourier transform along ``axis`` (−1: along time, −2: along frequency). A period is the
    longest of its octave: the picture's length, half of it, and so on. 0: all there; 1: as wrong as
    if nothing were. Notebook: 09_latents.
    """
    wanted, wrong = (np.abs(np.fft.rfft(a, axis=axis)) ** 2 for a in (x, np.subtract(x, y)))
    others = tuple(a for a in range(wanted.ndim) if a != axis % wanted.ndim)
    wanted, wrong = wanted.sum(axis=others), wrong.sum(axis=others)
    firsts = 2 ** np.arange(int(np.log2(len(wanted) - 1)))
    shares = [wrong[k : 2 * k].sum() / max(wanted[k : 2 * k].sum(), 1e-30) for k in firsts]
    return np.shape(x)[axis] / firsts, np.array(shares)


def bits(latents, step: float) -> float:
    """Bits for each number when all are rounded to multiples of ``step``: their entropy.

        H = − Σ p log₂ p,   p: how often each rounded value occurs

    No code that takes them one by one can do with fewer on average. Source: Shannon, "A
    mathematical theory of communication" (1948). Notebook: 09_latents.
    """
    _, counts = np.unique(np.rint(np.asarray(latents) / step), return_counts=True)
    p = counts / counts.sum()
    return float(-(p * np.log2(p)).sum())


def multiply_adds(network, *inputs, **named) -> int:
    """How often a network multiplies and adds for such inputs, counted without doing it.

    Convolutions, matrix products and attention count, all else is small beside them. A copy without
    weights gets inputs without numbers, so even an input that memory could not hold is counted.
    Notebook: 09_latents.
    """
    from copy import deepcopy

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def empty(value):
        return value.to("meta") if isinstance(value, torch.Tensor) else value

    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        deepcopy(network).to("meta")(
            *map(empty, inputs), **{name: empty(value) for name, value in named.items()}
        )
    return counter.get_total_flops() // 2
