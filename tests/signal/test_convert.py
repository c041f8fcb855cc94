"""Sound to picture to sound: length, level, likeness, seeds, stereo, the lean way's fidelity."""

import numpy as np
import pytest
from PIL import Image

from riffedu.errors import RiffeduError
from riffedu.signal.audio import rms_db
from riffedu.signal.convert import audio_to_image
from riffedu.signal.image import load_image, save_image, spectrogram_from_image
from riffedu.signal.inversion import lean_grid, sound_from_mel
from riffedu.signal.mel import mel_spectrogram
from riffedu.signal.params import SpectrogramParams
from riffedu.signal.reconstruct import image_to_audio

SMALL = SpectrogramParams(
    sample_rate=16000, num_frequencies=128, max_frequency=6000, padded_duration_ms=400
)


def tune(seconds=2.0, rate=44100, seed=0):
    """Plucked notes and a noisy beat: tones, attacks and hiss in one."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    since = t % 0.25
    note = 220 * 2 ** (rng.integers(0, 24, 1 + int(seconds * 4))[(t / 0.25).astype(int)] / 12)
    tone = sum(np.sin(2 * np.pi * note * h * since) / h for h in range(1, 6)) * np.exp(-6 * since)
    hiss = rng.standard_normal(len(t)) * np.exp(-40 * (t % 0.5))
    return (0.12 * tone + 0.05 * hiss).astype(np.float32)


def mel_consistency_db(sound, mel, params):
    """Distance of the sound's mel amplitudes from the wanted ones, gain-matched."""
    found = mel_spectrogram(sound, params)
    gain = (found * mel).sum() / (found**2).sum()
    return 20 * np.log10(np.linalg.norm(gain * found - mel) / np.linalg.norm(mel))


def test_there_and_back_at_riffusions_parameters(tmp_path):
    sound = tune()
    image = load_image(save_image(audio_to_image(sound, 44100), tmp_path / "a.png"))
    assert image.size == (200, 512)
    back, rate = image_to_audio(image, seed=1)
    assert rate == 44100 and back.shape == (200 * 441,) and back.dtype == np.float32
    assert abs(rms_db(back) - rms_db(sound)) < 1
    mel = spectrogram_from_image(image)
    lean = mel_consistency_db(back, mel, SpectrogramParams())
    assert lean < -17
    plain = mel_consistency_db(
        sound_from_mel(mel, SpectrogramParams(), "plain"), mel, SpectrogramParams()
    )
    assert lean < plain + 1


@pytest.mark.parametrize("quality", ["fast", "plain"])
@pytest.mark.parametrize("gain", [1e-3, 1.0, 4.0])
def test_level_is_neither_lost_nor_normalised(quality, gain):
    sound = gain * tune(rate=16000)
    back, _ = image_to_audio(audio_to_image(sound, 16000, SMALL), quality=quality)
    assert abs(rms_db(back) - rms_db(sound)) < 1


def test_same_seed_same_sound():
    image = audio_to_image(tune(0.5, 16000), 16000, SMALL)
    once, again, other = (image_to_audio(image, seed=s, n_iter=5)[0] for s in (3, 3, 4))
    assert np.array_equal(once, again) and not np.allclose(once, other)


def test_stereo_keeps_its_sides():
    left = tune(1, 16000)
    params = SpectrogramParams(
        stereo=True, sample_rate=16000, num_frequencies=128, max_frequency=6000
    )
    image = audio_to_image(np.stack([left, 0.25 * left]), 16000, params)
    back, _ = image_to_audio(image)
    assert back.shape == (2, 16000)
    assert rms_db(back[0]) - rms_db(back[1]) == pytest.approx(12.04, abs=0.5)
    mono = audio_to_image(left, 16000, params)
    assert np.array_equal(*image_to_audio(mono, n_iter=3)[0])


def test_channels_are_mixed_for_a_mono_picture_and_rates_change():
    image = audio_to_image(np.stack([tune(1, 48000)] * 4), 48000, SMALL)
    alone = audio_to_image(tune(1, 48000), 48000, SMALL)
    assert image.size == (100, 128) and np.array_equal(np.asarray(image), np.asarray(alone))


@pytest.mark.parametrize("columns", [1, 2, 7, 33])
def test_any_width(columns):
    image = Image.fromarray(np.full((512, columns), 200, np.uint8))
    back, _ = image_to_audio(image, n_iter=2)
    assert back.shape == (columns * 441,) and np.isfinite(back).all() and back.any()


def test_silence():
    image = audio_to_image(np.zeros(4410), 44100)
    assert not image_to_audio(image, n_iter=2)[0].any()


def test_lean_grid():
    assert lean_grid(SpectrogramParams())[:3] == (4000, 200, 2000)
    whole = SpectrogramParams(sample_rate=20000, padded_duration_ms=100)
    assert lean_grid(whole)[:3] == (2000, 200, 2000)


@pytest.mark.parametrize(
    "params",
    [
        SpectrogramParams(sample_rate=22050),
        SpectrogramParams(max_frequency=7919),
        SpectrogramParams(sample_rate=48000, step_size_ms=7),
        SpectrogramParams(mel_scale_norm="slaney"),
        SpectrogramParams(mel_scale_type="slaney", min_frequency=200),
        SpectrogramParams(step_size_ms=40),
    ],
)
def test_other_parameters(params):
    sound = tune(1, params.sample_rate)
    mel = mel_spectrogram(sound, params)
    back, rate = image_to_audio(audio_to_image(sound, rate := params.sample_rate, params), params)
    assert rate == params.sample_rate and len(back) == mel.shape[1] * params.hop_length
    assert mel_consistency_db(back, mel, params) < -12
    assert abs(np.log10((mel_spectrogram(back, params) ** 2).sum() / (mel**2).sum())) < 0.05


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: image_to_audio(Image.new("RGB", (9, 9))), "9 × 9"),
        (lambda: image_to_audio(Image.new("RGB", (9, 512)), quality="worst"), "worst"),
        (lambda: image_to_audio(Image.new("RGB", (9, 512)), n_iter=-1), "n_iter"),
        (lambda: image_to_audio("a.png"), "no such picture"),
        (lambda: audio_to_image(np.zeros(0), 44100), "empty"),
        (lambda: audio_to_image(np.zeros(9), 0), "sample rate"),
        (lambda: audio_to_image(np.zeros((3, 9)), 44100, SpectrogramParams(stereo=True)), "two"),
    ],
)
def test_bad_input_gives_one_clear_line(call, says):
    with pytest.raises(RiffeduError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
