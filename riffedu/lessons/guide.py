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
SHORT, LONG = (45, 5), (90, 10)
"""A class's minutes, and how many of them are kept for its start and its end."""

_SHOWN = re.compile(
    r"play|hear\w*|show|by_ear|pictures?|\w+_(pictures?|panel|table|map|diagram)|spectrograms|clouds"
    r"|paths|marked|maps|walk|compare"
)
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
        """An estimate, at least 1: for its words and cells, and for an exercise its own time."""
        reading = self.words / WORDS_A_MINUTE + self.code * MINUTES_A_CELL
        return max(1.0, reading + MINUTES_AN_EXERCISE * self.exercise)


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
    every = sections(markdown)
    core = [each for each in every if not each.more]
    short, taught = fitting(core, SHORT), fitting(every, LONG)
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
        *plan(short, SHORT),
        "",
    ]
    if kept := [each for each in core if each not in short]:
        lines += [f"For homework: {titles(kept)}.", ""]
    lines += [
        "## In 90 minutes",
        "",
        *plan(taught, LONG),
        "",
        f"The minutes are estimates: {WORDS_A_MINUTE} words a minute, {MINUTES_A_CELL:.1f} minutes "
        f"a code cell, {MINUTES_AN_EXERCISE:g} an exercise. Questions that the class discusses "
        "take longer: choose one or two, and leave out a section marked (more) for each, or an "
        "exercise.",
        "",
    ]
    if optional := [each for each in every if each not in taught and not each.exercise]:
        lines += [f"Left out, for learners who want more: {titles(optional)}.", ""]
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


def fitting(every: list[Section], time: tuple[int, int]) -> list[Section]:
    """Return the sections for a class's ``time`` (`SHORT` or `LONG`), in the lesson's order.

    The core sections are always among them. What time is left goes first to the core exercises,
    then to what is marked (more).
    """
    chosen = [each for each in every if not (each.more or each.exercise)]
    left = time[0] - time[1] - sum(each.minutes for each in chosen)
    for each in sorted(every, key=lambda each: each.more):
        if each not in chosen and each.minutes <= left:
            chosen.append(each)
            left -= each.minutes
    return [each for each in every if each in chosen]


def plan(chosen: list[Section], time: tuple[int, int]) -> list[str]:
    """Return a table: each section, its minutes and what to project; and what time is left."""
    rows = ["| minutes | section | on the projector |", "|---:|---|---|"]
    end = 0.0
    for each in chosen:
        start, end = end, end + each.minutes
        shown = ", ".join(dict.fromkeys(each.shown)) or "–"
        spent = round(end) - round(start)  # rounded so that the column adds up to the total
        rows.append(f"| {spent} | {each.title}{' (more)' if each.more else ''} | {shown} |")
    left = f"{time[0] - round(end)} are left for the start, the end and questions"
    return [*rows, "", f"The table takes {round(end)} of the {time[0]} minutes; {left}."]


def titles(some: list[Section]) -> str:
    """Return the titles of sections as a list within a sentence."""
    return "; ".join(f"*{each.title}*" for each in some)


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
