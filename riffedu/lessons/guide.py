"""The teacher's pages from the lessons' sources: ``python -m riffedu.lessons.guide``.

Each page in ``docs/teaching/lessons/`` has a lesson's aims, a plan for 45 and one for 90 minutes,
its questions with their answers, the misconceptions that it corrects, and its exercises. The
text is the lesson's own, so the pages stay in step with it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from riffedu.lessons.build import cells, lesson_of, sources
from riffedu.output import write_text
from riffedu.syllabus import Lesson

PAGES = Path(__file__).parents[2] / "docs" / "teaching" / "lessons"
WORDS_A_MINUTE, MINUTES_A_CELL, MINUTES_AN_EXERCISE = 130, 0.7, 7.0
"""What a class needs: to read aloud and talk, to run a cell and look at it, to solve."""
LONG, SETTLE = 90, 10
"""Minutes of the long plan, and those of them for the start and the end of the class."""

_SHOWN = re.compile(r"play|hear|show|by_ear|pictures?|\w+_picture|\w+_panel|maps|walk|compare")
_THINK = re.compile(
    r"\*\*Think\*\*(.*?)<details><summary>Answer</summary>(.*?)</details>", re.DOTALL
)
_MISCONCEPTION = re.compile(r"\*\*Misconception\*\*: (.*)")


@dataclass
class Section:
    """A section of a lesson: its heading, its contents, and how long a class needs for it."""

    title: str
    more: bool = False
    words: int = 0
    shown: list[str] = field(default_factory=list)
    code: int = 0

    @property
    def exercise(self) -> bool:
        """Whether it is an exercise."""
        return self.title.startswith("Exercise")

    @property
    def minutes(self) -> float:
        """An estimate from its words and cells; an exercise takes its time whatever its length."""
        reading = self.words / WORDS_A_MINUTE + self.code * MINUTES_A_CELL
        return reading + MINUTES_AN_EXERCISE if self.exercise else reading


def sections(markdown: str) -> list[Section]:
    """Return the sections of a lesson's source, without its summary."""
    found = [Section("Opening")]
    for cell in cells(markdown):
        if cell["kind"] == "code":
            found[-1].code += 1
            found[-1].shown += shown_by(cell["source"])
            continue
        parts = re.split(r"^## (.+)$", cell["source"], flags=re.MULTILINE)
        found[-1].words += len(parts[0].split())
        for title, text in zip(parts[1::2], parts[2::2]):
            plain = title.removesuffix(" (more)")
            found.append(Section(plain, title != plain, len(text.split())))
    return [each for each in found if each.title not in ("Summary", "Opening")]


def shown_by(source: str) -> list[str]:
    """Return what a code cell shows: the titles of its sounds, and the functions that draw."""
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and _SHOWN.fullmatch(node.func.id)
    ]
    found = []
    for call in sorted(calls, key=lambda each: (each.lineno, each.col_offset)):
        assert isinstance(call.func, ast.Name)
        values = [*call.args, *(each.value for each in call.keywords if each.arg == "title")]
        titles = [v.value for v in values if isinstance(v, ast.Constant) and type(v.value) is str]
        sound = call.func.id in ("play", "hear") and titles
        found.append(f"“{titles[-1]}”" if sound else f"`{call.func.id}`")
    return found


