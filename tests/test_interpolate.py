"""Ways between two points: their ends, their lengths, their angles, and journeys over many."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from riffedu import interpolate
from riffedu.errors import RiffeduError


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
    way = list(interpolate.journey([0.0, 1.0, 5.0], 4, easing=easing))
    assert len(way) == 9 and way[0] == 0 and way[4] == 1 and way[8] == 5
    assert (np.diff(way) > 0).all()


@pytest.mark.parametrize("call, words", [
    (lambda: interpolate.lerp(0.0, 1.0, 1.1), "between 0 and 1"),
    (lambda: interpolate.slerp(np.ones(3), np.ones(3), float("nan")), "between 0 and 1"),
    (lambda: interpolate.slerp(np.ones(3), np.ones(4), 0.5), "one shape"),
    (lambda: interpolate.four_corners([1, 2, 3], 0, 0), "four corners"),
    (lambda: list(interpolate.journey([1.0], 3)), "two stops"),
    (lambda: list(interpolate.journey([1.0, 2.0], 0)), "at least 1"),
    (lambda: list(interpolate.journey([1.0, 2.0], 2, easing="fast")), "slow start"),
])  # fmt: skip
def test_what_cannot_be_is_said(call, words):
    with pytest.raises(RiffeduError, match=words):
        call()
