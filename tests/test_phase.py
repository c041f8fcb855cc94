"""Griffin-Lim = librosa's from the same first phases, and it gets better as it goes."""

import librosa
import numpy as np
import pytest
import torch

from riffedu.errors import RiffeduError
from riffedu.phase import griffin_lim, griffin_lim_steps, random_phases
from riffedu.stft import stft


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
        magnitude, n_iter=12, hop_length=hop, win_length=size, n_fft=n_fft, momentum=momentum,
        pad_mode="reflect", random_state=3,
    )  # fmt: skip
    ours = griffin_lim(magnitude, n_fft, hop, size, n_iter=12, momentum=momentum,
                       initial=np.exp(1j * angle))
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-6 * np.abs(theirs).max()


def test_states_are_all_there_and_get_better():
    magnitude = np.abs(stft(chord(), 800, 80, 320))
    states = list(griffin_lim_steps(magnitude, 800, 80, 320, n_iter=30))
    assert [state.iteration for state in states] == list(range(31))
    consistency = [state.consistency_db for state in states]
    assert consistency[-1] < -20 < -10 < consistency[0]
    for state in states[::10]:
        assert torch.allclose(state.spectrum.abs(), torch.from_numpy(magnitude), atol=1e-4)
    plain = list(griffin_lim_steps(magnitude, 800, 80, 320, n_iter=30, momentum=0))
    assert consistency[-1] < plain[-1].consistency_db - 2
    falls = np.diff([state.consistency_db for state in plain])
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


@pytest.mark.parametrize("changes, says", [
    ({"magnitude": np.ones((128, 9))}, "129 rows"),
    ({"magnitude": np.ones((129, 9), complex)}, "real"),
    ({"magnitude": np.ones((129, 0))}, "one column"),
    ({"n_iter": -1}, "n_iter"),
    ({"momentum": 1.5}, "momentum"),
    ({"hop_length": 256}, "NOLA"),
])  # fmt: skip
def test_bad_input_gives_one_clear_line(changes, says):
    arguments = {"magnitude": np.ones((129, 9)), "n_fft": 256, "hop_length": 64} | changes
    with pytest.raises(RiffeduError, match=says):
        griffin_lim(**arguments)
