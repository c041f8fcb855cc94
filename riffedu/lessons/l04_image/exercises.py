"""Exercises of notebooks/04_image.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from riffedu.widgets.answers import as_array, as_number, as_numbers, as_words, first_wrong
from riffedu.widgets.verdict import check, hint, right, run

_SOUNDS_LIKE = {
    "reversed": "Reversed, every note swells and then breaks off.",
    "upside down": "Upside down, the melody's steps go the other way, high above the old place.",
    "higher": "60 rows up, the melody keeps its direction and its overtones no longer fit.",
    "in proportion": "In proportion, the tune stays as it was, and hiss fills its pauses.",
}
PICTURES = dict(zip("ABCD", map(str, np.random.default_rng(4).permutation(list(_SOUNDS_LIKE)))))


@check
def check_pixel(pixel: Callable) -> object:
    """Check that ``pixel(share)`` gives the grey level of an amplitude relative to the loudest."""
    shares = (1.0, 0.0, 0.0625, 0.5, 0.01)
    want = [int(255 - 255 * share**0.25) for share in shares]
    got = [as_number(run(pixel, share), "A grey level") for share in shares]
    if got == want:
        return right("Dark is loud; the fourth root gives the soft amplitudes most of the greys.")
    x = np.array(shares)
    mistakes = {
        "That is the negative: in these pictures silence is white, 255, and the loudest is "
        "black.": 255 * x**0.25,
        "Right for a linear picture. Take the fourth root of the share first: power 0.25.": (
            255 - 255 * x
        ),
        "The power is 0.25, the fourth root; yours is the square root.": 255 - 255 * x**0.5,
        "You raised to the 4th power, which is decoding. To encode, take the fourth root.": (
            255 - 255 * x**4
        ),
    }
    if np.allclose(got, 1 - x**0.25, atol=0.01):
        return hint("Your levels lie between 0 and 1. Multiply by 255.")
    if max(got) > 255:
        return hint("The levels end at 255: multiply by 255, not by 256.")
    for message, wrong in mistakes.items():
        if np.all(np.abs(np.array(got) - np.trunc(wrong)) <= 1):
            return hint(message)
    if got == [round(255 - 255 * share**0.25) for share in shares]:
        return hint("Nearly: you round to the nearest level, and Riffusion rounds down: int(…).")
    if all(abs(g - (255 - 255 * share**0.25)) < 1e-6 for g, share in zip(got, shares)):
        return hint("Nearly: a pixel is a whole number, and Riffusion rounds down: int(…).")
    if got == [255 - int(255 * share**0.25) for share in shares]:
        return hint("Nearly: round down at the end. You rounded before subtracting from 255.")
    if got[:2] == want[:2]:
        return hint(
            f"Silence and the loudest are right. Share 0.0625, whose fourth root is ½, must be "
            f"{want[2]}; yours is {got[2]:g}."
        )
    return hint(
        f"The loudest, share 1, must be 0, and silence 255; yours are {got[0]:g} and {got[1]:g}."
    )


@check
def check_predictions(predictions: Any) -> object:
    """Check five predictions about a painted tone of 250 Hz; the experiment is done here."""
    names = ("row", "max_value", "half_dark", "wide", "up")
    said = as_numbers(predictions, names)
    found = _experiment()
    near = {"row": 2.0, "max_value": 0.1, "half_dark": 0.5, "wide": 8.0, "up": 15.0}
    usual = {
        "row": {
            511 - found["row"]: "row: that counts from the bottom. Row 0 is the top.",
            round(512 * (1 - 250 / 10000)): "row: that is evenly spaced in Hz. Rows are even in "
            "mel: use hz_to_mel.",
        },
        "max_value": {
            0.0: "max_value: the pixels stay the same, but MAX_VALUE is the amplitude of black.",
            3.01: "max_value: MAX_VALUE is an amplitude, not a power: 20 times the logarithm.",
            1.51: "max_value: the fourth root acts on the share, not on MAX_VALUE.",
            2.0: "max_value: 2 is the factor. In decibels it is 20 · log10 of it.",
            -6.02: "max_value: the sign is wrong. A larger MAX_VALUE makes the sound louder.",
        },
        "half_dark": {
            -6.02: "half_dark: half the darkness is not half the amplitude: decoding takes the "
            "4th power.",
            -12.04: "half_dark: that is a square; decoding takes the 4th power.",
            -1.51: "half_dark: that is the fourth root, encoding. Decoding takes the 4th power.",
            24.08: "half_dark: the sign is wrong. Lighter pixels are softer.",
        },
        "wide": {
            125.0: "wide: a record at half speed drops an octave. In a picture time and pitch are "
            "different axes.",
            500.0: "wide: an octave higher? The rows have not moved.",
        },
        "up": {
            250 * 867.6 / 440: "up: that is the ratio found at 440 Hz. Equal distances in mel are "
            "not equal ratios: convert 250 Hz to mel, add, and convert back.",
            250 + 60 / 513 * 10000: "up: that adds rows in Hz. Add them in mel.",
            250.0: "up: the rows are the pitch axis, so moving them changes the pitch.",
        },
    }
    if wrong := first_wrong(said, found, near, usual, 2):
        name, mistake = wrong
        return hint(
            mistake
            or f"{name}: you predicted {said[name]:g}, the experiment gives {found[name]:g}."
        )
    listed = ", ".join(f"{name} {value:g}" for name, value in found.items())
    return right(f"The experiment agrees: {listed}.")


@lru_cache(1)
def _experiment() -> dict[str, float]:
    from riffedu.signal import paint
    from riffedu.signal.audio import rms_db
    from riffedu.signal.image import from_pixels, to_pixels

    mel = paint.line(paint.blank(2.56), 250)
    pixels = to_pixels(mel, mel.max())

    def pitch(amplitudes: np.ndarray) -> float:
        return round(_pitch(_sound(amplitudes), 44100) or 0, 1)

    def level(amplitudes: np.ndarray) -> float:
        return rms_db(_sound(amplitudes))

    lighter = from_pixels(255 - (255.0 - pixels) / 2, float(mel.max()))
    return {
        "row": float(511 - mel[:, 100].argmax()),
        "max_value": round(level(2 * mel) - level(mel), 1),
        "half_dark": round(level(lighter) - level(mel), 1),
        "wide": pitch(paint.stretch(mel, 2.0)),
        "up": pitch(paint.move(mel, 60)),
    }


@check
def check_octave(mel: np.ndarray) -> object:
    """Check a painting of two notes, one after the other, the second an octave above the first."""
    from riffedu.signal.image import image_from_spectrogram
    from riffedu.signal.reconstruct import image_to_audio

    mel = as_array(mel, None, "The painting")
    if mel.ndim != 2 or mel.shape[0] != 512:
        return hint("Give the painting itself: an array of 512 bands, as paint.blank makes it.")
    if not mel.any():
        return hint("The canvas is white. paint.line returns a new painting: keep what it returns.")
    if mel.min() < 0:
        return hint("An amplitude is negative. A painting holds amplitudes: 0 or more.")
    sound, rate = image_to_audio(image_from_spectrogram(mel), progress=False)
    half = len(sound) // 2
    first, second = (_pitch(part, rate) for part in (sound[:half], sound[half:]))
    if first is None or second is None:
        return hint("One half of the painting is silent: one note in each half, please.")
    ratio = second / first
    if abs(ratio / 2 - 1) < 0.01:
        return right(f"Heard: {first:.0f} Hz, then {second:.0f} Hz. An octave is a factor of two.")
    if abs(ratio * 2 - 1) < 0.03:
        return hint("It falls by an octave. The higher note comes second.")
    if abs(ratio - 1) < 0.03:
        return hint("Both halves have one pitch.")
    if abs(ratio / 4 - 1) < 0.03:
        return hint("That is two octaves: a factor of four.")
    if abs(ratio / 1.5 - 1) < 0.02:
        return hint("That is a fifth, a factor of 1.5. An octave is a factor of two.")
    return hint(
        f"Heard: {first:.0f} Hz, then {second:.0f} Hz, a factor of {ratio:.2f}. An octave "
        "is a doubling of the frequency, not a distance in the picture."
    )


@check
def check_codec(encode: Callable, decode: Callable | None = None) -> object:
    """Check ``encode(share)`` to 0 … 255 and ``decode(pixel)``: 36 dB on all bins and the soft."""
    from riffedu.signal.audio import clip
    from riffedu.signal.mel import mel_spectrogram

    if decode is None or decode is ...:
        return hint("Two functions are needed: encode and decode.")
    for name in ("piano", "tune"):
        share = mel_spectrogram(clip(name)[0]).astype(np.float64)
        share /= share.max()
        pixels = as_array(run(encode, share.copy()), share.shape, "encode's array")
        if pixels.min() < 0 or pixels.max() > 255:
            low, high = pixels.min(), pixels.max()
            return hint(f"8 bits hold 0 to 255; your levels go from {low:g} to {high:g}.")
        if not np.array_equal(pixels, pixels.astype(int)):
            return hint("encode must return whole numbers: np.round or np.floor at the end.")
        if pixels.max() <= 1:
            return hint("All your levels are 0 or 1: multiply by 255 before you round.")
        back = as_array(run(decode, pixels.copy()), share.shape, "decode's array")
        if np.linalg.norm(back - share) > 0.5 * np.linalg.norm(share):
            return hint("decode is not yet the inverse of encode: undo each step, the last first.")
        soft = (share < 1e-2) & (share > 1e-3)
        all_db, soft_db = (_snr_db(share[w], back[w]) for w in (share >= 0, soft))
        told = f"The {name}: {all_db:.1f} dB on all bins, {soft_db:.1f} dB on the soft ones. "
        if min(all_db, soft_db) >= 36:
            continue
        levels = len(np.unique(pixels))
        if levels < 100:
            return hint(told + f"You use only {levels} of the 256 levels.")
        if (back[soft] == 0).any():
            return hint(
                told + "Some of the soft bins become silence: they get too few levels, or none. "
                "Bend the curve more, or give decibels a larger range."
            )
        if soft_db < all_db - 15:
            return hint(told + "The soft bins get too few levels: bend the curve more.")
        if abs(all_db - soft_db) < 3:
            return hint(
                told + "All bins fare alike, as in decibels: use a smaller range, or round to the "
                "nearest level instead of down."
            )
        if soft_db < all_db:
            return hint(
                told + "Round to the nearest level instead of down, which halves the largest "
                "error. If you do that already, leave the roots: a logarithm gives the soft bins "
                "more levels."
            )
        return hint(told + "The loud bins get too few levels: bend the curve less.")
    return right(
        "Better than both, with the same 256 levels: the telephone's µ-law is of this kind."
    )


@lru_cache(1)
def four_pictures() -> dict[str, np.ndarray]:
    """Return the sounds A to D: a tune whose picture was changed in four ways; 2.56 s, 44.1 kHz."""
    from riffedu.signal import paint
    from riffedu.signal.audio import clip, set_level
    from riffedu.signal.image import from_pixels, to_pixels
    from riffedu.signal.mel import mel_spectrogram

    mel = mel_spectrogram(clip("tune")[0][: round(2.56 * 44100)])
    top = float(mel.max())
    changed = {
        "reversed": paint.reverse(mel),
        "upside down": paint.upside_down(mel),
        "higher": paint.move(mel, 60),
        "in proportion": from_pixels(to_pixels(mel, top, 1.0), top, 1.0),
    }
    return {letter: set_level(_sound(changed[word]), -23) for letter, word in PICTURES.items()}


@check
def check_ears(heard: Any) -> object:
    """Check that ``heard`` maps A to D to reversed, upside down, higher or in proportion."""
    said = as_words(heard, "ABCD", tuple(_SOUNDS_LIKE))
    wrong = [letter for letter in PICTURES if said[letter] != PICTURES[letter]]
    if wrong:
        more = f" ({len(wrong)} of the four are not right yet.)"
        return hint(f"Listen to {wrong[0]} again. {_SOUNDS_LIKE[said[wrong[0]]]}{more}")
    return right("Each change of the picture has its own sound, and none needs a spectrogram.")


def _snr_db(wanted: Any, found: Any) -> float:
    error = max(float(np.linalg.norm(found - wanted)), 1e-12)
    return 20 * float(np.log10(float(np.linalg.norm(wanted)) / error))


def _sound(mel: np.ndarray) -> np.ndarray:
    """Mel amplitudes to a picture and to its sound."""
    from riffedu.signal.image import image_from_spectrogram
    from riffedu.signal.reconstruct import image_to_audio

    return image_to_audio(image_from_spectrogram(mel), progress=False)[0]


def _pitch(sound: np.ndarray, rate: int) -> float | None:
    """The loudest frequency of a sound, or None where it is silent."""
    if np.abs(sound).max(initial=0) < 1e-5:
        return None
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * len(sound)))
    return float(spectrum.argmax() * rate / (4 * len(sound)))
