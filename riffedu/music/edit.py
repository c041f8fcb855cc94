"""Lesson 12: editing sound. Encode a sound, add noise, denoise under a new prompt.

The strength says how much noise is added: 0 returns the codec's own reconstruction, 1 keeps nothing
of the sound. A mask keeps parts unchanged while the rest is regenerated.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu import limits
from riffedu.diffusion.samplers import (
    Prediction,
    SamplerStep,
    ddim,
    dpmpp_2m,
    fresh_noise,
    sample,
)
from riffedu.diffusion.schedule import NoiseLevel, add_noise
from riffedu.errors import RiffeduError
from riffedu.music.masks import as_mask, latent_mask, named_region
from riffedu.music.provenance import sound_hash

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor

    from riffedu.music.generate import TextToMusic
    from riffedu.music.result import Result

STRENGTH = 0.6
QUIETEST = -60.0
"""dBFS: what is made from silence is not turned down to silence."""


class StrengthWarning(UserWarning):
    """The strength is too low for a single step: the sound is only encoded and decoded."""


def from_strength(levels: Sequence[NoiseLevel], strength: float) -> list[NoiseLevel]:
    """Return the last part of the noise levels: ``strength`` times their steps, rounded.

    1 gives all steps, 0 none. Raises RiffeduError for a strength outside [0, 1]. Source: Meng et
    al., "SDEdit" (2022). Notebook: 12_editing.
    """
    strength = limits.number("strength", strength, 0, 1)
    steps = len(levels) - 1
    return list(levels[steps - round(strength * steps) :])


def keeping(sampler: Callable, known: Tensor, noise: Tensor, mask: Tensor) -> Callable:
    """Wrap a sampler so that it regenerates only what ``mask`` selects and keeps the rest.

        x ← mask · x + (1 − mask) · (√ᾱ' · known + √(1 − ᾱ') · noise)

    ``mask`` is 1 where the sound is regenerated and 0 where ``known`` is kept; values between mix
    the two. After every step the kept part gets the noise of the level just reached, so that both
    parts match; at the last level there is none. Source: Lugmayr et al., "RePaint" (2022), eq. 8.
    Notebook: 12_editing.
    """
    mask, noise = mask.to(known), noise.to(known)

    def step(x: Tensor, prediction: Prediction, next_level: NoiseLevel, **options: Any) -> Tensor:
        new = sampler(x, prediction, next_level, **options)
        return mask * new + (1 - mask) * add_noise(known, noise, next_level.alpha_bar)

    return step


def repaint(
    predict: Callable[[Tensor, float], Tensor],
    latents: Tensor,
    levels: Sequence[NoiseLevel],
    known: Tensor,
    mask: Tensor,
    resamplings: int = 4,
    prediction_type: str = "epsilon",
    seed: int = 0,
) -> Iterator[SamplerStep]:
    """Inpaint with RePaint: after every step, go back up and take the step again.

        x ← √(ᾱ / ᾱ') · x + √(1 − ᾱ / ᾱ') · ε,   ε fresh noise

    Each step is a DDIM step with `keeping`, which puts the kept part back with the noise of its
    level. Its border then no longer fits what was just drawn beside it. Adding the noise of the
    step again (ᾱ' → ᾱ) and repeating the step lets the new part adapt to the kept one.
    ``latents`` is noise at ``levels[0]``, ``known`` the clean latents, ``mask`` 1 where they are
    regenerated. Yields a `SamplerStep` per level; the network is evaluated ``resamplings`` + 1
    times for each. With 0 it is plain replacement. Raises RiffeduError for fewer.

    Source: Lugmayr et al., "RePaint: Inpainting using Denoising Diffusion Probabilistic Models"
    (2022), algorithm 1. Notebook: 12_editing.
    """
    import torch

    limits.whole("resamplings", resamplings, 0, 100)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(known.shape, generator=generator).to(known)
    latents = latents.to(known)
    sampler = keeping(ddim, known, noise, mask)
    total = len(levels) - 1
    for number, (level, next_level) in enumerate(zip(levels, levels[1:]), start=1):
        for again in range(resamplings, -1, -1):
            [step] = sample(predict, latents, [level, next_level], sampler, prediction_type)
            latents = step.latents
            if again:
                left = level.alpha_bar / next_level.alpha_bar
                fresh = torch.randn(latents.shape, generator=generator)
                latents = left**0.5 * latents + (1 - left) ** 0.5 * fresh.to(known)
        yield SamplerStep(number, total, level, latents, step.x0)


def transform_steps(
    pipeline: TextToMusic,
    latents: torch.Tensor,
    prompt: Any,
    strength: float = STRENGTH,
    mask: Any = None,
    negative_prompt: str = "",
    seed: int = 0,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    overlap: int | None = None,
    circular: bool = False,
    sampler: Callable = dpmpp_2m,
) -> Iterator[SamplerStep]:
    """Add noise to the latents of a sound and denoise them under a prompt; yield each step.

    ``latents (1, c, h, w)`` have any width; ``mask`` is a mask of the latents (see
    `riffedu.music.masks.latent_mask`); ``strength`` is in [0, 1]; ``prompt`` is text, a
    prompt schedule (see `riffedu.music.prompt_schedule`; times count from the beginning) or token
    states. ``overlap``, in latent columns, is what neighbouring windows share if the sound is
    longer than the U-Net's width (default: a quarter of it). The same seed gives the same sound; at
    strength 0 there is no step. Raises RiffeduError for latents with NaN or infinity, and for
    numbers out of range. Notebook: 12_editing.
    """
    import torch

    if not torch.isfinite(latents).all():
        raise RiffeduError(
            "the latents contain NaN or infinite values: lower the guidance scale or the strength"
        )
    levels = from_strength(pipeline.noise_levels(num_inference_steps), strength)
    if len(levels) == 1:
        return
    states = isinstance(prompt, torch.Tensor)
    text = prompt if states else [limits.text("prompt", prompt, empty=True)]
    negative = pipeline.encode_prompt(negative_prompt)
    predict = pipeline.guided(
        text, latents.shape[-1], negative, guidance_scale, overlap=overlap, circular=circular
    )
    generator = torch.Generator().manual_seed(limits.seed_of(seed))
    noise = fresh_noise(latents, 1.0, generator)
    start = add_noise(latents, noise, levels[0].alpha_bar)
    if mask is not None:
        sampler = keeping(sampler, latents, noise, mask)
    yield from sample(predict, start, levels, sampler, pipeline.prediction_type, generator)


def last_latents(
    steps: Iterator[SamplerStep],
    otherwise: torch.Tensor,
    progress: bool = False,
    callback: Callable[[SamplerStep], Any] | None = None,
) -> Any:
    """Run all steps and return the final latents, or ``otherwise`` if there is no step.

    ``progress`` shows a bar; ``callback`` is called with every step.
    """
    from tqdm.auto import tqdm

    latents, bar = otherwise, None
    try:
        for step in steps:
            bar = bar or tqdm(total=step.total, desc="noise → picture", disable=not progress)
            bar.update()
            if callback:
                callback(step)
            latents = step.latents
    finally:
        if bar is not None:
            bar.close()
    return latents


def transform(
    pipeline: TextToMusic,
    clip: tuple[np.ndarray, int],
    prompt: str,
    strength: float = STRENGTH,
    mask: Any = None,
    progress: bool = True,
    callback: Callable[[SamplerStep], Any] | None = None,
    **options: Any,
) -> Result:
    """Regenerate a clip from a prompt; the result has the length and level of the clip.

    ``clip`` is (waveform, sample_rate), as `riffedu.signal.audio.load` and
    `riffedu.signal.audio.clip` return it. ``mask`` is a mask of the picture, an array or a PIL
    picture (see `riffedu.music.masks.as_mask`): white, 1 or True to regenerate, black, 0 or False
    to keep; or the name or bounds of a region ("bass", {"after": 2, "above": 500}). With a mask,
    the kept part keeps its level. ``callback`` is called with every step. ``options`` go to
    `transform_steps`: negative_prompt, seed (None chooses one at random), num_inference_steps,
    guidance_scale, overlap, sampler.

    Raises RiffeduError for an invalid clip, mask or strength. Notebook: 12_editing.
    """
    picture, loudness = picture_and_level(pipeline, clip)
    options["seed"] = limits.seed_of(options.get("seed", 0))
    latents, named = pipeline.encode_image(picture), None
    if mask is not None:
        named = dict(mask) if isinstance(mask, Mapping) else mask if isinstance(mask, str) else True
        if isinstance(mask, (str, Mapping)):
            mask = named_region(mask, (picture.height, picture.width), pipeline.params)
        mask = as_mask(mask)
        if mask.shape != (picture.height, picture.width):
            raise RiffeduError(
                f"the mask has {mask.shape[0]} rows and {mask.shape[1]} columns, but the "
                f"sound's picture has {picture.height} and {picture.width}: give it that size"
            )
        mask = latent_mask(mask, pipeline.checkpoint.compression)
    steps = transform_steps(pipeline, latents, prompt, strength, mask, **options)
    last = last_latents(steps, latents, progress, callback)
    parameters = {
        "verb": "transform",
        "audio": sound_hash(*clip),
        "prompt": prompt,
        "masked": mask is not None,
        "mask": named,
        **run_parameters(pipeline, strength, **options),
    }
    [image] = pipeline.decode_latents(last, picture.width)
    return edited_result(pipeline, image, picture, parameters, loudness, kept=mask is not None)


def variations(
    pipeline: TextToMusic,
    clip: tuple[np.ndarray, int],
    count: int = 4,
    strength: float = 0.4,
    prompt: str = "",
    seed: int = 0,
    **options: Any,
) -> list:
    """Return ``count`` variations of a clip: `transform` with consecutive seeds.

    Without a prompt, guidance is off. Notebook: 12_editing.
    """
    if count < 1:
        raise RiffeduError(f"count={count} must be at least 1")
    seed = limits.seed_of(seed)
    if not prompt:
        options = {"guidance_scale": 0.0, **options}
    return [
        transform(pipeline, clip, prompt, strength, seed=seed + i, **options) for i in range(count)
    ]


def run_parameters(
    pipeline: TextToMusic,
    strength: float | None = None,
    num_inference_steps: Any = None,
    guidance_scale: Any = None,
    seed: int = 0,
    negative_prompt: str = "",
    sampler: Any = dpmpp_2m,
    overlap: int | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Return the parameters that every edited result records; warn if no step was taken.

    With ``strength``, ``steps_taken`` is the part of ``num_inference_steps`` that it selects.
    """
    steps, scale = pipeline.settings(num_inference_steps, guidance_scale)
    taken: dict[str, Any] = {}
    if strength is not None:
        levels = from_strength(pipeline.noise_levels(steps), strength)
        taken = {"strength": strength, "steps_taken": len(levels) - 1}
        warn_without_steps(strength, steps, len(levels) - 1)
    return {
        **taken,
        "negative_prompt": negative_prompt,
        "seed": seed,
        "num_inference_steps": steps,
        "guidance_scale": scale,
        "sampler": getattr(sampler, "__name__", None),
        "overlap": overlap,
    }


def warn_without_steps(strength: float, steps: int, taken: int) -> None:
    """Issue a `StrengthWarning` if a strength above 0 rounds to no step."""
    if strength > 0 and not taken:
        warnings.warn(
            f"strength {strength:g} rounds to 0 of {steps} steps, so nothing was "
            "regenerated: use a higher strength or more steps",
            category=StrengthWarning,
            stacklevel=3,
        )


def picture_and_level(pipeline: TextToMusic, clip: tuple[np.ndarray, int]) -> tuple[Image, float]:
    """Return the picture of a clip, mixed to mono, and its RMS level in dBFS.

    Raises RiffeduError for anything but a valid (waveform, sample_rate).
    """
    from riffedu.signal.arrays import as_rate, as_waveform
    from riffedu.signal.audio import rms_db
    from riffedu.signal.convert import audio_to_image, mix_channels

    try:
        waveform, sample_rate = clip
    except (TypeError, ValueError):
        raise RiffeduError(
            "a clip must be a pair (waveform, sample_rate), as audio.load returns"
        ) from None
    waveform = as_waveform(waveform)
    sample_rate = as_rate(sample_rate)
    limits.number("the sample rate", sample_rate, 1)
    mono = mix_channels(waveform, sample_rate)
    limits.sound_length(len(mono) / sample_rate)
    return audio_to_image(mono, sample_rate, pipeline.params), float(rms_db(mono))


def edited_result(
    pipeline: TextToMusic,
    image: Image,
    picture: Image,
    parameters: dict,
    loudness: float,
    kept: bool = False,
) -> Result:
    """Turn an edited picture into a Result at the level of the original sound.

    ``picture`` is the picture of the original sound, ``loudness`` its RMS level in dBFS. If a part
    was ``kept``, a grey level keeps its meaning, so the kept part keeps its level.
    """
    from riffedu.signal.image import MAX_VALUE_TAG

    exif = image.getexif()
    exif[MAX_VALUE_TAG] = picture.getexif()[MAX_VALUE_TAG]
    image.info["exif"] = exif.tobytes()
    as_drawn = kept and loudness > QUIETEST
    return pipeline.play_picture(image, parameters, None if as_drawn else max(loudness, QUIETEST))
