"""Lesson 15: all measures of one clip, and a shelf that keeps them on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from riffedu.evaluate.picture import features, patch_borders, sharpness
from riffedu.evaluate.pitch import Notes, chroma_of, harmonics, key_of, notes
from riffedu.evaluate.rhythm import attack, beat, onset_times
from riffedu.output import write_text, write_whole

VERSION = 1  # raise it when a measure changes, and what was kept is measured anew
QUANTITIES = ("height", "onsets", "majorness", "brightness", "width")


def readings(waveform: np.ndarray, sample_rate: int, picture: Any) -> dict[str, Any]:
    """Return every measure of one clip as plain numbers (None: nothing to measure).

    They include the ``key`` heard and the ``chroma`` from C. ``height`` and ``width``: mean and
    spread of the lines' frequencies, in semitones (MIDI); ``onsets`` per second; ``majorness``:
    best major minus best minor key score; ``brightness``: spectral centroid in octaves above 1 kHz.
    """
    pulse, sharp = beat(waveform, sample_rate), attack(waveform, sample_rate)
    pitch, combs = notes(waveform, sample_rate), harmonics(waveform, sample_rate)
    folded, height, width = _lines(pitch)
    found = key_of(folded)
    power = np.square(combs.magnitude).sum(axis=1)
    centre = (power * combs.hertz).sum() / max(power.sum(), 1e-20)
    best = {
        mode: max((v for k, v in found.scores.items() if k.endswith(mode)), default=0.0)
        for mode in ("major", "minor")
    }
    told = {
        "notes": pitch.value,
        "beat": pulse.value,
        "attack": sharp.value,
        "harmonics": combs.value,
        "sharpness": sharpness(picture).value,
        "borders": patch_borders(picture).value,
        "tempo": pulse.tempo,
        "height": height,
        "width": width,
        "onsets": len(onset_times(pulse.envelope)) / len(pulse.envelope) * 100,
        "majorness": best["major"] - best["minor"],
        "brightness": float(np.log2(max(centre, 1.0) / 1000)),
    }
    rounded = {n: round(float(v), 5) if np.isfinite(v) else None for n, v in told.items()}
    return {**rounded, "key": found.heard, "chroma": [round(float(v), 4) for v in folded]}


def _lines(pitch: Notes) -> tuple[np.ndarray, float, float]:
    """Return chroma, mean height and spread of a `Notes`, from the bins on lines."""
    strength = (pitch.picture * pitch.lines)[:, pitch.sounding].sum(axis=1)
    if strength.sum() <= 0:
        return np.zeros(12), float("nan"), float("nan")
    midi = 69 + 12 * np.log2(pitch.hertz / 440)
    mean = (strength * midi).sum() / strength.sum()
    spread = np.sqrt((strength * (midi - mean) ** 2).sum() / strength.sum())
    return chroma_of(pitch), float(mean), float(spread)


def noise_readings(sample_rate: int) -> dict[str, Any]:
    """Return the measures of white noise, as sound and as picture: the lower end of every scale."""
    from PIL import Image

    random = np.random.default_rng(0)
    picture = Image.fromarray(random.integers(0, 256, (512, 512), dtype=np.uint8))
    return readings(0.1 * random.standard_normal(int(5.12 * sample_rate)), sample_rate, picture)


class Readings:
    """Readings and pictures on disk, keyed by how the clips were made."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder) / "music"

    def get(
        self,
        recipes: list[Any],
        make: Callable[[list[int]], Any],
        together: int,
        description: str,
        progress: bool = True,
    ) -> tuple[list[dict[str, Any]], np.ndarray]:
        """Return readings and `features` (n, 64, 64) of ``recipes``.

        ``make`` returns (waveform, rate, grey picture) of the clips with the given numbers.
        """
        from PIL import Image
        from tqdm.auto import tqdm

        self.folder.mkdir(parents=True, exist_ok=True)
        names = [
            hashlib.sha256(json.dumps([VERSION, r], sort_keys=True).encode()).hexdigest()[:20]
            for r in recipes
        ]
        places = [self.folder / name for name in names]
        missing = [n for n, p in enumerate(places) if not p.with_suffix(".json").is_file()]
        with tqdm(
            total=len(names),
            initial=len(names) - len(missing),
            desc=description,
            unit="clip",
            disable=not progress,
        ) as bar:
            for start in range(0, len(missing), together):
                batch = missing[start : start + together]
                for n, (waveform, rate, picture) in zip(batch, make(batch), strict=True):
                    with write_whole(places[n].with_suffix(".png")) as part:
                        picture.save(part, format="PNG")
                    text = json.dumps(readings(waveform, rate, picture))
                    write_text(places[n].with_suffix(".json"), text)
                bar.update(len(batch))
        told = [json.loads(p.with_suffix(".json").read_text()) for p in places]
        pictures = [np.asarray(Image.open(p.with_suffix(".png"))) for p in places]
        return told, features(np.stack(pictures)) if pictures else np.zeros((0, 64, 64))
