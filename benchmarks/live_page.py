"""The page without Python: seconds to open it, and seconds a piece, in a headless Chromium.

python benchmarks/live_page.py [--steps 2 4 8] [--pieces 5]

A piece is 3.84 s of music. The networks run with one thread, and again with as many threads as the
page uses. CPU seconds are those of all of Chromium's processes; on an idle core, a single thread
takes about as long.
"""

import argparse
import shutil
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

from riffedu.app.web_page import build

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
OPEN = """async () => {
  const [{Music}, {loadNetworks}] =
    await Promise.all([import('./music.js'), import('./networks.js')]);
  globalThis.facts = await (await fetch('./facts.json')).json();
  const networks = await loadNetworks(facts, () => null);
  globalThis.music = new Music(facts, networks);
  return networks.threads;
}"""
MAKE = """async steps => {
  const began = performance.now();
  await music.next({...facts.controls, steps});
  return (performance.now() - began) / 1000;
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def cpu_seconds():
    processes = psutil.Process().children(recursive=True)
    return sum(sum(each.cpu_times()[:2]) for each in processes)


def measure(browser, address, workers, options):
    """Open the page with or without its service worker, which brings threads; make pieces."""
    context = browser.new_context(service_workers=workers)
    page = context.new_page()
    if workers == "allow":
        page.goto(address)
        page.wait_for_selector("body[data-threads]", timeout=600_000)
    page.goto(address + "facts.json")
    before = cpu_seconds()
    threads = page.evaluate(OPEN)
    print(f"{threads} thread(s): opened with {cpu_seconds() - before:.1f} CPU seconds")
    for steps in options.steps:
        page.evaluate(MAKE, steps)  # the first is slower
        before = cpu_seconds()
        took = sorted(page.evaluate(MAKE, steps) for _ in range(options.pieces))
        cpu = (cpu_seconds() - before) / options.pieces
        print(
            f"  {steps} steps: {took[len(took) // 2]:.2f} s a piece (median), {cpu:.2f} CPU seconds"
        )
    context.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--pieces", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        build(Path(folder))
        handler = partial(Quiet, directory=folder)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_address[1]}/"
            for workers in ("block", "allow"):
                measure(browser, address, workers, options)
            server.shutdown()
        browser.close()


if __name__ == "__main__":
    main()
