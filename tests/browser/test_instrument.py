"""The live instrument in a real page: no gap, no click, and what the hand does is heard."""

import base64
import json
import time
import wave
import zlib
from contextlib import suppress

import numpy as np
import psutil
import pytest
from pages import SHOTS, Watched, serious

from riffedu.app.live_instrument import first_settings
from riffedu.signal.files.tags import read_record
from riffedu.signal.stereo import noise_burst

# Pieces that are cheap: tones that go on without a step, so that any gap or click shows.
FAKE = """
import time
import numpy as np
from PIL import Image
from riffedu.errors import RiffeduError
from riffedu.music.stream import Piece
from riffedu.app.live_instrument import LiveInstrument

SECONDS, HERTZ = 1.5, 441.0
class Session:
    waiting, delay, stuck, shipped = 0, 0.05, False, True
    def __init__(self):
        self.number, self.wishes, self.sounds = 0, [], []
    def next(self, wish):
        time.sleep(self.delay)
        while self.stuck: time.sleep(0.05)
        n = round(SECONDS * 44100)
        t = (self.number * n + np.arange(n + 1323)) / 44100
        wave = (0.5 * np.sin(2 * np.pi * HERTZ * t)).astype(np.float32)
        self.wishes.append(wish); self.number += 1
        grey = 255 - round(200 * wish.place[0])
        return Piece(self.number - 1, wave[:n], 44100, Image.new("L", (200, 512), grey), wish.place, wave[n:], 0.5)
    def restart(self): self.number = 0
    def xray(self, number, row, column):
        if number > 1: raise RiffeduError("this piece is too new")
        return dict(row=int(row) // 32, column=int(column) // 32, shape=(16, 16), words=[("<b>flute", 0.25)],
                    other=0.75, step=5, steps=8, channels=[(3, -1.25)])
    def add_sound(self, waveform, rate, name="file"): self.sounds.append(waveform)
    def close(self): pass
class ModelServer:
    def session(self):
        self.one = Session()
        return self.one
model_server = ModelServer()
band = LiveInstrument(model_server)
"""
LISTEN = """() => {
  globalThis.view = document.querySelector('.riffedu-instrument').instrument;
  // Everything that the speaker is given, sample by sample.
  const code = `registerProcessor('tape', class extends AudioWorkletProcessor {
    process([[x]]) { if (x) this.port.postMessage(x.slice()); return true; }
  })`;
  globalThis.listen = async () => {
    const {context, input} = riffeduSpeaker, heard = [];
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})))
      .catch(() => null);
    const node = new AudioWorkletNode(context, 'tape');
    node.port.onmessage = e => heard.push(e.data);
    input.connect(node);
    globalThis.stopListening = () => { input.disconnect(node); return heard; };
  };
  globalThis.flaws = () => {
    const parts = stopListening(), x = new Float32Array(parts.length * 128);
    parts.forEach((part, i) => x.set(part, 128 * i));
    let first = x.findIndex(v => Math.abs(v) > 0.02), zeros = 0, longest = 0, jump = 0;
    for (let i = first + 500; i < x.length; i++) {
      zeros = Math.abs(x[i]) < 1e-4 ? zeros + 1 : 0;
      longest = Math.max(longest, zeros);
      jump = Math.max(jump, Math.abs(x[i] - 2 * x[i - 1] + x[i - 2]));
    }
    return {seconds: (x.length - first) / context_rate(), longest, jump};
  };
  globalThis.context_rate = () => riffeduSpeaker.context.sampleRate;
}"""
SMOOTH = 0.5 * (2 * np.pi * 441 / 44100) ** 2  # the second difference of the sine itself


