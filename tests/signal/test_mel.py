"""Filterbank and mel amplitudes = librosa's; columns, level and the way back."""

import warnings

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from riffedu.errors import RiffeduError
from riffedu.signal.mel import (
    filterbank_of,
    fit_mel,
    hz_to_mel,
    invert_mel,
    mel_blocks,
    mel_filterbank,
    mel_round_trip,
    mel_spectrogram,
    mel_to_hz,
    nnls_steps,
    pseudo_inverse,
    sparse_filterbank,
    transpose_inverse,
)
from riffedu.signal.params import SpectrogramParams

SMALL = SpectrogramParams(
    sample_rate=16000, num_frequencies=64, max_frequency=6000, padded_duration_ms=200
)


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
@pytest.mark.parametrize(
    "rate, n_fft, bands, low, high",
    [
        (44100, 17640, 512, 0, 10000),
        (22050, 2048, 128, 20, None),
        (8000, 255, 13, 300, 3400),
    ],
)
def test_filterbank_equals_librosa(scale, norm, rate, n_fft, bands, low, high):
    ours = mel_filterbank(rate, n_fft, bands, low, high, scale, norm)
    theirs = librosa.filters.mel(
        sr=rate, n_fft=n_fft, n_mels=bands, fmin=low, fmax=high, htk=scale == "htk", norm=norm
    )
    assert ours.dtype == np.float32 and ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-6


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    st.integers(16, 3000),
    st.integers(1, 200),
    st.floats(0, 0.4),
    st.floats(0.05, 1),
    st.sampled_from(["htk", "slaney"]),
    st.sampled_from([None, "slaney"]),
)
def test_filterbank_equals_librosa_everywhere(rate, n_fft, bands, start, width, scale, norm):
    low = start * rate / 2
    high = low + width * (rate / 2 - low)
    ours = mel_filterbank(rate, n_fft, bands, low, high, scale, norm)
    with warnings.catch_warnings():  # librosa remarks on empty bands
        warnings.simplefilter("ignore")
        theirs = librosa.filters.mel(
            sr=rate, n_fft=n_fft, n_mels=bands, fmin=low, fmax=high, htk=scale == "htk", norm=norm
        )
    assert ours.shape == theirs.shape and np.abs(ours - theirs).max() <= 1e-5


