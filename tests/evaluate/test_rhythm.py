"""Measures of beat, attack: known answers, trusted libraries, and what fools them."""

import librosa
import numpy as np
import pytest
from made_sounds import MELODY, SR, TIME, N, play, stack, strokes, white
from tiny import ours  # noqa: F401

from riffedu.evaluate import prompts, rhythm

# ------------------------------------------------------------------------------ beat


def test_envelope_equals_librosas():
    sound = strokes(np.arange(0.2, 5, 0.37)) + 0.3 * play(MELODY)
    ours_ = rhythm.onset_envelope(sound, SR)
    mel = librosa.feature.melspectrogram(
        y=sound, sr=SR, n_fft=2048, hop_length=441, n_mels=128, pad_mode="reflect"
    )
    theirs = librosa.onset.onset_strength(
        S=librosa.power_to_db(mel, ref=np.max, top_db=rhythm.QUIET_DB), sr=SR, center=False
    )
    np.testing.assert_allclose(ours_, theirs, atol=1e-3)


def test_likeness_equals_numpys_correlation():
    curve = np.random.default_rng(0).random(200)
    expected = [np.corrcoef(curve[: 200 - lag], curve[lag:])[0, 1] for lag in (1, 30, 150)]
    np.testing.assert_allclose(rhythm.self_likeness(curve, [1, 30, 150]), expected, atol=1e-12)


@pytest.mark.parametrize("bpm", [60, 72, 90, 120, 150, 200])
def test_metronome(bpm):
    found = rhythm.beat(strokes(np.arange(0.05, 5.1, 60 / bpm)), SR)
    assert found.value > 0.85
    assert rhythm.tempo_fits(found.tempo, bpm, 0.01)
    assert len(found.lags) == len(found.likeness)


def test_jitter_lowers_the_beat():
    random = np.random.default_rng(1)

    def value(jitter):
        plays = [np.arange(0.2, 5, 0.5) + random.normal(0, jitter, 10) for _ in range(4)]
        return np.mean([rhythm.beat(strokes(times), SR).value for times in plays])

    steady, human, loose, wild = (value(j) for j in (0.0, 0.006, 0.03, 0.09))
    assert steady > 0.85 and human > 0.85
    assert steady > loose + 0.15 > wild + 0.25
    assert wild < 0.5


def test_noise_has_no_beat():
    values = [rhythm.beat(white(seed), SR).value for seed in range(8)]
    assert np.mean(values) < 0.3 and max(values) < 0.45
    assert rhythm.beat(np.zeros(N), SR).value == 0
    assert np.isnan(rhythm.beat(np.zeros(N), SR).tempo)


def test_tempo_agrees_with_librosas():
    for bpm in (84, 100, 126, 138):
        sound = strokes(np.arange(0.1, 5.1, 60 / bpm))
        theirs = librosa.feature.tempo(y=sound.astype(np.float32), sr=SR)[0]
        assert rhythm.tempo_fits(rhythm.beat(sound, SR).tempo, theirs)


def test_beat_is_fooled_by_a_swelling_hiss_and_by_patches():
    hiss = white() * (1 + 0.9 * np.sin(2 * np.pi * 2 * TIME))
    assert rhythm.beat(hiss, SR).value > 0.9
    patches = white() * np.repeat(np.random.default_rng(2).uniform(0.2, 1, 16), N // 16)
    assert rhythm.beat(patches, SR).value > rhythm.beat(white(), SR).value + 0.1


@pytest.mark.parametrize(
    "heard, asked, fits",
    [
        (120, 120, True),
        (60, 120, True),
        (240, 120, True),
        (129, 120, True),
        (131, 120, False),
        (80, 120, False),
        (float("nan"), 120, False),
    ],
)
def test_tempo_fits(heard, asked, fits):
    assert rhythm.tempo_fits(heard, asked) is fits


def test_blind_tempi_fit_in_23_percent_and_120_fits_its_octaves():
    drawn = 2 ** np.random.default_rng(0).uniform(5, 8, 40000)
    share = np.mean([rhythm.tempo_fits(t, 90) for t in drawn])
    assert share == pytest.approx(np.log2(1.08 / 0.92), abs=0.01)
    assert all(rhythm.tempo_fits(120, asked) for asked in (60, 120, 240))
    # What the table asks for hardly overlaps.
    fitting = [sum(rhythm.tempo_fits(a, b) for b in prompts.TEMPI) for a in prompts.TEMPI]
    assert fitting == [1] * len(prompts.TEMPI)


# ------------------------------------------------------------------------------ attack


@pytest.mark.parametrize("carrier", [None, 440.0])
def test_smear_lowers_the_attack(carrier):
    def value(rise):
        sound = strokes(np.arange(0.3, 5, 0.5), rise, fall=0.15)
        if carrier:
            sound = stack(carrier) * strokes_shape(rise)
        return rhythm.attack(sound, SR).value

    sharp, ten, twenty, forty = (value(rise) for rise in (0.0, 0.01, 0.02, 0.04))
    assert sharp > 0.65
    assert sharp > ten > twenty > forty
    assert forty < 0.15


def strokes_shape(rise: float) -> np.ndarray:
    shape = np.zeros(N)
    for t in np.arange(0.3, 5, 0.5):
        u = TIME - t
        up = np.clip(u / rise, 0, 1) if rise else (u >= 0).astype(float)
        shape = np.maximum(shape, up * np.exp(-np.maximum(u - rise, 0) / 0.15))
    return shape


def test_attack_says_where():
    found = rhythm.attack(strokes(np.arange(0.5, 5, 0.5)), SR)
    np.testing.assert_allclose(found.times, np.arange(0.5, 5, 0.5), atol=0.03)
    assert len(found.shares) == 9 and found.levels.shape[0] == 8 and found.rate == 400


def test_no_onset_no_attack():
    assert np.isnan(rhythm.attack(white(), SR).value)
    assert np.isnan(rhythm.attack(np.zeros(N), SR).value)


def test_attack_is_fooled_by_clicks():
    """A click before every soft note: nobody's instrument, but a better figure."""
    soft = stack(330.0) * strokes_shape(0.06)
    clicked = soft.copy()
    for t in np.arange(0.3, 5, 0.5):
        clicked[int(t * SR) : int(t * SR) + 60] += 0.5
    assert rhythm.attack(clicked, SR).value > rhythm.attack(soft, SR).value + 0.3
