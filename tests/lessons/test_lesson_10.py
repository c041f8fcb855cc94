"""Lesson 10: what it claims, its drawings, the panel's controls at their ends, the hints."""

import io

import numpy as np
import pytest
import torch
from ears import heard
from PIL import Image
from tiny import ours  # noqa: F401  (a fixture)

from riffedu import load_pipeline
from riffedu.diffusion import guidance, schedule, toy
from riffedu.diffusion.attention import NO_WORD
from riffedu.diffusion.checkpoint import load_checkpoint
from riffedu.diffusion.samplers import ddim, sample
from riffedu.errors import RiffeduError
from riffedu.lessons.l10_text_and_guidance import (
    attention_pictures,
    similarity_picture,
    text_panel,
)
from riffedu.paths import models_folder

KEPT = schedule.alphas_cumprod(schedule.betas("cosine"))


@pytest.fixture(scope="module")
def pipeline(ours):  # noqa: F811
    return load_pipeline(ours)


@pytest.fixture
def panel(pipeline):
    return text_panel(pipeline, "calm piano solo", seed=3, steps=2, duration=0.64)


def ran(panel):
    panel.run_button.click()
    panel.wait()
    assert panel.job.error is None, panel.job.error
    return panel


# What the lesson claims


def test_cosines():
    table = guidance.cosine_similarities(
        torch.tensor([[2.0, 0.0], [0.0, 0.1], [-3.0, 0.0], [1.0, 1.0]])
    )
    half = 0.5**0.5
    want = [[1, 0, -1, half], [0, 1, 0, half], [-1, 0, 1, -half], [half, half, -half, 1]]
    assert np.allclose(table, want, atol=1e-4)


def test_a_prompts_vector_is_the_mean_of_its_states_without_the_filling(pipeline):
    parts = pipeline.checkpoint
    one = guidance.prompt_vectors(parts.text_encoder, parts.tokenizer, ["calm piano"])[0]
    ids = parts.tokenizer(["calm piano"], return_tensors="pt").input_ids
    with torch.no_grad():
        states = parts.text_encoder(ids)[0]
    assert (one - states[0].mean(0)).abs().max() < 1e-5
    texts = ["calm piano", "the band a"]
    both = guidance.prompt_vectors(parts.text_encoder, parts.tokenizer, texts)
    assert (both[0] - one).abs().max() < 1e-5


@pytest.mark.skipif(
    not (models_folder() / "default" / "text_encoder").is_dir(),
    reason="the shipped model is not there",
)
def test_the_encoder_takes_with_for_without():
    parts = load_checkpoint()

    def near(one, two):
        vectors = guidance.prompt_vectors(parts.text_encoder, parts.tokenizer, [one, two])
        return float(guidance.cosine_similarities(vectors)[0, 1])

    assert near("piano with drums", "piano without drums") > near("piano", "violin") + 0.2
    assert near("piano", "paino") < 0.3 < near("a calm solo piano", "a quiet piano ballad")


def in_the_plane(scale, below=1.0, count=500):
    """Share of points that end as meant, and the share of the rarest dot among them."""
    ring = toy.shape("ring", 800)
    dot = (torch.atan2(ring[:, 1], ring[:, 0]) * 4 / np.pi).round().long() % 8
    right = torch.isin(dot, torch.tensor([0, 1, 3]))
    wrong = torch.rand(len(ring), generator=torch.Generator().manual_seed(0)) < 0.25
    told, nothing = (toy.exact_predictor(p, KEPT) for p in (ring[right | wrong], ring))

    def predict(x, t):
        s = guidance.scale_at(t, scale, 1000 * below)
        return guidance.classifier_free_guidance(told(x, t), nothing(x, t), s)

    way = schedule.noise_levels(KEPT, schedule.timesteps(30))
    *_, last = sample(predict, toy.gaussian_noise(count, 2), way, ddim, "sample")
    ends = dot[torch.cdist(last.latents, ring).argmin(1)]
    visits = torch.bincount(ends, minlength=8)[[0, 1, 3]]
    return float(visits.sum() / count), float(visits.min() / visits.sum())


def test_guidance_buys_fidelity_with_variety_and_an_interval_keeps_more_of_it():
    (plain, even), (right, rare) = in_the_plane(1), in_the_plane(8)
    assert plain < 0.8 < 0.99 < right and rare < 0.6 * even
    late, kept = in_the_plane(8, 0.5)
    single, fewer = in_the_plane(3)
    assert late > 0.94 and kept > rare + 0.1
    assert abs(late - single) < 0.02 and kept > fewer + 0.02, "better than one scale everywhere"


