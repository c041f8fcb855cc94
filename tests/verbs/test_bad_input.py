"""Bad input leaves files as they were, and arrays that are no sound are refused in one line."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from bad_input import RATE, TONE, out, picture, shell, sound  # noqa: F401  (fixture)
from PIL import Image

from riffedu import stft
from riffedu.errors import RiffeduError
from riffedu.signal import audio, convert

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module", autouse=True)
def warm(tmp_path_factory):
    """Convert once first: a slow first conversion would show its progress bar on stderr."""
    file = tmp_path_factory.mktemp("warm") / "in.wav"
    sound()(file)
    convert.file_to_image(file, progress=False)


# Half-written files


@pytest.mark.parametrize("verb", ["audio-to-image", "image-to-audio"])
def test_what_was_there_stays_when_the_input_is_bad(verb, tmp_path, capsys):
    (tmp_path / "bad").write_bytes(b"neither sound nor picture")
    place = tmp_path / ("old.png" if verb == "audio-to-image" else "old.wav")
    place.write_bytes(b"an old file")
    flags = ("--audio", "--image") if verb == "audio-to-image" else ("--image", "-o")
    code, _ = shell(capsys, verb, flags[0], tmp_path / "bad", flags[1], place)
    assert code == 2 and place.read_bytes() == b"an old file"
    assert {p.name for p in tmp_path.iterdir()} == {"bad", place.name}


@pytest.mark.parametrize("verb", ["audio-to-image", "image-to-audio"])
def test_what_was_there_stays_when_the_disk_is_full(verb, tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    sound()(tmp_path / "in.wav")
    picture()(tmp_path / "in.png")
    if verb == "audio-to-image":
        args, place = ("--audio", tmp_path / "in.wav", "--image"), tmp_path / "old.png"
        monkeypatch.setattr(Image.Image, "save", full)
    else:
        args, place = ("--image", tmp_path / "in.png", "-o"), tmp_path / "old.wav"
        monkeypatch.setattr(soundfile.SoundFile, "write", full)
    place.write_bytes(b"an old file")
    code, said = shell(capsys, verb, *args, place, "--overwrite")
    assert code == 2 and "No space left" in said and place.read_bytes() == b"an old file"
    assert {p.name for p in tmp_path.iterdir()} == {"in.wav", "in.png", place.name}


# A process of its own


@pytest.mark.parametrize(
    ("verb", "flag", "words"),
    [
        (("audio-to-image", "--image", "a.png"), "--audio", "cannot be read as a sound"),
        (("image-to-audio", "-o", "a.wav"), "--image", "cannot be read as a picture"),
    ],
)
def test_a_process_ends_in_one_line_and_exit_code_2(verb, flag, words, tmp_path):
    (tmp_path / "bad").write_bytes(b"neither sound nor picture")
    done = subprocess.run(
        [sys.executable, "-m", "riffedu", *verb, flag, "bad"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.count("\n") == 1 and words in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["bad"]


# Arrays


ARRAYS = {
    "empty": (np.zeros(0), "empty"),
    "no channels": (np.zeros((0, 100)), "empty"),
    "channels of no samples": (np.zeros((2, 0)), "empty"),
    "NaN": (np.array([0.1, np.nan, 0.2]), "NaN"),
    "infinite": (np.array([0.1, -np.inf, 0.2]), "infinite"),
    "three axes": (np.zeros((1, 2, 3)), "shape"),
    "one number": (np.float32(0.5), "shape"),
    "words": (np.array(["a", "b"]), "numbers"),
    "a list of lists of different lengths": ([[0.1, 0.2], [0.3]], "numbers"),
    "None": (None, ""),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_no_sound(name, out):
    samples, words = ARRAYS[name]
    for use in (
        lambda: convert.audio_to_image(samples, RATE),
        lambda: audio.save(out / "a.wav", samples, RATE),
        lambda: audio.set_level(samples),
        lambda: audio.resample(samples, RATE, 8000),
    ):
        with pytest.raises(RiffeduError) as error:
            use()
        assert words in str(error.value) and "\n" not in str(error.value)
    assert not list(out.iterdir())


@pytest.mark.parametrize("samples", [[], None, "word", [np.nan] * 99, 1j * np.ones(99), 0.5])
def test_arrays_that_have_no_stft(samples):
    with pytest.raises(RiffeduError):
        stft(samples, 64, 16)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_rates_that_are_none(rate):
    with pytest.raises(RiffeduError):
        convert.audio_to_image(TONE, rate)
