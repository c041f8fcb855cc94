"""Exercises of notebooks/02_stft.ipynb."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np

from riffedu.signal.audio import clip, set_level
from riffedu.signal.stft import is_nola, istft, lobes, stft
from riffedu.widgets.answers import as_array, as_number, as_numbers, as_words, first_wrong
from riffedu.widgets.verdict import check, hint, right, run

RATE = 44100
TONES = (800, 830)  # Hz
CLICKS = (0.5, 0.6)  # s
DIP = 6.0  # decibels between two things that count as told apart


def tones_and_clicks(
    hertz: Iterable[float] = TONES,
    clicks: Iterable[float] = CLICKS,
    seconds: float = 1.0,
    sample_rate: int = RATE,
) -> np.ndarray:
    """Return tones close in pitch, at −23 dBFS each, and clicks close in time: float32.

    ``hertz`` of the tones, ``clicks`` in seconds.
    """
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    x = sum(0.1 * np.sin(2 * np.pi * f * t) for f in hertz)
    x[[round(sample_rate * at) for at in clicks]] += 0.6
    return x.astype(np.float32)


@check
def check_place(place: Callable) -> object:
    """Check that ``place(row, column, n_fft, hop_length, sample_rate)`` gives (hertz, seconds)."""
    answer = run(place, 46, 100, 4096, 1024, RATE)
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return hint("Return two numbers: the hertz of the row and the seconds of the column.")
    hertz, seconds = 46 * RATE / 4096, 100 * 1024 / RATE
    answer = [as_number(value, name) for value, name in zip(answer, ("The hertz", "The seconds"))]
    if np.allclose(answer, (seconds, hertz)):
        return hint("Both are right, in the wrong order: first hertz, then seconds.")
    mistakes = {
        2 * hertz: "That is twice too high. Row n_fft / 2 is half the sample rate, so row "
        "n_fft would be the whole sample rate.",
        hertz / 2: "That is half of it: row n_fft, if it existed, would be the whole sample rate.",
        46 * 4096 / RATE: "Turned round: that is how many periods of 46 Hz fit into a frame. "
        "Row 1 is one period in n_fft samples, which is sample_rate / n_fft Hz.",
        45 * RATE / 4096: "One row off: row 0 is 0 Hz.",
        46.0: "Rows are 1 Hz apart only if n_fft is the sample rate.",
    }
    for value, message in mistakes.items():
        if np.isclose(answer[0], value):
            return hint(message)
    if not np.isclose(answer[0], hertz):
        return hint(
            "Row k is the sine that goes round k times in n_fft samples. How many times a "
            "second is that?"
        )
    if np.isclose(answer[1], 100 * 4096 / RATE):
        return hint("The hertz are right. Columns come every hop_length samples, not every n_fft.")
    if np.isclose(answer[1], 1000 * seconds):
        return hint("The hertz are right. The second number is in milliseconds: return seconds.")
    if not np.isclose(answer[1], seconds):
        return hint(
            "The hertz are right. Column t lies t hops after the beginning: how many "
            "samples, and how many seconds is that?"
        )
    other = [as_number(value) for value in run(place, 3, 7, 512, 100, 8000)]
    if not np.allclose(other, (46.875, 0.0875)):
        return hint(
            "Right for one set of sizes, wrong for another: use the arguments, not fixed numbers."
        )
    return right("Rows are sample_rate / n_fft apart, columns hop_length / sample_rate.")


@check
def check_stft(own: Callable) -> object:
    """Check that ``own(x, n_fft, hop_length, window)`` gives the uncentred STFT of ``x``."""
    x, window = np.random.default_rng(0).standard_normal(1000), np.hanning(65)[:64]
    want = stft(x, 64, 24, window=window, center=False)
    try:
        answer = as_array(run(own, x, 64, 24, window))
    except ValueError as error:
        if "broadcast" in str(error) or "same shape" in str(error):
            return hint(
                "A frame is shorter than the window: the last one runs over the end of the sound. "
                "Take only frames whose n_fft samples all lie inside it."
            )
        raise
    if not answer.any():
        return hint("All numbers are 0: fill the array with the transforms, or return the stack.")
    rows, columns = want.shape
    if answer.shape == (columns, rows):
        return hint(
            "Rows and columns are swapped: frequency goes down the rows, time along the "
            "columns. np.stack(…, axis=1), or .T at the end."
        )
    if answer.ndim == 2 and answer.shape[0] == 64:
        return hint(
            "64 rows: the upper half mirrors the lower one when a sound is real. Use "
            "np.fft.rfft, which leaves it out."
        )
    if answer.shape == (rows, columns - 1):
        return hint(
            "The last frame is missing. The first starts at 0, and after it there are "
            "(samples − n_fft) // hop_length more: add 1."
        )
    if answer.ndim == 2 and answer.shape[0] == rows and answer.shape[1] != columns:
        return hint(
            f"{answer.shape[1]} frames instead of {columns}. A frame starts every "
            "hop_length samples, and all of its n_fft samples must lie inside the sound."
        )
    if answer.shape != want.shape:
        return hint(
            f"The shape must be (n_fft // 2 + 1, frames) = {want.shape}; yours is {answer.shape}."
        )
    if np.isrealobj(answer):
        return hint("The numbers must stay complex: the phase belongs to the spectrum.")
    mistakes = {
        "You left the window out: multiply each frame by it.": stft(
            x, 64, 24, window="boxcar", center=False
        ),
        "The sign of the exponent is wrong: exp(−2πi k n / n_fft), with a minus.": want.conj(),
        "That is np.hanning, which ends in a 0 of its own: use the argument window.": (
            stft(x, 64, 24, window=np.hanning(64), center=False)
        ),
        "The window was applied twice.": stft(x, 64, 24, window=window**2, center=False),
        "You divided by n_fft. In this course the transform has no factor; its inverse has it.": (
            want / 64
        ),
    }
    for message, value in mistakes.items():
        if np.allclose(answer, value):
            return hint(message)
    if not np.allclose(answer, want):
        return hint("The shape is right, the numbers aren't. Does frame t start at t · hop_length?")
    other = as_array(run(own, x[:300], 50, 50, np.ones(50)))
    if other.shape != (26, 6):
        return hint(
            "Right for one set of sizes, wrong for another: use the arguments, not fixed numbers."
        )
    return right("Cut, fade, transform: this is the STFT, and the library's does the same.")


@check
def check_window_length(win_length: int | float) -> object:
    """Check that a Hann window of ``win_length`` samples separates two tones and two clicks."""
    if isinstance(win_length, float) and win_length.is_integer():
        win_length = int(win_length)
    if not isinstance(win_length, (int, np.integer)) or not 16 <= win_length <= RATE:
        return hint("Give a whole number of samples, from 16 to 44100.")
    tones, clicks = dips(int(win_length))
    size = f"{win_length} samples are {1000 * win_length / RATE:.0f} ms"
    if tones < DIP and clicks < DIP:
        return hint(f"{size}: it separates neither the tones nor the clicks.")
    if tones < DIP:
        return hint(
            f"{size}: too short for the tones. Each is a lobe 4 · sample_rate / win_length "
            f"= {4 * RATE / win_length:.0f} Hz wide, and they are 30 Hz apart. (Zero "
            "padding would not help.)"
        )
    if clicks < DIP:
        return hint(
            f"{size}: the tones are two, but the clicks, 100 ms apart, lie in one window: "
            "take a shorter one."
        )
    return right(
        f"{size}. Between the tones the level falls by {min(tones, 99):.0f} dB, between "
        f"the clicks by {min(clicks, 99):.0f} dB."
    )


def dips(win_length: int) -> tuple[float, float]:
    """Return how far, in dB, the level falls between the two tones and between the two clicks."""
    n_fft = max(16384, win_length)
    power = np.abs(stft(tones_and_clicks(), n_fft, 100, win_length)) ** 2
    column, row = RATE / 100, n_fft / RATE
    steady = power[:, round(0.2 * column) : round(0.35 * column)].mean(axis=1)
    above = power[round(3000 * row) : round(8000 * row)].mean(axis=0)

    def dip(values: np.ndarray, one: float, other: float) -> float:
        one, middle, other = round(one), round((one + other) / 2), round(other)
        lower = min(values[one], values[other])
        return float(10 * np.log10((lower + 1e-20) / (values[middle] + 1e-20)))

    return (dip(steady, *(f * row for f in TONES)), dip(above, *(t * column for t in CLICKS)))


@check
def check_predictions(predictions: dict) -> object:
    """Check six predictions about one STFT; the experiment is done here."""
    names = ("rows", "columns", "spacing", "tone", "click", "largest")
    told = as_numbers(predictions, names)
    found = experiment()
    near = {"rows": 0.1, "columns": 0.1, "spacing": 0.03, "tone": 0.5, "click": 1.0, "largest": 0.1}
    usual: dict[str, dict[float, str]] = {
        "rows": {
            1024: "rows: the upper half mirrors the lower one: rfft leaves it out.",
            512: "rows: one is missing. Rows 0 and n_fft / 2 are both there.",
            257: "rows: those of a frame of 512 samples; zeros beside the window add rows.",
        },
        "columns": {
            125: "columns: 125 is the number of hops. There is one frame more, at sample 0.",
            122: "columns: those of an uncentred STFT. With center, a frame stands at sample 0 and "
            "at every hop up to the end.",
            118: "columns: those of an uncentred STFT. With center, a frame stands at sample 0 and "
            "at every hop up to the end.",
        },
        "spacing": {
            31.25: "spacing: that is for the window's 512 samples. The frame, with its zeros, has "
            "1024.",
            7.8125: "spacing: rows reach half the sample rate, but there are n_fft / 2 of them: "
            "the 2 cancels.",
            15.594: "spacing: 513 rows have only 512 steps between them.",
            125: "spacing: that is sample_rate / hop_length, the number of columns a second.",
            0.064: "spacing: turned round: row 1 is one period in n_fft samples.",
        },
        "tone": {
            62.5: "tone: either the zeros are counted as window, or it is half the hill. Hann's "
            "hill is 4 bins of sample_rate / win_length wide.",
            31.25: "tone: that is one bin. Hann's hill is 4 bins wide.",
            15.625: "tone: zero padding makes the rows denser, but not the hill narrower.",
        },
        "click": {
            64: "click: the zeros beside the window see nothing: only its 512 samples count.",
            8: "click: that is a hop. A click is seen by every window that holds it.",
            16: "click: that is half a window: the click is seen before its moment and after it.",
            0.032: "click: that is in seconds; milliseconds are asked for.",
        },
        "largest": {
            512: "largest: the windows do touch at a hop of 512, but a Hann window begins with a "
            "0, and that sample lies under no other window.",
            256: "largest: with 256 the windows add up to a constant (COLA). istft divides by the "
            "sum of squares, which need not be constant, only nonzero (NOLA).",
            128: "largest: that is the hop as it is. Which hop leaves a sample under zeros only?",
            1024: "largest: the window has 512 samples; the zeros beside it cover nothing.",
            1023: "largest: the window has 512 samples; the zeros beside it cover nothing.",
        },
    }
    if wrong := first_wrong(told, found, near, usual):
        name, mistake = wrong
        return hint(
            mistake
            or f"{name}: you predicted {told[name]:g}, the experiment gives {found[name]:g}."
        )
    listed = ", ".join(f"{name} {value:g}" for name, value in found.items())
    return right(f"The experiment agrees: {listed}.")


def experiment() -> dict[str, float]:
    """Return what `check_predictions` asks for, measured on an STFT."""
    rate, n_fft, size = 16000, 1024, 512
    click = np.zeros(rate, np.float32)
    click[rate // 2] = 1
    spectrum = stft(click, n_fft, 128, size)
    lit = np.abs(stft(click, n_fft, 2, size)).max(axis=0) > 1e-6
    hops = range(size, 0, -1)
    return {
        "rows": float(spectrum.shape[0]),
        "columns": float(spectrum.shape[1]),
        "spacing": rate / n_fft,
        "tone": lobes("hann")[0] * rate / size,
        "click": 1000 * 2 * float(lit.sum()) / rate,
        "largest": float(next(hop for hop in hops if is_nola("hann", size, hop))),
    }


PIANOS = {
    "untouched": "Untouched, every note begins clearly and has its own pitch.",
    "10 ms": "With 10 ms, the rhythm stays and the pitches turn into noise: it sounds hoarse.",
    "400 ms": "With 400 ms, the pitches stay and the attacks are smeared: a wash of sound.",
    "cut": "Without the rows below 1200 Hz, the sound is thin, as from a tiny loudspeaker.",
}


def order() -> dict[str, str]:
    """Return what was done to each of the pianos A to D."""
    drawn = np.random.default_rng(3).permutation(list(PIANOS))
    return {letter: str(way) for letter, way in zip("ABCD", drawn)}


@lru_cache(1)
def four_pianos() -> dict[str, np.ndarray]:
    """Return the pianos A to D: float32 ``(samples,)``, 2.56 s at 44100 Hz, RMS −23 dBFS."""
    x = clip("piano")[0][: round(2.56 * RATE)]
    spectrum = stft(x, 4096, 1024)
    spectrum[np.arange(len(spectrum)) * RATE / 4096 < 1200] = 0
    changed = {
        "untouched": x,
        "10 ms": blurred(x, 441),
        "400 ms": blurred(x, 17640),
        "cut": istft(spectrum, 4096, 1024, length=len(x)),
    }
    return {
        letter: set_level(changed[way], rms_db=-23, peak_db=-1) for letter, way in order().items()
    }


def blurred(x: np.ndarray, size: int) -> np.ndarray:
    """Replace the phases of an STFT with random ones, and return the sound."""
    spectrum = stft(x, size, size // 8)
    turns = np.random.default_rng(0).uniform(size=spectrum.shape)
    return istft(
        np.abs(spectrum) * np.exp(2j * np.pi * turns), size, size // 8, length=len(x)
    ).astype(np.float32)


@check
def check_ears(heard: dict) -> object:
    """Check that ``heard`` maps A to D to what was done: untouched, 10 ms, 400 ms or cut."""
    told = as_words(heard, "ABCD", tuple(PIANOS))
    wrong = [letter for letter, way in order().items() if told[letter] != way]
    if wrong:
        return hint(
            f"{4 - len(wrong)} of 4. Listen to {wrong[0]} again: it is not “{told[wrong[0]]}”. "
            f"{PIANOS[told[wrong[0]]]}"
        )
    return right("You heard the trade: a short window keeps the attacks, a long one the pitches.")
