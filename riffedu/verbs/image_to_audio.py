"""``riffedu image-to-audio``: a picture becomes the sound that its EXIF tags say it is."""

from argparse import ArgumentParser, Namespace

from riffedu.verbs.meaning import add_device


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--image", required=True, help="picture to read, tags and all")
    parser.add_argument(
        "-o",
        "--output",
        "--audio",
        required=True,
        dest="audio",
        help="sound to write: .wav, .flac, .ogg or .mp3",
    )
    parser.add_argument(
        "--quality",
        default="fast",
        help="fast, best, or plain for Riffusion's own way (default fast)",
    )
    parser.add_argument("--seed", type=int, default=0, help="same seed, same sound (default 0)")
    add_device(parser)


def run(args: Namespace) -> int:
    from riffedu.paths import check_writable
    from riffedu.signal.audio import FORMATS, peak_db, save, set_level
    from riffedu.signal.image import load_image
    from riffedu.signal.reconstruct import image_to_audio

    path = check_writable(args.audio, FORMATS, "sound")
    image = load_image(args.image)
    waveform, rate = image_to_audio(image, quality=args.quality, seed=args.seed)
    peak, said = peak_db(waveform), ""
    if peak > 0:
        waveform = set_level(waveform, rms_db=0.0, peak_db=-1.0)
        said = f", turned down by {peak + 1:.1f} dB so that it fits"
    save(path, waveform, rate)
    print(f"{path}: {waveform.shape[-1] / rate:.2f} s at {rate} Hz{said}")
    return 0
