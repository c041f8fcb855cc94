"""Lesson 15: does a model play what its prompts ask for, and does it sound like music?

A small classifier, trained only on real renders (`train_classifier`, `classifier`), names the
instrument or style of a clip. Its accuracy on generated clips is read between two bounds: the
ceiling, its accuracy on real clips that went through the same codec, and the floor, its accuracy
when the prompts of the generated clips are shuffled (`clips`, `scores`). The Fréchet distance
(`frechet`) compares sets of clips instead of single ones. ``riffedu evaluate`` prints all of it as
one table (`report`).

A trained classifier mostly recognises timbre, and so it overestimates the model. ``riffedu evaluate
--music`` therefore measures by formula: notes, beat, attack and harmonics (`rhythm`, `pitch`),
sharpness, patch borders and the nearest training clip (`picture`), each relative to real renders
through the codec (`music`).
"""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser, Namespace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffedu.errors import RiffeduError
from riffedu.flags import add_device, add_model
from riffedu.output import check_output as check_place
from riffedu.output import say

if TYPE_CHECKING:
    from riffedu.evaluate.classifier import Classifier
    from riffedu.music.pipeline import Pipeline

STAGES = ("renders", "codec", "generated")
SHELF = Path("runs/evaluate")


def evaluate(
    classifier: Classifier,
    data: str | Path,
    pipeline: Pipeline | None = None,
    per_class: int = 4,
    steps: int | None = None,
    guidance: float | None = None,
    seed: int = 0,
    generate: bool = True,
    shelf: str | Path = SHELF,
    progress: bool = True,
) -> dict[str, Any]:
    """Return accuracies, confusions and Fréchet distances, for JSON or `to_markdown`.

    Without a ``pipeline`` only the test renders are classified; with ``generate=False`` they are
    also classified after passing through the pipeline's codec. Up to
    ``per_class`` clips of every instrument and style are drawn from the split, and as many are
    generated. Pictures are kept in ``shelf`` and reused.
    """
    from riffedu.evaluate import clips, scores
    from riffedu.training.dataset import PictureDataset

    if per_class < 1:
        raise RiffeduError("--per-class must be 1 or more")
    pictures = PictureDataset(data, "test")
    report: dict[str, Any] = {
        "date": date.today().isoformat(),
        "seed": seed,
        "per_class": per_class,
        "classes": len(classifier.classes),
        "classifier": classifier.story,
        "classifier_hash": classifier.fingerprint(),
        "accuracy": {},
        "confusions": {},
        "weakest": {},
    }
    names = [name for _, name in classifier.classes]

    def judge(key: str, thumbnails: Any, labels: Any, mistakes: bool = True) -> Any:
        heard, embeddings = classifier.listen(thumbnails)
        truth, groups = classifier.numbers(labels), _groups(labels)
        report["accuracy"][key] = scores.accuracies(heard, truth, groups)
        if mistakes:
            report["confusions"][key] = scores.confusions(heard, truth, names)
            report["weakest"][key] = scores.weakest(heard, truth, names)
        return heard, embeddings, truth, groups

    numbers = [i for found in clips.clips_by_class(pictures).values() for i in found]
    judge("renders", _thumbnails(pictures, numbers), _labels(pictures, numbers))
    if pipeline is None:
        return report

    folder = pipeline.checkpoint.path
    steps, guidance = pipeline.settings(steps, guidance)
    whole, codec = checkpoint_hash(folder), checkpoint_hash(folder, ("vae",))
    report |= {
        "model": folder.name,
        "model_hash": whole[:12],
        "steps": steps,
        "guidance": guidance,
        "guidance_below": pipeline.guidance_below,
        "pulse": pipeline.pulse,
        "key_gain": pipeline.key_gain,
    }
    kept = clips.Shelf(shelf)
    numbers = clips.choose(pictures, per_class, seed)
    real = clips.renders_through_codec(pipeline, codec, pictures, numbers, kept, progress)
    _, real, real_truth, _ = judge("ceiling", real, _labels(pictures, numbers))
    if not generate:
        return report

    requests = clips.held_out_requests(pictures, classifier.classes, per_class, seed)
    made = clips.generated(pipeline, whole, requests, steps, guidance, kept, progress)
    heard, made, truth, groups = judge("generated", made, [r.label for r in requests])
    shuffled = scores.shuffle_within(truth, groups, seed)
    report["accuracy"]["floor"] = scores.accuracies(heard, shuffled, groups)
    report["share_of_ceiling"] = {
        group: report["accuracy"]["generated"][group]["top1"] / found["top1"]
        for group, found in report["accuracy"]["ceiling"].items()
        if found["top1"]
    }
    others = PictureDataset(data, "validation")
    numbers = clips.choose(others, per_class, seed)
    second = clips.renders_through_codec(pipeline, codec, others, numbers, kept, progress)
    second_truth = classifier.numbers(_labels(others, numbers))
    second = classifier.listen(second)[1]
    report["frechet"] = _distances((real, real_truth), (made, truth), (second, second_truth))
    report["prompts"] = [
        [r.prompt, r.seed, r.label[1], names[k]] for r, k in zip(requests, heard.argmax(axis=1))
    ]
    return report


