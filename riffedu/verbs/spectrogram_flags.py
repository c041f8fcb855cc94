"""The flags for `SpectrogramParams`, with riffusion-hobby's names and defaults."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from riffedu.signal.audio import Source
    from riffedu.signal.params import SpectrogramParams

FLAGS: dict[str, tuple[Callable[[str], Any], str]] = {
    "sample_rate": (int, "sample rate in Hz; sounds at other rates are resampled"),
    "step_size_ms": (int, "hop from column to column in ms"),
    "num_frequencies": (int, "number of mel bands, the picture's rows"),
    "min_frequency": (int, "frequency at the bottom in Hz"),
    "max_frequency": (int, "frequency at the top in Hz"),
    "window_duration_ms": (int, "length of the STFT window in ms"),
    "padded_duration_ms": (int, "length of the window with zero padding, in ms"),
    "power_for_image": (float, "exponent that maps amplitudes to grey levels"),
}


def add_params(parser: ArgumentParser) -> None:
    """Add a flag for each field of `SpectrogramParams` that shapes a picture."""
    from riffedu.signal.params import SpectrogramParams

    defaults = SpectrogramParams()
    for name, (kind, description) in FLAGS.items():
        value = getattr(defaults, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=value,
            help=f"{description} (default: {value})",
        )
    add_device(parser)


def add_device(parser: ArgumentParser) -> None:
    """Add ``--device``, for compatibility with Riffusion; conversion runs on the CPU."""
    parser.add_argument(
        "--device",
        help="accepted for compatibility with Riffusion, but ignored: the CPU is used",
    )


def params_of(args: Namespace, stereo: bool) -> SpectrogramParams:
    """Return the `SpectrogramParams` that the flags describe."""
    from riffedu.signal.params import SpectrogramParams

    return SpectrogramParams(stereo=stereo, **{name: getattr(args, name) for name in FLAGS})


def picture_record(verb: str, audio: Source) -> dict[str, Any]:
    """Return the provenance record of a sound's picture: the subcommand and the sound's record."""
    from riffedu.music.provenance import record_of
    from riffedu.signal.files.tags import origin_of

    return record_of({"verb": verb, "made_from": origin_of(audio)})


def check_fits(audio: Source, image: Path, params: SpectrogramParams) -> None:
    """Raise RiffeduError if a sound's picture would be too wide for its file format."""
    from riffedu.signal.audio import duration
    from riffedu.signal.image import check_size

    columns = int(duration(audio) * params.sample_rate / params.hop_length)
    check_size(image, columns, params.num_frequencies)
