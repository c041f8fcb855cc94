"""Griffin-Lim = librosa's, ADMM = the textbook's, and phases read off slopes = the true ones."""

import heapq

import librosa
import numpy as np
import pytest
import torch

from riffedu.errors import RiffeduError
from riffedu.signal.admm import admm_steps
from riffedu.signal.pghi import integrate, pghi, phase_slopes
from riffedu.signal.phase import griffin_lim, griffin_lim_steps, random_phases
from riffedu.signal.stft import istft, stft


def chord(samples=16000, rate=16000):
    t = np.arange(samples) / rate
    notes = sum(np.sin(2 * np.pi * f * t) / n for n, f in enumerate([220, 277, 330, 440], 1))
    return (0.2 * notes * np.exp(-((5 * t) % 1))).astype(np.float32)


@pytest.mark.parametrize("momentum", [0.0, 0.99])
@pytest.mark.parametrize("n_fft, hop, size", [(512, 128, 512), (800, 80, 320)])
def test_equals_librosa_from_the_same_phases(momentum, n_fft, hop, size):
    magnitude = np.abs(stft(chord(4000), n_fft, hop, size)).astype(np.float64)
    angle = 2 * np.pi * np.random.RandomState(3).random(size=magnitude.shape)
    theirs = librosa.griffinlim(
        magnitude,
        n_iter=12,
        hop_length=hop,
        win_length=size,
        n_fft=n_fft,
        momentum=momentum,
        pad_mode="reflect",
        random_state=3,
    )
    ours = griffin_lim(
        magnitude, n_fft, hop, size, n_iter=12, momentum=momentum, initial=np.exp(1j * angle)
    )
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-6 * np.abs(theirs).max()


def test_states_are_all_there_and_get_better():
    magnitude = np.abs(stft(chord(), 800, 80, 320))
    states = list(griffin_lim_steps(magnitude, 800, 80, 320, n_iter=30))
    assert [state.iteration for state in states] == list(range(31))
    consistency = [state.spectral_convergence_db for state in states]
    assert consistency[-1] < -20 < -10 < consistency[0]
    for state in states[::10]:
        assert torch.allclose(state.spectrum.abs(), torch.from_numpy(magnitude), atol=1e-4)
    plain = list(griffin_lim_steps(magnitude, 800, 80, 320, n_iter=30, momentum=0))
    assert consistency[-1] < plain[-1].spectral_convergence_db - 2
    falls = np.diff([state.spectral_convergence_db for state in plain])
    assert falls.max() < 1e-3  # the original never gets worse: its authors' theorem
    found = griffin_lim(magnitude, 800, 80, 320, n_iter=30)
    assert np.array_equal(found, states[-1].waveform.numpy())


def test_right_phases_are_kept():
    x = chord()
    spectrum = stft(x, 800, 80, 320)
    back = griffin_lim(np.abs(spectrum), 800, 80, 320, n_iter=3, initial=spectrum, length=len(x))
    assert np.abs(back - x).max() < 1e-4


def test_seeds():
    magnitude = np.abs(stft(chord(3000), 256, 64))
    once, again, other = (griffin_lim(magnitude, 256, 64, n_iter=4, seed=s) for s in (7, 7, 8))
    assert np.array_equal(once, again) and not np.allclose(once, other)
    phases = random_phases(torch.zeros(50, 400), seed=1)
    assert torch.allclose(phases.abs(), torch.ones(50, 400)) and abs(phases.mean()) < 0.02


def test_refit_chooses_the_magnitudes():
    magnitude = np.abs(stft(chord(3000), 256, 64))
    states = list(griffin_lim_steps(magnitude, 256, 64, n_iter=2, refit=lambda found: 2 * found))
    found = stft(states[0].waveform, 256, 64).abs()
    assert torch.allclose(states[1].spectrum.abs(), 2 * found, atol=1e-4)


def test_silence_stays_silent():
    assert not griffin_lim(np.zeros((129, 20), np.float32), 256, 64, n_iter=3).any()


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"magnitude": np.ones((128, 9))}, "129 rows"),
        ({"magnitude": np.ones((129, 9), complex)}, "real"),
        ({"magnitude": np.ones((129, 0))}, "one column"),
        ({"n_iter": -1}, "n_iter"),
        ({"momentum": 1.5}, "momentum"),
        ({"hop_length": 256}, "NOLA"),
    ],
)
def test_bad_input_gives_one_clear_line(changes, says):
    arguments = {"magnitude": np.ones((129, 9)), "n_fft": 256, "hop_length": 64} | changes
    with pytest.raises(RiffeduError, match=says):
        griffin_lim(**arguments)


# ADMM


