"""Lesson 15: a sheet of sixteen prompts, each generated clip beside a real one, to judge by eye."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffedu.output import write_whole

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline
    from riffedu.training.dataset import PictureDataset

# A prompt, and the instrument or style (with a kind of clip) of the render to set beside it.
SIXTEEN = (
    ("a calm solo piano", "piano", "solo"),
    ("a violin melody", "violin", "solo"),
    ("church organ chords", "church organ", "solo"),
    ("a fast banjo", "banjo", "solo"),
    ("a trumpet tune", "trumpet", "solo"),
    ("a slap bass line", "slap bass", "solo"),
    ("a dreamy synth pad", "synth pad", "solo"),
    ("music box", "music box", "solo"),
    ("marimba", "marimba", "solo"),
    ("distorted guitar", "distorted guitar", "solo"),
    ("rock band", "rock", "band"),
    ("techno", "techno", "band"),
    ("reggae", "reggae", "band"),
    ("a jazz band", "jazz", "band"),
    ("hip hop drums", "hip hop", "drums"),
    ("a waltz drum groove", "waltz", "drums"),
)


def draw_sheet(
    pipeline: Pipeline,
    pictures: PictureDataset,
    path: str | Path,
    side: int = 168,
    seed: int = 0,
    progress: bool = True,
) -> Path:
    """Write a PNG of `SIXTEEN`, four per row: the generated picture left, a test render right.

    The n-th prompt gets seed ``seed + n``; nothing is selected by hand. Sixteen grey levels keep
    the file small.
    """
    from PIL import Image, ImageDraw, ImageFont

    results: Any = pipeline.generate(
        [prompt for prompt, *_ in SIXTEEN],
        seed=list(range(seed, seed + len(SIXTEEN))),
        progress=progress,
    )
    width, height = 2 * side + 14, side + 30
    sheet = Image.new("L", (4 * width, 4 * height), 255)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for n, (prompt, name, kind) in enumerate(SIXTEEN):
        left, top = n % 4 * width, n // 4 * height
        real = Image.fromarray(pictures[find_render(pictures, name, kind)][0])
        draw.text((left + 2, top + 4), prompt, fill=0, font=font)
        for column, picture in enumerate((results[n].image.convert("L"), real)):
            small = picture.resize((side, side), Image.Resampling.BOX)
            sheet.paste(small, (left + column * (side + 2), top + 24))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path) as part:
        sheet.point(lambda grey: 17 * round(grey / 17)).save(part, format="PNG", optimize=True)
    return path


def find_render(pictures: PictureDataset, name: str, kind: str) -> int:
    """Return the first clip of the split that plays ``name`` as ``kind``."""
    from riffedu.errors import RiffeduError

    for number, metadata in enumerate(pictures.metadata):
        if metadata["kind"] == kind and name in (metadata["style"], metadata["instruments"][0]):
            return number
    raise RiffeduError(f"no {pictures.split} clip of {name!r} as {kind!r} in {pictures.folder}")
