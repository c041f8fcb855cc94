"""``riffedu sample-clips-batch``: cuts clips from every sound file in a folder."""

import zlib
from argparse import ArgumentParser, Namespace
from pathlib import Path

from riffedu.verbs.batch import add_batch_arguments, run_batch
from riffedu.verbs.sample_clips import (
    add_clip_arguments,
    check_clip_arguments,
    draw_starts,
    generator,
    write_clips,
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu sample-clips-batch``."""
    add_batch_arguments(parser)
    parser.add_argument(
        "--num-clips-per-file", type=int, default=1, help="number of clips (default 1)"
    )
    add_clip_arguments(parser, "mp3")


def run(args: Namespace) -> int:
    """Cut clips from every sound file in a folder."""
    check_clip_arguments(args, args.num_clips_per_file)

    def work(file: Path, folder: Path, stem: str) -> list[Path]:
        # Seeded with the file name too, so that clips do not depend on the other files.
        rng = generator(args.seed, zlib.crc32(file.name.encode()))
        starts = draw_starts(file, args.num_clips_per_file, args.duration_ms, rng)
        return write_clips(file, starts, folder, f"{stem}_", args)

    return run_batch(args, work)
