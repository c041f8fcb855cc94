"""The training code: the linear start is the principal components, the loop survives a break."""

import json

import numpy as np
import pytest
from tiny import write_riffedu_checkpoint

from riffedu.errors import RiffeduError


@pytest.fixture(scope="module")
def pictures():
    """24 smooth random pictures of 128×128 pixels: lines and beats, some noise."""
    import torch

    generator = torch.Generator().manual_seed(0)
    time, frequency = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="xy")
    out = []
    for _ in range(24):
        a, b, c = torch.rand(3, generator=generator)
        lines = torch.cos(frequency * (0.2 + 0.3 * a) + 6 * b)
        beats = torch.cos(time * (0.1 + 0.2 * c)).clamp_min(0)
        noise = 0.1 * torch.randn(128, 128, generator=generator)
        out.append((0.6 * lines * beats + noise).clamp(-1, 1))
    return torch.stack(out).unsqueeze(1)


def test_new_autoencoder_is_the_linear_codec(pictures):
    import torch
    import torch.nn.functional as F

    from riffedu.training.autoencoder import build_autoencoder, codec_error, start_as_linear_codec
    from riffedu.training.linear_start import as_rows, principal_components

    torch.manual_seed(0)
    vae = start_as_linear_codec(build_autoencoder(8), pictures)
    patches = as_rows(F.pixel_unshuffle(pictures, 32))
    mean, components, _ = principal_components(patches, 8)
    best = ((patches - mean) - (patches - mean) @ components.T @ components) / 2
    best = float(best.square().mean().sqrt())
    assert best > 0.01, "the pictures must be too rich for eight numbers, or the test says nothing"
    assert codec_error(vae, pictures) == pytest.approx(best, rel=0.03)
    with torch.inference_mode():
        latents = vae.encode(pictures).latent * vae.config.scaling_factor
    assert latents.shape == (24, 8, 4, 4)
    assert float(latents.square().mean().sqrt()) == pytest.approx(1, abs=1e-3)


def test_principal_components_equal_the_singular_vectors():
    import torch

    from riffedu.training.linear_start import principal_components

    rows = torch.randn(200, 12, generator=torch.Generator().manual_seed(1)).double()
    mean, components, deviation = principal_components(rows, 5)
    _, singular, right = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    overlap = (components.double() @ right[:5].T).abs()
    assert torch.allclose(overlap, torch.eye(5).double(), atol=1e-5)
    assert torch.allclose(deviation.double(), singular[:5] / 200**0.5, atol=1e-5)


def test_velocity_target_is_diffusers_own():
    import torch

    from riffedu.training.denoiser import build_scheduler, velocity_loss

    scheduler = build_scheduler()
    generator = torch.Generator().manual_seed(2)
    clean, noise = torch.randn(2, 4, 3, 5, 5, generator=generator)
    times = torch.tensor([0, 250, 700, 999])
    from diffusers import DDPMScheduler

    oracle = DDPMScheduler.from_config(scheduler.config)
    seen = {}

    def unet(noisy, t, states):
        seen["noisy"] = noisy
        return type("Output", (), {"sample": oracle.get_velocity(clean, noise, t)})

    loss = velocity_loss(unet, clean, None, scheduler.alphas_cumprod, noise, times)
    assert float(loss) < 1e-10
    assert torch.allclose(seen["noisy"], oracle.add_noise(clean, noise, times), atol=1e-6)


def make_module():
    import torch

    torch.manual_seed(3)
    return torch.nn.Linear(4, 1)


def squared_error(module):
    import torch

    generator = torch.Generator().manual_seed(4)
    inputs = torch.randn(64, 4, generator=generator)
    wanted = inputs @ torch.tensor([[1.0], [-2.0], [0.5], [3.0]])
    return lambda step: (module(inputs) - wanted).square().mean()


def test_loop_learns_stops_and_goes_on_where_it_was(tmp_path):
    from itertools import islice

    from riffedu.training.loop import train

    module = make_module()
    settings = dict(minutes=1, learning_rate=0.05, warmup=1, cooldown=0, decay=0.9)
    steps = train(module, squared_error(module), tmp_path, **settings)
    first = list(islice(steps, 60))
    steps.close()
    assert first[-1].loss < 0.2 * first[0].loss
    again = make_module()
    steps = train(again, squared_error(again), tmp_path, **settings)
    second = next(steps)
    steps.close()
    assert second.step == 61
    assert second.loss < first[-1].loss
    assert second.seconds > first[-1].seconds
    assert len(json.loads((tmp_path / "state.json").read_text())) == 61
    assert not list(tmp_path.glob("*.part"))


def test_unbroken_and_broken_runs_agree(tmp_path):
    from itertools import islice

    import torch

    from riffedu.training.loop import train

    settings = dict(minutes=1, learning_rate=0.05, warmup=1, cooldown=0)
    whole, broken = make_module(), make_module()
    steps = train(whole, squared_error(whole), tmp_path / "whole", **settings)
    list(islice(steps, 20))
    steps.close()
    for _ in range(2):
        steps = train(broken, squared_error(broken), tmp_path / "broken", **settings)
        list(islice(steps, 10))
        steps.close()
    assert torch.allclose(whole.weight, broken.weight, atol=1e-6)


