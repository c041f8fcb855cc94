"""Bad sounds and bad pictures: they work, or they end in one clear line and exit code 2.

Every case goes through the Python functions and through the shell: never a traceback, never a
warning, never a half-written file.
"""

import shutil
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import soundfile
from PIL import Image

from riffedu import cli, stft
from riffedu.errors import RiffeduError
from riffedu.signal import audio, convert, synth
from riffedu.signal.image import (
    MAX_VALUE_TAG,
    RANGE_DB_TAG,
    image_from_spectrogram,
    load_image,
    save_image,
    spectrogram_from_image,
)
from riffedu.signal.params import EXIF_TAGS, SpectrogramParams

pytestmark = pytest.mark.filterwarnings("error")

RATE = 44100
TONE = synth.sine(440, 0.6)
SMALL = SpectrogramParams(
    sample_rate=8000,
    step_size_ms=16,
    window_duration_ms=64,
    padded_duration_ms=64,
    num_frequencies=64,
    max_frequency=4000,
)


# Sounds: how the file is made, and the words of its error, or the columns of its picture


def sound(samples=TONE, rate=RATE, ending="wav", subtype=None):
    def make(path):
        soundfile.write(path, samples, rate, subtype, format=ending)

    make.ending = ending
    return make


def damaged(change, **what):
    """A good file whose bytes are changed."""

    def make(path):
        sound(**what)(path)
        path.write_bytes(change(path.read_bytes()))

    make.ending = what.get("ending", "wav")
    return make


def cut(share: float):
    return lambda data: data[: int(len(data) * share)]


def header(at: int, value: int, kind: str = "<I"):
    """Another number in the header of a WAV file."""
    field = struct.pack(kind, value)
    return lambda data: data[:at] + field + data[at + len(field) :]


def with_sample(value, at: int = 9999):
    samples = TONE.astype(np.float64)
    samples[at] = value
    return samples


SOUNDS = {
    "nothing in it": (damaged(lambda data: b""), "no sound that can be read"),
    "text": (damaged(lambda data: b"not a sound\n" * 99), "no sound that can be read"),
    "a header alone": (sound(np.zeros(0)), "the sound is empty"),
    "cut in its header": (damaged(cut(0.0005)), "cut short"),
    "a WAV cut in half": (damaged(cut(0.5)), range(29, 31)),
    "a WAV cut inside a sample": (damaged(lambda data: data[:20001]), range(21, 24)),
    "a FLAC cut in half": (damaged(cut(0.5), ending="flac"), "cut short"),
    "an OGG cut in half": (damaged(cut(0.5), ending="ogg"), "cut short"),
    "an MP3 cut in half": (damaged(cut(0.5), ending="mp3"), range(15, 61)),
    "an MP3 of 40 bytes": (damaged(lambda data: data[:40], ending="mp3"), "cut short"),
    "an AIFF cut in half": (damaged(cut(0.5), ending="aiff"), range(20, 40)),
    "NaN": (sound(with_sample(np.nan), subtype="FLOAT"), "NaN or infinite"),
    "infinity": (sound(with_sample(np.inf), subtype="FLOAT"), "NaN or infinite"),
    "too large for a float": (sound(with_sample(1e300), subtype="DOUBLE"), "NaN or infinite"),
    "too large for its square": (sound(with_sample(2e38), subtype="FLOAT"), "too loud for float32"),
    "over full scale": (sound(20 * TONE, subtype="FLOAT"), 60),
    "silence": (sound(np.zeros(RATE)), 100),
    "1 sample": (sound(TONE[:1]), 1),
    "700 samples": (sound(TONE[:700]), range(1, 3)),
    "8 bits": (sound(subtype="PCM_U8"), 60),
    "24 bits": (sound(subtype="PCM_24"), 60),
    "ADPCM": (sound(subtype="IMA_ADPCM"), range(60, 67)),
    "6 channels": (sound(np.stack([TONE] * 6, -1)), 60),
    "8 kHz": (sound(synth.sine(440, 0.6, 8000), 8000), 60),
    "96 kHz": (sound(synth.sine(440, 0.6, 96000), 96000), 60),
    "192 kHz": (sound(synth.sine(440, 0.6, 192000), 192000), 60),
    "a header that says 1 Hz": (damaged(header(24, 1)), "1 samples a second"),
    "a header that says 0 Hz": (damaged(header(24, 0)), "no sound that can be read"),
    "a header that says 2 GHz": (damaged(header(24, 2**31 - 1)), "2147483647 samples a second"),
    "a header that says 4 GB": (damaged(header(40, 2**32 - 16)), 60),
    "a header that says 0 channels": (damaged(header(22, 0, "<H")), "no sound that can be read"),
    "a folder": (lambda path: path.mkdir(), "no such sound file"),
    "nothing there": (lambda path: None, "no such sound file"),
}
each_sound = pytest.mark.parametrize("name", SOUNDS)


