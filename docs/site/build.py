"""Build the site: `python docs/site/build.py`, or `make docs`.

The pages are the lessons, the docs and the project's own files, assembled in ``build/site/source``
with the same folders as in the clone, so that links between them hold; and the API, a page for each
module. Nothing is fetched, and the finished site asks nothing of a network: `links` checks that.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from pathlib import Path

import api
import lessons
import links
import nbformat
from outputs import Outputs, without_kernel

from riffedu.app import web_page
from riffedu.signal.audio import clip
from riffedu.widgets.player_widget import SpectrogramPlayer, spectrogram_player

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "site"
PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "data/LICENCES.md")
FILES = ("LICENSE", "CITATION.cff", "environment.yml", "constraints.txt")
SHELF = {
    "tune": "Flute",
    "guitar": "Electric guitar",
    "piano": "Piano",
    "choir": "Choir",
    "sustained": "Strings",
    "full_mix": "Band",
    "percussion": "Tabla",
    "speech_like": "Babble",
}
PLANS = """# Lesson by lesson

```{toctree}
:glob:

[0-9]*
```
"""
CODE = re.compile(r"\]\((?:\.\./)*riffedu/([\w/]+?)(?:\.py|/)?\)")


def main() -> int:
    """Build the site and check its links; return 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--no-run", action="store_true", help="run no lesson: show what its last run left, if any"
    )
    parser.add_argument(
        "--quick", action="store_true", help="plain pages without sources, to look for mistakes"
    )
    parser.add_argument("--work", type=Path, default=WORK, help="folder to build in")
    args = parser.parse_args()
    start = time.monotonic()
    assemble(args.work, may_run=not args.no_run, live=not args.quick)
    code = sphinx(args.work, args.quick)
    problems = links.problems(args.work / "html")
    for problem in problems:
        print(problem)
    megabytes = sum(f.stat().st_size for f in (args.work / "html").rglob("*") if f.is_file()) / 1e6
    print(f"{args.work / 'html'}: {megabytes:.0f} MB, {time.monotonic() - start:.0f} s")
    return 1 if code or problems else 0


def assemble(work: Path, may_run: bool = True, live: bool = True) -> None:
    """Put every page and file of the site into ``work/source``; ``live`` the page for music too."""
    source = work / "source"
    shutil.rmtree(source, ignore_errors=True)
    outputs = Outputs(source / "extra" / "outputs")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        book = lessons.executed(path, work / "runs", may_run)
        without_kernel(book, path.stem, outputs)
        target = source / "notebooks" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(book, target)
    cards = [path.relative_to(ROOT) for path in (ROOT / "data" / "models").glob("*/README.md")]
    docs = [path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md")]
    docs = [path for path in docs if path.parts[1] not in ("site", "live")]
    for path in (*PAGES, *FILES, *cards, *docs):
        target = source / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".md":
            target.write_text(linked((ROOT / path).read_text("utf-8"), path), "utf-8")
        else:
            shutil.copyfile(ROOT / path, target)
    shutil.copytree(ROOT / "data" / "pictures", source / "data" / "pictures")
    (source / "docs" / "teaching" / "lessons" / "index.md").write_text(PLANS, "utf-8")
    api.write(source / "api")
    size = sum(web_page.build(source / "extra" / "live").values()) if live else 0
    front(source, size)


def linked(text: str, path: Path | str) -> str:
    """Turn links to modules into links to their pages in the API."""
    up = "../" * (len(Path(path).parts) - 1)

    def page(found: re.Match) -> str:
        return f"]({up}api/{api.page_of(found[1])})"

    text = CODE.sub(page, text).replace("](lessons/)", "](lessons/index.md)")
    return text.replace("](data/models/)", "](data/models/default/README.md)")


def front(source: Path, live: int = 0) -> None:
    """Write the front page, its shelf of sounds, and the player's files.

    ``live`` is the size in bytes of the page that makes music, or 0 if there is none.
    """
    outputs = Outputs(source / "extra" / "outputs", above="")
    players = []
    for name, label in SHELF.items():
        player = spectrogram_player(clip(name), label=label, height=240)
        state = player.get_state()
        buffers = {each: bytes(state[each]) for each in ("sound", "picture")}
        players.append(outputs.player(state, buffers))
    text = (HERE / "index.md").read_text("utf-8")
    text = text.replace("SHELF", f'<div class="riffedu-shelf">{"".join(players)}</div>')
    line = r"\1" if live else ""
    text = re.sub(r"^LIVE (.*\n)", line, text, flags=re.M).replace("SIZE", f"{live / 1e6:.0f}")
    (source / "index.md").write_text(text, "utf-8")
    static = source / "_static"
    shutil.copytree(HERE / "static", static)
    shutil.copyfile(HERE / "conf.py", source / "conf.py")
    (static / "player.js").write_text(SpectrogramPlayer._esm, "utf-8")
    (static / "player.css").write_text(SpectrogramPlayer._css, "utf-8")


def sphinx(work: Path, quick: bool = False) -> int:
    """Run Sphinx; warnings are errors. Lessons are offered for download without their outputs."""
    from sphinx.cmd.build import main as build

    html = work / "html"
    shutil.rmtree(html, ignore_errors=True)
    code = build(
        [
            *("-b", "html", "-W", "--keep-going", "-q", "-j", "2", "-d", str(work / "doctrees")),
            *(("-t", "quick") if quick else ()),
            *(str(work / "source"), str(html)),
        ]
    )
    for path in (html / "_sources" / "notebooks").glob("*.ipynb"):
        shutil.copyfile(ROOT / "notebooks" / path.name, path)
    return code


if __name__ == "__main__":
    sys.exit(main())
