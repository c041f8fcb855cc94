"""The toy from zero: eight sounds that a nearest mean tells apart, and a loop that learns them."""

from itertools import islice

import numpy as np
import pytest
import torch
from tiny import ours  # noqa: F401  (fixture)

from riffedu.errors import RiffeduError
from riffedu.music.pipeline import load_pipeline
from riffedu.signal.audio import rms_db
from riffedu.signal.convert import audio_to_image
from riffedu.training.detector import NearestMean, features
from riffedu.training.toy_sounds import RATE, make_sounds
from riffedu.training.toy_unet import build_toy, train_toy, with_unet


@pytest.fixture(scope="module")
def heard():
    waveforms, captions = make_sounds(5)
    return waveforms, [audio_to_image(x, RATE) for x in waveforms], captions


def test_eight_sounds_of_one_length_and_level(heard):
    waveforms, _, captions = heard
    assert len(set(captions)) == 8 and len(waveforms) == 40
    for waveform in waveforms:
        assert waveform.shape == (round(5.12 * RATE),) and np.isfinite(waveform).all()
        assert -40 < rms_db(waveform) <= -19.9 and abs(waveform).max() <= 0.9
    same, _ = make_sounds(1)
    assert np.array_equal(same[0], waveforms[0])
    assert all(not np.array_equal(a, b) for a, b in zip(waveforms, waveforms[1:]))


def test_nearest_mean_tells_clips_it_has_not_heard(heard):
    _, pictures, captions = heard
    new = [i % 5 >= 3 for i in range(40)]
    detector = NearestMean.of(
        [p for p, n in zip(pictures, new) if not n], [c for c, n in zip(captions, new) if not n]
    )
    told = detector.tell([p for p, n in zip(pictures, new) if n])
    wanted = [c for c, n in zip(captions, new) if n]
    assert sum(a == b for a, b in zip(told, wanted)) >= 15
    assert detector.distances(pictures).shape == (40, 8)


def test_features_of_a_steady_and_a_beating_picture():
    steady = np.full((512, 512), 255, np.uint8)
    steady[:16] = 0
    beating = steady.copy()
    beating[:16, ::8] = beating[:16, 1::8] = beating[:16, 2::8] = beating[:16, 3::8] = 255
    level, variation, change = features([steady, beating]).reshape(2, 3, 32).transpose(1, 0, 2)
    assert level[:, 0].tolist() == [1, 0.5] and (level[:, 1:] == 0).all()
    assert variation[0].max() == change[0].max() == 0
    assert variation[1, 0] == 0.5 and change[1, 0] == pytest.approx(3)
    with pytest.raises(RiffeduError, match="too small"):
        features([np.zeros((8, 8), np.uint8)])


def test_the_toy_is_small_and_the_same_seed_gives_the_same():
    toy = build_toy()
    assert 1e6 < sum(p.numel() for p in toy.parameters()) < 2e6
    assert torch.equal(toy.conv_in.weight, build_toy().conv_in.weight)
    assert not torch.equal(toy.conv_in.weight, build_toy(seed=1).conv_in.weight)


def test_the_toy_learns_stops_and_goes_on(ours, tmp_path):
    pipeline = load_pipeline(ours)
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(2, 8, 16, 16, generator=generator)
    toy = build_toy(8, 24)
    options = dict(minutes=60, learning_rate=3e-3, batch=4)
    steps = train_toy(pipeline, toy, latents, ["piano", "drums"], tmp_path, **options)
    losses = [step.loss for step in islice(steps, 40)]
    steps.close()
    assert np.mean(losses[-8:]) < 0.97 * np.mean(losses[:4])
    played = with_unet(pipeline, toy).generate("piano", num_inference_steps=1, progress=False)
    assert np.isfinite(played.waveform).all()
    steps = train_toy(pipeline, toy, latents, ["piano", "drums"], tmp_path, **options)
    assert next(steps).step == 41
    steps.close()


def test_a_rate_that_is_too_high_is_found_out(ours, tmp_path):
    pipeline = load_pipeline(ours)
    steps = train_toy(
        pipeline,
        build_toy(8, 24),
        torch.randn(2, 8, 16, 16),
        ["piano", "drums"],
        tmp_path,
        minutes=60,
        learning_rate=1.0,
        batch=2,
    )
    with pytest.raises(RiffeduError, match="lower the learning rate"):
        if max(step.loss for step in islice(steps, 200)) > 3:
            raise RiffeduError("it grew: lower the learning rate")
    steps.close()
