"""Lesson 04: a spectrogram as a picture, in Riffusion's format, and back."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image

from riffedu.errors import RiffeduError

INT16 = 32768.0
"""Riffusion measures amplitudes on 16-bit samples; ours lie in [−1, 1]."""

DEFAULT_MAX_VALUE = 30e6
"""What Riffusion assumes for the amplitude of black, on the 16-bit scale."""

EXIF_TAGS = {
    "sample_rate": 11000,
    "stereo": 11005,
    "step_size_ms": 11010,
    "window_duration_ms": 11020,
    "padded_duration_ms": 11030,
    "num_frequencies": 11040,
    "min_frequency": 11050,
    "max_frequency": 11060,
    "power_for_image": 11070,
}
MAX_VALUE_TAG = 11080


@dataclass(frozen=True)
class SpectrogramParams:
    """What a picture means: Riffusion's fields and defaults.

    Durations in milliseconds, frequencies in hertz. The defaults give n_fft 17640, win_length 4410
    and hop_length 441: a column every 10 ms, seen through a 100 ms window, in 512 bands up to
    10 kHz. Raises RiffeduError for numbers that make no spectrogram. Notebook: 04_image.
    """

    stereo: bool = False
    sample_rate: int = 44100
    step_size_ms: int = 10
    window_duration_ms: int = 100
    padded_duration_ms: int = 400
    num_frequencies: int = 512
    min_frequency: int = 0
    max_frequency: int = 10000
    mel_scale_norm: str | None = None
    mel_scale_type: str = "htk"
    max_mel_iters: int = 200
    num_griffin_lim_iters: int = 32
    power_for_image: float = 0.25

    def __post_init__(self):
        for name in ("sample_rate", "num_frequencies", "power_for_image"):
            if not getattr(self, name) > 0:
                value = getattr(self, name)
                raise RiffeduError(f"SpectrogramParams: {name}={value} must be above 0")
        if not 1 <= self.hop_length <= self.win_length <= self.n_fft:
            raise RiffeduError(
                f"SpectrogramParams: step_size_ms={self.step_size_ms} <= window_duration_ms="
                f"{self.window_duration_ms} <= padded_duration_ms={self.padded_duration_ms} is "
                "needed, and a step of at least one sample"
            )
        if not 0 <= self.min_frequency < self.max_frequency <= self.sample_rate / 2:
            raise RiffeduError(
                f"SpectrogramParams: 0 <= min_frequency={self.min_frequency} < max_frequency="
                f"{self.max_frequency} <= sample_rate / 2 = {self.sample_rate / 2:g} is needed"
            )

    @property
    def n_fft(self) -> int:
        """Samples in a frame, the zeros beside the window included."""
        return int(self.padded_duration_ms * self.sample_rate / 1000)

    @property
    def win_length(self) -> int:
        """Samples under the window."""
        return int(self.window_duration_ms * self.sample_rate / 1000)

    @property
    def hop_length(self) -> int:
        """Samples from one column to the next."""
        return int(self.step_size_ms * self.sample_rate / 1000)

    def to_exif(self) -> dict[int, int | float]:
        """Riffusion's EXIF tags for these numbers."""
        return {tag: getattr(self, name) for name, tag in EXIF_TAGS.items()}

    @classmethod
    def from_exif(cls, exif) -> SpectrogramParams:
        """From a mapping of EXIF tags; defaults stand in for tags that are not there.

        Raises RiffeduError for a tag that holds no such number.
        """
        kinds = {field.name: type(field.default) for field in fields(cls)}
        found = {name: _number(exif[tag], kinds[name], name)
                 for name, tag in EXIF_TAGS.items() if tag in exif}
        return cls(**found)


