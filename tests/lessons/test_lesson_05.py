"""Lesson 05: the panel's controls to their ends."""

import io

import numpy as np
import pytest
from PIL import Image

from riffedu.lessons.l05_griffin_lim import griffin_lim_panel
from riffedu.lessons.l05_griffin_lim.panel import RATE, SECONDS, SIZES, STEPS, some_sounds
from riffedu.signal.audio import rms_db

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


@pytest.fixture(scope="module")
def sounds():
    return some_sounds()


@pytest.fixture
def panel(sounds):
    return griffin_lim_panel({name: sounds[name] for name in ("tune", "one click")})


def picture(panel):
    return np.asarray(Image.open(io.BytesIO(panel.figure.widget.value)).convert("RGB"))


def colourful(panel):
    """How much orange and purple the middle picture shows."""
    middle = picture(panel)[30:250, 300:540].astype(int)
    return float((middle.max(axis=-1) - middle.min(axis=-1) > 30).mean())


# The panel


def test_every_control_to_its_ends_draws_another_picture(panel):
    panel.iteration.value = 8
    for control, values in {
        panel.sound: panel.sound.options,
        panel.win_length: SIZES,
        panel.momentum: panel.momentum.options,
        panel.seed: [panel.seed.min, panel.seed.max],
        panel.iteration: [0, 1, STEPS],
        panel.start: ["random", "alike", "own"],
    }.items():
        before, drawn = control.value, set()
        for value in values:
            control.value = value
            drawn.add(panel.figure.widget.value)
            assert len(panel.states) == len(panel.curve) == STEPS + 1
        assert len(drawn) == len(values), control.description
        control.value = before


@pytest.mark.parametrize("size", [SIZES[0], SIZES[-1]])
@pytest.mark.parametrize("momentum", [0, 0.99])
@pytest.mark.parametrize("start", ["random", "alike", "own"])
def test_corners(sounds, size, momentum, start):
    panel = griffin_lim_panel({"80 pulses a second": sounds["80 pulses a second"]})
    panel.win_length.value, panel.momentum.value, panel.start.value = size, momentum, start
    panel.seed.value, panel.iteration.value = 9, STEPS
    assert panel.state.iteration == STEPS
    assert panel.curve[-1] < (-100 if start == "own" else panel.curve[0] - 3)


def test_the_curve_is_the_states_consistency_and_the_facts_say_it(panel):
    panel.iteration.value = 4
    assert panel.curve == [state.spectral_convergence_db for state in panel.states]
    assert f"Iteration 4: the magnitudes are off by {panel.curve[4]:.1f} dB" in panel.facts.value
    assert f"{panel.curve[-1]:.1f} dB in the end" in panel.figure.alt
    off = np.linalg.norm(panel.state.waveform.numpy() - panel.waveform)
    assert f"samples by {20 * np.log10(off / np.linalg.norm(panel.waveform)):.1f} dB" in panel.said


def test_momentum_gets_further_and_seeds_end_elsewhere(panel):
    fast, [last] = panel.curve, panel.states[-1:]
    panel.momentum.value = 0
    assert panel.curve[-1] > fast[-1] + 4
    assert np.diff(panel.curve).max() < 1e-3, "the plain one never gets worse"
    panel.momentum.value = 0.99
    assert panel.curve == fast, "the same settings give the same states"
    panel.seed.value = 1
    difference = (panel.states[-1].waveform - last.waveform).norm() / last.waveform.norm()
    assert difference > 1, "another sound, as far from the first as from silence"


def test_the_middle_picture_whitens_as_the_iterations_go_on(panel):
    shown = []
    for iteration in (0, 4, 32):
        panel.iteration.value = iteration
        shown.append(colourful(panel))
    assert shown[0] > 1.5 * shown[1] > 1.5 * shown[2] > 0
    panel.start.value = "own"
    assert colourful(panel) == 0


def test_curves_before_stay_until_the_sound_changes(panel):
    first = panel.curve
    for seed in (1, 2, 3, 4):
        panel.seed.value = seed
    assert len(panel.earlier) == 3 and first not in panel.earlier
    assert [len(line.get_xdata()) for line in panel._earlier] == [STEPS + 1] * 3
    panel.sound.value = "one click"
    assert not panel.earlier and not any(len(line.get_xdata()) for line in panel._earlier)


def test_listen(panel):
    assert panel.original.player is not None and panel.heard.player is None
    panel.iteration.value = 32
    panel.listen_button.click()
    assert np.array_equal(panel.heard.player.waveform, panel.states[32].waveform.numpy())
    assert panel.heard.player.label == f"Iteration 32: {panel.curve[32]:.1f} dB"
    panel.iteration.value = 31
    assert panel.heard.player is None, "a sound must not stay beside another iteration"
    panel.listen_button.click()
    panel.seed.value = 5
    assert panel.heard.player is None


def test_sounds_are_safe_to_hear(sounds):
    for name, sound in sounds.items():
        assert sound.shape == (SECONDS * RATE,) and sound.dtype == np.float32, name
        assert -60 < rms_db(sound) < -12 and np.abs(sound).max() <= 1, name
    assert sounds["one click"].argmax() == RATE and (sounds["one click"] != 0).sum() == 1


def test_controls_are_labelled_and_pictures_described(panel):
    for control in (
        panel.sound,
        panel.win_length,
        panel.start,
        panel.momentum,
        panel.seed,
        panel.iteration,
        panel.listen_button,
    ):
        assert control.description
    assert "too soft (orange) or too loud (purple)" in panel.figure.alt
    assert panel._repr_mimebundle_()
