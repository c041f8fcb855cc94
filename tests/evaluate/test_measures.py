"""Measures of music: known sounds read what they must, and each measure is fooled once."""

import json

import librosa
import numpy as np
import pytest
from PIL import Image
from tiny import ours  # noqa: F401

from riffedu.errors import RiffeduError
from riffedu.evaluate import intervals, music, picture, pitch, prompts, readings, rhythm
from riffedu.evaluate.music_report import to_markdown, write
from riffedu.signal import reconstruct, synth

SR, N = 44100, 225792
TIME = np.arange(N) / SR


def white(seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(N)


def strokes(times, rise: float = 0.0, seed: int = 0, fall: float = 0.05) -> np.ndarray:
    """Bursts of noise that take ``rise`` seconds to come and fade with time constant ``fall``."""
    shape = np.zeros(N)
    for t in times:
        u = TIME - t
        up = np.clip(u / rise, 0, 1) if rise else (u >= 0).astype(float)
        shape = np.maximum(shape, up * np.exp(-np.maximum(u - rise, 0) / fall))
    return shape * white(seed)


def stack(f0: float, off: float = 0.0, seed: int = 0, partials: int = 12) -> np.ndarray:
    """A tone whose k-th partial lies at k·f0, wrong by up to ``off`` of itself."""
    random = np.random.default_rng(seed)
    return synth.to_rms(
        sum(
            np.sin(2 * np.pi * k * f0 * (1 + off * random.uniform(-1, 1)) * TIME + k) / k**0.7
            for k in range(1, partials + 1)
        )
    )


def play(midi, seconds: float = 0.32, gap: float = 0.0) -> np.ndarray:
    """Notes one after another; a tuple sounds together; ten harmonics each."""
    parts = []
    for keys in midi:
        keys = keys if isinstance(keys, tuple) else (keys,)
        tone = sum(
            synth.harmonics(librosa.midi_to_hz(k), 0.6 ** np.arange(10), seconds) for k in keys
        )
        fade = synth.envelope(seconds, 0.01, 0.05, 0.7, 0.03)
        parts += [tone * fade[: len(tone)], np.zeros(int(gap * SR))]
    sound = np.concatenate(parts)
    return np.resize(sound, N)


def drums() -> np.ndarray:
    sound = np.zeros(N + SR)
    for beat, at in enumerate(np.arange(0, 5.1, 0.25)):
        hit = synth.kick() if beat % 4 == 0 else synth.snare() if beat % 4 == 2 else synth.hat()
        sound[int(at * SR) : int(at * SR) + len(hit)] += hit
    return sound[:N]


MELODY = (62, 64, 65, 67, 69, 70, 73, 74, 73, 70, 69, 67, 65, 64, 62, 69)
CHORDS = ((48, 55, 64, 67), (53, 57, 60, 65), (55, 59, 62, 67), (48, 55, 64, 72))


# ------------------------------------------------------------------------------ beat


def test_envelope_equals_librosas():
    sound = strokes(np.arange(0.2, 5, 0.37)) + 0.3 * play(MELODY)
    ours_ = rhythm.onset_envelope(sound, SR)
    mel = librosa.feature.melspectrogram(
        y=sound, sr=SR, n_fft=2048, hop_length=441, n_mels=128, pad_mode="reflect"
    )
    theirs = librosa.onset.onset_strength(
        S=librosa.power_to_db(mel, ref=np.max, top_db=rhythm.QUIET_DB), sr=SR, center=False
    )
    np.testing.assert_allclose(ours_, theirs, atol=1e-3)


def test_likeness_equals_numpys_correlation():
    curve = np.random.default_rng(0).random(200)
    expected = [np.corrcoef(curve[: 200 - lag], curve[lag:])[0, 1] for lag in (1, 30, 150)]
    np.testing.assert_allclose(rhythm.self_likeness(curve, [1, 30, 150]), expected, atol=1e-12)


@pytest.mark.parametrize("bpm", [60, 72, 90, 120, 150, 200])
def test_metronome(bpm):
    found = rhythm.beat(strokes(np.arange(0.05, 5.1, 60 / bpm)), SR)
    assert found.value > 0.85
    assert rhythm.tempo_fits(found.tempo, bpm, 0.01)
    assert len(found.lags) == len(found.likeness)


def test_jitter_lowers_the_beat():
    random = np.random.default_rng(1)

    def value(jitter):
        plays = [np.arange(0.2, 5, 0.5) + random.normal(0, jitter, 10) for _ in range(4)]
        return np.mean([rhythm.beat(strokes(times), SR).value for times in plays])

    steady, human, loose, wild = (value(j) for j in (0.0, 0.006, 0.03, 0.09))
    assert steady > 0.85 and human > 0.85
    assert steady > loose + 0.15 > wild + 0.25
    assert wild < 0.5


def test_noise_has_no_beat():
    values = [rhythm.beat(white(seed), SR).value for seed in range(8)]
    assert np.mean(values) < 0.3 and max(values) < 0.45
    assert rhythm.beat(np.zeros(N), SR).value == 0
    assert np.isnan(rhythm.beat(np.zeros(N), SR).tempo)


def test_tempo_agrees_with_librosas():
    for bpm in (84, 100, 126, 138):
        sound = strokes(np.arange(0.1, 5.1, 60 / bpm))
        theirs = librosa.feature.tempo(y=sound.astype(np.float32), sr=SR)[0]
        assert rhythm.tempo_fits(rhythm.beat(sound, SR).tempo, theirs)


def test_beat_is_fooled_by_a_swelling_hiss_and_by_patches():
    hiss = white() * (1 + 0.9 * np.sin(2 * np.pi * 2 * TIME))
    assert rhythm.beat(hiss, SR).value > 0.9
    patches = white() * np.repeat(np.random.default_rng(2).uniform(0.2, 1, 16), N // 16)
    assert rhythm.beat(patches, SR).value > rhythm.beat(white(), SR).value + 0.1


@pytest.mark.parametrize(
    "heard, asked, fits",
    [
        (120, 120, True),
        (60, 120, True),
        (240, 120, True),
        (129, 120, True),
        (131, 120, False),
        (80, 120, False),
        (float("nan"), 120, False),
    ],
)
def test_tempo_fits(heard, asked, fits):
    assert rhythm.tempo_fits(heard, asked) is fits


def test_blind_tempi_fit_in_23_percent_and_120_fits_its_octaves():
    drawn = 2 ** np.random.default_rng(0).uniform(5, 8, 40000)
    share = np.mean([rhythm.tempo_fits(t, 90) for t in drawn])
    assert share == pytest.approx(np.log2(1.08 / 0.92), abs=0.01)
    assert all(rhythm.tempo_fits(120, asked) for asked in (60, 120, 240))
    # What the table asks for hardly overlaps.
    fitting = [sum(rhythm.tempo_fits(a, b) for b in prompts.TEMPI) for a in prompts.TEMPI]
    assert fitting == [1] * len(prompts.TEMPI)


# ------------------------------------------------------------------------------ attack


@pytest.mark.parametrize("carrier", [None, 440.0])
def test_smear_lowers_the_attack(carrier):
    def value(rise):
        sound = strokes(np.arange(0.3, 5, 0.5), rise, fall=0.15)
        if carrier:
            sound = stack(carrier) * strokes_shape(rise)
        return rhythm.attack(sound, SR).value

    sharp, ten, twenty, forty = (value(rise) for rise in (0.0, 0.01, 0.02, 0.04))
    assert sharp > 0.65
    assert sharp > ten > twenty > forty
    assert forty < 0.15


def strokes_shape(rise: float) -> np.ndarray:
    shape = np.zeros(N)
    for t in np.arange(0.3, 5, 0.5):
        u = TIME - t
        up = np.clip(u / rise, 0, 1) if rise else (u >= 0).astype(float)
        shape = np.maximum(shape, up * np.exp(-np.maximum(u - rise, 0) / 0.15))
    return shape


def test_attack_says_where():
    found = rhythm.attack(strokes(np.arange(0.5, 5, 0.5)), SR)
    np.testing.assert_allclose(found.times, np.arange(0.5, 5, 0.5), atol=0.03)
    assert len(found.shares) == 9 and found.levels.shape[0] == 8 and found.rate == 400


def test_no_onset_no_attack():
    assert np.isnan(rhythm.attack(white(), SR).value)
    assert np.isnan(rhythm.attack(np.zeros(N), SR).value)


def test_attack_is_fooled_by_clicks():
    """A click before every soft note: nobody's instrument, but a better figure."""
    soft = stack(330.0) * strokes_shape(0.06)
    clicked = soft.copy()
    for t in np.arange(0.3, 5, 0.5):
        clicked[int(t * SR) : int(t * SR) + 60] += 0.5
    assert rhythm.attack(clicked, SR).value > rhythm.attack(soft, SR).value + 0.3


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
    with pytest.raises(RiffeduError, match="no key"):
        pitch.key_score("D minor", "H dur")


def test_key_is_fooled_by_drums_and_by_modes():
    assert pitch.key(drums(), SR).heard != "none"  # drums have no key, and get one
    white_keys = play([57, 59, 60, 62, 64, 65, 67, 69] * 2)
    assert pitch.key(white_keys, SR).scores["C major"] > 0.5  # written as A minor


# ------------------------------------------------------------------------------ pictures


def test_sharpness_of_known_pictures():
    random = np.random.default_rng(0)
    grain = random.uniform(0, 255, (512, 512))
    assert picture.sharpness(grain).value == pytest.approx(1 - np.pi / 64, abs=0.01)
    for cycles, share in ((0.05, 0), (0.11, 0), (0.15, 1), (0.4, 1)):
        wave = 128 + 100 * np.sin(2 * np.pi * cycles * np.arange(512)) * np.ones((512, 1))
        found = picture.sharpness(wave)
        assert found.value == pytest.approx(share, abs=0.01)
        assert found.cycles[found.power.argmax()] == pytest.approx(cycles, abs=0.01)
    assert picture.sharpness(np.full((64, 64), 200)).value == 0


def test_blur_lowers_sharpness_and_grain_fools_it():
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(1)
    lines = 230.0 - 200 * (random.random((512, 512)) < 0.02).cumsum(axis=1).clip(0, 1)
    lines = gaussian_filter(lines, 0.7)
    blurred = gaussian_filter(lines, 3)
    assert picture.sharpness(blurred).value < 0.3 * picture.sharpness(lines).value
    grainy = blurred + random.normal(0, 40, blurred.shape)
    assert picture.sharpness(grainy).value > picture.sharpness(blurred).value + 0.2


def test_patch_borders():
    random = np.random.default_rng(0)
    even = random.uniform(0, 255, (512, 512))
    assert picture.patch_borders(even).value == pytest.approx(1, abs=0.02)
    smooth = even.cumsum(axis=1) / 60
    patched = smooth + np.kron(random.uniform(-30, 30, (16, 16)), np.ones((32, 32)))
    found = picture.patch_borders(patched)
    assert found.value > 3 and found.border.sum() == 15 and len(found.steps) == 511
    assert picture.patch_borders(patched.T, axis=0).value == pytest.approx(found.value)
    by_hand = np.mean([np.abs(patched[:, c] - patched[:, c - 1]) for c in range(32, 512, 32)])
    assert found.steps[found.border].mean() == pytest.approx(by_hand)
    # Grain hides the borders and closes none of them.
    assert picture.patch_borders(patched + random.normal(0, 60, patched.shape)).value < 1.3
    # A pulse that happens to be as long as a patch is innocent, and accused.
    pulse = smooth + 60 * (np.arange(512) % 64 < 32)
    assert picture.patch_borders(pulse).value > 3


def pictures(count: int, seed: int) -> np.ndarray:
    """Notes here and there: dark lines of random place, length and strength."""
    random = np.random.default_rng(seed)
    drawn = np.full((count, 512, 512), 235.0)
    for one in drawn:
        for _ in range(25):
            row, column = random.integers(0, 500), random.integers(0, 480)
            length, strength = random.integers(20, 120), random.uniform(80, 200)
            one[row : row + 5, column : column + length] -= strength
    return drawn.clip(0, 255).astype(np.uint8)


def test_copies_are_found_even_moved_and_made_quieter():
    training = pictures(40, 0)
    known = picture.features(training)
    copy = np.roll(training[7], 40, axis=1).astype(float) * 0.7 + 70
    copy += np.random.default_rng(1).normal(0, 8, copy.shape)
    fresh = picture.features(pictures(20, 5))
    found = picture.nearest(picture.features(copy.clip(0, 255).astype(np.uint8)[None]), known)
    real = picture.nearest(fresh, known)
    assert found.number[0] == 7 and found.shift[0] == pytest.approx(0.4)
    assert found.distance[0] < 0.2 < real.distance.min()
    told = picture.memorisation(found.distance, real.distance)
    assert told["share"] == 1 and told["ratio"] < 0.4
    assert picture.memorisation(real.distance, real.distance)["ratio"] == 1


def test_distance_is_one_minus_numpys_correlation():
    a, b = picture.features(pictures(1, 0)), picture.features(pictures(3, 1))
    found = picture.nearest(a, b, shifts=0)
    best = max(np.corrcoef(a.ravel(), other.ravel())[0, 1] for other in b)
    assert found.distance[0] == pytest.approx(1 - best, abs=1e-5)


def test_a_transposed_copy_gets_away():
    training = pictures(30, 0)
    known = picture.features(training)
    moved = np.roll(training[3], 24, axis=0)  # some semitones up
    found = picture.nearest(picture.features(moved[None]), known).distance[0]
    assert found > picture.nearest(known[3:4], known).distance[0] + 0.4


# ------------------------------------------------------------------------------ statistics


def test_bootstrap_equals_scipys():
    from scipy.stats import bootstrap

    random = np.random.default_rng(0)
    made, real = random.normal(3, 1, 20), random.normal(5, 1, 15)
    found = intervals.ratio(made, real)
    theirs = bootstrap(
        (made, real),
        lambda a, b, axis: a.mean(axis) / b.mean(axis),
        paired=False,
        method="percentile",
        n_resamples=9999,
        random_state=0,
    ).confidence_interval
    assert found.value == pytest.approx(made.mean() / real.mean())
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.015)
    assert intervals.ratio([None], real) is None and intervals.ratio(made, []) is None


def test_interval_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(3)
    held = 0
    for trial in range(200):
        made, real = random.normal(4, 1, 12), random.normal(5, 1, 12)
        low, high = intervals.bootstrap(intervals.ratios, (made, real), trial, 300)
        held += low <= 0.8 <= high
    assert 0.86 < held / 200 < 0.99


def test_surplus_pays_for_nothing():
    ones = np.ones(4)
    assert intervals.overall([(2 * ones, ones), (0.5 * ones, ones)]).value == 0.75
    assert intervals.overall([]) is None


def test_above_is_the_area_under_the_curve():
    from scipy.stats import mannwhitneyu

    random = np.random.default_rng(0)
    a, b = random.normal(1, 1, 9), random.normal(0, 1, 7)
    assert intervals.above(a, b) == pytest.approx(mannwhitneyu(a, b).statistic / 63)
    assert intervals.above([1, 2], [1]) == 0.75 and intervals.above([None], [1]) is None


# ------------------------------------------------------------------------------ the table


def test_readings_are_plain_numbers_and_quantities_go_the_right_way():
    grey = Image.fromarray(pictures(1, 0)[0])
    low, high = (readings.readings(play([n] * 8), SR, grey) for n in (50, 80))
    assert high["height"] > low["height"] + 20
    major, minor = (
        readings.readings(play(c, 1.28), SR, grey)
        for c in (CHORDS, ((45, 57, 60, 64), (50, 57, 62, 65), (52, 56, 59, 64)))
    )
    assert major["majorness"] > minor["majorness"]
    fast, slow = (readings.readings(strokes(np.arange(0.1, 5, s)), SR, grey) for s in (0.25, 1))
    assert fast["onsets"] > 2 * slow["onsets"]
    assert json.loads(json.dumps(major)) == major
    assert set(music.MEASURES) | set(readings.QUANTITIES) <= set(major)
    assert readings.readings(white(), SR, grey)["attack"] is None
    assert all(pair.quantity in readings.QUANTITIES for pair in prompts.PAIRS)


def test_classes_are_many_and_ask_for_much():
    compared = [c for c in prompts.CLASSES if c.wanted is not None]
    assert len(compared) >= 16 and len({c.name for c in compared}) == len(compared)
    assert {c.wanted["kind"] for c in compared} == {"solo", "pair", "band", "drums"}
    assert prompts.matches({"kind": "solo", "effects": []}, {"kind": "solo", "effects": []})
    assert not prompts.matches({"kind": "solo"}, {"kind": "solo", "style": "rock"})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder of sixty drawn pictures."""
    folder = tmp_path_factory.mktemp("data")
    drawn, lines = pictures(60, 0), []
    kinds = [
        {"kind": "solo", "instruments": ["piano"], "style": None},
        {"kind": "solo", "instruments": ["flute"], "style": None},
        {"kind": "drums", "instruments": ["drums"], "style": "rock"},
        {"kind": "band", "instruments": ["drums", "piano"], "style": "funk"},
    ]
    for n in range(60):
        lines.append(
            json.dumps(
                kinds[n % 4]
                | {
                    "split": "test" if n < 30 else "train",
                    "id": f"0-{n}",
                    "tempo_bpm": 100.0,
                    "register": "high" if n % 8 else "low",
                    "key": "F sharp",
                    "source": "programmed",
                    "scale": "major" if n % 3 else "minor",
                    "tempo_word": "fast" if n % 5 else "slow",
                    "effects": [] if n % 5 else ["low-pass"],
                }
            )
        )
    np.save(folder / "shard-00000.npy", drawn)
    (folder / "shard-00000.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_table_of_a_tiny_model(ours, data, tmp_path, monkeypatch):  # noqa: F811
    from riffedu.music.pipeline import load_pipeline

    monkeypatch.setattr(prompts, "TEMPI", (100,))
    monkeypatch.setattr(prompts, "TEMPO_PROMPTS", ("rock drums at {} bpm",))
    monkeypatch.setattr(prompts, "KEYS", ("C major",))
    monkeypatch.setattr(prompts, "KEY_PROMPTS", ("piano in {}",))
    monkeypatch.setattr(prompts, "PAIRS", prompts.PAIRS[:1])
    classes = (
        prompts.PromptClass("piano", "a calm piano", {"kind": "solo"}),
        prompts.PromptClass("rock", "rock drums", {"kind": "drums"}),
        prompts.PromptClass("speech", "the band", None),
    )
    pipeline = load_pipeline(ours)
    monkeypatch.setattr(reconstruct, "image_to_audio", lambda image, *a, **k: (white(), SR))
    ask = {
        "seeds": 1,
        "renders": 1,
        "steps": 2,
        "shelf": tmp_path / "shelf",
        "classes": classes,
        "progress": False,
    }
    report = music.music(pipeline, data, **ask)
    assert json.loads(json.dumps(report)) == report
    assert [len(row["codec"].get("notes", ())) for row in report["classes"]] == [1, 1, 0]
    assert report["memorisation"]["training"] == 30
    assert report["tempo"]["n"] == [1, 4] and len(report["pairs"]) == 1
    text = to_markdown(report)
    assert "a calm piano" in text and "codec ÷ render" in text and "white noise" in text
    write(report, tmp_path / "table.md")
    assert (tmp_path / "table.md").read_text() == text

    # Again: nothing is made, the same comes out.
    def never(*args, **kwargs):
        raise AssertionError("made again")

    monkeypatch.setattr(music, "noise_readings", lambda rate: report["noise"])
    monkeypatch.setattr(readings, "readings", never)
    monkeypatch.setattr(type(pipeline), "generate", never)
    assert music.music(pipeline, data, **ask) == report
    with pytest.raises(RiffeduError, match="no test clip like"):
        music.music(
            pipeline,
            data,
            **ask
            | {
                "classes": (
                    prompts.PromptClass(
                        "koto", "the band", {"kind": "solo", "instruments": ["koto"]}
                    ),
                )
            },
        )


def test_shell(ours, data, tmp_path, monkeypatch, capsys):  # noqa: F811
    from riffedu.cli import main

    asked = {}
    monkeypatch.setattr(music, "music", lambda *a: asked.update(args=a) or {"told": 1})
    monkeypatch.setattr("riffedu.evaluate.music_report.to_markdown", lambda r: f"{r}\n")
    line = [
        "evaluate",
        "--music",
        "--seeds",
        "2",
        "--renders",
        "3",
        "--model",
        str(ours),
        "--data",
        str(data),
    ]
    assert main([*line, "-o", str(tmp_path / "t.json")]) == 0
    assert asked["args"][2:4] == (2, 3)
    assert json.loads((tmp_path / "t.json").read_text()) == {"told": 1}
    assert main([*line, "-o", str(tmp_path / "t.txt")]) == 2
    monkeypatch.undo()
    assert main([*line, "--seeds", "0"]) == 2
    assert "--seeds" in capsys.readouterr().err


@pytest.mark.parametrize("measure", [rhythm.beat, rhythm.attack, pitch.notes, pitch.harmonics])
def test_unfit_sounds_are_refused(measure):
    for sound in (np.zeros(10), np.full(N, np.nan), np.zeros((2, 2, N))):
        with pytest.raises(RiffeduError):
            measure(sound, SR)
    with pytest.raises(RiffeduError):
        picture.sharpness(np.zeros((4, 4)))
