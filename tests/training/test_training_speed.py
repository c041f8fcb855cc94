"""Training's shortcuts save time and change nothing else: matrix encoder, cached captions;
and a new structure begins exactly where the old one stood."""

import numpy as np
import pytest

from riffedu.errors import RiffeduError


def test_linear_encoder_is_one_matrix_product():
    import torch
    import torch.nn.functional as F

    from riffedu.training.autoencoder import build_autoencoder, start_as_linear_codec
    from riffedu.training.linear_code import encode_patches, encoding_matrix

    torch.manual_seed(0)
    pictures = torch.rand(8, 1, 128, 128).mul(2).sub(1)
    vae = start_as_linear_codec(build_autoencoder(8), F.avg_pool2d(pictures, 5, 1, 2))
    matrix, offset = encoding_matrix(lambda x: vae.encode(x).latent, rows=4)
    assert matrix.shape == (8, 1024) and offset.shape == (8,)
    with torch.inference_mode():
        wanted = vae.encode(pictures).latent
    assert torch.allclose(encode_patches(pictures, matrix, offset), wanted, atol=1e-4)


def test_encoder_that_is_not_linear_is_refused():
    import torch.nn.functional as F

    from riffedu.training.linear_code import encoding_matrix

    with pytest.raises(RiffeduError, match="not linear"):
        encoding_matrix(lambda x: F.pixel_unshuffle(x, 32)[:, :4].square(), rows=2)


def test_times_fall_where_they_are_wanted():
    import torch

    from riffedu.training.feed import EVENLY, FOCUS, draw_times

    torch.manual_seed(0)
    for focus in (FOCUS, EVENLY):
        times = torch.cat([draw_times(64, 1000, focus) for _ in range(100)])
        assert times.min() >= 0 and times.max() <= 999 and len(times.unique()) > 900
        start = 0.0
        for end, share in focus:
            inside = (times >= 1000 * start) & (times < 1000 * end)
            assert float(inside.float().mean()) == pytest.approx(share, abs=0.01)
            start = end


def test_captions_are_read_once_and_some_are_empty():
    import torch

    from riffedu.training.feed import StateCache

    read = []

    def encode(texts):
        read.extend(texts)
        return torch.tensor([float(t or -1) for t in texts]).view(-1, 1, 1).expand(-1, 3, 2)

    states_of = StateCache(encode, lambda i: str(i), phrasings=2, empty_share=0.25)
    random = np.random.default_rng(0)
    for _ in range(50):
        indices = random.integers(0, 10, 16)
        states = states_of(indices, random)
        assert states.shape == (16, 3, 2) and states.dtype == torch.float32
        own = states[:, 0, 0].numpy()
        assert np.all((own == indices) | (own == -1))
    assert len(read) == 2 * 10 + 1
    tight = StateCache(encode, lambda i: str(i), room=0.0)
    read.clear()
    for _ in range(3):
        tight(np.arange(4), np.random.default_rng(1))
    assert len(read) > 8, "without room captions are read anew"


def test_captions_can_be_drawn_inside_autocast():
    """On the CPU autocast refuses to stack float16 tensors: a training step on AMX ended there."""
    import torch

    from riffedu.training.feed import StateCache

    states_of = StateCache(lambda texts: torch.ones(len(texts), 3, 2), str, phrasings=1)
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(3):
            states = states_of(np.arange(4), np.random.default_rng(0))
    assert states.dtype == torch.float32 and states.shape == (4, 3, 2)


def test_cheap_average_follows_the_plain_one():
    import torch

    from riffedu.training.loop import MovingAverage

    torch.manual_seed(0)
    module = torch.nn.Linear(3, 2)
    plain, cheap = MovingAverage(module, 0.99), MovingAverage(module, 0.99)
    for step in range(1000, 1400):
        with torch.no_grad():
            module.weight.add_(0.01)
        plain.update(module, step)
        cheap.update(module, step, every=4)
    gap = (plain.parameters["weight"] - cheap.parameters["weight"]).abs().max()
    assert float(gap) < 0.02  # two steps of 0.01


@pytest.fixture(scope="module")
def old_weights():
    import torch

    from riffedu.training.structures import build

    torch.manual_seed(0)
    return build("coarse").state_dict()


@pytest.mark.parametrize("name", ["self", "full"])
def test_new_structure_begins_where_the_old_one_stood(name, old_weights):
    import torch

    from riffedu.training.structures import STRUCTURES, build, take_over, without_pooled_caption

    old, new = build("coarse"), build(name)
    old.load_state_dict(old_weights)
    caption = torch.randn(1, 32, 384).repeat(2, 1, 1)
    pooled = "addition_embed_type" in STRUCTURES[name]
    weights = old_weights if pooled else without_pooled_caption(old_weights, caption)
    added = take_over(new, weights)
    assert added and all(".attentions." in k for k in added)
    inputs = torch.randn(2, 32, 16, 16), torch.tensor([10, 900]), caption
    with torch.no_grad():
        assert torch.allclose(old(*inputs).sample, new(*inputs).sample, atol=1e-4)


def test_pooled_caption_begins_silent(old_weights):
    import torch

    from riffedu.training.structures import build, take_over

    plain = {k: v for k, v in old_weights.items() if not k.startswith("add_embedding")}
    old, new = build("coarse", addition_embed_type=None), build("coarse")
    old.load_state_dict(plain)
    take_over(new, plain)
    inputs = torch.randn(1, 32, 16, 16), torch.tensor([500]), torch.randn(1, 32, 384)
    with torch.no_grad():
        assert torch.allclose(old(*inputs).sample, new(*inputs).sample, atol=1e-4)


def test_fastest_precision_is_one_of_two(old_weights):
    import contextlib

    import torch

    from riffedu.training.speed import fastest_precision, plain_attention
    from riffedu.training.structures import build

    unet = plain_attention(build("coarse"))
    inputs = torch.randn(2, 32, 16, 16), torch.tensor([10, 900]), torch.randn(2, 32, 384)
    context = fastest_precision(unet, inputs)
    with context():
        unet(*inputs)
    assert context is contextlib.nullcontext or context().device == "cpu"
    assert all(p.grad is None for p in unet.parameters())
