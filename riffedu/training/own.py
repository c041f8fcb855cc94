"""Train a LoRA on your own sounds, in minutes on two cores, with the loop of all networks here.

The base model stays as it is; only the two thin matrices of each layer are trained
(`riffedu.diffusion.lora`). Most of every batch consists of pieces of your sounds. The rest keeps
the model from forgetting: for prompts that it knew before, it must predict what it would without
the LoRA (Li and Hoiem, "Learning without Forgetting", 2016). This includes the empty prompt, so
guidance still compares with the same prediction as before.

During training, two things are measured: the loss on files that were held out, and how far the loss
on the base model's own clips has risen, which is forgetting.

Taught in lesson 14. Shell: ``riffedu train own``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RiffeduError
from ..output import write_tensors
from .denoiser import SHEET_PROMPTS
from .own_sounds import OwnSounds, open_sounds

if TYPE_CHECKING:
    import torch

BATCH = 8
KEPT = 3  # of BATCH: items that must be answered as before
LEARNING_RATE = 1e-3
RANK = 8
MEASURED_AT = (150, 400, 650, 850)  # times of 1000


@dataclass(frozen=True)
class OwnStep:
    """The state of training after a step.

    ``held_out`` is the loss on the files held out, ``forgetting`` the rise of the loss on the base
    model's own clips, as a share; both are those of the last measurement, or None before the first.
    """

    step: int
    loss: float
    seconds: float
    held_out: float | None
    forgetting: float | None


def add_noise(
    pipeline: Any, clean: torch.Tensor, noise: torch.Tensor, times: torch.Tensor
) -> torch.Tensor:
    """Return x_t = √ᾱ_t x₀ + √(1−ᾱ_t) ε at integer ``times (n,)``, on the model's schedule."""
    alpha = _alpha(pipeline, clean, times)
    return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise


def target_of(
    pipeline: Any, clean: torch.Tensor, noise: torch.Tensor, times: torch.Tensor
) -> torch.Tensor:
    """Return what this checkpoint's U-Net should predict, ``(n, c, h, w)``.

    The velocity v = √ᾱ_t ε − √(1−ᾱ_t) x₀, the noise ε (Stable Diffusion and Riffusion v1) or the
    clean latents x₀.
    """
    alpha = _alpha(pipeline, clean, times)
    return {
        "v_prediction": alpha.sqrt() * noise - (1 - alpha).sqrt() * clean,
        "epsilon": noise.clone(),
        "sample": clean.clone(),
    }[pipeline.prediction_type]


