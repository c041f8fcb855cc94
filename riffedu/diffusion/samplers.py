"""Lesson 08: from noise to a picture, step by step. One loop, and the rules that steps follow.

At each level the network says what it takes for the clean picture, x₀; a rule goes a step towards
it. The rules differ in how far they trust that answer: whether they add fresh noise (DDPM, Euler
ancestral), look twice (Heun) or remember the last answer (DPM-Solver++). DDPM, DDIM, Euler and Euler
ancestral are one rule in four notations: DDIM with η = 1, η, 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from riffedu.diffusion.schedule import NoiseLevel, clean_and_noise
from riffedu.errors import RiffeduError


@dataclass(frozen=True)
class Prediction:
    """What the network said at one level: x₀, and the noise ε that then makes up the rest."""

    level: NoiseLevel
    x0: Any
    noise: Any


@dataclass(frozen=True)
class SamplerStep:
    """One moment of a run, just after step ``step`` of ``total``.

    ``latents`` is where the step led, ``x0`` what the network took for the clean latents when it
    looked, at ``level``.
    """

    step: int
    total: int
    level: NoiseLevel
    latents: Any
    x0: Any


def sample(
    predict: Callable,
    latents,
    levels: Sequence[NoiseLevel],
    rule: Callable | None = None,
    prediction_type: str = "epsilon",
    generator=None,
) -> Iterator[SamplerStep]:
    """The loop: from ``latents`` at ``levels[0]`` to the last level; yields a `SamplerStep` after each.

    ``predict(x, timestep)`` is the network, guidance and all; its answer is ``prediction_type``.
    ``rule`` (default: `ddim`) is one of the rules below, ``levels`` comes from
    `riffedu.diffusion.schedule.noise_levels`, ``generator`` (torch, or a list of one per item) draws the fresh noise of
    rules that add some. Latents have unit variance at pure noise. Torch tensors. Notebook: 08_denoising.
    """

    def look(x, level: NoiseLevel) -> Prediction:
        answer = predict(x, level.timestep)
        return Prediction(level, *clean_and_noise(x, answer, level.alpha_bar, prediction_type))

    rule, before = rule or ddim, None
    total = len(levels) - 1
    for step, (now, then) in enumerate(zip(levels, levels[1:]), start=1):
        seen = look(latents, now)
        latents = rule(latents, seen, then, before=before, look=look, generator=generator)
        before = seen
        yield SamplerStep(step, total, now, latents, seen.x0)


def ddpm(x, seen: Prediction, then: NoiseLevel, generator=None, **_):
    """Denoising diffusion's own step: a draw from the posterior of x at the next level.

        x' = √ᾱ' (1 − a) / (1 − ᾱ) · x₀ + √a (1 − ᾱ') / (1 − ᾱ) · x + √β̃ · z,
        a = ᾱ / ᾱ',   β̃ = (1 − a) (1 − ᾱ') / (1 − ᾱ)

    Source: Ho et al. (2020), eq. 6 and 7. Notebook: 08_denoising.
    """
    now = seen.level
    a = now.alpha_bar / then.alpha_bar
    rest = 1 - now.alpha_bar
    mean = (then.signal * (1 - a) * seen.x0 + math.sqrt(a) * (1 - then.alpha_bar) * x) / rest
    return mean + fresh(x, (1 - a) * (1 - then.alpha_bar) / rest, generator)


def ddim(x, seen: Prediction, then: NoiseLevel, generator=None, eta: float = 0.0, **_):
    """Shrink the noise to the next level's amount; trade a share of it for fresh noise.

        x' = √ᾱ' · x₀ + √(1 − ᾱ' − s²) · ε + s · z,   s² = η² (1 − ᾱ')/(1 − ᾱ) (1 − ᾱ/ᾱ')

    η = 0 adds none, so that the same noise always gives the same picture; η = 1 is DDPM.
    Source: Song, Meng and Ermon, "Denoising Diffusion Implicit Models" (2021), eq. 12 and 16.
    Notebook: 08_denoising.
    """
    now = seen.level
    part = (1 - then.alpha_bar) / (1 - now.alpha_bar) * (1 - now.alpha_bar / then.alpha_bar)
    variance = eta**2 * part
    kept = math.sqrt(max(0.0, 1 - then.alpha_bar - variance))
    return then.signal * seen.x0 + kept * seen.noise + fresh(x, variance, generator)


def euler(x, seen: Prediction, then: NoiseLevel, **_):
    """Euler's method for dx̂/dσ = ε, where x̂ = x / √ᾱ is the picture unshrunk.

        x̂' = x̂ + (σ' − σ) · ε

    Written out, it is DDIM with η = 0. Source: Karras et al. (2022), alg. 1 without its second half.
    Notebook: 08_denoising.
    """
    now = _with_signal(seen.level)
    return then.signal * (x / now.signal + (then.sigma - now.sigma) * seen.noise)


def euler_ancestral(x, seen: Prediction, then: NoiseLevel, generator=None, **_):
    """Euler's method a little too far down, then fresh noise up to the next level.

        x̂' = x̂ + (σ_down − σ) · ε + σ_up · z,   σ_up² = σ'² (σ² − σ'²) / σ²,   σ_down² = σ'² − σ_up²

    Written out, it is DDIM with η = 1. Source: K. Crowson's k-diffusion (2022); the split is DDPM's.
    Notebook: 08_denoising.
    """
    now = _with_signal(seen.level)
    up = then.sigma**2 * (now.sigma**2 - then.sigma**2) / now.sigma**2
    down = math.sqrt(max(0.0, then.sigma**2 - up))
    moved = x / now.signal + (down - now.sigma) * seen.noise
    return then.signal * (moved + fresh(x, up, generator))


def heun(x, seen: Prediction, then: NoiseLevel, look=None, **_):
    """Take an Euler step, look again where it led, and go along the mean of both directions.

        x̂' = x̂ + (σ' − σ) · (ε + ε') / 2

    Second order at twice the price; the last step, to σ' = 0, is Euler's. Source: Karras et al.
    (2022), alg. 1. Notebook: 08_denoising.
    """
    ahead = euler(x, seen, then)
    if then.deviation == 0:
        return ahead
    noise = (seen.noise + look(ahead, then).noise) / 2
    return euler(x, Prediction(seen.level, seen.x0, noise), then)


def dpmpp_2m(x, seen: Prediction, then: NoiseLevel, before: Prediction | None = None, **_):
    """DPM-Solver++(2M): follow x₀ as it has been changing, in the logarithm of signal to noise.

        x' = (√(1−ᾱ') / √(1−ᾱ)) · x − √ᾱ' (e^{−h} − 1) · D,      λ = −ln σ,   h = λ' − λ
        D = x₀ + (x₀ − x₀ before) · h / (2 h before)

    Second order at the price of one look, since the last look is used again. The first step, which
    has none before it, and the last, to σ' = 0, take D = x₀, which is DDIM's step. Source: Lu et al.,
    "DPM-Solver++" (2022), alg. 2. Notebook: 08_denoising.
    """
    now = seen.level
    shrink = then.deviation / now.deviation
    towards = then.signal - shrink * now.signal  # −√ᾱ' (e^{−h} − 1)
    if before is None or then.deviation == 0 or math.isinf(before.level.sigma):
        return shrink * x + towards * seen.x0
    h, h_before = math.log(now.sigma / then.sigma), math.log(before.level.sigma / now.sigma)
    trend = (seen.x0 - before.x0) * (h / (2 * h_before))
    return shrink * x + towards * (seen.x0 + trend)


SAMPLERS = {
    "ddpm": ddpm,
    "ddim": ddim,
    "euler": euler,
    "euler_ancestral": euler_ancestral,
    "heun": heun,
    "dpmpp_2m": dpmpp_2m,
}


def invert(
    predict: Callable,
    latents,
    levels: Sequence[NoiseLevel],
    prediction_type: str = "epsilon",
    looks: int = 3,
) -> Iterator[SamplerStep]:
    """DDIM backwards: the noise from which `ddim` (η = 0) would make just these ``latents``.

    ``levels`` as for `sample`, noisiest first, without those that are too noisy to come back from
    (`reversible`); the run goes from the last to the first. Each step
    seeks the x' whose DDIM step leads to x, x' = √ᾱ' · x₀(x') + √(1−ᾱ') · ε(x') with what the
    network says *there*. It begins with what it says here, and looks again ``looks`` − 1 times, each
    time at the x' found last. Yields a `SamplerStep` each, the level being the one arrived at.

    Sources: Song, Meng and Ermon (2021), §4.3; Pan et al., "Effective Real Image Editing with
    Accelerated Iterative Diffusion Inversion" (2023), for looking again. Notebook: 12_editing.
    """
    if looks < 1:
        raise RiffeduError(f"looks={looks} must be at least 1")
    total = len(levels) - 1
    for step, (now, then) in enumerate(zip(levels[:0:-1], levels[-2::-1]), start=1):
        ahead = latents
        for _ in range(looks):
            answer = predict(ahead, then.timestep)
            x0, noise = clean_and_noise(ahead, answer, then.alpha_bar, prediction_type)
            unshrunk = (latents - now.deviation * noise) / now.signal
            ahead = then.signal * unshrunk + then.deviation * noise
        latents = ahead
        yield SamplerStep(step, total, then, latents, x0)


def reversible(levels: Sequence[NoiseLevel], least: float = 0.0005) -> list[NoiseLevel]:
    """The levels that `invert` can go to and come back from: those with ᾱ of at least ``least``.

    Where next to nothing of the picture is left, the last step back would have to be exact to many
    digits, for the first step forward magnifies what is wrong with it by 1/√ᾱ. Give both directions
    these levels; the noise at the first of them is noise all but 0.05 %. Notebook: 12_editing.
    """
    return [level for level in levels if level.alpha_bar >= least]


def fresh(x, variance: float, generator=None):
    """Gaussian noise shaped like x; 0 where the variance is. A list of generators: one per item."""
    import torch

    if variance <= 0:
        return 0.0
    if isinstance(generator, (list, tuple)):
        rows = [torch.randn(x[:1].shape, generator=g, dtype=x.dtype) for g in generator]
        noise = torch.cat(rows)
    else:
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return math.sqrt(variance) * noise.to(x.device)


def _with_signal(level: NoiseLevel) -> NoiseLevel:
    if level.alpha_bar == 0:
        raise RiffeduError("from pure noise (ᾱ = 0) σ is infinite: use ddim, ddpm or dpmpp_2m")
    return level
