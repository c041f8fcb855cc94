"""Blind listening on real pages: the page of `riffedu compare`, and lesson 15's ABX panel."""

import re

import numpy as np

from riffedu.evaluate import bench, votes
from riffedu.evaluate.bench import Judged
from riffedu.signal import synth

CELL = """
import numpy as np
from riffedu.lessons.l15_measure_and_compare import abx_panel
from riffedu.signal import synth

tones = {name: synth.sine(f, 0.6, 8000, 0.1) for name, f in (("SecretOne", 300), ("SecretTwo", 900))}
panel = abx_panel(tones, 8000, trials=3, seed=4)
panel
"""


def clip(source, prompt, hertz):
    return Judged(source, prompt, np.float32(synth.sine(hertz, 1.0, bench.RATE, 0.1)), {})


def test_the_page_of_a_comparison_saves_votes_that_can_be_revealed(page, tmp_path):
    clips = [
        clip(source, prompt, hertz)
        for prompt in ('a "calm" piano, <slow>', "techno")
        for source, hertz in (("Alpha", 300), ("Beta", 700))
    ]
    html, key = bench.listening_page(clips, "Listen & rate", seed=1)
    (tmp_path / "listen.html").write_text(html, encoding="utf-8")
    page.goto((tmp_path / "listen.html").as_uri())
    assert page.title() == "Listen & rate"
    durations = page.evaluate(
        """() => Promise.all([...document.querySelectorAll('audio')].map(audio =>
             new Promise(done => { audio.onloadedmetadata = () => done(audio.duration);
                                   audio.preload = 'metadata'; audio.load(); })))"""
    )
    assert np.allclose(durations, 1.0, atol=0.01) and len(durations) == 4
    page.locator("#save").click()
    assert page.locator("#status").inner_text() == "4 clips are not rated yet."
    page.locator("#listener").fill('Ada "L"')
    scores = [10, 20, 30, 40]
    for slider, score in zip(page.locator("input[type=range]").all(), scores):
        slider.fill(str(score))
    with page.expect_download() as download:
        page.locator("#save").click()
    download.value.save_as(tmp_path / "votes.csv")
    assert download.value.suggested_filename == "votes-Ada_L_.csv"
    told = bench.reveal(votes.read_votes(tmp_path / "votes.csv"), key)
    assert [vote.score for vote in told] == scores and told[0].listener == 'Ada "L"'
    assert [(vote.item, vote.system) for vote in told] == [(item, who) for item, _, who in key]


def test_the_abx_panel_counts_and_names_nothing_about_x(open_notebook):
    notebook = open_notebook(CELL)
    notebook.run()
    assert notebook.errors() == [] and notebook.blank_widgets() == []
    cell = notebook.show(0)
    cell.get_by_text("Trial 1 of 3").first.wait_for(timeout=20_000)
    figures = cell.locator("figure").all()
    assert [figure.inner_text().strip() for figure in figures] == [
        "A: SecretOne",
        "B: SecretTwo",
        "X",
    ]
    shown = re.sub(r"base64,[^\"]+", "", cell.locator(".jp-OutputArea").inner_html())
    assert shown.count("SecretOne") == shown.count("SecretTwo") == 2  # caption and label of A, B
    for trial in range(3):
        cell.get_by_text(f"Trial {trial + 1} of 3").first.wait_for(timeout=10_000)
        cell.get_by_role("button", name="X is A").click()
    cell.get_by_text("of 3 right").first.wait_for(timeout=10_000)
    assert notebook.execute("print(len(panel.votes))") == "3\n"
