"""``riffedu stems``: splits a sound into stems, changes their levels, remakes one of them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.flags import add_device, add_seed, choose_seed
from riffedu.output import check_folder, say
from riffedu.signal.stems import METHODS
from riffedu.verbs.outputs import add_output_arguments

if TYPE_CHECKING:
    import numpy as np

STRENGTH = 0.7


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu stems``."""
    parser.add_argument("audio", help="sound file to split")
    parser.add_argument(
        "-o", "--output", required=True, help="folder for the stems, one sound file each"
    )
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="harmonic",
        help="harmonic (stems: harmonic, percussive), bands (bass, middle, treble) or demucs "
        "(default: harmonic)",
    )
    parser.add_argument(
        "--gain",
        action="append",
        default=[],
        metavar="STEM=DB",
        help="also write mix.wav, with this stem louder or quieter; -inf removes it; repeatable",
    )
    parser.add_argument(
        "--remake",
        nargs=2,
        metavar=("STEM", "PROMPT"),
        help="regenerate this stem from a prompt, and write mix.wav with it",
    )
    parser.add_argument(
        "--strength",
        type=float,
        default=STRENGTH,
        help=f"how far the remade stem may depart from the old one, 0 to 1 (default: {STRENGTH:g})",
    )
    add_seed(parser)
    parser.add_argument(
        "--model", default="default", help="model for --remake (default: the shipped model)"
    )
    add_device(parser)
    add_output_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="print no progress bar and no summary")


def run(args: Namespace) -> int:
    """Split a sound into stems."""
    from riffedu.music.provenance import record_of, sound_hash
    from riffedu.signal.audio import load, peak_db, save, set_level
    from riffedu.signal.files.tags import origin_of
    from riffedu.signal.stems import recombine, split

    choose_seed(args)
    gains = dict(map(gain, args.gain))
    limits.number("--strength", args.strength, 0, 1)
    folder = check_folder(args.output)
    waveform, rate = load(args.audio)
    stems = split(waveform, rate, args.method)
    for name in [*gains, *(args.remake or [])[:1]]:
        limits.one_of("the stem", name, stems)
    mixed = ["mix"] if gains or args.remake else []
    paths = {name: folder / f"{name}.wav" for name in [*stems, *mixed]}
    for path in paths.values():
        if path.exists() and not args.overwrite:
            raise RiffeduError(f"{path} already exists: use another folder, or --overwrite")
    record = record_of(
        {
            "verb": "stems",
            "audio": sound_hash(waveform, rate),
            "method": args.method,
            "gains": gains or None,
            "made_from": origin_of(args.audio),
        }
    )
    if args.remake:
        from riffedu.verbs.music import opened

        name, prompt = args.remake
        with opened(args, prompt) as pipeline:
            limits.sound_length(waveform.shape[-1] / rate)
            made = pipeline.transform(
                (stems[name], rate), prompt, args.strength, seed=args.seed, progress=not args.quiet
            )
        record["remade"] = {"stem": name, **made.record}
        stems[name] = fitted(made.waveform, made.sample_rate, stems[name], rate)
    folder.mkdir(parents=True, exist_ok=True)
    sounds = dict(stems)
    if mixed:
        sounds["mix"] = recombine(stems, gains)
    for name, sound in sounds.items():
        sound = set_level(sound, rms_db=0.0) if peak_db(sound) > -1 else sound
        path = save(paths[name], sound, rate, args.bits, {**record, "stem": name})
        if not args.quiet:
            say(f"{path}: {sound.shape[-1] / rate:.2f} s")
    return 0


def gain(text: str) -> tuple[str, float]:
    """Read ``STEM=DB``. Raises RiffeduError for another form.

    >>> gain("bass=-6")
    ('bass', -6.0)
    """
    name, _, decibels = text.partition("=")
    try:
        return name.strip(), float(decibels)
    except ValueError:
        raise RiffeduError(f"--gain takes a stem and dB, such as bass=-6, not {text!r}") from None


def fitted(made: np.ndarray, made_rate: int, old: np.ndarray, rate: int) -> np.ndarray:
    """Bring a remade stem to the rate, shape and level of the one it replaces."""
    import numpy as np

    from riffedu.signal.audio import resample, rms_db, set_level

    new = resample(made, made_rate, rate)[: old.shape[-1]]
    new = np.pad(new, (0, old.shape[-1] - len(new)))
    return np.broadcast_to(set_level(new, rms_db=rms_db(old), peak_db=0.0), old.shape)
