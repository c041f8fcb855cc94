"""``riffedu audio-to-images-batch``: a picture for every sound in a folder."""

from argparse import ArgumentParser, Namespace

from riffedu.errors import RiffeduError
from riffedu.verbs.batch import add_batch_arguments, run_batch
from riffedu.verbs.meaning import add_params, check_fits, params_of


def add_arguments(parser: ArgumentParser) -> None:
    add_batch_arguments(parser)
    parser.add_argument(
        "--image-extension",
        default="jpg",
        help="jpg (small), png (every pixel) or webp (default jpg)",
    )
    parser.add_argument(
        "--mono",
        action="store_true",
        help="mix all channels; without it pictures are stereo, as Riffusion's are",
    )
    add_params(parser)


def run(args: Namespace) -> int:
    from riffedu.signal.convert import file_to_image
    from riffedu.signal.image import PICTURES, save_image

    ending = f".{args.image_extension.lstrip('.').lower()}"
    if ending not in PICTURES:
        raise RiffeduError(f"--image-extension must be one of {' '.join(PICTURES)}, not {ending}")
    params = params_of(args, stereo=not args.mono)

    def work(file, folder, stem):
        path = folder / f"{stem}{ending}"
        check_fits(file, path, params)
        return [save_image(file_to_image(file, params, progress=False), path)]

    return run_batch(args, work)
