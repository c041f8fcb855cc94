"""Addresses of a server: whether one is free, what a browser opens, and its QR code."""

from __future__ import annotations

import atexit
import html
import ipaddress
import os
import re
import socket
import tempfile
import webbrowser
from contextlib import suppress
from pathlib import Path

from riffedu.errors import RiffeduError

LOOPBACK = "127.0.0.1"
ANY_ADDRESS = ("", "0.0.0.0", "::")
"""A server bound to one of these listens on every network of this machine."""
ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses that are reserved for documentation: nothing is ever sent to them."""
REDIRECT = """<!doctype html>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={address}">
<title>riffedu</title>
<p><a href="{address}">Open riffedu</a></p>
"""


def local_addresses(family: socket.AddressFamily = socket.AF_INET) -> list[str]:
    """Return this machine's addresses on its networks, IPv4 by default, the most likely one first.

    That is the one from which the default route leads, then private addresses, then others. The
    list is empty on a machine without a network.
    """
    import psutil

    active = {name for name, state in psutil.net_if_stats().items() if state.isup}
    found = {
        each.address
        for name, addresses in psutil.net_if_addrs().items()
        if name in active
        for each in addresses
        if each.family == family and _reachable(each.address)
    }
    routed = _routed(family)
    return sorted(found, key=lambda a: (a != routed, not ipaddress.ip_address(a).is_private, a))


def _reachable(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified)


def _routed(family: socket.AddressFamily) -> str | None:
    """Return the address from which packets would leave the network; no packet is sent."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((ELSEWHERE[family], 9))
        return probe.getsockname()[0]
    return None


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach an address."""
    return address == "localhost" or address.startswith("127.") or address == "::1"


def check_free(ip: str, port: int) -> None:
    """Raise RiffeduError if the address, IPv4 or IPv6, is in use or cannot be bound."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            ip or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise RiffeduError(
            f"cannot listen on {host_and_port(ip, port)} ({error.strerror}): choose another --port"
            " or --ip"
        ) from None


def host_and_port(ip: str, port: int) -> str:
    """Return ``ip:port`` as addresses write it, with an IPv6 address in brackets."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def local_host(ip: str) -> str:
    """Return the address at which this machine reaches its own server that is bound to ``ip``."""
    return ip if ip not in ANY_ADDRESS else "::1" if ip == "::" else LOOPBACK


def shown_host(ip: str) -> str:
    """Return the address at which others reach a server that is bound to ``ip``."""
    if ip not in ANY_ADDRESS:
        return ip
    family = socket.AF_INET6 if ip == "::" else socket.AF_INET
    return next(iter(local_addresses(family)), local_host(ip))


def open_in_browser(address: str) -> None:
    """Open an address that holds a token, without showing it to the machine's other users.

    A browser's command line is visible to everyone, so it gets the path of a file that redirects to
    the address and that only this user can read. The file is deleted when the program ends.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    folder = Path(jupyter_runtime_dir())  # where browsers that see few folders can read
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(".html", "riffedu-", folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(REDIRECT.format(address=html.escape(address)))
    atexit.register(Path(name).unlink, missing_ok=True)
    webbrowser.open(Path(name).as_uri())


def qr_code(address: str) -> str:
    """Return the QR code of an address as a ``data:`` URI of an SVG picture, dark on white."""
    import segno

    code = segno.make(address, error="m", micro=False)
    return code.svg_data_uri(scale=8, border=4, dark="#000", light="#fff")


def checked_base_url(path: str) -> str:
    """Return the path below which a server's pages are, such as ``/music/``, with both slashes.

    Raises RiffeduError for anything but letters, digits, and ``- . _ ~ @ %`` between slashes.
    """
    if not re.fullmatch(r"[\w.~@%/-]*", path, re.ASCII) or "//" in path or ".." in path:
        raise RiffeduError(f"--base-url must be a path such as /music/, not {path!r}")
    inner = path.strip("/")
    return f"/{inner}/" if inner else "/"
