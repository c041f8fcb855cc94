"""``riffedu extend``: a sound goes on."""

from argparse import ArgumentParser, Namespace

from riffedu import limits
from riffedu.music.continuation import extend
from riffedu.verbs.music import add_music_arguments, check, load_clip, opened, options, write


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("audio", help="sound to go on from: wav, flac, ogg, mp3, aiff …")
    parser.add_argument("prompt", help='how it goes on: "a calm solo piano"')
    parser.add_argument(
        "--seconds",
        type=float,
        default=30.0,
        help=f"length in all, up to {limits.LONGEST:g} (default 30)",
    )
    add_music_arguments(parser)


def run(args: Namespace) -> int:
    places = check(args, args.prompt)
    limits.duration(args.seconds)
    clip = load_clip(args.audio)
    with opened(args, args.prompt) as pipeline:
        result = extend(
            pipeline, clip, args.prompt, args.seconds, progress=not args.quiet, **options(args)
        )
        write(args, result, *places)
    return 0
