"""The command line: ``riffedu VERB …``. Each verb has a module of its own.

A verb's module defines ``add_arguments(parser)`` and ``run(args) -> int``, and may set
``PASSES_ON`` to receive unknown flags in ``args.passed_on``. It is imported only when
its verb is used, so that ``riffedu --help`` is fast. Bad input ends with one line on stderr
and exit code 2, never with a traceback.
"""

from __future__ import annotations

import argparse
import atexit
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NoReturn

from riffedu import __version__
from riffedu.errors import RiffeduError, RiffeduWarning
from riffedu.output import Terminated, ending_cleanly, escape_unprintable, exit_code, say

VERBS: dict[str, tuple[str, str | dict]] = {
    "lab": ("open JupyterLab at a lesson", "riffedu.verbs.lab"),
    "check": ("check the installation", "riffedu.verbs.check"),
    "grade": ("run the checks in learners' notebooks", "riffedu.verbs.grade"),
    "kernels": ("let all notebooks on a machine share one model", "riffedu.verbs.kernels"),
    "app": ("serve the live instrument as a web page", "riffedu.app.server"),
    "class": ("serve one instrument for a class and its phones", "riffedu.app.classroom.serve"),
    "docs": ("open the site: lessons with figures and sounds, API", "riffedu.verbs.docs"),
    "generate": ("generate music from a prompt", "riffedu.verbs.generate"),
    "transform": ("regenerate a clip, or part of it, from a prompt", "riffedu.verbs.transform"),
    "extend": ("continue a clip", "riffedu.verbs.extend"),
    "loop": ("generate a seamless loop", "riffedu.verbs.loop"),
    "interpolate": ("generate music that moves from prompt to prompt", "riffedu.verbs.interpolate"),
    "stems": ("split a sound into stems that add up to it", "riffedu.verbs.stems"),
    "audio-to-image": ("convert a sound file to a picture", "riffedu.verbs.audio_to_image"),
    "image-to-audio": ("convert a picture to a sound file", "riffedu.verbs.image_to_audio"),
    "audio-to-images-batch": (
        "convert every sound file in a folder to a picture",
        "riffedu.verbs.audio_to_images_batch",
    ),
    "sample-clips": (
        "cut clips from random positions in a sound file",
        "riffedu.verbs.sample_clips",
    ),
    "sample-clips-batch": (
        "cut clips from every sound file in a folder",
        "riffedu.verbs.sample_clips_batch",
    ),
    "print-exif": ("print a picture's EXIF tags", "riffedu.verbs.print_exif"),
    "show": ("print how a sound or picture was made", "riffedu.verbs.show"),
    "again": ("make the clip in a file again", "riffedu.verbs.again"),
    "train": (
        "render training data; train or fine-tune a model",
        {
            "data": ("render captioned clips as training data", "riffedu.training.data"),
            "autoencoder": ("train the autoencoder", "riffedu.training.autoencoder"),
            "decoder": (
                "train the autoencoder's decoder to draw sharp pictures",
                "riffedu.training.decoder",
            ),
            "denoiser": ("train the text-conditioned denoiser", "riffedu.training.denoiser"),
            "own": ("fine-tune the model on a folder of your own sounds", "riffedu.training.own"),
        },
    ),
    "evaluate": ("measure how well a model follows its prompts", "riffedu.evaluate"),
    "compare": (
        "compare music generators: measures and blind listening on the same prompts",
        "riffedu.verbs.compare",
    ),
}


EXIT_CODES = """\
exit codes: 0 done, or a server was stopped; 1 some files failed, or a check did; 2 invalid argument
or file, or no room on the disk: one line on stderr says what to do; 130 stopped by Ctrl-C; 143
stopped by SIGTERM"""


