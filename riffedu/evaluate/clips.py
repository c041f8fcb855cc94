"""Lesson 15: the clips to judge: test renders, the same through the codec, and generated clips.

Every clip that has passed through a model is judged by its sound: the sound is reconstructed first,
and the picture is drawn again from it. Pictures are kept on disk, so an interrupted evaluation
continues where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.evaluate.classifier import label_of, thumbnail
from riffedu.output import write_whole

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline
    from riffedu.training.dataset import PictureDataset

BATCH_SIZE = 8  # clips generated in one batch


@dataclass(frozen=True)
class Request:
    """A prompt, its first seed, and the expected label (group, name)."""

    prompt: str
    seed: int
    label: tuple[str, str]


def clips_by_class(pictures: PictureDataset) -> dict[tuple[str, str], list[int]]:
    """Return, for each label in order, the numbers of the clips of a split that have it."""
    found = defaultdict(list)
    for number, metadata in enumerate(pictures.metadata):
        if label := label_of(metadata):
            found[label].append(number)
    return dict(sorted(found.items()))


def choose(pictures: PictureDataset, per_class: int, seed: int = 0) -> list[int]:
    """Return the numbers of up to ``per_class`` clips of each label, drawn with ``seed``."""
    random = np.random.default_rng([seed, 11])
    drawn = [
        random.permutation(numbers)[:per_class] for numbers in clips_by_class(pictures).values()
    ]
    return [int(number) for numbers in drawn for number in numbers]


def held_out_requests(
    pictures: PictureDataset, labels: Iterable[tuple[str, str]], per_class: int, seed: int = 0
) -> list[Request]:
    """Return ``per_class`` prompts for each label, in phrasings that training never used.

    Mood, tempo and other attributes are those of clips of this split, so no prompt asks for a
    combination that does not exist; the phrasings alternate. Raises RiffeduError for a label
    without a clip.
    """
    from riffedu.training.captions import held_out_captions

    random = np.random.default_rng([seed, 12])
    found = clips_by_class(pictures)
    requests: list[Any] = []
    for turn, label in enumerate(labels):
        if label not in found:
            raise RiffeduError(
                f"no {pictures.split} clip of the {label[0]} {label[1]!r}: render "
                "more with `riffedu train data`"
            )
        order = random.permutation(found[label])
        for n in range(per_class):
            phrasings = held_out_captions(pictures.metadata[order[n % len(order)]], random)
            prompt = phrasings[(turn + n) % len(phrasings)]
            requests.append(Request(prompt, seed + len(requests), label))
    return requests


def drawn_from_sound(waveform: np.ndarray, sample_rate: int, params: Any) -> np.ndarray:
    """Return the picture of a sound as (512, columns) uint8 pixels."""
    from riffedu.signal.convert import audio_to_image

    return np.asarray(audio_to_image(waveform, sample_rate, params).convert("L"))


def through_codec(pipeline: Pipeline, pixels: np.ndarray) -> np.ndarray:
    """Send a picture through latents, picture and sound: the limit of a perfect denoiser."""
    from PIL import Image

    from riffedu.signal.reconstruct import image_to_audio

    latents = pipeline.encode_image(Image.fromarray(pixels).convert("RGB"))
    [image] = pipeline.decode_latents(latents, pixels.shape[1])
    waveform, rate = image_to_audio(image, pipeline.params, progress=False)
    return drawn_from_sound(waveform, rate, pipeline.params)


class Shelf:
    """Pictures on disk, keyed by how they were made; `get` makes only those that are missing."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def place(self, recipe: Any) -> Path:
        """Return the file that holds, or will hold, the result of ``recipe``."""
        digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
        return self.folder / f"{digest[:20]}.png"

    def get(
        self,
        recipes: list[Any],
        make: Callable[[list[int]], list[np.ndarray]],
        together: int,
        description: str,
        progress: bool = True,
    ) -> np.ndarray:
        """Return thumbnails (n, 128, 128) of ``recipes``; ``make`` draws the missing ones."""
        from PIL import Image
        from tqdm.auto import tqdm

        self.folder.mkdir(parents=True, exist_ok=True)
        places = [self.place(recipe) for recipe in recipes]
        missing = [n for n, place in enumerate(places) if not place.is_file()]
        with tqdm(
            total=len(places),
            initial=len(places) - len(missing),
            desc=description,
            unit="clip",
            disable=not progress,
        ) as bar:
            for start in range(0, len(missing), together):
                batch = missing[start : start + together]
                for n, pixels in zip(batch, make(batch), strict=True):
                    with write_whole(places[n]) as part:
                        Image.fromarray(pixels).save(part, format="PNG")
                bar.update(len(batch))
        return np.stack([thumbnail(np.asarray(Image.open(place))) for place in places])


def renders_through_codec(
    pipeline: Pipeline,
    model: str,
    pictures: PictureDataset,
    numbers: list[int],
    shelf: Shelf,
    progress: bool = True,
) -> np.ndarray:
    """Return thumbnails of renders after `through_codec`; ``model``: the autoencoder's hash."""
    recipes = [
        ["codec", model, hashlib.sha256(pictures[n][0].tobytes()).hexdigest()] for n in numbers
    ]

    def make(batch: list[int]) -> list[np.ndarray]:
        return [through_codec(pipeline, np.asarray(pictures[numbers[k]][0])) for k in batch]

    return shelf.get(recipes, make, 1, f"{pictures.split} renders through the codec", progress)


def recipe(
    pipeline: Pipeline, model: str, prompt: str, seed: int, steps: int, guidance: float
) -> list:
    """Return all that a generated clip depends on: what is stored about it is kept under this."""
    how = [steps, guidance, pipeline.guidance_below, pipeline.pulse, pipeline.tempo(prompt, seed)]
    key = pipeline.key(prompt, seed)
    return ["generated", model, prompt, seed, *how, *([key, pipeline.key_gain] if key else [])]


def generated(
    pipeline: Pipeline,
    model: str,
    requests: list[Request],
    steps: int,
    guidance: float,
    shelf: Shelf,
    progress: bool = True,
) -> np.ndarray:
    """Return thumbnails of the sounds generated for ``requests`` by the checkpoint ``model``."""
    recipes = [recipe(pipeline, model, r.prompt, r.seed, steps, guidance) for r in requests]

    def make(batch: list[int]) -> list[np.ndarray]:
        asked = [requests[k] for k in batch]
        results: Any = pipeline.generate(
            [r.prompt for r in asked],
            seed=[r.seed for r in asked],
            num_inference_steps=steps,
            guidance_scale=guidance,
            progress=False,
        )
        return [drawn_from_sound(r.waveform, r.sample_rate, pipeline.params) for r in results]

    return shelf.get(recipes, make, BATCH_SIZE, "generated clips", progress)
