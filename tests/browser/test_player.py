"""The player in a real page: what is drawn, what is heard, how soon, and what goes wrong.

An AnalyserNode at the page's one speaker hears what WebAudio really plays.
"""

import io
import math
import statistics
import time
import wave

import numpy as np
import pytest
from pages import SHOTS, LabPage, Watched
from PIL import Image

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


def test_plays_pauses_seeks_and_loops(player):
    player.root.locator(".riffedu-play").click()
    player.state("playing")
    heard = player.hear(440, 3000, 1500)
    assert min(heard["at"][:2]) - heard["at"][2] > 40
    assert heard["level"]["rms"] == pytest.approx(20 * math.log10(0.2), abs=2)
    player.page.mouse.click(*player.point(2.0, 1000))
    assert 2.0 <= player.js("player.transport.position") < 2.6
    player.root.locator(".riffedu-play").click()
    player.state("stopped")
    assert 2.0 <= player.js("player.transport.position") < 3.5
    assert player.hear(440)["level"]["rms"] < -80
    player.page.mouse.click(*player.point(3.8, 1000))
    player.key("l", "Space")
    player.page.wait_for_timeout(700)
    assert player.js("player.transport.position") < 1.0, "it began again"
    assert player.notebook.execute("print(player.loop)") == "True\n"
    player.key("l")
    player.page.mouse.click(*player.point(3.8, 1000))
    player.state("stopped")


def test_the_play_line_keeps_to_the_audio_clock(player):
    player.js("() => { started.length = 0; return player.transport.play(0.5); }")
    player.state("playing")
    late = player.js(
        """() => new Promise(resolve => {
          const found = [], {context} = riffeduSpeaker, begun = started[0];
          const look = () => {
            player.drawOver();
            const line = Number(player.root.dataset.position);
            const clock = begun.offset + context.currentTime - begun.when;  // what the graph plays
            if (clock > 0.6) found.push(line + riffeduSpeaker.latency - clock);
            found.length < 60 ? requestAnimationFrame(look) : resolve(found);
          };
          look();
        })"""
    )
    worst = max(map(abs, late))
    print(f"play line against the audio clock: worst {1000 * worst:.1f} ms of {len(late)} frames")
    assert worst <= 0.030
    assert player.js("riffeduSpeaker.latency") < 0.2


def test_a_rectangle_is_heard_alone_and_at_once(player):
    heard = []
    player.page.on("websocket", lambda socket: heard.append(socket))
    for hertz, band in ((440, (300, 700)), (3000, (2000, 4500))):
        player.js(
            "() => { started.length = 0; player.over.addEventListener('pointerup', () => "
            "globalThis.lifted = performance.now(), {once: true, capture: true}); }"
        )
        player.drag((0.5, band[0]), (2.5, band[1]))
        player.state("playing")
        wait = player.js("started[0].at - lifted")
        ahead = player.js("started[0].when - riffeduSpeaker.context.currentTime")
        print(
            f"rectangle to filtered sound: {wait:.1f} ms, scheduled {1000 * max(0, ahead):.0f} ms ahead"
        )
        assert wait <= 100 and ahead <= 0.05
        at = player.hear(440, 3000, wait=400)["at"]
        assert abs(at[0] - at[1]) > 30 and (at[0] > at[1]) == (hertz == 440)
        place = player.js("player.transport.position")
        assert 0.5 <= place < 2.5
        chosen = [float(v) for v in player.notebook.execute("print(*player.selection)").split()]
        assert chosen == pytest.approx([0.5, 2.5, *band], rel=0.05)
    player.key("Escape")
    player.page.wait_for_timeout(500)
    at = player.hear(440, 3000)["at"]
    assert abs(at[0] - at[1]) < 6, "all is heard again"


def test_a_part_loops_within_its_bounds(player):
    player.notebook.execute("player.selection, player.loop = [1.0, 1.4, 0.0, 10000.0], True")
    player.page.wait_for_function("player.transport.loop && player.transport.region")
    player.key("Space")
    seen = player.js(
        """() => new Promise(resolve => {
          const seen = [];
          const look = () => (seen.push(player.transport.position),
            seen.length < 80 ? setTimeout(look, 20) : resolve(seen));
          look();
        })"""
    )
    assert 0.999 <= min(seen) and max(seen) <= 1.401
    assert sum(b < a for a, b in zip(seen, seen[1:])) >= 2, "it went round"


