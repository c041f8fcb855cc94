"""Lesson 04: opening pictures of any kind. Each becomes an upright one in greys or colours.

A picture file can be rotated, have transparent parts, and store greys in many ways. Used by
everything that reads a picture; `riffedu.signal.image` says what its greys mean.
"""

from __future__ import annotations

import struct
import warnings
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from riffedu.errors import RiffeduError
from riffedu.signal.files.sources import at_hand

LARGEST = 1_080_000 * 512
"""The most pixels of a picture that is read or written: three hours in 512 rows."""

TURNED = 0x0112
"""The EXIF tag for orientation; 1 is upright."""

SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N")
OURS = range(11000, 11100)
"""The tags that describe a spectrogram."""


def as_picture(source: Any, mode: str | None = None) -> Image.Image:
    """Return a picture upright, on white, in a mode whose values have one meaning.

    ``source``: a PIL picture, or whatever `open_picture` reads. It is rotated as its EXIF tag says.
    Transparent parts show white, which is silence. Then the mode is

    - "L" or "RGB" with greys from 0 to 255: palettes, CMYK, YCbCr, Lab, HSV and one bit, too;
    - "I;16" for 16 bits, whose white is 65535;
    - "F" for floats, scaled to 0 … 255. Floats up to 1 are taken as shares of white.

    Integers of 32 bits ("I") are taken as 8 or 16 bits, whichever they fit. ``mode``, "L" or
    "RGB", converts to that one. Tags are kept; a picture that needs nothing is returned itself.

    Raises RiffeduError for anything else and for greys outside these ranges. Notebook: 04_image.

    >>> clear = Image.new("RGBA", (3, 512))
    >>> as_picture(clear).getpixel((0, 0))
    (255, 255, 255)
    """
    image = source if isinstance(source, Image.Image) else open_picture(source)
    try:
        image.load()
        turned = tags_of(image).get(TURNED, 1)
        if isinstance(turned, int) and 2 <= turned <= 8:
            image = _tagged(ImageOps.exif_transpose(image), image)
        if "transparency" in image.info or image.mode in ("RGBA", "RGBa", "LA", "La", "PA"):
            image = _tagged(_on_white(image), image)
        if image.mode in SIXTEEN_BITS or image.mode in ("I", "F"):
            image = _fine(image, mode is not None)
        elif image.mode not in ("L", "RGB"):
            image = _tagged(_coloured(image), image)
    except (OSError, ValueError, SyntaxError, struct.error, MemoryError) as error:
        if isinstance(error, RiffeduError):
            raise
        raise RiffeduError(f"the picture cannot be read: {reason(error)}") from None
    return image if mode in (None, image.mode) else _tagged(image.convert(mode), image)


def open_picture(source: Any) -> Image.Image:
    """Open a picture file: a path (``~`` is the home folder, "-" standard input), bytes or a file.

    Raises RiffeduError if it does not exist, is not a picture, is damaged or is too large.

    >>> open_picture("none.png")
    Traceback (most recent call last):
    riffedu.errors.RiffeduError: none.png: there is no such picture file
    """
    given = at_hand(source, "picture")
    usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, LARGEST // 2  # it refuses twice that
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("error", UserWarning)  # Pillow's way to say that tags are damaged
            with given.open() as file, Image.open(file) as image:
                image.load()
                if "exif" not in image.info:  # in a TIFF they are read from the file when asked for
                    _keep_tags(image, image.getexif())
                return image
    except Image.DecompressionBombError:
        raise RiffeduError(f"{given.label} is too large to be a spectrogram picture") from None
    except Image.UnidentifiedImageError:
        raise RiffeduError(
            f"{given.label}: cannot be read as a picture: its format is unknown, or it is damaged"
        ) from None
    except (OSError, ValueError, SyntaxError, UserWarning, struct.error) as error:
        raise RiffeduError(f"{given.label}: cannot be read as a picture: {reason(error)}") from None
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        # What Pillow's parsers raise for bytes that nobody meant.
        raise RiffeduError(
            f"{given.label}: cannot be read as a picture: it is damaged ({reason(error)})"
        ) from None
    finally:
        Image.MAX_IMAGE_PIXELS = usual


