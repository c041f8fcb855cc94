"""Ways between two points: their ends, their lengths, their angles; journeys; and two sounds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from riffedu import load_pipeline
from riffedu.diffusion import samplers
from riffedu.errors import RiffeduError
from riffedu.music import edit, interpolate
from tests.tiny import ours  # noqa: F401  (fixture)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def noise(seed, shape=(4, 16, 16)):
    return np.random.default_rng(seed).standard_normal(shape)


def test_a_straight_line_is_too_quiet_in_the_middle_and_an_arc_is_not():
    start, end = noise(0, (32, 64, 64)), noise(1, (32, 64, 64))
    assert abs(interpolate.lerp(start, end, 0.5).std() - 0.5**0.5) < 0.01
    for alpha in (0.1, 0.25, 0.5, 0.8):
        assert abs(interpolate.slerp(start, end, alpha).std() - 1) < 0.01


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.floats(0, 1), st.integers(0, 9), st.integers(10, 19))
def test_slerp_goes_in_equal_angles(alpha, one, other):
    start, end = noise(one), noise(other)
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    point = interpolate.slerp(start, end, alpha)
    whole = np.arccos((start * end).sum())
    assert abs(np.linalg.norm(point) - 1) < 1e-9
    assert abs(np.arccos(np.clip((start * point).sum(), -1, 1)) - alpha * whole) < 1e-6


@pytest.mark.parametrize("mix", [interpolate.lerp, interpolate.slerp])
def test_ends_are_the_ends(mix):
    start, end = noise(0), noise(1)
    assert np.abs(mix(start, end, 0.0) - start).max() < 1e-12
    assert np.abs(mix(start, end, 1.0) - end).max() < 1e-12


def test_torch_and_numpy_agree():
    start, end = noise(0), noise(1)
    ours = interpolate.slerp(torch.tensor(start), torch.tensor(end), 0.3)
    assert isinstance(ours, torch.Tensor)
    assert np.abs(ours.numpy() - interpolate.slerp(start, end, 0.3)).max() < 1e-12


def test_where_there_is_no_arc_slerp_is_a_line():
    start = noise(0)
    for end in (start, 2 * start, -start, 0 * start):
        found = interpolate.slerp(start, end, 0.25)
        assert np.abs(found - (0.75 * start + 0.25 * end)).max() < 1e-12


def test_four_corners_weigh_as_a_bilinear_mixture():
    corners = [np.eye(4)[i] for i in range(4)]
    found = interpolate.four_corners(corners, 0.25, 0.5)
    assert np.allclose(found, [0.75 * 0.5, 0.25 * 0.5, 0.75 * 0.5, 0.25 * 0.5])
    for corner, (x, y) in zip(corners, [(0, 0), (1, 0), (0, 1), (1, 1)]):
        assert np.allclose(interpolate.four_corners(corners, x, y, interpolate.slerp), corner)


@pytest.mark.parametrize("easing", interpolate.EASINGS)
def test_a_journey_visits_every_stop_and_never_turns_back(easing):
    way = list(interpolate.prompt_path([0.0, 1.0, 5.0], 4, easing=easing))
    assert len(way) == 9 and way[0] == 0 and way[4] == 1 and way[8] == 5
    assert (np.diff(way) > 0).all()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: interpolate.lerp(0.0, 1.0, 1.1), "between 0 and 1"),
        (lambda: interpolate.slerp(np.ones(3), np.ones(3), float("nan")), "between 0 and 1"),
        (lambda: interpolate.slerp(np.ones(3), np.ones(4), 0.5), "the same shape"),
        (lambda: interpolate.four_corners([1, 2, 3], 0, 0), "four corners"),
        (lambda: list(interpolate.prompt_path([1.0], 3)), "two stops"),
        (lambda: list(interpolate.prompt_path([1.0, 2.0], 0)), "at least 1"),
        (lambda: list(interpolate.prompt_path([1.0, 2.0], 2, easing="fast")), "slow start"),
    ],
)
def test_what_cannot_be_is_said(call, words):
    with pytest.raises(RiffeduError, match=words):
        call()


# --- two sounds ---------------------------------------------------------------------------------

RATE = 44100


@pytest.fixture(scope="module")
def small(ours):  # noqa: F811
    return load_pipeline(ours)


def tone(hertz=440.0, seconds=0.64, level=0.1):
    time = np.arange(round(RATE * seconds)) / RATE
    return (level * np.sin(2 * np.pi * hertz * time)).astype("f4"), RATE


def drawn(pipeline, clip):
    """The picture of a clip, through the autoencoder, and its latents."""
    picture, _ = edit.picture_and_level(pipeline, clip)
    latents = pipeline.encode_image(picture)
    return pipeline.decode_latents(latents, picture.width)[0], latents


def greys(image):
    return np.asarray(image.convert("L"), dtype=np.float32)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_the_ends_of_a_morph_are_the_sounds(small, strength):
    clips = tone(300), tone(900)
    made = small.morph(
        *clips,
        [0, 1],
        strength=strength,
        num_inference_steps=20,
        fixed_point_iterations=6,
        progress=False,
    )
    for result, clip in zip(made, clips):
        assert np.abs(greys(result.image) - greys(drawn(small, clip)[0])).mean() < 1


def test_without_strength_the_latents_are_mixed_as_they_are(small):
    (_, start), (_, end) = drawn(small, tone(300)), drawn(small, tone(900))
    for mix in (interpolate.lerp, interpolate.slerp):
        found = interpolate.morph_latents(small, start, end, [0.3], 0.0, mix=mix)
        assert torch.equal(found, mix(start, end, 0.3))


def test_with_strength_1_noise_is_mixed(small):
    (_, start), (_, end) = drawn(small, tone(300)), drawn(small, tone(900))
    predict = small.predictor(small.encode_prompt("piano"), guidance_scale=1.0)
    levels, kind = samplers.reversible(small.noise_levels(3)), small.prediction_type
    noise = [list(samplers.invert(predict, x, levels, kind, 1))[-1].latents for x in (start, end)]
    mixed = interpolate.slerp(*noise, 0.4)
    *_, wanted = samplers.sample(predict, mixed, levels, samplers.ddim, kind)
    found = interpolate.morph_latents(
        small, start, end, [0.4], 1.0, "piano", 3, fixed_point_iterations=1
    )
    assert torch.allclose(found, wanted.latents, atol=1e-4)


def test_many_places_are_as_each_alone(small):
    (_, start), (_, end) = drawn(small, tone(300)), drawn(small, tone(900))
    places = np.linspace(0, 1, interpolate.BATCH_SIZE + 2)
    found = interpolate.morph_latents(small, start, end, places, num_inference_steps=2)
    assert found.shape == (len(places), *start.shape[1:])
    alone = interpolate.morph_latents(small, start, end, [places[-2]], num_inference_steps=2)
    assert torch.allclose(found[-2:-1], alone, atol=1e-5)


def test_a_morph_goes_from_level_to_level(small):
    made = small.morph(
        tone(level=0.2),
        tone(900, level=0.02),
        np.linspace(0, 1, 3),
        num_inference_steps=2,
        progress=False,
    )
    levels = [result.parameters["rms_db"] for result in made]
    assert np.allclose(
        levels, np.linspace(*(20 * np.log10(x / 2**0.5) for x in (0.2, 0.02)), 3), atol=0.05
    )
    assert [result.parameters["alpha"] for result in made] == [0, 0.5, 1]


def test_one_place_is_one_result_as_long_as_the_sounds(small):
    clips = tone(seconds=0.5), (np.stack([tone(700, 0.5)[0]] * 2), RATE)
    result = small.morph(*clips, 0.5, num_inference_steps=2, progress=False)
    assert len(result.waveform) == 22050 and result.image.width == 50


def test_a_morph_of_sounds_longer_than_the_unet_learned(small):
    seconds = 0.32 * small.window + 0.5
    result = small.morph(
        tone(300, seconds), tone(500, seconds), 0.5, num_inference_steps=2, progress=False
    )
    assert result.image.width == round(100 * seconds)


@pytest.mark.parametrize("silent", [(True, False), (False, True), (True, True)])
def test_silence_is_a_sound_too(small, silent):
    clips = [tone(level=0.0) if quiet else tone(500) for quiet in silent]
    made = small.morph(*clips, [0, 0.5, 1], num_inference_steps=2, progress=False)
    assert all(np.isfinite(result.waveform).all() for result in made)
    levels = [result.parameters["rms_db"] for result in made]
    assert all(level < -20 for level in levels)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"clip_b": tone(seconds=0.9)}, "last 0.64 s and 0.9 s: cut them"),
        ({"alpha": 1.2}, "alpha must be from 0 to 1, not 1.2"),
        ({"alpha": [0.5, float("nan")]}, "alpha must be a number"),
        ({"alpha": []}, "empty list"),
        ({"alpha": "half"}, "must be a number"),
        ({"strength": -0.1}, "strength"),
        ({"strength": float("nan")}, "strength"),
        ({"fixed_point_iterations": 0}, "at least 1"),
        ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"clip_a": tone()[0]}, "a clip must be a pair"),
        ({"clip_a": (np.zeros(0, "f4"), RATE)}, "empty"),
        ({"prompt": 3}, "prompt must be text"),
        ({"clip_a": (np.full(9000, np.nan, "f4"), RATE)}, "NaN"),
    ],
)
def test_morphs_that_cannot_be(small, change, words):
    asked = {"clip_a": tone(300), "clip_b": tone(900), "alpha": 0.5, "progress": False, **change}
    with pytest.raises(RiffeduError, match=words):
        small.morph(**asked)
