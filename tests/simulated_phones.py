"""Phones of a class, simulated: those that play by the rules, and one that does not."""

import asyncio
import json
import random
from contextlib import suppress
from urllib.parse import urlsplit

from tornado.websocket import websocket_connect

PROMPTS = ("a calm solo piano", "fast rock drums", "a church organ", "slow jazz", "a solo flute")
HOSTILE_ADDRESS = "127.0.0.2"


class Phone:
    """A phone as js/phone.js is one: it sends a message when the last one has been heard."""

    def __init__(self, url, name, code):
        self.url, self.name, self.code = url, name, code
        self.key, self.state, self.refused, self.said = "", {}, None, []
        self.news = asyncio.Condition()

    async def join(self):
        self.socket = await websocket_connect(f"ws{self.url[4:]}socket")
        self.listening = asyncio.ensure_future(self.listen())
        await self.send({"join": self.name, "code": self.code, "key": self.key})
        await self.until(lambda: self.state or self.refused)
        return self

    async def send(self, content):
        await self.socket.write_message(json.dumps(content))

    async def listen(self):
        while (message := await self.socket.read_message()) is not None:
            told = json.loads(message)
            self.refused = told.get("refused", self.refused)
            self.key = told.get("welcome", self.key)
            if "heard" in told:
                self.state = told
            async with self.news:
                self.news.notify_all()
        async with self.news:
            self.news.notify_all()

    async def until(self, met, seconds=60):
        """Wait for news that meet a condition; ConnectionError if the server closes."""
        async with asyncio.timeout(seconds), self.news:
            while not met():
                if self.listening.done():
                    raise ConnectionError(f"{self.name} was disconnected: {self.socket.close_code}")
                await self.news.wait()

    async def say(self, prompt):
        """Send a prompt, and wait until it has been heard."""
        number = self.state["heard"] + 1
        await self.send({"say": prompt, "message": number})
        await self.until(lambda: self.state["heard"] >= number)
        self.said.append(prompt)

    async def play(self, count, seconds=0.0):
        """Say ``count`` prompts, about ``seconds`` apart."""
        chance = random.Random(self.name)
        for _ in range(count):
            await asyncio.sleep(chance.uniform(0.5, 1.5) * seconds)
            await self.say(chance.choice(PROMPTS))

    async def leave(self):
        self.socket.close()
        with suppress(ConnectionError):
            await self.listening


class HostilePhone:
    """Sends what no page of ours would send, from an address of its own."""

    def __init__(self, url, code):
        self.host, self.port, self.code = urlsplit(url).hostname, urlsplit(url).port, code

    async def connect(self):
        return await asyncio.open_connection(
            self.host, self.port, local_addr=(HOSTILE_ADDRESS, 0), limit=1 << 20
        )

    async def answer(self, request):
        """What the server answers to raw bytes, until it closes the connection or is silent."""
        with suppress(OSError):
            reader, writer = await self.connect()
            writer.write(request)
            with suppress(TimeoutError, OSError):
                return await asyncio.wait_for(reader.read(), 1)
            writer.close()
        return b""

    async def socket(self, *messages):
        """Upgrade to a WebSocket and send messages as frames, whatever comes back."""
        upgrade = (
            f"GET /socket HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with suppress(OSError, TimeoutError):
            reader, writer = await self.connect()
            writer.write(upgrade.encode())
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            with suppress(OSError, TimeoutError):
                for message in messages:
                    writer.write(frame(message))
                    await asyncio.wait_for(writer.drain(), 1)
                await asyncio.wait_for(reader.read(), 2)
            writer.close()

    def join(self, name="Mallory"):
        return json.dumps({"join": name, "code": self.code, "key": ""})

    async def attack(self):
        """Every kind of nuisance once."""
        flood = [json.dumps({"say": f"noise {n}", "message": n}) for n in range(1, 3000)]
        script = json.dumps({"say": "<img src=x onerror=alert(1)>", "message": 1})
        endless = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n"
        nested = "[" * 500 + "]" * 500
        await asyncio.gather(
            self.socket(self.join("<script>alert(1)</script>"), *flood),
            self.socket(self.join("M"), script),
            self.socket(self.join("N"), json.dumps({"say": "((((:0 -> [[", "message": 2**40})),
            self.socket(self.join("x" * 3000)),
            self.socket(self.join("O"), json.dumps({"say": "long " * 100, "message": 1})),
            *(self.socket(text) for text in ("{", "[]", "3", nested, '{"join": {}}', "\x00", "")),
            *(self.socket(json.dumps({"join": "Eve", "code": f"AAAA{n}"})) for n in range(20)),
            self.socket(json.dumps({"token": "guess", "do": "remove", "with": "phone 1"})),
            *(self.answer(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5) for _ in range(100)),
            self.answer(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000),
            self.answer(b"\x16\x03\x01" * 1000),
            self.answer(endless + b"x" * 9999),
        )


def frame(text):
    """A masked WebSocket frame, with zeros for a mask."""
    data = text.encode()
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return b"\x81" + length + b"\0\0\0\0" + data


class TeacherPage:
    """The teacher's page without a browser: it asks for pieces, one after the other."""

    def __init__(self, address):
        where = urlsplit(address)
        self.url, self.token = f"ws://{where.netloc}/socket", where.fragment
        self.pieces, self.overview, self.controls = [], {}, {}

    async def open(self):
        self.socket = await websocket_connect(self.url, max_message_size=32 << 20)
        await self.send({"token": self.token})
        await self.until(lambda: self.controls and self.overview)
        return self

    async def send(self, content):
        await self.socket.write_message(json.dumps(content))

    async def order(self, name, value=None):
        await self.send({"do": name, "with": value})

    async def until(self, met):
        async with asyncio.timeout(60):
            while not met():
                message = await self.socket.read_message()
                if message is None:
                    raise ConnectionError("the server has closed the teacher's connection")
                if isinstance(message, str):
                    told = json.loads(message)
                    self.controls |= told.get("state", {}) | told.get("update", {})
                    self.overview = told.get("class", self.overview)
                    if told.get("custom", {}).get("type") == "piece":
                        self.pieces.append(told["custom"])
                    assert told.get("custom", {}).get("type") != "wrong", told

    async def piece(self):
        """Ask for the next piece, and wait for it."""
        wanted = len(self.pieces) + 1
        content = {"type": "next", "run": 1, "number": wanted - 1, "controls": {}}
        await self.send({"custom": content, "buffers": 0})
        await self.until(lambda: len(self.pieces) >= wanted)
        await self.order("heard", self.pieces[-1]["number"])
