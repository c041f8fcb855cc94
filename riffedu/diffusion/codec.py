"""Lesson 09: encode pictures to latents and decode them with a checkpoint's autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from riffedu.diffusion.checkpoint import Checkpoint
from riffedu.errors import RiffeduError
from riffedu.signal.image import with_level
from riffedu.signal.params import SpectrogramParams
from riffedu.signal.picture import as_picture

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Generator, Tensor


def decode_latents(
    vae: Any, latents: Tensor, params: SpectrogramParams, columns: int | None = None
) -> list[Image]:
    """Decode latents ``(n, c, h, w)`` to ``n`` RGB pictures, cut to ``columns`` columns if given.

    Raises RiffeduError for latents with NaN or infinite values. Notebook: 09_latents.
    """
    import torch

    if not latents.isfinite().all():
        raise RiffeduError(
            "the latents contain NaN or infinite values: lower the guidance scale, use more steps, "
            "or download the checkpoint again"
        )
    pictures, device = [], next(vae.parameters()).device
    for one in latents.to(device).split(1):
        with torch.no_grad():
            pixels = vae.decode(one / vae.config.scaling_factor).sample[0]
        pictures.append(_to_picture(pixels[:, : params.num_frequencies, :columns], params))
    return pictures


def encode_image(
    checkpoint: Checkpoint, image: Image, generator: Generator | None = None
) -> Tensor:
    """Encode a picture to latents ``(1, c, h, w)``; the inverse of `decode_latents`.

    ``image``: a PIL image or an image file, see `riffedu.signal.picture.as_picture`; what is
    transparent is white. Sides that are not multiples of the compression factor are padded with
    white (silence). If the encoder returns a distribution, this is its mode, or a sample if
    ``generator`` is given. Notebook: 09_latents.
    """
    vae = checkpoint.vae
    pixels = _to_pixels(image, vae.config.in_channels, checkpoint.compression)
    return encode_pixels(vae, pixels.to(checkpoint.device), generator)


def encode_pixels(vae: Any, pixels: Tensor, generator: Generator | None = None) -> Tensor:
    """Encode pixels ``(n, channels, height, width)`` in [−1, 1] to latents ``(n, c, h, w)``."""
    import torch

    with torch.no_grad():
        encoded = vae.encode(pixels)
    return _pick_latents(encoded, generator) * vae.config.scaling_factor


def _pick_latents(encoded: Any, generator: Generator | None) -> Tensor:
    """The latents from an encoder's output, which may be a distribution over them."""
    if hasattr(encoded, "latent"):
        return encoded.latent
    distribution = encoded.latent_dist
    return distribution.mode() if generator is None else distribution.sample(generator)


def _to_picture(pixels: Tensor, params: SpectrogramParams) -> Image:
    """Channels-first pixels in [−1, 1] → an RGB picture with ``params`` in its EXIF metadata."""
    import numpy as np
    from PIL import Image

    values = ((pixels.float().clamp(-1, 1) + 1) * 127.5).round().cpu().numpy().astype(np.uint8)
    three = np.broadcast_to(values.transpose(1, 2, 0), (*values.shape[1:], 3))
    return with_level(Image.fromarray(np.ascontiguousarray(three)), params, 1.0)


def _to_pixels(image: Image, channels: int, factor: int) -> Tensor:
    """A picture → ``(1, channels, h, w)`` in [−1, 1], padded with white to multiples of factor."""
    import numpy as np
    import torch

    values = np.asarray(as_picture(image, "L" if channels == 1 else "RGB"), dtype=np.float32)
    pixels = torch.from_numpy(values.reshape(*values.shape[:2], channels)).permute(2, 0, 1)
    height, width = pixels.shape[1:]
    padded = torch.nn.functional.pad(pixels, (0, -width % factor, 0, -height % factor), value=255)
    return padded[None] / 127.5 - 1
