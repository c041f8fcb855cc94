"""``riffedu sample-clips-batch``: cuts clips from every sound file in a folder."""

import glob
import os
import zlib
from argparse import ArgumentParser, Namespace
from pathlib import Path

from riffedu.errors import RiffeduError
from riffedu.verbs.batch import Job, add_batch_arguments, run_batch
from riffedu.verbs.sample_clips import (
    add_clip_arguments,
    check_clip_arguments,
    clip_names,
    draw_starts,
    generator,
    write_clips,
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu sample-clips-batch``."""
    add_batch_arguments(parser)
    parser.add_argument(
        "--num-clips-per-file", type=int, default=1, help="number of clips (default: 1)"
    )
    add_clip_arguments(parser, "mp3")


def run(args: Namespace) -> int:
    """Cut clips from every sound file in a folder."""
    check_clip_arguments(args, args.num_clips_per_file)

    def starts_of(job: Job) -> list[int]:
        # Seeded with the file name too, so that clips do not depend on the other files.
        rng = generator(args.seed, zlib.crc32(os.fsencode(job.file.name)))
        return draw_starts(job.file, args.num_clips_per_file, args.duration_ms, rng)

    def work(job: Job) -> list[Path]:
        return write_clips(job.file, starts_of(job), job.folder, f"{job.stem}_", args)

    def done(job: Job) -> bool:
        """Return whether all clips are there: at the same places, or without a seed at any."""
        if args.seed < 0:
            patterns = clip_names(["*"] * args.num_clips_per_file, args)
            begin = glob.escape(f"{job.stem}_")
            return all(any(job.folder.glob(begin + pattern)) for pattern in patterns)
        try:
            names = clip_names(starts_of(job), args)
        except RiffeduError:
            return False
        return all((job.folder / f"{job.stem}_{name}").is_file() for name in names)

    return run_batch(args, work, done)