def _alpha(pipeline: Any, clean: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    return pipeline.checkpoint.scheduler.alphas_cumprod.to(clean.device)[times].view(-1, 1, 1, 1)


def known_prompts() -> list[str]:
    """Return prompts that the base model knows: every second instrument and style, and none.

    The other half of the names is kept to measure forgetting.
    """
    from .instruments import INSTRUMENTS
    from .music.styles import STYLES

    names = [*sorted(INSTRUMENTS)[::2], *sorted(STYLES)[::2]]
    return [*names, *(f"a calm {name}" for name in names[::3]), *[""] * (len(names) // 4)]


def fixed_loss(
    pipeline: Any, latents: torch.Tensor, captions: Sequence[str], seed: int = 0
) -> float:
    """Return the loss over latents at four fixed times, with the same noise in every call.

    Because times and noise never change, two values differ only by what the network has learnt.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    device, total = pipeline.checkpoint.device, pipeline.train_timesteps
    states = pipeline.encode_prompt(list(captions))
    unet, losses = pipeline.checkpoint.unet, []
    with torch.inference_mode():
        for share in MEASURED_AT:
            drawn = torch.randn(latents.shape, generator=generator)
            times = torch.full((len(latents),), share * total // 1000, device=device)
            for at in range(0, len(latents), BATCH):
                some = slice(at, at + BATCH)
                clean, noise, when = latents[some].to(device), drawn[some].to(device), times[some]
                predicted = unet(add_noise(pipeline, clean, noise, when), when, states[some]).sample
                error = predicted.float() - target_of(pipeline, clean, noise, when)
                losses.append(error.square().mean((1, 2, 3)).cpu())
    return float(torch.cat(losses).mean())


def remembered_clips(
    pipeline: Any,
    cache: str | Path,
    prompts: Sequence[str] = SHEET_PROMPTS,
    per_prompt: int = 2,
    steps: int = 12,
) -> tuple[torch.Tensor, list[str]]:
    """Return latents that the base model generates for its own prompts; kept in ``cache``.

    ``(prompts · per_prompt, c, h, w)``, and their prompts. Generate them before a LoRA is added.
    """
    import torch
    from safetensors.torch import load_file
    from tqdm.auto import tqdm

    captions = [prompt for prompt in prompts for _ in range(per_prompt)]
    told = hashlib.sha256(json.dumps([captions, steps]).encode())
    told.update(pipeline.checkpoint.unet.conv_out.weight.detach().float().cpu().numpy().tobytes())
    path = Path(cache) / f"remembered-{told.hexdigest()[:16]}.safetensors"
    if path.is_file():
        return load_file(path)["latents"].float(), captions
    made = []
    for seed, prompt in enumerate(tqdm(captions, desc="remembering the base", leave=False)):
        noise = pipeline.initial_noise(9000 + seed)
        *_, last = pipeline.denoise(noise, pipeline.encode_prompt(prompt), None, steps)
        made.append(last.latents.float().cpu())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, {"latents": torch.cat(made).half().contiguous()})
    return load_file(path)["latents"].float(), captions


def train_own(
    pipeline: Any,
    sounds: OwnSounds,
    output: str | Path,
    work: str | Path,
    *,
    minutes: float = 10.0,
    rank: int = RANK,
    learning_rate: float = LEARNING_RATE,
    remember: tuple[torch.Tensor, list[str]] | None = None,
    measurements: int = 10,
    seed: int = 0,
) -> Iterator[OwnStep]:
    """Train a LoRA on ``sounds`` for ``minutes``, write it to ``output``; yield every step.

    ``work`` is the folder of the training state: a later call with the same folder continues.
    ``remember`` are latents and prompts of the base model (`remembered_clips`): every second clip
    is trained on, the others measure forgetting, which is unknown without them. At the end the LoRA
    stays on the pipeline, with the averaged weights, as ``pipeline.loras[-1]``.
    """
    import numpy as np
    import torch

    from riffedu.diffusion.lora import add_lora, check_name

    from .feed import EVENLY, draw_times
    from .loop import train
    from .speed import fastest_precision

    output, work, device = check_name(output), Path(work), pipeline.checkpoint.device
    _same_settings(work, {"model": pipeline.checkpoint.path.name, "rank": rank})
    latents, captions = sounds.part(held_out=False)
    own, tests = len(latents), {"held_out": sounds.part(held_out=True)}
    if remember is not None:
        tests["base"] = remember[0][1::2], remember[1][1::2]
        latents = torch.cat([latents, remember[0][::2]])
    before = {name: fixed_loss(pipeline, *test) for name, test in tests.items()}
    lora = add_lora(pipeline.checkpoint.unet, rank, seed=seed, name=output.stem)
    pipeline.loras.append(lora)
    random = np.random.default_rng()
    known = known_prompts()
    texts = list(dict.fromkeys([*captions, *known]))
    states = pipeline.encode_prompt(texts)  # all at once: all have as many tokens
    own_words = np.array([texts.index(caption) for caption in captions])
    known_words = np.array([texts.index(prompt) for prompt in known])

    def batch() -> Any:
        clips = random.integers(0, own, BATCH)
        words = own_words[clips]
        clips[:KEPT] = random.integers(0, len(latents), KEPT)  # known prompts, any clip
        words[:KEPT] = random.choice(known_words, KEPT)
        clean = latents[clips].to(device)
        times = draw_times(BATCH, pipeline.train_timesteps, EVENLY)[torch.randperm(BATCH)]
        times = times.to(device)  # in random order: the first KEPT must see all noise levels
        return clean, states[words], torch.randn_like(clean), times

    def loss_of(step: int) -> Any:
        clean, told, noise, times = batch()
        wanted = target_of(pipeline, clean, noise, times)
        noisy = add_noise(pipeline, clean, noise, times)
        unet = pipeline.checkpoint.unet
        with torch.no_grad(), lora.off():
            wanted[:KEPT] = unet(noisy[:KEPT], times[:KEPT], told[:KEPT]).sample.float()
        squared = (unet(noisy, times, told).sample.float() - wanted).square()
        return squared[:KEPT].mean() + squared[KEPT:].mean()

    measured: list[dict[str, float]] = read_measures(work)
    if not measured:
        measured.append({"step": 0, "seconds": 0.0, "held_out": before["held_out"]})
        measured[-1] |= {"forgetting": 0.0} if remember is not None else {}

    def measure(average: Any, history: list) -> None:
        with average.applied_to(lora.module):
            lora.save(output)
            found = {name: fixed_loss(pipeline, *test) for name, test in tests.items()}
        measured.append({"step": history[-1][0] if history else 0, "held_out": found["held_out"]})
        measured[-1]["seconds"] = history[-1][3] if history else 0.0
        if remember is not None:
            measured[-1]["forgetting"] = found["base"] / before["base"] - 1
        (work / "measures.json").write_text(json.dumps(measured))

    averages: list[Any] = []

    def on_save(average: Any, history: list) -> None:
        averages[:] = [average]
        measure(average, history)

    clean, told, _, times = batch()
    autocast = fastest_precision(pipeline.checkpoint.unet, (clean, times, told), str(device.type))
    for step in train(
        lora.module,
        loss_of,
        work,
        minutes=minutes,
        learning_rate=learning_rate,
        warmup=20,
        decay=0.99,
        save_every=60 * minutes / measurements,
        on_save=on_save,
        autocast=autocast,
    ):
        last = measured[-1]
        yield OwnStep(step.step, step.loss, step.seconds, last["held_out"], last.get("forgetting"))
    for name, value in lora.module.named_parameters():
        value.data.copy_(averages[0].parameters[name])
    lora.module.requires_grad_(False)


def read_measures(work: str | Path) -> list[dict[str, float]]:
    """Return what was measured in training: a list of step, seconds, held_out and forgetting."""
    path = Path(work) / "measures.json"
    return json.loads(path.read_text()) if path.is_file() else []


def _same_settings(work: Path, settings: dict[str, Any]) -> None:
    """Note the settings in ``work``; raise RiffeduError if its training began with others."""
    path = work / "settings.json"
    known = json.loads(path.read_text()) if path.is_file() else settings
    for name, value in settings.items():
        if known.get(name) != value:
            raise RiffeduError(
                f"{work} contains a run with {name} {known.get(name)}, not {value}: delete that "
                "folder, or give another output"
            )
    work.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings))


def work_folder(output: str | Path) -> Path:
    """Return the folder of the training state that belongs to a LoRA file."""
    return Path(output).with_suffix(".training")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``riffedu train own``."""
    parser.add_argument(
        "folder", help="folder of 5 to 20 sound files, with captions.csv or a .txt beside each"
    )
    parser.add_argument("-o", "--output", required=True, help="LoRA file to write: .safetensors")
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="minutes to train in this run (default: 10)"
    )
    parser.add_argument(
        "--rank", type=int, default=RANK, help=f"rank of the LoRA (default: {RANK})"
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=LEARNING_RATE,
        help=f"learning rate (default: {LEARNING_RATE:g})",
    )
    parser.add_argument(
        "--model", default="default", help="model to fine-tune (default: the shipped model)"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps or auto (default: cpu)")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    """Run ``riffedu train own``."""
    from riffedu.diffusion.lora import check_name
    from riffedu.music.pipeline import load_pipeline
    from riffedu.output import check_output

    from .own_sounds import read_captions
    from .presets import follow

    if not args.minutes > 0:
        raise RiffeduError("--minutes must be more than 0")
    output = check_output(check_name(args.output), (".safetensors",), "LoRA")
    captions = read_captions(args.folder)
    work = work_folder(output)
    pipeline = load_pipeline(args.model, args.device, half=False)
    sounds = open_sounds(pipeline, args.folder, work, seed=args.seed)
    print(
        f"{len(captions)} files, {len(sounds.files)} pieces of 5.12 s, "
        f"{int(sounds.held_out.sum())} of them held out"
    )
    steps = train_own(
        pipeline,
        sounds,
        output,
        work,
        minutes=args.minutes,
        rank=args.rank,
        learning_rate=args.rate,
        remember=remembered_clips(pipeline, work),
        seed=args.seed,
    )
    code = follow(steps, args.minutes, output.stem, BATCH)
    if not (measured := read_measures(work)):
        return code  # interrupted before the first step
    first, last = measured[0], measured[-1]
    print(
        f"{output}: {output.stat().st_size / 1e6:.1f} MB after {last['step']} steps; loss on files "
        f"held out {first['held_out']:.3f} → {last['held_out']:.3f}; forgetting "
        f"{last['forgetting']:+.1%}"
    )
    print(f'play it: riffedu generate "{next(iter(captions.values()))}" --lora {output} -o own.wav')
    return code
