"""riffedu: how a picture becomes music, one idea per module, one lesson per idea.

``import riffedu`` is fast: each public name is imported from its module when it is first used, and
heavy dependencies (torch, diffusers …) only with it.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Read when torch loads: waiting threads spin briefly, then sleep. If they spin for long, a step
# takes five to ten times as long whenever another program (such as a browser) needs a core; if they
# sleep at once, it takes half as long again on an idle machine (docs/benchmarks.md).
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

_MODULES = {
    "stft": "signal.stft",
    "istft": "signal.stft",
    "mel_filterbank": "signal.mel",
    "mel_spectrogram": "signal.mel",
    "invert_mel": "signal.mel",
    "griffin_lim": "signal.phase",
    "griffin_lim_steps": "signal.phase",
    "admm_steps": "signal.admm",
    "pghi": "signal.pghi",
    "SpectrogramParams": "signal.params",
    "image_from_spectrogram": "signal.image",
    "spectrogram_from_image": "signal.image",
    "load_image": "signal.image",
    "save_image": "signal.image",
    "audio_to_image": "signal.convert",
    "image_to_audio": "signal.reconstruct",
    "load_checkpoint": "diffusion.checkpoint",
    "load_pipeline": "music.pipeline",
    "best_take": "evaluate.takes",
}

__all__ = [*_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'riffedu' has no attribute {name!r}")
    value = getattr(import_module(f"riffedu.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
