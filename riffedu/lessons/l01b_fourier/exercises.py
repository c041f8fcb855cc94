"""Exercises of notebooks/01b_fourier.ipynb."""

from __future__ import annotations

import dis
from collections.abc import Callable

import numpy as np

from riffedu.lessons.l01b_fourier.sounds import LOW, UPPER, order
from riffedu.signal.fourier import dft
from riffedu.widgets.answers import as_array, as_number
from riffedu.widgets.verdict import check, hint, right, run

_N = 16
_n = np.arange(_N)
MIXED = 0.5 + 2 * np.sin(2 * np.pi * 3 * _n / _N + 1) + 0.25 * np.cos(np.pi * _n)
"""The samples of exercise 2."""
_HEARD = {
    349: "a semitone clashes: two tones this close beat many times a second",
    415: "a major third is two clearly different notes that sound sweet together",
    494: "a fifth is wide and hollow, like the first leap of “Twinkle, twinkle, little star”",
    660: "an octave melts: the high note hides in the low one, almost as one sound",
}


@check
def check_amount(amount: Callable) -> object:
    """Check that ``amount(x, hertz, sample_rate)`` gives a sine's amplitude, whatever its phase."""
    rate, hertz, a, phases = 8000, 330, 0.3, np.array([0.0, np.pi / 2, 1.0, 4.0])
    t = np.arange(rate) / rate
    other = 0.5 * np.sin(2 * np.pi * 440 * t)
    found = []
    for phase in phases:
        x = a * np.sin(2 * np.pi * hertz * t + phase) + other
        found.append(as_number(run(amount, x, hertz, rate)))
    answer = np.array(found)
    sine, cosine = a / 2 * np.cos(phases), a / 2 * np.sin(phases)
    both = np.hypot(sine, cosine)
    if np.allclose(answer, a, rtol=1e-3):
        return _other_amounts(amount, exact=np.allclose(answer, a, atol=1e-6))
    mistakes = {
        "Only the sine is compared. A tone that is a quarter of a cycle ahead scores 0 with it: "
        "compare with the cosine, too.": (sine, 2 * sine, abs(sine), 2 * abs(sine)),
        "Only the cosine is compared. A tone that starts at 0 scores 0 with it: compare with the "
        "sine, too.": (
            cosine,
            2 * cosine,
            abs(cosine),
            2 * abs(cosine),
        ),
        "That is half of it: a sine of amplitude a scores a / 2, so double the length.": (both,),
        "The squares are added, but the root is missing: a length is √(a² + b²).": (
            both**2,
            2 * both**2,
            4 * both**2,
        ),
        "The two answers are at right angles to each other: add their squares and take the root, "
        "instead of adding them.": tuple(
            factor * value
            for factor in (1, 2)
            for value in (sine + cosine, abs(sine) + abs(cosine), sine - cosine)
        ),
        "The larger of the two is only part of it: both together are a length, √(a² + b²).": (
            np.maximum(sine, cosine),
            np.maximum(abs(sine), abs(cosine)),
            2 * np.maximum(sine, cosine),
            2 * np.maximum(abs(sine), abs(cosine)),
        ),
        "You added the products without averaging: divide by the number of samples.": (
            rate * both,
            2 * rate * both,
        ),
    }
    whole = np.sqrt(a**2 + 0.5**2)
    mistakes["That is all of the sound: it holds another tone, too. Compare with hertz only."] = (
        np.full(4, whole),
        np.full(4, whole / np.sqrt(2)),
    )
    for message, values in mistakes.items():
        if any(np.allclose(answer, value, atol=1e-6) for value in values):
            return hint(message)
    if np.allclose(answer, answer[0], atol=1e-6):
        return hint(
            f"The phase has no influence, as it should be, but for an amplitude of {a} you return "
            f"{answer[0]:.3g}."
        )
    if answer.min() > 0.8 * a and answer.max() < 1.001 * a:
        return hint(
            f"Close: your results for an amplitude of {a} lie between {answer.min():.5f} and "
            f"{answer.max():.5f}. If you try one phase after another, the best may lie between two "
            "of them. Sine and cosine together are exact: √(a² + b²)."
        )
    far = int(np.abs(answer - a).argmax())
    return hint(
        f"A sine of amplitude {a} must give {a} with any phase. With a phase of "
        f"{np.degrees(phases[far]):.0f}°, yours gives {answer[far]:.3g}."
    )


def _other_amounts(amount: Callable, exact: bool) -> object:
    """Whether the amount is right at another sample rate and another length, too."""
    t = np.arange(2205) / 44100
    x = 0.7 * np.sin(2 * np.pi * 200 * t + 2)
    if not np.isclose(as_number(run(amount, x, 200, 44100)), 0.7, rtol=1e-3):
        return hint(
            "Right for one second at 8000 Hz, wrong for 50 ms at 44100 Hz: use sample_rate and the "
            "length of x, not fixed numbers."
        )
    if not exact:
        return right(
            "Right to a thousandth. Two comparisons, with sine and cosine, would give it exactly "
            "and without a search: √(a² + b²)."
        )
    return right("Two questions, one length: this is the magnitude of a pointer.")