@pytest.mark.parametrize(
    "keep, speed, expected", [(True, 0.5, 440), (False, 0.5, 220), (True, 2, 440), (False, 2, 880)]
)
@pytest.mark.cell("spectrogram_player((low, 44100), label='A')")
def test_speed_with_and_without_pitch(player, keep, speed, expected):
    player.js("([keep, speed]) => player.transport.set({keepPitch: keep, speed})", [keep, speed])
    player.key("Space")
    heard = player.hear(expected, wait=600)
    assert heard["loudest"] == pytest.approx(expected, abs=8)
    begun, clock = player.js("[player.transport.position, riffeduSpeaker.context.currentTime]")
    player.page.wait_for_timeout(500)
    end, later = player.js("[player.transport.position, riffeduSpeaker.context.currentTime]")
    assert (end - begun) / (later - clock) == pytest.approx(speed, rel=0.1)


@pytest.mark.cell("spectrogram_player((low, 44100), (high, 44100), label='A')")
def test_a_and_b_change_without_a_gap(player):
    player.key("Space")
    assert player.hear(440)["loudest"] == pytest.approx(440, abs=8)
    before = player.js("player.transport.position")
    player.key("b")
    heard = player.hear(440, 3000)
    assert heard["loudest"] == pytest.approx(3000, abs=8) and heard["at"][1] - heard["at"][0] > 30
    assert 0.1 < player.js("player.transport.position") - before < 1.5
    player.root.locator(".riffedu-ab").click()
    lowest = player.js(
        """() => new Promise(resolve => {
          let lowest = 0;
          const end = performance.now() + 300;
          const look = () => (lowest = Math.min(lowest, riffeduSpeaker.level().rms),
            performance.now() < end ? setTimeout(look, 5) : resolve(lowest));
          look();
        })"""
    )
    assert lowest > -25, "no silence between them"


def test_volume_and_meter(player):
    player.key("Space")
    full = player.hear()["level"]
    assert full["peak"] <= 20 * math.log10(0.4) + 0.5, "never louder than its numbers"
    slider = player.root.locator(".riffedu-volume input")
    slider.evaluate("s => { s.value = -12; s.dispatchEvent(new Event('input')); }")
    half = player.hear()["level"]
    assert full["rms"] - half["rms"] == pytest.approx(12, abs=1.5)
    assert player.root.locator(".riffedu-decibels").inner_text() == "−12 dB"
    bar = float(player.root.locator(".riffedu-meter i").evaluate("i => parseFloat(i.style.width)"))
    assert bar / 100 * 60 - 60 == pytest.approx(half["rms"], abs=3)
    slider.evaluate("s => { s.value = 5; s.dispatchEvent(new Event('input')); }")
    assert player.root.locator(".riffedu-decibels").inner_text() == "0 dB"


def test_the_keyboard_does_everything(player):
    def place():
        return player.js("player.transport.position")

    player.key("End")
    assert place() == pytest.approx(4, abs=0.01)
    player.key("Home", "Shift+ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft")
    assert place() == pytest.approx(1.1, abs=0.01)
    player.key("i", "Shift+ArrowRight", "o", "u", "j")
    from_, to, low, high = player.js("player.selection")
    assert (from_, to) == pytest.approx((1.1, 2.1), abs=0.02) and 0 < low < 100 and high < 10000
    player.key("Escape", "]", "]", "[", "+", "+")
    assert player.js("player.selection") is None and player.js("player.transport.speed") == 1.25
    shown = player.js("player.shown")
    assert shown[1] - shown[0] == pytest.approx(1, abs=0.05)
    player.key("-", "0")
    assert player.js("player.view") == [0, 1]
    player.key("Space")
    player.state("playing")

    def cells():
        return player.js("jupyterapp.shell.currentWidget.content.widgets.map(c => c.model.id)")

    before = cells()
    player.key("b", "d", "d", "a", "m", "x")
    assert cells() == before, "Lab took no key"


