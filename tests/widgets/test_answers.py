"""Reading a learner's answer, and the table of sounds to compare by ear."""

import numpy as np
import pytest
import torch

from riffedu.errors import RiffeduError
from riffedu.widgets.answers import NotYet, as_array, as_number, as_words, explain
from riffedu.widgets.table import by_ear
from riffedu.widgets.verdict import check, right, run


@pytest.mark.parametrize(
    "answer", [[1, 2], (1.0, 2.0), np.array([1, 2]), torch.tensor([1.0, 2.0]), [np.float32(1), 2]]
)
def test_every_form_of_an_array(answer):
    found = as_array(answer, (2,))
    assert found.dtype == np.float64 and found.tolist() == [1, 2]


def test_complex_stays_complex():
    assert as_array([1j, 2]).dtype == np.complex128


@pytest.mark.parametrize(
    "answer, words",
    [
        ([[1], [1, 2]], "different lengths"),
        ([None, 1], "something else"),
        ("text", "numbers"),
        ([1, 2, 3], "shape"),
        ([1, np.nan], "NaN"),
        ([1, np.inf], "infinite"),
    ],
)
def test_arrays_that_cannot_be_compared(answer, words):
    with pytest.raises(NotYet, match=words):
        as_array(answer, (2,))


def test_numbers():
    assert as_number(np.array([[3]])) == as_number(3) == as_number(torch.tensor(3.0)) == 3.0
    for answer, words in (([1, 2], "one number"), (1j, "complex"), (np.nan, "NaN")):
        with pytest.raises(NotYet, match=words):
            as_number(answer)


def test_words():
    assert as_words({"A": " One ", "B": "two"}, "AB", ("one", "two")) == {"A": "one", "B": "two"}
    for answer, words in (
        ({"A": "one"}, "each of the letters"),
        ({"A": "one", "B": ...}, "in place of each"),
        ({"A": "one", "B": "three"}, "is not one of"),
        ({"A": "one", "B": "one"}, "exactly one"),
    ):
        with pytest.raises(NotYet, match=words):
            as_words(answer, "AB", ("one", "two"))


@check
def checked(function):
    """A check that runs an answer on an array."""
    return right(str(run(function, np.ones(3))))


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda x: 1 if x > 0 else 2, "whole array"),
        (lambda x: x + np.ones(4), "different shapes"),
        (lambda x: np.array([[1], [1, 2]]), "different lengths"),
        (lambda x: [1, 2] * 1.5, "like an array"),
        (lambda x, y: x, "other arguments"),
        (lambda x: x(1), "not a function"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
        (np.ones(3), "without brackets"),
    ],
)
def test_errors_are_explained(answer, words):
    verdict = checked(answer)
    assert not verdict and words in verdict.message


def test_an_unknown_error_is_quoted():
    assert explain(KeyError("a")) == "Your code stopped with KeyError: 'a'"


def test_a_table_has_a_player_for_each_sound_and_no_picture():
    table = by_ear({"A": np.zeros(1000), "B": np.full(1000, 0.1)}, 22050)
    page = table._repr_html_()
    assert page.count("<audio") == 2 and "<img" not in page and "A: 0.05 s" in repr(table)
    with pytest.raises(RiffeduError, match="clip"):
        by_ear({"A": np.full(10, 2.0)}, 22050)
