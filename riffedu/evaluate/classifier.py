"""Lesson 15: a small classifier, from a clip's picture to the name of its instrument or style.

It judges the generator and plays no part in training it; only `takes` uses it to choose results.
A clip of one instrument is labelled with the instrument, a band or a drum groove with its style;
all labels share one softmax.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.output import write_files

if TYPE_CHECKING:
    import torch

SIDE = 128  # rows and columns that the ear sees of a 512×512 picture
EMBEDDING = 64
WEIGHTS, SHEET = "classifier.safetensors", "classifier.json"


def label_of(metadata: dict[str, Any]) -> tuple[str, str] | None:
    """Return a clip's label: ("instrument", name), ("style", name), or None for a pair."""
    if metadata["kind"] == "solo":
        return "instrument", metadata["instruments"][0]
    return ("style", metadata["style"]) if metadata["style"] else None


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Reduce pictures (…, 512, 512) uint8 to (…, 128, 128) by averaging 4 × 4 pixels."""
    *batch, height, width = pixels.shape
    if height % SIDE or width % SIDE or not height or not width:
        raise RiffeduError(
            f"the classifier needs pictures of 512 × 512 pixels (5.12 s), not {width} × {height}"
        )
    tiles = pixels.reshape(*batch, SIDE, height // SIDE, SIDE, width // SIDE)
    return np.rint(tiles.mean(axis=(-3, -1), dtype=np.float32)).astype(np.uint8)


def build_network(classes: int) -> torch.nn.Sequential:
    """Return the network: loudness (n, 1, 128 bands, time) in [0, 1] → embeddings (n, 64) → scores.

    Five convolutions, each followed by batch normalisation. At the end the mean over time is taken,
    because the time of an event says nothing about its instrument, but eight frequency bands are
    kept apart: a bass differs from a flute by its register. Scores have shape (n, classes).
    """
    from torch import nn

    def convolve(before: int, after: int, side: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(before, after, side, stride, side // 2, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        ]

    ear = nn.Sequential(
        *convolve(1, 16, 5, 2), *convolve(16, 32, 3, 2), *convolve(32, 64, 3, 2),
        *convolve(64, 96, 3, 2), *convolve(96, 128, 3, 1),
        nn.AdaptiveAvgPool2d((8, 1)), nn.Flatten(), nn.Dropout(0.2),
        nn.Linear(8 * 128, EMBEDDING), nn.BatchNorm1d(EMBEDDING), nn.ReLU(inplace=True),
    )  # fmt: skip
    return nn.Sequential(ear, nn.Linear(EMBEDDING, classes))


@dataclass
class Classifier:
    """A trained classifier.

    ``classes`` are (group, name) pairs, with the group "instrument" or "style". ``story`` records
    how it was trained and its accuracy on renders that it has not seen.
    """

    network: Any
    classes: list[tuple[str, str]]
    story: dict[str, Any] = field(default_factory=dict)

    def listen(self, thumbnails: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Classify (n, 128, 128) uint8 pictures; return scores (n, classes), embeddings (n, 64)."""
        import torch

        self.network.eval()
        ear, answer = self.network
        scores, embeddings = [], []
        with torch.inference_mode():
            for start in range(0, len(thumbnails), 64):
                heard = ear(loudness(thumbnails[start : start + 64]))
                embeddings.append(heard.numpy())
                scores.append(answer(heard).numpy())
        return np.concatenate(scores), np.concatenate(embeddings)

    def numbers(self, labels: list[tuple[str, str]]) -> np.ndarray:
        """Return the class number of each (group, name); raise RiffeduError for an unknown one."""
        places = {name: i for i, name in enumerate(self.classes)}
        if unknown := sorted(set(labels) - set(places)):
            raise RiffeduError(
                f"the classifier does not know the {unknown[0][0]} {unknown[0][1]!r}: train a "
                "new one on this data with --classifier NEW_FOLDER"
            )
        return np.array([places[label] for label in labels])

    def fingerprint(self) -> str:
        """Return twelve hex digits of the SHA-256 of classes and weights."""
        digest = hashlib.sha256(json.dumps(self.classes).encode())
        for name, value in sorted(self.network.state_dict().items()):
            digest.update(name.encode() + value.half().contiguous().numpy().tobytes())
        return digest.hexdigest()[:12]

    def save(self, folder: str | Path) -> None:
        """Write half-precision safetensors and a JSON file, each completely or not at all."""
        import torch
        from safetensors.torch import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {
            name: (value.half() if value.is_floating_point() else value).contiguous()
            for name, value in self.network.state_dict().items()
        }
        sheet = {"classes": self.classes, **self.story}
        with torch.no_grad(), write_files(folder) as part:
            save_file(weights, part / WEIGHTS)
            (part / SHEET).write_text(json.dumps(sheet, indent=1) + "\n")


def load_classifier(folder: str | Path) -> Classifier:
    """Load what `Classifier.save` wrote. Raises RiffeduError if it is missing or damaged."""
    from safetensors.torch import load_file

    folder = Path(folder)
    try:
        sheet = json.loads((folder / SHEET).read_text())
        classes = [tuple(pair) for pair in sheet.pop("classes")]
        network = build_network(len(classes))
        network.load_state_dict(
            {
                k: v.float() if v.is_floating_point() else v
                for k, v in load_file(folder / WEIGHTS).items()
            }
        )
    except FileNotFoundError:
        raise RiffeduError(f"no classifier in {folder}: it needs {WEIGHTS} and {SHEET}") from None
    except Exception as error:
        raise RiffeduError(
            f"the classifier in {folder} cannot be read ({type(error).__name__}): delete the "
            "folder and a new classifier will be trained"
        ) from error
    return Classifier(network.eval(), classes, sheet)


def loudness(thumbnails: np.ndarray) -> torch.Tensor:
    """Convert uint8 pictures (0 loud) to (n, 1, 128, time) float32 (1 loud, 0 silent)."""
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(thumbnails)).unsqueeze(1)
    return 1 - pixels.float() / 255
