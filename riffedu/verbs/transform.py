"""``riffedu transform``: regenerates a clip, or part of one, from a prompt."""

from argparse import ArgumentParser, Namespace

from riffedu import limits
from riffedu.music.edit import STRENGTH, transform
from riffedu.music.masks import REGIONS
from riffedu.verbs.music import (
    add_music_arguments,
    check_arguments,
    load_clip,
    opened,
    options,
    write,
)

BOUNDS = {
    "after": "only what comes after this time in seconds",
    "before": "only what comes before this time in seconds",
    "above": "only frequencies above this one, in Hz",
    "below": "only frequencies below this one, in Hz",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu transform``."""
    parser.add_argument(
        "audio", help="sound file to transform: wav, flac, ogg, mp3, m4a …; - is standard input"
    )
    parser.add_argument("prompt", help='prompt, such as "a church organ"')
    parser.add_argument(
        "--strength",
        type=float,
        default=STRENGTH,
        help=f"0 keeps the clip, 1 ignores it (default {STRENGTH:g})",
    )
    parser.add_argument("--only", choices=REGIONS, help="change only this part")
    for name, region in BOUNDS.items():
        parser.add_argument(f"--{name}", type=float, help=f"change {region}")
    add_music_arguments(parser)


def run(args: Namespace) -> int:
    """Regenerate a clip, or part of one, from a prompt."""
    places = check_arguments(args, args.prompt)
    limits.number("--strength", args.strength, 0, 1)
    bounds: dict[str, float] = dict(REGIONS[args.only]) if args.only else {}
    bounds |= {
        name: limits.number(f"--{name}", getattr(args, name), 0)
        for name in BOUNDS
        if getattr(args, name) is not None
    }
    clip = load_clip(args.audio)
    with opened(args, args.prompt) as pipeline:
        result = transform(
            pipeline,
            clip,
            args.prompt,
            args.strength,
            bounds or None,
            progress=not args.quiet,
            **options(args),
        )
        write(args, result, *places)
    return 0
