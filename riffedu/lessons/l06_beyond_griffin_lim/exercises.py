"""Exercises of notebooks/06_beyond_griffin_lim.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from riffedu.signal.admm import admm_steps
from riffedu.signal.inversion import lean_grid
from riffedu.signal.params import SpectrogramParams
from riffedu.signal.stft import istft, stft
from riffedu.widgets.answers import as_array, as_number, as_numbers, first_wrong
from riffedu.widgets.verdict import check, hint, right, run


@check
def check_small_rows(small: Callable) -> object:
    """Check that ``small(spectrum, n_fft, win_length)`` gives the rows without zero padding."""
    x = np.random.default_rng(0).standard_normal(2000)
    for n_fft, win_length in ((256, 64), (300, 100)):
        padded = stft(x, n_fft, 25, win_length)
        want, step = padded[:: n_fft // win_length], n_fft // win_length
        answer = as_array(run(small, padded.copy(), n_fft, win_length), None, "The small STFT")
        if answer.shape == want.shape and np.allclose(np.abs(answer), np.abs(want)):
            continue  # the phases differ by half a cycle in odd rows: with or without that
        mistakes = {
            "Those are the lowest rows: they keep the fine spacing, and the top is missing. Take "
            "rows from all heights.": padded[: len(want)],
            "Those are columns: time. Rows come first in spectrum[rows, columns].": padded[
                :, ::step
            ],
            "One row off: row 0 (0 Hz) is in both.": padded[step - 1 :: step],
            "Every second row: right if n_fft is twice win_length. Use the arguments.": padded[::2],
        }
        for message, value in mistakes.items():
            if answer.shape == value.shape and np.allclose(answer, value):
                return hint(message)
        if n_fft == 300 and answer.shape == padded[::4].shape:
            return hint("Right for four times, but not for others: use the arguments.")
        return hint(
            f"{len(want)} rows are needed for n_fft={n_fft} and win_length={win_length}: "
            f"every n-th of the {len(padded)}, but which n? Yours has shape {answer.shape}."
        )
    return right("Row k of the small STFT is row k · n_fft / win_length of the padded one.")


@check
def check_predictions(predictions: Any) -> object:
    """Check six predictions about grids, phases and padding; the experiment is done here."""
    names = ("rate", "hop", "window", "numbers", "turn", "hills")
    said = as_numbers(predictions, names)
    found = _experiment()
    near = {"rate": 1.0, "hop": 0.5, "window": 0.5, "numbers": 0.05, "turn": 0.3, "hills": 0.1}
    usual = {
        "rate": {
            5000.0: "rate: that holds frequencies up to half of it only (lesson 01).",
            20000.0: "rate: 20 kHz is for a picture up to 10 kHz.",
            44100.0: "rate: above 5000 Hz the picture says nothing. A lower rate is enough.",
        },
        "hop": {
            441.0: "hop: 441 samples last 10 ms at 44.1 kHz. How many is that at the new rate?",
            200.0: "hop: 200 samples last 10 ms at 20 kHz. How many is that at the new rate?",
            10.0: "hop: 10 is its length in ms. How many samples are that?",
        },
        "window": {
            4410.0: "window: 4410 samples last 100 ms at 44.1 kHz. The rate is lower here.",
            2000.0: "window: that is the frame with its padding, or the window at 20 kHz.",
            100.0: "window: 100 is its length in ms. How many samples are that?",
        },
        "numbers": {
            4.0: "numbers: the rows are half as many, and the columns are as many as before.",
            1.0: "numbers: half the rate, as many ms: half as many samples, and rows, in a frame.",
            0.5: "numbers: how many times fewer, not how many are left.",
        },
        "turn": {
            360 * 10.02: "turn: leave the whole cycles out: % 360.",
            0.02: "turn: that is in cycles. A cycle has 360 degrees.",
            0.0: "turn: 1000 Hz turns by whole cycles in 10 ms; 1002 Hz by a little more.",
            0.126: "turn: that is in radians.",
        },
        "hills": {
            2.0: "hills: padding adds points to the same curve. Two hills need a longer window.",
        },
    }
    if wrong := first_wrong(said, found, near, usual, 20):
        name, mistake = wrong
        return hint(
            mistake
            or f"{name}: you predicted {said[name]:g}, the experiment gives {found[name]:g}."
        )
    listed = ", ".join(f"{name} {value:g}" for name, value in found.items())
    return right(f"The experiment agrees: {listed}.")


def _experiment() -> dict[str, float]:
    wide, narrow = (SpectrogramParams(max_frequency=hertz) for hertz in (10000, 5000))
    before, grid = lean_grid(wide), lean_grid(narrow)
    t = np.arange(4000) / 20000
    tone = stft(np.sin(2 * np.pi * 1002 * t), 2000, 200)[100]
    window, pair = np.hanning(2000), np.sin(2 * np.pi * 1000 * t) + np.cos(2 * np.pi * 1008 * t)
    size = np.abs(np.fft.rfft(window * pair[:2000], 64 * 2000))
    tops = (size[1:-1] > size[:-2]) & (size[1:-1] > size[2:]) & (size[1:-1] > size.max() / 2)
    return {
        "rate": float(round(narrow.sample_rate / grid.scale)),
        "hop": float(grid.hop_length),
        "window": float(grid.win_length),
        "numbers": round((before.n_fft // 2 + 1) / (grid.n_fft // 2 + 1), 2),
        "turn": round(float(np.degrees(np.angle(tone[11] / tone[10]))), 1),
        "hills": float(tops.sum()),
    }


@check
def check_tuner(tuner: Callable) -> object:
    """Check that ``tuner(column, row_hz)`` gives a tone's frequency between a column's rows."""
    for rate, n_fft, sigma, hertz in (
        (20000, 4000, 500, 1002.0),
        (20000, 4000, 500, 441.3),
        (8000, 512, 64, 1240.0),
    ):
        window = np.exp(-0.5 * ((np.arange(n_fft) - n_fft // 2) / sigma) ** 2)
        x = np.sin(2 * np.pi * hertz * np.arange(n_fft) / rate)
        column, row_hz = np.abs(np.fft.rfft(window * x)), rate / n_fft
        got = as_number(run(tuner, column.copy(), row_hz), "The frequency")
        if abs(got - hertz) < 0.01 * row_hz:
            continue
        top = int(column.argmax())
        away = (hertz / row_hz) - top
        left, middle, right_ = column[top - 1 : top + 2]
        bent = (left - right_) / (2 * (left - 2 * middle + right_))
        usual = {
            "That is the nearest row. The two rows beside it say how far off the top is.": top,
            "The parabola is right for log magnitudes; you fitted the magnitudes themselves.": (
                top + bent
            ),
            "The correction has the wrong sign: the top lies towards the larger neighbour.": (
                top - away
            ),
            "The correction is half of what it should be.": top + away / 2,
            "The correction is twice what it should be.": top + 2 * away,
            "That is the centre of gravity of three rows: near, but use the parabola's top.": (
                (top - 1) * left + top * middle + (top + 1) * right_
            )
            / (left + middle + right_),
        }
        if abs(got - hertz / row_hz) < 0.01:
            return hint("That is the row, with its fraction. Multiply by row_hz.")
        for message, value in usual.items():
            if abs(got - value * row_hz) < 1e-3 * row_hz:
                return hint(message)
        return hint(
            f"A tone of {hertz:g} Hz, rows {row_hz:g} Hz apart: you say {got:.2f} Hz. The highest "
            f"row is at {top * row_hz:g} Hz."
        )
    return right("A tuner a hundred times finer than its rows: the slope tells where the top is.")


@check
def check_memory(step: Callable) -> object:
    """Check ``step(spectrum, memory, rebuilt, magnitude, rho)``: ADMM's next two spectra."""
    magnitude = np.abs(stft(np.random.default_rng(1).standard_normal(400), 64, 16))
    states = admm_steps(magnitude, 64, 16, n_iter=3, rho=0.3, length=400)
    spectra = [state.spectrum.numpy() for state in states]
    memory, rho = np.zeros_like(spectra[0]), 0.3
    for spectrum, want in zip(spectra[:-1], spectra[1:], strict=True):
        rebuilt = stft(istft(spectrum, 64, 16, length=400), 64, 16)
        answer = run(step, spectrum, memory, rebuilt, magnitude, rho)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            return hint("Return two: the next spectrum and the next memory.")
        found = as_array(answer[0], spectrum.shape, "The next spectrum")
        kept = as_array(answer[1], spectrum.shape, "The next memory")
        both = spectrum + memory

        def with_phase(z: np.ndarray) -> np.ndarray:
            return magnitude * np.exp(1j * np.angle(z))

        wrong = {
            "The phases are right, the magnitudes not: divide by the absolute value and multiply "
            "by magnitude.": 2 * rebuilt - (1 - rho) * both,
            "That is Griffin-Lim: the phases of rebuilt alone.": with_phase(rebuilt),
            "The memory doesn't count in your next spectrum: v = spectrum + memory.": with_phase(
                2 * rebuilt - (1 - rho) * spectrum
            ),
            "2 r, not r: it goes beyond the consistent spectrum, as far again.": with_phase(
                rebuilt - (1 - rho) * both
            ),
            "(1 − ρ) v, not ρ v.": with_phase(2 * rebuilt - rho * both),
            "Minus (1 − ρ) v, not plus.": with_phase(2 * rebuilt + (1 - rho) * both),
        }
        if not np.allclose(found, want, atol=1e-8):
            for message, value in wrong.items():
                if not np.allclose(value, want) and np.allclose(found, value, atol=1e-8):
                    return hint(message)
            return hint(
                "The next spectrum is off. First v = spectrum + memory, then the phases of "
                "2 r − (1 − ρ) v with the wanted magnitudes."
            )
        memory = (both - rebuilt) / (1 + rho)
        if np.allclose(kept, both - rebuilt, atol=1e-8):
            return hint("The next spectrum is right. The memory is still to be divided by 1 + ρ.")
        if not np.allclose(kept, memory, atol=1e-8):
            return hint(
                "The next spectrum is right. The next memory is (v − r) / (1 + ρ), with "
                "the v that you had."
            )
    return right("One STFT and one inverse for a step, as in Griffin-Lim; only the sums differ.")


