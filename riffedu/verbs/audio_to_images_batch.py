"""``riffedu audio-to-images-batch``: converts every sound file in a folder to a picture."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from riffedu.errors import RiffeduError
from riffedu.verbs.batch import Job, add_batch_arguments, checked_output, output_of, run_batch
from riffedu.verbs.spectrogram_flags import add_params, check_fits, params_of, picture_record


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu audio-to-images-batch``."""
    add_batch_arguments(parser)
    parser.add_argument(
        "--image-extension",
        default="jpg",
        help="jpg (small), png (lossless) or webp (default: jpg)",
    )
    parser.add_argument(
        "--mono",
        action="store_true",
        help="mix down to mono (default: stereo pictures, as in Riffusion)",
    )
    add_params(parser)


def run(args: Namespace) -> int:
    """Convert every sound file in a folder to a picture."""
    from riffedu.signal.convert import file_to_image
    from riffedu.signal.files.tags import attach
    from riffedu.signal.image import PICTURES, save_image

    suffix = f".{args.image_extension.lstrip('.').lower()}"
    if suffix not in PICTURES:
        raise RiffeduError(f"--image-extension must be one of {' '.join(PICTURES)}, not {suffix}")
    params = params_of(args, stereo=not args.mono)

    def work(job: Job) -> list[Path]:
        path = checked_output(job, suffix, "picture")
        check_fits(job.file, path, params)
        image = file_to_image(job.file, params, progress=False)
        attach(image, picture_record("audio-to-images-batch", job.file))
        return [save_image(image, path)]

    return run_batch(args, work, lambda job: output_of(job, suffix).is_file())