def test_admm_is_the_textbooks_three_lines():
    """Masuyama, Yatabe and Oikawa's x, z, u updates, written out in full."""
    magnitude = torch.from_numpy(np.abs(stft(chord(4000).astype(np.float64), 800, 80, 320)))
    initial, rho = random_phases(magnitude, 5) * magnitude, 0.3

    def nearest(spectrum):
        return stft(istft(spectrum, 800, 80, 320, length=4000), 800, 80, 320)

    z, u = initial, torch.zeros_like(initial)
    states = admm_steps(magnitude, 800, 80, 320, n_iter=6, rho=rho, initial=initial, length=4000)
    for state in states:
        x = torch.sgn(z - u) * magnitude
        assert (state.spectrum - x).abs().max() < 1e-9 * magnitude.max()
        z = (nearest(x + u) + rho * (x + u)) / (1 + rho)
        u = u + x - z


def test_admm_with_rho_1_is_griffin_lim():
    magnitude = np.abs(stft(chord(4000).astype(np.float64), 800, 80, 320))
    *_, ours = admm_steps(magnitude, 800, 80, 320, n_iter=9, rho=1.0, seed=2)
    theirs = griffin_lim(magnitude, 800, 80, 320, n_iter=9, momentum=0, seed=2)
    assert np.abs(ours.waveform.numpy() - theirs).max() < 1e-9


def test_admm_gets_further_than_griffin_lim():
    magnitude = np.abs(stft(chord(), 800, 80, 320))
    *_, ours = admm_steps(magnitude, 800, 80, 320, n_iter=60)
    *_, theirs = griffin_lim_steps(magnitude, 800, 80, 320, n_iter=60, momentum=0)
    assert ours.spectral_convergence_db < theirs.spectral_convergence_db - 3


def test_admm_keeps_right_phases():
    x = chord()
    spectrum = stft(x, 800, 80, 320)
    *_, state = admm_steps(
        np.abs(spectrum), 800, 80, 320, n_iter=3, initial=spectrum, length=len(x)
    )
    assert np.abs(state.waveform.numpy() - x).max() < 1e-4


# Phases read off the slopes


def off_by(found, true, level=1e-2):
    """Mean phase error in radians of the loud bins, up to one constant: power decides."""
    weight = np.abs(true) ** 2 * (np.abs(true) > level * np.abs(true).max())
    turn = found * np.conj(true) / np.maximum(np.abs(found * true), 1e-20)
    common = (weight * turn).sum()
    return float((weight * np.abs(np.angle(turn * np.conj(common)))).sum() / weight.sum())


T = np.arange(16000) / 16000
SOUNDS = {
    "sine between two rows": np.sin(2 * np.pi * 1003.7 * T),
    "click between two columns": (np.arange(16000) == 8013).astype(float),
    "glide up": np.sin(2 * np.pi * (500 * T + 1000 * T**2)),
    "glide down": np.sin(2 * np.pi * (3500 * T - 1400 * T**2)),
}


