"""Train the autoencoder: 512×512 pixels → 16×16×32 latents → 512×512 pixels.

It starts as the best linear code of 32×32-pixel patches (`riffedu.training.linear_start`). Training
adds what a linear code cannot express, such as how a line continues across patches. The loss is the
absolute error, with up to three times the weight on loud pixels, of pictures decoded from slightly
noisy latents, so that the decoder tolerates the small errors of a denoiser.

Taught in lessons 09 and 14. Shell: ``riffedu train autoencoder``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..output import say, write_whole
from .presets import PRESETS, add_training_arguments, training_device

SIDE = 32  # pixels per latent, along time and along frequency


def build_autoencoder(latent_channels: int = 32) -> Any:
    """Return a new `diffusers.AutoencoderDC` for one-channel pictures; 32 pixels per latent.

    It has levels of 256, 128, 64, 32 and 16 rows, with few channels where the grid is large, so
    that one core decodes a picture in a tenth of a second.
    """
    from diffusers.models.autoencoders.autoencoder_dc import AutoencoderDC

    return AutoencoderDC(
        in_channels=1,
        latent_channels=latent_channels,
        encoder_block_out_channels=(4, 4, 16, 64, 128, 256),
        encoder_layers_per_block=(0, 1, 1, 1, 1, 1),
        decoder_block_out_channels=(8, 8, 32, 64, 128, 256),
        decoder_layers_per_block=(0, 1, 1, 2, 2, 2),
        encoder_qkv_multiscales=((),) * 6,
        decoder_qkv_multiscales=((),) * 6,
        encoder_out_shortcut=False,
        decoder_in_shortcut=False,
    )


def start_as_linear_codec(vae: Any, pictures: Any) -> Any:
    """Initialise an autoencoder with the principal components of ``pictures (n, 1, 512, 512)``."""
    import torch

    from .linear_start import start_decoder, start_encoder

    with torch.no_grad():
        mean, components, scale = start_encoder(vae.encoder, pictures, SIDE)
        start_decoder(vae.decoder, pictures, mean, components, scale, SIDE)
        latents = vae.encode(pictures).latent
    vae.register_to_config(scaling_factor=float(1 / latents.square().mean().sqrt()))
    return vae


def picture_loss(decoded: Any, pictures: Any) -> Any:
    """Return the mean of ``w · |decoded − picture|``; w is 1 for silence and 3 for loud."""
    return ((2 - pictures) * (decoded - pictures).abs()).mean()


def codec_error(vae: Any, pictures: Any) -> Any:
    """Return the RMS error, relative to full scale, after encoding and decoding ``pictures``."""
    import torch

    with torch.inference_mode():
        decoded = vae.decode(vae.encode(pictures).latent).sample.clamp(-1, 1)
    return float((decoded - pictures).div(2).square().mean().sqrt())


def draw_reconstructions(vae: Any, pictures: Any, path: str | Path) -> None:
    """Write a PNG with the original pictures above their reconstructions."""
    import torch
    from PIL import Image

    with torch.inference_mode():
        decoded = vae.decode(vae.encode(pictures).latent).sample.clamp(-1, 1)
    rows = [torch.cat(list(row[:, 0]), 1) for row in (pictures, decoded)]
    sheet = torch.cat(rows, 0).add(1).mul(127.5).round().byte()
    with write_whole(path) as part:
        Image.fromarray(sheet.cpu().numpy()).save(part, format="PNG")


def train_autoencoder(
    data: str | Path,
    output: str | Path,
    *,
    minutes: float,
    preset: str = "two-cores",
    freeze_encoder: bool = False,
    seed: int = 0,
) -> Iterator:
    """Train the autoencoder of the folder ``output``, or continue; yield each step.

    ``freeze_encoder`` trains the decoder alone: latents keep their meaning, so a denoiser trained
    on them stays valid. The averaged weights are written to ``output/vae`` at each save.
    """
    import numpy as np
    import torch

    from .dataset import PictureDataset
    from .loop import draw_loss_curve, mixed_precision, save_half, train

    settings = PRESETS[preset]
    device = training_device(preset)
    pictures = PictureDataset(data, "train")
    held_out = PictureDataset(data, "validation")
    sheet = held_out.batch(range(min(8, len(held_out)))).to(device)
    folder = Path(output)
    vae = load_or_start(folder / "vae", pictures, seed).to(
        device, memory_format=torch.channels_last
    )
    vae.encoder.requires_grad_(not freeze_encoder)
    scale = vae.config.scaling_factor
    random = np.random.default_rng([seed, 1])

    def loss_of(step: int) -> Any:
        indices = random.integers(0, len(pictures), settings.autoencoder_batch)
        start = 4 * int(random.integers(0, 65))  # any half of the picture, in time
        batch = pictures.batch(indices)[..., start : start + 256].to(device)
        latents = vae.encode(batch.contiguous(memory_format=torch.channels_last)).latent
        latents = latents + settings.latent_noise / scale * torch.randn_like(latents)
        return picture_loss(vae.decode(latents).sample, batch)

    def on_save(average: Any, history: list) -> None:
        with average.applied_to(vae):
            say(f"\nheld-out codec error {codec_error(vae, sheet):.4f} of full scale")
            save_half(vae, folder / "vae")
            draw_reconstructions(vae, sheet[:6], folder / "training" / "autoencoder.png")
        if history:
            draw_loss_curve(history, folder / "training" / "autoencoder_loss.png")

    yield from train(
        vae,
        loss_of,
        folder / "training" / "autoencoder",
        minutes=minutes,
        learning_rate=settings.autoencoder_rate,
        on_save=on_save,
        autocast=mixed_precision(device),
    )


def load_or_start(folder: str | Path, pictures: Any, seed: int) -> Any:
    """Load the autoencoder in ``folder``, or start one as the linear codec of ``pictures``."""
    import numpy as np
    import torch
    from diffusers.models.autoencoders.autoencoder_dc import AutoencoderDC

    if (Path(folder) / "config.json").exists():
        return AutoencoderDC.from_pretrained(folder, use_safetensors=True).float()
    torch.manual_seed(seed)
    chosen = np.random.default_rng([seed, 0]).permutation(len(pictures))[:256]
    return start_as_linear_codec(build_autoencoder(), pictures.batch(np.sort(chosen)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``riffedu train autoencoder``."""
    add_training_arguments(parser)
    parser.add_argument(
        "--freeze-encoder",
        action="store_true",
        help="train the decoder alone, so that a trained denoiser remains valid",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``riffedu train autoencoder``."""
    from .presets import follow

    steps = train_autoencoder(
        args.data,
        args.output,
        minutes=args.minutes,
        preset=args.preset,
        freeze_encoder=args.freeze_encoder,
        seed=args.seed,
    )
    return follow(steps, args.minutes, "autoencoder")
