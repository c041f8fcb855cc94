"""Lesson 12: stems. Split a sound by masks into parts that add up to it again.

Tones are horizontal lines in a spectrogram, strokes are vertical ones. A median along time keeps
the first, a median along frequency the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.signal.arrays import Array, as_waveform
from riffedu.signal.stft import istft, stft

N_FFT, HOP_LENGTH = 4096, 1024
BANDS = {"bass": (0.0, 250.0), "middle": (250.0, 2000.0), "treble": (2000.0, np.inf)}
METHODS = ("harmonic", "bands", "demucs")


def harmonic_percussive_masks(
    magnitude: np.ndarray, width: int = 31, power: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the soft masks of tones and of strokes; they sum to 1.

        H = median over time of |X|,   P = median over frequency of |X|
        M_H = H^p / (H^p + P^p),   M_P = 1 − M_H

    ``magnitude (frequencies, frames)`` is not negative; ``width`` is the length of both medians, in
    bins or frames, odd. Where both medians are 0, each mask is ½. Source: D. FitzGerald,
    "Harmonic/percussive separation using median filtering", Proc. DAFx (2010). Notebook:
    12_editing.

    >>> magnitude = np.eye(64)[20][:, None] * np.ones(64)
    >>> float(harmonic_percussive_masks(magnitude)[0][20, 30])
    1.0
    """
    from scipy.ndimage import median_filter

    if limits.whole("width", width, 3, 1001) % 2 == 0:
        raise RiffeduError(f"the width of a median filter must be odd, not {width}")
    harmonic = median_filter(magnitude, size=(1, width), mode="reflect") ** power
    percussive = median_filter(magnitude, size=(width, 1), mode="reflect") ** power
    total = harmonic + percussive
    mask = np.divide(harmonic, total, out=np.full_like(total, 0.5), where=total > 0)
    return mask, 1 - mask


def band_masks(frequencies: np.ndarray, bands: Mapping[str, tuple[float, float]] = BANDS) -> dict:
    """Return a mask ``(frequencies, 1)`` per band: 1 from its lowest frequency up to its highest.

    >>> [float(mask.sum()) for mask in band_masks(np.array([100.0, 300.0, 5000.0])).values()]
    [1.0, 1.0, 1.0]
    """
    return {
        name: ((frequencies >= low) & (frequencies < high)).astype(np.float32)[:, None]
        for name, (low, high) in bands.items()
    }


def split(waveform: Array, sample_rate: int, method: str = "harmonic") -> dict[str, np.ndarray]:
    """Split a sound into stems that sum to it: a waveform of the same shape for each name.

    ``method`` is "harmonic" (the stems ``harmonic`` and ``percussive``), "bands" (``bass``,
    ``middle`` and ``treble``, at 250 and 2000 Hz) or "demucs" (``drums``, ``bass``, ``other`` and
    ``vocals``, by the network of A. Défossez, if the package demucs and its weights are there).
    The channels of a stereo sound are split by one mask, from the mean of their magnitudes.

    Raises RiffeduError for an unknown method, or if demucs is not installed. Notebook:
    12_editing.

    >>> stems = split(np.sin(np.arange(8192) / 9), 44100)
    >>> list(stems), bool(np.abs(sum(stems.values()) - np.sin(np.arange(8192) / 9)).max() < 1e-5)
    (['harmonic', 'percussive'], True)
    """
    waveform = as_waveform(waveform)
    limits.one_of("method", method, METHODS)
    if method == "demucs":
        return _demucs(waveform, sample_rate)
    length = waveform.shape[-1]
    padded = np.pad(waveform, [(0, 0)] * (waveform.ndim - 1) + [(0, max(0, N_FFT - length))])
    spectrum = stft(padded.astype(np.float64), N_FFT, HOP_LENGTH)
    if method == "bands":
        masks = band_masks(np.fft.rfftfreq(N_FFT, 1 / sample_rate))
    else:
        magnitude = np.abs(spectrum) if spectrum.ndim == 2 else np.abs(spectrum).mean(0)
        masks = dict(zip(("harmonic", "percussive"), harmonic_percussive_masks(magnitude)))
    return {
        name: istft(mask * spectrum, N_FFT, HOP_LENGTH, length=padded.shape[-1])[
            ..., :length
        ].astype(np.float32)
        for name, mask in masks.items()
    }


def recombine(
    stems: Mapping[str, Array], gains_db: Mapping[str, float] | None = None
) -> np.ndarray:
    """Mix stems with a gain in dB for each; a stem that ``gains_db`` does not name keeps 0 dB.

    −inf leaves a stem out. Raises RiffeduError for a gain of a stem that is not there.

    >>> recombine({"a": [1.0, 1.0], "b": [0.5, 0.5]}, {"a": -np.inf}).tolist()
    [0.5, 0.5]
    """
    gains = dict(gains_db or {})
    if unknown := gains.keys() - stems.keys():
        raise RiffeduError(f"there is no stem {min(unknown)!r}: choose from {', '.join(stems)}")
    factors = {name: 10 ** (gains.get(name, 0.0) / 20) for name in stems}
    if not all(np.isfinite(factor) for factor in factors.values()):
        raise RiffeduError("a gain must be a number of dB, or -inf to leave a stem out")
    parts = [np.float32(factors[name]) * as_waveform(stem) for name, stem in stems.items()]
    return np.sum(parts, axis=0)


def _demucs(waveform: np.ndarray, sample_rate: int) -> dict[str, np.ndarray]:
    """Split a sound with demucs, resampled to its rate and back."""
    from riffedu.signal.audio import resample

    try:
        import torch
        from demucs.apply import apply_model
        from demucs.pretrained import get_model
    except ImportError:
        raise RiffeduError(
            'demucs is not installed: run `pip install demucs`, or split by "harmonic" or "bands"'
        ) from None
    try:
        model: Any = get_model("htdemucs")
    except Exception as error:  # whatever its download raises
        raise RiffeduError(
            f"the weights of demucs (htdemucs, 84 MB) cannot be loaded: {error}"
        ) from None
    sound = resample(waveform, sample_rate, model.samplerate)
    stereo = np.broadcast_to(np.atleast_2d(sound), (2, sound.shape[-1]))
    with torch.inference_mode():
        parts = apply_model(model, torch.from_numpy(stereo.copy())[None], progress=False)[0]
    stems = {}
    for name, part in zip(model.sources, parts.numpy()):
        own = part if waveform.ndim == 2 else part.mean(0)
        back = resample(own, model.samplerate, sample_rate)[..., : waveform.shape[-1]]
        missing = waveform.shape[-1] - back.shape[-1]
        stems[name] = np.pad(back, [(0, 0)] * (back.ndim - 1) + [(0, missing)])
    return stems
