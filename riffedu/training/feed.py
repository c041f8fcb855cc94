"""Batches for the denoiser: latents, the token states of captions, and times.

Encoding a caption takes a third of a training step, and every clip is seen many times. So a few
captions are phrased and encoded per clip, and their token states are kept (`StateCache`). Times are
drawn more often where they matter (`draw_times`): beats and chords are decided at high noise
levels.

Taught in lesson 14.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Up to which share of the way into noise, and what share of the draws falls there. Measured: clips
# that are denoised from t = 700 of 1000 on keep their beat, those from t = 850 on lose half of it.
# Equal shares of time would be (0.15, 0.15), (0.65, 0.5), (1.0, 0.35).
FOCUS = ((0.15, 0.08), (0.65, 0.34), (1.0, 0.58))
EVENLY = ((1.0, 1.0),)


def draw_times(n: int, total: int, focus: Any = FOCUS) -> Any:
    """Draw ``n`` integer times in 0 … total − 1 by the shares of ``focus``; a torch tensor.

    Sampling is stratified: one time falls in each of n intervals of equal probability, which
    reduces the variance of the loss.
    """
    import torch

    ends, shares = zip(*focus)
    chance = torch.tensor((0.0, *np.cumsum(shares)), dtype=torch.float64)
    place = torch.tensor((0.0, *ends), dtype=torch.float64)
    strips = (torch.arange(n) + torch.rand(n)).double() / n
    piece = (torch.searchsorted(chance, strips, right=True) - 1).clamp(0, len(ends) - 1)
    inside = (strips - chance[piece]) / (chance[piece + 1] - chance[piece])
    at = place[piece] + inside * (place[piece + 1] - place[piece])
    return (at * total).long().clamp(0, total - 1)


class StateCache:
    """The token states of captions, up to ``phrasings`` different ones per clip, each encoded once.

    ``StateCache(encode, phrase, phrasings, empty_share)``: ``encode(texts)`` returns states ``(n,
    tokens, width)``, ``phrase(index)`` a new random caption of clip ``index``. ``cache(indices,
    random)`` returns the states for a batch, float32, with a share of empty captions. At most
    ``room`` bytes are used (float16); after that, captions are encoded and not kept.
    """

    def __init__(
        self,
        encode: Any,
        phrase: Any,
        phrasings: int = 4,
        empty_share: float = 0.1,
        room: float = 2.5e9,
    ):
        self.encode, self.phrase, self.phrasings = encode, phrase, phrasings
        self.empty_share, self.room = empty_share, room
        self.known: dict[tuple[int, int], np.ndarray] = {}
        self.used = 0.0

    def __call__(self, indices: Any, random: Any) -> Any:
        """Return the token states of one caption for each of the clips ``indices``."""
        import torch

        keys = [
            (-1, 0)
            if random.random() < self.empty_share
            else (int(i), int(random.integers(self.phrasings)))
            for i in indices
        ]
        new = [key for key in dict.fromkeys(keys) if key not in self.known]
        fresh = {}
        if new:
            texts = ["" if key[0] < 0 else self.phrase(key[0]) for key in new]
            read = self.encode(texts).detach().float().cpu().numpy()
            fresh = dict(zip(new, read.astype(np.float16), strict=True))
        batch = np.stack([self.known[k] if k in self.known else fresh[k] for k in keys])
        for key, states in fresh.items():
            if self.used < self.room or key[0] < 0:
                self.known[key] = states.copy()
                self.used += states.nbytes
        return torch.from_numpy(batch).float()
