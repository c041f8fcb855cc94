"""The live instrument's Python half: what the page asks for, what it gets, sessions, errors."""

import base64
import io
import json
import threading

import numpy as np
import pytest
import soundfile
from PIL import Image

from riffedu.app.live_instrument import LiveInstrument
from riffedu.errors import RiffeduError
from riffedu.music.instrument import PieceSettings
from riffedu.music.stream import Piece


class FakeSeat:
    """Pieces that are tones; it remembers what it was asked for."""

    waiting, shipped = 2, True

    def __init__(self):
        self.wishes, self.sounds, self.number, self.closed = [], [], 0, False
        self.error = None

    def next(self, wish):
        if self.error:
            raise self.error
        self.wishes.append(wish)
        self.number += 1
        sound = np.full(44100, 0.1, np.float32)
        return Piece(
            self.number - 1,
            sound,
            44100,
            Image.new("L", (140, 512), 200),
            wish.place,
            np.zeros(441, np.float32),
            0.5,
        )

    def restart(self):
        self.number = 0

    def add_sound(self, waveform, rate, name="file"):
        if not np.abs(waveform).max():
            raise RiffeduError("this sound is silent")
        self.sounds.append((waveform, rate))

    def close(self):
        self.closed = True


class Played:
    """A widget on a fake seat, and what it said to its page."""

    def __init__(self, **controls):
        self.fake, self.said = FakeSeat(), []
        self.widget = LiveInstrument(self, **controls)
        self.widget.send = lambda content, buffers=None: self.said.append((content, buffers))

    def session(self):
        return self.fake

    def tell(self, content, *buffers):
        self.widget._on_message(self.widget, content, list(buffers))
        self.widget._worker.submit(lambda: None).result(10)
        return self.said[-1] if self.said else None

    def next(self, **controls):
        content, buffers = self.tell({"type": "next", "run": 1, "number": 0, "controls": controls})
        assert content["type"] == "piece", content
        return content, buffers


def test_a_piece_is_sent_with_all_that_its_page_needs():
    content, (sound, pixels) = (made := Played()).next()
    assert len(sound) == 2 * (44100 + 441) and len(pixels) == 512 * 100
    assert np.frombuffer(sound, "<i2")[0] == round(0.1 * 32768)
    told = {
        name: content[name]
        for name in ("number", "after", "rows", "columns", "period", "waiting", "run")
    }
    assert told == dict(number=0, after=441, rows=512, columns=100, period=0.5, waiting=2, run=1)
    assert made.fake.wishes == [made.widget.settings] == made.widget.score


def test_what_the_page_says_when_it_asks_is_what_counts():
    made = Played()
    made.next(
        x=0.25,
        y=1.0,
        text=" a tune ",
        seed=7,
        steps=3,
        guidance_scale=2.0,
        strength=0.5,
        seed_sound="pulse 120",
        prompts=["a", "b", "c", "d"],
    )
    wish = made.fake.wishes[-1]
    assert wish == PieceSettings(
        ("a", "b", "c", "d"), (0.25, 1.0), "a tune", 7, 3, 2.0, "", 0.5, "pulse 120"
    )
    assert (made.widget.x, made.widget.seed) == (0.25, 7)
    assert made.next(x=0.0)[0]["words"] == "a tune"
    assert made.next(text="", y=0.1)[0]["words"] == "90% a"
    assert made.next(x=0.5, y=0.5)[0]["words"].count("25%") == 4, "the label names the mixture"
    made.widget.x = 0.9
    made.next()
    assert made.fake.wishes[-1].place == (0.9, 0.5)


@pytest.mark.parametrize(
    "prompts, place, words",
    [
        (["a"], (0.5, 0.5), "a"),
        (["a", "b"], (0.25, 1.0), "75% a + 25% b"),
        (["a", "b"], (1.0, 0.5), "100% b"),
        (["a", "b", "c", "d"], (0.25, 1.0), "75% c + 25% d"),
    ],
)
def test_a_label_names_the_prompts_by_their_shares(prompts, place, words):
    x, y = place
    assert Played().next(prompts=prompts, x=x, y=y)[0]["words"] == words


