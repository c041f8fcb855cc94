"""Lesson 12: editing sound. Enter the road with a sound, go part of the way into noise, come back.

How far it goes is the strength: 0 comes back as the codec's own reconstruction, 1 has forgotten the
sound. A mask keeps parts as they are while the rest is made anew, and windows that overlap let a U-Net
that learned 5 seconds work on any length, or on a circle, which is a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu import limits
from riffedu.diffusion.samplers import Prediction, SamplerStep, dpmpp_2m, fresh_noise, sample
from riffedu.diffusion.schedule import NoiseLevel, add_noise
from riffedu.diffusion.windows import windowed
from riffedu.errors import RiffeduError
from riffedu.music.masks import latent_mask, named_region

if TYPE_CHECKING:
    from torch import Tensor

STRENGTH = 0.6
QUIETEST = -60.0
"""dBFS: what is made from silence is not turned down to silence."""


def from_strength(levels: Sequence[NoiseLevel], strength: float) -> list[NoiseLevel]:
    """The last part of the way: ``strength`` of its steps, rounded; all for 1, none for 0.

    Raises RiffeduError for a strength outside [0, 1]. Source: Meng et al., "SDEdit" (2022).
    Notebook: 12_editing.
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

    def step(x: Tensor, prediction: Prediction, next_level: NoiseLevel, **options: Any) -> Tensor:
        new = sampler(x, prediction, next_level, **options)
        return mask * new + (1 - mask) * add_noise(known, noise, next_level.alpha_bar)

    return step


def transform_steps(
    pipeline,
    latents,
    prompt,
    strength: float = STRENGTH,
    mask=None,
    negative_prompt: str = "",
    seed: int = 0,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    overlap: int | None = None,
    circular: bool = False,
    rule: Callable = dpmpp_2m,
) -> Iterator[SamplerStep]:
    """Latents of a sound → noise → back, by the words of a prompt; yields every `SamplerStep`.

    ``prompt`` is text, or token states that were mixed from texts.
    ``latents (1, c, h, w)`` of any width, ``mask`` of its latents (see `latent_mask`), ``strength`` in
    [0, 1]. ``overlap`` (latent columns, default: a quarter of the U-Net's width) is what windows
    share where the sound is longer than the U-Net learned. The same seed gives the same sound; at
    strength 0 there is no step. Notebook: 12_editing.
    """
    import torch

    if not torch.isfinite(latents).all():
        raise RiffeduError("the latents hold NaN or infinite numbers")
    levels = from_strength(pipeline.noise_levels(num_inference_steps), strength)
    if len(levels) == 1:
        return
    if isinstance(prompt, torch.Tensor):
        text = prompt
    else:
        text = pipeline.encode_prompt(limits.text("prompt", prompt, empty=True))
    negative = pipeline.encode_prompt(negative_prompt)
    predict = pipeline.predictor(text, negative, guidance_scale)
    predict = windowed(predict, pipeline.window, overlap, circular)
    generator = torch.Generator().manual_seed(limits.seed_of(seed))
    noise = fresh_noise(latents, 1.0, generator)
    start = add_noise(latents, noise, levels[0].alpha_bar)
    if mask is not None:
        rule = keeping(rule, latents, noise, mask)
    yield from sample(predict, start, levels, rule, pipeline.prediction_type, generator)


