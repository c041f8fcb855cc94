"""Listening tests: scipy's statistics, sounds matched in level, orders that stay hidden."""

import math

import numpy as np
import pytest
from scipy import stats

from riffedu.errors import RiffeduError
from riffedu.evaluate import listening, votes
from riffedu.evaluate.listening import ANCHOR, REFERENCE, AbxTest, RatingTest, Vote
from riffedu.signal import audio

RATE = 22050


def tone(hertz, level=0.1, seconds=1.0):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype("f4")


@pytest.mark.parametrize("right, trials", [(0, 1), (1, 1), (7, 10), (10, 10), (0, 12), (33, 50)])
def test_binomial_statistics_are_scipys(right, trials):
    theirs = stats.binomtest(right, trials, alternative="greater")
    assert listening.binomial_p_value(right, trials) == pytest.approx(theirs.pvalue, abs=1e-12)
    interval = stats.binomtest(right, trials).proportion_ci(0.9, "exact")
    ours = listening.exact_interval(right, trials, 0.9)
    assert ours == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_another_chance():
    theirs = stats.binomtest(5, 9, 1 / 3, alternative="greater").pvalue
    assert listening.binomial_p_value(5, 9, 1 / 3) == pytest.approx(theirs, abs=1e-12)


def test_impossible_counts():
    with pytest.raises(RiffeduError, match="11 right answers in 10 trials"):
        listening.binomial_p_value(11, 10)


def test_mean_interval_is_scipys():
    x = np.array([55.0, 61, 70, 48, 90])
    mean, low, high = listening.mean_interval(x)
    theirs = stats.t.interval(0.95, 4, loc=x.mean(), scale=stats.sem(x))
    assert mean == x.mean() and (low, high) == pytest.approx(theirs, abs=1e-9)
    assert listening.mean_interval([3]) == (3, -math.inf, math.inf)
    with pytest.raises(RiffeduError, match="at least one"):
        listening.mean_interval([])


def test_levels_and_lengths_are_matched():
    random = np.random.default_rng(0)
    spiky = np.where(random.random(2 * RATE) < 0.001, 0.9, 0).astype("f4")
    sounds = {"loud": tone(440, 0.8), "soft": tone(900, 0.01, 1.5), "spiky": spiky}
    matched = listening.level_matched(sounds, RATE)
    levels = [audio.loudness(x, RATE) for x in matched.values()]
    assert np.ptp(levels) < 0.05
    assert {x.shape for x in matched.values()} == {(RATE,)}
    assert max(audio.peak_db(x) for x in matched.values()) <= -0.99
    stereo = listening.level_matched({"a": np.stack([tone(440)] * 2), "b": tone(440)}, RATE)
    assert np.allclose(stereo["a"], stereo["b"])


@pytest.mark.parametrize(
    "other, words", [(np.zeros(RATE, "f4"), "'b' is silent"), (tone(440, seconds=0.2), "0.4 s")]
)
def test_sounds_that_cannot_be_matched(other, words):
    with pytest.raises(RiffeduError, match=words):
        listening.level_matched({"a": tone(440), "b": other}, RATE)


def test_low_anchor_keeps_what_is_below():
    x = tone(1000) + tone(5000)
    assert np.abs(listening.low_anchor(x, RATE) - tone(1000)).max() < 1e-4


def test_dither_changes_bytes_but_not_the_sound():
    random = np.random.default_rng(0)
    first, second = (listening.dithered(tone(440), random) for _ in range(2))
    assert first.tobytes() != second.tobytes() and first.dtype == np.dtype("<i2")
    assert np.abs(first / 32767 - tone(440)).max() < 1e-4


def test_abx_knows_what_x_was():
    test = AbxTest({"low": tone(300), "high": tone(3000)}, RATE, trials=20, listener="Ada", seed=3)
    while not test.done:
        x = test.sound("X").astype(float)
        test.answer("A" if abs(np.corrcoef(x, test.sound("A"))[0, 1]) > 0.9 else "B")
    assert test.right == 20 and {vote.system for vote in test.votes} == {"low", "high"}
    assert [vote.trial for vote in test.votes] == list(range(1, 21))
    with pytest.raises(RiffeduError, match="once per trial"):
        test.answer("A")


def test_abx_orders_differ_without_a_seed():
    orders = {tuple(AbxTest({"a": tone(300), "b": tone(500)}, RATE, 40)._order) for _ in range(3)}
    assert len(orders) == 3


