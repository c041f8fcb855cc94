"""Lesson 15: seven measures of generated clips ÷ those of real ones.

Each prompt class is generated with several seeds and compared with test renders of its kind that
went through the same autoencoder and the same phase reconstruction, so the remaining difference is
the denoiser's. The measures are formulas without trained parts, so training cannot overfit them;
each docstring states what misleads its measure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.evaluate import prompts
from riffedu.evaluate.clips import recipe
from riffedu.evaluate.intervals import above, numbers, overall, ratio
from riffedu.evaluate.picture import features, memorisation, nearest
from riffedu.evaluate.pitch import key_score, scale_share
from riffedu.evaluate.readings import VERSION, Readings, noise_readings
from riffedu.evaluate.rhythm import tempo_fits
from riffedu.output import write_whole

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline
    from riffedu.training.dataset import PictureDataset

MEASURES = ("notes", "beat", "attack", "harmonics", "sharpness")
FLOORS = {"notes": 0.2, "beat": 0.4, "attack": 0.1, "harmonics": 0.3, "sharpness": 0.01}
"""A class whose renders read less than this on average has none of it to be compared by."""
STAGES = ("render", "codec", "generated")


def references(
    pictures: PictureDataset, wanted: dict[str, Any], most: int, seed: int = 0
) -> list[int]:
    """Return the numbers of up to ``most`` clips of a split that match, drawn with ``seed``."""
    found = [n for n, metadata in enumerate(pictures.metadata) if prompts.matches(metadata, wanted)]
    random = np.random.default_rng([seed, 16])
    return [int(n) for n in random.permutation(found)[:most]]


def training_features(data: str | Path, shelf: str | Path, progress: bool = True) -> np.ndarray:
    """Return the `features` of every training picture, kept in ``shelf`` as one file."""
    from tqdm.auto import tqdm

    from riffedu.training.dataset import PictureDataset

    pictures = PictureDataset(data, "train")
    ids = hashlib.sha256("".join(m["id"] for m in pictures.metadata).encode()).hexdigest()[:12]
    place = Path(shelf) / "music" / f"training-{ids}.npy"
    if place.is_file():
        return np.load(place).astype(np.float32)
    blocks = [
        features(np.stack([pictures[n][0] for n in range(at, min(at + 64, len(pictures)))]))
        for at in tqdm(range(0, len(pictures), 64), desc="training pictures", disable=not progress)
    ]
    found = np.concatenate(blocks).astype(np.float16)
    place.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(place) as part, open(part, "wb") as file:
        np.save(file, found)
    return found.astype(np.float32)


# ---------------------------------------------------------------- the table


class Judge:
    """What one table is made with: a pipeline, a data split, a shelf for the readings."""

    def __init__(
        self,
        pipeline: Pipeline,
        data: str | Path,
        shelf: str | Path,
        seeds: int,
        renders: int,
        steps: int | None = None,
        guidance: float | None = None,
        seed: int = 0,
        progress: bool = True,
    ):
        from riffedu.evaluate import checkpoint_hash
        from riffedu.training.dataset import PictureDataset

        if min(seeds, renders) < 1:
            raise RiffeduError("--seeds and --renders must be 1 or more")
        self.pipeline, self.pictures = pipeline, PictureDataset(data, "test")
        self.kept, self.progress, self.seeds, self.seed = Readings(shelf), progress, seeds, seed
        self.renders = renders
        self.steps, self.guidance = pipeline.settings(steps, guidance)
        folder = pipeline.checkpoint.path
        self.model, self.codec = checkpoint_hash(folder), checkpoint_hash(folder, ("vae",))
        self.features: list[np.ndarray] = []  # of all that was generated
        self.real: list[np.ndarray] = []  # of all test clips that went through the codec

    def generated(self, texts: list[str], what: str) -> list[list[dict[str, Any]]]:
        """Return the readings of each prompt, [prompt][seed]. All prompts share the seeds."""
        asked = [(t, self.seed + s) for t in texts for s in range(self.seeds)]
        how = self.steps, self.guidance
        recipes = [recipe(self.pipeline, self.model, text, seed, *how) for text, seed in asked]

        def make(batch: list[int]) -> Any:
            results: Any = self.pipeline.generate(
                [asked[k][0] for k in batch],
                seed=[asked[k][1] for k in batch],
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                progress=False,
            )
            return [(r.waveform, r.sample_rate, r.image.convert("L")) for r in results]

        told, found = self.kept.get(recipes, make, 8, what, self.progress)
        self.features.append(found)
        return [told[at : at + self.seeds] for at in range(0, len(told), self.seeds)]

    def rendered(self, numbers: list[int], codec: bool, what: str) -> list[dict[str, Any]]:
        """Return the readings of test clips, with or without the autoencoder."""
        from PIL import Image

        from riffedu.signal.reconstruct import image_to_audio

        def make(batch: list[int]) -> Any:
            for k in batch:
                image = Image.fromarray(np.asarray(self.pictures[numbers[k]][0]))
                if codec:
                    latents = self.pipeline.encode_image(image.convert("RGB"))
                    [image] = self.pipeline.decode_latents(latents, image.width)
                waveform, rate = image_to_audio(image, self.pipeline.params, progress=False)
                yield waveform, rate, image.convert("L")

        digests = [hashlib.sha256(self.pictures[n][0].tobytes()).hexdigest() for n in numbers]
        recipes = [
            ["codec" if codec else "render", self.codec if codec else "", d] for d in digests
        ]
        told, found = self.kept.get(recipes, make, 1, what, self.progress)
        if codec:
            self.real.append(found)
        return told


def music(
    pipeline: Pipeline,
    data: str | Path,
    seeds: int = 8,
    renders: int = 8,
    steps: int | None = None,
    guidance: float | None = None,
    seed: int = 0,
    shelf: str | Path = "runs/evaluate",
    classes: Sequence[prompts.PromptClass] = prompts.CLASSES,
    asked: bool = True,
    memory: bool = True,
    progress: bool = True,
) -> dict[str, Any]:
    """Return the music table of a model as plain numbers, for JSON or `music_report.to_markdown`.

    ``seeds`` clips of every prompt and up to ``renders`` test renders of its kind are measured;
    with ``asked`` also tempi, keys and opposites (requested and heard); with ``memory`` the
    nearest training clip. Readings are kept in ``shelf`` and reused.
    """
    judge = Judge(pipeline, data, shelf, seeds, renders, steps, guidance, seed, progress)
    report: dict[str, Any] = {
        "date": date.today().isoformat(),
        "seed": seed,
        "seeds": seeds,
        "version": VERSION,
        "model": pipeline.checkpoint.path.name,
        "model_hash": judge.model[:12],
        "steps": judge.steps,
        "guidance": judge.guidance,
        "guidance_below": pipeline.guidance_below,
        "pulse": pipeline.pulse,
        "key_gain": pipeline.key_gain,
        "classes": [],
    }
    made = judge.generated([c.prompt for c in classes], "prompt classes")
    for one, clips in zip(classes, made, strict=True):
        row: dict[str, Any] = {"name": one.name, "prompt": one.prompt, "generated": _columns(clips)}
        chosen = []
        if one.wanted is not None:
            chosen = references(judge.pictures, one.wanted, renders, seed)
            if not chosen:
                raise RiffeduError(
                    f"no test clip like {one.wanted} in {data}: render more with "
                    "`riffedu train data`"
                )
        for stage in ("render", "codec"):
            row[stage] = _columns(judge.rendered(chosen, stage == "codec", f"{one.name}: {stage}"))
        report["classes"].append(row)
    report["summary"] = summary(report["classes"], seed)
    report["noise"] = noise_readings(pipeline.params.sample_rate)
    if asked:
        report |= {"tempo": _tempi(judge), "key": _keys(judge), "pairs": _pairs(judge)}
    if memory:
        training = training_features(data, shelf, progress)
        distances = [nearest(np.concatenate(f), training) for f in (judge.features, judge.real)]
        report["memorisation"] = {
            **memorisation(*(d.distance for d in distances)),
            "training": len(training),
            "clips": [len(d.distance) for d in distances],
        }
    return report


def _columns(clips: list[dict[str, Any]]) -> dict[str, list]:
    return {name: [clip[name] for clip in clips] for name in clips[0]} if clips else {}


def summary(rows: list[dict[str, Any]], seed: int = 0) -> dict[str, Any]:
    """Return, per measure, the ratio generated ÷ codec of each class, their mean and lowest.

    The same for codec ÷ render, and the mean step at patch borders in each stage.
    """
    told = {}
    for name in MEASURES:
        table, by_class, codec = [], {}, []
        for row in rows:
            real, plain = (numbers(row[s].get(name, ())) for s in ("codec", "render"))
            if not len(real) or plain.mean() < FLOORS[name]:
                continue
            made = numbers(row["generated"][name])
            made = made if len(made) else np.zeros(1)  # nothing that begins: no attack at all
            found = ratio(made, real, seed)
            if found:
                table.append((made, real))
                codec.append((real, plain))
                by_class[row["name"]] = vars(found)
        mean, kept = overall(table, seed), overall(codec, seed)
        lowest = min(by_class, key=lambda k: by_class[k]["value"], default=None)
        told[name] = {
            "classes": by_class,
            "lowest": lowest,
            "mean": vars(mean) if mean else None,
            "codec": vars(kept) if kept else None,
        }
    for stage in STAGES:
        values = [v for row in rows for v in row[stage].get("borders", ()) if v is not None]
        told.setdefault("borders", {})[stage] = float(np.mean(values)) if values else None
    return told


def _tempi(judge: Judge) -> dict[str, Any]:
    """Compare tempi asked for with tempi heard, and count real clips heard at their own tempo."""
    asked = [(p.format(t), t) for p in prompts.TEMPO_PROMPTS for t in prompts.TEMPI]
    clips = judge.generated([text for text, _ in asked], "tempi")
    rows: list[dict[str, Any]] = [
        {"prompt": text, "asked": bpm, "heard": [c["tempo"] for c in each]}
        for (text, bpm), each in zip(asked, clips, strict=True)
    ]
    fits = [tempo_fits(h or 0, row["asked"]) for row in rows for h in row["heard"]]
    chance = [
        tempo_fits(h or 0, bpm)
        for row in rows
        for h in row["heard"]
        for bpm in prompts.TEMPI
        if bpm != row["asked"]
    ]
    chosen = [
        n
        for kind in ("drums", "band")
        for n in references(judge.pictures, {"kind": kind}, 2 * judge.renders, judge.seed)
    ]
    heard = judge.rendered(chosen, True, "tempi of renders")
    real = [
        tempo_fits(c["tempo"] or 0, judge.pictures.metadata[n]["tempo_bpm"])
        for n, c in zip(chosen, heard, strict=True)
    ]
    return {
        "clips": rows,
        "fits": float(np.mean(fits)),
        "others": _mean(chance),
        "renders": float(np.mean(real)) if real else None,
        "n": [len(fits), len(real)],
    }


def _keys(judge: Judge) -> dict[str, Any]:
    """Compare keys asked for with keys heard, and count real clips heard in their own key."""
    asked = [(p.format(k), k) for p in prompts.KEY_PROMPTS for k in prompts.KEYS]
    clips = judge.generated([text for text, _ in asked], "keys")
    rows: list[dict[str, Any]] = [
        {
            "prompt": text,
            "asked": name,
            "heard": [c["key"] for c in each],
            "on_scale": [_on_scale(c, name) for c in each],
        }
        for (text, name), each in zip(asked, clips, strict=True)
    ]
    scores = [key_score(h, row["asked"]) for row in rows for h in row["heard"]]
    chosen = [
        n
        for scale in ("major", "minor")
        for n in references(
            judge.pictures,
            {"kind": "solo", "scale": scale, "source": "programmed"},
            2 * judge.renders,
            judge.seed,
        )
    ]
    heard = judge.rendered(chosen, True, "keys of renders")
    real = [
        key_score(c["key"], "{key} {scale}".format(**judge.pictures.metadata[n]))
        for n, c in zip(chosen, heard, strict=True)
    ]
    others = [
        _on_scale(c, name)
        for each, (_, own) in zip(clips, asked, strict=True)
        for c in each
        for name in prompts.KEYS
        if name != own
    ]
    return {
        "clips": rows,
        "exact": float(np.mean([s == 1 for s in scores])),
        "on_scale": _mean([s for row in rows for s in row["on_scale"]]),
        "others_on_scale": _mean(others),
        "renders_on_scale": _mean(
            [
                _on_scale(c, "{key} {scale}".format(**judge.pictures.metadata[n]))
                for n, c in zip(chosen, heard, strict=True)
            ]
        ),
        "score": float(np.mean(scores)),
        "renders_exact": float(np.mean([s == 1 for s in real])) if real else None,
        "renders_score": float(np.mean(real)) if real else None,
        "n": [len(scores), len(real)],
    }


def _on_scale(clip: dict[str, Any], name: str) -> float | None:
    share = scale_share(np.array(clip["chroma"]), name)
    return share if np.isfinite(share) else None


def _mean(values: Sequence[float | None]) -> float | None:
    found = numbers(values)
    return float(found.mean()) if len(found) else None


def _pairs(judge: Judge) -> list[dict[str, Any]]:
    """Count, for pairs of opposite prompts, how often the right clip has more of a quantity."""
    told = []
    for pair in prompts.PAIRS:
        more, less = judge.generated([pair.more.prompt, pair.less.prompt], pair.name)
        chosen = [
            references(judge.pictures, side.wanted or {}, judge.renders, judge.seed)
            for side in (pair.more, pair.less)
        ]
        real = [judge.rendered(each, True, f"{pair.name} of renders") for each in chosen]
        name = pair.quantity
        told.append(
            {
                "name": pair.name,
                "quantity": name,
                "more": pair.more.prompt,
                "less": pair.less.prompt,
                "generated": above([c[name] for c in more], [c[name] for c in less]),
                "renders": above(*([c[name] for c in side] for side in real)),
            }
        )
    return told
