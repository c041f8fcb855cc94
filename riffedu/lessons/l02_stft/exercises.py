"""Exercises of notebooks/02_stft.ipynb."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from riffedu.signal.stft import is_cola, is_nola, stft
from riffedu.widgets.verdict import check, hint, right, run

RATE = 44100
TONES = (800, 830)  # Hz
CLICKS = (0.5, 0.6)  # s
WINDOW = 512  # samples of the window in check_hops
DIP = 6.0  # decibels between two things that count as told apart


def tones_and_clicks(
    hertz: Iterable[float] = TONES,
    clicks: Iterable[float] = CLICKS,
    seconds: float = 1.0,
    sample_rate: int = RATE,
) -> np.ndarray:
    """Tones that are close in pitch, at −23 dBFS each, and clicks that are close in time: float32.

    ``hertz`` of the tones, ``clicks`` in seconds.
    """
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    x = sum(0.1 * np.sin(2 * np.pi * f * t) for f in hertz)
    x[[round(sample_rate * at) for at in clicks]] += 0.6
    return x.astype(np.float32)


@check
def check_place(place: Callable) -> object:
    """``place(row, column, n_fft, hop_length, sample_rate)`` must give (hertz, seconds)."""
    answer = run(place, 46, 100, 4096, 1024, RATE)
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return hint("Return two numbers: the hertz of the row and the seconds of the column.")
    hertz, seconds = 46 * RATE / 4096, 100 * 1024 / RATE
    if np.allclose(answer, (seconds, hertz)):
        return hint("Both are right, in the wrong order: first hertz, then seconds.")
    mistakes = {
        2 * hertz: "That is twice too high. Rows end at half the sample rate, but there are only "
        "n_fft / 2 of them too: row n_fft would be the sample rate.",
        hertz / 2: "That is half of it: row n_fft, if it were there, would be the whole sample "
        "rate.",
        46 * 4096 / RATE: "Turned round: so many periods of 46 Hz fit in a frame. Row 1 is "
        "one period in n_fft samples, which is sample_rate / n_fft.",
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
        return hint("The hertz are right. The other are milliseconds: seconds are asked for.")
    if not np.isclose(answer[1], seconds):
        return hint(
            "The hertz are right. Column t lies t hops after the beginning: how many "
            "samples, and how many seconds is that?"
        )
    if not np.allclose(run(place, 3, 7, 512, 100, 8000), (46.875, 0.0875)):
        return hint("Right once, but not for other sizes: use the arguments, not numbers.")
    return right("Rows are sample_rate / n_fft apart, columns hop_length / sample_rate.")


@check
def check_stft(own: Callable) -> object:
    """``own(x, n_fft, hop_length, window)`` must give the uncentred STFT of ``x``."""
    x, window = np.random.default_rng(0).standard_normal(1000), np.hanning(65)[:64]
    want = stft(x, 64, 24, window=window, center=False)
    try:
        answer = np.asarray(run(own, x, 64, 24, window))
    except ValueError as error:
        if "broadcast" in str(error) or "same shape" in str(error):
            return hint(
                "A frame is shorter than the window: the last one runs over the end of the sound. "
                "Take only frames whose n_fft samples all lie inside it."
            )
        raise
    if not np.isfinite(answer).all():
        return hint("The result holds NaN or infinite numbers.")
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
        "The sign is turned round: exp(−2πi k n / n_fft), with a minus.": want.conj(),
        "That is np.hanning, which ends in a 0 of its own: use the argument window.": (
            stft(x, 64, 24, window=np.hanning(64), center=False)
        ),
        "The window was applied twice.": stft(x, 64, 24, window=window**2, center=False),
        "You divided by n_fft. In this course the way there has no factor; the way back has it.": (
            want / 64
        ),
    }
    for message, value in mistakes.items():
        if np.allclose(answer, value):
            return hint(message)
    if not np.allclose(answer, want):
        return hint("The shape is right, the numbers aren't. Does frame t start at t · hop_length?")
    other = np.asarray(run(own, x[:300], 50, 50, np.ones(50)))
    if other.shape != (26, 6):
        return hint("Right once, but not for other sizes: use the arguments, not numbers.")
    return right("Cut, fade, transform: these lines are the STFT, and so are the library's.")


@check
def check_window_length(win_length: int | float) -> object:
    """``win_length``: samples of a Hann window that shows two tones and two clicks as two."""
    if isinstance(win_length, float) and win_length.is_integer():
        win_length = int(win_length)
    if not isinstance(win_length, (int, np.integer)) or not 16 <= win_length <= RATE:
        return hint("Give a whole number of samples, from 16 to 44100.")
    tones, clicks = dips(int(win_length))
    size = f"{win_length} samples are {1000 * win_length / RATE:.0f} ms"
    if tones < DIP and clicks < DIP:
        return hint(f"{size}: neither is told apart.")
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
    """How far, in dB, the level falls between the two tones and between the two clicks."""
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
def check_hops(answer: dict[str, int]) -> object:
    """``answer``: {"COLA": the largest such hop, "NOLA": the same} for a Hann window of 512."""
    if not isinstance(answer, dict) or set(answer) != {"COLA", "NOLA"}:
        return hint('Answer with a dictionary: {"COLA": …, "NOLA": …}.')
    if any(value is None or value is ... for value in answer.values()):
        return hint("Nothing to check so far: put a number in place of each ...")
    for name, hop in answer.items():
        if not isinstance(hop, (int, np.integer)) or not 1 <= hop <= 2 * WINDOW:
            return hint(f"{name}: a hop is a whole number of samples, at least 1.")
    cola, nola = answer["COLA"], answer["NOLA"]
    if not is_cola("hann", WINDOW, cola):
        return hint(
            f"COLA: with a hop of {cola} the windows do not add up to a constant. Draw "
            "overlap(…, power=1), or ask is_cola."
        )
    if any(is_cola("hann", WINDOW, hop) for hop in range(cola + 1, WINDOW + 1)):
        return hint(f"COLA: {cola} adds up to a constant, but a larger hop does so too.")
    if nola == WINDOW:
        return hint(
            "NOLA: the windows do touch at a hop of 512, but a Hann window begins with a "
            "0, and that sample lies under no other window."
        )
    if not is_nola("hann", WINDOW, nola):
        return hint(f"NOLA: with a hop of {nola} some samples lie under no window: they are lost.")
    if is_nola("hann", WINDOW, nola + 1):
        return hint(
            f"NOLA: {nola} leaves no gap, but a larger hop leaves none either. It asks for "
            "much less than COLA: no sample under nothing but zeros."
        )
    return right(
        "Half a window to add up to a constant, one sample less than a window to be "
        "exact at all. With rounding errors and changed spectra, stay well below that."
    )
