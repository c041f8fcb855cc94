"""Lessons 05 and 06: phase reconstruction, from the magnitudes of an STFT alone.

`griffin_lim_steps` improves random phases step by step, `admm_steps` uses another update, and
`pghi` computes phases from the slopes of the magnitudes, without iterations.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.arrays import Array, Window, as_tensor
from riffedu.signal.stft import istft, stft

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class PhaseState:
    """The state of a phase reconstruction after an iteration.

    ``spectrum`` has the target ``magnitude`` and the current phases; ``waveform`` is its inverse
    STFT. Shapes: (…, rows, columns) and (…, samples). Torch tensors.
    """

    iteration: int
    spectrum: torch.Tensor
    waveform: torch.Tensor
    magnitude: torch.Tensor
    analyse: Callable

    @cached_property
    def rebuilt(self) -> torch.Tensor:
        """The STFT of ``waveform``, where the next step begins; computed once."""
        return self.analyse(self.waveform)

    @property
    def spectral_convergence_db(self) -> float:
        """Distance of the waveform's magnitudes from the target ones; lower is better.

            20 · log10( ‖ |STFT(waveform)| − magnitude ‖ / ‖ magnitude ‖ )

        0 dB is no better than silence. Computed on each access.
        """
        found = magnitude_of(self.rebuilt)
        error = float((found - self.magnitude).norm()) / float(self.magnitude.norm() or 1)
        return float(20 * np.log10(max(error, 1e-15)))


def griffin_lim_steps(
    magnitude: Array,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: Window = "hann",
    n_iter: int = 32,
    momentum: float = 0.99,
    seed: int = 0,
    initial: Array | None = None,
    length: int | None = None,
    refit: Callable | None = None,
) -> Iterator[PhaseState]:
    """Run Griffin-Lim or its fast variant: yield n_iter + 1 states, the first with initial phases.

    A spectrum with the target magnitudes and arbitrary phases is not the STFT of any sound. Each
    iteration goes to the nearest sound and back, keeps the phases of that spectrum, and restores
    the target magnitudes. ``momentum`` α extrapolates along the last change:

        r_i = STFT(iSTFT(s_i)),   s_{i+1} = magnitude · phase(r_i − α/(1 + α) · r_{i−1})

    α = 0 is the original of 1984; α = 0.99 converges in fewer steps. ``magnitude``: real ≥ 0,
    shape (…, n_fft // 2 + 1, columns), of centred frames as `stft` makes them. The first phases
    are uniform in [0, 2π), drawn with ``seed``, or those of the complex spectrum ``initial``.
    ``length``: samples of the sound, (columns − 1) · hop_length by default. ``refit``, where only
    mel amplitudes are known, is called with |r_i| and returns the next magnitudes.

    Raises RiffeduError for magnitudes of another shape and for numbers out of range. Sources:
    Griffin and Lim, IEEE Trans. ASSP 32 (1984); Perraudin, Balazs and Søndergaard, "A fast
    Griffin-Lim algorithm", WASPAA (2013). Notebook: 05_griffin_lim.

    >>> magnitude = np.random.default_rng(0).random((33, 20))
    >>> states = list(griffin_lim_steps(magnitude, 64, 16, n_iter=4))
    >>> len(states), states[-1].spectral_convergence_db < states[0].spectral_convergence_db
    (5, True)
    """
    _check_numbers(n_iter, momentum=momentum)
    magnitude, spectrum, analyse, synthesise = _begin(
        magnitude, n_fft, hop_length, win_length, window, seed, initial, length
    )
    previous = 0 * spectrum
    for iteration in range(n_iter + 1):
        state = PhaseState(iteration, spectrum, synthesise(spectrum), magnitude, analyse)
        yield state
        rebuilt = state.rebuilt
        magnitude = refit(magnitude_of(rebuilt)) if refit else magnitude
        ahead = rebuilt - momentum / (1 + momentum) * previous
        spectrum = with_magnitude(ahead, magnitude)
        previous = rebuilt


def griffin_lim(
    magnitude: Array,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: Window = "hann",
    n_iter: int = 32,
    momentum: float = 0.99,
    seed: int = 0,
    initial: Array | None = None,
    length: int | None = None,
    refit: Callable | None = None,
) -> Array:
    """Return the waveform of the last state of `griffin_lim_steps`, shape (…, samples).

    Same arguments and errors. NumPy in gives NumPy out, torch in gives torch out. Notebook:
    05_griffin_lim.

    >>> griffin_lim(np.ones((33, 20)), 64, 16, n_iter=2).shape
    (304,)
    """
    magnitude, give_back = as_tensor(magnitude)
    steps = griffin_lim_steps(
        magnitude,
        n_fft,
        hop_length,
        win_length,
        window,
        n_iter,
        momentum,
        seed,
        initial,
        length,
        refit,
    )
    [state] = deque(steps, maxlen=1)
    return give_back(state.waveform)


def random_phases(magnitude: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Return unit complex numbers of ``magnitude``'s shape, with phases uniform in [0, 2π).

    >>> import torch
    >>> random_phases(torch.ones(3, 2)).abs().allclose(torch.ones(3, 2))
    True
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    turns = torch.rand(magnitude.mT.shape, generator=generator, dtype=magnitude.dtype)
    return torch.polar(torch.ones_like(turns), 2 * torch.pi * turns).mT


def magnitude_of(spectrum: torch.Tensor) -> torch.Tensor:
    """Return |spectrum| of a complex tensor, by NumPy: seven times as fast as torch on a CPU.

    >>> import torch
    >>> magnitude_of(torch.tensor([3 + 4j])).tolist()
    [5.0]
    """
    import torch

    return torch.from_numpy(np.abs(spectrum.numpy()))


def with_magnitude(spectrum: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    """Return the phases of ``spectrum`` with other magnitudes; 0 where ``spectrum`` is 0.

    >>> import torch
    >>> with_magnitude(torch.tensor([2j]), torch.tensor([3.0])).tolist()
    [3j]
    """
    return spectrum * (magnitude / magnitude_of(spectrum).clamp(min=1e-20))


def _begin(
    magnitude: Array,
    n_fft: int,
    hop_length: int,
    win_length: int | None,
    window: Window,
    seed: int,
    initial: Array | None,
    length: int | None,
) -> tuple[torch.Tensor, torch.Tensor, Callable, Callable]:
    """What every method starts from: magnitudes, first spectrum, the STFT and its inverse."""
    magnitude, _ = as_tensor(magnitude)
    _check_magnitude(magnitude, n_fft)
    length = (magnitude.shape[-1] - 1) * hop_length if length is None else length
    sizes = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length, "window": window}
    # Row by row in time: the FFTs read frames, so frames should lie together in memory.
    magnitude = magnitude.mT.contiguous().mT
    initial = random_phases(magnitude, seed) if initial is None else as_tensor(initial)[0]

    def analyse(waveform: torch.Tensor) -> torch.Tensor:
        return stft(waveform, **sizes)[..., : magnitude.shape[-1]]

    return (
        magnitude,
        with_magnitude(initial, magnitude),
        analyse,
        partial(istft, length=length, **sizes),
    )


def _check_magnitude(magnitude: torch.Tensor, n_fft: int) -> None:
    if magnitude.ndim < 2 or magnitude.shape[-2] != n_fft // 2 + 1 or magnitude.is_complex():
        raise RiffeduError(
            f"expected real magnitudes of {n_fft // 2 + 1} rows for n_fft={n_fft}, "
            f"not {magnitude.dtype} of shape {tuple(magnitude.shape)}"
        )
    if magnitude.shape[-1] == 0:
        raise RiffeduError("phase reconstruction needs at least one column")


def _check_numbers(n_iter: int, **weight: float) -> None:
    ((name, value),) = weight.items()
    if n_iter < 0 or not 0 <= value <= 1:
        raise RiffeduError(
            f"n_iter must be 0 or more and {name} from 0 to 1, not {n_iter} and {value}"
        )
