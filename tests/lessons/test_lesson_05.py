"""Lesson 05: the panel's controls to their ends, and the exercises' hints."""

import io

import numpy as np
import pytest
from PIL import Image

from riffedu import istft, stft
from riffedu.lessons.l05_griffin_lim import exercises, griffin_lim_panel
from riffedu.lessons.l05_griffin_lim.panel import RATE, SECONDS, SIZES, STEPS, some_sounds
from riffedu.signal.audio import rms_db

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


@pytest.fixture(scope="module")
def sounds():
    return some_sounds()


@pytest.fixture
def panel(sounds):
    return griffin_lim_panel({name: sounds[name] for name in ("tune", "one click")})


def picture(panel):
    return np.asarray(Image.open(io.BytesIO(panel.figure.widget.value)).convert("RGB"))


def colourful(panel):
    """How much orange and purple the middle picture shows."""
    middle = picture(panel)[30:250, 300:540].astype(int)
    return float((middle.max(axis=-1) - middle.min(axis=-1) > 30).mean())


# The panel


def test_every_control_to_its_ends_draws_another_picture(panel):
    panel.iteration.value = 8
    for control, values in {
        panel.sound: panel.sound.options,
        panel.win_length: SIZES,
        panel.momentum: panel.momentum.options,
        panel.seed: [panel.seed.min, panel.seed.max],
        panel.iteration: [0, 1, STEPS],
        panel.start: ["lot", "alike", "own"],
    }.items():
        before, drawn = control.value, set()
        for value in values:
            control.value = value
            drawn.add(panel.figure.widget.value)
            assert len(panel.states) == len(panel.curve) == STEPS + 1
        assert len(drawn) == len(values), control.description
        control.value = before


@pytest.mark.parametrize("size", [SIZES[0], SIZES[-1]])
@pytest.mark.parametrize("momentum", [0, 0.99])
@pytest.mark.parametrize("start", ["lot", "alike", "own"])
def test_corners(sounds, size, momentum, start):
    panel = griffin_lim_panel({"80 pulses a second": sounds["80 pulses a second"]})
    panel.win_length.value, panel.momentum.value, panel.start.value = size, momentum, start
    panel.seed.value, panel.iteration.value = 9, STEPS
    assert panel.state.iteration == STEPS
    assert panel.curve[-1] < (-100 if start == "own" else panel.curve[0] - 3)


def test_the_curve_is_the_states_consistency_and_the_facts_say_it(panel):
    panel.iteration.value = 4
    assert panel.curve == [state.spectral_convergence_db for state in panel.states]
    assert f"Iteration 4: the magnitudes are off by {panel.curve[4]:.1f} dB" in panel.facts.value
    assert f"{panel.curve[-1]:.1f} dB in the end" in panel.figure.alt
    off = np.linalg.norm(panel.state.waveform.numpy() - panel.waveform)
    assert f"samples by {20 * np.log10(off / np.linalg.norm(panel.waveform)):.1f} dB" in panel.said


def test_momentum_gets_further_and_seeds_end_elsewhere(panel):
    fast, [last] = panel.curve, panel.states[-1:]
    panel.momentum.value = 0
    assert panel.curve[-1] > fast[-1] + 4
    assert np.diff(panel.curve).max() < 1e-3, "the plain one never gets worse"
    panel.momentum.value = 0.99
    assert panel.curve == fast, "the same settings give the same states"
    panel.seed.value = 1
    difference = (panel.states[-1].waveform - last.waveform).norm() / last.waveform.norm()
    assert difference > 1, "another sound, as far from the first as from silence"


def test_the_middle_picture_whitens_as_the_iterations_go_on(panel):
    shown = []
    for iteration in (0, 4, 32):
        panel.iteration.value = iteration
        shown.append(colourful(panel))
    assert shown[0] > 1.5 * shown[1] > 1.5 * shown[2] > 0
    panel.start.value = "own"
    assert colourful(panel) == 0


