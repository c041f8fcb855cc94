"""The encoder as one matrix product: a linear network can be asked once and multiplied ever after.

The shipped encoder is exactly linear and looks at one 32×32-pixel patch at a time (lesson 09), so
1024 questions, one pixel lit in each, tell all that it will ever answer:

    latent[c] = Σ_p W[c, p] · patch[p] + b[c],   W (channels, side²), b (channels,)

Encoding a picture through the network takes 0.15 s on two cores, through W a few milliseconds.
Taught in lessons 09 and 14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


from ..errors import RiffeduError


def encoding_matrix(encode: Any, side: int = 32, rows: int = 16) -> Any:
    """W ``(channels, side²)`` and b ``(channels,)`` of a linear, patch-wise ``encode``.

    ``encode``: pictures ``(n, 1, h, w)`` → latents ``(n, channels, h / side, w / side)``. Every
    patch of the probing pictures has one pixel at 1, all others at 0.

    Raises `RiffeduError` where ``encode`` isn't linear or looks across patches: a random picture
    must come out equal to a thousandth of the latents' size.
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
        raise RiffeduError("this encoder is not linear: its latents need the network itself")
    return matrix, offset


def encode_patches(pictures: Any, matrix: torch.Tensor, offset: Any) -> Any:
    """Latents ``(n, channels, h / side, w / side)`` of pictures ``(n, 1, h, w)``: W · patch + b."""
    import torch.nn.functional as F

    side = round(matrix.shape[1] ** 0.5)
    patches = F.pixel_unshuffle(pictures, side)
    n, pixels, height, width = patches.shape
    latents = matrix @ patches.transpose(0, 1).reshape(pixels, -1)
    return latents.view(-1, n, height, width).transpose(0, 1) + offset.view(1, -1, 1, 1)
