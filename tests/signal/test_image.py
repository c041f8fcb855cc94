"""The picture codec: Riffusion's formula pixel for pixel, tags, level, and pictures that lie."""

import numpy as np
import pytest
from PIL import Image

from riffedu.errors import RiffeduError
from riffedu.signal.image import (
    DEFAULT_MAX_VALUE,
    MAX_VALUE_TAG,
    image_from_spectrogram,
    load_image,
    save_image,
    spectrogram_from_image,
)
from riffedu.signal.params import SpectrogramParams


def some_mel(shape=(512, 40), seed=0, top=12.5):
    mel = np.random.default_rng(seed).exponential(size=shape).astype(np.float32)
    return mel * (top / mel.max())


def test_riffusions_numbers():
    params = SpectrogramParams()
    assert (params.n_fft, params.win_length, params.hop_length) == (17640, 4410, 441)
    assert params.to_exif() == {
        11000: 44100,
        11005: False,
        11010: 10,
        11020: 100,
        11030: 400,
        11040: 512,
        11050: 0,
        11060: 10000,
        11070: 0.25,
    }


def test_pixels_by_the_formula():
    mel = some_mel()
    pixels = np.asarray(image_from_spectrogram(mel))
    by_hand = np.floor(255 - 255 * (mel.astype(np.float64) / mel.max()) ** 0.25)
    assert pixels.shape == (512, 40, 3)
    for channel in range(3):
        difference = pixels[::-1, :, channel] - by_hand
        assert np.abs(difference).max() <= 1 and (difference != 0).mean() < 0.001
    assert pixels.min() == 0


def test_low_is_down_and_loud_is_dark():
    mel = np.full((512, 8), 0.01, np.float32)
    mel[10, 3] = 1
    image = image_from_spectrogram(mel)
    assert image.size == (8, 512) and image.mode == "RGB"
    assert image.getpixel((3, 511 - 10)) == (0, 0, 0)
    assert image.getpixel((4, 511 - 10))[0] > 150


def test_stereo_is_green_and_blue():
    mel = some_mel((2, 512, 20))
    mel[1] *= 0.25
    image = image_from_spectrogram(mel, SpectrogramParams(stereo=True))
    red, green, blue = np.asarray(image).transpose(2, 0, 1)
    assert red.max() == 0 and green.mean() < blue.mean()
    back = spectrogram_from_image(image)
    assert back.shape == (2, 512, 20)
    assert np.abs(back - mel).max() < 0.02 * mel.max()


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg", ".tiff"])
def test_file_brings_back_numbers_and_level(tmp_path, suffix):
    params = SpectrogramParams(sample_rate=22050, max_frequency=9000, power_for_image=0.3)
    mel = some_mel(top=3.25)
    path = save_image(image_from_spectrogram(mel, params), tmp_path / f"a{suffix}")
    image = load_image(path)
    assert SpectrogramParams.from_exif(image.getexif()) == params
    assert image.getexif()[MAX_VALUE_TAG] == pytest.approx(3.25 * 32768, rel=1e-6)
    tolerance = 0.02 if suffix in (".png", ".tiff") else 0.5
    assert np.abs(spectrogram_from_image(image) - mel).max() < tolerance * mel.max()
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_a_copy_keeps_its_tags():
    image = image_from_spectrogram(some_mel(top=2.0)).copy()
    assert spectrogram_from_image(image).max() == pytest.approx(2.0, rel=1e-5)


def test_without_tags_riffusions_loudness_is_assumed():
    image = Image.fromarray(np.zeros((512, 3), np.uint8))
    assert np.allclose(spectrogram_from_image(image), DEFAULT_MAX_VALUE / 32768)
    rgba = Image.new("RGBA", (3, 512), (128, 128, 128, 90))
    shown = round(255 - 127 * 90 / 255)  # on white
    wanted = ((255 - shown) / 255) ** 4 * 30e6 / 32768
    assert np.allclose(spectrogram_from_image(rgba), wanted)


def test_silence_is_white_and_comes_back_silent():
    image = image_from_spectrogram(np.zeros((512, 5), np.float32))
    assert np.asarray(image).min() == 255
    assert spectrogram_from_image(image).max() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"sample_rate": 0},
        {"step_size_ms": 0},
        {"window_duration_ms": 500},
        {"max_frequency": 30000},
        {"min_frequency": 10000},
        {"num_frequencies": 0},
        {"power_for_image": -1.0},
    ],
)
def test_numbers_that_make_no_spectrogram(changes):
    with pytest.raises(RiffeduError, match=next(iter(changes))):
        SpectrogramParams(**changes)


def tagged(tag, value):
    image = image_from_spectrogram(some_mel())
    image.getexif()[tag] = value
    return image


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Image.new("RGB", (512, 9)), "512 × 9"),
        (lambda: Image.new("L", (1, 1)), "1 × 1"),
        (lambda: np.zeros((512, 512)), "picture must be a path"),
        (lambda: tagged(11000, "fast"), "sample_rate"),
        (lambda: tagged(11000, 0), "sample_rate"),
        (lambda: tagged(11060, 10**6), "max_frequency"),
        (lambda: tagged(MAX_VALUE_TAG, float("nan")), "MAX_VALUE"),
        (lambda: tagged(MAX_VALUE_TAG, -5.0), "MAX_VALUE"),
    ],
)
def test_pictures_that_lie(make, says):
    with pytest.raises(RiffeduError, match=says) as error:
        spectrogram_from_image(make())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "mel, says",
    [
        (np.ones((511, 5)), "511"),
        (np.ones((3, 512, 5)), "shape"),
        (np.ones(512), "shape"),
        (np.ones((512, 0)), "column"),
        (-np.ones((512, 5)), "negative"),
        (np.full((512, 5), np.nan), "finite"),
        (np.full((512, 5), np.inf), "finite"),
    ],
)
def test_amplitudes_that_cannot_be_drawn(mel, says):
    with pytest.raises(RiffeduError, match=says):
        image_from_spectrogram(mel)


def test_files(tmp_path):
    image = image_from_spectrogram(some_mel())
    with pytest.raises(RiffeduError, match="no picture format"):
        save_image(image, tmp_path / "a.wav")
    with pytest.raises(RiffeduError, match="cannot be written"):
        save_image(image, tmp_path / "no" / "such" / "a.png")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RiffeduError, match="no such picture"):
        load_image(tmp_path / "none.png")
    (tmp_path / "b.png").write_bytes(b"not a picture")
    with pytest.raises(RiffeduError, match="as a picture"):
        load_image(tmp_path / "b.png")
    whole = save_image(image, tmp_path / "c.png").read_bytes()
    (tmp_path / "c.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RiffeduError, match="as a picture"):
        load_image(tmp_path / "c.png")
