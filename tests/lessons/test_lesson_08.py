"""Lesson 08: the panel's controls at their ends, its drawing of ways, and the checks' hints."""

import io
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from riffedu import load_pipeline
from riffedu.diffusion import schedule, toy
from riffedu.diffusion.samplers import (
    SAMPLERS,
    SamplerStep,
    ddim,
    ddpm,
    euler,
    euler_ancestral,
    sample,
)
from riffedu.errors import RiffeduError
from riffedu.lessons.l08_denoising import denoising_panel
from riffedu.lessons.l08_denoising.panel import LABELS, away
from riffedu.widgets import paths
from tests.ears import heard
from tests.tiny import ours  # noqa: F401

KEPT = schedule.alphas_cumprod(schedule.betas("cosine"))


@pytest.fixture(scope="module")
def pipeline(ours):  # noqa: F811
    return load_pipeline(ours)


@pytest.fixture
def panel(pipeline):
    return denoising_panel(pipeline, "a calm solo piano", seed=3, steps=3, duration=0.64)


def ran(panel):
    panel.run_button.click()
    panel.wait()
    assert panel.job.error is None, panel.job.error
    return panel


def last(panel):
    return panel.moments[-1].latents


# What the lesson claims of the rules


@pytest.mark.parametrize(("rule", "eta"), [(ddpm, 1), (euler_ancestral, 1), (euler, 0)])
@pytest.mark.parametrize("steps", [2, 9, 40])
def test_four_names_one_rule(rule, eta, steps):
    predict = toy.exact_predictor(toy.shape("ring", 50).double(), KEPT)
    way = schedule.noise_levels(KEPT, schedule.timesteps(steps))
    ends = []
    for each in (rule, partial(ddim, eta=eta)):
        run = sample(
            predict,
            toy.gaussian_noise(40).double(),
            way,
            each,
            "sample",
            torch.Generator().manual_seed(0),
        )
        ends.append(list(run)[-1].latents)
    assert (ends[0] - ends[1]).abs().max() < 1e-8
    quiet = list(sample(predict, toy.gaussian_noise(40).double(), way, ddim, "sample"))[-1].latents
    assert (eta == 0) == torch.allclose(ends[0], quiet)


def ellipse_error(rule, way):
    """How far a rule ends from the known end, for data in the shape of an ellipse."""
    wide = torch.tensor([1.35, 0.35], dtype=torch.float64)

    def guess(x, t):
        k = schedule.noise_levels(KEPT, [t])[0].alpha_bar
        return k**0.5 * wide**2 / (k * wide**2 + 1 - k) * x

    x, k = toy.gaussian_noise(500).double(), way[0].alpha_bar
    end = list(sample(guess, x, way, SAMPLERS[rule], "sample"))[-1].latents
    return (end - x * wide / (k * wide**2 + 1 - k) ** 0.5).square().mean().sqrt().item()


@pytest.mark.parametrize(("rule", "low", "high"), [("ddim", 1.8, 2.2), ("heun", 3.4, 5)])
def test_orders(rule, low, high):
    gentle = KEPT[schedule.snr(KEPT) >= 1 / 20**2]
    errors = [
        ellipse_error(rule, schedule.noise_levels(gentle, schedule.timesteps(n, len(gentle))))
        for n in (32, 64)
    ]
    assert low < errors[0] / errors[1] < high


def test_memory_is_second_order_too_and_heun_fails_from_pure_noise():
    ways = {n: schedule.noise_levels(KEPT, schedule.timesteps(n)) for n in (10, 20)}
    assert ellipse_error("dpmpp_2m", ways[10]) > 3.4 * ellipse_error("dpmpp_2m", ways[20])
    assert ellipse_error("dpmpp_2m", ways[10]) < ellipse_error("ddim", ways[10]) / 2
    assert ellipse_error("heun", ways[10]) > 10


