"""Lesson 03: the panel's controls at their ends, its drawings, and each check's hints."""

import io

import numpy as np
import pytest
from ears import heard
from PIL import Image

from riffedu import stft
from riffedu.lessons.l03_mel import bank_picture, exercises, mel_panel
from riffedu.lessons.l03_mel.panel import BANDS, some_sounds, triangles
from riffedu.signal.mel import hz_to_mel, mel_filterbank, mel_to_hz
from riffedu.widgets import line_picture
from riffedu.widgets.table import by_ear


def level(sound):
    return 20 * np.log10(np.sqrt(np.mean(sound**2)))


@pytest.fixture(scope="module")
def sounds():
    t = np.arange(44100) / 44100
    tones = 0.1 * (np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 15000 * t))
    hiss = 0.1 * np.random.default_rng(0).standard_normal(22050)
    return {"tones": tones.astype(np.float32), "hiss": hiss.astype(np.float32)}


@pytest.fixture
def panel(sounds):
    made = mel_panel(sounds)
    yield made
    made.wait()


def test_panel_begins_with_something_to_see_and_hear(panel):
    assert bytes(panel.figure.widget.value)[1:4] == b"PNG" and "64 triangles" in panel.figure.alt
    assert "64 numbers a column" in panel.facts.value
    assert len(heard(panel.original.widget)[0]) == len(heard(panel.heard.widget)[0]) == 44100


@pytest.mark.parametrize("bands", BANDS)
def test_every_number_of_bands(panel, bands):
    panel.bands.value = 8 if bands == 512 else 512
    before = panel.figure.widget.value
    panel.bands.value = bands
    panel.wait()
    assert panel.mel.shape[0] == bands and panel.figure.widget.value != before
    assert f"{bands} triangles" in panel.figure.alt
    assert f"{bands} bands" in panel.heard.player.label
    one_of = len(panel.figure.axes[0].collections[0].get_segments())
    assert one_of == min(bands, 64)
    assert np.abs(heard(panel.heard.widget)[0] - panel.through).max() < 1e-4


def test_more_bands_lose_less(panel):
    lost = []
    for bands in (8, 64, 512):
        panel.bands.value = bands
        panel.wait()
        lost.append(np.linalg.norm(panel.through - panel.waveform))
    assert lost[0] > lost[1] > lost[2]


def test_top_at_its_ends(panel):
    panel.top.value = panel.top.min
    assert panel.params.max_frequency == 2000 and panel.figure.axes[0].get_xlim() == (0, 2000)
    ticks = [label.get_text() for label in panel.figure.axes[1].get_yticklabels()]
    assert ticks[-1] == "2k"
    panel.wait()
    below = np.abs(np.fft.rfft(panel.through))
    assert below[14000:16000].max() < 0.01 * below[440]
    panel.top.value = panel.top.max
    assert panel.params.max_frequency == 22050
    panel.wait()
    above = np.abs(np.fft.rfft(panel.through))
    assert above[14500:15500].max() > 0.1 * above[440]


def test_scale_norm_and_way_back(panel):
    seen = {panel.figure.widget.value}
    panel.scale.value = "slaney"
    assert panel.params.mel_scale_type == "slaney"
    seen.add(panel.figure.widget.value)
    panel.norm.value = "slaney"
    seen.add(panel.figure.widget.value)
    assert len(seen) == 3, "each draws another picture"
    assert panel.figure.axes[0].get_ylim()[1] < 0.1, "equal areas: the tops are low"
    panel.norm.value = None
    ways = {}
    for way in ("transpose", "pinv", "nnls"):
        panel.inverse.value = way
        panel.wait()
        ways[way] = panel.through
    assert np.linalg.norm(ways["nnls"] - ways["pinv"]) > 1e-3
    assert level(ways["transpose"]) < level(ways["pinv"]) < level(ways["nnls"])


def test_another_sound(panel):
    first = panel.figure.widget.value
    panel.sound.value = "hiss"
    assert len(panel.through) == 22050 and panel.figure.widget.value != first
    assert "hiss" in panel.original.player.label and "hiss" in panel.figure.alt
    assert panel.figure.axes[1].images[0].get_extent()[1] == 0.5