class Instrument:
    def __init__(self, notebook, page):
        self.notebook, self.page = notebook, page
        self.root = page.locator(".riffedu-instrument")
        self.root.wait_for(timeout=20_000)
        page.evaluate(LISTEN)

    def data(self, name):
        return self.root.get_attribute(f"data-{name}")

    def until(self, condition, seconds=30):
        self.page.wait_for_function(condition, timeout=1000 * seconds)

    def playing(self):
        self.root.locator(".riffedu-play").click()
        self.page.wait_for_selector(".riffedu-instrument[data-state=playing]", timeout=60_000)

    def python(self, code):
        return self.notebook.execute(code).strip()

    def comes_to(self, expression, wanted, seconds=10):
        """Wait until Python sees it: what a hand does takes a moment to get there."""
        give_up = time.monotonic() + seconds
        while (seen := self.python(f"print({expression})")) != wanted:
            assert time.monotonic() < give_up, seen
            time.sleep(0.1)

    def says(self):
        return self.root.locator(".riffedu-status").inner_text()


@pytest.fixture
def fake(open_notebook, page):
    """The instrument on a fake seat."""
    notebook = open_notebook(FAKE, "band")
    notebook.run()
    assert notebook.errors() == []
    return Instrument(notebook, page)


def test_pieces_follow_each_other_to_the_sample(fake):
    fake.playing()
    fake.page.evaluate("listen()")
    fake.until("view.band.number > 6")
    fake.page.wait_for_timeout(4000)
    found = fake.page.evaluate("flaws()")
    print(
        f"{found['seconds']:.1f} s heard: longest run of zeros {found['longest']} samples, "
        f"largest bend {found['jump'] / SMOOTH:.2f} of the tone's own"
    )
    assert found["seconds"] > 4 and found["longest"] <= 3 and found["jump"] < 1.2 * SMOOTH
    assert fake.data("repeats") == "0"


def test_a_late_piece_is_bridged_in_time_and_said(fake):
    fake.playing()
    fake.until("view.band.number > 2")
    fake.page.evaluate("listen()")
    fake.python("model_server.one.stuck = True")
    fake.until("view.band.repeats >= 2")
    assert "repeating on the beat" in fake.root.locator(".riffedu-facts").inner_text()
    fake.python("model_server.one.stuck = False")
    number = fake.page.evaluate("view.band.number")
    fake.until(f"view.band.number > {number + 1}")
    fake.page.wait_for_timeout(2500)
    found = fake.page.evaluate("flaws()")
    assert found["longest"] <= 3, "no gap"
    assert found["jump"] < 4 * SMOOTH, "no click: the repeat is faded in"
    parts = fake.page.evaluate("view.band.parts.map(p => [p.repeat, p.length])")
    assert {length for repeat, length in parts if repeat} == {66150}, (
        "three whole periods of half a second"
    )


def test_when_nothing_comes_any_more_it_ends_with_a_word(fake):
    fake.playing()
    fake.until("view.band.number > 1")
    fake.python("model_server.one.stuck = True")
    fake.until("view.band.repeats > 0")
    fake.page.evaluate("view.band.late = 30 * 44100 + 1")
    fake.page.wait_for_selector(".riffedu-instrument[data-state=stopped]")
    assert "Is the kernel running" in fake.says()
    fake.python("model_server.one.stuck = False")
    fake.playing()
    fake.until("view.band.number > 4")


