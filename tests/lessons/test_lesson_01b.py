"""Lesson 01b: the panel's controls at their ends, its drawings and its sounds."""

import io

import numpy as np
import pytest
from ears import heard
from PIL import Image

from riffedu.lessons.l01b_fourier import bins_picture, fourier_panel, matrix_picture, wound_picture
from riffedu.lessons.l01b_fourier.panel import HERTZ, RATE, TOP, some_sounds
from riffedu.lessons.l01b_fourier.sounds import KEYS, order, three_notes, two_notes
from riffedu.signal.fourier import centre_of_mass, dft, dft_matrix, similarity, wind
from riffedu.signal.synth import sine
from riffedu.widgets.table import by_ear


@pytest.fixture
def panel():
    later = sine(300, 1.0, RATE, phase=-np.pi / 2)
    made = fourier_panel({"tone": sine(300, 1.0, RATE), "later": later})
    yield made
    made.wait()


def test_panel_begins_with_something_to_see_and_hear(panel):
    for figure in (panel.figure, panel.curve):
        assert bytes(figure.widget.value)[1:4] == b"PNG" and figure.widget.tooltip == figure.alt
    assert "100 Hz: the pointer goes round 5 times in 50 ms" in panel.facts.value
    assert "the centre of mass is in the middle" in panel.figure.alt
    assert len(heard(panel.original.widget)[0]) == len(heard(panel.heard.widget)[0])


def test_the_centre_moves_out_at_the_tone(panel):
    before = panel.figure.widget.value
    panel.hertz.value = 300
    assert panel.figure.widget.value != before
    assert "0.50 from the middle, at −90°" in panel.facts.value
    assert panel._dot.get_data()[0] == [300]
    assert panel._dot.get_data()[1][0] == pytest.approx(0.5, abs=1e-3)
    assert len(panel._turns.get_segments()) == 15
    panel.hertz.value = 320
    assert "in the middle" in panel.facts.value


def test_pictures_follow_at_once_and_the_sound_when_the_slider_rests(panel):
    assert panel.hertz.continuous_update
    first = panel.heard.player
    for hertz in (300, 400, 500):
        panel.hertz.value = hertz
    assert panel.heard.player is first and "500 Hz" in panel.curve.alt
    panel.wait()
    assert panel.heard.player.label == "A sine of 500 Hz"
    samples, rate = heard(panel.heard.widget)
    assert np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples) == 500


def test_the_slider_at_its_ends(panel):
    panel.hertz.value = panel.hertz.max
    assert "1200 Hz: the pointer goes round 60 times" in panel.facts.value
    panel.wait()
    assert panel.heard.player.label == "A sine of 1200 Hz"
    panel.hertz.value = 0
    assert "0 Hz: the pointer goes round 0 times" in panel.facts.value
    assert not panel._turns.get_segments()
    panel.wait()
    assert panel.heard.player is None
    assert panel.visited.all()


def test_the_curve_grows_where_one_has_been(panel):
    assert panel.visited.sum() == 1
    panel.hertz.value = 150
    assert panel.visited.sum() == 51 and "drawn for 51 of 1201" in panel.curve.alt
    drawn = np.isfinite(panel._curve.get_data()[1])
    assert drawn[100:151].all() and drawn.sum() == 51
    panel.whole.value = True
    assert np.isfinite(panel._curve.get_data()[1]).all()
    assert "the greatest so far is 0.50 at 300 Hz" in panel.curve.alt
    panel.whole.value = False
    assert np.isfinite(panel._curve.get_data()[1]).sum() == 51
    panel.sound.value = "later"
    assert panel.visited.sum() == 1, "another sound begins anew"


def test_a_later_tone_differs_in_direction_only(panel):
    panel.hertz.value = 300
    lengths = np.abs(panel.centres)
    panel.sound.value = "later"
    assert "0.50 from the middle, at 180°" in panel.facts.value
    assert "later" in panel.original.player.label and "later" in panel.figure.alt
    assert np.abs(np.abs(panel.centres) - lengths)[250:351].max() < 0.02


def test_the_panel_brings_its_own_sounds():
    sounds = some_sounds()
    assert len(sounds) == 6
    for sound in sounds.values():
        assert sound.shape == (RATE,) and np.abs(sound).max() <= 1
        assert 20 * np.log10(np.sqrt(np.mean(sound**2))) == pytest.approx(-20, abs=0.5)
    own = fourier_panel(sounds)
    own.sound.value = "a chord"
    lengths = np.abs(own.centres)
    tops = HERTZ[1:-1][(lengths[1:-1] > lengths[:-2]) & (lengths[1:-1] > lengths[2:])]
    highest = sorted(sorted(tops, key=lambda f: -lengths[f])[:3])
    assert np.abs(np.subtract(highest, (262, 330, 392))).max() <= 6
    own.sound.value = "a square wave"
    lengths = np.abs(own.centres)
    assert lengths[600] / lengths[200] == pytest.approx(1 / 3, abs=0.01)
    assert lengths[1000] / lengths[200] == pytest.approx(1 / 5, abs=0.01)
    assert TOP == own.hertz.max
    own.sound.value = "a flute"
    assert np.abs(own.centres).max() > 0.15, "a steady note"


