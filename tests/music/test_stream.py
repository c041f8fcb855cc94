"""Endless music on a tiny random model: pieces join, repeat by their seed, and follow the point."""

from itertools import islice

import numpy as np
import pytest
import torch
from tiny import ours  # noqa: F401  (fixture)

from riffedu import load_pipeline
from riffedu.errors import RiffeduError
from riffedu.music import stream
from riffedu.music.interpolate import four_corners
from riffedu.signal.image import spectrogram_from_image

FEW = {"num_inference_steps": 2, "guidance_scale": 2.0}
FOUR = ["piano", "rock band", "techno", "violin"]
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def small(ours):
    return load_pipeline(ours)


def take(pipeline, count, prompts=FOUR, **options):
    return list(islice(stream.endless(pipeline, prompts, **{**FEW, **options}), count))


def test_pieces_have_their_length_and_number(small):
    pieces = take(small, 3)
    samples = small.window * 32 * 441
    assert [p.number for p in pieces] == [0, 1, 2]
    assert [len(p.waveform) for p in pieces] == [round(0.75 * samples)] * 3
    assert pieces[0].image.width == small.window * 32 and pieces[1].place == (0.5, 0.5)
    assert all(np.abs(p.waveform).max() <= 1 for p in pieces)


def test_no_sample_jumps_where_pieces_meet(small):
    sound = np.concatenate([p.waveform for p in take(small, 4)])
    steps = np.abs(np.diff(sound))
    joints = [len(sound) // 4 * i - 1 for i in (1, 2, 3)]
    for joint in joints:
        around = steps[joint - 2205 : joint + 2205]
        assert steps[joint] <= 1.5 * np.percentile(around, 99)


def test_a_piece_goes_on_from_the_last(small):
    corners = stream.corner_states(small, FOUR)
    one = stream.next_latents(small, corners[0], None, 2, 0, **FEW)
    two = stream.next_latents(small, corners[0], one, 2, 1, **FEW)
    assert (two[..., :2] - one[..., -2:]).abs().max() < 1e-6
    assert (two[..., 2:4] - one[..., -2:]).abs().max() > 0.1


def test_the_same_seed_and_places_give_the_same_music(small):
    one, again, other = (take(small, 2, seed=seed) for seed in (1, 1, 7))
    for a, b, c in zip(one, again, other):
        assert np.array_equal(a.waveform, b.waveform) and not np.array_equal(a.waveform, c.waveform)


def test_the_point_decides_what_is_heard(small):
    corners = stream.corner_states(small, FOUR)
    at = {
        place: stream.next_latents(small, four_corners(corners, *place), None, 1, 0, **FEW)
        for place in ((0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5))
    }
    for place, prompt in zip(at, FOUR):
        [alone, *_] = stream.corner_states(small, prompt)
        assert torch.allclose(
            at[place], stream.next_latents(small, alone, None, 1, 0, **FEW), atol=1e-4
        )
    assert len({latents.numpy().tobytes() for latents in at.values()}) == 5


def test_a_journey_calls_at_every_prompt(small):
    pieces = list(stream.interpolate_prompts(small, ["piano", "drums", "violin"], 2, seed=3, **FEW))
    assert [p.place for p in pieces] == [(k / 4, 0) for k in range(5)]
    text = small.encode_prompt("piano")
    alone = stream.grow(small, iter([((0, 0), text)]), 3, **FEW)
    assert np.array_equal(pieces[0].waveform, next(alone).waveform)


def test_a_journey_in_one_go(small):
    result = small.interpolate(["piano", "drums"], 1, seed=2, progress=False, **FEW)
    pieces = list(stream.interpolate_prompts(small, ["piano", "drums"], 1, seed=2, **FEW))
    assert np.array_equal(result.waveform, np.concatenate([p.waveform for p in pieces]))
    assert result.parameters["prompt"] == ["piano", "drums"]


def test_pieces_join_to_one_result(small):
    pieces = take(small, 3)
    result = stream.join(small, pieces, {"seed": 0})
    assert len(result.waveform) == sum(len(p.waveform) for p in pieces)
    assert result.image.width == len(result.waveform) // small.params.hop_length
    whole = spectrogram_from_image(result.image)
    second = spectrogram_from_image(pieces[1].image)[:, : whole.shape[1] // 3]
    width = second.shape[1]
    error = np.abs(whole[:, width : 2 * width] ** 0.25 - second**0.25).max()
    assert error < 2 / 255 * whole.max() ** 0.25, "the same amplitudes, to a grey"


def test_the_place_is_asked_for_just_before_each_piece(small):
    asked = []
    pieces = stream.endless(small, FOUR, lambda n: asked.append(n) or (n / 2, 0), **FEW)
    assert next(pieces).place == (0, 0) and asked == [0]
    assert next(pieces).place == (0.5, 0) and asked == [0, 1]


@pytest.mark.parametrize(
    "prompts, where, words",
    [
        ([], None, "one, two or four"),
        (["a", "b", "c"], None, "one, two or four"),
        (["a", " "], None, "non-empty"),
        ("a", lambda n: (0, 1.2), "outside"),
        ("a", lambda n: 3, "two numbers"),
        ("a", lambda n: (float("nan"), 0), "outside"),
    ],
)
def test_what_cannot_be_is_said(small, prompts, where, words):
    with pytest.raises(RiffeduError, match=words):
        take(small, 1, prompts, where=where)


@pytest.mark.parametrize(
    "prompts, options, words",
    [
        (["a"], {}, "two prompts"),
        (["a", ""], {}, "empty"),
        (["a", 3], {}, "must be text"),
        (["a", "b"], {"pieces": 0}, "pieces must be a whole number"),
        (["a", "b"], {"easing": "odd"}, "unknown"),
    ],
)
def test_journeys_that_cannot_be(small, prompts, options, words):
    with pytest.raises(RiffeduError, match=words):
        next(stream.interpolate_prompts(small, prompts, **{**FEW, **options}))
