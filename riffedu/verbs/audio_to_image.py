"""``riffedu audio-to-image``: converts a sound file of any length to one picture."""

from argparse import ArgumentParser, Namespace

from riffedu.verbs.outputs import add_overwrite, picture_output, report
from riffedu.verbs.spectrogram_flags import add_params, check_fits, params_of, picture_record


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu audio-to-image``."""
    parser.add_argument(
        "--audio",
        required=True,
        help="sound file to read: wav, flac, ogg, mp3, m4a …; - is standard input",
    )
    parser.add_argument("--image", required=True, help="picture to write; .png is lossless")
    parser.add_argument(
        "--stereo", action="store_true", help="encode two channels, in green and blue"
    )
    add_params(parser)
    add_overwrite(parser)


def run(args: Namespace) -> int:
    """Convert a sound file to a picture."""
    from riffedu.signal.convert import file_to_image
    from riffedu.signal.files.sources import at_hand
    from riffedu.signal.files.tags import attach
    from riffedu.signal.image import save_image

    path = picture_output(args.image, args.overwrite)
    params = params_of(args, args.stereo)
    sound = at_hand(args.audio)
    check_fits(sound, path, params)
    image = file_to_image(sound, params)
    attach(image, picture_record("audio-to-image", sound))
    save_image(image, path)
    report(f"{path}: {image.width} × {image.height} pixels", path)
    return 0
