"""Masks of every notation, seeds at random, and strengths that round to no step."""

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu import best_take, cli, limits, load_pipeline
from riffedu.errors import RiffeduError
from riffedu.music import edit, masks
from riffedu.signal import synth

FEW = {"num_inference_steps": 2, "progress": False}
CLIP = synth.pluck(220, 1.5), 44100
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def pipeline(ours):
    return load_pipeline(ours)


def plain():
    mask = np.zeros((512, 150), bool)
    mask[:, 96:] = True
    return mask


def transparent(mask):
    white = np.full((*mask.shape, 4), 255, np.uint8)
    white[..., 3] = 255 * mask
    return Image.fromarray(white)


NOTATIONS = {
    "bool": lambda m: m,
    "list": lambda m: m.tolist(),
    "0 and 1": lambda m: m.astype(np.uint8),
    "0 and 255": lambda m: m.astype(np.uint8) * 255,
    "floats to 255": lambda m: m * 255.0,
    "float64": lambda m: m.astype(np.float64),
    "colours": lambda m: np.stack([m.astype(np.uint8) * 255] * 3, -1),
    "torch": lambda m: torch.from_numpy(m),
    "torch bytes": lambda m: torch.from_numpy(m.astype(np.uint8) * 255),
    "PIL L": lambda m: Image.fromarray(m.astype(np.uint8) * 255),
    "PIL 1": lambda m: Image.fromarray(m.astype(np.uint8) * 255).convert("1"),
    "PIL RGB": lambda m: Image.fromarray(m.astype(np.uint8) * 255).convert("RGB"),
    "PIL P": lambda m: Image.fromarray(m.astype(np.uint8) * 255).convert("P"),
    "PIL RGBA": transparent,
    "PIL F": lambda m: Image.fromarray(m.astype(np.float32)),
    "PIL 16 bit": lambda m: Image.fromarray(m.astype(np.uint16) * 65535),
}


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_notation_is_one_mask(notation):
    found = masks.as_mask(NOTATIONS[notation](plain()))
    assert found.dtype == np.float32 and np.array_equal(found, plain().astype(np.float32))


def test_greys_lie_between():
    assert masks.as_mask(np.array([[0, 51, 255]])).tolist() == [[0, np.float32(0.2), 1]]
    assert masks.as_mask(np.array([[0, 0.5]])).tolist() == [[0, 0.5]]


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros(5),
        np.zeros((0, 4)),
        np.full((2, 2), -1),
        np.full((2, 2), 256),
        np.full((2, 2), 2),
        np.full((2, 2), np.nan),
        np.zeros((2, 2, 2)),
        object(),
        [["a"]],
    ],
)
def test_what_is_no_mask(wrong):
    with pytest.raises(RiffeduError, match="a mask must be"):
        masks.as_mask(wrong)


def test_transform_takes_them(pipeline):
    first, *others = (
        pipeline.transform(CLIP, "rock", mask=NOTATIONS[name](plain()), **FEW)
        for name in ("bool", "0 and 255", "PIL L", "torch")
    )
    for other in others:
        assert np.array_equal(first.waveform, other.waveform)
    with pytest.raises(RiffeduError, match="99 columns, the sound's picture 512 and 150"):
        pipeline.transform(CLIP, "rock", mask=np.ones((512, 99)), **FEW)


def test_riffuse_takes_them(sd):
    pipeline = load_pipeline(sd)
    picture = Image.fromarray(
        np.random.default_rng(0).integers(0, 255, (512, 64, 3), dtype=np.uint8)
    )
    mask = np.zeros((512, 64), np.uint8)
    mask[:, 32:] = 255
    ends = {"prompt": "piano", "seed": 1}, {"prompt": "rock", "seed": 2}
    one, two, three = (
        pipeline.riffuse(*ends, 0.5, picture, each, num_inference_steps=2)
        for each in (Image.fromarray(mask), mask, mask > 0)
    )
    assert np.array_equal(one.image, two.image) and np.array_equal(one.image, three.image)
    assert one.parameters["steps_taken"] > 0


# --- seeds --------------------------------------------------------------------------------------


def test_a_seed_of_none_is_chosen_and_recorded(pipeline):
    one, other = (pipeline.generate("rock", seed=None, duration=1, **FEW) for _ in range(2))
    seed = one.parameters["seed"]
    assert seed != other.parameters["seed"] and 0 <= seed < 2**31
    again = pipeline.generate("rock", seed=seed, duration=1, **FEW)
    assert np.array_equal(one.waveform, again.waveform)
    pair = pipeline.generate(["rock", "piano"], seed=None, duration=1, **FEW)
    assert len({result.parameters["seed"] for result in pair}) == 1  # the same noise
    pair = pipeline.generate("rock", seed=[None, 5], duration=1, **FEW)
    assert pair[0].parameters["seed"] != 5 == pair[1].parameters["seed"]