def test_curves_before_stay_until_the_sound_changes(panel):
    first = panel.curve
    for seed in (1, 2, 3, 4):
        panel.seed.value = seed
    assert len(panel.earlier) == 3 and first not in panel.earlier
    assert [len(line.get_xdata()) for line in panel._earlier] == [STEPS + 1] * 3
    panel.sound.value = "one click"
    assert not panel.earlier and not any(len(line.get_xdata()) for line in panel._earlier)


def test_listen(panel):
    assert panel.original.player is not None and panel.heard.player is None
    panel.iteration.value = 32
    panel.listen_button.click()
    assert np.array_equal(panel.heard.player.waveform, panel.states[32].waveform.numpy())
    assert panel.heard.player.label == f"Iteration 32: {panel.curve[32]:.1f} dB"
    panel.iteration.value = 31
    assert panel.heard.player is None, "a sound must not stay beside another iteration"
    panel.listen_button.click()
    panel.seed.value = 5
    assert panel.heard.player is None


def test_sounds_are_safe_to_hear(sounds):
    for name, sound in sounds.items():
        assert sound.shape == (SECONDS * RATE,) and sound.dtype == np.float32, name
        assert -60 < rms_db(sound) < -12 and np.abs(sound).max() <= 1, name
    assert sounds["one click"].argmax() == RATE and (sounds["one click"] != 0).sum() == 1


def test_controls_are_labelled_and_pictures_described(panel):
    for control in (
        panel.sound,
        panel.win_length,
        panel.start,
        panel.momentum,
        panel.seed,
        panel.iteration,
        panel.listen_button,
    ):
        assert control.description
    assert "too soft (orange) or too loud (purple)" in panel.figure.alt
    assert panel._repr_mimebundle_()


# The exercises


def assert_hint(verdict, *words):
    assert not verdict
    for word in words:
        assert word in verdict.message, verdict.message


def swapped(a, b):
    return np.abs(a) * np.exp(1j * np.angle(b))


def test_swap_right():
    assert exercises.check_swap(swapped)
    assert exercises.check_swap(lambda a, b: np.abs(a) * b / np.maximum(np.abs(b), 1e-12))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda a, b: swapped(b, a), ("other way round",)),
        (lambda a, b: np.abs(a) * np.angle(b), ("phase got lost",)),
        (lambda a, b: np.abs(a) * b, ("b / |b|",)),
        (lambda a, b: a * b, ("Both magnitudes",)),
        (lambda a, b: a * np.exp(1j * np.angle(b)), ("one on top of the other",)),
        (lambda a, b: swapped(a, b.conj()), ("exp(+1j",)),
        (lambda a, b: np.abs(a) * np.exp(1j * np.angle(b, deg=True)), ("radians",)),
        (lambda a, b: a, ("a itself",)),
        (lambda a, b: b, ("b itself",)),
        (lambda a, b: swapped(a, b) + 1, ("Which of the two is off",)),
        (lambda a, b: swapped(a, b)[:, :3], ("shape",)),
        (lambda a, b: np.abs(a) * safe(b), ("0 / 0",)),
        (lambda a, b: None, ("write its body",)),
        (lambda a: a, ("stopped with TypeError",)),
    ],
)
def test_swap_mistakes(answer, words):
    assert_hint(exercises.check_swap(answer), *words)


def safe(b):
    with np.errstate(invalid="ignore"):
        return b / np.abs(b)


def off(m, s):
    return np.linalg.norm(np.abs(s) - m) / np.linalg.norm(m)


