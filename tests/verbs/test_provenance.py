"""Every file says how it was made; `riffedu again` makes it again, to the bit."""

import json
import subprocess

import numpy as np
import pytest
import soundfile
from PIL import Image
from tiny import ours, sd, write_riffedu_checkpoint  # noqa: F401  (fixtures)

import riffedu
from riffedu import cli
from riffedu.music import provenance
from riffedu.music.pipeline import load_pipeline
from riffedu.signal import audio, synth
from riffedu.signal.files import saving
from riffedu.signal.files.tags import image_record, parameters_text, read_record
from riffedu.signal.image import load_image

RATE = 44100
WORDS = "a “calm” piano; Орган — 日本 = #1\\"
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
PICTURES = ("png", "webp", "jpg", "tiff")
needs_ffmpeg = pytest.mark.skipif(not saving.shutil.which("ffmpeg"), reason="no ffmpeg")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("RIFFEDU_CACHE", str(tmp_path_factory.mktemp("cache")))
    provenance._hash_once.cache_clear()


@pytest.fixture
def tune(tmp_path):
    path = tmp_path / "tune.wav"
    soundfile.write(path, synth.pluck(220, 1.5), RATE)
    return path


@pytest.fixture
def shell(ours):
    def run(*args) -> int:
        model = [] if args[0] in ("show", "image-to-audio", "audio-to-image") else ["--model", ours]
        if args[0] == "again" and "--model" in args:
            model = []
        steps = ["--steps", 2] if model and args[0] != "again" else []
        quiet = ["--quiet"] if args[0] not in ("show", "image-to-audio", "audio-to-image") else []
        return cli.main([str(arg) for arg in (*args, *model, *steps, *quiet)])

    return run


def samples(path):
    """What is in the file, without `load`'s conversions."""
    with open(path, "rb") as file, soundfile.SoundFile(file) as sound:
        return sound.read(dtype="float64"), sound.subtype


def same(one, other) -> bool:
    (a, kind), (b, other_kind) = samples(one), samples(other)
    return kind == other_kind and np.array_equal(a, b)


# Round trips


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "opus", *PICTURES])
def test_round_trip(shell, tmp_path, ending):
    out, picture = tmp_path / "a.wav", tmp_path / f"a.{ending}"
    extra = ["--image", picture] if ending in PICTURES else []
    out = out if extra else picture
    words = ["--negative-prompt", "drums", "--seed", 9, "--guidance-scale", 4]
    assert shell("generate", WORDS, "-o", out, *extra, *words, "--duration", 0.32) == 0
    record = read_record(picture)
    assert record == {
        "riffedu": riffedu.__version__,
        "verb": "generate",
        "prompt": WORDS,
        "negative_prompt": "drums",
        "seed": 9,
        "num_inference_steps": 2,
        "guidance_scale": 4.0,
        "duration": 0.32,
        "sampler": "dpmpp_2m",
        "tempo": record["tempo"],
        "key": "",
        "model": record["model"],
        "model_hash": record["model_hash"],
    }
    assert len(record["model_hash"]) == provenance.DIGITS
    assert str(tmp_path) not in picture.read_bytes().decode("latin-1")
    if not extra:
        assert len(samples(out)[0]) > 0.3 * 44100


@needs_ffmpeg
def test_round_trip_through_ffmpeg(shell, tmp_path):
    out = tmp_path / "a.m4a"
    assert shell("generate", WORDS, "-o", out, "--duration", 0.32) == 0
    assert read_record(out)["prompt"] == WORDS
    command = ["ffmpeg", "-v", "error", "-i", out, "-f", "wav", "-"]
    assert len(subprocess.run(command, capture_output=True, check=True).stdout) > 0.3 * 2 * 44100


