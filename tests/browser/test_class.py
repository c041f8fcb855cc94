"""Class mode in real pages: a phone 390 pixels wide, and the teacher's page with the instrument."""

import asyncio
import threading
import time

import numpy as np
import pytest
from pages import SHOTS, Watched, free_port
from PIL import Image

from riffedu.app.classroom.server import ClassServer
from riffedu.music.stream import Piece


class Tones:
    """A model server whose pieces are a tone without end."""

    waiting, number, shipped = 0, 0, True

    def session(self):
        return self

    def next(self, settings):
        time.sleep(0.05)
        length = 3 * 44100 // 2
        t = (self.number * length + np.arange(length + 1323)) / 44100
        wave = (0.1 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
        picture = Image.new("L", (200, 512), 255 - round(200 * settings.place[0]))
        self.number += 1
        return Piece(
            self.number - 1, wave[:length], 44100, picture, settings.place, wave[length:], 0.5
        )

    def restart(self):
        self.number = 0

    def close(self):
        pass


@pytest.fixture
def served(tmp_path):
    """A class on a thread of its own: the object, with the teacher's `address`."""
    ready, found = threading.Event(), []

    async def serve():
        port = free_port()
        of_class = ClassServer(Tones(), f"http://127.0.0.1:{port}/", tmp_path / "class.json")
        of_class.listen("127.0.0.1", port)
        of_class.address, of_class.ended = of_class.teacher.listen(), asyncio.Event()
        of_class.loop = asyncio.get_running_loop()
        found.append(of_class)
        ready.set()
        await of_class.ended.wait()
        of_class.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(30)
    yield found[0]
    found[0].loop.call_soon_threadsafe(found[0].ended.set)
    thread.join(30)


def says(page, selector, words):
    page.wait_for_function(
        "([selector, words]) => document.querySelector(selector)?.textContent.includes(words)",
        arg=[selector, words],
        timeout=20_000,
    )


def test_a_phone_joins_and_its_prompt_plays(browser, served):
    with Watched(browser) as desk, Watched(browser) as pocket:
        teacher, phone = desk.page, pocket.page
        phone.set_viewport_size({"width": 390, "height": 844})
        teacher.goto(served.address)
        teacher.wait_for_selector(".riffedu-instrument")
        says(teacher, "#class .code", served.room.code)
        says(teacher, "#class .riffedu-wrong", "No phone can reach this address")
        phone.goto(f"{served.url}#{served.room.code}")
        phone.fill("#name", "Ada <b>x</b>")
        phone.screenshot(path=SHOTS / "class-phone-join.png")
        phone.click("#join button")
        says(phone, "#who", "Ada b x b")
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
        phone.fill("#prompt", "a slow opera")
        phone.press("#prompt", "Enter")
        says(phone, "#waiting", "“a slow opera” plays next in corner A")
        says(phone, "#note", "The model's training never used “opera”")
        teacher.click(".riffedu-play")
        says(phone, "#waiting", "You hear “a slow opera” now")
        assert teacher.input_value(".riffedu-corner-2") == "a slow opera"
        says(teacher, "#class li", "“a slow opera” by Ada b x b")
        phone.screenshot(path=SHOTS / "class-phone.png")
        teacher.click("#class summary")
        teacher.screenshot(path=SHOTS / "class-teacher.png")
        for page in (teacher, phone):
            page.emulate_media(color_scheme="dark")
        teacher.wait_for_timeout(300)
        teacher.screenshot(path=SHOTS / "class-teacher-dark.png")
        phone.screenshot(path=SHOTS / "class-phone-dark.png")
        teacher.click("#class .qr")
        teacher.screenshot(path=SHOTS / "class-qr.png")
        teacher.click("dialog")
        phone.reload()
        says(phone, "#waiting", "You hear")
        teacher.click("#class li button")
        says(phone, "#wrong", "no longer in the class")
        assert phone.is_visible("#join") and not phone.is_visible("#play")
        phone.fill("#code", "XXXXXX")
        phone.click("#join button")
        says(phone, "#wrong", "not the current code")
        assert teacher.get_attribute(".riffedu-instrument", "data-state") == "playing"
        assert teacher.get_attribute(".riffedu-instrument", "data-repeats") == "0"
    assert desk.problems + pocket.problems == []
