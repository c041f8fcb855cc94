"""riffusion-hobby's conversions in the shell: its flags, its names, and what goes wrong."""

import numpy as np
import pytest
import soundfile
from PIL import Image

from riffedu import cli
from riffedu.signal import audio, convert, synth
from riffedu.signal.image import load_image, save_image
from riffedu.signal.params import EXIF_TAGS, SpectrogramParams

RATE = 44100


def shell(*args) -> int:
    return cli.main([str(arg) for arg in args])


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    left = synth.pluck(220, 3.0)
    soundfile.write(path, np.stack([left, 0.5 * left], -1), RATE)
    return path


@pytest.fixture
def folder(tmp_path, song):
    folder = tmp_path / "sounds"
    folder.mkdir()
    for i in range(3):
        soundfile.write(folder / f"tone{i}.wav", synth.sine(300 + 100 * i, 1.0), RATE)
    soundfile.write(folder / "tone0.flac", synth.sine(900, 1.0), 22050)
    (folder / "broken.wav").write_bytes(b"RIFF not a sound")
    (folder / "told.json").write_text("{}")
    return folder


def test_there_and_back(song, tmp_path, capsys):
    assert shell("audio-to-image", "--audio", song, "--image", tmp_path / "a.png") == 0
    image = load_image(tmp_path / "a.png")
    assert image.size == (300, 512)
    assert np.array_equal(image, convert.audio_to_image(*audio.load(song)))
    sound = tmp_path / "b.flac"
    assert shell("image-to-audio", "--image", tmp_path / "a.png", "--audio", sound) == 0
    back, rate = audio.load(sound)
    assert rate == RATE and len(back) == 300 * 441
    assert abs(audio.rms_db(back) - audio.rms_db(audio.load(song)[0].mean(0))) < 1
    said = capsys.readouterr()
    assert "300 × 512" in said.out and "3.00 s at 44100 Hz" in said.out and "song" not in said.err


def test_the_flags_say_what_the_picture_means(song, tmp_path, capsys):
    wanted = {
        "step_size_ms": 20,
        "num_frequencies": 64,
        "min_frequency": 50,
        "max_frequency": 5000,
        "window_duration_ms": 80,
        "padded_duration_ms": 200,
        "power_for_image": 0.5,
        "sample_rate": 22050,
    }
    flags = [part for k, v in wanted.items() for part in (f"--{k.replace('_', '-')}", v)]
    assert (
        shell(
            "audio-to-image",
            "--audio",
            song,
            "--image",
            tmp_path / "a.png",
            "--stereo",
            "--device",
            "cuda",
            *flags,
        )
        == 0
    )
    image = load_image(tmp_path / "a.png")
    assert image.size == (150, 64)
    assert SpectrogramParams.from_exif(image.getexif()) == SpectrogramParams(stereo=True, **wanted)
    capsys.readouterr()
    assert shell("print-exif", "--image", tmp_path / "a.png") == 0
    told = capsys.readouterr().out
    assert "STEP_SIZE_MS         =              20" in told and "MAX_VALUE" in told
    assert len(told.splitlines()) == len(EXIF_TAGS) + 1


def test_a_picture_without_tags(tmp_path, capsys):
    path = tmp_path / "plain.png"
    pixels = np.full((512, 40), 255, np.uint8)
    pixels[100:400] = 0
    Image.fromarray(pixels).convert("RGB").save(path)
    assert shell("print-exif", "--image", path) == 0
    assert "none of Riffusion's tags" in capsys.readouterr().out
    assert shell("image-to-audio", "--image", path, "-o", tmp_path / "a.wav") == 0
    assert "turned down by" in capsys.readouterr().out
    assert abs(audio.peak_db(audio.load(tmp_path / "a.wav")[0]) + 1) < 0.1


