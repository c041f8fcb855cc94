"""What the generating verbs share: flags, checks before the work, one-line warnings."""

from __future__ import annotations

import sys
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffedu import limits
from riffedu.errors import RiffeduWarning
from riffedu.flags import add_device, add_model, add_seed, choose_seed
from riffedu.output import say
from riffedu.verbs.outputs import (
    SOUNDS,
    add_output_arguments,
    picture_output,
    report,
    sound_output,
)

if TYPE_CHECKING:
    import numpy as np

    from riffedu.music.pipeline import Pipeline
    from riffedu.music.result import Result
    from riffedu.signal.audio import Source


def add_music_arguments(parser: ArgumentParser, default: str | None = None) -> None:
    """Add the flags for the output and for the model; ``default`` describes a default output."""
    chosen = f" (default: {default})" if default else ""
    parser.add_argument(
        "-o", "--output", required=not default, help=f"sound file to write: {SOUNDS}{chosen}"
    )
    parser.add_argument("--image", help="write the picture too: .png (lossless), .webp, .jpg")
    parser.add_argument("--negative-prompt", default="", help="what to avoid")
    add_seed(parser)
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
        help="how strongly the prompt steers, 0 to 30 (default: the model's)",
    )
    add_model(parser)
    parser.add_argument(
        "--lora",
        action="append",
        default=[],
        metavar="FILE[:STRENGTH]",
        help="LoRA to add to the model, a .safetensors file, with a strength from 0 to 2 "
        "(default: 1); repeat for several",
    )
    add_device(parser)
    add_output_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="print no progress bar and no summary")


def check_arguments(
    args: Namespace, *prompts: str, several: bool = False
) -> tuple[Path, Path | None]:
    """Check the prompts, numbers and outputs; return the sound and picture files to write.

    With ``several``, the outputs are patterns for several file names, and may exist.
    """
    check_settings(args, *prompts)
    overwrite = args.overwrite or several
    sound = sound_output(args.output, overwrite, args.bits)
    return sound, picture_output(args.image, overwrite) if args.image else None


def check_settings(args: Namespace, *prompts: str) -> None:
    """Check the prompts, numbers and LoRAs; choose the seed if it is ``random``."""
    from riffedu.diffusion.lora import check_file, parse_strength
    from riffedu.training.known_words import is_shipped, warning_of

    choose_seed(args)
    for prompt in prompts:
        limits.pair_up(prompt, args.negative_prompt, args.seed)
    if args.num_inference_steps is not None:
        limits.whole("--steps", args.num_inference_steps, 1, 1000)
    if args.guidance_scale is not None:
        limits.guidance(args.guidance_scale)
    for lora in getattr(args, "lora", ()):
        check_file(parse_strength(lora)[0])
    if is_shipped(args.model) and not getattr(args, "lora", ()):
        for warning in filter(None, map(warning_of, prompts)):
            warnings.warn(warning, RiffeduWarning, stacklevel=2)


def options(args: Namespace) -> dict[str, Any]:
    """Return the flags as keyword arguments for `riffedu.music.edit.transform_steps`."""
    return {
        name: getattr(args, name)
        for name in ("negative_prompt", "seed", "num_inference_steps", "guidance_scale")
    }


def load_clip(path: Source) -> tuple[np.ndarray, int]:
    """Load a sound file as (waveform, sample_rate).

    Raises RiffeduError if it is too long to edit at once.
    """
    from riffedu.signal.audio import duration, load
    from riffedu.signal.files.sources import at_hand

    sound = at_hand(path)
    limits.sound_length(duration(sound))
    return load(sound)


@contextmanager
def opened(args: Namespace, *prompts: str) -> Iterator[Pipeline]:
    """Load the pipeline of ``--model`` and ``--lora``; print warnings as one line on stderr."""
    from riffedu.diffusion.finding import find_checkpoint
    from riffedu.diffusion.guidance import PromptWarning, warn_about_prompt
    from riffedu.music.edit import StrengthWarning
    from riffedu.music.pipeline import load_pipeline
    from riffedu.music.prompt_schedule import parse_schedule

    said = [part for prompt in prompts for part, _ in parse_schedule(prompt)]
    device, lora = getattr(args, "device", "auto"), getattr(args, "lora", ())
    find_checkpoint(args.model)  # if it is missing, that is all there is to say
    if not args.quiet:
        say("Loading the model …", sys.stderr, flush=True)
    pipeline = load_pipeline(args.model, device, lora=lora)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", PromptWarning)
        warnings.simplefilter("default", RiffeduWarning)
        warnings.simplefilter("default", StrengthWarning)
        warnings.showwarning = _show_warning
        for text in said:
            warn_about_prompt(pipeline.checkpoint.tokenizer, text)
        yield pipeline


def write(args: Namespace, result: Result, sound: Path, picture: Path | None) -> None:
    """Write the sound and, if wanted, the picture; print a one-line summary."""
    if picture:
        result.save(picture)
    result.save(sound, args.bits)
    if not args.quiet:
        metadata = dict(result.parameters)
        asked, taken = (metadata.get(name) for name in ("num_inference_steps", "steps_taken"))
        if taken is not None and taken != asked:
            metadata["num_inference_steps"] = f"{taken} of {asked}"
        known = [
            ("strength", "strength {:g}"),
            ("bpm", "{:g} BPM"),
            ("seed", "seed {}"),
            ("num_inference_steps", "{} steps"),
            ("guidance_scale", "guidance {:g}"),
        ]
        facts = [
            text.format(metadata[name]) for name, text in known if metadata.get(name) is not None
        ]
        seconds = result.waveform.shape[-1] / result.sample_rate
        report(f"{sound}: {seconds:.2f} s, {', '.join(facts)}", sound)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"riffedu: warning: {message}", sys.stderr)
