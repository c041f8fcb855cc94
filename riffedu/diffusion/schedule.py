"""Lesson 07: noise schedules, and the forward process that adds noise to a picture.

    x_t = √ᾱ_t · x₀ + √(1 − ᾱ_t) · ε,      ε ~ N(0, 1)

The schedule is the list of ᾱ_t: the fraction of the picture's power that remains at each training
timestep. The other quantities in diffusion are expressed in terms of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

PREDICTION_TYPES = ("epsilon", "sample", "v_prediction")


def betas(schedule: str = "cosine", num_train_timesteps: int = 1000) -> np.ndarray:
    """Return the fraction of power β that each training step replaces with noise: float64, 0 to 1.

        linear:         β from 0.0001 to 0.02 in equal steps        (DDPM)
        scaled_linear:  √β from √0.00085 to √0.012 in equal steps   (Stable Diffusion, Riffusion)
        cosine:         β_t = min(0.999, 1 − f(t + 1) / f(t))       (Improved DDPM)

    with f(t) = cos²(π/2 · (t/T + s) / (1 + s)), s = 0.008 and T = ``num_train_timesteps``. Raises
    RiffeduError for an unknown name or fewer than one step. Sources: Ho et al., "Denoising
    Diffusion Probabilistic Models" (2020); Rombach et al., "High-Resolution Image Synthesis with
    Latent Diffusion Models" (2022); Nichol and Dhariwal, "Improved DDPM" (2021), eq. 17.
    Notebook: 07_noise.

    >>> betas("linear", 3)
    array([0.0001 , 0.01005, 0.02   ])
    """
    count = num_train_timesteps
    if count < 1:
        raise RiffeduError(f"num_train_timesteps={count} must be at least 1")
    if schedule == "linear":
        return np.linspace(0.0001, 0.02, count)
    if schedule == "scaled_linear":
        return np.linspace(0.00085**0.5, 0.012**0.5, count) ** 2
    if schedule == "cosine":
        f = np.cos((np.arange(count + 1) / count + 0.008) / 1.008 * math.pi / 2) ** 2
        return np.minimum(0.999, 1 - f[1:] / f[:-1])
    raise RiffeduError(f"schedule={schedule!r} is unknown: use linear, scaled_linear or cosine")


def alphas_cumprod(betas: ArrayLike) -> np.ndarray:
    """Return ᾱ_t = Π_{s ≤ t} (1 − β_s): the fraction of the picture's power left at timestep t.

    Falls from nearly 1 to nearly 0. Source: Ho et al. (2020), §2. Notebook: 07_noise.

    >>> alphas_cumprod([0.1, 0.2, 0.5])
    array([0.9 , 0.72, 0.36])
    """
    return np.cumprod(1 - np.asarray(betas, dtype=np.float64))


def zero_terminal_snr(betas: ArrayLike) -> np.ndarray:
    """Rescale a schedule so that none of the picture is left at the last timestep; returns betas.

    √ᾱ is shifted to end at 0 and rescaled to keep its first value. Stable Diffusion's schedule
    leaves √ᾱ = 0.068 of the picture, so its U-Net was never trained on pure noise, and its pictures
    can't be very dark or very bright. With this schedule the U-Net must predict x₀ or v: at pure
    noise, ε carries no information about the picture. Source: Lin et al., "Common Diffusion Noise
    Schedules and Sample Steps are Flawed" (2023), alg. 1. Notebook: 07_noise.
    """
    signal = np.sqrt(alphas_cumprod(betas))
    signal = (signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])
    rescaled = signal**2
    return 1 - np.concatenate([rescaled[:1], rescaled[1:] / rescaled[:-1]])


def snr(alpha_bar: ArrayLike) -> np.ndarray | np.float64:
    """Return the signal-to-noise ratio, a ratio of powers: ᾱ / (1 − ᾱ).

    Its value in dB is 10 · log10. Infinite where there is no noise. Source: Kingma et al.,
    "Variational Diffusion Models" (2021). Notebook: 07_noise.

    >>> float(snr(0.5)), float(snr(1.0))
    (1.0, inf)
    """
    alpha_bar = np.asarray(alpha_bar, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return alpha_bar / (1 - alpha_bar)


def add_noise(x0: Any, noise: Any, alpha_bar: Any) -> Any:
    """Add noise by the forward process in closed form: x_t = √ᾱ · x₀ + √(1 − ᾱ) · ε.

    Takes arrays or tensors of the same shape; ``alpha_bar`` is a number in [0, 1], or an array or
    tensor of such numbers that broadcasts. Preserves unit variance. Source: Ho et al. (2020),
    eq. 4. Notebook: 07_noise.

    >>> round(add_noise(1.0, -1.0, 0.36), 6)
    -0.2
    """
    signal, deviation = signal_and_noise_scales(alpha_bar)
    return signal * x0 + deviation * noise


def velocity(x0: Any, noise: Any, alpha_bar: Any) -> Any:
    """Return the direction in which x_t moves as noise is added: v = √ᾱ · ε − √(1 − ᾱ) · x₀.

    With φ = arccos √ᾱ, x_t = cos φ · x₀ + sin φ · ε moves along a circle, and v = dx/dφ.
    ``alpha_bar`` as for `add_noise`. Source: Salimans and Ho, "Progressive Distillation for Fast
    Sampling" (2022), appendix D. Notebook: 07_noise.

    >>> round(velocity(1.0, -1.0, 0.36), 6)
    -1.4
    """
    signal, deviation = signal_and_noise_scales(alpha_bar)
    return signal * noise - deviation * x0


def signal_and_noise_scales(alpha_bar: Any) -> tuple[Any, Any]:
    """Return (√ᾱ, √(1 − ᾱ)): the factors of picture and noise in x_t; their squares add up to 1.

    >>> signal_and_noise_scales(0.64)
    (0.8, 0.6)
    """
    if np.ndim(alpha_bar) == 0:
        return math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    return alpha_bar**0.5, (1 - alpha_bar) ** 0.5


def clean_and_noise(x: Any, output: Any, alpha_bar: float, prediction_type: str) -> tuple[Any, Any]:
    """Convert a network's ``output`` at ``x`` to its prediction of both parts of x: (x₀, ε).

        epsilon:       x₀ = (x − √(1−ᾱ) · ε) / √ᾱ
        sample:        ε = (x − √ᾱ · x₀) / √(1−ᾱ)
        v_prediction:  x₀ = √ᾱ · x − √(1−ᾱ) · v,   ε = √(1−ᾱ) · x + √ᾱ · v

    The three are equivalent; they differ in where the conversion magnifies errors: for ε near pure
    noise (ᾱ → 0), for x₀ near no noise (ᾱ → 1), for v nowhere. Raises RiffeduError for an unknown
    ``prediction_type``, and for "epsilon" at ᾱ = 0. Source: Salimans and Ho (2022), §4.
    Notebook: 07_noise.
    """
    signal, deviation = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    if prediction_type == "v_prediction":
        return signal * x - deviation * output, deviation * x + signal * output
    if prediction_type == "epsilon":
        if signal == 0:
            raise RiffeduError(
                "prediction_type='epsilon' does not determine x₀ at pure noise (ᾱ = 0): use a "
                "v_prediction network with a zero-terminal-SNR schedule"
            )
        return (x - deviation * output) / signal, output
    if prediction_type == "sample":
        if deviation == 0:
            return output, x - output
        return output, (x - signal * output) / deviation
    raise RiffeduError(
        f"prediction_type={prediction_type!r} is unknown: use {', '.join(PREDICTION_TYPES)}"
    )


class NoiseLevel(NamedTuple):
    """A timestep of the schedule and its ᾱ, the fraction of the picture's power that is left."""

    timestep: float
    alpha_bar: float

    @property
    def signal(self) -> float:
        """√ᾱ, the factor of the picture in x_t."""
        return math.sqrt(self.alpha_bar)

    @property
    def deviation(self) -> float:
        """√(1 − ᾱ), the standard deviation of the noise in x_t."""
        return math.sqrt(1 - self.alpha_bar)

    @property
    def sigma(self) -> float:
        """σ = √(1 − ᾱ) / √ᾱ: the noise's standard deviation relative to the unscaled picture."""
        return math.inf if self.alpha_bar == 0 else self.deviation / self.signal


