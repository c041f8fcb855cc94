"""Lesson 15: the results that the lesson computes its figures from, in one small file.

``data/evaluator/results.json`` contains what was measured on single clips of the shipped model: the
class that each should have, the class that was heard, the classifier's embedding, and the readings
of `riffedu.evaluate.readings`. Every figure of the lesson is computed from it, or from sounds, in a
cell. ``python -m riffedu.evaluate.results`` measures everything again and writes the file; it needs
the rendered data set of ``riffedu train data``.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.output import say, write_text

if TYPE_CHECKING:
    from riffedu.evaluate.classifier import Classifier
    from riffedu.music.pipeline import Pipeline

FILE = "results.json"
STAGES = ("render", "codec", "generated")
MEASURES = ("notes", "beat", "attack", "harmonics", "sharpness")


@dataclass(frozen=True)
class Results:
    """What was measured on single clips.

    ``classes`` are names. ``judged`` maps "codec" (real clips through the codec) and "generated" to
    a table: ``truth`` and ``heard``, class numbers (n,), and ``embeddings (n, 64)``. ``readings``
    maps a prompt class to the stages "render", "codec" and "generated", each a table of measures
    with one value per clip (None: nothing to measure). ``tempo`` lists pairs
    [requested, [heard, …]].
    """

    model: str
    model_hash: str
    date: str
    classes: list[str]
    judged: dict[str, dict[str, Any]]
    readings: dict[str, dict[str, dict[str, list[float | None]]]]
    tempo: list[list[Any]]

    def table(self, stage: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (truth, heard, embeddings) of "codec" or "generated" as arrays."""
        found = self.judged[stage]
        return tuple(np.asarray(found[name]) for name in ("truth", "heard", "embeddings"))  # type: ignore[return-value]

    def values(self, measure: str, stage: str) -> list[np.ndarray]:
        """Return one array of readings per prompt class that renders can be compared with."""
        kept = [row[stage][measure] for row in self.readings.values() if row["render"][measure]]
        return [np.array([v for v in row if v is not None], float) for row in kept]


def collect(
    pipeline: Pipeline,
    classifier: Classifier,
    data: str | Path,
    per_class: int = 2,
    seeds: int = 4,
    renders: int = 6,
    shelf: str | Path = "runs/evaluate",
    progress: bool = True,
) -> Results:
    """Measure everything that the file contains; pictures and readings in ``shelf`` are reused.

    The clips are those of ``riffedu evaluate --per-class 2`` and ``riffedu evaluate --music --seeds
    4 --renders 6``.
    """
    from datetime import date

    from riffedu.evaluate import checkpoint_hash, clips
    from riffedu.evaluate.classifier import label_of
    from riffedu.evaluate.music import music
    from riffedu.training.dataset import PictureDataset

    folder, pictures = pipeline.checkpoint.path, PictureDataset(data, "test")
    whole, codec = checkpoint_hash(folder), checkpoint_hash(folder, ("vae",))
    kept, (steps, guidance) = clips.Shelf(shelf), pipeline.settings(None, None)
    numbers = clips.choose(pictures, per_class)
    real = clips.renders_through_codec(pipeline, codec, pictures, numbers, kept, progress)
    requests = clips.held_out_requests(pictures, classifier.classes, per_class)
    made = clips.generated(pipeline, whole, requests, steps, guidance, kept, progress)
    labels = {
        "codec": [label_of(pictures.metadata[n]) for n in numbers],
        "generated": [r.label for r in requests],
    }
    judged = {}
    for stage, thumbnails in (("codec", real), ("generated", made)):
        scores, embeddings = classifier.listen(thumbnails)
        judged[stage] = {
            "truth": classifier.numbers(labels[stage]).tolist(),  # type: ignore[arg-type]
            "heard": scores.argmax(axis=1).tolist(),
            "embeddings": [[round(float(v), 3) for v in row] for row in embeddings],
        }
    report = music(
        pipeline, data, seeds, renders, shelf=shelf, asked=True, memory=False, progress=progress
    )
    readings = {
        row["prompt"]: {
            stage: {name: row[stage][name] if row[stage] else [] for name in MEASURES}
            for stage in STAGES
        }
        for row in report["classes"]
    }
    tempo = [[row["asked"], row["heard"]] for row in report["tempo"]["clips"]]
    return Results(
        folder.name,
        whole[:12],
        date.today().isoformat(),
        [name for _, name in classifier.classes],
        judged,
        readings,
        tempo,
    )


