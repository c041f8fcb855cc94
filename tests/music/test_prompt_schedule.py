"""Prompts that change with time: notation, shares, and what becomes of them in the latents."""

import numpy as np
import pytest
import torch
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu import cli, load_pipeline
from riffedu.diffusion.windows import windowed
from riffedu.errors import RiffeduError
from riffedu.music.prompt_schedule import joined, parse_schedule, scheduled, shares
from riffedu.signal import synth

FEW = {"num_inference_steps": 2, "progress": False}
CLIP = synth.pluck(220, 1.5), 44100
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def pipeline(ours):
    return load_pipeline(ours)


@pytest.mark.parametrize(
    "prompt, parts",
    [
        ("piano:0 -> organ:2.5", (("piano", 0.0), ("organ", 2.5))),
        ("piano -> organ:2.5s -> a band : 4", (("piano", 0.0), ("organ", 2.5), ("a band", 4.0))),
        ("piano→organ:.5", (("piano", 0.0), ("organ", 0.5))),
        (
            "(soft:1.3) piano:0->an (organ:1.2):3",
            (("(soft:1.3) piano", 0.0), ("an (organ:1.2)", 3.0)),
        ),
        ("at 3:4 -> waltz at 3:4:2", (("at 3", 4.0), ("waltz at 3:4", 2.0))),
        ("piano: a study in C:0 -> x:1", (("piano: a study in C", 0.0), ("x", 1.0))),
        ("a piano at 120 bpm", (("a piano at 120 bpm", 0.0),)),
        ("piano:3", (("piano:3", 0.0),)),
    ],
)
def test_notation(prompt, parts):
    if parts[0][1]:  # the first time isn't 0
        with pytest.raises(RiffeduError, match="begin at 0 and increase"):
            parse_schedule(prompt)
    else:
        assert parse_schedule(prompt) == parts


@pytest.mark.parametrize(
    "prompt, words",
    [
        ("piano -> organ", "'organ' of the prompt schedule needs a text and a time"),
        ("piano:0 -> :2", "needs a text and a time"),
        ("-> organ:2", "needs a text and a time"),
        ("piano -> organ:2 -> drums:1", "rise, not 0, 2, 1"),
        ("piano -> organ:0", "rise, not 0, 0"),
        ("piano:1 -> organ:2", "begin at 0"),
        ("piano -> organ:-1", "needs a text and a time"),
        ("piano -> organ:5.12", "but the music lasts 5.12 s"),
    ],
)
def test_what_is_no_schedule(prompt, words):
    with pytest.raises(RiffeduError, match=words):
        parse_schedule(prompt, 5.12)


def test_shares_sum_to_one_and_cross_half_way():
    found = np.array(shares([0, 1, 1.2, 3], 400, 0.01))
    assert found.shape == (4, 400) and found.min() >= 0
    np.testing.assert_allclose(found.sum(axis=0), 1)
    assert found[0, 99] == pytest.approx(0.5, abs=0.02)
    assert list(found[:, 0]) == [1, 0, 0, 0] and list(found[:, -1]) == [0, 0, 0, 1]


def test_items_of_a_batch_can_have_different_schedules():
    weights = joined([[0, 1], [0]], 4, 0.5)
    assert weights.shape == (2, 2, 4)
    assert weights[:, 1].tolist() == [[1] * 4, [0] * 4]


@pytest.mark.parametrize("columns", [4, 16, 40])
def test_predictions_are_mixed_by_the_shares(columns):
    """Constant networks show the shares; each sees its own columns, and the width around them."""
    seen = []

    def constant(value):
        def predict(x, timestep):
            seen.append(x.shape[-1])
            return torch.full_like(x, value)

        return windowed(predict, 16)

    weights = joined([[0, 0.6]], columns, 0.1)
    predict = scheduled([constant(1.0), constant(3.0)], weights, 16)
    found = predict(torch.zeros(1, 2, 3, columns), 10)
    wanted = weights[0, 0] + 3 * weights[1, 0]
    torch.testing.assert_close(found, wanted.expand(1, 2, 3, -1))
    assert set(seen) == {min(columns, 16)}


def test_one_prompt_twice_is_one_prompt(pipeline):
    one = pipeline.generate("rock", seed=1, **FEW)
    two = pipeline.generate("rock -> rock:2.5", seed=1, **FEW)
    np.testing.assert_allclose(np.asarray(one.image), np.asarray(two.image), atol=1)
    assert two.parameters["prompt"] == "rock -> rock:2.5"


def last(pipeline, text, seconds, steps=3):
    noise = pipeline.initial_noise(1, seconds)
    return [*pipeline.denoise(noise, [text], None, steps, 5.0)][-1].latents


@pytest.mark.parametrize("seconds", [5.12, 20.48])
def test_each_end_follows_its_own_prompt(pipeline, seconds):
    a, b = (last(pipeline, text, seconds) for text in ("piano", "rock drums"))
    both = last(pipeline, f"piano -> rock drums:{seconds / 2}", seconds)

    def nearer(to, other, columns):
        return (both - to)[..., columns].norm() < (both - other)[..., columns].norm()

    quarter = both.shape[-1] // 4
    assert nearer(a, b, slice(0, quarter)) and nearer(b, a, slice(-quarter, None))


def test_a_batch_is_like_its_items(pipeline):
    texts = ["piano -> rock:1", "drums", "band -> solo:0.5 -> violin:1.5"]
    together = pipeline.generate(texts, seed=[1, 2, 3], duration=2, **FEW)
    for text, seed, result in zip(texts, (1, 2, 3), together):
        alone = pipeline.generate(text, seed=seed, duration=2, **FEW)
        np.testing.assert_allclose(np.asarray(alone.image), np.asarray(result.image), atol=1)


def test_extend_and_transform_take_schedules(pipeline):
    plain = pipeline.extend(CLIP, "piano", 4, **FEW)
    changed = pipeline.extend(CLIP, "piano -> rock:3", 4, **FEW)
    difference = np.abs(np.asarray(plain.image, float) - np.asarray(changed.image, float))
    assert difference[:, :64].max() <= 1 and difference[:, 320:].max() > 0
    assert pipeline.transform(CLIP, "piano -> rock:1", **FEW).parameters["prompt"]
    with pytest.raises(RiffeduError, match="but the music lasts"):
        pipeline.extend(CLIP, "piano -> rock:30", 4, **FEW)


def test_where_one_prompt_applies_at_a_time(pipeline):
    for wrong in (
        lambda: pipeline.loop("piano -> rock:1", **FEW),
        lambda: pipeline.interpolate(["piano -> rock:1", "drums"], **FEW),
        lambda: pipeline.morph(CLIP, CLIP, 0.5, prompt="piano -> rock:1", **FEW),
    ):
        with pytest.raises(RiffeduError, match="remove the ->"):
            wrong()


def test_the_shell(ours, tmp_path, capsys):
    out = tmp_path / "a.wav"
    line = ["generate", "-o", str(out), "--model", str(ours), "--steps", "2", "--duration", "2"]
    assert cli.main([*line, "piano:0 -> organ:1"]) == 0 and out.is_file()
    out.unlink()
    capsys.readouterr()
    assert cli.main([*line, "piano -> organ:9"]) == 2
    assert "organ" in capsys.readouterr().err and not out.exists()
