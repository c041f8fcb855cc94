"""One model, many listeners: turns, sessions in this and in other processes, and errors."""

import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tiny import ours  # noqa: F401  (fixture)

from riffedu import load_pipeline
from riffedu.app import model_server
from riffedu.app.model_server import (
    FirstPieces,
    ModelServer,
    SessionListener,
    connect,
    open_model_server,
)
from riffedu.errors import RiffeduError
from riffedu.music.instrument import PULSES, SEED_SOUNDS, Instrument, PieceSettings
from riffedu.music.stream import Piece, endless
from riffedu.turns import FairLock

KEY = b"a key"
FEW = dict(num_inference_steps=2, guidance_scale=2.0)
FOUR = ("piano", "rock band", "techno", "violin")


@pytest.fixture(scope="module")
def small(ours):  # noqa: F811
    return load_pipeline(ours)


@pytest.fixture
def served(small):
    server = SessionListener(ModelServer(small), KEY)
    yield server.port
    server.close()


# --- piece settings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"prompts": ()}, "one, two or four"),
        ({"prompts": "piano"}, "one, two or four"),
        ({"prompts": ("a", "b", "c")}, "one, two or four"),
        ({"prompts": (" ",)}, "empty"),
        ({"place": (0.5,)}, "two numbers"),
        ({"place": (0, 2)}, "from 0 to 1"),
        ({"place": (float("nan"), 0)}, "NaN"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"num_inference_steps": 0}, "steps"),
        ({"guidance_scale": 31}, "guidance"),
        ({"strength": 1.1}, "strength"),
        ({"seed_sound": "drums"}, "seed sound"),
        ({"text": 3}, "text"),
    ],
)
def test_invalid_settings(wrong, words):
    with pytest.raises(RiffeduError, match=words):
        PieceSettings(**wrong)


def test_settings_survive_json():
    import json

    settings = PieceSettings(FOUR, (0.25, 1.0), "a tune", 7, 4, 3.5, "drums", 0.5, "pulse 120")
    assert PieceSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    for wrong in ({"sede": 1}, [], "x", None):
        with pytest.raises(RiffeduError, match="piece setting"):
            PieceSettings.from_dict(wrong)


# --- the instrument ---------------------------------------------------------------------------


def test_the_same_settings_give_the_stream_of_lesson_13(small):
    way = [(0.0, 0.0), (0.5, 0.25), (1.0, 1.0)]
    instrument = Instrument(small)
    played = [instrument.next(PieceSettings(FOUR, place, seed=3, **FEW)) for place in way]
    wanted = endless(small, FOUR, lambda n: way[n], seed=3, **FEW)
    for piece, other in zip(played, wanted):
        assert np.array_equal(piece.waveform, other.waveform) and piece.place == other.place
    instrument.restart()
    again = instrument.next(PieceSettings(FOUR, way[0], seed=3, **FEW))
    assert again.number == 0 and np.array_equal(again.waveform, played[0].waveform)


def test_text_takes_the_place_of_the_corners(small):
    said = Instrument(small).next(PieceSettings(FOUR, text=" violin ", **FEW))
    alone = Instrument(small).next(PieceSettings(("violin",), **FEW))
    assert np.array_equal(said.waveform, alone.waveform)


def test_what_a_piece_brings_along_for_a_repeat(small):
    instrument = Instrument(small)
    first, second = (instrument.next(PieceSettings(FOUR, **FEW)) for _ in range(2))
    assert len(first.after) == 1323 and 0 < first.period <= first.image.width / 100
    joint = np.concatenate([first.waveform[-200:], first.after[:200]])
    steps = np.abs(np.diff(joint))
    assert steps[199] <= 2 * np.percentile(steps, 95), "`after` goes on where the piece ends"
    assert second.number == 1


@pytest.mark.parametrize("name", [name for name in SEED_SOUNDS if name])
def test_seed_sounds_are_there_and_keep_their_time(small, name):
    instrument = Instrument(small)
    kept = instrument.next(PieceSettings(FOUR, strength=0.0, seed_sound=name, **FEW))
    more = instrument.next(PieceSettings(FOUR, strength=0.0, seed_sound=name, **FEW))
    assert np.abs(kept.waveform).max() > 0
    turn = instrument._turn(name).shape[1]
    if name in PULSES:
        assert turn == 6000 / PULSES[name]
    shared = instrument.stream.shared * 32
    width = small.window * 32
    a, b = (np.asarray(p.image.convert("L"), np.float32) for p in (kept, more))
    begun = width - shared  # the column of the sound at which the second picture begins
    if begun % turn == 0:
        assert np.abs(a - b).mean() < 12
    assert a.shape == b.shape