def make_sound(name, folder):
    make, outcome = SOUNDS[name]
    path = folder / f"sound.{getattr(make, 'ending', 'wav')}"
    make(path)
    return path, outcome


# Pictures: how they are made, and the words of their error, or the seconds of their sound


def small(columns: int = 20) -> Image.Image:
    return image_from_spectrogram(np.random.default_rng(0).random((64, columns)), SMALL)


def picture(change=lambda image: image, ending="png", tags=True, **lies):
    """A small picture, changed, with tags that lie."""

    def make(path):
        image, exif = change(small()), small().getexif()
        exif.update({TAGS[name]: value for name, value in lies.items()})
        image.save(path, **({"exif": exif.tobytes()} if tags else {}))

    make.ending = ending
    return make


TAGS = EXIF_TAGS | {"max_value": MAX_VALUE_TAG, "range_db": RANGE_DB_TAG}


def broken(change):
    def make(path):
        picture()(path)
        path.write_bytes(change(path.read_bytes()))

    return make


def tagged_with(data: bytes):
    return lambda path: small().save(path, exif=data)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and has no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        ends = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + ends

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def grey16(image):
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


WHOLE = 20 * 0.016
PICTURES = {
    "as it should be": (picture(), WHOLE),
    "RGBA": (picture(lambda im: im.convert("RGBA")), WHOLE),
    "a palette": (picture(lambda im: im.convert("P")), WHOLE),
    "grey": (picture(lambda im: im.convert("L")), WHOLE),
    "grey and see-through": (picture(lambda im: im.convert("LA")), WHOLE),
    "one bit": (picture(lambda im: im.convert("1")), WHOLE),
    "16 bits": (picture(grey16), WHOLE),
    "CMYK": (picture(lambda im: im.convert("CMYK"), "jpg"), WHOLE),
    "WebP": (picture(ending="webp"), WHOLE),
    "not numbers": (
        picture(lambda im: Image.fromarray(np.full((64, 20), np.nan, np.float32)), "tif"),
        "grey levels",
    ),
    "numbers below 0": (
        picture(lambda im: Image.fromarray(np.full((64, 20), -5, np.int32)), "tif"),
        "grey levels",
    ),
    "1 pixel": (picture(lambda im: im.crop((0, 0, 1, 1)), tags=False), "512 tall"),
    "1 pixel with tags": (picture(lambda im: im.crop((0, 0, 1, 1))), "64 tall"),
    "1 column": (picture(lambda im: im.crop((0, 0, 1, 64))), 0.016),
    "1 row": (picture(lambda im: im.crop((0, 0, 20, 1))), "64 tall"),
    "63 rows": (picture(lambda im: im.crop((0, 0, 20, 63))), "20 × 63"),
    "a photo's size": (picture(lambda im: im.resize((640, 480)), tags=False), "640 × 480"),
    "all white": (picture(lambda im: Image.new("RGB", im.size, "white")), WHOLE),
    "all black": (picture(lambda im: Image.new("RGB", im.size)), WHOLE),
    "nothing in it": (broken(lambda data: b""), "no picture"),
    "text": (broken(lambda data: b"not a picture" * 99), "no picture"),
    "a sound": (sound(ending="wav"), "no picture"),
    "cut in half": (broken(cut(0.5)), "truncated"),
    "cut in its header": (broken(lambda data: data[:20]), "no picture"),
    "a hole in it": (broken(lambda data: data[:900] + bytes(99) + data[999:]), "no picture"),
    "0 pixels": (lambda path: path.write_bytes(png_of_size(0, 0)), "no picture"),
    "3600 megapixels": (lambda path: path.write_bytes(png_of_size(60000, 60000)), "too large"),
    "100 megapixels, all missing": (
        lambda path: path.write_bytes(png_of_size(200000, 512)),
        "truncated",
    ),
    "a folder": (lambda path: path.mkdir(), "no picture"),
    "nothing there": (lambda path: None, "No such file"),
    "tags of rubbish": (tagged_with(b"\xff" * 200), "EXIF tags are damaged"),
    "tags cut short": (tagged_with(b"Exif\0\0II*\0\x08\0\0\0"), "EXIF tags are damaged"),
    "tags that go round": (
        tagged_with(
            b"Exif\0\0II*\0\x08\0\0\0\x01\0\x00\x01\x03\0\xff\xff\xff\x7f\x08\0\0\0\x08\0\0\0"
        ),
        "EXIF tags are damaged",
    ),
    "rate 0": (picture(sample_rate=0), "sample_rate=0"),
    "rate −1": (picture(sample_rate=-1), "sample_rate=-1"),
    "rate in words": (picture(sample_rate="high"), "'high'"),
    "rate twice": (picture(sample_rate=(1, 2)), "(1, 2)"),
    "rate not a number": (picture(sample_rate=float("nan")), "nan"),
    "rate beyond all": (picture(sample_rate=2**31), "frames of over"),
    "a prime rate": (picture(sample_rate=8009), 20 * 128 / 8009),
    "stereo": (picture(stereo=1), WHOLE),
    "stereo in one grey channel": (picture(lambda im: im.convert("L"), stereo=1), "say stereo"),
    "step 0": (picture(step_size_ms=0), "at least one sample"),
    "step as long as the window": (picture(step_size_ms=64), "NOLA"),
    "step longer than the window": (picture(step_size_ms=65), "step_size_ms=65"),
    "no window": (picture(window_duration_ms=0), "window_duration_ms=0"),
    "frames of an hour": (picture(padded_duration_ms=3600000), "frames of over"),
    "other rows": (picture(num_frequencies=512), "512 tall"),
    "rows without end": (picture(num_frequencies=10**9), "frames of over"),
    "upside down": (picture(min_frequency=4000, max_frequency=100), "min_frequency=4000"),
    "above half the rate": (picture(max_frequency=4001), "max_frequency=4001"),
    "a band of 5 Hz": (picture(max_frequency=5), WHOLE),
    "power 0": (picture(power_for_image=0), "power_for_image"),
    "power beyond sense": (picture(power_for_image=1e-9), "power_for_image"),
    "black is silent": (picture(max_value=0), WHOLE),
    "black is negative": (picture(max_value=-1), "MAX_VALUE"),
    "black is infinite": (picture(max_value=float("inf")), "MAX_VALUE"),
    "black is deafening": (picture(max_value=1e11), WHOLE),
    "decibels 0": (picture(range_db=0), "no decibels"),
    "decibels not a number": (picture(range_db=float("nan")), "no decibels"),
}
each_picture = pytest.mark.parametrize("name", PICTURES)


