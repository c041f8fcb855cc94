"""Lesson 11: a pulse in the noise, so that a clip keeps a beat.

Gaussian noise has no beat, and a small network rarely agrees with itself on one across five
seconds. A faint regular stroke in the noise gives all columns the same clock; prompt and seed
decide everything else. Riffusion got its beat in the same way, from seed pictures.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

AMOUNT, DECAY = 0.15, 0.03
"""Gain of the pulse in the noise, and decay time of its strokes in seconds."""

SLOWEST, FASTEST = 30, 300
"""Range of tempi, in beats per minute."""

QUIET_GREY, STROKE_GREY = 230, 60
_NAMED = re.compile(r"\b(\d{2,3}(?:\.\d+)?) ?(?:bpm|beats per minute)\b", re.IGNORECASE)
_FAST = re.compile(r"\b(fast|quick|upbeat)\b", re.IGNORECASE)
_SLOW = re.compile(r"\b(slow|calm)\b", re.IGNORECASE)


def pulse(
    rows: int, columns: int, beats: float, column_ms: float = 10, decay: float = 0.08
) -> Image:
    """Draw a picture that holds only a beat: a decaying stroke on every beat, stronger in the bass.

    ``columns`` columns of ``column_ms`` milliseconds hold ``beats`` beats; a stroke falls to 1/e in
    ``decay`` seconds. Notebook: 12_editing.
    """
    from PIL import Image

    since = np.arange(columns) % (columns / beats) * (column_ms / 1000)
    weight = 1 - 0.3 * np.linspace(1, 0, rows)[:, None]
    greys = QUIET_GREY - (QUIET_GREY - STROKE_GREY) * weight * np.exp(-since / decay)
    return Image.fromarray(greys.astype(np.uint8)).convert("RGB")


def add_pulse(noise: Tensor, drawn: Tensor, amount: float = AMOUNT) -> Tensor:
    """Add the latents of a `pulse` to noise, without their mean over time.

        ε ← ε + a · (z − mean_t z)

    ``noise`` and ``drawn`` have shape ``(n, c, h, w)``. Without its mean the pulse changes neither
    level nor timbre. At a = 0.15 the noise still hides it, but its period is the same in every
    channel and row. A larger ``amount`` gives a steadier beat and a blurrier picture. Notebook:
    11_text_to_music.
    """
    return noise + amount * (drawn - drawn.mean(-1, keepdim=True))


def named_tempo(prompt: str) -> float | None:
    """Return the tempo that a prompt names in beats per minute, or None.

    >>> named_tempo("techno at 128 bpm"), named_tempo("fast techno")
    (128.0, None)
    """
    found = _NAMED.search(prompt)
    tempo = float(found[1]) if found else 0
    return tempo if SLOWEST <= tempo <= FASTEST else None


def seed_tempo(seed: int, prompt: str = "") -> float:
    """Draw a tempo from a seed: 80 to 140 beats per minute, uniform on a logarithmic scale.

    A prompt with "fast", "quick" or "upbeat" makes it 1.4 times as fast, one with "slow" or "calm"
    0.7 times.

    >>> seed_tempo(0, "fast drums") > seed_tempo(0) > seed_tempo(0, "slow drums")
    True
    """
    factor = 1.4 if _FAST.search(prompt) else 0.7 if _SLOW.search(prompt) else 1.0
    return float(round(factor * 80 * 1.75 ** np.random.default_rng(seed).random()))