def test_a_sound_brought_along(small):
    instrument = Instrument(small)
    with pytest.raises(RiffeduError, match="drop a sound file"):
        instrument.next(PieceSettings(FOUR, seed_sound="file", **FEW))
    t = np.arange(44100) / 44100
    instrument.add_sound(0.2 * np.sin(2 * np.pi * 440 * t), 44100)
    assert np.abs(instrument.next(PieceSettings(FOUR, seed_sound="file", **FEW)).waveform).max() > 0
    for wrong, words in (
        (np.zeros(44100), "silent"),
        (np.ones(100), "half a second"),
        (np.full(44100, np.nan), "NaN"),
    ):
        with pytest.raises(RiffeduError, match=words):
            instrument.add_sound(wrong, 44100)


# --- turns ------------------------------------------------------------------------------------


def test_turns_go_in_order():
    turns, order, started = FairLock(), [], []

    def take(name):
        started.append(name)
        with turns.hold():
            order.append(name)

    with turns.hold():
        threads = []
        for name in "abcdef":
            threads.append(threading.Thread(target=take, args=(name,)))
            threads[-1].start()
            while turns.waiting < len(threads):
                time.sleep(0.001)
    for thread in threads:
        thread.join(5)
    assert order == list("abcdef") and turns.waiting == 0


def test_one_who_gives_up_leaves_the_line():
    turns = FairLock()
    with turns.hold():
        with pytest.raises(ZeroDivisionError):
            with turns.hold(meanwhile=lambda: 1 / 0):
                pass
        assert turns.waiting == 0
    with turns.hold():
        pass


class Slow:
    """A pipeline's place: pieces that take a moment, and count who worked at once."""

    def __init__(self):
        self.at_once = self.most = 0
        self.made = []


def slow_piece(self, settings):
    slow = self.pipeline
    slow.at_once += 1
    slow.most = max(slow.most, slow.at_once)
    time.sleep(0.02)
    slow.at_once -= 1
    slow.made.append(settings.seed)
    return Piece(
        0,
        np.zeros(10, np.float32),
        44100,
        Image.new("L", (4, 512)),
        (0, 0),
        np.zeros(3, np.float32),
        1.0,
    )


@pytest.fixture
def slow(monkeypatch):
    monkeypatch.setattr(Instrument, "next", slow_piece)
    monkeypatch.setattr(Instrument, "restart", lambda self: None)
    return Slow()