def test_every_control_says_what_it_is(player):
    nameless = player.js(
        """() => [...document.querySelectorAll('.riffedu-player :is(button, input, select, canvas[tabindex])')]
          .filter(e => !(e.getAttribute('aria-label') || e.ariaLabel || e.title || e.labels?.length))
          .map(e => e.outerHTML)"""
    )
    assert nameless == []
    words = player.root.locator("canvas").last.get_attribute("aria-label")
    assert "Two tones" in words and "Space plays" in words
    assert player.root.locator("canvas").last.get_attribute("role") == "slider"


def test_colours(player):
    drawn = set()
    for name in ("grey", "cividis", "viridis", "magma"):
        player.notebook.execute(f"player.colour_map = {name!r}")
        player.page.wait_for_function(f"player.pictures[0].map === '{name}'")
        drawn.add(tuple(player.js("[...player.pictures[0].palette.slice(0, 3)]")))
    assert len(drawn) == 4


def test_downloads(player):
    from riffedu import image_to_audio

    player.root.locator("summary").click()
    player.notebook.execute("player.selection = [1.0, 2.0, 200.0, 800.0]")
    player.page.wait_for_function("player.transport.region")
    with player.page.expect_download() as saved:
        player.root.locator("button", has_text="WAV").click()
    assert saved.value.suggested_filename == "two-tones.wav"
    with wave.open(str(saved.value.path())) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (44100, 1, 44100)
        sound = np.frombuffer(file.readframes(44100), "<i2") / 32768
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(44100)))
    assert spectrum.argmax() == 440 and spectrum[3000] < spectrum[440] / 100
    assert sound[8000:36000].std() == pytest.approx(0.2 / math.sqrt(2), rel=0.05)
    with player.page.expect_download() as saved:
        player.root.locator("button", has_text="PNG").click()
    image = Image.open(saved.value.path())
    assert image.size == (400, 512)
    back, rate = image_to_audio(image.convert("RGB"), progress=False)
    assert peak(back[20000:60000], rate) == pytest.approx(440, abs=15) or peak(
        back, rate
    ) == pytest.approx(3000, abs=30)


@pytest.mark.cell("spectrogram_player((np.tile(low + high, 15), 44100), label='A minute')")
def test_zooming_and_scrolling_a_minute_stays_smooth(player):
    frames = player.js(
        """() => new Promise(resolve => {
          const found = [];
          let last = performance.now(), i = 0;
          const step = now => {
            if (i > 5) found.push(now - last);
            last = now;
            if (i < 60) player.zoom(i % 20 < 10 ? 0.85 : 1 / 0.85, 0.4);
            else player.show(player.view[0] + 0.004 * (i % 2 ? 1 : 1.5), player.view[1] + 0.004);
            ++i < 160 ? requestAnimationFrame(step) : resolve(found);
          };
          requestAnimationFrame(step);
        })"""
    )
    work = player.js(
        """() => Array.from({length: 60}, (_, i) => {
          const begun = performance.now();
          player.show(0.3 + i / 200, 0.5 + i / 200); player.drawOver();
          player.canvas.getContext('2d').getImageData(0, 0, 1, 1);
          return performance.now() - begun;
        })"""
    )
    print(
        f"a minute, frames: median {statistics.median(frames):.1f} ms, worst {max(frames):.1f} ms; "
        f"drawing alone: median {statistics.median(work):.1f} ms, worst {max(work):.1f} ms"
    )
    assert statistics.median(frames) < 50 and statistics.median(work) < 50


