"""``riffedu transform``: regenerates a clip, or part of one, from a prompt."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.music.edit import STRENGTH, transform
from riffedu.music.masks import REGIONS
from riffedu.signal.files.saving import check_format
from riffedu.verbs.batch import (
    Job,
    add_selection,
    checked_output,
    find_jobs,
    output_of,
    run_jobs,
)
from riffedu.verbs.music import (
    add_music_arguments,
    check_arguments,
    check_settings,
    load_clip,
    opened,
    options,
    write,
)

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline
    from riffedu.music.result import Result
    from riffedu.signal.audio import Source

BOUNDS = {
    "after": "only what comes after this time, in seconds",
    "before": "only what comes before this time, in seconds",
    "above": "only frequencies above this one, in Hz",
    "below": "only frequencies below this one, in Hz",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu transform``."""
    parser.add_argument(
        "audio",
        help="sound file to transform: wav, flac, ogg, mp3, m4a …, or - for standard input; or a "
        "folder of them, whose results go to the folder --output",
    )
    parser.add_argument("prompt", help='prompt, such as "a church organ"')
    parser.add_argument(
        "--strength",
        type=float,
        default=STRENGTH,
        help=f"0 keeps the clip, 1 ignores it (default: {STRENGTH:g})",
    )
    parser.add_argument("--only", choices=REGIONS, help="change only this part")
    for name, region in BOUNDS.items():
        parser.add_argument(f"--{name}", type=float, help=f"change {region}")
    add_selection(parser)
    parser.add_argument(
        "--extension", default="wav", help="format of a folder's results (default: wav)"
    )
    add_music_arguments(parser)


def run(args: Namespace) -> int:
    """Regenerate a clip, or part of one, from a prompt; or all clips of a folder."""
    from riffedu.signal.files.sources import at_hand

    folder = Path(args.audio).expanduser().is_dir()
    jobs = folder_jobs(args) if folder else []
    if not folder:
        places = check_arguments(args, args.prompt)
    limits.number("--strength", args.strength, 0, 1)
    bounds: dict[str, float] = dict(REGIONS[args.only]) if args.only else {}
    bounds |= {
        name: limits.number(f"--{name}", getattr(args, name), 0)
        for name in BOUNDS
        if getattr(args, name) is not None
    }

    def transformed(pipeline: Pipeline, file: Source, progress: bool) -> Result:
        return transform(
            pipeline,
            load_clip(file),
            args.prompt,
            args.strength,
            bounds or None,
            progress=progress,
            **options(args),
        )

    if folder:
        ending, output = f".{args.extension.lstrip('.').lower()}", Path(args.output).expanduser()
        with opened(args, args.prompt) as pipeline:
            return run_jobs(
                jobs,
                lambda job: [
                    transformed(pipeline, job.file, False).save(
                        checked_output(job, ending, "sound"), args.bits
                    )
                ],
                lambda job: output_of(job, ending).is_file(),
                output,
                args.overwrite,
                quiet=args.quiet,
            )
    sound = at_hand(args.audio)
    load_clip(sound)  # a bad file is refused before the model is loaded
    with opened(args, args.prompt) as pipeline:
        write(args, transformed(pipeline, sound, not args.quiet), *places)
    return 0


def folder_jobs(args: Namespace) -> list[Job]:
    """Check the arguments for a folder; return a job for each of its sounds."""
    if args.image:
        raise RiffeduError("--image is for a single sound: omit it for a folder")
    source, target = (Path(name).expanduser() for name in (args.audio, args.output))
    if source.resolve() == target.resolve():
        raise RiffeduError(
            f"{args.output} is the input folder: give another folder for the results"
        )
    check_format(Path(f"sound.{args.extension.lstrip('.')}"), args.bits)
    check_settings(args, args.prompt)
    return find_jobs(args.audio, args.output, args.glob, args.limit)
