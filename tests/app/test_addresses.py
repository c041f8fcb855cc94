"""The addresses of a server: IPv4, IPv6, every network, and a path below which it is."""

import socket

import pytest

from riffedu.app import addresses
from riffedu.errors import RiffeduError


def test_ipv6_addresses_are_written_in_brackets():
    assert addresses.host_and_port("::1", 80) == "[::1]:80"
    assert addresses.host_and_port("127.0.0.1", 80) == "127.0.0.1:80"


def test_a_server_on_every_network_shows_an_address_that_others_can_open(monkeypatch):
    monkeypatch.setattr(addresses, "local_addresses", lambda: ["192.168.1.7", "10.0.0.2"])
    for ip in ("", "0.0.0.0", "::"):
        assert addresses.shown_host(ip) == "192.168.1.7"
    assert addresses.shown_host("10.0.0.2") == "10.0.0.2"
    monkeypatch.setattr(addresses, "local_addresses", list)
    assert addresses.shown_host("0.0.0.0") == "127.0.0.1" and addresses.shown_host("::") == "::1"


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