def test_a_kernel_that_restarts_ends_the_music(fake):
    fake.playing()
    fake.until("view.band.number > 1")
    fake.page.evaluate(
        "async () => { await jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    fake.page.wait_for_timeout(1000)
    fake.page.evaluate("view.band.late = 30 * 44100 + 1")
    fake.until("!view.band.playing", 20)
    fake.page.wait_for_timeout(300)
    assert fake.page.evaluate("riffeduSpeaker.level().rms") < -80


def test_the_dot_the_text_and_rapid_moves(fake):
    fake.playing()
    fake.until("view.band.number > 0")
    pad = fake.root.locator(".riffedu-pad")
    box = pad.bounding_box()
    fake.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    fake.page.mouse.down()
    for i in range(200):
        fake.page.mouse.move(box["x"] + 12 + (box["width"] - 24) * (i % 50) / 50, box["y"] + 40)
    fake.page.mouse.move(box["x"] + box["width"] - 12, box["y"] + 12)
    fake.page.mouse.up()
    made = int(fake.python("print(len(band.score))"))
    fake.until(f"view.band.number > {made + 1}")
    x, y = map(float, fake.python("print(*band.score[-1].place)").split())
    assert (x, y) == pytest.approx((1, 1), abs=0.02)
    assert "100 percent a string orchestra" in pad.get_attribute("aria-label")
    pad.focus()
    for key in ("ArrowLeft", "ArrowDown", "Shift+ArrowLeft"):
        fake.page.keyboard.press(key)
    fake.comes_to("round(band.x, 2), round(band.y, 2)", "0.75 0.95")
    words = fake.root.locator(".riffedu-words")
    words.fill("a lonely flute")
    words.press("Enter")
    number = fake.page.evaluate("view.band.number")
    fake.until(f"view.band.number > {number + 1}")
    assert fake.python("print(band.score[-1].text)") == "a lonely flute"
    fake.root.locator("button[title='Back to the pad']").click()
    fake.comes_to("repr(band.text)", "''")
    fake.root.locator(".riffedu-corner-0").fill("a tuba")
    fake.root.locator(".riffedu-corner-0").press("Tab")
    fake.comes_to("band.prompts[0]", "a tuba")


def test_a_touched_place_says_what_drew_it(fake):
    fake.playing()
    fake.until("view.band.heard > 2")
    fake.root.locator(".riffedu-play").click()
    scroll, told = fake.root.locator(".riffedu-scroll"), fake.root.locator(".riffedu-xray")
    box = scroll.bounding_box()

    def touch(second, down):
        across = fake.page.evaluate("s => view.xray.frame().across(s)", second)
        fake.page.mouse.click(box["x"] + across, box["y"] + down * (box["height"] - 18))

    touch(0.8, 0.5)
    fake.until("document.querySelector('.riffedu-xray').textContent.includes('step 5 of 8')")
    said = told.inner_text()
    assert (
        "“<b>flute” 25.0 %, no word 75.0 %" in said
        and "row 9, column 3" in said
        and "3 (−1.3)" in said
    )
    assert (
        told.locator("a")
        .first.get_attribute("href")
        .endswith("lab/tree/notebooks/10_text_and_guidance.ipynb")
    )
    scroll.focus()
    fake.page.keyboard.press("ArrowUp")
    fake.until("document.querySelector('.riffedu-xray').textContent.includes('row 8, column 3')")
    touch(4.0, 0.5)
    fake.until("view.status.textContent.includes('too new')")
    assert told.inner_text() == ""
    touch(0.8, 0.5)
    fake.until("view.xray.place && view.xray.told.textContent.includes('step 5 of 8')")
    fake.root.locator("button", has_text="restart").click()
    assert told.inner_text() == "" and fake.page.evaluate("view.xray.place") is None


def test_pause_keeps_the_place_and_record_keeps_the_samples(fake):
    fake.playing()
    fake.until("view.band.now > 44100")
    fake.root.locator(".riffedu-record").click()
    fake.page.wait_for_timeout(1500)
    fake.root.locator(".riffedu-play").click()
    fake.page.wait_for_selector(".riffedu-instrument[data-state=stopped]")
    place = fake.page.evaluate("view.band.place")
    fake.page.wait_for_timeout(400)
    assert fake.page.evaluate("riffeduSpeaker.level().rms") < -80
    assert fake.page.evaluate("view.band.now") == place
    fake.playing()
    fake.page.wait_for_timeout(1500)
    with fake.page.expect_download() as saved:
        fake.root.locator(".riffedu-record").click()
    with wave.open(str(saved.value.path())) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    assert 2 < len(sound) / 44100 < 6
    record = read_record(saved.value.path())
    assert record["verb"] == "live" and len(record["prompt"]) and "seed" in record
    bend = np.abs(np.diff(sound, 2))
    assert bend.max() < 1.2 * SMOOTH + 2e-4, "the pause is not on the tape"
    assert "Recorded 0:0" in fake.says()


def test_width_makes_two_channels_whose_mean_is_the_music(fake):
    slider = fake.root.get_by_label("Stereo width", exact=False)
    slider.fill("0.5")
    fake.comes_to("band.width", "0.5")
    fake.playing()
    fake.until("view.band.now > 22050")
    fake.root.locator(".riffedu-record").click()
    fake.page.wait_for_timeout(1000)
    with fake.page.expect_download() as saved:
        fake.root.locator(".riffedu-record").click()
    with wave.open(str(saved.value.path())) as file:
        assert file.getnchannels() == 2
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).T / 32768
    assert read_record(saved.value.path())["stereo"] == 0.5
    middle, side = both.mean(0), (both[0] - both[1]) / 2
    assert np.abs(np.diff(middle, 2)).max() < 1.2 * SMOOTH + 2e-4
    expected = 0.5 * np.convolve(middle, noise_burst(44100))[: len(side)]
    assert np.abs(expected).max() > 0.05
    assert np.abs(side - expected).max() < 1e-3
    # What is heard, the other way: at 0 the page plays what Python made, to the sample.
    slider.fill("0")
    fake.page.wait_for_timeout(300)
    fake.page.evaluate("listen()")
    fake.page.wait_for_timeout(1500)
    assert fake.page.evaluate("flaws()")["jump"] < 1.2 * SMOOTH


