"""``riffedu generate``: generates one or more clips from a prompt."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from riffedu import limits
from riffedu.class_limits import class_limits
from riffedu.errors import RiffeduError
from riffedu.evaluate.takes import MOST, best_take
from riffedu.music.generate import DURATION
from riffedu.music.musical_key import chosen_key
from riffedu.music.pulse import FASTEST, SLOWEST
from riffedu.output import check_output, is_stream, say
from riffedu.signal.files.tags import read_record
from riffedu.signal.stereo import WIDTH
from riffedu.verbs.music import add_music_arguments, check_arguments, opened, options, write
from riffedu.verbs.outputs import report

LONGEST_NAME = 60
"""Characters of a file name that is made from a prompt."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu generate``."""
    parser.add_argument(
        "prompt", nargs="?", help='what to play, in English, such as "a calm solo piano"'
    )
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="text file with one prompt per line (- for stdin): one clip each; file names end in "
        "the line's number",
    )
    add_music_arguments(parser, "the prompt as a name, such as a-calm-solo-piano.wav")
    parser.add_argument(
        "--count",
        type=int,
        default=1,
        help="number of clips, with consecutive seeds; file names end in the seed; existing "
        "clips are kept (default: 1)",
    )
    parser.add_argument(
        "--takes",
        type=int,
        default=1,
        help="number of takes to generate, 1 to 16; the one that matches the prompt best is kept "
        "(default: 1). With --count, the seeds of the clips are this far apart",
    )
    parser.add_argument(
        "--duration",
        type=float,
        default=DURATION,
        help=f"length in seconds, up to {class_limits().clip_seconds:g} (default: {DURATION})",
    )
    parser.add_argument(
        "--tempo",
        type=float,
        help=f"tempo of the pulse in the noise, {SLOWEST} to {FASTEST} beats per minute, or 0 for "
        'no pulse (default: the one that the prompt names, "at 120 bpm", else drawn from the seed)',
    )
    parser.add_argument(
        "--key",
        help='key of the lines in the noise, such as "D minor"; "any" draws one from the seed if '
        'the prompt names none, and "" adds none (default: the one that the prompt names)',
    )
    parser.add_argument(
        "--stereo",
        nargs="?",
        type=float,
        const=WIDTH,
        metavar="WIDTH",
        help="two channels whose mean is the mono clip; WIDTH is 0 (mono) to 1 (uncorrelated "
        f"channels; default without a number: {WIDTH:g})",
    )


class Clip(NamedTuple):
    """One clip to generate: prompt, first seed, and the files to write."""

    prompt: str
    seed: int
    sound: Path
    picture: Path | None


def run(args: Namespace) -> int:
    """Generate clips from one prompt or from a file of prompts."""
    limits.duration(args.duration)
    limits.whole("--count", args.count, 1, 1000)
    limits.whole("--takes", args.takes, 1, MOST)
    if args.stereo is not None:
        limits.number("--stereo", args.stereo, 0, 1)
    prompts = read_prompts(args)
    several = args.count > 1 or args.prompts is not None
    args.output = args.output or default_output(prompts[0], args.prompts, several)
    places = check_arguments(args, *prompts, several=several)
    clips = output_files(args, prompts, *places)
    missing = [clip for clip in clips if not several or not is_there(clip, args)]
    if missing:
        with opened(args) as pipeline:
            for clip in missing:
                make(pipeline, clip, args)
    if len(missing) < len(clips) and not args.quiet:
        say(f"{len(clips) - len(missing)} of {len(clips)} clips already existed and were kept")
    return 0


def make(pipeline: Any, clip: Clip, args: Namespace) -> None:
    """Generate one clip, or the best of several takes, and write it."""
    settings = {**options(args), "seed": clip.seed, "duration": args.duration}
    settings |= {"tempo": args.tempo, "key": args.key}
    result: Any
    if args.takes > 1:
        take = best_take(pipeline, clip.prompt, args.takes, progress=not args.quiet, **settings)
        result = take.result
    else:
        result = pipeline.generate(clip.prompt, progress=not args.quiet, **settings)
    if args.stereo is not None:
        result = result.widened(args.stereo)
    write(args, result, clip.sound, clip.picture)
    if args.takes > 1 and not args.quiet:
        report(take, clip.sound)


