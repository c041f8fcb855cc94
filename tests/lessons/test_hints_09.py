"""Lesson 09: each usual mistake gets its own hint, and every right form passes."""

import numpy as np
import pytest
import torch

from riffedu.lessons.l09_latents import exercises
from tests.lessons.hints import said


def by_svd(x, count):
    return x.mean(0), np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:count]


def by_eigh(x, count):
    return x.mean(0), np.linalg.eigh(np.cov(x.T))[1][:, ::-1][:, :count].T


def by_torch(x, count):
    mean, directions = torch.tensor(x.mean(0)), torch.linalg.svd(torch.tensor(x - x.mean(0)))[2]
    return [mean, -directions[:count]]


def turned(x, count):  # another basis of the same directions is as good
    mean, rows = by_svd(x, count)
    return mean, np.linalg.qr(np.random.default_rng(1).standard_normal((count, count)))[0] @ rows


def weakest(x, count):
    return x.mean(0), np.linalg.eigh(np.cov(x.T))[1][:, :count].T


def rows_of_eigh(x, count):
    return x.mean(0), np.linalg.eigh(np.cov(x.T))[1][-count:]


def off_centre(x, count):
    return x.mean(0), np.linalg.svd(x, full_matrices=False)[2][:count]


def transposed(x, count):
    return x.mean(0), np.linalg.svd(x - x.mean(0), full_matrices=False)[2].T[:count]


def examples(x, count):
    return x.mean(0), (x - x.mean(0))[:count]


def slanting(x, count):
    rows = (x - x.mean(0))[:count]
    return x.mean(0), rows / np.linalg.norm(rows, axis=1, keepdims=True)


def random_patterns(x, count):
    q = np.linalg.qr(np.random.default_rng(2).standard_normal((x.shape[1], count)))[0]
    return x.mean(0), q.T


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (by_svd, None),
        (by_eigh, None),
        (by_torch, None),
        (turned, None),
        (weakest, "weakest directions"),
        (rows_of_eigh, "eigenvectors in columns"),
        (off_centre, "Subtract the mean"),
        (transposed, "svd returns Vᵀ"),
        (examples, "length 1"),
        (slanting, "right angles"),
        (random_patterns, "is possible"),
        (lambda x, n: (x.mean(0), np.eye(12)[:n]), "single pixels"),
        (lambda x, n: (x.mean(0), by_svd(x, n)[1].T), "Transpose"),
        (lambda x, n: (x.mean(0), by_svd(x, 12)[1]), "should be 4 patterns"),
        (lambda x, n: (x.mean(1), by_svd(x, n)[1]), "axis=0"),
        (lambda x, n: (0 * x[0], by_svd(x, n)[1]), "all zeros"),
        (lambda x, n: (x[0], by_svd(x, n)[1]), "not the mean"),
        (lambda x, n: (x.mean(0), np.zeros((n, 12))), "patterns are zeros"),
        (lambda x, n: by_svd(x, n)[1], "two things"),
        (lambda x, n: (x.mean(0), np.full((n, 12), np.nan)), "NaN"),
        (lambda x, n: (x.mean(0), [[1], [1, 2]]), "different lengths"),
        (lambda x, n: None, "write its body"),
        (lambda x: x, "other arguments"),
    ],
)
def test_code(answer, words):
    said(exercises.check_code(answer), words)


