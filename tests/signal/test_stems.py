"""Stems sum to the sound; the masks are librosa's; gains, stereo and demucs's interface."""

import sys
import types

import librosa
import numpy as np
import pytest

from riffedu.errors import RiffeduError
from riffedu.signal import stems
from riffedu.signal.synth import impulses, sine

RATE = 22050


@pytest.fixture(scope="module")
def mixture():
    tone = sine(440, 2.0, RATE, amplitude=0.2)
    clicks = impulses(4, 2.0, RATE, amplitude=0.5)
    return tone, clicks, tone + clicks


@pytest.mark.parametrize("width", [17, 31])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_masks_equal_librosas(width, power):
    magnitude = np.abs(np.random.default_rng(0).standard_normal((120, 90)))
    ours = stems.harmonic_percussive_masks(magnitude, width, power)
    theirs = librosa.decompose.hpss(magnitude, kernel_size=width, power=power, mask=True)
    for a, b in zip(ours, theirs):
        assert np.abs(a - b).max() < 1e-6


@pytest.mark.parametrize("method", ["harmonic", "bands"])
@pytest.mark.parametrize("channels", [None, 1, 2])
@pytest.mark.parametrize("samples", [100, 4096, 30001])
def test_stems_sum_to_the_sound(method, channels, samples):
    shape = (samples,) if channels is None else (channels, samples)
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, shape).astype(np.float32)
    parts = stems.split(sound, RATE, method)
    assert all(part.shape == shape and part.dtype == np.float32 for part in parts.values())
    assert np.abs(sum(parts.values()) - sound).max() < 2e-6


def test_tones_and_strokes_are_told_apart(mixture):
    tone, clicks, both = mixture
    parts = stems.split(both, RATE)

    def share(part, wanted):
        return np.dot(part, wanted) / np.dot(wanted, wanted)

    assert share(parts["harmonic"], tone) > 0.95
    assert share(parts["percussive"], clicks) > 0.9
    assert abs(share(parts["percussive"], tone)) < 0.05


def test_bands_hold_their_frequencies():
    sound = sum(sine(f, 1.0, 44100, amplitude=0.1) for f in (100, 1000, 8000))
    parts = stems.split(sound, 44100, "bands")
    for name, hertz in (("bass", 100), ("middle", 1000), ("treble", 8000)):
        spectrum = np.abs(np.fft.rfft(parts[name]))
        assert spectrum.argmax() == hertz
        others = [f for f in (100, 1000, 8000) if f != hertz]
        assert spectrum[others].max() < 0.01 * spectrum.max()


def test_silence_stays_silence():
    assert not any(part.any() for part in stems.split(np.zeros(9000), RATE).values())


def test_gains():
    parts = {"a": np.ones(4), "b": np.full(4, 2.0)}
    assert stems.recombine(parts, {"a": 20, "b": -np.inf}).tolist() == [10.0] * 4
    assert stems.recombine(parts).tolist() == [3.0] * 4
    with pytest.raises(RiffeduError, match="no stem 'c'"):
        stems.recombine(parts, {"c": 0})
    with pytest.raises(RiffeduError, match="gain"):
        stems.recombine(parts, {"a": np.inf})


@pytest.mark.parametrize("width", [0, 2, 32, -3, 2.5, "wide"])
def test_impossible_widths(width):
    with pytest.raises(RiffeduError, match="width"):
        stems.harmonic_percussive_masks(np.ones((8, 8)), width)


def test_an_unknown_method():
    with pytest.raises(RiffeduError, match="method"):
        stems.split(np.zeros(100), RATE, "magic")


def test_without_demucs_the_line_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "demucs", None)
    with pytest.raises(RiffeduError, match=r"pip install demucs"):
        stems.split(np.zeros(100), RATE, "demucs")


@pytest.mark.parametrize("shape", [(9000,), (2, 9000)])
def test_demucs_through_the_same_interface(monkeypatch, shape):
    def apply_model(model, sound, progress):
        assert sound.shape[:2] == (1, 2) and not progress
        return sound[:, None].repeat(1, 4, 1, 1) / 4

    package, pretrained, apply = (types.ModuleType(n) for n in ("demucs", "p", "a"))
    names = ["drums", "bass", "other", "vocals"]
    pretrained.get_model = lambda name: types.SimpleNamespace(samplerate=44100, sources=names)
    apply.apply_model = apply_model
    for name, module in (
        ("demucs", package),
        ("demucs.pretrained", pretrained),
        ("demucs.apply", apply),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    sound = np.broadcast_to(sine(300, 9000 / RATE, RATE, amplitude=0.2)[:9000], shape)
    parts = stems.split(sound, RATE, "demucs")
    assert list(parts) == names and all(part.shape == shape for part in parts.values())
    assert np.abs(sum(parts.values()) - sound)[..., 500:-500].max() < 1e-3
