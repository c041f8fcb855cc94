"""``riffedu sample-clips``: cuts clips from random positions in a sound file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from riffedu.errors import RiffeduError
from riffedu.output import check_folder, say
from riffedu.verbs.outputs import add_bits, add_overwrite

if TYPE_CHECKING:
    import numpy as np

    from riffedu.signal.audio import Source


def add_clip_arguments(parser: ArgumentParser, extension: str) -> None:
    """Add the flags that both sampling verbs share."""
    parser.add_argument(
        "--duration-ms",
        type=int,
        default=5120,
        help="clip length in ms (default: 5120, a picture of 512 columns)",
    )
    parser.add_argument("--mono", action="store_true", help="mix down to mono")
    add_bits(parser)
    parser.add_argument(
        "--extension",
        default=extension,
        help=f"wav, flac, ogg, mp3, opus or m4a (default: {extension})",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=-1,
        help="random seed; negative for a new one each time (default: -1)",
    )


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu sample-clips``."""
    parser.add_argument("--audio", required=True, help="sound file to read")
    parser.add_argument(
        "--output-dir", required=True, help="folder to write to; created if missing"
    )
    parser.add_argument("--num-clips", type=int, default=1, help="number of clips (default: 1)")
    add_clip_arguments(parser, "wav")
    add_overwrite(parser)


def run(args: Namespace) -> int:
    """Cut clips from random positions in a sound file."""
    from riffedu.signal.files.sources import at_hand

    check_clip_arguments(args, args.num_clips)
    folder = check_folder(args.output_dir)
    rng = generator(args.seed)
    sound = at_hand(args.audio)
    starts = draw_starts(sound, args.num_clips, args.duration_ms, rng)
    for path in (folder / name for name in clip_names(starts, args)):
        if path.exists() and not args.overwrite:
            raise RiffeduError(f"{path} already exists: use another folder, or --overwrite")
    folder.mkdir(parents=True, exist_ok=True)
    for path in write_clips(sound, starts, folder, "", args):
        say(path)
    return 0


def check_clip_arguments(args: Namespace, count: int) -> None:
    """Raise RiffeduError for an invalid count, duration or extension."""
    from riffedu.signal.files.saving import FORMATS, check_format

    if count < 1:
        raise RiffeduError(f"the number of clips must be at least 1, not {count}")
    if args.duration_ms < 1:
        raise RiffeduError(f"--duration-ms must be at least 1, not {args.duration_ms}")
    if f".{args.extension}" not in FORMATS:
        raise RiffeduError(f"--extension must be one of {' '.join(FORMATS)}, not {args.extension}")
    check_format(Path(f"clip.{args.extension}"), args.bits)


def generator(seed: int, *more: int) -> np.random.Generator:
    """Return a random number generator; a negative seed means a new one each time."""
    import numpy as np

    return np.random.default_rng([seed, *more] if seed >= 0 else None)


def draw_starts(path: Source, count: int, duration_ms: int, rng: np.random.Generator) -> list[int]:
    """Draw the start times of clips in ms, uniformly over all that fit.

    Raises RiffeduError if the sound is shorter than a clip.
    """
    from riffedu.signal.audio import duration
    from riffedu.signal.files.sources import at_hand

    sound = at_hand(path)
    last = int(duration(sound) * 1000) - duration_ms
    if last < 0:
        raise RiffeduError(f"{sound} is shorter than a clip of {duration_ms} ms")
    return [int(start) for start in rng.integers(0, last + 1, count)]


def write_clips(
    path: Source, starts: list[int], folder: Path, stem: str, args: Namespace
) -> list[Path]:
    """Write the clips that begin at ``starts`` (in ms), with Riffusion's file names."""
    from riffedu.music.provenance import record_of
    from riffedu.signal.audio import load_part, save, set_level
    from riffedu.signal.convert import mix_channels
    from riffedu.signal.files.tags import origin_of

    written, origin = [], origin_of(path)
    for start, name in zip(starts, clip_names(starts, args)):
        sound, rate = load_part(path, start / 1000, args.duration_ms / 1000)
        sound = mix_channels(sound, rate) if args.mono else sound
        if abs(sound).max() > 1:  # Float files may exceed full scale; the output may not.
            sound = set_level(sound, rms_db=0.0, peak_db=0.0)
        told = {"verb": "sample-clips", "start_ms": start, "duration_ms": args.duration_ms}
        record = record_of({**told, "made_from": origin})
        written.append(save(folder / f"{stem}{name}", sound, rate, args.bits, record))
    return written


def clip_names(starts: Sequence[int | str], args: Namespace) -> list[str]:
    """Return Riffusion's file names of the clips that begin at ``starts`` (in ms)."""
    end = f"ms_duration_{args.duration_ms}_ms.{args.extension}"
    return [f"clip_{i}_start_{start}_{end}" for i, start in enumerate(starts)]