def test_a_restart_hands_the_recording_out_first(fake):
    fake.playing()
    record = fake.root.locator(".riffedu-record")
    record.click()
    fake.until("view.state.taped > 0.5")
    with fake.page.expect_download() as saved:
        fake.root.locator("button", has_text="restart").click()
    with wave.open(str(saved.value.path())) as file:
        assert file.getnframes() > 0.4 * 44100
    fake.until("!view.band.tape")
    assert "record" in record.inner_text()


def test_a_long_recording_ends_in_a_hidden_tab(fake):
    fake.page.evaluate("globalThis.requestAnimationFrame = () => 0")  # as while a tab is hidden
    fake.root.locator(".riffedu-play").click()
    fake.until("view.band.end > 0")
    fake.page.evaluate(
        """() => {
          const {band, state} = view;
          band.startTape();
          state.record = () => (band.tape = null);
          band.tape.from -= 1799 * 44100;
        }"""
    )
    assert fake.page.evaluate("view.band.tape !== null")
    fake.until("view.band.tape === null", 10)


def test_a_session_does_not_wait_for_the_piece_in_the_making(fake):
    fake.python("model_server.one.stuck = True")
    fake.root.locator(".riffedu-play").click()
    fake.page.wait_for_selector(".riffedu-instrument[data-state=waiting]")
    with fake.page.expect_download(timeout=5000):
        fake.root.locator("button", has_text="save").click()
    fake.python("model_server.one.stuck = False")


def test_what_the_model_cannot_read_is_said(fake):
    corner = fake.root.locator(".riffedu-corner-0")
    for prompt, words in (("钢琴", "English words only"), ("🎹", "English words only")):
        corner.fill(prompt)
        corner.press("Tab")
        assert words in fake.says()
    corner.fill("   ")
    corner.press("Tab")
    assert corner.input_value() == "🎹", "an empty prompt leaves the old one"
    corner.fill("an opera singer on a piano")
    corner.press("Tab")
    fake.until("view.status.textContent.includes('never used “opera”, “singer”')")
    words = fake.root.locator(".riffedu-words")
    words.fill("   ")
    words.press("Tab")
    assert words.input_value() == ""


