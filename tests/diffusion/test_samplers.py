"""Every sampler walks the trajectory of diffusers' scheduler: same answers, double precision."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from riffedu.diffusion import samplers, schedule
from riffedu.errors import RiffeduError

NAMES = {"linear": "linear", "scaled_linear": "scaled_linear", "cosine": "squaredcos_cap_v2"}
BETAS = {"linear": (0.0001, 0.02), "scaled_linear": (0.00085, 0.012), "cosine": (0.0001, 0.02)}
# schedule, prediction, spacing, steps
CONFIGURATIONS = [
    ("cosine", "v_prediction", "trailing", 25),
    ("scaled_linear", "epsilon", "leading", 20),
    ("scaled_linear", "epsilon", "linspace", 7),
    ("linear", "sample", "trailing", 10),
    ("linear", "epsilon", "trailing", 50),
    ("scaled_linear", "v_prediction", "leading", 4),
]
each = pytest.mark.parametrize("name, kind, spacing, steps", CONFIGURATIONS)


class Double:
    """torch, with float64 where a scheduler asks for float32: the oracle in double precision."""

    def __getattr__(self, name):
        return torch.float64 if name == "float32" else getattr(torch, name)


def diffusers(monkeypatch, module, cls, name, **settings):
    import importlib

    home = importlib.import_module(f"diffusers.schedulers.{module}")
    monkeypatch.setattr(home, "torch", Double())
    start, end = BETAS[name]
    made = getattr(home, cls)(beta_schedule=NAMES[name], beta_start=start, beta_end=end, **settings)
    assert made.alphas_cumprod.dtype == torch.float64
    return made


def answer(x, timestep):
    """Stands in for a network: smooth, and it depends on both."""
    return torch.sin(1.3 * x) + 0.4 * x - float(timestep) / 1500


def start(shape=(2, 3, 4, 5)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def oracle(scheduler, x, generator=None):
    """Diffusers' trajectory in the coordinates of `samplers`: unit variance at the start."""
    found, extra = [], {"generator": generator} if generator else {}
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, t)
        x = scheduler.step(answer(scaled, t), t, x, **extra).prev_sample
        found.append(x)
    return found


def farthest(ours, theirs):
    assert len(ours) == len(theirs)
    return max(float((a - b).abs().max()) for a, b in zip(ours, theirs))


def levels_of(scheduler, times=None):
    times = scheduler.timesteps if times is None else times
    return schedule.noise_levels(scheduler.alphas_cumprod, np.asarray(times, dtype=np.float64))


@each
@pytest.mark.parametrize("eta", [0.0, 0.7, 1.0])
def test_ddim(monkeypatch, name, kind, spacing, steps, eta):
    if spacing == "linspace":
        spacing = "leading"  # diffusers' DDIM rounds linspace's times
    theirs = diffusers(
        monkeypatch,
        "scheduling_ddim",
        "DDIMScheduler",
        name,
        clip_sample=False,
        prediction_type=kind,
        timestep_spacing=spacing,
    )
    theirs.set_timesteps(steps)
    monkeypatch.setattr(theirs, "step", partial(theirs.step, eta=eta))
    wanted = oracle(theirs, start(), torch.Generator().manual_seed(5))
    times = schedule.timesteps(steps, 1000, spacing)
    ours = samplers.sample(
        answer,
        start(),
        schedule.noise_levels(theirs.alphas_cumprod, times),
        partial(samplers.ddim, eta=eta),
        kind,
        torch.Generator().manual_seed(5),
    )
    ours = [step.latents for step in ours]
    if spacing == "leading":
        # Diffusers' DDIM takes its next time as t − 1000 // steps and, after the last, ᾱ = 1.
        assert times[-1] == 0
    assert farthest(ours, wanted) <= 1e-6


@each
def test_ddpm(monkeypatch, name, kind, spacing, steps):
    spacing = "trailing" if spacing == "linspace" else spacing
    theirs = diffusers(
        monkeypatch,
        "scheduling_ddpm",
        "DDPMScheduler",
        name,
        clip_sample=False,
        prediction_type=kind,
        timestep_spacing=spacing,
    )
    theirs.set_timesteps(steps)
    wanted = oracle(theirs, start(), torch.Generator().manual_seed(5))
    ours = samplers.sample(answer, start(), levels_of(theirs), samplers.ddpm, kind, Loud(5))
    assert farthest([step.latents for step in ours], wanted) <= 1e-6


