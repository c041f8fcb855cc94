"""The pulse in the noise: which tempo, what it adds, and that plain noise stays plain."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny import ours  # noqa: F401  (fixture)

from riffedu.errors import RiffeduError
from riffedu.music import pulse
from riffedu.music.pipeline import load_pipeline

FEW = {"num_inference_steps": 2, "duration": 1.28, "progress": False}


@pytest.fixture(scope="module")
def small(ours):
    return load_pipeline(ours)


@pytest.fixture
def recommending(small):
    small.checkpoint.defaults["pulse"] = 0.15
    yield small
    del small.checkpoint.defaults["pulse"]


@pytest.mark.parametrize(
    ("prompt", "tempo"),
    [
        ("techno at 128 bpm", 128),
        ("Techno, 92BPM, dark", 92),
        ("a groove at 97.5 bpm", 97.5),
        ("70 beats per minute", 70),
        ("808 drums", None),
        ("at 10 bpm", None),
        ("at 999 bpm", None),
        ("the year 1999", None),
        ("", None),
    ],
)
def test_the_tempo_a_prompt_names(prompt, tempo):
    assert pulse.named_tempo(prompt) == tempo


def test_tempi_drawn_from_seeds_are_spread_evenly():
    tempi = np.array([pulse.seed_tempo(seed) for seed in range(400)])
    assert tempi.min() >= 80 and tempi.max() <= 140
    assert np.median(tempi) == pytest.approx(np.sqrt(80 * 140), rel=0.04)


def test_words_for_tempo_move_what_the_seed_draws():
    for seed in range(20):
        plain = pulse.seed_tempo(seed, "rock drums")
        assert pulse.seed_tempo(seed, "Fast rock drums") == pytest.approx(1.4 * plain, abs=1)
        assert pulse.seed_tempo(seed, "a slow waltz") == pytest.approx(0.7 * plain, abs=1)
        assert pulse.seed_tempo(seed, "breakfast, slowly") == plain


def test_a_pulse_adds_nothing_that_lasts():
    noise, drawn = torch.zeros(2, 3, 4, 16), torch.rand(1, 3, 4, 16)
    added = pulse.add_pulse(noise, drawn, 0.5)
    assert added.mean(-1).abs().max() < 1e-6
    torch.testing.assert_close(added[1], 0.5 * (drawn[0] - drawn[0].mean(-1, keepdim=True)))


def test_strokes_stand_on_the_beats():
    grey = np.asarray(pulse.pulse(8, 300, 6, 10, 0.03).convert("L"), float).mean(0)
    darkest = np.flatnonzero(grey == grey.min())
    assert darkest.tolist() == [0, 50, 100, 150, 200, 250]


def test_a_checkpoint_without_a_recommendation_gets_plain_noise(small):
    assert small.tempo("techno at 120 bpm", 0) == 0
    assert small.tempo("techno at 120 bpm", 0, 90) == 90


def test_the_prompt_then_the_seed_set_the_tempo(recommending):
    assert recommending.tempo("techno at 120 bpm", 3) == 120
    assert recommending.tempo("techno", 3) == pulse.seed_tempo(3)
    assert recommending.tempo("techno at 120 bpm", 3, 0) == 0


@pytest.mark.parametrize("tempo", [-1, 10, 301, float("nan"), "fast"])
def test_an_impossible_tempo_is_refused(small, tempo):
    with pytest.raises(RiffeduError, match="tempo"):
        small.generate("piano", tempo=tempo, **FEW)


def test_generate_adds_the_pulse_that_it_records(recommending):
    clip = recommending.generate("piano at 100 bpm", seed=2, **FEW)
    assert clip.parameters["tempo"] == 100
    plain = recommending.generate("piano at 100 bpm", seed=2, tempo=0, **FEW)
    noise = recommending.initial_noise(2, 1.28)
    *_, last = recommending.denoise(noise, recommending.encode_prompt("piano at 100 bpm"), None, 2)
    [image] = recommending.decode_latents(last.latents, 128)
    assert np.array_equal(np.asarray(image), np.asarray(plain.image))
    assert not np.array_equal(np.asarray(image), np.asarray(clip.image))


def test_each_clip_of_a_list_has_its_own_tempo(recommending):
    clips = recommending.generate(["piano at 60 bpm", "piano", "piano"], seed=[1, 1, 2], **FEW)
    tempi = [clip.parameters["tempo"] for clip in clips]
    assert tempi == [60, pulse.seed_tempo(1), pulse.seed_tempo(2)]