@pytest.mark.parametrize(
    "controls, words",
    [
        ({"x": 1.5}, "from 0 to 1"),
        ({"prompts": ["a", "", "c", "d"]}, "empty"),
        ({"steps": 0}, "steps"),
        ({"seed": "x"}, "seed"),
        ({"seed_sound": "drums"}, "seed sound"),
    ],
)
def test_controls_that_cannot_be_are_one_line_and_the_next_piece_comes(controls, words):
    made = Played()
    content, _ = made.tell({"type": "next", "run": 4, "controls": controls})
    assert content["type"] == "wrong" and words in content["message"] and content["run"] == 4
    assert "\n" not in content["message"]
    good = {"x": 0.5, "prompts": list("abcd"), "steps": 8, "seed": 0, "seed_sound": ""}
    made.next(**good)


def test_an_error_of_the_model_is_said():
    made = Played()
    made.fake.error = RiffeduError("the instrument's model has gone")
    content, _ = made.tell({"type": "next", "run": 1})
    assert content["message"] == "the instrument's model has gone" and content["of"] == "next"
    made.fake.error = None
    made.next()
    assert made.tell({"type": "what?"}) == made.said[-1], "unknown messages are passed over"


def test_a_session_plays_again_as_it_was():
    made = Played(seed=3, width=0.5)
    for place in ((0.1, 0.2), (0.1, 0.2), (0.9, 0.2)):
        made.next(x=place[0], y=place[1])
    made.next(text="a tune")
    content, _ = made.tell({"type": "session", "how": "file"})
    session = content["session"]
    assert len(json.loads(session)["score"]) == 3, "only what changed is written"
    assert json.loads(session)["width"] == 0.5
    other = Played()
    content, _ = other.tell({"type": "restore", "session": session})
    assert content["type"] == "restored" and content["pieces"] == 4
    assert other.widget.settings == made.widget.settings
    flags = [other.next()[0]["repeated"] for _ in range(5)]
    assert (
        other.fake.wishes[:4] == made.fake.wishes and other.fake.wishes[4] == made.widget.settings
    )
    assert flags == [True] * 4 + [False]
    assert other.widget.session == json.dumps({**json.loads(session), "pieces": 5})


def test_a_control_that_is_moved_ends_the_repetition():
    made, other = Played(), Played()
    for x in (0.1, 0.2, 0.3):
        made.next(x=x)
    other.widget.restore(made.widget.session)
    other.next()
    other.next(y=0.9)
    assert other.fake.wishes[0] == made.fake.wishes[0]
    assert other.fake.wishes[1].place == (0.3, 0.9)
    assert other.next()[0]["repeated"] is False


def test_a_sound_goes_along_with_its_session():
    made = Played()
    sound = (8000 * np.sin(np.arange(44100))).astype("<i2")
    content, _ = made.tell({"type": "sound", "name": "a.wav"}, sound.tobytes())
    assert content == {"type": "brought", "name": "a.wav"} and made.widget.seed_sound == "file"
    other = Played()
    other.widget.restore(made.widget.session)
    waveform, rate = other.fake.sounds[0]
    assert rate == 44100 and np.abs(waveform - sound / 32768).max() < 1e-4
    assert other.widget.seed_sound == "file"
    content, _ = other.tell({"type": "sound", "name": "b.wav"}, bytes(88200))
    assert content["type"] == "wrong" and "silent" in content["message"]
    assert other.widget.session == made.widget.session


