"""The four clips of exercise 3: one U-Net, whole and with a part switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.diffusion.unet import switches, without

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline

PROMPT, SEED, SECONDS, STEPS = "drums", 3, 2.56, 8
NOTHING, WORDS, TIME, FINEST = "nothing", "words", "time", "finest skips"


def order() -> dict[str, str]:
    """Return what is switched off in each clip of exercise 3, by its letter."""
    drawn = np.random.default_rng(8).permutation([NOTHING, WORDS, TIME, FINEST])
    return dict(zip("ABCD", map(str, drawn)))


def names(unet: Any, what: str) -> list[str]:
    """Return the switches of `riffedu.diffusion.unet.without` for a word of `order`."""
    finest = [name for name in switches(unet) if name.startswith("skips")][-1]
    return {NOTHING: [], FINEST: [finest]}.get(what, [what])


def four_clips(pipeline: Pipeline) -> tuple[dict[str, np.ndarray], int]:
    """Generate one prompt from one seed four times: ({letter: waveform}, sample rate)."""
    made = {}
    for letter, what in order().items():
        with without(pipeline.checkpoint.unet, *names(pipeline.checkpoint.unet, what)):
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