@pytest.mark.parametrize("sizes", [(1600, 40, 800), (800, 40, 800), (1203, 35, 601)])
@pytest.mark.parametrize("sound", SOUNDS)
def test_pghi_finds_the_phases_of_simple_sounds(sound, sizes):
    true = stft(SOUNDS[sound], *sizes)[:, 5:-5]
    assert off_by(pghi(np.abs(true), *sizes), true) < 0.6
    random = random_phases(torch.from_numpy(np.abs(true)), 0).numpy()
    assert off_by(random, true) > 1.2


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman"])
def test_slopes_are_the_phases_own_steps(window):
    """A sine's phase turns by 2π f hop, a click's by −2π f t, wherever they are loud."""
    n_fft, hop, size = 1024, 64, 512
    f, at = 60.3, 8013
    t = np.arange(16000)
    sine = stft(np.sin(2 * np.pi * f / n_fft * t), n_fft, hop, size, window)[:, 20:40]
    time, _ = phase_slopes(np.abs(sine), n_fft, hop, size, window)
    assert np.abs(time[59:62] - 2 * np.pi * hop * f / n_fft).max() < 0.12
    click = stft((t == at).astype(float), n_fft, hop, size, window)
    _, frequency = phase_slopes(np.abs(click), n_fft, hop, size, window)
    for column in (at // hop, at // hop + 1):
        start = column * hop - n_fft // 2
        assert np.abs(frequency[50:200, column] + 2 * np.pi * (at - start) / n_fft).max() < 0.03


def test_slopes_of_a_gaussian_window_are_exact():
    """The formula of lesson 06, with its factor: beside a peak, too, and in both directions."""
    n_fft, hop, f, at = 1024, 32, 60.3, 8013
    window = np.exp(-0.5 * ((np.arange(n_fft) - n_fft // 2) / 90) ** 2)
    t = np.arange(16000)
    sine = np.abs(stft(np.sin(2 * np.pi * f / n_fft * t), n_fft, hop, window=window))
    time, _ = phase_slopes(sine[:, 200:220], n_fft, hop, window=window)
    assert np.abs(time[56:65] - 2 * np.pi * hop * f / n_fft).max() < 1e-3
    click = np.abs(stft((t == at).astype(float), n_fft, hop, window=window))
    _, frequency = phase_slopes(click, n_fft, hop, window=window)
    for column in range(at // hop - 4, at // hop + 5):
        start = column * hop - n_fft // 2
        assert np.abs(frequency[50:200, column] + 2 * np.pi * (at - start) / n_fft).max() < 1e-3


def test_integrate_follows_the_loudest_path_and_numbers_parts_from_zero():
    magnitude = np.array([[1, 9, 8, 0, 5], [1, 0, 7, 0, 6]], float)
    time = np.arange(8).reshape(2, 4) + 0.5
    frequency = np.array([[10.0, 20, 30, 40, 50]])
    phase, known = integrate(magnitude, time, frequency, 0.01)
    assert known.tolist() == (magnitude > 0).tolist()
    # The 9 and the 6 are the tops; the bin at the lower left is reached through its neighbour.
    assert phase[0].tolist() == [-0.5, 0, 1.5, 0, -50]
    assert phase[1].tolist() == [9.5, 0, 31.5, 0, 0]


def heap_integration(magnitude, time, frequency, tolerance):
    """Průša's own rule, bin by bin: the loudest bin known gives its neighbours their phases."""
    rows, columns = magnitude.shape
    phase = np.zeros(magnitude.shape)
    todo = magnitude > tolerance * magnitude.max()
    while todo.any():
        top = np.unravel_index(np.where(todo, magnitude, -1).argmax(), todo.shape)
        todo[top] = False
        heap = [(-magnitude[top], *top)]
        while heap:
            _, k, t = heapq.heappop(heap)
            for i, j, step in (
                (k, t + 1, t < columns - 1 and time[k, t]),
                (k, t - 1, t > 0 and -time[k, t - 1]),
                (k + 1, t, k < rows - 1 and frequency[k, t]),
                (k - 1, t, k > 0 and -frequency[k - 1, t]),
            ):
                if 0 <= i < rows and 0 <= j < columns and todo[i, j]:
                    phase[i, j], todo[i, j] = phase[k, t] + step, False
                    heapq.heappush(heap, (-magnitude[i, j], i, j))
    return phase


def test_the_tree_is_as_good_as_the_authors_heap():
    x, sizes = chord(8000), (800, 40, 320)
    magnitude = np.abs(stft(x, *sizes))
    slopes = phase_slopes(magnitude, *sizes)
    ours, known = integrate(magnitude, *slopes, 1e-3)
    theirs = heap_integration(magnitude, *slopes, 1e-3)
    quality = []
    for phase in (ours, theirs):
        spectrum = known * magnitude * np.exp(1j * phase)
        found = np.abs(stft(istft(spectrum, *sizes, length=len(x)), *sizes))
        error = np.linalg.norm(found - magnitude) / np.linalg.norm(magnitude)
        quality.append(20 * np.log10(error))
    assert quality[0] < -20 and quality[0] < quality[1] + 1


def test_pghi_starts_where_random_phases_arrive_late():
    magnitude = np.abs(stft(chord(), 800, 80, 320))
    initial = pghi(magnitude, 800, 80, 320)
    assert np.allclose(np.abs(initial), magnitude, atol=1e-4)
    first, *_, last = griffin_lim_steps(magnitude, 800, 80, 320, n_iter=8, initial=initial)
    *_, random = griffin_lim_steps(magnitude, 800, 80, 320, n_iter=8)
    assert first.spectral_convergence_db < random.spectral_convergence_db - 5
    assert last.spectral_convergence_db < first.spectral_convergence_db - 3


def test_pghi_seeds_shapes_and_silence():
    magnitude = np.abs(stft(np.stack([chord(3000), 0 * chord(3000)]), 256, 64))
    once, again, other = (pghi(magnitude, 256, 64, seed=s) for s in (7, 7, 8))
    assert np.array_equal(once, again) and not np.allclose(once, other)
    assert once.shape == magnitude.shape and not once[1].any()
    assert np.allclose(once[0], pghi(torch.from_numpy(magnitude[0]), 256, 64, seed=7))
    assert pghi(magnitude[0, :, :1], 256, 64).shape == (129, 1)
    long = np.tile(magnitude[0], 30)
    assert np.allclose(np.abs(pghi(long, 256, 64)), long, atol=1e-4)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: pghi(np.ones((128, 9)), 256, 64), "129 rows"),
        (lambda: pghi(np.ones((129, 9)), 256, 64, tolerance=0), "tolerance"),
        (lambda: list(admm_steps(np.ones((129, 9)), 256, 64, rho=2)), "rho"),
        (lambda: list(admm_steps(np.ones((129, 9)), 256, 64, n_iter=-1)), "n_iter"),
    ],
)
def test_bad_input_of_the_others(call, says):
    with pytest.raises(RiffeduError, match=says):
        call()
