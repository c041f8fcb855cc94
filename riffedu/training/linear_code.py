"""A linear encoder as one matrix product.

The shipped encoder is exactly linear and sees one 32×32-pixel patch at a time (lesson 09), so its
responses to 1024 patches with a single lit pixel determine it completely:

    latent[c] = Σ_p W[c, p] · patch[p] + b[c],   W (channels, side²), b (channels,)

Encoding a picture takes 0.15 s with the network on two cores, and a few milliseconds with W. Taught
in lessons 09 and 14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


from ..errors import RiffeduError


def encoding_matrix(encode: Any, side: int = 32, rows: int = 16) -> Any:
    """Return W ``(channels, side²)`` and b ``(channels,)`` of a linear encoder of single patches.

    ``encode``: pictures ``(n, 1, h, w)`` → latents ``(n, channels, h / side, w / side)``. In the
    probing pictures, every patch has one pixel at 1 and all others at 0.

    Raises RiffeduError if ``encode`` is not linear or depends on neighbouring patches, that is, if
    W and b reproduce its latents of a random picture only with an error of more than a thousandth
    of their RMS.
    """
    import torch
    import torch.nn.functional as F

    pixels, cells = side * side, rows * rows
    with torch.inference_mode():
        offset = encode(torch.zeros(1, 1, rows * side, rows * side))[0].mean((1, 2))
        answers = []
        for first in range(0, pixels, cells):
            lit = torch.zeros(1, pixels, cells)
            count = min(cells, pixels - first)
            lit[0, torch.arange(first, first + count), torch.arange(count)] = 1
            picture = F.pixel_shuffle(lit.view(1, pixels, rows, rows), side)
            answers.append(encode(picture)[0].flatten(1)[:, :count] - offset[:, None])
        matrix = torch.cat(answers, 1)
        picture = torch.rand(1, 1, rows * side, rows * side).mul(2).sub(1).to(matrix.device)
        wanted, got = encode(picture), encode_patches(picture, matrix, offset)
    if float((wanted - got).abs().max()) > 1e-3 * float(wanted.square().mean().sqrt()):
        raise RiffeduError("the encoder is not linear: run the network instead of a matrix product")
    return matrix, offset


def encode_patches(pictures: Any, matrix: torch.Tensor, offset: Any) -> Any:
    """Return W · patch + b for every patch: ``(n, 1, h, w)`` → ``(n, channels, rows, columns)``."""
    import torch.nn.functional as F

    side = round(matrix.shape[1] ** 0.5)
    patches = F.pixel_unshuffle(pictures, side)
    n, pixels, height, width = patches.shape
    latents = matrix @ patches.transpose(0, 1).reshape(pixels, -1)
    return latents.view(-1, n, height, width).transpose(0, 1) + offset.view(1, -1, 1, 1)
