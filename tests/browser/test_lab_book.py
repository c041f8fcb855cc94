"""The lab book in a real page: clips that were made stay, are heard, compared and saved."""

import re

from player_page import HEAR

from riffedu.signal.files.tags import read_record

CLIPS = """
import json
import numpy as np
from riffedu.widgets import spectrogram_player
from riffedu.widgets.sound import Sound
from riffedu.widgets.player_widget import _drawn

def clip(hertz, seed, **more):
    t = np.arange(44100) / 44100
    sound = Sound.of(0.2 * np.sin(2 * np.pi * hertz * t).astype(np.float32), 44100, f"a <tuba> at {hertz} Hz")
    sound.image = _drawn([sound])[0]
    record = {"riffedu": "0.1.0", "verb": "generate", "model": "default", "seed": seed,
              "num_inference_steps": 25, **more}
    sound.image.info["riffedu"] = json.dumps(record)
    return spectrogram_player(sound)
"""


def book_of(page, number=0):
    """The lab book of one player, opened."""
    book = page.locator(".riffedu-book").nth(number)
    if book.get_attribute("open") is None:
        book.locator("summary").click()
    return book


def says(page, words):
    """Wait until the second player's status says these words."""
    page.wait_for_function(
        "words => document.querySelectorAll('.riffedu-status')[1].textContent.includes(words)",
        arg=words,
    )


def test_clips_are_kept_compared_and_saved(open_notebook, page, tmp_path):
    notebook = open_notebook(CLIPS, "low = clip(440, 1)\nlow", "clip(3000, 2, strength=0.5)")
    notebook.run()
    assert notebook.errors() == []
    notebook.show(2)
    page.evaluate(HEAR)
    book = book_of(page, 1)
    cards = book.locator("li")
    page.wait_for_function("riffeduClips.cards.length === 2")
    cards.nth(1).wait_for()  # a book that opens draws its clips a moment later
    assert cards.count() == 2 and "(2)" in book.locator("summary").inner_text()
    high, low = cards.nth(0), cards.nth(1)
    assert "a <tuba> at 3000 Hz" in high.inner_text()
    assert "seed 2, 25 steps, strength 0.5, 1.0 s" in high.inner_text()

    low.locator(".riffedu-thumb").click()
    assert abs(page.evaluate("hear([])")["loudest"] - 440) < 20
    low.locator(".riffedu-a").click()
    assert not book.locator(".riffedu-compare").is_visible()
    high.locator(".riffedu-b").click()
    book.locator(".riffedu-both").click()
    assert abs(page.evaluate("hear([])")["loudest"] - 440) < 20
    book.locator(".riffedu-turn").click()
    assert abs(page.evaluate("hear([])")["loudest"] - 3000) < 20, "B goes on where A was"

    with page.expect_download() as saved:
        high.locator(".riffedu-save").click()
    assert read_record(saved.value.path())["seed"] == 2
    low.locator(".riffedu-star").click()
    high.locator(".riffedu-delete").click()
    page.wait_for_function("riffeduClips.cards.length === 1")
    book.locator("button", has_text="undo").click()
    page.wait_for_function("riffeduClips.cards.length === 2")

    with page.expect_download() as saved:
        book.locator("button", has_text="export").click()
    exported = tmp_path / "book.html"
    saved.value.save_as(exported)
    text = exported.read_text(encoding="utf-8")
    assert "<tuba>" not in re.sub('".*?"', "", text), "a label is text, not markup"
    assert not re.search(r"(?:src|href)=.?https?:", text)
    alone = page.context.new_page()
    alone.goto(exported.as_uri())
    played = alone.evaluate(
        "async () => { const a = document.querySelector('audio'); await a.play(); return a.duration; }"
    )
    assert abs(played - 1) < 0.01 and alone.locator("article").count() == 2
    alone.close()

    for left in (1, 0):
        cards.first.locator(".riffedu-delete").click()
        page.wait_for_function("left => riffeduClips.cards.length === left", arg=left)
        cards.nth(left).wait_for(state="detached")
    book.locator("input[type=file]").set_input_files(exported)
    page.wait_for_function("riffeduClips.cards.length === 2")
    says(page, "2 clips were in book.html")
    assert page.evaluate("riffeduClips.cards.map(c => [c.label, c.star])") == [
        ["a <tuba> at 3000 Hz", False],
        ["a <tuba> at 440 Hz", True],
    ]
    broken = tmp_path / "broken.html"
    broken.write_text("<article data-clip='{}'></article><script>wrong()</script>")
    book.locator("input[type=file]").set_input_files(broken)
    page.wait_for_function(
        "[...document.querySelectorAll('.riffedu-status')].some(s => s.textContent.includes('is damaged'))"
    )

    # It is bounded, a star stays, and another page of this browser sees the same.
    page.evaluate(
        """async () => {
          for (let i = 0; i < 62; i++) await riffeduClips.add({label: `${i}`, record: `{"seed": ${i}}`,
            samples: new Int16Array(100), channels: 1, pixels: new Uint8Array(4), rows: 2, columns: 2});
        }"""
    )
    found = page.evaluate("riffeduClips.cards.map(c => c.label)")
    assert len(found) == 61 and found[0] == "61" and found[-1] == "a <tuba> at 440 Hz"
    for left, words in ((1, "so 1 of them was left out"), (0, "2 clips were in book.html")):
        page.evaluate("() => [...document.querySelectorAll('.riffedu-status')][1].textContent = ''")
        book.locator("input[type=file]").set_input_files(exported)
        says(page, words)
        assert page.evaluate("riffeduClips.cards.length") == 61
        labels = page.evaluate("riffeduClips.cards.map(c => c.label)")
        assert ("a <tuba> at 3000 Hz" in labels) == (not left)
        if left:  # then there is room
            page.evaluate("riffeduClips.remove(riffeduClips.cards[0].id)")
    page.evaluate("() => { delete globalThis.riffeduClips; }")
    notebook.execute("low.sound = low.sound + b'\\0\\0'")
    page.wait_for_function(
        """() => { const cards = globalThis.riffeduClips?.cards ?? [];
          return cards.length === 61 && cards[0].label.startsWith('a <tuba>') && cards[60].star; }"""
    )
    # A disk that turns out to be full when a clip is written: the page keeps it.
    heard = page.evaluate(
        """async () => {
          const {put} = IDBObjectStore.prototype;
          IDBObjectStore.prototype.put = function (value) {
            const request = put.call(this, value);
            if (this.name === 'bodies') request.addEventListener('success', () => this.transaction.abort());
            return request;
          };
          const {id} = await riffeduClips.add({label: 'kept', record: '{}', samples: new Int16Array(7),
            channels: 1, pixels: new Uint8Array(4), rows: 2, columns: 2});
          IDBObjectStore.prototype.put = put;
          return (await riffeduClips.body(id)).samples.length;
        }"""
    )
    assert heard == 7
