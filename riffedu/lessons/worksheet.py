"""A lesson on paper: ``python -m riffedu.lessons.worksheet 05 -o FOLDER``.

A page to print (A4 or Letter) with the lesson's aims, its summary and equations, and its questions
and exercises with room to write; the text is the lesson's own. It needs no network. The answers are
on the teacher's page of the lesson.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

from riffedu.lessons.build import cells
from riffedu.lessons.page import exit_code_of, parser_for, source_and_place, to_html
from riffedu.output import write_text

_STYLE = (Path(__file__).parent / "deck" / "worksheet.css").read_text("utf-8")
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: worksheet</title>
<style>{style}</style>
</head>
<body>
<p class="name">Name: <i></i> Date: <i></i></p>
{body}
</body>
</html>
"""
_ROOM = '<div class="room"></div>'
_EQUATION = re.compile(r"\$\$.+?\$\$", re.DOTALL)
_THINK = re.compile(r"\*\*Think\*\*(.*?)(?=<details>|\n## |\Z)", re.DOTALL)
_TEXT = re.compile(r"\A# .+?\n\n(.*?)\n\n.*?\*\*You will be able to\*\*\n(.*?)\n\n", re.DOTALL)


def worksheet(markdown: str, title: str) -> str:
    """Return a lesson's worksheet as one page of HTML."""
    text = "\n\n".join(cell["source"] for cell in cells(markdown) if cell["kind"] == "markdown")
    opening = _TEXT.match(text)
    assert opening is not None, "a lesson opens with its idea and its aims"
    lines = [f"# {title}", opening[1], "**You will be able to**", opening[2]]
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    sections = [
        (name.removesuffix(" (more)"), body) for name, body in zip(parts[1::2], parts[2::2])
    ]
    summary = next((body for name, body in sections if name == "Summary"), "")
    lines += ["## In short", summary.partition("**Further reading**")[0].strip()]
    equations = [(name, _EQUATION.findall(body)) for name, body in sections]
    lines += ["## Equations"]
    lines += [f"*{name}*\n\n" + "\n\n".join(found) for name, found in equations if found]
    lines += ["## Questions"]
    for name, body in sections:
        for question in _THINK.findall(body):
            lines += [f"**{name}**", question.strip(), _ROOM]
    for name, body in sections:
        if name.startswith("Exercise"):
            lines += [f"## {name}", body.strip(), _ROOM]
    body = to_html("\n\n".join(map(_for_paper, lines)))
    return _PAGE.format(title=html.escape(title), style=_STYLE, body=body)


def _for_paper(text: str) -> str:
    """Return Markdown without answers and links: paper cannot follow them."""
    text = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    return re.sub(r"\[([^\]]+)\]\([^)\s]+\)", r"\1", text)


def write_worksheet(number: float | str, folder: str | Path = ".") -> Path:
    """Write ``FOLDER/05_griffin_lim.worksheet.html`` and return its path.

    Raises RiffeduError for an unknown lesson or a folder that does not exist.
    """
    lesson, markdown, path = source_and_place(number, folder, "worksheet")
    write_text(path, worksheet(markdown, lesson.heading))
    return path


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = parser_for(
        "worksheet", "Write a lesson's worksheet as a page to print from a browser."
    )
    args = parser.parse_args(arguments)
    return exit_code_of(lambda: write_worksheet(args.lesson, args.output))


if __name__ == "__main__":
    sys.exit(main())
