"""The lessons' sources: student and solution copies agree, exercises work, the skeleton is kept."""

import ast
import re

import pytest

from riffedu.errors import RiffeduError
from riffedu.lessons import build
from riffedu.paths import clips_folder, data_folder
from riffedu.syllabus import LESSONS
from riffedu.widgets import __all__ as DISPLAYED
from riffedu.widgets.verdict import Verdict

SOURCES = build.sources()
each_lesson = pytest.mark.parametrize("source", SOURCES, ids=build.name_of)


def code_of(book):
    return [cell.source for cell in book.cells if cell.cell_type == "code"]


def run(code: str, names: dict):
    """Run a cell as a notebook does; its last expression is shown as a page would show it."""
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
    for show in ("_repr_html_", "_repr_markdown_", "_repr_mimebundle_"):
        if hasattr(value, show):
            assert getattr(value, show)()
    return value


def test_every_notebook_has_a_source():
    notebooks = {path.stem for path in build.NOTEBOOKS.glob("*.ipynb")}
    assert notebooks == {build.name_of(path) for path in SOURCES} and SOURCES


@each_lesson
def test_the_notebook_is_the_student_copy_of_its_source(source):
    """Fails after an edit of either alone: `make notebooks` writes the notebooks anew."""
    written = (build.NOTEBOOKS / f"{build.name_of(source)}.ipynb").read_text("utf-8")
    lesson = build.lesson_of(source)
    assert written == build.text(build.student(source.read_text("utf-8"), lesson))


@each_lesson
def test_copies_differ_in_exercises_only(source):
    student, solution = (
        copy(source.read_text("utf-8")) for copy in (build.student, build.solution)
    )
    assert len(student.cells) == len(solution.cells)
    pairs = [
        (ours, theirs) for ours, theirs in zip(student.cells, solution.cells) if ours != theirs
    ]
    assert len(pairs) >= 2, "a lesson has exercises"
    for ours, theirs in pairs:
        assert "exercises.check_" in ours.source and "..." in ours.source
        assert "..." not in theirs.source
    for cell in [*student.cells, *solution.cells]:
        assert not re.search(r"# (solution|student|end)$", cell.source, flags=re.M)


@each_lesson
def test_lesson_works_and_its_checks_tell_right_from_not_yet(source, tmp_path, monkeypatch):
    """On a tiny random model: every cell runs, solutions are right, holes get a hint."""
    from tests.tiny import write_riffedu_checkpoint

    write_riffedu_checkpoint(tmp_path / "models" / "default", defaults={"num_inference_steps": 4})
    (tmp_path / "clips").symlink_to(clips_folder())
    (tmp_path / "evaluator").symlink_to(data_folder() / "evaluator")
    monkeypatch.setenv("RIFFEDU_DATA", str(tmp_path))
    text = source.read_text("utf-8")
    names: dict = {}
    verdicts = 0
    for ours, theirs in zip(code_of(build.student(text)), code_of(build.solution(text))):
        if "exercises.check_" in ours:
            verdict = run(ours, dict(names))
            assert isinstance(verdict, Verdict) and not verdict and verdict.message
        value = run(theirs, names)
        if "exercises.check_" in theirs:
            assert value, value
            verdicts += 1
    assert verdicts == text.count("exercises.check_") >= 2


@each_lesson
def test_lesson_keeps_the_skeleton(source):
    text = source.read_text("utf-8")
    for part in (
        f"# {build.lesson_of(source).label} · ",
        "**You will be able to**",
        "**Time**",
        "**Before this**",
        "$$",
        "show_source(",
        "**Think**",
        "## Exercise 1",
        "## Summary",
        "**Further reading**",
    ):
        assert part in text, part
    assert text.index("**You will be able to**") < text.index("## ")


@each_lesson
def test_cells_are_small(source):
    for code in code_of(build.student(source.read_text("utf-8"))):
        lines = [line for line in code.splitlines() if line.strip()]
        counted = [line for line in lines if not line.startswith(("from ", "import "))]
        assert len(counted) <= 14 and max(map(len, lines)) <= 100, code


