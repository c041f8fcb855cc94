"""Cross-attention: by hand equal to torch's and diffusers' own, watched, and put back after."""

import pytest
import torch
from diffusers.models.attention_processor import Attention, AttnProcessor, AttnProcessor2_0
from hypothesis import given
from hypothesis import strategies as st
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu import load_pipeline
from riffedu.diffusion.attention import (
    NO_WORD,
    AttentionRecord,
    RecordingProcessor,
    attend,
    grid_shape,
    maps_by_word,
    record_attention,
    word_positions,
)
from riffedu.errors import RiffeduError


@pytest.fixture(scope="module", params=["sd", "ours"])
def pipeline(request):
    return load_pipeline(request.getfixturevalue(request.param))


def some(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def question(pipeline, text="calm piano", columns=8):
    """A noisy latent and token states: what a U-Net is asked."""
    channels = pipeline.checkpoint.latent_channels
    return some(1, channels, 16, columns), torch.tensor(500.0), pipeline.encode_prompt(text)


def answer(pipeline, x, t, text):
    with torch.no_grad():
        return pipeline.checkpoint.unet(x, t, encoder_hidden_states=text, return_dict=False)[0]


# Attention by hand


@given(st.integers(1, 9), st.integers(1, 7), st.integers(1, 16), st.floats(0.1, 30))
def test_attend_is_torchs_own(places, tokens, width, size):
    q, k = some(2, 3, places, width) * size, some(2, 3, tokens, width, seed=1)
    v = some(2, 3, tokens, 5, seed=2)
    q, k, v = q.double(), k.double(), v.double()  # one rule, whatever the rounding
    answers, shares = attend(q, k, v)
    theirs = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    assert (answers - theirs).abs().max() < 1e-5
    assert (shares >= 0).all() and (shares.sum(-1) - 1).abs().max() < 1e-5


def test_attend_survives_large_scores():
    answers, shares = attend(torch.full((1, 4), 1e4), torch.eye(4) * 1e4, torch.eye(4))
    assert answers.isfinite().all() and torch.allclose(shares, torch.full((1, 4), 0.25))


@pytest.mark.parametrize("theirs", [AttnProcessor, AttnProcessor2_0])
def test_the_watcher_is_diffusers_own_processor(theirs):
    torch.manual_seed(0)
    layer = Attention(query_dim=24, cross_attention_dim=10, heads=4, dim_head=6)
    picture, text, kept = some(2, 64, 24), some(2, 7, 10, seed=1), []
    with torch.no_grad():
        want = theirs()(layer, picture, text)
        got = RecordingProcessor(kept.append)(layer, picture, text)
        probabilities = layer.get_attention_scores(
            layer.head_to_batch_dim(layer.to_q(picture)), layer.head_to_batch_dim(layer.to_k(text))
        )
    assert (got - want).abs().max() < 1e-5
    assert (kept[0].flatten(0, 1) - probabilities).abs().max() < 1e-6


# Watching a U-Net


def test_recording_changes_no_answer_and_puts_everything_back(pipeline):
    unet, asked = pipeline.checkpoint.unet, question(pipeline)
    before, want = dict(unet.attn_processors), answer(pipeline, *asked)
    with record_attention(unet):
        assert (answer(pipeline, *asked) - want).abs().max() < 1e-4
        changed = {name for name, one in unet.attn_processors.items() if one is not before[name]}
    assert changed == {name for name in before if "attn2" in name} != set()
    assert all(one is before[name] for name, one in unet.attn_processors.items())
    assert torch.equal(answer(pipeline, *asked), want)


def test_an_error_inside_puts_everything_back(pipeline):
    unet = pipeline.checkpoint.unet
    before = dict(unet.attn_processors)
    with pytest.raises(ZeroDivisionError), record_attention(unet):
        raise ZeroDivisionError
    assert all(one is before[name] for name, one in unet.attn_processors.items())


def test_an_odd_kind_of_attention_is_refused_before_anything_changes(pipeline, monkeypatch):
    unet = pipeline.checkpoint.unet
    before = dict(unet.attn_processors)
    layers = [m for m in unet.modules() if getattr(m, "is_cross_attention", False)]
    monkeypatch.setattr(layers[-1], "rescale_output_factor", 2.0)
    with pytest.raises(RiffeduError, match="more parts than softmax"), record_attention(unet):
        pass
    assert all(one is before[name] for name, one in unet.attn_processors.items())
    with (
        pytest.raises(RiffeduError, match="no cross-attention"),
        record_attention(torch.nn.Linear(2, 2)),
    ):
        pass
    with pytest.raises(RiffeduError, match="mask over the tokens"):
        RecordingProcessor(print)(None, None, None, torch.zeros(1))


def test_maps(pipeline):
    with record_attention(pipeline.checkpoint.unet) as record:
        with pytest.raises(RiffeduError, match="nothing was recorded"):
            record.maps(16, 8)
        x, t, text = question(pipeline)
        answer(pipeline, x, t, text)
    for finest in (True, False):
        maps = record.maps(16, 8, finest=finest)
        assert maps.shape == (text.shape[1], 16, 8)
        assert (maps.sum(0) - 1).abs().max() < 1e-5
    with pytest.raises(RiffeduError, match="height and width"):
        record.maps(13, 8)


def test_maps_of_a_guided_batch(pipeline):
    """Without words first, with words last; the last item is what ``maps`` draws by itself."""
    x, t, text = question(pipeline)
    unet = pipeline.checkpoint.unet
    with record_attention(unet) as alone:
        answer(pipeline, x, t, text)
    with record_attention(unet) as guided:
        pipeline.predictor(text, guidance_scale=3.0)(x, 500.0)
    assert torch.allclose(guided.maps(16, 8), alone.maps(16, 8), atol=1e-5)
    assert torch.equal(guided.maps(16, 8, item=1), guided.maps(16, 8))
    assert not torch.allclose(guided.maps(16, 8, item=0), guided.maps(16, 8), atol=1e-4)


def test_maps_lie_where_the_picture_lies():
    """A token that only one corner listens to lights up there; coarse layers in squares."""
    fine, coarse = torch.zeros(1, 2, 8 * 4, 2), torch.zeros(1, 2, 4 * 2, 2)
    fine[..., 0] = coarse[..., 0] = 1.0
    fine[:, :, 3], coarse[:, :, 1] = torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])
    record = AttentionRecord({"fine": fine, "coarse": coarse})
    want = torch.zeros(16, 8)
    want[:2, 6:] = 1.0  # place 3 of rows of 4 is the top right-hand corner
    assert torch.equal(record.maps(16, 8)[1], want)
    both = record.maps(16, 8, finest=False)[1]
    assert torch.equal(both[:4, 4:], (want[:4, 4:] + 1) / 2) and both[4:].sum() == 0