@needs_ffmpeg
@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_other_programs_read_it(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    record = {"riffedu": "0.1.0", "prompt": "a piano", "seed": 3}
    audio.save(path, synth.sine(440, 1.0), RATE, record=record)
    entries = "format_tags:stream_tags"
    command = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", path]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    tags = told["format"].get("tags") or told["streams"][0]["tags"]
    tags = {key.lower(): value for key, value in tags.items()}
    assert tags["title"] == "a piano" and json.loads(tags["comment"]) == record


def test_pictures_speak_the_notation_of_image_tools(shell, tmp_path):
    picture = tmp_path / "a.png"
    args = ["--negative-prompt", "drums", "--seed", 9, "--image", picture, "--duration", 0.32]
    assert shell("generate", "a piano", "-o", tmp_path / "a.wav", *args) == 0
    with Image.open(picture) as image:
        lines = image.info["parameters"].splitlines()
    record = read_record(picture)
    assert lines[:2] == ["a piano", "Negative prompt: drums"]
    assert lines[2] == (
        f"Steps: 2, Sampler: dpmpp_2m, CFG scale: 7.0, Seed: 9, Size: 32x512, "
        f"Model hash: {record['model_hash']}, Model: {record['model']}, "
        f"Version: riffedu {riffedu.__version__}"
    )


@pytest.mark.parametrize("length", [0, 1, 2, 999, 20000])
@pytest.mark.parametrize("bits", ["16", "24", "float"])
def test_tags_leave_the_samples_alone(tmp_path, length, bits):
    sound = synth.sine(440, 0.1)[:4001]
    plain, told = tmp_path / "a.wav", tmp_path / "b.wav"
    audio.save(plain, sound, RATE, bits)
    record = {"riffedu": "0.1.0", "prompt": "x" * length}
    audio.save(told, sound, RATE, bits, record)
    assert same(plain, told) and read_record(told) == record and read_record(plain) is None
    data = told.read_bytes()
    assert int.from_bytes(data[4:8], "little") == len(data) - 8


def test_sample_formats(tmp_path):
    sound = np.float32(1.5) * synth.sine(440, 0.1) / np.abs(synth.sine(440, 0.1)).max()
    path = audio.save(tmp_path / "a.wav", sound, RATE, "float")
    assert np.array_equal(audio.load(path)[0], sound)
    for ending in ("wav", "flac"):
        path = audio.save(tmp_path / f"b.{ending}", sound / 2, RATE, 24)
        assert np.abs(audio.load(path)[0] - sound / 2).max() < 2**-22
    for name, bits, words in [
        ("a.flac", "float", "use .wav"),
        ("a.mp3", 16, "omit the bits"),
        ("a.wav", 12, "bits must be one of"),
    ]:
        with pytest.raises(riffedu.errors.RiffeduError, match=words):
            audio.save(tmp_path / name, sound / 2, RATE, bits)


# Again


@pytest.mark.parametrize("ending, bits", [("wav", 16), ("wav", 24), ("wav", "float"), ("flac", 24)])
def test_generate_again(shell, tmp_path, ending, bits):
    one, two = tmp_path / f"one.{ending}", tmp_path / f"two.{ending}"
    assert shell("generate", WORDS, "-o", one, "--seed", 5, "--duration", 0.64, "--bits", bits) == 0
    assert shell("again", one, "-o", two) == 0
    assert same(one, two) and read_record(one) == read_record(two)


def test_stereo_again(shell, tmp_path):
    one, two = tmp_path / "one.wav", tmp_path / "two.wav"
    assert shell("generate", "a calm piano", "-o", one, "--stereo", 0.4, "--duration", 0.64) == 0
    assert read_record(one)["stereo"] == 0.4
    assert shell("again", one, "-o", two) == 0
    assert same(one, two) and samples(one)[0].shape[1] == 2
    mono = tmp_path / "mono.wav"
    assert shell("generate", "a calm piano", "-o", mono, "--duration", 0.64) == 0
    middle, sound = samples(one)[0].mean(1), samples(mono)[0]
    gain = middle @ sound / (sound @ sound)
    assert 0.5 < gain <= 1.001 and abs(middle - gain * sound).max() < 2 / 32768


def test_again_from_a_picture_and_to_one(shell, tmp_path):
    sound, picture = tmp_path / "a.wav", tmp_path / "a.png"
    assert shell("generate", "organ", "-o", sound, "--image", picture, "--duration", 0.32) == 0
    assert shell("again", picture, "-o", tmp_path / "b.wav") == 0
    assert shell("again", sound, "-o", tmp_path / "b.png") == 0
    assert same(sound, tmp_path / "b.wav")
    assert picture.read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    "args",
    [
        ["transform", "{tune}", "organ", "--strength", 0.5],
        ["transform", "{tune}", "organ", "--only", "bass", "--after", 0.5],
        ["extend", "{tune}", "organ", "--seconds", 3],
        ["loop", "organ", "--bpm", 100, "--beats", 4],
        ["interpolate", "piano", "organ", "violin", "--pieces", 1, "--easing", "smooth"],
        ["generate", "piano", "--takes", 3, "--duration", 1.28],
    ],
    ids=lambda args: f"{args[0]} {len(args)}",
)
def test_every_verb_again(shell, tune, tmp_path, args, monkeypatch):
    def scores(classifier, prompt, results):
        return np.array([0.1, 0.9, 0.2]), "test"

    monkeypatch.setattr("riffedu.evaluate.takes.take_scores", scores)
    one, two = tmp_path / "one.wav", tmp_path / "two.wav"
    assert shell(*(str(a).format(tune=tune) for a in args), "-o", one, "--seed", 3) == 0
    needs = ["--audio", tune] if "{tune}" in args else []
    assert shell("again", one, "-o", two, *needs) == 0
    assert same(one, two) and read_record(one) == read_record(two)


