"""Noise schedules: equal to diffusers', and true to what they promise."""

import math

import numpy as np
import pytest
import torch

from riffedu.diffusion import schedule
from riffedu.errors import RiffeduError

SCHEDULES = {
    "linear": ("linear", 0.0001, 0.02),
    "scaled_linear": ("scaled_linear", 0.00085, 0.012),
    "cosine": ("squaredcos_cap_v2", 0.0001, 0.02),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("count", [10, 1000])
def test_schedules_are_diffusers(name, count):
    from diffusers import DDPMScheduler

    theirs, start, end = SCHEDULES[name]
    wanted = DDPMScheduler(count, start, end, theirs)
    found = schedule.betas(name, count)
    assert np.abs(found - wanted.betas.double().numpy()).max() <= 1e-6
    kept = schedule.alphas_cumprod(found)
    assert np.abs(kept - wanted.alphas_cumprod.double().numpy()).max() <= 1e-6
    assert (np.diff(kept) < 0).all()


@pytest.mark.parametrize("name", SCHEDULES)
def test_zero_terminal_snr_is_diffusers(name):
    from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

    betas = schedule.betas(name)
    found = schedule.zero_terminal_snr(betas)
    assert np.abs(found - rescale_zero_terminal_snr(torch.tensor(betas)).numpy()).max() <= 1e-9
    kept = schedule.alphas_cumprod(found)
    assert kept[-1] < 1e-30 and abs(kept[0] - schedule.alphas_cumprod(betas)[0]) < 1e-12


def test_noise_and_back_by_every_prediction():
    rng = np.random.default_rng(0)
    x0, noise = rng.standard_normal((2, 3, 4))
    for kept in (0.001, 0.3, 0.5, 0.999):
        x = schedule.add_noise(x0, noise, kept)
        said = {"epsilon": noise, "sample": x0, "v_prediction": schedule.velocity(x0, noise, kept)}
        assert set(said) == set(schedule.PREDICTION_TYPES)
        for kind, output in said.items():
            back, rest = schedule.clean_and_noise(x, output, kept, kind)
            assert np.abs(back - x0).max() < 1e-9 and np.abs(rest - noise).max() < 1e-9


def test_velocity_is_the_derivative_on_the_circle():
    x0, noise, angle, small = 0.7, -1.1, 0.4, 1e-6
    there = schedule.add_noise(x0, noise, math.cos(angle + small) ** 2)
    here = schedule.add_noise(x0, noise, math.cos(angle) ** 2)
    assert abs((there - here) / small - schedule.velocity(x0, noise, math.cos(angle) ** 2)) < 1e-5


def test_unit_variance_stays():
    rng = np.random.default_rng(0)
    x0, noise = rng.standard_normal((2, 100000))
    assert all(abs(schedule.add_noise(x0, noise, k).std() - 1) < 0.01 for k in (0, 0.2, 0.9, 1))


def test_snr():
    assert schedule.snr(0.5) == 1 and schedule.snr(1.0) == math.inf and schedule.snr(0.0) == 0


@pytest.mark.parametrize("spacing", ["trailing", "leading"])
@pytest.mark.parametrize("steps", [1, 7, 20, 25, 50, 1000])
def test_timesteps_are_diffusers(spacing, steps):
    from diffusers import DDIMScheduler

    theirs = DDIMScheduler(timestep_spacing=spacing)
    theirs.set_timesteps(steps)
    assert np.array_equal(schedule.timesteps(steps, 1000, spacing), theirs.timesteps.numpy())


@pytest.mark.parametrize("steps", [1, 7, 50])
def test_linspace_and_karras_are_diffusers(steps):
    from diffusers import EulerDiscreteScheduler

    settings = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    kept = schedule.alphas_cumprod(schedule.betas("scaled_linear"))
    plain = EulerDiscreteScheduler(**settings, timestep_spacing="linspace")
    plain.set_timesteps(steps)
    times = schedule.timesteps(steps, 1000, "linspace")
    if steps > 1:
        assert np.abs(times - plain.timesteps.numpy()).max() < 1e-3
        found = schedule.noise_levels(kept, times)
        assert np.allclose([level.sigma for level in found], plain.sigmas.numpy(), rtol=1e-4)
    karras = EulerDiscreteScheduler(**settings, use_karras_sigmas=True)
    karras.set_timesteps(1000)
    if steps > 1:
        found = schedule.karras_noise_levels(kept, 1000)
        assert np.allclose([level.sigma for level in found], karras.sigmas.numpy(), rtol=1e-3)
        assert np.abs([f.timestep for f in found[:-1]] - karras.timesteps.numpy()).max() < 0.1
    assert len(schedule.karras_noise_levels(kept, steps)) == steps + 1


def test_levels_end_clean_and_meet_the_table():
    kept = schedule.alphas_cumprod(schedule.betas("cosine"))
    found = schedule.noise_levels(kept, [999, 500, 0])
    assert found[-1] == schedule.CLEAN and found[-1].sigma == 0
    assert [level.alpha_bar for level in found[:-1]] == [kept[999], kept[500], kept[0]]
    assert kept[501] < schedule.noise_levels(kept, [500.5])[0].alpha_bar < kept[500]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: schedule.betas("square"), "scaled_linear"),
        (lambda: schedule.betas("cosine", 0), "at least 1"),
        (lambda: schedule.timesteps(0), "between 1 and 1000"),
        (lambda: schedule.timesteps(10000), "between 1 and 1000"),
        (lambda: schedule.timesteps(5, 1000, "odd"), "trailing"),
        (lambda: schedule.noise_levels([0.9, 0.5], [2]), "between 0 and 1"),
        (lambda: schedule.noise_levels([0.9, 0.5], []), "between 0 and 1"),
        (lambda: schedule.karras_noise_levels([0.9, 0.5], 0), "at least 1"),
        (lambda: schedule.karras_noise_levels([0.9, 0.0], 5), "infinite"),
        (lambda: schedule.clean_and_noise(1.0, 1.0, 0.5, "flow"), "v_prediction"),
    ],
)
def test_what_cannot_be_is_said(call, words):
    with pytest.raises(RiffeduError, match=words):
        call()
