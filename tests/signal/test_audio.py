"""Files there and back, resampling, levels, editing, and one clear line for what is no sound."""

import json
import warnings

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from riffedu.errors import RiffeduError, RiffeduWarning
from riffedu.paths import clips_folder, data_folder
from riffedu.signal import audio
from riffedu.signal.audio import (
    clip,
    clips,
    fade,
    load,
    load_blocks,
    loudness,
    mix,
    peak_db,
    ramp,
    resample,
    rms_db,
    save,
    set_level,
    set_loudness,
    stitch,
)


def tone(seconds=0.5, rate=44100, hertz=440.0, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(
        np.float32
    )


@pytest.mark.parametrize(
    "suffix, tolerance", [(".wav", 1e-4), (".flac", 1e-4), (".ogg", None), (".mp3", None)]
)
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


@pytest.mark.parametrize(
    "sound, says",
    [
        (np.zeros(0), "empty"),
        (np.array([np.nan]), "NaN"),
        (np.array([0.0, 1.5]), r"\+3.5 dBFS"),
        (np.zeros((2, 2, 2)), "shape"),
        (np.float32(0.5), "shape"),
        (["a"], "numbers"),
    ],
)
def test_what_is_not_saved(tmp_path, sound, says):
    with pytest.raises(RiffeduError, match=says):
        save(tmp_path / "a.wav", sound, 44100)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, rate, says",
    [
        ("a.xyz", 44100, "use .wav"),
        ("a", 44100, "use .wav"),
        ("no/such/a.wav", 44100, "written"),
        ("a.mp3", 12345, "written"),
        ("a.wav", 0, "written"),
    ],
)
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
    for name, says in [
        ("none.wav", "no such"),
        ("text.wav", "as a sound"),
        ("nothing.wav", "as a sound"),
        ("empty.wav", "empty"),
        ("nan.wav", "NaN"),
        ("", "is a folder"),
    ]:
        with pytest.raises(RiffeduError, match=says) as error:
            load(tmp_path / name)
        assert "\n" not in str(error.value)
    with pytest.raises(RiffeduError, match="sample rate"):
        resample(tone(), 44100, 0)


DEPTHS = {
    "WAV": {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 24, "FLOAT": 24, "DOUBLE": 24},
    "WAVEX": {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 24, "FLOAT": 24, "DOUBLE": 24},
    "AIFF": {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 24, "FLOAT": 24, "DOUBLE": 24},
    "FLAC": {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24},
}
LOSSY = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}
RATES = [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(
    "kind, subtype, bits",
    [(kind, subtype, bits) for kind, depths in DEPTHS.items() for subtype, bits in depths.items()],
)
def test_every_lossless_format_depth_channel_count_and_rate(
    tmp_path, kind, subtype, bits, channels, rate
):
    """Each channel holds its own noise, so a swap would show; the error is below one step."""
    sound = np.random.default_rng(channels).uniform(-0.9, 0.9, (channels, 700)).astype(np.float32)
    soundfile.write(tmp_path / "a", sound.T, rate, subtype=subtype, format=kind)
    back, found = load(tmp_path / "a")
    assert found == rate and back.dtype == np.float32
    assert back.shape == ((700,) if channels == 1 else (channels, 700))
    assert np.abs(np.atleast_2d(back) - sound).max() <= 2.0 ** (1 - bits)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_every_lossy_format_channel_count_and_rate(tmp_path, suffix, channels, rate):
    # Low tones and some room, because Vorbis takes the last of six channels for 5.1's bass.
    sound = np.stack([tone(1.0, rate, 40 + 5 * k, 0.1 + 0.1 * k) for k in range(channels)])
    if suffix == ".mp3" and (channels > 2 or rate > 48000):
        with pytest.raises(RiffeduError, match="save as .flac"):
            save(tmp_path / f"a{suffix}", sound, rate)
        return
    back, found = load(save(tmp_path / f"a{suffix}", sound, rate))
    assert found == rate and np.atleast_2d(back).shape[0] == channels
    for k, (kept, was) in enumerate(zip(np.atleast_2d(back), sound)):
        assert abs(rms_db(kept) - rms_db(was)) < (2.5 if k == 5 else 0.7)


@pytest.mark.parametrize(
    "suffix, survives",
    [
        (".wav", True),
        (".flac", True),
        (".ogg", False),
        (".mp3", True),
    ],
)
def test_a_file_that_was_cut_short_gives_what_is_there_or_one_line(tmp_path, suffix, survives):
    whole = save(tmp_path / f"a{suffix}", tone(1.0), 44100).read_bytes()
    for part in (0.5, 0.01):
        (tmp_path / f"b{suffix}").write_bytes(whole[: int(part * len(whole))])
        try:
            with warnings.catch_warnings(record=True) as said:
                sound = load(tmp_path / f"b{suffix}")[0]
        except RiffeduError as error:
            assert "cut short" in str(error) and "\n" not in str(error)
            assert part == 0.01 or not survives
        else:
            assert survives and 0 < len(sound) < 0.6 * 44100
            assert [w.category for w in said] == [RiffeduWarning]
            assert f"{len(sound) / 44100:.2f} s of 1.0" in str(said[0].message)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("to", [None, 44100, 22050, 48000, 8000])
@pytest.mark.parametrize("samples", [1, 700, 50000])
def test_pieces_laid_end_to_end_are_the_whole(tmp_path, channels, to, samples):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (channels, samples))
    soundfile.write(tmp_path / "a.wav", sound.T, 44100, subtype="FLOAT")
    pieces = list(load_blocks(tmp_path / "a.wav", 0.1, to))
    whole, _ = load(tmp_path / "a.wav", to)
    joined = np.concatenate(pieces, axis=-1)
    assert joined.shape == whole.shape and np.abs(joined - whole).max() < 1e-5
    assert samples < 10000 or len(pieces) > 5


