"""Bad pictures: they work, or they end in one clear line and exit code 2.

Every case goes through the Python functions and through the shell, as in ``test_bad_sounds.py``.
"""

import shutil
import struct
import zlib

import numpy as np
import pytest
from bad_input import cut, out, picture, shell, small, sound  # noqa: F401  (fixture)
from PIL import Image

from riffedu import cli
from riffedu.errors import RiffeduError
from riffedu.signal import audio
from riffedu.signal.image import (
    image_from_spectrogram,
    load_image,
    save_image,
    spectrogram_from_image,
)
from riffedu.signal.params import SpectrogramParams
from riffedu.signal.reconstruct import image_to_audio

pytestmark = pytest.mark.filterwarnings("error", "ignore:.*resampled on the mel axis")


def broken(change):
    def make(path):
        picture()(path)
        path.write_bytes(change(path.read_bytes()))

    return make


def tagged_with(data: bytes):
    return lambda path: small().save(path, exif=data)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and has no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        ends = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + ends

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def grey16(image):
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


WHOLE = 20 * 0.016
# How the file is made, and the words of its error or the seconds of its sound.
PICTURES = {
    "as it should be": (picture(), WHOLE),
    "RGBA": (picture(lambda im: im.convert("RGBA")), WHOLE),
    "a palette": (picture(lambda im: im.convert("P")), WHOLE),
    "grey": (picture(lambda im: im.convert("L")), WHOLE),
    "grey and see-through": (picture(lambda im: im.convert("LA")), WHOLE),
    "one bit": (picture(lambda im: im.convert("1")), WHOLE),
    "16 bits": (picture(grey16), WHOLE),
    "CMYK": (picture(lambda im: im.convert("CMYK"), "jpg"), WHOLE),
    "WebP": (picture(ending="webp"), WHOLE),
    "not numbers": (
        picture(lambda im: Image.fromarray(np.full((64, 20), np.nan, np.float32)), "tif"),
        "grey levels",
    ),
    "numbers below 0": (
        picture(lambda im: Image.fromarray(np.full((64, 20), -5, np.int32)), "tif"),
        "grey levels",
    ),
    "1 pixel": (picture(lambda im: im.crop((0, 0, 1, 1)), tags=False), "512 tall"),
    "1 pixel with tags": (picture(lambda im: im.crop((0, 0, 1, 1))), "64 tall"),
    "15 rows": (picture(lambda im: im.crop((0, 0, 20, 15))), "64 tall"),
    "1 column": (picture(lambda im: im.crop((0, 0, 1, 64))), 0.016),
    "1 row": (picture(lambda im: im.crop((0, 0, 20, 1))), "64 tall"),
    "63 rows": (picture(lambda im: im.crop((0, 0, 20, 63))), WHOLE),
    "a photo's size": (picture(lambda im: im.resize((64, 480)), tags=False), 0.64),
    "all white": (picture(lambda im: Image.new("RGB", im.size, "white")), WHOLE),
    "all black": (picture(lambda im: Image.new("RGB", im.size)), WHOLE),
    "nothing in it": (broken(lambda data: b""), "as a picture"),
    "text": (broken(lambda data: b"not a picture" * 99), "as a picture"),
    "a sound": (sound(ending="wav"), "as a picture"),
    "cut in half": (broken(cut(0.5)), "truncated"),
    "cut in its header": (broken(lambda data: data[:20]), "as a picture"),
    "a hole in it": (broken(lambda data: data[:900] + bytes(99) + data[999:]), "as a picture"),
    "0 pixels": (lambda path: path.write_bytes(png_of_size(0, 0)), "as a picture"),
    "3600 megapixels": (lambda path: path.write_bytes(png_of_size(60000, 60000)), "too large"),
    "100 megapixels, all missing": (
        lambda path: path.write_bytes(png_of_size(200000, 512)),
        "truncated",
    ),
    "a folder": (lambda path: path.mkdir(), "is a folder"),
    "nothing there": (lambda path: None, "no such picture file"),
    "tags of rubbish": (tagged_with(b"\xff" * 200), "EXIF tags are damaged"),
    "tags cut short": (tagged_with(b"Exif\0\0II*\0\x08\0\0\0"), "EXIF tags are damaged"),
    "tags that go round": (
        tagged_with(
            b"Exif\0\0II*\0\x08\0\0\0\x01\0\x00\x01\x03\0\xff\xff\xff\x7f\x08\0\0\0\x08\0\0\0"
        ),
        "EXIF tags are damaged",
    ),
    "rate 0": (picture(sample_rate=0), "sample_rate=0"),
    "rate −1": (picture(sample_rate=-1), "sample_rate=-1"),
    "rate in words": (picture(sample_rate="high"), "'high'"),
    "rate twice": (picture(sample_rate=(1, 2)), "(1, 2)"),
    "rate not a number": (picture(sample_rate=float("nan")), "nan"),
    "rate beyond all": (picture(sample_rate=2**31), "frames of over"),
    "a prime rate": (picture(sample_rate=8009), 20 * 128 / 8009),
    "stereo": (picture(stereo=1), WHOLE),
    "stereo in one grey channel": (picture(lambda im: im.convert("L"), stereo=1), "say stereo"),
    "step 0": (picture(step_size_ms=0), "at least one sample"),
    "step as long as the window": (picture(step_size_ms=64), "NOLA"),
    "step longer than the window": (picture(step_size_ms=65), "step_size_ms=65"),
    "no window": (picture(window_duration_ms=0), "window_duration_ms=0"),
    "frames of an hour": (picture(padded_duration_ms=3600000), "frames of over"),
    "other rows": (picture(num_frequencies=32), WHOLE),
    "rows without end": (picture(num_frequencies=10**9), "frames of over"),
    "upside down": (picture(min_frequency=4000, max_frequency=100), "min_frequency=4000"),
    "above half the rate": (picture(max_frequency=4001), "max_frequency=4001"),
    "a band of 5 Hz": (picture(max_frequency=5), WHOLE),
    "power 0": (picture(power_for_image=0), "power_for_image"),
    "power beyond sense": (picture(power_for_image=1e-9), "power_for_image"),
    "black is silent": (picture(max_value=0), WHOLE),
    "black is negative": (picture(max_value=-1), "MAX_VALUE"),
    "black is infinite": (picture(max_value=float("inf")), "MAX_VALUE"),
    "black is deafening": (picture(max_value=1e11), WHOLE),
    "decibels 0": (picture(range_db=0), "not a value in dB"),
    "decibels not a number": (picture(range_db=float("nan")), "not a value in dB"),
}
each_picture = pytest.mark.parametrize("name", PICTURES)


