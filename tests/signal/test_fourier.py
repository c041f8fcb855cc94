"""The hand-written Fourier transform against NumPy's and SciPy's."""

import numpy as np
import pytest
import scipy.fft
import scipy.linalg

from riffedu.errors import RiffeduError
from riffedu.signal.fourier import centre_of_mass, dft, dft_matrix, idft, similarity, wind
from riffedu.signal.stft import stft

RATE = 1000
LENGTHS = (1, 2, 3, 8, 15, 16, 64, 97)
each_length = pytest.mark.parametrize("N", LENGTHS)


def noise(N, kind=float):
    x = np.random.default_rng(N).standard_normal((2, N))
    return x[0] if kind is float else x[0] + 1j * x[1]


@each_length
@pytest.mark.parametrize("kind", [float, complex])
def test_dft_is_numpy_s_and_scipy_s(N, kind):
    x = noise(N, kind) / np.sqrt(N)
    assert np.abs(dft(x) - np.fft.fft(x)).max() <= 1e-12
    assert np.abs(dft(x) - scipy.fft.fft(x)).max() <= 1e-12
    assert dft(x).dtype == complex


@each_length
def test_dft_matrix_is_scipy_s(N):
    W = dft_matrix(N)
    assert np.abs(W - scipy.linalg.dft(N)).max() <= 1e-12
    assert np.abs(W @ noise(N) - dft(noise(N))).max() <= 1e-12 * N
    assert np.abs(W @ W.conj() / N - np.eye(N)).max() <= 1e-12


@each_length
def test_idft_is_numpy_s_and_undoes_dft(N):
    X = noise(N, complex)
    assert np.abs(idft(X) - np.fft.ifft(X)).max() <= 1e-12
    assert np.abs(idft(dft(noise(N))) - noise(N)).max() <= 1e-12
    assert np.abs(idft(dft(noise(N))).imag).max() <= 1e-12


@each_length
def test_real_samples_mirror(N):
    X = dft(noise(N))
    assert np.abs(X[1:] - X[:0:-1].conj()).max(initial=0) <= 1e-12 * N
    assert np.abs(X[: N // 2 + 1] - np.fft.rfft(noise(N))).max() <= 1e-12 * N


@each_length
def test_centre_of_mass_at_the_bins_is_the_dft(N):
    hertz = np.arange(N) * RATE / N
    centres = centre_of_mass(noise(N), hertz, RATE)
    assert np.abs(N * centres - np.fft.fft(noise(N))).max() <= 1e-12 * N
    assert centre_of_mass(noise(N), 3.7, RATE).shape == ()
    assert centre_of_mass(noise(N), np.ones((2, 3)), RATE).shape == (2, 3)


def test_centre_of_mass_holds_both_similarities():
    x = noise(500)
    for hertz in (0, 10, 37.3, 499):
        cosine, sine = (similarity(x, hertz, RATE, phase) for phase in (np.pi / 2, 0))
        assert abs(centre_of_mass(x, hertz, RATE) - (cosine - 1j * sine)) <= 1e-12


@pytest.mark.parametrize("phase", [-2.0, 0.0, 0.5, np.pi / 2, 3.0])
def test_a_cosine_has_half_its_amplitude_and_its_phase(phase):
    x = 0.6 * np.cos(2 * np.pi * 50 * np.arange(RATE) / RATE + phase)
    centre = centre_of_mass(x, 50, RATE)
    assert abs(abs(centre) - 0.3) <= 1e-12 and abs(np.angle(centre) - phase) <= 1e-12
    assert np.abs(centre_of_mass(x, [49, 51, 200], RATE)).max() <= 1e-12


def test_similarity_off_whole_cycles_stays_within_its_bound():
    n = np.arange(20 * RATE)
    for hertz in (3.0, 7.7, 20.0):
        for cycles in np.linspace(1, 12, 45):
            part = n[: max(1, round(cycles * RATE / hertz))]
            x = np.sin(2 * np.pi * hertz * part / RATE)
            bound = 1.1 / (4 * np.pi * cycles)
            assert abs(similarity(x, hertz, RATE) - 0.5) <= bound
            assert abs(similarity(x, hertz, RATE, np.pi / 2)) <= bound


def test_wind_turns_clockwise_and_keeps_lengths():
    x = noise(100)
    assert np.abs(np.abs(wind(x, 13, RATE)) - np.abs(x)).max() <= 1e-12
    assert np.allclose(wind(np.ones(5), 250, RATE), [1, -1j, -1, 1j, 1])
    assert np.abs(wind(x, 0, RATE) - x).max() == 0


@pytest.mark.parametrize("x", [[], np.zeros((2, 3)), 1.0])
def test_what_is_not_one_row_is_refused(x):
    for function in (dft, idft, lambda x: wind(x, 1, 10), lambda x: similarity(x, 1, 10)):
        with pytest.raises(RiffeduError, match="a one-dimensional array with at least one number"):
            function(x)
    with pytest.raises(RiffeduError, match="one-dimensional"):
        centre_of_mass(x, 1, 10)


def test_a_column_of_the_stft_is_the_dft_of_a_windowed_frame():
    x = noise(64)
    column = stft(x, 64, 64, window="hann", center=False)[:, 0]
    window = np.hanning(65)[:64]
    assert np.abs(column - dft(window * x)[:33]).max() <= 1e-12


def test_a_matrix_of_nothing_is_refused():
    with pytest.raises(RiffeduError, match="at least 1 sample, not 0"):
        dft_matrix(0)
