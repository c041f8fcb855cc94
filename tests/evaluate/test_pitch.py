"""Measures of notes, harmonics, key: known answers, trusted libraries, and what fools them."""

import librosa
import numpy as np
import pytest
from made_sounds import CHORDS, MELODY, SR, N, drums, play, stack, white
from tiny import ours  # noqa: F401

from riffedu.errors import RiffeduError
from riffedu.evaluate import pitch
from riffedu.signal import synth

# ------------------------------------------------------------------------------ notes


def test_notes_of_known_sounds():
    melody, chords, kit, hiss = (
        pitch.notes(s, SR) for s in (play(MELODY), play(CHORDS, 1.28), drums(), white())
    )
    assert melody.value > 0.8 and chords.value > 0.8
    assert kit.value < 0.3 and hiss.value == 0
    assert melody.lines.shape == melody.picture.shape
    assert melody.picture.shape == (len(melody.hertz), len(melody.times))
    assert melody.clarity.min() >= 0 and melody.clarity.max() <= 1 + 1e-6


def test_noise_hides_notes_by_degrees():
    melody = play(MELODY)
    values = [pitch.notes(melody + loud * white(), SR).clarity.mean() for loud in (0, 0.3, 1, 3)]
    assert values == sorted(values, reverse=True) and values[-1] < 0.3 * values[0]


def test_silence_does_not_count():
    half = play(MELODY, gap=0.32)
    assert pitch.notes(half, SR).value > 0.8
    assert np.isnan(pitch.notes(np.zeros(N), SR).value)


def test_lines_lie_where_the_partials_are():
    found = pitch.notes(stack(220.0, partials=3), SR)
    where = found.hertz[found.lines[:, 200]]
    for hertz in (220, 440, 660):
        assert np.abs(np.log2(where / hertz)).min() < 0.02
    assert np.abs(np.log2(where[:, None] / (220, 440, 660))).min(axis=1).max() < 0.06


def test_pyin_hears_one_voice_only():
    """Why notes aren't counted by pyin: a chord reads lower than one melody by far."""

    def voiced(sound):
        found = librosa.pyin(sound[: 2 * SR].astype(np.float32), fmin=65, fmax=1000, sr=SR)
        return found[2].mean()

    assert voiced(play(CHORDS, 1.28)) < 0.7 * voiced(play(MELODY))


def test_notes_are_fooled_by_a_hum_and_by_random_sines():
    assert pitch.notes(synth.sine(100, 5.12), SR).value > 0.95
    random = np.random.default_rng(0)
    nonsense = sum(synth.sine(f, 5.12) for f in random.uniform(150, 2000, 5))
    assert pitch.notes(nonsense, SR).value > 0.95


# ------------------------------------------------------------------------------ harmonics


@pytest.mark.parametrize("f0", [110.0, 220.0, 440.0])
def test_unlocked_harmonics_read_lower(f0):
    locked = pitch.harmonics(stack(f0), SR)
    loose = np.mean([pitch.harmonics(stack(f0, 0.03, seed), SR).value for seed in range(3)])
    looser = np.mean([pitch.harmonics(stack(f0, 0.08, seed), SR).value for seed in range(3)])
    assert locked.value > 0.8 and locked.value > loose + 0.05 > looser + 0.1
    assert np.median(locked.f0) == pytest.approx(f0, rel=0.02)


def test_harmonics_of_noise_and_of_a_triad():
    triad = sum(stack(f) for f in librosa.midi_to_hz([57, 61, 64]))
    assert pitch.harmonics(white(), SR).value < 0.15
    assert 0.3 < pitch.harmonics(triad, SR).value < 0.75
    assert np.isnan(pitch.harmonics(np.zeros(N), SR).value)


def test_comb_is_the_cosine_sum():
    found = pitch.harmonics(stack(200.0), SR)
    frame = found.magnitude[:, 100]
    comb = (frame * np.cos(2 * np.pi * found.hertz / found.f0[100])).sum()
    # The inverse FFT counts each row but the first twice.
    assert found.share[100] == pytest.approx(comb / frame.sum(), abs=0.01)


