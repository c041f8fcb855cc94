"""Real pages: JupyterLab and Voilà in a headless Chromium.

Where there is no browser the tests are skipped, on a CI machine (CI=true) they fail. The browser is
the one that RIFFEDU_CHROMIUM names, or a Chromium or Chrome on the PATH.
"""

import os
import re
import shutil
import socket
import sys
import time
from pathlib import Path

import pytest
from pages import ROOT, LabPage, Watched, free_port, serve

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    # A page in the background must not be slowed down: that is not what is tested.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)


def _chromium() -> str | None:
    named = os.environ.get("RIFFEDU_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium (Playwright's sync API)."""
    why = None
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        why = "Playwright is not installed: pip install playwright"
    if not why and not _chromium():
        why = f"no browser: install Chromium, or let RIFFEDU_CHROMIUM name one ({', '.join(NAMES)})"
    if why:
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_chromium(), args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A JupyterLab as `riffedu lab` starts it, on an empty folder: an object with url and root."""
    from riffedu.verbs import lab as verb

    home = tmp_path_factory.mktemp("lab")
    root = home / "root"
    root.mkdir()
    port = free_port()
    course = ROOT / "notebooks" / verb.FIRST_LESSON
    command = [
        part
        for part in verb.command(course, root, no_browser=True, port=port)
        if "root_dir" not in part and "default_url" not in part
    ]
    command += [f"--ServerApp.root_dir={root}", "--LabApp.expose_app_in_browser=True"]
    with serve(command, port, home, verb.environment()) as server:
        server.root = root
        yield server


@pytest.fixture
def page(browser):
    """An empty page; errors that it meets make the test fail."""
    with Watched(browser) as watched:
        yield watched.page
    assert watched.problems == []


@pytest.fixture
def open_notebook(page, lab, request):
    """`open_notebook(source, …)`: a notebook of these cells, or a copy of a file, as a LabPage.

    Its last view is kept in tests/browser/shots.
    """
    opened = []

    def open_one(*sources: str | Path) -> LabPage:
        opened.append(LabPage(page, lab, sources))
        return opened[-1]

    yield open_one
    for each in opened:
        each.shot(re.sub(r"[^\w-]+", "-", request.node.name).strip("-"))
        each.close()


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """`riffedu app` on a free port, as behind a proxy: an object with its address.

    It is below a base URL, and has an IPv6 address if this machine has one.
    """
    home = tmp_path_factory.mktemp("app")
    port = free_port()
    ip = "::1" if _has_ipv6() else "127.0.0.1"
    host = f"[{ip}]" if ":" in ip else ip
    command = [sys.executable, "-m", "riffedu", "app", "--no-browser", "--port", str(port)]
    command += ["--ip", ip, "--base-url", "music"]
    ready = "/music/voila/static/"
    with serve(command, port, home, dict(os.environ), ready, host) as server:
        give_up = time.monotonic() + 90
        while not (found := re.search(r"http://\S+token=\S+", server.log.read_text())):
            assert time.monotonic() < give_up, server.log.read_text()
            time.sleep(0.3)
        server.address = found[0]
        assert server.address.startswith(f"http://{host}:{port}/music/?token=")
        yield server


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
