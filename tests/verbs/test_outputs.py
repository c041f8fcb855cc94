"""Outputs of the shell: kept unless asked, one for each input, and pipes."""

import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from tiny import ours  # noqa: F401  (fixture)

from riffedu import cli
from riffedu.signal import audio, synth
from riffedu.signal.files import saving
from riffedu.signal.files.tags import read_record
from riffedu.verbs.batch import find_jobs, unlike

RATE = 44100
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX files")


def plain(*args) -> int:
    return cli.main([str(arg) for arg in args])


@pytest.fixture
def shell(ours):
    def run(*args) -> int:
        return plain(*args, "--model", ours, "--steps", 1, "--quiet")

    return run


def tone(path: Path, seconds: float = 0.6, hertz: float = 440) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, synth.sine(hertz, seconds), RATE)
    return path


@pytest.fixture
def tune(tmp_path):
    return tone(tmp_path / "tune.wav", 1.5)


@pytest.fixture
def sounds(tmp_path):
    folder = tmp_path / "sounds"
    for name in ("one/take.wav", "two/take.wav", "take.wav", "take.flac", "other.wav"):
        tone(folder / name)
    return folder


def tree(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


# Existing files

ONE_OUTPUT = {
    "generate": ["generate", "piano", "-o", "{out}", "--duration", "0.32"],
    "transform": ["transform", "{tune}", "organ", "-o", "{out}"],
    "extend": ["extend", "{tune}", "organ", "-o", "{out}", "--seconds", "3"],
    "loop": ["loop", "organ", "-o", "{out}", "--beats", "2"],
    "interpolate": ["interpolate", "organ", "piano", "-o", "{out}", "--pieces", "1"],
}


@pytest.mark.parametrize("name", ONE_OUTPUT)
def test_an_existing_sound_is_kept_unless_asked(shell, tune, tmp_path, name, capsys, monkeypatch):
    out = tmp_path / "out.wav"
    out.write_bytes(b"mine")
    args = [part.format(tune=tune, out=out) for part in ONE_OUTPUT[name]]
    with monkeypatch.context() as refused:
        refused.setattr("riffedu.music.pipeline.load_pipeline", pytest.fail)
        assert shell(*args) == 2
    said = capsys.readouterr().err
    assert "already exists" in said and "--overwrite" in said and said.count("\n") == 1
    assert out.read_bytes() == b"mine"
    assert shell(*args, "--overwrite") == 0
    assert read_record(out)["verb"] == name


def test_an_existing_picture_is_kept_unless_asked(shell, tune, tmp_path, capsys):
    picture, sound = tmp_path / "a.png", tmp_path / "a.wav"
    picture.write_bytes(b"mine")
    assert shell("generate", "a", "-o", sound, "--image", picture) == 2
    assert plain("audio-to-image", "--audio", tune, "--image", picture) == 2
    assert "a.png already exists" in capsys.readouterr().err and not sound.exists()
    assert plain("audio-to-image", "--audio", tune, "--image", picture, "--overwrite") == 0
    sound.write_bytes(b"mine")
    assert plain("image-to-audio", "--image", picture, "-o", sound) == 2
    assert sound.read_bytes() == b"mine"
    assert plain("image-to-audio", "--image", picture, "-o", sound, "--overwrite") == 0


def test_an_input_can_be_its_own_output(shell, tune):
    before = audio.load(tune)[0]
    assert shell("transform", tune, "organ", "-o", tune) == 2
    assert np.array_equal(audio.load(tune)[0], before)
    assert shell("transform", tune, "organ", "-o", tune, "--overwrite") == 0
    assert len(audio.load(tune)[0]) == len(before)


def test_sampled_clips_are_kept(tune, tmp_path, capsys):
    args = ["sample-clips", "--audio", tune, "--output-dir", tmp_path / "o", "--seed", 1]
    args += ["--duration-ms", 200, "--num-clips", 2]
    assert plain(*args) == 0
    assert plain(*args) == 2 and "already exists" in capsys.readouterr().err
    assert plain(*args, "--overwrite") == 0


def test_tables_and_sheets_are_kept(tmp_path, capsys):
    for flag, name in (("-o", "a.md"), ("-o", "a.json"), ("--sheet", "a.png")):
        (tmp_path / name).write_bytes(b"mine")
        assert plain("evaluate", flag, tmp_path / name) == 2
        assert f"{name} already exists" in capsys.readouterr().err
        assert (tmp_path / name).read_bytes() == b"mine"


# Batches


def batch(sounds, out, *more) -> int:
    args = ["--audio-dir", sounds, "--output-dir", out, "--glob", "**/*", "--mono"]
    return plain("audio-to-images-batch", *args, *more)


def test_a_batch_mirrors_the_folders_and_goes_on(sounds, tmp_path, capsys):
    out = tmp_path / "out"
    wanted = {"one/take.jpg", "two/take.jpg", "take.wav.jpg", "take.flac.jpg", "other.jpg"}
    assert batch(sounds, out) == 0 and tree(out) == wanted
    assert "wrote 5 files from 5 sound files" in capsys.readouterr().out
    (out / "one" / "take.jpg").unlink()
    before = (out / "other.jpg").stat().st_mtime_ns
    assert batch(sounds, out) == 0 and tree(out) == wanted
    assert "wrote 1 files from 1 sound files; kept the files of 4" in capsys.readouterr().out
    assert (out / "other.jpg").stat().st_mtime_ns == before
    assert batch(sounds, out, "--overwrite") == 0
    assert "wrote 5 files from 5" in capsys.readouterr().out
    assert (out / "other.jpg").stat().st_mtime_ns > before


def test_results_inside_the_inputs_are_no_inputs(sounds, capsys):
    out = sounds / "results"
    for _ in range(2):
        assert batch(sounds, out) == 0
    assert len(tree(out)) == 5


def test_results_beside_the_inputs_are_no_inputs(sounds, capsys):
    clips = ["sample-clips-batch", "--audio-dir", sounds, "--output-dir", sounds, "--glob", "**/*"]
    for _ in range(2):
        assert batch(sounds, sounds) == 0
        assert plain(*clips, "--duration-ms", 200, "--extension", "wav") == 0
    assert len(tree(sounds)) == 3 * 5


@pytest.mark.parametrize("seed", [-1, 3])
def test_sampled_clips_go_on(sounds, tmp_path, seed, capsys):
    args = ["sample-clips-batch", "--audio-dir", sounds, "--output-dir", tmp_path / "o"]
    args += ["--glob", "**/*", "--duration-ms", 200, "--num-clips-per-file", 2, "--seed", seed]
    assert plain(*args, "--extension", "wav") == 0
    first = tree(tmp_path / "o")
    assert len(first) == 10 and {name.split("/")[0] for name in first if "/" in name} == {
        "one",
        "two",
    }
    gone = sorted(first)[0]
    (tmp_path / "o" / gone).unlink()
    assert plain(*args, "--extension", "wav") == 0
    assert "kept the files of 4 others" in capsys.readouterr().out
    assert len(tree(tmp_path / "o")) >= 10 and (seed < 0 or tree(tmp_path / "o") == first)


@posix
@pytest.mark.parametrize(
    "names",
    [
        ["take.wav", "take.flac", "TAKE.wav"],
        ["a.wav", "a.flac", "a.wav.flac"],
        ["a.wav", "a.WAV", "A.wav"],
        ["a.wav", "a.wav.wav", "a.wav.wav.wav"],
        ["ä.wav", "a\u0308.wav"],
        ["ß.wav", "SS.wav"],
        ["x.wav", "x.ogg", "x.ogg.wav", "X.OGG.flac"],
        ["a.b.wav", "a.wav", "a.b.flac"],
        ["noending", "noending.wav"],
        ["One/a.wav", "one/a.wav"],
    ],
)
def test_one_output_for_each_input(tmp_path, names, capsys):
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = "FLAC" if name.endswith("flac") else "OGG" if name.lower().endswith("ogg") else "WAV"
        soundfile.write(path, synth.sine(440, 0.2), RATE, format=kind)
    assert batch(tmp_path / "in", tmp_path / "out") == 0
    made = tree(tmp_path / "out")
    assert len(made) == len(names) == len({name.casefold() for name in made})
    assert f"wrote {len(names)} files from {len(names)} sound files" in capsys.readouterr().out
    jobs = find_jobs(tmp_path / "in", tmp_path / "out", "**/*")
    assert made == {f"{(j.folder / j.stem).relative_to(tmp_path / 'out')}.jpg" for j in jobs}


def test_stems_stay_short_where_they_can():
    assert unlike([Path("a.wav"), Path("b/a.wav"), Path("c.wav")]) == ["a", "a", "c"]


@posix
def test_names_outside_utf_8(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/caf\xe9.wav", "wb") as file:
        soundfile.write(file, synth.sine(440, 0.2), RATE, format="WAV")
    find_jobs(folder, tmp_path / "out", "*")
    audio.save(tmp_path / os.fsdecode(b"\xe9.wav"), synth.sine(440, 0.2), RATE)


@pytest.mark.parametrize(
    "args, words",
    [
        (["--output-dir", "-"], "give a folder"),
        (["--glob", "../*"], "leads outside the folder"),
        (["--glob", "**/none*"], "no files match"),
        (["--output-dir", "{file}"], "is a file"),
        (["--output-dir", "{file}/deep"], "is a file"),
    ],
)
def test_bad_batches_are_refused(sounds, tmp_path, capsys, args, words):
    args = [part.format(file=sounds / "take.wav") for part in args]
    assert batch(sounds, tmp_path / "out", *args) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


def test_transform_a_folder(shell, sounds, tmp_path, capsys):
    out = tmp_path / "out"
    args = ["transform", sounds, "organ", "-o", out, "--glob", "**/*.wav", "--extension", "flac"]
    assert shell(*args, "--bits", 24) == 0
    assert tree(out) == {"one/take.flac", "two/take.flac", "take.flac", "other.flac"}
    assert soundfile.info(out / "take.flac").subtype == "PCM_24"
    assert shell("transform", sounds / "other.wav", "organ", "-o", tmp_path / "a.wav") == 0
    alone, together = (audio.load(path)[0] for path in (tmp_path / "a.wav", out / "other.flac"))
    assert np.abs(alone - together).max() < 1e-4
    before = (out / "other.flac").stat().st_mtime_ns
    (out / "take.flac").unlink()
    assert shell(*args) == 0 and len(tree(out)) == 4
    assert (out / "other.flac").stat().st_mtime_ns == before
    for more, words in [
        (["-o", sounds], "is the input folder"),
        (["--image", "a.png"], "--image is for a single sound"),
        (["--extension", "doc"], "doc"),
        (["--strength", 2], "--strength"),
    ]:
        capsys.readouterr()
        assert shell(*args, *more) == 2
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1


def test_a_bad_file_of_a_folder_is_skipped(shell, sounds, tmp_path, capsys):
    (sounds / "bad.wav").write_bytes(b"RIFF no sound")
    assert shell("transform", sounds, "organ", "-o", tmp_path / "out") == 1
    assert "skipped bad.wav" in capsys.readouterr().err
    assert tree(tmp_path / "out") == {"take.flac.wav", "take.wav.wav", "other.wav"}


# Several prompts


def test_prompts_from_a_file(shell, tmp_path, capsys):
    prompts, out = tmp_path / "prompts.txt", tmp_path / "out"
    out.mkdir()
    prompts.write_text("\ufeffa piano\n\n# not this\n  an organ  \r\nпианино\n", "utf-8")
    args = ["generate", "--prompts", prompts, "-o", out / "a.wav", "--duration", 0.32]
    assert shell(*args) == 0
    told = {name: read_record(out / name)["prompt"] for name in tree(out)}
    assert told == {"a-1.wav": "a piano", "a-2.wav": "an organ", "a-3.wav": "пианино"}
    assert shell("generate", "an organ", "-o", tmp_path / "b.wav", "--duration", 0.32) == 0
    assert np.array_equal(audio.load(tmp_path / "b.wav")[0], audio.load(out / "a-2.wav")[0])
    (out / "a-2.wav").unlink()
    before = (out / "a-1.wav").stat().st_mtime_ns
    assert shell(*args) == 0 and len(tree(out)) == 3
    assert (out / "a-1.wav").stat().st_mtime_ns == before
    capsys.readouterr()
    assert shell(*args, "--seed", 4) == 2
    assert "was made differently" in capsys.readouterr().err
    assert shell(*args, "--seed", 4, "--count", 2, "--image", out / "a.png") == 0
    assert {"a-1-4.wav", "a-1-4.png", "a-3-5.wav"} <= tree(out)


@pytest.mark.parametrize(
    "args, words",
    [
        (["generate", "-o", "a.wav"], "give a prompt"),
        (["generate", "a", "--prompts", "p.txt", "-o", "a.wav"], "not both"),
        (["generate", "--prompts", "none.txt", "-o", "a.wav"], "No such file"),
        (["generate", "--prompts", ".", "-o", "a.wav"], "directory"),
        (["generate", "--prompts", "empty.txt", "-o", "a.wav"], "contains no prompts"),
        (["generate", "--prompts", "latin.txt", "-o", "a.wav"], "UTF-8"),
        (["generate", "--prompts", "p.txt", "-o", "-"], "several clips"),
        (["generate", "a", "--count", "2", "-o", "-"], "several clips"),
        (["generate", "a", "--count", "2", "-o", "x" * 250 + ".wav"], "too long"),
        (["generate", "a", "-o", "a.flac", "--bits", "float"], "float samples"),
        (["generate", "a", "-o", "a.mp3", "--bits", "24"], "omit the bits"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_bad_prompts_and_formats(tmp_path, monkeypatch, capsys, args, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("riffedu.music.pipeline.load_pipeline", pytest.fail)
    Path("p.txt").write_text("a\nb\n")
    Path("empty.txt").write_text("# nothing\n\n")
    Path("latin.txt").write_bytes(b"caf\xe9\n")
    before = sorted(os.listdir())
    assert plain(*args) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and sorted(os.listdir()) == before


# Formats, pipes and devices


def test_opus_and_m4a(shell, tmp_path, capsys, monkeypatch):
    for rate in (44100, 22050, 48000):
        path = audio.save(tmp_path / f"{rate}.opus", synth.sine(440, 1.0)[:rate], rate)
        info = soundfile.info(path)
        assert (info.samplerate, info.subtype) == (48000, "OPUS")
        assert abs(info.frames - 48000 * min(rate, 44100) / rate) <= 2
    monkeypatch.setattr(saving.shutil, "which", lambda name: None)
    assert shell("generate", "a", "-o", tmp_path / "a.m4a") == 2
    said = capsys.readouterr().err
    assert "requires ffmpeg" in said and said.count("\n") == 1


def test_a_sound_to_stdout(ours, tmp_path):
    args = ["generate", "a", "-o", "-", "--model", ours, "--steps", "1", "--duration", "0.32"]
    command = [sys.executable, "-m", "riffedu", *args]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path)
    waveform, rate = soundfile.read(io.BytesIO(done.stdout))
    assert done.returncode == 0 and rate == RATE and len(waveform) == round(0.32 * RATE)
    assert b"-: 0.32 s" in done.stderr and os.listdir(tmp_path) == []


def test_a_picture_to_stdout(tune, tmp_path):
    args = ["audio-to-image", "--audio", str(tune), "--image"]
    for name in ("-", "/dev/stdout") if Path("/dev/stdout").exists() else ("-",):
        done = subprocess.run([sys.executable, "-m", "riffedu", *args, name], capture_output=True)
        assert Image.open(io.BytesIO(done.stdout)).size == (150, 512), done.stderr


@posix
def test_modes_and_links_of_outputs_stay(shell, tune, tmp_path):
    real, link = tmp_path / "real.wav", tmp_path / "link.wav"
    real.write_bytes(b"old")
    real.chmod(0o600)
    link.symlink_to(real)
    assert shell("transform", tune, "organ", "-o", link, "--overwrite") == 0
    assert link.is_symlink() and stat.S_IMODE(real.stat().st_mode) == 0o600
    assert len(audio.load(real)[0]) == 1.5 * RATE


def test_bits(shell, tmp_path):
    for bits, kind in {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}.items():
        out = tmp_path / f"{bits}.wav"
        assert shell("generate", "a", "-o", out, "--duration", 0.32, "--bits", bits) == 0
        assert soundfile.info(out).subtype == kind
    coarse, fine = (audio.load(tmp_path / f"{bits}.wav")[0] for bits in ("16", "float"))
    assert 0 < np.abs(coarse - fine).max() < 1e-4


def test_exit_codes_are_documented(capsys):
    for args in (["--help"], ["generate", "--help"], ["train", "denoiser", "--help"]):
        with pytest.raises(SystemExit):
            plain(*args)
        told = " ".join(capsys.readouterr().out.split())
        for code in ("0 done", "1 some files failed", "2 invalid", "130 stopped", "143 stopped"):
            assert code in told
