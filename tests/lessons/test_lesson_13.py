"""Lesson 13: what it claims of ways between sounds, the panel's controls, and the checks' hints."""

import math
from itertools import islice

import numpy as np
import pytest
import torch

from riffedu import load_pipeline
from riffedu.diffusion import toy
from riffedu.diffusion.samplers import ddim, sample
from riffedu.diffusion.schedule import alphas_cumprod, betas, noise_levels, timesteps
from riffedu.errors import RiffeduError
from riffedu.lessons.l13_interpolation import exercises, interpolation_panel
from riffedu.lessons.l13_interpolation.panel import KEPT, PLACES, weights
from riffedu.music.interpolate import EASINGS, four_corners, lerp, slerp
from riffedu.music.stream import endless
from tests.ears import heard
from tests.tiny import ours  # noqa: F401

PROMPTS = ["piano", "rock band", "drums", "violin"]
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def pipeline(ours):  # noqa: F811
    return load_pipeline(ours)


@pytest.fixture
def panel(pipeline):
    return interpolation_panel(pipeline, PROMPTS, seed=3, steps=2, duration=0.64)


def done(panel):
    panel.wait()
    assert panel.job.error is None, panel.job.error
    return panel


def clipped(panel):
    panel.clip_button.click()
    return done(panel).result


def went_on(panel):
    panel.on_button.click()
    return done(panel).pieces


# What the lesson claims of ways between sounds


