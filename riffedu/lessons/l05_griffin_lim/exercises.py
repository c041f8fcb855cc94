"""Exercises of notebooks/05_griffin_lim.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from riffedu.signal.stft import istft, stft
from riffedu.widgets.answers import NotYet, as_array, as_numbers, as_words, first_wrong
from riffedu.widgets.verdict import check, hint, right, run

SIZES = (64, 16)  # n_fft and hop of the small spectra
RATE = 22050

_SOUNDS_LIKE = {
    "original": "The original's syllables are clear, and nothing in it is hoarse.",
    "random": "Random phases make it hoarse and hollow, as from the far end of a pipe.",
    "alike": "Phases all alike make a robot, which stays on one note.",
    "found": "Found with windows of 186 ms, the voice keeps its melody, and its syllables blur.",
}
VOICES = dict(zip("ABCD", map(str, np.random.default_rng(5).permutation(list(_SOUNDS_LIKE)))))


def _spectra(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The STFTs of two small sounds."""
    x = np.random.default_rng(seed).standard_normal((2, 400))
    return stft(x[0], *SIZES), stft(x[1], *SIZES)


@check
def check_swap(swap: Callable) -> object:
    """Check that ``swap(a, b)`` of two spectra has the magnitudes of a and the phases of b."""
    a, b = _spectra()
    want = np.abs(a) * np.exp(1j * np.angle(b))
    answer = as_array(run(swap, a.copy(), b.copy()), a.shape, "The mixed spectrum")
    if np.isrealobj(answer):
        return hint(
            "Your numbers are real: the phase is lost. A number with magnitude m and "
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
        "Those phases have the wrong sign: exp(+1j · φ).": want.conj(),
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
    with np.errstate(all="ignore"):
        silent = np.asarray(run(swap, a, 0 * b))
    if not np.isfinite(silent).all():
        return hint(
            "Right, until b holds a zero: 0 / 0 is NaN, and one NaN spoils the whole "
            "sound. np.angle(0) is 0 and does no harm."
        )
    return right("What you hear of each depends on how long the windows are.")


@check
def check_predictions(predictions: Any) -> object:
    """Check five predictions about phases and consistency; the experiment is done here."""
    names = ("robot", "numbers", "kept", "turned", "greys")
    said = as_numbers(predictions, names)
    found = _experiment()
    near = {"robot": 2.0, "numbers": 0.2, "kept": 1.0, "turned": 0.1, "greys": 1.0}
    usual = {
        "robot": {
            86.13: "robot: 86 is for a hop of 256 samples. One pulse per column, and the hop is "
            "128 now.",
            43.07: "robot: half the hop makes twice as many pulses a second, not half as many.",
            21.5: "robot: the pulses follow each other at the hop, not at the window.",
        },
        "numbers": {
            8.0: "numbers: a complex number is two real ones.",
            32.0: "numbers: a frame has 513 rows, not 1024: the rest is a mirror image.",
            4.0: "numbers: 4 is for a hop of 256. With 64 the columns are four times as many.",
        },
        "kept": {
            0.0625: "kept: as a share that is right. In per cent it is 100 times as much.",
            24.0: "kept: 24 % is for a hop of 256. More overlap leaves less.",
            12.5: "kept: count real numbers for each sample, two for a complex one.",
            100.0: "kept: P keeps everything of a consistent spectrum only.",
        },
        "turned": {
            0.0: "turned: 0 dB is silence: the difference would be as large as x. It is −x − x.",
            3.01: "turned: the difference is twice x, and amplitudes take 20 · log10.",
            -6.02: "turned: the difference is larger than x, so the figure is above 0.",
            2.0: "turned: 2 is the factor. In decibels it is 20 · log10 of it.",
        },
        "greys": {255.0: "greys: a pixel is made from a magnitude, and |−X| = |X|."},
    }
    if wrong := first_wrong(said, found, near, usual, 4):
        name, mistake = wrong
        return hint(
            mistake
            or f"{name}: you predicted {said[name]:g}, the experiment gives {found[name]:g}."
        )
    listed = ", ".join(f"{name} {value:g}" for name, value in found.items())
    return right(f"The experiment agrees: {listed}.")


@lru_cache(1)
def _experiment() -> dict[str, float]:
    from riffedu.signal.convert import audio_to_image

    x = _voice()
    magnitude = np.abs(stft(x, 1024, 64))
    turns = np.random.default_rng(0).uniform(size=magnitude.shape)
    scrambled = magnitude * np.exp(2j * np.pi * turns)
    kept = stft(istft(scrambled, 1024, 64), 1024, 64)
    crests = np.where(np.arange(513) % 2, -1, 1)[:, None] * np.abs(stft(x, 1024, 128))
    robot = istft(crests + 0j, 1024, 128)
    spectrum = np.abs(np.fft.rfft(np.abs(robot)))
    low = len(robot) * 20 // RATE
    pictures = [np.asarray(audio_to_image(y, RATE), dtype=int) for y in (x, -x)]
    return {
        "robot": round(float(low + spectrum[low : 12 * low].argmax()) * RATE / len(robot), 1),
        "numbers": round(2 * magnitude.size / len(x), 1),
        "kept": round(100 * float((np.abs(kept) ** 2).sum() / (magnitude**2).sum()), 1),
        "turned": round(float(20 * np.log10(np.linalg.norm(-x - x) / np.linalg.norm(x))), 2),
        "greys": float(np.abs(pictures[0] - pictures[1]).max()),
    }


@check
def check_griffin_lim(found: Callable) -> object:
    """Check ``found(magnitude, n_iter)``: a sound by plain Griffin-Lim, n_fft 256 and hop 64."""
    from riffedu.signal.phase import griffin_lim

    x = _voice()[: 64 * 200].astype(np.float64)
    magnitude = np.abs(stft(x, 256, 64))

    def off(sound: Any) -> float:
        if np.shape(sound) == magnitude.shape:
            raise NotYet("You return a spectrum. End with istft(…, 256, 64): a sound.")
        sound = as_array(sound, None, "The sound")
        if sound.ndim != 1 or np.iscomplexobj(sound):
            raise NotYet(f"A sound is real and has one axis; yours has the shape {sound.shape}.")
        if len(sound) != len(x):
            raise NotYet(f"The sound should have {len(x)} samples; yours has {len(sound)}.")
        if not sound.any():
            raise NotYet("The sound is silent: do the wanted magnitudes get into the spectrum?")
        error = np.linalg.norm(np.abs(stft(sound, 256, 64)) - magnitude)
        return float(20 * np.log10(error / np.linalg.norm(magnitude)))

    with np.errstate(all="ignore"):
        first, last = (off(run(found, magnitude.copy(), n)) for n in (1, 40))
    if last > first - 0.1:
        return hint(
            "More iterations do not bring the magnitudes closer. Each must begin with the spectrum "
            "of the last one, put the wanted magnitudes back on, and keep the new phases."
        )
    plain = griffin_lim(magnitude, 256, 64, n_iter=40, momentum=0)
    if last > off(plain) + 2:
        return hint(
            f"It improves, and stops at {last:.1f} dB; the library's gets to {off(plain):.1f} dB. "
            "Only the phases are kept from one iteration to the next, never the magnitudes."
        )
    if last < -100:
        return hint("That is the sound itself. Begin with phases that do not know it.")
    return right(
        f"{first:.1f} dB after 1 iteration, {last:.1f} dB after 40. The algorithm of 1984."
    )


@lru_cache(1)
def four_voices() -> dict[str, np.ndarray]:
    """Return the sounds A to D: the voice with four kinds of phases; 2.5 s at 22050 Hz."""
    from riffedu.signal.audio import set_level
    from riffedu.signal.phase import griffin_lim

    x = _voice()
    magnitude = np.abs(stft(x, 1024, 256))
    turns = np.random.default_rng(0).uniform(size=magnitude.shape)
    crests = np.where(np.arange(513) % 2, -1, 1)[:, None]
    sounds = {
        "original": x,
        "random": istft(magnitude * np.exp(2j * np.pi * turns), 1024, 256, length=len(x)),
        "alike": istft(magnitude * crests + 0j, 1024, 256, length=len(x)),
        "found": griffin_lim(np.abs(stft(x, 4096, 1024)), 4096, 1024, length=len(x)),
    }
    return {letter: set_level(sounds[word], -23) for letter, word in VOICES.items()}


@check
def check_ears(heard: Any) -> object:
    """Check that ``heard`` maps A to D to original, random, alike or found."""
    said = as_words(heard, "ABCD", tuple(_SOUNDS_LIKE))
    wrong = [letter for letter in VOICES if said[letter] != VOICES[letter]]
    if wrong:
        more = f" ({len(wrong)} of the four are not right yet.)"
        return hint(f"Listen to {wrong[0]} again. {_SOUNDS_LIKE[said[wrong[0]]]}{more}")
    return right("One voice, four sets of phases.")


@lru_cache(1)
def _voice() -> np.ndarray:
    from riffedu.signal.audio import clip, resample

    return resample(*clip("speech_like"), RATE)[:55125]
