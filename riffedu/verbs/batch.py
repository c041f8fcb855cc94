"""Process many files in parallel with a progress bar; files that fail are listed at the end.

A batch resumes where it stopped: existing outputs are kept. They mirror the folders of the
inputs, one output for each input.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from riffedu.errors import RiffeduError
from riffedu.output import DiskFull, check_folder, check_output, say
from riffedu.verbs.outputs import add_overwrite

NO_SOUNDS = (".json", ".png", ".webp", ".jpg", ".jpeg", ".tif", ".tiff")
CLIP = re.compile(r"clip_\d+_start_\d+_ms_duration_\d+_ms\.")
"""What the batches write: no inputs, if the outputs go to the folder of the inputs."""


class Job(NamedTuple):
    """One input, and where its outputs go: a folder, and how their names begin."""

    file: Path
    folder: Path
    stem: str


Work = Callable[[Job], Iterable[Path]]
Done = Callable[[Job], bool]


def add_batch_arguments(parser: ArgumentParser) -> None:
    """Add the flags that the batch verbs share."""
    parser.add_argument("--audio-dir", required=True, help="folder of sound files to read")
    parser.add_argument(
        "--output-dir", required=True, help="folder to write to; created if missing"
    )
    add_selection(parser)
    parser.add_argument(
        "--num-threads", type=int, help="files to process at the same time (default: one per core)"
    )
    add_overwrite(parser, several=True)


def add_selection(parser: ArgumentParser) -> None:
    """Add the flags that choose files of a folder."""
    parser.add_argument(
        "--glob",
        default="*",
        help='pattern of file names (default: "*"); "**/*.wav" also takes subfolders, which the '
        "output mirrors",
    )
    parser.add_argument("--limit", type=int, default=-1, help="process at most this many files")


def run_batch(args: Namespace, work: Work, done: Done) -> int:
    """Call ``work(job)`` for every file of ``--audio-dir``; return 0 if all succeeded, else 1.

    ``work`` returns the files it wrote, whose names begin with the job's stem; ``done`` says
    whether they exist from an earlier run. A bad file is skipped, and its error is printed at
    the end; a full disk ends the batch.
    """
    import torch

    if args.num_threads is not None and args.num_threads < 1:
        raise RiffeduError(f"--num-threads must be at least 1, not {args.num_threads}")
    jobs = find_jobs(args.audio_dir, args.output_dir, args.glob, args.limit)
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # The files already run in parallel.
    try:
        return run_jobs(
            jobs,
            work,
            done,
            Path(args.output_dir).expanduser(),
            args.overwrite,
            args.num_threads or os.cpu_count() or 1,
        )
    finally:
        torch.set_num_threads(before)


def run_jobs(
    jobs: list[Job],
    work: Work,
    done: Done,
    output: Path,
    overwrite: bool = False,
    workers: int = 1,
    quiet: bool = False,
) -> int:
    """Do the jobs whose outputs are missing, with a progress bar and a summary; see `run_batch`.

    One worker works in the calling thread.
    """
    from tqdm.auto import tqdm

    missing = [job for job in jobs if overwrite or not done(job)]
    written: set[Path] = set()
    failed: list[tuple[Path, str]] = []

    def prepared(job: Job) -> list[Path]:
        job.folder.mkdir(parents=True, exist_ok=True)
        return list(work(job))

    output.mkdir(parents=True, exist_ok=True)
    with tqdm(total=len(jobs), initial=len(jobs) - len(missing), unit="file", disable=quiet) as bar:
        for job, result in _results(missing, prepared, workers):
            try:
                written.update(result())
            except DiskFull:
                raise
            except (RiffeduError, OSError) as error:
                failed.append((job.file, " ".join(str(error).split())))
            bar.update()
    there = sum(path.exists() for path in written)
    kept = len(jobs) - len(missing)
    remark = f"; kept the files of {kept} others (--overwrite makes them again)" if kept else ""
    if not quiet:
        good = len(missing) - len(failed)
        say(f"{output}: wrote {there} files from {good} sound files{remark}")
    for file, reason in sorted(failed):
        say(f"riffedu: skipped {file.name}: {reason}", sys.stderr)
    return 1 if failed else 0


def _results(
    jobs: list[Job], work: Callable[[Job], list[Path]], workers: int
) -> Iterator[tuple[Job, Callable[[], Any]]]:
    """Yield (job, function that returns its files or raises its error), as they are finished."""
    from concurrent.futures import ThreadPoolExecutor, as_completed

    if workers == 1:
        yield from ((job, lambda job=job: work(job)) for job in jobs)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        running = {pool.submit(work, job): job for job in jobs}
        for future in as_completed(running):
            yield running[future], future.result
    finally:
        pool.shutdown(cancel_futures=True)  # After Ctrl-C only the files in progress are finished.


def find_jobs(folder: str | Path, output: str | Path, pattern: str, limit: int = -1) -> list[Job]:
    """Return a job for each file of a folder that matches a pattern.

    Hidden files, pictures, JSON files and what an earlier run made are left out. Raises
    RiffeduError for a missing folder, a bad pattern, an ``output`` that cannot be written to, and
    if nothing matches.
    """
    folder, target = Path(folder).expanduser(), check_folder(output)
    if not folder.is_dir():
        raise RiffeduError(f"{folder}: no such folder")
    try:
        found = sorted(folder.glob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise RiffeduError(f"--glob {pattern!r} is not a valid pattern: {error}") from None
    if any(".." in file.relative_to(folder).parts for file in found):
        raise RiffeduError(f"--glob {pattern!r} leads outside the folder {folder}")
    same = target.resolve() == folder.resolve()
    files = [
        file
        for file in found
        if file.is_file()
        and file.suffix.lower() not in NO_SOUNDS
        and not (same and CLIP.search(file.name))
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and (same or target.resolve() not in file.resolve().parents)
    ]
    if not files:
        raise RiffeduError(f"no files match {pattern!r} in {folder}")
    parents = [target / file.parent.relative_to(folder) for file in files]
    jobs = [
        Job(*both) for both in zip(files, parents, unlike([f.relative_to(folder) for f in files]))
    ]
    return jobs[:limit] if limit > 0 else jobs


def unlike(files: list[Path]) -> list[str]:
    """Return a stem for each file, unlike all others in its folder on every kind of disk.

    It is the file's own stem; its full name if another file has that stem; and a number is added if
    names differ in case only, or in the form of their accents.

    >>> unlike([Path("a.wav"), Path("b.wav"), Path("b.ogg"), Path("B.wav")])
    ['a', 'b.wav', 'b.ogg', 'B.wav-2']
    """

    def key(file: Path, stem: str) -> str:
        return unicodedata.normalize("NFC", str(file.with_name(stem))).casefold()

    stems = [file.stem for file in files]
    changed = True
    while changed:
        counts = Counter(map(key, files, stems))
        clash = [counts[key(*both)] > 1 for both in zip(files, stems)]
        longer = [file.name if twice else stem for file, stem, twice in zip(files, stems, clash)]
        changed, stems = longer != stems, longer
    taken: set[str] = set()
    for place, file in enumerate(files):
        number, stem = 1, stems[place]
        while key(file, stem) in taken:
            number += 1
            stem = f"{stems[place]}-{number}"
        taken.add(key(file, stem))
        stems[place] = stem
    return stems


def output_of(job: Job, ending: str) -> Path:
    """Return the one output of a job."""
    return job.folder / f"{job.stem}{ending}"


def checked_output(job: Job, ending: str, what: str) -> Path:
    """Return the one output of a job, after checking that it can be written."""
    return check_output(output_of(job, ending), what=what)
