"""Measures of pictures, statistics: known answers, trusted libraries, and what fools them."""

import numpy as np
import pytest
from made_sounds import pictures

from riffedu.evaluate import intervals, picture

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
