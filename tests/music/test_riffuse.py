"""Riffusion's request, by Riffusion's arithmetic: the oracle is written out from the formulas."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu import load_pipeline
from riffedu.errors import RiffeduError
from riffedu.music import riffuse
from riffedu.music.riffuse import PromptInput

START = {"prompt": "calm piano", "seed": 3, "denoising": 0.8, "guidance": 6.0}
END = {"prompt": "rock band", "seed": 9, "denoising": 0.6, "guidance": 8.0}
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def pipeline(sd):
    return load_pipeline(sd)


def seed_picture(width=64):
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 255, (64, width, 3), dtype=np.uint8))


def half_mask():
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 32:] = 255
    return Image.fromarray(mask)


def states(parts, text):
    tokens = parts.tokenizer(text, padding="max_length", max_length=77, return_tensors="pt")
    return parts.text_encoder(tokens.input_ids)[0]


def oracle(parts, alpha, picture, mask, steps):
    """Latents by the published formulas, with nothing of riffedu's but the loaded networks."""
    with torch.no_grad():
        text = states(parts, START["prompt"])
        text = text + alpha * (states(parts, END["prompt"]) - text)
        guidance = START["guidance"] * (1 - alpha) + END["guidance"] * alpha
        strength = START["denoising"] * (1 - alpha) + END["denoising"] * alpha
        pixels = torch.from_numpy(np.array(picture, dtype=np.float32) / 255).permute(2, 0, 1)[None]
        posterior = parts.vae.encode(2 * pixels - 1).latent_dist
        draw = torch.randn(posterior.mean.shape, generator=torch.Generator().manual_seed(3))
        known = 0.18215 * (posterior.mean + posterior.std * draw)
        a, b = (
            torch.randn(known.shape, generator=torch.Generator().manual_seed(s)) for s in (3, 9)
        )
        dot = float((a * b).sum() / (a.norm() * b.norm()))
        theta = math.acos(dot)
        noise = (math.sin((1 - alpha) * theta) * a + math.sin(alpha * theta) * b) / math.sin(theta)

        scheduler = type(parts.scheduler).from_config(parts.scheduler.config)
        scheduler.set_timesteps(steps)
        offset = scheduler.config.get("steps_offset", 0)
        begin = min(int(steps * strength) + offset, steps)
        latents = scheduler.add_noise(known, noise, torch.tensor([scheduler.timesteps[-begin]]))
        nothing = states(parts, "")
        for t in scheduler.timesteps[max(steps - begin + offset, 0) :]:
            both = parts.unet(torch.cat([latents] * 2), t, torch.cat([nothing, text])).sample
            without, with_words = both.chunk(2)
            output = without + guidance * (with_words - without)
            latents = scheduler.step(output, t, latents).prev_sample
            if mask is not None:
                put_back = scheduler.add_noise(known, noise, torch.tensor([t]))
                latents = put_back * mask + latents * (1 - mask)
    return latents


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cls", [None, "DDIMScheduler"])
def test_latents_are_riffusions(sd, alpha, masked, cls):
    import diffusers

    pipeline = load_pipeline(sd)
    if cls:
        config = {**pipeline.checkpoint.scheduler.config, "clip_sample": False}
        pipeline.checkpoint.scheduler = getattr(diffusers, cls).from_config(config)
    keep = torch.zeros(1, 1, 8, 8)
    keep[..., :4] = 1
    wanted = oracle(pipeline.checkpoint, alpha, seed_picture(), keep if masked else None, 8)
    found, columns = riffuse.riffuse_latents(
        pipeline,
        PromptInput.of(START),
        PromptInput.of(END),
        alpha,
        seed_picture(),
        half_mask() if masked else None,
        8,
    )
    assert columns == 64
    assert (found - wanted).abs().max() < 1e-4 * wanted.abs().max()


def test_a_request_becomes_a_picture_and_a_sound(pipeline):
    picture = Image.new("RGB", (70, 512), "gray")
    result = riffuse.riffuse(pipeline, START, END, 0.5, picture, num_inference_steps=3)
    assert result.image.size == (64, 512) and len(result.waveform) == 64 * 441
    assert result.parameters["alpha"] == 0.5 and result.parameters["start"].guidance == 6.0


def test_negative_prompts_are_heard(pipeline):
    made = [
        riffuse.riffuse_latents(
            pipeline,
            PromptInput.of({**START, "negative_prompt": words}),
            PromptInput.of(END),
            0.2,
            seed_picture(),
            None,
            4,
        )[0]
        for words in (None, "", "drums")
    ]
    assert torch.equal(made[0], made[1]) and not torch.allclose(made[0], made[2])


def test_no_denoising_gives_the_seed_picture_back(pipeline):
    still = {**START, "denoising": 0.0}
    pipeline = load_pipeline(pipeline.checkpoint.path)
    pipeline.checkpoint.scheduler.register_to_config(steps_offset=0)
    found, _ = riffuse.riffuse_latents(
        pipeline, PromptInput.of(still), PromptInput.of(still), 0.0, seed_picture(), None, 4
    )
    draw = pipeline.encode_image(seed_picture(), torch.Generator().manual_seed(3))
    assert torch.equal(found, draw)


def test_our_own_model_takes_the_same_request(ours):
    result = riffuse.riffuse(
        load_pipeline(ours),
        START,
        END,
        0.5,
        Image.new("RGB", (64, 512), "white"),
        num_inference_steps=2,
    )
    assert np.isfinite(result.waveform).all()


@pytest.mark.parametrize(
    "change, words",
    [
        ({"start": {"prompt": "x"}}, "seed"),
        ({"start": {"prompt": "x", "seed": 1, "loudness": 3}}, "guidance"),
        ({"alpha": 1.5}, "alpha"),
        ({"alpha": -0.1}, "alpha"),
        ({"init_image": "seed.png"}, "no such picture"),
        ({"init_image": Image.new("RGB", (31, 64))}, "small"),
        ({"mask_image": "mask.png"}, "PIL"),
        ({"mask_image": np.full((8, 8), 3)}, "from 3 to 3"),
        ({"num_inference_steps": 0}, "steps"),
    ],
)
def test_what_cannot_be_is_said(pipeline, change, words):
    request = {
        "start": START,
        "end": END,
        "alpha": 0.5,
        "init_image": seed_picture(),
        "num_inference_steps": 2,
        **change,
    }
    with pytest.raises(RiffeduError, match=words):
        riffuse.riffuse(pipeline, **request)