def test_consistency_right():
    assert exercises.check_consistency(lambda m, s: 20 * np.log10(off(m, s)))
    assert exercises.check_consistency(lambda m, s: 10 * np.log10(off(m, s) ** 2))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda m, s: 10 * np.log10(off(m, s)), ("half of it",)),
        (lambda m, s: 40 * np.log10(off(m, s)), ("twice the decibels",)),
        (
            lambda m, s: 20 * np.log10(np.linalg.norm(s - m) / np.linalg.norm(m)),
            ("np.abs(spectrum)",),
        ),
        (lambda m, s: -20 * np.log10(off(m, s)), ("Upside down",)),
        (lambda m, s: 20 * np.log(off(m, s)), ("natural",)),
        (off, ("ratio itself",)),
        (
            lambda m, s: 20 * np.log10(off(m, s) * np.linalg.norm(m) / np.linalg.norm(s)),
            ("not of the found",),
        ),
        (lambda m, s: 20 * np.log10(np.abs(np.abs(s) - m).sum() / m.sum()), ("root of the sum",)),
        (lambda m, s: 20 * np.log10(abs((np.abs(s) - m).mean()) / m.mean()), ("cancel",)),
        (lambda m, s: 20 * np.log10(np.linalg.norm(np.abs(s) - m)), ("error alone",)),
        (lambda m, s: 1.0, ("yours is 1.00",)),
        (lambda m, s: ..., ("write its body",)),
    ],
)
def test_consistency_mistakes(answer, words):
    assert_hint(exercises.check_consistency(answer), *words)


def there_and_back(s):
    return stft(istft(s, 64, 16), 64, 16)


def test_step_right():
    assert exercises.check_step(lambda s, m: swapped(m, there_and_back(s)))
    assert exercises.check_step(
        lambda s, m: m * there_and_back(s) / np.maximum(np.abs(there_and_back(s)), 1e-12)
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda s, m: istft(s, 64, 16), ("That is a sound",)),
        (lambda s, m: m, ("has phases too",)),
        (lambda s, m: swapped(m, s), ("Nothing has changed",)),
        (lambda s, m: there_and_back(s), ("put them on again",)),
        (lambda s, m: swapped(there_and_back(s), s), ("turned round",)),
        (lambda s, m: m * there_and_back(s), ("divide by them",)),
        (lambda s, m: swapped(m, there_and_back(s).conj()), ("exp(+1j",)),
        (lambda s, m: m * safe(there_and_back(s)), ("dividing by |0|",)),
        (lambda s, m: swapped(m, there_and_back(s)) * 2, ("Three lines",)),
        (lambda s, m: stft(istft(s, 64, 16), 64, 8), ("shape",)),
        (lambda s, m: None, ("write its body",)),
    ],
)
def test_step_mistakes(answer, words):
    assert_hint(exercises.check_step(answer), *words)


def early(x, n):
    return (x[:n] ** 2).sum() / (x**2).sum()


def test_before_right():
    assert exercises.check_before(lambda x, n: 10 * np.log10(early(x, n)))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, n: 20 * np.log10(early(x, n)), ("Twice too much",)),
        (lambda x, n: 10 * np.log10(abs(x[:n].sum() / x.sum())), ("cancel",)),
        (
            lambda x, n: 10 * np.log10(np.abs(x[:n]).sum() / np.abs(x).sum()),
            ("adds up magnitudes",),
        ),
        (lambda x, n: 10 * np.log10(1 - early(x, n)), ("after the onset",)),
        (lambda x, n: 10 * np.log10(early(x, n + 1)), ("counted in",)),
        (lambda x, n: 10 * np.log10((x[:n] ** 2).sum() / (x[n:] ** 2).sum()), ("by the whole",)),
        (lambda x, n: 10 * np.log10((x[:n] ** 2).mean() / (x**2).mean()), ("Two means",)),
        (early, ("ratio itself",)),
        (lambda x, n: 100 * early(x, n), ("per cent",)),
        (lambda x, n: 10 * np.log(early(x, n)), ("natural",)),
        (lambda x, n: -10 * np.log10(early(x, n)), ("Upside down",)),
        (lambda x, n: 10 * np.log10(early(x, 100)), ("not for another onset",)),
        (lambda x, n: 3.0, ("yours is 3.00",)),
        (lambda x, n: None, ("write its body",)),
    ],
)
def test_before_mistakes(answer, words):
    assert_hint(exercises.check_before(answer), *words)