class Loud(torch.Generator):
    """A generator that is told its seed when it is made."""

    def __new__(cls, seed):
        made = super().__new__(cls)
        made.manual_seed(seed)
        return made


@each
@pytest.mark.parametrize("way", ["euler", "euler_ancestral", "heun"])
def test_solvers_in_sigma(monkeypatch, name, kind, spacing, steps, way):
    cls = {"euler": "Euler", "euler_ancestral": "EulerAncestral", "heun": "Heun"}[way]
    module = f"scheduling_{way}" if way == "euler_ancestral" else f"scheduling_{way}_discrete"
    module += "_discrete" if way == "euler_ancestral" else ""
    theirs = diffusers(
        monkeypatch,
        module,
        f"{cls}DiscreteScheduler",
        name,
        prediction_type=kind,
        timestep_spacing=spacing,
    )
    if kind == "sample" and way == "euler_ancestral":
        pytest.skip("diffusers' ancestral Euler has no sample prediction")
    theirs.set_timesteps(steps)
    times = theirs.timesteps[:: 2 if way == "heun" else 1]
    levels = levels_of(theirs, times)
    exact = torch.tensor([level.sigma for level in levels], dtype=torch.float64)
    assert torch.allclose(theirs.sigmas.double().unique(), exact.unique(), rtol=1e-5)
    theirs.sigmas = (
        exact
        if way != "heun"
        else torch.cat([exact[:1], exact[1:-1].repeat_interleave(2), exact[-1:]])
    )
    unshrunk = start() / levels[0].signal
    wanted = oracle(theirs, unshrunk, None if way == "heun" else torch.Generator().manual_seed(5))
    wanted = wanted[1::2] + wanted[-1:] if way == "heun" else wanted
    ours = samplers.sample(answer, start(), levels, samplers.SAMPLERS[way], kind, Loud(5))
    ours = [step.latents / level.signal for step, level in zip(ours, levels[1:])]
    scale = max(float(w.abs().max()) for w in wanted)
    assert farthest(ours, wanted) <= 1e-6 * max(1.0, scale * 1e-3)


@each
def test_dpm_solver(monkeypatch, name, kind, spacing, steps):
    theirs = diffusers(
        monkeypatch,
        "scheduling_dpmsolver_multistep",
        "DPMSolverMultistepScheduler",
        name,
        prediction_type=kind,
        timestep_spacing=spacing,
    )
    theirs.set_timesteps(steps)
    levels = levels_of(theirs)
    theirs.sigmas = torch.tensor([level.sigma for level in levels], dtype=torch.float64)
    wanted = oracle(theirs, start())
    ours = samplers.sample(answer, start(), levels, samplers.dpmpp_2m, kind)
    assert farthest([step.latents for step in ours], wanted) <= 1e-6


def run(rule, levels, kind="v_prediction", predict=answer, x=None):
    x = start() if x is None else x
    return [s.latents for s in samplers.sample(predict, x, levels, rule, kind, Loud(3))]


def cosine(steps):
    kept = schedule.alphas_cumprod(schedule.betas("cosine"))
    return schedule.noise_levels(kept, schedule.timesteps(steps))


def test_four_names_for_one_rule():
    levels = cosine(15)
    assert farthest(run(samplers.euler, levels), run(samplers.ddim, levels)) <= 1e-9
    noisy = run(partial(samplers.ddim, eta=1.0), levels)
    assert farthest(run(samplers.ddpm, levels), noisy) <= 1e-9
    assert farthest(run(samplers.euler_ancestral, levels), noisy) <= 1e-9


class Gaussian:
    """The exact network for one Gaussian: data of mean 2 and deviation 0.5."""

    mean, deviation = 2.0, 0.5

    def __init__(self, levels):
        self.alpha_bar = {level.timestep: level.alpha_bar for level in levels}

    def __call__(self, x, timestep):
        kept = self.alpha_bar[timestep]
        spread = kept * self.deviation**2 + 1 - kept
        x0 = self.mean + (math.sqrt(kept) * self.deviation**2 / spread) * (
            x - math.sqrt(kept) * self.mean
        )
        noise = (x - math.sqrt(kept) * x0) / math.sqrt(1 - kept)
        return schedule.velocity(x0, noise, kept)


