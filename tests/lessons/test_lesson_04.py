"""Lesson 04: the painter's controls at their ends."""

import io

import numpy as np
import pytest
from PIL import Image

from riffedu import spectrogram_from_image
from riffedu.lessons.l04_image import paint_panel
from riffedu.lessons.l04_image.panel import SHAPES
from riffedu.signal import paint


@pytest.fixture
def panel():
    part = np.zeros((512, 60), np.float32)
    part[100:110] = 50
    return paint_panel(paint.blank(0.8), part)


def drawn(panel) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(panel.figure.widget.value)))


def test_the_panel_shows_what_add_would_paint(panel):
    assert panel.mel.max() == 0 and panel.painted().max() > 0
    before = drawn(panel)
    panel.pitch.value = 1500
    assert (drawn(panel) != before).any() and "1500 Hz" in panel.figure.alt
    assert panel.mel.max() == 0 and not panel.status.value


@pytest.mark.parametrize("shape", SHAPES.values())
def test_every_shape_at_the_ends_of_every_control(panel, shape):
    panel.shape.value = shape
    for control in (panel.pitch, panel.to):
        for value in (10**control.min, 10**control.max):
            control.value = value
            assert panel.painted().max() > 0 and not panel.status.value
    for control in (panel.start, panel.length, panel.level):
        for value in (control.min, control.max):
            control.value = value
            assert panel.painted().shape == panel.mel.shape and not panel.status.value
    panel.start.value, panel.length.value, panel.level.value = 0.1, 0.4, -20
    panel.add_button.click()
    assert panel.mel.max() > 0 and panel.sound.player is not None and not panel.status.value


def test_a_pitch_takes_its_glide_along_until_it_is_moved_away(panel):
    panel.pitch.value = 600
    assert abs(panel.to.value - 600) < 1
    panel.to.value = 1200
    panel.pitch.value = 300
    assert abs(panel.to.value - 1200) < 1


def test_add_undo_clear_and_listen(panel):
    panel.listen_button.click()
    assert "silence" in panel.status.value and panel.sound.player is None
    panel.undo_button.click()
    assert "nothing" in panel.status.value
    panel.add_button.click()
    first = panel.mel
    panel.pitch.value = 2000
    panel.add_button.click()
    assert (panel.mel >= first).all() and (panel.mel > first).any()
    panel.undo_button.click()
    assert np.array_equal(panel.mel, first)
    panel.clear_button.click()
    assert panel.mel.max() == 0 and panel.sound.player is None
    panel.undo_button.click()
    assert np.array_equal(panel.mel, first)
    panel.listen_button.click()
    assert len(panel.sound.player.waveform) == 80 * 441


def test_the_painting_comes_back_as_a_picture(panel):
    panel.add_button.click()
    back = spectrogram_from_image(panel.image)
    assert panel.image.size == (80, 512)
    assert np.linalg.norm(back - panel.mel) < 0.03 * np.linalg.norm(panel.mel)


def test_the_panel_brings_its_own_canvas_and_stamp():
    panel = paint_panel()
    assert panel.mel.shape == (512, 256) and panel.stamp().shape == (512, 256)
    panel.shape.value = "stamp"
    assert panel.painted().max() > 0


def test_every_control_has_a_label(panel):
    for control in (panel.shape, panel.pitch, panel.to, panel.start, panel.length, panel.level):
        assert control.description
    for button in (panel.add_button, panel.undo_button, panel.clear_button, panel.listen_button):
        assert button.tooltip


def test_what_comes_next_is_orange(panel):
    painted = np.asarray(panel._drawn.get_array())
    red, blue = painted[..., 0], painted[..., 2]
    assert (red - blue).max() > 0.2, "the shape that Add would paint"
    panel.add()
    panel.start.value = panel.seconds - 0.05
    panel.level.value = -60
    after = np.asarray(panel._drawn.get_array())
    where = (red - blue) > 0.2
    where[:, int(0.9 * where.shape[1]) :] = False
    assert np.ptp(after[where], axis=-1).max() < 1e-6, "painted ones are grey"


def test_a_pitch_is_drawn_once(panel, monkeypatch):
    drawn = []
    monkeypatch.setattr(panel.figure, "refresh", drawn.append)
    panel.pitch.value = 880
    assert panel.to.value == panel.pitch.value and len(drawn) == 1
    panel.to.value = 2000
    panel.pitch.value = 440
    assert panel.to.value == 2000 and len(drawn) == 3
