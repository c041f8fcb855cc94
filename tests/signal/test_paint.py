"""What is painted is heard: its pitch, its moment, its level; and a picture turned about."""

import numpy as np
import pytest

from riffedu import image_from_spectrogram, image_to_audio, mel_spectrogram
from riffedu.errors import RiffeduError
from riffedu.signal import paint, synth
from riffedu.signal.audio import rms_db
from riffedu.signal.params import SpectrogramParams

RATE = 44100
PARAMS = SpectrogramParams()


def heard(mel):
    return image_to_audio(image_from_spectrogram(mel), progress=False)[0]


def pitch(sound):
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * len(sound)))
    return spectrum.argmax() * RATE / (4 * len(sound))


def correlation(a, b):
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


@pytest.mark.parametrize("hertz", [120, 440, 1000, 3000, 8000])
def test_a_line_sounds_where_it_was_painted(hertz):
    sound = heard(paint.line(paint.blank(1.28), hertz, level_db=-12))
    assert abs(pitch(sound[4410:-4410]) / hertz - 1) < 0.01
    # A sine of amplitude a has an RMS of a / √2.
    assert abs(rms_db(sound[8820:-8820]) - (-12 - 3.01)) < 1.5


@pytest.mark.parametrize("hertz", [120, 1000, 8000])
def test_a_line_looks_as_a_tone_does(hertz):
    painted = paint.line(paint.blank(1.28), hertz, level_db=-20)
    real = mel_spectrogram(synth.sine(hertz, 1.28, amplitude=0.1), PARAMS)
    inside = slice(10, -10)
    assert correlation(painted[:, inside], real[:, inside]) > 0.99
    assert abs(painted[:, 50].sum() / real[:, 50].sum() - 1) < 0.1


def test_a_glide_goes_from_one_to_the_other():
    sound = heard(paint.line(paint.blank(2.56), 300, 1200, level_db=-12))
    start, end = pitch(sound[4410:8820]), pitch(sound[-8820:-4410])
    assert 300 < start < 420 and 1050 < end < 1230


def test_harmonics_are_multiples_and_fall():
    mel = paint.harmonics(paint.blank(1.0), 300, partials=4, level_db=-12)
    sound = heard(mel)[4410:-4410]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    levels = [
        20 * np.log10(spectrum[round(n * 300 * len(sound) / RATE) + np.arange(-5, 6)].max())
        for n in (1, 2, 3, 4, 5)
    ]
    assert np.allclose(np.array(levels[:4]) - levels[0], [0, -6, -9.5, -12], atol=2.5)
    assert levels[4] < levels[3] - 12
    assert np.array_equal(
        paint.harmonics(paint.blank(0.1), 6000, partials=9), paint.line(paint.blank(0.1), 6000)
    )


def test_a_beat_is_at_its_moment():
    for at in (0.3, 0.905):
        mel = paint.beat(paint.blank(1.28), at, level_db=-30)
        real = np.zeros(round(1.28 * RATE), np.float32)
        real[round(at * RATE)] = 10 ** (10 / 20)
        assert correlation(mel, mel_spectrogram(real, PARAMS)) > 0.99
        sound = heard(mel)
        middle = (np.arange(len(sound)) * sound**2).sum() / (sound**2).sum() / RATE
        assert abs(middle - at) < 0.01


def test_a_rectangle_hisses_in_its_band_at_its_level():
    sound = heard(paint.rectangle(paint.blank(2.0), 1000, 2000, 0.5, 1.5, level_db=-25))
    assert abs(rms_db(sound[round(0.6 * RATE) : round(1.4 * RATE)]) + 25) < 2.5
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    assert power[(hertz > 950) & (hertz < 2100)].sum() > 0.97 * power.sum()
    assert rms_db(sound[: round(0.4 * RATE)]) < -45
    again = paint.rectangle(paint.blank(0.2), 1000, 2000, seed=0)
    assert np.array_equal(again, paint.rectangle(paint.blank(0.2), 1000, 2000, seed=0))


def test_nothing_is_painted_in_place_and_the_louder_is_seen():
    canvas = paint.blank(0.5)
    one = paint.line(canvas, 500, level_db=-20)
    assert canvas.max() == 0
    assert np.array_equal(paint.line(one, 500, level_db=-40), one)
    both = paint.beat(one, 0.2)
    assert (both >= one).all() and (both > one).any()


def test_stamps_and_turns():
    part = np.random.default_rng(0).uniform(size=(512, 30)).astype(np.float32)
    canvas = paint.stamp(paint.blank(1.0), part, 0.5)
    assert np.array_equal(canvas[:, 50:80], part) and canvas[:, :50].max() == 0
    assert np.array_equal(paint.stamp(paint.blank(0.2), part, 0.1), canvas[:, 40:60])
    raised = paint.stamp(paint.blank(1.0), part, 0.5, bands=100)
    assert np.array_equal(raised[100:, 50:80], part[:-100]) and raised[:100].max() == 0
    assert np.array_equal(paint.move(part, -100)[:-100], part[100:])
    assert paint.move(part, 600).max() == 0
    assert np.array_equal(paint.reverse(part)[:, 0], part[:, -1])
    assert np.array_equal(paint.upside_down(part)[0], part[-1])


@pytest.mark.parametrize("factor, columns", [(2, 60), (0.5, 15), (1, 30), (0.1, 3)])
def test_stretching_keeps_pitch_and_ends(factor, columns):
    part = np.random.default_rng(0).uniform(size=(512, 30)).astype(np.float32)
    found = paint.stretch(part, factor)
    assert found.shape == (512, columns)
    assert np.allclose(found[:, 0], part[:, 0]) and np.allclose(found[:, -1], part[:, -1])
    assert paint.stretch(part[:, :1], 2).shape == (512, 2)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: paint.blank(0), "more than 0"),
        (lambda: paint.line(paint.blank(), 12000), "outside the picture"),
        (lambda: paint.line(paint.blank(), 440, 0), "outside the picture"),
        (lambda: paint.line(paint.blank(), 440, start=9), "no part of the canvas"),
        (lambda: paint.harmonics(paint.blank(), 440, partials=0), "at least 1"),
        (lambda: paint.beat(paint.blank(), 7), "outside the picture"),
        (lambda: paint.rectangle(paint.blank(), 2000, 1000), "no band"),
        (lambda: paint.stamp(paint.blank(), np.zeros((3, 3))), "512 bands"),
        (lambda: paint.stamp(paint.blank(), paint.blank(), 9), "outside the canvas"),
        (lambda: paint.stretch(paint.blank(), 0), "between 0.1 and 10"),
    ],
)
def test_what_cannot_be_painted_is_said(call, words):
    with pytest.raises(RiffeduError, match=words):
        call()