@pytest.mark.parametrize("rule", samplers.SAMPLERS)
def test_samples_have_the_distribution_that_the_network_knows(rule):
    levels = cosine(100)
    x = torch.randn((4, 1, 60, 60), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    last = run(samplers.SAMPLERS[rule], levels, predict=Gaussian(levels), x=x)[-1]
    assert abs(float(last.mean()) - 2.0) < 0.02
    assert abs(float(last.std()) - 0.5) < 0.02


def test_second_order_needs_fewer_steps():
    """The deterministic rules have one goal: each starting noise has one exact picture."""
    x = start()
    gap = {}
    for rule in ("ddim", "heun", "dpmpp_2m"):
        # Away from σ = ∞, where every rule's first step is of first order.
        few, many = ([level for level in cosine(n) if level.timestep < 900] for n in (20, 1000))
        exact = Gaussian(many)
        exact.alpha_bar |= Gaussian(few).alpha_bar
        # The exact flow of one Gaussian from level a to clean, in closed form.
        first = few[0]
        spread = math.sqrt(first.alpha_bar * 0.25 + 1 - first.alpha_bar)
        goal = 2.0 + 0.5 * (x - first.signal * 2.0) / spread
        gap[rule] = farthest(run(samplers.SAMPLERS[rule], few, predict=exact, x=x)[-1:], [goal])
    assert gap["heun"] < gap["ddim"] / 2 and gap["dpmpp_2m"] < gap["ddim"] / 2


def test_states_say_where_they_are():
    levels = cosine(5)
    steps = list(samplers.sample(answer, start(), levels, None, "v_prediction"))
    assert [s.step for s in steps] == [1, 2, 3, 4, 5] and {s.total for s in steps} == {5}
    assert [s.level for s in steps] == levels[:-1]
    assert torch.equal(steps[-1].latents, steps[-1].x0)


def test_a_list_of_generators_gives_each_item_its_own_noise():
    levels, x = cosine(6), start()
    both = list(
        samplers.sample(answer, x, levels, samplers.ddpm, "v_prediction", [Loud(1), Loud(2)])
    )[-1].latents
    second = list(samplers.sample(answer, x[1:], levels, samplers.ddpm, "v_prediction", [Loud(2)]))[
        -1
    ].latents
    assert torch.equal(both[1:], second)


def test_pure_noise_without_any_signal():
    kept = schedule.alphas_cumprod(schedule.zero_terminal_snr(schedule.betas("scaled_linear")))
    levels = schedule.noise_levels(kept, schedule.timesteps(10))
    assert levels[0].alpha_bar < 1e-12
    levels[0] = schedule.NoiseLevel(levels[0].timestep, 0.0)
    for rule in ("ddim", "ddpm", "dpmpp_2m"):
        assert torch.isfinite(run(samplers.SAMPLERS[rule], levels)[-1]).all()
    for rule in ("euler", "euler_ancestral", "heun"):
        with pytest.raises(RiffeduError, match="pure noise"):
            run(samplers.SAMPLERS[rule], levels)
    with pytest.raises(RiffeduError, match="zero-terminal"):
        run(samplers.ddim, levels, kind="epsilon")


def test_inversion_goes_back_to_the_noise_and_forth_again():
    """And looking again brings it closer. The Gaussian's own flow gives the noise to be found."""
    levels = cosine(50)
    exact, sound, gap = Gaussian(levels), 2 + 0.5 * start(), {}
    for iterations in (1, 2, 4):
        *_, last = samplers.invert(exact, sound, levels, "v_prediction", iterations)
        assert last.level == levels[0] and last.step == 50
        again = run(samplers.ddim, levels, predict=exact, x=last.latents)[-1]
        gap[iterations] = farthest([again], [sound])
    assert gap[4] < gap[2] < gap[1] < 0.25 and gap[4] < 0.04
    assert farthest([last.latents], [(sound - 2) / 0.5]) < 0.5  # 50 steps, not the exact flow


def test_inversion_leaves_out_what_is_too_noisy_to_come_back_from():
    levels = cosine(50)
    kept = samplers.reversible(levels)
    assert kept == levels[1:] and kept[0].alpha_bar >= 0.0005 > levels[0].alpha_bar
    exact, sound, gap = Gaussian(levels), 2 + 0.5 * start(), []
    for way in (levels, kept):
        *_, last = samplers.invert(exact, sound, way, "v_prediction")
        gap.append(farthest([run(samplers.ddim, way, predict=exact, x=last.latents)[-1]], [sound]))
    assert gap[1] < 0.01 and gap[1] < 0.2 * gap[0]


def test_inversion_needs_an_iteration():
    with pytest.raises(RiffeduError, match="fixed_point_iterations"):
        next(samplers.invert(answer, start(), cosine(3), fixed_point_iterations=0))
