"""Picture to sound: the small grid, the ways and their promises, and what fidelity counts."""

import numpy as np
import pytest
import torch

from riffedu.errors import RiffeduError
from riffedu.signal.admm import admm_steps
from riffedu.signal.audio import clip
from riffedu.signal.fidelity import (
    Row,
    as_table,
    attack_likeness,
    log_spectral_distance,
    mel_consistency_db,
    round_trip,
    speed_and_quality,
)
from riffedu.signal.inversion import (
    METHODS,
    QUALITIES,
    full_rate,
    lean_grid,
    lean_steps,
    plain_steps,
    sound_from_mel,
)
from riffedu.signal.mel import filterbank_of, mel_spectrogram
from riffedu.signal.params import SpectrogramParams
from riffedu.signal.pghi import pghi
from riffedu.signal.stft import stft

PARAMS = SpectrogramParams()
ODD = {
    "narrow band": SpectrogramParams(min_frequency=300, max_frequency=3500, num_frequencies=96),
    "22.05 kHz": SpectrogramParams(sample_rate=22050, num_frequencies=128, max_frequency=8000),
    "hop that does not divide": SpectrogramParams(
        sample_rate=16000, step_size_ms=13, num_frequencies=80, max_frequency=7000
    ),
    "no padding": SpectrogramParams(
        sample_rate=16000, padded_duration_ms=100, num_frequencies=64, max_frequency=8000
    ),
    "few columns": SpectrogramParams(
        sample_rate=16000, step_size_ms=40, num_frequencies=80, max_frequency=4000
    ),
    "slaney": SpectrogramParams(mel_scale_type="slaney", mel_scale_norm="slaney"),
}


@pytest.fixture(scope="module")
def music():
    waveform, _ = clip("full_mix")
    waveform = waveform[: 2 * 44100]
    return waveform, mel_spectrogram(waveform, PARAMS)


# The small grid


def test_every_fourth_row_is_the_small_stft(music):
    waveform, _ = music
    padded = stft(waveform[:20000], 17640, 441, 4410)
    small = stft(waveform[:20000], 4410, 441, 4410)
    inside = slice(20, -20)  # the ends are mirrored at other places
    found, wanted = np.abs(padded[::4])[:, inside], np.abs(small)[:, inside]
    assert np.abs(found - wanted).max() < 1e-5 * wanted.max()


def test_lean_grid_hears_what_the_full_one_hears(music):
    waveform, _ = music
    assert lean_grid(PARAMS)[:3] == (4000, 200, 2000)
    magnitude = np.abs(stft(waveform, 17640, 441, 4410))
    full = filterbank_of(PARAMS) @ magnitude
    half = lean_grid(SpectrogramParams(max_frequency=22050))
    assert half[:3] == (8820, 441, 4410) and half.step == 2 and half.scale == 1
    edge = lean_grid(PARAMS)
    assert edge.bank.shape == (512, 2001)
    lean = edge.bank @ magnitude[::2][:2001] / np.float32(edge.scale)
    assert np.linalg.norm(lean - full) < 0.02 * np.linalg.norm(full)
    assert (np.diff(edge.bank.indptr) > 0).all()  # no band without a row


@pytest.mark.parametrize("params", ODD.values(), ids=ODD)
def test_lean_grid_of_other_parameters(params):
    grid = lean_grid(params)
    rate = params.sample_rate / grid.scale
    assert 2 * params.max_frequency <= rate <= params.sample_rate
    assert grid.hop_length / rate == params.hop_length / params.sample_rate
    assert grid.win_length / rate == params.win_length / params.sample_rate
    assert grid.n_fft >= grid.win_length and grid.bank.shape[1] == grid.n_fft // 2 + 1
    lean, full = grid.bank.sum(axis=1) / grid.scale, filterbank_of(params).sum(axis=1)
    assert np.allclose(np.asarray(lean).ravel(), full, rtol=0.02)


# The ways


def quality(way, mel, n_iter=None):
    return mel_consistency_db(sound_from_mel(mel, PARAMS, way, n_iter=n_iter), mel, PARAMS)


def test_fast_beats_plain_and_best_beats_fast(music):
    _, mel = music
    plain, fast, best = (quality(way, mel) for way in ("plain", "fast", "best"))
    assert fast < plain - 3
    assert best < fast - 2


