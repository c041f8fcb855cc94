"""Lesson 09: pictures to latents and back, by a checkpoint's autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from riffedu.diffusion.checkpoint import Checkpoint
from riffedu.errors import RiffeduError
from riffedu.signal.image import with_level
from riffedu.signal.params import SpectrogramParams

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Generator, Tensor


def decode_latents(
    vae: Any, latents: Tensor, params: SpectrogramParams, columns: int | None = None
) -> list[Image]:
    """Latents ``(n, c, h, w)`` → ``n`` RGB pictures, cut to ``columns`` columns if given.

    Raises RiffeduError for latents with NaN or infinite numbers. Notebook: 09_latents.
    """
    import torch

    if not latents.isfinite().all():
        raise RiffeduError(
            "the latents hold NaN or infinite numbers: lower the guidance scale, take more steps, "
            "or fetch the checkpoint again"
        )
    pictures = []
    for one in latents.split(1):
        with torch.no_grad():
            pixels = vae.decode(one / vae.config.scaling_factor).sample[0]
        pictures.append(_to_picture(pixels[:, : params.num_frequencies, :columns], params))
    return pictures


def encode_image(
    checkpoint: Checkpoint, image: Image, generator: Generator | None = None
) -> Tensor:
    """Picture → latents ``(1, c, h, w)``, the inverse of `decode_latents`.

    Sides that are no multiple of the compression are filled up with white (silence). An
    autoencoder that answers with a distribution gives its mode, or a sample when ``generator`` is
    given. Notebook: 09_latents.
    """
    vae = checkpoint.vae
    pixels = _to_pixels(image, vae.config.in_channels, checkpoint.compression)
    return encode_pixels(vae, pixels.to(checkpoint.device), generator)


def encode_pixels(vae: Any, pixels: Tensor, generator: Generator | None = None) -> Tensor:
    """Pixels ``(n, channels, height, width)`` in [-1, 1] → latents ``(n, c, h, w)``."""
    import torch

    with torch.no_grad():
        encoded = vae.encode(pixels)
    return _pick_latents(encoded, generator) * vae.config.scaling_factor


def _pick_latents(encoded: Any, generator: Generator | None) -> Tensor:
    """An autoencoder answers with latents, or with a distribution over them."""
    if hasattr(encoded, "latent"):
        return encoded.latent
    spread = encoded.latent_dist
    return spread.mode() if generator is None else spread.sample(generator)


def _to_picture(pixels: Tensor, params: Any) -> Image:
    """Channels-first [-1, 1] → an RGB picture that says what its pixels mean."""
    import numpy as np
    from PIL import Image

    values = ((pixels.float().clamp(-1, 1) + 1) * 127.5).round().cpu().numpy().astype(np.uint8)
    three = np.broadcast_to(values.transpose(1, 2, 0), (*values.shape[1:], 3))
    return with_level(Image.fromarray(np.ascontiguousarray(three)), params, 1.0)


def _to_pixels(image: Image, channels: int, factor: int) -> Tensor:
    """A picture → ``(1, channels, h, w)`` in [-1, 1], filled with white to multiples of factor."""
    import numpy as np
    import torch

    values = np.asarray(image.convert("L" if channels == 1 else "RGB"), dtype=np.float32)
    pixels = torch.from_numpy(values.reshape(*values.shape[:2], channels)).permute(2, 0, 1)
    height, width = pixels.shape[1:]
    filled = torch.nn.functional.pad(pixels, (0, -width % factor, 0, -height % factor), value=255)
    return filled[None] / 127.5 - 1