@pytest.mark.parametrize(
    ("places", "height", "width", "want"),
    [
        (256, 16, 16, (16, 16)),
        (16, 16, 16, (4, 4)),
        (32, 16, 8, (8, 4)),
        (15, 9, 5, (5, 3)),
        (1, 16, 16, (1, 1)),
    ],
)
def test_grid(places, height, width, want):
    assert grid_shape(places, height, width) == want


@pytest.mark.parametrize("places", [0, 7, 300])
def test_grid_of_another_size(places):
    with pytest.raises(RiffeduError):
        grid_shape(places, 16, 16)


# Words


def test_words_lie_where_their_tokens_lie(pipeline):
    tokenizer = pipeline.checkpoint.tokenizer
    text = "calm piano, xylo solo"
    ids = tokenizer(text).input_ids
    found = word_positions(tokenizer, text)
    assert [word for word, _ in found] == ["calm", "piano", ",", "xylo", "solo"]
    for word, places in found:
        assert word == "," or tokenizer.decode([ids[i] for i in places]).strip() == word
    assert [place for _, places in found for place in places] == list(range(1, len(ids) - 1))


def test_weights_leave_words_where_they_are(pipeline):
    tokenizer = pipeline.checkpoint.tokenizer
    assert word_positions(tokenizer, "calm (piano:1.3), [solo]") == word_positions(
        tokenizer, "calm piano, solo"
    )
    assert word_positions(tokenizer, "") == []


def test_words_of_a_long_prompt_go_on_in_the_next_part(pipeline):
    tokenizer = pipeline.checkpoint.tokenizer
    size = tokenizer.model_max_length
    text = " ".join(["a"] * (size - 2) + ["calm"])
    found = word_positions(tokenizer, text)
    assert found[0] == ("a", [1]) and found[-1][0] == "calm" and found[-1][1][0] == size + 1
    assert pipeline.encode_prompt(text).shape[1] == 2 * size
    endless = word_positions(tokenizer, "a " * (9 * size))
    assert len(endless) == 8 * (size - 2)


def test_by_word_adds_up_to_all(pipeline):
    tokenizer = pipeline.checkpoint.tokenizer
    maps = some(tokenizer.model_max_length, 4, 4).softmax(0)
    shares = maps_by_word(maps, tokenizer, "piano, calm piano solo")
    assert list(shares) == ["piano", "calm", "piano (2)", "solo", NO_WORD]
    assert (sum(shares.values()) - 1).abs().max() < 1e-5
    places = dict(word_positions(tokenizer, "piano, calm piano solo"))
    assert torch.allclose(shares["piano (2)"], maps[places["piano"]].sum(0))
    assert torch.allclose(maps_by_word(maps, tokenizer, "")[NO_WORD], maps.sum(0))
