"""Lesson 11: where a clip comes from. The record that every generated file carries.

    Result.parameters ──▶ record ──▶ inside the file ──▶ riffedu show, riffedu again

A record holds what the same machine needs to make the same clip again: the verb, prompts, seed,
steps, guidance, strength, sampler, the model's name and the hash of its weights, and the version of
riffedu. It contains no path, file name or user name; a sound that was edited is named by its
hash. `riffedu.signal.files.tags` writes records into files and reads them.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from riffedu.output import write_text
from riffedu.signal.files.tags import KEY, Record

KEPT = 200
"""The most sums in the cache file."""
DIGITS = 16
"""Hexadecimal digits of a hash: 64 bits."""
MEASURED = ("gain_db", "rms_db", "peak_db")
"""Parameters that describe a result and are not needed to make it again."""


def record_of(parameters: Mapping[str, Any]) -> Record:
    """Return the record of a Result's parameters: plain values, with riffedu's version.

    Values that JSON cannot hold are left out, functions are named. Notebook: 11_text_to_music.

    >>> record_of({"prompt": "a piano", "seed": np.int64(3), "rms_db": -20.0})["seed"]
    3
    """
    from riffedu import __version__

    plain = {key: _plain(value) for key, value in parameters.items() if key not in MEASURED}
    return {KEY: __version__, **{key: value for key, value in plain.items() if value is not None}}


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (str, bool, int)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return getattr(value, "__name__", None)


def sound_hash(waveform: np.ndarray, sample_rate: float) -> str:
    """Return the hash of a sound: SHA-256 of its rate, shape and 32-bit samples, 16 digits.

    >>> sound_hash(np.zeros(4), 8000) == sound_hash([0, 0, 0, 0], 8000.0)
    True
    """
    waveform = np.ascontiguousarray(waveform, dtype="<f4")
    digest = hashlib.sha256(f"{float(sample_rate):g} {waveform.shape}".encode())
    digest.update(waveform.tobytes())
    return digest.hexdigest()[:DIGITS]


def picture_hash(image: Any) -> str:
    """Return the hash of a picture: SHA-256 of its mode, size and pixels, 16 digits."""
    digest = hashlib.sha256(f"{image.mode} {image.size}".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()[:DIGITS]


def model_hash(path: str | Path) -> str | None:
    """Return the hash of a model's weights, 16 digits, or None if there are none.

    It is the SHA-256 of the names and SHA-256 sums of all safetensors files of the folder
    (``unet/diffusion_pytorch_model.safetensors`` …), or of the one file that ``path`` is. Each
    sum is computed once: sums are kept in a cache file, by path, size and modification time.
    """
    path = Path(path)
    if path.is_file():
        return _file_hash(path)[:DIGITS]
    files = sorted(path.glob("*/*.safetensors")) if path.is_dir() else []
    if not files:
        return None
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(path).as_posix()} {_file_hash(file)}\n".encode())
    return digest.hexdigest()[:DIGITS]


def _file_hash(path: Path) -> str:
    state = path.stat()
    return _hash_once(str(path.resolve()), state.st_size, state.st_mtime_ns)


@lru_cache
def _hash_once(path: str, size: int, changed: int) -> str:
    """Return a file's SHA-256 from the cache file, or compute and keep it."""
    key = hashlib.sha256(os.fsencode(f"{path} {size} {changed}")).hexdigest()
    known: dict[str, str] = {}
    with suppress(OSError, ValueError, RuntimeError):
        kept = cache_file()
        known = dict(json.loads(kept.read_text(encoding="utf-8")))
    if not isinstance(found := known.get(key), str):
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        with suppress(OSError, ValueError, RuntimeError):  # else it is computed again next time
            kept = cache_file()
            kept.parent.mkdir(parents=True, exist_ok=True)
            newest = dict([*known.items(), (key, found)][-KEPT:])
            write_text(kept, json.dumps(newest))
    return found


def cache_file() -> Path:
    """Return where hashes are kept: ``hashes.json`` in ``RIFFEDU_CACHE``, or in the user's cache.

    Raises RuntimeError if the user has no home folder.
    """
    named = os.environ.get("RIFFEDU_CACHE")
    cache = os.environ.get("XDG_CACHE_HOME")
    folder = Path(cache) if cache else Path.home() / ".cache"
    return (Path(named) if named else folder / "riffedu") / "hashes.json"
