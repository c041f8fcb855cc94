"""``riffedu generate``: generates one or more clips from a prompt."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.evaluate.takes import MOST, best_take
from riffedu.music.generate import DURATION
from riffedu.music.pulse import FASTEST, SLOWEST
from riffedu.verbs.music import add_music_arguments, check_arguments, opened, options, write


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu generate``."""
    parser.add_argument("prompt", help='what to play, in English, such as "a calm solo piano"')
    add_music_arguments(parser)
    parser.add_argument(
        "--count",
        type=int,
        default=1,
        help="number of clips, with consecutive seeds; file names end in the seed (default 1)",
    )
    parser.add_argument(
        "--takes",
        type=int,
        default=1,
        help="number of takes to generate, 1 to 16; the one that matches the prompt best is kept "
        "(default 1). With --count, the seeds of the clips are this far apart",
    )
    parser.add_argument(
        "--duration",
        type=float,
        default=DURATION,
        help=f"length in seconds, up to {limits.LONGEST:g} (default {DURATION})",
    )
    parser.add_argument(
        "--tempo",
        type=float,
        help=f"tempo of the pulse in the noise, {SLOWEST} to {FASTEST} beats per minute, or 0 for "
        'no pulse (default: the one that the prompt names, "at 120 bpm", else drawn from the seed)',
    )


def run(args: Namespace) -> int:
    """Generate clips from a prompt."""
    limits.duration(args.duration)
    limits.whole("--count", args.count, 1, 1000)
    limits.whole("--takes", args.takes, 1, MOST)
    plan = output_files(*check_arguments(args, args.prompt), args.seed, args.count, args.takes)
    with opened(args) as pipeline:
        for seed, sound, picture in plan:
            settings = {**options(args), "seed": seed, "duration": args.duration}
            settings["tempo"] = args.tempo
            result: Any
            if args.takes > 1:
                take = best_take(
                    pipeline, args.prompt, args.takes, progress=not args.quiet, **settings
                )
                result = take.result
            else:
                result = pipeline.generate(args.prompt, progress=not args.quiet, **settings)
            write(args, result, sound, picture)
            if args.takes > 1 and not args.quiet:
                print(take)
    return 0


def output_files(
    sound: Path, picture: Path | None, seed: int, count: int, takes: int = 1
) -> list[tuple[int, Path, Path | None]]:
    """Return (first seed, sound, picture) per clip; with several, names end in the seed."""
    if count == 1:
        return [(seed, sound, picture)]
    plan = [
        (
            s,
            sound.with_stem(f"{sound.stem}-{s}"),
            picture and picture.with_stem(f"{picture.stem}-{s}"),
        )
        for s in range(seed, seed + count * takes, takes)
    ]
    for _, *paths in plan:
        for path in filter(None, paths):
            if path.is_dir():
                raise RiffeduError(f"{path} is a folder: choose another name for the output")
    return plan
