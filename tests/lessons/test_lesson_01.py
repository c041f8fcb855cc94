"""Lesson 01: its panels, every control driven to its ends, and its exercises' hints."""

import io

import numpy as np
import pytest
from ears import heard
from PIL import Image

from riffedu.lessons.l01_sound import alias_panel, beats_panel, bits_panel, exercises, levels_table
from riffedu.lessons.l01_sound.panel import RATES
from riffedu.signal.audio import rms_db
from riffedu.signal.sampling import alias, quantise
from riffedu.signal.synth import noise, sine
from riffedu.widgets import wave_picture
from riffedu.widgets.table import by_ear


def pitch(samples, rate):
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return power.argmax() * rate / len(samples)


def drawn(panel):
    return np.asarray(Image.open(io.BytesIO(panel.figure.widget.value)))


def ends(slider):
    return (slider.min, slider.max) if hasattr(slider, "min") else (RATES[0], RATES[-1])


# Aliases


def test_alias_panel_at_every_corner():
    panel = alias_panel()
    for hertz in ends(panel.hertz):
        for rate in ends(panel.rate):
            panel.hertz.value, panel.rate.value = hertz, rate
            panel.wait()
            samples, at = heard(panel.sound.widget)
            assert at == 44100 and len(samples) == 44100 and rms_db(samples) < -12
            assert panel.heard == alias(hertz, rate)
            if panel.heard:
                assert pitch(samples, at) == pytest.approx(panel.heard, abs=2)
                assert f"{panel.heard:g} Hz" in panel.facts.value


def test_alias_panel_plays_and_draws_what_the_samples_say():
    panel = alias_panel(hertz=3000, sample_rate=8000)
    below, picture = heard(panel.sound.widget)[0], drawn(panel)
    assert "below 4000 Hz" in panel.facts.value and "you hear 3000 Hz" in panel.facts.value
    panel.hertz.value = 5000
    assert (drawn(panel) != picture).any(), "the picture follows at once"
    assert np.array_equal(heard(panel.sound.widget)[0], below), "the sound waits for the release"
    panel.wait()
    above = heard(panel.sound.widget)[0]
    assert np.abs(above + below).max() < 1e-3, "the same tone, upside down"
    assert "alias" in panel.facts.value and (drawn(panel) != picture).any()
    dots, curve = panel._dots.get_data(), panel._alias.get_data()
    on_curve = np.interp(dots[0], *curve)
    assert np.abs(on_curve - dots[1]).max() < 2e-3, "the alias goes through every sample"
    assert "5000 Hz" in panel.figure.widget.tooltip


@pytest.mark.parametrize("hertz", [4000, 8000, 12000])
def test_alias_panel_is_silent_at_multiples_of_half_the_rate(hertz):
    panel = alias_panel(hertz, 8000)
    assert rms_db(heard(panel.sound.widget)[0]) < -80 and "you hear nothing" in panel.facts.value


# Bits


@pytest.fixture(scope="module")
def bits():
    return bits_panel()


def test_bits_panel_at_every_corner(bits):
    for source in bits.source.options:
        bits.source.value = source
        for count in ends(bits.bits):
            for dither in (False, True):
                for listen in bits.listen.options:
                    bits.bits.value, bits.dither.value = count, dither
                    bits.listen.value = listen
                    bits.wait()
                    samples, rate = heard(bits.sound.widget)
                    assert rate == 44100 and rms_db(samples) < -12
                    assert f"{2**count} values" in bits.facts.value
    for control, value in [("source", "sine"), ("bits", 5), ("dither", False)]:
        getattr(bits, control).value = value
    bits.listen.value = "rounded sound"
    bits.wait()


def test_bits_panel_draws_while_dragged_and_sounds_at_rest(bits):
    assert bits.bits.continuous_update
    before, picture = bits.sound.player, drawn(bits)
    for count in (4, 3, 2):
        bits.bits.value = count
        now = drawn(bits)
        assert (now != picture).any() and f"{2**count} values" in bits.facts.value
        picture = now
    assert bits.sound.player is before, "the sound waits for the release"
    bits.wait()
    assert "2 bits" in bits.sound.player.label
    assert len(np.unique(heard(bits.sound.widget)[0])) <= 4