def test_prompts_are_drawn_and_undone(fake):
    before = fake.python("print(band.prompts)")
    fake.root.locator("button", has_text="prompts").click()
    fake.comes_to("len(set(band.prompts) & set(band.ideas))", "4")
    drawn = fake.python("print(band.prompts)")
    assert drawn != before
    words = fake.root.locator(".riffedu-words")
    words.fill("a lonely flute")
    words.press("Enter")
    fake.root.locator("button[title='Back to the pad']").click()
    fake.comes_to("repr(band.text)", "''")
    fake.root.locator(".riffedu-pad").focus()
    for expression, wanted in (
        ("band.text", "a lonely flute"),
        ("repr(band.text)", "''"),
        ("band.prompts", before),
    ):
        fake.page.keyboard.press("Control+z")
        fake.comes_to(expression, wanted)
    undo = fake.root.locator("button[title^='Undo']")
    assert undo.is_disabled()
    seed = fake.root.locator("input[type=number]")
    seed.fill("123")
    seed.press("Enter")
    fake.comes_to("band.seed", "123")
    undo.click()
    fake.comes_to("band.seed", "0")


def test_undo_leaves_what_others_wrote(fake):
    """As in a class, whose phones write prompts too."""
    fake.python("band.prompts = ['a', 'b', 'c', 'd']")
    corner = fake.root.locator(".riffedu-corner-0")
    for prompt in ("a tuba", "a flute"):
        corner.fill(prompt)
        corner.press("Tab")
        fake.comes_to("band.prompts[0]", prompt)
    fake.python("band.prompts = ['a flute', 'of a phone', 'c', 'd']")
    fake.until("view.state.get('prompts')[1] === 'of a phone'")
    undo = fake.root.locator("button[title^='Undo']")
    undo.click()
    fake.comes_to("band.prompts", "['a tuba', 'of a phone', 'c', 'd']")
    fake.python("band.prompts = ['of another', 'of a phone', 'c', 'd']")
    fake.until("view.state.get('prompts')[0] === 'of another'")
    undo.click()
    fake.page.wait_for_timeout(500)
    assert fake.python("print(band.prompts)") == "['of another', 'of a phone', 'c', 'd']"


def test_the_keys_are_listed(fake):
    pad = fake.root.locator(".riffedu-pad")
    keys = fake.root.locator(".riffedu-keys")
    assert pad.get_attribute("aria-describedby") == keys.get_attribute("id")
    pad.focus()
    for shown in (True, False):
        fake.page.keyboard.press("?")
        assert keys.is_visible() == shown


def test_sessions_come_back(fake, tmp_path):
    fake.playing()
    fake.until("view.band.number > 1")
    fake.python("band.x, band.seed = 0.125, 77")
    number = fake.page.evaluate("view.band.number")
    fake.until(f"view.band.number > {number + 1}")
    fake.root.locator(".riffedu-play").click()
    with fake.page.expect_download() as saved:
        fake.root.locator("button", has_text="save").click()
    path = tmp_path / "session.json"
    saved.value.save_as(path)
    session = json.loads(path.read_text())
    assert session["now"]["seed"] == 77 and session["pieces"] >= 3
    before = fake.python("print(*[w.place[0] for w in model_server.one.wishes])").split()
    fake.python("band.seed, band.x = 1, 1.0; model_server.one.wishes.clear()")
    fake.root.locator("input[accept*=json]").set_input_files(path)
    fake.until("view.status.textContent.includes('They are replayed')")
    assert fake.python("print(band.seed, band.x)") == "77 0.125"
    fake.playing()
    fake.until(f"view.band.number >= {len(before)}", 60)
    again = fake.python("print(*[w.place[0] for w in model_server.one.wishes])").split()
    assert again[: len(before)] == before
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    number = fake.page.evaluate("view.band.number")
    fake.root.locator("input[accept*=json]").set_input_files(bad)
    fake.page.wait_for_selector(".riffedu-instrument .riffedu-wrong")
    assert "not a session" in fake.says() and fake.python("print(band.seed)") == "77"
    fake.until(f"view.band.number > {number + 3}")
    assert fake.data("state") == "playing" and fake.data("repeats") == "0"


