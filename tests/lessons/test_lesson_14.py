"""Lesson 14: its panels, its exercises' material and the results that it shows."""

import datetime
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ears import heard
from tiny import ours  # noqa: F401  (fixture)

from riffedu.diffusion.lora import add_lora
from riffedu.errors import RiffeduError
from riffedu.lessons.l14_train_your_own import (
    collect_panel,
    exercises,
    full_run,
    full_run_picture,
    lora_panel,
    toy_panel,
    workplace,
)
from riffedu.lessons.l14_train_your_own.full_run import FOLDER
from riffedu.music.pipeline import load_pipeline
from riffedu.signal.audio import save
from riffedu.signal.synth import sine
from riffedu.training.example_folder import VOICE, make_voice
from riffedu.training.own_sounds import read_captions, read_pieces
from riffedu.training.toy_sounds import SOUNDS


@pytest.fixture
def pipeline(ours):
    return load_pipeline(ours)


@pytest.fixture
def toy(pipeline, tmp_path):
    captions = ["piano", "drums"]
    latents = torch.randn(2, 8, 16, 16, generator=torch.Generator().manual_seed(0))
    return toy_panel(pipeline, latents, captions, tmp_path / "toy", minutes=0.05, every=2)


def test_toy_panel_trains_goes_on_and_begins_again(toy):
    empty = toy.figure.widget.value
    toy.run()
    toy.wait(120)
    assert toy.job.error is None, toy.job.error
    steps = toy.history[-1][0]
    assert steps >= 1 and len(toy.sheet) == 8 and toy.figure.widget.value != empty
    assert "Done" in toy.status.value and "Eight pictures" in toy.facts.value
    toy.train_button.click()
    toy.wait(120)
    assert toy.history[-1][0] > steps and toy.history[steps][0] == steps + 1
    toy.reset_button.click()
    assert not toy.history and not toy.folder.exists() and not toy.sheet


def test_toy_panel_plays_what_it_drew(toy):
    toy.listen_button.click()
    assert "no picture yet" in toy.status.value
    toy.minutes.value = 0.02
    toy.run()
    toy.wait(120)
    toy.sound.value = "wind"
    toy.listen_button.click()
    assert np.isfinite(heard(toy.heard.player)[0]).all()
    assert "wind" in repr(toy.heard.player)
    toy.sound.value = "a siren"
    assert toy.heard.player is None


def test_toy_panel_can_be_stopped(toy):
    toy.minutes.value = 30
    toy.run()
    while not toy.history:
        time.sleep(0.05)
    toy.stop_button.click()
    toy.wait(60)
    assert "Stopped" in toy.status.value and toy.job.error is None
    assert (toy.folder / "state.json").is_file()


def test_toy_panel_says_when_the_rate_is_too_high(toy):
    toy.rate.value = 1.0
    toy.minutes.value = 2
    toy.run()
    while toy.job.running and len(toy.history) < 150:
        time.sleep(0.05)
    toy.job.stop()
    toy.wait(60)
    told = toy.status.value + str(max(loss for _, loss in toy.history) > 3)
    assert "learning rate" in told or "infinite" in told or "True" in told


@pytest.fixture
def strengths(pipeline):
    for seed in (1, 2):
        lora = add_lora(pipeline.checkpoint.unet, rank=4, seed=seed, name=f"lora {seed}")
        for pair in lora.pairs.values():
            torch.nn.init.normal_(pair[1].weight, std=0.1)
        lora.module.requires_grad_(False)
        pipeline.loras.append(lora)
    return lora_panel(pipeline, "piano", steps=2)


def test_lora_panel_plays_at_every_strength(strengths):
    strengths.play_button.click()
    strengths.wait()
    assert strengths.job.error is None, strengths.job.error
    first, second = strengths.strengths
    first.value = 0.5  # a released slider plays again
    strengths.wait()
    second.value = 0
    strengths.wait()
    assert list(strengths.made) == [(1, 1), (0.5, 1), (0.5, 0)]
    pictures = [np.asarray(image) for image in strengths.made.values()]
    assert all((a != b).any() for a, b in zip(pictures, pictures[1:]))
    assert "strength 0.5, 0" in strengths.facts.value
    assert np.isfinite(heard(strengths.heard.player)[0]).all()
    assert [lora.strength for lora in strengths.loras] == [0.5, 0]


def test_lora_panel_takes_a_strength_while_it_plays(strengths):
    seen = []
    slider = strengths.strengths[0]

    def told(change):
        if "Step 1" in change.new and slider.value == 1:
            slider.value = 0.25
        seen.append(change.new)

    strengths.status.observe(told, "value")
    strengths.run()
    strengths.wait()
    assert list(strengths.made) == [(0.25, 1)]
    assert any("strength 0.25, 1" in text for text in seen)


