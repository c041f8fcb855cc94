"""Class mode over real sockets: thirty phones, a teacher, and a phone that breaks every rule."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import asynccontextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from simulated_phones import HostilePhone, Phone, TeacherPage
from tiny import ours  # noqa: F401  (fixture)
from tornado.httpserver import HTTPServer
from tornado.web import Application

from riffedu import cli
from riffedu.app.classroom import phones
from riffedu.app.classroom.record import read_recording
from riffedu.app.classroom.server import ClassServer, ReplayServer
from riffedu.app.live_instrument import PROMPTS, LiveInstrument
from riffedu.music.stream import Piece


class FakeModel:
    """A model server, session and all, whose pieces are silent; it remembers the prompts."""

    waiting, shipped = 0, False

    def __init__(self):
        self.settings, self.number = [], 0

    def session(self):
        return self

    def next(self, settings):
        time.sleep(0.02)
        self.settings.append(settings)
        self.number += 1
        silence = np.zeros(441, np.float32)
        picture = Image.new("L", (140, 512), 200)
        return Piece(self.number - 1, silence, 44100, picture, settings.place, silence[:9], 0.01)

    def restart(self):
        self.number = 0

    def close(self):
        pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def a_class(tmp_path, **limits):
    """A class on a fake model, and its teacher's page."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    of_class = ClassServer(FakeModel(), url, tmp_path / "class.json", **limits)
    of_class.listen("127.0.0.1", port)
    of_class.model = of_class.instrument._session
    of_class.page = TeacherPage(of_class.teacher.listen())
    await of_class.page.open()
    try:
        yield of_class
    finally:
        of_class.close()


@pytest.fixture(autouse=True)
def short_pause(monkeypatch):
    monkeypatch.setattr(phones, "PAUSE", 0.05)


async def joined(of_class, count):
    code = of_class.room.code
    everyone = [Phone(of_class.url, f"phone {n + 1}", code) for n in range(count)]
    return await asyncio.gather(*(phone.join() for phone in everyone))


def test_thirty_phones_and_a_hostile_one(tmp_path, caplog):
    async def play():
        async with a_class(tmp_path) as of_class:
            everyone = await joined(of_class, 30)
            assert sorted(phone.state["corner"] for phone in everyone) == sorted("ABCD" * 7 + "AB")
            attack = asyncio.ensure_future(HostilePhone(of_class.url, of_class.room.code).attack())
            playing = asyncio.gather(*(phone.play(6, 0.1) for phone in everyone))
            while not (playing.done() and attack.done()):
                await of_class.page.piece()
            await attack, await playing
            assert not any(phone.listening.done() for phone in everyone), "nobody was disconnected"
            names = [phone["name"] for phone in of_class.page.overview["phones"]]
            for _ in range(2 * 30):  # until everybody's turn has come
                await of_class.page.piece()
            of_class.save()
            return everyone, names, of_class.model.settings, len(of_class.page.pieces)

    everyone, names, settings, pieces = asyncio.run(play())
    assert pieces == len(settings)
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == []
    saved = json.loads((tmp_path / "class.json").read_text())
    for phone in everyone:
        said = [e["said"] for e in saved["class"] if e.get("by") == phone.name and "said" in e]
        assert said == phone.said and len(said) == 6, "no message is lost, and none comes twice"
    played = {name for event in saved["class"] if "piece" in event for name in event["by"]}
    assert {phone.name for phone in everyone} <= played, "everybody's turn has come"
    assert all(re.fullmatch(r"[\w .'-]{1,22}", name) for name in names)
    assert not any(set(prompt) & set("<>()[]:\\") for piece in settings for prompt in piece.prompts)
    floods = [event for event in saved["class"] if str(event.get("said")).startswith("noise")]
    assert len(floods) < 300, "a flood is read no faster than a person writes"


def test_the_file_is_a_session_of_the_instrument(tmp_path):
    async def play():
        async with a_class(tmp_path) as of_class:
            [ada] = await joined(of_class, 1)
            await of_class.page.piece()
            await ada.say("techno")
            await of_class.page.piece()
            await of_class.page.piece()
        return of_class.model.settings

    settings = asyncio.run(play())
    assert [piece.prompts[2] for piece in settings] == [PROMPTS[2], "techno", "techno"]
    text = (tmp_path / "class.json").read_bytes()
    instrument = LiveInstrument(again := FakeModel())
    assert instrument.restore(text.decode()) == 3
    for _ in range(3):
        instrument._make({}, [])
    assert again.settings == settings

    async def replay():
        past = ReplayServer(again := FakeModel(), "class.json", text)
        page = await TeacherPage(past.teacher.listen()).open()
        for _ in range(3):
            await page.piece()
        await page.until(lambda: page.overview["corners"][2]["by"] == "phone 1")
        past.close()
        return page.overview, again.settings

    overview, replayed = asyncio.run(replay())
    assert replayed == settings and overview["replay"] == "class.json"


