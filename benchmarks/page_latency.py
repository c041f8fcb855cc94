"""From a slider to the new picture, in a real page: each slider's median.

Not part of `make bench`: it needs a browser. ``pip install playwright``, a Chromium, then

    python benchmarks/page_latency.py 02_stft 03_mel … [--chromium /usr/bin/chromium]

opens each notebook in a JupyterLab of its own, runs it, presses arrow keys on each slider of every
panel that has a live picture, and waits until the page has loaded the new one. What else the
machine does at the time is in the figures.
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
IDLE = "jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
DONE = (
    IDLE
    + """ && jupyterapp.shell.currentWidget.content.widgets.every(cell =>
  cell.model.type !== 'code' || !cell.model.sharedModel.source || cell.model.executionCount)"""
)
MEASURE = """
async ([panel, handle, presses]) => {
  const picture = panel.querySelector('img.widget-image');
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
    else if (!times.length && i) break;
    await new Promise(resolve => setTimeout(resolve, 400));
  }
  return times;
}
"""


def serve(riffedu: str, notebook: str, port: int, home: Path):
    told = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    told |= {"JUPYTER_TOKEN": "t", "IPYTHONDIR": str(home / "ipython")}
    (home / "CONFIG").mkdir()
    (home / "CONFIG" / "jupyter_lab_config.py").write_text("c.LabApp.expose_app_in_browser = True")
    server = subprocess.Popen(
        [riffedu, "lab", notebook, "--no-browser", "--port", str(port)],
        env=os.environ | told,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api")
            return server
        except OSError:
            time.sleep(0.3)
    raise SystemExit("JupyterLab did not start")


def run(page, seconds: float) -> None:
    """Run the notebook to its end."""
    page.wait_for_function(
        "globalThis.jupyterapp?.shell.currentWidget?.context?.isReady", timeout=60000
    )
    page.wait_for_function(IDLE, timeout=60000, polling=300)
    time.sleep(3)  # it passes over commands until its own start is over
    page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.wait_for_function(DONE, timeout=1000 * seconds, polling=300)


def measure(page):
    """Press keys on each slider of each panel, as it comes into view: (its label, milliseconds)."""
    seen = set()
    page.mouse.move(800, 600)
    page.keyboard.press("Control+Home")
    for _ in range(80):
        for panel in page.query_selector_all(".jp-OutputArea-output:has(img.widget-image)"):
            cell = panel.evaluate("p => p.closest('.jp-Cell').dataset.windowedListIndex")
            if cell in seen:
                continue
            seen.add(cell)
            panel.scroll_into_view_if_needed()
            for slider in panel.query_selector_all(".widget-slider:has(.noUi-handle)"):
                label = slider.query_selector(".widget-label").text_content()
                handle = slider.query_selector(".noUi-handle")
                yield label, page.evaluate(MEASURE, [panel, handle, PRESSES])
        page.mouse.wheel(0, 500)
        time.sleep(0.25)


def main() -> int:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", help="their names, as 02_stft")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--riffedu", default="riffedu", help="the command, where not on the PATH")
    parser.add_argument("--wait", type=float, default=120, help="seconds that a notebook may run")
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
                    run(page, args.wait)
                    for label, times in measure(page):
                        print(
                            f"{name}, {label}: "
                            + (
                                f"median {statistics.median(times):.0f} ms, "
                                f"worst {max(times):.0f} ms "
                                f"of {len(times)}"
                                if times
                                else "a picture that never changed"
                            ),
                            flush=True,
                        )
                    page.close()
                finally:
                    server.terminate()
                    server.wait(30)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
