"""Files there and back, resampling, levels, and one clear line for what is no sound."""

import numpy as np
import pytest
import soundfile

from riffedu.audio import load, peak_db, resample, rms_db, save, set_level
from riffedu.errors import RiffeduError


def tone(seconds=0.5, rate=44100, hertz=440.0, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(
        np.float32
    )


@pytest.mark.parametrize("suffix, tolerance", [(".wav", 1e-4), (".flac", 1e-4), (".ogg", None),
                                               (".mp3", None)])  # fmt: skip
@pytest.mark.parametrize("channels", [1, 2])
def test_files_there_and_back(tmp_path, suffix, tolerance, channels):
    sound = tone() if channels == 1 else np.stack([tone(), tone(hertz=550)])
    path = save(tmp_path / f"a{suffix}", sound, 44100)
    back, rate = load(path)
    assert rate == 44100 and back.dtype == np.float32 and back.ndim == channels
    assert abs(rms_db(back) - rms_db(sound)) < 0.5
    if tolerance:
        assert back.shape == sound.shape and np.abs(back - sound).max() < tolerance
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_a_long_ogg_is_written_whole(tmp_path):
    path = save(tmp_path / "a.ogg", tone(30), 44100)
    assert len(load(path)[0]) == 30 * 44100


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_depth(tmp_path, subtype):
    soundfile.write(tmp_path / "a.wav", tone(rate=8000), 8000, subtype=subtype)
    back, rate = load(tmp_path / "a.wav", sample_rate=96000)
    assert rate == 96000 and len(back) == 48000
    assert abs(rms_db(back) - rms_db(tone())) < 0.1


def test_six_channels(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.tile(tone()[:, None], 6), 44100)
    assert load(tmp_path / "a.wav")[0].shape == (6, 22050)


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
def test_resampling_keeps_a_tone_and_drops_what_does_not_fit(rate):
    there = resample(tone(), 44100, rate)
    assert there.shape == (round(22050 * rate / 44100),)
    middle = slice(len(there) // 4, -len(there) // 4)
    assert np.abs(there - tone(rate=rate)[: len(there)])[middle].max() < 1e-3
    high = resample(tone(hertz=15000), 44100, 22050)
    assert rms_db(high[2000:-2000]) < -80


def test_levels():
    assert rms_db(tone(amplitude=1.0)) == pytest.approx(-3.01, abs=0.01)
    assert peak_db(np.array([0.1, -0.5])) == pytest.approx(-6.02, abs=0.01)
    assert rms_db(np.zeros(9)) == peak_db(np.zeros(9)) == -np.inf
    assert rms_db(set_level(tone(amplitude=0.01))) == pytest.approx(-20, abs=0.01)
    click = np.zeros(1000, np.float32)
    click[5] = 1e-3
    assert peak_db(set_level(click)) == pytest.approx(-1, abs=0.01)
    assert not set_level(np.zeros(9)).any()
    two = set_level(np.stack([tone(), tone() * 0.5]))
    assert rms_db(two[0]) - rms_db(two[1]) == pytest.approx(6.02, abs=0.01)


@pytest.mark.parametrize("sound, says", [
    (np.zeros(0), "empty"), (np.array([np.nan]), "NaN"), (np.array([0.0, 1.5]), r"\+3.5 dBFS"),
    (np.zeros((2, 2, 2)), "shape"), (np.float32(0.5), "shape"), (["a"], "numbers"),
])  # fmt: skip
def test_what_is_not_saved(tmp_path, sound, says):
    with pytest.raises(RiffeduError, match=says):
        save(tmp_path / "a.wav", sound, 44100)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name, rate, says", [
    ("a.xyz", 44100, "use .wav"), ("a", 44100, "use .wav"), ("no/such/a.wav", 44100, "written"),
    ("a.mp3", 12345, "written"), ("a.wav", 0, "written"),
])  # fmt: skip
def test_where_nothing_is_saved(tmp_path, name, rate, says):
    with pytest.raises(RiffeduError, match=says) as error:
        save(tmp_path / name, tone(), rate)
    assert "\n" not in str(error.value) and list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = save(tmp_path / "a.wav", tone(), 44100)
    before = path.read_bytes()
    with pytest.raises(RiffeduError):
        save(path, tone(), 0)
    assert path.read_bytes() == before


def test_what_is_not_loaded(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "nothing.wav").write_bytes(b"")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 44100)
    soundfile.write(tmp_path / "nan.wav", np.array([0, np.nan]), 44100, subtype="FLOAT")
    for name, says in [("none.wav", "no such"), ("text.wav", "no sound"), 
                       ("nothing.wav", "no sound"),
                       ("empty.wav", "empty"), ("nan.wav", "NaN"), ("", "no such")]:  # fmt: skip
        with pytest.raises(RiffeduError, match=says) as error:
            load(tmp_path / name)
        assert "\n" not in str(error.value)
    with pytest.raises(RiffeduError, match="sample rates"):
        resample(tone(), 44100, 0)
