"""Hand-written STFT = scipy's, librosa's and torch's; there and back is the identity; gaps are
named; windows have the lobes that the books say."""

import warnings
from dataclasses import dataclass
from functools import partial

import librosa
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import signal

from riffedu.errors import RiffeduError
from riffedu.signal.stft import (
    decibels,
    get_window,
    is_cola,
    is_nola,
    istft,
    lobes,
    overlap,
    overlap_add,
    reflect,
    stft,
    window_spectrum,
)

WINDOWS = [
    "boxcar",
    "triang",
    "blackman",
    "hamming",
    "hann",
    "bartlett",
    "flattop",
    "parzen",
    "bohman",
    "blackmanharris",
    "nuttall",
    "barthann",
    "cosine",
    "exponential",
    "tukey",
    "taylor",
    "lanczos",
    ("kaiser", 8.0),
    ("gaussian", 20.0),
    ("general_gaussian", 1.5, 20.0),
    ("general_hamming", 0.6),
    ("chebwin", 80),
    ("dpss", 1.7),
    ("general_cosine", [0.4, 0.5, 0.1]),
]


@dataclass
class Case:
    samples: int
    n_fft: int
    win_length: int
    hop_length: int
    window: object
    center: bool
    seed: int

    @property
    def sizes(self):
        return self.n_fft, self.hop_length, self.win_length, self.window, self.center

    @property
    def margins(self):
        left = (self.n_fft - self.win_length) // 2
        return left, self.n_fft - self.win_length - left

    @property
    def frame_window(self):
        """The window with its zeros beside it, n_fft samples."""
        return np.pad(signal.get_window(self.window, self.win_length), self.margins)

    def sound(self, dtype=np.float64):
        """Noise at −20 dBFS, as loud as the sounds of the lessons."""
        noise = np.random.default_rng(self.seed).standard_normal(self.samples)
        return (0.1 * noise).astype(dtype)

    def weight(self, frames, length):
        """Σ w² at each sample of the sound, laid down frame by frame."""
        early = self.n_fft // 2 if self.center else 0
        weight = np.zeros(early + frames * self.hop_length + self.n_fft + length)
        for t in range(frames):
            at = t * self.hop_length
            weight[at : at + self.n_fft] += self.frame_window**2
        return weight[early : early + length] / (self.frame_window**2).max()


