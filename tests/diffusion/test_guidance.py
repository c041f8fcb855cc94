"""Token states and guidance: what the words say, and how far they pull."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu.diffusion.checkpoint import load_checkpoint
from riffedu.diffusion.guidance import (
    MAX_CHUNKS,
    PromptWarning,
    classifier_free_guidance,
    encode_prompts,
    encode_weighted,
    guided_prediction,
    parse_weights,
    rescale,
    same_length,
    scale_at,
    truncated_text,
    warn_about_prompt,
)

NUMBERS = st.floats(-100, 100)


@pytest.fixture(scope="module", params=["sd", "ours"])
def checkpoint(request):
    return load_checkpoint(request.getfixturevalue(request.param))


@given(NUMBERS, NUMBERS, st.floats(0, 30))
def test_guidance_goes_from_the_one_to_the_other_and_beyond(c, u, scale):
    c, u = np.array([c]), np.array([u])
    np.testing.assert_array_equal(classifier_free_guidance(c, u, 0), u)
    np.testing.assert_allclose(classifier_free_guidance(c, u, 1), c, atol=1e-12)
    pulled = classifier_free_guidance(c, u, scale)
    np.testing.assert_allclose(pulled - u, scale * (c - u), atol=1e-9)


def test_token_states_have_one_shape_for_every_prompt(checkpoint):
    encoder, tokenizer = checkpoint.text_encoder, checkpoint.tokenizer
    states = encode_prompts(encoder, tokenizer, ["", "piano", "calm " * 200])
    width = encoder.config.hidden_size
    assert states.shape == (3, tokenizer.model_max_length, width) and states.dtype == torch.float32
    assert not torch.allclose(states[0], states[1])


def test_token_states_equal_the_encoder_called_by_hand(checkpoint):
    encoder, tokenizer = checkpoint.text_encoder, checkpoint.tokenizer
    ids = tokenizer("solo piano").input_ids
    room = tokenizer.model_max_length
    padded = torch.tensor([ids + [tokenizer.pad_token_id] * (room - len(ids))])
    mask = torch.tensor([[1] * len(ids) + [0] * (room - len(ids))])
    masked = type(encoder).__name__ == "BertModel"
    with torch.no_grad():
        expected = encoder(padded, mask if masked else None).last_hidden_state
    states = encode_prompts(encoder, tokenizer, ["solo piano"])
    assert (states - expected).abs().max() < 1e-6


def test_padding_does_not_reach_the_words_of_a_masked_encoder(ours):
    checkpoint = load_checkpoint(ours)
    tokens = checkpoint.tokenizer(["solo piano"], return_tensors="pt")
    with torch.no_grad():
        alone = checkpoint.text_encoder(tokens.input_ids)[0]
    states = encode_prompts(checkpoint.text_encoder, checkpoint.tokenizer, ["solo piano"])
    assert (states[:, : alone.shape[1]] - alone).abs().max() < 1e-5


def test_one_batched_question_equals_two_single_ones(checkpoint):
    torch.manual_seed(0)
    unet, width = checkpoint.unet, checkpoint.text_encoder.config.hidden_size
    latents = torch.randn(2, checkpoint.latent_channels, 16, 16)
    text, negative = torch.randn(2, 2, 7, width)
    with torch.no_grad():
        together = guided_prediction(unet, latents, 500, text, negative, 4.0)
        c, u = (unet(latents, 500, encoder_hidden_states=s).sample for s in (text, negative))
    assert (together - (u + 4.0 * (c - u))).abs().max() < 1e-4


@pytest.mark.parametrize("scale, rows", [(1, [1]), (2.5, [2]), (0, [2])])
def test_scale_one_asks_the_unet_once(scale, rows):
    asked = []

    def unet(latents, timestep, encoder_hidden_states, return_dict):
        asked.append(len(latents))
        return (encoder_hidden_states,)

    latents, text, negative = torch.zeros(1, 3), torch.ones(1, 3), torch.zeros(1, 3)
    answer = guided_prediction(unet, latents, 1, text, negative, scale)
    assert asked == rows
    torch.testing.assert_close(answer, scale * text)


def test_the_warning_names_what_is_cut(checkpoint):
    tokenizer = checkpoint.tokenizer
    room = MAX_CHUNKS * (tokenizer.model_max_length - 2)
    text = " ".join(["a"] * room)
    assert truncated_text(tokenizer, text) == ""
    assert truncated_text(tokenizer, text + " rock band").startswith("rock")
    with pytest.warns(PromptWarning, match="left out: 'rock") as caught:
        warn_about_prompt(tokenizer, text + " rock band")
    assert "\n" not in str(caught[0].message)


@pytest.mark.parametrize("text", ["спокойное пианино", "静かなピアノ", "بيانو", "🎹🎹"])
def test_non_latin_prompts_warn_that_the_model_knows_english(checkpoint, text):
    with pytest.warns(PromptWarning, match="English"):
        warn_about_prompt(checkpoint.tokenizer, text)


@pytest.mark.parametrize("text", ["", "a calm piano", "café, 120 bpm", "piano with a хор"])
def test_plain_prompts_do_not_warn(checkpoint, text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_about_prompt(checkpoint.tokenizer, text)


# --- prompt weights and long prompts ------------------------------------------------------------


@pytest.mark.parametrize(
    "text, pieces",
    [
        ("a calm piano", [("a calm piano", 1.0)]),
        ("", [("", 1.0)]),
        ("a (soft) piano", [("a ", 1.0), ("soft", 1.1), (" piano", 1.0)]),
        ("(soft:1.3), [drums]", [("soft", 1.3), (", ", 1.0), ("drums", 1 / 1.1)]),
        ("((soft))", [("soft", 1.1 * 1.1)]),
        ("(slow (soft:0.5))", [("slow ", 1.1), ("soft", 0.5 * 1.1)]),
        ("(soft)(slow)", [("softslow", 1.1)]),
        ("(never closed", [("never closed", 1.1)]),
        ("closed) only]", [("closed) only]", 1.0)]),
        (r"\(as it is\)", [("(as it is)", 1.0)]),
        ("12:8 time, key: C", [("12:8 time, key: C", 1.0)]),
        ("(12:8 time)", [("12:8 time", 1.1)]),
        ("(a: .5)", [("a", 0.5)]),
    ],
)
def test_weights_in_the_usual_notation(text, pieces):
    found = parse_weights(text)
    assert [words for words, _ in found] == [words for words, _ in pieces]
    np.testing.assert_allclose([w for _, w in found], [w for _, w in pieces], rtol=1e-12)


@given(st.text(alphabet="ab ()[]:.1\\", max_size=30))
def test_no_text_breaks_the_notation(text):
    assert all(weight > -1e9 for _, weight in parse_weights(text))


def test_without_weights_nothing_changes(checkpoint):
    parts = checkpoint.text_encoder, checkpoint.tokenizer
    for text in ("", "piano", "a calm solo piano"):
        plain = encode_prompts(*parts, [text])
        assert (encode_weighted(*parts, text) - plain).abs().max() < 1e-6


def test_a_weight_scales_its_own_tokens_and_the_whole_keeps_its_size(checkpoint):
    parts = checkpoint.text_encoder, checkpoint.tokenizer
    plain = encode_weighted(*parts, "calm solo piano")
    heavy = encode_weighted(*parts, "calm (solo:1.5) piano")
    count = [
        len(checkpoint.tokenizer(w, add_special_tokens=False).input_ids)
        for w in ("calm", "solo", "piano")
    ]
    ratio = (heavy / plain).mean(-1)[0]
    first = 1 + count[0]
    of_solo, of_others = ratio[first : first + count[1]], ratio[1:first]
    assert (of_solo / of_others[0] - 1.5).abs().max() < 1e-4
    assert abs(float(heavy.square().mean() / plain.square().mean()) - 1) < 1e-5
    if type(checkpoint.text_encoder).__name__ != "BertModel":  # whose states have mean 0
        mean = encode_weighted(*parts, "calm (solo:1.5) piano", keep="mean")
        assert abs(float(mean.mean() - plain.mean())) < 1e-6
    assert encode_weighted(*parts, "(piano:0)").abs().max() > 0  # the ends' own tokens weigh 1


def test_a_long_prompt_is_read_in_parts(checkpoint):
    encoder, tokenizer = checkpoint.text_encoder, checkpoint.tokenizer
    size = tokenizer.model_max_length
    # A word of one token, so that it fills the encoder's length to the brim.
    word = tokenizer.decode(tokenizer("a", add_special_tokens=False).input_ids[:1])
    assert len(tokenizer(word, add_special_tokens=False).input_ids) == 1
    first = " ".join([word] * (size - 2))
    both = encode_weighted(encoder, tokenizer, first + " drums")
    assert both.shape[1] == 2 * size
    assert (both[:, :size] - encode_prompts(encoder, tokenizer, [first])).abs().max() < 1e-5
    assert (both[:, size:] - encode_prompts(encoder, tokenizer, ["drums"])).abs().max() < 1e-5
    endless = encode_weighted(encoder, tokenizer, "piano " * 5000)
    assert endless.shape[1] == MAX_CHUNKS * size


def test_the_shorter_is_filled_with_no_words():
    long, short, empty = torch.ones(2, 6, 3), torch.zeros(1, 2, 3), torch.full((1, 2, 3), 7.0)
    one, other = same_length(short, long, empty)
    assert one.shape == (1, 6, 3) and torch.equal(other, long)
    assert (one[:, :2] == 0).all() and (one[:, 2:] == 7).all()


def test_rescaling_brings_the_spread_back():
    generator = torch.Generator().manual_seed(0)
    conditional = torch.randn(3, 4, 8, 8, generator=generator)
    guided = 2.5 * conditional + torch.randn(3, 4, 8, 8, generator=generator)
    full = rescale(guided, conditional, 1.0)
    assert ((full.std((1, 2, 3)) / conditional.std((1, 2, 3))) - 1).abs().max() < 1e-5
    assert torch.equal(rescale(guided, conditional, 0.0), guided)
    half = rescale(guided, conditional, 0.5)
    assert (half - (full + guided) / 2).abs().max() < 1e-5


@pytest.mark.parametrize(
    "timestep, scale, wanted",
    [
        (700, 5, 5),
        (800, 5, 5),
        (801, 5, 1),
        (999, 0.5, 0.5),
        (999, 0, 0),
        (3, 0, 0),
    ],
)
def test_guidance_waits_until_there_is_something_to_guide(timestep, scale, wanted):
    assert scale_at(timestep, scale, 800) == wanted