def test_the_panel_brings_its_own_sounds():
    sounds = some_sounds()
    assert list(sounds) == ["tune", "speech_like", "percussion", "full_mix", "hi_hat"]
    for sound in sounds.values():
        assert sound.shape == (112896,) and np.abs(sound).max() <= 1 and -40 < level(sound) < -12
    hat = mel_panel({"hi_hat": sounds["hi_hat"]})
    assert level(hat.through) < level(sounds["hi_hat"]) - 10
    hat.top.value = hat.top.max
    hat.wait()
    assert level(hat.through) > level(sounds["hi_hat"]) - 3


def test_every_control_has_a_label(panel):
    for control in (panel.sound, panel.bands, panel.top, panel.scale, panel.norm, panel.inverse):
        assert control.description
    assert panel.bands.continuous_update and panel.top.continuous_update


def test_pictures_follow_at_once_and_the_sound_when_the_controls_rest(panel):
    player, picture = panel.heard.player, panel.figure.widget.value
    assert "What is missing" in panel.facts.value
    for bands in (32, 16):
        panel.bands.value = bands
        assert panel.figure.widget.value != picture and f"{bands} triangles" in panel.figure.alt
        picture = panel.figure.widget.value
    assert panel.heard.player is player and "What is missing" not in panel.facts.value
    panel.wait()
    assert "16 bands" in panel.heard.player.label
    assert "What is missing, relative to the sound: " in panel.facts.value


def test_drawn_triangles_are_the_bank_s():
    for norm in (None, "slaney"):
        lines = triangles(20, 100, 8000, "slaney", norm)
        bank = mel_filterbank(44100, 17640, 20, 100, 8000, "slaney", norm)
        f = np.arange(bank.shape[1]) * 2.5
        for band, corners in zip(bank, lines):
            assert np.abs(np.interp(f, *corners.T, left=0, right=0) - band).max() < 1e-6


def test_pictures_say_what_they_show():
    thin = bank_picture(4410, 512, high=80, title="thin")
    assert "thin: 21 overlapping triangles between 0 and 80 Hz, read at 9 rows" in thin.alt
    assert "; 5 of them hold no row" in thin.alt
    assert "; 0 of them hold no row" in bank_picture(17640, 512, high=80).alt
    assert Image.open(io.BytesIO(thin.png)).width > 600
    lines = line_picture({"up": ([0, 1], [2, 5]), "down": ([0, 1], [5, 2])}, "x", "y", "Two")
    assert "Two: y over x. up goes from 2 to 5" in lines.alt and lines.png.startswith(b"\x89PNG")
    turn = line_picture({"sine": ([0, 1, 2], [0, 1, 1.2e-16])}, "x", "y")
    assert "sine goes from 0 to 0, its highest is 1 at 1" in turn.alt


# The checks


def assert_hint(verdict, *words):
    assert not verdict
    for word in words:
        assert word in verdict.message, verdict.message


def sides(f, low, centre, high):
    return (f - low) / (centre - low), (high - f) / (high - centre)


def test_triangle_right():
    assert exercises.check_triangle(lambda f, *e: np.maximum(0, np.minimum(*sides(f, *e))))
    assert exercises.check_triangle(lambda f, *edges: np.interp(f, edges, [0, 1, 0]))


@pytest.mark.parametrize(
    ("triangle", "words"),
    [
        (lambda f, *e: np.minimum(*sides(f, *e)), "negative"),
        (lambda f, *e: np.maximum(0, np.maximum(*sides(f, *e))), "smaller"),
        (lambda f, *e: np.maximum(0, sides(f, *e)[0]), "Only the rise"),
        (lambda f, *e: np.clip(sides(f, *e)[0], 0, 1), "falls again"),
        (lambda f, *e: np.maximum(0, sides(f, *e)[1]), "Only the fall"),
        (
            lambda f, low, centre, high: np.maximum(
                0, np.minimum((f - low) / (centre - low), (f - centre) / (high - centre))
            ),
            "0 at high",
        ),
        (
            lambda f, low, centre, high: np.maximum(0, 1 - np.abs(f - centre) / ((high - low) / 2)),
            "same width",
        ),
        (lambda f, *e: np.interp(f, [300, 500, 900], [0, 1, 0]), "not fixed numbers"),
        (lambda f, *e: 2 * np.interp(f, e, [0, 1, 0]), "weight at 400 Hz is 0.5; yours is 1"),
        (lambda f, *e: 1.0, "One weight for each"),
        (lambda f, *e: ..., "write its body"),
    ],
)
def test_triangle_mistakes(triangle, words):
    assert_hint(exercises.check_triangle(triangle), words)