@pytest.mark.parametrize("road", ["transform", "extend", "loop", "interpolate"])
def test_editing_records_the_seed_that_it_chose(pipeline, road):
    def run(seed):
        return {
            "transform": lambda: pipeline.transform(CLIP, "rock", seed=seed, **FEW),
            "extend": lambda: pipeline.extend(CLIP, "rock", 2, seed=seed, **FEW),
            "loop": lambda: pipeline.loop("rock", beats=2, seed=seed, **FEW),
            "interpolate": lambda: pipeline.interpolate(["rock", "a"], 1, seed=seed, **FEW),
        }[road]()

    result = run(None)
    assert isinstance(result.parameters["seed"], int)
    assert np.array_equal(run(result.parameters["seed"]).waveform, result.waveform)


def test_takes_and_variations_share_one_random_seed(pipeline):
    seeds = [r.parameters["seed"] for r in edit.variations(pipeline, CLIP, 2, seed=None, **FEW)]
    assert seeds[1] == seeds[0] + 1
    take = best_take(pipeline, "rock", 2, seed=None, duration=1, **FEW)
    assert isinstance(take.result.parameters["seed"], int)


def test_the_shell_says_the_seed(ours, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(limits.secrets, "randbelow", lambda most: 4711)
    out, other = tmp_path / "a.wav", tmp_path / "b.wav"
    line = ["generate", "piano", "--model", str(ours), "--steps", "2", "--duration", "1", "--quiet"]
    assert cli.main([*line, "-o", str(out), "--seed", "random"]) == 0
    assert capsys.readouterr().err == "riffedu: seed 4711\n"
    assert cli.main([*line, "-o", str(other), "--seed", "4711"]) == 0
    assert out.read_bytes() == other.read_bytes()
    assert cli.main([*line, "-o", str(out), "--seed", "some"]) == 2
    assert "a whole number or \"random\", not 'some'" in capsys.readouterr().err


# --- strength -----------------------------------------------------------------------------------


def test_a_strength_without_steps_is_said_and_recorded(pipeline):
    with pytest.warns(edit.StrengthWarning, match="strength 0.01 rounds to 0 of 25 steps"):
        result = pipeline.transform(CLIP, "rock", 0.01, num_inference_steps=25, progress=False)
    assert result.parameters["steps_taken"] == 0 and result.parameters["strength"] == 0.01
    half = pipeline.transform(CLIP, "rock", 0.5, num_inference_steps=4, progress=False)
    assert (half.parameters["steps_taken"], half.parameters["num_inference_steps"]) == (2, 4)


def test_strength_zero_is_meant(pipeline, recwarn):
    assert pipeline.transform(CLIP, "rock", 0, **FEW).parameters["steps_taken"] == 0
    assert not [w for w in recwarn if w.category is edit.StrengthWarning]


def test_other_roads_say_it_too(pipeline, sd):
    for road in (
        lambda: pipeline.extend(CLIP, "rock", 2, strength=0.01, **FEW),
        lambda: pipeline.loop("rock", beats=2, strength=0.01, **FEW),
        lambda: pipeline.morph(CLIP, CLIP, 0.5, strength=0.01, **FEW),
    ):
        with pytest.warns(edit.StrengthWarning):
            assert road().parameters["steps_taken"] == 0


def test_riffuse_says_it_too(ours):
    pipeline = load_pipeline(ours)
    ends = ({"prompt": "piano", "seed": n, "denoising": 0.01} for n in (1, 2))
    picture = Image.new("RGB", (64, 512), "white")
    with pytest.warns(edit.StrengthWarning):
        result = pipeline.riffuse(*ends, 0.5, picture, num_inference_steps=5)
    assert result.parameters["steps_taken"] == 0


def test_the_shell_says_it(ours, tmp_path, capsys):
    sound, out = tmp_path / "tune.wav", tmp_path / "a.wav"
    from riffedu.signal import audio

    audio.save(sound, *CLIP)
    line = ["transform", str(sound), "organ", "-o", str(out), "--model", str(ours), "--steps", "5"]
    assert cli.main([*line, "--strength", "0.01"]) == 0
    output = capsys.readouterr()
    assert "0 of 5 steps" in output.out
    assert "warning: strength 0.01 rounds to 0 of 5 steps" in output.err
