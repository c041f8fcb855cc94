"""The player, the pictures, and every panel with real ipywidgets: each control to its ends."""

import io
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from ears import heard
from PIL import Image

import riffedu
from riffedu.errors import RiffeduError
from riffedu.lessons.l00_hear_it_first import course_map
from riffedu.syllabus import LESSONS
from riffedu.widgets import maps, picture, pictures, play, show_source
from riffedu.widgets.job import JobControls
from riffedu.widgets.pictures import describe, height

RATE = 44100


def tone(level=0.25, seconds=0.5, hertz=440):
    time = np.arange(int(RATE * seconds)) / RATE
    return (level * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


# The player


@pytest.mark.parametrize("level", [1e-3, 0.25, 1.0])
def test_play_keeps_the_level(level):
    samples, rate = heard(play(tone(level), RATE).html)
    assert rate == RATE
    assert np.abs(samples - tone(level)).max() <= 1 / 32768


def test_play_stereo():
    both = np.stack([tone(0.5), tone(0.1, hertz=660)])
    samples, _ = heard(play(both, RATE).html)
    assert np.abs(samples - both).max() <= 1 / 32768


def test_play_says_the_level_and_is_labelled():
    player = play(tone(0.25), RATE, 'A "tone" <1>')
    assert "0.50 s" in player.caption and "peak -12.0 dBFS" in player.caption
    assert "RMS -15.1 dBFS" in player.caption
    assert 'aria-label="A &quot;tone&quot; &lt;1&gt;"' in player.html
    assert "silent" in play(np.zeros(100), RATE).caption


def test_play_refuses_to_clip_or_turns_down_and_says_so():
    with pytest.raises(RiffeduError, match="6.0 dB above full scale"):
        play(tone(2.0), RATE)
    quiet = play(tone(2.0), RATE, attenuate=True)
    assert "turned down by 7.0 dB" in quiet.caption
    samples, _ = heard(quiet.html)
    assert np.abs(samples).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert "turned down" not in play(tone(0.5), RATE, attenuate=True).caption


@pytest.mark.parametrize(
    ("waveform", "rate", "words"),
    [
        (np.zeros(0), RATE, "empty"),
        (np.zeros((3, 10)), RATE, "shape"),
        (np.float32(1), RATE, "shape"),
        (np.array([0.0, np.nan]), RATE, "NaN"),
        (np.zeros(10), 0, "sample.rate"),
        (np.zeros(10), "44100", "sample.rate"),
    ],
)
def test_play_refuses(waveform, rate, words):
    with pytest.raises(RiffeduError, match=words):
        play(waveform, rate)


# Pictures


def band(hertz=1000, width=512):
    """A picture with one dark line."""
    pixels = np.full((512, width), 255, np.uint8)
    row = 511 - round(float(height(hertz)) * 512)
    pixels[row - 1 : row + 2] = 0
    return Image.fromarray(pixels).convert("RGB")


def test_height_is_the_mel_scale():
    assert height(0) == 0 and height(10000) == 1
    librosa = pytest.importorskip("librosa")
    hertz = np.array([50, 440, 1000, 5000])
    mel = librosa.hz_to_mel(hertz, htk=True) / librosa.hz_to_mel(10000, htk=True)
    assert np.abs(height(hertz) - mel).max() < 1e-6


def test_describe_says_where_the_sound_lies():
    words = describe(band(1000), "a line")
    low, high = map(float, re.search(r"between (\d+) and (\d+) Hz", words).groups())
    assert 950 < low <= high < 1050
    assert "5.12 s wide" in words and "a line" in words
    assert "silence" in describe(Image.new("RGB", (512, 512), "white"))


def test_pictures_have_size_and_alt_text():
    one = picture(band(), title="one & only")
    assert one.png.startswith(b"\x89PNG")
    assert 'alt="Spectrogram picture of “one &amp; only”' in one.html
    four = pictures([band()] * 4, "abcd")
    assert all(f"“{name}”" in four.alt for name in "abcd")
    wide, narrow = (Image.open(io.BytesIO(p.png)).width for p in (four, one))
    assert wide > 2 * narrow
    with pytest.raises(RiffeduError, match="list is empty"):
        pictures([])


def test_maps_draw_each_channel_on_one_scale():
    grid = np.zeros((16, 16, 16), np.float32)
    grid[3] = -2
    drawn = maps(grid, title="Noise")
    assert "Noise: 16 channels of 16 by 16" in drawn.alt
    pixels = np.asarray(Image.open(io.BytesIO(drawn.png)).convert("RGB")).reshape(-1, 3)
    assert (pixels == (127, 59, 8)).all(1).sum() > 1000  # PuOr's darkest orange: the minimum
    assert maps(np.zeros((4, 2, 2)), title="Zero").png


# Source, words, the map


def test_show_source_takes_its_colours_from_the_theme():
    """JupyterLab's variables, so that a dark theme is dark; with colours for pages without them."""
    import html
    import re

    page = show_source(describe)._repr_html_()
    colours = re.findall(r"(?:color|background):([^;\"]+)", page)
    assert len(set(colours)) >= 4
    assert all(c.startswith("var(--jp-") or c in ("inherit", "transparent") for c in colours)
    plain = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert show_source(describe).code in plain


def test_show_source_is_the_real_source():
    shown = show_source(describe)
    assert shown.code.startswith("def describe(")
    assert '"""Describe a spectrogram picture' in shown.code
    assert shown.place.startswith("riffedu/widgets/pictures.py, line ")
    assert "describe" in shown._repr_html_()
    bare = show_source(describe, docstring=False).code
    assert '"""' not in bare and bare.rstrip().endswith(")") and "loud.sum(axis=0)" in bare
    compile(bare, "bare", "exec")
    method = show_source(JobControls.stop, docstring=False).code
    assert method.startswith("def stop(self)") and "Ask the work" not in method


def test_course_map_shows_what_is_there(tmp_path):
    (tmp_path / "11_text_to_music.ipynb").touch()
    ready = {number for number, *_, state in course_map(tmp_path).rows if state == "ready"}
    assert ready == {"11"}
    text = course_map(tmp_path)._repr_markdown_()
    assert "[Text to music](11_text_to_music.ipynb)" in text
    assert text.count("planned") == len(LESSONS) - 1


# Work on a thread


def test_job_moves_its_bar_and_ends():
    job = JobControls("Go")
    seen = []

    def work(step):
        for i in range(3):
            step(f"part {i}")
            seen.append((job.progress.value, job.start_button.disabled, job.stop_button.disabled))

    job.start(work, 3)
    job.wait(5)
    assert seen == [(1, True, False), (2, True, False), (3, True, False)]
    assert not job.start_button.disabled and job.stop_button.disabled
    assert job.progress.bar_style == "success" and job.error is None


def test_job_stops_at_its_next_step():
    job, begun, go_on, reached = JobControls("Go"), threading.Event(), threading.Event(), []

    def work(step):
        step("first")
        begun.set()
        go_on.wait(5)
        step("second")
        reached.append("too far")

    job.start(work, 2)
    assert begun.wait(5)
    job.stop_button.click()
    go_on.set()
    job.wait(5)
    assert reached == [] and "Stopped." in job.status.value and job.error is None
    job.start(lambda step: step("again"), 1)
    job.wait(5)
    assert job.progress.bar_style == "success"


def test_job_ignores_a_second_start_while_at_work():
    job, go_on, runs = JobControls("Go"), threading.Event(), []

    def work(step):
        runs.append(1)
        go_on.wait(5)

    job.start(work, 1)
    job.start(work, 1)
    go_on.set()
    job.wait(5)
    assert runs == [1]


def test_two_panels_take_turns_and_the_waiting_one_can_stop():
    first, second, go_on = JobControls("Go"), JobControls("Go"), threading.Event()
    first.start(lambda step: go_on.wait(5), 1)
    second.start(lambda step: step("mine"), 1)
    second.stop_button.click()
    second.wait(5)
    assert "Stopped." in second.status.value and first.running
    go_on.set()
    first.wait(5)


def test_job_shows_an_error_in_one_line(capfd):
    job = JobControls("Go")

    def work(step):
        raise RiffeduError("give <words>\nplease")

    job.start(work, 1)
    job.wait(5)
    assert 'role="alert"' in job.status.value and "give &lt;words&gt; please" in job.status.value
    assert isinstance(job.error, RiffeduError)
    job.start(lambda step: 1 / 0, 1)
    job.wait(5)
    assert "ZeroDivisionError: division by zero" in job.status.value
    assert "Traceback" not in "".join(capfd.readouterr())


def test_outputs_take_their_colours_from_the_page():
    """JupyterLab's themes choose them; `show_source` names its colours as the theme's variables."""
    package = Path(riffedu.__file__).parent
    files = [*package.glob("lessons/**/*.py"), *package.glob("widgets/*.py")]
    fixed = re.compile(r"(?<![-\w])(?:background|color) ?: ?(?:#|rgb|white|black)")
    assert [file.name for file in files if fixed.search(file.read_text("utf-8"))] == []
    assert fixed.search('style="color:#222"') and not fixed.search("border-color:#222")
    html = show_source(show_source)._repr_html_()
    assert not fixed.search(html) and "var(--jp-cell-editor-background" in html