_TONE, _DRUM = ("ABCD"[int(i)] for i in np.random.default_rng(6).integers(4, size=2))


@lru_cache(1)
def four_tones() -> dict[str, np.ndarray]:
    """Return the tones A to D: one from phases read off, three from random ones; 2 s, 44.1 kHz."""
    from riffedu.signal.inversion import lean_steps, sound_of
    from riffedu.signal.mel import mel_spectrogram
    from riffedu.signal.synth import sine

    params = SpectrogramParams()
    mel = mel_spectrogram(sine(440, 2.0, amplitude=0.1), params)
    sounds = {}
    for seed, letter in enumerate("ABCD"):
        how: dict[str, Any] = {} if letter == _TONE else {"start": None, "refit": False}
        *_, state = lean_steps(mel, params, 8, seed=seed, **how)
        sounds[letter] = _level(sound_of(state, mel, params))
    return sounds


@lru_cache(1)
def four_drums() -> dict[str, np.ndarray]:
    """Return the tablas A to D: one with quality "best", three Riffusion's; 2 s, 44.1 kHz."""
    from riffedu.signal.audio import clip
    from riffedu.signal.inversion import sound_from_mel
    from riffedu.signal.mel import mel_spectrogram

    params = SpectrogramParams()
    mel = mel_spectrogram(clip("percussion")[0][: 2 * 44100], params)
    return {
        letter: _level(
            sound_from_mel(mel, params, "best")
            if letter == _DRUM
            else sound_from_mel(mel, params, "plain", seed=seed, n_iter=8)
        )
        for seed, letter in enumerate("ABCD")
    }


def _level(sound: np.ndarray) -> np.ndarray:
    from riffedu.signal.audio import set_level

    return set_level(sound, -26)


@check
def check_ears(heard: Any) -> object:
    """Check that ``heard`` names the tone from phases read off and the drum with sharp strokes."""
    if not isinstance(heard, dict) or set(heard) != {"tone", "drum"}:
        return hint("Give a dict with two letters: tone and drum.")
    if any(letter is None or letter is ... for letter in heard.values()):
        return hint("Nothing to check so far: put a letter in place of each ...")
    said = {name: str(letter).strip().upper() for name, letter in heard.items()}
    for name, letter in said.items():
        if letter not in ("A", "B", "C", "D"):
            return hint(f"{name}: one of the letters A, B, C and D, not “{letter}”.")
    if said["tone"] != _TONE:
        return hint(
            f"Tone {said['tone']} flutters: listen for its dips. One of the four is steady."
        )
    if said["drum"] != _DRUM:
        return hint(
            f"The strokes of drum {said['drum']} begin softly. Compare the first instant of a "
            "stroke in all four; in one it is sharp."
        )
    return right("Steady tones and sharp strokes: what reading phases off is for.")
