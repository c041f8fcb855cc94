"""``riffedu sample-clips-batch``: clips out of every sound in a folder."""

import zlib
from argparse import ArgumentParser, Namespace

from riffedu.verbs.batch import add_batch_arguments, run_batch
from riffedu.verbs.sample_clips import (
    add_clip_arguments,
    check_clip_arguments,
    draw_places,
    generator,
    write_clips,
)


def add_arguments(parser: ArgumentParser) -> None:
    add_batch_arguments(parser)
    parser.add_argument("--num-clips-per-file", type=int, default=1, help="how many (default 1)")
    add_clip_arguments(parser, "mp3")


def run(args: Namespace) -> int:
    check_clip_arguments(args, args.num_clips_per_file)

    def work(file, folder, stem):
        # The seed counts with the name, so a file's places don't hang on which others are there.
        random = generator(args.seed, zlib.crc32(file.name.encode()))
        places = draw_places(file, args.num_clips_per_file, args.duration_ms, random)
        return write_clips(file, places, folder, f"{stem}_", args)

    return run_batch(args, work)