class _Wide(argparse.RawDescriptionHelpFormatter):
    """A formatter with a wide first column that counts the indentation of the verbs.

    argparse ignores that indentation, and breaks the line after the longest verb.
    """

    def __init__(self, prog: str, **options: Any):
        super().__init__(prog, **{"max_help_position": 32, **options})

    def format_help(self) -> str:
        self._action_max_length += self._indent_increment
        return super().format_help()


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line; only ``--help`` prints the usage."""

    def __init__(self, **options: Any):
        super().__init__(**{"formatter_class": _Wide, **options})

    def error(self, message: str) -> NoReturn:
        raise RiffeduError(f"{message} (see `{self.prog} --help`)")


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser for this command line; only the verb named in ``argv`` has its flags."""
    parser = _Parser(prog="riffedu", description="How a picture becomes music.", epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"riffedu {__version__}")
    _add_verbs(parser, VERBS, argv)
    return parser


def _add_verbs(parser: argparse.ArgumentParser, verbs: dict, argv: Sequence[str]) -> None:
    subparsers = parser.add_subparsers(metavar="VERB", required=True, title="verbs")
    chosen, rest = (argv[0], argv[1:]) if argv else (None, [])
    for name, (summary, module) in verbs.items():
        verb = subparsers.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=EXIT_CODES,
        )
        if name != chosen:
            continue
        if isinstance(module, dict):
            _add_verbs(verb, module, rest)
        else:
            imported = import_module(module)
            imported.add_arguments(verb)
            verb.set_defaults(run=imported.run, passes_on=getattr(imported, "PASSES_ON", False))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code, one of `EXIT_CODES`."""
    argv = list(sys.argv[1:] if argv is None else argv)
    escape_unprintable()
    arrived: list[KeyboardInterrupt] = []
    try:
        with ending_cleanly() as arrived, _warnings_of_one_line():
            parser = build_parser(argv)
            args, rest = parser.parse_known_args(argv or ["--help"])
            if rest and not args.passes_on:
                parser.error(f"unrecognized arguments: {' '.join(rest)}")
            args.passed_on = rest
            code = args.run(args) or 0
            sys.stdout.flush()
            return code
    except BrokenPipeError:
        # The reader (such as `head`) has closed the pipe. Redirect stdout, so that Python's flush
        # at exit does not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (RiffeduError, OSError) as error:
        say(f"riffedu: error: {' '.join(_describe(error).split())}", sys.stderr)
        swallowed = _swallowed(error, arrived)
        return 2 if swallowed is None else _interrupted(swallowed)
    except KeyboardInterrupt as stop:
        return _interrupted(stop)
    except Exception as error:
        cause = _cause(error) or _swallowed(error, arrived)
        if cause is None:
            raise
        return _interrupted(cause)


def _cause(error: BaseException) -> KeyboardInterrupt | None:
    """Return the interrupt that led to an error: a C extension interrupted while it is imported
    raises ImportError.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause


def _swallowed(error: Exception, arrived: Sequence[KeyboardInterrupt]) -> KeyboardInterrupt | None:
    """Return the last interrupt if C code cleared it and raised ``error`` instead, as
    `torch.asarray` does.
    """
    return arrived[-1] if arrived and _cause(error) is None else None


def _interrupted(stop: KeyboardInterrupt) -> int:
    what = "terminated" if isinstance(stop, Terminated) else "interrupted"
    say(f"\nriffedu: {what}", sys.stderr)
    return exit_code(stop)


def program(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command line as a process of its own, and end the process with its exit code.

    With torch loaded, Python takes 1 s to take all its modules apart, so what is registered for the
    exit is run here, and the process ends. Ctrl-C ends it at once, without a traceback: an executor
    that is interrupted while it starts a thread never ends that thread, and Python would wait for
    it without end.
    """
    code = main(argv)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    others = set(threading.enumerate()) - {threading.main_thread()}
    if code < 128 and not all(each.daemon for each in others):
        sys.exit(code)  # Python waits for these threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


@contextmanager
def _warnings_of_one_line() -> Iterator[None]:
    """Print each of riffedu's own warnings once, as one line on stderr."""
    said: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if not issubclass(category, RiffeduWarning):
            usual(message, category, *rest, **more)
        elif (line := " ".join(str(message).split())) not in said:
            said.add(line)
            say(f"riffedu: warning: {line}", sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", RiffeduWarning)
        usual, warnings.showwarning = warnings.showwarning, show  # type: ignore[assignment]
        yield


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
