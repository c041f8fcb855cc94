"""The glossary: sorted, no entry twice, each with its lessons, and every link to it leads there."""

import re
import unicodedata
from pathlib import Path

import pytest

from riffedu.lessons.build import sources
from riffedu.syllabus import LESSONS

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")
ENTRIES = [part.partition("\n") for part in re.split(r"^## ", GLOSSARY, flags=re.MULTILINE)[1:]]
TITLES = [title for title, _, _ in ENTRIES]


def alphabetical(title):
    """Accents and capitals do not count."""
    plain = unicodedata.normalize("NFKD", title)
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold()


def anchor(title):
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def test_it_is_sorted_and_names_nothing_twice():
    assert sorted(TITLES, key=alphabetical) == TITLES
    names = [alphabetical(name) for title in TITLES for name in re.split(r", | \(", title)]
    assert len(set(names)) == len(names)
    assert len(set(map(anchor, TITLES))) == len(TITLES)


@pytest.mark.parametrize(("title", "body"), [(title, body) for title, _, body in ENTRIES])
def test_each_entry_explains_its_term_and_ends_with_its_lessons(title, body):
    *before, text, lessons = body.strip().split("\n\n")
    assert all(part.startswith("**In the literature**: ") for part in before)
    assert text.rstrip(")").endswith(".") and len(before) < 2
    assert max(map(len, body.splitlines())) <= 110
    named = re.fullmatch(r"Lessons? ((\d\d[a-z]?)((, | to )\d\d[a-z]?)*)\.", lessons)
    assert named, lessons
    labels = re.split(", | to ", named[1])
    assert set(labels) <= {lesson.label for lesson in LESSONS} and labels == sorted(labels)
    assert lessons.startswith("Lessons") == (len(labels) > 1)


def test_links_lead_to_entries():
    anchors = set(map(anchor, TITLES))
    linked = set(re.findall(r"\]\(#([^)]+)\)", GLOSSARY))
    for source in sources():
        linked |= set(re.findall(r"glossary\.md#([^)\s]+)\)", source.read_text("utf-8")))
    assert linked and linked <= anchors


@pytest.mark.parametrize("term", ["aliasing", "decibel", "hop length", "latents", "seed", "window"])
def test_it_has_the_fields_terms_too(term):
    assert term in [re.split(r", | \(", title)[0] for title in TITLES]
