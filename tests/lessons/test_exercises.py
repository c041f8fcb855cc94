"""Each check: the right answer passes, and each usual mistake gets the hint that names it."""

import math
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from riffedu.lessons import l00_hear_it_first, l11_text_to_music
from riffedu.lessons.build import sources
from riffedu.lessons.l00_hear_it_first.exercises import ANSWERS
from riffedu.widgets.verdict import Verdict


def clip(prompt="techno", seed=3, steps=8, guidance=4.0):
    """A result as `check_repeat` reads one: the samples depend on every setting."""
    settings = dict(prompt=prompt, seed=seed, num_inference_steps=steps, guidance_scale=guidance)
    key = abs(hash((prompt, seed, steps, guidance))) % 2**32
    wave = np.random.default_rng(key).standard_normal(100)
    return SimpleNamespace(parameters=settings, waveform=wave)


def exercises_of(lesson: str):
    return import_module(f"riffedu.lessons.{lesson}.exercises")


CHECKS = [
    (lesson, name)
    for lesson in (source.parent.name for source in sources())
    for name in dir(exercises_of(lesson))
    if name.startswith("check_")
]


def assert_hint(verdict, *words):
    assert not verdict
    assert repr(verdict).startswith("✗ Not yet.")
    for word in words:
        assert word in verdict.message, verdict.message


@pytest.mark.parametrize("empty", [None, ...])
@pytest.mark.parametrize(("lesson", "name"), CHECKS)
def test_an_empty_answer_is_a_hint(lesson, name, empty):
    assert_hint(getattr(exercises_of(lesson), name)(empty), "replace the ...")


def test_verdict_shows_word_and_sign_and_escapes():
    verdict = Verdict(False, "a < b")
    assert "✗" in verdict._repr_html_() and "a &lt; b" in verdict._repr_html_()
    assert repr(Verdict(True, "Yes.")) == "✓ Right. Yes."


def test_reading_right():
    assert l00_hear_it_first.exercises.check_reading(dict(ANSWERS))
    assert l00_hear_it_first.exercises.check_reading(
        {k: f" {v.upper()}" for k, v in ANSWERS.items()}
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"A": "tone", "C": "clicks"}, ("Look at A", "level lines")),
        ({"B": "noise", "D": "glide"}, ("Look at B", "grey everywhere")),
        ({"A": "drums"}, ("drums", "not one of")),
        ({"A": "tone"}, ("fits one picture",)),
        ({"A": ...}, ("put a word",)),
    ],
)
def test_reading_mistakes(change, words):
    assert_hint(l00_hear_it_first.exercises.check_reading({**ANSWERS, **change}), *words)


def test_reading_missing_letter():
    assert_hint(l00_hear_it_first.exercises.check_reading({"A": "clicks"}), "letters A, B, C and D")


def test_mystery_sounds_are_safe_to_hear():
    sounds = l00_hear_it_first.exercises.mystery_sounds()
    assert list(sounds) == ["A", "B", "C", "D"]
    for sound in sounds.values():
        assert sound.dtype == np.float32 and len(sound) == round(5.12 * 44100)
        assert 0.05 < np.abs(sound).max() < 0.9


def test_mystery_sounds_are_what_the_answers_say():
    sounds = {
        ANSWERS[letter]: sound
        for letter, sound in l00_hear_it_first.exercises.mystery_sounds().items()
    }

    def loudest_hertz(sound, second):
        return np.abs(np.fft.rfft(sound[44100 * second :][:44100])).argmax()

    assert loudest_hertz(sounds["tone"], 0) == loudest_hertz(sounds["tone"], 4) == 330
    assert loudest_hertz(sounds["glide"], 0) < 320 < 1500 < loudest_hertz(sounds["glide"], 4)
    spectrum = np.abs(np.fft.rfft(sounds["noise"])[500:50000])
    assert np.exp(np.log(spectrum).mean()) / spectrum.mean() > 0.8  # flat, as only noise is
    clicks = np.abs(sounds["clicks"])
    assert clicks[: int(0.29 * 44100)].max() == 0 < clicks[int(0.3 * 44100) :].max()


def test_repeat_right():
    assert l00_hear_it_first.exercises.check_repeat(clip(), clip(), clip(seed=4))


