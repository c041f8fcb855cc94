"""The data set: 5.12 s clips, drawn from a seed, rendered and stored as pictures in shards.

Item ``i`` of seed ``s`` is drawn from ``numpy.random.default_rng([s, i, attempt])`` alone, so it
is the same in every shard size and number of workers. ``riffedu train data`` writes shards of
uint8 pictures beside one line of metadata each. Taught by notebook 14.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import RiffeduError
from ..output import write_text, write_whole
from . import scores
from .items.item import picture, render_item
from .items.library import SoundLibrary
from .render import Synthesizer, find_soundfonts, have_one_shots
from .sources import sources

SHARD_SIZE = 256
VERSION = 2
_library: SoundLibrary | None = None


def _start_worker(soundfonts: Sequence[str | Path], pieces: list[dict], alone: bool = True) -> None:
    """Load the worker's sound library; one of several workers uses a single thread."""
    global _library
    _library = SoundLibrary(soundfonts, pieces)
    if not alone:
        import torch

        torch.set_num_threads(1)


def _make_shard(task: tuple[str, int, int, int, int]) -> int:
    """Render items ``first`` to ``last - 1`` and write the shard's two files atomically."""
    folder, number, seed, first, last = task
    pictures, lines = [], []
    for index in range(first, last):
        waveform, metadata = render_item(seed, index, _library)
        pictures.append(picture(waveform))
        lines.append(json.dumps(metadata))
    stem = Path(folder) / f"shard-{number:05d}"
    write_text(stem.with_suffix(".jsonl"), "\n".join(lines) + "\n")
    # Last: its presence marks the shard as complete.
    with write_whole(stem.with_suffix(".npy")) as part, open(part, "wb") as file:
        np.save(file, np.stack(pictures))
    return last - first


def make_dataset(
    folder: str | Path,
    n: int = 12000,
    seed: int = 0,
    soundfonts: Sequence[str | Path] | None = None,
    workers: int = 2,
    progress: bool = True,
    shard: int = SHARD_SIZE,
) -> Path:
    """Render ``n`` items into ``folder`` and return it; finished shards are kept.

    Parameters
    ----------
    folder : str or Path
        Receives ``shard-00000.npy`` (uint8 (256, 512, 512), dark = loud, low frequencies at the
        bottom), ``shard-00000.jsonl`` (one line of metadata per picture), ``scores.json`` and
        ``manifest.json``.
    n : int
        Number of items.
    seed : int
        The same seed gives the same items, whatever ``workers`` and ``shard`` are.
    soundfonts : sequence of paths, optional
        By default those of `find_soundfonts`.
    workers : int
        Number of processes.
    progress : bool
        Whether to show a progress bar.
    shard : int
        Items per shard.

    Raises
    ------
    RiffeduError
        If there is no soundfont, if the folder is not writable, or if it was started with
        different options.

    """
    import multiprocessing

    from tqdm.auto import tqdm

    if n < 1 or workers < 1 or shard < 1:
        raise RiffeduError("--n, --workers and the shard size must each be at least 1")
    paths = find_soundfonts(soundfonts)
    Synthesizer(paths)  # a damaged soundfont fails here, before workers start and files are written
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".write-test").touch()
        (folder / ".write-test").unlink()
    except OSError as error:
        raise RiffeduError(f"cannot write to {folder}: {error.strerror}") from error
    recipe = {
        "version": VERSION,
        "seed": seed,
        "shard": shard,
        "soundfonts": [Path(p).name for p in paths],
    }
    manifest = folder / "manifest.json"
    if manifest.is_file():
        old = json.loads(manifest.read_text())
        if any(old.get(k) != v for k, v in recipe.items()):
            raise RiffeduError(
                f"{folder} was started with a different seed, shard size, version or set of "
                "soundfonts: choose an empty folder, or give the same options again"
            )
    pieces = scores.load(folder / "scores.json", progress)
    _write_manifest(manifest, recipe, n, paths, pieces)
    tasks = []
    for number, first in enumerate(range(0, n, shard)):
        target, last = folder / f"shard-{number:05d}.npy", min(n, first + shard)
        if target.is_file() and len(np.load(target, mmap_mode="r")) >= last - first:
            continue
        tasks.append((str(folder), number, seed, first, last))
    done = n - sum(t[4] - t[3] for t in tasks)
    with tqdm(total=n, initial=done, desc="rendering", unit="clip", disable=not progress) as bar:
        if workers == 1 or len(tasks) <= 1:
            _start_worker(paths, pieces)
            for task in tasks:
                bar.update(_make_shard(task))
        else:
            with multiprocessing.get_context("spawn").Pool(
                min(workers, len(tasks)), _start_worker, (paths, pieces, False)
            ) as pool:
                for count in pool.imap_unordered(_make_shard, tasks):
                    bar.update(count)
    return folder


def _write_manifest(path: Path, recipe: dict, n: int, paths: list[str], pieces: list[dict]) -> None:
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in ("numpy", "scipy", "tinysoundfont", "music21"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    content = dict(
        recipe, items=n, versions=versions, sources=sources(paths, pieces, have_one_shots())
    )
    write_text(path, json.dumps(content, indent=1))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``riffedu train data``."""
    parser.add_argument(
        "-o", "--output", default="runs/data", help="folder to write (default: runs/data)"
    )
    parser.add_argument("--n", type=int, default=12000, help="number of clips (default: 12000)")
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    parser.add_argument("--soundfont", action="append", help=".sf2 or .sf3 file; may be repeated")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="number of processes (default: one per core)",
    )


def run(args: argparse.Namespace) -> int:
    """Render the dataset that the options describe."""
    make_dataset(args.output, args.n, args.seed, args.soundfont, args.workers)
    return 0


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description="Render the captioned training clips.")
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