def make_picture(name, folder):
    make, outcome = PICTURES[name]
    path = folder / f"picture.{getattr(make, 'ending', 'png').replace('wav', 'png')}"
    if outcome == "no picture" and name == "a sound":
        make(folder / "sound.wav")
        shutil.move(folder / "sound.wav", path)
    else:
        make(path)
    return path, outcome


# What must hold


def shell(capsys, *args) -> tuple[int, str]:
    """Exit code and what stderr said; error lines are one, and begin as they should."""
    code = cli.main([str(arg) for arg in args])
    said = capsys.readouterr().err
    if code:
        assert code == 2 and said.count("\n") == 1 and said.startswith("riffedu: error: ")
        assert "Traceback" not in said
    return code, said


def fits(columns: int, outcome) -> bool:
    return columns in outcome if isinstance(outcome, range) else columns == outcome


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


# Sounds


@each_sound
def test_sound_in_python(name, tmp_path):
    path, outcome = make_sound(name, tmp_path)
    if isinstance(outcome, str):
        with pytest.raises(RiffeduError) as error:
            if "louder" in outcome:
                convert.file_to_image(path)
            audio.load(path)
        assert outcome in str(error.value) and "\n" not in str(error.value)
        with pytest.raises(RiffeduError):
            for _ in convert.file_to_images(path):
                pass
        return
    waveform, rate = audio.load(path)
    whole = convert.audio_to_image(waveform, rate)
    assert fits(whole.width, outcome) and whole.height == 512
    assert np.array_equal(whole, convert.file_to_image(path))


