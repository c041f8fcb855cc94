"""Lesson 15: anything that makes music from a prompt, as one kind of object.

A `Source` is this project's model, Riffusion, one of `riffedu.evaluate.peers.PEERS`, or a folder of
sound files exported from Suno, Udio or an audio editor. `parse` makes one from a word:

    ours · ours=FOLDER · ours+LORA:0.8 · riffusion · musicgen · musicgen=FOLDER · … · suno=FOLDER
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.evaluate.peers import (
    PEERS,
    Peer,
    expected_minutes,
    find_weights,
    missing_class,
    speed,
    weights_in,
)

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline

RIFFUSION = "riffusion/riffusion-model-v1"
SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff")
LISTS = ("prompts.csv", "prompts.tsv", "prompts.txt", "captions.csv", "captions.txt")

# prompt → (waveform, rate), or None where the source has nothing for it
Maker = Callable[[str], "tuple[np.ndarray, int] | None"]


@dataclass(frozen=True)
class Settings:
    """What all sources are asked for: ``seconds``, ``seed``, ``steps``, a ``clip`` to continue."""

    seconds: float = 5.12
    seed: int = 0
    steps: int | None = None
    clip: tuple[np.ndarray, int] | None = None


@dataclass(frozen=True)
class Source:
    """A named source of clips.

    ``about`` says what will be loaded: size, licence, memory, expected time. ``open()`` loads it
    and returns a `Maker`. ``prompts`` are those that a folder brings along.
    """

    name: str
    about: str
    open: Callable[[], Maker]
    prompts: tuple[str, ...] = ()


def parse(text: str, settings: Settings, prompts: int = 1) -> Source:
    """Return the source that a word names; nothing is loaded yet.

    ``prompts`` is their number, for the expected time. Raises RiffeduError, with one line that says
    what to do, for an unknown word, for weights that are not on this machine, and for a class that
    the installed libraries lack.
    """
    if text.startswith("ours+"):
        return _with_lora(text.removeprefix("ours+"), settings)
    name, equals, place = text.partition("=")
    given = place or None
    if name == "ours":
        return _ours(given or "default", name, settings)
    if name == "riffusion":
        folder = find_weights(RIFFUSION, "Riffusion v1", 4.3, given)
        size, weights = weights_in(folder)
        told = _told(size, weights, "CreativeML OpenRAIL-M")
        return Source(name, told, lambda: _maker_of(str(folder), settings))
    if name in PEERS:
        return _peer(PEERS[name], given, settings, prompts)
    if equals:
        return folder_source(name, place)
    raise RiffeduError(
        f"source {text!r} is unknown: use ours, ours+LORA, riffusion, {', '.join(PEERS)}, or "
        "NAME=FOLDER for a folder of sound files"
    )


def _told(size: int, weights: int, licence: str, minutes: float | None = None) -> str:
    about = (
        f"{size / 1e9:.2f} GB on disk, {weights / 1e6:.0f} M weights, licence {licence}, about "
        f"{(4 * weights + 5e8) / 1e9:.1f} GB of memory"
    )
    return about if minutes is None else f"{about}, some {minutes:.2g} min here (a rough estimate)"


def _ours(place: str, name: str, settings: Settings) -> Source:
    from riffedu.diffusion.finding import find_checkpoint
    from riffedu.paths import models_folder

    here = Path(place).expanduser().exists() or (models_folder() / place).is_dir()
    folder = find_checkpoint(place) if here else find_weights(place, place, 0)
    return Source(
        name, _told(*weights_in(folder), "see its model card"), lambda: _maker_of(place, settings)
    )


def _with_lora(lora: str, settings: Settings) -> Source:
    """Return the shipped model with a LoRA of one's own, as ``ours+NAME``."""
    from riffedu.diffusion.lora import check_file, parse_strength

    path, strength = parse_strength(lora)
    check_file(path)
    about = _told(*weights_in(Path(path)), "its owner's")
    return Source(
        f"ours+{Path(path).stem}",
        f"a LoRA at strength {strength:g}: {about}, beside the model",
        lambda: _maker_of("default", settings, (lora,)),
    )


def _maker_of(place: str, settings: Settings, lora: Sequence[str] = ()) -> Maker:
    """Load a checkpoint in this project's or in Stable Diffusion's layout."""
    from riffedu.music.pipeline import load_pipeline

    pipeline: Pipeline = load_pipeline(place, lora=lora)

    def make(prompt: str) -> tuple[np.ndarray, int]:
        options: dict[str, Any] = {"seed": settings.seed, "num_inference_steps": settings.steps}
        if settings.clip is None:
            made: Any = pipeline.generate(
                prompt, duration=settings.seconds, progress=False, **options
            )
            return made.waveform, made.sample_rate
        known = settings.clip[0].shape[-1] / settings.clip[1]
        made = pipeline.extend(
            settings.clip, prompt, known + settings.seconds, progress=False, **options
        )
        return made.waveform[-round(settings.seconds * made.sample_rate) :], made.sample_rate

    return make


