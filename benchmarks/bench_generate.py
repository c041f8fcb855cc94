"""Measures one 5.12 s clip: seconds per stage when warm, cold start to WAV file, peak memory.

Uses the shipped model, or a model of the same architecture with random weights if there is none.
``python benchmarks/bench_generate.py [MODEL] [STEPS]``
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

RUNS = 3
PROMPT = "a calm solo piano"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        model = sys.argv[1] if len(sys.argv) > 1 else find_model(Path(folder) / "random")
        steps = int(sys.argv[2]) if len(sys.argv) > 2 else None
        print(f"model {model}")
        report_cold(model, steps, Path(folder))
        report_warm(model, steps)
    return 0


def find_model(folder: Path) -> str:
    """Name of the shipped model, or folder of a new one with random weights."""
    from riffedu.paths import models_folder

    if (models_folder() / "default" / "model_index.json").is_file():
        return "default"
    from riffedu.training.autoencoder import build_autoencoder
    from riffedu.training.denoiser import (
        build_scheduler,
        build_unet,
        find_text_encoder,
        write_checkpoint,
    )

    tokenizer, encoder = find_text_encoder()
    write_checkpoint(folder, build_unet(), encoder, tokenizer, build_scheduler())
    build_autoencoder().save_pretrained(folder / "vae")
    return str(folder)


def report_cold(model: str, steps: int | None, folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "riffedu",
        "generate",
        PROMPT,
        "--quiet",
        "--model",
        model,
        "-o",
        str(folder / "clip.wav"),
        *(["--steps", str(steps)] if steps else []),
    ]
    started = time.perf_counter()
    subprocess.run(command, check=True)
    line("cold start to WAV file", time.perf_counter() - started)
    # ru_maxrss counts kilobytes, on macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    print(f"{'peak memory':32}{peak / 1e6:8.0f} MB", flush=True)


def report_warm(model: str, steps: int | None) -> None:
    from riffedu import image_to_audio, load_pipeline

    pipeline = load_pipeline(model)

    def denoise():
        noise, text = pipeline.initial_noise(0), pipeline.encode_prompt(PROMPT)
        return list(pipeline.denoise(noise, text, num_inference_steps=steps))[-1]

    last = denoise()
    [image] = pipeline.decode_latents(last.latents)
    line("prompt → token states", median_seconds(lambda: pipeline.encode_prompt(PROMPT)))
    line(f"noise → latents, {last.total} steps", median_seconds(denoise))
    line("latents → picture", median_seconds(lambda: pipeline.decode_latents(last.latents)))
    line("picture → sound", median_seconds(lambda: image_to_audio(image, progress=False)))
    line(
        "one clip in all",
        median_seconds(
            lambda: pipeline.generate(PROMPT, num_inference_steps=steps, progress=False)
        ),
    )


def median_seconds(work: Callable[[], object]) -> float:
    work()
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def line(what: str, seconds: float) -> None:
    print(f"{what:32}{seconds:8.2f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
