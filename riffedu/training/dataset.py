"""Read the data set that `riffedu train data` writes: pictures with one line of metadata each.

Taught in lesson 14.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import RiffeduError

if TYPE_CHECKING:
    import torch


class PictureDataset:
    """The pictures of one split, with their metadata.

    ``dataset[i]`` is ``(picture, metadata)``: a ``(512, 512)`` uint8 array as the codec draws it
    (row 0 on top is the highest frequency, dark is loud) and the dictionary of its jsonl line.
    Shards are memory-mapped, so memory use does not grow with the data set.

    Raises RiffeduError if the folder contains no picture of the split.
    """

    def __init__(self, folder: str | Path, split: str = "train") -> None:
        self.folder, self.split = Path(folder), split
        self.pictures: list[np.ndarray] = []
        self.metadata: list[dict] = []
        self.places: list[tuple[int, int]] = []  # (shard, row in it) of each picture
        for shard in sorted(self.folder.glob("shard-*.npy")):
            lines = shard.with_suffix(".jsonl")
            if not lines.exists():
                continue
            number = len(self.pictures)
            self.pictures.append(np.load(shard, mmap_mode="r"))
            for row, line in enumerate(lines.read_text().splitlines()):
                metadata = json.loads(line)
                if metadata["split"] == split:
                    self.metadata.append(metadata)
                    self.places.append((number, row))
        if not self.places:
            raise RiffeduError(
                f"no {split} pictures in {self.folder}: make some with `riffedu train data`"
            )

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict]:
        shard, row = self.places[index]
        return self.pictures[shard][row], self.metadata[index]

    def batch(self, indices: Iterable[int]) -> torch.Tensor:
        """Return pictures as a float tensor ``(batch, 1, 512, 512)`` in [-1, 1]; -1 is loudest."""
        import torch

        stack = np.stack([self[i][0] for i in indices])
        return torch.from_numpy(stack).unsqueeze(1).float().div_(127.5).sub_(1)