def page(markdown: str, lesson: Lesson) -> str:
    """Return the teacher's page of a lesson, as Markdown."""
    aims = re.search(r"\*\*You will be able to\*\*\n(.*?)\n\n", markdown, re.DOTALL)
    short = re.search(r"\*\*In 45 minutes\*\*(.*)", markdown)
    every = sections(markdown)
    taught = fitting(every, LONG - SETTLE)
    lines = [
        f"# Teaching {lesson.heading}",
        "",
        f"<!-- Generated from riffedu/lessons/l{lesson.name}/lesson.md by `python -m "
        "riffedu.lessons.guide`. -->",
        "",
        f"{lesson.idea[0].upper()}{lesson.idea[1:]}. Working alone, a learner needs about "
        f"{lesson.minutes} minutes. Open it with `riffedu lab {lesson.label}`.",
        "",
        "## Aims",
        "",
        "The class will be able to",
        "",
        aims[1].strip() if aims else "",
        "",
        "## In 45 minutes",
        "",
        short[1].strip(" .:") + "." if short else "The whole lesson.",
        "",
        "## In 90 minutes",
        "",
        *plan(taught, LONG - SETTLE),
        "",
        f"The minutes are estimates: {WORDS_A_MINUTE} words a minute, {MINUTES_A_CELL:.1f} minutes "
        f"a code cell, {MINUTES_AN_EXERCISE:g} an exercise. {SETTLE} minutes are left for the "
        "start and the summary. Questions that the class discusses take longer: choose one or two, "
        "and leave out a section marked (more) for each.",
        "",
    ]
    optional = [each.title for each in every if each not in taught and not each.exercise]
    if optional:
        lines += [f"Left out, for learners who want more: {'; '.join(optional)}.", ""]
    if thinks := _THINK.findall(markdown):
        lines += ["## Questions and answers", ""]
        for question, answer in thinks:
            lines += [f"**Question.** {tidy(question)}", "", f"**Answer.** {tidy(answer)}", ""]
    if wrong := _MISCONCEPTION.findall(markdown):
        lines += ["## Misconceptions that it corrects", "", *(f"- {tidy(each)}" for each in wrong)]
        lines += [""]
    exercises = [each for each in every if each.exercise]
    left = [each for each in exercises if each not in taught] or exercises
    lines += ["## Homework", ""]
    lines += [f"- {each.title}" for each in left]
    if len(left) < len(exercises):
        lines += ["", "The other exercises are in the plan for 90 minutes."]
    lines += [
        "",
        "`riffedu grade FOLDER` runs these checks on the notebooks that learners hand in.",
        "`python -m riffedu.lessons.build --solutions FOLDER` writes the notebooks with solutions.",
    ]
    return "\n".join(lines) + "\n"


def fitting(every: list[Section], minutes: float) -> list[Section]:
    """Return the core sections, and those marked (more) that still fit, in the lesson's order."""
    left = minutes - sum(each.minutes for each in every if not each.more)
    chosen = []
    for each in every:
        if each.more and each.minutes > left:
            continue
        left -= each.minutes if each.more else 0
        chosen.append(each)
    return chosen


def plan(core: list[Section], minutes: int) -> list[str]:
    """Return a table: each section with its share of ``minutes``, and what to project."""
    total = sum(each.minutes for each in core)
    scale = min(1.0, minutes / total) if total else 1.0
    rows = ["| minutes | section | on the projector |", "|---:|---|---|"]
    for each in core:
        shown = ", ".join(dict.fromkeys(each.shown)) or "–"
        spent = max(1, round(scale * each.minutes))
        rows.append(f"| {spent} | {each.title}{' (more)' if each.more else ''} | {shown} |")
    if scale < 1:
        rows += [
            "",
            f"The plan is tight: at a learner's pace, the same sections take {total:.0f} minutes.",
        ]
    return rows


def tidy(text: str) -> str:
    """Return a paragraph's text with links that work from the guide's folder.

    A last sentence that announces a cell ("Compare the pictures:") is left out.
    """
    text = re.sub(r"(?<=[.!?]) [^.!?]*:\s*$", "", text)
    return text.strip().replace("](../docs/", "](../../").replace("](../", "](../../../")


def write(folder: Path = PAGES) -> list[Path]:
    """Write a page for each lesson into ``folder``; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for source in sources():
        lesson = lesson_of(source)
        path = folder / f"{lesson.name}.md"
        write_text(path, page(source.read_text("utf-8"), lesson))
        paths.append(path)
    return paths


if __name__ == "__main__":
    for path in write():
        print(path)
