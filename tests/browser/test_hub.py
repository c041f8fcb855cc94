"""JupyterHub below a path, as docs/teaching/jupyterhub.md starts it: the shipped configuration.

The tests are one story, in this order. Flags choose free ports; the rest is what a teacher types.
"""

import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from pages import ROOT, LabPage, Watched, free_port, serve

if sys.platform != "linux":
    pytest.skip("`riffedu kernels` runs on Linux", allow_module_level=True)
pytest.importorskip("jupyterhub", reason="JupyterHub is missing: pip install -e '.[hub]'")
PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
if not shutil.which("configurable-http-proxy", path=PATH):
    why = "JupyterHub's proxy is missing: npm install -g configurable-http-proxy"
    pytest.skip(why, allow_module_level=True)
PASSWORD = "a-class-that-sings"
HEALTH = "/music/hub/health"
STATUS = "jupyterapp.shell.currentWidget.sessionContext.session?.kernel.connectionStatus"


class Hub:
    """A class's folder, and its hub on free ports, which can be started again."""

    def __init__(self, folder: Path):
        self.folder, self.port, self.running = folder, free_port(), ExitStack()
        self.url = f"http://127.0.0.1:{self.port}/music"
        shutil.copy(ROOT / "docs/teaching/jupyterhub_config.py", folder)
        self.command = [sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py"]
        self.command += [f"--JupyterHub.hub_port={free_port()}"]
        self.command += [f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{free_port()}"]
        self.environment = os.environ | {
            "PATH": PATH,
            "HUB_URL": f"{self.url}/",
            "CLASS_PASSWORD": PASSWORD,
            "TEACHER_PASSWORD": 2 * PASSWORD,
        }

    def start(self):
        serving = serve(
            self.command, self.port, self.folder, self.environment, HEALTH, folder=self.folder
        )
        server = self.running.enter_context(serving)
        give_up = time.monotonic() + 30
        while True:
            with suppress(urllib.error.HTTPError):  # the proxy answers before the hub does
                return urllib.request.urlopen(f"{server.url}{HEALTH}", timeout=10).close()
            assert time.monotonic() < give_up, server.log.read_text()
            time.sleep(0.2)

    def stop(self):
        self.running.close()

    def end(self):
        """Stop the hub and what outlives it, the learners' servers and notebooks."""
        self.stop()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(str(self.folder) in part for part in process.cmdline()):
                    process.terminate()


class Learner(Watched):
    """A browser of someone's own; `outside` and `refused` list requests that no hub may cause."""

    def __init__(self, browser, hub):
        super().__init__(browser)
        self.hub, self.outside, self.refused = hub, [], []
        ours = (f"{hub.url}/", f"{hub.url}/".replace("http", "ws", 1), "data:", "blob:")
        for event in ("request", "websocket"):
            self.page.on(event, lambda it: it.url.startswith(ours) or self.outside.append(it.url))
        self.page.on("response", lambda it: it.status < 400 or self.refused.append(it.url))

    def log_in(self, name, then):
        self.page.goto(f"{self.hub.url}/hub/login?next=/music{then}")
        self.page.fill("#username_input", name)
        self.page.fill("#password_input", PASSWORD)
        self.page.click("#login_submit")


class Lesson(LabPage):
    """The notebook that a learner's page has opened by itself."""

    def __init__(self, page):
        self.page = page
        self.ready()

    def index(self, start):
        """The number of the cell that begins with these words."""
        return self.page.evaluate(
            """start => jupyterapp.shell.currentWidget.content.widgets.findIndex(
              cell => cell.model.sharedModel.source.startsWith(start))""",
            start,
        )

    def add(self, source):
        """Write one more cell and run it."""
        self.page.evaluate(
            """async source => {
              const {content} = jupyterapp.shell.currentWidget;
              content.model.sharedModel.addCell({cell_type: 'code', source});
              content.activeCellIndex = content.widgets.length - 1;
              await jupyterapp.commands.execute('notebook:run-cell');
            }""",
            source,
        )

    def press_steps(self, cell, key, wanted):
        """Move the slider of steps with a key; Python sees it."""
        cell.locator(".noUi-handle").last.press(key)
        give_up = time.monotonic() + 10
        while (seen := self.execute("print(panel.steps.value)").strip()) != str(wanted):
            assert time.monotonic() < give_up, seen
            time.sleep(0.1)

    def heard(self):
        self.page.wait_for_function("globalThis.riffeduSpeaker?.level().rms > -50", timeout=20_000)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    hub = Hub(tmp_path_factory.mktemp("class"))
    # What lets the tests look into Ada's JupyterLab is a setting of her own.
    settings = hub.folder / "learners/ada/.jupyter/jupyter_lab_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"LabApp": {"expose_app_in_browser": True}}))
    try:
        hub.start()
        yield hub
    finally:
        hub.end()


@pytest.fixture(scope="module")
def ada(browser, hub):
    """A learner who has logged in, with the lesson that the hub opens."""
    with Learner(browser, hub) as ada:
        ada.log_in("ada", "/hub/spawn")
        ada.lesson = Lesson(ada.page)
        yield ada


def test_a_lesson_plays_below_the_path(hub, ada):
    page, lesson = ada.page, ada.lesson
    assert page.url == f"{hub.url}/user/ada/lab/tree/notebooks/00_hear_it_first.ipynb"
    lesson.run()
    assert lesson.errors() == [] and lesson.blank_widgets() == []
    says = "import psutil; print(*psutil.Process().parent().cmdline()[1:])"
    assert lesson.execute(says) == f"-m riffedu kernels --socket {hub.folder}/kernels\n"
    cell = lesson.show(lesson.index("panel = hear_it_first"))
    lesson.press_steps(cell, "Home", 1)
    cell.get_by_role("button", name="Generate").click()
    cell.get_by_text("Done. Press play.").wait_for(timeout=60_000)
    cell.locator(".riffedu-play").click()
    lesson.heard()
    cell.locator(".riffedu-play").click()
    assert ada.problems + ada.outside + ada.refused == []


def test_other_learners_stay_out(browser, hub, ada):
    with Learner(browser, hub) as bob:
        bob.log_in("bob", "/hub/home")
        bob.page.wait_for_selector("#start")
        for path in ("lab", "api/contents", "files/notebooks/00_hear_it_first.ipynb"):
            address = f"{hub.url}/user/ada/{path}"
            assert bob.page.goto(address).status == 403, path
            assert ada.page.request.get(address).status == 200, path


def test_an_open_notebook_outlives_the_hub(hub, ada):
    page, lesson = ada.page, ada.lesson
    lesson.execute("kept = 'from before'")
    # Lab may ask, when the hub answers and does not know her server yet.
    dismiss = page.locator(".jp-Dialog", has_text="Server unavailable").get_by_text("Dismiss")
    page.add_locator_handler(dismiss, lambda: dismiss.click())
    hub.stop()
    page.wait_for_function(f"{STATUS} !== 'connected'")
    hub.start()
    page.wait_for_function(f"{STATUS} === 'connected'", timeout=60_000)
    ada.problems.clear()  # of the page without a hub
    assert lesson.execute("print(kept)") == "from before\n"
    lesson.press_steps(lesson.show(lesson.index("panel = hear_it_first")), "ArrowRight", 2)
    lesson.add(
        "from riffedu.app.live_instrument import live_instrument\n"
        "band = live_instrument(pipeline)\nband.steps = 2\nband"
    )
    page.locator(".riffedu-instrument .riffedu-play").click(timeout=20_000)
    page.wait_for_selector(".riffedu-instrument[data-state=playing]", timeout=60_000)
    lesson.heard()
    lesson.shot("hub")
    assert lesson.errors() == [] and ada.problems + ada.outside == []
