"""``riffedu interpolate``: one piece of music that goes from prompt to prompt."""

import sys
from argparse import ArgumentParser, Namespace

from riffedu import limits
from riffedu.music.interpolate import EASINGS
from riffedu.verbs.music import add_music_arguments, check, opened, options, write


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "prompts",
        nargs="+",
        metavar="prompt",
        help='two or more: "a calm solo piano" "a church organ"',
    )
    parser.add_argument(
        "--pieces",
        type=int,
        default=3,
        help="pieces of 3.84 s from each prompt to the next (default 3)",
    )
    parser.add_argument("--easing", choices=EASINGS, default="linear", help="how it is paced")
    add_music_arguments(parser)


def run(args: Namespace) -> int:
    from riffedu.music.stream import interpolate_prompts, join

    if len(args.prompts) < 2:
        raise limits.RiffeduError("give two prompts or more: from where to where?")
    places = check(args, *args.prompts)
    limits.whole("--pieces", args.pieces, 1, 100)
    from tqdm.auto import tqdm

    made, stopped = [], False
    with opened(args, *args.prompts) as pipeline:
        total = (len(args.prompts) - 1) * args.pieces + 1
        pieces = interpolate_prompts(
            pipeline, args.prompts, args.pieces, args.easing, **options(args)
        )
        try:
            made.extend(tqdm(pieces, total=total, desc="pieces", disable=args.quiet))
        except KeyboardInterrupt:
            stopped = True
        if made:
            told = {**options(args), "prompt": " → ".join(args.prompts)}
            write(args, join(pipeline, made, told), *places)
    if stopped:
        print(f"riffedu: interrupted after {len(made)} of {total} pieces", file=sys.stderr)
    return 130 if stopped else 0
