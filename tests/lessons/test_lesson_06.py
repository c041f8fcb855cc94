"""Lesson 06: the panel's controls to their ends, and the exercises' hints."""

import io

import numpy as np
import pytest
from PIL import Image

from riffedu.lessons.l06_beyond_griffin_lim import beyond_panel, exercises
from riffedu.lessons.l06_beyond_griffin_lim.panel import AT, LABELS, RATE, some_sounds
from riffedu.signal.audio import rms_db
from riffedu.signal.inversion import METHODS

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


@pytest.fixture(scope="module")
def sounds():
    return {name: x[: RATE // 2] for name, x in some_sounds().items()}


@pytest.fixture(scope="module")
def panel(sounds):
    return beyond_panel(sounds)


def pixels(panel):
    return np.asarray(Image.open(io.BytesIO(panel.figure.widget.value)).convert("L"))


# The panel


def test_every_method_is_there():
    assert list(LABELS) == list(METHODS)


def test_every_method_and_its_curve(panel, sounds):
    panel.sound.value, drawn = "full_mix", set()
    for _, name in panel.method.options:
        panel.method.value = name
        drawn.add(panel.figure.widget.value)
        assert LABELS[name] in panel.said.replace("&#x27;", "'")
        assert [point.n_iter for point in panel.runs[name]] == list(AT)
        assert len(panel._curves[name].get_ydata()) == len(AT)
        assert panel.heard.player.waveform.shape == sounds["full_mix"].shape
    assert len(drawn) == len(METHODS)
    read, small = (panel.runs[name] for name in ("read off", "small grid"))
    assert read[0].mel_consistency_db < small[0].mel_consistency_db - 8


def test_scrubbing_to_the_ends(panel):
    panel.sound.value, panel.method.value = "percussion", "small grid"
    heard, drawn, figures = [], set(), []
    for iteration in AT:
        panel.iteration.value = iteration
        assert f"iteration {iteration}:" in panel.facts.value
        heard.append(panel.heard.player.waveform)
        drawn.add(panel.figure.widget.value)
        figures.append(panel.point.mel_consistency_db)
    assert len(drawn) == len(AT) and figures[-1] < figures[0] - 8
    assert not np.allclose(heard[0], heard[-1])
    assert f"{figures[-1]:.1f} dB" in panel.figure.widget.tooltip
    assert pixels(panel).min() < 60


def test_another_sound_starts_anew(panel, sounds):
    panel.method.value, panel.sound.value = "read off", list(sounds)[-1]
    for name in sounds:
        panel.sound.value = name
        assert list(panel.runs) == ["read off"]
        assert np.array_equal(panel.original.player.waveform, sounds[name])
        assert name in panel.figure.widget.tooltip


def test_default_sounds_are_modest():
    for name, sound in some_sounds().items():
        assert sound.shape == (2 * RATE,), name
        assert rms_db(sound) < -12 and np.abs(sound).max() <= 1


# The exercises


def good_rows(spectrum, n_fft, win_length):
    return spectrum[:: n_fft // win_length]


@pytest.mark.parametrize(
    "answer, says",
    [
        (good_rows, "n_fft / win_length"),
        (None, "Nothing to check"),
        (lambda s, n, w: s[: len(s[:: n // w])], "fine spacing"),
        (lambda s, n, w: s[:, :: n // w], "columns"),
        (lambda s, n, w: s[n // w - 1 :: n // w], "row 0"),
        (lambda s, n, w: s[::2], "Every second"),
        (lambda s, n, w: s[::4], "use the arguments"),
        (lambda s, n, w: s, "every how many-th"),
    ],
)
def test_check_small_rows(answer, says):
    verdict = exercises.check_small_rows(answer)
    assert bool(verdict) == (answer is good_rows) and says in verdict.message


def good_lean(params, at_least=2.0, padding=2.0):
    parts = np.gcd(params.hop_length, params.win_length)
    kept = np.ceil(at_least * params.max_frequency / params.sample_rate * parts)
    hop, win = (length * kept / parts for length in (params.hop_length, params.win_length))
    return params.sample_rate * kept / parts, padding * win, hop, win


def fractions(params):
    scale = 2 * params.max_frequency / params.sample_rate
    return (
        2 * params.max_frequency,
        2 * params.win_length * scale,
        params.hop_length * scale,
        params.win_length * scale,
    )


@pytest.mark.parametrize(
    "answer, says",
    [
        (good_lean, "as few numbers"),
        (lambda p: good_lean(p, 1.0), "half of it"),
        (lambda p: good_lean(p, 1.5), "holds nothing above"),
        (lambda p: (p.sample_rate, 2 * p.win_length, p.hop_length, p.win_length), "lower rate"),
        (fractions, "whole"),
        (lambda p: good_lean(p, padding=4.0), "all the zeros"),
        (lambda p: good_lean(p, padding=1.0), "lowest bands"),
        (lambda p: good_lean(p)[:3], "four numbers"),
        (lambda p: good_lean(p, 2.3), "expected"),
    ],
)
def test_check_lean_grid(answer, says):
    verdict = exercises.check_lean_grid(answer)
    assert bool(verdict) == (answer is good_lean) and says in verdict.message


def admm(own=2, share=lambda rho: 1 - rho, sign=-1, with_memory=True, divided=True, clean=True):
    def step(spectrum, memory, rebuilt, magnitude, rho):
        both = spectrum + memory
        ahead = own * rebuilt + sign * share(rho) * (both if with_memory else spectrum)
        found = magnitude * np.exp(1j * np.angle(ahead)) if clean else ahead
        return found, (both - rebuilt) / (1 + rho if divided else 1)

    return step


@pytest.mark.parametrize(
    "answer, says",
    [
        (admm(), "One STFT"),
        (admm(clean=False), "magnitudes not"),
        (admm(share=lambda rho: 0), "Griffin-Lim"),
        (admm(with_memory=False), "doesn't count"),
        (admm(own=1), "2 r, not r"),
        (admm(share=lambda rho: rho), "not ρ v"),
        (admm(sign=1), "not plus"),
        (admm(own=-1), "first v"),
        (admm(divided=False), "1 + ρ"),
        (lambda s, u, r, m, rho: (admm()(s, u, r, m, rho)[0], u), "memory is"),
        (lambda s, u, r, m, rho: admm()(s, u, r, m, rho)[0], "Return two"),
        (lambda s, u, r, m, rho: (..., ...), "returns nothing"),
    ],
)
def test_check_memory(answer, says):
    verdict = exercises.check_memory(answer)
    assert bool(verdict) == (says == "One STFT") and says.lower() in verdict.message.lower()
