"""What the verbs that make music share: flags, files checked before the work, warnings in one line."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffedu import limits

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline
    from riffedu.music.result import Result


def add_music_arguments(parser: ArgumentParser) -> None:
    """Where to write, and how to make it."""
    parser.add_argument(
        "-o", "--output", required=True, help="sound to write: .wav, .flac, .ogg or .mp3"
    )
    parser.add_argument("--image", help="keep the picture too: .png (every pixel), .webp, .jpg")
    parser.add_argument("--negative-prompt", default="", help="what not to play")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same clip (default 0)")
    parser.add_argument(
        "--steps",
        "--num-inference-steps",
        type=int,
        dest="num_inference_steps",
        help="denoising steps (default: the model's)",
    )
    parser.add_argument(
        "--guidance-scale",
        type=float,
        help="how far the words pull, 0 to 30 (default: the model's)",
    )
    parser.add_argument(
        "--model",
        default="default",
        help="name in data/models, folder or hub id (default: the shipped one)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no summary")


def check(args: Namespace, *prompts: str) -> tuple[Path, Path | None]:
    """The files to write, after making sure that they can be and that the numbers are fit."""
    from riffedu.paths import check_writable
    from riffedu.signal.audio import FORMATS
    from riffedu.signal.image import PICTURES

    for prompt in prompts:
        limits.pair_up(prompt, args.negative_prompt, args.seed)
    if args.num_inference_steps is not None:
        limits.whole("--steps", args.num_inference_steps, 1, 1000)
    if args.guidance_scale is not None:
        limits.guidance(args.guidance_scale)
    sound = check_writable(args.output, FORMATS, "sound")
    return sound, check_writable(args.image, PICTURES, "picture") if args.image else None


def options(args: Namespace) -> dict[str, Any]:
    """The flags as options of `riffedu.music.edit.transform_steps`."""
    return {
        name: getattr(args, name)
        for name in ("negative_prompt", "seed", "num_inference_steps", "guidance_scale")
    }


def load_clip(path: str) -> tuple:
    """A sound file as (waveform, sample_rate), unless it is too long to be changed at once."""
    from riffedu.signal.audio import duration, load

    limits.sound_length(duration(path))
    return load(path)


@contextmanager
def opened(args: Namespace, *prompts: str) -> Iterator[Pipeline]:
    """The pipeline of ``--model``; warnings about prompts become a line on stderr."""
    import warnings

    from riffedu.diffusion.guidance import PromptWarning, warn_about_prompt
    from riffedu.music.pipeline import load_pipeline

    pipeline = load_pipeline(args.model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", PromptWarning)
        warnings.showwarning = _show_warning
        for prompt in prompts:
            warn_about_prompt(pipeline.checkpoint.tokenizer, prompt)
        yield pipeline


def write(args: Namespace, result: Result, sound: Path, picture: Path | None) -> None:
    """The sound, the picture where one is wanted, and a line that says what was written."""
    from riffedu.signal import audio
    from riffedu.signal.image import save_image

    if picture:
        save_image(result.image, picture)
    audio.save(sound, result.waveform, result.sample_rate)
    if not args.quiet:
        told = result.parameters
        known = [
            ("strength", "strength {:g}"),
            ("bpm", "{:g} BPM"),
            ("seed", "seed {}"),
            ("num_inference_steps", "{} steps"),
            ("guidance_scale", "guidance {:g}"),
        ]
        facts = [words.format(told[name]) for name, words in known if told.get(name) is not None]
        print(f"{sound}: {len(result.waveform) / result.sample_rate:.2f} s, {', '.join(facts)}")


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    import sys

    print(f"riffedu: warning: {message}", file=sys.stderr)