def test_guiding_guesses_is_guiding_answers():
    draw = torch.Generator().manual_seed(0)
    x, c, u = torch.randn(3, 2, 4, generator=draw)
    for kind in ("epsilon", "sample", "v_prediction"):

        def guess(said, kind=kind):
            return schedule.clean_and_noise(x, said, 0.3, kind)[0]

        guided = guidance.classifier_free_guidance(guess(c), guess(u), 5.0)
        again = guess(guidance.classifier_free_guidance(c, u, 5.0))
        assert (guided - again).abs().max() < 1e-4


def test_rescaling_by_a_predictor(pipeline):
    text, x = pipeline.encode_prompt("calm piano"), pipeline.initial_noise(0, 0.64)

    def said(scale, share=0.0):
        return pipeline.predictor(text, None, scale, 1.0, share)(x, 500.0)

    plain, large = said(1.0), said(12.0)
    for share in (0.5, 1.0):
        want = guidance.rescale(large, plain, share)
        assert (said(12.0, share) - want).abs().max() < 1e-4
    assert abs(float(said(12.0, 1.0).std() / plain.std()) - 1) < 1e-3
    assert torch.equal(said(12.0, 0.0), large) and torch.equal(said(1.0, 1.0), plain)


def test_a_negative_prompt_counts_from_scale_one_on(pipeline):
    text, against = pipeline.encode_prompt("calm piano"), pipeline.encode_prompt("rock drums")
    x = pipeline.initial_noise(0, 0.64)

    def said(states, negative, scale):
        return pipeline.predictor(states, negative, scale, 1.0)(x, 500.0)

    away = said(against, None, 1.0)
    assert torch.equal(said(text, against, 1.0), said(text, None, 1.0))
    assert torch.allclose(said(text, against, 0.0), away, atol=1e-5)
    assert torch.allclose(
        said(text, against, 3.0) - away, 3 * (said(text, None, 1.0) - away), atol=1e-4
    )


# Drawings


def test_similarity_picture():
    drawn = similarity_picture([[1, 0.2, 0.7], [0.2, 1, -0.1], [0.7, -0.1, 1]], ["a", "b", "c"])
    assert "“a” is nearest to “c” (0.70)" in drawn.alt and "“b” is nearest to “a”" in drawn.alt
    assert Image.open(io.BytesIO(drawn.png)).width > 300
    assert len(similarity_picture(torch.ones(1, 1), ["alone"]).png) > 1000
    with pytest.raises(RiffeduError, match="2 prompts need a table of 2 × 2"):
        similarity_picture(np.eye(3), ["a", "b"])


def test_attention_pictures():
    share = torch.full((16, 16), 0.1)
    share[0, 12] = 0.4  # the top row, three quarters of the way
    drawn = attention_pictures(Image.new("L", (512, 512), 200), {"flute": share, "rock": share * 0})
    assert "“flute” takes 10 to 40 %, most at 4.0 s, 97% of the way up" in drawn.alt
    assert "“rock” takes 0 to 0 %" in drawn.alt
    colours = np.asarray(Image.open(io.BytesIO(drawn.png)).convert("RGB")).astype(int)
    assert (colours[..., 0] - colours[..., 2]).max() > 60, "orange somewhere"
    with pytest.raises(RiffeduError, match="no words to draw"):
        attention_pictures(Image.new("L", (512, 512)), {})


# The panel


def test_panel_before_a_run(panel):
    assert panel.listen_button.disabled and panel.word.disabled and panel.step.disabled
    assert "press Run" in panel.figure.alt and bytes(panel.figure.widget.value)[1:4] == b"PNG"
    for control in (
        panel.prompt,
        panel.negative,
        panel.guidance,
        panel.below,
        panel.seed,
        panel.word,
        panel.step,
        panel.shown,
        panel.run_button,
        panel.stop_button,
        panel.listen_button,
    ):
        assert control.description
    assert (panel.guidance.min, panel.guidance.max) == (0, 12)


def test_a_run_is_the_pipelines_own(panel, pipeline):
    panel.guidance.value = 3
    before = dict(pipeline.checkpoint.unet.attn_processors)
    ran(panel)
    noise = pipeline.initial_noise(3, 0.64)
    *_, last = pipeline.denoise(noise, pipeline.encode_prompt("calm piano solo"), None, 2, 3.0)
    assert (panel.now["latents"] - last.latents).abs().max() < 1e-4
    after = pipeline.checkpoint.unet.attn_processors
    assert all(after[name] is one for name, one in before.items())
    assert list(panel.word.options) == ["calm", "piano", "solo", NO_WORD]
    assert len(panel.now["maps"]) == 2 and "Done" in panel.status.value
    assert torch.allclose(sum(panel.now["maps"][0].values()), torch.ones(1), atol=1e-4)
    shown = panel._under[1].get_array()
    assert np.array_equal(shown, np.asarray(panel.now["image"].convert("L")))