def tags_of(image: Image.Image) -> Image.Exif:
    """Return a picture's EXIF tags. Raises RiffeduError if they are damaged.

    >>> dict(tags_of(Image.new("L", (3, 512))))
    {}
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tags = image.getexif()
    except (SyntaxError, OSError, ValueError, struct.error) as error:
        damage: str | None = reason(error)
    else:
        damage = next((str(w.message) for w in caught if "PIL" in w.filename), None)
    if damage:
        raise RiffeduError(
            f"the picture's EXIF tags are damaged ({damage.strip()}): save it again, without them"
        )
    return tags


def with_rows(image: Image.Image, rows: int) -> Image.Image:
    """Resample a picture on the mel axis to ``rows`` rows; its width is kept.

    Rows are equal steps in mel, from the lowest frequency to the highest, however many there are.

    >>> with_rows(Image.new("L", (3, 256), 255), 512).size
    (3, 512)
    """
    fine = image
    if image.mode in SIXTEEN_BITS:
        fine = Image.fromarray(np.asarray(image, dtype=np.float32) / 257)
    resized = fine.resize((image.width, rows), Image.Resampling.BILINEAR)
    return _tagged(resized, image, greys=resized.mode == "F")


def reason(error: BaseException) -> str:
    """The first line of an error."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.strip().partition("\n")[0].rstrip(".")


def _keep_tags(image: Image.Image, tags: Image.Exif) -> None:
    kept = Image.Exif()
    kept.update({tag: value for tag, value in tags.items() if tag in OURS})
    if len(kept):
        image.info["exif"] = kept.tobytes()


def _tagged(new: Image.Image, old: Image.Image, greys: bool = False) -> Image.Image:
    """Give a changed picture the tags of the old one."""
    if new is not old:
        info = {k: v for k, v in old.info.items() if k not in ("transparency", "exif")}
        tags = dict(old.getexif())
        tags.pop(TURNED, None)
        new.info = {**info, **({"greys": True} if greys else {})}
        if tags:
            exif = Image.Exif()
            exif.update(tags)
            new.info["exif"] = exif.tobytes()
    return new


def _on_white(image: Image.Image) -> Image.Image:
    key = image.info.get("transparency")
    if image.mode in (*SIXTEEN_BITS, "I"):
        greys = np.asarray(image).copy()
        greys[greys == key] = 65535
        return Image.fromarray(greys.astype(np.uint16))
    if image.mode == "RGB" and isinstance(key, tuple) and max(key) > 255:
        image = image.copy()
        image.info["transparency"] = tuple(value >> 8 for value in key)
    grey = image.mode in ("1", "L", "LA", "La")
    if image.mode == "RGBa" or image.mode == "La":
        image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
    layer = image.convert("RGBA")
    if layer.getchannel("A").getextrema() != (255, 255):
        layer = Image.alpha_composite(Image.new("RGBA", image.size, "white"), layer)
    return layer.convert("RGB").getchannel(0) if grey else layer.convert("RGB")


def _coloured(image: Image.Image) -> Image.Image:
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "LAB":
        from PIL import ImageCms

        white = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, *white, outputMode="RGB") or image
    return image.convert("RGB")


def _fine(image: Image.Image, coarse: bool) -> Image.Image:
    """Greys of more than 8 bits by their meaning; as "L" if ``coarse``."""
    if image.mode == "F" and image.info.get("greys") and not coarse:
        return image
    levels = np.asarray(image)
    levels = levels.astype(levels.dtype.newbyteorder("="))
    low, high = (levels.min(), levels.max()) if levels.size else (0, 0)
    most = 65535 if image.mode != "F" else 255
    if not (low >= 0 and high <= most):
        raise RiffeduError(
            f"the picture's grey levels are outside their range, 0 to {most}: save it as RGB"
        )
    if image.mode == "F":
        share = high <= 1 and not image.info.get("greys")
        levels = levels * np.float32(255) if share else levels
    elif image.mode == "I" and high <= 255:
        return _tagged(Image.fromarray(levels.astype(np.uint8)), image)
    if coarse:
        eight = levels / (1 if image.mode == "F" else 257)
        return _tagged(Image.fromarray(np.rint(eight).astype(np.uint8)), image)
    if image.mode == "F":
        return _tagged(Image.fromarray(levels.astype(np.float32)), image, greys=True)
    return (
        image if image.mode == "I;16" else _tagged(Image.fromarray(levels.astype(np.uint16)), image)
    )
