"""The panels of lessons 00 and 11: hear it first, walk, compare, tokens."""

import numpy as np
import pytest
from ears import heard

from riffedu.errors import RiffeduError
from riffedu.widgets import picture, token_table

RATE = 44100


def tone(level=0.25, seconds=0.5, hertz=440):
    time = np.arange(int(RATE * seconds)) / RATE
    return (level * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


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


def test_xray_panel_looks_into_the_selection(pipeline, result):
    from riffedu.lessons.l11_text_to_music import xray
    from riffedu.music.xray import xray as look

    panel = xray(pipeline, result)
    assert panel.place is None and "Drag" in panel.report.value
    rows, columns = look(pipeline, result).shape
    edges = panel.player.frequencies
    high, low = edges[-1], edges[-1 - (len(edges) - 1) // rows]
    panel.player.selection = [0.0, 0.02, low, high]
    assert (panel.place.row, panel.place.column) == (0, 0)
    assert panel.place.steps == 3 and "no word" in panel.report.value
    panel.player.selection = [0.0, 0.02, edges[0], edges[1]]
    assert panel.place.row == rows - 1 and f"row {rows}" in panel.report.value
    panel.player.selection = []
    assert panel.place is None and "Drag" in panel.report.value


def test_xray_panel_needs_a_clip_that_generate_made(pipeline, result):
    from dataclasses import replace

    from riffedu.lessons.l11_text_to_music import xray

    panel = xray(pipeline, replace(result, parameters={"verb": "transform"}))
    panel.player.selection = [0.0, 1.0, 100.0, 1000.0]
    assert panel.place is None and "pipeline.generate" in panel.report.value


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
    assert table.padding == 12 and "12 positions of padding" in table._repr_html_()
    assert repr(table) == "[CLS] calm piano [SEP] (+ 12 padding)"
    long = token_table(pipeline.checkpoint.tokenizer, "piano " * 50)
    assert len(long.rows) == 16 and long.padding == 0
    assert token_table(pipeline.checkpoint.tokenizer, "").padding == 14


def test_every_control_has_a_label(pipeline, result):
    """What a screen reader says: a description, or a tooltip for a bar."""
    import ipywidgets as w

    from riffedu.lessons.l00_hear_it_first import hear_it_first
    from riffedu.lessons.l11_text_to_music import compare, walk, xray
    from riffedu.widgets.player_widget import SpectrogramPlayer

    def controls(box):
        for child in box.children:
            yield from controls(child) if isinstance(child, w.Box) else [child]

    panels = [hear_it_first(pipeline), walk(pipeline, result), compare(pipeline, "the band")]
    panels.append(xray(pipeline, result))
    for panel in panels:
        for control in controls(panel.box):
            if isinstance(control, SpectrogramPlayer):
                assert control.label  # its buttons are looked at in tests/browser
            elif not isinstance(control, w.HTML):
                assert control.description or control.tooltip, control
