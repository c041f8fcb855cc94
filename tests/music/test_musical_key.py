"""The key in the noise: which key, which rows its lines are on, and what is recorded."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny import ours  # noqa: F401  (fixture)

from riffedu import cli
from riffedu.errors import RiffeduError
from riffedu.music import musical_key
from riffedu.music.pipeline import load_pipeline
from riffedu.signal.params import SpectrogramParams
from riffedu.training.caption_numbers import METER_PHRASES, TEMPO_PHRASES
from riffedu.training.music.theory import KEYS

FEW = {"num_inference_steps": 1, "duration": 1.28, "progress": False, "tempo": 0}


@pytest.fixture(scope="module")
def small(ours):
    return load_pipeline(ours)


@pytest.fixture
def recommending(small):
    small.checkpoint.defaults["key"] = 0.1
    yield small
    del small.checkpoint.defaults["key"]


@pytest.mark.parametrize(
    ("prompt", "key"),
    [
        ("piano in D minor", "D minor"),
        ("a slow waltz in B flat major at 90 bpm", "A# major"),
        ("Bb major organ", "A# major"),
        ("jazz in the key of f# minor", "F# minor"),
        ("choir in c minor", "C minor"),
        ("strings in C-sharp minor", "C# minor"),
        ("flute in Cb Major, then in D minor", "B major"),
        ("a major hit", ""),
        ("A major hit", ""),
        ("A Major Hit", ""),
        ("This Is A Major Hit", ""),
        ("Slow jazz. A major label's sound", ""),
        ("A minor-key tune", ""),
        ("A minor scale on a flute", ""),
        ("harp, A minor-key tune", ""),
        ("A minor", "A minor"),
        ("A minor, slow piano", "A minor"),
        ("A Major at 90 bpm", "A major"),
        ("A minor 90 bpm", "A minor"),
        ("A minor - harp", "A minor"),
        ("A minor with strings", "A minor"),
        ("A minor pentatonic riff", "A minor"),
        ("A-minor waltz", "A minor"),
        ("A flat major hit", "G# major"),
        ("Ab major waltz", "G# major"),
        ("A# minor tune", "A# minor"),
        ("harp, melody, A minor, 132 bpm", "A minor"),
        ("a calm A minor waltz", "A minor"),
        ("piano in A minor", "A minor"),
        ("Nocturne In A Minor", "A minor"),
        ("choir in a minor", "A minor"),
        ("organ in A minor key", "A minor"),
        ("waltz in the key of a minor", "A minor"),
        ("D minor-key tune", "D minor"),
        ("the E major scale", "E major"),
        ("Dance, major sound", ""),
        ("B", ""),
        ("", ""),
    ],
)
def test_the_key_a_prompt_names(prompt, key):
    assert musical_key.named_key(prompt) == key


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_every_key_that_a_caption_of_the_training_data_states_is_read(mode):
    frames = [frame for frame, _ in TEMPO_PHRASES] + list(METER_PHRASES)
    for tonic in KEYS:
        key = f"{tonic} {mode}"
        texts = [frame.format(text=f"a harp in {key}", bpm=90, meter="3/4") for frame in frames]
        for text in (f"a harp in {key}", f"A harp in {key}.", f"in {key}, a harp", *texts):
            assert musical_key.named_key(text) == musical_key.key_name(key)


@pytest.mark.parametrize(
    "words", ["in a minor key", "in minor", "in a minor scale", "in a minor-key mood"]
)
def test_a_mode_alone_gets_its_tonic_from_the_seed(words):
    found = [musical_key.named_key(f"piano {words}", seed) for seed in range(60)]
    assert {name.split()[1] for name in found} == {"minor"}
    assert {name.split()[0] for name in found} == set(musical_key.NAMES)


@pytest.mark.parametrize("name", ["H minor", "D", "minor", "D dorian", "", "in D minor", 3, None])
def test_what_is_no_key_is_refused(name):
    with pytest.raises(RiffeduError, match="is not a key"):
        musical_key.parse_key(name)


def test_relative_keys_differ_in_their_triads_only():
    c, a = (musical_key.pitch_class_weights(name) for name in ("C major", "A minor"))
    assert np.flatnonzero(~np.isclose(c - a, 0)).tolist() == [7, 9]  # G against A
    assert c.sum() == pytest.approx(0) and a.sum() == pytest.approx(0)


@pytest.mark.parametrize("name", ["C major", "F# minor"])
def test_the_dark_rows_are_those_a_mel_filterbank_puts_the_scale_on(name):
    from riffedu.signal.mel import mel_filterbank

    params = SpectrogramParams()
    picture = np.asarray(musical_key.key_picture(name, 4, params).convert("L"), float)
    assert np.ptp(picture, axis=1).max() == 0  # the same in all columns
    column = picture[::-1, 0]
    bank = mel_filterbank(params.sample_rate, params.n_fft)
    tonic, mode = musical_key.parse_key(name)
    steps = {(tonic + step) % 12 for step in musical_key.SCALES[mode]}
    on, off = [], []
    for midi in range(60, 84):  # C4 to B5
        hertz = 440 * 2 ** ((midi - 69) / 12)
        row = bank[:, round(hertz * params.n_fft / params.sample_rate)].argmax()
        (on if midi % 12 in steps else off).append(column[row])
    assert max(on) < 128 < min(off)


def test_no_lines_outside_the_range():
    column = np.asarray(musical_key.key_picture("E major", 1, SpectrogramParams()).convert("L"))
    assert (column[:200] == 128).all() and (column[-14:] == 128).all()
    assert column.min() < 40


def test_lines_have_power_one_and_no_grey():
    def encode(image):
        return torch.tensor(np.asarray(image.convert("L"), np.float32))[None, None] / 255 + 7

    lines = musical_key.key_latents(encode, "G major", 8, SpectrogramParams())
    assert lines.square().mean() == pytest.approx(1, rel=1e-5)
    assert lines[..., :200, :].abs().max() == 0


def test_only_a_checkpoint_that_recommends_it_reads_the_key_of_a_prompt(small):
    assert small.key("piano in D minor", 0) == ""
    assert small.key("piano in D minor", 0, "Bb major") == "A# major"


def test_generate_adds_the_key_that_it_records(recommending):
    clips = recommending.generate(["piano in D minor", "piano"], seed=2, **FEW)
    assert [clip.parameters["key"] for clip in clips] == ["D minor", ""]
    assert [row[-1] for row in clips[0].parameters["batch"]] == ["D minor", ""]
    keyed = recommending.generate("piano", seed=2, key="D minor", **FEW)
    plain = recommending.generate("piano in D minor", seed=2, key="", **FEW)
    assert keyed.parameters["key"] == "D minor" and plain.parameters["key"] == ""
    there = recommending.initial_noise(2, 1.28, key="D minor") - recommending.initial_noise(2, 1.28)
    assert there.square().mean().sqrt() == pytest.approx(0.1, rel=1e-4)
    bare = recommending.generate("piano", seed=2, **FEW)
    assert not np.array_equal(np.asarray(keyed.image), np.asarray(bare.image))


def test_any_key_is_drawn_from_the_seed_unless_the_prompt_names_one():
    found = {musical_key.chosen_key("piano", seed, "any") for seed in range(300)}
    assert len(found) == 24
    assert musical_key.chosen_key("piano in D minor", 5, "any") == "D minor"
    assert musical_key.chosen_key("piano in D minor", 5, "Bb major") == "A# major"
    assert musical_key.chosen_key("piano in D minor", 5, "") == ""


@pytest.mark.parametrize("key", ["any", "G major", None])
def test_again_gives_every_clip_of_a_batch_its_key(recommending, ours, tmp_path, monkeypatch, key):
    prompts, two = ["piano in D minor", "organ"], {**FEW, "duration": 0.32}
    made = recommending.generate(prompts, seed=[1, 2], key=key, **two)[1]
    monkeypatch.setattr("riffedu.music.pipeline.load_pipeline", lambda *_, **__: recommending)
    files = [str(made.save(tmp_path / "a.wav")), "-o", str(tmp_path / "b.wav")]
    assert cli.main(["again", *files, "--model", str(ours), "--quiet"]) == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_the_shell_keeps_a_clip_in_the_same_key_only(recommending, ours, tmp_path, monkeypatch):
    monkeypatch.setattr("riffedu.music.pipeline.load_pipeline", lambda *_, **__: recommending)
    small = ["--duration", "0.32", "--num-inference-steps", "1", "--model", str(ours)]
    command = ["generate", "piano", "-o", str(tmp_path / "a.wav"), "--count", "2", "--quiet"]
    assert cli.main([*command, *small, "--key", "any"]) == 0
    assert cli.main([*command, *small, "--key", "any"]) == 0
    assert cli.main([*command, *small, "--key", ""]) == 2


def test_an_impossible_key_is_refused(small):
    with pytest.raises(RiffeduError, match="is not a key"):
        small.generate("piano", key="loud", **FEW)