@st.composite
def settings_and_sound(draw):
    """Any numbers that make a mel spectrogram, and a sound that is at least a frame long."""
    rate = draw(st.sampled_from([8000, 11025, 16000, 22050]))
    step = draw(st.integers(1, 20))
    window = draw(st.integers(step, 60))
    padded = draw(st.integers(window, 3 * window))
    low = draw(st.integers(0, 1000))
    params = SpectrogramParams(
        sample_rate=rate,
        step_size_ms=step,
        window_duration_ms=window,
        padded_duration_ms=padded,
        num_frequencies=draw(st.integers(1, 100)),
        min_frequency=low,
        max_frequency=draw(st.integers(low + 200, rate // 2)),
        mel_scale_norm=draw(st.sampled_from([None, "slaney"])),
        mel_scale_type=draw(st.sampled_from(["htk", "slaney"])),
    )
    return params, noise(draw(st.integers(params.n_fft, 3 * params.n_fft)), seed=step)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(settings_and_sound())
def test_amplitudes_equal_librosa_everywhere(drawn):
    params, x = drawn
    magnitude = np.abs(
        librosa.stft(
            x.astype(np.float64),
            n_fft=params.n_fft,
            hop_length=params.hop_length,
            win_length=params.win_length,
            pad_mode="reflect",
        )
    )
    theirs = filterbank_of(params).astype(np.float64) @ magnitude
    gain = 1 / max(theirs.max(), 1e-3)  # the loudest amplitude becomes 1
    ours = mel_spectrogram(x * np.float32(gain), params)
    assert ours.shape[-1] == -(-len(x) // params.hop_length)
    assert np.abs(ours - gain * theirs[:, : ours.shape[-1]]).max() <= 1e-5


@pytest.mark.parametrize("params", [SpectrogramParams(), SMALL])
def test_amplitudes_equal_librosa(params):
    x = noise(int(0.7 * params.sample_rate))
    magnitude = np.abs(
        librosa.stft(
            x,
            n_fft=params.n_fft,
            hop_length=params.hop_length,
            win_length=params.win_length,
            pad_mode="reflect",
        )
    )
    theirs = (
        librosa.filters.mel(
            sr=params.sample_rate,
            n_fft=params.n_fft,
            n_mels=params.num_frequencies,
            fmax=params.max_frequency,
            htk=True,
            norm=None,
        )
        @ magnitude
    )
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
    later = mel_spectrogram(x[0, 160 * 100 :], SMALL)
    assert np.allclose(later[:, 20:150], both[0, :, 120:250], rtol=1e-4, atol=1e-5)
    assert isinstance(mel_spectrogram(torch.from_numpy(x), SMALL), torch.Tensor)


def test_amplitude_is_in_proportion_to_the_sound():
    x = noise(8000)
    assert np.allclose(mel_spectrogram(2 * x, SMALL), 2 * mel_spectrogram(x, SMALL), rtol=1e-5)


@pytest.mark.parametrize("samples", [1, 160, 700, 1599, 1600, 1601, 48000])
@pytest.mark.parametrize("size", [37, 441, 7000, 100000])
def test_a_sound_in_pieces_has_the_columns_of_the_whole(samples, size):
    x = noise(samples)
    pieces = (x[start : start + size] for start in range(0, samples, size))
    joined = np.concatenate(list(mel_blocks(pieces, SMALL)), axis=-1)
    whole = mel_spectrogram(x, SMALL)
    assert joined.shape == whole.shape and np.abs(joined - whole).max() <= 1e-6


def test_pieces_of_any_lengths_channels_and_odd_frames():
    params = SpectrogramParams(
        sample_rate=8000,
        num_frequencies=20,
        max_frequency=4000,
        window_duration_ms=57,
        padded_duration_ms=131,
        step_size_ms=7,
    )
    x = noise(30001, channels=(2,))
    cuts = np.sort(np.random.default_rng(1).integers(0, 30001, 50))
    pieces = np.split(x, [0, *cuts], axis=-1)  # the first is empty
    joined = np.concatenate(list(mel_blocks(pieces, params)), axis=-1)
    assert np.abs(joined - mel_spectrogram(x, params)).max() <= 1e-6
    blocks = list(mel_blocks([torch.from_numpy(x)], params))
    assert all(isinstance(block, torch.Tensor) for block in blocks)
    assert [block.shape[-1] for block in blocks[:-1]] == [64] * (len(blocks) - 1)


def test_columns_come_as_soon_as_their_samples_do():
    taken = []

    def blocks():
        for start in range(0, 160 * 1000, 1600):
            taken.append(start)
            yield noise(1600)

    next(mel_blocks(blocks(), SMALL))
    assert len(taken) < 12  # 64 hops, two half frames and a block: not the thousand hops


def test_an_endless_sound_needs_no_more_memory(monkeypatch):
    import riffedu.signal.mel

    held, real = [], riffedu.signal.mel.stft

    def watched(x, *sizes, **options):
        held.append(x.untyped_storage().nbytes() // 4)
        return real(x, *sizes, **options)

    monkeypatch.setattr(riffedu.signal.mel, "stft", watched)
    for _ in mel_blocks((noise(16000) for _ in range(60)), SMALL):
        pass
    frames = 63 * SMALL.hop_length + SMALL.n_fft  # one piece of 64 frames
    assert len(held) == 94 and max(held) <= frames + SMALL.n_fft + 2 * 16000


def test_inverse_has_the_mel_amplitudes_and_is_the_pseudo_inverse():
    mel = mel_spectrogram(noise(8000), SMALL)
    bank = filterbank_of(SMALL)
    magnitude = invert_mel(mel, SMALL)
    assert magnitude.shape == (SMALL.n_fft // 2 + 1, mel.shape[-1]) and magnitude.min() >= 0
    expected = np.maximum(0, np.linalg.pinv(bank.astype(np.float64)) @ mel)
    assert np.abs(magnitude - expected).max() < 1e-4 * expected.max()
    missing = np.linalg.norm(bank @ magnitude - mel) / np.linalg.norm(mel)
    assert missing < 0.03


def little(bands=12, rows=40, columns=6, seed=0):
    """A small filterbank and the mel amplitudes of a spiky spectrum, as music has it."""
    rng = np.random.default_rng(seed)
    bank = mel_filterbank(8000, 2 * rows - 2, bands, 100, 4000)
    return bank, bank @ rng.random((rows, columns)).astype(np.float32) ** 8


@pytest.mark.parametrize("bands, possible", [(12, True), (12, False), (60, False)])
def test_nnls_reaches_scipy_s_error(bands, possible):
    """Where no magnitudes fit, or several bands share a row: scipy's least error, to 1e-5."""
    bank, mel = little(bands)
    if not possible:
        mel = np.random.default_rng(1).random(mel.shape).astype(np.float32) ** 8
    *_, ours = nnls_steps(mel, bank, 5000)
    least = [nnls(bank.astype(np.float64), column)[1] for column in mel.T]
    assert ours.min() >= 0 and ours.shape == (bank.shape[1], mel.shape[1])
    assert np.abs(np.linalg.norm(mel - bank @ ours, axis=0) - least).max() <= 1e-5
    assert (max(least) < 1e-9) == possible


def test_nnls_finds_scipy_s_answer_where_there_is_one():
    rng = np.random.default_rng(2)
    bank, mel = rng.random((30, 8)).astype(np.float32), rng.random((30, 4)).astype(np.float32)
    *_, ours = nnls_steps(mel, bank, 3000)
    theirs = np.stack([nnls(bank.astype(np.float64), column)[0] for column in mel.T], 1)
    assert (theirs == 0).any() and np.abs(ours - theirs).max() <= 1e-4


def error_db(bank, magnitude, mel):
    return 20 * np.log10(np.linalg.norm(bank @ magnitude - mel) / np.linalg.norm(mel))


def test_each_inverse_has_its_price():
    t = np.arange(8000) / 16000
    buzz = sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 20))
    mel = mel_spectrogram((0.1 * buzz).astype(np.float32), SMALL)
    bank = sparse_filterbank(SMALL)
    found = {how: invert_mel(mel, SMALL, how) for how in ("transpose", "pinv", "nnls")}
    errors = {how: error_db(bank, m[: bank.shape[1]], mel) for how, m in found.items()}
    assert all(m.min() >= 0 and not m[bank.shape[1] :].any() for m in found.values())
    assert errors["nnls"] < -40 < errors["pinv"] < -15 < errors["transpose"] < -5, errors
    states = list(nnls_steps(mel, bank, 30))
    assert len(states) == 31 and np.array_equal(states[0], pseudo_inverse(mel, bank))
    assert np.array_equal(states[-1], found["nnls"][: bank.shape[1]])
    started = next(nnls_steps(mel, bank, 0, initial=transpose_inverse(mel, bank)))
    assert np.array_equal(started, found["transpose"][: bank.shape[1]])


@pytest.mark.parametrize("method", ["transpose", "pinv", "nnls"])
def test_inverses_keep_shape_kind_and_level(method):
    mel = np.stack([mel_spectrogram(noise(4000, seed), SMALL) for seed in (1, 2)])
    both = invert_mel(mel, SMALL, method)
    assert both.shape == (2, SMALL.n_fft // 2 + 1, mel.shape[-1]) and both.dtype == np.float32
    assert np.allclose(both[1], invert_mel(mel[1], SMALL, method), rtol=1e-3, atol=1e-4)
    assert isinstance(invert_mel(torch.from_numpy(mel), SMALL, method), torch.Tensor)
    level = 20 * np.log10((filterbank_of(SMALL) @ both).mean() / mel.mean())
    assert abs(level) < 0.1


def test_through_mel_keeps_what_the_bands_hold_and_drops_what_lies_above():
    t = np.arange(8000) / 16000
    low, high = (0.1 * np.sin(2 * np.pi * f * t).astype(np.float32) for f in (500, 7500))
    both = np.stack([low + high, low])
    heard = mel_round_trip(both, SMALL)
    assert heard.shape == both.shape and heard.dtype == np.float32
    for sound in heard:
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(8000)))
        assert spectrum[3500:].max() < 0.01 * spectrum[250] and spectrum.argmax() == 250
    assert isinstance(mel_round_trip(torch.from_numpy(low), SMALL, "nnls"), torch.Tensor)


@pytest.mark.parametrize("method", ["transpose", "pinv", "nnls"])
def test_empty_and_equal_bands_are_no_obstacle(method):
    """512 bands over 221 rows: many triangles hold no row, others the same one."""
    params = SpectrogramParams(padded_duration_ms=10, window_duration_ms=10)
    bank = filterbank_of(params)
    assert (~bank.any(axis=1)).sum() > 100
    magnitude = invert_mel(mel_spectrogram(noise(4410), params), params, method)
    assert np.isfinite(magnitude).all() and magnitude.max() < 20


def test_a_bank_without_any_row_is_silent():
    params = SpectrogramParams(padded_duration_ms=10, window_duration_ms=10, max_frequency=60)
    assert not filterbank_of(params).any()
    mel = mel_spectrogram(noise(4410), params)
    assert mel.shape == (512, 10) and not mel.any()
    assert not invert_mel(mel, params).any()


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


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: mel_spectrogram(np.zeros(0)), "empty"),
        (lambda: mel_spectrogram(np.array([0, np.nan])), "NaN"),
        (lambda: mel_spectrogram(np.array([0, np.inf])), "infinite"),
        (lambda: mel_filterbank(44100, 1024, scale="bark"), "bark"),
        (lambda: mel_filterbank(44100, 1024, norm="peak"), "peak"),
        (
            lambda: mel_filterbank(44100, 1024, min_frequency=9000, max_frequency=100),
            "min_frequency",
        ),
        (lambda: mel_filterbank(44100, 1024, n_mels=0), "n_mels=0"),
        (lambda: invert_mel(np.ones((63, 4)), SMALL), "num_frequencies=64"),
        (lambda: invert_mel(np.ones((64, 4)), SMALL, "magic"), "'transpose', 'pinv', 'nnls'"),
        (lambda: list(mel_blocks([])), "empty"),
        (lambda: list(mel_blocks([np.zeros(0), np.zeros(0)])), "empty"),
        (lambda: list(mel_blocks([np.zeros(9), np.array([np.nan])])), "NaN"),
        (lambda: list(mel_blocks([np.zeros((2, 9)), np.zeros(9)])), "same number of channels"),
    ],
)
def test_bad_input_gives_one_clear_line(call, says):
    with pytest.raises(RiffeduError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