def image_from_spectrogram(mel, params: SpectrogramParams | None = None) -> Image.Image:
    """Draws mel amplitudes: dark is loud, low is down, one column per hop.

        pixel = ⌊255 − 255 · (mel / max mel)^power⌋,   power = 0.25

    The power brings quiet and loud together as ears do: at 255 grey levels a linear picture would
    show the loudest 48 dB only, this one reaches down to 192 dB. ``mel`` ≥ 0: shape (512, columns)
    or (1, 512, columns) gives three equal channels; (2, 512, columns) red 0, green left, blue
    right. Returns an RGB picture whose EXIF tags hold ``params`` and MAX_VALUE, the amplitude of
    black on the 16-bit scale, so that the level comes back. Silence is white.

    Raises RiffeduError for other shapes and for values that are negative or not finite.
    Source: riffusion-hobby's image format. Notebook: 04_image.
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
    share = mel / loudest if loudest > 0 else mel
    pixels = (255 - 255 * share**params.power_for_image).astype(np.uint8)[..., ::-1, :]
    red, green, blue = (np.zeros_like(pixels[0]), *pixels) if mel.ndim == 3 else (pixels,) * 3
    image = Image.fromarray(np.stack([red, green, blue], -1))
    exif = image.getexif()
    exif.update({**params.to_exif(), EXIF_TAGS["stereo"]: int(mel.ndim == 3),
                 MAX_VALUE_TAG: loudest * INT16})
    image.info["exif"] = exif.tobytes()
    return image


def spectrogram_from_image(image: Image.Image,
                           params: SpectrogramParams | None = None) -> np.ndarray:
    """Reads mel amplitudes off a picture.

        mel = ((255 − pixel) / 255)^(1 / power) · MAX_VALUE / 32768

    ``image``: num_frequencies pixels tall and any width. ``params`` (default: the picture's EXIF
    tags, and Riffusion's numbers where it has none) say what the picture means; MAX_VALUE always
    comes from the picture, 30e6 where it has none. Returns float32 ≥ 0, shape (512, columns), or
    (2, 512, columns) for a stereo picture (green left, blue right).

    Raises RiffeduError when this is no picture, its height does not match or its tags lie.
    Notebook: 04_image.
    """
    if not isinstance(image, Image.Image):
        raise RiffeduError(f"a PIL picture is needed (PIL.Image.open), not {type(image).__name__}")
    exif = image.getexif()
    params = params or SpectrogramParams.from_exif(exif)
    if image.height != params.num_frequencies:
        raise RiffeduError(
            f"the picture is {image.width} × {image.height} pixels; it must be "
            f"{params.num_frequencies} tall, one row per mel band"
        )
    max_value = _number(exif.get(MAX_VALUE_TAG, DEFAULT_MAX_VALUE), float, "MAX_VALUE")
    if not 0 <= max_value < 1e12:
        raise RiffeduError(f"the picture's EXIF tag MAX_VALUE holds {max_value}, no amplitude")
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32)[::-1]
    pixels = pixels[..., 1:].transpose(2, 0, 1) if params.stereo else pixels[..., 0]
    loudness = (255 - pixels) / 255
    return loudness ** (1 / params.power_for_image) * np.float32(max_value / INT16)


def save_image(image: Image.Image, path) -> Path:
    """Writes a picture with its EXIF tags; the ending chooses the format (PNG keeps every pixel).

    Written beside its place first and then moved there, so that no half picture is ever left.
    Raises RiffeduError for an unknown ending or a place that cannot be written.
    """
    path = Path(path)
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE or kind not in ("PNG", "JPEG", "TIFF", "WEBP"):
        raise RiffeduError(f"{path}: no picture format ends in {path.suffix!r}; use .png")
    beside = path.with_name(f".{path.name}.part")
    try:
        image.save(beside, format=kind, exif=image.getexif().tobytes())
        os.replace(beside, path)
    except (OSError, ValueError) as error:
        raise RiffeduError(f"{path} cannot be written: {_reason(error)}") from None
    finally:
        beside.unlink(missing_ok=True)
    return path


def load_image(path) -> Image.Image:
    """Reads a picture file whole, tags included.

    Raises RiffeduError where there is no such file or no picture in it.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except Image.DecompressionBombError:
        raise RiffeduError(f"{path} is too large a picture to be a spectrogram") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise RiffeduError(f"{path} is no picture that can be read: {_reason(error)}") from None


def _number(value, kind: type, name: str):
    try:
        number = float(value)
        return bool(number) if kind is bool else kind(number)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        raise RiffeduError(f"the picture's EXIF tag for {name} holds {value!r}") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).partition("\n")[0]
