"""``riffedu image-to-audio``: converts a picture to sound, as its EXIF tags describe."""

from argparse import ArgumentParser, Namespace

from riffedu.flags import add_seed, choose_seed
from riffedu.verbs.spectrogram_flags import add_device


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu image-to-audio``."""
    parser.add_argument("--image", required=True, help="picture to read, with its EXIF tags")
    parser.add_argument(
        "-o",
        "--output",
        "--audio",
        required=True,
        dest="audio",
        help="sound file to write: .wav, .flac, .ogg or .mp3",
    )
    parser.add_argument(
        "--quality",
        default="fast",
        help="fast, best, or plain for Riffusion's algorithm (default fast)",
    )
    add_seed(parser, "random seed for the phase")
    add_device(parser)


def run(args: Namespace) -> int:
    """Convert a picture to a sound file."""
    from riffedu.paths import check_writable
    from riffedu.signal.audio import FORMATS, peak_db, save, set_level
    from riffedu.signal.image import load_image
    from riffedu.signal.reconstruct import image_to_audio

    choose_seed(args)
    path = check_writable(args.audio, FORMATS, "sound")
    image = load_image(args.image)
    waveform, rate = image_to_audio(image, quality=args.quality, seed=args.seed)
    peak, remark = peak_db(waveform), ""
    if peak > 0:
        waveform = set_level(waveform, rms_db=0.0, peak_db=-1.0)
        remark = f", turned down by {peak + 1:.1f} dB to avoid clipping"
    save(path, waveform, rate)
    print(f"{path}: {waveform.shape[-1] / rate:.2f} s at {rate} Hz{remark}")
    return 0
