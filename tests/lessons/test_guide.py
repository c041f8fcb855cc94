"""The teacher's pages are those of the present lessons, and say what the lessons say."""

import re

import pytest

from riffedu.lessons import guide
from riffedu.lessons.build import lesson_of, sources

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


def minutes(text, length):
    """The minutes column of a page's plan, and what the plan says about its sum."""
    part = text.partition(f"## In {length} minutes")[2].partition("\n## ")[0]
    spent = re.search(rf"takes (\d+) of the {length} minutes; (\d+) are left", part)
    return [int(n) for n in re.findall(r"^\| (\d+) \|", part, re.MULTILINE)], spent


@pytest.mark.parametrize(("length", "kept"), [(45, 5), (90, 10)])
@pytest.mark.parametrize("label", SOURCES)
def test_a_plan_fits_its_class(label, length, kept):
    text = guide.page(SOURCES[label].read_text("utf-8"), lesson_of(SOURCES[label]))
    column, said = minutes(text, length)
    assert len(column) >= 3 and min(column) >= 1
    assert [sum(column), length - sum(column)] == [int(said[1]), int(said[2])]
    assert sum(column) <= length - kept


@pytest.mark.parametrize("label", SOURCES)
def test_the_short_plan_is_the_lessons_own_route(label):
    """Both leave out what is marked (more); what does not fit is homework, or for volunteers."""
    markdown = SOURCES[label].read_text("utf-8")
    core = [each for each in guide.sections(markdown) if not each.more]
    text = guide.page(markdown, lesson_of(SOURCES[label]))
    short = text.partition("## In 45 minutes")[2].partition("\n## ")[0]
    assert "(more)" not in short and all(
        f"| {each.title} |" in short for each in core if not each.exercise
    )
    assert re.search(r"\| Exercise \d", short), "a class does something itself"
    for each in core:
        assert (f"| {each.title} |" in short) != (f"*{each.title}*" in short)
    [route] = re.findall(r"\*\*In 45 minutes\*\*(.*)", markdown)
    if listed := re.search(r"[Ee]xercises ([\d, and]+)", route):
        numbers = [re.match(r"Exercise (\d+)", each.title)[1] for each in core if each.exercise]
        assert re.findall(r"\d+", listed[1]) == numbers


def test_a_plan_names_the_sounds():
    cell = 'play(voice, RATE, "A voice")\nline_picture({"a": (t, x)})\nplay(x, RATE)'
    assert guide.shown_by(cell) == ["“A voice”", "`line_picture`", "`play`"]


def test_a_plan_fills_its_time_with_optional_sections():
    short = guide.Section("A", words=1300)  # ten minutes
    more = [guide.Section(name, more=True, words=5200) for name in "BCD"]  # forty each
    chosen = guide.fitting([short, *more], (95, 5))
    assert [each.title for each in chosen] == ["A", "B", "C"]


def test_a_plan_prefers_exercises_to_optional_sections():
    sections = [
        guide.Section("A", words=1300),  # ten minutes
        guide.Section("B", more=True, words=1300),
        guide.Section("Exercise 1", words=1170),  # nine, and seven to solve it
        guide.Section("Exercise 2", words=1300),
    ]
    assert [each.title for each in guide.fitting(sections, (40, 10))] == ["A", "Exercise 1"]
    assert [each.title for each in guide.fitting(sections, (46, 10))] == ["A", "B", "Exercise 1"]


def test_a_plans_rounded_minutes_add_up():
    rows = guide.plan([guide.Section(name, words=182) for name in "ABCDE"], (45, 5))  # 1.4 each
    assert [row[:3] for row in rows[2:7]] == ["| 1", "| 2", "| 1", "| 2", "| 1"]
    assert "takes 7 of the 45 minutes; 38 are left" in rows[-1]
