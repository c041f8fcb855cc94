"""Train the decoder to draw sharp pictures from a linear code.

The encoder is linear and keeps 32 numbers of each 32×32-pixel patch. A decoder that minimises only
the absolute error returns the median of all pictures with these numbers, which is blurred. Two
further terms make it decide:

* the **gradient term** compares the differences between neighbouring pixels, so a step at the
  border of two patches costs as much as a missing onset;
* the **critic**, a small network that sees overlapping windows of 76×76 pixels, learns to tell
  decoded pictures from real ones; the decoder is rewarded where the critic is wrong (PatchGAN:
  Isola et al., 2017; hinge loss: Lim and Ye, 2017; feature matching: Wang et al., pix2pixHD, 2018).

The detail that the decoder adds in this way is plausible but not the original's, for which the
code has no room. Lesson 09 shows the difference. Taught in lessons 09 and 14. Shell: ``riffedu
train decoder``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..output import say, write_tensors

if TYPE_CHECKING:
    import torch

from .presets import PRESETS, add_training_arguments, training_device

GRADIENT, MATCHING, CRITIC = 1.0, 0.4, 0.06  # weights of the terms beside the absolute error
CRITIC_FROM = 200  # steps before the critic's opinion counts


def gradient_loss(
    decoded: torch.Tensor, pictures: torch.Tensor, scales: tuple[int, ...] = (1, 2, 4)
) -> torch.Tensor:
    """Return the mean |∂ₜe| + |∂_f e| of the error e = decoded − pictures, over several scales.

    ``decoded`` and ``pictures`` are ``(n, 1, height, width)`` in [−1, 1]. At scale s, pictures are
    first averaged over s × s pixels; ∂ is the difference between neighbours. Pictures that differ
    by a constant have loss 0.
    """
    import torch.nn.functional as F

    error = decoded - pictures
    total = error.new_zeros(())
    for scale in scales:
        here = F.avg_pool2d(error, scale) if scale > 1 else error
        total = total + here.diff(dim=-1).abs().mean() + here.diff(dim=-2).abs().mean()
    return total / len(scales)


def build_critic(width: int = 48) -> torch.nn.Module:
    """Return a critic: pictures ``(n, 1, h, w)`` → scores ``(n, 1, h / 16, w / 16)``, high = real.

    Each score sees a window of 76 × 76 pixels. Pixels are folded 4×4 into channels first, which
    keeps the critic cheap at full resolution.
    """
    from torch import nn
    from torch.nn.utils.parametrizations import spectral_norm

    def conv(channels: int, out: int, stride: int = 1) -> nn.Module:
        return spectral_norm(nn.Conv2d(channels, out, 3, stride, 1))

    return nn.Sequential(
        nn.Sequential(nn.PixelUnshuffle(4), conv(16, width), nn.LeakyReLU(0.2)),
        nn.Sequential(conv(width, width), nn.LeakyReLU(0.2)),
        nn.Sequential(conv(width, 2 * width, 2), nn.LeakyReLU(0.2)),
        nn.Sequential(conv(2 * width, 2 * width, 2), nn.LeakyReLU(0.2)),
        nn.Conv2d(2 * width, 1, 3, 1, 1),
    )


def opinions(critic: torch.nn.Module, pictures: torch.Tensor) -> list[torch.Tensor]:
    """Return the output of each of the critic's layers; the last one holds the scores."""
    found = []
    for layer in critic:
        pictures = layer(pictures)
        found.append(pictures)
    return found


