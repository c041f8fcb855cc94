"""Lesson 05: a picture keeps magnitudes and throws phases away. Griffin and Lim guess them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.stft import at_the_door, istft, stft


@dataclass(frozen=True)
class State:
    """One moment of phase reconstruction.

    ``spectrum`` has the wanted ``magnitude`` and the phases guessed so far; ``waveform`` is the
    sound nearest to it. Shapes: (…, rows, columns) and (…, samples). Torch tensors.
    """

    iteration: int
    spectrum: Any
    waveform: Any
    magnitude: Any
    analyse: Callable

    @property
    def consistency_db(self) -> float:
        """How far the sound's own magnitudes are from the wanted ones; the lower, the better.

            20 · log10( ‖ |STFT(waveform)| − magnitude ‖ / ‖ magnitude ‖ )

        0 dB is no better than silence. Worked out when asked for: it costs an STFT.
        """
        found = self.analyse(self.waveform)[..., :self.magnitude.shape[-1]].abs()
        error = float((found - self.magnitude).norm()) / float(self.magnitude.norm() or 1)
        return float(20 * np.log10(max(error, 1e-15)))


def griffin_lim_steps(magnitude, n_fft: int, hop_length: int, win_length: int | None = None,
                      window="hann", n_iter: int = 32, momentum: float = 0.99, seed: int = 0,
                      initial=None, length: int | None = None,
                      refit: Callable | None = None) -> Iterator[State]:
    """Griffin-Lim and its fast variant, state by state: n_iter + 1 of them, the first a guess.

    A spectrum with the right magnitudes and any old phases is the STFT of no sound. Go to the
    nearest sound and back: its phases fit together. Keep them, put the right magnitudes on again,
    repeat. ``momentum`` α steps on in the direction of the last change:

        r_i = STFT(iSTFT(s_i)),   s_{i+1} = magnitude · phase(r_i − α/(1 + α) · r_{i−1})

    α = 0 is the original of 1984, α = 0.99 gets further in fewer steps. ``magnitude``: real ≥ 0,
    shape (…, n_fft // 2 + 1, columns), of centred frames as `stft` makes them. The first phases
    are uniform in [0, 2π), drawn with ``seed``, or those of the complex spectrum ``initial``.
    ``length``: samples of the sound, (columns − 1) · hop_length by default. ``refit``, where only
    mel amplitudes are known, is called with |r_i| and returns the next magnitudes.

    Raises RiffeduError for magnitudes of another shape and for numbers out of range. Sources:
    Griffin and Lim, IEEE Trans. ASSP 32 (1984); Perraudin, Balazs and Søndergaard, "A fast
    Griffin-Lim algorithm", WASPAA (2013). Notebook: 05_griffin_lim.
    """
    import torch

    magnitude, _ = at_the_door(magnitude)
    _check(magnitude, n_fft, n_iter, momentum)
    length = (magnitude.shape[-1] - 1) * hop_length if length is None else length
    analyse = partial(stft, n_fft=n_fft, hop_length=hop_length, win_length=win_length,
                      window=window)
    # Row by row in time: the FFTs read frames, so frames should lie together in memory.
    magnitude = magnitude.mT.contiguous().mT
    initial = random_phases(magnitude, seed) if initial is None else at_the_door(initial)[0]
    spectrum = torch.sgn(initial) * magnitude
    previous = torch.zeros_like(spectrum)
    for iteration in range(n_iter + 1):
        waveform = istft(spectrum, n_fft, hop_length, win_length, window, length=length)
        yield State(iteration, spectrum, waveform, magnitude, analyse)
        rebuilt = analyse(waveform)[..., :magnitude.shape[-1]]
        ahead = torch.sub(rebuilt, previous, alpha=momentum / (1 + momentum))
        magnitude = refit(rebuilt.abs()) if refit else magnitude
        spectrum = torch.sgn(ahead) * magnitude
        previous = rebuilt


def griffin_lim(magnitude, n_fft: int, hop_length: int, win_length: int | None = None,
                window="hann", n_iter: int = 32, momentum: float = 0.99, seed: int = 0,
                initial=None, length: int | None = None, refit: Callable | None = None):
    """The sound of `griffin_lim_steps`' last state: shape (…, samples); its arguments, its errors.

    NumPy in gives NumPy out, torch in gives torch out. Notebook: 05_griffin_lim.
    """
    magnitude, give_back = at_the_door(magnitude)
    for state in griffin_lim_steps(magnitude, n_fft, hop_length, win_length, window, n_iter,
                                   momentum, seed, initial, length, refit):
        pass
    return give_back(state.waveform)


def random_phases(magnitude, seed: int = 0):
    """Unit complex numbers of the shape of ``magnitude``, with phases uniform in [0, 2π)."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    turns = torch.rand(magnitude.mT.shape, generator=generator, dtype=magnitude.dtype)
    return torch.polar(torch.ones_like(turns), 2 * torch.pi * turns).mT


def _check(magnitude, n_fft: int, n_iter: int, momentum: float) -> None:
    if magnitude.ndim < 2 or magnitude.shape[-2] != n_fft // 2 + 1 or magnitude.is_complex():
        raise RiffeduError(
            f"Griffin-Lim needs real magnitudes of {n_fft // 2 + 1} rows for n_fft={n_fft}, these "
            f"are {magnitude.dtype} of shape {tuple(magnitude.shape)}"
        )
    if magnitude.shape[-1] == 0:
        raise RiffeduError("Griffin-Lim needs at least one column")
    if n_iter < 0 or not 0 <= momentum <= 1:
        raise RiffeduError(
            f"Griffin-Lim needs n_iter >= 0 and momentum from 0 to 1, not {n_iter} and {momentum}"
        )
