"""Lesson 08: sampling, from noise to a picture, in one loop with exchangeable samplers.

At each noise level the network predicts the clean picture x₀, and a sampler takes one step towards
it. The samplers differ in how they use that prediction: DDPM and Euler ancestral add fresh noise,
Heun evaluates the network a second time, DPM-Solver++ reuses the previous prediction. DDPM, DDIM,
Euler and Euler ancestral are the same method in four notations: DDIM with η = 1, η, 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from riffedu.diffusion.schedule import NoiseLevel, clean_and_noise
from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from torch import Generator, Tensor

    Generators: TypeAlias = Generator | list[Generator] | tuple[Generator, ...] | None


@dataclass(frozen=True)
class Prediction:
    """The network's prediction at one noise level: the clean latents x₀ and the noise ε."""

    level: NoiseLevel
    x0: Tensor
    noise: Tensor


@dataclass(frozen=True)
class SamplerStep:
    """The state of a run after step ``step`` of ``total``.

    ``latents`` is the result of the step; ``x0`` is the clean latents that the network predicted
    for it, at ``level``.
    """

    step: int
    total: int
    level: NoiseLevel
    latents: Tensor
    x0: Tensor


def sample(
    predict: Callable[[Tensor, float], Tensor],
    latents: Tensor,
    levels: Sequence[NoiseLevel],
    sampler: Callable[..., Tensor] | None = None,
    prediction_type: str = "epsilon",
    generator: Generators = None,
) -> Iterator[SamplerStep]:
    """Denoise ``latents`` from ``levels[0]`` to the last level; yield a `SamplerStep` per step.

    ``predict(x, timestep)`` is the network, including guidance; ``prediction_type`` names what it
    returns. ``sampler`` (default: `ddim`) is one of the functions below, or your own with the same
    signature: ``sampler(x, prediction, next_level, previous=, predict=, generator=)``, where
    ``previous`` is the `Prediction` of the step before and ``predict(x, level)`` evaluates the
    network again. ``levels`` comes from `riffedu.diffusion.schedule.noise_levels`. ``generator``
    (one, or a list with one per item) draws the fresh noise of stochastic samplers. At pure noise,
    latents have unit variance. Notebook: 08_denoising.
    """

    def predict_at(x: Tensor, level: NoiseLevel) -> Prediction:
        output = predict(x, level.timestep)
        return Prediction(level, *clean_and_noise(x, output, level.alpha_bar, prediction_type))

    sampler, previous = sampler or ddim, None
    total = len(levels) - 1
    for step, (level, next_level) in enumerate(zip(levels, levels[1:]), start=1):
        prediction = predict_at(latents, level)
        latents = sampler(
            latents,
            prediction,
            next_level,
            previous=previous,
            predict=predict_at,
            generator=generator,
        )
        previous = prediction
        yield SamplerStep(step, total, level, latents, prediction.x0)


def ddpm(
    x: Tensor,
    prediction: Prediction,
    next_level: NoiseLevel,
    generator: Generators = None,
    **_: Any,
) -> Tensor:
    """Take a DDPM step: draw from the posterior of x at the next noise level.

        x' = √ᾱ' (1 − a) / (1 − ᾱ) · x₀ + √a (1 − ᾱ') / (1 − ᾱ) · x + √β̃ · z,
        a = ᾱ / ᾱ',   β̃ = (1 − a) (1 − ᾱ') / (1 − ᾱ)

    Source: Ho et al. (2020), eq. 6 and 7. Notebook: 08_denoising.
    """
    level = prediction.level
    a = level.alpha_bar / next_level.alpha_bar
    noise_power = 1 - level.alpha_bar
    next_noise_power = 1 - next_level.alpha_bar
    mean = (
        next_level.signal * (1 - a) * prediction.x0 + math.sqrt(a) * next_noise_power * x
    ) / noise_power
    return mean + fresh_noise(x, (1 - a) * next_noise_power / noise_power, generator)