def test_a_picture_played_again(shell, tmp_path):
    sound, picture = tmp_path / "a.wav", tmp_path / "a.png"
    assert shell("generate", "organ", "-o", sound, "--image", picture, "--duration", 0.64) == 0
    one, two = tmp_path / "one.wav", tmp_path / "two.wav"
    assert shell("image-to-audio", "--image", picture, "-o", one, "--seed", 4) == 0
    record = read_record(one)
    assert record["verb"] == "image-to-audio" and record["made_from"] == read_record(picture)
    assert shell("again", one, "-o", two, "--image", picture) == 0
    assert same(one, two)


def test_what_is_lacking_is_said(shell, tune, tmp_path, capsys, monkeypatch):
    made, out = tmp_path / "a.wav", tmp_path / "b.wav"
    assert shell("transform", tune, "organ", "-o", made) == 0
    other = write_riffedu_checkpoint(tmp_path / "other", defaults={"guidance_scale": 3})
    weights = next((other / "unet").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    long = tmp_path / "long.wav"
    soundfile.write(long, synth.pluck(220, 1.6), RATE)
    plain = tmp_path / "plain.wav"
    soundfile.write(plain, synth.pluck(220, 1.6), RATE)
    array = load_pipeline(other).transform(
        audio.load(tune), "a", mask=np.ones((512, 150)), num_inference_steps=2, progress=False
    )
    array.save(tmp_path / "array.wav")
    capsys.readouterr()
    for args, words in [
        ([made], "give it with --audio"),
        ([made, "--audio", long], "is not the sound"),
        ([made, "--audio", tune, "--model", other], "--model"),
        ([plain], "no record by riffedu"),
        ([tmp_path / "none.wav"], "No such file"),
        ([tmp_path / "array.wav"], "a mask that the file does not contain"),
    ]:
        assert shell("again", *args, "-o", out) == 2, words
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1 and not out.exists()
    assert shell("show", plain) == 1
    assert "does not say how it was made" in capsys.readouterr().out


GENERATED = {
    "verb": "generate",
    "prompt": "a",
    "negative_prompt": "",
    "seed": 0,
    "num_inference_steps": 1,
    "guidance_scale": 2.0,
    "duration": 0.32,
    "sampler": "ddim",
    "tempo": 100,
    "model": "default",
}


@pytest.mark.parametrize(
    "change",
    [
        {"verb": None},
        {"verb": ["generate"]},
        {"verb": "sing"},
        {"prompt": None},
        {"duration": None},
        {"sampler": "odd"},
        {"sampler": ["ddim"]},
        {"batch": 3},
        {"batch": [[1]]},
        {"batch": [["b", "", 0, 100], ["c", "", 1, 100]]},
        {"magic": 1},
        {"model": "someone/else"},
        {"model": "../default"},
        {"verb": "transform"},
        {"verb": "image-to-audio"},
    ],
    ids=str,
)
def test_damaged_records_are_one_line(tmp_path, capsys, monkeypatch, change):
    monkeypatch.setattr("riffedu.music.pipeline.load_pipeline", pytest.fail)
    record = {"riffedu": riffedu.__version__, **GENERATED, **change}
    record = {key: value for key, value in record.items() if value is not None}
    path = audio.save(tmp_path / "a.wav", synth.sine(440, 0.1), RATE, record=record)
    assert cli.main(["again", str(path), "-o", str(tmp_path / "b.wav")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Traceback" not in said
    assert cli.main(["show", str(path)]) == 0


def test_another_version_warns(shell, tmp_path, capsys, monkeypatch):
    made = tmp_path / "a.wav"
    assert shell("generate", "organ", "-o", made, "--duration", 0.32) == 0
    monkeypatch.setattr("riffedu.verbs.again.__version__", "9.9")
    assert shell("again", made, "-o", tmp_path / "b.wav") == 0
    said = capsys.readouterr().err
    assert "made by riffedu 0.1.0, this is 9.9" in said and said.count("\n") == 1


def test_show(shell, tune, tmp_path, capsys):
    made = tmp_path / "a.flac"
    assert shell("transform", tune, WORDS, "-o", made, "--only", "bass") == 0
    capsys.readouterr()
    assert shell("show", made) == 0
    told = capsys.readouterr().out
    for line in ("verb: transform", f"prompt: {WORDS}", "seed: 0", "sampler: dpmpp_2m", "mask:"):
        assert line in told
    assert shell("show", made, "--json") == 0
    assert json.loads(capsys.readouterr().out) == read_record(made)


@pytest.mark.parametrize(
    "data",
    [
        b"RIFF",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVELIST\xff\xff\xff\xffINFOICMT\xff\xff\xff\xff{",
        b"RIFF\0\0\0\0WAVELIST\x10\0\0\0INFOICMT\x02\0\0\0{}",
        b"ID3\4\0\0\x7f\x7f\x7f\x7fCOMM\x7f\x7f\x7f\x7f\0\0\3eng\0{",
        b"ID3\4\0\0\0\0\0\x14" + b"COMM" * 5,
        b"fLaC" + bytes(50),
        b"OggS" + bytes(50),
        b"\0\0\0\x18ftypM4A ",
        b"\x89PNG\r\n\x1a\n",
        bytes(100),
        b'{"riffedu": "1"}',
    ],
)
def test_damaged_files_have_no_record(tmp_path, data):
    path = tmp_path / "a"
    path.write_bytes(data)
    assert read_record(path) is None


# Records


def test_records_hold_plain_values():
    record = provenance.record_of(
        {
            "prompt": ["a", "b"],
            "seed": np.int64(3),
            "strength": np.float32(0.5),
            "mask": {"after": 2.0},
            "sampler": len,
            "rms_db": -20.0,
            "level": float("-inf"),
            "odd": object(),
            "nothing": None,
        }
    )
    assert json.loads(json.dumps(record)) == record
    assert record == {
        "riffedu": riffedu.__version__,
        "prompt": ["a", "b"],
        "seed": 3,
        "strength": 0.5,
        "mask": {"after": 2.0},
        "sampler": "len",
    }
    assert parameters_text(record).startswith("a → b\nSampler: len, Seed: 3")


def test_the_hash_of_a_model_is_computed_once(ours, monkeypatch):
    first = provenance.model_hash(ours)
    assert len(first) == provenance.DIGITS and provenance.cache_file().is_file()
    assert str(ours) not in provenance.cache_file().read_text()
    provenance._hash_once.cache_clear()
    monkeypatch.setattr(provenance.hashlib, "file_digest", None)  # now only from the cache
    assert provenance.model_hash(ours) == first
    provenance.cache_file().write_text("{damaged")
    monkeypatch.undo()
    provenance._hash_once.cache_clear()
    assert provenance.model_hash(ours) == first
    assert provenance.model_hash(ours / "none") is None


def test_results_save_themselves(ours, tmp_path):
    result = load_pipeline(ours).generate(
        ["piano", "organ"], num_inference_steps=1, duration=0.32, progress=False
    )[1]
    assert read_record(result.save(tmp_path / "a.wav")) == json.loads(json.dumps(result.record))
    assert read_record(result.save(tmp_path / "a.png"))["batch"][1][:3] == ["organ", "", 0]
    assert image_record(load_image(tmp_path / "a.png"))["prompt"] == "organ"
    assert (
        cli.main(
            ["again", str(tmp_path / "a.wav"), "-o", str(tmp_path / "b.wav"), "--model", str(ours)]
        )
        == 0
    )
    assert same(tmp_path / "a.wav", tmp_path / "b.wav")


def test_clips_alone_and_in_a_batch(ours):
    """The bound that `generate` states: the same noise, and rounding that differs."""
    pipeline = load_pipeline(ours)
    options = {"num_inference_steps": 4, "duration": 1.28, "progress": False}
    batch = pipeline.generate("piano", seed=[1, 2, 3], **options)
    for seed, one in zip((1, 2, 3), batch):
        alone = pipeline.generate("piano", seed=seed, **options)
        greys = [np.asarray(each.image).astype(int) for each in (one, alone)]
        assert np.abs(greys[0] - greys[1]).max() <= 1
        assert (greys[0] != greys[1]).mean() < 1e-3
