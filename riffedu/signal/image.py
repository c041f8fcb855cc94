"""Lesson 04: a spectrogram as a picture, in Riffusion's format, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from riffedu.errors import RiffeduError, warn
from riffedu.output import is_stream, write_whole
from riffedu.signal.files.tags import image_options
from riffedu.signal.params import EXIF_TAGS, SpectrogramParams, _number
from riffedu.signal.picture import LARGEST, as_picture, open_picture, tags_of, with_rows

INT16 = 32768.0
"""Riffusion measures amplitudes on 16-bit samples; ours lie in [−1, 1]."""

DEFAULT_MAX_VALUE = 30e6
"""What Riffusion assumes for the amplitude of black, on the 16-bit scale."""

MAX_VALUE_TAG = 11080
RANGE_DB_TAG = 11090
"""riffedu's own tag: the range of a picture in decibels. Pictures without it use the power."""

PICTURES = (".png", ".webp", ".jpg", ".jpeg", ".tif", ".tiff")
"""Extensions of picture files that are written; .png is lossless."""

LOWEST = 16
"""The fewest rows of a picture that is resampled to another height."""

WIDEST = {".jpg": 65500, ".jpeg": 65500, ".webp": 16383}
"""The most columns that a format can hold; the others have no limit."""


def image_from_spectrogram(
    mel: np.ndarray, params: SpectrogramParams | None = None, range_db: float | None = None
) -> Image.Image:
    """Draw mel amplitudes as a picture: dark is loud, low is down, one column per hop.

        pixel = ⌊255 − 255 · (mel / max mel)^power⌋,   power = 0.25

    The power compresses the range, as hearing does: with 255 grey levels a linear picture would
    show only the loudest 48 dB; this one shows 193 dB. ``mel`` ≥ 0: shape (512, columns)
    or (1, 512, columns) gives three equal channels; (2, 512, columns) red 0, green left, blue
    right. With ``range_db`` the greys are decibels instead, see `to_pixels`. Returns an RGB picture
    whose EXIF tags hold ``params`` and MAX_VALUE, the amplitude of black on the 16-bit scale, so
    that the level comes back. Silence is white.

    Raises RiffeduError for other shapes and for values that are negative or not finite.
    Source: riffusion-hobby's image format. Notebook: 04_image.

    >>> image_from_spectrogram(np.ones((512, 3))).getpixel((0, 0))
    (0, 0, 0)
    """
    params = params or SpectrogramParams()
    mel = np.asarray(mel, dtype=np.float32)
    if mel.ndim == 3 and len(mel) == 1:
        mel = mel[0]
    if mel.shape[-2:-1] != (params.num_frequencies,) or mel.shape[:-2] not in ((), (2,)):
        raise RiffeduError(
            f"a picture needs mel amplitudes of shape ([2,] {params.num_frequencies}, columns), "
            f"not {mel.shape}"
        )
    if mel.shape[-1] == 0:
        raise RiffeduError("a picture needs at least one column")
    loudest = float(mel.max())
    if not (np.isfinite(loudest) and mel.min() >= 0):
        raise RiffeduError("mel amplitudes must be finite and not negative")
    pixels = to_pixels(mel, loudest, params.power_for_image, range_db)
    return image_from_pixels(pixels, loudest, params, range_db)


def to_pixels(
    mel: np.ndarray, loudest: float, power: float = 0.25, range_db: float | None = None
) -> np.ndarray:
    """Convert amplitudes to grey levels, uint8, lowest band first: 255 silence, 0 ``loudest``.

        ⌊255 − 255 · (mel / loudest)^power⌋                                   (Riffusion's)
        ⌊255 − 255 · max(0, 1 + 20 · log10(mel / loudest) / range_db)⌋        (decibels)

    In decibels all grey steps are equal, range_db / 255, and amplitudes more than
    ``range_db`` below the loudest become silence. Raises RiffeduError for a range of 0 or less.
    Notebook: 04_image.

    >>> to_pixels(np.array([0, 0.0625, 1]), loudest=1).tolist()
    [255, 127, 0]
    """
    share = mel / np.float32(loudest) if loudest > 0 else mel
    if range_db is None:
        return (255 - 255 * share**power).astype(np.uint8)
    if not 0 < range_db < np.inf:
        raise RiffeduError(f"range_db={range_db} must be above 0")
    level = 20 * np.log10(np.maximum(share, np.float32(1e-30)))
    return (255 - 255 * np.maximum(0, 1 + level / range_db)).astype(np.uint8)


