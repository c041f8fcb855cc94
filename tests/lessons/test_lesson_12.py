"""Lesson 12: the panel's controls at their ends, files of one's own, and the checks' hints."""

import io
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile

from riffedu import load_pipeline
from riffedu.lessons import l12_editing
from riffedu.lessons.l12_editing import editing_panel, exercises
from riffedu.lessons.l12_editing.panel import HERTZ, PARTS
from riffedu.lessons.l12_editing.stems_panel import OFF
from riffedu.music import edit
from riffedu.signal import audio, synth
from tests.ears import heard
from tests.tiny import ours  # noqa: F401


@pytest.fixture(scope="module")
def pipeline(ours):  # noqa: F811
    return load_pipeline(ours)


@pytest.fixture
def panel(pipeline):
    return editing_panel(pipeline, steps=2, seconds=0.64)


def ran(panel):
    panel.run_button.click()
    panel.wait()
    assert panel.job.error is None, panel.job.error
    return panel


def wav(waveform, rate=44100, name="mine.wav"):
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format="WAV")
    return (
        {
            "name": name,
            "type": "audio/wav",
            "size": 1,
            "content": memoryview(file.getvalue()),
            "last_modified": datetime.now(UTC),
        },
    )


# The panel


def test_before_anything_was_changed(panel):
    assert panel.before.player and panel.after.player is None and panel.result is None
    assert "Nothing was changed yet" in panel.facts.value and panel.figure.widget.value
    assert panel.time.disabled and panel.pitch.disabled and panel.stop_button.disabled


def test_run_is_the_librarys_transform(panel, pipeline):
    panel.prompt.value, panel.seed.value = "drums", 3
    ran(panel)
    wanted = edit.transform(
        pipeline, panel.clip, "drums", 0.6, seed=3, num_inference_steps=2, progress=False
    )
    assert np.array_equal(panel.result.waveform, wanted.waveform)
    sound, rate = heard(panel.after.widget)
    assert rate == 44100 and np.abs(sound - wanted.waveform).max() < 1e-3
    assert "differ by" in panel.facts.value and "Done" in panel.status.value
    assert panel.progress.value == panel.progress.max


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_strength_at_its_ends(panel, pipeline, strength):
    panel.strength.value = strength
    ran(panel)
    assert panel.result.parameters["strength"] == strength
    picture, _ = edit.picture_and_level(pipeline, panel.clip)
    [kept] = pipeline.decode_latents(pipeline.encode_image(picture), picture.width)
    assert np.array_equal(np.asarray(kept), np.asarray(panel.result.image)) == (strength == 0)


@pytest.mark.parametrize("part", PARTS.values())
def test_every_part_is_framed_and_told(panel, part):
    panel.part.value = part
    assert panel.time.disabled == panel.pitch.disabled == (part != "own")
    left, low, wide, high = *panel._box.get_xy(), panel._box.get_width(), panel._box.get_height()
    assert (left, round(wide, 6)) == (0, 0.64) and 0 <= low < low + high <= 1 + 1e-9
    assert (high > 0.999) == (part in ("all", "own"))
    ran(panel)
    assert panel.result.parameters["masked"] == (part != "all")


def test_a_rectangle_of_ones_own(panel, pipeline):
    panel.part.value = "own"
    panel.time.value, panel.pitch.value = (0.32, 0.64), (500, 2000)
    assert panel.bounds() == {"after": 0.32, "before": 0.64, "above": 500, "below": 2000}
    assert panel._box.get_xy()[0] == 0.32 and panel._box.get_width() == pytest.approx(0.32)
    before = panel.figure.widget.value
    panel.pitch.value = (HERTZ[0], HERTZ[-1])
    assert panel.figure.widget.value != before
    panel.time.value = (0.64, 0.64)
    panel.run_button.click()
    panel.wait()
    assert "mask is empty" in panel.status.value and panel.result is None
    panel.time.value = (0, 0.64)
    ran(panel)


def test_steps_and_seeds(panel):
    panel.steps.value, panel.seed.value = 3, 2**31 - 1
    ran(panel)
    assert panel.result.parameters["num_inference_steps"] == 3
    panel.steps.value = panel.steps.max
    assert panel.steps.value == 50