def test_pieces_of_no_sound(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 44100)
    soundfile.write(tmp_path / "nan.wav", np.array([0, np.nan]), 44100, subtype="FLOAT")
    for name, says in [("empty.wav", "empty"), ("nan.wav", "NaN"), ("none.wav", "no such")]:
        with pytest.raises(RiffeduError, match=says):
            list(load_blocks(tmp_path / name))


# The course's own clips


def test_every_clip_is_there_credited_and_at_its_level():
    listed = clips()
    files = {path.name for path in clips_folder().iterdir()} - {"clips.json"}
    assert files == {entry["file"] for entry in listed.values()}
    assert sum(path.stat().st_size for path in clips_folder().iterdir()) < 15e6
    licences = (data_folder() / "LICENCES.md").read_text("utf-8")
    for name, entry in listed.items():
        sound, rate = clip(name)
        assert rate == 44100 and sound.shape[-1] <= round(5.12 * rate)
        assert rms_db(sound) == pytest.approx(-20, abs=0.1) and peak_db(sound) < -1
        assert all(entry[key] for key in ("title", "credit", "licence", "shows"))
        assert f"`{entry['file']}`" in licences
    assert {"tune", "sustained", "percussion", "speech_like", "full_mix", "stereo"} <= set(listed)
    assert clip("stereo")[0].shape[0] == 2 and len(clip("drum_hit")[0]) < 44100


def test_the_recording_by_attribution_is_attributed():
    entry = clips()["full_mix"]
    assert "Kevin MacLeod" in entry["credit"] and "creativecommons.org" in entry["licence"]


def test_clips_are_listed_as_they_are_made():
    """clips.json is written by riffedu.training.clips: its table and the file must agree."""
    from riffedu.training.clips import CLIPS

    told = [(name, *words) for name, (_, *words) in CLIPS.items()]
    assert told == [
        tuple(entry[key] for key in ("name", "title", "credit", "licence", "shows"))
        for entry in json.loads((clips_folder() / "clips.json").read_text("utf-8"))["clips"]
    ]


def test_no_such_clip():
    with pytest.raises(RiffeduError, match="choose one of tune"):
        clip("nothing")


