"""``riffedu sample-clips``: clips of one length, from places drawn at random in a sound."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from riffedu.errors import RiffeduError


def add_clip_arguments(parser: ArgumentParser, extension: str) -> None:
    """What both verbs that cut clips share."""
    parser.add_argument(
        "--duration-ms",
        type=int,
        default=5120,
        help="milliseconds of a clip (default 5120, a picture of 512 columns)",
    )
    parser.add_argument("--mono", action="store_true", help="mix all channels")
    parser.add_argument(
        "--extension", default=extension, help=f"wav, flac, ogg or mp3 (default {extension})"
    )
    parser.add_argument(
        "--seed", type=int, default=-1, help="same seed, same places (default -1: others each time)"
    )


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--audio", required=True, help="sound to read")
    parser.add_argument("--output-dir", required=True, help="folder to write to, made if missing")
    parser.add_argument("--num-clips", type=int, default=1, help="how many (default 1)")
    add_clip_arguments(parser, "wav")


def run(args: Namespace) -> int:
    check_clip_arguments(args, args.num_clips)
    folder = Path(args.output_dir)
    random = generator(args.seed)
    places = draw_places(args.audio, args.num_clips, args.duration_ms, random)
    folder.mkdir(parents=True, exist_ok=True)
    for path in write_clips(args.audio, places, folder, "", args):
        print(path)
    return 0


def check_clip_arguments(args: Namespace, count: int) -> None:
    from riffedu.signal.audio import FORMATS

    if count < 1 or args.duration_ms < 1:
        raise RiffeduError("give at least one clip, of at least one millisecond")
    if f".{args.extension}" not in FORMATS:
        raise RiffeduError(f"--extension must be one of {' '.join(FORMATS)}, not {args.extension}")


def generator(seed: int, *more: int):
    """A generator of random numbers; a seed below 0 is another one each time."""
    import numpy as np

    return np.random.default_rng([seed, *more] if seed >= 0 else None)


def draw_places(path, count: int, duration_ms: int, random) -> list[int]:
    """Where clips begin, in milliseconds: each place that fits is as likely as the others."""
    from riffedu.signal.audio import duration

    last = int(duration(path) * 1000) - duration_ms
    if last < 0:
        raise RiffeduError(f"{path} is shorter than a clip of {duration_ms} ms")
    return [int(start) for start in random.integers(0, last + 1, count)]


def write_clips(path, places: list[int], folder: Path, stem: str, args: Namespace) -> list[Path]:
    """Write the clips that begin at ``places``, named as Riffusion names them."""
    from riffedu.signal.audio import load_part, save, set_level

    written = []
    for i, start in enumerate(places):
        sound, rate = load_part(path, start / 1000, args.duration_ms / 1000)
        sound = sound.mean(axis=0) if args.mono and sound.ndim == 2 else sound
        if abs(sound).max() > 1:  # a float file may go beyond, what is written may not
            sound = set_level(sound, rms_db=0.0, peak_db=0.0)
        name = f"clip_{i}_start_{start}_ms_duration_{args.duration_ms}_ms.{args.extension}"
        written.append(save(folder / f"{stem}{name}", sound, rate))
    return written
