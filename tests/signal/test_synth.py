"""Tones, noise and small instruments: what their equations promise, by scipy where it has them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffedu.errors import RiffeduError
from riffedu.signal import synth
from riffedu.signal.audio import peak_db, rms_db

ALL = {
    "sine": lambda: synth.sine(440),
    "harmonics": lambda: synth.harmonics(220, [1, 0.5, 0.25]),
    "chirp": lambda: synth.chirp(100, 5000),
    "impulses": lambda: synth.impulses(100),
    "white": lambda: synth.noise(),
    "pink": lambda: synth.noise(colour="pink"),
    "brown": lambda: synth.noise(colour="brown"),
    "pluck": lambda: synth.pluck(220),
    "kick": synth.kick,
    "snare": synth.snare,
    "hat": synth.hat,
    "vowel": lambda: synth.vowel("a"),
    "babble": synth.babble,
}


def spectrum(x, rate=44100):
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    return np.fft.rfftfreq(len(x), 1 / rate), power


def loudest(x, rate=44100):
    f, power = spectrum(x, rate)
    return f[power.argmax()]


@pytest.mark.parametrize("name", ALL)
def test_every_sound_is_safe_and_the_same_each_time(name):
    sound = ALL[name]()
    assert sound.dtype == np.float32 and sound.ndim == 1 and np.isfinite(sound).all()
    assert np.array_equal(sound, ALL[name]())
    assert -50 < rms_db(sound) < -12 and peak_db(sound) < 0


@given(seconds=st.floats(0.001, 0.3), rate=st.sampled_from([8000, 22050, 44100, 96000]))
@settings(deadline=None, max_examples=20)
def test_every_sound_has_the_length_that_was_asked(seconds, rate):
    wanted = round(seconds * rate)
    for sound in (
        synth.sine(440, seconds, rate),
        synth.harmonics(220, [1, 1], seconds, rate),
        synth.chirp(100, 900, seconds, rate),
        synth.impulses(50, seconds, rate),
        synth.noise(seconds, rate),
        synth.pluck(220, seconds, rate),
        synth.kick(seconds, rate),
        synth.snare(seconds, rate),
        synth.hat(seconds, rate),
        synth.vowel("o", 110, seconds, rate),
    ):
        assert len(sound) == wanted and np.isfinite(sound).all()


@given(hertz=st.floats(20, 20000), amplitude=st.floats(0.01, 1), phase=st.floats(-7, 7))
def test_sine(hertz, amplitude, phase):
    t = np.arange(4410) / 44100
    x = synth.sine(hertz, 0.1, amplitude=amplitude, phase=phase)
    assert np.abs(x - amplitude * np.sin(2 * np.pi * hertz * t + phase)).max() < 1e-6


def test_tones_have_an_rms_of_minus_20():
    for name in ("sine", "harmonics", "chirp", "white", "pink", "brown"):
        assert rms_db(ALL[name]()) == pytest.approx(-20, abs=0.05)


def test_harmonics_lie_where_they_should_and_stay_below_half_the_rate():
    f, power = spectrum(synth.harmonics(1000, np.ones(50), 1.0, 8000), 8000)
    peaks = sorted(f[np.argsort(power)[-3:]].round())
    assert peaks == [1000, 2000, 3000], "3 fit below 4000 Hz; the others would alias"
    strengths = [np.sqrt(power[np.abs(f - k).argmin()]) for k in (1000, 2000, 3000)]
    assert np.ptp(strengths) / strengths[0] < 1e-3
    assert not synth.harmonics(5000, [1], 0.1, 8000).any()


def test_harmonics_that_glide_are_a_chirp():
    t = synth.times(1.0)
    x = synth.harmonics(200 + 800 * t, [1.0])
    theirs = synth.chirp(200, 1000, kind="linear")
    assert np.corrcoef(x, theirs)[0, 1] > 0.99


@pytest.mark.parametrize("kind, method", [("linear", "linear"), ("exponential", "logarithmic")])
@pytest.mark.parametrize("start, end", [(100, 5000), (8000, 50), (440, 440)])
def test_chirp_is_scipys(kind, method, start, end):
    from scipy.signal import chirp

    t = synth.times(2.0)
    theirs = 0.5 * chirp(t, start, 2.0, end, method=method, phi=-90)
    assert np.abs(synth.chirp(start, end, 2.0, kind=kind, amplitude=0.5) - theirs).max() < 1e-5


def test_impulses():
    x = synth.impulses(100, 0.5, 44100)
    assert np.flatnonzero(x).tolist() == list(range(0, 22050, 441)) and x.max() == 0.5
    assert np.count_nonzero(synth.impulses(7.3, 10)) == 73
    assert synth.impulses(1e9, 0.01).all()


@pytest.mark.parametrize("colour, slope", [("white", 0), ("pink", -1), ("brown", -2)])
def test_noise_slopes(colour, slope):
    """Power against frequency on log axes, averaged in third octaves from 100 Hz to 10 kHz."""
    x = synth.noise(20.0, colour=colour)
    f, power = spectrum(x)
    edges = 100 * 2 ** (np.arange(21) / 3)
    means = [power[(f >= a) & (f < b)].mean() for a, b in zip(edges, edges[1:])]
    fitted = np.polyfit(np.log10(edges[:-1]), np.log10(means), 1)[0]
    assert fitted == pytest.approx(slope, abs=0.03)
    assert (synth.noise(seed=1) != synth.noise(seed=2)).any()


@pytest.mark.parametrize("hertz", [55, 110, 220, 440, 880])
def test_a_string_sounds_at_its_pitch_and_dies_away(hertz):
    x = synth.pluck(hertz, 2.0)
    period = round(44100 / hertz - 0.5) + 0.5
    f, power = spectrum(x[4410:])
    near = (f > 0.9 * hertz) & (f < 1.1 * hertz)
    assert f[near][power[near].argmax()] == pytest.approx(44100 / period, abs=0.6)
    assert rms_db(x[-22050:]) < rms_db(x[:22050]) - 3


def test_a_string_is_karplus_and_strongs_equation():
    n, x = 100, np.zeros(700)
    x[:n] = np.random.default_rng(0).uniform(-1, 1, n)
    y = np.zeros(700)
    for i in range(700):
        y[i] = x[i]
        y[i] += 0.5 * y[i - n] if i >= n else 0
        y[i] += 0.5 * y[i - n - 1] if i >= n + 1 else 0
    ours = synth.pluck(44100 / (n + 0.5), 700 / 44100)
    assert np.abs(ours - 0.5 * y / np.abs(y).max()).max() < 1e-6


def test_drums_begin_loud_and_end_quiet():
    for drum in (synth.kick, synth.snare, synth.hat):
        x = drum()
        third = len(x) // 3
        assert rms_db(x[-third:]) < rms_db(x[:third]) - 9
    assert loudest(synth.kick()) < 100 < 150 < loudest(synth.snare()) < 250
    assert loudest(synth.hat()) > 5000


@pytest.mark.parametrize("name", synth.VOWELS)
def test_vowels_have_their_formants_at_any_pitch(name):
    """The envelope, read off harmonics 50 Hz apart, peaks near the first formant."""
    for hertz in (50, 80):
        f, power = spectrum(synth.vowel(name, hertz, 2.0))
        partials = np.arange(hertz, 1200, hertz)
        level = [power[np.abs(f - p).argmin()] * p**2 for p in partials]  # the source falls as 1/k
        assert abs(partials[np.argmax(level)] - synth.VOWELS[name][0]) < 1.5 * hertz


def test_resonators_are_klatts():
    """One resonator by its difference equation, sample by sample."""
    x, f, rate = np.random.default_rng(0).standard_normal(300), 700.0, 44100
    r = np.exp(-np.pi * (50 + f / 20) / rate)
    b, c = 2 * r * np.cos(2 * np.pi * f / rate), -(r**2)
    y = np.zeros(302)
    for n in range(300):
        y[n + 2] = (1 - b - c) * x[n] + b * y[n + 1] + c * y[n]
    assert np.abs(synth.resonate(x, [f]) - y[2:]).max() < 1e-9
    assert np.abs(synth.resonate(x, [[f], [f], [f]]) - y[2:]).max() < 1e-9
    assert synth.resonate(np.ones(44100), [500, 1500])[-1] == pytest.approx(1, abs=1e-6)


def test_babble_has_pauses_hiss_and_voice():
    x = synth.babble("ma - si -", 0.25)
    quarter = len(x) // 4
    ma, first, si, last = (x[k * quarter + 2000 : (k + 1) * quarter - 2000] for k in range(4))
    assert rms_db(ma) > -25 and rms_db(last) < -80
    hiss = x[2 * quarter + 1500 : 2 * quarter + 2500]
    assert loudest(hiss) > 3000 > loudest(ma)
    assert rms_db(first) < rms_db(ma) - 30


def test_envelope():
    e = synth.envelope(1.0, 0.1, 0.2, 0.5, 0.25, 1000)
    assert len(e) == 1000 and e[0] == 0 and e[100] == 1 and e.max() == 1
    assert (e[300:750] == 0.5).all() and e[-1] < 0.01
    assert synth.envelope(0.5, 0, 0, 1, 0)[0] == 1
    with pytest.raises(RiffeduError, match="fit in the sound"):
        synth.envelope(0.2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: synth.sine(440, 0),
        lambda: synth.sine(440, -1),
        lambda: synth.sine(440, 1, 0),
        lambda: synth.noise(colour="blue"),
        lambda: synth.chirp(0, 100),
        lambda: synth.pluck(0),
        lambda: synth.chirp(100, 200, kind="wiggly"),
        lambda: synth.impulses(0),
        lambda: synth.pluck(1e9),
        lambda: synth.vowel("y"),
        lambda: synth.sine(440, float("inf")),
    ],
)
def test_one_clear_line(call):
    with pytest.raises(RiffeduError) as error:
        call()
    assert "\n" not in str(error.value)