@pytest.mark.parametrize("name", ["percussion", "stereo", "drum_hit"])
def test_every_clip(panel, name):
    ran(panel)
    panel.source.value = name
    assert panel.result is None and panel.after.player is None and panel.before.player
    assert panel.clip[0].ndim == 1 and len(panel.clip[0]) <= 0.65 * panel.clip[1]


def test_a_file_of_ones_own(panel):
    tone = synth.sine(440, 0.5)
    panel.upload.value = wav(np.stack([tone, tone], -1))
    assert len(panel.clip[0]) == len(tone) and np.abs(panel.clip[0] - tone).max() < 1e-3
    own = panel.source.value
    assert own == wav(tone)[0]["name"] and own in panel.source.options
    for name in ("tune", own):  # there and back
        panel.source.value = name
        assert (len(panel.clip[0]) == len(tone)) == (name == own)
    ran(panel)
    panel.upload.value = ({**wav(tone)[0], "content": memoryview(b"no sound"), "name": "../x.wav"},)
    assert "x.wav" in panel.status.value and "/tmp" not in panel.status.value
    assert len(panel.clip[0]) == len(tone), "nothing is lost"


def test_stop_and_bad_prompts(panel):
    panel.prompt.value = " "
    panel.run_button.click()
    panel.wait()
    assert "the prompt is empty" in panel.status.value and not panel.run_button.disabled
    panel.prompt.value, panel.steps.value = "drums", 50
    panel.run_button.click()
    panel.stop_button.click()
    panel.wait()
    assert "Stopped" in panel.status.value and panel.result is None


def test_another_sound_chosen_meanwhile(panel):
    wanted = {"prompt": "drums", "strength": 0.6, "mask": None, "seed": 0, "num_inference_steps": 2}

    def step(message):
        if message.startswith("Step"):
            panel.source.value = "percussion"

    panel._work(step, wanted)
    assert panel.result is None and panel.after.player is None
    assert "chosen meanwhile" in panel.status.value


def test_controls_are_labelled(panel):
    for control in (
        panel.source,
        panel.upload,
        panel.prompt,
        panel.strength,
        panel.part,
        panel.time,
        panel.pitch,
        panel.steps,
        panel.seed,
    ):
        assert control.description
    assert "Left the sound before" in panel.figure.alt and panel._repr_mimebundle_()


# The checks


def told(verdict, words):
    assert not verdict and words in verdict.message, verdict


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda n, s: n * (1 - s), "left out"),
        (lambda n, s: round(n * (1 - s)), "left out"),
        (lambda n, s: n * s, "whole number"),
        (lambda n, s: int(n * s), "cuts off"),
        (lambda n, s: n, "strength 0"),
        (lambda n, s: 0, "strength 1"),
        (lambda n, s: round(n * s**2), "A share"),
        (lambda n, s: None, "returns nothing"),
    ],
)
def test_steps_taken(answer, words):
    told(exercises.check_steps_taken(answer), words)
    assert exercises.check_steps_taken(lambda n, s: round(n * s))


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda n, k, m: (1 - m) * n + m * k, "Exchanged"),
        (lambda n, k, m: m * n, "Nothing is kept"),
        (lambda n, k, m: m * n + k, "on top"),
        (lambda n, k, m: np.where(m > 0, n, k), "mixes"),
        (lambda n, k, m: np.where(m > 0.5, n, k), "mixes"),
        (lambda n, k, m: n[0], "shape"),
        (lambda n, k, m: n + k, "A share"),
    ],
)
def test_keep(answer, words):
    told(exercises.check_keep(answer), words)
    assert exercises.check_keep(lambda n, k, m: k + m * (n - k))


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda c, s: np.arange(c) < 100 * s, "Exchanged"),
        (lambda c, s: np.arange(c) > 100 * s, "2.00 s"),
        (lambda c, s: np.arange(c) >= s, "counts columns"),
        (lambda c, s: np.arange(c) >= 10 * s, "not 10"),
        (lambda c, s: np.ones(3), "shape"),
        (lambda c, s: np.zeros(c), "Compare"),
        (lambda c, s: np.arange(c) >= 200, "use the arguments"),
    ],
)
def test_after(answer, words):
    told(exercises.check_after(answer), words)
    assert exercises.check_after(lambda c, s: np.arange(c) >= 100 * s)


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda bpm, beats: beats * bpm / 60, "half a second"),
        (lambda bpm, beats: beats / bpm, "minutes"),
        (lambda bpm, beats: bpm / beats, "one"),
        (lambda bpm, beats: 7, "60 / bpm"),
        (lambda bpm, beats: 4, "both arguments"),
    ],
)
def test_loop_seconds(answer, words):
    told(exercises.check_loop_seconds(answer), words)
    assert exercises.check_loop_seconds(lambda bpm, beats: 60 / bpm * beats)


