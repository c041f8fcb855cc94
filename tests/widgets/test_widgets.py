"""The player, the pictures, and every panel with real ipywidgets: each control to its ends."""

import io
import re
import threading

import numpy as np
import pytest
from ears import heard
from PIL import Image

from riffedu.errors import RiffeduError
from riffedu.lessons.l00_hear_it_first import course_map
from riffedu.syllabus import LESSONS
from riffedu.widgets import maps, picture, pictures, play, show_source, token_table
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
    with pytest.raises(RiffeduError, match="6.0 dB over full scale"):
        play(tone(2.0), RATE)
    quiet = play(tone(2.0), RATE, attenuate=True)
    assert "turned down by 7.0 dB" in quiet.caption
    samples, _ = heard(quiet.html)
    assert np.abs(samples).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert "turned down" not in play(tone(0.5), RATE, attenuate=True).caption


@pytest.mark.parametrize(
    ("waveform", "rate", "words"),
    [
        (np.zeros(0), RATE, "shape"),
        (np.zeros((3, 10)), RATE, "shape"),
        (np.float32(1), RATE, "shape"),
        (np.array([0.0, np.nan]), RATE, "NaN"),
        (np.zeros(10), 0, "sample_rate"),
        (np.zeros(10), "44100", "sample_rate"),
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


def test_show_source_is_the_real_source():
    shown = show_source(describe)
    assert shown.code.startswith("def describe(")
    assert '"""A spectrogram picture in words' in shown.code
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


# Panels


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """A tiny random checkpoint: what it plays is noise, and every control works on it."""
    from riffedu import load_pipeline
    from tests.tiny import write_riffedu_checkpoint

    folder = tmp_path_factory.mktemp("models") / "tiny"
    defaults = {"guidance_scale": 3.0, "num_inference_steps": 4}
    return load_pipeline(write_riffedu_checkpoint(folder, defaults=defaults))


@pytest.fixture(scope="module")
def result(pipeline):
    return pipeline.generate(
        "a calm solo piano", seed=5, num_inference_steps=3, progress=False, keep_states=True
    )


def finish(panel):
    panel.wait(60)
    assert panel.job.error is None, panel.status.value
    return panel


def test_hear_panel_starts_with_the_given_result(pipeline, result):
    from riffedu.lessons.l00_hear_it_first import hear_it_first

    panel = hear_it_first(pipeline, result)
    assert panel.prompt.value == "a calm solo piano" and panel.seed.value == 5
    assert panel.steps.value == 3 and panel.guidance.value == 3.0
    samples, rate = heard(panel.heard.widget)
    assert rate == result.sample_rate
    assert np.abs(samples - result.waveform).max() <= 1 / 32768
    assert panel.heard.widget.alt.startswith("Spectrogram picture of “a calm solo piano”")
    assert panel.heard.widget.picture == np.asarray(result.image.convert("L")).tobytes()
    assert panel._repr_mimebundle_()["application/vnd.jupyter.widget-view+json"]
    assert hear_it_first(pipeline).heard.player is None
    assert hear_it_first(pipeline).steps.value == 4


def test_hear_panel_makes_what_it_is_asked_for(pipeline, result):
    from riffedu.lessons.l00_hear_it_first import hear_it_first

    panel = hear_it_first(pipeline, result)
    before = panel.heard.widget.sound
    panel.prompt.value, panel.seed.value, panel.guidance.value = "rock drums", 7, 2.0
    panel.generate_button.click()
    assert panel.generate_button.disabled or not panel.job.running
    finish(panel)
    told = panel.result.parameters
    assert (told["prompt"], told["seed"]) == ("rock drums", 7)
    assert (told["guidance_scale"], told["num_inference_steps"]) == (2.0, 3)
    assert panel.heard.widget.sound != before and panel.heard.widget.label == "rock drums"
    same = pipeline.generate(
        "rock drums", seed=7, guidance_scale=2.0, num_inference_steps=3, progress=False
    )
    assert np.array_equal(same.waveform, panel.result.waveform)
    assert panel.progress.value == panel.progress.max == 3
    assert "Done" in panel.status.value


@pytest.mark.parametrize(
    ("control", "end"),
    [
        ("seed", "min"),
        ("seed", "max"),
        ("guidance", "min"),
        ("guidance", "max"),
        ("steps", "min"),
        ("steps", "max"),
    ],
)
def test_hear_panel_at_the_ends(pipeline, result, control, end):
    from riffedu.lessons.l00_hear_it_first import hear_it_first

    panel = hear_it_first(pipeline, result)
    widget = getattr(panel, control)
    widget.value = getattr(widget, end)
    panel.watch.value = False
    panel.generate_button.click()
    finish(panel)
    name = {"guidance": "guidance_scale", "steps": "num_inference_steps"}.get(control, control)
    assert panel.result.parameters[name] == getattr(widget, end)
    heard(panel.heard.widget)


def test_hear_panel_shows_the_picture_appear(pipeline, result):
    from riffedu.lessons.l00_hear_it_first import hear_it_first

    panel = hear_it_first(pipeline, result)
    seen = []
    shown = panel.heard.widget
    shown.observe(lambda _: seen.append((shown.label, shown.sound)), "picture")
    panel.generate_button.click()
    finish(panel)
    told, sounds = zip(*seen)
    assert "in mind after 1 of 3 steps" in told[0] and "in mind after 2 of 3" in told[1]
    assert len(seen) == 3 and sounds[2] and not sounds[0] + sounds[1]
    panel.watch.value, panel.seed.value = False, 6
    seen.clear()
    panel.generate_button.click()
    finish(panel)
    assert len(seen) == 1 and seen[0][1]


def test_hear_panel_examples_and_dice(pipeline):
    from riffedu.lessons.l00_hear_it_first import hear_it_first

    panel = hear_it_first(pipeline)
    for button in panel.examples:
        button.click()
        assert panel.prompt.value == button.description
    drawn = set()
    for _ in range(5):
        panel.dice.click()
        drawn.add(panel.seed.value)
    assert len(drawn) > 1


def test_hear_panel_stops(pipeline, result):
    from riffedu.lessons.l00_hear_it_first import hear_it_first

    panel = hear_it_first(pipeline, result)
    panel.steps.value = panel.steps.max
    panel.progress.observe(lambda change: change["new"] == 2 and panel.stop_button.click(), "value")
    panel.generate_button.click()
    finish(panel)
    assert "Stopped." in panel.status.value
    assert panel.progress.value == 2 and panel.result is result
    assert panel.stop_button.disabled and not panel.generate_button.disabled


@pytest.mark.parametrize(("prompt", "words"), [("", "prompt is empty"), ("  ", "prompt is empty")])
def test_hear_panel_bad_prompt_is_one_line(pipeline, result, prompt, words):
    from riffedu.lessons.l00_hear_it_first import hear_it_first

    panel = hear_it_first(pipeline, result)
    panel.prompt.value = prompt
    panel.generate_button.click()
    panel.wait(30)
    assert isinstance(panel.job.error, RiffeduError) and words in panel.status.value
    assert panel.result is result and not panel.generate_button.disabled


def test_hear_panel_hands_on_what_the_model_remarks(pipeline, result):
    from riffedu.lessons.l00_hear_it_first import hear_it_first

    panel = hear_it_first(pipeline, result)
    panel.prompt.value = "спокойное пианино <b>"
    panel.generate_button.click()
    finish(panel)
    assert "Note:" in panel.status.value and "English" in panel.status.value
    assert "<b>" not in panel.status.value and "&lt;b&gt;" in panel.heard.player.html


def test_walk_panel_shows_every_state(pipeline, result):
    from riffedu.lessons.l11_text_to_music import walk

    panel = walk(pipeline, result)
    assert (panel.step.min, panel.step.max, panel.step.value) == (0, 3, 3)
    shown = set()
    for view in ("state", "estimate", "latents"):
        panel.view.value = view
        for step in range(4):
            panel.step.value = step
            assert f"step {step} of 3" in panel.output.value
            shown.add(panel.output.value)
    assert len(shown) == 12
    panel.view.value, panel.step.value = "estimate", 2
    assert panel.drawing(2, "estimate") is panel.drawing(2, "estimate")
    expected = picture(result.steps()[1].image(), "What the model has in mind, step 2 of 3")
    assert panel.output.value == expected.html


@pytest.mark.parametrize("step", [0, 3])
@pytest.mark.parametrize("view", ["state", "estimate", "latents"])
def test_walk_panel_lets_every_state_be_heard(pipeline, result, step, view):
    from riffedu.lessons.l11_text_to_music import walk
    from riffedu.signal.audio import rms_db

    panel = walk(pipeline, result)
    panel.step.value, panel.view.value = step, view
    assert panel.sound.player is None
    panel.listen_button.click()
    finish(panel)
    samples, _ = heard(panel.sound.widget)
    assert -30 < rms_db(samples) < -19 and f"step {step} of 3" in panel.sound.player.label
    panel.step.value = 1
    assert panel.sound.player is None, "a sound must not stay beside another step's picture"


def test_walk_panel_needs_states(pipeline):
    from riffedu.lessons.l11_text_to_music import walk

    bare = pipeline.generate("the band", num_inference_steps=1, progress=False)
    with pytest.raises(RiffeduError, match="keep_states"):
        walk(pipeline, bare)


@pytest.mark.parametrize(
    ("knob", "values", "parameter", "expected"),
    [
        ("guidance", "0, 30", "guidance_scale", [0.0, 30.0]),
        ("steps", "1,2", "num_inference_steps", [1, 2]),
        ("seed", "0, 2147483647, 0", "seed", [0, 2147483647]),
        ("prompt", "piano, drums", "prompt", ["piano", "drums"]),
    ],
)
def test_compare_panel_changes_one_thing(pipeline, knob, values, parameter, expected):
    from riffedu.lessons.l11_text_to_music import compare

    panel = compare(pipeline, "a calm solo piano", steps=2)
    panel.knob.value = knob
    panel.values.value = values
    panel.compare_button.click()
    finish(panel)
    assert list(panel.results) == expected
    told = [r.parameters for r in panel.results.values()]
    assert [t[parameter] for t in told] == expected
    for other in {"guidance_scale", "num_inference_steps", "seed", "prompt"} - {parameter}:
        assert len({t[other] for t in told}) == 1
    assert [heard(each)[0].size for each in panel.output.children] == [
        r.waveform.size for r in panel.results.values()
    ]


def test_compare_panel_proposes_values_for_each_knob(pipeline):
    from riffedu.lessons.l11_text_to_music import compare
    from riffedu.lessons.l11_text_to_music.panel import parse

    panel = compare(pipeline, "the band")
    for knob in panel.knob.options[::-1]:
        panel.knob.value = knob
        assert 2 <= len(parse(panel.values.value, knob)) <= 6


@pytest.mark.parametrize(
    ("knob", "values", "words"),
    [
        ("guidance", "", "1 to 6 values"),
        ("guidance", "1,2,3,4,5,6,7", "1 to 6 values"),
        ("guidance", "much", "must be numbers"),
        ("steps", "1.5", "whole numbers"),
        ("steps", "0", "num_inference_steps must be"),
        ("seed", "-1", "seed must be"),
        ("guidance", "31", "guidance_scale must be"),
        ("guidance", "nan", "guidance_scale must be"),
    ],
)
def test_compare_panel_bad_values_are_one_line(pipeline, knob, values, words):
    from riffedu.lessons.l11_text_to_music import compare

    panel = compare(pipeline, "the band", steps=1)
    panel.knob.value = knob
    panel.values.value = values
    panel.compare_button.click()
    panel.wait(30)
    assert isinstance(panel.job.error, RiffeduError) and words in panel.status.value
    assert panel.results == {} and not panel.compare_button.disabled


def test_token_table(pipeline):
    table = token_table(pipeline.checkpoint.tokenizer, "calm piano")
    assert [piece for _, piece, _ in table.rows] == ["[CLS]", "calm", "piano", "[SEP]"]
    assert table.padding == 12 and "12 places of padding" in table._repr_html_()
    assert repr(table) == "[CLS] calm piano [SEP] (+ 12 padding)"
    long = token_table(pipeline.checkpoint.tokenizer, "piano " * 50)
    assert len(long.rows) == 16 and long.padding == 0
    assert token_table(pipeline.checkpoint.tokenizer, "").padding == 14


def test_every_control_has_a_label(pipeline, result):
    """What a screen reader says: a description, or a tooltip for a bar."""
    import ipywidgets as w

    from riffedu.lessons.l00_hear_it_first import hear_it_first
    from riffedu.lessons.l11_text_to_music import compare, walk
    from riffedu.widgets.spectrogram_player import SpectrogramPlayer

    def controls(box):
        for child in box.children:
            yield from controls(child) if isinstance(child, w.Box) else [child]

    panels = hear_it_first(pipeline), walk(pipeline, result), compare(pipeline, "the band")
    for panel in panels:
        for control in controls(panel.box):
            if isinstance(control, SpectrogramPlayer):
                assert control.label  # its buttons are looked at in tests/browser
            elif not isinstance(control, w.HTML):
                assert control.description or control.tooltip, control
