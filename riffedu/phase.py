"""Lessons 05 and 06: a picture keeps magnitudes and throws phases away. Here they are found again.

`griffin_lim_steps` guesses and improves, `admm_steps` improves by another rule, `pghi` reads the
phases off the magnitudes' own slopes without guessing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.stft import at_the_door, get_window, istft, stft


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

    @cached_property
    def rebuilt(self) -> Any:
        """The spectrum that ``waveform`` really has: where the next step begins. Kept once found."""
        return self.analyse(self.waveform)

    @property
    def consistency_db(self) -> float:
        """How far the sound's own magnitudes are from the wanted ones; the lower, the better.

            20 · log10( ‖ |STFT(waveform)| − magnitude ‖ / ‖ magnitude ‖ )

        0 dB is no better than silence. Worked out when asked for.
        """
        found = size(self.rebuilt)
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
    _check_numbers(n_iter, momentum=momentum)
    magnitude, spectrum, analyse, synthesise = _begin(
        magnitude, n_fft, hop_length, win_length, window, seed, initial, length
    )
    previous = 0 * spectrum
    for iteration in range(n_iter + 1):
        state = State(iteration, spectrum, synthesise(spectrum), magnitude, analyse)
        yield state
        rebuilt = state.rebuilt
        magnitude = refit(size(rebuilt)) if refit else magnitude
        ahead = rebuilt - momentum / (1 + momentum) * previous
        spectrum = with_magnitude(ahead, magnitude)
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


def admm_steps(magnitude, n_fft: int, hop_length: int, win_length: int | None = None,
               window="hann", n_iter: int = 32, rho: float = 0.1, seed: int = 0, initial=None,
               length: int | None = None, refit: Callable | None = None) -> Iterator[State]:
    """Griffin-Lim that remembers what no sound could hold: the same arguments, the same states.

    Two wishes, "the right magnitudes" and "the STFT of a sound", and a memory u of how far apart
    they were so far (the alternating direction method of multipliers). With r_i the STFT of the
    sound nearest to s_i, and ``rho`` ρ the weight of the second wish:

        v_i = s_i + u_i,   s_{i+1} = magnitude · phase(2 r_i − (1 − ρ) v_i),
        u_{i+1} = (v_i − r_i) / (1 + ρ)

    The memory lies wholly in what no sound holds, so that r_i is the same for v_i and s_i; that is
    why one STFT and one inverse do for a step, as in Griffin-Lim, which is the case ρ = 1. Small ρ
    searches more widely, and does not settle where no sound has these magnitudes.

    Raises RiffeduError as `griffin_lim_steps` does, and for ``rho`` outside [0, 1]. Source:
    Masuyama, Yatabe and Oikawa, "Griffin-Lim like phase recovery via alternating direction method
    of multipliers", IEEE Signal Processing Letters 26 (2019). Notebook: 06_beyond_griffin_lim.
    """
    _check_numbers(n_iter, rho=rho)
    magnitude, spectrum, analyse, synthesise = _begin(
        magnitude, n_fft, hop_length, win_length, window, seed, initial, length
    )
    memory = 0 * spectrum
    for iteration in range(n_iter + 1):
        state = State(iteration, spectrum, synthesise(spectrum), magnitude, analyse)
        yield state
        rebuilt = state.rebuilt
        magnitude = refit(size(rebuilt)) if refit else magnitude
        both = spectrum + memory
        spectrum = with_magnitude(2 * rebuilt - (1 - rho) * both, magnitude)
        memory = (both - rebuilt) / (1 + rho)


def pghi(magnitude, n_fft: int, hop_length: int, win_length: int | None = None, window="hann",
         tolerance: float = 1e-3, seed: int = 0):
    """A spectrum with phases read off the magnitudes: phase gradient integration, no iterations.

    `phase_slopes` says how much the phase changes from one bin to the next, along time and along
    frequency. `integrate` adds these changes up along a path that keeps to the loud bins, where
    they are most certain. Bins below ``tolerance`` · the loudest get random phases from ``seed``.

    ``magnitude``: real ≥ 0, shape (…, n_fft // 2 + 1, columns), of centred frames as `stft` makes
    them. Returns the complex spectrum, torch or NumPy as it came. Where a frame holds one sine or
    one click the phases are right up to a constant; where sounds overlap they are a good start.

    Raises RiffeduError for magnitudes of another shape or a tolerance outside (0, 1). Source:
    Průša, Balazs and Søndergaard, "A noniterative method for reconstruction of phase from STFT
    magnitude", IEEE/ACM Trans. ASLP 25 (2017). Notebook: 06_beyond_griffin_lim.
    """
    import torch

    magnitude, give_back = at_the_door(magnitude)
    _check_magnitude(magnitude, n_fft)
    if not 0 < tolerance < 1:
        raise RiffeduError(f"pghi needs a tolerance between 0 and 1, not {tolerance}")
    phases = random_phases(magnitude, seed)
    flat = (-1, *magnitude.shape[-2:])
    for picture, guess in zip(magnitude.reshape(flat), phases.reshape(flat), strict=True):
        for start in range(0, picture.shape[-1], 1024):  # so that memory does not grow with length
            part = np.ascontiguousarray(picture[:, start:start + 1024].numpy())
            slopes = phase_slopes(part, n_fft, hop_length, win_length, window)
            phase, known = integrate(part, *slopes, tolerance)
            turned = torch.from_numpy(np.exp(1j * phase[known])).to(guess.dtype)
            guess[:, start:start + 1024][torch.from_numpy(known)] = turned
    return give_back(phases * magnitude)


def phase_slopes(magnitude: np.ndarray, n_fft: int, hop_length: int,
                 win_length: int | None = None, window="hann") -> tuple[np.ndarray, np.ndarray]:
    """How much the phase of an STFT changes to the next column, and to the next row; radians.

        along time:       2π hop k / n_fft + c / log(W(0) / W(1)) · ∂ log magnitude / ∂k
        along frequency: −2π centre / n_fft − c / log(w(0) / w(hop)) · ∂ log magnitude / ∂t

    with c = π hop / (2 n_fft) and ∂f/∂k = f[k + 1] − f[k − 1], likewise ∂t, averaged over the two
    bins of a step. On the top of a hump row k turns with its own frequency, beside it with the
    hump's; likewise in time with a click. How steep a hump is, the window w tells: how far it falls
    from its ``centre`` in one hop, and how far its transform W falls in one row. Exact for a
    Gaussian; for others near the tops, where the sound is.

    ``magnitude``: (rows, columns). Returns arrays (rows, columns − 1) and (rows − 1, columns).
    Source: Portnoff, "Magnitude-phase relationships for short-time Fourier transforms based on
    Gaussian analysis windows", ICASSP (1979). Notebook: 06_beyond_griffin_lim.
    """
    win_length = win_length or n_fft
    w = get_window(window, win_length).numpy().astype(np.float64)
    n = np.arange(win_length) - win_length / 2
    centre = (n_fft - win_length) // 2 + win_length / 2
    falls_in_a_row = _fall(w.sum(), w @ np.cos(2 * np.pi * n / n_fft))
    falls_in_a_hop = _fall(w[win_length // 2], w[min(win_length // 2 + hop_length, win_length - 1)])
    c = np.pi * hop_length / (2 * n_fft)

    log = np.log(np.maximum(magnitude, max(1e-10 * magnitude.max(), 1e-30)))
    time, frequency = np.zeros_like(log), np.zeros_like(log)
    time[1:-1] = (log[2:] - log[:-2]) * (c / falls_in_a_row)
    time += np.arange(len(log), dtype=log.dtype)[:, None] * (2 * np.pi * hop_length / n_fft)
    frequency[:, 1:-1] = (log[:, 2:] - log[:, :-2]) * (-c / falls_in_a_hop)
    frequency -= 2 * np.pi * centre / n_fft
    return (time[:, 1:] + time[:, :-1]) / 2, (frequency[1:] + frequency[:-1]) / 2


def _fall(top: float, beside: float) -> float:
    return np.log(top / max(beside, 1e-3 * top)) if top > 1.0001 * beside else np.inf


def integrate(magnitude: np.ndarray, along_time: np.ndarray, along_frequency: np.ndarray,
              tolerance: float = 1e-3) -> tuple[np.ndarray, np.ndarray]:
    """Adds phase steps up along the loudest paths: (phase in radians, which bins have one).

    A bin can be reached by many paths, whose sums disagree where the slopes are wrong. So the
    bins above ``tolerance`` · the loudest are joined by the tree whose steps are the loudest: a
    maximum spanning tree, a step weighing as much as the product of its two magnitudes. Each part
    of the picture that stands alone hangs on a root, with phase 0 at its loudest bin. Then every
    bin adds up its way to the root by doubling: one step, two, four, eight …

    The heap of pghi's authors grows such a tree bin by bin; this one needs no loop over bins.
    Shapes as `phase_slopes` returns them. Notebook: 06_beyond_griffin_lim.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

    known = magnitude > tolerance * magnitude.max()
    bins = np.flatnonzero(known)
    number = np.cumsum(known, dtype=np.int32).reshape(known.shape)  # of a bin; the root's is 0
    right, up = known[:, :-1] & known[:, 1:], known[:-1] & known[1:]
    tops = number[known & _tops(magnitude)]
    start = np.concatenate([number[:, :-1][right], number[:-1][up], 0 * tops])
    end = np.concatenate([number[:, 1:][right], number[1:][up], tops])
    level = np.log(magnitude[known] / magnitude.max())
    level = np.append(2 * np.log(tolerance) - 1, level)  # the root is nobody's first choice
    cost = 1 - level[start] - level[end]
    edges = coo_array((cost, (start, end)), shape=(len(level), len(level)))
    parent = breadth_first_order(minimum_spanning_tree(edges), 0, directed=False)[1]

    child = np.flatnonzero(parent > 0)
    a, b = bins[child - 1], bins[parent[child] - 1]
    row, column = np.divmod(np.minimum(a, b), magnitude.shape[1])
    vertical = abs(a - b) == magnitude.shape[1]
    step = np.empty(len(child))
    step[vertical] = along_frequency[row[vertical], column[vertical]]
    step[~vertical] = along_time[row[~vertical], column[~vertical]]
    way = np.zeros(len(level))
    way[child] = np.where(a > b, step, -step)
    parent[0] = 0
    while parent.any():
        way += way[parent]
        parent = parent[parent]
    phase = np.zeros(magnitude.shape)
    phase[known] = way[1:]
    return phase, known


def _tops(magnitude: np.ndarray) -> np.ndarray:
    """Bins that none of their four neighbours is louder than."""
    tops = np.ones(magnitude.shape, dtype=bool)
    for here, low, high in ((tops, magnitude[:-1], magnitude[1:]),
                            (tops.T, magnitude.T[:-1], magnitude.T[1:])):  # fmt: skip
        here[:-1] &= low >= high
        here[1:] &= high >= low
    return tops


def random_phases(magnitude, seed: int = 0):
    """Unit complex numbers of the shape of ``magnitude``, with phases uniform in [0, 2π)."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    turns = torch.rand(magnitude.mT.shape, generator=generator, dtype=magnitude.dtype)
    return torch.polar(torch.ones_like(turns), 2 * torch.pi * turns).mT


def size(spectrum):
    """|spectrum| of a complex tensor. NumPy's is seven times as fast as torch's on a processor."""
    import torch

    return torch.from_numpy(np.abs(spectrum.numpy()))


def with_magnitude(spectrum, magnitude):
    """The phases of ``spectrum`` with other magnitudes; 0 where ``spectrum`` is 0."""
    return spectrum * (magnitude / size(spectrum).clamp(min=1e-20))


def _begin(magnitude, n_fft, hop_length, win_length, window, seed, initial, length):
    """What every method starts from: magnitudes, first spectrum, and the ways there and back."""
    magnitude, _ = at_the_door(magnitude)
    _check_magnitude(magnitude, n_fft)
    length = (magnitude.shape[-1] - 1) * hop_length if length is None else length
    sizes = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length, "window": window}
    # Row by row in time: the FFTs read frames, so frames should lie together in memory.
    magnitude = magnitude.mT.contiguous().mT
    initial = random_phases(magnitude, seed) if initial is None else at_the_door(initial)[0]

    def analyse(waveform):
        return stft(waveform, **sizes)[..., :magnitude.shape[-1]]

    return (magnitude, with_magnitude(initial, magnitude), analyse,
            partial(istft, length=length, **sizes))


def _check_magnitude(magnitude, n_fft: int) -> None:
    if magnitude.ndim < 2 or magnitude.shape[-2] != n_fft // 2 + 1 or magnitude.is_complex():
        raise RiffeduError(
            f"finding phases needs real magnitudes of {n_fft // 2 + 1} rows for n_fft={n_fft}, "
            f"these are {magnitude.dtype} of shape {tuple(magnitude.shape)}"
        )
    if magnitude.shape[-1] == 0:
        raise RiffeduError("finding phases needs at least one column")


def _check_numbers(n_iter: int, **weight: float) -> None:
    (name, value), = weight.items()
    if n_iter < 0 or not 0 <= value <= 1:
        raise RiffeduError(
            f"n_iter >= 0 and {name} from 0 to 1 are needed, not {n_iter} and {value}"
        )
