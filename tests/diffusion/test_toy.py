"""Diffusion in the plane: shapes, forward process, posterior mean, a network that learns."""

import numpy as np
import pytest
import torch

from riffedu.diffusion import toy
from riffedu.diffusion.samplers import SAMPLERS, sample
from riffedu.diffusion.schedule import add_noise, alphas_cumprod, betas, noise_levels, timesteps
from riffedu.errors import RiffeduError

KEPT = alphas_cumprod(betas("cosine"))


@pytest.mark.parametrize("name", toy.SHAPES)
def test_shapes_are_as_a_schedule_wants_them(name):
    points = toy.shape(name, 3000)
    assert points.shape == (3000, 2) and points.dtype == torch.float32
    assert points.mean(0).abs().max() < 1e-5 and abs(points.square().mean() - 1) < 1e-5
    assert torch.equal(points, toy.shape(name, 3000)) and points.isfinite().all()
    other = toy.shape(name, 3000, seed=1)
    assert not torch.equal(points, other) and toy.energy_distance(points, other) < 0.06
    assert toy.energy_distance(points, toy.gaussian_noise(3000)) > 0.1


def test_the_note_is_a_note():
    x, y = toy.shape("note").T
    head, high = y < -0.3, y > 1.5
    assert 0.4 < head.float().mean() < 0.65, "half of the points are the head"
    assert x[head].mean() < -0.1 < 0.2 < x[high].mean(), "stem and flag on its right side"
    assert x[(y > -0.2) & (y < 0.4)].std() < 0.1, "between them there is only the stem"


def test_ring_has_eight_dots():
    points = toy.shape("ring")
    angle = torch.atan2(points[:, 1], points[:, 0])
    assert len(torch.unique((angle / (np.pi / 4)).round() % 8)) == 8
    assert points.norm(dim=1).std() < 0.1


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: toy.shape("cow"), "note, spiral, ring"),
        (lambda: toy.shape("note", 1), "at least two points"),
        (
            lambda: toy.posterior_mean(toy.gaussian_noise(2), toy.gaussian_noise(3), 1.0),
            r"\[0, 1\)",
        ),
    ],
)
def test_what_cannot_be_is_said(call, words):
    with pytest.raises(RiffeduError, match=words):
        call()


@pytest.mark.parametrize("steps", [1, 300, 1000])
def test_the_walk_ends_where_the_formula_says(steps):
    start = torch.tensor([1.5, -0.5]).expand(20000, 2)
    *_, x = toy.forward_process(start, betas("cosine")[:steps])
    kept = KEPT[steps - 1]
    assert torch.allclose(x.mean(0), kept**0.5 * start[0], atol=0.03)
    assert torch.allclose(x.std(0), torch.tensor((1 - kept) ** 0.5).float(), atol=0.03)


def test_forward_process_takes_pictures_too():
    states = list(toy.forward_process(torch.zeros(1, 4, 8), [0.1, 0.2]))
    assert len(states) == 2 and states[1].shape == (1, 4, 8)
    assert torch.equal(states[1], list(toy.forward_process(torch.zeros(1, 4, 8), [0.1, 0.2]))[1])


def test_posterior_mean_of_two_points_is_a_tanh():
    """For data ±1 on a line, E[x₀ | x] = tanh(√ᾱ x / (1 − ᾱ)): known in closed form."""
    points = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    x = torch.stack([torch.linspace(-2, 2, 21), torch.full((21,), 0.3)], 1)
    for kept in (0.0, 0.2, 0.9):
        want = torch.tanh(kept**0.5 * x[:, 0] / (1 - kept))
        found = toy.posterior_mean(x, points, kept)
        assert torch.allclose(found[:, 0], want, atol=1e-5) and found[:, 1].abs().max() == 0


def test_posterior_mean_points_up_the_slope_of_the_density():
    points, kept = toy.shape("spiral", 50).double(), 0.6
    x = toy.gaussian_noise(20).double().requires_grad_()
    away = torch.cdist(x, kept**0.5 * points).square() / (2 * (1 - kept))
    (slope,) = torch.autograd.grad(torch.logsumexp(-away, 1).sum(), x)
    score = (kept**0.5 * toy.posterior_mean(x, points, kept) - x) / (1 - kept)
    assert torch.allclose(score, slope, atol=1e-8)


