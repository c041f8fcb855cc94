"""Make the text encoder of a checkpoint smaller without changing its output.

BERT's vocabulary reserves 994 entries, ``[unused0]`` to ``[unused993]``, that no text contains, and
its position table has 512 rows, of which prompts of 32 tokens use 32. Both tables are cut, which
saves 1.1 MB in float16. Taught in lesson 14.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..output import write_files, write_text

UNUSED = "[unused"


def trim_text_encoder(folder: str | Path, positions: int = 64) -> int:
    """Cut unused rows of the text encoder in the checkpoint ``folder``; return the rows removed.

    ``positions`` is the number of positions that are kept. Token states of any text stay the same.
    Does nothing to a checkpoint that is already trimmed, or whose tokenizer is not a WordPiece.
    """
    from safetensors.torch import load_file, save_file

    folder = Path(folder)
    file = folder / "tokenizer" / "tokenizer.json"
    rules = json.loads(file.read_text("utf-8"))
    vocabulary = rules["model"].get("vocab")
    if rules["model"].get("type") != "WordPiece" or not isinstance(vocabulary, dict):
        return 0
    kept = sorted((number for token, number in vocabulary.items() if not token.startswith(UNUSED)))
    new = {old: place for place, old in enumerate(kept)}
    rules["model"]["vocab"] = {t: new[n] for t, n in vocabulary.items() if n in new}
    for token in rules["added_tokens"]:
        token["id"] = new[token["id"]]
    for special in rules["post_processor"]["special_tokens"].values():
        special["ids"] = [new[number] for number in special["ids"]]
    encoder = folder / "text_encoder"
    weights = load_file(encoder / "model.safetensors")
    words, places = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"
    before = len(weights[words]) + len(weights[places])
    weights[words] = weights[words][kept].contiguous()
    weights[places] = weights[places][:positions].contiguous()
    config = json.loads((encoder / "config.json").read_text("utf-8"))
    config["vocab_size"] = len(weights[words])
    config["max_position_embeddings"] = len(weights[places])
    write_text(file, json.dumps(rules, ensure_ascii=False, indent=2) + "\n")
    with write_files(encoder) as part:
        save_file(weights, part / "model.safetensors", metadata={"format": "pt"})
        text = json.dumps(config, indent=2, sort_keys=True) + "\n"
        (part / "config.json").write_text(text, "utf-8")
    return before - len(weights[words]) - len(weights[places])
