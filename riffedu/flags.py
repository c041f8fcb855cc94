"""Flags that several verbs share: ``--model``, ``--device`` and ``--seed``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from riffedu import limits
from riffedu.output import say


def add_seed(parser: ArgumentParser, what: str = "random seed") -> None:
    """Add ``--seed``, a number or ``random``; `choose_seed` resolves it."""
    parser.add_argument(
        "--seed",
        type=_seed,
        default=0,
        help=f'{what}; "random" chooses one and prints it (default: 0)',
    )


def add_model(parser: ArgumentParser) -> None:
    """Add ``--model``, for `riffedu.music.pipeline.load_pipeline`."""
    parser.add_argument(
        "--model",
        default="default",
        help="name in data/models, folder, .safetensors file or Hub ID (default: shipped model)",
    )


def add_device(parser: ArgumentParser) -> None:
    """Add ``--device``, for `riffedu.diffusion.devices.pick_device`."""
    parser.add_argument(
        "--device",
        default="auto",
        help="device to run the model on: auto, cpu, cuda or mps "
        "(default: auto, a GPU if there is one)",
    )


def choose_seed(args: Namespace) -> None:
    """Replace ``--seed random`` with a seed, and print it."""
    if args.seed is None:
        args.seed = limits.seed_of(None)
        say(f"riffedu: seed {args.seed}", sys.stderr)


def _seed(text: str) -> int | None:
    if text.lower() == "random":
        return None
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f'must be a whole number or "random", not {text!r}') from None
