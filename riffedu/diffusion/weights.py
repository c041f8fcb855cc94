"""Lesson 09: the files of a network's weights: which to read, and whether they are complete.

``python -m riffedu.diffusion.weights FILE.ckpt`` converts pickled weights to safetensors.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from riffedu.errors import RiffeduError
from riffedu.output import write_tensors

NETWORKS = ("vae", "unet", "text_encoder")
COMPONENTS = (*NETWORKS, "tokenizer", "scheduler")
PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
NAMES = {"diffusers": "diffusion_pytorch_model", "transformers": "model"}
LFS = b"version https://git-lfs"


def find_weights(folder: Path, library: str) -> str | None:
    """Return the variant of the weights in a component's folder: None for plain ones, or "fp16".

    Plain weights come first, then fp16, then any other variant. Raises RiffeduError, naming the
    file, if weights are missing, damaged or pickled. Source: the file names of diffusers and
    transformers. Notebook: 09_latents.
    """
    base = NAMES[library]
    shard = r"(-\d+-of-\d+)?"
    pattern = re.compile(rf"{base}{shard}(?:\.([A-Za-z]\w*))?{shard}\.safetensors")
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        if match := pattern.fullmatch(file.name):
            found.setdefault(match[2] or "", []).append(file)
    for index in folder.glob(f"{base}.safetensors.index*.json"):
        variant = index.name.removesuffix(".json").rpartition("index")[2].lstrip(".")
        found.setdefault(variant, []).extend(_shards(index))
    if not found:
        _refuse(folder, base)
    variant = "" if "" in found else "fp16" if "fp16" in found else min(found)
    for file in dict.fromkeys(found[variant]):
        check_safetensors(file)
    return variant or None


def check_safetensors(file: Path) -> None:
    """Raise RiffeduError unless a safetensors file has the length that its header gives.

    The first 8 bytes hold the header's length n; the next n bytes are JSON with the offsets of
    each tensor. Source: the format section of the safetensors README.
    """
    try:
        size = file.stat().st_size
        with open(file, "rb") as stream:
            start = stream.read(8)
            n = int.from_bytes(start, "little")
            rest = stream.read(n) if n <= size - 8 else b""
    except FileNotFoundError:
        raise RiffeduError(f"{file} is missing: download the checkpoint again") from None
    except OSError as error:
        raise RiffeduError(f"{file} can't be read: {error.strerror}") from None
    if (start + rest).startswith(LFS) or start == LFS[:8]:
        raise RiffeduError(f"{file} is only a Git LFS pointer: run `git lfs pull` in its folder")
    if size == 0:
        raise RiffeduError(f"{file} is empty (0 bytes): download it again")
    if not rest and 8 < n < 100_000_000:
        raise RiffeduError(f"{file} is damaged: it ends within its header; download it again")
    try:
        header = json.loads(rest)
        ends = [t["data_offsets"][1] for name, t in header.items() if name != "__metadata__"]
        whole = 8 + n + max(ends, default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise RiffeduError(
            f"{file} is damaged, or not a safetensors file: download it again"
        ) from None
    if size != whole:
        state = "cut short" if size < whole else "damaged"
        raise RiffeduError(
            f"{file} is {state}: it has {size} bytes instead of {whole}; download it again"
        )


def refuse_pickle(file: Path) -> NoReturn:
    """Raise the RiffeduError that says why pickled weights aren't read, and how to convert them."""
    raise RiffeduError(
        f"{file} contains pickled weights, which can run code when they are loaded: use its "
        f".safetensors version, or convert it with `{Path(sys.executable).name} -m "
        f"riffedu.diffusion.weights {_quoted(file)}`"
    )


def unpickle(path: str | Path) -> Path:
    """Convert pickled weights to safetensors beside them; return the new file.

    torch's restricted unpickler reads the file: it accepts tensors and plain containers, and runs
    no code. Raises RiffeduError if the file contains anything else, or if the new file exists.
    """
    import pickle

    import torch

    path = Path(path).expanduser()
    name = path.stem if path.stem != "pytorch_model" else "model"
    new = path.with_name(f"{name}.safetensors")
    if new.exists():
        raise RiffeduError(f"{new} already exists: move it, or use it as it is")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise RiffeduError(f"there is no file {path}") from None
    except pickle.UnpicklingError:
        raise RiffeduError(
            f"{path} contains Python objects other than tensors, which can run code when they are "
            "loaded: get the .safetensors version from where it was published"
        ) from None
    except Exception as error:
        raise RiffeduError(f"{path} can't be read: {first_line(error)}") from error
    while isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    tensors: dict[str, Any] = {}
    if isinstance(loaded, dict):
        tensors = {k: v.clone().contiguous() for k, v in loaded.items() if torch.is_tensor(v)}
    if not tensors:
        raise RiffeduError(f"{path} contains no named tensors: it is not a checkpoint")
    write_tensors(new, tensors, {"format": "pt"})
    return new


def _shards(index: Path) -> list[Path]:
    try:
        return [
            index.parent / name for name in json.loads(index.read_text())["weight_map"].values()
        ]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise RiffeduError(f"{index} is damaged: download it again") from None


def _refuse(folder: Path, base: str) -> NoReturn:
    if pickled := sorted(p for p in folder.iterdir() if p.suffix in PICKLED):
        refuse_pickle(pickled[0])
    if others := sorted(p.name for p in folder.glob("*.safetensors")):
        raise RiffeduError(
            f"{folder} has no {base}.safetensors, only {', '.join(others)}: rename the file with "
            "the weights"
        )
    raise RiffeduError(
        f"{folder} contains no weights ({base}.safetensors is missing): download the checkpoint "
        "again"
    )


def _quoted(path: Path) -> str:
    text = str(path)
    return f'"{text}"' if " " in text else text


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(". ")


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        print(f"usage: {Path(sys.executable).name} -m riffedu.diffusion.weights FILE.ckpt …")
        return 0 if arguments else 2
    try:
        for each in arguments:
            print(unpickle(each))
    except RiffeduError as error:
        print(f"riffedu: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
