"""Lesson 06: phase reconstruction by ADMM."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from riffedu.signal.arrays import Array, Window
from riffedu.signal.phase import PhaseState, _begin, _check_numbers, magnitude_of, with_magnitude


def admm_steps(
    magnitude: Array,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: Window = "hann",
    n_iter: int = 32,
    rho: float = 0.1,
    seed: int = 0,
    initial: Array | None = None,
    length: int | None = None,
    refit: Callable | None = None,
) -> Iterator[PhaseState]:
    """Reconstruct phases by ADMM: arguments and states as for `griffin_lim_steps`.

    The alternating direction method of multipliers has two constraints, "the target magnitudes" and
    "the STFT of a sound", and a dual variable u that accumulates their difference. With r_i the
    STFT of the sound nearest to s_i, and ``rho`` ρ the weight of the second constraint:

        v_i = s_i + u_i,   s_{i+1} = magnitude · phase(2 r_i − (1 − ρ) v_i),
        u_{i+1} = (v_i − r_i) / (1 + ρ)

    u is orthogonal to the STFTs of sounds, so r_i is the same for v_i and s_i; a step therefore
    needs one STFT and one inverse, as in Griffin-Lim, which is the case ρ = 1. Small ρ explores
    more widely, and does not converge if no sound has these magnitudes.

    Raises RiffeduError as `griffin_lim_steps` does, and for ``rho`` outside [0, 1]. Source:
    Masuyama, Yatabe and Oikawa, "Griffin-Lim like phase recovery via alternating direction method
    of multipliers", IEEE Signal Processing Letters 26 (2019). Notebook: 06_beyond_griffin_lim.

    >>> import numpy as np
    >>> magnitude = np.random.default_rng(0).random((33, 20))
    >>> states = list(admm_steps(magnitude, 64, 16, n_iter=4))
    >>> len(states), states[-1].spectral_convergence_db < states[0].spectral_convergence_db
    (5, True)
    """
    _check_numbers(n_iter, rho=rho)
    magnitude, spectrum, analyse, synthesise = _begin(
        magnitude, n_fft, hop_length, win_length, window, seed, initial, length
    )
    memory = 0 * spectrum
    for iteration in range(n_iter + 1):
        state = PhaseState(iteration, spectrum, synthesise(spectrum), magnitude, analyse)
        yield state
        rebuilt = state.rebuilt
        magnitude = refit(magnitude_of(rebuilt)) if refit else magnitude
        both = spectrum + memory
        spectrum = with_magnitude(2 * rebuilt - (1 - rho) * both, magnitude)
        memory = (both - rebuilt) / (1 + rho)