# Resampling


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 32000])
@pytest.mark.parametrize("above", [1.02, 1.2, 1.9])
def test_a_tone_above_half_the_new_rate_vanishes(rate, above):
    hertz = above * rate / 2
    if hertz >= 21000:
        return
    left = resample(tone(1.0, hertz=hertz), 44100, rate)
    middle = left[len(left) // 4 : -len(left) // 4]
    assert rms_db(middle) < rms_db(tone()) - 80


@given(
    samples=st.integers(1, 3000),
    channels=st.integers(1, 6),
    seed=st.integers(0, 99),
    rates=st.tuples(st.sampled_from(RATES), st.sampled_from(RATES)),
)
@settings(deadline=None, max_examples=60)
def test_resampling_any_length_gives_the_length_that_was_promised(samples, channels, seed, rates):
    samples = max(samples, channels)  # more channels than samples are refused
    sound = np.random.default_rng(seed).uniform(-1, 1, (channels, samples))
    there = resample(sound, *rates)
    assert there.shape == (channels, max(1, round(samples * rates[1] / rates[0])))
    assert there.dtype == np.float32 and np.isfinite(there).all()
    one = resample(sound[0], *rates)
    assert np.abs(one - there[0]).max() < 1e-5, "channels do not leak into each other"


def test_up_and_down_again_is_the_same_sound():
    sound = audio.clip("piano")[0]
    back = resample(resample(sound, 44100, 96000), 96000, 44100)
    assert rms_db((back - sound)[1000:-1000]) < rms_db(sound) - 60


# Loudness


def test_loudness_is_calibrated():
    """BS.1770: a 997 Hz sine at full scale in one channel has −3.01 LUFS."""
    assert loudness(tone(5, 48000, 997, 1.0), 48000) == pytest.approx(-3.01, abs=0.1)
    assert loudness(tone(5, 48000, 997, 0.1), 48000) == pytest.approx(-23.01, abs=0.1)
    two = np.stack([tone(5, 48000, 997, 0.1)] * 2)
    assert loudness(two, 48000) == pytest.approx(-20.0, abs=0.1)


def test_loudness_follows_the_ear_and_not_the_pause():
    low, high = (loudness(tone(2, hertz=f), 44100) for f in (50, 3000))
    assert high - low > 3
    sound = np.concatenate([tone(2), np.zeros(88200, np.float32)])
    assert loudness(sound, 44100) > loudness(tone(2), 44100) - 1 > rms_db(sound)
    assert loudness(np.zeros(44100), 44100) == -np.inf


def test_loudness_of_channels():
    six = np.zeros((6, 44100), np.float32)
    six[3] = tone(1)
    assert loudness(six, 44100) == -np.inf, "the bass channel of 5.1 does not count"
    six[0] = tone(1)
    assert loudness(six, 44100) == pytest.approx(loudness(tone(1), 44100), abs=1e-6)
    with pytest.raises(RiffeduError, match="not 7"):
        loudness(np.zeros((7, 44100)), 44100)
    with pytest.raises(RiffeduError, match="0.4 s"):
        loudness(tone(0.3), 44100)


@given(lufs=st.floats(-40, -16), name=st.sampled_from(["piano", "stereo", "guitar"]))
@settings(deadline=None, max_examples=8)
def test_set_loudness_meets_its_mark(lufs, name):
    sound, rate = clip(name)
    assert loudness(set_loudness(sound, rate, lufs, 12), rate) == pytest.approx(lufs, abs=0.1)


def test_set_loudness_stops_at_the_peak():
    click = np.zeros(44100, np.float32)
    click[::8820] = 0.1
    assert peak_db(set_loudness(click, 44100, -5)) == pytest.approx(-1, abs=0.01)
    assert not set_loudness(np.zeros(44100), 44100).any()


# Fade, mix, stitch


@given(samples=st.integers(1, 2000))
def test_ramps_and_their_mirrors_make_one(samples):
    for shape in ("linear", "smooth"):
        up = ramp(samples, shape)
        assert np.abs(up + up[::-1] - 1).max() < 1e-6
    up = ramp(samples, "equal power")
    assert np.abs(up**2 + up[::-1] ** 2 - 1).max() < 1e-6
    assert (np.diff(up) > 0).all() and up[0] > 0 and up[-1] <= 1


@pytest.mark.parametrize("shape", ["linear", "smooth", "equal power"])
def test_fade(shape):
    sound = np.ones((2, 4410), np.float32)
    faded = fade(sound, 44100, 0.02, 0.01, shape)
    assert np.array_equal(faded[:, :882], np.tile(ramp(882, shape), (2, 1)))
    assert np.array_equal(faded[:, -441:], np.tile(ramp(441, shape)[::-1], (2, 1)))
    assert (faded[:, 882:-441] == 1).all() and (sound == 1).all(), "the given sound is kept"
    assert np.array_equal(fade(sound, 44100, 0, 0), sound)


def test_what_is_not_faded():
    for times, says in [
        ((0.2, 0), "do not fit"),
        ((0.06, 0.06), "do not fit"),
        ((-0.1, 0), "do not fit"),
    ]:
        with pytest.raises(RiffeduError, match=says):
            fade(np.ones(4410), 44100, *times)
    with pytest.raises(RiffeduError, match="linear, smooth, equal power"):
        fade(np.ones(4410), 44100, shape="round")


def test_mix():
    long, short = np.full(10, 0.5, np.float32), np.full(4, 0.5, np.float32)
    assert np.allclose(mix([long, short]), [1] * 4 + [0.5] * 6)
    assert np.allclose(mix([long, short], [0, -20]), [0.55] * 4 + [0.5] * 6)
    both = mix([np.stack([long, -long]), short])
    assert np.allclose(both, [[1] * 4 + [0.5] * 6, [0] * 4 + [-0.5] * 6])
    assert mix([long[None]]).shape == (1, 10) and mix([long]).shape == (10,)
    for sounds, gains in [([], None), ([long], [1, 2]), ([np.ones((2, 9)), np.ones((3, 9))], None)]:
        with pytest.raises(RiffeduError):
            mix(sounds, gains)


@given(n=st.integers(1, 4), channels=st.integers(1, 3), seconds=st.floats(0, 0.2))
@settings(deadline=None, max_examples=40)
def test_stitched_length_and_ends(n, channels, seconds):
    sounds = [np.full((channels, 9000), k + 1, np.float32) for k in range(n)]
    whole = stitch(sounds, 44100 / 2, seconds)
    joint = round(seconds * 44100 / 2)
    assert whole.shape == (channels, 9000 * n - joint * (n - 1))
    assert (whole[:, 0] == 1).all() and (whole[:, -1] == n).all()


def test_equal_power_keeps_the_power_of_two_strangers():
    one, two = np.random.default_rng(0).standard_normal((2, 88200)) / 10
    dip = {}
    for shape in ("equal power", "linear"):
        middle = stitch([one, two], 44100, 1.0, shape)[44100 + 15000 : 44100 + 29000]
        dip[shape] = rms_db(middle) - rms_db(one)
    assert abs(dip["equal power"]) < 0.15 and -3.1 < dip["linear"] < -2.5


def test_a_sound_that_continues_is_stitched_linearly():
    sound = clip("tune")[0]
    halves = [sound[:100000], sound[100000 - 4410 :]]
    assert np.abs(stitch(halves, 44100, 0.1, "linear") - sound).max() < 1e-6
    assert np.abs(stitch(halves, 44100, 0.1, "smooth") - sound).max() < 1e-6
    assert np.array_equal(stitch([sound[:5], sound[5:]], 44100, 0), sound)


def test_what_is_not_stitched():
    long, short = np.ones(9000, np.float32), np.ones(3000, np.float32)
    for sounds, says in [
        ([], "one sound"),
        ([long, np.ones((2, 9000))], "same number"),
        ([long, short], "too short"),
        ([long, np.ones(6000), long], "too short"),
        ([long, np.array([np.nan])], "NaN"),
    ]:
        with pytest.raises(RiffeduError, match=says):
            stitch(sounds, 44100)
