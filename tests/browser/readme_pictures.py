"""Takes the README's pictures from the real thing: python tests/browser/readme_pictures.py

The player in JupyterLab, the instrument as a page, and some seconds of it as an animation, into
data/pictures/.
"""

import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from pages import ROOT, LabPage, Watched, free_port, serve
from PIL import Image

from conftest import FLAGS, _chromium

OUT = ROOT / "data" / "pictures"
CELL = """from riffedu.signal.audio import clip
from riffedu.widgets import spectrogram_player

player = spectrogram_player(clip("tune"), clip("guitar"), label="A flute", height=230)
player.selection, player.colour_map = [1.2, 2.9, 350.0, 2300.0], "viridis"
player"""


def frame(page, clip=None) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")


def player(browser, home: Path) -> None:
    from riffedu.verbs import lab as verb

    root, port = home / "root", free_port()
    root.mkdir()
    notebook = ROOT / "notebooks" / verb.FIRST_LESSON
    command = [
        part
        for part in verb.command(notebook, ROOT, no_browser=True, port=port)
        if "root_dir" not in part and "default_url" not in part
    ]
    command += [f"--ServerApp.root_dir={root}", "--LabApp.expose_app_in_browser=True"]
    with serve(command, port, home, verb.environment()) as server, Watched(browser) as watched:
        server.root = root
        page = watched.page
        page.set_viewport_size({"width": 1180, "height": 640})
        opened = LabPage(page, server, [CELL])
        opened.run()
        page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")
        page.wait_for_selector(".riffedu-player")
        page.locator(".riffedu-player summary").first.click()
        page.evaluate("document.querySelector('.riffedu-player').player.transport.play(1.3)")
        page.wait_for_timeout(900)
        frame(page).save(OUT / "player.png", optimize=True)
        opened.close()


def instrument(browser, home: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "riffedu", "app", "--no-browser", "--port", str(port)]
    with serve(command, port, home, dict(os.environ), ready="/voila/static/") as server:
        while not (found := re.search(r"http://\S+token=\S+", server.log.read_text())):
            time.sleep(0.3)
        with Watched(browser) as watched:
            page = watched.page
            page.set_viewport_size({"width": 1080, "height": 690})
            page.goto(found[0])
            page.wait_for_selector(".riffedu-instrument", timeout=60_000)
            page.click(".riffedu-play")
            page.wait_for_selector(".riffedu-instrument[data-state=playing]", timeout=60_000)
            box = page.locator(".riffedu-pad").bounding_box()

            def drag(x: float, y: float) -> None:
                page.mouse.move(
                    box["x"] + 12 + x * (box["width"] - 24),
                    box["y"] + 12 + (1 - y) * (box["height"] - 24),
                )

            drag(0.5, 0.5)
            page.mouse.down()
            frames = []
            for i in range(120):
                share = i / 119
                drag(0.5 - 0.4 * share, 0.5 + 0.4 * min(1, 2 * share) - 0.6 * max(0, share - 0.5))
                frames.append(frame(page))
                page.wait_for_timeout(150)
            page.mouse.up()
            page.wait_for_timeout(15000)
            frame(page).save(OUT / "instrument.png", optimize=True)
    small = [f.resize((720, 460), Image.Resampling.LANCZOS) for f in frames[::3]]
    small[0].save(
        OUT / "instrument.webp",
        save_all=True,
        append_images=small[1:],
        duration=250,
        loop=0,
        quality=55,
        method=4,
    )


def main() -> None:
    from playwright.sync_api import sync_playwright

    OUT.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=list(FLAGS))
        for take in (player, instrument):
            with tempfile.TemporaryDirectory() as home:
                take(browser, Path(home))
        browser.close()


if __name__ == "__main__":
    main()
