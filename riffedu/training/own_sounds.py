"""A folder of your own sounds as training data: read, checked, cut, drawn and encoded.

    squeaks/
        door.wav            5 to 20 sound files,
        door.txt            each with a caption in a file beside it,
        captions.csv        or all captions in one table: file,caption

Every file is cut into pieces of 5.12 s, half a piece apart. Whole files are held out for
measuring, never single pieces: neighbouring pieces of one recording are nearly the same, and a
model that has seen one knows the other.

Taught in lesson 14.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import RiffeduError
from ..output import write_tensors

if TYPE_CHECKING:
    import torch

SECONDS = 5.12
RATE = 44100
HOP = 0.5  # of a piece
ENDINGS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".m4a", ".opus")
TABLE = "captions.csv"
FILE_NAMES, CAPTION_NAMES = ("file", "file_name", "filename"), ("caption", "text", "prompt")
SHORTEST = 0.25  # seconds
QUIETEST = -60.0  # dBFS
FEWEST, MOST = 3, 400  # pieces


@dataclass(frozen=True)
class Piece:
    """One piece of a sound file: its file's name, its start in seconds, caption and waveform.

    The waveform is float32 ``(225792,)``: 5.12 s at 44.1 kHz, at an RMS of −20 dBFS.
    """

    file: str
    start: float
    caption: str
    waveform: np.ndarray


@dataclass
class OwnSounds:
    """Encoded pieces: ``latents (n, c, h, w)`` float32, and for each piece its file and caption.

    ``held_out`` marks the pieces of files that are not trained on.
    """

    latents: torch.Tensor
    files: list[str]
    captions: list[str]
    held_out: np.ndarray

    def part(self, held_out: bool) -> tuple[torch.Tensor, list[str]]:
        """Return the latents and captions to train on, or those held out."""
        chosen = np.flatnonzero(self.held_out == held_out)
        return self.latents[chosen], [self.captions[i] for i in chosen]


def read_captions(folder: str | Path) -> dict[Path, str]:
    """Return the sound files of a folder, sorted by name, with their captions.

    Captions are in ``captions.csv`` (columns ``file,caption``; a header is optional) or in a text
    file beside each sound, which takes precedence over the table. Raises RiffeduError, with the
    names, for a folder without sounds, a sound without a caption, or a caption without a sound.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise RiffeduError(f"{folder} is not a folder: give a folder of sound files with captions")
    sounds = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in ENDINGS and not path.name.startswith(".")
    )
    if not sounds:
        raise RiffeduError(f"{folder} contains no sound files ({' '.join(ENDINGS)})")
    table = _read_table(folder / TABLE) if (folder / TABLE).is_file() else {}
    if strangers := sorted(set(table) - {path.name for path in sounds}):
        raise RiffeduError(
            f"{folder / TABLE} has a caption for {strangers[0]}, which is not in the folder"
            + (f" (and {len(strangers) - 1} more)" if strangers[1:] else "")
        )
    found = {path: _beside(path) or table.get(path.name, "") for path in sounds}
    if missing := [path.name for path, caption in found.items() if not caption]:
        raise RiffeduError(
            f"{len(missing)} of {len(sounds)} sounds have no caption (first: {missing[0]}): "
            f"write {Path(missing[0]).stem}.txt, or a line {missing[0]},CAPTION in {TABLE}"
        )
    return found


def _read_table(path: Path) -> dict[str, str]:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise RiffeduError(f"{path} is not UTF-8 text: save it as “CSV UTF-8”") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(row)]
    file, caption = 0, 1
    if rows and rows[0][0].strip().lower() in FILE_NAMES + CAPTION_NAMES:
        head = [name.strip().lower() for name in rows.pop(0)]
        columns = [
            next((i for i, name in enumerate(head) if name in names), None)
            for names in (FILE_NAMES, CAPTION_NAMES)
        ]
        if None in columns:
            raise RiffeduError(f"the header of {path} must name the columns file and caption")
        file, caption = columns  # type: ignore[assignment]
    found: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        if len(row) <= max(file, caption):
            raise RiffeduError(f"{path}, sound {number}: a line must be file,caption, not {row}")
        name = row[file].strip()
        if name in found:
            raise RiffeduError(f"{path} names {name} twice")
        # an unquoted comma in a caption splits it
        whole = delimiter.join(row[caption:]) if caption > file else row[caption]
        found[name] = " ".join(whole.split())
    return found


def _beside(sound: Path) -> str:
    path = sound.with_suffix(".txt")
    try:
        return " ".join(path.read_text("utf-8-sig").split()) if path.is_file() else ""
    except UnicodeDecodeError:
        raise RiffeduError(f"{path} is not UTF-8 text") from None


def starts(seconds: float, hop: float = HOP) -> list[float]:
    """Return where the pieces of a sound begin, in seconds.

    Every ``hop`` · 5.12 s, as long as a whole piece fits; the last piece ends with the sound.

    >>> starts(3.0), starts(12.8), starts(8.0)
    ([0.0], [0.0, 2.56, 5.12, 7.68], [0.0, 2.56, 2.88])
    """
    last = max(0.0, seconds - SECONDS)
    step = hop * SECONDS
    found = [round(i * step, 4) for i in range(int(last / step + 1e-6) + 1)]
    return found + [round(last, 4)] * (last - found[-1] > 0.05 * SECONDS)


