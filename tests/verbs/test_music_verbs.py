"""transform, extend, loop and interpolate in the shell, on a tiny random model."""

import json

import numpy as np
import pytest
import soundfile
from tiny import ours  # noqa: F401  (fixture)

from riffedu import cli
from riffedu.music import stream
from riffedu.signal import audio, synth
from riffedu.signal.image import load_image

RATE = 44100
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def tune(tmp_path):
    path = tmp_path / "tune.wav"
    soundfile.write(path, synth.pluck(220, 1.5), RATE)
    return path


@pytest.fixture
def shell(ours):
    def run(*args) -> int:
        return cli.main([*map(str, args), "--model", str(ours), "--steps", "2", "--quiet"])

    return run


def test_transform(shell, tune, tmp_path):
    out, picture = tmp_path / "a.wav", tmp_path / "a.png"
    assert shell("transform", tune, "organ", "-o", out, "--image", picture) == 0
    waveform, rate = audio.load(out)
    assert (len(waveform), rate) == (round(1.5 * RATE), RATE)
    assert load_image(picture).size == (150, 512)
    again, other = tmp_path / "b.wav", tmp_path / "c.wav"
    assert shell("transform", tune, "organ", "-o", again) == 0
    assert shell("transform", tune, "organ", "-o", other, "--seed", 1) == 0
    assert out.read_bytes() == again.read_bytes() != other.read_bytes()


def test_transform_a_part(shell, tune, tmp_path):
    kept, made, bass = (tmp_path / f"{name}.wav" for name in ("kept", "made", "bass"))
    assert shell("transform", tune, "organ", "-o", kept, "--strength", 0) == 0
    assert shell("transform", tune, "organ", "-o", made, "--after", 1.28) == 0
    assert shell("transform", tune, "organ", "-o", bass, "--only", "bass") == 0
    kept, made, bass = (audio.load(path)[0] for path in (kept, made, bass))
    early, late = slice(0, 30000), slice(60000, None)
    assert np.abs(made - kept)[early].max() < np.abs(made - kept)[late].max()
    assert not np.array_equal(bass, kept)


def test_extend(shell, tune, tmp_path):
    out = tmp_path / "a.wav"
    assert shell("extend", tune, "piano", "-o", out, "--seconds", 6) == 0
    assert len(audio.load(out)[0]) == 6 * RATE


def test_loop(shell, tmp_path, capsys):
    out = tmp_path / "a.flac"
    assert shell("loop", "techno", "-o", out, "--bpm", 100, "--beats", 4) == 0
    assert len(audio.load(out)[0]) == round(2.4 * RATE)


def test_interpolate(shell, tmp_path):
    out, picture = tmp_path / "a.wav", tmp_path / "a.png"
    assert (
        shell(
            "interpolate",
            "piano",
            "organ",
            "-o",
            out,
            "--image",
            picture,
            "--pieces",
            2,
            "--easing",
            "smooth",
        )
        == 0
    )
    waveform, _ = audio.load(out)
    assert load_image(picture).width == len(waveform) // 441
    assert len(waveform) == 3 * 384 * 441


def test_interrupted_journeys_keep_what_was_made(shell, tmp_path, monkeypatch, capsys):
    grow = stream.grow

    def stopped(*args, **options):
        yield next(grow(*args, **options))
        raise KeyboardInterrupt

    monkeypatch.setattr(stream, "grow", stopped)
    out = tmp_path / "a.wav"
    assert shell("interpolate", "piano", "organ", "-o", out) == 130
    assert len(audio.load(out)[0]) == 384 * 441
    assert "interrupted after 1 of 4 pieces" in capsys.readouterr().err


def test_what_was_made_is_told(ours, tmp_path, capsys):
    out = tmp_path / "a.wav"
    assert cli.main(["loop", "techno", "-o", str(out), "--model", str(ours), "--steps", "2"]) == 0
    told = capsys.readouterr().out
    assert f"{out}: 4.00 s, strength 0.88, 120 BPM, seed 0, 2 steps, guidance 7" in told


@pytest.mark.parametrize(
    "args, words",
    [
        (["transform", "{tune}", "organ", "--strength", "1.5"], "--strength must be from 0 to 1"),
        (["transform", "{tune}", ""], "the prompt is empty"),
        (["transform", "missing.wav", "organ"], "missing.wav"),
        (["transform", "{text}", "organ"], "text.wav"),
        (["transform", "{tune}", "organ", "--after", "9"], "the mask is empty"),
        (["transform", "{tune}", "organ", "--after", "nan"], "--after must be a number"),
        (["transform", "{long}", "organ"], "cut it"),
        (["extend", "{tune}", "organ", "--seconds", "1"], "ask for a longer"),
        (["extend", "{tune}", "organ", "--seconds", "61"], "at most 60"),
        (["extend", "{short}", "organ"], "too short"),
        (["loop", "organ", "--bpm", "0"], "--bpm must be from 20"),
        (["loop", "organ", "--beats", "0"], "--beats must be a whole number"),
        (["loop", "organ", "--bpm", "20", "--beats", "256"], "at most 60"),
        (["interpolate", "organ"], "at least two prompts"),
        (["interpolate", "organ", " "], "the prompt is empty"),
        (["interpolate", "organ", "piano", "--pieces", "0"], "--pieces must be a whole number"),
        (["interpolate", "organ", "piano", "--seed", "-1"], "seed must be a whole number"),
        (["interpolate", "organ", "piano", "--easing", "odd"], "invalid choice"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_ends_in_one_line(shell, tune, tmp_path, capsys, args, words):
    text, long, short = (tmp_path / name for name in ("text.wav", "long.wav", "short.wav"))
    text.write_text(json.dumps("no sound"))
    soundfile.write(long, np.zeros(301 * 8000), 8000)
    soundfile.write(short, synth.sine(440, 0.2), RATE)
    places = {"tune": tune, "text": text, "long": long, "short": short}
    out = tmp_path / "out.wav"
    assert shell(*(arg.format(**places) for arg in args), "-o", out) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and "\n" not in error and not out.exists()