def test_what_the_teacher_can_do(tmp_path):
    async def play():
        async with a_class(tmp_path) as of_class:
            page, old = of_class.page, of_class.room.code
            ada, bob = await joined(of_class, 2)
            await page.order("pause", True)
            await ada.until(lambda: ada.state["paused"])
            await ada.say("techno")
            assert "paused" in ada.state["wrong"]
            await page.order("pause", False)
            await page.order("code")
            await page.until(lambda: page.overview["code"] != old)
            late = await Phone(of_class.url, "late", old).join()
            assert "not the current code" in late.refused
            await page.order("lock", True)
            await page.until(lambda: page.overview["locked"])
            late = await Phone(of_class.url, "late", of_class.room.code).join()
            assert "not accepting new phones" in late.refused
            await page.order("remove", ada.name)
            with pytest.raises(ConnectionError, match=str(phones.GONE)):
                await ada.until(lambda: False)
            await page.until(
                lambda: [phone["name"] for phone in page.overview["phones"]] == [bob.name]
            )
            await bob.leave()
            await page.until(lambda: page.overview["phones"][0]["away"])
            assert (await bob.join()).state["name"] == bob.name, "a phone that returns has its seat"
            await page.piece()
            content = {"type": "restart"}
            await page.send({"custom": content, "buffers": 0})
            await page.piece()
            assert (tmp_path / "class.json").exists()
            assert page.pieces[-1]["number"] == 0
            other = await TeacherPage(of_class.teacher.listen()).open()
            assert other.overview["file"] == "class-2.json"
            with pytest.raises(ConnectionError):
                await page.until(lambda: False)

    asyncio.run(play())


def test_a_phone_reaches_nothing_but_its_page(tmp_path):
    def ask(address):
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return answer.status, dict(answer.headers)
        except urllib.error.HTTPError as refused:
            return refused.code, {}

    async def play():
        async with a_class(tmp_path) as of_class:
            found = {}
            for path in ("", "phone.js", "phone.css", "teacher.js", "instrument.js", "api", "lab"):
                found[path] = await asyncio.to_thread(ask, of_class.url + path)
            stranger = TeacherPage(of_class.teacher.listen().split("#")[0] + "#guess")
            with pytest.raises(ConnectionError):
                await stranger.open()
            assert of_class.teacher.page is not None, "the teacher's page stays"
            with socket.socket() as probe:
                other = "127.0.0.2", int(stranger.url.split(":")[2].split("/")[0])
                assert probe.connect_ex(other), "the teacher's port is open on 127.0.0.1 only"
        return found

    found = asyncio.run(play())
    allowed = {path for path, (status, _) in found.items() if status == 200}
    assert allowed == {"", "phone.js", "phone.css"}
    assert "default-src 'none'" in found[""][1]["Content-Security-Policy"]


def test_addresses_without_a_connection_are_forgotten(monkeypatch):
    monkeypatch.setattr(HTTPServer, "handle_stream", lambda *_: None)
    server = phones.GuardedServer(Application())
    stays, goes = (SimpleNamespace(closed=lambda: False, close=lambda: None) for _ in range(2))
    server.handle_stream(stays, ("10.0.0.1", 1))
    for n in range(100):
        server.handle_stream(goes, (f"10.0.1.{n}", 1))
    goes.closed = lambda: True
    server.handle_stream(stays, ("10.0.0.2", 1))
    assert server._streams == {"10.0.0.1": [stays], "10.0.0.2": [stays]}


# --- the command ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args, words",
    [
        (["--phones", "0"], "--phones"),
        (["--port", "0"], "--port"),
        (["--per-address", "-1"], "--per-address"),
        (["--ip", "203.0.113.9"], "cannot listen"),
        (["-o", "class.txt"], ".json"),
        (["--replay", "none.json"], "none.json"),
        (["--replay", __file__], "not a class recording"),
    ],
)
def test_bad_arguments_are_one_line(capsys, args, words):
    assert cli.main(["class", *args]) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and words in err


def test_a_recording_that_is_too_long_is_read_in_part(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("riffedu.app.classroom.record.LONGEST_SESSION", 100)
    (tmp_path / "long.json").write_bytes(b" " * 1000)
    assert len(read_recording(tmp_path / "long.json")) == 101
    assert cli.main(["class", "--replay", str(tmp_path / "long.json")]) == 2
    assert "it has more than 100 bytes" in capsys.readouterr().err


def test_a_port_in_use(capsys):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        assert cli.main(["class", "--ip", "127.0.0.1", "--port", port]) == 2
    assert "another --port" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="ends the server by signal")
def test_it_says_where_it_is_and_ends(ours, tmp_path):
    file = tmp_path / "class.json"
    command = [sys.executable, "-m", "riffedu", "class", "--no-browser", "--ip", "127.0.0.1"]
    command += ["--port", str(free_port()), "--model", str(ours), "-o", str(file)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = ""
    while "recorded in" not in said:
        assert (line := started.stdout.readline()), started.stderr.read()
        said += line
    started.terminate()
    assert started.wait(30) == 0 and started.stderr.read() == ""
    assert re.search(r"Phones join at http://127\.0\.0\.1:\d+/ with the code [A-Z]{8}\n", said)
    assert "No phone can reach that address" in said and str(file) in said
    assert json.loads(file.read_text())["pieces"] == 0