def from_pixels(
    pixels: np.ndarray, loudest: float, power: float = 0.25, range_db: float | None = None
) -> np.ndarray:
    """Convert grey levels to amplitudes, float32: the inverse of `to_pixels`. White is silence.

    >>> from_pixels([255, 127.5, 0], loudest=1).tolist()
    [0.0, 0.0625, 1.0]
    """
    darkness = (255 - np.asarray(pixels, dtype=np.float32)) / 255
    if range_db is None:
        return darkness ** np.float32(1 / power) * np.float32(loudest)
    amplitude = 10 ** ((darkness - 1) * np.float32(range_db / 20)) * np.float32(loudest)
    return np.where(darkness > 0, amplitude, np.float32(0))


def image_from_pixels(
    pixels: np.ndarray,
    loudest: float,
    params: SpectrogramParams,
    range_db: float | None = None,
    grey: bool = False,
) -> Image.Image:
    """Make a tagged picture of grey levels, (rows, columns) or (2, rows, columns), low band first.

    ``grey`` makes a one-channel picture of a mono sound, which takes a third of the memory.

    >>> image_from_pixels(np.zeros((512, 3), np.uint8), 1.0, SpectrogramParams()).size
    (3, 512)
    """
    pixels = np.asarray(pixels)[..., ::-1, :]
    stereo = pixels.ndim == 3
    if grey and not stereo:
        image = Image.fromarray(np.ascontiguousarray(pixels))
    else:
        red, green, blue = (np.zeros_like(pixels[0]), *pixels) if stereo else (pixels,) * 3
        image = Image.fromarray(np.stack([red, green, blue], -1))
    exif = image.getexif()
    exif.update(
        {
            **params.to_exif(),
            EXIF_TAGS["stereo"]: int(stereo),
            MAX_VALUE_TAG: float(loudest) * INT16,
        }
    )
    if range_db is not None:
        exif[RANGE_DB_TAG] = float(range_db)
    image.info["exif"] = exif.tobytes()
    return image


def spectrogram_from_image(
    image: Image.Image, params: SpectrogramParams | None = None
) -> np.ndarray:
    """Read mel amplitudes from a picture.

        mel = ((255 − pixel) / 255)^(1 / power) · MAX_VALUE / 32768

    ``image``: a PIL picture or a file of one (see `riffedu.signal.picture.as_picture`),
    num_frequencies pixels tall, of any width, in colour or grey (16-bit grey levels keep their
    precision); another height is resampled, see `ready`. ``params`` defaults to the picture's EXIF
    tags, and to Riffusion's values where a tag is missing. MAX_VALUE (default 30e6) and the range
    of a picture in decibels always come from the picture. Returns float32 ≥ 0, shape (512,
    columns), or (2, 512, columns) for a stereo picture (green left, blue right).

    Raises RiffeduError if ``image`` is not a picture, or its tags contradict its pixels.
    Notebook: 04_image.

    >>> image = image_from_spectrogram(np.full((512, 3), 0.5))
    >>> float(spectrogram_from_image(image).max())
    0.5
    """
    mel, loudest = unit_spectrogram(image, params)
    return mel * np.float32(loudest)


def unit_spectrogram(
    image: Image.Image,
    params: SpectrogramParams | None = None,
    columns: tuple[int, int] | None = None,
) -> tuple[np.ndarray, float]:
    """Return a picture's mel amplitudes relative to black, and the amplitude that black stands for.

    The two are separate so that pictures that differ only in level give identical arrays.
    ``columns``: (first, last + 1) of the part to read, for a picture processed in pieces.

    >>> image = image_from_spectrogram(np.full((512, 3), 0.5))
    >>> mel, loudest = unit_spectrogram(image)
    >>> float(mel.max()), loudest
    (1.0, 0.5)
    """
    image, params = ready(image, params)
    exif = tags_of(image)
    max_value = _number(exif.get(MAX_VALUE_TAG, DEFAULT_MAX_VALUE), float, "MAX_VALUE")
    if not 0 <= max_value < 1e12:
        raise RiffeduError(f"the picture's EXIF tag MAX_VALUE is {max_value}, not an amplitude")
    range_db = exif.get(RANGE_DB_TAG)
    if range_db is not None and not 0 < _number(range_db, float, "the range") < 1000:
        raise RiffeduError(f"the picture's EXIF tag for its range is {range_db}, not a value in dB")
    if columns:
        image = image.crop((columns[0], 0, columns[1], image.height))
    pixels = _greys(image, params.stereo)
    mel = from_pixels(pixels, 1.0, params.power_for_image, range_db and float(range_db))
    return mel, max_value / INT16