def test_words_and_steps(panel):
    ran(panel)
    for name in panel.word.options:
        panel.word.value = name
        for at in (panel.step.max, 1, 0):
            panel.step.value = at
            maps = [np.asarray(moment[name]) for moment in panel.now["maps"]]
            share = maps[at - 1] if at else np.mean(maps, axis=0)
            want = (share - share.min()) / np.ptp(share)
            assert np.allclose(panel._over.get_array(), want, atol=1e-5)
            assert f"“{name}” at {f'step {at}' if at else 'all steps'}" in panel.facts.value
            assert f"“{name}”" in panel.figure.alt


def test_guidance_at_its_ends(panel, pipeline):
    panel.guidance.value = panel.guidance.min
    nothing = ran(panel).now["latents"]
    panel.prompt.value = "fast rock drums"
    assert torch.allclose(ran(panel).now["latents"], nothing, atol=1e-5), "0 forgets the words"
    panel.guidance.value = panel.guidance.max
    assert not torch.allclose(ran(panel).now["latents"], nothing, atol=1e-2)
    assert "guidance 12" in panel.facts.value and "guidance 0" in panel.facts.value


def test_below_at_its_ends(panel):
    panel.guidance.value, panel.below.value = 8, panel.below.min
    never = ran(panel).now["latents"]
    assert "up to t = 0" in panel.facts.value
    panel.guidance.value = 1
    assert torch.allclose(ran(panel).now["latents"], never, atol=1e-5), "below nothing: scale 1"
    panel.guidance.value, panel.below.value = 8, panel.below.max
    assert not torch.allclose(ran(panel).now["latents"], never, atol=1e-2)


def test_negative_prompt_and_seed(panel):
    panel.guidance.value = 6
    plain = ran(panel).now["latents"]
    panel.negative.value = "rock drums"
    pushed = ran(panel).now["latents"]
    assert not torch.allclose(plain, pushed, atol=1e-3) and "not “rock drums”" in panel.facts.value
    assert torch.equal(panel.before["latents"], plain)
    apart = (pushed - plain).square().mean().sqrt()
    assert f"{apart:.2f}, root mean square" in panel.facts.value
    panel.seed.value = 4
    assert not torch.allclose(ran(panel).now["latents"], pushed, atol=0.1)


def test_a_chosen_word_stays_chosen_while_it_is_there(panel):
    ran(panel).word.value = "calm"
    panel.prompt.value = "a calm violin"
    assert ran(panel).word.value == "calm"
    panel.prompt.value = "the band"
    assert ran(panel).word.value == "band"


def test_listen(panel, pipeline):
    ran(panel)
    panel.shown.value = "before"
    assert panel.listen_button.disabled
    panel.prompt.value = "rock band"
    ran(panel)
    for which in ("now", "before"):
        panel.shown.value = which
        assert not panel.listen_button.disabled and panel.heard.player is None
        panel.listen_button.click()
        sound, rate = heard(panel.heard.widget)
        want = pipeline.play_picture(getattr(panel, which)["image"], {})
        assert rate == want.sample_rate and np.abs(sound - want.waveform).max() < 1e-3
        assert getattr(panel, which)["prompt"] in panel.heard.player.label


def test_stop_leaves_the_network_as_it_was(panel, pipeline, monkeypatch):
    unet = pipeline.checkpoint.unet
    before, real = dict(unet.attn_processors), pipeline.denoise

    def stopping(*asked, **more):
        for state in real(*asked, **more):
            panel.stop_button.click()
            yield state

    monkeypatch.setattr(pipeline, "denoise", stopping)
    panel.run_button.click()
    panel.wait()
    assert "Stopped" in panel.status.value and panel.now is None
    assert all(unet.attn_processors[name] is one for name, one in before.items())


def test_what_cannot_be_asked_is_one_line(panel):
    panel.prompt.value = "  "
    panel.run_button.click()
    panel.wait()
    assert isinstance(panel.job.error, RiffeduError) and "say what to play" in panel.status.value
    panel.prompt.value = "спокойное пианино"
    assert "trained on English captions" in ran(panel).status.value