def make_picture(name, folder):
    make, outcome = PICTURES[name]
    path = folder / f"picture.{getattr(make, 'ending', 'png').replace('wav', 'png')}"
    if outcome == "as a picture" and name == "a sound":
        make(folder / "sound.wav")
        shutil.move(folder / "sound.wav", path)
    else:
        make(path)
    return path, outcome


@each_picture
def test_picture_in_python(name, tmp_path):
    path, outcome = make_picture(name, tmp_path)
    if isinstance(outcome, str):
        with pytest.raises(RiffeduError) as error:
            image_to_audio(load_image(path))
        assert outcome in str(error.value) and "\n" not in str(error.value)
        return
    image = load_image(path)
    mel = spectrogram_from_image(image)
    assert np.isfinite(mel).all() and mel.min() >= 0 and mel.shape[-1] == image.width
    for quality in ("fast", "plain"):
        waveform, rate = image_to_audio(image, quality=quality, n_iter=2)
        assert np.isfinite(waveform).all()
        assert abs(waveform.shape[-1] / rate - outcome) < 1e-6


@each_picture
def test_picture_in_the_shell(name, tmp_path, out, capsys):
    path, outcome = make_picture(name, tmp_path)
    code, said = shell(capsys, "image-to-audio", "--image", path, "-o", out / "a.wav")
    if isinstance(outcome, str):
        assert code == 2 and outcome in said and not list(out.iterdir())
    else:
        waveform, rate = audio.load(out / "a.wav")
        assert code == 0 and abs(waveform.shape[-1] / rate - outcome) < 1e-6


@each_picture
def test_tags_printed(name, tmp_path, capsys):
    path, outcome = make_picture(name, tmp_path)
    code = cli.main(["print-exif", "--image", str(path)])
    said = capsys.readouterr()
    if code:
        assert code == 2 and said.err.count("\n") == 1 and not said.out
        assert isinstance(outcome, str)
    else:
        assert not said.err and said.out.strip()


def test_a_picture_of_40000_columns(tmp_path, out, capsys):
    tags = SpectrogramParams(
        sample_rate=1000,
        step_size_ms=8,
        window_duration_ms=32,
        padded_duration_ms=32,
        num_frequencies=8,
        max_frequency=500,
    )
    mel = np.random.default_rng(0).random((8, 40000)).astype(np.float32)
    save_image(image_from_spectrogram(mel, tags), tmp_path / "wide.png")
    image = load_image(tmp_path / "wide.png")
    assert spectrogram_from_image(image).shape == (8, 40000)
    code = cli.main(
        ["image-to-audio", "--image", str(tmp_path / "wide.png"), "-o", str(out / "a.flac")]
    )
    assert code == 0 and audio.duration(out / "a.flac") == 320


@pytest.mark.parametrize("image", [None, "a.png", np.zeros((512, 10), np.uint8), b"png"])
def test_things_that_are_no_picture(image):
    with pytest.raises(RiffeduError, match="picture") as error:
        image_to_audio(image)
    assert len(str(error.value)) < 120