def test_fresh_noise_forgets_a_wrong_start():
    points = toy.shape("note", 400)
    predict, way = (
        toy.exact_predictor(points, KEPT),
        schedule.noise_levels(KEPT, schedule.timesteps(50)),
    )
    found = []
    for eta in (0, 0.5, 1):
        run = sample(
            predict,
            0.5 * toy.gaussian_noise(800),
            way,
            partial(ddim, eta=eta),
            "sample",
            torch.Generator().manual_seed(0),
        )
        found.append(toy.energy_distance(list(run)[-1].latents, points))
    assert found[0] > 0.25 and max(found[1:]) < 0.1


def test_leading_lands_nearer_to_nothing():
    moved = toy.shape("note", 400) + torch.tensor([1.5, 0.0])
    predict, middles = toy.exact_predictor(moved, KEPT), []
    for spacing in ("trailing", "leading"):
        way = schedule.noise_levels(KEPT, schedule.timesteps(5, 1000, spacing))
        middles.append(
            list(sample(predict, toy.gaussian_noise(800), way, ddim, "sample"))[-1].latents
        )
    trailing, leading = (middle[:, 0].mean() for middle in middles)
    assert abs(trailing - 1.5) < 0.08 and leading < trailing - 0.1


# Drawings


def test_paths_say_what_they_show():
    straight = np.linspace([[0, 0], [0, 1]], [[3, 4], [3, 5]], 6)
    drawn = paths(
        np.zeros((5, 2)), [straight, {"there": straight, "back": straight[::-1]}], ["one", "two"]
    )
    assert (
        "one: 2 trajectories of 5 steps, 5.0 long on average where the straight line is 5.0"
        in drawn.alt
    )
    assert "two there: 2 trajectories" in drawn.alt and "two back: 2 trajectories" in drawn.alt
    assert Image.open(io.BytesIO(drawn.png)).width > 500
    assert len(paths(torch.zeros(3, 2), [torch.rand(30, 2, 2)]).png) > 1000


def test_away():
    level = schedule.NoiseLevel(0.0, 1.0)
    moments = [
        SamplerStep(n, 1, level, torch.full((1, 2), x), torch.full((1, 2), g))
        for n, (x, g) in enumerate([(3.0, 2.0), (1.0, 1.0)])
    ]
    found = away(moments)
    assert found["state"].tolist() == [2, 0] and found["guess"].tolist() == [1, 0]
    assert len(away([])["state"]) == 0


# The panel


def test_panel_before_a_run(panel):
    assert panel.listen_button.disabled and panel.step.disabled and not panel.moments
    assert "press Run" in panel.figure.alt and bytes(panel.figure.widget.value)[1:4] == b"PNG"
    for control in (
        panel.prompt,
        panel.rule,
        panel.steps,
        panel.eta,
        panel.seed,
        panel.run_button,
        panel.stop_button,
        panel.step,
        panel.shown,
        panel.listen_button,
    ):
        assert control.description
    assert [name for _, name in panel.rule.options] == list(SAMPLERS) == list(LABELS)


def test_run_gives_the_samplers_states(panel, pipeline):
    ran(panel)
    words = pipeline.encode_prompt("a calm solo piano")
    noise = pipeline.initial_noise(3, 0.64)
    run = list(
        sample(
            pipeline.predictor(words),
            noise,
            pipeline.noise_levels(3),
            ddim,
            pipeline.prediction_type,
        )
    )
    assert len(panel.moments) == 4 and torch.equal(panel.moments[0].latents, noise)
    for ours_, theirs in zip(panel.moments[1:], run):
        assert torch.equal(ours_.latents, theirs.latents) and torch.equal(ours_.x0, theirs.x0)
    assert panel.step.max == panel.step.value == 3 and not panel.step.disabled
    assert "Step 3 of 3" in panel.facts.value and "state 0.00, guess 0.00" in panel.facts.value
    assert panel.progress.value == panel.progress.max and "Done" in panel.status.value