def silence(seconds):
    """A FLAC file of silence in base64: an hour takes a few kilobytes."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(seconds * 8000, "<i2"), 8000, format="FLAC")
    return base64.b64encode(file.getvalue()).decode()


def test_a_session_that_would_fill_the_memory_is_refused():
    made = Played()
    empty = {**json.loads(made.widget.session), "pieces": 100_000}
    for absurd, words in (
        ({**empty, "sound": silence(3600)}, "longer than 60 s"),
        ({**empty, "pieces": 10**9}, "from 0 to 100000"),
        ({**empty, "score": [[0, {"text": "x" * 10**6}]]}, "at most 1000"),
        ({**empty, "now": {"prompts": ["x" * 10**6]}}, "at most 1000"),
        ({**empty, "more": "x" * (32 << 20)}, "too long"),
    ):
        with pytest.raises(RiffeduError, match=words):
            made.widget.restore(json.dumps(absurd))
    long = {**empty, "score": [[0, {"seed": 1}], [7, {"seed": 2}]]}
    assert made.widget.restore(json.dumps(long)) == 100_000
    assert len(set(map(id, made.widget._replay))) == 2


@pytest.mark.parametrize(
    "session",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"riffedu": 2}',
        '{"riffedu": 1, "now": 3}',
        "null",
        '{"riffedu": 1, "now": {"sede": 1}, "score": [], "pieces": 0}',
        '{"riffedu": 1, "now": {}, "score": [[0, {"seed": -1}]], "pieces": 1}',
        '{"riffedu": 1, "now": {}, "score": 3, "pieces": 1}',
        '{"riffedu": 1, "now": {}, "score": [], "pieces": 0, "width": 7}',
        '{"riffedu": 1, "now": {}, "score": [], "pieces": 0, "sound": "AAAA"}',
    ],
)
def test_what_is_no_session_changes_nothing(session):
    made = Played(seed=5)
    made.next()
    before = made.widget.session
    content, _ = made.tell({"type": "restore", "session": session})
    assert content["type"] == "wrong" and "\n" not in content["message"]
    assert made.widget.session == before and made.fake.number == 1


class Held(Played):
    """Its third piece waits in the making until `finish`."""

    def __init__(self, **controls):
        super().__init__(**controls)
        self.began, self.finish, make = threading.Event(), threading.Event(), self.fake.next

        def next(wish):
            if len(self.fake.wishes) == 2:
                self.began.set()
                assert self.finish.wait(10)
            return make(wish)

        self.fake.next = next
        self.next(), self.next()
        self.said.clear()
        self.widget._on_message(self.widget, {"type": "next", "run": 1, "controls": {}}, [])
        assert self.began.wait(10)

    def settle(self):
        self.finish.set()
        self.widget._worker.submit(lambda: None).result(10)


def test_a_restart_while_a_piece_is_made_discards_it():
    held = Held()
    held.widget.restart()
    held.widget.seed = 7
    held.settle()
    [(content, _)] = held.said
    assert (content["type"], content["run"], content["number"]) == ("piece", 1, 0)
    assert [settings.seed for settings in held.widget.score] == [7]
    assert held.next()[0]["number"] == 1 and len(held.widget.score) == 2


def test_a_session_restored_while_a_piece_is_made_begins_with_its_first():
    saved = Played()
    saved.next(x=0.1), saved.next(x=0.9)
    held = Held()
    assert held.widget.restore(saved.widget.session) == 2
    held.settle()
    [(content, _)] = held.said
    assert (content["number"], content["repeated"]) == (0, True)
    held.next(), held.next()
    assert held.widget.score[:2] == saved.widget.score and len(held.widget.score) == 3


def test_an_unknown_word_waits_for_no_piece_in_the_making(monkeypatch):
    held, asked = Held(), []
    monkeypatch.setattr(
        FakeSeat, "shipped", property(lambda seat: asked.append(threading.current_thread()) or True)
    )
    held.widget.text = "xylophonium"
    assert asked == []
    held.settle()
    assert asked[0] is not threading.main_thread()
    content, _ = held.said[-1]
    assert content["type"] == "unknown" and "xylophonium" in content["message"]
    held.widget.close()
    held.widget.text = "another xylophonium"


def test_closing_gives_the_seat_up():
    made = Played()
    made.widget.close()
    assert made.fake.closed


def test_a_piece_that_comes_too_late_is_sent_to_nobody():
    """The kernel ends while the model is at work: a message then would end in a traceback."""
    played = Played()
    told = {"type": "next", "run": 1}
    assert played.tell(told)[0]["type"] == "piece"
    make, played.said[:] = played.fake.next, []

    def next(wish):
        piece = make(wish)
        played.widget.close()
        return piece

    played.fake.next = next
    played.widget._on_message(played.widget, told, [])
    played.widget._worker.shutdown(wait=True)
    assert played.fake.closed and played.said == [] and len(played.widget.score) == 1