def critic_loss(real: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
    """Return the critic's hinge loss, mean max(0, 1 − D(real)) + mean max(0, 1 + D(decoded))."""
    return (1 - real).relu().mean() + (1 + decoded).relu().mean()


def decoder_loss(
    decoded: torch.Tensor, pictures: torch.Tensor, critic: torch.nn.Module, trust: float = 1.0
) -> torch.Tensor:
    """Return the decoder's loss: absolute error, gradients, critic's layers and critic's score.

    ``trust`` in [0, 1] scales the two terms of the critic. Pictures are ``(n, 1, h, w)`` in
    [−1, 1].
    """
    import torch

    from .autoencoder import picture_loss

    loss = picture_loss(decoded, pictures) + GRADIENT * gradient_loss(decoded, pictures)
    if not trust:
        return loss
    with torch.no_grad():
        *real, _ = opinions(critic, pictures)
    *layers, score = opinions(critic, decoded)
    matching = sum((a - b).abs().mean() for a, b in zip(layers, real)) / len(real)
    return loss + trust * (MATCHING * matching - CRITIC * score.mean())


def train_decoder(
    data: str | Path,
    output: str | Path,
    *,
    minutes: float,
    preset: str = "two-cores",
    seed: int = 0,
) -> Iterator:
    """Continue the training of the decoder in the model folder ``output``; yield each step.

    The encoder is frozen, so latents keep their meaning. The averaged weights are written to
    ``output/vae`` at each save, the critic to ``output/training/critic.safetensors``.
    """
    import numpy as np
    import torch
    from safetensors.torch import load_file

    from .autoencoder import codec_error, draw_reconstructions, load_or_start
    from .dataset import PictureDataset
    from .latents import fast_encoder
    from .loop import draw_loss_curve, mixed_precision, save_half, train

    settings = PRESETS[preset]
    device = training_device(preset)
    pictures = PictureDataset(data, "train")
    held_out = PictureDataset(data, "validation")
    sheet = held_out.batch(range(min(8, len(held_out)))).to(device)
    folder = Path(output)
    vae = load_or_start(folder / "vae", pictures, seed).to(device)
    vae.encoder.requires_grad_(False)
    scale = vae.config.scaling_factor
    critic = build_critic().to(device)
    kept = folder / "training" / "critic.safetensors"
    if kept.exists():
        critic.load_state_dict(load_file(kept))
    judge = torch.optim.AdamW(critic.parameters(), lr=4e-4, betas=(0.5, 0.9))
    encode = fast_encoder(vae, device)
    random = np.random.default_rng()
    begun = [0]

    def loss_of(step: int) -> Any:
        indices = random.integers(0, len(pictures), 2 * settings.autoencoder_batch)
        start = 4 * int(random.integers(0, 65))  # any half of the picture, in time
        batch = pictures.batch(indices)[..., start : start + 256].to(device)
        with torch.no_grad():
            latents = encode(batch)
        noise = settings.latent_noise / scale * 1.5 * torch.rand(len(batch), 1, 1, 1, device=device)
        decoded = vae.decode(latents + noise * torch.randn_like(latents)).sample
        scores = [opinions(critic, each)[-1].float() for each in (batch, decoded.detach())]
        judge.zero_grad(set_to_none=True)
        critic_loss(*scores).backward()
        judge.step()
        begun[0] += 1
        critic.requires_grad_(False)
        loss = decoder_loss(decoded.float(), batch, critic, min(1.0, begun[0] / CRITIC_FROM))
        critic.requires_grad_(True)
        return loss

    def on_save(average: Any, history: list) -> None:
        with average.applied_to(vae):
            say(f"\nheld-out codec error {codec_error(vae, sheet):.4f} of full scale")
            save_half(vae, folder / "vae")
            draw_reconstructions(vae, sheet[:6], folder / "training" / "decoder.png")
        write_tensors(kept, critic.state_dict())
        if history:
            draw_loss_curve(history, folder / "training" / "decoder_loss.png")

    yield from train(
        vae,
        loss_of,
        folder / "training" / "decoder",
        minutes=minutes,
        learning_rate=settings.autoencoder_rate,
        on_save=on_save,
        autocast=mixed_precision(device),
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``riffedu train decoder``."""
    add_training_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run ``riffedu train decoder``."""
    from .presets import follow

    steps = train_decoder(
        args.data, args.output, minutes=args.minutes, preset=args.preset, seed=args.seed
    )
    return follow(steps, args.minutes, "decoder", 2 * PRESETS[args.preset].autoencoder_batch)