# --- stems --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixer():
    return l12_editing.stems_panel("percussion")


def test_the_mixer_begins_with_the_sound_itself(mixer):
    waveform, _ = audio.clip("percussion")
    assert np.abs(mixer.mixed - waveform).max() < 1e-5
    assert list(mixer.gains) == ["harmonic", "percussive"]


def test_a_dragged_gain_moves_the_picture_and_then_the_sound(mixer):
    before = mixer.figure.widget.value
    mixer.gains["harmonic"].value = OFF
    assert mixer.figure.widget.value != before and "harmonic" not in mixer.figure.alt
    mixer.rest.wait()
    assert np.allclose(mixer.mixed, mixer.stems["percussive"])
    samples, rate = heard(mixer.sound.player)
    assert rate == 44100 and np.abs(samples).max() > 0
    for slider in mixer.gains.values():
        slider.value = OFF
    mixer.rest.wait()
    assert not mixer.mixed.any() and mixer.figure.alt.endswith("silence")


def test_other_sounds_and_bands(mixer):
    mixer.method.value = "bands"
    assert list(mixer.gains) == ["bass", "middle", "treble"]
    for name in audio.clips():
        mixer.source.value = name
        assert mixer.mixed.shape == audio.clip(name)[0].shape


@pytest.mark.parametrize(
    "own",
    [
        lambda t, s: (
            m := np.divide(t * t, t * t + s * s, out=np.full_like(t, 0.5), where=t + s > 0),
            1 - m,
        ),
        lambda t, s: [
            np.nan_to_num(t**2 / (t**2 + s**2), nan=0.5),
            np.nan_to_num(s**2 / (t**2 + s**2), nan=0.5),
        ],
        lambda t, s: tuple(
            np.where(t + s > 0, a**2 / np.maximum(t**2 + s**2, 1e-12), 0.5) for a in (t, s)
        ),
    ],
)
def test_right_masks(own):
    assert exercises.check_masks(own), exercises.check_masks(own)


def soft(t, s, p=2):
    total = np.where(t + s > 0, t**p + s**p, 1)
    mask = np.where(t + s > 0, t**p / total, 0.5)
    return mask, 1 - mask


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (lambda t, s: soft(t, s)[0], "both masks"),
        (lambda t, s: (1, 2, 3), "both masks"),
        (lambda t, s: (0.5, 0.5), "shape"),
        (lambda t, s: (t**2 / (t**2 + s**2), s**2 / (t**2 + s**2)), "0 by 0"),
        (lambda t, s: soft(t, s)[::-1], "Exchanged"),
        (lambda t, s: soft(t, s, 1), "power 1"),
        (lambda t, s: (soft(t, s)[0] ** 0.5, soft(t, s)[1]), "root"),
        (lambda t, s: (1.0 * (t > s), 1.0 * (t <= s)), "hard masks"),
        (lambda t, s: (soft(t, s)[0], soft(t, s)[0]), "sum to 1"),
        (
            lambda t, s: (
                t**2 / np.maximum(t**2 + s**2, 1e-9),
                s**2 / np.maximum(t**2 + s**2, 1e-9),
            ),
            "½",
        ),
        (lambda t, s: soft(t, s, 3), "tone²"),
        (lambda t, s: None, "returns nothing"),
        (lambda t: t, "argument"),
    ],
)
def test_wrong_masks_get_their_hint(own, words):
    verdict = exercises.check_masks(own)
    assert not verdict and words in verdict.message, verdict.message
