"""Words to music, by one road for two layouts; diffusers' own pipeline is the oracle."""

import math

import numpy as np
import pytest
import tiny
import torch
from PIL import Image
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu.diffusion.guidance import PromptWarning
from riffedu.errors import RiffeduError
from riffedu.music.pipeline import load_pipeline
from riffedu.music.result import PEAK_DB, RMS_DB
from riffedu.signal import audio
from riffedu.signal.params import SpectrogramParams
from riffedu.signal.reconstruct import image_to_audio

SHORT = 0.32
# diffusers' schedulers hand torch tensors to NumPy in a way that NumPy 2 warns about.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def roads(sd, ours):
    return {"sd": load_pipeline(sd), "ours": load_pipeline(ours)}


@pytest.fixture(params=["sd", "ours"])
def pipeline(request, roads):
    return roads[request.param]


@pytest.fixture
def small(roads):
    return roads["ours"]


def make(pipeline, prompt="a calm piano", **options):
    options = {"num_inference_steps": 2, "duration": SHORT, "progress": False, **options}
    return pipeline.generate(prompt, **options)


# --- the road ---------------------------------------------------------------------------------


def test_words_become_a_picture_and_a_sound(pipeline):
    result = make(pipeline, seed=3)
    assert result.image.size == (32, 512) and result.image.mode == "RGB"
    assert result.waveform.dtype == np.float32 and result.sample_rate == 44100
    assert len(result.waveform) == round(SHORT * 44100)
    told = result.parameters
    assert (told["prompt"], told["negative_prompt"], told["seed"]) == ("a calm piano", "", 3)
    assert (told["num_inference_steps"], told["guidance_scale"]) == (2, 7.0)


def test_a_standard_clip_is_512_columns(small):
    assert small.columns() == 512
    assert small.initial_noise().shape == (1, 8, 16, 16)
    assert small.initial_noise(duration=60).shape == (1, 8, 16, math.ceil(6000 / 32))


def test_the_level_is_the_stated_one_and_the_picture_carries_it(pipeline):
    result = make(pipeline)
    rms, peak = audio.rms_db(result.waveform), audio.peak_db(result.waveform)
    assert rms <= RMS_DB + 0.01 and peak <= PEAK_DB + 0.01
    assert abs(rms - RMS_DB) < 0.01 or abs(peak - PEAK_DB) < 0.01
    assert (result.parameters["rms_db"], result.parameters["peak_db"]) == (rms, peak)
    again, _ = image_to_audio(result.image)
    assert np.abs(again - result.waveform).max() < 1e-4
    assert SpectrogramParams.from_exif(result.image.getexif()) == pipeline.params


def test_same_seed_same_samples_other_seed_other_samples(pipeline):
    first, again, other = make(pipeline, seed=1), make(pipeline, seed=1), make(pipeline, seed=2)
    assert np.array_equal(first.waveform, again.waveform)
    assert np.array_equal(np.asarray(first.image), np.asarray(again.image))
    assert not np.array_equal(first.waveform, other.waveform)


def test_a_seed_means_the_same_clip_alone_and_in_a_batch(pipeline):
    batch = make(pipeline, seed=[4, 5, 6], keep_states=True)
    alone = make(pipeline, seed=5, keep_states=True)
    assert [r.parameters["seed"] for r in batch] == [4, 5, 6]
    difference = batch[1].steps()[-1].latents - alone.steps()[-1].latents
    assert difference.abs().max() < 1e-4 * alone.steps()[-1].latents.abs().max()


def test_stochastic_samplers_repeat_too(tmp_path):
    from diffusers import EulerAncestralDiscreteScheduler

    folder = tiny.write_riffedu_checkpoint(
        tmp_path / "m", EulerAncestralDiscreteScheduler(prediction_type="v_prediction")
    )
    pipeline = load_pipeline(folder)
    alone, again = make(pipeline, seed=7, keep_states=True), make(pipeline, seed=7)
    _, second = make(pipeline, seed=[6, 7], keep_states=True)
    assert np.array_equal(alone.waveform, again.waveform)
    ours, theirs = (r.steps()[-1].latents for r in (second, alone))
    assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_lists_pair_up(small):
    results = make(small, ["piano", "drums"], negative_prompt=["drums", ""], seed=[1, 2])
    told = [r.parameters for r in results]
    assert [(t["prompt"], t["negative_prompt"], t["seed"]) for t in told] == [
        ("piano", "drums", 1),
        ("drums", "", 2),
    ]
    assert [r.parameters["prompt"] for r in make(small, ["piano"])] == ["piano"]


def test_more_than_one_batch(small, monkeypatch):
    monkeypatch.setattr("riffedu.music.generate.BATCH", 2)
    seen = []
    results = make(small, seed=[0, 1, 2], callback=lambda state: seen.append(len(state.latents)))
    assert [r.parameters["seed"] for r in results] == [0, 1, 2] and seen == [2, 2, 1, 1]


