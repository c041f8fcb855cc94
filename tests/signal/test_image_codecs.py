"""Riffusion's codec to the pixel, the one in decibels, and pictures of every kind."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from riffedu.errors import RiffeduError, RiffeduWarning
from riffedu.signal.image import (
    LARGEST,
    MAX_VALUE_TAG,
    RANGE_DB_TAG,
    check_size,
    from_pixels,
    image_from_pixels,
    image_from_spectrogram,
    load_image,
    save_image,
    spectrogram_from_image,
    to_pixels,
    unit_spectrogram,
)
from riffedu.signal.params import EXIF_TAGS, SpectrogramParams

PARAMS = SpectrogramParams()


def mel(columns=20, channels=None, seed=0):
    shape = (512, columns) if channels is None else (channels, 512, columns)
    return np.random.default_rng(seed).gamma(0.3, size=shape).astype(np.float32)


def riffusion_pixels(amplitudes, power=0.25):
    """The published formula, on amplitudes of 16-bit samples, row 0 at the top."""
    data = amplitudes.astype(np.float64) * 32768
    data = np.power(data / np.max(data), power)
    return (255 - 255 * data).astype(np.uint8)[..., ::-1, :]


@pytest.mark.parametrize("columns", [1, 20, 512, 3000])
def test_pixels_are_riffusions(columns):
    amplitudes = mel(columns)
    found = np.asarray(image_from_spectrogram(amplitudes))
    wanted = riffusion_pixels(amplitudes)
    apart = np.abs(found[..., 0].astype(int) - wanted)
    # float32 and float64 fall on two sides of a whole number now and then.
    assert apart.max() <= 1 and (apart > 0).mean() < 1e-4
    assert all(np.array_equal(found[..., 0], found[..., c]) for c in (1, 2))


def test_stereo_pixels_are_riffusions():
    amplitudes = mel(30, 2)
    image = image_from_spectrogram(amplitudes, SpectrogramParams(stereo=True))
    found, wanted = np.asarray(image), riffusion_pixels(amplitudes)
    assert (found[..., 0] == 0).all()
    for channel in (0, 1):
        assert np.abs(found[..., 1 + channel].astype(int) - wanted[channel]).max() <= 1
    back = spectrogram_from_image(image)
    assert back.shape == (2, 512, 30) and image.getexif()[EXIF_TAGS["stereo"]] == 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.floats(0.05, 1.0), st.floats(1e-6, 1e6), st.integers(0, 99))
def test_every_grey_level_comes_back_as_itself(power, loudest, seed):
    levels = np.random.default_rng(seed).integers(0, 256, (4, 9)).astype(np.uint8)
    levels[0, 0] = 0
    again = to_pixels(from_pixels(levels, loudest, power) * np.float32(1.0001), loudest, power)
    assert np.abs(again.astype(int) - levels).max() <= 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.floats(20, 200), st.integers(0, 99))
def test_decibels_are_off_by_one_level_at_most(range_db, seed):
    amplitudes = mel(20, seed=seed)
    image = image_from_spectrogram(amplitudes, range_db=range_db)
    back, top = spectrogram_from_image(image), amplitudes.max()
    seen = amplitudes > top * 10 ** ((2 * range_db / 255 - range_db) / 20)
    apart = 20 * np.log10(back[seen] / amplitudes[seen])
    assert np.abs(apart).max() <= 1.01 * range_db / 255 + 1e-3
    assert (back[amplitudes < top * 10 ** (-range_db / 20)] == 0).all()


def test_the_range_is_kept_in_the_file(tmp_path):
    image = image_from_spectrogram(mel(), range_db=96)
    save_image(image, tmp_path / "a.png")
    again = load_image(tmp_path / "a.png")
    assert again.getexif()[RANGE_DB_TAG] == 96
    assert np.array_equal(spectrogram_from_image(again), spectrogram_from_image(image))
    assert RANGE_DB_TAG not in image_from_spectrogram(mel()).getexif()


@pytest.mark.parametrize("range_db", [0, -5, float("nan"), float("inf")])
def test_a_range_must_be_one(range_db):
    with pytest.raises(RiffeduError, match="range_db"):
        image_from_spectrogram(mel(), range_db=range_db)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "LA", "CMYK", "I", "I;16", "F"])
def test_pictures_of_every_kind_say_the_same(mode):
    grey = np.random.default_rng(0).integers(0, 256, (512, 12)).astype(np.uint8)
    rgb = Image.fromarray(np.stack([grey] * 3, -1))
    if mode in ("I", "I;16"):
        other = Image.fromarray((grey.astype(np.uint16) * 257).astype(np.uint16))
        other = other.convert("I") if mode == "I" else other
    elif mode == "F":
        other = Image.fromarray(grey.astype(np.float32))
    elif mode == "P":
        other = Image.fromarray(grey).convert("P")
    else:
        other = rgb.convert(mode)
    found = spectrogram_from_image(other)
    assert np.allclose(found, spectrogram_from_image(rgb), rtol=1e-4)


def test_one_column_and_forty_thousand():
    for columns in (1, 40000):
        pixels = np.full((512, columns), 200, np.uint8)
        image = image_from_pixels(pixels, 1.0, PARAMS, grey=True)
        assert image.mode == "L" and spectrogram_from_image(image).shape == (512, columns)


@pytest.mark.parametrize(
    "tag, value",
    [
        (EXIF_TAGS["sample_rate"], 0),
        (EXIF_TAGS["sample_rate"], 10**9),
        (EXIF_TAGS["sample_rate"], "fast"),
        (EXIF_TAGS["padded_duration_ms"], 10**8),
        (EXIF_TAGS["step_size_ms"], 0),
        (EXIF_TAGS["num_frequencies"], 10**9),
        (EXIF_TAGS["min_frequency"], 20000),
        (EXIF_TAGS["max_frequency"], 10**6),
        (EXIF_TAGS["power_for_image"], 0.0),
        (EXIF_TAGS["power_for_image"], float("nan")),
        (MAX_VALUE_TAG, -1.0),
        (MAX_VALUE_TAG, 1e30),
        (MAX_VALUE_TAG, float("nan")),
        (RANGE_DB_TAG, -3.0),
        (RANGE_DB_TAG, 1e9),
    ],
)
def test_tags_that_lie_are_named(tag, value):
    image = image_from_spectrogram(mel())
    exif = image.getexif()
    exif[tag] = value
    with pytest.raises(RiffeduError) as said:
        spectrogram_from_image(image)
    assert "\n" not in str(said.value)


def test_another_height_is_resampled_and_said():
    whole = image_from_spectrogram(np.tile(np.linspace(0, 1, 512)[:, None], 20))
    half = whole.resize((20, 256))
    half.info["exif"] = whole.info["exif"]
    with pytest.warns(RiffeduWarning, match="256 pixels tall, not 512.*mel axis"):
        found = spectrogram_from_image(half)
    greys = [(x / x.max()) ** 0.25 for x in (found, spectrogram_from_image(whole))]
    assert found.shape == (512, 20) and np.abs(greys[0] - greys[1])[4:-4].max() < 0.02


@pytest.mark.parametrize("mode", ["L", "1", "I", "F"])
def test_grey_cannot_be_stereo(mode):
    image = Image.new(mode, (4, 512))
    with pytest.raises(RiffeduError, match="stereo"):
        spectrogram_from_image(image, SpectrogramParams(stereo=True))


def test_wild_greys_are_refused():
    with pytest.raises(RiffeduError, match="grey levels"):
        spectrogram_from_image(Image.fromarray(np.full((512, 3), 300.0, np.float32)))


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_picture_is_said(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(RiffeduError, match="a.png"):
        load_image(path)


def test_a_picture_that_was_cut_short_is_said(tmp_path):
    file = io.BytesIO()
    image_from_spectrogram(mel(200)).save(file, "PNG")
    (tmp_path / "a.png").write_bytes(file.getvalue()[:20000])
    with pytest.raises(RiffeduError, match="a.png"):
        load_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    "name, columns, words",
    [
        ("a.jpg", 65501, "at most 65500 columns"),
        ("a.webp", 16384, "png holds more"),
    ],
)
def test_a_picture_too_wide_for_its_format_is_said(tmp_path, name, columns, words):
    pixels = np.zeros((512, columns), np.uint8)
    with pytest.raises(RiffeduError, match=words):
        save_image(image_from_pixels(pixels, 1.0, PARAMS, grey=True), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_largest_picture():
    check_size("a.png", LARGEST // 512, 512)
    with pytest.raises(RiffeduError, match="cut the sound into pieces"):
        check_size("a.png", LARGEST // 512 + 1, 512)


def test_what_pillow_finds_large_is_read_back_without_a_word(tmp_path, monkeypatch, recwarn):
    path = save_image(image_from_spectrogram(mel(20)), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 512 * 2)  # an hour is as far beyond the real one
    image = load_image(path)
    assert image.size == (20, 512) and not len(recwarn) and Image.MAX_IMAGE_PIXELS == 512 * 2
    monkeypatch.setattr("riffedu.signal.picture.LARGEST", 512 * 19)
    with pytest.raises(RiffeduError, match="too large"):
        load_image(path)


def test_some_columns_are_read_alone():
    image = image_from_spectrogram(mel(20), range_db=90)
    whole, top = unit_spectrogram(image)
    some, same = unit_spectrogram(image, columns=(3, 9))
    assert np.array_equal(some, whole[:, 3:9]) and same == top


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp", ".tiff"])
def test_damaged_files_work_or_are_refused_in_one_line(tmp_path, ending, recwarn):
    """200 accidents per format: cut short, bytes changed anywhere, bytes changed in the tags."""
    image = image_from_spectrogram(mel(), range_db=80)
    raw = save_image(image, tmp_path / f"a{ending}").read_bytes()
    tags = max(raw.find(b"eXIf"), raw.find(b"Exif"), raw.find(b"EXIF"), 0)
    random = np.random.default_rng(5)
    for accident in range(200):
        bad = bytearray(raw)
        if accident % 3 == 0:
            bad = bad[: random.integers(len(raw))]
        first, last = (tags, min(tags + 300, len(raw))) if accident % 3 == 1 else (0, len(raw))
        for at in random.integers(first, last, random.integers(1, 6)):
            if at < len(bad):
                bad[at] = random.integers(256)
        (tmp_path / f"b{ending}").write_bytes(bad)
        try:
            found = spectrogram_from_image(load_image(tmp_path / f"b{ending}"))
            assert np.isfinite(found).all()
        except RiffeduError as error:
            assert "\n" not in str(error)
    assert all("on the mel axis" in str(w.message) for w in recwarn)
