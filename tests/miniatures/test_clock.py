"""Timing conditioning: the curves, the clock's numbers, and that the clock is obeyed."""

import numpy as np
import pytest
import torch

from riffedu.errors import RiffeduError
from riffedu.miniatures import clock


def test_loudness_begins_and_ends():
    start, total = torch.tensor([0.0, 5.0, 3.0]), torch.tensor([6.0, 20.0, 4.0])
    first, middle, last = clock.loudness(start, total, torch.zeros(3))
    assert first[0] == -1 and (first[24:] == -1).all() and first[4:16].min() > 0.3
    assert middle.min() > 0.3
    assert (last[4:] == -1).all() and last[0] == pytest.approx(0.0)


def test_the_embedding_tells_times_apart():
    start, total = torch.tensor([0.0, 0.0, 3.0]), torch.tensor([6.0, 12.0, 6.0])
    a, b, c = clock.clock_embedding(start, total)
    half = clock.WIDTH
    assert torch.equal(a[:half], b[:half]) and torch.equal(a[half:], c[half:])
    assert (a - b).abs().max() > 0.5 and (a - c).abs().max() > 0.5


def test_the_network_obeys_its_clock():
    *_, last = clock.train(True, 250)
    short = clock.draw(last.network, 0, 6, count=100).mean(0)
    long = clock.draw(last.network, 8, 20, count=100).mean(0)
    assert short[26:].mean() < -0.7 and short[8:16].mean() > 0.3
    assert long.mean() > 0.4


def test_without_a_clock_the_times_change_nothing():
    states = [list(clock.train(False, 20, seed=seed))[-1] for seed in (1, 1)]
    a, b = (clock.draw(state.network, count=3) for state in states)
    assert torch.equal(a, b) and a.shape == (3, clock.POINTS) and np.isfinite(a.numpy()).all()
    with pytest.raises(RiffeduError, match="both a start and a total"):
        clock.draw(states[0].network, start=1)
