"""``riffedu generate``: files, seeds, refusals, and a shell that starts cold."""

import os
import subprocess
import sys

import numpy as np
import pytest
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu import cli
from riffedu.evaluate.takes import Take
from riffedu.music.pipeline import load_pipeline
from riffedu.signal import audio
from riffedu.signal.image import load_image
from riffedu.signal.reconstruct import image_to_audio
from riffedu.verbs.generate import default_output

SHORT = 0.32
# diffusers' schedulers hand torch tensors to NumPy in a way that NumPy 2 warns about.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def make(pipeline, prompt="a calm piano", **options):
    options = {"num_inference_steps": 2, "duration": SHORT, "progress": False, **options}
    return pipeline.generate(prompt, **options)


def shell(*args) -> int:
    return cli.main(["generate", *map(str, args)])


def test_shell_writes_sound_and_picture(ours, tmp_path, capsys):
    sound, picture = tmp_path / "out.wav", tmp_path / "out.png"
    code = shell(
        "a calm piano",
        "-o",
        sound,
        "--image",
        picture,
        "--model",
        ours,
        "--steps",
        2,
        "--duration",
        SHORT,
        "--seed",
        9,
    )
    assert code == 0 and "out.wav: 0.32 s" in capsys.readouterr().out
    waveform, rate = audio.load(sound)
    expected = make(load_pipeline(ours), seed=9)
    assert rate == 44100 and np.abs(waveform - expected.waveform).max() < 1e-4
    assert np.array_equal(np.asarray(load_image(picture)), np.asarray(expected.image))
    again, _ = image_to_audio(load_image(picture))
    assert np.abs(again - expected.waveform).max() < 1e-4
    assert sorted(os.listdir(tmp_path)) == ["out.png", "out.wav"]


