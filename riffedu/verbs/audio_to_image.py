"""``riffedu audio-to-image``: converts a sound file of any length to one picture."""

from argparse import ArgumentParser, Namespace

from riffedu.verbs.spectrogram_flags import add_params, check_fits, params_of


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu audio-to-image``."""
    parser.add_argument(
        "--audio",
        required=True,
        help="sound file to read: wav, flac, ogg, mp3, m4a …; - is standard input",
    )
    parser.add_argument("--image", required=True, help="picture to write; .png is lossless")
    parser.add_argument(
        "--stereo", action="store_true", help="encode two channels, as green and blue"
    )
    add_params(parser)


def run(args: Namespace) -> int:
    """Convert a sound file to a picture."""
    from riffedu.paths import check_writable
    from riffedu.signal.convert import file_to_image
    from riffedu.signal.image import PICTURES, save_image
    from riffedu.signal.sources import at_hand

    path = check_writable(args.image, PICTURES, "picture")
    params = params_of(args, args.stereo)
    sound = at_hand(args.audio)
    check_fits(sound, path, params)
    image = file_to_image(sound, params)
    save_image(image, path)
    print(f"{path}: {image.width} × {image.height} pixels")
    return 0
