"""The live instrument as a folder of files that any web server can serve: no Python needed.

``python -m riffedu.app.web_page FOLDER`` writes it: the page from ``docs/live``, the instrument's
own scripts, the networks (`riffedu.app.networks_for_web`), the token states of `PROMPTS`, and the
numbers that the page's scripts need to make the same music as `riffedu.music.instrument`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffedu.app.live_instrument import PROMPTS as CORNERS
from riffedu.app.live_instrument import LiveInstrument, row_edges, side_burst
from riffedu.app.networks_for_web import export_networks
from riffedu.errors import RiffeduError
from riffedu.output import say, write_text, write_whole
from riffedu.paths import clone_folder

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline

PROMPTS = (
    *CORNERS,
    "a slow jazz piano",
    "an electric piano",
    "a honky-tonk piano, fast",
    "a harpsichord",
    "a music box",
    "steel drums",
    "a marimba",
    "a vibraphone with reverb",
    "tubular bells",
    "a rock organ",
    "an accordion waltz",
    "a harmonica",
    "an acoustic guitar",
    "an electric guitar",
    "distorted guitar power chords",
    "a banjo, fast",
    "a sitar",
    "a slap bass line",
    "a synth bass",
    "a violin melody",
    "a low cello melody",
    "pizzicato strings",
    "a harp",
    "a choir",
    "a trumpet tune",
    "a muted trumpet",
    "a brass section",
    "a saxophone solo",
    "a clarinet",
    "a flute melody",
    "a pan flute with echo",
    "a synth lead",
    "a warm synth pad",
    "rock band",
    "techno at 125 bpm",
    "house",
    "reggae",
    "bossa nova",
    "hip hop drums",
    "ambient",
)
"""The prompts that the page can mix; the first four are in the corners."""
MOST_STEPS = 25
"""The most denoising steps that the page's slider offers."""


def build(folder: Path, pipeline: Pipeline | None = None) -> dict[str, int]:
    """Write the page to ``folder``; return the size of each file in bytes.

    The folder may exist; files of the same names are replaced. Raises RiffeduError if riffedu does
    not run from its clone, or the package onnx is missing.
    """
    from riffedu.music.pipeline import load_pipeline

    clone = clone_folder()
    if clone is None:
        raise RiffeduError("this page can be built only in a clone of riffedu: run it there")
    pipeline = pipeline or load_pipeline()
    folder.mkdir(parents=True, exist_ok=True)
    export_networks(pipeline, folder)
    states = _states(pipeline).numpy().astype("<f4")
    with write_whole(folder / "states.bin.gz") as part:
        part.write_bytes(gzip.compress(states.tobytes(), 9, mtime=0))
    write_text(folder / "facts.json", json.dumps(facts(pipeline), separators=(",", ":")))
    write_text(folder / "instrument.js", str(LiveInstrument._esm))
    write_text(folder / "instrument.css", str(LiveInstrument._css))
    shutil.copytree(clone / "docs" / "live", folder, dirs_exist_ok=True)
    _list_files(folder)
    return {
        file.relative_to(folder).as_posix(): file.stat().st_size
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def facts(pipeline: Pipeline) -> dict[str, Any]:
    """Return the numbers and words that the page needs, for JSON.

    ``levels`` has the noise levels of every number of steps, from 1 on, as [timestep, ᾱ].
    ``bank`` is the filterbank of `riffedu.signal.inversion.lean_grid` by rows.
    """
    from riffedu.music.result import PEAK_DB, RMS_DB
    from riffedu.signal.inversion import QUALITIES, lean_grid

    grid, params = lean_grid(pipeline.params), pipeline.params
    size = pipeline.window
    return {
        "controls": _controls(),
        "choices": list(PROMPTS),
        "frequencies": row_edges(),
        "burst": side_burst(),
        "levels": [
            [[level.timestep, level.alpha_bar] for level in pipeline.noise_levels(steps)]
            for steps in range(1, MOST_STEPS + 1)
        ],
        "guidanceBelow": pipeline.guidance_below * pipeline.train_timesteps,
        "latents": [pipeline.checkpoint.latent_channels, size, size],
        "states": list(_states(pipeline).shape[1:]),
        "compression": pipeline.checkpoint.compression,
        "rmsDb": RMS_DB,
        "peakDb": PEAK_DB,
        "power": params.power_for_image,
        "columnMs": params.column_ms,
        "iterations": QUALITIES["fast"].n_iter,
        "stride": QUALITIES["fast"].stride,
        "grid": {
            "nFft": grid.n_fft,
            "hop": grid.hop_length,
            "window": grid.win_length,
            "scale": grid.scale,
        },
        "full": {
            "nFft": params.n_fft // grid.step,
            "hop": params.hop_length,
            "window": params.win_length,
        },
        "bank": {
            "starts": grid.bank.indptr.tolist(),
            "rows": grid.bank.indices.tolist(),
            "weights": [float(f"{weight:.9g}") for weight in grid.bank.data],
        },
    }


def _controls() -> dict[str, Any]:
    """What the page's controls are set to at first: as in the app."""
    traits = LiveInstrument.class_traits()
    names = ("x", "y", "seed", "steps", "guidance_scale", "width")
    return {"prompts": list(CORNERS), **{name: traits[name].default_value for name in names}}


def _states(pipeline: Pipeline) -> Any:
    """Token states of the empty prompt, then of all `PROMPTS`."""
    return pipeline.encode_prompt(["", *PROMPTS])


def _list_files(folder: Path) -> None:
    """Write the list of files to keep for offline use, and its version into the service worker."""
    names = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and file.name not in ("files.json", "offline.js")
    )
    total = hashlib.sha256()
    for name in names:
        total.update(name.encode())
        total.update((folder / name).read_bytes())
    download = sum((folder / name).stat().st_size for name in names if name.endswith(".gz"))
    write_text(folder / "files.json", json.dumps({"files": names, "download": download}))
    worker = (folder / "offline.js").read_text(encoding="utf-8")
    write_text(folder / "offline.js", f'const VERSION = "{total.hexdigest()[:16]}";\n{worker}')


def main(argv: list[str] | None = None) -> int:
    """Write the page to the folder that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m riffedu.app.web_page", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write the page, such as build/live")
    folder = parser.parse_args(argv).folder
    sizes = build(folder)
    for name, size in sizes.items():
        say(f"{size / 1e6:8.2f} MB  {name}")
    say(f"{sum(sizes.values()) / 1e6:8.2f} MB in all: {folder / 'index.html'}")
    say(f"Serve it, for example with `python -m http.server --directory {folder}`.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RiffeduError as error:
        sys.exit(f"error: {error}")
