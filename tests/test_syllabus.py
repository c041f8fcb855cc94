"""The syllabus agrees with the files drawn from it, with the lessons and with the imports."""

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import grimp
import pytest

from riffedu import syllabus
from riffedu.errors import RiffeduError
from riffedu.lessons import build
from riffedu.syllabus import LESSONS

ROOT = Path(__file__).resolve().parents[1]
READY = [lesson for lesson in LESSONS if lesson.state == "ready"]
# Lesson 04 plays painted pictures with `image_to_audio`, which lessons 05 and 06 take apart.
USED_BEFORE_IT_IS_TAUGHT = {4: {"riffedu.signal.reconstruct"}}
each_lesson = pytest.mark.parametrize("lesson", READY, ids=lambda lesson: lesson.name)


@pytest.fixture(scope="module")
def graph():
    """Every import in the package, except those for type checkers only."""
    return grimp.build_graph("riffedu", exclude_type_checking_imports=True, cache_dir=None)


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


# The syllabus itself


def test_numbers_rise_and_needs_come_before():
    numbers = [lesson.number for lesson in LESSONS]
    assert numbers == sorted(set(numbers)) and set(range(16)) <= set(numbers)
    assert all(number % 1 in (0, 0.5) for number in numbers)
    for lesson in LESSONS:
        assert all(syllabus.lesson(need).number < lesson.number for need in lesson.needs)
        assert lesson.state in {"ready", "planned"} and lesson.minutes > 0
        assert re.fullmatch(r"[a-z0-9_]+", lesson.slug)


def test_unknown_lesson():
    assert syllabus.lesson(5).name == syllabus.lesson("5").name == "05_griffin_lim"
    assert syllabus.Lesson(1.5, "x", "X", "", 1, ()).name == "01b_x"
    with pytest.raises(RiffeduError, match="no lesson 98: choose one of 0, 1, "):
        syllabus.lesson(98)


@pytest.mark.parametrize("missing", ["<!-- syllabus -->\n", "<!-- /syllabus -->\n"])
def test_a_file_without_markers_is_refused(missing):
    with pytest.raises(RiffeduError, match="has no <!-- syllabus -->"):
        syllabus.drawn(text("README.md").replace(missing, ""), text("pyproject.toml"))


# What is drawn from it


def test_readme_and_pyproject_are_up_to_date():
    """Run `python -m riffedu.syllabus` after a change to the syllabus."""
    files = text("README.md"), text("pyproject.toml")
    assert syllabus.drawn(*files) == files


@each_lesson
def test_lesson_agrees_with_its_entry(lesson):
    source = text(f"riffedu/lessons/l{lesson.name}/lesson.md")
    heading = source.splitlines()[0]
    assert re.fullmatch(rf"# {lesson.label} · {re.escape(lesson.title)}(: .+)?", heading)
    assert re.findall(r"^\*\*Time\*\* (\d+) minutes", source, re.M) == [str(lesson.minutes)]
    assert (ROOT / lesson.notebook).is_file()


def test_every_folder_is_a_ready_lesson():
    folders = {path.name for path in build.SOURCES.glob("l[0-9][0-9]*")}
    assert folders == {f"l{lesson.name}" for lesson in READY}


# Modules


def test_every_module_of_the_syllabus_exists():
    for lesson in LESSONS:
        for module in lesson.modules:
            assert find_spec(f"riffedu.{module}"), module


def test_every_library_module_belongs_to_one_lesson():
    listed = [module for lesson in LESSONS for module in lesson.modules]
    rooms = "signal", "diffusion", "music"
    present = {
        f"{room}.{path.stem}"
        for room in rooms
        for path in (ROOT / "riffedu" / room).iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file()
    }
    assert len(listed) == len(set(listed))
    assert {module for module in listed if module.startswith(rooms)} == present


# Imports


@each_lesson
def test_lesson_imports_only_its_own_and_earlier_modules(lesson, graph):
    """Lesson 00 calls the finished pipeline and may import anything."""
    if lesson.number == 0:
        return
    taught = {
        f"riffedu.{module}"
        for other in LESSONS
        if 0 < other.number <= lesson.number
        for module in other.modules
    } | USED_BEFORE_IT_IS_TAUGHT.get(lesson.number, set())
    rooms = tuple(
        f"riffedu.{room}."
        for room in ("signal", "diffusion", "music", "training", "evaluate", "miniatures")
    )
    folder = f"riffedu.lessons.l{lesson.name}"
    found = {
        (module, imported)
        for module in {folder, *graph.find_descendants(folder)}
        for imported in graph.find_modules_directly_imported_by(module)
        if f"{imported}.".startswith(rooms)
    }
    assert {pair for pair in found if not known(pair[1], taught)} == set()


def known(module: str, taught: set[str]) -> bool:
    """Whether a module, or a package that it lies in, is one of the taught ones."""
    return any(f"{module}.".startswith(f"{each}.") for each in taught)


def lint_imports(folder: Path) -> subprocess.CompletedProcess:
    code = (
        "import sys; sys.path.insert(0, '.'); "
        "from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    )
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def copy(tmp_path):
    """A scratch copy of the package and its contracts."""
    ignore = shutil.ignore_patterns("__pycache__", "*.md")
    shutil.copytree(ROOT / "riffedu", tmp_path / "riffedu", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_import_contracts_hold(copy):
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("signal/stft.py", "riffedu.signal.phase"),  # lesson 02 from lesson 05
        ("widgets/panel.py", "riffedu.lessons.l05_griffin_lim"),  # the kit from a lesson
        ("music/edit.py", "riffedu.widgets.panel"),  # the library from the kit
    ],
)
def test_a_backward_import_breaks_a_contract(copy, module, imported):
    file = copy / "riffedu" / module
    file.write_text(file.read_text("utf-8") + f"\n\nimport {imported}\n", "utf-8")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"riffedu.{module[:-3].replace('/', '.')} -> {imported}" in done.stdout
