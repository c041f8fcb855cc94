"""Slides and worksheets: the lesson's own text, in one file that needs no network."""

import html
import re

import nbformat.v4 as v4
import pytest

from riffedu.errors import RiffeduError
from riffedu.lessons import build, page, slides, worksheet

SOURCES = {build.lesson_of(source).label: source for source in build.sources()}
each_lesson = pytest.mark.parametrize("label", SOURCES)
FETCHED = re.compile(r"<(?:script|img|audio|iframe)[^>]* src=\"(?!data:)|<link|@import|url\(h")
SCRIPT = re.compile(r"(<script[^>]*>).*?</script>", re.DOTALL)


def kinds(book):
    return [cell.metadata["slideshow"]["slide_type"] for cell in book.cells]


@each_lesson
def test_slides_leave_out_exercises_and_optional_sections(label):
    book = slides.with_slides(build.solution(SOURCES[label].read_text("utf-8")))
    assert kinds(book)[0] == "slide" and kinds(book).count("slide") >= 3
    text = "\n".join(cell.source for cell in book.cells)
    assert "(more)" not in text and "## Exercise" not in text and "<details>" not in text
    assert "NBVAL" not in text, "a mark for the tests"
    assert "**In 45 minutes**" not in text


def test_a_slide_holds_what_fits():
    words = "word " * (slides.WORDS // 2 - 5)
    text, code = f"# Title\n\n{words}\n\n{words}\n\n{words}", "x = 1\n" * (slides.LINES // 3)
    cells = [v4.new_markdown_cell(text), v4.new_code_cell(code), v4.new_code_cell(code)]
    book = slides.with_slides(v4.new_notebook(cells=cells))
    assert kinds(book) == ["slide", "-", "subslide", "subslide", "subslide"]


def test_answers_are_notes():
    text = "# T\n\nA.\n\n**Think** Why?\n\n<details><summary>Answer</summary>So.</details>"
    book = slides.with_slides(v4.new_notebook(cells=[v4.new_markdown_cell(text)]))
    assert book.cells[-1].source == "So." and kinds(book)[-1] == "notes"


@each_lesson
def test_slides_are_one_page_without_a_network(label, tmp_path):
    path = slides.write_slides(label, tmp_path, more=True)
    text = path.read_text("utf-8")
    assert path.name == f"{SOURCES[label].parent.name[1:]}.slides.html"
    assert (
        not FETCHED.search(SCRIPT.sub(r"\1", text))
        and "Reveal.initialize" in text
        and "<math" in text
    )
    assert "MathJax" not in text


@each_lesson
def test_equations_are_drawn(label):
    """latex2mathml prints a command that it does not know; its overline is one short dash."""
    for cell in build.solution(SOURCES[label].read_text("utf-8")).cells:
        if cell.cell_type == "markdown":
            for drawn in re.findall(r"<math.*?</math>", page.to_html(cell.source), re.DOTALL):
                assert "\\" not in re.sub("<[^>]+>", "", drawn), cell.source
                assert "―" not in html.unescape(drawn), cell.source


def test_a_function_stands_apart_from_its_factor():
    """“asin” is another function."""
    drawn = page.mathml(r"a \sin(x) + N \log_2 N")
    assert '<mi>a</mi><mo lspace="0.167em" rspace="0">sin</mo><mo' in drawn
    assert '<msub><mo lspace="0.167em" rspace="0.167em">log</mo><mn>2</mn></msub><mi>N' in drawn


def test_bars_stand_close_to_what_they_enclose():
    """As relations they would have space on both sides, and only one bar of a norm would grow."""
    bar = '<mo stretchy="false" lspace="0" rspace="0">{}</mo>'
    assert page.mathml(r"|a|\,|b|").count(bar.format("&#x0007C;")) == 4
    assert page.mathml(r"\lVert a \rVert^2").count(bar.format("&#x02016;")) == 2


def test_only_what_a_finished_cell_shows():
    bar = v4.new_output("display_data", {"text/plain": "  0%|  | 0/26 [00:00<?, ?it/s]"})
    assert page.passing(bar) and page.passing(v4.new_output("stream", name="stderr", text="w"))
    assert not page.passing(v4.new_output("stream", name="stdout", text="100%"))


@each_lesson
def test_worksheets_ask_every_question_and_answer_none(label, tmp_path):
    source = SOURCES[label].read_text("utf-8")
    path = worksheet.write_worksheet(label, tmp_path)
    text = path.read_text("utf-8")
    assert not FETCHED.search(text) and "<details" not in text and "](" not in text
    asked = source.count("**Think**") + len(re.findall("^## Exercise", source, re.MULTILINE))
    assert text.count('<div class="room">') == asked
    for answer in re.findall(r"<summary>Answer</summary>\s*(\w.{30})", source):
        assert answer not in text


@pytest.mark.parametrize("tool", [slides, worksheet])
def test_bad_arguments(tool, tmp_path, capsys):
    assert tool.main(["98", "-o", str(tmp_path)]) == 2
    assert "no lesson 98" in capsys.readouterr().err
    assert tool.main(["02", "-o", str(tmp_path / "none")]) == 2
    assert "no folder" in capsys.readouterr().err
    with pytest.raises(RiffeduError, match="no folder"):
        slides.write_slides("02", tmp_path / "none")
