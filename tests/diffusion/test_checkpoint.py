"""Opening checkpoints: two layouts by one road, and one clear line for every way it can fail."""

import json
import shutil

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu.diffusion.checkpoint import load_checkpoint
from riffedu.diffusion.finding import find_checkpoint
from riffedu.errors import RiffeduError


@pytest.fixture
def copy(ours, tmp_path):
    return shutil.copytree(ours, tmp_path / "copy")


def refusal(folder) -> str:
    with pytest.raises(RiffeduError) as caught:
        load_checkpoint(folder)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 500
    return line


def test_two_layouts_open_by_what_their_index_names(sd, ours):
    first, second = load_checkpoint(sd), load_checkpoint(ours)
    names = [[type(part).__name__ for part in (c.text_encoder, c.vae)] for c in (first, second)]
    assert names == [["CLIPTextModel", "AutoencoderKL"], ["BertModel", "AutoencoderDC"]]
    assert [c.latent_channels for c in (first, second)] == [4, 8]
    assert (first.path, first.defaults) == (sd, {})


def test_compression_is_what_the_decoder_really_does(sd, ours):
    for folder, factor in ((sd, 8), (ours, 32)):
        checkpoint = load_checkpoint(folder)
        with torch.no_grad():
            picture = checkpoint.vae.decode(torch.zeros(1, checkpoint.latent_channels, 2, 3)).sample
        assert checkpoint.compression == factor
        assert picture.shape[2:] == (2 * factor, 3 * factor)


def test_safety_checker_is_ignored_when_named(tmp_path):
    folder = tiny.write_sd_checkpoint(tmp_path / "checked", safety_checker=True)
    assert not hasattr(load_checkpoint(folder), "safety_checker")


def test_half_precision_on_disk_is_float32_in_memory(copy):
    path = copy / "unet" / "diffusion_pytorch_model.safetensors"
    halves = {name: tensor.half() for name, tensor in load_file(path).items()}
    save_file(halves, path, metadata={"format": "pt"})
    unet = load_checkpoint(copy).unet
    assert {p.dtype for p in unet.parameters()} == {torch.float32}
    for name, parameter in unet.named_parameters():
        torch.testing.assert_close(parameter, halves[name].float(), rtol=0, atol=0)


def test_networks_are_ready_to_run_not_to_train(ours):
    checkpoint = load_checkpoint(ours)
    for network in (checkpoint.vae, checkpoint.unet, checkpoint.text_encoder):
        assert not network.training and not any(p.requires_grad for p in network.parameters())


def test_recommended_settings_are_read(tmp_path):
    folder = tiny.write_riffedu_checkpoint(tmp_path / "m", defaults={"guidance_scale": 3.5})
    assert load_checkpoint(folder).defaults == {"guidance_scale": 3.5}


def test_a_name_means_a_folder_of_data_models(ours, tmp_path, monkeypatch):
    shutil.copytree(ours, tmp_path / "models" / "small")
    monkeypatch.setenv("RIFFEDU_DATA", str(tmp_path))
    assert load_checkpoint("small").path == tmp_path / "models" / "small"
    assert "small" in refusal("smell")


def test_a_hub_id_opens_from_the_local_cache(ours, tmp_path, monkeypatch):
    repository = tmp_path / "models--someone--model"
    shutil.copytree(ours, repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert load_checkpoint("someone/model").path == repository / "snapshots" / "abc"
    assert "connect once" in refusal("someone/other")


def test_loading_prints_nothing(sd, capfd):
    load_checkpoint(sd)
    assert capfd.readouterr() == ("", "")


# --- refusals ---------------------------------------------------------------------------------


def test_missing():
    assert "no checkpoint 'nowhere'" in refusal("nowhere")
    assert "no checkpoint ''" in refusal("")


def test_a_folder_that_is_no_checkpoint(tmp_path):
    assert "model_index.json" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["vae", "unet", "text_encoder"])
def test_pickled_weights_are_refused_unread(copy, name):
    [weights] = (copy / name).glob("*.safetensors")
    weights.rename(weights.with_suffix(".bin"))
    assert "pickled weights" in refusal(copy)


def test_a_pickled_file_is_refused(tmp_path):
    path = tmp_path / "riffusion.ckpt"
    path.write_bytes(b"\x80\x04")
    assert "pickled weights" in refusal(path) and "riffedu.diffusion.weights" in refusal(path)


@pytest.mark.parametrize("name", ["vae", "unet", "text_encoder"])
def test_damaged_weights(copy, name):
    [weights] = (copy / name).glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1000])
    line = refusal(copy)
    assert name in line and "cut short" in line


@pytest.mark.parametrize("name", ["vae", "unet", "text_encoder"])
def test_incomplete_weights(copy, name):
    [path] = (copy / name).glob("*.safetensors")
    tensors = load_file(path)
    gone = sorted(tensors)[0]
    tensors.pop(gone)
    save_file(tensors, path, metadata={"format": "pt"})
    line = refusal(copy)
    assert "incomplete" in line and gone in line


@pytest.mark.parametrize(
    "path",
    [
        "unet/config.json",
        "vae/config.json",
        "text_encoder/config.json",
        "tokenizer/tokenizer.json",
        "scheduler/scheduler_config.json",
        "model_index.json",
    ],
)
def test_damaged_settings(copy, path):
    (copy / path).write_text('{"in_chan')
    assert path.split("/")[0] in refusal(copy)


@pytest.mark.parametrize("name", ["vae", "unet", "text_encoder", "tokenizer", "scheduler"])
def test_a_part_is_missing(copy, name):
    shutil.rmtree(copy / name)
    assert name in refusal(copy)


def test_classes_of_other_libraries_are_not_imported(copy):
    index = json.loads((copy / "model_index.json").read_text())
    index["unet"] = ["os", "system"]
    (copy / "model_index.json").write_text(json.dumps(index))
    assert "diffusers and transformers only" in refusal(copy)


def test_parts_that_do_not_fit(sd, copy):
    shutil.rmtree(copy / "unet")
    shutil.copytree(sd / "unet", copy / "unet")
    assert "don't match (latent channels" in refusal(copy)


def test_a_scheduler_without_noise_schedule(copy):
    from diffusers import FlowMatchEulerDiscreteScheduler

    FlowMatchEulerDiscreteScheduler().save_pretrained(copy / "scheduler")
    index = json.loads((copy / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", "FlowMatchEulerDiscreteScheduler"]
    (copy / "model_index.json").write_text(json.dumps(index))
    assert "flow matching" in refusal(copy)


def test_find_checkpoint_takes_a_path(ours):
    assert find_checkpoint(str(ours)) == find_checkpoint(ours) == ours
