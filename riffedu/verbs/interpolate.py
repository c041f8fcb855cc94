"""``riffedu interpolate``: generates music that moves from one prompt to the next."""

import sys
from argparse import ArgumentParser, Namespace

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.music.interpolate import EASINGS
from riffedu.output import exit_code, say
from riffedu.verbs.music import add_music_arguments, check_arguments, opened, options, write


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu interpolate``."""
    parser.add_argument(
        "prompts",
        nargs="+",
        metavar="prompt",
        help='two or more prompts, such as "a calm solo piano" "a church organ"',
    )
    parser.add_argument(
        "--pieces",
        type=int,
        default=3,
        help="pieces of 3.84 s between neighbouring prompts (default: 3)",
    )
    parser.add_argument(
        "--easing",
        choices=EASINGS,
        default="linear",
        help="pacing of the transition between prompts (default: linear)",
    )
    add_music_arguments(parser)


def run(args: Namespace) -> int:
    """Generate music that moves through the prompts; Ctrl-C keeps what was made so far."""
    from riffedu.music.stream import interpolate_prompts, join, journey_parameters

    if len(args.prompts) < 2:
        raise RiffeduError("give at least two prompts")
    places = check_arguments(args, *args.prompts)
    limits.whole("--pieces", args.pieces, 1, 100)
    from tqdm.auto import tqdm

    made: list = []
    stopped = 0
    with opened(args, *args.prompts) as pipeline:
        total = (len(args.prompts) - 1) * args.pieces + 1
        pieces = interpolate_prompts(
            pipeline, args.prompts, args.pieces, args.easing, **options(args)
        )
        try:
            made.extend(tqdm(pieces, total=total, desc="pieces", disable=args.quiet))
        except KeyboardInterrupt as stop:
            stopped = exit_code(stop)
        if made:
            told = journey_parameters(
                pipeline, args.prompts, args.pieces, args.easing, len(made), **options(args)
            )
            write(args, join(pipeline, made, told), *places)
    if stopped:
        say(f"riffedu: interrupted after {len(made)} of {total} pieces", sys.stderr)
    return stopped