def test_bits_panel_measures_what_it_plays(bits):
    bits.source.value, bits.listen.value = "sine", "rounded sound"
    for count in (5, 8, 12):
        bits.bits.value, bits.dither.value = count, False
        bits.wait()
        whole, picture = heard(bits.sound.widget)[0], drawn(bits)
        assert bits.snr == pytest.approx(6.02 * count + 1.76, abs=1)
        assert np.array_equal(bits.rounded, quantise(bits.clean, count))
        bits.listen.value = "error alone"
        bits.wait()
        error = heard(bits.sound.widget)[0]
        clean = bits.clean * 10 ** (bits.GAIN_DB / 20)
        assert np.abs(whole - error - clean).max() < 1e-4
        bits.listen.value = "rounded sound"
        bits.wait()
        plain = bits.snr
        bits.dither.value = True
        bits.wait()
        assert plain - bits.snr == pytest.approx(4.8, abs=1)
        assert (drawn(bits) != picture).any() and "dithered" in bits.sound.player.label


def test_bits_panel_takes_sounds():
    panel = bits_panel({"hiss": noise(0.1)})
    assert panel.source.options == ("hiss",) and np.abs(panel.sounds["hiss"]).max() == 1


# Beats


def test_beats_panel_at_every_corner():
    panel = beats_panel()
    for hertz in ends(panel.hertz):
        for apart in ends(panel.apart):
            for ears in panel.ears.options:
                panel.hertz.value, panel.apart.value, panel.ears.value = hertz, apart, ears
                panel.wait()
                samples, rate = heard(panel.sound.widget)
                assert rate == 44100 and rms_db(samples) < -12
                assert samples.shape == ((132300,) if ears == "added" else (2, 132300))


def test_beats_are_as_many_as_the_hertz_between():
    panel = beats_panel(440, 4)
    samples, rate = heard(panel.sound.widget)
    outline = np.abs(samples[2205:-2205]).reshape(-1, 245).max(axis=1)  # every 1/180 s
    swells = np.fft.rfft(outline - outline.mean())
    assert np.abs(swells).argmax() * 180 / len(outline) == pytest.approx(4, abs=0.3)
    assert "444 Hz" in panel.facts.value and "4 times" in panel.facts.value
    picture = drawn(panel)
    panel.apart.value = 8
    assert (drawn(panel) != picture).any()
    panel.apart.value = 0
    assert "one tone" in panel.facts.value
    panel.wait()
    assert rms_db(heard(panel.sound.widget)[0]) == pytest.approx(-17, abs=0.2)
    panel.ears.value = "one to each ear"
    panel.wait()
    left, right = heard(panel.sound.widget)[0]
    assert np.array_equal(left, right) and "headphones" in panel.facts.value


def test_wave_picture_says_and_draws_both():
    t = np.arange(100) / 1000
    x = np.sin(t * 100)
    one = wave_picture({"a wave": (t, x)}, {"dots": (t[::9], x[::9])}, "Title", (0, 0.05))
    assert one.png[:4] == b"\x89PNG" and "Title" in one.alt and "a wave, from -1" in one.alt
    assert wave_picture({"a wave": (t, x)}).png != one.png


def test_levels_table():
    table = levels_table({"a sine": sine(997, 2.0)})
    assert "| a sine | -17.0 | -20.0 | -20.0 |" in table._repr_markdown_()
    assert "a sine" in repr(table) and len(table.rows) == 1


# Exercises


def assert_hint(verdict, words):
    assert not verdict and words in verdict.message, verdict.message


def n_of(seconds, rate):
    return np.arange(round(seconds * rate))


TAU = 2 * np.pi


