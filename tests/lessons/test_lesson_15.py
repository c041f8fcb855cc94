"""Lesson 15: the listening panels are blind and count rightly; sounds, tables, facts."""

import base64
import io
import json
import re
import wave

import numpy as np
import pytest
from tiny import ours  # noqa: F401  (fixture)

from riffedu.evaluate import ablation, votes
from riffedu.evaluate.listening import ANCHOR, REFERENCE
from riffedu.lessons.l15_measure_and_compare import (
    abx_panel,
    bars_picture,
    bench_panel,
    history_table,
    interval_picture,
    rating_panel,
    sounds,
)
from riffedu.lessons.l15_measure_and_compare.history import COLUMNS, MODELS, SOURCES, UNKNOWN
from riffedu.miniatures import tokens
from riffedu.music.pipeline import load_pipeline
from riffedu.signal.audio import clip, save

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
RATE = 8000
TIME = np.arange(RATE) / RATE
TONES = {
    "original sound": (0.1 * np.sin(2 * np.pi * 400 * TIME)).astype("f4"),
    "codec sound": (0.1 * np.sin(2 * np.pi * 900 * TIME)).astype("f4"),
}


def widgets_of(box):
    """A widget and everything in it."""
    yield box
    for child in getattr(box, "children", ()):
        yield from widgets_of(child)


def page(panel) -> str:
    """All that the browser gets: the state of every widget, as JSON."""
    states = [widget.get_state() for widget in widgets_of(panel.box)]
    return json.dumps(states, default=str)


def without_audio(text: str) -> str:
    return re.sub(r"data:audio/wav;base64,[A-Za-z0-9+/=]+", "AUDIO", text)


def heard(html: str) -> tuple[bytes, np.ndarray]:
    data = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])
    with wave.open(io.BytesIO(data)) as file:
        return data, np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)


def truth(panel) -> str:
    """What X is, by comparing the sounds as an ear would."""
    x, a = (heard(panel.players[letter].value)[1] for letter in "XA")
    return "A" if np.corrcoef(x, a)[0, 1] > 0.9 else "B"


# Blindness


def test_the_order_is_not_in_the_page_before_the_vote():
    """Panels with opposite orders send the same page, but for the bytes of the sounds."""
    panels = [abx_panel(TONES, RATE, trials=1, seed=seed) for seed in range(8)]
    assert {truth(panel) for panel in panels} == {"A", "B"}
    pages = {re.sub(r"IPY_MODEL_\w+", "ID", without_audio(page(panel))) for panel in panels}
    assert len(pages) == 1


def test_bytes_and_sizes_do_not_tell_x():
    panel = abx_panel(TONES, RATE, trials=1, seed=0)
    files = {letter: heard(panel.players[letter].value)[0] for letter in "ABX"}
    assert len(set(files.values())) == 3 and len({len(data) for data in files.values()}) == 1
    assert re.findall("[AB]: (.*?) sound", page(panel))  # A and B are named, X is not
    assert "dBFS" not in page(panel)


def test_x_is_new_in_every_trial():
    panel = abx_panel(TONES, RATE, trials=6, seed=1)
    seen = set()
    for _ in range(6):
        seen.add(panel.players["X"].value)
        panel.a_button.click()
    assert len(seen) == 6


def test_names_of_systems_appear_after_the_rating_only():
    pages = set()
    for seed in range(6):
        panel = rating_panel(
            TONES["original sound"], {"codec": TONES["codec sound"]}, RATE, seed=seed
        )
        text = page(panel)
        assert not re.search("codec|hidden|anchor(?! version)", without_audio(text))
        pages.add(re.sub(r"IPY_MODEL_\w+", "ID", without_audio(text)))
    assert len(pages) == 1
    sizes = {len(heard(p.value)[0]) for p in [panel.reference, *panel.players.values()]}
    assert len(sizes) == 1
    panel.rate_button.click()
    for name in ("codec", REFERENCE, ANCHOR):
        assert name in panel.status.value


# Votes


def test_abx_panel_counts_and_saves(tmp_path):
    panel = abx_panel(TONES, RATE, trials=5, item="two tones", folder=tmp_path, seed=2)
    panel.listener.value = "Ada L."
    for trial in range(5):
        assert f"Trial {trial + 1} of 5" in panel.status.value and panel.save_button.disabled
        right = truth(panel)
        panel.answer(right if trial else ("B" if right == "A" else "A"))
    assert "4 of 5 right" in panel.status.value and "18.8%" in panel.status.value
    assert panel.a_button.disabled and panel.b_button.disabled
    panel.answer("A")  # too late: nothing happens
    panel.save_button.click()
    [file] = tmp_path.iterdir()
    assert file.name == "votes-abx-two_tones-Ada_L_.csv"
    given = votes.read_votes(file)
    assert [vote.score for vote in given] == [0, 1, 1, 1, 1] and given[0].listener == "Ada L."


def test_rating_panel_saves_what_was_given(tmp_path):
    panel = rating_panel(
        TONES["original sound"], {"codec": TONES["codec sound"]}, RATE, "x", tmp_path, seed=0
    )
    for n, slider in enumerate(panel.sliders.values()):
        slider.value = 10 * n
    panel.rate_button.click()
    assert all(slider.disabled for slider in panel.sliders.values()) and panel.rate_button.disabled
    panel.save_button.click()
    [file] = tmp_path.iterdir()
    assert {v.system for v in votes.read_votes(file)} == {REFERENCE, ANCHOR, "codec"}
    assert sorted(v.score for v in votes.read_votes(file)) == [0, 10, 20]