def test_without_a_name_the_prompt_is_the_name(ours, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    short = ("--model", ours, "--steps", 1, "--duration", SHORT)
    assert shell("A calm *piano*, 90 bpm", *short) == 0
    assert capsys.readouterr().err.startswith("Loading the model …\n")
    assert shell("a calm piano: 90 BPM", *short, "--image", "p.png") == 0
    assert shell("a calm piano 90 bpm", *short, "--count", 2, "--seed", 3) == 0
    (tmp_path / "list.txt").write_text("piano\norgan\n")
    assert shell("--prompts", "list.txt", *short) == 0
    names = ["a-calm-piano-90-bpm", "a-calm-piano-90-bpm-2", "list-1", "list-2"]
    names += ["a-calm-piano-90-bpm-3", "a-calm-piano-90-bpm-4"]
    made = sorted(path.stem for path in tmp_path.glob("*.wav"))
    assert made == sorted(names)
    assert default_output("钢琴", None, several=True) == "clip.wav"
    assert len(default_output("piano " * 50, None, several=True)) <= 64


def test_words_that_training_never_used_are_named(tmp_path, monkeypatch, capsys):
    class Loaded(Exception):
        pass

    def load(*_, **__):
        raise Loaded

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("riffedu.music.pipeline.load_pipeline", load)
    for prompt, words in {
        "a piano, an opera singer and a barking dog": ["opera", "singer", "barking", "dog"],
        "two fast church organs at 120 bpm": [],
    }.items():
        with pytest.raises(Loaded):
            shell(prompt)
        said = [line for line in capsys.readouterr().err.splitlines() if "never used" in line]
        assert len(said) == bool(words) and all(f"“{word}”" in said[0] for word in words)


def test_shell_counts_through_seeds(ours, tmp_path, capsys):
    code = shell(
        "piano",
        "-o",
        tmp_path / "a.flac",
        "--image",
        tmp_path / "a.png",
        "--count",
        2,
        "--seed",
        5,
        "--model",
        ours,
        "--steps",
        1,
        "--duration",
        SHORT,
        "--quiet",
    )
    assert code == 0 and capsys.readouterr() == ("", "")
    assert sorted(os.listdir(tmp_path)) == ["a-5.flac", "a-5.png", "a-6.flac", "a-6.png"]
    second, _ = audio.load(tmp_path / "a-6.flac")
    alone = make(load_pipeline(ours), "piano", seed=6, num_inference_steps=1).waveform
    assert np.abs(second - alone).max() < 1e-4


@pytest.mark.parametrize(
    "args, words",
    [
        (["", "-o", "a.wav"], "prompt is empty"),
        (["piano", "-o", "a.xyz"], ".wav"),
        (["piano", "-o", "a"], ".wav"),
        (["piano", "-o", "."], "folder"),
        (["piano", "-o", "none/a.wav"], "no folder"),
        (["piano", "-o", "a.wav", "--image", "a.doc"], ".png"),
        (["piano", "-o", "a.wav", "--image", "none/a.png"], "no folder"),
        (["piano", "-o", "a.wav", "--steps", "0"], "from 1 to 1000"),
        (["piano", "-o", "a.wav", "--steps", "many"], "--steps"),
        (["piano", "-o", "a.wav", "--guidance-scale", "-2"], "guidance_scale"),
        (["piano", "-o", "a.wav", "--seed", "-1"], "seed"),
        (["piano", "-o", "a.wav", "--duration", "0"], "duration"),
        (["piano", "-o", "a.wav", "--duration", "inf"], "duration"),
        (["piano", "-o", "a.wav", "--count", "0"], "--count"),
        (["piano", "-o", "a.wav", "--takes", "17"], "--takes"),
        (["piano", "-o", "a.wav", "--model", "nowhere"], "no checkpoint"),
        (["piano", "-o", "/proc/a.wav"], "/proc"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_shell_bad_input(tmp_path, monkeypatch, capsys, args, words):
    monkeypatch.chdir(tmp_path)
    if words != "no checkpoint":
        monkeypatch.setattr("riffedu.music.pipeline.load_pipeline", pytest.fail)
    assert shell(*args) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("riffedu: error: ") and err.count("\n") == 1
    assert words in err and os.listdir(tmp_path) == []


def test_shell_warns_in_one_line(ours, tmp_path, capsys):
    assert (
        shell(
            "calm " * 500,
            "-o",
            tmp_path / "a.wav",
            "--model",
            ours,
            "--steps",
            1,
            "--duration",
            SHORT,
            "--quiet",
        )
        == 0
    )
    err = capsys.readouterr().err
    assert err.startswith("riffedu: warning: the prompt is longer") and err.count("\n") == 1


def test_shell_interrupted_leaves_nothing(ours, tmp_path, monkeypatch, capsys):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("riffedu.signal.reconstruct.image_to_audio", interrupt)
    assert (
        shell(
            "piano",
            "-o",
            tmp_path / "a.wav",
            "--image",
            tmp_path / "a.png",
            "--model",
            ours,
            "--steps",
            1,
            "--duration",
            SHORT,
            "--quiet",
        )
        == 130
    )
    assert os.listdir(tmp_path) == []


def test_a_fresh_shell_from_prompt_to_sound(sd, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "riffedu",
            "generate",
            "a calm piano",
            "-o",
            "a.wav",
            "--model",
            sd,
            "--steps",
            "2",
            "--duration",
            "1",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, "a.wav: 1.00 s" in done.stdout) == (0, True)
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr
    assert os.listdir(tmp_path) == ["a.wav"]


def test_shell_keeps_the_best_of_several_takes(ours, tmp_path, capsys, monkeypatch):
    asked = []

    def best(pipeline, prompt, takes, seed, **options):
        asked.append((prompt, takes, seed))
        result = pipeline.generate(prompt, seed=seed + 1, **options)
        return Take(result, 2, (0.1, 0.9), "piano")

    monkeypatch.setattr("riffedu.verbs.generate.best_take", best)
    flags = ["--takes", 2, "--count", 2, "--seed", 5, "--model", ours, "--steps", 1]
    assert shell("piano", "-o", tmp_path / "a.wav", "--duration", SHORT, *flags) == 0
    assert asked == [("piano", 2, 5), ("piano", 2, 7)]
    assert sorted(os.listdir(tmp_path)) == ["a-5.wav", "a-7.wav"]
    out = capsys.readouterr().out
    assert out.count("take 2 of 2: piano 0.90") == 2 and "seed 6" in out
