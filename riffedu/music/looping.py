"""Lesson 12: loops without a seam."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu import limits
from riffedu.diffusion.samplers import SamplerStep
from riffedu.errors import RiffeduError
from riffedu.music.edit import last_latents, run_parameters, transform_steps
from riffedu.music.pulse import pulse

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from riffedu.music.generate import TextToMusic
    from riffedu.music.result import Result
    from riffedu.signal.params import SpectrogramParams

IN_TIME = 0.88
"""Strength at which a loop leaves its pulse."""


ROLL_MS = 160
"""Milliseconds of a loop that are decoded before and after it while its phases are estimated."""


def loop(
    pipeline: TextToMusic,
    prompt: str,
    bpm: float = 120.0,
    beats: int = 8,
    strength: float = IN_TIME,
    seed: int = 0,
    progress: bool = True,
    callback: Callable[[SamplerStep], Any] | None = None,
    **options: Any,
) -> Result:
    """Generate a seamless loop of ``beats`` beats at ``bpm`` beats per minute.

    The run starts from a `riffedu.music.pulse.pulse` and regenerates it at ``strength`` (at 1 the
    pulse is ignored, and only the length sets the tempo). Its windows wrap around a circle, so that
    no moment is the first.
    The circle has a whole number of latent columns; its picture is then stretched in time, by 3 %
    at most for loops over 5 s and without a change of pitch, to last exactly 60 · beats / bpm
    seconds.

    Raises RiffeduError for a loop shorter than one latent column. Notebook: 12_editing.
    """
    bpm, beats = limits.number("bpm", bpm, 1, 1000), limits.whole("beats", beats, 1, 1000)
    seconds = 60 * beats / bpm
    columns, factor = pipeline.columns(seconds), pipeline.checkpoint.compression
    size, step = round(columns / factor), pipeline.params.column_ms
    shortest, roll = factor * step / 1000, roll_columns(pipeline.params)
    if size < 1:
        raise RiffeduError(f"the loop is shorter than {shortest:.2f} s: give it more beats")
    start = pipeline.encode_image(
        pulse(pipeline.params.num_frequencies, size * factor, beats, step)
    )
    options = {"overlap": pipeline.window // 2, "seed": limits.seed_of(seed), **options}
    steps = transform_steps(pipeline, start, prompt, strength, circular=True, **options)
    around = decode_circle(pipeline, last_latents(steps, start, progress, callback), columns)
    parameters = {
        "verb": "loop",
        "prompt": prompt,
        "bpm": bpm,
        "beats": beats,
        **run_parameters(pipeline, strength, **options),
    }
    once = around.crop((roll, 0, roll + columns, around.height))
    return pipeline.play_picture(once, parameters, raw=close_circle(pipeline, around, seconds))


def roll_columns(params: SpectrogramParams) -> int:
    """Return the columns in `ROLL_MS` milliseconds."""
    return round(ROLL_MS / params.column_ms)


def decode_circle(pipeline: TextToMusic, latents: torch.Tensor, columns: int) -> Image:
    """Decode circular latents: a picture ``columns`` wide, with `roll_columns` more on either side.

    The autoencoder sees the circle continue at both ends, so its convolutions meet no edge there.
    """
    import torch
    from PIL import Image

    size, factor = latents.shape[-1], pipeline.checkpoint.compression
    roll = roll_columns(pipeline.params)
    spare = -(-roll // factor) + 2
    window = torch.arange(-spare, size + spare) % size
    [image] = pipeline.decode_latents(latents[..., window])
    per_column = size * factor / columns
    left, right = spare * factor - roll * per_column, (spare + size) * factor + roll * per_column
    return image.resize(
        (columns + 2 * roll, image.height),
        Image.Resampling.BILINEAR,
        (left, 0, right, image.height),
    )


def close_circle(pipeline: TextToMusic, around: Image, seconds: float) -> np.ndarray:
    """Turn the picture of a circle into one turn of sound whose end leads into its start.

    Phases are estimated for more than one turn. The end of the turn is then cross-faded into what
    precedes its start.
    """
    from riffedu.signal.reconstruct import image_to_audio

    sound, rate = image_to_audio(around, pipeline.params, progress=False)
    start = roll_columns(pipeline.params) * pipeline.params.hop_length
    length = round(seconds * rate)
    turn, before = sound[start : start + length].copy(), sound[:start]
    fade = min(len(before), length // 4)
    ramp = (np.arange(fade) + 0.5) / fade * np.pi / 2
    turn[-fade:] = turn[-fade:] * np.cos(ramp) + before[-fade:] * np.sin(ramp)
    return turn


def seam(waveform: np.ndarray, sample_rate: int) -> float:
    """Return how rough the joint of a loop is, in dB relative to the roughest place nearby.

    Roughness is the power of the second difference, x[n+1] − 2 x[n] + x[n−1], in windows of 1 ms:
    low for smooth sounds, high for clicks. "Nearby" is within 0.1 s. A click is audible well above
    0 dB; below 0 dB it is masked. ``waveform`` is (samples,) of at least 0.2 s. Raises RiffeduError
    for another shape. Notebook: 12_editing.
    """
    waveform, size = np.asarray(waveform, dtype=np.float64), max(1, round(0.001 * sample_rate))
    if waveform.ndim != 1 or len(waveform) < 0.2 * sample_rate:
        raise RiffeduError(
            f"the loop must be mono and at least 0.2 s long, not of shape {waveform.shape}"
        )
    joint = len(waveform) // 2 - 1
    bend = np.diff(np.roll(waveform, joint + 1), 2)
    rough = np.convolve(bend**2, np.ones(size) / size, "same")
    away = np.abs(np.arange(len(rough)) - joint)
    beside = rough[(away > 2 * size) & (away < 0.1 * sample_rate)].max()
    return float(10 * np.log10((rough[away <= size].max() + 1e-20) / (beside + 1e-20)))