@check
def check_bins(answer: dict) -> object:
    """Check ``answer``, {bin: length} of exercise 2's 16 samples; bins at zero may be omitted."""
    if not isinstance(answer, dict):
        return hint("Answer with a dictionary: {bin: length, …}.")
    if not answer or ... in answer or any(v is None or v is ... for v in answer.values()):
        return hint("Nothing to check so far: write a bin and a length in place of each ...")
    guess = np.zeros(_N)
    for k, value in answer.items():
        if not isinstance(k, (int, np.integer)) or not 0 <= k < _N:
            return hint(f"{k!r} is not a bin: bins are the whole numbers from 0 to 15.")
        if np.iscomplexobj(value) or (length := as_number(value, f"Bin {k}")) < 0:
            return hint(f"Bin {k}: a length is never negative and has no direction. Take abs.")
        guess[k] = length
    want = np.abs(dft(MIXED))
    if np.allclose(guess, want, atol=1e-6):
        return right(
            "A sine is two pointers; bins 0 and 8 have only one. The phase moves no length."
        )
    if np.allclose(guess, want / _N, atol=1e-6):
        return hint("The bins and the ratios are right, but the DFT adds, without averaging: × 16.")
    if guess[3] and not guess[13]:
        return hint("A part is missing: bin 3 has a mirror image. Where does it lie?")
    if guess[13] and not guess[3]:
        return hint("Bin 13 is only the mirror image: where is the sine of three turns itself?")
    extra = [k for k in range(_N) if guess[k] > 1e-6 and want[k] < 1e-6]
    if extra:
        return hint(
            f"Bin {extra[0]} is zero: every part goes round a whole number of times, so nothing "
            "leaks."
        )
    if not guess[0]:
        return hint("Bin 0 is the sum of all samples. What does the constant 0.5 add up to?")
    if not guess[8]:
        return hint(
            "cos(πn) is 1, −1, 1, −1, …: the fastest wave there is. How many turns does it make "
            "in 16 samples?"
        )
    if np.allclose(guess[[3, 13]], 2 * want[[3, 13]]):
        return hint("The sine is shared by a bin and its mirror image: they get half each.")
    if not np.isclose(guess[3], guess[13]):
        return hint("Bins 3 and 13 mirror each other: their lengths are equal.")
    if not np.isclose(guess[3], want[3]):
        return hint(f"Bins 3 and 13 are not {guess[3]:g}: each is N · a / 2, with N = 16.")
    for k, part in ((0, "The constant"), (8, "The wave of alternating signs")):
        if np.isclose(guess[k], want[k] / 2):
            return hint(
                f"{part} is not shared: bin {k} is its own mirror image and gets 16 times the "
                "amplitude, not half of it."
            )
    wrong = int(np.argmax(~np.isclose(guess, want, atol=1e-6)))
    return hint(f"Bin {wrong} is not {guess[wrong]:g}: add up the 16 samples of that part, wound.")


GIVEN = frozenset(
    "fft ifft rfft hfft fft2 fftn dft idft dft_matrix wind centre_of_mass similarity".split()
)
"""Finished transforms and the lesson's own functions, which exercise 3 leaves out."""
_USES = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM")


def borrowed(function: object) -> str:
    """Return the first of `GIVEN` that a function uses, or "". A learner's own ``fft`` is fine."""
    names, home = getattr(function, "__globals__", {}), getattr(function, "__module__", None)
    name = getattr(function, "__name__", "")
    if name in GIVEN and str(home).partition(".")[0] in ("numpy", "riffedu", "scipy"):
        return str(name)
    todo = [getattr(function, "__code__", None)]
    while todo:
        code = todo.pop()
        for step in dis.get_instructions(code) if code is not None else ():
            if step.opname not in _USES or step.argval not in GIVEN:
                continue
            meant = names.get(step.argval) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") else None
            if meant is None or getattr(meant, "__module__", None) != home:
                return str(step.argval)
        todo += [part for part in getattr(code, "co_consts", ()) if hasattr(part, "co_names")]
    return ""


