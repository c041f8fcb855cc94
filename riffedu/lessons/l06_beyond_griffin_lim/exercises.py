"""Exercises of notebooks/06_beyond_griffin_lim.ipynb."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from riffedu.signal.admm import admm_steps
from riffedu.signal.inversion import lean_grid
from riffedu.signal.params import SpectrogramParams
from riffedu.signal.stft import istft, stft
from riffedu.widgets.verdict import check, hint, right, run


@check
def check_small_rows(small: Callable) -> object:
    """``small(spectrum, n_fft, win_length)``: the rows of the STFT without zero padding."""
    x = np.random.default_rng(0).standard_normal(2000)
    for n_fft, win_length in ((256, 64), (300, 100)):
        padded = stft(x, n_fft, 25, win_length)
        want, step = padded[:: n_fft // win_length], n_fft // win_length
        answer = np.asarray(run(small, padded, n_fft, win_length))
        mistakes = {
            "Those are the lowest rows: they have the fine spacing still, and the top is missing. "
            "Take rows from all the way up.": padded[: len(want)],
            "Those are columns: time. Rows come first in spectrum[rows, columns].": padded[
                :, ::step
            ],
            "One row off: row 0 (0 Hz) is in both.": padded[step - 1 :: step],
            "Every second row: right if n_fft is twice win_length. Use the arguments.": padded[::2],
        }
        if answer.shape == want.shape and np.allclose(answer, want):
            continue
        for message, value in mistakes.items():
            if answer.shape == value.shape and np.allclose(answer, value):
                return hint(message)
        if n_fft == 300 and answer.shape == padded[::4].shape:
            return hint("Right for four times, but not for others: use the arguments.")
        return hint(
            f"{len(want)} rows are needed for n_fft={n_fft} and win_length={win_length}: "
            f"every how many-th of the {len(padded)}? Yours has shape {answer.shape}."
        )
    return right("Row k of the small STFT is row k · n_fft / win_length of the padded one.")


@check
def check_lean_grid(lean: Callable) -> object:
    """``lean(params)`` must give (sample_rate, n_fft, hop_length, win_length)."""
    cases = [
        SpectrogramParams(),
        SpectrogramParams(max_frequency=8000),
        SpectrogramParams(sample_rate=48000, max_frequency=5000, step_size_ms=5),
        SpectrogramParams(sample_rate=16000, max_frequency=3999, num_frequencies=64),
    ]
    for params in cases:
        answer = tuple(run(lean, params))
        if len(answer) != 4:
            return hint("Return four numbers: sample_rate, n_fft, hop_length, win_length.")
        grid = lean_grid(params)
        want = (round(params.sample_rate / grid.scale), *grid[:3])
        if np.allclose(answer, want):
            continue
        rate, n_fft, hop, win = answer
        about = f"For max_frequency={params.max_frequency} at {params.sample_rate} Hz: "
        if np.isclose(rate, params.max_frequency):
            return hint(
                about + "that rate holds frequencies up to half of it only. What did "
                "lesson 01 say about the highest frequency?"
            )
        if np.isclose(rate, params.sample_rate):
            return hint(about + "above max_frequency the picture says nothing. A lower rate does.")
        if rate < 2 * params.max_frequency:
            return hint(about + f"a rate of {rate:g} Hz holds nothing above {rate / 2:g} Hz.")
        if any(abs(value - round(value)) > 1e-6 for value in (hop, win)):
            return hint(
                about + f"a hop of {hop:g} and a window of {win:g} samples: both must be "
                "whole. Take the next rate up at which they are."
            )
        if np.isclose(rate, want[0]) and np.isclose(n_fft, params.n_fft / grid.scale):
            return hint(
                about + "rate, right; but n_fft still has all the zeros. Twice the window "
                "is enough."
            )
        if np.isclose(rate, want[0]) and np.isclose(n_fft, win):
            return hint(
                about + "n_fft = win_length leaves the lowest bands without a row of their "
                "own; take twice the window."
            )
        return hint(
            about + f"expected {want}, yours is {answer}. The hop lasts "
            f"{params.step_size_ms} ms and the window {params.window_duration_ms} ms at "
            "any rate."
        )
    return right("The same milliseconds and hertz, in as few numbers as they need.")


@check
def check_memory(step: Callable) -> object:
    """``step(spectrum, memory, rebuilt, magnitude, rho)`` must give ADMM's next two spectra."""
    magnitude = np.abs(stft(np.random.default_rng(1).standard_normal(400), 64, 16))
    states = admm_steps(magnitude, 64, 16, n_iter=3, rho=0.3, length=400)
    spectra = [state.spectrum.numpy() for state in states]
    memory, rho = np.zeros_like(spectra[0]), 0.3
    for spectrum, want in zip(spectra[:-1], spectra[1:], strict=True):
        rebuilt = stft(istft(spectrum, 64, 16, length=400), 64, 16)
        answer = run(step, spectrum, memory, rebuilt, magnitude, rho)
        if not isinstance(answer, tuple) or len(answer) != 2:
            return hint("Return two: the next spectrum and the next memory.")
        found, kept = (np.asarray(part) for part in answer)
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