def test_loop_refuses_a_loss_that_is_not_a_number(tmp_path):
    from riffedu.training.loop import train

    module = make_module()
    with pytest.raises(RiffeduError, match="learning rate"):
        list(
            train(
                module,
                lambda s: module.weight.sum() * np.nan,
                tmp_path,
                minutes=1,
                learning_rate=1.0,
            )
        )
    from safetensors.torch import load_file

    kept = load_file(tmp_path / "state.safetensors")
    assert kept["weights.weight"].equal(make_module().weight)


def test_moving_average_is_put_on_and_taken_off():
    import torch

    from riffedu.training.loop import MovingAverage

    module = make_module()
    before = module.weight.detach().clone()
    average = MovingAverage(module, decay=0.5)
    with torch.no_grad():
        module.weight.add_(1)
    average.update(module, step=1000)
    with average.applied_to(module):
        assert torch.allclose(module.weight, before + 0.5)
    assert torch.allclose(module.weight, before + 1)


def test_learning_rate_rises_holds_and_cools_down():
    from riffedu.training.loop import learning_rate_at

    assert learning_rate_at(0, 0.0, 1.0, 10, 0.25) == pytest.approx(0.1)
    assert learning_rate_at(50, 0.5, 1.0, 10, 0.25) == 1
    assert learning_rate_at(50, 0.875, 1.0, 10, 0.25) == pytest.approx(0.5)
    assert learning_rate_at(50, 1.0, 1.0, 10, 0.25) == pytest.approx(0.05)


def test_dataset_reads_one_split(tiny_data):
    from riffedu.training.dataset import PictureDataset

    data = PictureDataset(tiny_data, "validation")
    assert len(data) == 2
    picture, metadata = data[1]
    assert metadata["id"] == 7
    batch = data.batch([1])
    assert batch.shape == (1, 1, 512, 512)
    assert np.allclose(batch[0, 0].numpy(), picture / 127.5 - 1, atol=1e-6)
    with pytest.raises(RiffeduError, match="riffedu train data"):
        PictureDataset(tiny_data, "test")


def test_training_without_its_ingredients_says_what_to_run(tiny_data, tmp_path):
    from riffedu.training.denoiser import train_denoiser

    with pytest.raises(RiffeduError, match="riffedu train autoencoder"):
        next(train_denoiser(tiny_data, tmp_path / "empty", minutes=1))


def test_denoiser_goes_on_from_a_checkpoint_and_keeps_it_whole(tiny_data, tmp_path, monkeypatch):
    from itertools import islice

    from riffedu.diffusion.checkpoint import load_checkpoint
    from riffedu.training import captions, denoiser

    folder = write_riffedu_checkpoint(tmp_path / "model")
    before = load_checkpoint(folder)
    monkeypatch.setattr(denoiser, "SHEET_PROMPTS", ("piano",))
    monkeypatch.setattr(captions, "caption", lambda metadata, random: "calm piano")
    steps = denoiser.train_denoiser(tiny_data, folder, minutes=1)
    first = list(islice(steps, 3))
    steps.close()
    again = denoiser.train_denoiser(tiny_data, folder, minutes=1)
    assert next(again).step == first[-1].step + 1
    again.close()
    after = load_checkpoint(folder)
    changed = [
        name
        for name, value in after.unet.named_parameters()
        if not value.equal(before.unet.get_parameter(name))
    ]
    assert changed
    for name, value in after.vae.named_parameters():
        assert value.equal(before.vae.get_parameter(name))
    assert "_name_or_path" not in json.loads((folder / "unet" / "config.json").read_text())
    assert (folder / "training" / "denoiser.png").stat().st_size > 1000
    assert (folder / "training" / "denoiser_loss.png").stat().st_size > 1000


def test_autoencoder_trains_its_decoder_alone_when_asked(tiny_data, tmp_path):
    from itertools import islice

    from riffedu.diffusion.checkpoint import load_checkpoint
    from riffedu.training.autoencoder import train_autoencoder

    folder = write_riffedu_checkpoint(tmp_path / "model")
    before = load_checkpoint(folder).vae
    steps = train_autoencoder(tiny_data, folder, minutes=1, freeze_encoder=True)
    list(islice(steps, 2))
    steps.close()
    after = load_checkpoint(folder).vae

    def changed(part):
        pairs = zip(
            getattr(before, part).parameters(), getattr(after, part).parameters(), strict=True
        )
        return any(not a.half().equal(b.half()) for a, b in pairs)

    assert changed("decoder")
    assert not changed("encoder")
    assert (folder / "training" / "autoencoder.png").exists()


def test_latents_are_encoded_once(tiny_data, monkeypatch):
    import torch

    from riffedu.training.autoencoder import build_autoencoder
    from riffedu.training.dataset import PictureDataset
    from riffedu.training.latents import cached_latents

    torch.manual_seed(6)
    vae = build_autoencoder(4).eval()
    pictures = PictureDataset(tiny_data, "validation")
    first = np.array(cached_latents(vae, pictures, tiny_data))
    with torch.inference_mode():
        wanted = vae.encode(pictures.batch([0, 1])).latent * vae.config.scaling_factor
    assert np.allclose(first, wanted.numpy(), atol=2e-3 * float(wanted.abs().max()))
    monkeypatch.setattr(vae, "encode", None)  # a second call must not encode again
    assert np.array_equal(first, cached_latents(vae, pictures, tiny_data))