def test_qualities_and_seeds(tmp_path, song):
    picture = tmp_path / "a.png"
    save_image(convert.audio_to_image(audio.load(song)[0][:, :22050], RATE), picture)
    made = {}
    for name, flags in {
        "fast": (),
        "again": (),
        "other": ("--seed", 7),
        "best": ("--quality", "best"),
    }.items():
        sound = tmp_path / f"{name}.wav"
        assert shell("image-to-audio", "--image", picture, "-o", sound, *flags) == 0
        made[name] = audio.load(sound)[0]
    assert np.array_equal(made["fast"], made["again"])
    assert not any(np.array_equal(made["fast"], made[name]) for name in ("other", "best"))


def test_a_phase_at_random_says_its_seed(tmp_path, song, capsys):
    picture, sound = tmp_path / "a.png", tmp_path / "a.wav"
    save_image(convert.audio_to_image(audio.load(song)[0][:, :22050], RATE), picture)
    line = ["image-to-audio", "--image", picture, "-o", sound, "--seed"]
    assert shell(*line, "random") == 0
    first, seed = sound.read_bytes(), capsys.readouterr().err.split()[-1]
    assert shell(*line, seed, "--overwrite") == 0 and sound.read_bytes() == first


def test_a_folder_of_pictures_goes_on_after_a_bad_file(folder, tmp_path, capsys):
    out = tmp_path / "out" / "deep"
    code = shell(
        "audio-to-images-batch",
        "--audio-dir",
        folder,
        "--output-dir",
        out,
        "--mono",
        "--image-extension",
        "png",
        "--num-threads",
        2,
    )
    said = capsys.readouterr()
    assert code == 1 and "skipped broken.wav" in said.err and "told.json" not in said.err
    assert "wrote 4 files from 4 sound files" in said.out
    # Two files of one stem keep their endings, so that neither is lost.
    names = {"tone0.flac.png", "tone0.wav.png", "tone1.png", "tone2.png"}
    assert {p.name for p in out.iterdir()} == names
    assert np.array_equal(
        load_image(out / "tone1.png"), convert.audio_to_image(*audio.load(folder / "tone1.wav"))
    )
    assert (
        shell(
            "audio-to-images-batch",
            "--audio-dir",
            folder,
            "--output-dir",
            tmp_path / "some",
            "--glob",
            "tone*.wav",
            "--limit",
            2,
        )
        == 0
    )
    made = sorted((tmp_path / "some").iterdir())
    assert [p.name for p in made] == ["tone0.jpg", "tone1.jpg"]
    assert load_image(made[0]).getexif()[EXIF_TAGS["stereo"]] == 1


def test_a_sound_too_long_for_a_format_is_refused_before_the_work(folder, tmp_path, capsys):
    long, flags = folder / "long.wav", ("--step-size-ms", 5, "--max-frequency", 400)
    soundfile.write(long, np.zeros(1000 * 330, np.float32), 1000)
    assert shell("audio-to-image", "--audio", long, "--image", tmp_path / "a.jpg", *flags) == 2
    assert "at most 65500 columns are possible, not 66150" in capsys.readouterr().err
    assert (
        shell(
            "audio-to-images-batch",
            "--audio-dir",
            folder,
            "--output-dir",
            tmp_path / "o",
            "--glob",
            "[lt]on*[0-9g].wav",
            *flags,
        )
        == 1
    )
    assert "skipped long.wav" in capsys.readouterr().err
    assert {p.name for p in (tmp_path / "o").iterdir()} == {f"tone{i}.jpg" for i in range(3)}


def test_clips_of_a_sound(song, tmp_path, capsys):
    command = ("sample-clips", "--audio", song, "--duration-ms", 500, "--num-clips", 3)
    for out in ("one", "two"):
        assert shell(*command, "--output-dir", tmp_path / out, "--seed", 4) == 0
    one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [p.name for p in one] == [p.name for p in two] and len(one) == 3
    whole, _ = audio.load(song)
    for path in one:
        number, start = path.stem.split("_")[1], int(path.stem.split("_")[3])
        assert path.name == f"clip_{number}_start_{start}_ms_duration_500_ms.wav"
        clip, rate = audio.load(path)
        first = round(start / 1000 * RATE)
        assert rate == RATE and np.abs(clip - whole[:, first : first + 22050]).max() < 1e-4
    assert shell(*command, "--output-dir", tmp_path / "mono", "--mono", "--extension", "flac") == 0
    assert all(audio.load(p)[0].ndim == 1 for p in (tmp_path / "mono").glob("*.flac"))


