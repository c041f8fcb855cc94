"""The API's pages: one for each module of the library, in the order of the course."""

from __future__ import annotations

from pathlib import Path

from riffedu.syllabus import LESSONS

PACKAGE = Path(__file__).resolve().parents[2] / "riffedu"
FOLDERS = ("signal", "diffusion", "music", "training", "evaluate", "miniatures", "widgets")
READERS = ("containers", "foreign", "mpeg", "ogg", "pieces", "sources")  # behind `signal.files`


def modules() -> list[str]:
    """Return every documented module without the leading ``riffedu.``, packages first."""
    found = []
    inner = {f"signal.files.{name}" for name in READERS}
    for folder in FOLDERS:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            parts = path.relative_to(PACKAGE).with_suffix("").parts
            found.append(".".join(part for part in parts if part != "__init__"))
    return sorted(set(found) - inner, key=lambda name: (FOLDERS.index(name.split(".")[0]), name))


def page_of(path: str) -> str:
    """Return the page of a module or folder, such as ``signal/stft``, or the API's first page."""
    name = path.strip("/").replace("/", ".")
    return f"{name}.rst" if name in modules() else "index.rst"


def write(folder: Path) -> None:
    """Write the API's pages into ``folder``."""
    folder.mkdir(parents=True)
    every = modules()
    for name in every:
        inside = [each for each in every if each.rpartition(".")[0] == name]
        (folder / f"{name}.rst").write_text(page(name, inside), "utf-8")
    (folder / "index.rst").write_text(index(), "utf-8")


def page(name: str, inside: list[str]) -> str:
    """Return a module's page; a package's lists its modules."""
    lines = [f"riffedu.{name}", "=" * 60, "", f".. automodule:: riffedu.{name}"]
    if inside:
        lines += ["   :no-members:", "", ".. toctree::", "   :maxdepth: 1", ""]
        lines += [f"   {each}" for each in inside]
    return "\n".join(lines) + "\n"


def index() -> str:
    """Return the API's first page: modules by lesson, then by folder."""
    lines = [
        "API",
        "===",
        "",
        "What each lesson brings:",
        "",
        ".. list-table::",
        "   :widths: 40 60",
        "",
    ]
    for lesson in LESSONS:
        links = ", ".join(f":doc:`{name} <{name}>`" for name in lesson.modules)
        lines += [f"   * - :doc:`{lesson.heading} </notebooks/{lesson.name}>`", f"     - {links}"]
    lines += ["", "All modules:", "", ".. toctree::", "   :maxdepth: 2", ""]
    return "\n".join(lines + [f"   {folder}" for folder in FOLDERS]) + "\n"