def _labels(pictures: Any, numbers: Any) -> Any:
    from riffedu.evaluate.classifier import label_of

    return [label_of(pictures.metadata[n]) for n in numbers]


def _groups(labels: Any) -> Any:
    import numpy as np

    return np.array([group for group, _ in labels])


def _thumbnails(pictures: Any, numbers: Any) -> Any:
    import numpy as np

    from riffedu.evaluate.classifier import thumbnail

    return np.stack([thumbnail(pictures[n][0]) for n in numbers])


def _distances(real: Any, made: Any, second: Any) -> dict[str, Any]:
    """Return the Fréchet distances of ``made`` and ``second`` to ``real``.

    Each is (embeddings, classes). All are cut to the same number of clips per class, because the
    distance grows as the number of clips falls.
    """
    import numpy as np

    from riffedu.evaluate.frechet import frechet_distance

    sets = (real, made, second)
    rows: list[list[int]] = [[], [], []]
    for c in np.unique(real[1]):
        found = [np.flatnonzero(truth == c) for _, truth in sets]
        for kept, numbers in zip(rows, found):
            kept.extend(numbers[: min(map(len, found))])
    real, made, second = (embeddings[kept] for (embeddings, _), kept in zip(sets, rows))
    return {
        "clips": len(real),
        "generated": frechet_distance(made, real),
        "renders": frechet_distance(second, real),
    }