@each_lesson
def test_what_a_cell_shows_is_its_last_line(source):
    """Jupyter displays only the last expression: a player on any other line is never seen."""
    for code in code_of(build.student(source.read_text("utf-8"))):
        tree = ast.parse(code)
        values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
        last = tree.body[-1].value if isinstance(tree.body[-1], ast.Expr) else None
        calls = [each for each in values if isinstance(each, ast.Call) and each is not last]
        names = {each.func.id for each in calls if isinstance(each.func, ast.Name)}
        assert not names & set(DISPLAYED), code


def test_stored_outputs_are_compared():
    """nbval compares an output only in a marked cell that has an execution count."""
    book = build.student("a\n```python\n1\n```\n```python\nprint(2)\n```\n```output\n2\n```\n")
    text, first, second = book.cells
    assert first.execution_count is None and not first.outputs
    assert second.execution_count == 2 and second.outputs[0].text == "2\n"
    assert second.source.splitlines()[-1] == build.COMPARED


@each_lesson
def test_first_cell_names_the_source_and_last_cell_links_to_the_neighbours(source):
    lesson = build.lesson_of(source)
    plain = build.student(source.read_text("utf-8"))
    book = build.student(source.read_text("utf-8"), lesson)
    assert len(book.cells) == len(plain.cells) + 1
    comment, title = book.cells[0].source.split("-->", 1)
    assert comment.startswith("<!-- Generated from riffedu/lessons/")
    assert source.as_posix().endswith(comment.split()[3].rstrip("."))
    assert "`make notebooks`" in comment and title.lstrip() == plain.cells[0].source
    links = re.findall(r"\]\((\S+)\)", book.cells[-1].source)
    assert links and all((build.NOTEBOOKS / link).is_file() for link in links)


def test_navigation_follows_the_syllabus():
    ready = [lesson for lesson in LESSONS if lesson.state == "ready"]
    first, second, third, *_, last = ready
    assert build.navigation(first) == f"[{second.heading} →]({second.name}.ipynb)"
    assert build.navigation(second) == (
        f"[← {first.heading}]({first.name}.ipynb) · [Course map]({first.name}.ipynb) · "
        f"[{third.heading} →]({third.name}.ipynb)"
    )
    assert "→" not in build.navigation(last)


def test_a_folder_that_is_not_in_the_syllabus_is_named(tmp_path):
    with pytest.raises(RiffeduError, match="l98_lost is not in the syllabus"):
        build.lesson_of(tmp_path / "l98_lost" / "lesson.md")


def test_cells_reads_text_code_and_outputs():
    found = build.cells("# A\n\ntext\n\n```python\nprint(2)\n```\n```output\n2\n```\n## B\n")
    assert [cell["kind"] for cell in found] == ["markdown", "code", "markdown"]
    assert found[0]["source"] == "# A\n\ntext"
    assert found[1] == {"kind": "code", "source": "print(2)", "output": "2\n"}
    assert build.cells("```bash\nls\n```\n")[0]["kind"] == "markdown"
    with pytest.raises(ValueError, match="must follow"):
        build.cells("```output\n2\n```\n")


def test_holes():
    source = "def f(x):\n    # solution\n    y = x\n    return y\n    # end\nf(1)"
    assert build.with_hole(source) == "def f(x):\n    ...  # your turn\nf(1)"
    assert build.without_marks(source) == "def f(x):\n    y = x\n    return y\nf(1)"
    given = "# solution\na = 1\n# student\n# a = ...\n# b = {\n#     ...}\n# end"
    assert build.with_hole(given) == "a = ...\nb = {\n    ...}"
    assert build.without_marks(given) == "a = 1"


def test_write_solutions(tmp_path):
    paths = build.write(tmp_path / "new", build.solution)
    assert [path.stem for path in paths] == [build.name_of(source) for source in SOURCES]
    assert any("unconditional + scale" in path.read_text("utf-8") for path in paths)
