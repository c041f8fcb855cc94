"""``riffedu transform``: a sound, remade by words, all of it or a part."""

from argparse import ArgumentParser, Namespace

from riffedu import limits
from riffedu.music.edit import STRENGTH, transform
from riffedu.music.masks import REGIONS
from riffedu.verbs.music import add_music_arguments, check, load_clip, opened, options, write

BOUNDS = {
    "after": "only what comes after this second",
    "before": "only what comes before it",
    "above": "only what sounds above this frequency, in Hz",
    "below": "only what sounds below it",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("audio", help="sound to change: wav, flac, ogg, mp3, aiff …")
    parser.add_argument("prompt", help='what to make of it: "a church organ"')
    parser.add_argument(
        "--strength",
        type=float,
        default=STRENGTH,
        help=f"0 keeps the sound, 1 forgets it (default {STRENGTH:g})",
    )
    parser.add_argument("--only", choices=REGIONS, help="change this part, keep the rest")
    for name, words in BOUNDS.items():
        parser.add_argument(f"--{name}", type=float, help=f"change {words}")
    add_music_arguments(parser)


def run(args: Namespace) -> int:
    places = check(args, args.prompt)
    limits.number("--strength", args.strength, 0, 1)
    bounds = dict(REGIONS[args.only]) if args.only else {}
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