@pytest.mark.parametrize(
    "tone, words",
    [
        (lambda f, s, r: 0.1 * np.sin(f * n_of(s, r) / r), "2π is missing"),
        (lambda f, s, r: 0.1 * np.sin(TAU * f * n_of(s, r)), "The time is missing"),
        (lambda f, s, r: 0.1 * np.cos(TAU * f * n_of(s, r) / r), "cosine"),
        (lambda f, s, r: 0.1 * np.sin(TAU * f * np.linspace(0, s, round(s * r))), "endpoint"),
        (lambda f, s, r: 0.1 * np.sin(360 * f * n_of(s, r) / r), "radians"),
        (lambda f, s, r: np.sin(TAU * f * n_of(s, r) / r), "multiply by 0.1"),
        (lambda f, s, r: np.sin(f * n_of(s, r) / r), "2π is missing"),
        (lambda f, s, r: 0.1 * np.sin(TAU * f * np.arange(round(s * r) + 1) / r), "One sample too"),
        (lambda f, s, r: 0.1 * np.sin(TAU * f * np.arange(r) / r), "400 samples, yours are 8000"),
        (lambda f, s, r: 0.1 * np.sin(TAU * f * n_of(s, r) / 8000), "wrong at 44100"),
        (lambda f, s, r: np.zeros((2, 400)), "(2, 400)"),
        (lambda f, s, r: np.ones(400), "Not these samples"),
        (lambda f, s, r: None, "return"),
        (lambda f, s, r: 1 / 0, "ZeroDivisionError"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_sine_hints(tone, words):
    assert_hint(exercises.check_sine(tone), words)


def test_sine_right():
    assert exercises.check_sine(lambda f, s, r: 0.1 * np.sin(TAU * f * n_of(s, r) / r))
    assert exercises.check_sine(lambda f, s, r: sine(f, s, r, amplitude=0.1))


def rms(x):
    return np.sqrt(np.mean(x**2))


def in_place(x):
    x *= 0.1 / rms(x)
    return x


@pytest.mark.parametrize(
    "level, words",
    [
        (lambda x: 0.1 * x / np.abs(x).max(), "peak"),
        (lambda x: 0.1 * x / np.mean(np.abs(x)), "mean of |x|"),
        (lambda x: 0.1 * x / np.mean(x**2), "The root is missing"),
        (lambda x: 10 ** (-20 / 10) * x / rms(x), "for powers"),
        (lambda x: 10 * x / rms(x), "mind the sign"),
        (lambda x: 0.1 * x, "Measure its level first"),
        (lambda x: 0.2 * x / rms(x), "-14.0 dBFS"),
        (lambda x: np.clip(x, -0.1, 0.1), "multiply the whole sound"),
        (lambda x: x[:10], "same shape"),
        (in_place, "return a new array"),
    ],
)
def test_rms_hints(level, words):
    assert_hint(exercises.check_rms(level), words)


def test_rms_right():
    assert exercises.check_rms(lambda x: x * 0.1 / rms(x))


# By ear


def level_at(sound, start):
    """The mean level in dBFS of 0.05 s in each beat, ``start`` seconds after it."""
    beats = np.asarray(sound[: 4 * 35280], float).reshape(4, 35280)
    at = round(start * 44100)
    return 10 * np.log10(np.mean(beats[:, at : at + 2205] ** 2) + 1e-10)


def treble(sound):
    """The share of the power above 3 kHz, in dB."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    above = np.fft.rfftfreq(len(sound), 1 / 44100) > 3000
    return 10 * np.log10(power[above].sum() / power.sum())


def test_the_four_ways_differ_by_what_the_exercise_says():
    sounds = {exercises.order()[letter]: x for letter, x in exercises.four_ways().items()}
    assert set(sounds) == set(exercises.WAYS)
    hats = {way: level_at(x, 0.48) for way, x in sounds.items()}
    pauses = {way: level_at(x, 0.7) for way, x in sounds.items()}
    assert pauses["dither"] > -40 and max(pauses[w] for w in sounds if w != "dither") < -80
    assert min(treble(sounds[w]) for w in ("4 bits", "dither")) > -15
    assert max(treble(sounds[w]) for w in ("alias", "low-pass")) < -35
    assert hats["low-pass"] < -50 < -35 < hats["alias"]
    assert all(rms_db(x) == pytest.approx(-23, abs=0.1) for x in sounds.values())
    table = by_ear(exercises.four_ways(), 44100)
    assert table._repr_html_().count("<audio") == 4
    assert not any(way in repr(table) for way in exercises.WAYS)
