"""Residual vector quantisation and the delay pattern, against scipy and transformers."""

import numpy as np
import pytest
from scipy.cluster.vq import kmeans2, vq

from riffedu.errors import RiffeduError
from riffedu.miniatures import autoregression, tokens

X = np.random.default_rng(0).standard_normal((300, 5))


def test_nearest_entry_is_scipys():
    book = X[:17] + 0.1
    assert np.array_equal(tokens.nearest_entry(X, book), vq(X, book)[0])


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_k_means_is_scipys(steps):
    *_, last = tokens.k_means(X, X[:9], steps)
    theirs, labels = kmeans2(X, X[:9], iter=steps, minit="matrix", missing="warn")
    assert np.abs(last.codebook - theirs).max() < 1e-12
    *_, before = tokens.k_means(X, X[:9], steps - 1)  # scipy's labels are those of its last update
    assert np.array_equal(before.nearest, labels)


def test_the_error_never_rises_and_an_unused_entry_stays():
    book = np.vstack([X[:4], [[99.0] * 5]])
    states = list(tokens.k_means(X, book, 12))
    errors = [state.error for state in states]
    assert all(a >= b - 1e-12 for a, b in zip(errors, errors[1:])) and len(states) == 13
    assert np.array_equal(states[-1].codebook[4], [99] * 5)


def test_rvq_of_a_grid_is_exact():
    """Two scalar codebooks of 4: sixteen evenly spaced numbers are coded without error."""
    x = np.arange(16, dtype=float)[:, None]
    coarse = np.array([[1.5], [5.5], [9.5], [13.5]])
    fine = np.array([[-1.5], [-0.5], [0.5], [1.5]])
    found = tokens.encode(x, [coarse, fine])
    assert np.array_equal(found[:, 0] * 4 + found[:, 1], np.arange(16))
    assert np.array_equal(tokens.decode(found, [coarse, fine]), x)


def test_more_codebooks_less_error():
    codec, errors = None, []
    for codec in tokens.train_rvq(X, 4, size=8):
        errors.append(np.square(X - tokens.decode(tokens.encode(X, codec), codec)).mean())
    assert errors == sorted(errors, reverse=True) and len(codec) == 4
    coded = tokens.encode(X, codec)
    assert coded.shape == (300, 4) and coded.max() < 8
    half = np.square(X - tokens.decode(coded[:, :2], codec)).mean()
    assert half == pytest.approx(errors[1])


def test_frames_and_pictures():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 10), dtype=np.uint8)
    frames = tokens.to_frames(pixels, 4)
    assert frames.shape == (2, 24) and np.array_equal(tokens.to_pixels(frames, 4), pixels[:, :8])


def test_too_few_frames():
    with pytest.raises(RiffeduError, match="too few for codebooks of 500"):
        next(tokens.train_rvq(X, 1, size=500))


def test_bit_rates():
    assert tokens.bits_per_second(8) == 8 * 6 * 25
    assert tokens.bits_per_second(8, 1024, 75) == 6000  # EnCodec, 24 kHz, 8 codebooks: 6 kbit/s


def test_delay_is_musicgens():
    import torch
    from transformers import MusicgenDecoderConfig, MusicgenForCausalLM

    config = MusicgenDecoderConfig(
        vocab_size=8,
        num_codebooks=4,
        hidden_size=8,
        num_hidden_layers=1,
        ffn_dim=8,
        num_attention_heads=2,
        max_position_embeddings=32,
        pad_token_id=8,
        bos_token_id=8,
    )
    model = MusicgenForCausalLM(config)
    x = np.random.default_rng(0).integers(0, 8, (9, 4))
    start = torch.cat([torch.full((4, 1), 8), torch.from_numpy(x.T)], dim=1)
    _, theirs = model.build_delay_pattern_mask(start, pad_token_id=8, max_length=9 + 4)
    late = autoregression.delay(x, 8)
    assert np.array_equal(late, theirs[:, 1:].numpy().T)
    assert np.array_equal(autoregression.undo_delay(late), x)


def test_the_network_does_not_see_the_future():
    import torch

    network = autoregression.build_network(8, 2, width=16).eval()
    x = torch.randint(9, (1, 20, 2), generator=torch.Generator().manual_seed(0))
    y = x.clone()
    y[:, 12:] = 0
    with torch.no_grad():
        assert torch.allclose(network(x)[:, :12], network(y)[:, :12], atol=1e-6)
        assert not torch.allclose(network(x)[:, 12:], network(y)[:, 12:], atol=1e-6)


def test_a_pattern_is_learnt_and_continued():
    beat = np.array([[1, 5], [2, 6], [3, 4], [0, 7]])
    x = np.tile(beat, (40, 1))
    *_, last = autoregression.train(x, 8, steps=60, batch=8)
    assert last.loss < 0.3 < np.log(9)
    out = autoregression.continue_tokens(last.network, x[:10], 12, temperature=0)
    assert np.array_equal(out, x[:22])


def test_loss_on_unseen_tokens():
    import torch

    network = autoregression.build_network(8, 2, width=16)
    x = np.random.default_rng(0).integers(0, 8, (150, 2))
    late = torch.from_numpy(autoregression.delay(x, 8))
    with torch.no_grad():
        odds = network(late[None, :64]).log_softmax(-1)[0]
        odds = torch.cat([odds, network(late[None, 64:128]).log_softmax(-1)[0]])
    wanted = -odds.gather(2, late[1:129, :, None]).mean()
    assert autoregression.loss_on(network, x) == pytest.approx(float(wanted), abs=1e-5)
    with pytest.raises(RiffeduError, match="too few"):
        autoregression.loss_on(network, x[:40])


@pytest.mark.parametrize("wrong", [np.zeros((0, 2), int), np.zeros((5, 3), int), np.zeros(4, int)])
def test_tokens_of_another_shape(wrong):
    network = autoregression.build_network(8, 2, width=16)
    with pytest.raises(RiffeduError, match="frames, 2"):
        autoregression.continue_tokens(network, wrong, 4)
    with pytest.raises(RiffeduError, match="too few"):
        next(autoregression.train(np.zeros((20, 2), int), 8))
