"""Lesson 08b: the panel follows its controls, the diagram shows the network that is loaded."""

import itertools

import librosa
import numpy as np
import pytest
from tiny import ours  # noqa: F401  (fixture)

from riffedu.diffusion import unet
from riffedu.lessons.l08b_unet import fields_picture, unet_diagram, unet_panel
from riffedu.lessons.l08b_unet.sounds import NOTHING, TIME, WORDS, four_clips, order
from riffedu.music.pipeline import load_pipeline
from riffedu.signal.convert import audio_to_image
from riffedu.signal.synth import sine

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def pipeline(ours):
    return load_pipeline(ours)


@pytest.fixture
def panel(pipeline):
    return unet_panel(pipeline, audio_to_image(sine(440, 1.28, 44100, 0.1), 44100), "piano")


def shown(panel):
    return [np.array(image.get_array()) for image in panel._images.values()]


def test_nothing_off_is_the_whole_prediction(panel):
    assert panel.off.value == "nothing"
    _, whole, prediction, _ = shown(panel)
    assert np.array_equal(whole, prediction)


def test_every_part_can_be_switched_off(panel):
    *_, before, _ = shown(panel)
    for name in panel.off.options[1:]:
        panel.off.value = name
        assert f"without {name}" in panel.facts.value
        assert name in panel.figure.widget.tooltip
    panel.off.value = "nothing"
    assert np.array_equal(shown(panel)[2], before), "and comes back"


def test_time_changes_the_noise(panel):
    noisy, *_ = shown(panel)
    panel.time.value = 980
    assert not np.array_equal(shown(panel)[0], noisy)
    panel.time.value = 20
    late = float((panel.clean - panel.latents).square().mean())
    assert late < 0.1 * float(panel.latents.square().mean()), "little noise, little to guess"


def test_blocks_and_channels(panel):
    for name in panel.block.options:
        panel.block.value = name
        assert panel.channel.max == panel.record[name].shape[1]
        for channel in (0, 1, panel.channel.max):
            panel.channel.value = channel
            found = panel.activation()
            assert found.shape == tuple(panel.record[name].shape[2:])
            assert np.abs(found).max() == pytest.approx(1)
            assert channel or found.min() >= 0, "channel 0 is a size"
    assert "out" in panel.figure.axes[3].get_title()


def test_a_smaller_block_keeps_the_channel_in_range(panel):
    panel.block.value = "mid"
    panel.channel.value = panel.channel.max
    panel.block.value = "out"
    assert panel.channel.value <= panel.record["out"].shape[1]


def test_the_prediction_can_be_heard(panel):
    panel.off.value = "words"
    panel.listen_button.click()
    assert "without words" in panel.heard.player.label
    panel.off.value = "time"
    assert panel.heard.player is None, "another prediction, another sound"


def test_the_whole_network_has_factor_one(panel):
    assert panel.factor(t=300) == panel.factor("nothing", t=300) == 1
    assert panel.factor("time", t=300) != 1
    error = (panel.predict("time", t=300)[0] - panel.latents).square().mean()
    least = (panel.predict(t=300)[0] - panel.latents).square().mean()
    assert panel.factor("time", t=300) == pytest.approx(float(error / least), rel=1e-5)
    assert panel.time.value == 600, "the panel stays where it is"


def test_times_that_the_text_names_are_on_the_grid(panel):
    for t in (100, 200, 600, 900):
        panel.time.value = t
        assert (t - panel.time.min) % panel.time.step == 0 and panel.time.max >= t
    assert panel.time.continuous_update


def test_the_panel_says_what_is_shown(panel):
    note = panel.box.children[-1].value
    assert "predicts v" in note and "channel 0" in note.lower()
    panel.off.value = "words"
    assert panel.figure.axes[2].get_title() == "without words"
    panel.off.value = "nothing"
    assert panel.figure.axes[2].get_title() == "nothing off"


def test_the_diagram_shows_the_network(pipeline):
    network = pipeline.checkpoint.unet
    inputs = pipeline.initial_noise(0), 500, pipeline.encode_prompt("piano")
    alt = unet_diagram(network, *inputs).alt
    for part in unet.blocks(network, *inputs):
        channels, rows, columns = part.shape
        assert f"{part.name}: {channels} channels of {rows} by {columns}" in alt
    assert "Skips: in to up 1; down 0 to up 1; down 0 after halving to up 0; down 1 to up 0." in alt
    assert "Time enters down 0, down 1, mid, up 0, up 1; words enter down 1, mid, up 0." in alt


def test_fields_say_how_far_they_reach():
    alt = fields_picture({"near": np.eye(10), "all": np.ones((4, 4))}).alt
    assert "near: 10% of the cells" in alt and "all: 100% of the cells" in alt


def test_four_clips_differ_and_the_network_is_whole_afterwards(pipeline):
    clips, rate = four_clips(pipeline)
    again, _ = four_clips(pipeline)
    assert list(clips) == list(order()) and rate == 44100
    for letter, sound in clips.items():
        assert np.array_equal(sound, again[letter])
    whole = next(letter for letter, what in order().items() if what == NOTHING)
    assert all(np.abs(clips[k] - clips[whole]).max() > 0 for k in clips if k != whole)


def test_the_four_clips_can_be_told_apart():
    """With the model that is shipped: by their spectra, and by what the hints say of them."""
    clips, rate = four_clips(load_pipeline())
    loud = {order()[letter]: levels(sound, rate) for letter, sound in clips.items()}
    for a, b in itertools.combinations(loud, 2):
        distance = np.sqrt(np.mean((loud[a] - loud[b]) ** 2))
        assert distance > 6, f"{a} and {b} are {distance:.1f} dB apart"
    between = {what: np.percentile(x.mean(0), 20) for what, x in loud.items()}
    assert min(between, key=between.get) == TIME, "near silence between the strokes"
    changes = {what: np.abs(np.diff(x, axis=0)).mean() for what, x in loud.items()}
    assert changes[WORDS] > changes[NOTHING], "notes with overtones: bands that differ"


def levels(sound, rate):
    """Levels in dB of 40 mel bands, the loudest at 0, floor −60: (bands, frames)."""
    power = librosa.feature.melspectrogram(y=sound.astype(np.float32), sr=rate, n_mels=40)
    return 10 * np.log10(power / power.max() + 1e-6)