def read_prompts(args: Namespace) -> list[str]:
    """Return the prompt of the command line, or those of ``--prompts``, one a line.

    Empty lines and lines that begin with # are skipped; ``-`` is stdin.
    """
    if args.prompts is None:
        if args.prompt is None:
            raise RiffeduError('give a prompt, such as "a calm solo piano", or --prompts FILE')
        return [args.prompt]
    if args.prompt is not None:
        raise RiffeduError("give a prompt or --prompts FILE, not both")
    try:
        if args.prompts == "-":
            text = sys.stdin.read()
        else:
            text = Path(args.prompts).expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RiffeduError(f"{args.prompts} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RiffeduError(f"{args.prompts} is not a UTF-8 text file: save it as one") from None
    lines = [line.strip() for line in text.splitlines()]
    prompts = [line for line in lines if line and not line.startswith("#")]
    if not prompts:
        raise RiffeduError(f"{args.prompts} contains no prompts: write one per line")
    return prompts


def default_output(prompt: str, prompts: str | None, several: bool) -> str:
    """Return a file name in this folder: the prompt in plain letters, or the name of the list.

    A single clip gets a number, if the name is taken: a-piano.wav, a-piano-2.wav.
    """
    listed = prompts is not None and prompts != "-"
    text = Path(str(prompts)).stem if listed else prompt if prompts is None else "clip"
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower())[:LONGEST_NAME].strip("-") or "clip"
    if several:
        return f"{plain}.wav"
    names = (f"{plain}{'' if n == 1 else f'-{n}'}.wav" for n in count(1))
    return next(name for name in names if not Path(name).exists())


def output_files(
    args: Namespace, prompts: list[str], sound: Path, picture: Path | None
) -> list[Clip]:
    """Return the clips to make; the names of several end in the prompt's number and the seed."""
    if args.prompts is None and args.count == 1:
        return [Clip(prompts[0], args.seed, sound, picture)]
    if is_stream(sound) or (picture and is_stream(picture)):
        raise RiffeduError(f"cannot write several clips to {sound}: give the name of a file")
    width, clips = len(str(len(prompts))), []
    for number, prompt in enumerate(prompts, start=1):
        for seed in range(args.seed, args.seed + args.count * args.takes, args.takes):
            end = f"-{number:0{width}}" if args.prompts is not None else ""
            end += f"-{seed}" if args.count > 1 else ""

            def named(path: Path, end: str = end) -> Path:
                return check_output(path.with_stem(path.stem + end))

            clips.append(Clip(prompt, seed, named(sound), picture and named(picture)))
    return clips


def wanted_key(clip: Clip, args: Namespace) -> str | None:
    """Return the key that the record of a clip must name, or None if it may be another one."""
    free = args.key is None or args.takes > 1
    return None if free else chosen_key(clip.prompt, clip.seed, args.key)


def is_there(clip: Clip, args: Namespace) -> bool:
    """Return whether this command already made a clip; without ``--overwrite`` it is kept.

    Raises RiffeduError for a file that something else made.
    """
    if args.overwrite or not clip.sound.exists():
        return False
    asked = {
        "verb": "generate",
        "prompt": clip.prompt,
        "negative_prompt": args.negative_prompt,
        "duration": args.duration,
        "seed": clip.seed if args.takes == 1 else None,
        "num_inference_steps": args.num_inference_steps,
        "guidance_scale": args.guidance_scale,
        "tempo": args.tempo,
        "key": wanted_key(clip, args),
        "stereo": args.stereo,
        "model": None if "/" in args.model else args.model,
    }
    found = read_record(clip.sound) or {}
    if any(found.get(key) != value for key, value in asked.items() if value is not None):
        raise RiffeduError(
            f"{clip.sound} already exists and was made differently: choose another name, or "
            "replace it with --overwrite"
        )
    return clip.picture is None or clip.picture.exists()
