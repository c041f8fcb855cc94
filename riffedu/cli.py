"""The shell face: ``riffedu VERB …``. Each verb lives in the module that has its idea.

A verb's module offers ``add_arguments(parser)`` and ``run(args) -> int`` and is imported only
when its verb is asked for, so ``riffedu --help`` answers at once. Bad input ends in one line on
stderr and exit code 2, never a traceback.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from riffedu import __version__
from riffedu.errors import RiffeduError

VERBS = {
    "lab": ("open JupyterLab at the first lesson", "riffedu.verbs.lab"),
    "check": ("say OK or what to do, a line per requirement", "riffedu.verbs.check"),
    "app": ("open the live instrument as a web page", "riffedu.app.server"),
    "generate": ("turn a prompt into five seconds of music", "riffedu.verbs.generate"),
    "transform": ("remake a sound by words", "riffedu.verbs.transform"),
    "extend": ("let a sound go on", "riffedu.verbs.extend"),
    "loop": ("make a loop without a seam", "riffedu.verbs.loop"),
    "interpolate": ("travel from prompt to prompt", "riffedu.verbs.interpolate"),
    "audio-to-image": ("draw a sound as a picture", "riffedu.verbs.audio_to_image"),
    "image-to-audio": ("turn a picture into its sound", "riffedu.verbs.image_to_audio"),
    "audio-to-images-batch": (
        "draw every sound in a folder",
        "riffedu.verbs.audio_to_images_batch",
    ),
    "sample-clips": ("cut clips out of a sound", "riffedu.verbs.sample_clips"),
    "sample-clips-batch": (
        "cut clips out of every sound in a folder",
        "riffedu.verbs.sample_clips_batch",
    ),
    "print-exif": ("say what a picture's tags mean", "riffedu.verbs.print_exif"),
    "train": (
        "make the training sounds, train the autoencoder and the denoiser",
        {
            "data": ("render captioned clips to learn from", "riffedu.training.data"),
            "autoencoder": ("learn to squeeze pictures", "riffedu.training.autoencoder"),
            "denoiser": ("learn to draw pictures from words", "riffedu.training.denoiser"),
        },
    ),
    "evaluate": ("measure how well a model follows its prompts", "riffedu.evaluate"),
}


class _Wide(argparse.HelpFormatter):
    """argparse forgets how far verbs are indented, and breaks the line after the longest one."""

    def __init__(self, prog: str, **options):
        super().__init__(prog, **{"max_help_position": 32, **options})

    def format_help(self) -> str:
        self._action_max_length += self._indent_increment
        return super().format_help()


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are one line too: the usage stays behind ``--help``."""

    def __init__(self, **options):
        super().__init__(**{"formatter_class": _Wide, **options})

    def error(self, message: str):
        raise RiffeduError(f"{message} (see `{self.prog} --help`)")


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for this command line: only the verb that ``argv`` names is filled in."""
    parser = _Parser(prog="riffedu", description="How a picture becomes music.")
    parser.add_argument("--version", action="version", version=f"riffedu {__version__}")
    _add_verbs(parser, VERBS, argv)
    return parser


def _add_verbs(parser: argparse.ArgumentParser, verbs: dict, argv: Sequence[str]) -> None:
    subparsers = parser.add_subparsers(metavar="VERB", required=True, title="verbs")
    asked, rest = (argv[0], argv[1:]) if argv else (None, [])
    for name, (summary, home) in verbs.items():
        verb = subparsers.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        if name != asked:
            continue
        if isinstance(home, dict):
            _add_verbs(verb, home, rest)
        else:
            module = import_module(home)
            module.add_arguments(verb)
            verb.set_defaults(run=module.run)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code: 0 done, 1 found wanting, 2 bad input."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        args = build_parser(argv).parse_args(argv or ["--help"])
        code = args.run(args) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader (`head`, say) has gone; point stdout elsewhere so that Python's own flush
        # at exit stays silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (RiffeduError, OSError) as error:
        print(f"riffedu: error: {' '.join(_describe(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nriffedu: interrupted", file=sys.stderr)
        return 130


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
