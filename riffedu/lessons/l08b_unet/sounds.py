"""The four clips of exercise 3: one U-Net, whole and with a part switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riffedu.diffusion.unet import without

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline

PROMPT, SEED, SECONDS, STEPS = "a calm solo piano", 3, 2.56, 8


def order() -> dict[str, tuple[str, ...]]:
    """Return what is switched off in each clip of exercise 3, by its letter."""
    variants = [(), ("words",), ("skips 0",), ("attention mid",)]
    drawn = np.random.default_rng(8).permutation(4)
    return {letter: variants[n] for letter, n in zip("ABCD", drawn)}


def four_clips(pipeline: Pipeline) -> tuple[dict[str, np.ndarray], int]:
    """Generate one prompt from one seed four times: ({letter: waveform}, sample rate)."""
    made = {}
    for letter, names in order().items():
        with without(pipeline.checkpoint.unet, *names):
            made[letter] = pipeline.generate(
                PROMPT,
                seed=SEED,
                duration=SECONDS,
                num_inference_steps=STEPS,
                guidance_scale=1.0,
                progress=False,
            )
    rate = made["A"].sample_rate
    return {letter: result.waveform for letter, result in made.items()}, rate
