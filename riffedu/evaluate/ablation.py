"""Lesson 15: the pipeline part by part: what do phase, codec and denoiser each lose?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline


def versions(
    pipeline: Pipeline, waveform: np.ndarray, sample_rate: int
) -> tuple[dict[str, np.ndarray], int]:
    """Return a real sound after more and more of the pipeline: ({name: waveform}, sample rate).

    "original"; "picture" went through a picture, which loses the phase, and back; "codec" also
    through the autoencoder. What a generated clip loses beyond "codec" is the denoiser's. The level
    of the original is kept. Notebook: 15_measure_and_compare.
    """
    from riffedu.signal.audio import resample
    from riffedu.signal.convert import audio_to_image
    from riffedu.signal.reconstruct import image_to_audio

    params = pipeline.params
    mono = np.atleast_2d(waveform).mean(axis=0).astype(np.float32)
    original = resample(mono, sample_rate, params.sample_rate)
    image = audio_to_image(original, params.sample_rate, params)
    [decoded] = pipeline.decode_latents(pipeline.encode_image(image), image.width)
    found = {"original": original}
    for name, picture in (("picture", image), ("codec", decoded)):
        sound, _ = image_to_audio(picture, params, progress=False)
        found[name] = _at_level_of(original, sound)
    return found, params.sample_rate


def _at_level_of(original: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """Return ``sound`` at the RMS of ``original``, or at a peak of −1 dBFS if that comes first."""
    from riffedu.signal.audio import rms_db, set_level

    return set_level(sound, float(rms_db(original))) if np.any(original) else sound


def measured(waveform: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Return the four measures of sound, by name (nan: nothing to measure).

    Notes and harmonics: `riffedu.evaluate.pitch`; beat and attack: `riffedu.evaluate.rhythm`.
    """
    from riffedu.evaluate import pitch, rhythm

    return {
        "notes": pitch.notes(waveform, sample_rate).value,
        "beat": rhythm.beat(waveform, sample_rate).value,
        "attack": rhythm.attack(waveform, sample_rate).value,
        "harmonics": pitch.harmonics(waveform, sample_rate).value,
    }
