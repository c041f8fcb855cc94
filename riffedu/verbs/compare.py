"""``riffedu compare``: several music generators on the same prompts, measured and heard blind."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.output import check_folder, say


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu compare``."""
    from riffedu.evaluate.peers import PEERS

    parser.add_argument("prompt", nargs="*", help="prompts that every source plays")
    parser.add_argument("--prompts", metavar="FILE", help="text file with one prompt per line")
    parser.add_argument(
        "--source",
        action="append",
        metavar="NAME[=PLACE]",
        help=f"ours, riffusion, {', '.join(PEERS)}, each with a folder or Hub ID if wanted; "
        "ours+my-lora.safetensors:0.8, the model with a LoRA; or any "
        "name with a folder of sound files and a prompts.csv; repeat for more (default: ours)",
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="FOLDER", help="folder to write to"
    )
    parser.add_argument(
        "--seconds", type=float, default=5.12, help="length of a clip in seconds (default: 5.12)"
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed of each clip (default: 0)")
    parser.add_argument("--steps", type=int, help="denoising steps (default: each source's own)")
    parser.add_argument(
        "--clip",
        metavar="FILE",
        help="sound file that ours, riffusion and musicgen continue, and whose melody "
        "musicgen-melody plays",
    )
    parser.add_argument("--title", default="Listen blind", help="title of the listening page")
    parser.add_argument(
        "--about", action="store_true", help="only say what would be loaded, and how big it is"
    )
    parser.add_argument(
        "--votes",
        nargs="+",
        metavar="CSV",
        help="pool these files, saved from the page in FOLDER, and print how each source was rated",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an earlier comparison in the folder"
    )
    parser.add_argument("--quiet", action="store_true", help="print no progress")


def run(args: Namespace) -> int:
    """Compare sources, or reveal the votes on an earlier comparison."""
    if args.votes:
        return _reveal(args)
    from riffedu.evaluate import bench, shipped_classifier
    from riffedu.evaluate.classifier import load_classifier
    from riffedu.evaluate.sources import Settings, parse
    from riffedu.verbs.music import load_clip

    limits.duration(args.seconds)
    limits.seed_of(args.seed)
    if args.seconds < 2:
        raise RiffeduError(f"--seconds {args.seconds:g}: the measures need 2 s or more")
    if args.steps is not None:
        limits.whole("--steps", args.steps, 1, 1000)
    folder = check_folder(args.output)
    if (folder / "key.csv").exists() and not args.overwrite:
        raise RiffeduError(
            f"{folder} already holds a comparison, whose votes need its key: choose another "
            "folder, or replace it with --overwrite"
        )
    clip = load_clip(args.clip) if args.clip else None
    settings = Settings(args.seconds, args.seed, args.steps, clip)
    prompts = _prompts(args)
    sources = [parse(text, settings, max(1, len(prompts))) for text in args.source or ["ours"]]
    prompts = prompts or list(dict.fromkeys(p for source in sources for p in source.prompts))
    if not prompts:
        raise RiffeduError("give a prompt, --prompts FILE, or a --source folder with prompts")
    for source in sources:
        say(f"{source.name}: {source.about}")
    if args.about:
        return 0
    judge = shipped_classifier()
    clips = bench.compare(
        sources,
        prompts,
        args.seconds,
        load_classifier(judge) if judge else None,
        (lambda _: None) if args.quiet else say,
    )
    written = bench.write(clips, folder, args.title)
    say(f"\n{bench.to_markdown(clips)}")
    say(", ".join(map(str, written)))
    return 0


def _prompts(args: Namespace) -> list[str]:
    lines = list(args.prompt)
    if args.prompts:
        try:
            lines += Path(args.prompts).read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise RiffeduError(f"{args.prompts} is not a text file in UTF-8") from None
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _reveal(args: Namespace) -> int:
    from riffedu.evaluate import bench, votes

    key = bench.read_key(args.output)
    pooled = bench.reveal(votes.pool(args.votes), key)
    say(votes.to_markdown(pooled).rstrip("\n"))
    return 0