@st.composite
def cases(draw):
    n_fft = draw(st.integers(8, 200))
    win_length = draw(st.integers(4, n_fft))
    hop_length = draw(st.integers(1, win_length))
    center = draw(st.booleans())
    samples = draw(st.integers(n_fft // 2 + 1 if center else n_fft, 600))
    window = draw(st.sampled_from(WINDOWS))
    return Case(samples, n_fft, win_length, hop_length, window, center, draw(st.integers(0, 99)))


def furthest(a, b):
    assert a.shape == b.shape
    return np.abs(a - b).max(initial=0)


def scipy_stft(case, x):
    window, hop = case.frame_window, case.hop_length
    if case.center:
        frames = 1 + (case.samples - case.n_fft % 2) // hop
        theirs = signal.ShortTimeFFT(window, hop, fs=1, phase_shift=None)
        return theirs.stft(x, p0=0, p1=frames, padding="even")
    theirs = signal.stft(
        x,
        window=window,
        nperseg=case.n_fft,
        noverlap=case.n_fft - hop,
        detrend=False,
        boundary=None,
        padded=False,
    )
    return theirs[2] * window.sum()


def librosa_stft(case, x):
    n_fft, hop, size, window, center = case.sizes
    return librosa.stft(
        x,
        n_fft=n_fft,
        hop_length=hop,
        win_length=size,
        window=window,
        center=center,
        pad_mode="reflect",
    )


def torch_stft(case, x):
    n_fft, hop, size, window, center = case.sizes
    x = torch.from_numpy(x)
    window = torch.as_tensor(signal.get_window(window, size), dtype=x.dtype)
    return torch.stft(
        x, n_fft, hop, size, window, center=center, pad_mode="reflect", return_complex=True
    ).numpy()


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")  # librosa, on short sounds
@settings(max_examples=200, deadline=None, derandomize=True)
@given(cases())
def test_stft_equals_scipy_librosa_and_torch(case):
    for theirs in scipy_stft, librosa_stft, torch_stft:
        x = case.sound()
        assert furthest(stft(x, *case.sizes), theirs(case, x)) < 1e-10
        x = case.sound(np.float32)
        assert furthest(stft(x, *case.sizes), theirs(case, x)) < 1e-5


def scipy_istft(case, spectrum, length):
    window = case.frame_window
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the ends are not known
        _, x = signal.istft(
            spectrum / window.sum(),
            window=window,
            nperseg=case.n_fft,
            noverlap=case.n_fft - case.hop_length,
            boundary=False,
        )
    early = case.n_fft // 2 if case.center else 0
    return x[early : early + length]


def librosa_istft(case, spectrum, length):
    n_fft, hop, size, window, center = case.sizes
    return librosa.istft(
        spectrum,
        n_fft=n_fft,
        hop_length=hop,
        win_length=size,
        window=window,
        center=center,
        length=length,
    )


def torch_istft(case, spectrum, length):
    n_fft, hop, size, window, center = case.sizes
    spectrum = torch.from_numpy(spectrum)
    window = torch.as_tensor(signal.get_window(window, size), dtype=spectrum.real.dtype)
    return torch.istft(spectrum, n_fft, hop, size, window, center, length=length).numpy()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(cases())
def test_istft_equals_scipy_librosa_and_torch_on_a_spectrum_of_no_sound(case):
    assume(is_nola(case.window, case.win_length, case.hop_length))
    spectrum = stft(case.sound(), *case.sizes)
    turns = np.random.default_rng(case.seed).uniform(size=spectrum.shape)
    spectrum = spectrum * np.exp(2j * np.pi * turns)
    frames = spectrum.shape[1]
    length = (frames - 1) * case.hop_length + (0 if case.center else case.n_fft)
    # torch refuses an uncentred spectrum when its first sample lies under a 0 of the window.
    oracles = [scipy_istft, librosa_istft] + [torch_istft] * (case.center and frames > 1)
    weight = case.weight(frames, length)
    for theirs in oracles:
        for dtype, seen, most in (np.complex128, 1e-6, 1e-10), (np.complex64, 1e-2, 1e-5):
            ours = istft(spectrum.astype(dtype), *case.sizes)
            there = theirs(case, spectrum.astype(dtype), length)
            assert len(ours) == length
            assert furthest(ours[weight > seen], there[weight > seen]) < most
    assert not np.any(ours[weight < 1e-11])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(cases())
def test_there_and_back_is_the_identity_or_the_gap_is_named(case):
    x = case.sound()
    spectrum = stft(x, *case.sizes)
    back = partial(istft, spectrum, *case.sizes, length=case.samples)
    if is_nola(case.window, case.win_length, case.hop_length):
        seen = case.weight(spectrum.shape[1], case.samples) > 1e-8
        assert seen.any() and furthest(back()[seen], x[seen]) < 1e-10
    else:
        with pytest.raises(RiffeduError, match="NOLA.*smaller hop_length"):
            back()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from(WINDOWS), st.integers(4, 200), st.data())
def test_cola_and_nola_are_scipys(window, size, data):
    hop = data.draw(st.integers(1, size))
    samples = signal.get_window(window, size)
    assert is_cola(window, size, hop) == signal.check_COLA(
        samples, size, size - hop, tol=1e-5 * samples.sum() / hop
    )
    assert is_nola(window, size, hop) == signal.check_NOLA(
        samples / np.abs(samples).max(), size, size - hop, tol=1e-10
    )


def test_overlap_by_hand():
    assert overlap([1.0, 2, 3], 3, 2).tolist() == [1 + 9, 4]
    assert overlap([1.0, 2, 3], 3, 2, power=1).tolist() == [4, 2]
    assert overlap([1.0, 2], 2, 3).tolist() == [1, 4, 0]
    assert np.allclose(overlap("hann", 1024, 256, power=1), 2)
    assert np.allclose(overlap("hann", 1024, 256), 1.5)
    assert is_cola("hann", 1024, 512) and not is_cola("hann", 1024, 513)
    assert is_nola("hann", 512, 511) and not is_nola("hann", 512, 512)


@pytest.mark.parametrize(
    ("window", "width", "side"),
    [
        ("boxcar", 2, -13.26),
        ("hann", 4, -31.47),
        ("hamming", 4, -42.7),
        ("blackman", 6, -58.1),
        ("blackmanharris", 8, -92.0),
    ],
)
def test_lobes_are_those_of_the_books(window, width, side):
    found = lobes(window, 1000)
    assert found[0] == pytest.approx(width, abs=0.05) and found[1] == pytest.approx(side, abs=0.3)


def test_a_window_without_side_lobes_has_a_width_all_the_same():
    assert lobes([1.0], 1) == (1.0, 0.0)
    assert lobes(("gaussian", 60), 1000)[1] < -90


def test_window_spectrum_is_what_a_sine_becomes():
    size, zoom = 64, 8
    bins, db = window_spectrum("hann", size, zoom)
    sine = np.cos(2 * np.pi * 16 / size * np.arange(zoom * size))
    column = stft(sine, zoom * size, 1, size, center=False)[:, 0]
    middle = 16 * zoom
    ours = decibels(column, np.abs(column[middle]))[middle : middle + 4 * zoom]
    assert bins[zoom] == 1 and np.abs(ours - db[: 4 * zoom])[ours > -35].max() < 0.5


def test_decibels():
    assert np.allclose(decibels(np.array([1.0, 0.1, 0, -10])), [0, -20, -100, 20])
    assert np.allclose(decibels([0.0, 2j], reference=2, floor=-60), [-60, 0])
    assert isinstance(decibels(torch.ones(3)), torch.Tensor)
    sine = np.sin(2 * np.pi * 1000 / 8000 * np.arange(4000))
    spectrum = stft(sine, 800, 200)
    full_scale = float(get_window("hann", 800).sum()) / 2
    assert decibels(spectrum, full_scale).max() == pytest.approx(0, abs=0.1)


def test_channels_dtypes_and_kinds():
    x = np.random.default_rng(0).standard_normal((2, 3, 500)).astype(np.float32)
    spectrum = stft(x, 64, 16)
    assert spectrum.shape == (2, 3, 33, 32) and spectrum.dtype == np.complex64
    assert np.array_equal(spectrum[1, 2], stft(x[1, 2], 64, 16))
    assert isinstance(stft(torch.from_numpy(x), 64, 16), torch.Tensor)
    double = x.astype(np.float64)
    back = istft(stft(double, 64, 16), 64, 16, length=500)
    assert back.dtype == np.float64 and np.abs(back - double).max() < 1e-12
    assert stft(np.arange(100, dtype=np.int16), 64, 16).dtype == np.complex64
    assert stft(x[0, 0].tolist(), 64, 16).shape == (33, 32)
    assert np.array_equal(stft(x.astype(">f4"), 64, 16), spectrum)
    assert np.allclose(stft(x.astype(np.float16), 64, 16), spectrum, atol=0.05)


def test_riffusions_frames_are_a_zero_padded_view_of_shorter_ones():
    """Every fourth row of the 17640-point analysis has the magnitudes of the 4410-point one."""
    x = np.random.default_rng(0).standard_normal(44100)
    padded, plain = stft(x, 17640, 441, 4410), stft(x, 4410, 441)
    assert furthest(np.abs(padded[::4, 20:-20]), np.abs(plain[:, 20:-20])) < 1e-10


@pytest.mark.parametrize("samples", [1, 2, 3, 7, 700])
def test_short_sounds_are_mirrored_often_enough(samples):
    x = np.random.default_rng(0).standard_normal(samples)
    assert np.allclose(reflect(torch.from_numpy(x), 50).numpy(), np.pad(x, 50, mode="reflect"))
    spectrum = stft(x, 17640, 441, 4410)
    assert spectrum.shape == (8821, 1 + samples // 441)
    assert furthest(istft(spectrum, 17640, 441, 4410, length=samples), x) < 1e-9


def test_lengths():
    x = np.random.default_rng(0).standard_normal(1000)
    spectrum = stft(x, 64, 16)
    assert istft(spectrum, 64, 16).shape == (992,)
    assert istft(spectrum, 64, 16, length=0).shape == (0,)
    assert istft(spectrum[:, :1], 64, 16).shape == (0,)
    longer = istft(spectrum, 64, 16, length=1100)
    assert furthest(longer[:1000], x) < 1e-12 and not longer[1030:].any()
    uncentred = stft(x, 64, 16, 30, center=False)
    assert istft(uncentred, 64, 16, 30, center=False, length=5).shape == (5,)


def test_overlap_add_by_hand():
    frames = torch.tensor([[1.0, 1, 1], [2, 2, 2]])
    assert overlap_add(frames, 2).tolist() == [1, 1, 3, 2, 2]
    assert isinstance(overlap_add(frames.numpy(), 2), np.ndarray)


SYMMETRIC_ONLY = signal.windows.kaiser_bessel_derived(64, 4.0)  # get_window refuses this one


@pytest.mark.parametrize("window", [*WINDOWS, SYMMETRIC_ONLY])
def test_every_window_of_scipy(window):
    x = np.random.default_rng(0).standard_normal(500)
    back = istft(stft(x, 80, 16, 64, window), 80, 16, 64, window, length=500)
    assert furthest(back[:480], x[:480]) < 1e-10


def test_windows_of_one_and_two_samples():
    x = np.random.default_rng(0).standard_normal(50)
    for size in (1, 2):
        assert furthest(istft(stft(x, 8, 1, size), 8, 1, size, length=50), x) < 1e-12


NOISE = np.random.default_rng(0).standard_normal(100)
SPECTRUM = stft(NOISE, 64, 16)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: stft([], 64, 16), "empty"),
        (lambda: stft(0.5, 64, 16), "empty"),
        (lambda: stft(NOISE[:10], 64, 16, center=False), "needs 64"),
        (lambda: stft(NOISE, 64, 16, 65), "win_length=65"),
        (lambda: stft(NOISE, 64, 16, 0), "win_length=0"),
        (lambda: stft(NOISE, 64, 0), "hop_length=0"),
        (lambda: stft(NOISE, 0, 16), "n_fft=0"),
        (lambda: stft(NOISE, 64.5, 16), "n_fft=64.5 must be a whole number"),
        (lambda: stft(NOISE, 64, 16.0), "hop_length=16.0 must be a whole number"),
        (lambda: stft(NOISE, 64, 16, window="nosuch"), "nosuch"),
        (lambda: stft(NOISE, 64, 16, window=("kaiser",)), "kaiser"),
        (lambda: stft(NOISE, 64, 16, window=np.ones(63)), "win_length=64 needs"),
        (lambda: stft(NOISE, 64, 16, window=np.zeros(64)), "not all 0"),
        (lambda: stft(NOISE, 64, 16, window=np.full(64, np.nan)), "finite"),
        (lambda: stft(NOISE, 64, 16, window=np.full(64, 1j)), "real"),
        (lambda: stft(np.array(["a"]), 64, 16), "numbers"),
        (lambda: stft([[1.0, 2.0], [3.0]], 64, 16), "array of numbers"),
        (lambda: stft(np.ones(100, bool), 64, 16), "its type is bool"),
        (lambda: stft(NOISE + 0j, 64, 16), "real-valued"),
        (lambda: stft(np.r_[NOISE, np.nan], 64, 16), "NaN"),
        (lambda: stft(np.r_[NOISE, np.inf], 64, 16), "infinite"),
        (lambda: istft(np.ones((33, 5)), 64, 16), "complex"),
        (lambda: istft(np.ones((32, 5), complex), 64, 16), "33 rows"),
        (lambda: istft(np.ones(33, complex), 64, 16), "33 rows"),
        (lambda: istft(np.ones((33, 0), complex), 64, 16), "no frames"),
        (lambda: istft(SPECTRUM * np.nan, 64, 16), "NaN"),
        (lambda: istft(SPECTRUM, 64, 16, length=-1), "length=-1"),
        (lambda: istft(SPECTRUM, 64, 64), "NOLA"),
        (lambda: istft(SPECTRUM, 64, 16, window=np.zeros(64)), "not all 0"),
        (lambda: istft(stft(NOISE, 64, 64, 32, center=False), 64, 64, 32, center=False), "NOLA"),
        (lambda: overlap("hann", 64, 0), "hop_length=0"),
        (lambda: decibels(NOISE, 0), "above 0"),
    ],
)
def test_bad_input_gives_one_clear_line(call, says):
    with pytest.raises(RiffeduError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