def test_a_folder_that_cannot_be_written(tmp_path):
    panel = abx_panel(TONES, RATE, trials=1, folder=tmp_path / "missing", seed=0)
    panel.b_button.click()
    panel.save_button.click()
    assert "could not be written" in panel.status.value


# Sounds and pictures


def test_each_measure_is_fooled():
    real = ablation.measured(*clip("full_mix"))
    for name, (_, wave_) in sounds.fooling_sounds().items():
        assert np.abs(wave_).max() < 1
        assert ablation.measured(wave_, sounds.RATE)[name] > real[name] + 0.1


def test_versions_of_a_sound(ours):
    road, rate = ablation.versions(
        load_pipeline(ours), np.stack([TONES["original sound"]] * 2), RATE
    )
    assert list(road) == ["original", "picture", "codec"] and rate == 44100
    assert np.ptp([np.sqrt(np.mean(x**2)) for x in road.values()]) < 1e-3
    silent, _ = ablation.versions(load_pipeline(ours), np.zeros(RATE, "f4"), RATE)
    assert not silent["original"].any()


def test_a_tune_is_frames_of_notes():
    x = sounds.tune(4.8, seed=1)
    assert len(x) == pytest.approx(4.8 * sounds.RATE, abs=20) and np.abs(x).max() < 1
    assert not np.array_equal(x, sounds.tune(4.8, seed=2)[: len(x)])


def test_the_floor_of_the_tune_is_its_entropy():
    from scipy.stats import entropy

    assert sounds.surprise(4) == pytest.approx(entropy([1, 2, 1, 2, 1]) / 24)
    assert sounds.surprise(8) == pytest.approx(sounds.surprise(4) / 2)


def test_coded_clips_differ_by_their_books():
    from riffedu import audio_to_image

    image = audio_to_image(*clip("guitar"))
    *_, codec = tokens.train_rvq(tokens.to_frames(np.asarray(image.convert("L"))), 8, 16, 2)
    made, rate = sounds.coded_sounds(image, codec, frames=32)
    assert set(made) == set("ABCD") == set(sounds.order()) and rate == 44100
    assert sorted(sounds.order().values()) == [1, 2, 4, 8]
    again = sounds.as_image(tokens.to_frames(np.asarray(image.convert("L"))), image)
    assert np.array_equal(np.asarray(again), np.asarray(image.convert("RGB")))


def test_figures_describe_themselves():
    bars = bars_picture({"beat": {"codec": 0.9, "denoiser": 0.5}}, "share", "Losses")
    assert "beat: codec 0.90, denoiser 0.50" in repr(bars)
    gaps = interval_picture({"piano": (-0.2, -0.3, -0.1)}, "x", "Gaps")
    assert "piano -0.20 (-0.30 to -0.10)" in repr(gaps)


def test_the_first_row_is_the_model_that_is_loaded(ours):
    text = history_table(load_pipeline(ours))._repr_html_()
    row = text.split("<tr>")[2]
    assert "loaded here" in row and "BertModel" in row and "44.1 kHz, picture to 10 kHz" in row
    assert "8 latents for 32×32" in row and text.count("<tr>") == len(MODELS) + 2


def test_every_cell_of_the_table_has_a_source():
    text = history_table()._repr_html_()
    for model in MODELS:
        assert tuple(model.cells) == COLUMNS
        for words, key in model.cells.values():
            assert words and SOURCES[key][1].startswith("https://"), (model.name, words)
    assert text.count("<a href=") == len(MODELS) * len(COLUMNS)
    assert all(key in SOURCES for model in MODELS for _, key in model.cells.values())
    closed = [m for m in MODELS if m.cells["open?"][0] == "no" and m.name != "MusicLM"]
    assert [m.name for m in closed] == ["Suno", "Udio"]
    assert all(m.cells["parameters"][0] == UNKNOWN for m in closed)


def test_the_bench_panel_compares_and_saves(ours, tmp_path):
    folder = tmp_path / "others"
    folder.mkdir()
    save(folder / "a calm piano.wav", TONES["original sound"].repeat(4), 4 * RATE)
    panel = bench_panel(f"ours={ours}\nothers={folder}", "a calm piano", tmp_path / "out", steps=2)
    panel.seconds.value = 2.0
    panel.run()
    panel.wait()
    assert panel.job.error is None and [c.source for c in panel.clips] == ["ours", "others"]
    assert "MB" in panel.about.value or "GB" in panel.about.value
    assert "<th" in panel.table.value and panel.table.value.count("<tr>") == 3
    assert bytes(panel.sheet.value[:4]) == b"\x89PNG"
    panel.save()
    assert (tmp_path / "out" / "listen.html").exists()
    panel.save()
    assert "already" in panel.status.value


def test_the_bench_panel_says_what_is_wrong():
    panel = bench_panel("nobody")
    panel.run()
    assert "source &#x27;nobody&#x27; is unknown" in panel.status.value
