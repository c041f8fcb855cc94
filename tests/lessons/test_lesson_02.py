"""Lesson 02: the panel's controls to their ends, the drawings, and the exercises' hints."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from riffedu import stft
from riffedu.errors import RiffeduError
from riffedu.lessons.l02_stft import exercises, stft_panel
from riffedu.lessons.l02_stft.exercises import dips
from riffedu.lessons.l02_stft.panel import RATE, WINDOWS, some_sounds
from riffedu.signal.audio import rms_db
from riffedu.signal.stft import is_cola
from riffedu.widgets import spectrograms
from riffedu.widgets.spectrogram_pictures import part
from riffedu.widgets.table import by_ear

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


@pytest.fixture(scope="module")
def sounds():
    return some_sounds()


@pytest.fixture
def panel(sounds):
    return stft_panel(sounds)


def picture(panel):
    return np.asarray(Image.open(io.BytesIO(panel.figure.widget.value)).convert("L"))


def dark_rows(panel):
    """How many of the drawing's rows are dark for most of the time: a tone's thickness."""
    return int(((picture(panel)[10:270, 70:740] < 100).mean(axis=1) > 0.8).sum())


def dark_columns(panel):
    return int(((picture(panel)[10:270, 70:740] < 250).mean(axis=0) > 0.8).sum())


# The panel


def test_every_control_to_its_ends_draws_another_picture(panel):
    panel.sound.value = "tune"
    for control, values in {
        panel.sound: panel.sound.options,
        panel.window: WINDOWS.values(),
        panel.win_length: [n for _, n in panel.win_length.options],
        panel.hop: [8, 4, 2, 1],
        panel.padding: [1, 2, 4],
        panel.top: [panel.top.min, panel.top.max],
    }.items():
        before, drawn = control.value, set()
        for value in values:
            control.value = value
            drawn.add(panel.figure.widget.value)
        assert len(drawn) == len(values), control.description
        control.value = before


@pytest.mark.parametrize("win_length", [64, 8192])
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize(("hop", "padding"), [(8, 4), (1, 1)])
def test_corners(panel, win_length, window, hop, padding):
    panel.win_length.value, panel.window.value = win_length, window
    panel.hop.value, panel.padding.value = hop, padding
    rows = win_length * padding // 2 + 1
    assert panel.magnitude.shape == (rows, 1 + 2 * RATE // (win_length // hop))
    assert f"{1000 * win_length / RATE:.1f} ms" in panel.facts.value
    assert picture(panel).min() < 60
    panel.listen_button.click()
    if "No way back" in panel.facts.value:
        assert hop == 1 and "NOLA" in panel.error.value and panel.heard.player is None
    else:
        assert panel.back.shape == panel.waveform.shape
        assert panel.heard.player.waveform.shape == panel.waveform.shape


def test_a_longer_window_draws_tones_thinner_and_clicks_thicker(panel):
    panel.sound.value, panel.window.value = "two tones, two clicks", "hann"
    panel.hop.value, panel.padding.value, panel.top.value = 8, 2, 11000
    panel.win_length.value = 512
    tones, clicks = dark_rows(panel), dark_columns(panel)
    panel.win_length.value = 4096
    assert dark_rows(panel) < tones and dark_columns(panel) > clicks > 0


def test_facts_tell_width_rows_and_the_way_back(panel):
    panel.win_length.value, panel.padding.value, panel.hop.value = 1024, 4, 4
    assert "a tone is 86.1 Hz wide" in panel.facts.value  # 4 bins of 21.5 Hz
    assert "a row comes every 5.4 Hz" in panel.facts.value
    assert "a column comes every 11.6 ms" in panel.facts.value and "(COLA)" in panel.facts.value
    panel.window.value = "boxcar"
    assert "a tone is 43.1 Hz wide" in panel.facts.value
    panel.window.value, panel.hop.value = ("kaiser", 8.0), 2
    assert "NOLA, not COLA" in panel.facts.value


def test_there_and_back_and_what_random_phases_do(panel):
    assert panel.heard.player is None and panel.original.player is not None
    panel.listen()
    assert np.abs(panel.back - panel.waveform).max() < 1e-5
    assert -200 < float(panel.error.value.split(": ")[1].split(" dB")[0]) < -110
    panel.phases.value = False
    assert panel.heard.player is None and panel.error.value == ""
    panel.listen_button.click()
    assert float(panel.error.value.split(": ")[1].split(" dB")[0]) > -3
    assert panel.heard.player.label == "There and back"
    panel.win_length.value = 64
    assert panel.heard.player is None, "a sound must not stay beside another one's settings"


def test_sounds_are_safe_to_hear(sounds):
    for name, sound in sounds.items():
        assert sound.shape == (2 * RATE,) and sound.dtype == np.float32, name
        assert -40 < rms_db(sound) < -12 and np.abs(sound).max() <= 1, name


def test_controls_are_labelled_and_pictures_described(panel):
    for control in (
        panel.sound,
        panel.window,
        panel.win_length,
        panel.hop,
        panel.padding,
        panel.top,
        panel.phases,
        panel.listen_button,
    ):
        assert control.description
    assert "Spectrogram of two tones, two clicks up to 3000 Hz" in panel.figure.alt
    assert panel._repr_mimebundle_()


# The drawings


def test_spectrograms():
    x = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    drawn = spectrograms(
        {
            "one": (x, dict(n_fft=512, hop_length=128)),
            "two": (0.1 * x, dict(n_fft=512, hop_length=128, win_length=200)),
        },
        8000,
    )
    assert "0 to 4000 Hz" in drawn.alt
    assert "“one”, loudest 0 dB" in drawn.alt and "“two”, loudest -20 dB" in drawn.alt
    assert Image.open(io.BytesIO(drawn.png)).width > 600
    assert (
        "100 to 900 Hz"
        in spectrograms(
            {f"{i}": (x, dict(n_fft=64, hop_length=16)) for i in range(4)},
            8000,
            (100, 900),
            (0.1, 0.2),
        ).alt
    )
    with pytest.raises(RiffeduError, match="nothing to draw"):
        spectrograms({}, 8000)


@pytest.mark.parametrize("most", [(300, 600), (7, 5)])
def test_part_keeps_the_loudest_and_its_place(most):
    magnitude = np.zeros((129, 400))
    magnitude[64, 100] = 1  # 64 · 8000 / 256 = 2000 Hz, 100 · 80 / 8000 = 1 s
    small, (left, right, bottom, top) = part(
        magnitude, 8000, (1000, 3000), (0.5, 2), n_fft=256, hop_length=80, most=most
    )
    assert small.shape[0] <= most[0] and small.shape[1] <= most[1] and small.max() == 1
    row, column = np.argwhere(small == 1)[0]
    tall, wide = (top - bottom) / small.shape[0], (right - left) / small.shape[1]
    assert abs(bottom + (row + 0.5) * tall - 2000) <= tall / 2
    assert abs(left + (column + 0.5) * wide - 1) <= wide / 2
    assert bottom <= 1000 and top >= 3000 and left <= 0.5 and right >= 2


# The exercises


def assert_hint(verdict, *words):
    assert not verdict
    for word in words:
        assert word in verdict.message, verdict.message


def place(row, column, n_fft, hop, rate):
    return row * rate / n_fft, column * hop / rate


def test_place_right():
    assert exercises.check_place(place)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda k, t, n, h, r: place(k, t, n, h, r)[::-1], ("wrong order",)),
        (lambda k, t, n, h, r: (2 * k * r / n, t * h / r), ("twice too high",)),
        (lambda k, t, n, h, r: (k * r / 2 / n, t * h / r), ("half of it",)),
        (lambda k, t, n, h, r: (k * n / r, t * h / r), ("Turned round",)),
        (lambda k, t, n, h, r: ((k - 1) * r / n, t * h / r), ("row 0 is 0 Hz",)),
        (lambda k, t, n, h, r: (k, t * h / r), ("1 Hz apart",)),
        (lambda k, t, n, h, r: (k * r / (n + 9), t * h / r), ("goes round k times",)),
        (lambda k, t, n, h, r: (k * r / n, t * n / r), ("every hop_length samples",)),
        (lambda k, t, n, h, r: (k * r / n, 1000 * t * h / r), ("milliseconds",)),
        (lambda k, t, n, h, r: (k * r / n, t), ("t hops",)),
        (lambda k, t, n, h, r: (k * 44100 / n, t * h / 44100), ("wrong for another",)),
        (lambda k, t, n, h, r: k * r / n, ("two numbers",)),
        (lambda k, t, n, h, r: (..., ...), ("write its body",)),
        (lambda k, t: (1, 2), ("stopped with TypeError",)),
    ],
)
def test_place_mistakes(answer, words):
    assert_hint(exercises.check_place(answer), *words)


def own(x, n, hop, window, last=1, spread=np.fft.rfft, axis=1):
    frames = last + (len(x) - n) // hop
    return np.stack([spread(window * x[t * hop : t * hop + n]) for t in range(frames)], axis=axis)


def test_stft_right():
    assert exercises.check_stft(own)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, n, h, w: own(x, n, h, w, axis=0), ("swapped",)),
        (lambda x, n, h, w: own(x, n, h, w, spread=np.fft.fft), ("np.fft.rfft",)),
        (lambda x, n, h, w: own(x, n, h, w, last=0), ("last frame is missing",)),
        (lambda x, n, h, w: own(x, n, n, w), ("every hop_length samples",)),
        (lambda x, n, h, w: own(x, n, h, np.ones(n)), ("left the window out",)),
        (lambda x, n, h, w: own(x, n, h, w).conj(), ("with a minus",)),
        (lambda x, n, h, w: own(x, n, h, w**2), ("twice",)),
        (lambda x, n, h, w: own(x, n, h, w) / n, ("divided by n_fft",)),
        (lambda x, n, h, w: np.abs(own(x, n, h, w)), ("stay complex",)),
        (lambda x, n, h, w: own(x, n, h, 3 * w), ("start at t",)),
        (lambda x, n, h, w: own(x, n, h, w)[:, 0], ("shape must be",)),
        (lambda x, n, h, w: own(x, 64, 24, np.hanning(65)[:64]), ("wrong for another",)),
        (lambda x, n, h, w: None, ("write its body",)),
    ],
)
def test_stft_mistakes(answer, words):
    assert_hint(exercises.check_stft(answer), *words)


@pytest.mark.parametrize("win_length", [3700, 4410, 5000, 7000, 5000.0, np.int64(6000)])
def test_window_length_right(win_length):
    assert exercises.check_window_length(win_length)


@pytest.mark.parametrize(
    ("win_length", "words"),
    [
        (441, ("too short for the tones", "400 Hz wide", "Zero padding")),
        (2048, ("46 ms", "too short")),
        (17640, ("take a shorter one",)),
        (44100, ("1000 ms",)),
        (4410.5, ("whole number",)),
        (8, ("from 16",)),
        ("long", ("whole number",)),
    ],
)
def test_window_length_mistakes(win_length, words):
    assert_hint(exercises.check_window_length(win_length), *words)


def test_dips_follow_the_trade():
    tones, clicks = zip(*(dips(n) for n in (441, 5000, 17640)))
    assert tones[0] < 1 and tones[1] > 6 and tones[2] > 20
    assert clicks[0] > 50 and clicks[1] > 6 and clicks[2] < 1


def test_predictions_are_measured():
    found = exercises.experiment()
    assert found["rows"] == 513 and found["columns"] == 126 and found["largest"] == 511
    assert found["spacing"] == 15.625 and found["tone"] == pytest.approx(125, abs=0.5)
    assert found["click"] == pytest.approx(32, abs=0.5)
    hops = [hop for hop in range(1, 513) if is_cola("hann", 512, hop)]
    assert max(hops) == 256, "a hint says so"


def test_the_four_pianos_differ_by_what_the_hints_say():
    pianos = {exercises.order()[letter]: x for letter, x in exercises.four_pianos().items()}
    assert set(pianos) == set(exercises.PIANOS)
    level, noise, low = {}, {}, {}
    for way, x in pianos.items():
        power = np.abs(stft(x, 4096, 1024)) ** 2
        hertz = np.arange(len(power)) * 44100 / 4096
        band = power[(hertz > 200) & (hertz < 4000)] + 1e-12
        noise[way] = 10 * np.log10(np.median(np.exp(np.log(band).mean(0)) / band.mean(0)))
        low[way] = 10 * np.log10(power[hertz < 1000].sum() / power.sum())
        level[way] = np.sqrt((x[: len(x) // 441 * 441].reshape(-1, 441) ** 2).mean(axis=1))
        assert rms_db(x) == pytest.approx(-23, abs=0.1)
    alike = {way: np.corrcoef(level["untouched"], level[way])[0, 1] for way in pianos}
    assert noise["10 ms"] > noise["untouched"] + 12, "pitches turn into noise"
    assert alike["10 ms"] > 0.8 > 0.4 > alike["400 ms"], "rhythm kept, attacks smeared"
    assert low["cut"] < -50 < -3 < min(low[way] for way in pianos if way != "cut")
    table = by_ear(exercises.four_pianos(), 44100)
    assert table._repr_html_().count("<audio") == 4
    assert not any(way in repr(table) for way in exercises.PIANOS)


def test_what_the_answers_say_about_leakage():
    loud = some_sounds()["a loud and a faint tone"]

    def beside(window, size):
        """The faint tone's level and that of the leakage near it, in dB below the loud one."""
        frames = np.abs(stft(loud, size, size // 4, window=window))
        column = frames[:, frames.shape[1] // 2]
        row, wide = round(1505 * size / RATE), round(60 * size / RATE)
        near = np.r_[column[row - 2 * wide : row - wide], column[row + wide : row + 2 * wide]]
        return [20 * math.log10(x / column.max()) for x in (column[row], np.median(near))]

    for window in ("hann", "hamming", "blackman"):
        tone, leak = beside(window, 2048)
        assert -54 < tone < -47 and leak < tone - 8
    leaks = [beside("boxcar", size)[1] for size in (1024, 2048, 4096, 8192)]
    assert np.mean(np.diff(leaks)) == pytest.approx(-6, abs=1)
    assert [tone - leak > 4 for tone, leak in (beside("boxcar", n) for n in (2048, 8192))] == [
        False,
        True,
    ]


def test_where_the_loop_of_the_frame_closes_it_has_a_corner():
    x = np.sin(2 * np.pi * 1005 * np.arange(4410) / 44100)
    steps = np.diff(np.r_[x, x[:2]])
    assert steps[-3] < 0 < steps[-1], "it arrives falling and starts rising"
    assert abs(steps[-2]) <= np.abs(np.diff(x)).max(), "no step"


def test_puzzle_is_what_the_lesson_says():
    x = exercises.tones_and_clicks()
    assert rms_db(x) < -12 and len(x) == 44100
    spectrum = np.abs(np.fft.rfft(x))
    assert set(np.argsort(spectrum)[-2:]) == {800, 830}
    high = np.abs(stft(x, 441, 1, center=False)[100:]).sum(axis=0)
    loud = np.flatnonzero(high > high.max() / 2) + 220
    assert math.isclose(loud.min(), 22050, abs_tol=200)
    assert math.isclose(loud.max(), 26460, abs_tol=200)
