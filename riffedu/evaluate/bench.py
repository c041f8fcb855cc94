"""Lesson 15: sources × prompts → one table, one sheet, one page to listen blind.

`riffedu compare` is the shell's way to it. Everything is written to one folder: ``table.md``,
``clips.csv``, ``sheet.png``, ``listen.html`` (which does not know whose clips it plays),
``key.csv`` (which does; keep it until everybody has voted) and the clips in ``sounds/``.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.evaluate.ablation import measured
from riffedu.evaluate.intervals import bootstrap
from riffedu.evaluate.listening import Vote, dithered, level_matched
from riffedu.evaluate.rhythm import tempo_fits
from riffedu.evaluate.sources import Source
from riffedu.output import write_files
from riffedu.signal.audio import loudness

if TYPE_CHECKING:
    from riffedu.evaluate.classifier import Classifier

RATE = 44100
MEASURES = ("notes", "beat", "attack", "harmonics")
KEY = ("item", "letter", "source")
SIDE = 160  # pixels of a picture on the sheet


@dataclass(frozen=True)
class Judged:
    """A clip and what was measured of it.

    ``readings`` are the four measures (None: nothing to measure); ``recognised`` and ``tempo`` are
    None unless the prompt names an instrument or style, or a tempo.
    """

    source: str
    prompt: str
    waveform: np.ndarray
    readings: dict[str, float | None]
    recognised: bool | None = None
    tempo: bool | None = None
    picture: Any = field(default=None, repr=False)


def middle(waveform: np.ndarray, rate: int, seconds: float) -> np.ndarray:
    """Return ``seconds`` from the middle of a sound (not a song's intro), mono, at 44100 Hz."""
    from riffedu.signal.audio import resample

    mono = np.atleast_2d(waveform).mean(axis=0).astype(np.float32)
    spare = max(0, len(mono) - round(seconds * rate))
    return resample(mono[spare // 2 : len(mono) - (spare - spare // 2)], rate, RATE)


def judge(
    source: str, prompt: str, waveform: np.ndarray, classifier: Classifier | None = None
) -> Judged:
    """Measure one clip (mono, 44100 Hz): `measured`, and whether it is what the prompt names."""
    from riffedu.evaluate.takes import named_classes
    from riffedu.music.pulse import named_tempo
    from riffedu.signal.convert import audio_to_image

    figures = measured(waveform, RATE)
    readings = {name: v if np.isfinite(v) else None for name, v in figures.items()}
    picture = audio_to_image(waveform, RATE).convert("L")
    recognised = fits = None
    if classifier and (named := named_classes(prompt, classifier.classes)):
        recognised = _heard(classifier, picture) in named
    if bpm := named_tempo(prompt):
        from riffedu.evaluate.rhythm import beat

        fits = tempo_fits(beat(waveform, RATE).tempo, bpm)
    return Judged(source, prompt, waveform, readings, recognised, fits, picture)


def _heard(classifier: Classifier, picture: Any) -> int:
    from riffedu.evaluate.classifier import thumbnail

    pixels = np.full((512, 512), 255, np.uint8)
    found = np.asarray(picture)[:, :512]
    pixels[:, : found.shape[1]] = found
    return int(classifier.listen(thumbnail(pixels[None]))[0][0].argmax())


def compare(
    sources: Sequence[Source],
    prompts: Sequence[str],
    seconds: float = 5.12,
    classifier: Classifier | None = None,
    say: Callable[[str], Any] = lambda _: None,
) -> list[Judged]:
    """Let every source play every prompt; return the clips, level-matched within a prompt.

    A source that has nothing for a prompt is left out there. Sources are loaded one after the
    other, so only one is in memory at a time. Notebook: 15_measure_and_compare.
    """
    names = [source.name for source in sources]
    if not sources or not prompts or len(set(names)) < len(names):
        raise RiffeduError("compare needs a prompt, and sources with different names")
    made: dict[str, dict[str, np.ndarray]] = {prompt: {} for prompt in prompts}
    for source in sources:
        play = source.open()
        for number, prompt in enumerate(prompts, start=1):
            found = play(prompt)
            note = ", has no clip"
            if found is not None and (fault := _fault(*found)):
                note = f": the clip {fault} and is left out"
            elif found is not None:
                made[prompt][source.name], note = middle(*found, seconds), ""
            say(f"{source.name}: {number} of {len(prompts)}{note}")
        del play
    clips = []
    for prompt, sounds in made.items():
        if sounds:
            matched = level_matched(sounds, RATE)
            clips += [judge(name, prompt, x, classifier) for name, x in matched.items()]
    if not clips:
        raise RiffeduError("no source has a clip for any of the prompts")
    return clips


def _fault(waveform: np.ndarray, rate: int) -> str | None:
    """Say why a clip cannot be compared; None if it can."""
    if not np.isfinite(waveform).all():
        return "is not a sound (NaN or infinity)"
    if waveform.shape[-1] < rate:
        return "lasts less than a second"
    return None if np.isfinite(loudness(middle(waveform, rate, 10), RATE)) else "is silent"


# ---------------------------------------------------------------- the table and the sheet


def to_markdown(clips: Sequence[Judged]) -> str:
    """Return one row per source: means with 95 % intervals over clips, and counts.

    Measures without any value show –. Intervals come from the clips alone (bootstrap), so with two
    or three clips they are too narrow.
    """
    head = ["source", "clips", *MEASURES, "recognised", "tempo"]
    rows = []
    for name in dict.fromkeys(clip.source for clip in clips):
        found = [clip for clip in clips if clip.source == name]
        cells = [_mean([c.readings[m] for c in found]) for m in MEASURES]
        counts = [_count([getattr(c, what) for c in found]) for what in ("recognised", "tempo")]
        rows.append([name, str(len(found)), *cells, *counts])
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _mean(values: Sequence[float | None]) -> str:
    x = np.array([v for v in values if v is not None], float)
    if not len(x):
        return "–"
    if len(x) == 1:
        return f"{x[0]:.2f}"
    low, high = bootstrap(lambda drawn: drawn.mean(axis=-1), (x,))
    return f"{x.mean():.2f} ({low:.2f}–{high:.2f})"


def _count(values: Sequence[bool | None]) -> str:
    asked = [v for v in values if v is not None]
    return f"{sum(asked)} of {len(asked)}" if asked else "–"


def draw_sheet(clips: Sequence[Judged]) -> Any:
    """Return a picture of all spectrograms: one row per prompt, one column per source."""
    from PIL import Image, ImageDraw, ImageFont

    names = list(dict.fromkeys(clip.source for clip in clips))
    prompts = list(dict.fromkeys(clip.prompt for clip in clips))
    sheet = Image.new("L", (len(names) * (SIDE + 8) + 8, len(prompts) * (SIDE + 24) + 28), 255)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, name in enumerate(names):
        draw.text((8 + column * (SIDE + 8), 6), name, fill=0, font=font)
    for row, prompt in enumerate(prompts):
        draw.text((8, 28 + row * (SIDE + 24)), prompt, fill=0, font=font)
    for clip in clips:
        place = (names.index(clip.source), prompts.index(clip.prompt))
        small = clip.picture.resize((SIDE, SIDE), Image.Resampling.BOX)
        sheet.paste(small, (8 + place[0] * (SIDE + 8), 46 + place[1] * (SIDE + 24)))
    return sheet


# ---------------------------------------------------------------- the page, its key, its votes


def listening_page(
    clips: Sequence[Judged], title: str = "Listen blind", seed: int | None = None
) -> tuple[str, list[tuple[str, str, str]]]:
    """Return (HTML, key): a page that plays the clips without names, and who is who.

    Within each prompt the clips are shuffled with the operating system's randomness (or ``seed``,
    in a test) and lettered. The key holds (prompt, letter, source). The page holds no source's
    name; each clip is dithered anew, so its bytes are in no file of the folder.
    """
    random, sections, key = np.random.default_rng(seed), [], []
    for prompt in dict.fromkeys(clip.prompt for clip in clips):
        found = [clip for clip in clips if clip.prompt == prompt]
        parts = []
        for letter, n in zip(string.ascii_uppercase, random.permutation(len(found))):
            key.append((prompt, letter, found[n].source))
            parts.append(_player(dithered(found[n].waveform, random), prompt, letter))
        sections.append(f"<section><h2>{html.escape(prompt)}</h2>{''.join(parts)}</section>")
    page = string.Template((Path(__file__).parent / "listen_page.html").read_text("utf-8"))
    return page.substitute(title=html.escape(title), sections="\n".join(sections)), key


def _player(samples: np.ndarray, prompt: str, letter: str) -> str:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_16")
    data, item = base64.b64encode(file.getvalue()).decode(), html.escape(prompt, quote=True)
    return (
        f'<div class="clip"><b>{letter}</b><audio controls preload="none" '
        f'aria-label="Clip {letter}" src="data:audio/wav;base64,{data}"></audio>'
        '<input type="range" min="0" max="100" '
        f'value="50" data-item="{item}" data-letter="{letter}" aria-label="Rating of {letter}">'
        "<output>–</output></div>\n"
    )


def reveal(votes: Sequence[Vote], key: Sequence[tuple[str, str, str]]) -> list[Vote]:
    """Return votes with the sources' names in place of letters.

    Raises RiffeduError for a vote on a clip that the key does not have: it is another page's.
    """
    names = {(item, letter): source for item, letter, source in key}
    told = []
    for vote in votes:
        if (vote.item, vote.system) not in names:
            raise RiffeduError(
                f"{vote.listener or 'somebody'} rated clip {vote.system!r} of {vote.item!r}, which "
                "this folder's page does not have"
            )
        told.append(replace(vote, system=names[vote.item, vote.system]))
    return told


def read_key(folder: str | Path) -> list[tuple[str, str, str]]:
    """Read the key of a folder that `write` has filled."""
    path = Path(folder) / "key.csv"
    if not path.is_file():
        raise RiffeduError(f"there is no key.csv in {folder}: give the folder of `riffedu compare`")
    with open(path, newline="", encoding="utf-8") as file:
        return [(row["item"], row["letter"], row["source"]) for row in csv.DictReader(file)]


def write(clips: Sequence[Judged], folder: str | Path, title: str = "Listen blind") -> list[Path]:
    """Write table, clips, sheet, page and key into ``folder``; return the files written."""
    from riffedu.signal.audio import save

    folder = Path(folder)
    page, key = listening_page(clips, title)
    texts = {"table.md": to_markdown(clips), "listen.html": page}
    texts["key.csv"] = _csv(KEY, key)
    rows = [[c.source, c.prompt, *c.readings.values(), c.recognised, c.tempo] for c in clips]
    texts["clips.csv"] = _csv(("source", "prompt", *MEASURES, "recognised", "tempo"), rows)
    prompts = list(dict.fromkeys(clip.prompt for clip in clips))
    with write_files(folder / "sounds") as part:
        for clip in clips:
            name = f"{prompts.index(clip.prompt) + 1:02d}-{clip.source}.flac"
            save(part / name, clip.waveform, RATE)
    with write_files(folder) as part:
        for name, text in texts.items():
            (part / name).write_text(text, encoding="utf-8", newline="")
        draw_sheet(clips).save(part / "sheet.png", optimize=True)
    return [folder / name for name in (*texts, "sheet.png")]


def _csv(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(head)
    writer.writerows(rows)
    return file.getvalue()
