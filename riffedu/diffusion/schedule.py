"""Lesson 07: how a picture drowns in noise, a little more at every time t.

    x_t = √ᾱ_t · x₀ + √(1 − ᾱ_t) · ε,      ε ~ N(0, 1)

The schedule is the list of ᾱ_t: how much of the picture's power is left at each of the training
times. Everything in diffusion is said in terms of it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from riffedu.errors import RiffeduError

PREDICTIONS = ("epsilon", "sample", "v_prediction")


def betas(schedule: str = "cosine", num_train_timesteps: int = 1000) -> np.ndarray:
    """The share of power that each training step replaces by noise: float64, in (0, 1).

        linear:         β from 0.0001 to 0.02 in equal steps        (DDPM)
        scaled_linear:  √β from √0.00085 to √0.012 in equal steps   (Stable Diffusion, Riffusion)
        cosine:         β_t = min(0.999, 1 − f(t + 1) / f(t)),  f(t) = cos²(π/2 · (t/T + s) / (1 + s))

    with s = 0.008 and T = ``num_train_timesteps``. Raises RiffeduError for another name or less
    than one step. Sources: Ho et al., "Denoising Diffusion Probabilistic Models" (2020); Rombach et
    al., "High-Resolution Image Synthesis with Latent Diffusion Models" (2022); Nichol and Dhariwal,
    "Improved DDPM" (2021), eq. 17. Notebook: 07_noise.
    """
    count = num_train_timesteps
    if count < 1:
        raise RiffeduError(f"num_train_timesteps={count} must be at least 1")
    if schedule == "linear":
        return np.linspace(0.0001, 0.02, count)
    if schedule == "scaled_linear":
        return np.linspace(0.00085**0.5, 0.012**0.5, count) ** 2
    if schedule == "cosine":
        left = np.cos((np.arange(count + 1) / count + 0.008) / 1.008 * math.pi / 2) ** 2
        return np.minimum(0.999, 1 - left[1:] / left[:-1])
    raise RiffeduError(f"schedule={schedule!r} is unknown: use linear, scaled_linear or cosine")


def alphas_cumprod(betas) -> np.ndarray:
    """ᾱ_t = Π_{s ≤ t} (1 − β_s): the share of the picture's power that is left at each time.

    Falls from nearly 1 to nearly 0. Source: Ho et al. (2020), §2. Notebook: 07_noise.
    """
    return np.cumprod(1 - np.asarray(betas, dtype=np.float64))


def zero_terminal_snr(betas) -> np.ndarray:
    """The same schedule, moved so that nothing at all is left of the picture at the last time.

    √ᾱ is shifted to end in 0 and stretched to begin where it began. Stable Diffusion's schedule
    leaves √ᾱ = 0.068 of the picture, so that its U-Net never saw pure noise, and its pictures can't be
    very dark or very bright. The U-Net must predict x₀ or v: from pure noise ε says nothing.
    Source: Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), alg. 1.
    Notebook: 07_noise.
    """
    left = np.sqrt(alphas_cumprod(betas))
    left = (left - left[-1]) * left[0] / (left[0] - left[-1])
    kept = left**2
    return 1 - np.concatenate([kept[:1], kept[1:] / kept[:-1]])


def snr(alpha_bar):
    """Signal-to-noise ratio at a time, as a ratio of powers: ᾱ / (1 − ᾱ).

    10 · log10 of it is in dB. ∞ where there is no noise. Source: Kingma et al., "Variational
    Diffusion Models" (2021). Notebook: 07_noise.
    """
    alpha_bar = np.asarray(alpha_bar, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return alpha_bar / (1 - alpha_bar)


def add_noise(x0, noise, alpha_bar):
    """The forward process in one go: x_t = √ᾱ · x₀ + √(1 − ᾱ) · ε.

    Arrays or tensors of one shape; ``alpha_bar`` a number in [0, 1], or an array or tensor of such
    numbers that broadcasts. Unit variance stays unit variance. Source: Ho et al. (2020), eq. 4.
    Notebook: 07_noise.
    """
    signal, deviation = parts(alpha_bar)
    return signal * x0 + deviation * noise


def velocity(x0, noise, alpha_bar):
    """v = √ᾱ · ε − √(1 − ᾱ) · x₀: the direction in which x_t moves as time goes on.

    With φ = arccos √ᾱ, x_t = cos φ · x₀ + sin φ · ε goes round a circle, and v = dx/dφ.
    ``alpha_bar`` as for `add_noise`. Source: Salimans and Ho, "Progressive Distillation for Fast
    Sampling" (2022), appendix D. Notebook: 07_noise.
    """
    signal, deviation = parts(alpha_bar)
    return signal * noise - deviation * x0


def parts(alpha_bar):
    """(√ᾱ, √(1 − ᾱ)): what picture and noise are multiplied with; their squares add up to 1."""
    if np.ndim(alpha_bar) == 0:
        return math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    return alpha_bar**0.5, (1 - alpha_bar) ** 0.5


def clean_and_noise(x, output, alpha_bar, prediction_type: str):
    """What a network's ``output`` at ``x`` says about both parts of x: (x₀, ε).

        epsilon:       x₀ = (x − √(1−ᾱ) · ε) / √ᾱ
        sample:        ε = (x − √ᾱ · x₀) / √(1−ᾱ)
        v_prediction:  x₀ = √ᾱ · x − √(1−ᾱ) · v,   ε = √(1−ᾱ) · x + √ᾱ · v

    The three say the same; they differ in where mistakes get large: ε at pure noise (ᾱ → 0), x₀ at
    hardly any (ᾱ → 1), v nowhere. Raises RiffeduError for an unknown ``prediction_type``, and where
    the answer would be a division by zero. Source: Salimans and Ho (2022), §4.
    Notebook: 07_noise.
    """
    signal, deviation = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    if prediction_type == "v_prediction":
        return signal * x - deviation * output, deviation * x + signal * output
    if prediction_type == "epsilon":
        if signal == 0:
            raise RiffeduError(
                "from pure noise (ᾱ = 0) the noise says nothing about the picture: "
                "a zero-terminal-SNR schedule needs v_prediction"
            )
        return (x - deviation * output) / signal, output
    if prediction_type == "sample":
        if deviation == 0:
            return output, x - output
        return output, (x - signal * output) / deviation
    raise RiffeduError(
        f"prediction_type={prediction_type!r} is unknown: use {', '.join(PREDICTIONS)}"
    )


class NoiseLevel(NamedTuple):
    """A time on the way, and how much of the picture is left there."""

    timestep: float
    alpha_bar: float

    @property
    def signal(self) -> float:
        """√ᾱ, what the picture is multiplied with."""
        return math.sqrt(self.alpha_bar)

    @property
    def deviation(self) -> float:
        """√(1 − ᾱ), the noise's standard deviation."""
        return math.sqrt(1 - self.alpha_bar)

    @property
    def sigma(self) -> float:
        """σ = √(1 − ᾱ) / √ᾱ: the noise's deviation where the picture is not shrunk."""
        return math.inf if self.alpha_bar == 0 else self.deviation / self.signal


