"""``riffedu generate``: words become a clip, or several with the seeds that follow."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.music.generate import DURATION
from riffedu.verbs.music import add_music_arguments, check, opened, options, write


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("prompt", help='what to play, in English: "a calm solo piano"')
    add_music_arguments(parser)
    parser.add_argument(
        "--count",
        type=int,
        default=1,
        help="clips to make, with the seeds that follow; each gets its seed's name",
    )
    parser.add_argument(
        "--duration",
        type=float,
        default=DURATION,
        help=f"seconds, up to {limits.LONGEST:g} (default {DURATION})",
    )


def run(args: Namespace) -> int:
    limits.duration(args.duration)
    limits.whole("--count", args.count, 1, 1000)
    plan = named(*check(args, args.prompt), args.seed, args.count)
    with opened(args) as pipeline:
        for seed, sound, picture in plan:
            result = pipeline.generate(
                args.prompt,
                duration=args.duration,
                progress=not args.quiet,
                **{**options(args), "seed": seed},
            )
            write(args, result, sound, picture)
    return 0


def named(
    sound: Path, picture: Path | None, seed: int, count: int
) -> list[tuple[int, Path, Path | None]]:
    """(seed, sound, picture) for each clip; more than one carry their seed in the name."""
    if count == 1:
        return [(seed, sound, picture)]
    plan = [
        (
            s,
            sound.with_stem(f"{sound.stem}-{s}"),
            picture and picture.with_stem(f"{picture.stem}-{s}"),
        )
        for s in range(seed, seed + count)
    ]
    for _, *paths in plan:
        for path in filter(None, paths):
            if path.is_dir():
                raise RiffeduError(f"{path} is a folder: choose another name for the output")
    return plan
