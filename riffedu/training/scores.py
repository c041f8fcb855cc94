"""Scores from the free part of music21's corpus, as plain lists of notes.

Bach's chorales, the fiddle and pipe tunes of Ryan's Mammoth Collection (1883), O'Neill's (1850
tunes, 1903) and Aird's Airs (1782), quartets by Haydn and Mozart, a rag and a sonata. Pieces
whose header claims rights are left out. Parsing is slow, so it is done once and the result is
cached as JSON. Taught by notebook 14.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ..errors import RiffeduError
from ..output import write_text

PIANO = ("joplin/maple_leaf_rag.mxl", "mozart/k545/movement1_exposition.mxl")
QUARTETS = tuple(
    f"mozart/{k}/movement{m}.mxl" for k in ("k155", "k156", "k458", "k80") for m in (1, 2, 3)
) + tuple(f"haydn/opus74no1/movement{m}.mxl" for m in (1, 2, 3, 4))
RIGHTS = re.compile(
    r"copyright|\(c\)|©|all rights|licen[sc]e|non-?commercial|creative commons", re.IGNORECASE
)
FREE = re.compile(r"public domain|CC0", re.IGNORECASE)


def _header(path: Path) -> str:
    """The text of a file in which rights would be stated."""
    import zipfile

    if path.suffix == ".mxl":
        with zipfile.ZipFile(path) as archive:
            names = [
                n for n in archive.namelist() if n.endswith("xml") and not n.startswith("META-INF")
            ]
            text = archive.read(names[0]).decode("utf-8", "replace")
        return " ".join(
            re.findall(r"<rights.*?</rights>|<credit-words.*?</credit-words>", text, re.DOTALL)
        )
    return path.read_text("utf-8", "replace")


def is_free(path: Path) -> bool:
    """Return whether the file's header claims no rights (a public-domain notice is no claim)."""
    header = _header(path)
    return not RIGHTS.search(header) or bool(FREE.search(header))


def selection(corpus: Path, chorales: int = 60, tunes: int = 160) -> list[tuple[str, str]]:
    """Return (kind, path in the corpus) of the pieces to use, spread evenly over collections."""

    def spread(folder: str, pattern: str, n: int) -> list[str]:
        free = sorted(
            p.relative_to(corpus).as_posix() for p in (corpus / folder).glob(pattern) if is_free(p)
        )
        return free[:: max(1, len(free) // n)][:n]

    bach = spread("bach", "bwv*.mxl", chorales)
    ryan = spread("ryansMammoth", "*.abc", tunes)
    books = [
        p.relative_to(corpus).as_posix()
        for folder in ("airdsAirs", "oneills1850")
        for p in sorted((corpus / folder).glob("*.abc"))
    ]
    chosen = (
        [("chorale", p) for p in bach]
        + [("tune", p) for p in ryan]
        + [("book", p) for p in books[::6]]
        + [("piano", p) for p in PIANO]
        + [("quartet", p) for p in QUARTETS]
    )
    return [(kind, p) for kind, p in chosen if (corpus / p).is_file() and is_free(corpus / p)]


def notes_of(part: Any) -> list[list[float]]:
    """Return the notes of a music21 part: [onset, length, MIDI note], times in quarter notes.

    Tied notes are joined; grace notes are left out.
    """
    notes = []
    for element in part.stripTies().flatten().notes:
        length = float(element.duration.quarterLength)
        if length <= 0 or element.duration.isGrace or "ChordSymbol" in element.classes:
            continue
        notes += [
            [round(float(element.offset), 4), round(length, 4), p.midi] for p in element.pitches
        ]
    return sorted(notes)


def piece_of(score: Any, kind: str, name: str, title: str) -> dict | None:
    """Return a piece as plain data; None if it has no notes or is shorter than 12 beats."""
    parts = [notes_of(p) for p in score.parts]
    parts = [p for p in parts if p]
    if not parts or max(p[-1][0] for p in parts) < 12:
        return None
    meters = list(score.recurse().getElementsByClass("TimeSignature"))
    signature = meters[0].ratioString if meters else "4/4"
    found = score.analyze("key")
    return {
        "id": name,
        "title": title,
        "kind": "tune" if kind == "book" else kind,
        "signature": signature,
        "key": found.tonic.name.replace("-", " flat").replace("#", " sharp"),
        "mode": found.mode,
        "parts": parts,
    }


def parse(chorales: int = 60, tunes: int = 160, progress: bool = True) -> list[dict]:
    """Return pieces of the corpus as `piece_of` gives them; skip files that music21 cannot read."""
    from tqdm.auto import tqdm

    try:
        import music21
        from music21 import converter
    except ImportError as error:
        raise RiffeduError(
            "reading scores needs music21: run `make train-deps` or `pip install music21`"
        ) from error

    corpus = Path(music21.__file__).parent / "corpus"
    pieces = []
    for kind, name in tqdm(
        selection(corpus, chorales, tunes), desc="reading scores", disable=not progress
    ):
        try:
            score = converter.parse(corpus / name)
            many = getattr(score, "scores", None) if kind == "book" else None
            for n, one in enumerate(list(many)[:12] if many else [score]):
                title = (one.metadata.title if one.metadata else None) or Path(name).stem
                piece = piece_of(one, kind, f"{name}#{n}" if many else name, title)
                if piece:
                    pieces.append(piece)
        except Exception:  # music21 raises many types; one unreadable file must not end the run
            continue
    return pieces


HOME_CACHE = Path.home() / ".cache" / "riffedu" / "scores.json"


def load(cache: Path, progress: bool = True) -> list[dict]:
    """Return pieces from ``cache`` (JSON), which is written first if it does not exist.

    It is copied from `HOME_CACHE` if that exists, so that the scores are parsed once per machine
    (parsing takes two minutes).
    """
    cache = Path(cache)
    if not cache.is_file():
        known = HOME_CACHE.is_file()
        text = HOME_CACHE.read_text() if known else json.dumps(parse(progress=progress))
        for place in (cache,) if known else (cache, HOME_CACHE):
            _write(place, text)
    return json.loads(cache.read_text())


def _write(path: Path, text: str) -> None:
    """Write atomically: an interrupted run leaves no partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
