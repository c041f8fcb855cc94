"""Many files at once: in parallel, under a progress bar, past the bad ones, which are listed."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from riffedu.errors import RiffeduError


def add_batch_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--audio-dir", required=True, help="folder of sounds to read")
    parser.add_argument("--output-dir", required=True, help="folder to write to, made if missing")
    parser.add_argument("--glob", default="*", help='which files of the folder (default "*")')
    parser.add_argument("--limit", type=int, default=-1, help="only so many files")
    parser.add_argument("--num-threads", type=int, help="files at a time (default: one a core)")


def run_batch(args: Namespace, work: Callable[[Path, Path, str], list[Path]]) -> int:
    """``work(file, folder, stem)`` for every file; 0 if all went well, 1 if some didn't.

    ``stem`` is what the names of the files written should begin with: the file's own, with its
    ending where two files would get one name. A bad file costs itself only: what is wrong with it
    is said at the end.
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
    torch.set_num_threads(1)  # files run side by side, so each one's arithmetic needn't
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
    print(f"{folder}: wrote {written} files from {len(files) - len(failed)} sounds")
    for file, reason in sorted(failed):
        print(f"riffedu: skipped {file.name}: {reason}", file=sys.stderr)
    return 1 if failed else 0


def _files(args: Namespace) -> list[Path]:
    folder = Path(args.audio_dir)
    if not folder.is_dir():
        raise RiffeduError(f"{folder}: there is no such folder")
    if args.num_threads is not None and args.num_threads < 1:
        raise RiffeduError(f"--num-threads must be at least 1, not {args.num_threads}")
    try:
        found = sorted(folder.glob(args.glob))
    except (ValueError, NotImplementedError) as error:
        raise RiffeduError(f"--glob {args.glob!r} is no pattern: {error}") from None
    files = [f for f in found if f.is_file() and f.suffix != ".json" and f.name[0] != "."]
    if not files:
        raise RiffeduError(f"no files match {args.glob!r} in {folder}")
    return files[: args.limit] if args.limit > 0 else files