@each_sound
def test_sound_in_the_shell(name, tmp_path, out, capsys):
    path, outcome = make_sound(name, tmp_path)
    code, said = shell(capsys, "audio-to-image", "--audio", path, "--image", out / "a.png")
    if isinstance(outcome, str):
        assert code == 2 and outcome in said and not list(out.iterdir())
    else:
        assert code == 0 and fits(load_image(out / "a.png").width, outcome)


@each_sound
def test_clips_of_a_sound(name, tmp_path, out, capsys):
    """Whatever part of the sound is drawn, whole clips come of it or one line."""
    path, _ = make_sound(name, tmp_path)
    for seed in range(3):
        code, _ = shell(
            capsys,
            "sample-clips",
            "--audio",
            path,
            "--output-dir",
            out,
            "--seed",
            seed,
            "--duration-ms",
            10,
            "--num-clips",
            4,
        )
    for clip in out.iterdir():
        waveform, rate = audio.load(clip)
        assert waveform.shape[-1] == round(rate / 100) and np.abs(waveform).max() <= 1


def test_a_stereo_picture_of_six_channels(tmp_path, out, capsys):
    path, _ = make_sound("6 channels", tmp_path)
    code, said = shell(
        capsys, "audio-to-image", "--audio", path, "--image", out / "a.png", "--stereo"
    )
    assert code == 2 and "the sound has 6" in said and not list(out.iterdir())


def test_a_folder_of_bad_sounds(tmp_path, out, capsys):
    """A batch goes on past each of them, and names it at the end."""
    sounds, bad = tmp_path / "sounds", set()
    sounds.mkdir()
    for i, name in enumerate(SOUNDS):
        path, outcome = make_sound(name, sounds)
        if path.is_file():
            path = path.rename(sounds / f"{i:02d}{path.suffix}")
            bad |= {path.name} if isinstance(outcome, str) else set()
        else:
            shutil.rmtree(path, ignore_errors=True)
    command = [
        "audio-to-images-batch",
        "--audio-dir",
        sounds,
        "--output-dir",
        out,
        "--mono",
        "--num-threads",
        1,
    ]
    assert cli.main([str(arg) for arg in command]) == 1
    said = capsys.readouterr().err
    assert {line.split()[2][:-1] for line in said.splitlines() if "skipped" in line} == bad
    made = sorted(out.iterdir())
    assert len(made) == len(list(sounds.iterdir())) - len(bad)
    for path in made:
        assert load_image(path).height == 512


# Pictures


@each_picture
def test_picture_in_python(name, tmp_path):
    path, outcome = make_picture(name, tmp_path)
    if isinstance(outcome, str):
        with pytest.raises(RiffeduError) as error:
            convert.image_to_audio(load_image(path))
        assert outcome in str(error.value) and "\n" not in str(error.value)
        return
    image = load_image(path)
    mel = spectrogram_from_image(image)
    assert np.isfinite(mel).all() and mel.min() >= 0 and mel.shape[-1] == image.width
    for quality in ("fast", "plain"):
        waveform, rate = convert.image_to_audio(image, quality=quality, n_iter=2)
        assert np.isfinite(waveform).all()
        assert abs(waveform.shape[-1] / rate - outcome) < 1e-6


@each_picture
def test_picture_in_the_shell(name, tmp_path, out, capsys):
    path, outcome = make_picture(name, tmp_path)
    code, said = shell(capsys, "image-to-audio", "--image", path, "-o", out / "a.wav")
    if isinstance(outcome, str):
        assert code == 2 and outcome in said and not list(out.iterdir())
    else:
        waveform, rate = audio.load(out / "a.wav")
        assert code == 0 and abs(waveform.shape[-1] / rate - outcome) < 1e-6


@each_picture
def test_tags_printed(name, tmp_path, capsys):
    path, outcome = make_picture(name, tmp_path)
    code = cli.main(["print-exif", "--image", str(path)])
    said = capsys.readouterr()
    if code:
        assert code == 2 and said.err.count("\n") == 1 and not said.out
        assert isinstance(outcome, str)
    else:
        assert not said.err and said.out.strip()


def test_a_picture_of_40000_columns(tmp_path, out, capsys):
    tags = SpectrogramParams(
        sample_rate=1000,
        step_size_ms=8,
        window_duration_ms=32,
        padded_duration_ms=32,
        num_frequencies=8,
        max_frequency=500,
    )
    mel = np.random.default_rng(0).random((8, 40000)).astype(np.float32)
    save_image(image_from_spectrogram(mel, tags), tmp_path / "wide.png")
    image = load_image(tmp_path / "wide.png")
    assert spectrogram_from_image(image).shape == (8, 40000)
    code = cli.main(
        ["image-to-audio", "--image", str(tmp_path / "wide.png"), "-o", str(out / "a.flac")]
    )
    assert code == 0 and audio.duration(out / "a.flac") == 320


