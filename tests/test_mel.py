"""Filterbank and mel amplitudes = librosa's; columns, level and the way back."""

import librosa
import numpy as np
import pytest
import torch

from riffedu.errors import RiffeduError
from riffedu.image import SpectrogramParams
from riffedu.mel import (filterbank_of, fit_mel, hz_to_mel, invert_mel, mel_filterbank,
                         mel_spectrogram, mel_to_hz)  # fmt: skip

SMALL = SpectrogramParams(sample_rate=16000, num_frequencies=64, max_frequency=6000,
                          padded_duration_ms=200)


def noise(samples, seed=0, channels=()):
    rng = np.random.default_rng(seed)
    return 0.1 * rng.standard_normal((*channels, samples)).astype(np.float32)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_scales_equal_librosa_and_invert(scale):
    hertz = np.linspace(0, 20000, 999)
    mel = hz_to_mel(hertz, scale)
    assert np.allclose(mel, librosa.hz_to_mel(hertz, htk=scale == "htk"), rtol=1e-12)
    assert np.allclose(mel_to_hz(mel, scale), hertz, atol=1e-8)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("norm", [None, "slaney"])
@pytest.mark.parametrize("rate, n_fft, bands, low, high", [
    (44100, 17640, 512, 0, 10000), (22050, 2048, 128, 20, None), (8000, 255, 13, 300, 3400),
])  # fmt: skip
def test_filterbank_equals_librosa(scale, norm, rate, n_fft, bands, low, high):
    ours = mel_filterbank(rate, n_fft, bands, low, high, scale, norm)
    theirs = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=bands, fmin=low, fmax=high,
                                 htk=scale == "htk", norm=norm)
    assert ours.dtype == np.float32 and ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-6


@pytest.mark.parametrize("params", [SpectrogramParams(), SMALL])
def test_amplitudes_equal_librosa(params):
    x = noise(int(0.7 * params.sample_rate))
    magnitude = np.abs(librosa.stft(x, n_fft=params.n_fft, hop_length=params.hop_length,
                                    win_length=params.win_length, pad_mode="reflect"))
    theirs = librosa.filters.mel(sr=params.sample_rate, n_fft=params.n_fft,
                                 n_mels=params.num_frequencies, fmax=params.max_frequency,
                                 htk=True, norm=None) @ magnitude
    ours = mel_spectrogram(x, params)
    assert np.abs(ours - theirs[:, : ours.shape[-1]]).max() < 1e-5 * theirs.max()


def test_five_seconds_are_512_columns():
    assert mel_spectrogram(np.zeros(225792, np.float32)).shape == (512, 512)


@pytest.mark.parametrize("samples, columns", [(1, 1), (160, 1), (161, 2), (700, 5), (48001, 301)])
def test_a_column_for_every_hop_that_begins(samples, columns):
    assert mel_spectrogram(noise(samples), SMALL).shape == (64, columns)


def test_blocks_leave_no_seam_and_channels_stay_apart():
    x = noise(48000, channels=(2,))
    both = mel_spectrogram(x, SMALL)
    assert both.shape == (2, 64, 300)
    assert np.array_equal(both[1], mel_spectrogram(x[1], SMALL))
    later = mel_spectrogram(x[0, 160 * 100:], SMALL)
    assert np.allclose(later[:, 20:150], both[0, :, 120:250], rtol=1e-4, atol=1e-5)
    assert isinstance(mel_spectrogram(torch.from_numpy(x), SMALL), torch.Tensor)


def test_amplitude_is_in_proportion_to_the_sound():
    x = noise(8000)
    assert np.allclose(mel_spectrogram(2 * x, SMALL), 2 * mel_spectrogram(x, SMALL), rtol=1e-5)


def test_inverse_has_the_mel_amplitudes_and_is_the_pseudo_inverse():
    mel = mel_spectrogram(noise(8000), SMALL)
    bank = filterbank_of(SMALL)
    magnitude = invert_mel(mel, SMALL)
    assert magnitude.shape == (SMALL.n_fft // 2 + 1, mel.shape[-1]) and magnitude.min() >= 0
    expected = np.maximum(0, np.linalg.pinv(bank.astype(np.float64)) @ mel)
    assert np.abs(magnitude - expected).max() < 1e-4 * expected.max()
    missing = np.linalg.norm(bank @ magnitude - mel) / np.linalg.norm(mel)
    assert missing < 0.03


def test_multiplicative_steps_approach_the_mel_amplitudes():
    mel = mel_spectrogram(noise(8000), SMALL)
    bank = filterbank_of(SMALL)
    magnitude, errors = torch.ones(bank.shape[1], mel.shape[1]), []
    for _ in range(30):
        magnitude = fit_mel(magnitude, mel, bank)
        found = bank.astype(np.float64) @ magnitude.numpy()
        errors.append(float((mel * np.log(mel / found) - mel + found).sum()))
    assert magnitude.min() >= 0
    assert errors[-1] < 0.05 * errors[0]
    assert all(later < before * (1 + 1e-4) for before, later in zip(errors, errors[1:]))


@pytest.mark.parametrize("call, says", [
    (lambda: mel_spectrogram(np.zeros(0)), "empty"),
    (lambda: mel_spectrogram(np.array([0, np.nan])), "NaN"),
    (lambda: mel_spectrogram(np.array([0, np.inf])), "infinite"),
    (lambda: mel_filterbank(44100, 1024, scale="bark"), "bark"),
    (lambda: mel_filterbank(44100, 1024, norm="peak"), "peak"),
    (lambda: mel_filterbank(44100, 1024, min_frequency=9000, max_frequency=100), "min_frequency"),
    (lambda: mel_filterbank(44100, 1024, n_mels=0), "n_mels=0"),
    (lambda: invert_mel(np.ones((63, 4)), SMALL), "num_frequencies=64"),
])  # fmt: skip
def test_bad_input_gives_one_clear_line(call, says):
    with pytest.raises(RiffeduError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
