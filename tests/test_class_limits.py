"""The limits that a teacher sets in one file."""

import numpy as np
import pytest

from riffedu import class_limits, cli, limits
from riffedu.app.live_instrument import LiveInstrument
from riffedu.app.model_server import ModelServer, SessionListener, connect
from riffedu.class_limits import ClassLimits, read_limits
from riffedu.errors import RiffeduError
from riffedu.music.instrument import Instrument, PieceSettings


@pytest.fixture
def class_file(tmp_path, monkeypatch):
    file = tmp_path / "class.toml"
    file.write_text("steps = 20\nclip_seconds = 10\nsound_seconds = 30\npages = 1\n")
    monkeypatch.setenv("RIFFEDU_LIMITS", str(file))
    class_limits.class_limits.cache_clear()
    yield file
    class_limits.class_limits.cache_clear()


def test_what_a_file_leaves_out_keeps_its_default(tmp_path):
    file = tmp_path / "class.toml"
    file.write_text("# ours\nthreads = 1\ncell_seconds = 2.5\n")
    assert read_limits(file) == ClassLimits(threads=1, cell_seconds=2.5)


@pytest.mark.parametrize(
    "text, words",
    [
        ("step = 3", "'step', which is not a limit: use steps"),
        ("steps = 0", "a whole number, at least 1, not 0"),
        ("steps = 2.5", "whole number"),
        ("steps = true", "whole number"),
        ("clip_seconds = 'x'", "a number, at least 0, not 'x'"),
        ("clip_seconds = nan", "a number, at least 0, not nan"),
        ("steps", "can't be read"),
        (None, "No such file"),
    ],
)
def test_a_mistake_in_the_file_is_one_clear_line(tmp_path, text, words):
    file = tmp_path / "class.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(RiffeduError) as error:
        read_limits(file)
    assert words in str(error.value) and "class.toml" in str(error.value)


def test_steps_and_lengths_are_limited(class_file):
    assert limits.steps("steps", 20, 1000) == 20
    for ask, words in (
        (lambda: limits.steps("steps", 21, 1000), "from 1 to 20"),
        (lambda: limits.duration(11), "at most 10 s"),
        (lambda: limits.sound_length(31), "at most 30 s"),
        (lambda: PieceSettings(("a",), num_inference_steps=30), "from 1 to 20"),
    ):
        with pytest.raises(RiffeduError, match=words):
            ask()


def test_the_shell_keeps_to_them(class_file, capsys, tmp_path):
    wish = ["generate", "a piano", "-o", str(tmp_path / "a.wav"), "--duration", "11"]
    assert cli.main(wish) == 2
    assert "at most 10 seconds, not 11" in capsys.readouterr().err


def test_pages_that_find_no_place_say_so(class_file, monkeypatch):
    monkeypatch.setattr(Instrument, "restart", lambda self: None)  # there is no pipeline
    server = SessionListener(ModelServer(None), b"key")
    try:
        one = connect(server.port, b"key").session()
        assert one.waiting == 0
        with pytest.raises(RiffeduError, match="all 1 places are taken"):
            (late := connect(server.port, b"key").session()).add_sound(np.zeros(3), 44100)
        with pytest.raises(RiffeduError, match="all 1 places are taken"):
            late.restart()
        one.close()
        assert late.waiting == 0, "it gets in when another leaves"
    finally:
        server.close()


def test_what_a_page_sends_writes_no_file_and_sets_only_controls(monkeypatch, tmp_path):
    """An upload's name is a label, not a path; a message names controls, not attributes."""
    monkeypatch.chdir(tmp_path)
    sent = []

    class Session:
        waiting = 0

        def add_sound(self, waveform, rate):
            sent.append(len(waveform))

        def next(self, settings):
            raise RiffeduError("enough")

        close = restart = lambda self: None

    server = type("Server", (), {"session": lambda self: Session()})()
    band = LiveInstrument(server)
    monkeypatch.setattr(band, "send", lambda content, *_: sent.append(content))
    sound = np.zeros(44100, "<i2").tobytes()
    band._run(band._take_sound, {"type": "sound", "name": "../../up.wav"}, [sound])
    assert sent == [44100, {"type": "brought", "name": "../../up.wav"}]
    before = band._session
    wishes = {"_session": None, "score": ["x"], "__class__": int, "restore": 1, "x": 0.25}
    band._run(band._make, {"type": "next", "controls": wishes}, [])
    assert band._session is before and band.score == [] and band.x == 0.25
    for message in ({"type": "_clear"}, {"type": "close"}, {}, {"type": "__init__"}):
        band._on_message(band, message, [])
    band._run(band._restore, {"type": "restore", "session": "__import__('os')"}, [])
    assert sent[-1]["type"] == "wrong" and "not a session" in sent[-1]["message"]
    assert list(tmp_path.parent.rglob("up.wav")) == [] and list(tmp_path.iterdir()) == []
    band.close()
