"""``riffedu loop``: generates a seamless loop."""

from argparse import ArgumentParser, Namespace

from riffedu import limits
from riffedu.music.looping import loop
from riffedu.verbs.music import add_music_arguments, check_arguments, opened, options, write


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu loop``."""
    parser.add_argument("prompt", help='what to play, in English, such as "a funky bass line"')
    parser.add_argument(
        "--bpm", type=float, default=120.0, help="tempo in beats per minute (default: 120)"
    )
    parser.add_argument("--beats", type=int, default=8, help="length in beats (default: 8)")
    add_music_arguments(parser)


def run(args: Namespace) -> int:
    """Generate a seamless loop."""
    places = check_arguments(args, args.prompt)
    limits.number("--bpm", args.bpm, 20, 400)
    limits.whole("--beats", args.beats, 1, 256)
    with opened(args, args.prompt) as pipeline:
        result = loop(
            pipeline, args.prompt, args.bpm, args.beats, progress=not args.quiet, **options(args)
        )
        write(args, result, *places)
    return 0
