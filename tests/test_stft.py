"""Hand-written STFT = torch's and librosa's; there and back is the identity; gaps are named."""

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from riffedu.errors import RiffeduError
from riffedu.stft import get_window, istft, overlap_add, reflect, stft


@st.composite
def sizes(draw):
    n_fft = draw(st.integers(8, 300))
    win_length = draw(st.integers(4, n_fft))
    hop_length = draw(st.integers(1, max(1, win_length // 2)))
    samples = draw(st.integers(n_fft // 2 + 1, 1500))
    window = draw(st.sampled_from(["hann", "hamming", "blackman", ("kaiser", 8.0)]))
    return samples, n_fft, hop_length, win_length, window, draw(st.integers(0, 99))


def noise(samples, seed=0, channels=()):
    return np.random.default_rng(seed).standard_normal((*channels, samples)).astype(np.float32)


def furthest(a, b):
    assert a.shape == b.shape
    return np.abs(a - b).max() / np.abs(b).max()


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")  # librosa, on short sounds
@settings(max_examples=150, deadline=None)
@given(sizes())
def test_equals_librosa_and_torch_and_comes_back(case):
    samples, n_fft, hop, size, window, seed = case
    x = noise(samples, seed)
    ours = stft(x, n_fft, hop, size, window)
    theirs = librosa.stft(x, n_fft=n_fft, hop_length=hop, win_length=size, window=window,
                          pad_mode="reflect")
    assert furthest(ours, theirs) < 1e-5
    samples_of_window = get_window(window, size)
    torchs = torch.stft(torch.from_numpy(x), n_fft, hop, size, samples_of_window,
                        pad_mode="reflect", return_complex=True)
    assert furthest(ours, torchs.numpy()) < 1e-5
    back = istft(ours, n_fft, hop, size, window, length=samples)
    covered = (ours.shape[-1] - 1) * hop + 1  # past the last frame's centre its window runs out
    assert np.abs(back - x)[:covered].max() < 1e-3
    assert back.shape == x.shape


@pytest.mark.parametrize("n_fft, hop, size", [(17640, 441, 4410), (4000, 200, 2000), (63, 8, 31)])
def test_inverse_equals_librosa_on_a_spectrum_of_no_sound(n_fft, hop, size):
    rng = np.random.default_rng(1)
    spectrum = rng.standard_normal((2, n_fft // 2 + 1, 30, 2)).astype(np.float32)
    spectrum = spectrum.view(np.complex64)[..., 0]
    ours = istft(spectrum, n_fft, hop, size)
    theirs = librosa.istft(spectrum, n_fft=n_fft, hop_length=hop, win_length=size, length=29 * hop)
    assert furthest(ours, theirs) < 1e-5


@pytest.mark.parametrize("n_fft, hop, size", [(64, 16, 64), (65, 10, 33), (100, 7, 51)])
def test_uncentred(n_fft, hop, size):
    x = noise(997)
    ours = stft(x, n_fft, hop, size, center=False)
    theirs = librosa.stft(x, n_fft=n_fft, hop_length=hop, win_length=size, center=False)
    assert furthest(ours, theirs) < 1e-5
    back = istft(ours, n_fft, hop, size, center=False)
    inside = slice(n_fft, len(back) - n_fft)
    assert np.abs(back[inside] - x[: len(back)][inside]).max() < 1e-5


def test_channels_dtypes_and_kinds():
    x = noise(500, channels=(2, 3))
    spectrum = stft(x, 64, 16)
    assert spectrum.shape == (2, 3, 33, 32) and spectrum.dtype == np.complex64
    assert np.array_equal(spectrum[1, 2], stft(x[1, 2], 64, 16))
    assert isinstance(stft(torch.from_numpy(x), 64, 16), torch.Tensor)
    double = x.astype(np.float64)
    assert np.abs(istft(stft(double, 64, 16), 64, 16, length=500) - double).max() < 1e-12
    assert stft(np.arange(100, dtype=np.int16), 64, 16).dtype == np.complex64


@pytest.mark.parametrize("samples", [1, 2, 3, 7])
def test_short_sounds_are_mirrored_often_enough(samples):
    x = noise(samples)
    assert np.allclose(reflect(torch.from_numpy(x), 50).numpy(), np.pad(x, 50, mode="reflect"))
    assert stft(x, 100, 10).shape == (51, 1 + samples // 10)


def test_overlap_add_by_hand():
    frames = torch.tensor([[1.0, 1, 1], [2, 2, 2]])
    assert overlap_add(frames, 2).tolist() == [1, 1, 3, 2, 2]


def test_gaps_are_named():
    spectrum = stft(noise(1000), 64, 64)
    with pytest.raises(RiffeduError, match="NOLA.*smaller hop_length"):
        istft(spectrum, 64, 64)
    with pytest.raises(RiffeduError, match="NOLA"):
        istft(stft(noise(1000), 64, 64, 32, center=False), 64, 64, 32, center=False)


@pytest.mark.parametrize("call, says", [
    (lambda: stft([], 64, 16), "empty"),
    (lambda: stft(0.5, 64, 16), "empty"),
    (lambda: stft(noise(10), 64, 16, center=False), "needs 64"),
    (lambda: stft(noise(100), 64, 16, 65), "win_length=65"),
    (lambda: stft(noise(100), 64, 0), "hop_length=0"),
    (lambda: stft(noise(100), 64, 16, window="nosuch"), "nosuch"),
    (lambda: stft(noise(100), 64, 16, window=np.ones(63)), "64"),
    (lambda: stft(np.array(["a"]), 64, 16), "numbers"),
    (lambda: istft(np.ones((33, 5)), 64, 16), "complex"),
    (lambda: istft(np.ones((32, 5), complex), 64, 16), "33 rows"),
    (lambda: istft(np.ones((33, 0), complex), 64, 16), "no frames"),
])  # fmt: skip
def test_bad_input_gives_one_clear_line(call, says):
    with pytest.raises(RiffeduError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
