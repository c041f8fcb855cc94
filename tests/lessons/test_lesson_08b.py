"""Lesson 08b: the panel follows its controls, the diagram shows the network that is loaded."""

import numpy as np
import pytest
from tiny import ours  # noqa: F401  (fixture)

from riffedu.diffusion import unet
from riffedu.lessons.l08b_unet import fields_picture, unet_diagram, unet_panel
from riffedu.lessons.l08b_unet.sounds import four_clips, order
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


def test_the_diagram_names_every_block(pipeline):
    parts = unet.blocks(
        pipeline.checkpoint.unet, pipeline.initial_noise(0), 500, pipeline.encode_prompt("piano")
    )
    alt = unet_diagram(parts).alt
    for part in parts:
        channels, rows, columns = part.shape
        assert f"{part.name}: {channels} channels of {rows} by {columns}" in alt


def test_fields_say_how_far_they_reach():
    alt = fields_picture({"near": np.eye(10), "all": np.ones((4, 4))}).alt
    assert "near: 10% of the cells" in alt and "all: 100% of the cells" in alt


def test_four_clips_differ_and_the_network_is_whole_afterwards(pipeline):
    clips, rate = four_clips(pipeline)
    again, _ = four_clips(pipeline)
    assert list(clips) == list(order()) and rate == 44100
    for letter, sound in clips.items():
        assert np.array_equal(sound, again[letter])
    whole = next(letter for letter, names in order().items() if not names)
    assert all(np.abs(clips[k] - clips[whole]).max() > 0 for k in clips if k != whole)