CLEAN = NoiseLevel(0.0, 1.0)


def timesteps(
    num_inference_steps: int, num_train_timesteps: int = 1000, spacing: str = "trailing"
) -> np.ndarray:
    """Return the training timesteps that a sampler visits, noisiest first: float64, decreasing.

        trailing:  T − 1, T − 1 − T/n, …           begins at the last timestep, as recommended
        leading:   …, 2·⌊T/n⌋, ⌊T/n⌋, 0            without the noisiest: Stable Diffusion's
        linspace:  from T − 1 to 0 in equal steps   includes both ends; timesteps can be fractional

    Raises RiffeduError for an unknown spacing or a number of steps outside 1 to T. Source: Lin et
    al. (2023), table 2. Notebook: 08_denoising.

    >>> timesteps(4)
    array([999., 749., 499., 249.])
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


def noise_levels(alphas_cumprod: ArrayLike, timesteps: ArrayLike) -> list[NoiseLevel]:
    """Return the noise levels at ``timesteps``, followed by the clean one: one more than timesteps.

    At a fractional timestep, σ is interpolated linearly between its neighbours. Raises RiffeduError
    for no timesteps, or for timesteps outside the schedule. Notebook: 08_denoising.

    >>> noise_levels([0.9, 0.5], [1])
    [NoiseLevel(timestep=1.0, alpha_bar=0.5), NoiseLevel(timestep=0.0, alpha_bar=1.0)]
    """
    alphas_cumprod = np.asarray(alphas_cumprod, dtype=np.float64)
    times = np.asarray(timesteps, dtype=np.float64)
    if times.size == 0 or times.min() < 0 or times.max() > len(alphas_cumprod) - 1:
        raise RiffeduError(
            f"give at least one timestep, and all of them between 0 and {len(alphas_cumprod) - 1}"
        )
    return [NoiseLevel(float(t), _alpha_bar_at(alphas_cumprod, float(t))) for t in times] + [CLEAN]


def karras_noise_levels(
    alphas_cumprod: ArrayLike, num_inference_steps: int, rho: float = 7.0
) -> list[NoiseLevel]:
    """Return noise levels that spend more steps at little noise, followed by the clean one.

        σ_i = (σ_max^{1/ρ} + i/(n − 1) · (σ_min^{1/ρ} − σ_max^{1/ρ}))^ρ

    Each level's timestep, the input of the U-Net, is interpolated in log σ. Raises RiffeduError for
    fewer than one step, or for a schedule that ends at ᾱ = 0, where σ is infinite. Source: Karras
    et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), eq. 5.
    Notebook: 08_denoising.
    """
    alphas_cumprod = np.asarray(alphas_cumprod, dtype=np.float64)
    if num_inference_steps < 1:
        raise RiffeduError(f"num_inference_steps={num_inference_steps} must be at least 1")
    if alphas_cumprod[-1] <= 0:
        raise RiffeduError(
            "karras_noise_levels needs ᾱ > 0 at the last timestep: σ is infinite at ᾱ = 0"
        )
    sigmas = np.sqrt(1 / alphas_cumprod - 1)
    fractions = np.linspace(0, 1, num_inference_steps)
    low, high = sigmas[0] ** (1 / rho), sigmas[-1] ** (1 / rho)
    spaced = (high + fractions * (low - high)) ** rho
    times = np.interp(np.log(spaced), np.log(sigmas), np.arange(len(sigmas)))
    return [NoiseLevel(float(t), float(1 / (1 + s**2))) for t, s in zip(times, spaced)] + [CLEAN]


def _alpha_bar_at(alphas_cumprod: np.ndarray, timestep: float) -> float:
    low = int(timestep)
    fraction = timestep - low
    if fraction == 0:
        return float(alphas_cumprod[low])
    first, second = np.sqrt(1 / alphas_cumprod[low : low + 2] - 1)
    return float(1 / (1 + (first + fraction * (second - first)) ** 2))
