"""Exercises of notebooks/03_mel.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from riffedu.signal.audio import clip, set_level
from riffedu.signal.mel import hz_to_mel, mel_filterbank, mel_round_trip, mel_to_hz
from riffedu.signal.params import SpectrogramParams
from riffedu.widgets.answers import as_array, as_number, as_numbers, as_words
from riffedu.widgets.verdict import check, hint, right, run


@check
def check_predictions(predictions: dict) -> object:
    """Check five predictions about a mel axis up to 10 kHz; they are computed here."""
    names = ("half", "below", "band", "octave", "lowest")
    told = as_numbers(predictions, names)
    found = experiment()
    near = {"half": 40.0, "below": 0.01, "band": 0.6, "octave": 1.0, "lowest": 1.0}
    usual: dict[str, dict[float, str]] = {
        "half": {
            5000: "half: that is half of the hertz. The axis is mel: halve the mel, and go back.",
            1537: "half: that is the mel halfway up. Turn it into hertz.",
            1000: "half: 1000 Hz is 1000 mel, and 10,000 Hz is about 3073: 1000 is only a third.",
        },
        "below": {
            0.1: "below: that holds for an axis in hertz. 1000 Hz is 1000 of 3073 mel.",
            0.675: "below: that is the fraction above 1000 Hz.",
            32.5: "below: that is in percent. Give a fraction, from 0 to 1.",
            167: "below: that is a number of bands. Give the fraction of the height, from 0 to 1.",
        },
        "band": {
            92: "band: one too high: edge 0 is the lower end of band 0, so the top of band m is "
            "edge m + 1.",
            90: "band: one too low: take the nearest band instead of cutting off the decimals.",
            22: "band: that holds for equal steps of hertz. The steps are equal in mel.",
            420: "band: counted from the top. Band 0 is the lowest.",
            550: "band: that is the mel of 440 Hz. How many steps of 3073 / 513 mel is that?",
        },
        "octave": {
            22.5: "octave: that holds for equal steps of hertz. Take the difference in mel.",
            368: "octave: that is the difference in mel. How many steps of 3073 / 513 is it?",
            92: "octave: that is where the octave begins, not how far it reaches.",
            77: "octave: an octave at the bottom, from 100 Hz, is shorter, and one at the top "
            "longer: it is not a fixed part of the picture.",
        },
        "lowest": {
            30: "lowest: that is one step. A band reaches over two: from edge m to edge m + 2.",
            156: "lowest: that is 10,000 / 64. The steps are equal in mel, and tiny at the bottom.",
            308: "lowest: the steps are equal in mel, not in hertz.",
            94.6: "lowest: that is its width in mel. Turn it into hertz.",
            47.3: "lowest: that is one step in mel. A band reaches over two; turn them into hertz.",
            7.5: "lowest: that is for 512 bands. Here there are 64.",
        },
    }
    for name in names:
        if abs(told[name] - found[name]) <= near[name]:
            continue
        for value, message in usual[name].items():
            if abs(told[name] - value) <= max(near[name], 0.02 * value):
                return hint(message)
        return hint(
            f"{name}: you predicted {told[name]:g}, the library computes {found[name]:.4g}."
        )
    listed = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
    return right(f"The library agrees: {listed}.")


def experiment() -> dict[str, float]:
    """Return what `check_predictions` asks for, read off the library's filterbanks."""
    top = float(hz_to_mel(10000))
    bank = mel_filterbank(44100, 44100)  # a row every hertz
    tops = bank[:, :10001].argmax(axis=1)
    few = np.flatnonzero(mel_filterbank(44100, 441000, 64)[0]) / 10
    return {
        "half": float(mel_to_hz(top / 2)),
        "below": float(hz_to_mel(1000)) / top,
        "band": float(bank[:, 440].argmax()),
        "octave": float(((tops > 440) & (tops <= 880)).sum()),
        "lowest": float(few[-1] - few[0] + 0.1),
    }


@check
def check_triangle(triangle: Callable) -> object:
    """Check that ``triangle(f, low, centre, high)`` gives a band's weights at the frequencies f."""
    low, centre, high = 300.0, 500.0, 900.0
    f = np.array([0.0, 200.0, 300.0, 400.0, 500.0, 600.0, 900.0, 1000.0])
    answer = as_array(run(triangle, f, low, centre, high))
    if answer.shape != f.shape:
        return hint(f"One weight for each frequency: shape {f.shape}, yours is {answer.shape}.")
    rise, fall = (f - low) / (centre - low), (high - f) / (high - centre)
    want = np.maximum(0, np.minimum(rise, fall))
    mistakes = {
        "Below and above the band the weight is 0, yours is negative there.": np.minimum(
            rise, fall
        ),
        "The greater of the two lines opens upwards. A triangle is under both: take the "
        "smaller.": np.maximum(0, np.maximum(rise, fall)),
        "Only the rise is there; from the centre on the weight falls again.": np.maximum(0, rise),
        "The rise stays at 1 from the centre on; a band falls again.": np.clip(rise, 0, 1),
        "Only the fall is there; up to the centre the weight rises.": np.maximum(0, fall),
        "The fall must be 1 at the centre and 0 at high: (high − f) / (high − centre).": np.maximum(
            0, np.minimum(rise, (f - centre) / (high - centre))
        ),
        "Both slopes have the same width in yours, as if the centre lay halfway. It doesn't: bands "
        "get wider towards high frequencies.": np.maximum(
            0, 1 - np.abs(f - centre) / ((high - low) / 2)
        ),
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values, atol=1e-6):
            return hint(message)
    if not np.allclose(answer, want, atol=1e-6):
        k = int(np.argmax(~np.isclose(answer, want, atol=1e-6)))
        return hint(
            f"For edges 300, 500 and 900 Hz the weight at {f[k]:g} Hz is {want[k]:g}; "
            f"yours is {answer[k]:g}."
        )
    other = as_array(run(triangle, f, 100.0, 200.0, 800.0))
    if not np.allclose(other, np.maximum(0, np.minimum((f - 100) / 100, (800 - f) / 600))):
        return hint(
            "Right for one band, wrong for another: use low, centre and high, not fixed numbers."
        )
    return right("That line, for every band at once, is the heart of mel_filterbank.")


