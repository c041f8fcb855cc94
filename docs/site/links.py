"""Check a built site: its links lead somewhere, and its pages ask nothing of a network."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"script", "img", "audio", "video", "source", "iframe", "embed", "link"}


class Page(HTMLParser):
    """A page's ids, the addresses that it links to, and those that a browser fetches for it."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        given = dict(attrs)
        self.ids |= {value for name in ("id", "name") if (value := given.get(name))}
        address = given.get("src") or given.get("href") or given.get("data-player")
        if address:
            self.links.append(address)
            if tag in FETCHED and given.get("rel") not in ("search", "next", "prev", "canonical"):
                self.fetched.append(address)


def built(site: Path) -> list[Path]:
    """Return the pages, without the templates that the theme leaves in ``_static``."""
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]


def problems(site: Path) -> list[str]:
    """Return a line for each dead link and each address outside the site that a page fetches."""
    pages = {path: Page(path.read_text("utf-8")) for path in built(site)}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        found += [f"{name} fetches {each}" for each in page.fetched if urlsplit(each).netloc]
        for address in dict.fromkeys(page.links):
            to = urlsplit(address)
            if to.scheme or to.netloc:
                continue
            target = (path.parent / unquote(to.path)).resolve() if to.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                found.append(f"{name}: no file at {address}")
            elif to.fragment and target in pages and unquote(to.fragment) not in pages[target].ids:
                found.append(f"{name}: no place at {address}")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(problems(Path(sys.argv[1]))) or 0)
