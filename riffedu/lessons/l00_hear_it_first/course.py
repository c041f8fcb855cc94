"""The map of the course, drawn from `riffedu.syllabus`."""

from __future__ import annotations

from pathlib import Path

from riffedu.syllabus import LESSONS


class CourseMap:
    """The lessons as a table; a lesson is "ready" if ``folder`` holds its notebook."""

    def __init__(self, folder: Path):
        self.notebooks = {path.stem for path in folder.glob("[0-9][0-9]*.ipynb")}

    @property
    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """One ``(number, title, idea, modules, state)`` per lesson."""
        return [
            (
                lesson.label,
                lesson.title,
                lesson.idea,
                ", ".join(f"`{module}`" for module in lesson.modules),
                "ready" if lesson.name in self.notebooks else "planned",
            )
            for lesson in LESSONS
        ]

    def _repr_markdown_(self) -> str:
        lines = ["| no. | lesson | idea | modules | state |", "|---|---|---|---|---|"]
        for lesson, (number, title, idea, modules, state) in zip(LESSONS, self.rows):
            link = f"[{title}]({lesson.name}.ipynb)" if state == "ready" else title
            lines.append(f"| {number} | {link} | {idea} | {modules} | {state} |")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return "\n".join(" · ".join(row) for row in self.rows)


def course_map(folder: str | Path | None = None) -> CourseMap:
    """Return the map of the lessons; ``folder`` holds the notebooks (default: ``notebooks/``)."""
    from riffedu.paths import course_folder

    return CourseMap(Path(folder) if folder else course_folder() / "notebooks")