def test_a_picture_from_python_to_pixels(player):
    took = []
    for number in range(15):
        before = player.root.get_attribute("data-pictures")
        said = player.notebook.execute(
            f"from riffedu.widgets.player import play; import time\n"
            f"player.set(play(low[:44100 * 2] * {0.5 + number / 40}, 44100, 'again'))"
        )
        assert said == ""
        player.page.wait_for_function(f"player.root.dataset.pictures != '{before}'")
    # The page's own clock: from the moment Python is asked until the picture has been drawn.
    player.notebook.execute(
        "from PIL import Image\nimages = [Image.fromarray(np.random.default_rng(i).integers(0, 255, (512, 512))"
        ".astype(np.uint8)) for i in range(15)]"
    )
    took = player.js(
        """async () => {
          const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel, took = [];
          for (let i = 0; i < 15; i++) {
            const before = player.root.dataset.pictures, begun = performance.now();
            kernel.requestExecute({code: `player.preview(images[${i}], 'p')`, store_history: false});
            while (player.root.dataset.pictures === before) await new Promise(requestAnimationFrame);
            took.push(performance.now() - begun);
            await new Promise(resolve => setTimeout(resolve, 100));
          }
          return took;
        }"""
    )
    print(
        f"512×512 from Python to pixels: median {statistics.median(took):.0f} ms, worst {max(took):.0f} ms"
    )
    assert statistics.median(took) < 2000


# --- painting ---------------------------------------------------------------------------------


def painted(player):
    """The sound in Python after the last stroke, and seconds from the pen's lift until it was here."""
    player.page.wait_for_function("player.changed === null", timeout=20_000)
    player.notebook.execute(
        "import io, soundfile; f = io.BytesIO(); "
        "soundfile.write(f, player.player.waveform, 44100, format='WAV', subtype='FLOAT')"
    )
    data = player.notebook.execute("print(f.getvalue().hex())").strip()
    import soundfile

    return soundfile.read(io.BytesIO(bytes.fromhex(data)))[0]


@pytest.mark.cell("painter(2.56)")
def test_a_line_at_1_khz_sounds_at_1_khz(player):
    player.tool("Line")
    player.drag((0.5, 1000), (2.0, 1000))
    lifted = time.perf_counter()
    player.page.wait_for_function("player.changed === null", polling=10)
    print(f"pen up to new sound: {1000 * (time.perf_counter() - lifted):.0f} ms")
    sound = painted(player)
    assert peak(sound[26000:82000], 44100) == pytest.approx(1000, rel=0.03)
    assert np.abs(sound[:8000]).max() < 0.01 * np.abs(sound).max(), "silent before the line"
    player.js("player.transport.play(0.7)")
    assert player.hear(wait=500)["loudest"] == pytest.approx(1000, rel=0.03)
    size = player.notebook.execute(
        "print(player.image.size, (np.asarray(player.image) < 128).sum() > 100)"
    )
    assert size == "(256, 512) True\n"
    times = []
    for hertz in (1500, 2200, 700, 3000):
        player.drag((0.3, hertz), (1.0, hertz))
        lifted = time.perf_counter()
        player.page.wait_for_function("player.changed === null", polling=5)
        times.append(1000 * (time.perf_counter() - lifted))
    print(f"pen up to new sound, four more lines: {', '.join(f'{t:.0f}' for t in times)} ms")


@pytest.mark.cell("painter(2.56)")
def test_the_sound_of_the_last_stroke_is_waited_for(player):
    """A second stroke while Python is still busy with the first: it is that one which is heard."""
    player.notebook.execute(
        "import time, riffedu.signal.paint as p; real = p.repaint\n"
        "def slow(*a): time.sleep(1); return real(*a)\np.repaint = slow"
    )
    try:
        player.tool("Line")
        player.drag((0.2, 500), (0.8, 500))
        player.drag((1.2, 3000), (2.2, 3000))
        sound = painted(player)
        assert player.js("player.transport.playing && player.transport.position") > 1.1
        assert peak(sound[int(1.4 * 44100) : int(2.0 * 44100)], 44100) == pytest.approx(
            3000, rel=0.03
        )
        player.notebook.execute(
            "def wrong(*a): raise ValueError('no such paint')\np.repaint = wrong"
        )
        player.js("player.transport.hush()")
        player.drag((0.2, 900), (0.8, 900))
        player.page.wait_for_function("player.changed === null")
    finally:
        player.notebook.execute("p.repaint = real")  # the other tests have the same kernel
    assert "no such paint" in player.root.locator(".riffedu-status").inner_text()
    assert not player.js("player.transport.playing"), "nothing new is there to be heard"