def last_latents(
    steps: Iterator[SamplerStep],
    otherwise,
    progress: bool = False,
    callback: Callable[[SamplerStep], Any] | None = None,
) -> Any:
    """Where a run ends, ``otherwise`` where it has no steps; with a bar, or a look at each SamplerStep."""
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
    pipeline,
    clip,
    prompt: str,
    strength: float = STRENGTH,
    mask=None,
    progress: bool = True,
    callback: Callable[[SamplerStep], Any] | None = None,
    **options,
):
    """A sound, remade by words: a Result as long as the sound, tail included, at its level.

    With a mask the level is that of what is kept.
    ``clip`` is (waveform, sample_rate), as `riffedu.signal.audio.load` and `riffedu.signal.audio.clip` give it.
    ``mask`` is a picture's mask, 1 makes new and 0 keeps, or says which `region`: a name of `REGIONS`
    ("bass") or bounds ({"after": 2, "above": 500}). ``callback`` sees every SamplerStep.
    ``options`` go to `transform_steps`: negative_prompt, seed, num_inference_steps, guidance_scale,
    overlap, rule.
    Raises RiffeduError for an unfit sound, mask or strength. Notebook: 12_editing.
    """
    picture, loudness = to_picture(pipeline, clip)
    latents = pipeline.encode_image(picture)
    if mask is not None:
        if isinstance(mask, (str, Mapping)):
            mask = named_region(mask, (picture.height, picture.width), pipeline.params)
        if np.shape(mask) != (picture.height, picture.width):
            raise RiffeduError(
                f"the mask has shape {np.shape(mask)}, the sound's picture "
                f"{(picture.height, picture.width)}"
            )
        mask = latent_mask(mask, pipeline.checkpoint.compression)
    steps = transform_steps(pipeline, latents, prompt, strength, mask, **options)
    last = last_latents(steps, latents, progress, callback)
    told = {
        "prompt": prompt,
        "strength": strength,
        "masked": mask is not None,
        **_told(pipeline, **options),
    }
    [image] = pipeline.decode_latents(last, picture.width)
    return finish(pipeline, image, picture, told, loudness, kept=mask is not None)


def variations(
    pipeline,
    clip,
    count: int = 4,
    strength: float = 0.4,
    prompt: str = "",
    seed: int = 0,
    **options,
) -> list:
    """The same sound, ``count`` times a little different: `transform` with the seeds that follow.

    Without a prompt the words have no say (guidance 0). Notebook: 12_editing.
    """
    if count < 1:
        raise RiffeduError(f"count={count} must be at least 1")
    if not prompt:
        options = {"guidance_scale": 0.0, **options}
    return [
        transform(pipeline, clip, prompt, strength, seed=seed + i, **options) for i in range(count)
    ]


def _told(
    pipeline,
    num_inference_steps=None,
    guidance_scale=None,
    seed: int = 0,
    negative_prompt: str = "",
    **_,
) -> dict[str, Any]:
    """What a Result says of how it was made."""
    steps, scale = pipeline.settings(num_inference_steps, guidance_scale)
    return {
        "negative_prompt": negative_prompt,
        "seed": seed,
        "num_inference_steps": steps,
        "guidance_scale": scale,
    }


def to_picture(pipeline, clip):
    """The picture of a clip, (waveform, sample_rate), its channels mixed; and its level in dBFS."""
    from riffedu.signal.audio import as_waveform, rms_db
    from riffedu.signal.convert import audio_to_image

    try:
        waveform, sample_rate = clip
    except (TypeError, ValueError):
        raise RiffeduError(
            "a clip is a pair: (waveform, sample_rate), as audio.load gives"
        ) from None
    waveform = as_waveform(waveform)
    mono = waveform if waveform.ndim == 1 else waveform.mean(axis=0)
    limits.number("the sample rate", sample_rate, 1)
    limits.sound_length(len(mono) / sample_rate)
    return audio_to_image(mono, sample_rate, pipeline.params), float(rms_db(mono))


def finish(pipeline, image, picture, parameters: dict, loudness: float, kept: bool = False):
    """A changed picture → a Result, as loud as the sound that ``picture`` was drawn of.

    Where a part was ``kept`` a grey means what it meant in ``picture``: that part stays as loud as it was.
    """
    from riffedu.signal.image import MAX_VALUE_TAG

    exif = image.getexif()
    exif[MAX_VALUE_TAG] = picture.getexif()[MAX_VALUE_TAG]
    image.info["exif"] = exif.tobytes()
    as_drawn = kept and loudness > QUIETEST
    return pipeline.play_picture(image, parameters, None if as_drawn else max(loudness, QUIETEST))
