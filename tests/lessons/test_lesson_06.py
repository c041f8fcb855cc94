"""Lesson 06: the panel's controls to their ends."""

import io

import numpy as np
import pytest
from PIL import Image

from riffedu.lessons.l06_beyond_griffin_lim import beyond_panel
from riffedu.lessons.l06_beyond_griffin_lim.panel import AT, LABELS, RATE, some_sounds
from riffedu.signal.audio import rms_db
from riffedu.signal.inversion import METHODS

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


@pytest.fixture(scope="module")
def sounds():
    return {name: x[: RATE // 2] for name, x in some_sounds().items()}


@pytest.fixture(scope="module")
def panel(sounds):
    return beyond_panel(sounds)


def pixels(panel):
    return np.asarray(Image.open(io.BytesIO(panel.figure.widget.value)).convert("L"))


# The panel


def test_every_method_is_there():
    assert list(LABELS) == list(METHODS)


def test_every_method_and_its_curve(panel, sounds):
    panel.sound.value, drawn = "full_mix", set()
    for _, name in panel.method.options:
        panel.method.value = name
        drawn.add(panel.figure.widget.value)
        assert LABELS[name] in panel.said.replace("&#x27;", "'")
        assert [point.n_iter for point in panel.runs[name]] == list(AT)
        assert len(panel._curves[name].get_ydata()) == len(AT)
        assert panel.heard.player.waveform.shape == sounds["full_mix"].shape
    assert len(drawn) == len(METHODS)
    read, small = (panel.runs[name] for name in ("read off", "small grid"))
    assert read[0].mel_consistency_db < small[0].mel_consistency_db - 8


def test_scrubbing_to_the_ends(panel):
    panel.sound.value, panel.method.value = "percussion", "small grid"
    heard, drawn, figures = [], set(), []
    for iteration in AT:
        panel.iteration.value = iteration
        assert f"iteration {iteration}:" in panel.facts.value
        heard.append(panel.heard.player.waveform)
        drawn.add(panel.figure.widget.value)
        figures.append(panel.point.mel_consistency_db)
    assert len(drawn) == len(AT) and figures[-1] < figures[0] - 8
    assert not np.allclose(heard[0], heard[-1])
    assert f"{figures[-1]:.1f} dB" in panel.figure.widget.tooltip
    assert pixels(panel).min() < 60


def test_another_sound_starts_anew(panel, sounds):
    panel.method.value, panel.sound.value = "refitted", list(sounds)[-1]
    for name in sounds:
        panel.sound.value = name
        assert list(panel.runs) == ["refitted"]
        assert np.array_equal(panel.original.player.waveform, sounds[name])
        assert name in panel.figure.widget.tooltip


def test_default_sounds_are_modest():
    for name, sound in some_sounds().items():
        assert sound.shape == (2 * RATE,), name
        assert rms_db(sound) < -12 and np.abs(sound).max() <= 1
