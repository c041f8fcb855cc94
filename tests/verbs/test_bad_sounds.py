"""Bad sounds: they work, or they end in one clear line and exit code 2.

Every case goes through the Python functions and through the shell: never a traceback, never a
half-written file, and no warning but the one that says how much was read of how much.
"""

import shutil

import numpy as np
import pytest
from bad_input import RATE, TONE, cut, damaged, header, out, shell, sound  # noqa: F401  (fixture)

from riffedu import cli
from riffedu.errors import RiffeduError
from riffedu.signal import audio, convert, synth
from riffedu.signal.image import load_image

pytestmark = pytest.mark.filterwarnings("error", "default::riffedu.errors.RiffeduWarning")


def with_sample(value, at: int = 9999):
    samples = TONE.astype(np.float64)
    samples[at] = value
    return samples


# How the file is made, and the words of its error or the columns of its picture.
SOUNDS = {
    "nothing in it": (damaged(lambda data: b""), "cannot be read as a sound"),
    "text": (damaged(lambda data: b"not a sound\n" * 99), "cannot be read as a sound"),
    "a header alone": (sound(np.zeros(0)), "the sound is empty"),
    "cut in its header": (damaged(cut(0.0005)), "cut short"),
    "a WAV cut in half": (damaged(cut(0.5)), range(29, 31)),
    "a WAV cut inside a sample": (damaged(lambda data: data[:20001]), range(21, 24)),
    "a FLAC cut in half": (damaged(cut(0.5), ending="flac"), range(15, 61)),
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
    "a header that says 1 Hz": (damaged(header(24, 1)), "its sample rate is 1 Hz"),
    "a header that says 0 Hz": (damaged(header(24, 0)), "cannot be read as a sound"),
    "a header that says 2 GHz": (
        damaged(header(24, 2**31 - 1)),
        "its sample rate is 2147483647 Hz",
    ),
    "a header that says 4 GB": (damaged(header(40, 2**32 - 16)), 60),
    "a header that says 0 channels": (damaged(header(22, 0, "<H")), "cannot be read as a sound"),
    "a folder": (lambda path: path.mkdir(), "is a folder"),
    "nothing there": (lambda path: None, "no such sound file"),
}
each_sound = pytest.mark.parametrize("name", SOUNDS)


def make_sound(name, folder):
    make, outcome = SOUNDS[name]
    path = folder / f"sound.{getattr(make, 'ending', 'wav')}"
    make(path)
    return path, outcome


def fits(columns: int, outcome) -> bool:
    return columns in outcome if isinstance(outcome, range) else columns == outcome


@each_sound
def test_sound_in_python(name, tmp_path):
    path, outcome = make_sound(name, tmp_path)
    if isinstance(outcome, str):
        with pytest.raises(RiffeduError) as error:
            if "too loud" in outcome:
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
