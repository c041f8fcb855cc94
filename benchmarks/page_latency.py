"""From a slider to the new picture, in a real page: median milliseconds of every panel with one.

Not part of `make bench`: it needs a browser. ``pip install playwright``, a Chromium, then

    python benchmarks/page_latency.py 02_stft 03_mel … [--chromium /usr/bin/chromium]

opens each notebook in a JupyterLab of its own, runs it, presses an arrow key on the first slider of
each panel that has a live picture, and waits until the page has loaded the new one.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PRESSES = 15
MEASURE = """
async ([panel, presses]) => {
  const picture = panel.querySelector('img.widget-image');
  const handle = panel.querySelector('.noUi-handle');
  const times = [];
  for (let i = 0; i < presses; i++) {
    const key = i % 2 ? 'ArrowLeft' : 'ArrowRight';
    const start = performance.now();
    const loaded = new Promise(resolve => {
      picture.addEventListener('load', () => resolve(true), {once: true});
      setTimeout(() => resolve(false), 5000);
    });
    handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
    if (await loaded) times.push(performance.now() - start);
    await new Promise(resolve => setTimeout(resolve, 400));
  }
  return times;
}
"""


def serve(riffedu: str, notebook: str, port: int, home: Path):
    told = {"JUPYTER_TOKEN": "t", "IPYTHONDIR": str(home / "ipython"), **{
        f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}}  # fmt: skip
    server = subprocess.Popen(
        [riffedu, "lab", notebook, "--no-browser", "--port", str(port)],
        env={**os.environ, **told}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api")
            return server
        except OSError:
            time.sleep(0.3)
    raise SystemExit("JupyterLab did not start")


def measure(page, seconds: float) -> list[list[float]]:
    """Run the notebook, then press keys on each panel as it comes into view."""
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60000)
    time.sleep(4)
    page.click("text=Run")
    page.click("text=Run All Cells")
    time.sleep(seconds)
    found, seen = [], set()
    page.mouse.move(800, 600)
    page.keyboard.press("Control+Home")
    for _ in range(80):
        for panel in page.query_selector_all(".jp-OutputArea-output:has(img.widget-image)"):
            if not panel.query_selector(".noUi-handle"):
                continue
            mark = panel.evaluate("p => p.innerText.slice(0, 80)")
            if mark not in seen:
                seen.add(mark)
                found.append(page.evaluate(MEASURE, [panel, PRESSES]))
        page.mouse.wheel(0, 500)
        time.sleep(0.25)
    return found


def main() -> int:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", help="their names, as 02_stft")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--riffedu", default="riffedu", help="the command, where not on the PATH")
    parser.add_argument("--wait", type=float, default=45, help="seconds that a notebook may run")
    args = parser.parse_args()
    with sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=args.chromium, args=["--no-sandbox", "--disable-gpu", "--disable-sync"]
        )
        for index, name in enumerate(args.notebooks):
            with tempfile.TemporaryDirectory() as home:
                port = 8930 + index
                server = serve(args.riffedu, name, port, Path(home))
                try:
                    page = browser.new_page(viewport={"width": 1400, "height": 1000})
                    page.goto(f"http://127.0.0.1:{port}/?token=t")
                    for times in measure(page, args.wait):
                        if times:
                            print(f"{name}: median {statistics.median(times):.0f} ms, worst "
                                  f"{max(times):.0f} ms of {len(times)}", flush=True)  # fmt: skip
                        else:
                            print(f"{name}: a picture that never changed", flush=True)
                    page.close()
                finally:
                    server.terminate()
                    server.wait(30)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
