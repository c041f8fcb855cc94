"""The address at which phones reach this machine, and the QR code that holds it."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

LOOPBACK = "127.0.0.1"
ELSEWHERE = ("192.0.2.1", 9)  # reserved for documentation: nothing is ever sent to it


def local_addresses() -> list[str]:
    """Return this machine's IPv4 addresses on its networks, the most likely one first.

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
        if each.family == socket.AF_INET and _reachable(each.address)
    }
    routed = _routed()
    return sorted(found, key=lambda a: (a != routed, not ipaddress.ip_address(a).is_private, a))


def _reachable(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified)


def _routed() -> str | None:
    """Return the address from which packets would leave the network; no packet is sent."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(ELSEWHERE)
        return probe.getsockname()[0]
    return None


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach an address."""
    return address == "localhost" or address.startswith("127.") or address == "::1"


def qr_code(address: str) -> str:
    """Return the QR code of an address as a ``data:`` URI of an SVG picture, dark on white."""
    import segno

    code = segno.make(address, error="m", micro=False)
    return code.svg_data_uri(scale=8, border=4, dark="#000", light="#fff")