def test_words_and_negative_words_matter(small):
    plain = make(small, "piano").waveform
    assert not np.array_equal(plain, make(small, "drums").waveform)
    assert not np.array_equal(plain, make(small, "piano", negative_prompt="drums").waveform)
    assert np.array_equal(plain, make(small, "piano", negative_prompt="").waveform)


def test_without_guidance_the_negative_prompt_is_not_heard(small):
    plain = make(small, guidance_scale=1)
    other = make(small, guidance_scale=1, negative_prompt="drums")
    assert np.array_equal(plain.waveform, other.waveform)


def test_the_checkpoint_recommends_settings(tmp_path):
    told = {"guidance_scale": 3.5, "num_inference_steps": 3}
    pipeline = load_pipeline(tiny.write_riffedu_checkpoint(tmp_path / "m", defaults=told))
    result = pipeline.generate("piano", duration=SHORT, progress=False, keep_states=True)
    assert {k: result.parameters[k] for k in told} == told and len(result.steps()) == 3


def test_guidance_below_a_share_of_the_way(small, monkeypatch):
    noise, text = small.initial_noise(0, SHORT), small.encode_prompt("piano")

    def last(**options):
        *_, state = small.denoise(noise, text, None, 4, **options)
        return state.latents

    everywhere, nowhere, late = (
        last(guidance_scale=5.0, guidance_below=share) for share in (1.0, 0.0, 0.6)
    )
    assert torch.equal(everywhere, last(guidance_scale=5.0))
    assert torch.equal(nowhere, last(guidance_scale=1.0))
    assert not torch.equal(late, nowhere) and not torch.equal(late, everywhere)
    monkeypatch.setitem(small.checkpoint.defaults, "guidance_below", 0.6)
    assert torch.equal(late, last(guidance_scale=5.0))
    with pytest.raises(RiffeduError, match="guidance_below must be from 0 to 1"):
        last(guidance_below=1.1)


