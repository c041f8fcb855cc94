"""A checked sound: what every player in the course plays.

``IPython.display.Audio`` normalises to full scale by default, which would falsify every lesson
about level. Here a sound plays at the level of its samples, and the caption states that level. A
sound that would clip raises an error, or is attenuated by an amount that the caption states.
"""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.arrays import as_rate, as_waveform
from riffedu.signal.audio import peak_db, rms_db
from riffedu.signal.files.saving import write_sound
from riffedu.signal.files.tags import image_record
from riffedu.widgets.pictures import describe

if TYPE_CHECKING:
    from PIL.Image import Image


class Sound:
    """Samples that are safe to play at their own level, with a label and a picture.

    ``waveform`` is float32, ``(samples,)`` or ``(channels, samples)``. ``original`` is the waveform
    before it was attenuated by ``gain_db`` (in dB, at most 0). ``image`` is its spectrogram
    picture, if there is one. `html` is the browser's own audio player.
    """

    def __init__(
        self,
        waveform: np.ndarray,
        sample_rate: int,
        label: str,
        gain_db: float = 0.0,
        image: Image | None = None,
        original: np.ndarray | None = None,
    ):
        self.waveform, self.sample_rate = waveform, sample_rate
        self.label, self.gain_db, self.image = label, gain_db, image
        self.original = waveform if original is None else original

    @classmethod
    def of(
        cls,
        waveform: np.ndarray,
        sample_rate: int,
        label: str = "Sound",
        attenuate: bool = False,
        image: Image | None = None,
    ) -> Self:
        """Check a waveform; `riffedu.widgets.play` documents the arguments and errors."""
        sound, sample_rate = as_waveform(waveform), as_rate(sample_rate)
        if sound.ndim == 2 and len(sound) > 2:
            raise RiffeduError(
                "play() needs samples of shape (samples,) or (1 or 2 channels, samples), "
                f"not {sound.shape}"
            )
        if not (isinstance(sample_rate, int) and 1000 <= sample_rate <= 655350):
            raise RiffeduError(
                "sample_rate must be a whole number of samples per second from 1000 to 655350, not "
                f"{sample_rate}"
            )
        peak, gain_db = float(peak_db(sound)), 0.0
        if peak > 0:
            if not attenuate:
                raise RiffeduError(
                    f"the sound would clip: its peak is {peak:.1f} dB above full scale; "
                    "lower it with riffedu.signal.audio.set_level, or pass attenuate=True"
                )
            gain_db = -1.0 - peak
        attenuated = sound * np.float32(10 ** (gain_db / 20)) if gain_db else sound
        return cls(attenuated, int(sample_rate), label, gain_db, image, sound)

    @property
    def alt(self) -> str:
        """A description for screen readers, from the picture or else from the caption."""
        if self.image is None:
            return f"{self.label}: {self.caption}."
        return describe(self.image, self.label)

    @property
    def caption(self) -> str:
        """Duration, sample rate and level in words."""
        seconds = self.waveform.shape[-1] / self.sample_rate
        rms, peak = rms_db(self.waveform), peak_db(self.waveform)
        level = "silent" if peak == -np.inf else f"RMS {rms:.1f} dBFS, peak {peak:.1f} dBFS"
        lowered = f", turned down by {-self.gain_db:.1f} dB" if self.gain_db else ""
        return f"{seconds:.2f} s, {self.sample_rate} Hz, {level}{lowered}"

    @property
    def html(self) -> str:
        """The browser's own player, with the sound as FLAC inside."""
        record = image_record(self.image) if self.image else None
        sound = base64.b64encode(flac(self.waveform, self.sample_rate, record)).decode()
        label = html.escape(self.label, quote=True)
        return (
            '<figure style="margin:0.4em 0">'
            f"<figcaption><b>{label}</b></figcaption>"
            f'<audio controls preload="auto" aria-label="{label}" style="width:300px;'
            f'max-width:100%" src="data:audio/flac;base64,{sound}"></audio>'
            f'<figcaption style="font-size:85%;opacity:0.85">{self.caption}</figcaption></figure>'
        )

    def __repr__(self) -> str:
        return f"{self.label}: {self.caption}"


def flac(waveform: np.ndarray, sample_rate: int, record: dict | None = None) -> bytes:
    """Encode a waveform as a 16-bit FLAC file, about half the size of a WAV file.

    ``record`` says inside how the sound was made, see `riffedu.signal.files.tags`.
    """
    file = io.BytesIO()
    write_sound(file, waveform, sample_rate, ".flac", record=record)
    return file.getvalue()


def prompt_of(result: Any) -> str:
    """Return the prompt of a generated result, or "no prompt" if it is empty."""
    return str(result.parameters.get("prompt") or "no prompt")