@pytest.mark.parametrize("remote", [False, True])
def test_no_session_starves(slow, remote):
    server = SessionListener(ModelServer(slow), KEY) if remote else None
    there = connect(server.port, KEY) if remote else ModelServer(slow)
    together = threading.Barrier(3)

    def listen(seed):
        session = there.session()
        together.wait(20)
        for _ in range(20):
            session.next(PieceSettings(seed=seed))
        session.close()

    threads = [threading.Thread(target=listen, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if server:
        server.close()
    assert slow.most == 1 and len(slow.made) == 60
    # Were the last to come the first to be served, one of them would have none of these.
    counts = [slow.made[:30].count(seed) for seed in range(3)]
    assert max(counts) - min(counts) <= 2, counts


# --- another process --------------------------------------------------------------------------


def test_a_piece_comes_over_the_socket_as_it_is(small, served):
    here, there = ModelServer(small).session(), connect(served, KEY).session()
    for settings in (
        PieceSettings(FOUR, seed=5, **FEW),
        PieceSettings(FOUR, (1, 0), "violin", seed_sound="pulse 120", **FEW),
    ):
        one, other = here.next(settings), there.next(settings)
        assert np.array_equal(one.waveform, other.waveform) and np.array_equal(
            one.after, other.after
        )
        assert np.array_equal(np.asarray(one.image.convert("L")), np.asarray(other.image))
        assert (one.number, one.place, one.period) == (other.number, other.place, other.period)
    there.restart()
    assert there.next(PieceSettings(FOUR, **FEW)).number == 0 and there.waiting == 0


def test_errors_come_over_the_socket_as_one_line(served):
    session = connect(served, KEY).session()
    with pytest.raises(RiffeduError, match="drop a sound file"):
        session.next(PieceSettings(FOUR, seed_sound="file", **FEW))
    with pytest.raises(RiffeduError, match="silent"):
        session.add_sound(np.zeros(44100, np.float32), 44100)
    assert session.next(PieceSettings(FOUR, **FEW)).number == 0, "and the session is usable"


def client_of(port):
    return socket.create_connection(("127.0.0.1", port))


def test_a_silent_client_holds_nobody_up(served):
    with client_of(served), client_of(served) as half:
        half.sendall(b"\0\0\0\x50half a message")
        began = time.monotonic()
        assert connect(served, KEY).session().waiting == 0
        assert time.monotonic() - began < model_server.KEY_TIMEOUT


def test_a_silent_client_is_disconnected(served):
    with client_of(served) as silent:
        silent.settimeout(30)
        while silent.recv(1000):  # the challenge, then the end
            pass


def test_a_wrong_key_is_refused(served):
    with pytest.raises(RiffeduError, match="cannot reach the model server"):
        connect(served, b"another key")
    assert connect(served, KEY).session().next(PieceSettings(FOUR, **FEW)).number == 0


def test_a_model_server_that_has_closed(small):
    server = SessionListener(ModelServer(small), KEY)
    port = server.port
    server.close()
    with pytest.raises(RiffeduError, match="cannot reach the model server"):
        connect(port, KEY)


def test_killing_a_client_closes_its_session(slow, monkeypatch):
    sessions = []
    real = ModelServer.session

    def session(self):
        sessions.append(real(self))
        return sessions[-1]

    monkeypatch.setattr(ModelServer, "session", session)
    server = SessionListener(ModelServer(slow), KEY)
    code = (
        "from riffedu.app.model_server import connect, PieceSettings\n"
        f"s = connect({server.port}, {KEY!r}).session()\n"
        "while True: s.next(PieceSettings()); print('piece', flush=True)"
    )
    client = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert client.stdout.readline() == "piece\n"
    client.kill()
    client.wait()
    give_up = time.monotonic() + 10
    while not sessions[-1].closed:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    made = len(slow.made)
    time.sleep(0.2)
    assert len(slow.made) == made
    server.close()


def test_a_page_needs_no_torch(served):
    code = (
        "import sys, riffedu.app.live_instrument\n"
        "from riffedu.app.model_server import connect, PieceSettings\n"
        f"settings = PieceSettings({FOUR!r}, num_inference_steps=1)\n"
        f"piece = connect({served}, {KEY!r}).session().next(settings)\n"
        "heavy = 'torch', 'diffusers', 'transformers', 'librosa', 'scipy', 'matplotlib'\n"
        "print(len(piece.waveform), *[m for m in heavy if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert said.stdout.split()[1:] == [] and int(said.stdout) > 1000, said


def test_which_model_server_is_opened(small, served, monkeypatch):
    monkeypatch.setenv(model_server.WHERE, f"{served}:{KEY.hex()}")
    assert isinstance(open_model_server(), model_server.RemoteModelServer)
    assert isinstance(open_model_server(small), ModelServer)
    monkeypatch.delenv(model_server.WHERE)
    monkeypatch.setattr(
        "riffedu.music.pipeline.load_pipeline", lambda: SimpleNamespace(name="shipped")
    )
    assert open_model_server().pipeline.name == "shipped"


def test_first_pieces_are_those_that_a_session_would_make(small, monkeypatch):
    settings = PieceSettings(FOUR, seed=3, **FEW)
    other = PieceSettings(FOUR, (0.0, 1.0), seed=3, **FEW)
    plain = ModelServer(small).session()
    expected = [plain.next(each) for each in (settings, settings, other, settings)]
    server = ModelServer(small)
    server.first = FirstPieces(small, settings, count=2)
    made = []
    monkeypatch.setattr(
        Instrument, "next", lambda self, s, real=Instrument.next: made.append(s) or real(self, s)
    )
    for _ in range(2):  # one session does not change what the next one gets
        session = server.session()
        for number, (each, asked) in enumerate(
            zip(expected, (settings, settings, other, settings))
        ):
            piece = session.next(asked)
            assert piece.number == number and np.array_equal(piece.waveform, each.waveform)
    assert made == [other, settings] * 2, "the first two were there"
    session.restart()
    assert session.next(settings).number == 0 and len(made) == 4
    late = server.session()
    late.next(other)
    assert late.next(settings).number == 1 and len(made) == 6, "they continue nothing else"


def test_ideas_are_words_of_the_captions():
    from riffedu.app.live_instrument import IDEAS
    from riffedu.training.known_words import unknown_words

    assert [word for idea in IDEAS for word in unknown_words(idea)] == []
    assert len(set(IDEAS)) == len(IDEAS) >= 20