# Half-written files


@pytest.mark.parametrize("verb", ["audio-to-image", "image-to-audio"])
def test_what_was_there_stays_when_the_input_is_bad(verb, tmp_path, capsys):
    (tmp_path / "bad").write_bytes(b"neither sound nor picture")
    place = tmp_path / ("old.png" if verb == "audio-to-image" else "old.wav")
    place.write_bytes(b"an old file")
    flags = ("--audio", "--image") if verb == "audio-to-image" else ("--image", "-o")
    code, _ = shell(capsys, verb, flags[0], tmp_path / "bad", flags[1], place)
    assert code == 2 and place.read_bytes() == b"an old file"
    assert {p.name for p in tmp_path.iterdir()} == {"bad", place.name}


@pytest.mark.parametrize("verb", ["audio-to-image", "image-to-audio"])
def test_what_was_there_stays_when_the_disk_is_full(verb, tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    sound()(tmp_path / "in.wav")
    picture()(tmp_path / "in.png")
    if verb == "audio-to-image":
        args, place = ("--audio", tmp_path / "in.wav", "--image"), tmp_path / "old.png"
        monkeypatch.setattr(Image.Image, "save", full)
    else:
        args, place = ("--image", tmp_path / "in.png", "-o"), tmp_path / "old.wav"
        monkeypatch.setattr(soundfile.SoundFile, "write", full)
    place.write_bytes(b"an old file")
    code, said = shell(capsys, verb, *args, place)
    assert code == 2 and "No space left" in said and place.read_bytes() == b"an old file"
    assert {p.name for p in tmp_path.iterdir()} == {"in.wav", "in.png", place.name}


# A process of its own


@pytest.mark.parametrize(
    ("verb", "flag", "words"),
    [
        (("audio-to-image", "--image", "a.png"), "--audio", "no sound that can be read"),
        (("image-to-audio", "-o", "a.wav"), "--image", "no picture can be read"),
    ],
)
def test_a_process_ends_in_one_line_and_exit_code_2(verb, flag, words, tmp_path):
    (tmp_path / "bad").write_bytes(b"neither sound nor picture")
    done = subprocess.run(
        [sys.executable, "-m", "riffedu", *verb, flag, "bad"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.count("\n") == 1 and words in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["bad"]


# Arrays


ARRAYS = {
    "empty": (np.zeros(0), "empty"),
    "no channels": (np.zeros((0, 100)), "empty"),
    "channels of no samples": (np.zeros((2, 0)), "empty"),
    "NaN": (np.array([0.1, np.nan, 0.2]), "NaN"),
    "infinite": (np.array([0.1, -np.inf, 0.2]), "infinite"),
    "three axes": (np.zeros((1, 2, 3)), "shape"),
    "one number": (np.float32(0.5), "shape"),
    "words": (np.array(["a", "b"]), "numbers"),
    "a list of lists of different lengths": ([[0.1, 0.2], [0.3]], "numbers"),
    "None": (None, ""),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_no_sound(name, out):
    samples, words = ARRAYS[name]
    for use in (
        lambda: convert.audio_to_image(samples, RATE),
        lambda: audio.save(out / "a.wav", samples, RATE),
        lambda: audio.set_level(samples),
        lambda: audio.resample(samples, RATE, 8000),
    ):
        with pytest.raises(RiffeduError) as error:
            use()
        assert words in str(error.value) and "\n" not in str(error.value)
    assert not list(out.iterdir())


@pytest.mark.parametrize("samples", [[], None, "word", [np.nan] * 99, 1j * np.ones(99), 0.5])
def test_arrays_that_have_no_stft(samples):
    with pytest.raises(RiffeduError):
        stft(samples, 64, 16)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_rates_that_are_none(rate):
    with pytest.raises(RiffeduError):
        convert.audio_to_image(TONE, rate)


@pytest.mark.parametrize("image", [None, "a.png", np.zeros((512, 10), np.uint8), b"png"])
def test_things_that_are_no_picture(image):
    with pytest.raises(RiffeduError, match="PIL picture"):
        convert.image_to_audio(image)