@pytest.mark.cell("painter(2.56)")
def test_brush_eraser_overtones_stamp_and_undo(player):
    def ink():
        return player.js("player.pictures[0].pixels.reduce((sum, p) => sum + 255 - p, 0)")

    assert ink() == 0
    player.tool("Brush")
    player.drag((0.3, 800), (0.9, 1600))
    brushed = ink()
    player.tool("Overtones")
    player.drag((1.2, 300), (2.2, 300))
    noted = ink()
    sound = painted(player)
    part = sound[int(1.4 * 44100) : int(2.0 * 44100)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    hertz = np.fft.rfftfreq(len(part), 1 / 44100)
    for k in (1, 2, 3, 4):
        near = (hertz > 300 * k - 25) & (hertz < 300 * k + 25)
        between = (hertz > 300 * k + 110) & (hertz < 300 * k + 190)
        assert spectrum[near].max() > 4 * spectrum[between].max(), k
    player.tool("Eraser")
    player.drag((0.3, 800), (0.9, 1600))
    erased = ink()
    assert 0 < brushed < noted and erased < noted
    player.tool("Select")
    player.drag((1.3, 200), (1.6, 700))
    player.tool("Stamp")
    player.page.mouse.click(*player.point(0.6, 3000))
    stamped = ink()
    assert stamped > erased
    for wanted in (erased, noted, brushed, 0):
        player.root.locator("button[title^='Undo']").click()
        assert ink() == wanted
    give_up = time.monotonic() + 15
    while np.abs(painted(player)).max():  # four strokes back are four sounds
        assert time.monotonic() < give_up
    player.root.locator("button[title^='Undo']").click()
    assert "nothing to undo" in player.root.locator(".riffedu-status").inner_text()


@pytest.mark.cell("painter(sound=(low, 44100))")
def test_a_stamp_needs_a_selection(player):
    player.tool("Stamp")
    player.page.mouse.click(*player.point(0.6, 3000))
    assert "First select" in player.root.locator(".riffedu-status").inner_text()


# --- the microphone ---------------------------------------------------------------------------


@pytest.mark.cell("recorder()")
def test_a_take_comes_to_python(player):
    player.root.locator(".riffedu-record").click()
    player.page.wait_for_selector(".riffedu-player[data-recording]")
    player.page.wait_for_timeout(2500)
    player.root.locator(".riffedu-record").click()
    player.state("stopped")
    said = player.notebook.execute(
        "x, rate = player.take; print(len(x) / rate, rate, abs(x).max())"
    )
    seconds, rate, loudest = map(float, said.split())
    assert 1.5 < seconds < 4 and rate == 44100 and 0.01 < loudest <= 1, "the fake device beeps"
    player.key("Space")
    player.state("playing")


@pytest.mark.cell("recorder()")
@pytest.mark.parametrize(
    "name, words", [("NotAllowedError", "was refused"), ("NotFoundError", "No microphone")]
)
def test_no_microphone_is_said(fresh, name, words):
    fresh.js(
        "name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', name); }; }",
        name,
    )
    fresh.root.locator(".riffedu-record").click()
    fresh.page.wait_for_selector(".riffedu-wrong")
    assert words in fresh.root.locator(".riffedu-status").inner_text()
    assert fresh.root.locator(".riffedu-record").inner_text() == "● Record"


# --- what goes wrong --------------------------------------------------------------------------


def test_bytes_that_cannot_be(player):
    status = player.root.locator(".riffedu-status")
    player.notebook.execute("good = player.picture; player.picture = b'123'")
    player.page.wait_for_selector(".riffedu-wrong:not(:empty)")
    assert "3 bytes where 512 × 400" in status.inner_text()
    player.notebook.execute("player.picture = good; player.sound = b'123'")
    player.page.wait_for_function(
        "document.querySelector('.riffedu-status').innerText.includes('no whole number')"
    )
    player.notebook.execute(
        "from riffedu.widgets.player import play; player.set(play(low, 44100, 'Good again'))"
    )
    player.page.wait_for_function(
        "player.title.textContent === 'Good again' && !player.status.textContent"
    )
    player.key("Space")
    player.state("playing")


def test_two_hundred_changes_in_a_row(player):
    player.notebook.execute(
        "for i in range(200): player.loop, player.speed, player.selection = bool(i % 2), 1 + i / 200, [i / 100, i / 100 + 1, 100.0, 5000.0]"
    )
    player.notebook.execute(
        "for i in range(40): player.set(play(low * (i + 1) / 50, 44100, f'number {i}'))"
    )
    player.page.wait_for_function("player.title.textContent === 'number 39'")
    player.key("Space")
    player.state("playing")
    player.page.wait_for_function("player.transport.speed > 1.9 && player.transport.loop")


def test_nothing_plays_unbidden(fresh):
    fresh.key("l", "Space")
    fresh.state("playing")
    fresh.notebook.page.evaluate(
        "() => jupyterapp.commands.execute('notebook:clear-all-cell-outputs')"
    )
    fresh.page.wait_for_selector(".riffedu-player", state="detached")
    fresh.page.wait_for_timeout(400)
    assert fresh.js("riffeduSpeaker.level().rms") < -80


def test_a_restart_in_mid_play_leaves_the_player_usable(fresh):
    fresh.key("Space")
    fresh.state("playing")
    fresh.js(
        "async () => { await jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    fresh.page.wait_for_timeout(1500)
    fresh.key("Space")
    if fresh.root.get_attribute("data-state") == "stopped":
        fresh.key("Space")
    fresh.state("playing")
    fresh.key("Space")
    fresh.state("stopped")
    assert fresh.hear()["level"]["rms"] < -80


def test_one_plays_at_a_time(open_notebook, page):
    notebook = open_notebook(
        TONES, "spectrogram_player((low, 44100))", "spectrogram_player((high, 44100))"
    )
    notebook.run()
    page.locator(".riffedu-player").nth(1).wait_for()
    page.evaluate(HEAR)
    page.locator(".riffedu-play").nth(0).click()
    page.wait_for_timeout(300)
    page.locator(".riffedu-play").nth(1).click()
    heard = page.evaluate("hear([440, 3000], 400)")
    assert heard["at"][1] - heard["at"][0] > 40
    assert page.locator(".riffedu-player").nth(0).get_attribute("data-state") == "stopped"


def test_ten_minutes(player):
    """Python can send them; the page gets them here from itself, for Playwright keeps all messages."""
    said = player.notebook.execute(
        "long = spectrogram_player((np.tile(low, 150), 44100)); print(len(long.sound), long.columns, long.step)"
    )
    assert said == f"{2 * 44100 * 600} 15000 0.04\n"
    player.js(
        """() => {
          const long = new Int16Array(600 * 44100);
          for (let i = 0; i < long.length; i++) long[i] = 9000 * Math.sin(2 * Math.PI * 440 * i / 44100);
          player.model.set('sound', new DataView(long.buffer));
        }"""
    )
    player.page.wait_for_function("player.transport.duration === 600")
    player.js("player.transport.play(590)")
    player.state("playing")
    assert player.hear(440)["loudest"] == pytest.approx(440, abs=8)
    assert 590 <= player.js("player.transport.position") < 596


def test_a_sound_without_length_is_refused_in_python(player):
    for wrong in ("np.zeros(0)", "np.full(100, np.nan)", "np.zeros(44100 * 601)"):
        said = player.notebook.execute(
            f"from riffedu.errors import RiffeduError\ntry: spectrogram_player(({wrong}, 44100))\n"
            "except RiffeduError as error: print(error)"
        )
        assert said.count("\n") == 1 and len(said) > 20


def test_a_static_page_has_picture_and_plain_player(fresh, tmp_path):
    """What is left where widgets cannot load: JupyterLab saves no widget state by default."""
    import nbformat
    from nbconvert import HTMLExporter

    fresh.page.evaluate("async () => { await jupyterapp.shell.currentWidget.context.save(); }")
    saved = nbformat.read(fresh.notebook.lab.root / fresh.notebook.name, as_version=4)
    html, _ = HTMLExporter(template_name="basic").from_notebook_node(saved)
    assert (
        '<audio aria-label="Two tones" controls' in html
        and "data:audio/flac" in html
        and "data:image/webp" in html
    )