def ddim(
    x: Tensor,
    prediction: Prediction,
    next_level: NoiseLevel,
    generator: Generators = None,
    eta: float = 0.0,
    **_: Any,
) -> Tensor:
    """Take a DDIM step: rescale the predicted noise; replace part of it with fresh noise.

        x' = √ᾱ' · x₀ + √(1 − ᾱ' − s²) · ε + s · z,   s² = η² (1 − ᾱ')/(1 − ᾱ) (1 − ᾱ/ᾱ')

    With η = 0 the step is deterministic: the same noise always gives the same picture. η = 1 is
    DDPM. Source: Song, Meng and Ermon, "Denoising Diffusion Implicit Models" (2021), eq. 12 and 16.
    Notebook: 08_denoising.
    """
    level = prediction.level
    posterior_variance = (
        (1 - next_level.alpha_bar)
        / (1 - level.alpha_bar)
        * (1 - level.alpha_bar / next_level.alpha_bar)
    )
    variance = eta**2 * posterior_variance
    noise_scale = math.sqrt(max(0.0, 1 - next_level.alpha_bar - variance))
    return (
        next_level.signal * prediction.x0
        + noise_scale * prediction.noise
        + fresh_noise(x, variance, generator)
    )


def euler(x: Tensor, prediction: Prediction, next_level: NoiseLevel, **_: Any) -> Tensor:
    """Take an Euler step for dx̂/dσ = ε, where x̂ = x / √ᾱ is x without the picture's scaling.

        x̂' = x̂ + (σ' − σ) · ε

    Written out, it is DDIM with η = 0. Raises RiffeduError at ᾱ = 0, where σ is infinite.
    Source: Karras et al. (2022), alg. 1 without its second half. Notebook: 08_denoising.
    """
    level = _finite_sigma(prediction.level)
    return next_level.signal * (
        x / level.signal + (next_level.sigma - level.sigma) * prediction.noise
    )


def euler_ancestral(
    x: Tensor,
    prediction: Prediction,
    next_level: NoiseLevel,
    generator: Generators = None,
    **_: Any,
) -> Tensor:
    """Take an Euler step to below the next noise level, then add fresh noise up to it.

        x̂' = x̂ + (σ_down − σ) · ε + σ_up · z
        σ_up² = σ'² (σ² − σ'²) / σ²,   σ_down² = σ'² − σ_up²

    Written out, it is DDIM with η = 1. Raises RiffeduError at ᾱ = 0, where σ is infinite.
    Source: K. Crowson's k-diffusion (2022); σ_up² is DDPM's posterior variance.
    Notebook: 08_denoising.
    """
    level = _finite_sigma(prediction.level)
    up = next_level.sigma**2 * (level.sigma**2 - next_level.sigma**2) / level.sigma**2
    down = math.sqrt(max(0.0, next_level.sigma**2 - up))
    moved = x / level.signal + (down - level.sigma) * prediction.noise
    return next_level.signal * (moved + fresh_noise(x, up, generator))


def heun(
    x: Tensor,
    prediction: Prediction,
    next_level: NoiseLevel,
    predict: Callable[[Tensor, NoiseLevel], Prediction],
    **_: Any,
) -> Tensor:
    """Take a Heun step: an Euler step, a second prediction there, and a step along their mean.

        x̂' = x̂ + (σ' − σ) · (ε + ε') / 2

    Second order, with two network evaluations per step; the last step, to σ' = 0, is Euler's.
    Raises RiffeduError at ᾱ = 0, where σ is infinite. Source: Karras et al. (2022), alg. 1.
    Notebook: 08_denoising.
    """
    euler_step = euler(x, prediction, next_level)
    if next_level.deviation == 0:
        return euler_step
    noise = (prediction.noise + predict(euler_step, next_level).noise) / 2
    return euler(x, Prediction(prediction.level, prediction.x0, noise), next_level)


def dpmpp_2m(
    x: Tensor,
    prediction: Prediction,
    next_level: NoiseLevel,
    previous: Prediction | None = None,
    **_: Any,
) -> Tensor:
    """Take a DPM-Solver++(2M) step: extrapolate x₀ linearly in the log signal-to-noise ratio.

        x' = (√(1−ᾱ') / √(1−ᾱ)) · x − √ᾱ' (e^{−h} − 1) · D,      λ = −ln σ,   h = λ' − λ
        D = x₀ + (x₀ − previous x₀) · h / (2 · previous h)

    Second order with one network evaluation per step, since it reuses the previous prediction. The
    first step, which has no previous prediction, and the last, to σ' = 0, use D = x₀: DDIM's step.
    Source: Lu et al., "DPM-Solver++" (2022), alg. 2. Notebook: 08_denoising.
    """
    level = prediction.level
    x_scale = next_level.deviation / level.deviation
    x0_scale = next_level.signal - x_scale * level.signal  # −√ᾱ' (e^{−h} − 1)
    if previous is None or next_level.deviation == 0 or math.isinf(previous.level.sigma):
        return x_scale * x + x0_scale * prediction.x0
    h = math.log(level.sigma / next_level.sigma)
    previous_h = math.log(previous.level.sigma / level.sigma)
    trend = (prediction.x0 - previous.x0) * (h / (2 * previous_h))
    return x_scale * x + x0_scale * (prediction.x0 + trend)


