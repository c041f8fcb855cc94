"""Exercises of notebooks/05_griffin_lim.ipynb."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from riffedu.signal.stft import istft, stft
from riffedu.widgets.verdict import check, hint, right, run

SIZES = (64, 16)  # n_fft and hop of the small spectra


def _spectra(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The STFTs of two small sounds."""
    x = np.random.default_rng(seed).standard_normal((2, 400))
    return stft(x[0], *SIZES), stft(x[1], *SIZES)


@check
def check_swap(swap: Callable) -> object:
    """``swap(a, b)`` of two spectra must have the magnitudes of a and the phases of b."""
    a, b = _spectra()
    want = np.abs(a) * np.exp(1j * np.angle(b))
    answer = np.asarray(run(swap, a, b))
    if answer.shape != a.shape:
        return hint(
            f"The result has the shape of both spectra, {a.shape}; yours is {answer.shape}."
        )
    if np.isrealobj(answer):
        return hint(
            "Your numbers are real: the phase got lost. A number with magnitude m and "
            "phase φ is m · np.exp(1j * φ)."
        )
    degrees = np.exp(1j * np.angle(b, deg=True))
    mistakes = {
        "The other way round: the magnitudes are to be those of a.": np.abs(b)
        * np.exp(1j * np.angle(a)),
        "The magnitudes of b are still in it: b / |b| has its phases alone.": np.abs(a) * b,
        "Both magnitudes and both phases are in it. Take np.abs of one, np.angle of the other.": a
        * b,
        "The phases of both are in it, one on top of the other: take np.abs(a).": a
        * np.exp(1j * np.angle(b)),
        "Those are the phases turned round: exp(+1j · φ).": want.conj(),
        "np.exp wants radians, and np.angle gives them: leave deg=True out.": np.abs(a) * degrees,
        "That is a itself: the phases are to be those of b.": a,
        "That is b itself: the magnitudes are to be those of a.": b,
    }
    for message, value in mistakes.items():
        if np.allclose(answer, value):
            return hint(message)
    if not np.allclose(answer, want):
        return hint(
            "np.abs(answer) must be np.abs(a), and np.angle(answer) must be np.angle(b). "
            "Which of the two is off?"
        )
    silent = np.asarray(run(swap, a, 0 * b))
    if not np.isfinite(silent).all():
        return hint(
            "Right, until b holds a zero: 0 / 0 is no number, and one of these spoils the "
            "whole sound. np.angle(0) is 0 and does no harm."
        )
    return right("What you hear of each depends on how long the windows are.")


@check
def check_consistency(consistency: Callable) -> object:
    """``consistency(magnitude, spectrum)``: how far |spectrum| is from magnitude, in dB."""
    a, b = _spectra(1)
    wanted, spectrum = np.abs(a), 0.7 * a + 0.2 * b
    off = np.abs(spectrum) - wanted
    ratio = np.linalg.norm(off) / np.linalg.norm(wanted)
    answer = float(run(consistency, wanted, spectrum))
    if np.isclose(answer, 20 * np.log10(ratio)):
        return right("No better than silence is 0 dB; each 20 dB less is a tenth of the error.")
    complex_off = np.linalg.norm(spectrum - wanted) / np.linalg.norm(wanted)
    mistakes = {
        "That is half of it: amplitudes take 20 · log10, powers take 10.": 10 * np.log10(ratio),
        "That is twice the decibels: squared lengths are powers, and take 10 · log10.": 40
        * np.log10(ratio),
        "The spectrum is complex. Only magnitudes are compared: np.abs(spectrum).": 20
        * np.log10(complex_off),
        "Upside down: the error goes above the line.": -20 * np.log10(ratio),
        "np.log is the natural logarithm: decibels take np.log10.": 20 * np.log(ratio),
        "That is the ratio itself. In decibels: 20 · log10 of it.": ratio,
        "Divide by the length of the wanted magnitudes, not of the found ones.": 20
        * np.log10(np.linalg.norm(off) / np.linalg.norm(spectrum)),
        "You added the errors up. A length is the root of the sum of squares: np.linalg.norm.": 20
        * np.log10(np.abs(off).sum() / wanted.sum()),
        "Errors of both signs cancel in a sum or mean: np.linalg.norm squares them first.": 20
        * np.log10(abs(off.sum()) / wanted.sum()),
        "The error alone, not yet as a part of the whole: divide by the length of magnitude.": 20
        * np.log10(np.linalg.norm(off)),
    }
    for message, value in mistakes.items():
        if np.isclose(answer, value):
            return hint(message)
    return hint(
        f"For this pair it is {20 * np.log10(ratio):.2f} dB, yours is {answer:.2f}. The "
        "length of (|spectrum| − magnitude), divided by the length of magnitude."
    )


