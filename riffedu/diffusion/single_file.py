"""Lesson 09: open Stable Diffusion v1 in one ``.safetensors`` file, the layout it was trained in.

The file holds the weights of U-Net, autoencoder and text encoder under the names of the original
code; diffusers' converter gives them diffusers' names. A single file has no settings and no
tokenizer, so these come from ``sd_v1/`` beside this module (every model fine-tuned from Stable
Diffusion v1 shares them), or from the component folders beside the file if there are any.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, NoReturn

from riffedu.diffusion.weights import check_safetensors, first_line
from riffedu.errors import RiffeduError

SETTINGS = Path(__file__).with_name("sd_v1")
PREFIXES = {
    "unet": ("model.diffusion_model.",),
    "vae": ("first_stage_model.", "vae."),
    "text_encoder": ("cond_stage_model.transformer.",),
}
OTHERS = {
    "lora": "a LoRA, which changes a checkpoint: load it with a model of Stable Diffusion v1",
    "conditioner.embedders.": "Stable Diffusion XL",
    "cond_stage_model.model.": "Stable Diffusion v2",
    "joint_blocks.": "Stable Diffusion 3",
    "double_blocks.": "Flux",
    "control_model.": "a ControlNet",
    "down_blocks.": "the weights of one component: give the folder that contains model_index.json",
    "text_model.": "a text encoder alone: give the folder that contains model_index.json",
}


def open_single_file(path: Path) -> dict[str, Any]:
    """Return the five components of a single-file checkpoint, by name.

    Nothing is downloaded. Raises RiffeduError if the file is damaged, or if it is anything but a
    whole model of Stable Diffusion v1. Notebook: 09_latents.
    """
    from safetensors.torch import load_file

    check_safetensors(path)
    weights = load_file(path)
    for prefixes in PREFIXES.values():
        if not any(name.startswith(prefixes) for name in weights):
            _refuse(path, weights, prefixes[0])
    try:
        return {
            "unet": _unet(path, weights),
            "vae": _vae(path, weights),
            "text_encoder": _text_encoder(path, weights),
            "tokenizer": load_tokenizer(path.parent / "tokenizer"),
            "scheduler": _scheduler(path),
        }
    except RiffeduError:
        raise
    except Exception as error:
        raise RiffeduError(
            f"{path} can't be opened with the settings in its folder: {first_line(error)}; move it "
            "to a folder of its own"
        ) from error


def _unet(path: Path, weights: dict[str, Any]) -> Any:
    import torch
    from diffusers import UNet2DConditionModel
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    config = UNet2DConditionModel.load_config(_settings(path, "unet"), local_files_only=True)
    with torch.device("meta"):  # no random start: every weight is replaced
        network = UNet2DConditionModel.from_config(config)
    return _filled(network, convert_ldm_unet_checkpoint(dict(weights), dict(config)), path, "unet")


def _vae(path: Path, weights: dict[str, Any]) -> Any:
    import torch
    from diffusers import AutoencoderKL
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    config = AutoencoderKL.load_config(_settings(path, "vae"), local_files_only=True)
    with torch.device("meta"):
        network = AutoencoderKL.from_config(config)
    return _filled(network, convert_ldm_vae_checkpoint(dict(weights), dict(config)), path, "vae")


def _text_encoder(path: Path, weights: dict[str, Any]) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    settings = json.loads((_settings(path, "text_encoder") / "config.json").read_text("utf-8"))
    network = CLIPTextModel(CLIPTextConfig(**settings))
    # Whether the names begin with "text_model." depends on the file and on transformers' version.
    [prefix] = PREFIXES["text_encoder"]
    start = "text_model." if any(k.startswith("text_model.") for k in network.state_dict()) else ""
    converted = {
        start + name.removeprefix(prefix).removeprefix("text_model."): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }
    return _filled(network, converted, path, "text_encoder")


def _scheduler(path: Path) -> Any:
    import diffusers

    folder = _settings(path, "scheduler", "scheduler_config.json")
    name = json.loads((folder / "scheduler_config.json").read_text("utf-8"))["_class_name"]
    return getattr(diffusers, name).from_pretrained(folder, local_files_only=True)


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer in a folder, or CLIP's own if there is none.

    CLIP's vocabulary follows from its list of merges: 256 bytes, the same at the end of a word, one
    entry per merge, and two special tokens. Source: Radford et al., "Learning Transferable Visual
    Models From Natural Language Supervision" (2021), and its code (MIT).
    """
    import tempfile

    import transformers

    loader = getattr(transformers, "CLIPTokenizerFast", None) or transformers.CLIPTokenizer
    if (folder / "vocab.json").is_file() or (folder / "tokenizer.json").is_file():
        return loader.from_pretrained(folder, local_files_only=True)
    text = gzip.decompress((SETTINGS / "clip_merges.txt.gz").read_bytes()).decode("utf-8")
    merges, letters = text.splitlines(), byte_letters()
    pieces = [*letters, *(f"{letter}</w>" for letter in letters)]
    pieces += [merge.replace(" ", "") for merge in merges]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as place:
        vocabulary, rules = Path(place, "vocab.json"), Path(place, "merges.txt")
        vocabulary.write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}), "utf-8")
        rules.write_text("\n".join(["#version: 0.2", *merges]) + "\n", "utf-8")
        return loader.from_pretrained(
            place, model_max_length=77, pad_token="<|endoftext|>", local_files_only=True
        )


def byte_letters() -> list[str]:
    """Return the letter that stands for each byte in byte-level vocabularies, in their order.

    Printable Latin-1 characters stand for themselves and come first; the other bytes get the
    characters from U+0100 on. Source: Radford et al., "Language Models are Unsupervised Multitask
    Learners" (2019), and its code.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = 256 - len(printable)
    return [chr(byte) for byte in printable] + [chr(0x100 + i) for i in range(others)]


def _settings(path: Path, name: str, file: str = "config.json") -> Path:
    """Return the folder of a component's settings: beside the checkpoint, or ours."""
    beside = path.parent / name
    return beside if (beside / file).is_file() else SETTINGS / name


def _filled(network: Any, weights: dict[str, Any], path: Path, name: str) -> Any:
    """Give a network all its weights; raise RiffeduError if one is missing or misshapen."""
    wanted = network.state_dict()
    if missing := sorted(set(wanted) - set(weights)):
        raise RiffeduError(
            f"{path} is incomplete: {len(missing)} weights of its {name} are missing, among them "
            f"{missing[0]}; download it again, or use a file that holds the whole model"
        )
    for key, tensor in wanted.items():
        if weights[key].shape != tensor.shape:
            raise RiffeduError(
                f"{path} is not Stable Diffusion v1: {key} of its {name} has shape "
                f"{tuple(weights[key].shape)}, not {tuple(tensor.shape)}; convert it to a folder "
                "with diffusers and give that folder"
            )
    network.load_state_dict({key: weights[key].float() for key in wanted}, assign=True)
    return network


def _refuse(path: Path, weights: dict[str, Any], prefix: str) -> NoReturn:
    for mark, what in OTHERS.items():
        if any(mark in name for name in weights):
            advice = "" if ":" in what else ": riffedu opens single files of Stable Diffusion v1"
            raise RiffeduError(f"{path} is {what}{advice}")
    raise RiffeduError(
        f"{path} is not a checkpoint of Stable Diffusion v1: it has no weights named {prefix}…; "
        "use a file that contains U-Net, autoencoder and text encoder"
    )