def test_harmonics_are_fooled_by_a_bare_sine():
    assert pitch.harmonics(synth.sine(440, 5.12), SR).value > 0.9


# ------------------------------------------------------------------------------ key


@pytest.mark.parametrize("tonic", [0, 2, 7, 10])
@pytest.mark.parametrize(
    "mode, steps", [("major", (0, 2, 4, 5, 7, 9, 11, 12)), ("minor", (0, 2, 3, 5, 7, 8, 11, 12))]
)
def test_scales_are_heard_in_their_key(tonic, mode, steps):
    """A scale up and down that rests on its tonic and fifth."""
    up = [60 + tonic + s for s in steps]
    sound = play([*up, up[0], up[4], up[0], up[2], up[4], up[0], up[0], up[4]])
    found = pitch.key(sound, SR)
    assert found.heard == f"{pitch.NAMES[tonic]} {mode}"
    assert found.value == max(found.scores.values()) > 0.5 and len(found.scores) == 24
    assert found.chroma.sum() == pytest.approx(1)


def test_chroma_agrees_with_librosas():
    sound = play(MELODY)
    ours_ = pitch.chroma_of(pitch.notes(sound, SR))
    theirs = librosa.feature.chroma_cqt(y=sound.astype(np.float32), sr=SR).mean(axis=1)
    assert np.corrcoef(ours_, theirs)[0, 1] > 0.9


def test_key_agrees_with_music21():
    music21 = pytest.importorskip("music21")
    stream = music21.stream.Stream([music21.note.Note(m) for m in MELODY])
    theirs = stream.analyze("key.krumhanslkessler")
    counts = np.bincount(np.array(MELODY) % 12, minlength=12)
    ours_ = pitch.key_of(counts / counts.sum())
    assert ours_.heard == f"{theirs.tonic.name.replace('-', 'b')} {theirs.mode}" == "D minor"
    assert ours_.value == pytest.approx(theirs.correlationCoefficient, abs=1e-3)


@pytest.mark.parametrize(
    "heard, asked, score",
    [
        ("D minor", "D minor", 1),
        ("A# major", "Bb major", 1),
        ("A minor", "D minor", 0.5),
        ("F major", "D minor", 0.3),
        ("A# minor", "B flat minor", 1),
        ("F# major", "F sharp major", 1),
        ("D minor", "F major", 0.3),
        ("D major", "D minor", 0.2),
        ("G# major", "D minor", 0),
        ("none", "D minor", 0),
        ("C minor", "C# minor", 0),
    ],
)
def test_key_scores(heard, asked, score):
    assert pitch.key_score(heard, asked) == score


def test_scale_share():
    in_d_minor = pitch.chroma_of(pitch.notes(play([62, 64, 65, 67, 69, 70, 72, 74] * 2), SR))
    assert pitch.scale_share(in_d_minor, "D minor") > 0.9
    assert pitch.scale_share(in_d_minor, "F# major") < 0.5
    assert pitch.scale_share(np.full(12, 1 / 12), "C major") == pytest.approx(7 / 12)
    # The relative key has the same scale, and is praised as much.
    assert pitch.scale_share(in_d_minor, "F major") == pitch.scale_share(in_d_minor, "D minor")
    assert np.isnan(pitch.scale_share(np.zeros(12), "C major"))


def test_no_key():
    assert pitch.key(np.zeros(N), SR).heard == "none"
    with pytest.raises(RiffeduError, match="is not a key"):
        pitch.key_score("D minor", "H dur")


def test_key_is_fooled_by_drums_and_by_modes():
    assert pitch.key(drums(), SR).heard != "none"  # drums have no key, and get one
    white_keys = play([57, 59, 60, 62, 64, 65, 67, 69] * 2)
    assert pitch.key(white_keys, SR).scores["C major"] > 0.5  # written as A minor
