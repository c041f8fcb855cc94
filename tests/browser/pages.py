"""What the browser tests do with a page: open a notebook, run it, look at what it shows."""

import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parent.parent.parent
SHOTS = Path(__file__).parent / "shots"
TOKEN = "test"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
BROKEN = re.compile(r"Error (displaying|creating|rendering) widget|Failed to load model|Traceback")
PROGRESS = re.compile(r"\d+%\|")  # tqdm's
HARMLESS = re.compile(
    "|".join(
        (
            r"/api/contents/.*checkpoints",
            r"/lsp/",
            r"favicon",  # JupyterLab asks, and lives without
            r"404 .Not Found|status of 404",
            r"ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|ERR_BLOCKED",
            r"WebSocket connection to .* failed",  # a kernel that a test ends
            r"AudioContext was not allowed to start",
            r"Canceled future for",  # what Lab still wanted of a kernel that has been ended
        )
    )
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serve(
    command: list[str],
    port: int,
    home: Path,
    environment: dict[str, str],
    ready: str = f"/?token={TOKEN}",
    host: str = "127.0.0.1",
    folder: Path | None = None,
):
    """Start a server and wait until it answers; end it with all that it started."""
    own = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {
        "JUPYTER_TOKEN": TOKEN,
        "IPYTHONDIR": str(home / "ipython"),
        "HOME": str(home),
        "RIFFEDU_DATA": str(ROOT / "data"),
    }
    log = home / "server.log"
    with open(log, "wb") as out:
        server = subprocess.Popen(
            command, env=environment | own, stdout=out, stderr=out, cwd=folder
        )
    url = f"http://{host}:{port}"
    try:
        give_up = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(f"{url}{ready}", timeout=10).close()
                break
            except urllib.error.HTTPError:
                break  # it answers
            except OSError:
                told = log.read_text(errors="replace")[-2000:]
                assert server.poll() is None and time.monotonic() < give_up, told
                time.sleep(0.3)
        yield SimpleNamespace(url=url, log=log, process=server)
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


class Watched:
    """A page of its own, and the errors that it met: `problems`."""

    def __init__(self, browser):
        self.context = browser.new_context(
            viewport={"width": 1280, "height": 900}, accept_downloads=True
        )
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.note(f"page: {error}"))
        self.page.on(
            "console",
            lambda said: (
                said.type == "error"
                and self.note(f"console: {said.text} {said.location.get('url', '')}")
            ),
        )

    def note(self, problem: str) -> None:
        if not HARMLESS.search(problem):
            self.problems.append(problem[:500])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()


def serious(page, where: str = "body") -> list[str]:
    """What axe-core finds serious or critical in some part of a page, such as names and contrast."""
    from axe_playwright_python.base import AXE_SCRIPT

    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(
        """async where => {
          const {violations} = await axe.run(where, {resultTypes: ['violations']});
          return violations.filter(v => ['serious', 'critical'].includes(v.impact))
            .flatMap(v => v.nodes.map(node => `${v.id}: ${node.html.slice(0, 200)}`));
        }""",
        where,
    )


