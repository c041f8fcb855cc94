"""What a picture means, as flags: riffusion-hobby's, with its defaults."""

from argparse import ArgumentParser, Namespace

FLAGS = {
    "sample_rate": (int, "samples a second; other sounds are resampled to it"),
    "step_size_ms": (int, "milliseconds from one column to the next"),
    "num_frequencies": (int, "rows of the picture"),
    "min_frequency": (int, "hertz at the bottom"),
    "max_frequency": (int, "hertz at the top"),
    "window_duration_ms": (int, "milliseconds that a column looks at"),
    "padded_duration_ms": (int, "the same with the zeros beside it"),
    "power_for_image": (float, "greys are amplitudes to this power"),
}


def add_params(parser: ArgumentParser) -> None:
    """A flag per field of `SpectrogramParams` that a picture is drawn by."""
    from riffedu.signal.params import SpectrogramParams

    usual = SpectrogramParams()
    for name, (kind, words) in FLAGS.items():
        value = getattr(usual, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=value,
            help=f"{words} (default {value})",
        )
    add_device(parser)


def add_device(parser: ArgumentParser) -> None:
    """``--device`` is Riffusion's; conversion is quick without a GPU."""
    parser.add_argument("--device", help="accepted for Riffusion's sake; the CPU does the work")


def params_of(args: Namespace, stereo: bool):
    """The `SpectrogramParams` that the flags ask for."""
    from riffedu.signal.params import SpectrogramParams

    return SpectrogramParams(stereo=stereo, **{name: getattr(args, name) for name in FLAGS})


def check_fits(audio, image, params) -> None:
    """Raises RiffeduError, before the work, where a sound's picture would be too wide."""
    from riffedu.signal.audio import duration
    from riffedu.signal.image import check_size

    columns = int(duration(audio) * params.sample_rate / params.hop_length)
    check_size(image, columns, params.num_frequencies)