def test_each_idea_adds_something(music):
    _, mel = music

    def last(**options):
        *_, state = lean_steps(mel, PARAMS, 16, **options)
        return mel_consistency_db(full_rate(state.waveform, mel, PARAMS), mel, PARAMS)

    everything = last()
    assert everything < last(start=None) - 5
    assert everything < last(refit=False)
    assert last(stride=1) < everything
    assert last(method=admm_steps) < -25


def test_a_picture_that_begins_loud_begins_without_a_click():
    mel = mel_spectrogram(clip("percussion")[0][:44100], PARAMS)
    mel[:, :4] = np.maximum(mel[:, :4], 0.2 * mel.max())  # from the first moment, at every pitch
    *_, state = lean_steps(mel, PARAMS, 16)
    sound = full_rate(state.waveform, mel, PARAMS)
    assert np.abs(sound[:20]).max() < 0.2 * np.abs(sound[88:2000]).max()


def test_lean_steps_are_states_that_get_better(music):
    _, mel = music
    states = list(lean_steps(mel, PARAMS, 6))
    assert [state.iteration for state in states] == list(range(7))
    assert states[0].waveform.shape == (200 * 200,) and states[0].spectrum.shape == (2001, 100)
    assert states[-1].spectral_convergence_db < states[0].spectral_convergence_db - 3
    assert len(list(plain_steps(mel[:, :20], PARAMS, 2))) == 3


def test_full_rate_is_exact_resampling_where_the_picture_fits(music):
    """A sound on the small grid comes out at the full rate as itself: same spectrum, no shift."""
    from riffedu.signal.audio import resample

    waveform, _ = music
    below = resample(resample(waveform, 44100, 18000), 18000, 20000)
    mel = mel_spectrogram(resample(below, 20000, 44100), PARAMS)
    back = full_rate(torch.from_numpy(below.copy()), mel, PARAMS)
    wanted = resample(below, 20000, 44100)
    inside = slice(6000, -6000)
    error = np.linalg.norm((back - wanted)[inside]) / np.linalg.norm(wanted[inside])
    assert error < 0.06  # one step of fit_mel moves magnitudes a little


@pytest.mark.parametrize("way", QUALITIES)
def test_level_and_seed(way):
    params = SpectrogramParams(sample_rate=16000, num_frequencies=128, max_frequency=6000)
    t = np.arange(16000) / 16000
    sound = (0.1 * np.sin(2 * np.pi * 440 * t) * np.exp(-3 * t)).astype(np.float32)
    for gain in (1e-3, 1.0, 8.0):
        mel = mel_spectrogram(gain * sound, params)
        once, again, other = (sound_from_mel(mel, params, way, seed=s) for s in (3, 3, 4))
        assert np.array_equal(once, again) and not np.array_equal(once, other)
        level = 20 * np.log10(np.linalg.norm(once) / np.linalg.norm(gain * sound))
        assert abs(level) < 1


@pytest.mark.parametrize("way", ["fast", "best"])
@pytest.mark.parametrize("params", ODD.values(), ids=ODD)
def test_any_parameters(params, way):
    rate = params.sample_rate
    t = np.arange(rate) / rate
    sound = sum(
        0.1 * np.sin(2 * np.pi * f * t + f) * np.exp(-4 * (t % 0.25)) for f in (440, 660, 1320)
    ).astype(np.float32)
    mel = mel_spectrogram(sound, params)
    back = sound_from_mel(mel, params, way)
    assert back.shape == (mel.shape[1] * params.hop_length,) and back.dtype == np.float32
    assert mel_consistency_db(back, mel, params) < -15


@pytest.mark.parametrize("way", QUALITIES)
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_a_few_columns_and_silence(way, columns):
    mel = np.zeros((512, columns), np.float32)
    assert not sound_from_mel(mel, PARAMS, way, n_iter=2).any()
    mel[100] = 1
    back = sound_from_mel(mel, PARAMS, way, n_iter=2)
    assert back.shape == (441 * columns,) and np.isfinite(back).all() and back.any()


