"""``riffedu extend``: continues a clip."""

from argparse import ArgumentParser, Namespace

from riffedu import limits
from riffedu.class_limits import class_limits
from riffedu.music.continuation import extend
from riffedu.verbs.music import (
    add_music_arguments,
    check_arguments,
    load_clip,
    opened,
    options,
    write,
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu extend``."""
    parser.add_argument(
        "audio", help="sound file to continue: wav, flac, ogg, mp3, m4a …; - is standard input"
    )
    parser.add_argument("prompt", help='prompt for the continuation, such as "a calm solo piano"')
    parser.add_argument(
        "--seconds",
        type=float,
        default=30.0,
        help=f"total length in seconds, up to {class_limits().clip_seconds:g} (default: 30)",
    )
    add_music_arguments(parser)


def run(args: Namespace) -> int:
    """Continue a clip up to a given length."""
    places = check_arguments(args, args.prompt)
    limits.duration(args.seconds)
    clip = load_clip(args.audio)
    with opened(args, args.prompt) as pipeline:
        result = extend(
            pipeline, clip, args.prompt, args.seconds, progress=not args.quiet, **options(args)
        )
        write(args, result, *places)
    return 0
