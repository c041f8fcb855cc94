"""Flow matching against diffusers and the exact velocity; songs from a schedule of prompts."""

import numpy as np
import pytest
import torch
from tiny import ours  # noqa: F401  (fixture)

from riffedu.diffusion import toy
from riffedu.diffusion.schedule import add_noise, velocity
from riffedu.errors import RiffeduError
from riffedu.miniatures import flow, form
from riffedu.music.pipeline import load_pipeline

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_circle_is_v_prediction():
    x0, noise = torch.randn(2, 6, 2, dtype=torch.float64)
    t = torch.rand(6, 1, dtype=torch.float64)
    alpha_bar = (torch.pi / 2 * t).cos() ** 2
    x, speed = flow.circle(x0, noise, t)
    assert torch.allclose(x, add_noise(x0, noise, alpha_bar))
    assert torch.allclose(speed, torch.pi / 2 * velocity(x0, noise, alpha_bar))


@pytest.mark.parametrize("path", flow.PATHS.values())
def test_the_velocity_is_the_derivative_of_the_path(path):
    x0, noise = torch.randn(2, 6, 2, dtype=torch.float64)
    t = torch.rand(6, 1, dtype=torch.float64).clamp(0.1, 0.9)
    ahead, behind = (path(x0, noise, t + d)[0] for d in (1e-5, -1e-5))
    assert torch.allclose(path(x0, noise, t)[1], (ahead - behind) / 2e-5, atol=1e-8)
    assert torch.allclose(path(x0, noise, torch.zeros(6, 1).double())[0], x0)
    assert torch.allclose(path(x0, noise, torch.ones(6, 1).double())[0], noise)


def test_euler_is_diffusers():
    from diffusers import FlowMatchEulerDiscreteScheduler

    network = toy.build_network(seed=1)
    steps, x = 7, toy.gaussian_noise(50)
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=1.0)
    scheduler.set_timesteps(sigmas=[1 - n / steps for n in range(steps)])
    theirs = x
    with torch.no_grad():
        for t in scheduler.timesteps:
            theirs = scheduler.step(network(toy.features(theirs, t)), t, theirs).prev_sample
    *_, ours = flow.euler(network, x, steps)
    assert (ours - theirs).abs().max() < 1e-5


def test_one_euler_step_of_flow_matching_lands_on_the_mean():
    """At t = 1 the best prediction is ε − E[x₀], so a whole step gives E[x₀] for every ε."""
    noise = toy.gaussian_noise(20)
    [x] = flow.euler(lambda f: f[:, :2] - torch.tensor([0.3, -0.1]), noise, 1)
    assert torch.allclose(x, torch.tensor([0.3, -0.1]).expand(20, 2), atol=1e-6)


@pytest.mark.parametrize("path", flow.PATHS.values())
def test_both_learn_the_ring(path):
    points = toy.shape("ring", 2000)
    states = list(flow.train(points, path, 250))
    assert np.mean([s.loss for s in states[-20:]]) < 0.8 * states[0].loss
    *_, x = flow.euler(states[-1].network, toy.gaussian_noise(500), 20)
    assert toy.energy_distance(x, points) < 0.5 * toy.energy_distance(
        toy.gaussian_noise(500), points
    )


def test_no_steps():
    with pytest.raises(RiffeduError, match="at least one step"):
        next(flow.euler(None, toy.gaussian_noise(2), 0))


@pytest.fixture
def asked(monkeypatch):
    """The prompts that `form` extends with."""
    found, real = [], form.extend

    def extend(pipeline, clip, prompt, seconds, **options):
        found.append((prompt, round(seconds, 3)))
        return real(pipeline, clip, prompt, seconds, **options)

    monkeypatch.setattr(form, "extend", extend)
    return found


def test_a_song_has_its_sections(ours, asked):
    schedule = [
        form.Section("intro", "a calm piano", 2),
        form.Section("chorus", "rock drums", 3),
        form.Section("outro", "a calm piano", 2),
    ]
    waveform, rate = form.song(load_pipeline(ours), schedule, bpm=125, num_inference_steps=2)
    assert len(waveform) == pytest.approx(7 * 60 / 125 * rate, abs=4)
    assert asked == [("rock drums at 125 bpm", 2.4), ("a calm piano at 125 bpm", 2.4)]
    assert np.isfinite(waveform).all()


@pytest.mark.parametrize("schedule, bpm", [([], 120), (form.POP, 20)])
def test_a_song_that_cannot_be(schedule, bpm):
    with pytest.raises(RiffeduError, match="a section and a tempo"):
        form.song(None, schedule, bpm)
