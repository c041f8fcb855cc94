"""Sampling and rounding, written out, against scipy and against what theory promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffedu.errors import RiffeduError
from riffedu.signal.audio import clip, resample, rms_db
from riffedu.signal.sampling import alias, decimate, low_pass, quantise, sinc_interpolate, snr_db
from riffedu.signal.synth import noise, sine


@given(hertz=st.integers(0, 200000), rate=st.integers(1000, 96000))
def test_a_tone_and_its_alias_have_the_same_samples(hertz, rate):
    folded, n = alias(hertz, rate), np.arange(50)
    assert 0 <= folded <= rate / 2
    # With whole numbers the phase is exact: n · hertz modulo rate.
    one, other = (np.cos(2 * np.pi * ((n * int(f)) % rate) / rate) for f in (hertz, folded))
    assert np.abs(one - other).max() < 1e-9
    assert alias(folded, rate) == folded


@pytest.mark.parametrize(
    "hertz, rate, heard",
    [
        (1000, 8000, 1000),
        (4000, 8000, 4000),
        (5000, 8000, 3000),
        (7000, 8000, 1000),
        (8000, 8000, 0),
        (9000, 8000, 1000),
        (43100, 44100, 1000),
        (0, 8000, 0),
    ],
)
def test_aliases_by_hand(hertz, rate, heard):
    assert alias(hertz, rate) == heard


def test_the_curve_between_the_samples():
    t = np.arange(0.4, 0.6, 1 / 44100)
    samples = sine(440, 1.0, 2000, amplitude=1.0)
    assert np.abs(sinc_interpolate(samples, 2000, t) - np.sin(2 * np.pi * 440 * t)).max() < 2e-3
    x = np.random.default_rng(0).standard_normal(30)
    assert np.abs(sinc_interpolate(x, 10, np.arange(30) / 10) - x).max() < 1e-12


@pytest.mark.parametrize("cutoff, taps", [(1000, 255), (5000, 64), (100, 1001), (20000, 33)])
def test_low_pass_is_scipys(cutoff, taps):
    from scipy.signal import firwin

    theirs = firwin(taps, cutoff, window=("kaiser", 10), fs=44100)
    assert np.abs(low_pass(cutoff, 44100, taps) - theirs).max() < 1e-14


def test_low_pass_stops_where_it_says():
    from scipy.signal import freqz

    f, h = freqz(low_pass(5000, 44100, 255), worN=8192, fs=44100)
    width = 6.4 * 44100 / 255
    level = 20 * np.log10(np.abs(h) + 1e-12)
    assert np.abs(level[f < 5000 - width / 2]).max() < 0.01
    assert level[f > 5000 + width / 2].max() < -95


@pytest.mark.parametrize("factor", [2, 3, 5, 8])
def test_decimate_with_and_without_the_filter(factor):
    rate = 44100 / factor
    low = sine(0.3 * rate)
    assert np.abs(decimate(low, factor) - low[::factor])[100:-100].max() < 1e-4
    assert np.array_equal(decimate(low, factor, filtered=False), low[::factor])
    high = sine(0.7 * rate)
    assert rms_db(decimate(high, factor, filtered=False)) > -20.1
    assert rms_db(decimate(high, factor)[100:-100]) < -110


@given(samples=st.integers(1, 700), factor=st.integers(1, 12), filtered=st.booleans())
@settings(deadline=None)
def test_decimate_any_length(samples, factor, filtered):
    kept = decimate(np.ones(samples), factor, filtered)
    assert kept.shape == (-(-samples // factor),) and kept.dtype == np.float32


def test_decimate_agrees_with_the_library_where_both_pass():
    sound = clip("full_mix")[0]
    ours, theirs = decimate(sound, 2), resample(sound, 44100, 22050)
    quiet = decimate(decimate(sound, 2) - theirs, 2)  # what lies below 5 kHz
    assert snr_db(theirs[::2], theirs[::2] + quiet) > 80
    assert snr_db(theirs, ours) > 30


@given(bits=st.integers(1, 24), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_quantise_rounds_to_the_nearest_of_its_steps(bits, seed):
    x = np.random.default_rng(seed).uniform(-1, 1, 500)
    y, q = quantise(x, bits), 2.0 / 2**bits
    inside = x <= 1 - q
    assert np.abs(y - x)[inside].max(initial=0) <= q / 2 * (1 + 1e-6) + 1e-7
    assert np.array_equal(y / q, np.round(y / q)) and y.min() >= -1 and y.max() <= 1 - q
    assert np.array_equal(quantise(y, bits), y)


@pytest.mark.parametrize("bits", [4, 8, 12, 16])
def test_six_decibels_a_bit(bits):
    peak = 1 - 4 / 2**bits  # leaves room for the dither, so that nothing is clipped
    x, full = sine(997, 2.0, amplitude=peak), 6.02 * bits + 1.76 + 20 * np.log10(peak)
    assert snr_db(x, quantise(x, bits)) == pytest.approx(full, abs=0.6)
    assert snr_db(x, quantise(x, bits, dither=True)) == pytest.approx(full - 4.77, abs=0.2)


def test_dither_makes_the_error_free_of_the_sound():
    """Half a step is lost without dither; with it, the average still follows the sound."""
    x = 0.4 / 8 * np.sin(2 * np.pi * np.arange(200000) / 1000)
    assert not quantise(x, 4).any()
    rounds = quantise(x, 4, dither=True).reshape(-1, 1000).mean(axis=0)
    assert np.abs(rounds - x[:1000]).max() < 0.04
    assert np.corrcoef(rounds, x[:1000])[0, 1] > 0.9
    assert np.array_equal(quantise(x, 4, True, seed=3), quantise(x, 4, True, seed=3))
    assert (quantise(x, 4, True, seed=3) != quantise(x, 4, True, seed=4)).any()


def test_snr():
    x = noise(0.1)
    assert snr_db(x, x) == np.inf and snr_db(x, 1.1 * x) == pytest.approx(20, abs=1e-3)
    assert snr_db(x, 2 * x) == pytest.approx(0, abs=1e-6)
    assert snr_db(np.zeros(3), np.ones(3)) == -np.inf


@pytest.mark.parametrize(
    "call",
    [
        lambda: alias(100, 0),
        lambda: low_pass(0, 44100),
        lambda: low_pass(22050, 44100),
        lambda: low_pass(100, 44100, 0),
        lambda: decimate(np.ones(9), 0),
        lambda: decimate(np.ones(9), 1.5),
        lambda: decimate(np.ones((2, 9)), 2),
        lambda: quantise(np.ones(3), 0),
        lambda: quantise(np.ones(3), 25),
    ],
)
def test_one_clear_line(call):
    with pytest.raises(RiffeduError) as error:
        call()
    assert "\n" not in str(error.value)