BANKS = {
    "512 bands": "With 512 bands the babble is as clear as it was.",
    "32 bands": "With 32 bands it is hoarse: the overtones run together, and the pitch is blurred.",
    "no treble": "With nothing above 1 kHz it is muffled, as through a wall.",
    "no bass": "With nothing below 1 kHz it is thin, as from a tiny loudspeaker.",
}


def order() -> dict[str, str]:
    """Return the filterbank of each of the sounds A to D."""
    drawn = np.random.default_rng(8).permutation(list(BANKS))
    return {letter: str(way) for letter, way in zip("ABCD", drawn)}


@lru_cache(1)
def four_banks() -> dict[str, np.ndarray]:
    """Return the sounds A to D: float32 ``(samples,)``, 2.56 s at 44100 Hz, RMS −23 dBFS."""
    x = clip("speech_like")[0][: round(2.56 * 44100)]
    settings = {
        "512 bands": SpectrogramParams(),
        "32 bands": SpectrogramParams(num_frequencies=32),
        "no treble": SpectrogramParams(max_frequency=1000),
        "no bass": SpectrogramParams(min_frequency=1000),
    }
    return {
        letter: set_level(mel_round_trip(x, settings[way]), rms_db=-23, peak_db=-1)
        for letter, way in order().items()
    }


@check
def check_ears(heard: dict) -> object:
    """Check that ``heard`` maps A to D to 512 bands, 32 bands, no treble or no bass."""
    told = as_words(heard, "ABCD", tuple(BANKS))
    wrong = [letter for letter, way in order().items() if told[letter] != way]
    if wrong:
        return hint(
            f"{4 - len(wrong)} of 4. Listen to {wrong[0]} again: it is not “{told[wrong[0]]}”. "
            f"{BANKS[told[wrong[0]]]}"
        )
    return right("Few bands blur the pitch; a narrow range takes away the bass or the treble.")


@check
def check_frame(frame: Callable) -> object:
    """Check that ``frame(sample_rate, n_mels, max_frequency)`` gives a frame without empty bands.

    Enough for a row in every band: a row every w Hz or less, w being the width of the narrowest.
    """
    cases = ((44100, 512, 10000), (44100, 64, 10000), (22050, 256, 8000))
    for rate, bands, top in cases:
        answer = as_number(run(frame, rate, bands, top))
        edges = mel_to_hz(np.linspace(0, hz_to_mel(top), bands + 2))
        want = rate / edges[2]
        case = f"For {bands} bands up to {top} Hz at {rate} Hz you say {answer:g} samples"
        if np.isclose(answer, want, rtol=2e-3) and answer != int(answer):
            return hint("The number is right, but a frame has whole samples: round up.")
        if want <= answer <= 1.01 * want + 1:
            continue
        if np.isclose(answer, rate / edges[1], rtol=2e-3):
            return hint(
                f"{case}: safe, but twice what is needed. A band is two steps wide, from "
                "edge m to edge m + 2."
            )
        if np.isclose(answer, rate / (edges[-1] - edges[-3]), rtol=2e-2):
            return hint("That is for the widest band, at the top. The narrowest is the lowest.")
        if np.isclose(answer, edges[2], rtol=1e-2):
            return hint(
                "That is the band's width in hertz. Rows lie sample_rate / n_fft apart: "
                "solve for n_fft."
            )
        if answer == int(want):
            return hint(f"{case}: rounded down, so the rows lie slightly too far apart. Round up.")
        if answer < want:
            bank = mel_filterbank(rate, max(2, int(answer)), bands, 0, top)
            empty = int((~bank.any(axis=1)).sum())
            return hint(
                f"{case}: rows {rate / max(answer, 1e-9):.3g} Hz apart, and the lowest "
                f"band is {edges[2]:.3g} Hz wide. Bands without any row: {empty}."
            )
        return hint(
            f"{case}: no band is empty, but {np.ceil(want):.0f} would do. The lowest band "
            f"is {edges[2]:.3g} Hz wide."
        )
    return right(
        "Riffusion's 17640 is about three times that: each of its bands holds two rows or more, "
        "so that they weigh nearly alike."
    )