CLEAN = NoiseLevel(0.0, 1.0)


def timesteps(
    num_inference_steps: int, num_train_timesteps: int = 1000, spacing: str = "trailing"
) -> np.ndarray:
    """Which of the T training times a sampler visits, noisiest first: float64, falling.

        trailing:  T − 1, T − 1 − T/n, …           begins at the last time, as one should
        leading:   …, 2·⌊T/n⌋, ⌊T/n⌋, 0            never sees pure noise: Stable Diffusion's own way
        linspace:  from T − 1 to 0 in equal steps   both ends; times between two whole ones

    Raises RiffeduError for another spacing or a number of steps outside 1 to T. Source: Lin et al.
    (2023), table 2. Notebook: 08_denoising.
    """
    n, total = num_inference_steps, num_train_timesteps
    if not 1 <= n <= total:
        raise RiffeduError(f"num_inference_steps={n} must lie between 1 and {total}")
    if spacing == "trailing":
        return np.round(np.arange(total, 0, -total / n))[:n] - 1.0
    if spacing == "leading":
        return np.arange(n - 1, -1, -1.0) * (total // n)
    if spacing == "linspace":
        return np.linspace(total - 1, 0, n)
    raise RiffeduError(f"spacing={spacing!r} is unknown: use trailing, leading or linspace")


def noise_levels(alphas_cumprod, timesteps) -> list[NoiseLevel]:
    """The levels at ``timesteps``, and the clean one at the end: one more than timesteps.

    Between two whole training times σ lies on the line between theirs. Notebook: 08_denoising.
    """
    alphas_cumprod = np.asarray(alphas_cumprod, dtype=np.float64)
    times = np.asarray(timesteps, dtype=np.float64)
    if times.size == 0 or times.min() < 0 or times.max() > len(alphas_cumprod) - 1:
        raise RiffeduError(f"timesteps must lie between 0 and {len(alphas_cumprod) - 1}")
    return [NoiseLevel(float(t), _alpha_bar_at(alphas_cumprod, float(t))) for t in times] + [CLEAN]


def karras_noise_levels(
    alphas_cumprod, num_inference_steps: int, rho: float = 7.0
) -> list[NoiseLevel]:
    """Levels that spend more steps where there is little noise, and the clean one at the end.

        σ_i = (σ_max^{1/ρ} + i/(n − 1) · (σ_min^{1/ρ} − σ_max^{1/ρ}))^ρ

    The U-Net is told the time whose σ that would be, by its logarithm. Needs ᾱ > 0 throughout.
    Source: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models"
    (2022), eq. 5. Notebook: 08_denoising.
    """
    alphas_cumprod = np.asarray(alphas_cumprod, dtype=np.float64)
    if num_inference_steps < 1:
        raise RiffeduError(f"num_inference_steps={num_inference_steps} must be at least 1")
    if alphas_cumprod[-1] <= 0:
        raise RiffeduError(
            "karras_noise_levels need some signal at the last time: σ would be infinite"
        )
    sigmas = np.sqrt(1 / alphas_cumprod - 1)
    way = np.linspace(0, 1, num_inference_steps)
    low, high = sigmas[0] ** (1 / rho), sigmas[-1] ** (1 / rho)
    wanted = (high + way * (low - high)) ** rho
    times = np.interp(np.log(wanted), np.log(sigmas), np.arange(len(sigmas)))
    return [NoiseLevel(float(t), float(1 / (1 + s**2))) for t, s in zip(times, wanted)] + [CLEAN]


def _alpha_bar_at(alphas_cumprod, time: float) -> float:
    low = int(time)
    between = time - low
    if between == 0:
        return float(alphas_cumprod[low])
    first, second = np.sqrt(1 / alphas_cumprod[low : low + 2] - 1)
    return float(1 / (1 + (first + between * (second - first)) ** 2))
