"""``riffedu app``: the live instrument as a local web page.

One process holds the model and generates the music. Voilà serves the page; each open page has a
small process of its own, and all of them share the one model (`riffedu.app.model_server`).
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from riffedu import limits
from riffedu.app.addresses import (
    check_free,
    checked_base_url,
    host_and_port,
    local_host,
    open_in_browser,
    shown_host,
)
from riffedu.errors import RiffeduError
from riffedu.flags import add_device, add_model, add_seed, choose_seed
from riffedu.output import say

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline

PAGE = "from riffedu.app.live_instrument import live_instrument\n\nlive_instrument(seed={seed})"
TEMPLATE, TITLE = "riffedu", "riffedu: the live instrument"
QUIET = {"loggers": {"tornado.general": {"level": "ERROR"}}}
"""Tornado warns about the ping intervals that Jupyter sets."""
KERNEL = {
    "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    + ["--IPKernelApp.log_level=ERROR"],  # it would warn that local sockets are not encrypted
    "display_name": "riffedu",
    "language": "python",
}
START_TIMEOUT = 60  # seconds
IDLE_TIMEOUT = 60  # seconds after which a process with no browser connected ends


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``riffedu app``."""
    parser.add_argument("--port", type=int, default=8866, help="port to serve on (default: 8866)")
    parser.add_argument(
        "--ip",
        default="127.0.0.1",
        help="address to bind to, IPv4 or IPv6 (default: 127.0.0.1: this machine only; 0.0.0.0: "
        "every network)",
    )
    parser.add_argument(
        "--base-url",
        default="/",
        metavar="PATH",
        help="path under which the page is served, such as /music/, behind a proxy (default: /)",
    )
    parser.add_argument("--no-token", action="store_true", help="do not require a token")
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address; do not open a browser"
    )
    add_model(parser)
    add_device(parser)
    add_seed(parser)


def run(args: argparse.Namespace) -> int:
    """Serve the live instrument until Voilà ends or Ctrl-C is pressed."""
    from riffedu.app.live_instrument import first_settings
    from riffedu.app.model_server import WHERE, FirstPieces, ModelServer, SessionListener

    choose_seed(args)
    limits.whole("--seed", args.seed, 0, 2**31 - 1)
    limits.whole("--port", args.port, 1, 65535)
    base_url = checked_base_url(args.base_url)
    check_free(args.ip, args.port)
    pipeline = load_warm(args.model, args.device)
    key = secrets.token_bytes(16)
    token = "" if args.no_token else secrets.token_urlsafe(16)
    model_server = ModelServer(pipeline)
    server = SessionListener(model_server, key)
    with tempfile.TemporaryDirectory() as folder:
        page = write_page(Path(folder), args.seed, token)
        paths = os.pathsep.join(filter(None, [folder, os.environ.get("JUPYTER_PATH")]))
        environment = os.environ | {WHERE: f"{server.port}:{key.hex()}", "JUPYTER_PATH": paths}
        voila = subprocess.Popen(
            command(page, args.ip, args.port, base_url), env=environment, cwd=folder
        )
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that `finally` runs
        try:
            model_server.first = FirstPieces(pipeline, first_settings(args.seed))
            wait_for(voila, local_host(args.ip), args.port)
            host = host_and_port(shown_host(args.ip), args.port)
            address = f"http://{host}{base_url}" + (f"?token={token}" if token else "")
            say(f"The live instrument is at {address}\nPress Ctrl-C to stop it.", flush=True)
            if not args.no_browser:
                open_in_browser(address)
            return voila.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            end(voila)
            server.close()


def load_warm(name: str, device: str) -> Pipeline:
    """Load a model and generate once with it, because the first run is slow."""
    from riffedu.music.pipeline import load_pipeline

    say("Loading the model …", flush=True)
    pipeline = load_pipeline(name, device)
    pipeline.generate("music", num_inference_steps=1, progress=False)
    return pipeline


def write_page(folder: Path, seed: int = 0, token: str = "") -> Path:
    """Write what Voilà serves into a Jupyter data folder: a notebook, its kernel and a template.

    The token is in Voilà's settings file there: on its command line, other users could read it.
    """
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    kernel = folder / "kernels" / TEMPLATE / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps(KERNEL), encoding="utf-8")
    spec = {"name": TEMPLATE, "display_name": "riffedu", "language": "python"}
    page = folder / "riffedu.ipynb"
    cell = new_code_cell(PAGE.format(seed=seed))
    nbformat.write(new_notebook(cells=[cell], metadata={"kernelspec": spec, "title": TITLE}), page)
    settings = {"Voila": {"logging_config": QUIET, "token": token}}
    (folder / "voila.json").write_text(json.dumps(settings), encoding="utf-8")
    template = folder / "voila" / "templates" / TEMPLATE
    template.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("page.html.j2"), template / "index.html.j2")
    (template / "conf.json").write_text('{"base_template": "lab"}')
    return page


def command(page: Path, ip: str, port: int, base_url: str = "/") -> list[str]:
    """Return the command line that starts Voilà on ``page``."""
    return [
        sys.executable,
        "-m",
        "voila",
        str(page),
        "--no-browser",
        f"--port={port}",
        f"--Voila.ip={ip}",
        f"--Voila.base_url={base_url}",
        "--Voila.port_retries=0",
        "--Voila.identity_provider_class=riffedu.app.door.Door",
        f"--VoilaConfiguration.template={TEMPLATE}",
        "--Voila.log_level=ERROR",
        "--MappingKernelManager.cull_interval=15",
        f"--MappingKernelManager.cull_idle_timeout={IDLE_TIMEOUT}",
    ]


def wait_for(voila: subprocess.Popen, host: str, port: int) -> None:
    """Wait until Voilà accepts connections.

    Raises RiffeduError if Voilà exits or does not answer within ``START_TIMEOUT`` seconds.
    """
    give_up = time.monotonic() + START_TIMEOUT
    while time.monotonic() < give_up:
        if voila.poll() is not None:
            raise RiffeduError(f"Voilà exited with code {voila.returncode}: see its output above")
        try:
            return socket.create_connection((host, port), 5).close()
        except OSError:
            time.sleep(0.2)
    raise RiffeduError(f"Voilà did not answer within {START_TIMEOUT} s")


def end(voila: subprocess.Popen) -> None:
    """Stop Voilà and its pages' processes; kill those that do not stop in time."""
    import psutil

    try:
        family = psutil.Process(voila.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    voila.terminate()
    try:
        voila.wait(10)
    except subprocess.TimeoutExpired:
        voila.kill()
    for process in family:
        try:
            process.wait(3)
        except psutil.TimeoutExpired:
            process.kill()
        except psutil.NoSuchProcess:
            pass