@check
def check_step(step: Callable) -> object:
    """``step(spectrum, magnitude)`` must be one step of Griffin-Lim: n_fft 64, hop 16."""
    a, b = _spectra(2)
    magnitude, spectrum = np.abs(a), np.abs(a) * np.exp(1j * np.angle(b))
    sound = istft(spectrum, *SIZES)
    rebuilt = stft(sound, *SIZES)
    want = magnitude * np.exp(1j * np.angle(rebuilt))
    answer = np.asarray(run(step, spectrum, magnitude))
    if answer.shape == sound.shape:
        return hint("That is a sound: a step ends with the next spectrum. Back with stft(…).")
    if answer.shape != spectrum.shape:
        return hint(
            f"The next spectrum has the shape of the one before, {spectrum.shape}; yours "
            f"has {answer.shape}."
        )
    if np.isrealobj(answer):
        return hint("Your numbers are real: a spectrum has phases too.")
    mistakes = {
        "Nothing has changed: the phases are to be those of stft(istft(spectrum)).": spectrum,
        "This is the STFT of a sound, but its magnitudes are no longer the wanted ones: put them "
        "on again, with its phases.": rebuilt,
        "Two halves turned round: the magnitudes of the rebuilt spectrum with the old phases. The "
        "step keeps its phases and throws its magnitudes away.": np.abs(rebuilt)
        * np.exp(1j * np.angle(spectrum)),
        "The magnitudes of the rebuilt spectrum are still in it: divide by them.": magnitude
        * rebuilt,
        "Those are the phases turned round: exp(+1j · φ).": want.conj(),
    }
    for message, value in mistakes.items():
        if np.allclose(answer, value):
            return hint(message)
    if not np.allclose(answer, want, atol=1e-5):
        return hint(
            "Three lines: to the sound with istft, back with stft, then the wanted "
            "magnitudes with the new phases. n_fft is 64 and the hop 16 both ways."
        )
    if not np.isfinite(np.asarray(run(step, 0 * spectrum, magnitude))).all():
        return hint(
            "Right, until a number of the rebuilt spectrum is 0: dividing by |0| gives no "
            "number. np.exp(1j * np.angle(…)) never divides."
        )
    return right("Repeat it, and you have the algorithm of 1984, whole.")


@check
def check_before(before: Callable) -> object:
    """``before(x, onset)``: the power before sample ``onset``, as a part of the whole, in dB."""
    x = np.random.default_rng(3).standard_normal(300) * np.linspace(0.3, 2, 300)
    onset = 100
    power = x**2
    part = power[:onset].sum() / power.sum()
    answer = float(run(before, x, onset))
    if np.isclose(answer, 10 * np.log10(part), atol=1e-6):
        if not np.isclose(
            run(before, x[:200], 50), 10 * np.log10(power[:50].sum() / power[:200].sum())
        ):
            return hint("Right once, but not for another onset: use the arguments, not numbers.")
        return right("0 dB: everything came before its time. A click itself has −∞ dB.")
    mistakes = {
        "Twice too much: squares are powers, and take 10 · log10.": 20 * np.log10(part),
        "Samples of both signs cancel in a sum: square them first.": 10
        * np.log10(abs(x[:onset].sum() / x.sum())),
        "That adds up magnitudes. Energy is the sum of squares.": 10
        * np.log10(np.abs(x[:onset]).sum() / np.abs(x).sum()),
        "That is what comes after the onset.": 10 * np.log10(power[onset:].sum() / power.sum()),
        "The onset itself is counted in: x[:onset] ends before it.": 10
        * np.log10(power[: onset + 1].sum() / power.sum()),
        "Divided by what comes after. The question was: by the whole.": 10
        * np.log10(power[:onset].sum() / power[onset:].sum()),
        "Two means are compared, not two sums: a short soft part counts as much as a long one.": 10
        * np.log10(power[:onset].mean() / power.mean()),
        "That is the ratio itself. In decibels: 10 · log10 of it.": part,
        "In per cent it is right. In decibels: 10 · log10 of the ratio.": 100 * part,
        "np.log is the natural logarithm: decibels take np.log10.": 10 * np.log(part),
        "Upside down: the part goes above the line.": -10 * np.log10(part),
    }
    for message, value in mistakes.items():
        if np.isclose(answer, value, atol=1e-6):
            return hint(message)
    return hint(
        f"For this sound it is {10 * np.log10(part):.2f} dB, yours is {answer:.2f}. The "
        "sum of the squares before the onset, divided by the sum of them all."
    )
