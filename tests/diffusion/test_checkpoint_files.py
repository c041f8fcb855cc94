"""Checkpoints as people have them: fp16 variants, single files, shards, pickles, mistyped paths."""

import json
import shutil
import socket

import pytest
import tiny
import torch
from original_layout import write_single_file
from safetensors.torch import load_file, save_file
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu import cli, load_pipeline
from riffedu.diffusion import single_file, weights
from riffedu.diffusion.checkpoint import load_checkpoint
from riffedu.diffusion.finding import find_checkpoint
from riffedu.diffusion.weights import NETWORKS
from riffedu.errors import RiffeduError


@pytest.fixture
def copy(ours, tmp_path):
    return shutil.copytree(ours, tmp_path / "copy")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise OSError("this test reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def refusal(folder) -> str:
    with pytest.raises(RiffeduError) as caught:
        load_checkpoint(folder)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 600
    return line


def same_weights(one, other) -> None:
    for name in NETWORKS:
        first, second = (getattr(c, name).state_dict() for c in (one, other))
        assert set(first) == set(second)
        for key in first.keys() - {"pooler.dense.weight", "pooler.dense.bias"}:  # BERT's, not used
            assert torch.equal(first[key], second[key]), key


def halved(folder, variant="fp16"):
    """Replace every weight file by its variant in half precision."""
    for file in folder.glob("*/*.safetensors"):
        half = {k: v.half() if v.is_floating_point() else v for k, v in load_file(file).items()}
        save_file(half, file.with_suffix(f".{variant}.safetensors"), metadata={"format": "pt"})
        file.unlink()
    return folder


# --- variants -----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["ours", "sd"])
def test_a_folder_with_only_an_fp16_variant(model, request, tmp_path):
    from diffusers import UNet2DConditionModel

    folder = halved(shutil.copytree(request.getfixturevalue(model), tmp_path / "half"))
    found = load_checkpoint(folder)
    theirs = UNet2DConditionModel.from_pretrained(
        folder / "unet", variant="fp16", torch_dtype=torch.float32
    )
    for key, tensor in theirs.state_dict().items():
        assert torch.equal(tensor, found.unet.state_dict()[key])
    assert {p.dtype for p in found.text_encoder.parameters()} == {torch.float32}


def test_plain_weights_come_before_a_variant(copy, ours):
    for file in list(copy.glob("*/*.safetensors")):
        zeros = {k: torch.zeros_like(v) for k, v in load_file(file).items()}
        save_file(zeros, file.with_suffix(".fp16.safetensors"), metadata={"format": "pt"})
    same_weights(load_checkpoint(copy), load_checkpoint(ours))


def test_another_variant_is_better_than_none(copy):
    assert load_checkpoint(halved(copy, "ema")).unet.config.in_channels == 8


def test_shards_and_a_missing_shard(copy, ours, capfd):
    unet = load_checkpoint(ours).unet
    shutil.rmtree(copy / "unet")
    unet.save_pretrained(copy / "unet", max_shard_size="20KB")
    shards = sorted((copy / "unet").glob("*.safetensors"))
    assert len(shards) > 1
    same_weights(load_checkpoint(copy), load_checkpoint(ours))
    assert capfd.readouterr() == ("", "")
    shards[-1].unlink()
    assert shards[-1].name in refusal(copy) and "missing" in refusal(copy)


# --- single files -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def v1(tmp_path_factory):
    """A folder, and beside its components the same weights as a file of the original layout."""
    folder = tiny.write_sd_checkpoint(tmp_path_factory.mktemp("v1"))
    write_single_file(folder, folder / "riffusion.safetensors")
    return folder


def test_a_single_file_is_what_the_folder_is(v1):
    found = load_checkpoint(str(v1 / "riffusion.safetensors"))
    same_weights(found, load_checkpoint(v1))
    assert type(found.scheduler).__name__ == "PNDMScheduler"
    assert found.path.name == "riffusion.safetensors"


def test_a_single_file_is_what_diffusers_loads(v1):
    from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel

    file = str(v1 / "riffusion.safetensors")
    found = load_checkpoint(file)
    for loader, name in ((UNet2DConditionModel, "unet"), (AutoencoderKL, "vae")):
        theirs = loader.from_single_file(
            file, config=str(v1), subfolder=name, local_files_only=True
        ).state_dict()
        ours = getattr(found, name).state_dict()
        assert set(theirs) == set(ours) and all(torch.equal(theirs[k], ours[k]) for k in theirs)
    whole = StableDiffusionPipeline.from_single_file(
        file, config=str(v1), local_files_only=True, safety_checker=None, feature_extractor=None
    )
    theirs, ours = whole.text_encoder.state_dict(), found.text_encoder.state_dict()
    assert set(theirs) == set(ours) and all(torch.equal(theirs[k], ours[k]) for k in theirs)


def test_a_single_file_in_half_precision_plays(v1, tmp_path, capfd):
    folder = shutil.copytree(v1, tmp_path / "half")
    file = write_single_file(v1, folder / "half.safetensors", half=True)
    pipeline = load_pipeline(file)
    result = pipeline.generate("calm piano", num_inference_steps=2, duration=1, progress=False)
    assert result.parameters["model"] == "half.safetensors" and len(result.waveform) == 44100
    assert capfd.readouterr().err == ""


def test_settings_of_stable_diffusion_v1(tmp_path):
    """With nothing beside the file, the settings are those of Stable Diffusion v1."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    counts = {}
    with torch.device("meta"):
        for loader, name in ((UNet2DConditionModel, "unet"), (AutoencoderKL, "vae")):
            network = loader.from_config(loader.load_config(single_file.SETTINGS / name))
            counts[name] = sum(p.numel() for p in network.parameters())
        settings = json.loads((single_file.SETTINGS / "text_encoder/config.json").read_text())
        encoder = CLIPTextModel(CLIPTextConfig(**settings))
        counts["text_encoder"] = sum(p.numel() for p in encoder.parameters())
    # The sizes that Stable Diffusion v1's model card and papers state: 860 M, 84 M, 123 M.
    assert counts == {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480}


def test_clips_own_tokenizer(tmp_path):
    tokenizer = single_file.load_tokenizer(tmp_path)
    assert len(tokenizer) == 49408 and tokenizer.model_max_length == 77
    # Token numbers of CLIP's published examples.
    ids = tokenizer(["a photo of a cat", "hello world!", ""]).input_ids
    assert ids[0] == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert ids[1] == [49406, 3306, 1002, 256, 49407] and ids[2] == [49406, 49407]
    assert tokenizer.pad_token_id == 49407


@pytest.mark.parametrize("part", ["out.2.weight", "mid.attn_1.q.bias", "final_layer_norm.bias"])
def test_a_single_file_with_a_missing_weight(v1, tmp_path, part):
    folder = shutil.copytree(v1, tmp_path / "less")
    file = write_single_file(v1, folder / "less.safetensors", drop=part)
    assert "incomplete" in refusal(file) and "less.safetensors" in refusal(file)


def test_a_single_file_of_another_size(v1, tmp_path):
    file = write_single_file(v1, tmp_path / "alone.safetensors")
    line = refusal(file)
    assert "incomplete" in line or "is not Stable Diffusion v1" in line


@pytest.mark.parametrize("name", ["unet/config.json", "text_encoder/config.json"])
def test_a_single_file_beside_damaged_settings(v1, tmp_path, name):
    folder = shutil.copytree(v1, tmp_path / "beside")
    (folder / name).write_text('{"in_chan')
    assert "the settings in its folder" in refusal(folder / "riffusion.safetensors")


@pytest.mark.parametrize(
    "name, words",
    [
        ("lora_unet_down_blocks_0.lora_down.weight", "is a LoRA"),
        ("unet.down_blocks.0.attn.to_q.lora_A.weight", "is a LoRA"),
        ("conditioner.embedders.0.transformer.x", "is Stable Diffusion XL"),
        ("cond_stage_model.model.token_embedding.weight", "is Stable Diffusion v2"),
        ("down_blocks.0.resnets.0.conv1.weight", "one component"),
        ("something.else", "no checkpoint of Stable Diffusion v1"),
        ("model.diffusion_model.out.2.weight", "no weights named first_stage_model."),
    ],
)
def test_single_files_of_other_kinds(tmp_path, name, words):
    file = tmp_path / "other.safetensors"
    save_file({name: torch.zeros(1)}, file)
    assert words in refusal(file)


# --- damaged and pickled files ------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda b: b[:-100], "cut short"),
        (lambda b: b + b"\0", "is damaged: it has"),
        (lambda b: b[:40], "ends within its header"),
        (lambda b: b"", "is empty (0 bytes)"),
        (lambda b: b"<html>404</html>" * 9, "damaged"),
        (lambda b: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_a_damaged_file_is_named(copy, damage, words):
    file = copy / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    line = refusal(copy)
    assert words in line and str(file) in line


def test_no_weights_and_weights_of_another_name(copy):
    [file] = (copy / "vae").glob("*.safetensors")
    file.rename(file.with_name("vae.safetensors"))
    assert "only vae.safetensors: rename" in refusal(copy)
    (copy / "vae" / "vae.safetensors").unlink()
    assert "diffusion_pytorch_model.safetensors is missing" in refusal(copy)


@pytest.mark.parametrize("name", ["unet/config.json", "scheduler/scheduler_config.json"])
def test_missing_settings_are_named(copy, name):
    (copy / name).unlink()
    assert f"it has no {name.split('/')[1]}" in refusal(copy)


def test_a_pickle_is_refused_with_the_conversion_that_works(v1, tmp_path, capsys):
    folder = shutil.copytree(v1, tmp_path / "pickled")
    file = folder / "riffusion.safetensors"
    tensors = load_file(file)
    file.unlink()
    torch.save({"state_dict": tensors, "global_step": 7}, folder / "riffusion.ckpt")
    line = refusal(folder / "riffusion.ckpt")
    assert "run code" in line and f"-m riffedu.diffusion.weights {folder}/riffusion.ckpt" in line
    assert weights._main([str(folder / "riffusion.ckpt")]) == 0
    assert capsys.readouterr().out.strip() == str(file)
    same_weights(load_checkpoint(file), load_checkpoint(v1))
    assert weights._main([str(folder / "riffusion.ckpt")]) == 2
    assert "exists" in capsys.readouterr().err


def test_a_pickled_component_is_converted_too(copy, ours):
    for name, new in (("unet", "diffusion_pytorch_model"), ("text_encoder", "pytorch_model")):
        [file] = (copy / name).glob("*.safetensors")
        torch.save(load_file(file), file.with_name(f"{new}.bin"))
        file.unlink()
        assert "pickled weights" in refusal(copy)
        weights.unpickle(copy / name / f"{new}.bin")
    same_weights(load_checkpoint(copy), load_checkpoint(ours))


def test_a_pickle_that_runs_code_is_not_converted(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "proof"), "w"))

    torch.save({"state_dict": {}, "x": Evil()}, tmp_path / "evil.ckpt")
    with pytest.raises(RiffeduError, match="can run code"):
        weights.unpickle(tmp_path / "evil.ckpt")
    assert not (tmp_path / "proof").exists()
    (tmp_path / "no.ckpt").write_bytes(b"no pickle")
    with pytest.raises(RiffeduError):
        weights.unpickle(tmp_path / "no.ckpt")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.ckpt", "no.ckpt"]


# --- paths --------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path, monkeypatch, ours):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "my-models" / "riffusion").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    "name, words",
    [
        ("my-models/riffusoin", "there is no folder 'my-models/riffusoin': did you mean"),
        ("./x", "there is no folder './x': correct the path"),
        ("./my-models/riffuson", "did you mean 'my-models/riffusion'?"),
        ("~/x", "there is no folder '~/x'"),
        ("~/my-models/riffuson", "my-models/riffusion'?"),
        ("/nowhere/at/all", "'/nowhere/at' does not exist either"),
        ("a/b/c", "'a/b' does not exist either"),
        ("C:\\models\\riffusion", "there is no folder 'C:\\\\models"),
        ("my-models\\riffusion", "write 'my-models/riffusion'"),
        ("riffusion.safetensors", "there is no file 'riffusion.safetensors'"),
        ("models/v1.ckpt", "there is no file 'models/v1.ckpt'"),
        ("somebody/", "there is no folder 'somebody/'"),
        ("someone/other", "there is no folder 'someone/other' here, and a model of that name"),
        ("https://huggingface.co/some/one/tree/main", "there is no folder 'some/one' here"),
        ("nowhere", "no checkpoint 'nowhere'"),
        ("x" * 300, "no checkpoint"),
        ("a\0b", "no checkpoint"),
        ("", "no checkpoint ''"),
    ],
)
def test_a_path_that_is_not_there_is_said_to_be_one(here, name, words):
    assert words in refusal(name)


def test_a_path_object_is_never_a_hub_id(here):
    from pathlib import Path

    assert "there is no folder" in refusal(Path("someone/other"))


def test_folders_that_are_no_checkpoints(here, ours):
    assert "has no model_index.json" in refusal("my-models/riffusion")
    save_file({"x": torch.zeros(1)}, "my-models/riffusion/v1.safetensors")
    line = refusal("~/my-models/riffusion")
    assert f"did you mean the file {here}/my-models/riffusion/v1.safetensors" in line
    assert find_checkpoint(ours / "model_index.json") == ours
    (here / "notes.txt").write_text("hello")
    assert "is not a checkpoint" in refusal("notes.txt")


def test_the_shell_says_it_in_one_line(here, capsys):
    line = ["generate", "piano", "-o", "a.wav", "--model", "my-models/riffusoin"]
    assert cli.main(line) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "did you mean 'my-models/riffusion'?" in error


def test_a_hub_model_with_only_an_fp16_variant_opens_from_the_cache(here, ours):
    repository = here / "cache" / "models--some--half"
    halved(shutil.copytree(ours, repository / "snapshots" / "abc"))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    assert load_checkpoint("some/half").path == repository / "snapshots" / "abc"