def load_results(path: str | Path | None = None) -> Results:
    """Load a results file (default: the shipped one). Raises RiffeduError if it is unreadable."""
    from riffedu.paths import data_folder

    path = Path(path) if path else data_folder() / "evaluator" / FILE
    try:
        return Results(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise RiffeduError(f"there are no results in {path}") from None
    except (TypeError, ValueError) as error:
        raise RiffeduError(f"{path} is not a results file: {error}") from None


def save_results(results: Results, path: str | Path) -> Path:
    """Write a results file, one line per part, completely or not at all."""
    rows = [f" {json.dumps(k)}: {json.dumps(v)}" for k, v in asdict(results).items()]
    return write_text(path, "{\n" + ",\n".join(rows) + "\n}\n")


# ---------------------------------------------------------------- what the lesson computes from it


def losses(results: Results, measure: str) -> dict[str, float]:
    """Return how much of a measure each part of the pipeline loses, as ratios of class means.

        codec: mean codec ÷ mean render,   denoiser: mean generated ÷ mean codec

    Each is the mean over prompt classes of min(1, ratio), see `riffedu.evaluate.intervals.overall`.
    The loss of the phase is in neither, because renders are also converted to sound and back.
    """
    from riffedu.evaluate.intervals import ratios

    render, codec, generated = (results.values(measure, stage) for stage in STAGES)
    floor = 0.05 * max((r.mean() for r in render if len(r)), default=0.0)
    used = [n for n, r in enumerate(render) if len(r) and r.mean() > floor and len(codec[n])]
    return {
        name: float(
            np.mean(
                [
                    min(1.0, float(ratios(above[n], below[n])))
                    for n in used
                    if len(above[n]) and len(below[n])
                ]
            )
        )
        for name, above, below in (("codec", codec, render), ("denoiser", generated, codec))
    }


def frechet_of_halves(
    embeddings: np.ndarray, clips: Sequence[int], repeats: int = 20, seed: int = 0
) -> list[float]:
    """Return the mean Fréchet distance between two random halves of one set, for sizes ``clips``.

    Both halves come from the same clips, so every distance above 0 is bias: the covariance of few
    clips is too narrow in most directions, and differently so in each half.
    """
    from riffedu.evaluate.frechet import frechet_distance

    random, found = np.random.default_rng(seed), []
    for n in clips:
        if not 2 <= n <= len(embeddings) // 2:
            raise RiffeduError(f"clips={n}: each half needs 2 to {len(embeddings) // 2}")
        orders = [random.permutation(len(embeddings)) for _ in range(repeats)]
        found.append(
            float(
                np.mean(
                    [frechet_distance(embeddings[o[:n]], embeddings[o[n : 2 * n]]) for o in orders]
                )
            )
        )
    return found


def difference(
    a: Sequence[float], b: Sequence[float], seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Return mean(a) − mean(b) and its 95 % bootstrap interval; real if the interval excludes 0."""
    from riffedu.evaluate.intervals import bootstrap

    def gap(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return x.mean(axis=-1) - y.mean(axis=-1)

    x, y = np.asarray(a, float), np.asarray(b, float)
    return float(x.mean() - y.mean()), bootstrap(gap, (x, y), seed)


def main() -> None:
    """Measure the shipped model and write ``data/evaluator/results.json``."""
    from riffedu.evaluate import shipped_classifier
    from riffedu.evaluate.classifier import load_classifier
    from riffedu.music.pipeline import load_pipeline
    from riffedu.paths import data_folder

    parser = ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--data", default="runs/data", help="folder that `riffedu train data` wrote"
    )
    parser.add_argument("--shelf", default="runs/evaluate", help="folder for pictures and readings")
    args = parser.parse_args()
    folder = shipped_classifier()
    if folder is None:
        raise RiffeduError("no classifier: riffedu's data folder has no subfolder evaluator")
    found = collect(load_pipeline(), load_classifier(folder), args.data, shelf=args.shelf)
    say(save_results(found, data_folder() / "evaluator" / FILE))


if __name__ == "__main__":
    main()
