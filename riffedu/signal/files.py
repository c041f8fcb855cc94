"""Lesson 01: opening sound files, with errors of one line. Used by `riffedu.signal.audio`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from riffedu.errors import RiffeduError

RATES = (1000, 768000)
"""Lowest and highest sample rate accepted, in Hz: a damaged header can hold any number."""


@contextmanager
def open_sound(path: str | Path) -> Iterator[Any]:
    """Open a sound file; turn any error into a one-line RiffeduError.

    >>> with open_sound("none.wav"):
    ...     pass
    Traceback (most recent call last):
    riffedu.errors.RiffeduError: none.wav: there is no such sound file
    """
    import soundfile

    if not Path(path).is_file():
        raise RiffeduError(f"{path}: there is no such sound file")
    try:
        with soundfile.SoundFile(path) as file:
            low, high = RATES
            if not low <= file.samplerate <= high:
                raise RiffeduError(
                    f"{path}: the header is damaged: its sample rate, {file.samplerate} Hz, "
                    f"is not between {low} and {high} Hz"
                )
            yield file
    except RiffeduError:
        raise
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        raise RiffeduError(
            f"{path} cannot be read as a sound; it may be damaged or cut short: {reason(error)}"
        ) from None


def as_channels(path: str | Path, samples: np.ndarray) -> np.ndarray:
    """Convert (samples, channels) to (samples,) or (channels, samples).

    Raises RiffeduError for NaN or infinite samples.

    >>> as_channels("a.wav", np.zeros((5, 2))).shape
    (2, 5)
    """
    if not np.isfinite(samples).all():
        raise RiffeduError(f"{path} contains NaN or infinite samples: export it again")
    return samples[:, 0] if samples.shape[1] == 1 else np.ascontiguousarray(samples.T)


def reason(error: Exception) -> str:
    """Return the first line of an error, without its full stop.

    >>> reason(ValueError("wrong header."))
    'wrong header'
    """
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return text.strip().rstrip(".").partition("\n")[0]