def test_a_link_is_replayed_however_late_python_answers(open_notebook, page):
    late = """
band.page, restore = True, band._restore
band._restore = lambda *message: (time.sleep(1.5), restore(*message))
band
"""
    notebook = open_notebook(FAKE, late)
    first, at = first_settings().to_dict(), [{"place": [x / 10, 0.5]} for x in (1, 2, 3, 9)]
    score = [[0, first | at[0]], [1, at[1]], [2, at[2]]]
    session = {"riffedu": 1, "now": first | at[3], "pieces": 3, "score": score}
    pack = zlib.compressobj(wbits=-15)
    packed = pack.compress(json.dumps(session).encode()) + pack.flush()
    link = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    page.evaluate(
        "link => history.replaceState(null, '', `${location.href}#session=${link}`)", link
    )
    notebook.run()
    assert notebook.errors() == []
    slow = Instrument(notebook, page)
    slow.until("view.status.textContent.includes('They are replayed')")
    page.wait_for_timeout(1500)
    slow.playing()
    slow.until("view.band.number > 3")
    places = slow.python("print([piece.place[0] for piece in band.score][:4])")
    assert places == "[0.1, 0.2, 0.3, 0.9]"


def test_a_dropped_sound_and_what_is_none(fake, tmp_path):
    import soundfile

    good, bad = tmp_path / "hum.wav", tmp_path / "words.wav"
    soundfile.write(good, 0.3 * np.sin(np.arange(66150) / 20), 44100)
    bad.write_bytes(b"no sound at all")
    fake.root.locator("input[accept*=audio]").set_input_files(bad)
    fake.page.wait_for_selector(".riffedu-instrument .riffedu-wrong")
    assert (
        "words.wav is not a sound" in fake.says()
        and fake.python("print(repr(band.seed_sound))") == "''"
    )
    fake.root.locator("input[accept*=audio]").set_input_files(good)
    fake.until("view.status.textContent.includes('begins from hum.wav')")
    seen = fake.python(
        "print(band.seed_sound, len(model_server.one.sounds[0]), abs(model_server.one.sounds[0]).max())"
    ).split()
    assert seen[:2] == ["file", "66150"] and float(seen[2]) == pytest.approx(0.3, abs=0.01)
    assert fake.root.locator("select").first.input_value() == "file"


def test_an_error_is_said_and_the_music_goes_on(fake):
    fake.playing()
    fake.until("view.band.number > 0")
    fake.python("band.prompts = ['a', '', 'c', 'd']")
    fake.page.wait_for_selector(".riffedu-instrument .riffedu-wrong", timeout=20_000)
    assert "empty" in fake.says()
    fake.python("band.prompts = ['a', 'b', 'c', 'd']")
    number = fake.page.evaluate("view.band.number")
    fake.until(f"view.band.number > {number + 1}")
    assert fake.says() == "" and fake.data("state") == "playing"


