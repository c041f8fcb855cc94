"""Lesson 09: where a checkpoint is: a name in data/models, a path, or a model on the hub."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from riffedu.diffusion.weights import COMPONENTS, NAMES, NETWORKS, PICKLED, refuse_pickle
from riffedu.errors import RiffeduError

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
HUB_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/([^/]+/[^/?#]+).*")
FILES = (".safetensors", *PICKLED)


def find_checkpoint(name_or_path: str | Path) -> Path:
    """Return a checkpoint's folder, or its single ``.safetensors`` file.

    A string is tried as a name in ``data/models``, then as a path (``~`` is expanded), then, if it
    has the form ``owner/name``, as a model on the hub; a ``Path`` is never a hub id. Raises
    RiffeduError if there is none, and for pickled files. Notebook: 09_latents.
    """
    text, path = str(name_or_path), Path(name_or_path).expanduser()
    models = _models_folder()
    if text and models and path.name == text and _is("dir", models / text):
        return models / text
    if text and _is("dir", path):
        return path
    if _is("file", path):
        return _checked_file(path)
    if address := HUB_ADDRESS.fullmatch(text):
        text = address[1]
    elif isinstance(name_or_path, Path) or _looks_like_a_path(text):
        _refuse_missing(text, path)
    if HUB_ID.fullmatch(text):
        return _from_hub(text)
    known = sorted(p.name for p in models.iterdir() if p.is_dir()) if models else []
    close = get_close_matches(text, known, 1, 0.5)
    raise RiffeduError(
        f"no checkpoint {text!r}"
        + (f" (did you mean {close[0]!r}?)" if close else "")
        + f": give a name in data/models ({', '.join(known) or 'empty'}), a folder, a .safetensors "
        "file, or a hub id such as riffusion/riffusion-model-v1"
    )


def _looks_like_a_path(text: str) -> bool:
    """Whether a text can only be a path, or begins with a folder that is here."""
    return bool(
        re.match(r"[.~/\\]|[A-Za-z]:[\\/]", text)
        or "\\" in text
        or text.count("/") > 1
        or text.endswith("/")
        or text.lower().endswith(FILES)
        or ("/" in text and _is("dir", Path(text.split("/")[0])))
    )


def _refuse_missing(text: str, path: Path) -> NoReturn:
    """Say which part of a path is missing, and what is there instead."""
    slashed = Path(text.replace("\\", "/"))
    if "\\" in text and (_is("dir", slashed) or _is("file", slashed)):
        raise RiffeduError(f"there is no {text!r} here: write {str(slashed)!r}")
    parent = path.parent
    kind = "file" if text.lower().endswith(FILES) else "folder"
    if not _is("dir", parent):
        raise RiffeduError(
            f"there is no {kind} {text!r}: {str(parent)!r} does not exist either; correct the path "
            "of the checkpoint"
        )
    try:
        names = [each.name for each in parent.iterdir()]
    except OSError as error:
        raise RiffeduError(f"{str(parent)!r} can't be read: {error.strerror}") from None
    close = get_close_matches(path.name, names, 1, 0.6)
    advice = f"did you mean {str(parent / close[0])!r}?" if close else "correct the path"
    raise RiffeduError(f"there is no {kind} {text!r}: {advice}")


def _checked_file(path: Path) -> Path:
    if path.suffix.lower() == ".safetensors":
        return path
    if path.suffix.lower() in PICKLED:
        refuse_pickle(path)
    if path.name == "model_index.json":
        return path.parent
    raise RiffeduError(
        f"the file {str(path)!r} is not a checkpoint: give the folder with model_index.json, "
        "or a .safetensors file"
    )


def _is(kind: str, path: Path) -> bool:
    try:
        return path.is_dir() if kind == "dir" else path.is_file()
    except (OSError, ValueError):  # too long a name, a null character, no permission
        return False


def _models_folder() -> Path | None:
    from riffedu.paths import models_folder

    try:
        folder = models_folder()
    except RiffeduError:
        return None
    return folder if folder.is_dir() else None


def _from_hub(hub_id: str) -> Path:
    """Download, or find in the local cache, the files that a checkpoint needs."""
    import os

    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    texts = [f"{name}/*{ending}" for name in COMPONENTS for ending in (".json", ".txt", ".model")]

    def fetch(variant: str) -> Path:
        weights = [
            f"{folder}/{name}{middle}{variant}.safetensors"
            for folder in NETWORKS
            for name in NAMES.values()
            for middle in ("", "-0*")
        ]
        return Path(
            snapshot_download(
                hub_id,
                local_files_only=offline,
                allow_patterns=["model_index.json", "riffedu.json", *weights, *texts],
            )
        )

    try:
        folder = fetch("")
        if not any((folder / "unet").glob("*.safetensors")):
            folder = fetch(".fp16*")
        return folder
    except GatedRepoError as error:
        raise RiffeduError(
            f"the model {hub_id!r} requires permission: accept its terms on the hub and run "
            "`hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise RiffeduError(
            f"there is no folder {hub_id!r} here, and no public model {hub_id!r} on the Hugging "
            "Face Hub: correct the path or the id"
        ) from error
    except Exception as error:
        raise RiffeduError(
            f"there is no folder {hub_id!r} here, and a model of that name can't be downloaded "
            f"from the Hugging Face Hub ({type(error).__name__}): correct the path, or connect "
            "once and try again"
        ) from error
