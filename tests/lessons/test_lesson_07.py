"""Lesson 07: noise on pictures, the panel's controls at their ends and drawings."""

import io

import numpy as np
import pytest
import torch
from ears import heard
from PIL import Image

from riffedu import audio_to_image, spectrogram_from_image
from riffedu.diffusion import schedule
from riffedu.diffusion.noise import (
    array_to_image,
    image_to_array,
    melody,
    pitch_accuracy,
    pitch_accuracy_in_noise,
)
from riffedu.errors import RiffeduError
from riffedu.lessons.l07_noise import circle_picture, four_schedules, noise_panel
from riffedu.signal.audio import clip
from riffedu.widgets import clouds


def tones(hertz, seconds=0.64):
    t = np.arange(round(44100 * seconds)) / 44100
    return np.concatenate([0.1 * np.sin(2 * np.pi * f * t) for f in hertz])


SCALE = (262, 330, 392, 523, 659, 784, 1046, 587)


@pytest.fixture(scope="module")
def image():
    return audio_to_image(tones(SCALE), 44100)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).standard_normal((512, 512), dtype=np.float32)


# Pictures as numbers, and what is left of a melody


def test_picture_to_numbers_and_back(image):
    x = image_to_array(image)
    assert x.shape == (512, 512) and x.dtype == np.float32 and x.min() == -1 and x.max() <= 1
    again = array_to_image(x, image)
    assert again.tobytes() == image.tobytes() and dict(again.getexif()) == dict(image.getexif())
    assert np.array_equal(spectrogram_from_image(again), spectrogram_from_image(image))
    assert np.array_equal(
        spectrogram_from_image(Image.open(_saved(again))), spectrogram_from_image(image)
    )


def _saved(image):
    file = io.BytesIO()
    image.save(file, "PNG", exif=image.info["exif"])
    file.seek(0)
    return file


def test_noise_beyond_white_and_black_is_cut_off(image):
    far = array_to_image(np.where(np.arange(512) < 256, -7.0, 7.0) * np.ones((512, 1)), image)
    pixels = np.asarray(far)
    assert (pixels[:, :256] == 0).all() and (pixels[:, 256:] == 255).all()
    with pytest.raises(RiffeduError, match="512"):
        array_to_image(np.zeros((512, 10)), image)


def test_the_listener_hears_the_notes(image):
    found = melody(image_to_array(image), columns=16)[2::4]
    assert np.abs(12 * np.log2(found / np.array(SCALE))).max() < 0.4
    with pytest.raises(RiffeduError, match="but one frame needs 600"):
        melody(image_to_array(image), columns=600)


def test_melody_left_from_all_to_chance(image, noise):
    x0 = image_to_array(image)
    assert pitch_accuracy(x0, x0) == 1 and pitch_accuracy(x0, -0.5 * np.abs(noise)) < 0.2
    octave = image_to_array(audio_to_image(tones(2 * np.array(SCALE)), 44100))
    assert pitch_accuracy(x0, octave) < 0.2


def test_survival_falls_with_noise_and_grows_with_patience():
    x0 = image_to_array(audio_to_image(*clip("tune")))
    kept = [0.999, 0.9, 0.5, 0.1, 0.001]
    share = pitch_accuracy_in_noise(x0, kept, draws=2)
    assert share[0] == 1 and (np.diff(share) <= 0.02).all() and share[-1] < 0.12
    assert np.array_equal(share, pitch_accuracy_in_noise(x0, kept, draws=2))
    halves = [pitch_accuracy_in_noise(x0, [0.5], columns, draws=2)[0] for columns in (1, 4, 16)]
    assert halves[0] + 0.1 < halves[1] < halves[2] - 0.1


def test_a_melody_drowns_at_one_snr_whatever_the_schedule():
    x0 = image_to_array(audio_to_image(*clip("tune")))
    ratios = []
    for kept in four_schedules().values():
        gone = kept[::20][np.argmax(pitch_accuracy_in_noise(x0, kept[::20], draws=2) < 0.5)]
        ratios.append(10 * np.log10(schedule.snr(gone)))
    assert -12 < min(ratios) and max(ratios) < -4 and np.ptp(ratios) < 1.5


# ᾱ that differs within one picture


def test_noise_takes_one_alpha_bar_for_each_column():
    rng = np.random.default_rng(0)
    x0, e, kept = rng.standard_normal((4, 6)), rng.standard_normal((4, 6)), rng.random(6)
    for f in (schedule.add_noise, schedule.velocity):
        whole = f(x0, e, kept)
        for column in range(6):
            assert np.allclose(whole[:, column], f(x0[:, column], e[:, column], kept[column]))
        assert np.allclose(f(*map(torch.tensor, (x0, e, kept))).numpy(), whole)


def test_noise_of_a_float32_array_stays_float32():
    x, kept = np.ones((2, 3), np.float32), schedule.alphas_cumprod([0.1, 0.2])[1]
    assert schedule.add_noise(x, x, kept).dtype == np.float32
    assert schedule.add_noise(torch.ones(2), torch.ones(2), kept).dtype == torch.float32