STEP = hz_to_mel(10000) / 513


def test_predictions_are_those_of_the_formula():
    found = exercises.experiment()
    assert found["half"] == pytest.approx(mel_to_hz(hz_to_mel(10000) / 2))
    assert found["below"] == pytest.approx(1000 / hz_to_mel(10000), abs=1e-4)
    assert found["band"] == round(hz_to_mel(440) / STEP) - 1
    assert found["octave"] == pytest.approx((hz_to_mel(880) - hz_to_mel(440)) / STEP, abs=1)
    assert found["lowest"] == pytest.approx(mel_to_hz(2 * hz_to_mel(10000) / 65), abs=0.2)


def test_the_four_banks_differ_by_what_the_hints_say():
    sounds = {exercises.order()[letter]: x for letter, x in exercises.four_banks().items()}
    assert set(sounds) == set(exercises.BANKS)
    depth, low, high = {}, {}, {}
    for way, x in sounds.items():
        power = np.abs(stft(x, 4096, 1024)) ** 2 + 1e-9
        hertz = np.arange(len(power)) * 44100 / 4096
        levels = 10 * np.log10(power[(hertz > 100) & (hertz < 1000)])
        top, valley = np.percentile(levels, [90, 20], axis=0)
        depth[way] = np.median(top - valley)  # from an overtone down to the gap beside it
        low[way] = 10 * np.log10(power[hertz < 800].sum() / power.sum())
        high[way] = 10 * np.log10(power[hertz > 1500].sum() / power.sum())
        assert level(x) == pytest.approx(-23, abs=0.1)
    assert depth["512 bands"] - depth["32 bands"] > 12, "overtones run together"
    assert low["no bass"] < -40 < -5 < min(low[way] for way in sounds if way != "no bass")
    assert high["no treble"] < -60 < -40 < high["512 bands"]
    table = by_ear(exercises.four_banks(), 44100)
    assert table._repr_html_().count("<audio") == 4
    assert not any(way in repr(table) for way in exercises.BANKS)


def test_what_the_text_says_of_more_range_in_as_many_bands():
    assert hz_to_mel(22050) == pytest.approx(3923, abs=1)
    assert hz_to_mel(22050) / hz_to_mel(10000) == pytest.approx(1.28, abs=0.005)


def edge(number, bands, top):
    return mel_to_hz(number * hz_to_mel(top) / (bands + 1))


def test_frame_right():
    assert exercises.check_frame(lambda r, n, top: int(np.ceil(r / edge(2, n, top))))
    assert exercises.check_frame(lambda r, n, top: int(r / edge(2, n, top)) + 1)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (lambda r, n, top: r / edge(2, n, top), "whole samples"),
        (lambda r, n, top: int(np.ceil(r / edge(1, n, top))), "twice what is needed"),
        (lambda r, n, top: int(r / (top - edge(n - 1, n, top))), "widest band"),
        (lambda r, n, top: edge(2, n, top), "solve for n_fft"),
        (lambda r, n, top: 4410, "without any row: 8"),
        (lambda r, n, top: 17640, "5895 would do"),
    ],
)
def test_frame_mistakes(frame, words):
    assert_hint(exercises.check_frame(frame), words)


@pytest.mark.parametrize(("rate", "bands", "top"), [(44100, 512, 10000), (22050, 256, 8000)])
def test_the_answer_to_exercise_4_leaves_no_band_empty(rate, bands, top):
    enough = int(np.ceil(rate / edge(2, bands, top)))
    assert mel_filterbank(rate, enough, bands, 0, top).any(axis=1).all()
    assert not mel_filterbank(rate, enough * 3 // 4, bands, 0, top).any(axis=1).all()