def test_scrubbing(panel, pipeline):
    ran(panel)
    panel.step.value = 0
    first = panel.figure.widget.value
    [noise] = pipeline.decode_latents(panel.moments[0].latents, 64)
    assert np.array_equal(panel._images["state"].get_array(), np.asarray(noise.convert("L")))
    assert "Step 0 of 3" in panel.facts.value and "t = 999" in panel.facts.value
    for index in (1, 2, 3, 2, 1):
        panel.step.value = index
        [guess] = pipeline.decode_latents(panel.moments[index].x0, 64)
        assert np.array_equal(panel._images["guess"].get_array(), np.asarray(guess.convert("L")))
        assert f"Step {index} of 3" in panel.figure.alt
        assert panel.drawn(index) is panel.drawn(index), "decoded once"
    assert panel.figure.widget.value != first


@pytest.mark.parametrize("rule", list(SAMPLERS))
def test_every_rule(panel, rule):
    panel.rule.value = rule
    assert panel.eta.disabled == (rule != "ddim")
    ran(panel)
    assert len(panel.moments) == 4 and last(panel).isfinite().all()
    start = panel.moments[1].level.sigma
    assert 15 < start <= 20 if rule == "heun" else start > 1000


def test_eta_at_its_ends(panel):
    panel.rule.value = "ddpm"
    random = last(ran(panel))
    panel.rule.value, panel.eta.value = "ddim", panel.eta.max
    assert torch.allclose(last(ran(panel)), random, atol=1e-4), "η = 1 is DDPM"
    panel.eta.value = panel.eta.min
    assert not torch.allclose(last(ran(panel)), random, atol=0.1)


def test_steps_at_their_ends(panel):
    panel.steps.value = panel.steps.min
    ran(panel)
    assert len(panel.moments) == 2 and panel.step.max == 1
    panel.steps.value = panel.steps.max
    ran(panel)
    assert panel.step.max == 50 and "Step 50 of 50" in panel.facts.value
    assert len(panel.before) == 2 and len(panel._old["state"].get_xdata()) == 2
    panel.steps.value = 2
    ran(panel)
    assert panel.step.max == panel.step.value == 2 and len(panel._old["state"].get_xdata()) == 51


def test_seed_and_prompt(panel):
    one = last(ran(panel))
    assert torch.equal(last(ran(panel)), one), "same again"
    panel.seed.value = 4
    two = last(ran(panel))
    assert not torch.allclose(one, two)
    panel.prompt.value = "fast rock drums"
    assert not torch.equal(last(ran(panel)), two)


def test_listen(panel, pipeline):
    ran(panel)
    for kind, latents in (("state", panel.moments[1].latents), ("guess", panel.moments[1].x0)):
        panel.step.value, panel.shown.value = 1, kind
        assert panel.heard.player is None
        panel.listen_button.click()
        sound, rate = heard(panel.heard.widget)
        want = pipeline.play_picture(pipeline.decode_latents(latents, 64)[0], {})
        assert rate == 44100 and np.abs(sound - want.waveform).max() < 1e-3
        assert "at step 1" in panel.heard.player.label
    panel.step.value = 2
    assert panel.heard.player is None and not panel.heard.widget.sound


def test_stop_keeps_what_was_done(panel, monkeypatch):
    real, looked = panel.pipeline.predictor, []

    def slow(*told):
        predict = real(*told)

        def look(x, t):
            looked.append(t)
            if len(looked) == 4:
                panel.stop_button.click()
            return predict(x, t)

        return look

    monkeypatch.setattr(panel.pipeline, "predictor", slow)
    panel.steps.value = 20
    panel.run_button.click()
    panel.wait()
    assert "Stopped" in panel.status.value and panel.job.error is None
    assert len(looked) == 4 and panel.step.max == 3 and not panel.run_button.disabled
    panel.step.value = 1
    assert "Step 1 of 20" in panel.facts.value


def test_an_empty_prompt_is_one_line(panel):
    panel.prompt.value = "  "
    panel.run_button.click()
    panel.wait()
    assert isinstance(panel.job.error, RiffeduError) and "say what to play" in panel.status.value
    assert not panel.moments and panel.listen_button.disabled
