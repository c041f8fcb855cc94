"""What each way of making a clip faster buys: the same clip, one change at a time.

Seconds are of the denoising alone, warm, the fastest of three. Ratios are against the row before,
except for the last rows, which were tried and not kept: they are against the road as it is.
"""

import sys
import time
from collections.abc import Callable

import torch

PROMPT, FEW = "a calm solo piano", 8


def main() -> int:
    from riffedu import load_pipeline
    from riffedu.diffusion.samplers import dpmpp_2m, sample

    pipeline = load_pipeline(sys.argv[1] if len(sys.argv) > 1 else "default")
    unet = pipeline.checkpoint.unet
    text, empty = pipeline.encode_prompt(PROMPT), pipeline.encode_prompt("")
    noise = pipeline.initial_noise(0)
    _, scale = pipeline.settings(None, None)

    def ask(x, timestep, states):
        return unet(x, torch.tensor(timestep), encoder_hidden_states=states, return_dict=False)[0]

    def one_by_one(x, timestep):
        with torch.inference_mode():
            u, c = ask(x, timestep, empty), ask(x, timestep, text)
            return u + scale * (c - u)

    def run(predict: Callable | None = None, steps: int | None = None) -> float:
        predict = predict or pipeline.predictor(text)
        levels = pipeline.noise_levels(steps)
        began = time.perf_counter()
        for _ in sample(predict, noise, levels, dpmpp_2m, pipeline.prediction_type):
            pass
        return time.perf_counter() - began

    rows: list[tuple[str, float]] = []

    def tell(what: str, work: Callable[[], float], against: float | None = None) -> float:
        work()
        seconds = min(work() for _ in range(3))
        before = against or (rows[-1][1] if rows else seconds)
        rows.append((what, seconds))
        print(f"{what:58}{seconds:6.2f} s{before / seconds:7.2f} ×", flush=True)
        return seconds

    unet.to(memory_format=torch.contiguous_format)
    tell("50 steps, two questions a step, one after the other", lambda: run(one_by_one, 50))
    tell("25 steps: DPM-Solver++ needs no more", lambda: run(one_by_one, 25))
    everywhere = pipeline.predictor(text, guidance_below=1.0)
    tell("both questions in one batch", lambda: run(everywhere, 25))
    unet.to(memory_format=torch.channels_last)
    tell("channels last in memory", lambda: run(everywhere, 25))
    tell("no guidance where all is noise (the road as it is)", lambda: run(None, 25))
    few = tell(f"{FEW} steps (the fewest)", lambda: run(None, FEW))
    print("\ntried, not kept:")
    look = pipeline.predictor(text)
    with torch.autocast("cpu", torch.bfloat16):
        tell(f"bfloat16, {FEW} steps", lambda: run(look, FEW), few)
    quantised = torch.ao.quantization.quantize_dynamic(unet, {torch.nn.Linear}, torch.qint8)
    pipeline.checkpoint.unet = quantised
    tell(f"attention and time layers in int8, {FEW} steps", lambda: run(None, FEW), few)
    pipeline.checkpoint.unet = unet
    began = time.perf_counter()
    try:
        pipeline.checkpoint.unet = torch.compile(unet)
        run(None, FEW)
        took = time.perf_counter() - began
        tell(
            f"compiled ({took:.0f} s of compiling first), {FEW} steps", lambda: run(None, FEW), few
        )
    except Exception as error:  # a machine without a C++ compiler
        print(f"compiled: not possible here ({type(error).__name__})")
    pipeline.checkpoint.unet = unet
    return 0


if __name__ == "__main__":
    sys.exit(main())
