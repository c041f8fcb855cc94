"""``riffedu docs``: opens the site, with every lesson's figures and sounds, in a browser.

`make docs` builds it. A server on this machine hands out its files: a browser lets no page that it
opened from a disk read the sounds beside it.
"""

from __future__ import annotations

import argparse
import threading
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.output import say
from riffedu.paths import clone_folder

SITE = Path("build", "site", "html")
TYPES = {
    ".flac": "audio/flac",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``riffedu docs``."""
    parser.add_argument(
        "--port", type=int, default=0, help="port to serve on (default: any free one)"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address; do not open a browser"
    )


def site_folder() -> Path:
    """Return the folder of the built site; raise RiffeduError if there is none."""
    clone = clone_folder()
    if clone is None:
        raise RiffeduError(
            "this installation has no site, which is built in a clone: "
            "run `make docs` and `riffedu docs` there"
        )
    if not (clone / SITE / "index.html").is_file():
        raise RiffeduError(f"there is no site in {clone / SITE}: build it with `make docs`")
    return clone / SITE


class Handler(SimpleHTTPRequestHandler):
    """Serves files by their right types, and says nothing of it."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | TYPES

    def end_headers(self) -> None:
        """Isolate the pages from others, without which WebAssembly has a single thread."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *words: Any) -> None:
        """Print nothing for a request."""


def serve(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """Return a server of a folder on 127.0.0.1; raise RiffeduError if the port is taken."""
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))
    except OSError as error:
        raise RiffeduError(
            f"cannot listen on 127.0.0.1:{port} ({error.strerror}): choose another --port"
        ) from None


def run(args: argparse.Namespace) -> int:
    """Serve the site until Ctrl-C is pressed."""
    limits.whole("--port", args.port, 0, 65535)
    with serve(site_folder(), args.port) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        say(f"The site is at {address}\nPress Ctrl-C to stop it.", flush=True)
        if not args.no_browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
    return 0
