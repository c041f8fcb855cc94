"""Small effects: reverb, drive, low-pass, tremolo and chorus.

Waveforms are float32, mono, shape (samples,), 44.1 kHz. Taught by notebook 14.
"""

from __future__ import annotations

import numpy as np

from .music.draws import pick
from .render import SAMPLE_RATE


def rms(sound: np.ndarray) -> float:
    """Return the root mean square of the samples."""
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def reverb(sound: np.ndarray, rng: np.random.Generator, seconds: float, wet: float) -> np.ndarray:
    """Add reverberation: the sound convolved with noise that decays by 60 dB in ``seconds``.

    ``wet`` is the RMS of the reverberation relative to that of the dry sound.
    """
    from scipy.signal import fftconvolve

    t = np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    room = rng.standard_normal(len(t)).astype(np.float32) * np.exp(-6.91 * t / seconds)
    room = np.convolve(room, [0.25, 0.5, 0.25], "same").astype(np.float32)  # walls absorb treble
    tail = fftconvolve(sound, room)[: len(sound)].astype(np.float32)
    return sound + wet * tail * rms(sound) / max(1e-9, rms(tail))


def drive(sound: np.ndarray, amount: float) -> np.ndarray:
    """Clip softly: tanh(amount · x) with x scaled to a peak of 1."""
    return np.tanh(amount * sound / max(1e-9, float(np.abs(sound).max()))).astype(np.float32)


def low_pass(sound: np.ndarray, hertz: float) -> np.ndarray:
    """Apply a fourth-order Butterworth low-pass."""
    from scipy.signal import butter, sosfilt

    return sosfilt(butter(4, hertz, fs=SAMPLE_RATE, output="sos"), sound).astype(np.float32)


def tremolo(sound: np.ndarray, hertz: float, depth: float) -> np.ndarray:
    """Modulate the amplitude by ``depth`` (0..1) at ``hertz``."""
    t = np.arange(len(sound), dtype=np.float32) / SAMPLE_RATE
    return sound * (1 - depth * (0.5 - 0.5 * np.cos(2 * np.pi * hertz * t))).astype(np.float32)


def chorus(sound: np.ndarray, hertz: float, depth: float = 0.004) -> np.ndarray:
    """Add a copy whose delay varies around 20 ms by ``depth`` seconds at ``hertz``."""
    n = np.arange(len(sound))
    delay = SAMPLE_RATE * (0.02 + depth * np.sin(2 * np.pi * hertz * n / SAMPLE_RATE))
    return (0.7 * sound + 0.7 * np.interp(n - delay, n, sound, left=0.0)).astype(np.float32)


DRIVE_INSTRUMENTS = (
    "electric guitar",
    "rock organ",
    "electric bass",
    "synth bass",
    "synth lead",
    "electric piano",
    "drums",
    "harmonica",
    "double bass",
    "slap bass",
)
LOW_INSTRUMENTS = ("double bass", "electric bass", "slap bass", "synth bass")


def apply_effects(
    rng: np.random.Generator, sound: np.ndarray, metadata: dict
) -> tuple[np.ndarray, list[str]]:
    """Apply no effect (62 % of the clips) or one; return the sound and the effect's name.

    The effects are reverb, drive, low-pass, tremolo and chorus.
    """
    roll, effects = rng.random(), []
    if metadata["style"] == "ambient":
        roll = 0.65
    low = metadata["instruments"][0] in LOW_INSTRUMENTS
    if roll >= 0.62:
        kind = "reverb" if roll < 0.84 else pick(rng, ("low-pass", "drive", "tremolo", "chorus"))
        if kind == "drive" and metadata["instruments"][0] not in DRIVE_INSTRUMENTS:
            kind = "reverb"
        if kind == "reverb" and low and metadata["kind"] == "solo":
            kind = pick(rng, ("low-pass", "drive"))  # reverb makes a bass muddy
        if kind in ("tremolo", "chorus") and metadata["kind"] in ("band", "drums"):
            kind = "low-pass"
        if kind == "reverb":
            sound = reverb(sound, rng, float(rng.uniform(0.8, 2.8)), float(rng.uniform(0.2, 0.55)))
        elif kind == "low-pass":
            sound = low_pass(sound, float(np.exp(rng.uniform(np.log(600), np.log(2200)))))
        elif kind == "drive":
            sound = drive(sound, float(rng.uniform(4, 15)))
        elif kind == "tremolo":
            sound = tremolo(sound, float(rng.uniform(3, 8)), float(rng.uniform(0.5, 0.9)))
        else:
            sound = chorus(sound, float(rng.uniform(0.5, 1.5)))
        effects.append(kind)
    return sound, effects