def test_lora_panel_needs_a_lora(pipeline):
    with pytest.raises(RiffeduError, match="at least one LoRA"):
        lora_panel(pipeline, "piano")


def flac(tmp_path, seconds):
    return save(tmp_path / "x.flac", sine(300, seconds), 44100).read_bytes()


def dropped(name, content):
    now = datetime.datetime(2026, 1, 1)
    told = {"name": name, "type": "audio/flac", "size": len(content), "last_modified": now}
    return ({**told, "content": memoryview(content)},)


def test_collect_panel_takes_files_and_recordings(tmp_path):
    panel = collect_panel(tmp_path / "mine")
    assert "empty" in panel.status.value
    panel.upload.value = dropped("a b.flac", flac(tmp_path, 6.0))
    assert "Write a caption first" in panel.status.value and not panel.files.options
    panel.caption.value = " a high  tone "
    panel.upload.value = dropped("a b.flac", flac(tmp_path, 6.0))
    assert panel.files.options == ("a-b.flac",) and "2 pieces" in panel.status.value
    assert heard(panel.heard.player)[0].shape[-1] == round(5.12 * 44100)
    panel.record_button.click()
    assert "no recording yet" in panel.status.value
    panel.microphone = SimpleNamespace(take=(sine(200, 1.0), 44100))
    panel.add_recording()
    panel.caption.value = "a low tone"
    panel.add_recording()
    assert panel.files.options == ("a-b.flac", "recording-01.flac", "recording-02.flac")
    captions = {path.name: words for path, words in read_captions(panel.folder).items()}
    assert captions["a-b.flac"] == "a high tone" and captions["recording-02.flac"] == "a low tone"
    assert len(read_pieces(panel.folder)) == 4
    panel.files.value = "recording-01.flac"
    panel.remove_button.click()
    assert "recording-01.flac" not in panel.files.options and len(list(panel.folder.iterdir())) == 4


def test_collect_panel_refuses_what_it_cannot_use(tmp_path):
    panel = collect_panel(tmp_path / "mine")
    panel.caption.value = "a tone"
    assert panel.add("a.wav", b"no sound") is None and "a.wav" in panel.status.value
    assert panel.add("short.flac", flac(tmp_path, 0.1)) is None
    assert "shorter than 0.25 s" in panel.status.value and not list(panel.folder.iterdir())


def test_workplace(monkeypatch, tmp_path):
    quick = workplace(True)
    assert quick.is_dir() and not list(quick.iterdir()) and quick != workplace(True)
    monkeypatch.chdir(tmp_path)
    assert workplace(False) == tmp_path / "runs" / "lesson-14" and workplace(False).is_dir()


def test_the_full_run_keeps_what_the_text_says():
    found = full_run()
    toy, lora = found["toy"], found["lora"]
    assert 1e6 < toy["weights"] < 2e6 and toy["cpu_seconds"] <= 4 * 60 * 2
    assert (
        toy["losses"][-1] < 0.5 * toy["losses"][0]
        and toy["told"] >= 0.8
        and toy["ignorance"] > toy["losses"][-1]
    )
    assert lora["minutes"] <= 10 and lora["seeds"] >= 20
    assert lora["base_points"]["0"] - lora["base_points"]["1"] <= 3
    assert lora["heard"]["1"] >= 0.8 > 0.2 >= lora["heard"]["0"]
    assert lora["measured"][-1]["held_out"] < lora["measured"][0]["held_out"]
    assert lora["prompt"] == VOICE and set(lora["base_points"]) == {"0", "1"}
    for name in [*(f"strength-{s}" for s in exercises.STRENGTHS), "toy-a-singing-voice"]:
        assert full_run_picture(name).size == (512, 512)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2e6


def test_example_voice_is_the_same_every_time(tmp_path):
    first, second = make_voice(tmp_path / "a", 3), make_voice(tmp_path / "b", 3)
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
    pieces = read_pieces(first)
    assert len({piece.file for piece in pieces}) == 3
    assert all("babbling voice" in piece.caption for piece in pieces)


def test_the_clips_to_be_told_by_ear_differ():
    sounds, rate = exercises.four_strengths()
    assert list(sounds) == list("ABCD") and rate == 44100
    assert sorted(exercises.order().values(), key=float) == list(exercises.STRENGTHS)
    base = next(letter for letter, strength in exercises.order().items() if strength == "0")
    spectra = {k: np.abs(np.fft.rfft(v[: 5 * rate])) for k, v in sounds.items()}
    alike = {k: np.corrcoef(spectra[base], v)[0, 1] for k, v in spectra.items() if k != base}
    assert max(alike.values()) < 0.9
    assert len(SOUNDS) == 8