def test_unknown_quality_and_bad_numbers():
    mel = np.ones((512, 4), np.float32)
    with pytest.raises(RiffeduError, match="'fast' or 'best' or 'plain'"):
        sound_from_mel(mel, PARAMS, "finest")
    with pytest.raises(RiffeduError, match="n_iter"):
        sound_from_mel(mel, PARAMS, n_iter=-1)


def test_pghi_alone_needs_no_iterations(music):
    _, mel = music
    read, guessed = (next(lean_steps(mel, PARAMS, 0, start=start)) for start in (pghi, None))
    assert read.spectral_convergence_db < guessed.spectral_convergence_db - 8


# Fidelity


def test_consistency_ignores_level_and_nothing_else(music):
    waveform, mel = music
    assert mel_consistency_db(waveform, mel, PARAMS) < -100
    assert mel_consistency_db(3 * waveform, mel, PARAMS) < -100
    noise = np.random.default_rng(0).standard_normal(len(waveform)).astype(np.float32)
    louder = mel_consistency_db(waveform + 0.03 * noise, mel, PARAMS)
    assert mel_consistency_db(waveform + 0.003 * noise, mel, PARAMS) < louder < 0
    assert mel_consistency_db(0 * waveform, mel, PARAMS) == 0
    with pytest.raises(RiffeduError, match="picture"):
        mel_consistency_db(waveform[:-4410], mel, PARAMS)


def test_log_spectral_distance(music):
    waveform, _ = music
    assert log_spectral_distance(waveform, waveform, 44100) == 0
    loud = waveform / np.abs(waveform).max()
    assert log_spectral_distance(loud / 2, loud, 44100, floor_db=-200) == pytest.approx(6.02, 1e-3)
    high = np.sin(2 * np.pi * 15000 * np.arange(len(loud)) / 44100).astype(np.float32)
    assert log_spectral_distance(loud + high, loud, 44100) < 1  # above what a picture says


def test_attack_likeness_hears_smear():
    waveform, _ = clip("percussion")
    waveform = waveform[:44100]
    assert attack_likeness(waveform, waveform, 44100) == pytest.approx(1)
    smeared = np.convolve(waveform, np.random.default_rng(0).standard_normal(2000), "same")
    assert attack_likeness(smeared, waveform, 44100) < 0.7
    assert attack_likeness(0 * waveform, waveform, 44100) == 0


@pytest.mark.parametrize("name", METHODS)
def test_speed_and_quality_of_every_method(name):
    mel = mel_spectrogram(clip("tune")[0][22050:44100], PARAMS)
    points = list(speed_and_quality(METHODS[name](mel, PARAMS, n_iter=4), mel, PARAMS, at=(0, 4)))
    assert [point.n_iter for point in points] == [0, 4]
    assert 0 < points[0].seconds < points[1].seconds
    assert points[1].mel_consistency_db < points[0].mel_consistency_db
    assert all(point.sound.shape == (22050,) for point in points)
    again = mel_consistency_db(points[1].sound, mel, PARAMS)
    assert again == points[1].mel_consistency_db


def test_there_and_back_is_a_table():
    clips = {"a": clip("piano")[0][:22050], "b": clip("percussion")[0][:22050]}
    rows = round_trip(clips, ["fast"], progress=False)
    own = round_trip(
        clips, {"nothing": lambda mel, params: np.zeros(22050, np.float32) + 1e-6}, progress=False
    )
    assert [(row.clip, row.way) for row in rows] == [("a", "fast"), ("b", "fast")]
    for good, bad in zip(rows, own, strict=True):
        assert good.mel_consistency_db < -15 < bad.mel_consistency_db
        assert good.distance_db < bad.distance_db and abs(good.level_db) < 1 < -bad.level_db
        assert good.seconds > 0
    table = as_table(rows + own)
    assert table.count("\n") == 7 and "| mean | nothing |" in table
    assert "| s |" in table and "| s |" not in as_table(rows, seconds=False)
    assert as_table([Row("x", "y", 1, -20, *[np.nan] * 3)]).splitlines()[-1] == (
        "| mean | y | 1.00 | -20.0 | – | – | – |"
    )
    assert as_table([Row("x", "y", 1.234, -20.06, 3.14, 0.5, 0.04)], False).splitlines()[2] == (
        "| x | y | -20.1 | 3.1 | 0.50 | +0.0 |"
    )