def test_no_guess_is_better_than_the_best():
    points = toy.shape("note", 500)
    x0, noise = points[torch.randint(500, (4000,))], toy.gaussian_noise(4000)
    x = add_noise(x0, noise, 0.5)
    best = toy.posterior_mean(x, points, 0.5)
    lost = (best - x0).square().mean()
    for other in (best * 0.95, best * 1.05, best + 0.05, x, 0 * x):
        assert (other - x0).square().mean() > lost


@pytest.mark.parametrize("rule", ["ddpm", "ddim", "euler_ancestral", "heun", "dpmpp_2m"])
def test_exact_predictor_gives_the_data_back(rule):
    points = toy.shape("note", 20)
    way = noise_levels(KEPT, timesteps(60, spacing="linspace"))
    *_, last = sample(
        toy.exact_predictor(points, KEPT),
        toy.gaussian_noise(300),
        way,
        SAMPLERS[rule],
        "sample",
        torch.Generator().manual_seed(0),
    )
    nearest, which = torch.cdist(last.latents, points).min(1)
    assert nearest.median() < 1e-3 and len(torch.unique(which)) >= 18


def test_exact_predictor_between_two_times():
    predict = toy.exact_predictor(toy.shape("ring", 40), KEPT)
    x = toy.gaussian_noise(10)
    low, middle, high = (predict(x, t) for t in (400, 400.5, 401))
    assert ((middle - low).abs() <= (high - low).abs() + 1e-6).all()


def test_features_tell_place_and_time():
    x = toy.gaussian_noise(5)
    told = toy.features(x, 500)
    assert told.shape == (5, 26) and torch.equal(told[:, :2], x) and told[:, 2:].abs().max() <= 1
    each = toy.features(x, torch.tensor([0, 250, 500, 750, 999]))
    assert torch.allclose(each[2], told[2]) and not torch.allclose(each[3], told[3])
    assert torch.equal(toy.features(x, 3.5), toy.features(x, torch.full((5,), 3.5)))


@pytest.fixture(scope="module")
def trained():
    return list(toy.train(toy.shape("note"), KEPT))


def test_training_yields_its_loss_and_repeats(trained):
    states = trained
    assert [states[0].step, states[-1].step, states[-1].total] == [1, 1500, 1500]
    first, last = (np.mean([s.loss for s in part]) for part in (states[:20], states[-200:]))
    assert last < 0.85 < first
    again = toy.train(toy.shape("note"), KEPT)
    assert [next(again).loss for _ in range(3)] == [state.loss for state in states[:3]]


def test_training_leaves_the_global_seed_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    next(toy.train(toy.shape("note", 50), KEPT, steps=2, batch=8))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_training_goes_on_from_a_network():
    network = toy.build_network(seed=3)
    before = [p.clone() for p in network.parameters()]
    state = next(toy.train(toy.shape("note", 50), KEPT, steps=1, batch=8, network=network))
    assert state.network is network
    assert any(not torch.equal(a, b) for a, b in zip(before, network.parameters()))


@pytest.mark.parametrize("rule", ["ddim", "ddpm", "dpmpp_2m"])
def test_the_same_loop_makes_notes_from_noise(trained, rule):
    states = trained
    start, points = toy.gaussian_noise(1500, seed=1), toy.shape("note")
    steps = list(
        sample(
            toy.predictor(states[-1].network),
            start,
            noise_levels(KEPT, timesteps(30)),
            SAMPLERS[rule],
            "v_prediction",
            torch.Generator().manual_seed(0),
        )
    )
    away = [toy.energy_distance(step.latents, points) for step in steps]
    assert away[-1] < 0.08 < 0.25 < away[0]
    near = torch.cdist(steps[-1].latents, points).min(1).values
    assert near.median() < 0.06 and not steps[-1].latents.requires_grad


def test_energy_distance_against_its_definition():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 40, 2))
    b = b + 1

    def mean(x, y, pairs):
        return np.sum(np.linalg.norm(x[:, None] - y, axis=-1)) / pairs

    want = 2 * mean(a, b, 1600) - mean(a, a, 40 * 39) - mean(b, b, 40 * 39)
    assert abs(toy.energy_distance(torch.tensor(a), torch.tensor(b)) - np.sqrt(want)) < 1e-6
    assert toy.energy_distance(torch.tensor(a), torch.tensor(a)) == 0
