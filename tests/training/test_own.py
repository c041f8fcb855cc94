"""Training a LoRA on one's own sounds: it learns, is measured, goes on, and ends in a file."""

import json
from itertools import islice

import pytest
import torch
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu.cli import main
from riffedu.diffusion.lora import load_lora
from riffedu.errors import RiffeduError
from riffedu.music.pipeline import load_pipeline
from riffedu.signal.audio import save
from riffedu.signal.synth import pluck
from riffedu.training import own
from riffedu.training.own_sounds import RATE, OwnSounds


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "strings"
    place.mkdir()
    for number in range(5):
        save(place / f"{number}.wav", pluck(220 + 20 * number, 5.2), RATE)
        (place / f"{number}.txt").write_text("a calm piano")
    return place


def some_sounds(pipeline, n=6):
    generator = torch.Generator().manual_seed(3)
    channels = pipeline.checkpoint.latent_channels
    latents = torch.randn(n, channels, 16, 16, generator=generator)
    import numpy as np

    return OwnSounds(latents, [str(i) for i in range(n)], ["piano"] * n, np.arange(n) == n - 1)


@pytest.mark.parametrize("name", ["ours", "sd"])
def test_the_loss_is_that_of_diffusers_target(request, name):
    from diffusers import DDPMScheduler

    pipeline = load_pipeline(request.getfixturevalue(name))
    clean = some_sounds(pipeline, 3).latents
    noise, times = torch.randn_like(clean), torch.tensor([0, 400, 900])
    oracle = DDPMScheduler.from_config(pipeline.checkpoint.scheduler.config)
    noisy = oracle.add_noise(clean, noise, times)
    kind = pipeline.prediction_type
    assert kind == {"ours": "v_prediction", "sd": "epsilon"}[name]
    target = noise if kind == "epsilon" else oracle.get_velocity(clean, noise, times)
    assert torch.allclose(own.target_of(pipeline, clean, noise, times), target, atol=1e-6)
    assert torch.allclose(own.add_noise(pipeline, clean, noise, times), noisy, atol=1e-6)


def test_fixed_loss_is_that_of_the_plain_formula(ours):
    pipeline = load_pipeline(ours)
    latents = some_sounds(pipeline, 3).latents
    states, unet = pipeline.encode_prompt(["piano"] * 3), pipeline.checkpoint.unet
    generator, found = torch.Generator().manual_seed(0), []
    for time in own.MEASURED_AT:
        noise, t = torch.randn(latents.shape, generator=generator), torch.full((3,), time)
        alpha = pipeline.checkpoint.scheduler.alphas_cumprod[time]
        v = alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
        x = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        with torch.no_grad():
            found.append(float((unet(x, t, states).sample - v).square().mean()))
    assert own.fixed_loss(pipeline, latents, ["piano"] * 3) == pytest.approx(sum(found) / 4, 1e-4)


def test_fixed_loss_is_fixed(ours):
    pipeline = load_pipeline(ours)
    latents = some_sounds(pipeline, 9).latents
    first = own.fixed_loss(pipeline, latents, ["piano"] * 9)
    assert first == own.fixed_loss(pipeline, latents, ["piano"] * 9) > 0


@pytest.fixture
def quick(monkeypatch):
    """One measurement of precision instead of a search for the fastest."""
    import contextlib

    from riffedu.training import speed

    monkeypatch.setattr(speed, "fastest_precision", lambda *_: contextlib.nullcontext)


def test_it_learns_stops_and_goes_on(ours, tmp_path, quick):
    pipeline = load_pipeline(ours)
    sounds = some_sounds(pipeline)
    base = pipeline.checkpoint.unet.conv_in.weight.clone()
    path, work = tmp_path / "a.safetensors", tmp_path / "a.training"
    options = dict(minutes=60, rank=4, learning_rate=0.02)
    steps = own.train_own(pipeline, sounds, path, work, **options)
    first = list(islice(steps, 40))
    steps.close()
    assert [step.step for step in first] == list(range(1, 41))
    assert first[-1].forgetting is None and first[0].held_out > 0
    assert torch.equal(base, pipeline.checkpoint.unet.conv_in.weight)
    measured = json.loads((work / "measures.json").read_text())
    assert [each["step"] for each in measured] == [0, 40]
    again = load_pipeline(ours)
    steps = own.train_own(again, sounds, path, work, **options)
    assert next(steps).step == 41
    steps.close()
    with pytest.raises(RiffeduError, match="began|contains a run with rank 4, not 8"):
        next(own.train_own(load_pipeline(ours), sounds, path, work, minutes=1, rank=8))


