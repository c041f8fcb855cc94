"""What the tests of bad sounds and bad pictures share: files to damage, and a shell to run."""

import struct

import numpy as np
import pytest
import soundfile
from PIL import Image

from riffedu import cli
from riffedu.signal import synth
from riffedu.signal.image import MAX_VALUE_TAG, RANGE_DB_TAG, image_from_spectrogram
from riffedu.signal.params import EXIF_TAGS, SpectrogramParams

RATE = 44100
TONE = synth.sine(440, 0.6)
SMALL = SpectrogramParams(
    sample_rate=8000,
    step_size_ms=16,
    window_duration_ms=64,
    padded_duration_ms=64,
    num_frequencies=64,
    max_frequency=4000,
)
TAGS = EXIF_TAGS | {"max_value": MAX_VALUE_TAG, "range_db": RANGE_DB_TAG}


def sound(samples=TONE, rate=RATE, ending="wav", subtype=None):
    def make(path):
        soundfile.write(path, samples, rate, subtype, format=ending)

    make.ending = ending
    return make


def damaged(change, **what):
    """A good file whose bytes are changed."""

    def make(path):
        sound(**what)(path)
        path.write_bytes(change(path.read_bytes()))

    make.ending = what.get("ending", "wav")
    return make


def cut(share: float):
    return lambda data: data[: int(len(data) * share)]


def header(at: int, value: int, kind: str = "<I"):
    """Another number in the header of a WAV file."""
    field = struct.pack(kind, value)
    return lambda data: data[:at] + field + data[at + len(field) :]


def small(columns: int = 20) -> Image.Image:
    return image_from_spectrogram(np.random.default_rng(0).random((64, columns)), SMALL)


def picture(change=lambda image: image, ending="png", tags=True, **lies):
    """A small picture, changed, with tags that lie."""

    def make(path):
        image, exif = change(small()), small().getexif()
        exif.update({TAGS[name]: value for name, value in lies.items()})
        image.save(path, **({"exif": exif.tobytes()} if tags else {}))

    make.ending = ending
    return make


def shell(capsys, *args) -> tuple[int, str]:
    """Exit code and what stderr said; error lines are one, and begin as they should."""
    code = cli.main([str(arg) for arg in args])
    said = capsys.readouterr().err
    if code:
        assert code == 2 and said.count("\n") == 1 and said.startswith("riffedu: error: ")
        assert "Traceback" not in said
    return code, said


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"