# The panel


@pytest.fixture(scope="module")
def panel():
    return noise_panel({"scale": (tones(SCALE), 44100), "high": (tones((2000,) * 8), 44100)})


def test_panel_begins_with_something_to_see(panel):
    assert bytes(panel.figure.widget.value)[1:4] == b"PNG" and "t = 400" in panel.figure.alt
    assert "SNR" in panel.facts.value and panel.heard.player is None
    for control in (panel.clip, panel.schedule, panel.time, panel.shown, panel.hear_button):
        assert control.description


def test_time_at_its_ends(panel):
    panel.schedule.value, panel.shown.value = "cosine", "x"
    panel.time.value = panel.time.min
    clean = panel.figure.widget.value
    x0 = image_to_array(audio_to_image(*panel.sounds["scale"]))
    assert np.abs(panel.x - x0).max() < 0.05 and "in 100% of the moments" in panel.facts.value
    panel.time.value = panel.time.max
    assert panel.time.value == 999 and panel.figure.widget.value != clean
    assert abs(panel.x.std() - 1) < 0.01 and abs(np.corrcoef(panel.x.flat, x0.flat)[0, 1]) < 0.01
    assert np.array_equal(np.asarray(panel._image.get_array()), panel.x)


@pytest.mark.parametrize("name", ["linear", "scaled_linear", "cosine", "zero terminal"])
def test_every_schedule(panel, name):
    panel.time.value = 700
    panel.schedule.value = "linear" if name == "cosine" else "cosine"
    before = panel.figure.widget.value
    panel.schedule.value = name
    assert panel.alpha_bar == four_schedules()[name][700] and panel.figure.widget.value != before
    decibels = 10 * np.log10(schedule.snr(panel.alpha_bar))
    assert f"{decibels:.1f}".replace("-", "−") in panel.facts.value
    assert np.allclose([d[0] for d in panel._dot.get_data()], [700, decibels])
    assert panel._curves[name].get_linewidth() > 2


def test_pure_noise_is_said(panel):
    panel.schedule.value, panel.time.value = "zero terminal", 999
    assert "−∞ dB" in panel.facts.value and "picture × 0.000" in panel.facts.value


def test_shown(panel):
    panel.schedule.value, panel.time.value = "cosine", 999
    panel.shown.value = "v"
    x0 = image_to_array(audio_to_image(*panel.sounds[panel.clip.value]))
    assert np.abs(np.asarray(panel._image.get_array()) + x0).max() < 0.01, "v ends as −x₀"
    assert "direction v" in panel.figure.alt
    panel.shown.value = "noise"
    mean = np.asarray(panel._image.get_array()).mean()
    assert abs(mean) < 0.01 and "noise ε" in panel.figure.alt
    panel.shown.value = "x"


def test_hear_and_then_another_time(panel):
    panel.clip.value, panel.schedule.value, panel.time.value = "scale", "cosine", 0
    panel.hear_button.click()
    assert "scale, cosine, t = 0" in panel.heard.player.label
    sound = heard(panel.heard.widget)[0]
    assert len(sound) == 512 * 441
    assert abs(20 * np.log10(np.sqrt(np.mean(sound**2))) + 20) < 0.1
    spectrum = np.abs(np.fft.rfft(sound[:28224]))
    assert abs(spectrum.argmax() * 44100 / 28224 - SCALE[0]) < 5
    panel.time.value = 1
    assert panel.heard.player is None and not panel.heard.widget.sound


def test_another_clip(panel):
    panel.clip.value, panel.time.value = "scale", 100
    before = panel.x
    panel.clip.value = "high"
    assert np.abs(panel.x - before).max() > 0.5 and "of high at" in panel.figure.alt
    panel.clip.value = "scale"
    assert np.array_equal(panel.x, before), "the same noise each time"


def test_the_slider_is_followed(panel):
    seen = {panel.figure.widget.value}
    for t in range(150, 600, 100):
        panel.time.value = t
        seen.add(panel.figure.widget.value)
    assert len(seen) == 6


def test_the_panel_brings_its_own_clips():
    own = noise_panel()
    assert list(own.sounds)[0] == "tune" and len(own.sounds) == 5


# Drawings


def test_clouds_say_what_they_show():
    flat = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    drawn = clouds([flat, flat.flip(1)], ["flat", "tall"], [None, (flat, flat + 1)])
    assert "flat: 2 points, spread 1.00 across and 0.00 up;" in drawn.alt
    assert "tall: 2 points, spread 0.00 across and 1.00 up, with arrows" in drawn.alt
    assert Image.open(io.BytesIO(drawn.png)).width > 600
    assert len(clouds([flat] * 7).png) > 1000, "more than a row"


def test_circle_picture():
    drawn = circle_picture((0, 45))
    assert "At 0, 45 degrees" in drawn.alt and drawn.png.startswith(b"\x89PNG")
