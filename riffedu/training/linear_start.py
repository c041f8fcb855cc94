"""Start a deep autoencoder as the best *linear* codec, so that training only has to improve on it.

The best linear code of k numbers for a patch of pixels is its first k principal components (JPEG's
discrete cosine transform is a good guess at them). `AutoencoderDC` is built from linear shape
changes (pixel shuffle and unshuffle, with a convolution beside them) and residual blocks around
identities. With the residual branches silent it *is* a linear codec: these functions choose its
convolutions so that it computes the principal components. From random weights the same network
needs thousands of steps, hours on a laptop, to get there.

Source: J. Chen et al., "Deep Compression Autoencoder for Efficient High-Resolution Diffusion
Models", ICLR 2025 (the network). Taught in lesson 09.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


import math


def principal_components(
    patches: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mean and first ``k`` principal components of ``patches``, ``(items, values)``.

    Returns ``mean (values,)``, ``components (k, values)`` with orthonormal rows, and their standard
    deviations ``(k,)``: the eigenvectors of the covariance matrix with the largest eigenvalues.
    """
    import torch

    mean = patches.mean(0)
    centred = (patches - mean).double()
    variance, vectors = torch.linalg.eigh(centred.T @ centred / len(patches))
    order = torch.arange(len(variance) - 1, len(variance) - 1 - k, -1)
    return mean, vectors[:, order].T.float(), variance[order].clamp_min(1e-12).sqrt().float()


def as_rows(features: torch.Tensor) -> torch.Tensor:
    """Reshape ``(batch, channels, height, width)`` to ``(batch * height * width, channels)``."""
    return features.movedim(1, -1).flatten(0, -2)


def set_centre(conv: Any, matrix: torch.Tensor, bias: torch.Tensor | None = None) -> None:
    """Set a 3×3 convolution's weights so that it computes the 1×1 map ``y = matrix x + bias``."""
    import torch

    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[:, :, 1, 1] = matrix
        if conv.bias is not None:
            conv.bias.zero_() if bias is None else conv.bias.copy_(bias)


def silence_residual_blocks(module: torch.nn.Module) -> None:
    """Set the last scale of every residual branch to zero: each block starts as the identity."""
    for block in module.modules():
        if hasattr(block, "conv2") and hasattr(block, "norm"):
            block.norm.weight.data.zero_()
            block.norm.bias.data.zero_()


def start_encoder(encoder: Any, pictures: Any, size: int, strength: float = 4.0) -> Any:
    """Choose the encoder's convolutions so that its output is ``pictures``' principal components.

    ``pictures``: ``(batch, 1, height, width)`` in [-1, 1]; ``size``: pixels per latent side (32).
    ``strength`` lifts the chosen channels over the fixed averaging shortcuts beside them. Returns
    the mean patch, the components and the whitening scale used: latent = scale · (C (x − mean)).
    """
    import torch
    import torch.nn.functional as F

    silence_residual_blocks(encoder)
    set_centre(encoder.conv_in.conv, torch.ones(encoder.conv_in.conv.weight.shape[0], 1))
    features = encoder.conv_in(pictures)
    for block in encoder.down_blocks:
        for layer in block:
            if hasattr(layer, "group_size"):
                kept = layer.conv.weight.shape[0]
                if layer.group_size == 1:
                    layer.conv.weight.data.zero_()
                    layer.conv.bias.data.zero_()
                else:
                    _, components, _ = principal_components(as_rows(features), kept)
                    set_centre(layer.conv, strength * components)
            features = layer(features)

    latent_channels = encoder.conv_out.weight.shape[0]
    patches = as_rows(F.pixel_unshuffle(pictures, size))
    mean, components, deviation = principal_components(patches, latent_channels)
    scale = deviation.rsqrt()  # half-way to white: loud detail counts more than faint detail
    scale = scale / (scale * deviation).square().mean().sqrt()  # unit root-mean-square latents
    target = ((patches - mean) @ components.T) * scale
    rows = torch.cat([as_rows(features), torch.ones(len(patches), 1)], 1).double()
    ridge = 1e-6 * rows.square().mean() * len(rows) * torch.eye(rows.shape[1], dtype=torch.float64)
    solution = torch.linalg.solve(rows.T @ rows + ridge, rows.T @ target.double()).T.float()
    set_centre(encoder.conv_out, solution[:, :-1], solution[:, -1])
    return mean, components, scale


def start_decoder(
    decoder: Any,
    pictures: Any,
    mean: torch.Tensor,
    components: torch.Tensor,
    scale: torch.Tensor,
    size: int,
    steady: float = 20.0,
) -> None:
    """Choose the decoder's convolutions so that it is the transpose of `start_encoder`'s code.

    Each level holds the patch of its own size, in the first principal components that fit in its
    channels; an up block cuts every patch in four. One channel holds the constant ``steady``, so
    that the last normalisation divides by nearly the same number everywhere.
    """
    import torch
    import torch.nn.functional as F

    silence_residual_blocks(decoder)

    def basis(patch: int, channels: int) -> Any:
        """Rows: what each channel holds of a patch; a patch that fits is held pixel by pixel."""
        if patch * patch <= channels:
            return torch.eye(channels, patch * patch)
        return principal_components(as_rows(F.pixel_unshuffle(pictures, patch)), channels)[1]

    width = decoder.conv_in.weight.shape[0]
    holds = torch.linalg.qr(torch.randn(width, len(components)))[0]  # (width, latents)
    set_centre(decoder.conv_in, holds)
    # from what the channels hold to the patch's pixels:  pixels = back @ channels + offset
    back, offset, patch = (components / scale[:, None]).T @ holds.T, mean, size
    for block in reversed(decoder.up_blocks):
        for layer in block:
            if not hasattr(layer, "repeats"):
                continue
            out = layer.conv.weight.shape[0] // 4
            patch //= 2
            rows = basis(patch, out)
            matrix, bias = [], []
            for i in (0, 1):
                for j in (0, 1):
                    part = torch.arange(4 * patch * patch).view(2 * patch, 2 * patch)
                    part = part[i * patch : (i + 1) * patch, j * patch : (j + 1) * patch].flatten()
                    matrix.append(rows @ back[part])
                    bias.append(rows @ offset[part])
            matrix = torch.stack(matrix, 1).flatten(
                0, 1
            )  # channel-major, as pixel_shuffle reads it
            bias = torch.stack(bias, 1).flatten(0, 1)
            repeat = torch.eye(matrix.shape[1]).repeat_interleave(layer.repeats, 0)
            if layer.shortcut:
                matrix = matrix - repeat
            set_centre(layer.conv, matrix, bias)
            back, offset = rows.T, torch.zeros(patch * patch)
            last = layer

    channels = last.conv.weight.shape[0] // 4
    with torch.no_grad():  # the last channel is the constant
        last.conv.weight[-4:] = 0
        last.conv.weight[-4:, :, 1, 1] = -repeat[-4:]
        last.conv.bias[-4:] = steady
        rms = steady / math.sqrt(channels)
        decoder.norm_out.weight.fill_(rms)
        decoder.norm_out.bias.fill_(2.0)  # lifted over zero, where the activation is the identity
    pixels = torch.zeros(4, channels)
    pixels[:, :4] = torch.eye(4)
    set_centre(decoder.conv_out.conv, pixels, torch.full((4,), -2.0))
