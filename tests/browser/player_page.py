"""The player in a real page: what is drawn, what is heard, how soon, and what goes wrong.

An AnalyserNode at the page's one speaker hears what WebAudio really plays.
"""

import numpy as np
import pytest
from pages import SHOTS, LabPage, Watched

TONES = """
import numpy as np
from riffedu.widgets import painter, play, recorder, spectrogram_player
t = np.arange(4 * 44100) / 44100
low, high = (np.float32(0.2) * np.sin(2 * np.pi * f * t).astype(np.float32) for f in (440, 3000))
"""
HEAR = """() => {
// What is heard now: decibels at some frequencies, and the loudest one.
globalThis.hear = async (frequencies, wait = 250) => {
  await new Promise(resolve => setTimeout(resolve, wait));
  const {analyser, context} = riffeduSpeaker;
  analyser.fftSize = 8192; analyser.smoothingTimeConstant = 0;
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const width = context.sampleRate / analyser.fftSize;
  const loudest = bins.indexOf(Math.max(...bins)) * width;
  const near = f => Math.max(...bins.slice(Math.round(f / width) - 3, Math.round(f / width) + 4));
  return {loudest, at: frequencies.map(near), level: riffeduSpeaker.level()};
};
globalThis.started = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when, offset, ...more) {
  started.push({at: performance.now(), when: Math.max(when, this.context.currentTime), offset});
  return start.call(this, when, offset, ...more);
};
}"""


class PlayerPage:
    """A notebook with one player in it, by name `player` on both sides."""

    def __init__(self, notebook, page):
        self.notebook, self.page = notebook, page
        self.root = page.locator(".riffedu-player").first
        self.root.wait_for(timeout=20_000)
        page.evaluate("globalThis.player = document.querySelector('.riffedu-player').player")
        page.evaluate(HEAR)
        page.wait_for_function("player.box && player.pictures.length + player.get('record')")

    def js(self, code, *args):
        return self.page.evaluate(code, *args)

    def state(self, wanted):
        self.page.wait_for_selector(f".riffedu-player[data-state={wanted}]", timeout=10_000)

    def hear(self, *frequencies, wait=250):
        return self.js("([f, w]) => hear(f, w)", [list(frequencies), wait])

    def key(self, *keys):
        self.root.locator("canvas").last.focus()
        for key in keys:
            self.page.keyboard.press(key)

    def point(self, seconds, hertz):
        """Where a moment and a frequency are on the page."""
        x, y = self.js(
            """([t, f]) => {
              const box = player.over.getBoundingClientRect(), b = player.box, [from, to] = player.shown;
              return [box.left + b.x + b.width * (t - from) / (to - from),
                      box.top + b.y + b.height * (1 - player.scale.height(f))];
            }""",
            [seconds, hertz],
        )
        return x, y

    def drag(self, start, end):
        self.page.mouse.move(*self.point(*start))
        self.page.mouse.down()
        middle = [(a + b) / 2 for a, b in zip(start, end)]
        self.page.mouse.move(*self.point(*middle))
        self.page.mouse.move(*self.point(*end))
        self.page.mouse.up()

    def tool(self, words):
        self.root.locator(f".riffedu-tools button[title^='{words}']").click()


CELLS = (TONES, "player = eval(made)\nplayer")
BOTH = "spectrogram_player((low + high, 44100), label='Two tones')"


def made(request) -> str:
    """The player that a test wants: the two tones, or what its mark says."""
    marked = request.node.get_closest_marker("cell")
    return marked.args[0] if marked else BOTH


def start(notebook, page, code) -> PlayerPage:
    page.evaluate("() => jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    notebook.execute(f"made = {code!r}")
    notebook.run()
    assert notebook.errors() == []
    notebook.show(1)
    return PlayerPage(notebook, page)


@pytest.fixture(scope="module")
def shared(browser, lab):
    """One notebook for most tests: opening JupyterLab takes longer than the tests do."""
    with Watched(browser) as watched:
        notebook = LabPage(watched.page, lab, CELLS)
        yield notebook, watched
        notebook.close()


@pytest.fixture
def player(shared, request):
    """A page with a player; mark a test with `cell` for another one than two tones."""
    notebook, watched = shared
    watched.problems.clear()
    yield start(notebook, watched.page, made(request))
    SHOTS.mkdir(exist_ok=True)
    watched.page.screenshot(path=SHOTS / f"{request.node.originalname}.png")
    watched.page.evaluate("globalThis.riffeduSpeaker && (riffeduSpeaker.decibels = 0)")
    assert watched.problems == []


@pytest.fixture
def fresh(open_notebook, page, request):
    """A player in a page and a kernel of its own, for tests that leave them damaged."""
    return start(open_notebook(*CELLS), page, made(request))


def peak(sound, rate):
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return power.argmax() * rate / len(sound)
