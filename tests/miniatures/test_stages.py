"""Semantic, coarse and fine tokens: plans, tables of counts, a performance of a plan."""

from collections import Counter

import numpy as np
import pytest

from riffedu.errors import RiffeduError
from riffedu.lessons.l15_measure_and_compare import sounds
from riffedu.miniatures import stages, tokens
from riffedu.signal.convert import audio_to_image


def frames_of(instrument):
    image = audio_to_image(sounds.tune(9.6, instrument=instrument), sounds.RATE)
    return tokens.to_frames(np.asarray(image.convert("L")))


def played(seconds):
    """The notes of `sounds.tune`, from its own random numbers."""
    random, place, notes = np.random.default_rng(0), 5, []
    for _ in range(round(seconds / sounds.NOTE)):
        place = int(np.clip(place + random.choice(sounds.STEPS), 0, len(sounds.SCALE) - 1))
        notes.append(sounds.SCALE[place])
    return notes


@pytest.mark.parametrize("instrument", [sounds.synth.pluck, sounds.reed])
def test_the_plan_is_the_tune_whoever_plays_it(instrument):
    assert stages.plan_of(frames_of(instrument)).tolist() == played(9.6)


def test_less_than_a_note():
    with pytest.raises(RiffeduError, match="a note needs 6"):
        stages.plan_of(np.zeros((5, 2048)))


def test_before_and_places():
    plan = np.array([5, 6, 7])
    assert stages.before(plan, 2).tolist() == [[-1, -1], [5, -1], [6, 5]]
    assert stages.places(plan[:2], 3).tolist() == [[5, 0], [5, 1], [5, 2], [6, 0], [6, 1], [6, 2]]


def test_a_table_counts_and_backs_off():
    known = np.array([[1, 2], [1, 2], [1, 2], [1, 3], [4, 4]])
    table = stages.Table.of(known, np.array([7, 7, 8, 9, 6]))
    random = np.random.default_rng(0)
    drawn = Counter(table.draw([1, 2], random) for _ in range(3000))
    assert set(drawn) == {7, 8} and drawn[7] / 3000 == pytest.approx(2 / 3, abs=0.04)
    assert {table.draw([1, 99], random) for _ in range(100)} == {7, 8, 9}
    assert {table.draw([99, 2], random) for _ in range(200)} == {6, 7, 8, 9}


def test_compose_follows_what_was_counted():
    plan = np.tile([60, 62, 64, 62], 8)
    composer = stages.Table.of(stages.before(plan, 2), plan)
    assert stages.compose(composer, 12).tolist() == np.tile([60, 62, 64, 62], 3).tolist()


def test_perform_writes_a_known_plan_back():
    """With one coarse token per note and place and one fine token per coarse one, all is fixed."""
    plan = np.array([60, 62, 60])
    coded = np.stack([np.array([3, 4, 5, 6, 3, 4]), np.array([1, 2, 9, 8, 1, 2])], axis=1)
    coarse = stages.Table.of(stages.places(plan, 2), coded[:, 0])
    fine = [stages.Table.of(coded[:, :1], coded[:, 1])]
    assert np.array_equal(stages.perform(plan, coarse, fine, note=2), coded)
    other = stages.perform(np.array([62, 62]), coarse, fine, note=2)
    assert np.array_equal(other, coded[[2, 3, 2, 3]])