@pytest.mark.parametrize(("n", "inside"), [(2, 0.95), (8192, 0.0)])
def test_the_line_leaves_the_shell_in_many_dimensions_only(n, inside):
    a, b = (torch.randn(500, n, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    middle, shell = lerp(a, b, 0.5).norm(dim=1), a.norm(dim=1)
    share = (middle > shell.quantile(0.01)).float().mean().item()
    assert share >= inside if inside else share == 0


def test_a_start_that_is_too_quiet_ends_in_the_wrong_place():
    kept, points = alphas_cumprod(betas("cosine")), toy.shape("note", 400)
    best, way = toy.exact_predictor(points, kept), noise_levels(kept, timesteps(25))
    found = {}
    for mix in (lerp, slerp):
        middle = mix(toy.gaussian_noise(800, seed=2), toy.gaussian_noise(800, seed=3), 0.5)
        *_, last = sample(best, middle, way, ddim, "sample")
        found[mix] = toy.energy_distance(last.latents, points)
    assert found[lerp] > 0.12 and found[slerp] < 0.04


def test_at_a_right_angle_slerp_is_the_equal_power_crossfade():
    a, b = np.eye(2)
    for alpha in np.linspace(0, 1, 9):
        turn = alpha * np.pi / 2
        assert np.allclose(slerp(a, b, alpha), [np.cos(turn), np.sin(turn)])


# The panel


def test_panel_before_a_run(panel):
    assert panel.result is None and panel.pieces == [] and panel.heard.player is None
    assert "comes here" in panel.figure.alt and "25% piano" in panel.square.alt
    for figure in (panel.figure, panel.square):
        assert bytes(figure.widget.value)[1:4] == b"PNG"
    for control in (
        *panel.corners,
        panel.x,
        panel.y,
        panel.mixed,
        panel.seed,
        panel.steps,
        panel.clip_button,
        panel.on_button,
        panel.stop_button,
    ):
        assert control.description
    assert [text.description for text in panel.corners] == list(PLACES)


@pytest.mark.parametrize(
    ("place", "shares"),
    [
        ((0, 0), (1, 0, 0, 0)),
        ((1, 0), (0, 1, 0, 0)),
        ((0, 1), (0, 0, 1, 0)),
        ((1, 1), (0, 0, 0, 1)),
        ((0.5, 0.5), (0.25,) * 4),
        ((0.2, 0.75), (0.2, 0.05, 0.6, 0.15)),
    ],
)
def test_the_dot_shows_its_shares(panel, place, shares):
    panel.x.value = 0.33
    before, picture = panel.square.widget.value, panel.figure.widget.value
    panel.x.value, panel.y.value = place
    assert np.allclose(weights(*place), shares) and panel.place == place
    assert panel.square.widget.value != before and panel.figure.widget.value == picture
    assert [float(each[0]) for each in panel._dot.get_data()] == list(place)
    for label, prompt, share in zip(panel._labels, PROMPTS, shares):
        assert label.get_text() == f"{prompt}\n{share:.0%}"
        assert f"{share:.0%} {prompt}" in panel.square.alt


def test_words_in_a_corner_show_at_once(panel):
    panel.corners[2].value = "a very long prompt about a very calm piano"
    assert "a very long prompt abou…" in panel._labels[2].get_text()
    assert "a very long prompt about a very calm piano" in panel.square.alt
    panel.corners[3].value = r"$\no_mathematics$ & <b>"
    assert r"$\no_mathematics$ & <b>" in panel.square.alt, "drawn as it is"


@pytest.mark.parametrize("place", [(0, 0), (1, 1), (0.3, 0.8)])
def test_a_clip_is_made_where_the_dot_is(panel, pipeline, place):
    panel.x.value, panel.y.value = place
    result = clipped(panel)
    states = pipeline.encode_prompt(PROMPTS).split(1)
    *_, last = pipeline.denoise(
        pipeline.initial_noise(3, 0.64), four_corners(states, *place), num_inference_steps=2
    )
    [image] = pipeline.decode_latents(last.latents, 64)
    assert np.array_equal(np.asarray(result.image), np.asarray(image))
    assert np.array_equal(panel._image.get_array(), np.asarray(image.convert("L")))
    sound, rate = heard(panel.heard.widget)
    assert rate == 44100 and np.abs(sound - result.waveform).max() < 1e-3
    assert panel.trail == [place] and "A clip at" in panel.figure.alt
    assert panel.progress.value == panel.progress.max and "done" in panel.status.value


def test_seed_steps_and_mixed_noise(panel, pipeline):
    first = clipped(panel).waveform
    assert np.array_equal(clipped(panel).waveform, first), "same again"
    panel.mixed.value = True
    mixed = clipped(panel).waveform
    assert not np.array_equal(mixed, first)
    panel.x.value = panel.y.value = 0
    corner = clipped(panel).waveform
    panel.mixed.value = False
    assert np.array_equal(clipped(panel).waveform, corner), "corner 0 has the one noise"
    for control, values in (
        (panel.seed, (panel.seed.min, panel.seed.max)),
        (panel.steps, (panel.steps.min, panel.steps.max)),
    ):
        for value in values:
            control.value = value
            assert not np.array_equal(clipped(panel).waveform, corner)
            assert panel.progress.max == panel.steps.value + 1


def test_a_riff_goes_on_where_the_dot_is(panel, pipeline):
    way = [(0.0, 0.0), (0.5, 1.0), (1.0, 1.0)]
    for place in way:
        panel.x.value, panel.y.value = place
        pieces = went_on(panel)
    wanted = list(islice(endless(pipeline, PROMPTS, lambda n: way[n], 3, num_inference_steps=2), 3))
    assert [p.place for p in pieces] == way == panel.trail
    for ours_, theirs in zip(pieces, wanted):
        assert np.array_equal(ours_.waveform, theirs.waveform)
    sound, _ = heard(panel.heard.widget)
    assert np.abs(sound - np.concatenate([p.waveform for p in wanted])).max() < 1e-3
    assert panel.heard.player.label == "Pieces 1 to 3"


def test_other_words_begin_another_riff_and_old_pieces_are_let_go(panel):
    for _ in range(KEPT + 1):
        pieces = went_on(panel)
    assert [p.number for p in pieces] == list(range(1, KEPT + 1))
    assert panel.heard.player.label == f"Pieces 2 to {KEPT + 1}"
    panel.corners[0].value = "techno"
    assert [p.number for p in went_on(panel)] == [0] and panel.heard.player.label == "Piece 1"


def test_an_empty_corner_is_one_line(panel):
    went_on(panel)
    panel.corners[1].value = " "
    for button in (panel.clip_button, panel.on_button):
        button.click()
        panel.wait()
        assert isinstance(panel.job.error, RiffeduError)
        assert "prompt at the lower right is empty" in panel.status.value
        assert not panel.on_button.disabled and len(panel.pieces) == 1
    panel.corners[1].value = PROMPTS[1]
    assert len(went_on(panel)) == 2, "the riff was not lost"


def test_a_riff_that_failed_begins_anew(panel, monkeypatch):
    went_on(panel)
    real = panel.pipeline.decode_latents

    def broken(*_, **__):
        raise RiffeduError("the latents hold NaN")

    monkeypatch.setattr(panel.pipeline, "decode_latents", broken)
    panel.on_button.click()
    panel.wait()
    assert "the latents hold NaN" in panel.status.value
    monkeypatch.setattr(panel.pipeline, "decode_latents", real)
    assert [p.number for p in went_on(panel)] == [0]


def test_stop(panel, monkeypatch):
    real = panel.pipeline.denoise

    def slow(*told, **more):
        for state in real(*told, **more):
            if state.step == 3:
                panel.stop_button.click()
            yield state

    monkeypatch.setattr(panel.pipeline, "denoise", slow)
    panel.steps.value = 20
    panel.clip_button.click()
    panel.wait()
    assert "Stopped" in panel.status.value and panel.job.error is None and panel.result is None
    assert not panel.clip_button.disabled and not panel.on_button.disabled


def test_a_panel_has_four_corners(pipeline):
    with pytest.raises(RiffeduError, match="four prompts"):
        interpolation_panel(pipeline, PROMPTS[:3])


# The checks


def assert_hint(verdict, *words):
    assert not verdict
    for word in words:
        assert word in verdict.message, verdict.message


def test_deviation_right():
    assert exercises.check_deviation(lambda a: math.hypot(1 - a, a))
    assert exercises.check_deviation(lambda a: np.float32((1 - 2 * a + 2 * a**2) ** 0.5))


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda a: (1 - a) + a, "Deviations don't add"),
        (lambda a: (1 - a) ** 2 + a**2, "square root"),
        (lambda a: ((1 - a) + a**2) ** 0.5, "Square each share"),
        (lambda a: abs((1 - a) - a), "powers add"),
        (lambda a: 0.5**0.5, "the middle's"),
        (lambda a: math.cos(a * math.pi / 2) + math.sin(a * math.pi / 2), "straight line"),
        (lambda a: a, "add, and take the root"),
        (lambda a: None, "write its body"),
        (lambda a: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_deviation_mistakes(f, words):
    assert_hint(exercises.check_deviation(f), words)


def arc(a, t):
    return np.array([math.sin((1 - a) * t), math.sin(a * t)])


def test_shares_right():
    assert exercises.check_shares(lambda a, t: arc(a, t) / math.sin(t))
    assert exercises.check_shares(lambda a, t: tuple(arc(a, t) / math.sin(t)))


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda a, t: arc(a, t)[::-1] / math.sin(t), "Exchanged"),
        (lambda a, t: (1 - a, a), "That is lerp"),
        (lambda a, t: arc(a, t), "Divide by sin θ"),
        (lambda a, t: (math.cos(a * math.pi / 2), math.sin(a * math.pi / 2)), "θ = 90°"),
        (lambda a, t: arc(a, t) / t, "not by θ"),
        (lambda a, t: arc(a, math.radians(t)) / math.sin(math.radians(t)), "radians"),
        (lambda a, t: np.array([1 - a, a]) * arc(a, t) / math.sin(t), "inside the sine"),
        (lambda a, t: (a * t, t), "should be"),
        (lambda a, t: a, "Two numbers"),
        (lambda a, t: (..., ...), "write its body"),
    ],
)
def test_shares_mistakes(f, words):
    assert_hint(exercises.check_shares(f), words)