class LabPage:
    """One notebook open in JupyterLab."""

    count = 0

    def __init__(self, page, lab, sources):
        LabPage.count += 1
        self.page, self.lab = page, lab
        if len(sources) == 1 and isinstance(sources[0], Path):
            self.name = f"{LabPage.count}-{sources[0].name}"
            shutil.copy(sources[0], lab.root / self.name)
        else:
            self.name = f"{LabPage.count}.ipynb"
            cells = [new_code_cell(source) for source in sources]
            notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
            nbformat.write(notebook, lab.root / self.name)
        # Lab asks for a kernel where it does not know yet which ones there are.
        page.request.get(f"{lab.url}/api/kernelspecs?token={TOKEN}")
        page.goto(f"{lab.url}/lab/tree/{self.name}?token={TOKEN}&reset")
        self.ready()

    def ready(self) -> None:
        """Wait until the notebook is shown and its kernel waits for work."""
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=90_000)
        self.page.wait_for_function(
            """() => {  // not async: a promise counts as true
              const panel = globalThis.jupyterapp?.shell.currentWidget;
              if (!panel?.context?.isReady || !panel.sessionContext?.isReady) return false;
              const {hasNoKernel, session} = panel.sessionContext;
              return !hasNoKernel && session?.kernel?.status === 'idle'
                && session.kernel.connectionStatus === 'connected';
            }""",
            timeout=90_000,
            polling=300,
        )

    def run(self, seconds: float = 480) -> None:
        """Run every cell and wait until the kernel is idle again.

        A page that is still busy with itself passes over the command, or asks which kernel is wanted
        though it has one: then it is told once more.
        """
        give_up = time.monotonic() + seconds
        while True:
            asked = self.page.locator(".jp-Dialog .jp-mod-accept")
            if asked.count():
                asked.first.click()
                self.page.wait_for_timeout(4000)  # it may begin another kernel
            self.page.evaluate(
                """() => {
                  globalThis.lastBusy = performance.now();
                  jupyterapp.commands.execute('notebook:run-all-cells');
                }"""
            )
            left = max(1, give_up - time.monotonic())
            came = self.page.wait_for_function(
                """() => {
                  const {content, sessionContext} = jupyterapp.shell.currentWidget;
                  const idle = sessionContext.session?.kernel?.status === 'idle';
                  const code = content.widgets.filter(cell => cell.model.type === 'code'
                    && cell.model.sharedModel.source.trim());
                  const failed = code.some(cell => cell.model.outputs?.toJSON().some(
                    output => output.output_type === 'error'));
                  if (failed || (idle && code.every(cell => cell.model.executionCount))) return 'ran';
                  const dialog = document.querySelector('.jp-Dialog');
                  if (!idle && !dialog) globalThis.lastBusy = performance.now();
                  return performance.now() - lastBusy > 20000 && 'stuck';
                }""",
                timeout=1000 * left,
                polling=300,
            ).json_value()
            if came == "ran":
                return

    def execute(self, code: str, seconds: float = 60) -> str:
        """Run code in the kernel beside the cells; what it prints, or RuntimeError."""
        return self.page.evaluate(
            """async ([code, limit]) => {
              const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
              const future = kernel.requestExecute({code, store_history: false});
              let said = '', wrong = null;
              future.onIOPub = message => {
                if (message.header.msg_type === 'stream') said += message.content.text;
                if (message.header.msg_type === 'error') wrong = message.content.evalue;
              };
              await Promise.race([future.done, new Promise((_, no) => setTimeout(
                () => no(new Error('the kernel did not answer')), limit))]);
              if (wrong !== null) throw new Error(wrong);
              return said;
            }""",
            [code, 1000 * seconds],
        )

    def theme(self, name: str) -> None:
        self.page.evaluate(
            """async theme => {
              await jupyterapp.commands.execute('apputils:change-theme', {theme});
              await new Promise(resolve => setTimeout(resolve, 500));
            }""",
            name,
        )

    def outputs(self) -> list[tuple[int, dict]]:
        """Every output as (number of its cell, its JSON)."""
        found = self.page.evaluate(
            """() => jupyterapp.shell.currentWidget.content.widgets.flatMap((cell, i) =>
              cell.model.type !== 'code' ? [] : cell.model.outputs.toJSON().map(o => [i, o]))"""
        )
        return [(number, output) for number, output in found]

    def errors(self) -> list[str]:
        """What went wrong in cells."""
        return [
            f"cell {number}: {output.get('ename', 'stderr')}: {output.get('evalue', '')}"
            for number, output in self.outputs()
            if output["output_type"] == "error" or "Traceback (most" in str(output.get("text", ""))
        ]

    def show(self, number: int):
        """Scroll to a cell and hand back its element: JupyterLab draws only what is in view."""
        self.page.evaluate(
            """async number => {
              const {content} = jupyterapp.shell.currentWidget;
              content.activeCellIndex = number;
              await content.scrollToItem(number, 'smart');
            }""",
            number,
        )
        cell = self.page.locator(f'.jp-NotebookPanel .jp-Cell[data-windowed-list-index="{number}"]')
        cell.first.wait_for(state="attached", timeout=15_000)
        return cell.first

    def unreadable(self) -> list[str]:
        """What axe-core finds serious in any output, cell by cell, each scrolled into view."""
        found = []
        for number in sorted({number for number, _ in self.outputs()}):
            self.show(number)
            where = f'.jp-Cell[data-windowed-list-index="{number}"] .jp-Cell-outputArea'
            if self.page.locator(where).count():
                found += [f"cell {number}: {one}" for one in serious(self.page, where)]
        return found

    def blank_widgets(self, seconds: float = 20, shots: str | None = None) -> list[str]:
        """Cells whose widgets stay blank or say that they can't be shown, scrolling through all.

        With ``shots`` a picture of every panel is kept under that name and the cell's number.
        """
        view = "application/vnd.jupyter.widget-view+json"
        wanted: dict[int, list[int]] = {}
        for number, of_cell in groupby(self.outputs(), key=lambda pair: pair[0]):
            for place, (_, output) in enumerate(of_cell):
                data = output.get("data", {})
                # A progress bar may be gone when it has done its work.
                if view in data and not PROGRESS.search("".join(data.get("text/plain", ""))):
                    wanted.setdefault(number, []).append(place)
        wrong = []
        for number, places in wanted.items():
            cell, count = self.show(number), len(places)
            give_up = time.monotonic() + seconds
            while True:
                said = cell.inner_text()
                shown = cell.evaluate(
                    """(cell, places) => {
                      const outputs = cell.querySelector('.jp-Cell-outputArea').children;
                      return places.filter(place => {
                        const widget = outputs[place]?.querySelector('.jupyter-widgets, .riffedu');
                        return widget && widget.getBoundingClientRect().height > 4;
                      }).length;
                    }""",
                    places,
                )
                if BROKEN.search(said):
                    wrong.append(f"cell {number}: {BROKEN.search(said)[0]}")
                    break
                if shown >= count and "Loading widget" not in said:
                    if shots and cell.locator(".widget-vbox").count():
                        self.shot(f"{shots}-{number:02}")
                    break
                if time.monotonic() > give_up:
                    wrong.append(f"cell {number}: {shown} of {count} widgets are drawn")
                    break
                time.sleep(0.2)
        return wrong

    def shot(self, name: str) -> Path:
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def close(self) -> None:
        """End the kernel and leave the page."""
        try:
            self.page.evaluate(
                "async () => { await jupyterapp.shell.currentWidget?.sessionContext.shutdown(); }"
            )
        finally:
            self.page.goto("about:blank")
            (self.lab.root / self.name).unlink(missing_ok=True)
