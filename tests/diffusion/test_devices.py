"""Devices: nothing stays behind on the CPU, and a seed means the same everywhere."""

import numpy as np
import pytest
import torch
from elsewhere import DEVICE, Elsewhere, standing_in
from PIL import Image
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu import cli, load_pipeline
from riffedu.diffusion import latents as codec
from riffedu.diffusion.devices import pick_device, run_in_half
from riffedu.diffusion.guidance import prompt_vectors
from riffedu.errors import RiffeduError
from riffedu.music import edit, masks
from riffedu.music.instrument import Instrument, PieceSettings
from riffedu.signal import synth

RATE = 44100
CLIP = synth.pluck(220, 1.5), RATE
FEW = {"num_inference_steps": 2, "progress": False}
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module", params=["ours", "sd"])
def both(request):
    """One model on the CPU and on the stand-in, inside its context."""
    folder = request.getfixturevalue(request.param)
    here = load_pipeline(folder)
    with standing_in():
        yield here, load_pipeline(folder, DEVICE)


def picture(pipeline):
    greys = np.random.default_rng(0).integers(0, 255, (512, 64, 3), dtype=np.uint8)
    return Image.fromarray(greys)


def half_mask(pipeline):
    columns = pipeline.columns(1.5)
    mask = np.zeros((512, columns), np.uint8)
    mask[:, columns // 2 :] = 255
    return mask


ROADS = {
    "generate": lambda p: p.generate("calm piano", "drums", seed=3, **FEW),
    "pulse": lambda p: p.generate("rock", tempo=100, **FEW),
    "batch": lambda p: p.generate(["piano", "drums"], seed=[1, 2], sampler="ddpm", **FEW)[1],
    "schedule": lambda p: p.generate("piano -> rock:1", duration=2, **FEW),
    "transform": lambda p: p.transform(CLIP, "rock", **FEW),
    "mask": lambda p: p.transform(CLIP, "rock", mask=half_mask(p), **FEW),
    "extend": lambda p: p.extend(CLIP, "rock", 2.0, **FEW),
    "loop": lambda p: p.loop("rock", bpm=120, beats=3, **FEW),
    "interpolate": lambda p: p.interpolate(["piano", "rock"], pieces=1, **FEW),
    "morph": lambda p: p.morph(CLIP, CLIP, 0.5, num_inference_steps=6, progress=False),
    "riffuse": lambda p: p.riffuse(
        {"prompt": "piano", "seed": 1},
        {"prompt": "rock", "seed": 2},
        0.4,
        picture(p),
        Image.fromarray(half_mask(p)[:, 43:107]),
        num_inference_steps=2,
    ),
}


@pytest.mark.parametrize("road", ROADS)
def test_every_road_stays_on_the_device_and_sounds_the_same(both, road):
    here, there = both
    assert {p.device for p in there.checkpoint.vae.parameters()} == {DEVICE}
    one, other = ROADS[road](here), ROADS[road](there)
    apart = np.abs(np.asarray(one.image, float) - np.asarray(other.image, float))
    assert apart.max() <= 8 and apart.mean() < 0.05  # inversion, in morph, magnifies rounding
    first, second = (
        {k: str(v) for k, v in result.parameters.items() if "db" not in k}
        for result in (one, other)
    )
    assert second == {**first, "device": DEVICE.type}


def test_the_instrument(both):
    here, there = both
    pieces = []
    for pipeline in (here, there):
        instrument = Instrument(pipeline)
        settings = PieceSettings(
            ("piano", "rock"), num_inference_steps=2, seed_sound="pulse 120", strength=0.9
        )
        pieces.append([instrument.next(settings) for _ in range(2)])
    for one, other in zip(*pieces):
        np.testing.assert_allclose(np.asarray(one.image), np.asarray(other.image), atol=1)


def test_the_lessons_functions(both):
    here, there = both
    for pipeline in both:
        parts, noise = pipeline.checkpoint, torch.randn(pipeline.initial_noise(0, 1.28).shape)
        assert prompt_vectors(parts.text_encoder, parts.tokenizer, ["piano"]).device == parts.device
        assert codec.decode_array(parts.vae, noise).shape[0] == 512
        assert pipeline.decode_latents(noise)[0].height == 512
        assert [*pipeline.denoise(noise, ["piano"], None, 1)][0].latents.device == parts.device
    levels = there.noise_levels(2)
    known = there.encode_image(Image.new("RGB", (128, 512), "white"))
    mask = masks.latent_mask(np.eye(512, 128), there.checkpoint.compression)
    predict = there.predictor(there.encode_prompt("piano"))
    run = edit.repaint(predict, torch.randn(known.shape), levels, known, mask, 1)
    assert all(step.latents.device == DEVICE for step in run)


def test_noise_is_drawn_on_the_cpu(both):
    here, there = both
    one, other = here.initial_noise(7), there.initial_noise(7)
    assert other.device == DEVICE and torch.equal(one, other.cpu())


def test_the_stand_in_refuses_what_a_gpu_refuses():
    with standing_in():
        there, here = torch.ones(3).to(DEVICE), torch.ones(3)
        assert isinstance(there + 1, Elsewhere) and isinstance(
            torch.zeros(2, device=DEVICE), Elsewhere
        )
        assert torch.equal((there * torch.tensor(2.0)).cpu(), 2 * here)
        for mix in (lambda: there + here, lambda: torch.cat([here, there]), lambda: here * there):
            with pytest.raises(RuntimeError, match="meets one of"):
                mix()
        with pytest.raises((TypeError, RuntimeError)):
            there.numpy()


# --- choosing a device --------------------------------------------------------------------------


def test_names_of_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("CPU") == pick_device(torch.device("cpu"))
    for name, words in {
        "gpu": "auto, cpu, cuda, mps, not 'gpu'",
        "cuda": "use cpu or auto",
        "mps": "no Apple GPU",
        "cpu:1": "must be one of",
        "": "must be one of",
    }.items():
        with pytest.raises(RiffeduError, match=words):
            pick_device(name)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto") == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("auto") == torch.device("cuda")
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(RiffeduError, match="2 GPUs"):
        pick_device("cuda:2")


def test_the_shell_refuses_a_device_that_is_not_there(ours, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    out = tmp_path / "a.wav"
    line = ["generate", "piano", "-o", str(out), "--model", str(ours), "--device", "cuda"]
    assert cli.main(line) == 2 and not out.exists()
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("Loading") and "cuda" in told[1] and len(told) == 2


def test_half_precision_is_inside_the_network_only(ours):
    full, half = load_pipeline(ours), load_pipeline(ours, half=True)
    assert {p.dtype for p in half.checkpoint.unet.parameters()} == {torch.float16}
    assert {p.dtype for p in half.checkpoint.vae.parameters()} == {torch.float32}
    runs = [list(p.denoise(p.initial_noise(1), ["piano"], None, 3)) for p in (full, half)]
    for one, other in zip(*runs):
        assert other.latents.dtype == torch.float32
        torch.testing.assert_close(one.latents, other.latents, rtol=0.02, atol=0.02)
    assert not torch.equal(runs[0][-1].latents, runs[1][-1].latents)


def test_half_precision_keeps_both_kinds_of_output(ours):
    unet = load_pipeline(ours).checkpoint.unet
    run_in_half(unet, torch.bfloat16)
    x, states = torch.zeros(1, 8, 16, 16), torch.zeros(1, 4, 24)
    assert unet(x, torch.tensor(3), encoder_hidden_states=states).sample.dtype == torch.float32
    assert unet(x, 3, states, return_dict=False)[0].dtype == torch.float32
