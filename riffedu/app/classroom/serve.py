"""``riffedu class``: one instrument for a class. Phones join by QR code and play its corners.

One process holds the model and runs two servers: the phones' on this machine's network address,
with one page and nothing else, and the teacher's on 127.0.0.1, with the instrument.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffedu import limits
from riffedu.app.addresses import (
    LOOPBACK,
    check_free,
    host_and_port,
    is_loopback,
    local_addresses,
    open_in_browser,
    shown_host,
)
from riffedu.app.server import load_warm
from riffedu.flags import add_device, add_model, add_seed, choose_seed
from riffedu.output import check_output, say

if TYPE_CHECKING:
    from riffedu.app.model_server import ModelServer

NO_NETWORK = (
    "No phone can reach that address: this machine is not connected to a network. Connect it to "
    "the phones' Wi-Fi and start again, or give its address there with --ip."
)
SAVE_EVERY = 10.0
"""Seconds from one writing of the session file to the next."""
MOST_PHONES = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``riffedu class``."""
    parser.add_argument(
        "--ip",
        help="address to bind the phones' server to (default: this machine's address on its "
        "network)",
    )
    parser.add_argument(
        "--port", type=int, default=8877, help="port of the phones' server (default: 8877)"
    )
    parser.add_argument(
        "--phones", type=int, default=40, metavar="N", help="maximum number of phones (default: 40)"
    )
    parser.add_argument(
        "--per-address",
        type=int,
        default=3,
        metavar="N",
        help="maximum number of phones per network address; 0: no limit, for a network that hides "
        "its phones behind one address (default: 3)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="session file to write (default: riffedu-class-DATE-TIME.json)",
    )
    parser.add_argument(
        "--replay", metavar="FILE", help="play a recorded class again; no phones can join"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the addresses; do not open a browser"
    )
    add_model(parser)
    add_device(parser)
    add_seed(parser)


def run(args: argparse.Namespace) -> int:
    """Serve a class, or replay one, until Ctrl-C is pressed."""
    from riffedu.app.classroom.record import Replay, read_recording

    choose_seed(args)
    limits.whole("--seed", args.seed, 0, 2**31 - 1)
    limits.whole("--port", args.port, 1, 65535)
    limits.whole("--phones", args.phones, 1, MOST_PHONES)
    limits.whole("--per-address", args.per_address, 0, MOST_PHONES)
    if args.replay:
        recorded = read_recording(args.replay)
        Replay(recorded)  # fails before the model is loaded
        return _until_stopped(replay(_server(args), args, recorded))
    name = args.output or time.strftime("riffedu-class-%Y%m%d-%H%M%S.json")
    output = check_output(name, [".json"], "session", overwrite=False)
    args.ip = args.ip or next(iter(local_addresses()), LOOPBACK)
    check_free(args.ip, args.port)
    return _until_stopped(serve(_server(args), args, shown_host(args.ip), output))


def _server(args: argparse.Namespace) -> ModelServer:
    from riffedu.app.model_server import ModelServer

    return ModelServer(load_warm(args.model, args.device))


def _until_stopped(work: Coroutine) -> int:
    with suppress(KeyboardInterrupt):
        asyncio.run(work)
    return 0


async def serve(model_server: Any, args: argparse.Namespace, address: str, output: Path) -> None:
    """Serve a class whose phones use ``address``, and write its session to ``output``."""
    from riffedu.app.classroom.server import ClassServer

    url = f"http://{host_and_port(address, args.port)}/"
    of_class = ClassServer(model_server, url, output, args.phones, args.per_address, args.seed)
    of_class.listen(args.ip, args.port)
    try:
        say(f"Phones join at {url} with the code {of_class.room.code}", flush=True)
        if is_loopback(address):
            say(NO_NETWORK, flush=True)
        show(of_class.teacher.listen(), args.no_browser)
        say(f"The class is being recorded in {output}", flush=True)
        await of_class.keep(SAVE_EVERY)
    finally:
        of_class.close()


async def replay(model_server: Any, args: argparse.Namespace, recorded: bytes) -> None:
    """Play a recorded class again. Raises RiffeduError if ``recorded`` is not one."""
    from riffedu.app.classroom.server import ReplayServer

    past = ReplayServer(model_server, Path(args.replay).name, recorded)
    try:
        show(past.teacher.listen(), args.no_browser)
        await asyncio.Event().wait()
    finally:
        past.close()


def show(address: str, no_browser: bool) -> None:
    """Print and open the teacher's page."""
    say(f"The instrument is at {address}\nPress Ctrl-C to stop.", flush=True)
    if not no_browser:
        open_in_browser(address)
