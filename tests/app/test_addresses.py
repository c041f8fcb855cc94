"""The addresses of a server: IPv4, IPv6, every network, and a path below which it is."""

import atexit
import os
import socket
import stat
import webbrowser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit
from urllib.request import url2pathname

import psutil
import pytest

from riffedu.app import addresses
from riffedu.errors import RiffeduError


def test_ipv6_addresses_are_written_in_brackets():
    assert addresses.host_and_port("::1", 80) == "[::1]:80"
    assert addresses.host_and_port("127.0.0.1", 80) == "127.0.0.1:80"


def test_a_server_on_every_network_shows_an_address_that_others_can_open(monkeypatch):
    found = {socket.AF_INET: ["192.168.1.7", "10.0.0.2"], socket.AF_INET6: ["2001:db8::7"]}
    monkeypatch.setattr(addresses, "local_addresses", lambda family: found[family])
    for ip in ("", "0.0.0.0"):
        assert addresses.shown_host(ip) == "192.168.1.7"
    assert addresses.shown_host("::") == "2001:db8::7", "such a server accepts no IPv4"
    assert addresses.shown_host("10.0.0.2") == "10.0.0.2"
    monkeypatch.setattr(addresses, "local_addresses", lambda family: [])
    assert addresses.shown_host("0.0.0.0") == "127.0.0.1" and addresses.shown_host("::") == "::1"


def test_addresses_are_those_that_others_can_reach(monkeypatch):
    def address(text, family=socket.AF_INET):
        return SimpleNamespace(family=family, address=text)

    found = {
        "lo": [address("127.0.0.1"), address("::1", socket.AF_INET6)],
        "wifi": [address("192.168.1.7"), address("fe80::1%wifi", socket.AF_INET6)],
        "cable": [address("10.0.0.7"), address("2001:db8::7", socket.AF_INET6)],
        "off": [address("10.9.9.9")],
        "none": [address("169.254.1.1")],
    }
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)
    states = {name: SimpleNamespace(isup=name != "off") for name in found}
    monkeypatch.setattr(psutil, "net_if_stats", lambda: states)
    monkeypatch.setattr(addresses, "_routed", lambda family: "192.168.1.7")
    assert addresses.local_addresses() == ["192.168.1.7", "10.0.0.7"]
    monkeypatch.setattr(addresses, "_routed", lambda family: None)
    assert addresses.local_addresses() == ["10.0.0.7", "192.168.1.7"]
    assert addresses.local_addresses(socket.AF_INET6) == ["2001:db8::7"]


def test_the_browser_is_given_a_file_that_only_its_owner_can_read(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(atexit, "register", lambda *call, **options: None)
    addresses.open_in_browser("http://127.0.0.1:8866/?token=secret&a=1")
    assert len(opened) == 1 and "secret" not in opened[0]
    file = Path(url2pathname(urlsplit(opened[0]).path))
    assert "url=http://127.0.0.1:8866/?token=secret&amp;a=1" in file.read_text("utf-8")
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_qr_code_is_a_picture():
    code = addresses.qr_code("http://10.0.0.7:8877/#ABCDEF")
    assert code.startswith("data:image/svg+xml")


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken(ip):
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        busy = socket.create_server((ip, 0), family=family)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with busy:
        port = busy.getsockname()[1]
        with pytest.raises(RiffeduError, match="choose another --port"):
            addresses.check_free(ip, port)
    addresses.check_free(ip, port)


def test_base_urls():
    for given, path in (("/", "/"), ("", "/"), ("music", "/music/"), ("/a/b-1/", "/a/b-1/")):
        assert addresses.checked_base_url(given) == path
    for wrong in ("http://x/", "/a//b/", "/a/../b/", "/é/", "/a?b", '/"x/'):
        with pytest.raises(RiffeduError, match="--base-url"):
            addresses.checked_base_url(wrong)


def test_the_question_for_the_token_is_below_the_base_url():
    from traitlets import Unicode
    from traitlets.config import Configurable

    from riffedu.app.door import Door

    class Served(Configurable):
        base_url = Unicode("/music/")

    door = Door(parent=Served(), token="a-token")
    assert "/music/login" in [path for path, _ in door.get_handlers()]
    assert "/login" in [path for path, _ in Door(parent=Served(base_url="/")).get_handlers()]