def test_nothing_plays_when_its_cell_is_gone(fake):
    fake.playing()
    fake.until("view.band.number > 1")
    fake.page.evaluate("() => jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    fake.page.wait_for_selector(".riffedu-instrument", state="detached")
    fake.page.wait_for_timeout(500)
    assert fake.page.evaluate("riffeduSpeaker.level().rms") < -80
    before = fake.python("print(len(band.score))")
    fake.page.wait_for_timeout(2000)
    assert fake.python("print(len(band.score))") == before, "and nothing more is made"


def test_every_control_says_what_it_is(fake):
    nameless = fake.page.evaluate(
        """() => [...document.querySelectorAll('.riffedu-instrument :is(button, input:not([hidden]), select, canvas)')]
          .filter(e => !(e.getAttribute('aria-label') || e.ariaLabel || e.title || e.labels?.length))
          .map(e => e.outerHTML)"""
    )
    assert nameless == []


def test_the_shipped_model_plays_in_time(open_notebook, page):
    """Twenty seconds of the real thing: never late, and the pad is heard."""
    notebook = open_notebook(
        "from riffedu.app.live_instrument import live_instrument\nband = live_instrument()\nband"
    )
    notebook.run()
    assert notebook.errors() == []
    real = Instrument(notebook, page)
    real.playing()
    page.evaluate("listen()")
    real.until("view.band.heard > 10", 60)
    notebook.execute("band.x, band.y = 0.0, 1.0")
    real.until("view.band.heard > 20", 60)
    found = page.evaluate("flaws()")
    print(
        f"real time {real.root.locator('.riffedu-facts').inner_text()}; longest silence {found['longest']} samples"
    )
    assert found["longest"] < 4410
    assert notebook.execute("print(band.score[-1].place)") == "(0.0, 1.0)\n"


# --- the page ---------------------------------------------------------------------------------


def processes(server, name):
    """The server's processes of this name that are alive."""
    alive = []
    for process in psutil.Process(server.pid).children(recursive=True):
        with suppress(psutil.Error):
            if name in " ".join(process.cmdline()):
                alive.append(process.pid)
    return alive


def test_the_app_in_two_pages(browser, app):
    """`riffedu app`: two pages play at once, a link restores a session, a bad one is said."""
    with Watched(browser) as one, Watched(browser) as two:
        seen, warned = [], []
        one.page.on("console", lambda said: said.type == "warning" and warned.append(said.text))
        for watched in (one, two):
            watched.page.goto(app.address)
            watched.page.wait_for_selector(".riffedu-instrument", timeout=60_000)
            seen.append(Instrument(None, watched.page))
        for instrument in seen:
            instrument.until("view.band.end > 0")
            assert instrument.data("state") == "stopped", "the first piece is there before a click"
            instrument.playing()
        for instrument in seen:
            instrument.until("view.band.heard > 8", 60)
            slow = instrument.page.evaluate(
                "view.band.parts.some(p => !p.repeat && p.piece.took > 0.6 * p.length / 44100)"
                " || performance.now() - (view.band.asked ?? Infinity) > 2300"
            )  # two pages share one model: a busy machine has no time to catch up in
            assert slow or instrument.data("repeats") == "0", "no repeat while pieces come in time"
        first = seen[0]
        first.root.locator("input[type=number]").first.fill("123")
        first.root.locator("input[type=number]").first.press("Enter")
        first.root.locator("button", has_text="copy link").click()
        first.until("location.hash.startsWith('#session=')")
        link = first.page.evaluate("location.href")
        first.page.goto("about:blank")
        first.page.goto(link)
        first.page.wait_for_selector(".riffedu-instrument", timeout=60_000)
        first.until(
            "document.querySelector('.riffedu-status').textContent.includes('They are replayed')"
        )
        assert first.root.locator("input[type=number]").first.input_value() == "123"
        first.page.goto("about:blank")
        first.page.goto(link[: link.index("#")] + "#session=AAAA")
        first.page.wait_for_selector(".riffedu-instrument .riffedu-wrong", timeout=60_000)
        assert "damaged" in first.says()
        assert warned == []
        two.page.wait_for_selector(".riffedu-book li")
        for scheme, colour in {
            "light": "rgba(0, 0, 0, 0.87)",
            "dark": "rgb(237, 237, 237)",
        }.items():
            two.page.emulate_media(color_scheme=scheme)
            style = "getComputedStyle(document.querySelector('.riffedu-instrument')).color"
            assert two.page.evaluate(style) == colour
            assert serious(two.page) == []
        two.page.screenshot(path=SHOTS / "app.png")
        kernels = processes(app.process, "ipykernel")
        first.page.goto("about:blank")
        give_up = time.monotonic() + 15
        while len(processes(app.process, "ipykernel")) != len(kernels) - 1:
            assert time.monotonic() < give_up, "a page that is closed costs nothing more"
            time.sleep(0.2)
    with Watched(browser) as stranger:
        stranger.page.goto(app.address + "x")
        assert stranger.page.locator("h1").inner_text() == "This instrument needs its full link"
        assert "does not belong" in stranger.page.locator("[role=alert]").inner_text()
    assert "WARNING" not in app.log.read_text()
    assert one.problems + two.problems == []