def _peer(peer: Peer, given: str | None, settings: Settings, prompts: int) -> Source:
    if lacking := missing_class(peer):
        raise RiffeduError(lacking)
    if settings.seconds > peer.longest:
        raise RiffeduError(
            f"{peer.title} makes at most {peer.longest:g} s, not {settings.seconds:g}: "
            "use --seconds"
        )
    folder = find_weights(peer.hub_id, peer.title, peer.gigabytes, given)
    size, weights = weights_in(folder)
    minutes = prompts * expected_minutes(peer, weights, settings.seconds, speed())

    def load() -> Maker:
        play = peer.load(folder)

        def make(prompt: str) -> tuple[np.ndarray, int]:
            try:
                return play(prompt, settings.seconds, settings.seed, settings.steps, settings.clip)
            except (RuntimeError, ValueError, TypeError, AttributeError) as error:
                first = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise RiffeduError(f"{peer.title} failed on {prompt!r}: {first}") from error

        return make

    return Source(peer.name, _told(size, weights, peer.licence, minutes), load)


# ---------------------------------------------------------------- folders of files


def folder_source(name: str, place: str | Path) -> Source:
    """Return a folder of sound files and a list of their prompts as a source.

    The list is prompts.csv (with the columns file and prompt) or prompts.txt (one line per file,
    ``file: prompt``). Without a list, the prompt of a file is its name. Raises RiffeduError for a
    folder without sounds and for a list that names files that are not there.
    """
    from riffedu.signal.audio import load

    folder = Path(place).expanduser()
    if not folder.is_dir():
        raise RiffeduError(f"{name}: {folder} is not a folder")
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in SOUNDS and f.name[0] != ".")
    if not files:
        raise RiffeduError(f"{folder} holds no sound files ({' '.join(SOUNDS)})")
    by_prompt = _listed(folder) or {f.stem.replace("_", " "): f for f in files}
    unlisted = len(files) - len(set(by_prompt.values()) & set(files))
    about = f"{len(by_prompt)} files" + (f" ({unlisted} without a prompt)" if unlisted else "")

    def make(prompt: str) -> tuple[np.ndarray, int] | None:
        wanted = {_same(p): file for p, file in by_prompt.items()}.get(_same(prompt))
        return load(wanted) if wanted else None

    return Source(name, f"{about} in {folder}", lambda: make, tuple(by_prompt))


def _same(prompt: str) -> str:
    return " ".join(prompt.lower().split())


def _listed(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by prompt, from its list; {} if it has none."""
    found = next((folder / name for name in LISTS if (folder / name).is_file()), None)
    if found is None:
        return {}
    try:
        lines = found.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise RiffeduError(f"{found} is not a text file in UTF-8") from None
    pairs = _pairs(found, [line for line in lines if line.strip()])
    by_prompt: dict[str, Path] = {}
    for number, (file, prompt) in pairs:
        path = folder / file
        if not path.is_file():
            raise RiffeduError(f"{found}, line {number}: there is no file {file!r} in the folder")
        if not prompt or _same(prompt) in map(_same, by_prompt):
            raise RiffeduError(f"{found}, line {number}: each file needs a prompt of its own")
        by_prompt[prompt] = path
    if not by_prompt:
        raise RiffeduError(f"{found} lists no files")
    return by_prompt


def _pairs(found: Path, lines: Sequence[str]) -> Iterable[tuple[int, tuple[str, str]]]:
    """Yield (line number, (file, prompt)) of a list of prompts."""
    if found.suffix in (".csv", ".tsv"):
        table = csv.DictReader(lines, delimiter="\t" if found.suffix == ".tsv" else ",")
        columns = [name.strip().lower() for name in table.fieldnames or ()]
        text = next((name for name in ("prompt", "caption") if name in columns), None)
        if "file" not in columns or text is None:
            raise RiffeduError(f"{found} needs a first line with the columns file and prompt")
        for number, row in enumerate(table, start=2):
            cells = {k.strip().lower(): (v or "").strip() for k, v in row.items() if k}
            yield number, (cells["file"], cells[text])
        return
    for number, line in enumerate(lines, start=1):
        file, mark, prompt = line.partition("\t" if "\t" in line else ":")
        if not mark:
            raise RiffeduError(f"{found}, line {number}: write 'file: prompt'")
        yield number, (file.strip(), prompt.strip())
