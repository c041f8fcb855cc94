"""Process many files in parallel with a progress bar; files that fail are listed at the end."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from riffedu.errors import RiffeduError


def add_batch_arguments(parser: ArgumentParser) -> None:
    """Add the flags that the batch verbs share."""
    parser.add_argument("--audio-dir", required=True, help="folder of sound files to read")
    parser.add_argument(
        "--output-dir", required=True, help="folder to write to; created if missing"
    )
    parser.add_argument("--glob", default="*", help='pattern of file names (default "*")')
    parser.add_argument("--limit", type=int, default=-1, help="process at most this many files")
    parser.add_argument(
        "--num-threads", type=int, help="files to process at a time (default: one per core)"
    )


def run_batch(args: Namespace, work: Callable[[Path, Path, str], list[Path]]) -> int:
    """Call ``work(file, folder, stem)`` for every file; return 0 if all succeeded, else 1.

    ``work`` returns the files it wrote; their names should start with ``stem``: the input's stem,
    or its full name if two inputs have the same stem. A bad file is skipped, and its error is
    printed at the end.
    """
    from concurrent.futures import ThreadPoolExecutor, as_completed

    import torch
    from tqdm.auto import tqdm

    files = _files(args)
    folder = Path(args.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    stems = [file.stem for file in files]
    names = [f.name if stems.count(f.stem) > 1 else f.stem for f in files]
    workers, written, failed = args.num_threads or os.cpu_count() or 1, 0, []
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # The files already run in parallel.
    try:
        with ThreadPoolExecutor(workers) as pool, tqdm(total=len(files), unit="file") as bar:
            jobs = {pool.submit(work, f, folder, name): f for f, name in zip(files, names)}
            for job in as_completed(jobs):
                try:
                    written += len(job.result())
                except (RiffeduError, OSError) as error:
                    failed.append((jobs[job], " ".join(str(error).split())))
                bar.update()
    finally:
        torch.set_num_threads(before)
    print(f"{folder}: wrote {written} files from {len(files) - len(failed)} sound files")
    for file, reason in sorted(failed):
        print(f"riffedu: skipped {file.name}: {reason}", file=sys.stderr)
    return 1 if failed else 0


def _files(args: Namespace) -> list[Path]:
    folder = Path(args.audio_dir)
    if not folder.is_dir():
        raise RiffeduError(f"{folder}: no such folder")
    if args.num_threads is not None and args.num_threads < 1:
        raise RiffeduError(f"--num-threads must be at least 1, not {args.num_threads}")
    try:
        found = sorted(folder.glob(args.glob))
    except (ValueError, NotImplementedError) as error:
        raise RiffeduError(f"--glob {args.glob!r} is not a valid pattern: {error}") from None
    files = [f for f in found if f.is_file() and f.suffix != ".json" and f.name[0] != "."]
    if not files:
        raise RiffeduError(f"no files match {args.glob!r} in {folder}")
    return files[: args.limit] if args.limit > 0 else files
