"""Pictures as cameras and paint programs write them: turned upright, on white, in their range."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from riffedu import cli
from riffedu.diffusion.codec import _to_pixels
from riffedu.diffusion.noise import image_to_array
from riffedu.errors import RiffeduError, RiffeduWarning
from riffedu.music.riffuse import _whole
from riffedu.signal.image import (
    check_size,
    image_from_spectrogram,
    load_image,
    save_image,
    spectrogram_from_image,
)
from riffedu.signal.picture import as_picture
from riffedu.widgets.pictures import describe, picture, thumbnail

# A dark line on white, thicker to the right, so that every way to turn it shows.
GREY = np.full((512, 40), 255, np.uint8)
GREY[340:344] = 0
GREY[330:340, 20:] = 128
PLAIN = Image.fromarray(GREY)
RGB = PLAIN.convert("RGB")
SEEN = np.where(GREY == 255, 0, 255).astype(np.uint8)  # silence is transparent
HALF = np.where(GREY == 255, 0, 128).astype(np.uint8)


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    out = b"\x89PNG\r\n\x1a\n"
    for kind, data in (*chunks, (b"IEND", b"")):
        out += struct.pack(">I", len(data)) + kind + data
        out += struct.pack(">I", zlib.crc32(kind + data))
    return out


def raw_png(levels: np.ndarray, bits: int, colour: int, *more) -> bytes:
    """A PNG that Pillow would not write: 16 bits with a colour key, and the like."""
    height, width = levels.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    rows = levels.astype(">u2" if bits == 16 else np.uint8).reshape(height, -1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    return png((b"IHDR", head), *more, (b"IDAT", zlib.compress(data)))


def saved(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def clear(colour=0, alpha=SEEN) -> Image.Image:
    """RGBA whose silence is transparent, of any colour."""
    layer = np.where(GREY == 255, colour, GREY).astype(np.uint8)
    return Image.fromarray(np.dstack([layer, layer, layer, alpha]))


def clear_grey() -> Image.Image:
    layer = np.where(GREY == 255, 0, GREY).astype(np.uint8)
    return Image.merge("LA", [Image.fromarray(layer), Image.fromarray(SEEN)])


def clear_palette(**options) -> bytes:
    indices = np.select([GREY == 255, GREY == 0], [0, 1], 2).astype(np.uint8)
    image = Image.fromarray(indices, "P") if False else Image.fromarray(indices).convert("P")
    image.putdata(indices.ravel().tolist())
    image.putpalette([0, 0, 0, 0, 0, 0, 128, 128, 128])
    return saved(image, **options)


def turned(orientation: int, kind: str = "JPEG", **options) -> bytes:
    back = {
        1: lambda g: g,
        2: lambda g: g[:, ::-1],
        3: lambda g: g[::-1, ::-1],
        4: lambda g: g[::-1],
        5: lambda g: g.T,
        6: lambda g: np.rot90(g),
        7: lambda g: g[::-1, ::-1].T,
        8: lambda g: np.rot90(g, -1),
    }[orientation](GREY)
    tags = Image.Exif()
    tags[0x0112] = orientation
    return saved(Image.fromarray(np.ascontiguousarray(back)), kind, exif=tags, **options)


SIXTEEN = GREY.astype(np.uint16) * 257
KEYED = np.where(GREY == 255, 7, SIXTEEN)  # 7 is the transparent level
# Name: (bytes, how many greys it may be off)
SAME = {
    "grey": (lambda: saved(PLAIN), 0),
    "RGB": (lambda: saved(RGB), 0),
    "one bit": (lambda: saved(PLAIN.point(lambda g: 255 * (g > 200)).convert("1")), 128),
    "palette": (lambda: saved(PLAIN.convert("P"), "GIF"), 0),
    "palette, PNG": (lambda: saved(RGB.quantize(8)), 0),
    "CMYK": (lambda: saved(RGB.convert("CMYK"), "JPEG", quality=98), 6),
    "CMYK, TIFF": (lambda: saved(RGB.convert("CMYK"), "TIFF"), 1),
    "YCbCr, TIFF": (lambda: saved(RGB.convert("YCbCr"), "TIFF"), 2),
    "BMP": (lambda: saved(RGB, "BMP"), 0),
    "RGBA, transparent black": (lambda: saved(clear()), 0),
    "RGBA, transparent red": (lambda: saved(clear(77)), 0),
    "RGBA, opaque": (lambda: saved(RGB.convert("RGBA")), 0),
    "RGBA, TIFF": (lambda: saved(clear(), "TIFF"), 0),
    "RGBA, WebP": (lambda: saved(clear(), "WEBP", lossless=True, exact=True), 0),
    "RGBA, lossy WebP": (lambda: saved(clear(255), "WEBP", quality=95), 12),
    "grey and alpha": (lambda: saved(clear_grey()), 0),
    "grey and alpha, TIFF": (lambda: saved(clear_grey(), "TIFF"), 0),
    "a transparent palette entry": (lambda: clear_palette(transparency=0), 0),
    "alpha for each palette entry": (lambda: clear_palette(transparency=b"\0\xff\xff"), 0),
    "a transparent GIF": (lambda: gif(), 0),
    "a grey colour key": (
        lambda: saved(
            Image.fromarray(np.where(GREY == 255, 9, GREY).astype(np.uint8)), transparency=9
        ),
        0,
    ),
    "an RGB colour key": (
        lambda: saved(
            Image.fromarray(np.dstack([np.where(GREY == 255, 9, GREY)] * 3).astype(np.uint8)),
            transparency=(9, 9, 9),
        ),
        0,
    ),
    "16 bits": (lambda: saved(Image.fromarray(SIXTEEN)), 0),
    "16 bits, TIFF": (lambda: saved(Image.fromarray(SIXTEEN), "TIFF"), 0),
    "16 bits with a colour key": (
        lambda: raw_png(KEYED, 16, 0, (b"tRNS", struct.pack(">H", 7))),
        0,
    ),
    "16-bit RGB": (lambda: raw_png(np.dstack([SIXTEEN] * 3), 16, 2), 0),
    "16-bit RGBA": (
        lambda: raw_png(
            np.dstack([np.where(SEEN, SIXTEEN, 0)] * 3 + [SEEN.astype(int) * 257]), 16, 6
        ),
        0,
    ),
    "16-bit grey and alpha": (
        lambda: raw_png(np.dstack([np.where(SEEN, SIXTEEN, 0), SEEN.astype(int) * 257]), 16, 4),
        0,
    ),
    "32-bit integers of 16": (lambda: saved(Image.fromarray(SIXTEEN.astype(np.int32)), "TIFF"), 0),
    "32-bit integers of 8": (lambda: saved(Image.fromarray(GREY.astype(np.int32)), "TIFF"), 0),
    "floats from 0 to 1": (lambda: saved(Image.fromarray(GREY / np.float32(255)), "TIFF"), 0.01),
    "floats from 0 to 255": (lambda: saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), 0),
    "floats, compressed": (
        lambda: saved(Image.fromarray(GREY / np.float32(255)), "TIFF", compression="tiff_deflate"),
        0.01,
    ),
    **{f"turned, {i}": (lambda i=i: turned(i, quality=98), 6) for i in range(1, 9)},
    "turned PNG": (lambda: turned(6, "PNG"), 0),
    "turned WebP": (lambda: turned(8, "WEBP", lossless=True), 0),
    "turned TIFF": (lambda: turned(6, "TIFF"), 0),
}


def gif() -> bytes:
    image = Image.open(io.BytesIO(clear_palette()))
    return saved(image, "GIF", transparency=0)


def greys(image) -> np.ndarray:
    levels = np.asarray(image, dtype=np.float64)
    levels = levels[..., 0] if levels.ndim == 3 else levels
    return levels / 257 if image.mode == "I;16" else levels


@pytest.mark.parametrize("name", SAME)
def test_it_is_the_same_picture(name, tmp_path):
    make, off = SAME[name]
    data = make()
    (tmp_path / "a.any").write_bytes(data)
    for source in (tmp_path / "a.any", data, io.BytesIO(data)):
        image = load_image(source)
        assert image.size == (40, 512) and image.mode in ("L", "RGB", "I;16", "F")
        assert np.abs(greys(image) - GREY).max() <= off
    opened = Image.open(io.BytesIO(data))
    assert np.abs(greys(as_picture(opened)) - GREY).max() <= off
    assert as_picture(image) is image  # a second door changes nothing
    wanted = spectrogram_from_image(PLAIN)
    found = spectrogram_from_image(Image.open(io.BytesIO(data)))
    if off < 1:
        assert np.allclose(found, wanted, rtol=1e-3, atol=wanted.max() * 1e-6)


@pytest.mark.parametrize("name", [n for n, (_, off) in SAME.items() if off < 13])
def test_every_reader_uses_the_door(name):
    make, off = SAME[name]
    opened = Image.open(io.BytesIO(make()))
    levels = 127.5 * (image_to_array(opened) + 1)
    assert levels.shape == GREY.shape and np.abs(levels - GREY).max() <= off + 0.51
    for channels in (1, 3):
        pixels = 127.5 * (_to_pixels(opened, channels, 8).numpy() + 1)
        assert pixels.shape == (1, channels, 512, 40)
        assert np.abs(pixels[0, 0] - GREY).max() <= off + 0.51
    assert _whole(opened).size == (32, 512) and _whole(opened).mode == "RGB"
    assert describe(opened) == describe(PLAIN) or off
    assert thumbnail(opened, "").png and picture(opened).png


def test_alpha_is_mixed_with_white():
    image = as_picture(clear(0, HALF))
    assert image.getpixel((0, 340)) == (127, 127, 127) and image.getpixel((0, 0)) == (255,) * 3


def test_tags_survive_the_door(tmp_path):
    image = image_from_spectrogram(np.tile(np.linspace(0, 2, 512)[:, None], 20))
    wanted = spectrogram_from_image(image)
    for mode, ending in [("RGBA", "png"), ("P", "png"), ("RGBA", "tiff"), ("CMYK", "tiff")]:
        made = image.convert(mode)
        made.save(tmp_path / f"a.{ending}", exif=image.getexif())
        found = spectrogram_from_image(load_image(tmp_path / f"a.{ending}"))
        assert found.max() == pytest.approx(wanted.max(), rel=0.1)
    tags = image.getexif()
    tags[0x0112] = 3
    image.transpose(Image.Transpose.ROTATE_180).save(tmp_path / "b.png", exif=tags)
    turned_back = load_image(tmp_path / "b.png")
    assert np.array_equal(spectrogram_from_image(turned_back), wanted)
    save_image(turned_back, tmp_path / "c.png")
    assert np.array_equal(spectrogram_from_image(load_image(tmp_path / "c.png")), wanted)


@pytest.mark.parametrize("rows", [16, 64, 256, 480, 511, 513, 1024, 2048])
def test_another_height_means_the_same_frequencies(rows):
    other = PLAIN.resize((40, rows), Image.Resampling.BILINEAR)
    with pytest.warns(RiffeduWarning, match=f"{rows} pixels tall, not 512.*mel axis"):
        mel = spectrogram_from_image(other)
    assert mel.shape == (512, 40)
    if rows >= 256:
        assert abs(int(mel[:, 0].argmax()) - (511 - 342)) <= 512 // rows + 1


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda folder: folder, "is a folder: give the path of a picture file"),
        (lambda folder: folder / "none.png", "there is no such picture file"),
        (lambda folder: b"", r"the picture given as bytes is empty \(0 bytes\)"),
        (lambda folder: b"not a picture" * 9, "the picture given as bytes: cannot be read as a pi"),
        (lambda folder: saved(RGB)[:100], "the picture given as bytes: cannot be read"),
        (lambda folder: io.StringIO("P"), "mode 'rb'"),
        (lambda folder: GREY, "not ndarray"),
        (lambda folder: None, "not NoneType"),
        (lambda folder: Image.fromarray(np.full((9, 9), np.nan, np.float32)), "grey levels"),
        (lambda folder: Image.fromarray(np.full((9, 9), 300.0, np.float32)), "grey levels"),
        (lambda folder: Image.fromarray(np.full((9, 9), -1, np.int32)), "grey levels"),
        (lambda folder: Image.fromarray(np.full((9, 9), 2**20, np.int32)), "grey levels"),
    ],
)
def test_what_is_no_picture(make, says, tmp_path):
    with pytest.raises(RiffeduError, match=says) as error:
        as_picture(make(tmp_path))
    assert "\n" not in str(error.value) and len(str(error.value)) < 250


def test_every_kind_of_source(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    RGB.save(tmp_path / "a.png")
    with open(tmp_path / "a.png", "rb") as file:
        sources = ["~/a.png", str(tmp_path / "a.png"), file, saved(RGB), bytearray(saved(RGB))]
        for source in [*sources, os.fsencode(tmp_path / "a.png")][:-1]:
            assert np.array_equal(load_image(source), RGB)


def test_three_hours_fit():
    check_size("a.png", 1_080_000, 512)
    with pytest.raises(RiffeduError, match="at most 1080000 columns are possible, not 1080001"):
        check_size("a.png", 1_080_001, 512)


def test_a_transparent_picture_in_the_shell(tmp_path, capsys):
    clear().save(tmp_path / "a.png")
    RGB.save(tmp_path / "b.png")
    for name in "ab":
        line = ["image-to-audio", "--image", str(tmp_path / f"{name}.png")]
        assert cli.main([*line, "-o", str(tmp_path / f"{name}.wav")]) == 0
    said = capsys.readouterr()
    assert (
        "riffedu" not in said.err and len(set(said.out.replace("b.wav", "a.wav").splitlines())) == 1
    )
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
