"""What the writing verbs share: flags for outputs, and checks before the work."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from riffedu.output import check_output, is_stream, say

SOUNDS = ".wav, .flac, .ogg, .mp3, .opus or .m4a; - for stdout"


def add_overwrite(parser: ArgumentParser, several: bool = False) -> None:
    """Add ``--overwrite``; without it existing files are kept."""
    kept = "are kept, and only missing ones are made" if several else "cause an error"
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help=f"replace existing files (without it they {kept})",
    )


def add_bits(parser: ArgumentParser) -> None:
    """Add ``--bits``, the sample format of WAV and FLAC files."""
    parser.add_argument(
        "--bits",
        choices=("16", "24", "float"),
        help="sample format: 16 (the default), 24, or float for .wav",
    )


def add_output_arguments(parser: ArgumentParser) -> None:
    """Add the flags of verbs that write one sound."""
    add_overwrite(parser)
    add_bits(parser)


def sound_output(name: str, overwrite: bool, bits: str | None = None) -> Path:
    """Return the path of a sound to be written, after checking that it can be."""
    from riffedu.signal.files.saving import FORMATS, check_format

    path = check_output(name, FORMATS, "sound", overwrite)
    check_format(path, bits)
    return path


def picture_output(name: str, overwrite: bool) -> Path:
    """Return the path of a picture to be written, after checking that it can be."""
    from riffedu.signal.image import PICTURES

    return check_output(name, PICTURES, "picture", overwrite)


def report(text: Any, path: Path) -> None:
    """Print what was written; on stderr if the file itself went to stdout or a pipe."""
    say(text, sys.stderr if is_stream(path) else None)