SAMPLERS: dict[str, Callable[..., Tensor]] = {
    "ddpm": ddpm,
    "ddim": ddim,
    "euler": euler,
    "euler_ancestral": euler_ancestral,
    "heun": heun,
    "dpmpp_2m": dpmpp_2m,
}
OF_SCHEDULER = {
    "DDPMScheduler": "ddpm",
    "DDIMScheduler": "ddim",
    "EulerDiscreteScheduler": "euler",
    "EulerAncestralDiscreteScheduler": "euler_ancestral",
    "HeunDiscreteScheduler": "heun",
    "DPMSolverMultistepScheduler": "dpmpp_2m",
}
"""Names in `SAMPLERS` by the class of diffusers' scheduler."""


def invert(
    predict: Callable[[Tensor, float], Tensor],
    latents: Tensor,
    levels: Sequence[NoiseLevel],
    prediction_type: str = "epsilon",
    fixed_point_iterations: int = 3,
) -> Iterator[SamplerStep]:
    """Invert DDIM: find the noise from which `ddim` (η = 0) produces these ``latents``.

    ``levels`` is in the same order as for `sample`, noisiest first, without the levels that are too
    noisy to invert (`reversible`); the run goes from the last to the first. Each step solves for
    the x' whose DDIM step gives x: x' = √ᾱ' · (x − √(1−ᾱ) · ε(x')) / √ᾱ + √(1−ᾱ') · ε(x'), with
    the network evaluated at x'. This is a fixed-point iteration that starts from x' = x and asks it
    ``fixed_point_iterations`` times. Yields a `SamplerStep` per step, with the level just reached.
    Raises RiffeduError for fewer than one iteration.

    Sources: Song, Meng and Ermon (2021), §4.3; Pan et al., "Effective Real Image Editing with
    Accelerated Iterative Diffusion Inversion" (2023), for the iteration. Notebook: 12_editing.
    """
    if fixed_point_iterations < 1:
        raise RiffeduError(f"fixed_point_iterations={fixed_point_iterations} must be at least 1")
    total = len(levels) - 1
    for step, (level, next_level) in enumerate(zip(levels[:0:-1], levels[-2::-1]), start=1):
        estimate = latents
        for _ in range(fixed_point_iterations):
            output = predict(estimate, next_level.timestep)
            x0, noise = clean_and_noise(estimate, output, next_level.alpha_bar, prediction_type)
            unscaled = (latents - level.deviation * noise) / level.signal
            estimate = next_level.signal * unscaled + next_level.deviation * noise
        latents = estimate
        yield SamplerStep(step, total, next_level, latents, x0)


def reversible(levels: Sequence[NoiseLevel], min_alpha_bar: float = 0.0005) -> list[NoiseLevel]:
    """Return the levels that `invert` can reach accurately: those with ᾱ ≥ ``min_alpha_bar``.

    Near pure noise, the first forward step magnifies errors of the inversion by 1/√ᾱ. Use these
    levels in both directions; at the first of them, all but 0.05 % of the power is noise.
    Notebook: 12_editing.
    """
    return [level for level in levels if level.alpha_bar >= min_alpha_bar]


def fresh_noise(x: Tensor, variance: float, generator: Generators = None) -> Tensor | float:
    """Return Gaussian noise of the shape of x; 0.0 if ``variance`` is 0 or less.

    A list of generators draws each item's noise from its own generator.
    """
    import torch

    if variance <= 0:
        return 0.0
    if isinstance(generator, (list, tuple)):
        rows = [torch.randn(x[:1].shape, generator=g, dtype=x.dtype) for g in generator]
        noise = torch.cat(rows)
    else:
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return math.sqrt(variance) * noise.to(x.device)


def _finite_sigma(level: NoiseLevel) -> NoiseLevel:
    if level.alpha_bar == 0:
        raise RiffeduError("σ is infinite at pure noise (ᾱ = 0): use ddim, ddpm or dpmpp_2m")
    return level