def checkpoint_hash(folder: Path, parts: tuple[str, ...] | None = None) -> str:
    """Return the SHA-256, in hex, of the weights and settings of a checkpoint's components.

    For a single-file checkpoint it is that of the file.
    """
    from riffedu.diffusion.weights import COMPONENTS

    if folder.is_file():
        with open(folder, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    digest = hashlib.sha256()
    for part in parts or COMPONENTS:
        for path in sorted((folder / part).iterdir()):
            if path.suffix in (".safetensors", ".json", ".txt"):
                digest.update(f"{part}/{path.name}".encode() + path.read_bytes())
    return digest.hexdigest()


def shipped_classifier() -> Path | None:
    """Return the folder of the shipped classifier, or None if it is missing."""
    from riffedu.paths import data_folder

    try:
        folder = data_folder() / "evaluator"
    except RiffeduError:
        return None
    return folder if folder.is_dir() else None


def open_or_train(
    folder: str | Path | None, data: str | Path, epochs: int, seed: int
) -> Classifier:
    """Return the classifier in ``folder`` (default: the shipped one); train one if missing."""
    from riffedu.evaluate.classifier import load_classifier
    from riffedu.evaluate.train_classifier import learn_and_save

    folder = Path(folder or shipped_classifier() or "runs/evaluator")
    if not folder.is_dir() or not any(folder.iterdir()):
        say(f"training a classifier on the renders of {data}; it will be kept in {folder}")
        learn_and_save(data, folder, epochs, seed)
    return load_classifier(folder)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``riffedu evaluate``."""
    add_model(parser)
    add_device(parser)
    parser.add_argument(
        "--data", default="runs/data", help="folder that `riffedu train data` wrote"
    )
    parser.add_argument(
        "--classifier",
        metavar="FOLDER",
        help="folder of the classifier; trained there if missing (default: the shipped one)",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        default=16,
        help="epochs for training a missing classifier (default: 16)",
    )
    parser.add_argument(
        "--until",
        choices=STAGES,
        default="generated",
        help="last stage: real renders, also through the codec, or also generated clips (default)",
    )
    parser.add_argument(
        "--per-class", type=int, default=4, help="clips per instrument and style (default: 4)"
    )
    parser.add_argument("--steps", type=int, help="denoising steps (default: the model's)")
    parser.add_argument("--guidance", type=float, help="guidance scale (default: the model's)")
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    parser.add_argument(
        "-o", "--output", metavar="TABLE", help="write the table to this file, .md or .json"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an existing table or sheet"
    )
    parser.add_argument(
        "--sheet",
        metavar="PNG",
        help="only write this picture: sixteen prompts, each generated clip beside a real one",
    )
    parser.add_argument(
        "--music",
        action="store_true",
        help="measure the music instead: notes, beat, attack, harmonics, sharpness, "
        "requested tempo and key, nearest training clip",
    )
    parser.add_argument(
        "--seeds", type=int, default=8, help="clips per prompt, for --music (default: 8)"
    )
    parser.add_argument(
        "--renders",
        type=int,
        default=8,
        help="test renders per kind to compare with, for --music (default: 8)",
    )
    parser.add_argument(
        "--card",
        action="store_true",
        help="write the table into the model's README.md, between its markers",
    )


def run(args: Namespace) -> int:
    """Run ``riffedu evaluate``."""
    from riffedu.evaluate.report import check_card, check_output, to_markdown, write, write_card

    if min(args.per_class, args.epochs) < 1 or args.seed < 0:
        raise RiffeduError("--per-class and --epochs must be 1 or more, and --seed 0 or more")
    if args.card and args.until != "generated":
        raise RiffeduError("--card needs the whole table: omit --until")
    if args.sheet:
        return _sheet(args)
    if args.music:
        return _music(args)
    output = check_output(args.output, args.overwrite) if args.output else None
    pipeline = card = None
    if args.until != "renders":
        from riffedu.music.pipeline import load_pipeline

        pipeline = load_pipeline(args.model, args.device)
        pipeline.settings(args.steps, args.guidance)
        card = check_card(pipeline.checkpoint.path) if args.card else None
    classifier = open_or_train(args.classifier, args.data, args.epochs, args.seed)
    report = evaluate(
        classifier,
        args.data,
        pipeline,
        args.per_class,
        args.steps,
        args.guidance,
        args.seed,
        generate=args.until == "generated",
    )
    say(to_markdown(report).rstrip())
    if output:
        write(report, output)
    if card:
        write_card(report, card)
    return 0


def _music(args: Namespace) -> int:
    from riffedu.evaluate.music import music
    from riffedu.evaluate.music_report import to_markdown, write
    from riffedu.evaluate.report import check_output
    from riffedu.music.pipeline import load_pipeline

    output = check_output(args.output, args.overwrite) if args.output else None
    report = music(
        load_pipeline(args.model, args.device),
        args.data,
        args.seeds,
        args.renders,
        args.steps,
        args.guidance,
        args.seed,
    )
    say(to_markdown(report).rstrip())
    if output:
        write(report, output)
    return 0


def _sheet(args: Namespace) -> int:
    from riffedu.evaluate.sheet import draw_sheet
    from riffedu.music.pipeline import load_pipeline
    from riffedu.training.dataset import PictureDataset

    if Path(args.sheet).suffix.lower() != ".png":
        raise RiffeduError(f"the sheet is written as PNG: {args.sheet!r} must end in .png")
    path = check_place(args.sheet, what="picture", overwrite=args.overwrite)
    pictures = PictureDataset(args.data, "test")
    pipeline = load_pipeline(args.model, args.device)
    say(draw_sheet(pipeline, pictures, path, seed=args.seed))
    return 0
