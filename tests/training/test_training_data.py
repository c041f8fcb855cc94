"""The training sounds: determinism, splits, captions, restart and the pictures."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from riffedu.errors import RiffeduError
from riffedu.signal.audio import set_level
from riffedu.training import data, scores
from riffedu.training.effects import drive, low_pass, reverb, rms
from riffedu.training.instruments import DRUM_KEYS, INSTRUMENTS
from riffedu.training.items.excerpts import transposed_key
from riffedu.training.items.item import picture, render_item
from riffedu.training.items.library import SoundLibrary
from riffedu.training.items.performance import SAMPLES, place_in_range, round_tempo, start_beat
from riffedu.training.music.draws import fingerprint, split_of
from riffedu.training.music.grooves import draw_groove
from riffedu.training.music.patterns import Pattern
from riffedu.training.music.styles import STYLES
from riffedu.training.music.textures import TEXTURES, draw_pattern
from riffedu.training.music.theory import SCALES, chord, pitch
from riffedu.training.render import SOUNDFONTS, find_soundfonts, one_shot_kit

needs_soundfont = pytest.mark.skipif(
    not any(Path(p).is_file() for p in SOUNDFONTS) or not find_spec("tinysoundfont"),
    reason="needs tinysoundfont and a soundfont (Debian: musescore-general-soundfont-small)",
)

PIECE = {
    "id": "ryansMammoth/Test.abc",
    "title": "Test",
    "kind": "tune",
    "signature": "4/4",
    "key": "C",
    "mode": "major",
    "parts": [[[n / 2, 0.5, 60 + n % 8] for n in range(64)]],
}


@pytest.fixture(scope="module")
def library():
    return SoundLibrary(None, [PIECE])


# ---------------------------------------------------------------- patterns


@pytest.mark.parametrize("texture", sorted(TEXTURES))
def test_pattern_is_fixed_by_its_generator_and_fills_its_loop(texture):
    for seed in range(20):
        first = draw_pattern(np.random.default_rng(seed), texture)
        again = draw_pattern(np.random.default_rng(seed), texture)
        assert first == again and first.id == again.id
        beats = [s.beat for s in first.notes]
        assert min(beats) == 0 and max(beats) < first.beats
        assert all(s.length > 0 and 0 < s.accent <= 1 for s in first.notes)
        gaps = np.diff(sorted(set(beats)) + [first.beats])
        assert max(gaps) <= 2 * first.meter + 1e-6


@pytest.mark.parametrize("name", sorted(STYLES))
def test_style_rows_fit_the_bar_and_name_known_things(name):
    style = STYLES[name]
    for kit in style.drums:
        for voice, rows in kit.items():
            assert voice in DRUM_KEYS
            for row in (rows,) if isinstance(rows, str) else rows:
                assert len(row) == style.steps and set(row) <= set("xXg?.")
    for row in style.bass + style.comp:
        assert row == "walk" or len(row) == style.steps
    assert 50 <= style.tempo[0] <= style.tempo[1] <= 180
    players = style.bass_instruments + style.comp_instruments + style.lead_instruments
    assert set(players) <= set(INSTRUMENTS)
    assert set(style.scales) <= set(SCALES)


def test_there_is_enough_to_learn_from():
    assert len(INSTRUMENTS) >= 30 and len(STYLES) >= 10 and len(SCALES) >= 7
    for instrument in INSTRUMENTS.values():
        assert instrument.high - instrument.low >= 20
        assert set(instrument.textures) <= set(TEXTURES)


def test_no_groove_drawn_under_other_seeds_changes_split():
    """Bands and drum solos with the same kit pattern share a fingerprint, hence a split."""
    for name in STYLES:
        if STYLES[name].drums:
            for seed in range(10):
                band = draw_groove(np.random.default_rng(seed), name, band=True)
                solo = draw_groove(np.random.default_rng(seed), name, band=False)
                assert band.id == solo.id and band.hits == solo.hits


@pytest.mark.parametrize("name", sorted(STYLES))
def test_every_style_has_patterns_in_every_split(name):
    drums = bool(STYLES[name].drums)
    ids = {draw_groove(np.random.default_rng(s), name, drums=drums).id for s in range(250)}
    assert {split_of(i) for i in ids} == {"train", "validation", "test"}


def test_split_shares():
    splits = [split_of(fingerprint(n)) for n in range(20000)]
    shares = [splits.count(s) / len(splits) for s in ("train", "validation", "test")]
    np.testing.assert_allclose(shares, (0.90, 0.04, 0.06), atol=0.01)


def test_a_pattern_keeps_its_split_in_every_key_tempo_and_instrument():
    pattern = draw_pattern(np.random.default_rng(1), "melody")
    notes = {}
    for name, scale, seed in (("piano", "major", 0), ("flute", "minor", 1), ("cello", "blues", 2)):
        notes[name], _ = place_in_range(
            pattern.notes, scale, name, np.random.default_rng(seed), "middle"
        )
        low, high = INSTRUMENTS[name].low, INSTRUMENTS[name].high
        assert all(low <= n[2] <= high for n in notes[name])
    assert notes["piano"] != notes["flute"]
    assert pattern.id == Pattern("melody", pattern.beats, pattern.notes).id


def test_pitch_of_degrees():
    major = [pitch(d, "major", 60) for d in range(-2, 9)]
    assert major == [57, 59, 60, 62, 64, 65, 67, 69, 71, 72, 74]
    assert pitch(6, "blues", 60) == 72
    assert [pitch(d, "major", 60) for d in chord(0, base=0)] == [60, 64, 67]
    assert [pitch(d, "major", 60) % 12 for d in chord(4, True)] == [11, 2, 5, 7]


# ---------------------------------------------------------------- scores


def test_headers_that_claim_rights_are_refused(tmp_path):
    tune = tmp_path / "tune.abc"
    for text, free in (
        ("X:1\nT:Old Reel\nK:G\nGABc", True),
        ("X:1\n% Copyright 1999 A. Body\nK:G\nGABc", False),
        ("X:1\n% licence: non-commercial use only\nK:G\nGABc", False),
        ("X:1\n% no copyright, public domain\nK:G\nGABc", True),
    ):
        tune.write_text(text)
        assert scores.is_free(tune) is free


def test_a_score_becomes_plain_notes():
    music21 = pytest.importorskip("music21", reason="music21 is an extra for training")
    score = music21.converter.parse("tinyNotation: 4/4 " + "c4 d e8 f g4 " * 4)
    score = music21.stream.Score([score])
    piece = scores.piece_of(score, "tune", "x", "X")
    assert piece["parts"][0][:5] == [
        [0, 1, 60],
        [1, 1, 62],
        [2, 0.5, 64],
        [2.5, 0.5, 65],
        [3, 1, 67],
    ]
    assert piece["signature"] == "4/4"


# ---------------------------------------------------------------- sound


def test_soundfonts_that_are_missing_give_one_clear_line(monkeypatch, tmp_path):
    with pytest.raises(RiffeduError, match="no soundfont at"):
        find_soundfonts([tmp_path / "none.sf2"])
    monkeypatch.setattr("riffedu.training.render.SOUNDFONTS", ())
    with pytest.raises(RiffeduError) as caught:
        find_soundfonts()
    line = str(caught.value)
    assert "fluid-soundfont-gm" in line and "musescore-general-soundfont-small" in line
    assert "\n" not in line and line.count("https://") == 2


def test_effects_do_what_they_say():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(44100).astype(np.float32) * 0.1
    spectrum = np.abs(np.fft.rfft(low_pass(noise, 1000.0)))
    assert spectrum[4000:].mean() < 0.02 * spectrum[:800].mean()
    click = np.zeros(44100, np.float32)
    click[0] = 1.0
    wet = reverb(click, rng, 1.0, 0.5)
    early, late = rms(wet[2000:6000]), rms(wet[34000:38000])
    assert early > 0 and 30 < 20 * np.log10(early / late) < 55
    sine = 0.5 * np.sin(np.arange(44100) * 0.05).astype(np.float32)
    assert np.abs(drive(sine, 8)).max() <= 1 and rms(drive(sine, 8)) > 0.85
    levelled = set_level(noise)
    assert 20 * np.log10(rms(levelled)) == pytest.approx(-20, abs=0.01)
    assert np.abs(set_level(click)).max() == pytest.approx(10 ** (-1 / 20), rel=1e-4)
    assert {"kick", "snare"} <= set(one_shot_kit(rng))


@needs_soundfont
def test_items_are_the_same_in_any_order(library):
    forward = [render_item(5, i, library) for i in range(12)]
    backward = [render_item(5, i, library) for i in reversed(range(12))][::-1]
    for (a, meta_a), (b, meta_b) in zip(forward, backward):
        np.testing.assert_array_equal(a, b)
        assert meta_a == meta_b
    other = render_item(6, 0, library)[0]
    assert np.abs(other - forward[0][0]).max() > 0.01


@needs_soundfont
def test_items_have_their_length_level_and_metadata(library):
    for index in range(24):
        sound, metadata = render_item(11, index, library)
        assert sound.shape == (225792,) and sound.dtype == np.float32
        assert np.abs(sound).max() <= 10 ** (-1 / 20) + 1e-6
        assert -32 < 20 * np.log10(rms(sound)) < -19.99
        assert {
            "id",
            "split",
            "pattern",
            "kind",
            "instruments",
            "style",
            "mood",
            "tempo_bpm",
            "tempo_word",
            "texture",
            "register",
            "dynamics",
            "key",
            "mode",
            "effects",
            "soundfont",
        } <= set(metadata)
        assert metadata["split"] == split_of(metadata["pattern"])
        assert set(metadata["instruments"]) <= set(INSTRUMENTS) | {"drums"}
        json.dumps(metadata)


@needs_soundfont
def test_every_instrument_sounds_its_own_pitch(library):
    """Each soundfont holds every instrument, and A4 (or its octave) really comes out as A."""
    for font in range(len(library.synth.names)):
        for name, instrument in INSTRUMENTS.items():
            assert any(library.synth.has(font, p) for p in instrument.programs), name
            key = 69
            while key > instrument.high:
                key -= 12
            while key < instrument.low:
                key += 12
            sound = library.synth.render(font, instrument.programs[0], [(0, 0.9, key, 100)], 0.8)
            assert rms(sound) > 1e-4, name
        # Pitch is checked on one steady voice: the flute's A4 is 440 Hz.
        flute = library.synth.render(font, 73, [(0, 1.2, 69, 100)], 1.2)[22050:]
        spectrum = np.abs(np.fft.rfft(flute * np.hanning(len(flute)), 1 << 17))
        assert abs(np.argmax(spectrum) * 44100 / (1 << 17) - 440) < 6


# ---------------------------------------------------------------- pictures and shards


def test_pictures_are_those_that_the_shipped_model_learned_from():
    """The formula of data version 1, on its own: a change of the signal path must not move it."""
    rng = np.random.default_rng(2)
    t = np.arange(SAMPLES) / 44100
    sound = (
        0.1 * np.sin(2 * np.pi * 440 * t)
        + 0.05 * np.sin(2 * np.pi * 3000 * t * (1 + t / 20))
        + 0.01 * rng.standard_normal(SAMPLES)
    ).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, 2205, mode="reflect"), 4410)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(4410) / 4410)
    magnitude = np.abs(np.fft.rfft(frames[::441][:512] * window, 17640)[:, :4001]).T
    edges = 700 * (10 ** (np.linspace(0, np.log10(1 + 10000 / 700), 514)) - 1)[:, None]
    hertz = np.arange(4001) * 2.5
    up, down = (
        (hertz - edges[:-2]) / np.diff(edges, axis=0)[:-1],
        (edges[2:] - hertz) / np.diff(edges, axis=0)[1:],
    )
    mel = np.maximum(0, np.minimum(up, down)) @ magnitude
    theirs = (255 - 255 * (mel / mel.max()) ** 0.25).astype(int)[::-1]
    ours = picture(sound)
    assert ours.shape == (512, 512) and ours.dtype == np.uint8
    # Truncation turns the last float bit into one grey level now and then; never into two.
    difference = np.abs(theirs - ours)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.002


@needs_soundfont
def test_shards_restart_and_say_what_they_are_made_of(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "scores.json").write_text(json.dumps([PIECE]))
    make = dict(seed=3, workers=1, progress=False, shard=2)
    data.make_dataset(folder, n=3, **make)
    pictures = np.load(folder / "shard-00000.npy")
    assert pictures.shape == (2, 512, 512) and pictures.dtype == np.uint8
    assert np.load(folder / "shard-00001.npy").shape[0] == 1
    metas = [json.loads(line) for line in (folder / "shard-00000.jsonl").read_text().splitlines()]
    assert [m["id"] for m in metas] == ["3-0", "3-1"]
    assert pictures.min() == 0 and pictures.mean() > 60  # something sounds, not everything

    # A restart keeps finished shards, replaces a half-written one, completes a short one.
    kept = (folder / "shard-00000.npy").stat().st_mtime_ns
    (folder / "shard-00001.npy").unlink()
    (folder / ".0123456789ab.part").write_bytes(b"torn")
    data.make_dataset(folder, n=4, **make)
    assert (folder / "shard-00000.npy").stat().st_mtime_ns == kept
    assert np.load(folder / "shard-00001.npy").shape[0] == 2
    assert [path.name for path in folder.glob("*.part")] == [".0123456789ab.part"]

    # Other shard sizes give the same items.
    other = tmp_path / "other"
    other.mkdir()
    (other / "scores.json").write_text(json.dumps([PIECE]))
    data.make_dataset(other, n=3, seed=3, workers=1, progress=False, shard=3)
    np.testing.assert_array_equal(np.load(other / "shard-00000.npy")[:2], pictures)

    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["seed"] == 3 and manifest["items"] == 4
    assert all(s["source"] and s["licence"] for s in manifest["sources"])
    assert {"soundfont", "scores", "patterns and grooves"} <= {
        s["what"] for s in manifest["sources"]
    }

    with pytest.raises(RiffeduError, match="another seed"):
        data.make_dataset(folder, n=4, **dict(make, seed=4))


def test_a_damaged_soundfont_is_told_before_anything_is_written(tmp_path):
    pytest.importorskip("tinysoundfont", reason="tinysoundfont is an extra for training")
    (tmp_path / "junk.sf2").write_bytes(b"not a soundfont")
    with pytest.raises(RiffeduError, match="cannot be read as a soundfont"):
        data.make_dataset(tmp_path / "set", 4, soundfonts=[tmp_path / "junk.sf2"], workers=2)
    assert not (tmp_path / "set").exists()


def test_bad_options_say_so(tmp_path):
    with pytest.raises(RiffeduError, match="at least 1"):
        data.make_dataset(tmp_path / "x", n=0)
    assert not (tmp_path / "x").exists()


def test_clips_begin_on_a_beat():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        pattern = draw_pattern(rng, "melody")
        notes, _ = place_in_range(pattern.notes, "major", "piano", rng, "middle")
        at = start_beat(rng, notes, pattern.beats)
        assert at == round(at)
        assert round_tempo(rng, 93.4) in (95.0, 93.0)


def test_scores_are_read_once_a_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(scores, "HOME_CACHE", tmp_path / "home" / "scores.json")
    monkeypatch.setattr(scores, "parse", lambda progress: [PIECE])
    assert scores.load(tmp_path / "a" / "scores.json") == [PIECE]
    monkeypatch.setattr(scores, "parse", None)
    assert scores.load(tmp_path / "b" / "scores.json") == [PIECE]
    assert (tmp_path / "b" / "scores.json").is_file()


def test_key_moves_with_the_notes():
    assert transposed_key({"key": "B flat"}, 3) == "C sharp"
    assert transposed_key({"key": "G"}, -12) == "G"
    assert transposed_key({"key": "H"}, 1) is None
