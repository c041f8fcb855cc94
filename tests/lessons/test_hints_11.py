"""Lesson 11, exercise 4: the learner's own `generate`, its forms and its mistakes."""

import numpy as np
import pytest
from hints import said
from tiny import ours  # noqa: F401  (fixture)

from riffedu.lessons.l11_text_to_music import exercises
from riffedu.music.pipeline import load_pipeline

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def pipeline(ours):
    return load_pipeline(ours)


def road(pipeline, words=True, seed=True, steps=True, columns=True, result=lambda image: image):
    def own(prompt, number, n, seconds):
        noise = pipeline.initial_noise(number if seed else 0, seconds)
        text = pipeline.encode_prompt(prompt if words else "")
        *_, last = pipeline.denoise(noise, text, None, n if steps else None)
        wide = pipeline.columns(seconds) if columns else None
        return result(pipeline.decode_latents(last.latents, wide)[0])

    return own


def test_right_forms(pipeline):
    said(exercises.check_generate(road(pipeline), pipeline), None)
    said(
        exercises.check_generate(road(pipeline, result=lambda i: i.convert("RGB")), pipeline), None
    )

    def by_generate(prompt, seed, steps, seconds):
        options = {"num_inference_steps": steps, "duration": seconds, "progress": False}
        return pipeline.generate(prompt, seed=seed, **options).image

    said(exercises.check_generate(by_generate, pipeline), None)


def first_state(pipeline):
    def own(prompt, seed, steps, seconds):
        noise = pipeline.initial_noise(seed, seconds)
        state = next(iter(pipeline.denoise(noise, pipeline.encode_prompt(prompt), None, steps)))
        return pipeline.decode_latents(state.latents, pipeline.columns(seconds))[0]

    return own


@pytest.mark.parametrize(
    "own, words",
    [
        (lambda p: road(p, words=False), "the words are not used"),
        (lambda p: road(p, seed=False), "the seed is not used"),
        (lambda p: road(p, steps=False), "the steps are not used"),
        (lambda p: road(p, columns=False), "1 s is 100 columns"),
        (lambda p: road(p, result=lambda i: [i]), "take the only one"),
        (lambda p: road(p, result=np.asarray), "not ndarray"),
        (lambda p: road(p, result=lambda i: i.rotate(180)), "the *last* state"),
        (first_state, "the *last* state"),
        (lambda p: lambda *a: road(p)("a calm solo piano", 3, 4, 1.0), "another prompt"),
        (
            lambda p: lambda *a: p.generate("x", num_inference_steps=1, progress=False),
            "a whole result",
        ),
        (
            lambda p: (
                lambda w, s, n, t: list(
                    p.denoise(p.initial_noise(s, t), p.encode_prompt(w), None, n)
                )[-1]
            ),
            "a state of the denoising",
        ),
        (lambda p: lambda *a: ..., "body"),
    ],
)
def test_mistakes(pipeline, own, words):
    said(exercises.check_generate(own(pipeline), pipeline), words)
