"""A trimmed text encoder says the same of every text."""

import shutil

import pytest

torch = pytest.importorskip("torch")

from riffedu.diffusion.checkpoint import load_checkpoint  # noqa: E402
from riffedu.diffusion.guidance import encode_prompts  # noqa: E402
from riffedu.paths import data_folder  # noqa: E402
from riffedu.training.text_encoder import trim_text_encoder  # noqa: E402

TEXTS = [
    "",
    "a calm solo piano",
    "techno at 128 bpm, in D minor",
    "çà et là 音楽 \N{PILE OF POO}",
    "x " * 60,
]


def states(folder):
    parts = load_checkpoint(folder)
    return encode_prompts(parts.text_encoder, parts.tokenizer, TEXTS)


def test_states_stay_the_same(tmp_path):
    import json

    folder = tmp_path / "model"
    shutil.copytree(data_folder() / "models" / "default", folder)
    tokenizer = folder / "tokenizer" / "tokenizer.json"
    before = states(folder)
    # put unused rows back, as in the encoder that the model was made from
    rules = json.loads(tokenizer.read_text("utf-8"))
    have = len(rules["model"]["vocab"])
    rules["model"]["vocab"] |= {f"[unused{n}]": have + n for n in range(3)}
    tokenizer.write_text(json.dumps(rules), "utf-8")
    add_rows(folder / "text_encoder", 3)
    assert trim_text_encoder(folder) == 3
    assert torch.equal(states(folder), before)
    assert trim_text_encoder(folder) == 0
    assert torch.equal(states(folder), before)


def add_rows(folder, rows):
    import json

    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    words = weights["embeddings.word_embeddings.weight"]
    weights["embeddings.word_embeddings.weight"] = torch.cat([words, words[:rows]])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["vocab_size"] += rows
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
