"""Lesson 09's exercises: each check accepts right answers and names each common mistake."""

import numpy as np
import pytest

from riffedu.lessons.l09_latents import exercises
from riffedu.signal.mel import hz_to_mel, mel_to_hz


def assert_hint(verdict, *words):
    assert not verdict
    for word in words:
        assert word in verdict.message, verdict.message


def test_compression_right():
    assert exercises.check_compression(lambda h, w, f, c, s: f**2 / (c * s))
    assert exercises.check_compression(lambda h, w, f, c, s: h * w / ((h // f) * (w // f) * c * s))


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda h, w, f, c, s: c * s / f**2, "turn it round"),
        (lambda h, w, f, c, s: f**2 / c, "counts numbers"),
        (lambda h, w, f, c, s: f**2 / s, "`channels` numbers"),
        (lambda h, w, f, c, s: f**2, "counts places"),
        (lambda h, w, f, c, s: f / (c * s), "both sides"),
        (lambda h, w, f, c, s: (h // f) * (w // f) * c * s, "latents' bytes"),
        (lambda h, w, f, c, s: 8 * f**2 / (c * s), "in bytes already"),
        (lambda h, w, f, c, s: 8.0, "For (256, 1024"),
        (lambda h, w, f, c, s: [1, 2], "One number"),
        (lambda h, w, f, c, s: None, "write its body"),
    ],
)
def test_compression_mistakes(f, words):
    assert_hint(exercises.check_compression(f), words)


def test_linear_code_right():
    assert exercises.check_linear_code(lambda p, m, P: m + P.T @ (P @ (p - m)))
    assert exercises.check_linear_code(lambda p, m, P: m + ((p - m) @ P.T) @ P)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda p, m, P: P @ (p - m), "Those are the numbers"),
        (lambda p, m, P: P @ p, "as short as the code"),
        (lambda p, m, P: P.T @ (P @ (p - m)), "never put back"),
        (lambda p, m, P: P.T @ (P @ p), "never taken off"),
        (lambda p, m, P: m + P.T @ (P @ p), "still in the patch"),
        (lambda p, m, P: p, "as it came"),
        (lambda p, m, P: P.T @ (P @ (p - m)) - m, "not taken off again"),
        (lambda p, m, P: p * 2, "Pᵀ numbers"),
        (lambda p, m, P: 0.0, "12 pixels"),
        (lambda p, m, P: P.T @ p, "stopped with ValueError"),
    ],
)
def test_linear_code_mistakes(f, words):
    assert_hint(exercises.check_linear_code(f), words)


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


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda z, at, n, s: put_in(z, at, n, 0 * s), "Zeros aren't silence"),
        (lambda z, at, n, s: put_in(z, at, n, s[::-1]), "channel c of every place"),
        (lambda z, at, n, s: put_in(z, at, n, s, cut=False), "As long as before"),
        (lambda z, at, n, s: z[:, :, :3], "shape must stay"),
        (muted, "mutes"),
        (twice, "there twice"),
        (over, "go on where it stopped"),
        (empty_slice, "shape must stay"),
        (garbled, "For 0 columns nothing"),
        (lambda z, at, n, s: z, "Nothing has changed"),
        (lambda z, at, n, s: z[:, ::-1], "Time is the last axis"),
        (lambda z, at, n, s: None, "write its body"),
    ],
)
def test_pause_mistakes(f, words):
    assert_hint(exercises.check_pause(f), words)


def test_moved_up_right():
    assert exercises.check_moved_up(lambda f, up: mel_to_hz(hz_to_mel(f) + up))
    assert exercises.check_moved_up(lambda f, up: (f + 700) * 10 ** (up / 2595) - 700)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda f, up: f * 10 ** (up / 2595), "multiplies only"),
        (lambda f, up: f + 700 * (10 ** (up / 2595) - 1), "adds only"),
        (lambda f, up: hz_to_mel(f) + up, "go back to hertz"),
        (lambda f, up: f + up, "can't be added"),
        (lambda f, up: (f + 700) * 10 ** (up / 2595), "take the 700 off"),
        (lambda f, up: (f + 700) * np.exp(up / 2595) - 700, "base 10"),
        (lambda f, up: mel_to_hz(hz_to_mel(f) - up), "That goes down"),
        (lambda f, up: round(float(mel_to_hz(hz_to_mel(f) + up))), "should lead to"),
        (lambda f, up: [f], "One number"),
    ],
)
def test_moved_up_mistakes(f, words):
    assert_hint(exercises.check_moved_up(f), words)