def test_clips_of_a_folder(folder, tmp_path, capsys):
    command = (
        "sample-clips-batch",
        "--audio-dir",
        folder,
        "--duration-ms",
        200,
        "--seed",
        1,
        "--num-clips-per-file",
        2,
        "--extension",
        "wav",
    )
    assert shell(*command, "--output-dir", tmp_path / "all") == 1
    assert "skipped broken.wav" in capsys.readouterr().err
    names = {p.name for p in (tmp_path / "all").iterdir()}
    assert len(names) == 8 and all(n.startswith("tone") and "clip_" in n for n in names)
    assert shell(*command, "--output-dir", tmp_path / "part", "--glob", "tone1*") == 0
    assert {p.name for p in (tmp_path / "part").iterdir()} <= names


@pytest.mark.parametrize(
    "args, words",
    [
        (("audio-to-image", "--audio", "none.wav", "--image", "a.png"), "no such sound"),
        (("audio-to-image", "--audio", "none.wav", "--image", "a.gif"), "a.gif"),
        (("audio-to-image", "--audio", "none.wav", "--image", "none/a.png"), "no folder"),
        (("audio-to-image", "--audio", "none.wav"), "--image"),
        (("audio-to-image", "--audio", "s.wav", "--image", "a.png", "--step-size-ms", "0"), "step"),
        (("audio-to-image", "--audio", "s.wav", "--image", "a.png", "--step-size-ms", "x"), "int"),
        (("image-to-audio", "--image", "none.png", "-o", "a.wav"), "none.png"),
        (("image-to-audio", "--image", "s.wav", "-o", "a.wav"), "s.wav"),
        (("image-to-audio", "--image", "none.png", "-o", "a.doc"), "a.doc"),
        (("print-exif", "--image", "none.png"), "none.png"),
        (("sample-clips", "--audio", "s.wav", "--output-dir", "o"), "shorter"),
        (
            ("sample-clips", "--audio", "s.wav", "--output-dir", "o", "--num-clips", "0"),
            "at least 1",
        ),
        (
            ("sample-clips", "--audio", "s.wav", "--output-dir", "o", "--extension", "doc"),
            "extension",
        ),
        (("sample-clips-batch", "--audio-dir", "none", "--output-dir", "o"), "no such folder"),
        (
            ("sample-clips-batch", "--audio-dir", ".", "--output-dir", "o", "--glob", "x*"),
            "no files",
        ),
        (
            (
                "audio-to-images-batch",
                "--audio-dir",
                ".",
                "--output-dir",
                "o",
                "--num-threads",
                "0",
            ),
            "num-threads",
        ),
        (
            (
                "audio-to-images-batch",
                "--audio-dir",
                ".",
                "--output-dir",
                "o",
                "--image-extension",
                "gif",
            ),
            "image-extension",
        ),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, args, words):
    monkeypatch.chdir(tmp_path)
    soundfile.write("s.wav", synth.sine(440, 0.2), RATE)
    assert shell(*args) == 2
    said = capsys.readouterr()
    assert words in said.err and said.err.count("\n") == 1 and not said.out
    assert {p.name for p in tmp_path.iterdir()} == {"s.wav"}


def test_an_unknown_quality_is_one_line(tmp_path, song, capsys):
    picture = tmp_path / "a.png"
    save_image(convert.audio_to_image(*audio.load(song)), picture)
    sound = tmp_path / "a.wav"
    assert shell("image-to-audio", "--image", picture, "-o", sound, "--quality", "x") == 2
    assert "quality='x'" in capsys.readouterr().err and not sound.exists()
