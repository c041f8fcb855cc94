"""Results of a training at full length, which the notebook shows beside its own short one.

Written by ``benchmarks/own_sounds.py``: ``results/results.json`` and pictures of generated clips.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

FOLDER = Path(__file__).parent / "results"


def full_run() -> dict[str, Any]:
    """Return the results: ``lora`` and ``toy``, each a dict of figures."""
    return json.loads((FOLDER / "results.json").read_text("utf-8"))


def full_run_picture(name: str) -> Image.Image:
    """Return a picture that the full run generated: 5.12 s, ready for `riffedu.widgets.hear`."""
    from riffedu.signal.image import with_level
    from riffedu.signal.params import SpectrogramParams

    with Image.open(FOLDER / f"{name}.webp") as image:
        return with_level(image.convert("RGB"), SpectrogramParams(), 1.0)


def workplace(quick: bool) -> Path:
    """Return the folder for all that the notebook trains: ``runs/lesson-14`` beside it.

    There it can be resumed another day. A quick run gets an empty temporary folder.
    """
    if quick:
        return Path(tempfile.mkdtemp(prefix="riffedu-14-"))
    folder = Path("runs").resolve() / "lesson-14"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