def test_every_control_has_a_label(panel):
    for control in (panel.sound, panel.hertz, panel.whole):
        assert control.description


# The lesson's sounds and drawings


def test_chord_is_three_keys():
    lengths = np.abs(np.fft.rfft(three_notes().astype(float))) / 4000
    assert [key for key, hertz in KEYS.items() if lengths[hertz] > 0.01] == ["C", "E", "G"]
    assert np.allclose(lengths[[262, 330, 392]], 0.1, atol=1e-6)
    semitones = 12 * np.log2(np.array(list(KEYS.values())) / 261.63)
    assert np.abs(semitones - np.arange(12)).max() < 0.06


def test_chords_are_what_the_answers_say_and_the_page_does_not_tell():
    chords = two_notes()
    assert list(chords) == list("ABCD") and sorted(order().values()) == [349, 415, 494, 660]
    for letter, upper in order().items():
        spectrum = np.abs(np.fft.rfft(chords[letter]))
        assert set(np.argsort(-spectrum)[:2]) == {330, upper}
    page = by_ear(chords, 8000)._repr_html_()
    assert page.count("<audio") == 4
    for hertz in order().values():
        assert f"{hertz} Hz" not in page


# What the answers to the questions say


def test_a_cut_off_cycle_scores_a_little_less():
    n = np.arange(8200)  # 1.025 s
    assert 0.49 < similarity(np.sin(2 * np.pi * 5 * n / 8000), 5, 8000) < 0.495


def test_a_delay_turns_each_pointer_in_proportion_to_its_frequency():
    x = three_notes(1.001)
    for hertz, degrees in ((262, 94), (330, 119), (392, 141)):
        early, late = (centre_of_mass(part, hertz, 8000) for part in (x[8:], x[:8000]))
        assert abs(abs(early) - abs(late)) < 1e-6
        assert np.degrees(np.angle(early / late)) == pytest.approx(degrees, abs=0.5)


def test_the_centre_is_in_the_middle_at_whole_turns_more_and_not_between(panel):
    lengths = np.abs(panel.centres)
    assert lengths[[320, 340, 360, 380, 400]].max() < 1e-3
    between = lengths[[330, 350, 370, 390]]
    assert between.min() > 0.01 and (np.diff(between) < 0).all()


def test_half_a_row_later():
    n = np.arange(16)
    x = np.cos(2 * np.pi * n / 16) + 0.5 * np.sin(2 * np.pi * 3 * n / 16)
    for k, sign in ((1, 1), (2, -1), (3, 1)):
        p = wind(x, k, 16)
        assert np.abs(p[:8] - sign * p[8:]).max() < 1e-12


def test_two_and_a_half_turns_leak_and_five_in_twice_the_samples_do_not():
    leaking = np.abs(dft(np.cos(2 * np.pi * 2.5 * np.arange(16) / 16)))[:9]
    assert leaking.min() > 0.5 and set(np.argsort(-leaking)[:2]) == {2, 3}
    assert (np.diff(leaking[3:]) < 0).all() and (np.diff(leaking[:3]) > 0).all()
    longer = np.abs(dft(np.cos(2 * np.pi * 2.5 * np.arange(32) / 16)))[:17]
    assert list(np.flatnonzero(longer > 1e-9)) == [5]


def size(picture):
    return Image.open(io.BytesIO(picture.png)).width


def test_pictures_say_what_they_show():
    tone = sine(330, 0.05, 8000, amplitude=1)
    wound = wound_picture({"250": wind(tone, 250, 8000), "330": wind(tone, 330, 8000)}, "Two")
    assert "250: the centre of mass is in the middle; 330: the centre of mass is 0.50" in wound.alt
    assert size(wound) > 500
    x = np.cos(2 * np.pi * 2 * np.arange(16) / 16)
    bins = bins_picture({"two": dft(x), "none": np.zeros(16)})
    assert "two is above zero in bins 2, 14; none is above zero nowhere" in bins.alt
    assert size(bins) > 700
    assert "A matrix of 4 by 4" in matrix_picture(dft_matrix(4)).alt
