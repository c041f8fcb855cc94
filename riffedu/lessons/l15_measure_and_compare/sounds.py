"""Sounds of notebooks/15_measure_and_compare.ipynb: what fools a figure, a tune, coded clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from riffedu.miniatures import tokens
from riffedu.signal import synth
from riffedu.signal.audio import set_level

if TYPE_CHECKING:
    from PIL.Image import Image

RATE = 44100
SCALE = (57, 60, 62, 64, 67, 69, 72, 74, 76, 79)  # A minor pentatonic, two octaves, in MIDI
NOTE = 0.24  # seconds: six frames of tokens
STEPS = (-2, -1, -1, 0, 1, 1, 2)  # along the scale, from note to note, each equally likely
BOOKS = (1, 2, 4, 8)


def fooling_sounds(seconds: float = 5.12) -> dict[str, tuple[str, np.ndarray]]:
    """Return, for each measure, a sound that it rates high and nobody calls music."""
    random, t = np.random.default_rng(0), synth.times(seconds, RATE)
    hiss = random.standard_normal(len(t))
    clicks = np.zeros(len(t))
    clicks[:: RATE // 2] = 0.9
    sounds = {
        "notes": (
            "five sines that never change",
            sum(np.sin(2 * np.pi * f * t) for f in random.uniform(100, 2000, 5)),
        ),
        "beat": ("hiss that swells twice a second", hiss * (0.5 - 0.5 * np.cos(4 * np.pi * t))),
        "attack": ("clicks in silence", clicks),
        "harmonics": ("a buzz", np.sign(np.sin(2 * np.pi * 110 * t))),
    }
    return {name: (what, set_level(x.astype(np.float32))) for name, (what, x) in sounds.items()}


def reed(hertz: float, seconds: float, sample_rate: int) -> np.ndarray:
    """Return a note of odd harmonics that is held to its end, as on a clarinet."""
    t = synth.times(seconds, sample_rate)
    tone = synth.harmonics(hertz, [1, 0, 0.6, 0, 0.4, 0, 0.3], seconds, sample_rate)
    return tone * np.clip(np.minimum(t, seconds - t) / 0.03, 0, 1)


def tune(
    seconds: float = 30.0, seed: int = 0, instrument: Callable[..., np.ndarray] = synth.pluck
) -> np.ndarray:
    """Return notes of a pentatonic scale at 250 per minute, each a small step from the last."""
    random, place, parts = np.random.default_rng(seed), 5, []
    for _ in range(round(seconds / NOTE)):
        place = int(np.clip(place + random.choice(STEPS), 0, len(SCALE) - 1))
        hertz = 440 * 2 ** ((SCALE[place] - 69) / 12)
        parts.append(instrument(hertz, NOTE, RATE)[: round(NOTE * RATE)])
    return set_level(np.concatenate(parts).astype(np.float32))


def surprise(codebooks: int = 4) -> float:
    """Return the loss that no model of `tune` can honestly go below, in nats per token.

        H / (frames per note · codebooks),   H = − Σ p log p over the steps of the melody

    Each note is a throw of a die, and the rest follows from it. (At the ends of the scale, where
    steps are cut off, it is a little less.)
    """
    share = np.unique(STEPS, return_counts=True)[1] / len(STEPS)
    return float(-(share * np.log(share)).sum() / (round(NOTE * 25) * codebooks))


def image_of(pixels: np.ndarray, like: Image) -> Image:
    """Return grey levels (512, columns) as a picture with the tags of ``like``."""
    from PIL import Image as images

    picture = images.fromarray(pixels).convert("RGB")
    if "exif" in like.info:
        picture.info["exif"] = like.info["exif"]
    return picture


def as_image(frames: np.ndarray, like: Image) -> Image:
    """Return frames of `riffedu.miniatures.tokens` as a picture with the tags of ``like``."""
    return image_of(tokens.to_pixels(frames), like)


def order() -> dict[str, int]:
    """Return the number of codebooks of each clip of exercise 4, by its letter."""
    drawn = np.random.default_rng(15).permutation(4)
    return {letter: BOOKS[n] for letter, n in zip("ABCD", drawn)}


def coded_sounds(
    image: Image, codec: Sequence[np.ndarray], frames: int = 64
) -> tuple[dict[str, np.ndarray], int]:
    """Return one clip coded with 1, 2, 4 and 8 codebooks: ({letter: waveform}, sample rate)."""
    from riffedu.signal.reconstruct import image_to_audio

    coded = tokens.encode(tokens.to_frames(np.asarray(image.convert("L")))[:frames], codec)
    made, rate = {}, RATE
    for letter, books in order().items():
        picture = as_image(tokens.decode(coded[:, :books], codec), image)
        sound, rate = image_to_audio(picture, progress=False)
        made[letter] = set_level(sound)
    return made, rate
