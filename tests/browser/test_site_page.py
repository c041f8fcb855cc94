"""The site's players in a real page: a file in the place of Python, and sound that is really heard."""

import re
import sys
import threading

import pytest
from pages import ROOT, SHOTS

from riffedu.verbs import docs

PAGE = """<!doctype html><html lang="en"><head><title>Sounds</title>
<link rel="stylesheet" href="_static/player.css"><link rel="stylesheet" href="_static/site.css">
<script type="module" src="_static/site.js"></script></head><body>{shelf}</body></html>"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The front page's shelf of sounds, served as `riffedu docs` serves the site."""
    sys.path.insert(0, str(ROOT / "docs" / "site"))
    try:
        import build
    finally:
        sys.path.pop(0)
    folder = tmp_path_factory.mktemp("site")
    build.front(folder)
    [shelf] = re.findall(r'<div class="riffedu-shelf">.*</div>', (folder / "index.md").read_text())
    (folder / "index.html").write_text(PAGE.format(shelf=shelf), "utf-8")
    (folder / "outputs").symlink_to(folder / "extra" / "outputs")
    with docs.serve(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_eight_sounds_play_without_a_kernel(page, address):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    assert page.locator(".riffedu-names button").count() == 8
    page.wait_for_selector(".riffedu-player[data-state=stopped]")
    assert page.locator(".riffedu-still:visible").count() == 1
    page.locator(".riffedu-play:visible").click()
    page.wait_for_selector(".riffedu-player[data-state=playing]")
    page.wait_for_function("globalThis.riffeduSpeaker?.level().rms > -50")
    page.locator(".riffedu-names button").nth(3).click()
    page.wait_for_selector(".riffedu-player:visible[data-state=stopped]")
    assert page.locator(".riffedu-player[data-state=playing]").count() == 0
    title = page.locator(".riffedu-player:visible b").inner_text()
    assert title == page.locator(".riffedu-names button").nth(3).inner_text()
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / "site-shelf.png")
    assert [url for url in asked if not url.startswith((address, "blob:", "data:"))] == []


def test_the_picture_is_the_one_that_python_drew(page, address):
    from riffedu.signal.audio import clip
    from riffedu.widgets import spectrogram_player

    page.goto(address)
    page.wait_for_selector(".riffedu-player[data-state=stopped]")
    pixels = page.evaluate(
        "[...document.querySelector('.riffedu-player').player.pictures[0].pixels.slice(0, 50000)]"
    )
    assert bytes(pixels) == spectrogram_player(clip("tune")).pixels.tobytes()[:50000]


def test_without_scripts_the_browsers_own_player_stands_there(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("audio[controls]").count() == 8
    context.close()
