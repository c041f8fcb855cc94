"""Exercises of notebooks/04_image.ipynb."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from riffedu.widgets.verdict import check, hint, right, run


@check
def check_pixel(pixel: Callable) -> object:
    """``pixel(share)``: the grey level of an amplitude, given as a share of the loudest."""
    shares = (1.0, 0.0, 0.0625, 0.5, 0.01)
    want = [int(255 - 255 * share**0.25) for share in shares]
    got = [float(run(pixel, share)) for share in shares]
    if got == want:
        return right("Dark is loud; the fourth root gives the quiet ones most of the greys.")
    x = np.array(shares)
    mistakes = {
        "That is the negative: in these pictures silence is white, 255, and the loudest is "
        "black.": (255 * x**0.25),
        "Right for a linear picture. Take the fourth root of the share first: power 0.25.": (
            255 - 255 * x
        ),
        "The power is 0.25, the fourth root; yours is the square root.": 255 - 255 * x**0.5,
        "You raised to the 4th power, which is the way back. To draw, take the fourth root.": (
            255 - 255 * x**4
        ),
    }
    for message, wrong in mistakes.items():
        if np.all(np.abs(np.array(got) - np.trunc(wrong)) <= 1):
            return hint(message)
    if all(abs(g - (255 - 255 * share**0.25)) < 1 for g, share in zip(got, shares)):
        return hint("Nearly: a pixel is a whole number, and Riffusion cuts the rest off: int(…).")
    return hint(
        f"The loudest, share 1, must be 0, and silence 255; yours are {got[0]:g} and {got[1]:g}."
    )


@check
def check_row(hertz_of: Callable) -> object:
    """``hertz_of(row)``: the frequency in the middle of a row, row 0 being the top one."""
    from riffedu.signal.mel import hz_to_mel, mel_to_hz

    step = float(hz_to_mel(10000)) / 513
    rows = (0, 511, 256, 100)
    want = [float(mel_to_hz((512 - row) * step)) for row in rows]
    got = [float(run(hertz_of, row)) for row in rows]
    if np.allclose(got, want, rtol=2e-3):
        return right("Row 511, the lowest, is at 3.8 Hz, and the middle of the picture at 2.2 kHz.")
    others = {
        "Turned round: row 0 is the top of the picture, and the top is the highest pitch.": [
            float(mel_to_hz((row + 1) * step)) for row in rows
        ],
        "That is evenly spaced in hertz. The rows are evenly spaced in mel.": [
            (512 - row) / 513 * 10000 for row in rows
        ],
        "One row off: the bands have 514 edges, and band m has its top at edge m + 1.": [
            float(mel_to_hz((511 - row) * step)) for row in rows
        ],
    }
    for message, wrong in others.items():
        if np.allclose(got, wrong, rtol=2e-3, atol=1e-9):
            return hint(message)
    if np.allclose(got, want, rtol=0.02, atol=10):
        return hint("Very near. 512 bands have 514 edges, so the step is hz_to_mel(10000) / 513.")
    return hint(f"Row 256, the middle, is at {want[2]:.0f} Hz; yours says {got[2]:.0f} Hz.")


@check
def check_level(change: Callable) -> object:
    """``change(old, new)``: dB that a sound gains when its picture's MAX_VALUE is replaced."""
    pairs = ((1.0, 2.0), (10.0, 1.0), (3e7, 3e7), (2e6, 3e7))
    want = [20 * np.log10(new / old) for old, new in pairs]
    got = [float(run(change, old, new)) for old, new in pairs]
    if np.allclose(got, want, atol=0.01):
        return right("MAX_VALUE is one gain for the picture: double it, and all is 6 dB louder.")
    if np.allclose(got, [-x for x in want], atol=0.01):
        return hint("The sign is turned round: a larger MAX_VALUE makes the same picture louder.")
    if np.allclose(got, np.array(want) / 2, atol=0.01):
        return hint("MAX_VALUE is an amplitude, not a power: 20 times the logarithm.")
    if np.allclose(got, np.array(want) / 4, atol=0.01):
        return hint("The fourth root acts on the share, not on MAX_VALUE: leave it out here.")
    if np.allclose(got, [new / old for old, new in pairs], rtol=0.01):
        return hint("That is the factor. In decibels it is 20 · log10 of it.")
    return hint("Doubling MAX_VALUE, change(1.0, 2.0), should give 6.02 dB.")


@check
def check_octave(mel: np.ndarray) -> object:
    """A painting of two notes, one after the other, the second an octave above the first."""
    from riffedu.signal.image import image_from_spectrogram
    from riffedu.signal.reconstruct import image_to_audio

    mel = np.asarray(mel, dtype=np.float32)
    if mel.ndim != 2 or mel.shape[0] != 512:
        return hint("Give the painting itself: an array of 512 bands, as paint.blank makes it.")
    if not mel.any():
        return hint("The canvas is white. paint.line returns a new painting: keep what it returns.")
    sound, rate = image_to_audio(image_from_spectrogram(mel), progress=False)
    half = len(sound) // 2
    first, second = (_pitch(part, rate) for part in (sound[:half], sound[half:]))
    if first is None or second is None:
        return hint("One half of the painting is silent: one note in each half, please.")
    ratio = second / first
    if abs(ratio / 2 - 1) < 0.03:
        return right(f"Heard: {first:.0f} Hz, then {second:.0f} Hz. An octave is a factor of two.")
    if abs(ratio * 2 - 1) < 0.03:
        return hint("It falls by an octave. The higher note comes second.")
    if abs(ratio - 1) < 0.03:
        return hint("Both halves have one pitch.")
    return hint(
        f"Heard: {first:.0f} Hz, then {second:.0f} Hz, a factor of {ratio:.2f}. An octave "
        "is a doubling of the frequency, not a distance in the picture."
    )


def _pitch(sound: np.ndarray, rate: int) -> float | None:
    """The loudest frequency of a sound, or None where it is silent."""
    if np.abs(sound).max(initial=0) < 1e-5:
        return None
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * len(sound)))
    return float(spectrum.argmax() * rate / (4 * len(sound)))