@pytest.mark.parametrize("sounds, trials", [({"a": tone(300)}, 10), ({"a": 1, "b": 2}, 0)])
def test_abx_refuses(sounds, trials):
    with pytest.raises(RiffeduError, match="two sounds"):
        AbxTest(sounds, RATE, trials)


def test_rating_hides_reference_and_anchor():
    test = RatingTest(tone(300) + tone(6000), {"codec": tone(310)}, RATE, "tune", "Ada", seed=1)
    assert test.letters == ("A", "B", "C")
    given = test.rate({"A": 10, "B": 20, "C": 30})
    assert {vote.system for vote in given} == {REFERENCE, ANCHOR, "codec"}
    hidden = next(v for v in given if v.system == REFERENCE)
    letter = "ABC"[int(hidden.score / 10) - 1]
    likeness = np.corrcoef(test.sound("reference"), test.sound(letter))[0, 1]
    assert likeness > 0.999
    with pytest.raises(RiffeduError, match="every letter"):
        test.rate({"A": 10})
    with pytest.raises(RiffeduError, match="1 to 10 systems"):
        RatingTest(tone(300), {}, RATE)


def abx(listener, hits, item="tune"):
    return [
        Vote(listener, "abx", item, n, "real", "real" if hit else "made", float(hit))
        for n, hit in enumerate(hits, start=1)
    ]


def rating(listener, **scores):
    names = {"hidden": REFERENCE, "anchor": ANCHOR}
    return [Vote(listener, "rating", "x", 1, names.get(k, k), "", v) for k, v in scores.items()]


def test_votes_survive_a_csv_file(tmp_path):
    given = [*abx("Zoë, the first", [1, 0]), *rating("Bob", codec=55.5)]
    path = votes.write_votes(tmp_path / "a.csv", given)
    assert votes.read_votes(path) == given
    assert path.read_text().splitlines()[0] == "listener,kind,item,trial,system,answer,score"


@pytest.mark.parametrize(
    "text, words",
    [
        ("a,b\n1,2\n", "line 2: a vote needs the columns"),
        ("listener,kind,item,trial,system,answer,score\nA,abx,x,1,r,r,2\n", "abx. score 2"),
        ("listener,kind,item,trial,system,answer,score\nA,taste,x,1,r,r,1\n", "taste. score"),
        ("listener,kind,item,trial,system,answer,score\nA,rating,x,1,r,,many\n", "line 2"),
    ],
)
def test_bad_files_are_named(text, words, tmp_path):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(RiffeduError, match=words):
        votes.read_votes(tmp_path / "bad.csv")


def test_binary_file_is_refused(tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(RiffeduError, match="UTF-8"):
        votes.read_votes(tmp_path / "bad.csv")


def test_a_class_pools_its_files(tmp_path):
    files = [
        votes.write_votes(tmp_path / f"{name}.csv", abx(name, hits))
        for name, hits in (("Ada", [1] * 8 + [0] * 2), ("Bob", [1] * 7 + [0] * 3))
    ]
    [result] = votes.abx_results(votes.pool(files))
    assert (result.right, result.trials) == (15, 20)
    assert result.p_value == pytest.approx(stats.binomtest(15, 20, alternative="greater").pvalue)
    with pytest.raises(RiffeduError, match="Ada has voted twice"):
        votes.pool([files[0], files[0]])


def test_files_without_names_are_different_listeners(tmp_path):
    paths = [votes.write_votes(tmp_path / f"{n}.csv", abx("", [1, 0])) for n in range(2)]
    assert {v.listener for v in votes.pool(paths)} == {"listener 1", "listener 2"}


def test_ratings_leave_out_who_cannot_hear_the_reference():
    given = [
        *rating("Ada", hidden=100, codec=80, anchor=20),
        *rating("Bob", hidden=95, codec=60, anchor=30),
        *rating("Eve", hidden=40, codec=100, anchor=100),
    ]
    assert votes.unreliable(given) == ["Eve"]
    results = {r.system: r for r in votes.rating_results(given)}
    assert list(results) == [REFERENCE, "codec", ANCHOR]
    assert results["codec"].mean == 70 and results["codec"].listeners == 2
    assert votes.rating_results(given, all_listeners=True)[0].listeners == 3
    table = votes.to_markdown([*given, *abx("Ada", [1] * 9 + [0])])
    assert "| tune | 9 | 10 | 0.011 | 0.55–1.00 |" in table or "0.56–1.00" in table
    assert "Left out, hidden reference rated below 90: Eve." in table