RIGHT = dict(bytes=8, pixels=1024, noise=0.25, seconds=0.96, hertz=1076.7)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"noise": 16 / 64, "hertz": 1077}, None),
        ({"bytes": np.float32(8), "pixels": np.array([1024])}, None),
        ({"bytes": 1 / 8}, "upside down"),
        ({"bytes": 16}, "2 bytes"),
        ({"bytes": 64}, "counts places"),
        ({"bytes": 32}, "4 numbers"),
        ({"bytes": 7}, "Divide the picture's bytes"),
        ({"pixels": 32}, "32 × 32 pixels"),
        ({"pixels": 1}, "not for a pixel"),
        ({"pixels": 262144}, "for itself"),
        ({"noise": 0.5}, "amplitude"),
        ({"noise": 25}, "between 0 and 1"),
        ({"noise": 1 / 32}, "this lesson's code"),
        ({"noise": 0.75}, "is lost"),
        ({"seconds": 0.03}, "three pixel columns"),
        ({"seconds": 96}, "10 ms each"),
        ({"hertz": 940}, "can't be added"),
        ({"hertz": 440 * 10 ** (500 / 2595)}, "multiplies only"),
        ({"hertz": 1140 * 10 ** (500 / 2595)}, "subtract the 700"),
        ({"hertz": 1049.6}, "that is mel"),
        ({"hertz": 2000}, "Go to mel"),
        ({"noise": ...}, "“noise” is missing"),
        ({"noise": "some"}, "numbers"),
        ({"seconds": np.nan}, "NaN"),
    ],
)
def test_predictions(change, words):
    said(exercises.check_predictions(RIGHT | change), words)


def test_predictions_of_another_kind():
    said(exercises.check_predictions([8, 1024]), "Give a dict")


WORDS = list(exercises.TUNES.values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({letter: word.upper() for letter, word in exercises.TUNES.items()}, None),
        ({letter: f" {word} " for letter, word in exercises.TUNES.items()}, None),
        ({"A": WORDS[1], "B": WORDS[0]}, "Listen to A"),
        ({"B": WORDS[2], "C": WORDS[1]}, "Listen to B"),
        ({"C": WORDS[3], "D": WORDS[2]}, "(2 of the four"),
        (dict(zip("ABCD", [*WORDS[1:], WORDS[0]])), "(4 of the four"),
        ({"A": "flute"}, "not one of"),
        ({"A": WORDS[1]}, "exactly one"),
        ({"A": ...}, "put a word"),
        ({"A": None}, "put a word"),
        ({"E": "mixed"}, "letters A, B, C, D"),
        ({"D": 4}, "not one of"),
    ],
)
def test_ears(change, words):
    said(exercises.check_ears(exercises.TUNES | change), words)


def put_in(z, at, columns, silent, cut=True):
    quiet = np.broadcast_to(silent[:, None, None], (*z.shape[:2], columns))
    longer = np.concatenate([z[:, :, :at], quiet, z[:, :, at:]], axis=2)
    return longer[:, :, : z.shape[2]] if cut else longer


def muted(z, at, columns, silent):
    z[:, :, at : at + columns] = silent[:, None, None]
    return z


def twice(z, at, columns, silent):
    return np.concatenate([z[:, :, : at + columns], z[:, :, at:]], axis=2)[:, :, : z.shape[2]]


def over(z, at, columns, silent):
    out = put_in(z, at, columns, silent)
    out[:, :, at + columns :] = z[:, :, : z.shape[2] - at - columns]
    return out


def empty_slice(z, at, columns, silent):
    return put_in(z, at, columns, silent) if columns else z[:, :, :-0]


def garbled(z, at, columns, silent):
    return put_in(z, at, columns, silent) if columns else z + 1


def test_pause_right():
    assert exercises.check_pause(put_in)
    assert exercises.check_pause(lambda *told: put_in(*told).tolist())
    assert exercises.check_pause(lambda *told: torch.tensor(put_in(*told)))


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda z, at, n, s: put_in(z, at, n, 0 * s), "Zeros aren't silence"),
        (lambda z, at, n, s: put_in(z, at, n, s[::-1]), "channel c of every place"),
        (lambda z, at, n, s: put_in(z, at, n, s, cut=False), "keep its length"),
        (lambda z, at, n, s: z[:, :, :3], "shape must stay"),
        (muted, "mutes"),
        (twice, "there twice"),
        (over, "go on where it stopped"),
        (empty_slice, "shape must stay"),
        (garbled, "For 0 columns nothing"),
        (lambda z, at, n, s: z, "Nothing has changed"),
        (lambda z, at, n, s: z[:, ::-1], "Time is the last axis"),
        (lambda z, at, n, s: z * np.nan, "NaN"),
        (lambda z, at, n, s: [[1], [1, 2]], "different lengths"),
        (lambda z, at, n, s: None, "write its body"),
    ],
)
def test_pause_mistakes(f, words):
    said(exercises.check_pause(f), words)
