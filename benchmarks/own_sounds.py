"""What lesson 14 reports: a LoRA and a toy, trained at full length, and what they can do.

    python benchmarks/own_sounds.py lora runs/own --minutes 10
    python benchmarks/own_sounds.py toy runs/own --minutes 4

Each writes its part of ``results.json`` and a few pictures to the lesson's folder ``results``. The
LoRA is measured three ways: how often a nearest-mean detector hears the new sound, with and without
it; how many points the classifier of lesson 15 loses on the base model's prompts; and the losses
that training itself measured.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from riffedu.evaluate import shipped_classifier
from riffedu.evaluate.classifier import load_classifier, thumbnail
from riffedu.music.pipeline import load_pipeline
from riffedu.training.detector import NearestMean
from riffedu.training.example_folder import VOICE, make_voice
from riffedu.training.own import (
    known_prompts,
    read_measures,
    remembered_clips,
    train_own,
    work_folder,
)
from riffedu.training.own_sounds import open_sounds
from riffedu.training.presets import follow
from riffedu.training.toy_sounds import SOUNDS
from riffedu.training.toy_unet import build_toy, toy_latents, train_toy, with_unet

LESSON = Path(__file__).parents[1] / "riffedu/lessons/l14_train_your_own/results"
STEPS = 12


def note(part: str, found: dict) -> None:
    """Write one part of results.json."""
    LESSON.mkdir(parents=True, exist_ok=True)
    path = LESSON / "results.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(known | {part: found}, indent=1) + "\n")


def keep(picture, name: str) -> None:
    """Save a picture that the lesson shows and plays."""
    LESSON.mkdir(parents=True, exist_ok=True)
    picture.convert("L").save(LESSON / f"{name}.webp", quality=60, method=6)


def draw(pipeline, prompts, seeds, guidance=None):
    """Generate one picture for each prompt and seed."""
    for prompt, seed in zip(prompts, seeds):
        text = pipeline.encode_prompt(prompt)
        *_, last = pipeline.denoise(pipeline.initial_noise(seed), text, None, STEPS, guidance)
        yield pipeline.decode_latents(last.latents)[0]


def base_points(pipeline, classifier, names, seed: int = 0) -> float:
    """Return the share of prompts, one per class, whose clip the classifier names rightly."""
    pictures = draw(pipeline, [name for _, name in names], range(seed, seed + len(names)))
    scores, _ = classifier.listen(
        np.stack([thumbnail(np.asarray(p.convert("L"))) for p in pictures])
    )
    return float((scores.argmax(1) == classifier.numbers(names)).mean())


def lora(args: argparse.Namespace) -> None:
    """Train the LoRA on the babbling voice and measure it."""
    folder, output = args.folder / "voice", args.folder / "voice.safetensors"
    if not folder.is_dir():
        make_voice(folder)
    work = work_folder(output)
    pipeline = load_pipeline()
    sounds = open_sounds(pipeline, folder, work)
    remember = remembered_clips(pipeline, work)
    start = time.process_time()
    if args.minutes:
        steps = train_own(pipeline, sounds, output, work, minutes=args.minutes, remember=remember)
        follow(steps, args.minutes, "voice", 8)
        added = pipeline.loras[-1]
    else:
        added = pipeline.add_lora(output)
    found = {"minutes": args.minutes, "cpu_seconds": round(time.process_time() - start)}
    found |= {"measured": read_measures(work), "weights": added.weights, "prompt": VOICE}
    found["megabytes"] = round(output.stat().st_size / 1e6, 2)
    real, _ = sounds.part(held_out=False)
    detector = NearestMean.of(
        pipeline.decode_latents(real) + pipeline.decode_latents(remember[0]),
        [VOICE] * len(real) + remember[1],
    )
    held, _ = sounds.part(held_out=True)
    told = detector.tell(pipeline.decode_latents(held))
    found["heard_in_real"] = float(np.mean([name == VOICE for name in told]))
    seeds, found["heard"] = range(100, 100 + args.seeds), {}
    for strength in (0.0, 0.5, 1.0, 1.5):
        added.strength = strength
        pictures = list(draw(pipeline, [VOICE] * args.seeds, seeds))
        keep(pictures[0], f"strength-{strength:g}")
        told = detector.tell(pictures)
        found["heard"][f"{strength:g}"] = float(np.mean([name == VOICE for name in told]))
        print(strength, found["heard"], flush=True)
    found["seeds"] = args.seeds
    classifier = load_classifier(shipped_classifier())
    rehearsed = set(known_prompts())  # what training was reminded of says nothing
    names = [each for each in classifier.classes if each[1] not in rehearsed][: args.prompts]
    found["base_prompts"], found["base_points"] = len(names), {}
    for strength in (0.0, 1.0):
        added.strength = strength
        found["base_points"][f"{strength:g}"] = 100 * base_points(pipeline, classifier, names)
        print(found["base_points"], flush=True)
    note("lora", found)


def toy(args: argparse.Namespace) -> None:
    """Train the toy and measure it."""
    pipeline, start = load_pipeline(), time.process_time()
    latents, captions = toy_latents(pipeline, 16)
    unet = build_toy()
    steps, losses = (
        train_toy(pipeline, unet, latents, captions, args.folder / "toy", minutes=args.minutes),
        [],
    )
    for step in steps:
        losses.append(step.loss)
    found = {"minutes": args.minutes, "cpu_seconds": round(time.process_time() - start)}
    power = float(latents.square().mean())
    levels = pipeline.checkpoint.scheduler.alphas_cumprod
    found["ignorance"] = round(float((levels + (1 - levels) * power).mean()), 3)
    found["weights"] = sum(each.numel() for each in unet.parameters())
    width = max(1, len(losses) // 100)
    found["losses"] = [
        round(float(np.mean(losses[i : i + width])), 3) for i in range(0, len(losses), width)
    ]
    found["steps_per_loss"] = width
    detector = NearestMean.of(pipeline.decode_latents(latents), captions)
    test, wanted = toy_latents(pipeline, 3, seed=1)
    told = detector.tell(pipeline.decode_latents(test))
    found["told_of_real"] = float(np.mean([a == b for a, b in zip(told, wanted)]))
    model, names, told = with_unet(pipeline, unet), list(SOUNDS), []
    for round_ in range(5):
        pictures = list(draw(model, names, range(10 * round_, 10 * round_ + 8), 2.0))
        told += detector.tell(pictures)
        if not round_:
            for name, picture in zip(names, pictures):
                keep(picture, f"toy-{name.replace(' ', '-')}")
    found["told"] = float(np.mean([a == b for a, b in zip(told, names * 5)]))
    found["by_sound"] = {n: int(sum(t == n for t in told[i::8])) for i, n in enumerate(names)}
    print({k: v for k, v in found.items() if k != "losses"}, found["losses"][::10])
    note("toy", found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("lora", "toy"))
    parser.add_argument("folder", type=Path, help="folder for sounds and training states")
    parser.add_argument("--minutes", type=float, default=10.0, help="0 measures an earlier run")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--prompts", type=int, default=30, help="base prompts (30)")
    arguments = parser.parse_args()
    {"lora": lora, "toy": toy}[arguments.part](arguments)