@pytest.mark.parametrize(
    ("clips", "words"),
    [
        ((clip(), clip(seed=4), clip(seed=5)), ("their seeds do",)),
        ((clip(), clip(steps=9), clip(seed=4)), ("other settings differ",)),
        ((clip(), clip(), clip()), ("another seed",)),
        ((clip(), clip(), clip(steps=9)), ("change the seed alone",)),
        ((clip(), clip(), clip(prompt="waltz", seed=4)), ("words changed",)),
        ((clip(), clip()), ("Three results",)),
    ],
)
def test_repeat_mistakes(clips, words):
    assert_hint(l00_hear_it_first.exercises.check_repeat(*clips), *words)


@pytest.mark.parametrize(
    "guide",
    [
        lambda c, u, s: u + s * (c - u),
        lambda c, u, s: s * c + (1 - s) * u,
    ],
)
def test_guidance_right(guide):
    assert l11_text_to_music.exercises.check_guidance(guide)


@pytest.mark.parametrize(
    ("guide", "words"),
    [
        (lambda c, u, s: c + s * (u - c), ("turned round",)),
        (lambda c, u, s: u + s * (u - c), ("turned round",)),
        (lambda c, u, s: s * (c - u), ("forgot to start",)),
        (lambda c, u, s: c + s * (c - u), ("start at the conditional",)),
        (lambda c, u, s: u + (s - 1) * (c - u), ("one short",)),
        (lambda c, u, s: s * c, ("unconditional guess out",)),
        (lambda c, u, s: c, ("no effect",)),
        (lambda c, u, s: u + s * (c + u), ("minus belongs",)),
        (lambda c, u, s: u + 3 * (c - u), ("use scale",)),
        (lambda c, u, s: 0 * u, ("the answer is 4",)),
        (lambda c, u, s: float((c - u).sum()), ("keep the shape",)),
        (lambda c, u, s: None, ("write its body",)),
        (lambda c, u: u, ("stopped with TypeError",)),
    ],
)
def test_guidance_mistakes(guide, words):
    assert_hint(l11_text_to_music.exercises.check_guidance(guide), *words)


def width(seconds, compression):
    cells = math.ceil(round(seconds * 100) / compression)
    return cells * compression, cells


def test_width_right():
    assert l11_text_to_music.exercises.check_width(width)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (lambda s, k: (round(s * 100), round(s * 100) // k), ("Round up",)),
        (lambda s, k: (round(s * 100), round(s * 100) / k), ("Round up",)),
        (lambda s, k: (round(s * 100) // k * k, round(s * 100) // k), ("rounded down",)),
        (lambda s, k: (round(s * 100), math.ceil(s * 100 / k)), ("decoder draws",)),
        (lambda s, k: (round(s * 10), 1), ("10 ms",)),
        (lambda s, k: width(s, k)[::-1], ("Exchanged",)),
        (lambda s, k: width(s, k)[0], ("two numbers",)),
        (lambda s, k: (math.ceil(s * 100 / 32) * 32, math.ceil(s * 100 / 32)), ("compression 8",)),
        (lambda s, k: (float(width(s, k)[0]), width(s, k)[1]), ("return ints",)),
        (lambda s, k: (math.ceil(s * 100 / k) * k, math.ceil(s * 100 / k)), ("round it first",)),
        (lambda s, k: (..., ...), ("write its body",)),
        (lambda s, k: None, ("write its body",)),
    ],
)
def test_width_mistakes(shape, words):
    assert_hint(l11_text_to_music.exercises.check_width(shape), *words)


def grid(prompts=("a", "b"), seeds=(0, 1)):
    return {(p, s): clip(p, s) for p in prompts for s in seeds}


def test_grid_right():
    assert l11_text_to_music.exercises.check_grid(grid())


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ({}, ("pairs",)),
        ([clip()], ("pairs",)),
        ({"a": clip("a")}, ("pair: (prompt, seed)",)),
        (grid(seeds=(0,)), ("one seed",)),
        (grid(prompts=("a",)), ("one prompt",)),
        ({("a", 0): clip("a", 0), ("b", 1): clip("b", 1)}, ("('a', 1) is missing",)),
        ({**grid(), ("a", 0): clip("a", 1)}, ("other words or seed",)),
        ({**grid(), ("a", 0): clip("a", 0, steps=20)}, ("Steps or guidance",)),
    ],
)
def test_grid_mistakes(results, words):
    assert_hint(l11_text_to_music.exercises.check_grid(results), *words)
