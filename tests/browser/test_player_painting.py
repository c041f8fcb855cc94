"""The player on a real page: painting, the microphone, and what goes wrong."""

import io
import time

import numpy as np
import pytest
from player_page import BOTH, CELLS, HEAR, TONES, PlayerPage, fresh, peak, player, shared, start

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
        "import time, riffedu.widgets.player_widget as p; real = p.repaint\n"
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


@pytest.mark.cell("painter(2.56)")
def test_painting_by_keyboard_and_a_kernel_that_is_busy_or_gone(fresh):
    """A line from 0.26 s on at 1 kHz by keys alone; then strokes that Python cannot answer."""
    status = fresh.root.locator(".riffedu-status")
    fresh.key("4", "ArrowUp", *["Shift+ArrowRight"] * 2)
    for _ in range(60):
        hertz = fresh.js("player.state.pen.spot.f")
        if abs(hertz - 1000) < 60:
            break
        fresh.key("ArrowDown" if hertz > 1000 else "ArrowUp")
    assert "Pen up at 0.31 s" in status.inner_text()
    fresh.key("Enter", *["Shift+ArrowRight"] * 10, "Enter")
    sound = painted(fresh)
    assert peak(sound[26000:72000], 44100) == pytest.approx(hertz, rel=0.03)
    ink = "player.pictures[0].pixels.filter(p => p < 255).length"
    line = fresh.js(ink)
    fresh.key("2", "Enter", "ArrowDown", "Escape", "1", "ArrowRight")
    assert fresh.js(ink) > line and fresh.js("player.state.pen.spot") is None
    fresh.page.wait_for_function("player.changed === null", timeout=20_000)
    fresh.notebook.execute(
        "import time, riffedu.widgets.player_widget as p; real = p.repaint\n"
        "def slow(*a): time.sleep(3); return real(*a)\np.repaint = slow"
    )
    fresh.key("2", "Enter", "Enter")
    fresh.page.wait_for_function("player.status.textContent.includes('Waiting for Python')")
    fresh.page.wait_for_function("player.changed === null && !player.status.textContent")
    kernel = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    fresh.js(f"async () => {{ await {kernel}.restart(); }}")
    fresh.key("Enter", "Enter")
    fresh.page.wait_for_function("player.status.textContent.includes('kernel is gone')")
    fresh.key("l", "Escape")  # what needs no Python goes on, without an error


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
    "name, words", [("NotAllowedError", "was denied"), ("NotFoundError", "No microphone")]
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
    assert "3 bytes, but 512 × 400" in status.inner_text()
    player.notebook.execute("player.picture = good; player.sound = b'123'")
    player.page.wait_for_function(
        "document.querySelector('.riffedu-status').innerText.includes('not a whole number')"
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
