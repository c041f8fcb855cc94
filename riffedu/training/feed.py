"""What the denoiser is fed with: latents, the token states of their captions, and times.

Reading a caption costs the text encoder a third of a training step, and a clip is seen many times:
so each clip's captions are phrased and read a few times and the answers kept (`StateCache`). Times
are drawn where it pays (`draw_times`): beats and chords are decided while nearly all is noise.

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
    """``n`` whole times in 0 … total − 1 after the shares of ``focus``, a torch tensor.

    One draw falls in each of n strips of equal probability: the same mean, less luck of the draw.
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
    """Token states of captions, read once each: up to ``phrasings`` different ones a clip.

    ``StateCache(encode, phrase, phrasings, empty_share)``: ``encode(texts)`` gives states
    ``(n, tokens, width)``, ``phrase(index)`` a caption of clip ``index`` anew each time;
    ``cache(indices, random)`` gives states for a batch, float32, with a share of empty captions.
    ``room`` bytes are used at most (float16); beyond them captions are read and forgotten.
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