def ready(
    image: Any, params: SpectrogramParams | None = None
) -> tuple[Image.Image, SpectrogramParams]:
    """Return a picture that can be read, and what it means: its own tags, if ``params`` is None.

    ``image`` is anything `riffedu.signal.picture.as_picture` takes. A picture of another height is
    resampled on the mel axis, with a warning (RiffeduWarning). Raises RiffeduError for fewer than
    `LOWEST` rows.

    >>> ready(image_from_spectrogram(np.ones((512, 3))))[0].size
    (3, 512)
    """
    image = as_picture(image)
    params = params or SpectrogramParams.from_exif(tags_of(image))
    rows = params.num_frequencies
    if image.height != rows:
        if image.height < min(LOWEST, rows) or not image.width:
            raise RiffeduError(
                f"the picture is {image.width} × {image.height} pixels; it must be {rows} tall, "
                "one row per mel band"
            )
        warn(
            f"the picture is {image.height} pixels tall, not {rows}: it was resampled on the mel "
            "axis"
        )
        image = with_rows(image, rows)
    return image, params


def _greys(image: Image.Image, stereo: bool) -> np.ndarray:
    """Return grey levels 0 to 255, lowest band first; (2, rows, columns) for a stereo picture."""
    if stereo and image.mode != "RGB":
        raise RiffeduError("the picture's tags say stereo, but it is grey and has only one channel")
    if image.mode in ("I;16", "F"):
        levels: np.ndarray = np.asarray(image, dtype=np.float32)[::-1]
        return levels / 257 if image.mode == "I;16" else levels
    pixels = np.asarray(image)[::-1]
    if image.mode == "L":
        return pixels
    return pixels[..., 1:].transpose(2, 0, 1) if stereo else pixels[..., 0]


def check_size(path: str | Path, columns: int, rows: int) -> None:
    """Raise RiffeduError if a picture would be too wide for its format, or for any format.

    Call it before drawing a long sound.

    >>> check_size("clip.png", columns=512, rows=512)
    """
    widest = min(WIDEST.get(Path(path).suffix.lower(), LARGEST), LARGEST // rows)
    if columns > widest:
        other = ".png holds more" if widest < LARGEST // rows else "cut the sound into pieces"
        raise RiffeduError(f"{path}: at most {widest} columns are possible, not {columns}: {other}")


def save_image(image: Image.Image, path: str | Path, overwrite: bool = True) -> Path:
    """Write a picture with its EXIF tags; the extension sets the format (PNG is lossless).

    A picture that riffedu generated also carries how it was made, see `riffedu.signal.files.tags`.
    The file is written whole or not at all, see `riffedu.output.write_whole`; pipes, devices and
    "-" (stdout) get a PNG if their name has no extension. Raises RiffeduError for an unknown
    extension, a picture too wide for the format, or a path that cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_image(Image.new("RGB", (3, 512)), folder + "/white.png")
    ...     print(load_image(path).size)
    (3, 512)
    """
    path = Path(path).expanduser()
    usual = "PNG" if is_stream(path) else None
    kind = Image.registered_extensions().get(path.suffix.lower(), usual)
    if kind not in Image.SAVE or kind not in ("PNG", "JPEG", "TIFF", "WEBP"):
        raise RiffeduError(f"{path}: no picture format has the extension {path.suffix!r}; use .png")
    check_size(path, *image.size)
    try:
        with write_whole(path, overwrite) as part:
            image.save(part, format=kind, **image_options(image, kind))
    except ValueError as error:
        if isinstance(error, RiffeduError):
            raise
        raise RiffeduError(f"{path} cannot be written: {_reason(error)}") from None
    return path


def load_image(source: Any) -> Image.Image:
    """Read a picture file with its tags, upright and on white: see `riffedu.signal.picture`.

    ``source``: a path (``~`` is the home folder, "-" standard input), bytes, or an open binary
    file. Returns a picture of mode "L", "RGB", "I;16" or "F".

    Raises RiffeduError if the file does not exist, is not a picture, or is damaged.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_image(Image.new("RGB", (3, 512)), folder + "/white.png")
    ...     print(load_image(path).mode)
    RGB
    """
    return as_picture(open_picture(source))


def with_level(image: Image.Image, params: SpectrogramParams, gain: float) -> Image.Image:
    """Return a copy of a picture tagged with ``params``, with MAX_VALUE multiplied by ``gain``.

    >>> image = image_from_spectrogram(np.full((512, 3), 0.5))
    >>> louder = with_level(image, SpectrogramParams(), 2)
    >>> float(spectrogram_from_image(louder).max())
    1.0
    """
    image = image.copy()
    exif = image.getexif()
    loudest = float(exif.get(MAX_VALUE_TAG, DEFAULT_MAX_VALUE)) * gain
    exif.update({**params.to_exif(), MAX_VALUE_TAG: loudest})
    image.info["exif"] = exif.tobytes()
    return image


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).partition("\n")[0]
