"""The teacher's pages are those of the present lessons, and say what the lessons say."""

import re

import pytest

from riffedu.errors import RiffeduError
from riffedu.lessons import guide
from riffedu.lessons.build import lesson_of, solution, sources
from riffedu.lessons.slides import main, with_slides, write_slides

SOURCES = {lesson_of(source).label: source for source in sources()}


@pytest.mark.parametrize("label", SOURCES)
def test_pages_are_up_to_date(label):
    """If this fails, run `python -m riffedu.lessons.guide`."""
    lesson = lesson_of(SOURCES[label])
    shipped = (guide.PAGES / f"{lesson.name}.md").read_text("utf-8")
    assert shipped == guide.page(SOURCES[label].read_text("utf-8"), lesson)


@pytest.mark.parametrize("label", SOURCES)
def test_every_page_has_its_parts(label):
    lesson = lesson_of(SOURCES[label])
    text = guide.page(SOURCES[label].read_text("utf-8"), lesson)
    for part in ("## Aims", "## In 45 minutes", "## In 90 minutes", "## Homework"):
        assert part in text
    assert text.count("**Question.**") == text.count("**Answer.**")
    minutes = [int(n) for n in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]
    assert 3 <= len(minutes) and sum(minutes) <= 80 + len(minutes)


def test_a_plan_names_the_sounds():
    cell = 'play(voice, RATE, "A voice")\nline_picture({"a": (t, x)})\nplay(x, RATE)'
    assert guide.shown_by(cell) == ["“A voice”", "`line_picture`", "`play`"]


def test_a_plan_fills_its_time_with_optional_sections():
    short = guide.Section("A", words=1300)  # ten minutes
    more = [guide.Section(name, more=True, words=5200) for name in "BCD"]  # forty each
    chosen = guide.fitting([short, *more], 90)
    assert [each.title for each in chosen] == ["A", "B", "C"]


@pytest.mark.parametrize("label", SOURCES)
def test_slides_leave_out_exercises_and_optional_sections(label):
    book = with_slides(solution(SOURCES[label].read_text("utf-8")))
    kinds = [cell.metadata["slideshow"]["slide_type"] for cell in book.cells]
    assert kinds[0] == "slide" and kinds.count("slide") >= 3
    text = "\n".join(cell.source for cell in book.cells)
    assert "(more)" not in text and "## Exercise" not in text and "<details>" not in text
    assert "NBVAL" not in text, "a mark for the tests"


def test_slides_are_one_page(tmp_path):
    path = write_slides("02", tmp_path, reveal="local/reveal")
    page = path.read_text("utf-8")
    assert path.name == "02_stft.slides.html" and "local/reveal" in page
    assert "reveal.js@" not in page


def test_bad_arguments(tmp_path, capsys):
    assert main(["98", "-o", str(tmp_path)]) == 2
    assert "no lesson 98" in capsys.readouterr().err
    with pytest.raises(RiffeduError, match="no folder"):
        write_slides("02", tmp_path / "none")