@check
def check_dft(my_dft: Callable) -> object:
    """Check that ``my_dft(x)`` gives the DFT of a row of samples, without np.fft."""
    if calls := borrowed(my_dft):
        return hint(
            f"Your function uses {calls}, which is given. Compute the exponentials yourself, with "
            "np.exp, and add up: two loops, or your own matrix."
        )
    x = np.random.default_rng(8).standard_normal(8)
    try:
        answer = as_array(run(my_dft, x))
    except TypeError as error:
        if "complex" in str(error):
            return hint(
                "A complex number does not fit into an array of real ones: make room with "
                "np.zeros(N, complex), and use np.exp instead of math.exp."
            )
        raise
    want = np.fft.fft(x)
    if answer.shape == (8, 8):
        return hint("Eight rows of eight products: for each bin, add them up over n.")
    if answer.shape == (5,):
        return hint("Five bins are rfft's. Return all eight, the mirror image included.")
    if answer.shape == ():
        return hint("That is one number. There is one for each k from 0 to N − 1.")
    if answer.shape != (8,):
        return hint(f"Eight samples have eight bins; yours has the shape {answer.shape}.")
    if np.allclose(answer, want, atol=1e-9):
        return _other_lengths(my_dft)
    n = np.arange(8)
    turns = np.outer(n, n) / 8
    mistakes = {
        "Zeros only: does your loop add to the result, X[k] += …?": np.zeros(8),
        "It turns the wrong way: the exponent has a minus, −2πi k n / N.": want.conj(),
        "You averaged: the DFT adds up, and the division by N belongs to the way back.": want / 8,
        "You divided by √N. In this course the transform itself has no factor.": want / np.sqrt(8),
        "Only the real parts are left: keep the numbers complex, as np.zeros(N, complex) does.": (
            want.real
        ),
        "Only the imaginary parts are left: keep the numbers complex.": want.imag,
        "Those are the lengths. Keep the pointers, with their angles.": np.abs(want),
        "The 2π is missing: a whole turn is 2π radians.": np.exp(-1j * turns) @ x,
        "Half a turn is missing: a whole turn is 2π radians, not π.": np.exp(-1j * np.pi * turns)
        @ x,
        "The division by N is missing in the exponent: bin k goes round k times in N samples.": (
            np.exp(-2j * np.pi * np.outer(n, n)) @ x
        ),
        "The i is missing in the exponent: write 2j, or the curve doesn't turn.": (
            np.exp(-2 * np.pi * turns) @ x
        ),
        "k must start at 0: your first number belongs to bin 1.": np.roll(want, -1),
        "n must start at 0: the first sample is not turned at all.": (
            want * np.exp(-2j * np.pi * n / 8)
        ),
        "The sine is added without its minus, or is not turned by 1j.": (
            np.cos(2 * np.pi * turns) @ x + np.sin(2 * np.pi * turns) @ x
        ),
        "The last sample is left out: range(N) goes up to N − 1 by itself.": (
            np.exp(-2j * np.pi * turns[:, :7]) @ x[:7]
        ),
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values, atol=1e-9):
            return hint(message)
    if np.isclose(answer[0], want[0]):
        return hint(
            "Bin 0 is right, and it is the one that does not turn: look at the exponent, "
            "−2πi k n / N."
        )
    return hint("Eight numbers, but not these. Bin 0 must be the plain sum of the samples.")


def _other_lengths(my_dft: Callable) -> object:
    """Whether the transform is right for another number of samples, and for whole numbers."""
    x = np.array([3, 1, -4, 1, 5, -9, 2])
    answer = as_array(run(my_dft, x))
    if answer.shape != (7,) or not np.allclose(answer, np.fft.fft(x)):
        return hint("Right for eight samples, wrong for seven: use len(x), not a fixed number.")
    return right("Wind and add up, once for each bin: that is the whole Fourier transform.")


@check
def check_chords(answer: dict) -> object:
    """Check ``answer``, the upper note in hertz of each of the four chords, by its letter."""
    want = order()
    if not isinstance(answer, dict) or set(answer) != set(want):
        return hint('Answer with a dictionary: {"A": …, "B": …, "C": …, "D": …}.')
    if any(value is None or value is ... for value in answer.values()):
        return hint("Nothing to check so far: put a frequency in place of each ...")
    guess = {}
    for letter, value in answer.items():
        try:
            guess[letter] = round(float(str(value).lower().removesuffix("hz")))
        except (ValueError, OverflowError):
            return hint(f"{letter}: give one of the frequencies 349, 415, 494 and 660 as a number.")
        if guess[letter] == LOW:
            return hint(f"{letter}: 330 Hz is the note that all four share. Name the other one.")
        if guess[letter] not in UPPER:
            return hint(f"{letter}: {guess[letter]} Hz is not one of 349, 415, 494 and 660.")
    if len(set(guess.values())) < len(want):
        return hint("Each of the four frequencies belongs to one letter, and only one.")
    wrong = [letter for letter in want if guess[letter] != want[letter]]
    if wrong:
        first = wrong[0]
        return hint(
            f"{4 - len(wrong)} of 4. {first} is not the chord with {guess[first]} Hz: "
            f"{_HEARD[guess[first]]}. Listen again, or measure it with centre_of_mass."
        )
    return right("By ear or by numbers: the same four notes.")
