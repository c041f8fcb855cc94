"""What a spectrogram picture means: its parameters and EXIF tags (lesson 03)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from riffedu.errors import RiffeduError

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


LONGEST_FRAME = 2**20
"""Samples; more is a mistake, and would ask for all of a laptop's memory."""


@dataclass(frozen=True)
class SpectrogramParams:
    """The parameters that give a spectrogram picture its meaning, with Riffusion's defaults.

    Durations in milliseconds, frequencies in hertz. The defaults give n_fft 17640, win_length 4410
    and hop_length 441: one column every 10 ms, a 100 ms window and 512 mel bands up to
    10 kHz. Raises RiffeduError for values that cannot describe a spectrogram. Notebook: 04_image.
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

    def __post_init__(self) -> None:
        for name in ("sample_rate", "num_frequencies", "power_for_image"):
            if not 0 < getattr(self, name) < float("inf"):
                value = getattr(self, name)
                raise RiffeduError(f"SpectrogramParams: {name}={value} must be above 0")
        if not 1e-3 <= self.power_for_image <= 1e3:
            raise RiffeduError(
                f"SpectrogramParams: power_for_image={self.power_for_image:g} must lie between "
                "0.001 and 1000"
            )
        if self.n_fft > LONGEST_FRAME or self.num_frequencies > LONGEST_FRAME // 2:
            raise RiffeduError(
                f"SpectrogramParams: sample_rate={self.sample_rate}, padded_duration_ms="
                f"{self.padded_duration_ms} and num_frequencies={self.num_frequencies} give "
                f"frames of over {LONGEST_FRAME} samples"
            )
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
        """Samples in a frame, including the zero padding on both sides of the window."""
        return int(self.padded_duration_ms * self.sample_rate / 1000)

    @property
    def win_length(self) -> int:
        """Samples under the window."""
        return int(self.window_duration_ms * self.sample_rate / 1000)

    @property
    def hop_length(self) -> int:
        """Samples from one column to the next."""
        return int(self.step_size_ms * self.sample_rate / 1000)

    @property
    def column_ms(self) -> float:
        """Milliseconds from one column to the next: 4.9887 (220 samples) for steps of 5 ms."""
        return 1000 * self.hop_length / self.sample_rate

    def to_exif(self) -> dict[int, int | float]:
        """Return the parameters as Riffusion's EXIF tags: tag number → value."""
        return {tag: getattr(self, name) for name, tag in EXIF_TAGS.items()}

    @classmethod
    def from_exif(cls, exif: Mapping[int, Any]) -> SpectrogramParams:
        """Read the parameters from EXIF tags; a missing tag gets its default.

        Raises RiffeduError if a tag is not a number of the right kind.
        """
        kinds = {field.name: type(field.default) for field in fields(cls)}
        found = {
            name: _number(exif[tag], kinds[name], name)
            for name, tag in EXIF_TAGS.items()
            if tag in exif
        }
        return cls(**found)


def _number(value: Any, kind: type, name: str) -> Any:
    try:
        number = float(value)
        return bool(number) if kind is bool else kind(number)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        raise RiffeduError(
            f"the picture's EXIF tag for {name} is {value!r}, which is not a valid number"
        ) from None
