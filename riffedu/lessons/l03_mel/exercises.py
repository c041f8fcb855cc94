"""Exercises of notebooks/03_mel.ipynb."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from riffedu.signal.mel import hz_to_mel, mel_filterbank, mel_to_hz
from riffedu.widgets.verdict import check, hint, right, run


@check
def check_mel(mel: Callable) -> object:
    """``mel(hertz)`` must give 2595 log10(1 + hertz / 700)."""
    hertz = np.array([0.0, 100.0, 440.0, 1000.0, 10000.0])
    answer = np.array([float(run(mel, f)) for f in hertz])
    m = hz_to_mel(hertz)
    with np.errstate(divide="ignore"):
        mistakes = {
            "You took the natural logarithm. The formula wants base 10 (with the natural one, the "
            "factor would be 1127).": 2595 * np.log(1 + hertz / 700),
            "That is base 2. The formula wants log10.": 2595 * np.log2(1 + hertz / 700),
            "The 1 is missing: without it, 0 Hz has no mel, and low notes fall below zero.": (
                2595 * np.log10(hertz / 700)
            ),
            "Upside down: that is the way from mel to hertz.": 700 * (10 ** (hertz / 2595) - 1),
            "The logarithm is right; scale it by 2595.": m / 2595,
            "The brackets: divide hertz by 700 first, then add 1.": (
                2595 * np.log10((1 + hertz) / 700)
            ),
        }
    for message, values in mistakes.items():
        if np.allclose(answer, values, rtol=1e-3, atol=1e-6):
            return hint(message)
    if not np.allclose(answer, m, rtol=1e-3, atol=1e-6):
        wrong = int(np.argmax(~np.isclose(answer, m, rtol=1e-3, atol=1e-6)))
        return hint(
            f"{hertz[wrong]:g} Hz should be {m[wrong]:.1f} mel, yours is {answer[wrong]:.1f}."
        )
    return right("0 Hz is 0 mel, 1000 Hz is 1000 mel, and 10000 Hz only three times as much.")


@check
def check_triangle(triangle: Callable) -> object:
    """``triangle(f, low, centre, high)`` must give a band's weights at the frequencies f."""
    low, centre, high = 300.0, 500.0, 900.0
    f = np.array([0.0, 200.0, 300.0, 400.0, 500.0, 600.0, 900.0, 1000.0])
    answer = np.asarray(run(triangle, f, low, centre, high), dtype=np.float64)
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
        "Both slopes have one width in yours, as if the centre lay half way. It doesn't: bands "
        "grow wider upwards.": np.maximum(0, 1 - np.abs(f - centre) / ((high - low) / 2)),
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
    other = np.asarray(run(triangle, f, 100.0, 200.0, 800.0), dtype=np.float64)
    if not np.allclose(other, np.maximum(0, np.minimum((f - 100) / 100, (800 - f) / 600))):
        return hint("Right for one band, wrong for another: use low, centre and high, no numbers.")
    return right("That line, for every band at once, is the heart of mel_filterbank.")


@check
def check_band(band: Callable) -> object:
    """``band(hertz)``: which of 512 bands up to 10 kHz (0 the lowest) weighs a frequency most."""
    step = hz_to_mel(10000) / 513
    hertz = np.array([440.0, 100.0, 1000.0, 5000.0, 9900.0])
    answer = np.array([float(run(band, f)) for f in hertz])
    edge = hz_to_mel(hertz) / step
    want = np.rint(edge) - 1
    if np.array_equal(answer, want):
        return right(
            "440 Hz lies in band 91: more than a sixth of the picture belongs to the "
            "lowest 440 of 10000 Hz."
        )
    if np.allclose(answer, edge - 1):
        return hint("The place is right; a band is a whole number: round it to the nearest.")
    mistakes = {
        "One too high: edge 0 is the lower end of band 0, so the top of band m is edge m + 1.": (
            want + 1,
        ),
        "You rounded down to an edge. 100 Hz lies just above edge 25, the top of band 24: round to "
        "the nearest edge, then take 1 away.": (np.floor(edge), np.floor(edge) - 1),
        "You cut the range into equal steps of hertz. The steps are equal in mel.": tuple(
            turn(hertz / (10000 / steps)) - less
            for turn in (np.rint, np.floor)
            for steps in (512, 513)
            for less in (0, 1)
        ),
        "512 bands need 514 edges, so 513 steps: a band's two ends are the tops of its "
        "neighbours.": tuple(
            turn(edge * 512 / 513) - less for turn in (np.rint, np.floor) for less in (0, 1)
        ),
        "Counted from the top. Band 0 is the lowest.": (511 - want, 512 - want),
    }
    for message, values in mistakes.items():
        if any(np.array_equal(answer, value) for value in values):
            return hint(message)
    wrong = int(np.argmax(answer != want))
    return hint(
        f"{hertz[wrong]:g} Hz: you say band {answer[wrong]:g}, but {want[wrong]:g} has "
        "the greater weight. mel_filterbank(44100, 17640)[:, row] shows the weights."
    )


@check
def check_frame(frame: Callable) -> object:
    """``frame(sample_rate, n_mels, max_frequency)``: samples in a frame that leave no band empty.

    Enough for a row in every band: a row every w Hz or less, w being the width of the narrowest.
    """
    cases = ((44100, 512, 10000), (44100, 64, 10000), (22050, 256, 8000))
    for rate, bands, top in cases:
        answer = float(run(frame, rate, bands, top))
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
        if answer < want:
            bank = mel_filterbank(rate, max(2, int(answer)), bands, 0, top)
            empty = int((~bank.any(axis=1)).sum())
            return hint(
                f"{case}: rows {rate / max(answer, 1e-9):.3g} Hz apart, and the lowest "
                f"band is {edges[2]:.3g} Hz wide. {empty} bands hold no row at all."
            )
        return hint(
            f"{case}: no band is empty, but {np.ceil(want):.0f} would do. The lowest band "
            f"is {edges[2]:.3g} Hz wide."
        )
    return right(
        "Riffusion's 17640 is three times that: each of its bands holds several rows, so "
        "that they weigh alike."
    )
