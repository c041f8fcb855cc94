"""A sound that has been checked: what every player in the course plays.

``IPython.display.Audio`` turns every sound up to full scale unless told not to, which makes a
lesson on loudness lie. Here a sound plays at the level that its numbers have; the caption says the
level; and what would clip is refused, or turned down by an amount that the caption states.
"""

from __future__ import annotations

import base64
import html
import io

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.audio import peak_db, rms_db
from riffedu.widgets.pictures import describe


class Sound:
    """A sound that is safe to play, at the level that its numbers have.

    `html` is the browser's own player; ``unturned`` is the waveform before it was turned down by
    ``gain_db``; ``image`` its picture, where it has one.
    """

    def __init__(
        self,
        waveform: np.ndarray,
        sample_rate: int,
        label: str,
        gain_db: float = 0.0,
        image=None,
        unturned: np.ndarray | None = None,
    ):
        self.waveform, self.sample_rate = waveform, sample_rate
        self.label, self.gain_db, self.image = label, gain_db, image
        self.unturned = waveform if unturned is None else unturned

    @classmethod
    def of(
        cls, waveform, sample_rate: int, label: str = "Sound", attenuate: bool = False, image=None
    ):
        """A waveform, checked: see `riffedu.widgets.play` for what is refused."""
        sound = np.asarray(waveform, dtype=np.float32)
        if sound.ndim not in (1, 2) or sound.size == 0 or (sound.ndim == 2 and len(sound) > 2):
            raise RiffeduError(
                "play() wants samples of shape (samples,) or (1 or 2 channels, samples), "
                f"and got shape {sound.shape}"
            )
        if not np.isfinite(sound).all():
            raise RiffeduError(
                "this sound holds NaN or infinity: look for a division by zero upstream"
            )
        if not (isinstance(sample_rate, (int, np.integer)) and 1000 <= sample_rate <= 655350):
            raise RiffeduError(
                f"sample_rate is samples per second, such as 44100; got {sample_rate!r}"
            )
        peak, gain_db = float(peak_db(sound)), 0.0
        if peak > 0:
            if not attenuate:
                raise RiffeduError(
                    f"this sound would clip: its peak is {peak:.1f} dB over full scale; turn it down "
                    "(riffedu.signal.audio.set_level), or let play(..., attenuate=True) do it and say so"
                )
            gain_db = -1.0 - peak
        turned = sound * np.float32(10 ** (gain_db / 20)) if gain_db else sound
        return cls(turned, int(sample_rate), label, gain_db, image, sound)

    @property
    def alt(self) -> str:
        """The sound in words, as far as its picture or its numbers tell them."""
        if self.image is None:
            return f"{self.label}: {self.caption}."
        return describe(self.image, self.label)

    @property
    def caption(self) -> str:
        seconds = self.waveform.shape[-1] / self.sample_rate
        rms, peak = rms_db(self.waveform), peak_db(self.waveform)
        level = "silent" if peak == -np.inf else f"RMS {rms:.1f} dBFS, peak {peak:.1f} dBFS"
        turned = f", turned down by {-self.gain_db:.1f} dB" if self.gain_db else ""
        return f"{seconds:.2f} s, {self.sample_rate} Hz, {level}{turned}"

    @property
    def html(self) -> str:
        sound = base64.b64encode(flac(self.waveform, self.sample_rate)).decode()
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


def flac(waveform: np.ndarray, sample_rate: int) -> bytes:
    """A waveform as the bytes of a 16-bit FLAC file: lossless, about half the size of WAV."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, waveform.T, sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def prompt_of(result) -> str:
    """The words that a result was made from; "no prompt" for the empty one."""
    return str(result.parameters.get("prompt") or "no prompt")
