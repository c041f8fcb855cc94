"""Stereo that loses nothing in mono, with the correlation and width that are stated."""

import numpy as np
import pytest

from riffedu.errors import RiffeduError
from riffedu.signal.audio import clip, rms_db
from riffedu.signal.stereo import from_side, stereo_width, widen


@pytest.fixture(scope="module")
def tune():
    return clip("tune")


@pytest.mark.parametrize("width", [0.0, 0.25, 0.5, 1.0])
def test_mono_is_the_sound_itself(tune, width):
    wide = widen(*tune, width)
    assert wide.shape == (2, len(tune[0])) and wide.dtype == np.float32
    assert np.abs(wide.mean(0) - tune[0]).max() < 1e-7


@pytest.mark.parametrize("width", [0.25, 0.5, 1.0])
def test_correlation_and_width_are_those_stated(tune, width):
    correlation, measured = stereo_width(widen(*tune, width))
    assert measured == pytest.approx(width, abs=1e-4)
    assert correlation == pytest.approx((1 - width**2) / (1 + width**2), abs=1e-4)


def test_both_channels_are_equally_loud(tune):
    left, right = widen(*tune, 0.7)
    assert rms_db(left) == pytest.approx(rms_db(right), abs=0.01)


def test_bass_stays_in_the_middle():
    t = np.arange(44100) / 44100
    both = 0.1 * np.sin(2 * np.pi * 60 * t) + 0.1 * np.sin(2 * np.pi * 3000 * t)
    left, right = widen(both, 44100, 0.5)
    side = np.abs(np.fft.rfft(left - right))
    assert side[60] < 0.1 * side[3000]


def test_seeds_give_other_sides_and_the_same_one_again(tune):
    assert np.array_equal(widen(*tune, seed=1), widen(*tune, seed=1))
    assert not np.array_equal(widen(*tune, seed=1), widen(*tune, seed=2))


def test_silence_and_a_silent_side():
    assert not widen(np.zeros(5000), 44100).any()
    assert np.array_equal(from_side(np.ones(4), np.zeros(4)), np.ones((2, 4), np.float32))
    assert np.isnan(stereo_width(np.zeros((2, 9)))).all()


@pytest.mark.parametrize("bad", [np.zeros((2, 100)), np.zeros(0)])
def test_only_mono_is_widened(bad):
    with pytest.raises(RiffeduError):
        widen(bad, 44100)


@pytest.mark.parametrize("width", [-0.1, 1.5, float("nan"), "wide"])
def test_impossible_widths(width):
    with pytest.raises(RiffeduError, match="width"):
        widen(np.ones(100), 44100, width)


def test_different_lengths():
    with pytest.raises(RiffeduError, match="equally long"):
        from_side(np.ones(4), np.ones(5))
    with pytest.raises(RiffeduError, match="two channels"):
        stereo_width(np.ones(4))