def test_a_finished_run_leaves_the_averaged_lora_and_the_same_in_its_file(ours, tmp_path, quick):
    pipeline = load_pipeline(ours)
    sounds = some_sounds(pipeline)
    remember = own.remembered_clips(pipeline, tmp_path, ["piano", "drums"], 2, steps=2)
    assert remember[0].shape == (4, 8, 16, 16) and remember[1] == ["piano"] * 2 + ["drums"] * 2
    again = own.remembered_clips(pipeline, tmp_path, ["piano", "drums"], 2, steps=2)
    assert torch.equal(remember[0], again[0])
    path = tmp_path / "a.safetensors"
    steps = list(
        own.train_own(
            pipeline, sounds, path, tmp_path / "w", minutes=0.03, rank=4, remember=remember
        )
    )
    assert steps and steps[-1].forgetting is not None
    [lora] = pipeline.loras
    twin = load_pipeline(ours)
    load_lora(twin.checkpoint.unet, path)
    x, t = sounds.latents[:2], torch.tensor([100, 800])
    words = pipeline.encode_prompt(["piano"] * 2)
    ours_now, theirs = (p.checkpoint.unet(x, t, words).sample for p in (pipeline, twin))
    assert float((ours_now - theirs).detach().abs().max()) < 1e-5
    assert lora.name == "a" and lora.attached


def test_the_loss_on_one_clip_falls(ours, tmp_path, quick):
    """The first test of any training: a LoRA must be able to overfit a single clip."""
    pipeline = load_pipeline(ours)
    sounds = some_sounds(pipeline, 2)
    before = own.fixed_loss(pipeline, *sounds.part(False))
    steps = own.train_own(
        pipeline,
        sounds,
        tmp_path / "a.safetensors",
        tmp_path / "w",
        minutes=1,
        rank=8,
        learning_rate=0.02,
    )
    list(islice(steps, 150))
    steps.close()
    load_lora((fresh := load_pipeline(ours)).checkpoint.unet, tmp_path / "a.safetensors")
    assert own.fixed_loss(fresh, *sounds.part(False)) < before - 0.02


def test_what_is_known_is_answered_as_before(ours, tmp_path, quick):
    """With known prompts the LoRA changes far less than with those it is trained on."""
    torch.manual_seed(0)  # of 80 steps with other noise, one run in ten fails
    pipeline = load_pipeline(ours)
    sounds = some_sounds(pipeline, 3)
    known = own.known_prompts()
    assert "" in known and len(set(known)) > 20
    path = tmp_path / "a.safetensors"
    steps = own.train_own(
        pipeline, sounds, path, tmp_path / "w", minutes=60, rank=8, learning_rate=0.02
    )
    list(islice(steps, 80))
    steps.close()
    x, t = sounds.latents[:2], torch.tensor([300, 600])
    changes = []
    for words in ("piano", ""):
        states = pipeline.encode_prompt([words] * 2)
        with torch.no_grad():
            now = pipeline.checkpoint.unet(x, t, states).sample
            with pipeline.loras[0].off():
                was = pipeline.checkpoint.unet(x, t, states).sample
        changes.append(float((now - was).square().mean()))
    assert changes[1] < changes[0] and pipeline.loras[0].strength == 1


def test_verb(ours, folder, tmp_path, capsys, monkeypatch, quick):
    monkeypatch.setattr(own, "SHEET_PROMPTS", ("piano", "drums"))
    monkeypatch.setattr(own.remembered_clips, "__defaults__", (("piano", "drums"), 2, 2))
    path = tmp_path / "mine.safetensors"
    asked = ["train", "own", str(folder), "-o", str(path), "--model", str(ours)]
    assert main([*asked, "--minutes", "0.02", "--rank", "2"]) == 0
    told = capsys.readouterr().out
    assert "5 files, 5 pieces of 5.12 s, 1 of them held out" in told
    assert "loss on files held out" in told and "forgetting" in told and "--lora" in told
    play = ["generate", "piano", "-o", str(tmp_path / "a.wav"), "--model", str(ours)]
    assert main([*play, "--lora", f"{path}:0.8", "--steps", "1", "--quiet"]) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--minutes", "0"], "--minutes must be more than 0"),
        (["-o", "mine.bin"], "a LoRA is a .safetensors file"),
        (["--rank", "0"], "rank"),
    ],
)
def test_verb_refuses_in_one_line(ours, folder, tmp_path, capsys, monkeypatch, change, message):
    monkeypatch.setattr(own.remembered_clips, "__defaults__", (("piano",), 2, 2))
    asked = ["train", "own", str(folder), "-o", str(tmp_path / "m.safetensors")]
    assert main([*asked, "--model", str(ours), *change]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert main(["train", "own", str(tmp_path / "none"), *asked[3:], "--model", str(ours)]) == 2
    assert "is not a folder" in capsys.readouterr().err
