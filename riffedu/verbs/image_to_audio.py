"""``riffedu image-to-audio``: converts a picture to sound, as its EXIF tags describe."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from riffedu.flags import add_seed, choose_seed
from riffedu.verbs.outputs import SOUNDS, add_output_arguments, report, sound_output
from riffedu.verbs.spectrogram_flags import add_device

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu image-to-audio``."""
    parser.add_argument("--image", required=True, help="picture to read, including its EXIF tags")
    parser.add_argument(
        "-o",
        "--output",
        "--audio",
        required=True,
        dest="audio",
        help=f"sound file to write: {SOUNDS}",
    )
    parser.add_argument(
        "--quality",
        default="fast",
        help="fast, best, or plain for Riffusion's algorithm (default: fast)",
    )
    add_seed(parser, "random seed for the phase")
    add_device(parser)
    add_output_arguments(parser)


def run(args: Namespace) -> int:
    """Convert a picture to a sound file."""
    from riffedu.signal.audio import save
    from riffedu.signal.image import load_image

    choose_seed(args)
    path = sound_output(args.audio, args.overwrite, args.bits)
    image = load_image(args.image)
    waveform, rate, remark = convert(image, args.quality, args.seed)
    save(path, waveform, rate, args.bits, record(image, args.quality, args.seed))
    report(f"{path}: {waveform.shape[-1] / rate:.2f} s at {rate} Hz{remark}", path)
    return 0


def convert(image: Image, quality: str, seed: int) -> tuple[np.ndarray, int, str]:
    """Return a picture's sound, its rate, and a remark if its level was lowered."""
    from riffedu.signal.audio import peak_db, set_level
    from riffedu.signal.reconstruct import image_to_audio

    waveform, rate = image_to_audio(image, quality=quality, seed=seed)
    peak = peak_db(waveform)
    if peak <= 0:
        return waveform, rate, ""
    lowered = set_level(waveform, rms_db=0.0, peak_db=-1.0)
    return lowered, rate, f", turned down by {peak + 1:.1f} dB to avoid clipping"


def record(image: Image, quality: str, seed: int) -> dict[str, Any]:
    """Return the record of a picture's sound: the settings, and the picture's own record."""
    from riffedu.music.provenance import picture_hash, record_of
    from riffedu.signal.files.tags import image_record

    told = {"verb": "image-to-audio", "quality": quality, "seed": seed}
    return record_of({**told, "picture": picture_hash(image), "made_from": image_record(image)})