def corners(x, y):
    return np.array([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y])


def test_weights_right():
    assert exercises.check_weights(lambda x, y: corners(x, y).tolist())
    assert exercises.check_weights(weights)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x, y: corners(y, x), "exchanged"),
        (lambda x, y: corners(1 - x, 1 - y), "other way round"),
        (lambda x, y: corners(x, 1 - y), "upside down"),
        (lambda x, y: corners(1 - x, y), "turned round"),
        (lambda x, y: corners(x, y)[[0, 1, 3, 2]], "Going round"),
        (lambda x, y: np.array([2 - x - y, x + 1 - y, 1 - x + y, x + y]) / 4, "products"),
        (lambda x, y: [1 - x, x, 1 - y, y], "add up to 2.00"),
        (lambda x, y: [0.25] * 4, "they should be"),
        (lambda x, y: [x, y], "Four numbers"),
    ],
)
def test_weights_mistakes(f, words):
    assert_hint(exercises.check_weights(f), words)


@pytest.mark.parametrize(
    "f",
    [
        EASINGS["smooth"],
        lambda a: (1 - math.cos(math.pi * a)) / 2,
        lambda a: a**3 * (10 - 15 * a + 6 * a**2),
    ],
)
def test_easing_right(f):
    assert exercises.check_easing(f)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (EASINGS["linear"], "jolt"),
        (EASINGS["slow start"], "The start is slow, but not the end"),
        (EASINGS["slow end"], "The end is slow, but not the start"),
        (lambda a: a + 0.1 * math.sin(2 * math.pi * a), "not at rest"),
        (lambda a: 3 * a**2 - 2 * a**3 + 2 * math.sin(2 * math.pi * a) ** 2 * a, "turns back"),
        (lambda a: 1 - a, "from 1 to 0"),
        (lambda a: math.cos(math.pi * a), "begin at 0"),
        (lambda a: float("nan"), "not numbers"),
        (lambda a: float(a >= 0.5), "It jumps"),
        (lambda a: None, "write its body"),
    ],
)
def test_easing_mistakes(f, words):
    assert_hint(exercises.check_easing(f), words)
