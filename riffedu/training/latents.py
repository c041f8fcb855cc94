"""Encode the whole data set once: the denoiser is trained on latents, never on pixels.

Taught in lesson 14.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RiffeduError
from ..output import write_whole


def encoder_fingerprint(vae: Any) -> str:
    """Return a short hash of the encoder's weights: cached latents are valid for them only."""
    digest = hashlib.sha256()
    for name, value in sorted(vae.encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def cached_latents(
    vae: Any, pictures: Any, folder: str | Path, device: str = "cpu", batch: int = 16
) -> Any:
    """Return the scaled latents of a `PictureDataset`: ``(n, channels, h, w)`` float16.

    They are kept as ``folder/latents-SPLIT-ENCODER.npy``, and computed, with a progress bar, if
    that file is missing or has another length.
    """
    import torch
    from tqdm.auto import tqdm

    path = Path(folder) / f"latents-{pictures.split}-{encoder_fingerprint(vae)}.npy"
    if path.exists():
        known = np.load(path, mmap_mode="r")
        if len(known) == len(pictures):
            return known
    blocks = []
    encode = fast_encoder(vae, device)
    with torch.inference_mode():
        for start in tqdm(range(0, len(pictures), batch), desc="encoding pictures"):
            block = pictures.batch(range(start, min(start + batch, len(pictures)))).to(device)
            latents = encode(block) * vae.config.scaling_factor
            blocks.append(latents.half().cpu().numpy())
    with write_whole(path) as part, open(part, "wb") as file:
        np.save(file, np.concatenate(blocks))
    return np.load(path, mmap_mode="r")


def fast_encoder(vae: Any, device: str = "cpu") -> Any:
    """Return an encoder to unscaled latents: one matrix product if it is linear."""
    import torch

    from .autoencoder import SIDE
    from .linear_code import encode_patches, encoding_matrix

    def network(pictures: Any) -> Any:
        pictures = pictures.to(device).contiguous(memory_format=torch.channels_last)
        return vae.encode(pictures).latent

    try:
        matrix, offset = encoding_matrix(network, SIDE)
    except RiffeduError:
        return network
    return lambda pictures: encode_patches(pictures, matrix, offset)
