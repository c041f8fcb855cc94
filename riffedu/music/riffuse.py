"""Lesson 13: Riffusion's own interpolation between two prompts, as its pipeline does it.

Noise is added to a seed picture, which is denoised under a mixture of two prompts. Text, guidance
and strength are interpolated linearly, the noise of two seeds spherically. The request has the
fields of Riffusion's server, so that requests written for it run here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from riffedu.music.generate import TextToMusic
    from riffedu.music.result import Result


from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.music.edit import warn_without_steps
from riffedu.music.interpolate import lerp, slerp
from riffedu.music.masks import as_mask
from riffedu.music.prompt_schedule import one_prompt
from riffedu.signal.picture import as_picture


@dataclass(frozen=True)
class PromptInput:
    """One end of the interpolation: prompt, noise seed and strength.

    ``denoising`` is the strength, 0 to 1; ``guidance`` the guidance scale.
    """

    prompt: str
    seed: int
    negative_prompt: str | None = None
    denoising: float = 0.75
    guidance: float = 7.0

    @classmethod
    def of(cls, end: PromptInput | Mapping) -> PromptInput:
        """Return a PromptInput from one or from a mapping of its fields; RiffeduError if it is
        invalid.
        """
        if isinstance(end, cls):
            return end
        known = {field.name for field in fields(cls)}
        if not isinstance(end, Mapping) or not {"prompt", "seed"} <= set(end) <= known:
            raise RiffeduError(
                "each end of the interpolation needs a prompt and a seed; its possible fields are "
                f"{', '.join(sorted(known))}"
            )
        return cls(**end)


def riffuse(
    pipeline: TextToMusic,
    start: Any,
    end: Any,
    alpha: float,
    init_image: Image,
    mask_image: Image | None = None,
    num_inference_steps: int = 50,
) -> Result:
    """Generate one picture between ``start`` and ``end``, as Riffusion v1 does.

    ``start`` and ``end`` are `PromptInput`s, or mappings with the same fields, and ``alpha`` in [0,
    1] is the position between them. ``init_image`` is the seed picture; white of ``mask_image`` is
    repainted, black is kept; it can also be an array (see `riffedu.music.masks.as_mask`). Returns a
    `riffedu.music.result.Result`.

    The arithmetic is Riffusion's and uses the checkpoint's own scheduler: text states, guidance and
    strength by `lerp`, noise by `slerp`; the latents of the seed picture are drawn from the
    autoencoder's posterior with the seed of ``start``; after each step, the kept part is restored
    with the noise of the level that the step *left*. One thing differs: Riffusion ignores negative
    prompts here, this function mixes them as it mixes prompts. Source: S. Forsgren and H. Martiros,
    Riffusion (2022). Notebook: 13_interpolation.
    """
    start, end = PromptInput.of(start), PromptInput.of(end)
    steps, _ = pipeline.settings(num_inference_steps, None)
    latents, columns = riffuse_latents(pipeline, start, end, alpha, init_image, mask_image, steps)
    [image] = pipeline.decode_latents(latents, columns)
    strength = lerp(start.denoising, end.denoising, alpha)
    _, _, times = _times(pipeline, strength, steps)
    warn_without_steps(strength, steps, len(times))
    parameters = {
        "verb": "riffuse",
        "start": start,
        "end": end,
        "alpha": alpha,
        "num_inference_steps": steps,
        "steps_taken": len(times),
    }
    return pipeline.play_picture(image, parameters)


def riffuse_latents(
    pipeline: TextToMusic,
    start: PromptInput,
    end: PromptInput,
    alpha: float,
    init_image: Image,
    mask_image: Image | None,
    steps: int,
) -> tuple[torch.Tensor, int]:
    """Return the latents of `riffuse` and the number of picture columns that they stand for."""
    import torch

    from riffedu.diffusion.guidance import guided_prediction

    guidance = lerp(start.guidance, end.guidance, alpha)
    strength = lerp(start.denoising, end.denoising, alpha)
    text, negative = (
        _mixed_text(pipeline, start, end, alpha, field) for field in ("prompt", "negative_prompt")
    )
    text, negative = pipeline.conditioning(text, negative)

    picture = _whole(init_image)
    known = pipeline.encode_image(picture, torch.Generator().manual_seed(start.seed))
    one, other = (
        torch.randn(known.shape, generator=torch.Generator().manual_seed(each.seed))
        for each in (start, end)
    )
    noise = slerp(one, other, alpha).to(known)
    keep = None if mask_image is None else _kept(mask_image, known.shape).to(known)

    scheduler, begin, times = _times(pipeline, strength, steps)
    if not len(times):
        return known, picture.width
    latents = scheduler.add_noise(known, noise, begin)
    for t in times:
        seen = scheduler.scale_model_input(latents, t)
        with torch.no_grad():
            output = guided_prediction(
                pipeline.checkpoint.unet, seen, t, text, negative, max(1.0, guidance)
            )
        latents = scheduler.step(output, t, latents).prev_sample
        if keep is not None:
            put_back = scheduler.add_noise(known, noise, torch.as_tensor(t).reshape(1))
            latents = put_back * keep + latents * (1 - keep)
    return latents, picture.width


def _times(pipeline: TextToMusic, strength: float, steps: int) -> tuple[Any, Any, Any]:
    """Return a scheduler, the time to which noise is added, and the times of the steps."""
    import torch

    scheduler = _fresh_scheduler(pipeline.checkpoint.scheduler, steps)
    offset = scheduler.config.get("steps_offset", 0)
    first = min(int(steps * strength) + offset, steps)
    times = scheduler.timesteps[max(steps - first + offset, 0) :] if first else []
    return scheduler, torch.as_tensor(scheduler.timesteps[-first]).reshape(1), times


def _fresh_scheduler(old: Any, steps: int) -> Any:
    """Return a new scheduler for each run, because schedulers keep state."""
    # Clipping x₀ to [-1, 1] is meant for pixels; latents reach further.
    unclipped = {"clip_sample": False} if "clip_sample" in old.config else {}
    scheduler = type(old).from_config(old.config, **unclipped)
    scheduler.set_timesteps(steps)
    return scheduler


def _mixed_text(
    pipeline: TextToMusic, start: PromptInput, end: PromptInput, alpha: float, field: str
) -> Any:
    from riffedu.diffusion.guidance import same_length

    texts = [one_prompt(getattr(each, field) or "", "each end") for each in (start, end)]
    one, other = map(pipeline.encode_prompt, texts)
    return lerp(*same_length(one, other, pipeline.encode_prompt("")), alpha)


def _whole(image: Image) -> Any:
    """Resize a picture to multiples of 32, as Riffusion does."""
    from PIL import Image

    image = as_picture(image, "RGB")
    width, height = (side - side % 32 for side in image.size)
    if not width or not height:
        raise RiffeduError(f"the seed picture is too small: {image.width} × {image.height} pixels")
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _kept(mask: Any, shape: Sequence[int]) -> Any:
    """Return 1 where the mask is black, at the size of the latents, by nearest pixel as Riffusion
    does.
    """
    import torch
    from PIL import Image

    if not isinstance(mask, Image.Image):
        mask = Image.fromarray((as_mask(mask) * 255).round().astype(np.uint8))
    height, width = shape[-2:]
    small = mask.convert("L").resize((width, height), Image.Resampling.NEAREST)
    return 1 - torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)[None, None]
