"""Lesson 09: how much of a picture its latents keep, and what each latent value draws.

A picture is ``x``: an array (height, width) of values from −1 (black, loud) to 1 (white, silent),
see `riffedu.diffusion.noise.image_to_array`. ``vae`` is a checkpoint's autoencoder, ``latents`` a
tensor (1, channels, rows, columns) with the scaling that the U-Net is trained on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.diffusion.codec import encode_pixels
from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from torch import Tensor

SIDE = 32
"""Width and height of a patch in pixels: the compression factor of riffedu's model."""


# Linear codes


def patches(x: ArrayLike, side: int = SIDE) -> np.ndarray:
    """Cut a picture into square patches: (height · width / side², side²), row by row from top left.

    Raises RiffeduError unless height and width are multiples of ``side``. Notebook: 09_latents.

    >>> patches([[1, 2, 3, 4], [5, 6, 7, 8]], side=2)
    array([[1, 2, 5, 6],
           [3, 4, 7, 8]])
    """
    x = np.asarray(x)
    if x.ndim != 2 or not x.size or x.shape[0] % side or x.shape[1] % side:
        raise RiffeduError(
            f"x has shape {x.shape}: give a picture whose height and width are multiples of {side}"
        )
    cut = x.reshape(x.shape[0] // side, side, x.shape[1] // side, side)
    return cut.swapaxes(1, 2).reshape(-1, side * side)


def from_patches(squares: ArrayLike, shape: tuple[int, int], side: int = SIDE) -> np.ndarray:
    """Reassemble a picture of ``shape`` (height, width); the inverse of `patches`.

    Notebook: 09_latents.
    """
    height, width = shape
    grid = np.asarray(squares).reshape(height // side, width // side, side, side)
    return grid.swapaxes(1, 2).reshape(height, width)


def dct_basis(count: int, side: int = SIDE) -> np.ndarray:
    """Return the ``count`` lowest-frequency patterns of the two-dimensional DCT: (count, side²).

        pattern_{u,v}[i, j] = c_u c_v · cos(π u (i + ½) / side) · cos(π v (j + ½) / side)

    in order of u + v; c_0 = √(1 / side), else √(2 / side), so that the rows are orthonormal. JPEG
    uses this basis. Source: Ahmed, Natarajan and Rao, "Discrete cosine transform", IEEE
    Trans. Computers (1974). Notebook: 09_latents.
    """
    u, i = np.ogrid[:side, :side]
    waves = np.sqrt(np.where(u, 2, 1) / side) * np.cos(np.pi * u * (i + 0.5) / side)
    pairs = sorted(((u, v) for u in range(side) for v in range(side)), key=lambda p: (sum(p), p))
    return np.array([np.outer(waves[u], waves[v]).ravel() for u, v in pairs[:count]])


def reconstruct(
    x: np.ndarray, patterns: np.ndarray, mean: np.ndarray | float = 0.0, side: int = SIDE
) -> np.ndarray:
    """Encode each patch of a picture with a linear code and decode it again.

        coefficients = P (patch − mean),   reconstruction = mean + Pᵀ coefficients

    ``patterns`` is P, orthonormal rows (count, side²); ``mean`` is the mean patch. These
    coefficients minimise the squared error for the given patterns. Notebook: 09_latents.
    """
    coefficients = (patches(x, side) - mean) @ patterns.T
    return from_patches(mean + coefficients @ patterns, np.shape(x), side)


# The network's code


def decode_array(vae: Any, latents: Tensor) -> np.ndarray:
    """Decode latents to an array (height, width), without rounding to 256 grey levels.

    Colour channels are averaged. Only the first item of a batch is decoded. Notebook: 09_latents.
    """
    import torch

    latents = latents.to(next(vae.parameters()).device)
    with torch.no_grad():
        return vae.decode(latents[:1] / vae.config.scaling_factor).sample[0].mean(0).cpu().numpy()


def encode_array(vae: Any, x: ArrayLike) -> Tensor:
    """Encode an array (height, width) to latents, without rounding to 256 grey levels.

    Height and width must be multiples of the compression factor. For pictures, use
    `Pipeline.encode_image`. Notebook: 09_latents.
    """
    import torch

    device = next(vae.parameters()).device
    pixels = torch.as_tensor(np.asarray(x, dtype=np.float32), device=device)
    return encode_pixels(vae, pixels.expand(1, vae.config.in_channels, -1, -1))


def decoder_patterns(vae: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return what the decoder D draws for one latent position: (bias, pattern of each channel).

        bias = D(0),   pattern_c = D(e_c) − D(0),   e_c: 1 in channel c, else 0

    Shapes (side, side) and (channels, side, side). If the decoder is linear and its patches don't
    overlap, every decoded picture is a sum of these. Notebook: 09_latents.
    """
    import torch

    channels = vae.config.latent_channels
    ones = torch.cat([torch.zeros(1, channels), torch.eye(channels)])[:, :, None, None]
    ones = ones.to(next(vae.parameters()).device)
    decoded = np.stack([decode_array(vae, one[None]) for one in ones])
    return decoded[0], decoded[1:] - decoded[0]


def perturb(
    vae: Any,
    latents: Tensor,
    row: int,
    column: int,
    channel: int | None = None,
    amount: float = 1.0,
) -> np.ndarray:
    """Return how the decoded picture changes when one latent position does: (height, width).

    ``amount`` is added to one ``channel``, or to all channels, at one position of the grid; row 0
    is at the top. The result is the picture after minus the picture before. Raises RiffeduError
    for a position outside the latents. Notebook: 09_latents.
    """
    _, channels, rows, columns = latents.shape
    if not (0 <= row < rows and 0 <= column < columns and 0 <= (channel or 0) < channels):
        raise RiffeduError(
            f"row={row}, column={column}, channel={channel} is outside the latents, which have "
            f"{rows} rows, {columns} columns and {channels} channels"
        )
    changed = latents.clone()
    changed[0, slice(None) if channel is None else channel, row, column] += amount
    return decode_array(vae, changed) - decode_array(vae, latents)


def affected_region(change: np.ndarray, threshold: float = 1e-4) -> tuple[slice, slice]:
    """Return the bounding box of a change to a picture: (rows, columns).

    ``change`` is the result of `perturb`. Changes of up to ``threshold`` times the largest one are
    ignored. Both slices are empty if nothing changed. Notebook: 09_latents.

    >>> change = np.zeros((4, 6))
    >>> change[1:3, 5] = 1
    >>> affected_region(change)
    (slice(1, 3, None), slice(5, 6, None))
    """
    magnitude = np.abs(change)
    changed = magnitude > threshold * magnitude.max()
    spans = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    rows, columns = (slice(int(s[0]), int(s[-1]) + 1) if len(s) else slice(0, 0) for s in spans)
    return rows, columns


# Measures


def r_squared(x: ArrayLike, y: ArrayLike) -> float:
    """Return the coefficient of determination R² of y as an approximation of x: at most 1.

        1 − Σ (x − y)² / Σ (x − mean of x)²

    1 is a perfect match, 0 is no better than the mean of x. Takes pictures or stacks of pictures.
    Raises RiffeduError if the shapes differ. Notebook: 09_latents.

    >>> r_squared([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.shape != y.shape:
        raise RiffeduError(f"x and y must have the same shape, not {x.shape} and {y.shape}")
    return float(1 - ((x - y) ** 2).sum() / max(((x - x.mean()) ** 2).sum(), 1e-30))


def relative_error_by_octave(
    x: ArrayLike, y: ArrayLike, axis: int = -1
) -> tuple[np.ndarray, np.ndarray]:
    """Return the relative error of y per octave of spatial frequency: (periods in pixels, errors).

        Σ |F(x − y)|² / Σ |F(x)|²   over octaves: 1, 2–3, 4–7 … periods per picture

    F is the Fourier transform along ``axis`` (−1: along time, −2: along frequency). Each octave is
    named by its longest period: the picture's length, half of it, and so on. An error of 0 is
    perfect; 1 is as large as if y were zero. Notebook: 09_latents.
    """
    power, error = (np.abs(np.fft.rfft(a, axis=axis)) ** 2 for a in (x, np.subtract(x, y)))
    others = tuple(a for a in range(power.ndim) if a != axis % power.ndim)
    power, error = power.sum(axis=others), error.sum(axis=others)
    firsts = 2 ** np.arange(int(np.log2(len(power) - 1)))
    ratios = [error[k : 2 * k].sum() / max(power[k : 2 * k].sum(), 1e-30) for k in firsts]
    return np.shape(x)[axis] / firsts, np.array(ratios)


def entropy_bits(latents: ArrayLike, step: float) -> float:
    """Return the entropy, in bits per value, of latents rounded to multiples of ``step``.

        H = − Σ p log₂ p,   p: the relative frequency of each rounded value

    It is a lower bound for the mean length of any code that encodes the values one at a time.
    Source: Shannon, "A mathematical theory of communication" (1948). Notebook: 09_latents.

    >>> entropy_bits([0.1, 0.9, 2.2, 2.9], step=1.0)
    2.0
    """
    _, counts = np.unique(np.rint(np.asarray(latents) / step), return_counts=True)
    p = counts / counts.sum()
    return float(-(p * np.log2(p)).sum())


def multiply_adds(network: Any, *inputs: Any, **named: Any) -> int:
    """Count the multiply-add operations of a network for given inputs, without running it.

    Counts convolutions, matrix products and attention; everything else is negligible. The count
    uses PyTorch's meta device, so it works for inputs that would not fit in memory.
    Notebook: 09_latents.
    """
    from copy import deepcopy

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def to_meta(value: Any) -> Any:
        return value.to("meta") if isinstance(value, torch.Tensor) else value

    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        deepcopy(network).to("meta")(
            *map(to_meta, inputs), **{name: to_meta(value) for name, value in named.items()}
        )
    return counter.get_total_flops() // 2