# --- the oracle -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "DDIMScheduler",
        "EulerDiscreteScheduler",
        "EulerAncestralDiscreteScheduler",
        "DPMSolverMultistepScheduler",
        "DDPMScheduler",
        "HeunDiscreteScheduler",
    ],
)
def test_latents_equal_diffusers_own_pipeline(sd, name):
    import diffusers
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import (
        StableDiffusionPipeline,
    )

    pipeline = load_pipeline(sd)
    parts = pipeline.checkpoint
    # DPM-Solver spaces "leading" times in a way of its own, and ᾱ ends at 1 in the lessons.
    changes = {
        "DDIMScheduler": {"set_alpha_to_one": True},
        "DPMSolverMultistepScheduler": {"timestep_spacing": "trailing"},
    }.get(name, {})
    parts.scheduler = getattr(diffusers, name).from_config(parts.scheduler.config, **changes)
    reference = StableDiffusionPipeline(
        vae=parts.vae,
        unet=parts.unet,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        scheduler=type(parts.scheduler).from_config(
            parts.scheduler.config, **({"clip_sample": False} if name.startswith("DD") else {})
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    reference.set_progress_bar_config(disable=True)
    expected = reference(
        "a calm piano",
        negative_prompt="drums",
        num_inference_steps=4,
        guidance_scale=5.0,
        generator=torch.Generator().manual_seed(3),
        height=512,
        width=64,
        output_type="latent",
    ).images
    states = make(
        pipeline,
        negative_prompt="drums",
        num_inference_steps=4,
        guidance_scale=5.0,
        seed=3,
        duration=0.64,
        keep_states=True,
    ).steps()
    assert (states[-1].latents - expected).abs().max() < 1e-5 * expected.abs().max()


# --- the states -------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 5])
def test_every_step_yields_a_state(small, steps):
    noise, text = small.initial_noise(0, SHORT), small.encode_prompt("piano")
    states = list(small.denoise(noise, text, None, steps, 2.0))
    assert [s.step for s in states] == list(range(1, steps + 1))
    assert {s.total for s in states} == {steps}
    times = [s.timestep for s in states]
    assert times[0] == 999 and times == sorted(times, reverse=True)
    assert states[0].image().size == states[0].noisy_image().size == (32, 512)


def test_states_of_a_batch_belong_to_their_item(small):
    first, second = make(small, seed=[0, 1], keep_states=True)
    assert len(first.steps()) == 2 and first.steps()[0].latents.shape[0] == 1
    assert not torch.equal(first.steps()[-1].latents, second.steps()[-1].latents)
    for result in (first, second):
        picture = np.asarray(result.steps()[-1].noisy_image())
        assert np.array_equal(picture, np.asarray(result.image))


def test_states_are_kept_on_request_only(small):
    with pytest.raises(RiffeduError, match="keep_states=True"):
        make(small).steps()


def test_callback_sees_every_state(small):
    seen = []
    make(small, num_inference_steps=3, callback=lambda state: seen.append(state.step))
    assert seen == [1, 2, 3]


def test_a_run_can_be_left_between_steps_and_another_begun(small):
    text = small.encode_prompt("piano")
    run = small.denoise(small.initial_noise(0, SHORT), text, None, 5, 2.0)
    left = next(run)
    run.close()
    fresh = next(small.denoise(small.initial_noise(0, SHORT), text, None, 5, 2.0))
    assert torch.equal(left.latents, fresh.latents)


def test_interrupting_leaves_the_pipeline_usable(small):
    def stop(state):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(small, num_inference_steps=5, callback=stop)
    assert np.array_equal(make(small).waveform, make(small).waveform)


def test_the_first_guess_of_pure_noise_is_finite(pipeline):
    assert all(s.x0.isfinite().all() for s in make(pipeline, keep_states=True).steps())


def test_nan_latents_are_refused(small):
    with pytest.raises(RiffeduError, match="NaN"):
        small.decode_latents(torch.full((1, 8, 16, 1), torch.nan))


# --- pictures and latents ---------------------------------------------------------------------


def test_pictures_fill_up_with_silence_and_keep_their_place(pipeline):
    factor = pipeline.checkpoint.compression
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (512, 33, 3), np.uint8))
    latents = pipeline.encode_image(image)
    assert latents.shape[2:] == (512 // factor, math.ceil(33 / factor))
    white = Image.new("RGB", (math.ceil(33 / factor) * factor, 512), "white")
    white.paste(image, (0, 0))
    assert torch.equal(latents, pipeline.encode_image(white))


def test_encoding_is_scaled_and_centred_as_the_autoencoder_was_taught(pipeline):
    vae = pipeline.checkpoint.vae
    grey = Image.new("RGB", (64, 512), (51, 51, 51))
    picture = torch.full((1, vae.config.in_channels, 512, 64), 51 / 127.5 - 1)
    with torch.no_grad():
        encoded = vae.encode(picture)
    expected = encoded.latent if hasattr(encoded, "latent") else encoded.latent_dist.mode()
    latents = pipeline.encode_image(grey)
    assert (latents - expected * vae.config.scaling_factor).abs().max() < 1e-5


def test_posterior_samples_are_seeded(roads):
    image = Image.new("RGB", (64, 512), "gray")
    first, again = (
        roads["sd"].encode_image(image, torch.Generator().manual_seed(1)) for _ in range(2)
    )
    assert torch.equal(first, again) and not torch.equal(first, roads["sd"].encode_image(image))


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"prompt": ""},
        {"prompt": " \n"},
        {"prompt": None},
        {"prompt": ["piano", ""]},
        {"prompt": []},
        {"num_inference_steps": 0},
        {"num_inference_steps": -1},
        {"num_inference_steps": 1001},
        {"num_inference_steps": 2.5},
        {"num_inference_steps": True},
        {"guidance_scale": -1},
        {"guidance_scale": 31},
        {"guidance_scale": math.nan},
        {"guidance_scale": "loud"},
        {"seed": -1},
        {"seed": 2**63},
        {"seed": 1.5},
        {"seed": "x"},
        {"duration": 0},
        {"duration": -1},
        {"duration": 61},
        {"duration": math.nan},
        {"prompt": ["a", "b"], "seed": [1, 2, 3]},
        {"negative_prompt": ["a", "b"], "seed": [1]},
        {"negative_prompt": 3},
        {"sampler": "plms"},
    ],
    ids=str,
)
def test_bad_input_is_one_clear_line_before_any_work(small, options, monkeypatch):
    monkeypatch.setattr(small.checkpoint, "unet", None)
    with pytest.raises(RiffeduError) as caught:
        make(small, **options)
    assert "\n" not in str(caught.value)


def test_long_and_foreign_prompts_run_with_a_warning(small):
    with pytest.warns(PromptWarning, match="left out"):
        make(small, "calm " * 500)
    with pytest.warns(PromptWarning, match="English"):
        make(small, "тихое пианино")


def test_numpy_numbers_are_numbers(small):
    seeds = np.arange(2)
    results = make(small, seed=seeds, num_inference_steps=np.int64(1), guidance_scale=np.float32(2))
    assert [r.parameters["seed"] for r in results] == [0, 1]


# --- the lessons' own samplers ------------------------------------------------------------------


@pytest.mark.parametrize(
    "cls, rule",
    [
        ("PNDMScheduler", "dpmpp_2m"),
        ("DDIMScheduler", "ddim"),
        ("HeunDiscreteScheduler", "heun"),
    ],
)
def test_the_sampler_is_the_checkpoints_or_the_one_asked_for(sd, cls, rule):
    import diffusers

    pipeline = load_pipeline(sd)
    pipeline.checkpoint.scheduler = getattr(diffusers, cls).from_config(
        pipeline.checkpoint.scheduler.config
    )
    # In two steps DPM-Solver++ has no middle one to be of second order: it would be Euler's rule.
    own, euler = (make(pipeline, num_inference_steps=5, sampler=name) for name in (None, "euler"))
    assert (own.parameters["sampler"], euler.parameters["sampler"]) == (rule, "euler")
    again = make(pipeline, num_inference_steps=5, sampler=rule)
    assert np.array_equal(own.waveform, again.waveform)
    if rule != "ddim":
        assert np.abs(own.waveform - euler.waveform).max() > 1e-3
