"""A lesson's slides and worksheet, opened as a file: no server, no network."""

import re

import pytest
from pages import SHOTS

from riffedu.lessons.slides import write_slides
from riffedu.lessons.worksheet import write_worksheet


@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    return write_slides("01", tmp_path_factory.mktemp("slides"), more=True, execute=True)


@pytest.fixture
def asked(page):
    """What the page asks for, but for what it holds itself."""
    urls = []
    page.context.on("request", lambda request: urls.append(request.url))
    page.set_viewport_size({"width": 1280, "height": 720})
    return urls


def outside(urls):
    return [url for url in urls if not url.startswith(("file:", "data:", "blob:", "about:"))]


def test_slides(page, asked, deck):
    page.goto(deck.as_uri())
    page.wait_for_function("globalThis.Reveal?.isReady()")
    assert page.locator("h1:visible").inner_text().startswith("01")
    total = page.evaluate("Reveal.getTotalSlides()")
    seen, sounds, equations = set(), 0, 0
    for _ in range(total):
        seen.add(page.evaluate("JSON.stringify(Reveal.getIndices())"))
        sounds += page.locator("audio:visible").count()
        equations += page.locator("math:visible").count()
        size = page.evaluate("""() => {
            const slide = Reveal.getCurrentSlide();
            return [slide.scrollHeight - slide.clientHeight, slide.scrollWidth - slide.clientWidth];
        }""")
        # A picture of source code may scroll; nothing may be cut off at the right.
        assert size[1] <= 1, page.locator("section.present section.present").inner_text()
        page.keyboard.press("Space")
    assert len(seen) == total > 15 and sounds >= 5 and equations >= 1
    page.evaluate("Reveal.slide(0, 2)")
    page.screenshot(path=SHOTS / "slides.png")
    assert outside(asked) == []


def test_a_sound_on_a_slide_plays(page, deck):
    page.goto(deck.as_uri())
    page.wait_for_function("globalThis.Reveal?.isReady()")
    while not page.locator("audio:visible").count():
        page.keyboard.press("Space")
    sound = page.locator("audio:visible").first
    sound.evaluate("each => each.play()")
    page.wait_for_function("[...document.querySelectorAll('audio')].some(a => a.currentTime > 0.1)")
    page.keyboard.press("ArrowRight")  # a sound stops with its slide
    page.wait_for_function("[...document.querySelectorAll('audio')].every(a => a.paused)")


def test_the_speaker_sees_the_answers(page, asked, deck):
    page.goto(deck.as_uri())
    page.wait_for_function("globalThis.Reveal?.isReady()")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    speaker = opened.value
    while not page.locator("section.present section.present aside.notes").count():
        page.keyboard.press("Space")
    answer = page.locator("section.present section.present aside.notes").first.text_content()
    speaker.wait_for_function(
        "text => document.body.innerText.includes(text)", arg=answer.strip().split(".")[0][:30]
    )
    speaker.close()
    assert outside(asked) == []


def test_print(page, asked, deck, tmp_path):
    page.goto(f"{deck.as_uri()}?print-pdf")
    page.wait_for_selector(".pdf-page")
    assert page.locator(".pdf-page").count() >= 15
    heights = page.locator(".pdf-page").evaluate_all("pages => pages.map(p => p.offsetHeight)")
    sheets = sum(height // min(heights) for height in heights)  # a tall slide goes on on the next
    assert pages_of(page.pdf(prefer_css_page_size=True)) == sheets
    page.goto(write_worksheet("05", tmp_path).as_uri())
    assert 2 <= pages_of(page.pdf(format="A4")) <= 4
    page.emulate_media(media="print")
    page.screenshot(path=SHOTS / "worksheet.png", full_page=True)
    assert outside(asked) == []


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page[^s]", pdf))
