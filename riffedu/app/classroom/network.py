"""The address at which phones reach this machine, and the QR code that holds it."""

from __future__ import annotations

from riffedu.app.addresses import LOOPBACK, is_loopback, local_addresses

__all__ = ["LOOPBACK", "is_loopback", "local_addresses", "qr_code"]


def qr_code(address: str) -> str:
    """Return the QR code of an address as a ``data:`` URI of an SVG picture, dark on white."""
    import segno

    code = segno.make(address, error="m", micro=False)
    return code.svg_data_uri(scale=8, border=4, dark="#000", light="#fff")