def cut(waveform: np.ndarray, start: float) -> np.ndarray:
    """Return 5.12 s of a mono waveform at 44.1 kHz from ``start``, at an RMS of −20 dBFS.

    A shorter sound is repeated until it fills the piece: silence at its end would be learnt too.
    """
    from riffedu.signal.audio import set_level

    samples = round(SECONDS * RATE)
    if len(waveform) < samples:
        waveform = np.tile(waveform, -(-samples // len(waveform)))
    begin = min(round(start * RATE), len(waveform) - samples)
    return set_level(waveform[begin : begin + samples])


def read_pieces(folder: str | Path, hop: float = HOP) -> list[Piece]:
    """Read, check and cut a folder of sounds; see `read_captions` and `starts`.

    Raises RiffeduError for a sound shorter than 0.25 s, a silent one, and too few pieces or too
    many; silent pieces of a longer sound are left out.
    """
    from riffedu.signal.audio import load, rms_db

    pieces = []
    for path, caption in read_captions(folder).items():
        waveform = np.atleast_2d(load(path, RATE)[0]).mean(axis=0)
        seconds = len(waveform) / RATE
        if seconds < SHORTEST:
            raise RiffeduError(f"{path} is only {seconds:.2f} s long: use {SHORTEST:g} s or more")
        found = []
        for start in starts(seconds, hop):
            begin = round(start * RATE)
            if rms_db(waveform[begin : begin + round(SECONDS * RATE)]) > QUIETEST:
                found.append(Piece(path.name, start, caption, cut(waveform, start)))
        if not found:
            raise RiffeduError(f"{path} is silent: record it again, or remove it from the folder")
        pieces += found
    if len(pieces) < FEWEST or len({piece.file for piece in pieces}) < 2:
        raise RiffeduError(
            f"{folder} gives {len(pieces)} pieces of {SECONDS} s, too few to train on with "
            "one file held out: use 5 to 20 files"
        )
    if len(pieces) > MOST:
        raise RiffeduError(
            f"{folder} gives {len(pieces)} pieces of {SECONDS} s, more than {MOST}: for this much "
            "sound, train a denoiser (`riffedu train denoiser`)"
        )
    return pieces


def choose_held_out(files: Sequence[str], share: float = 0.15, seed: int = 0) -> np.ndarray:
    """Return which pieces to hold out: those of whole files, at least one, about ``share``.

    >>> choose_held_out(["a", "a", "b", "c"]).sum() in (1, 2)
    True
    """
    names = sorted(set(files))
    order = np.random.default_rng([seed, 14]).permutation(len(names))
    count = min(len(names) - 1, max(1, round(share * len(names))))
    chosen = {names[i] for i in order[:count]}
    return np.array([name in chosen for name in files])


def encode_pieces(pipeline: Any, pieces: Sequence[Piece]) -> torch.Tensor:
    """Return the scaled latents of pieces: ``(n, c, h, w)`` float32, on the CPU."""
    import torch

    from riffedu.signal.convert import audio_to_image

    found = [
        pipeline.encode_image(audio_to_image(piece.waveform, RATE, pipeline.params))
        for piece in pieces
    ]
    return torch.cat(found).float().cpu()


def open_sounds(
    pipeline: Any, folder: str | Path, cache: str | Path, hop: float = HOP, seed: int = 0
) -> OwnSounds:
    """Return a folder of sounds, encoded; the latents are kept in ``cache`` for the next time.

    The cache is valid for the same sounds, captions and autoencoder. Raises RiffeduError as
    `read_pieces` does.
    """
    from safetensors import safe_open

    captions = read_captions(folder)
    path = Path(cache) / f"latents-{_fingerprint(pipeline, captions, hop)}.safetensors"
    if not path.is_file():
        pieces = read_pieces(folder, hop)
        latents = encode_pieces(pipeline, pieces)
        told = {"files": [p.file for p in pieces], "captions": [p.caption for p in pieces]}
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {"latents": latents.half().contiguous()}
        write_tensors(path, tensors, {"pieces": json.dumps(told)})
    with safe_open(path, "pt") as file:
        latents = file.get_tensor("latents").float()
        told = json.loads(file.metadata()["pieces"])
    return OwnSounds(latents, **told, held_out=choose_held_out(told["files"], seed=seed))


def _fingerprint(pipeline: Any, captions: dict[Path, str], hop: float) -> str:
    from .latents import encoder_fingerprint

    digest = hashlib.sha256(encoder_fingerprint(pipeline.checkpoint.vae).encode())
    digest.update(json.dumps([hop, SECONDS]).encode())
    for path, caption in captions.items():
        digest.update(json.dumps([path.name, caption]).encode() + path.read_bytes())
    return digest.hexdigest()[:16]
