"""riffedu: how a picture becomes music, one idea per module, one lesson per idea.

Every name below is importable from ``riffedu`` at once; what it needs (torch, diffusers …) is
imported when it is first called.
"""

import os
import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

# Read when torch loads: its threads wait for each other by spinning a moment, then sleeping. Left to
# spin, they make a step five times slower as soon as anything else (a browser, say) wants a core;
# sent to sleep at once, half as slow again on a machine that is otherwise idle.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

_HOME = {
    "stft": "stft",
    "istft": "stft",
    "mel_filterbank": "mel",
    "mel_spectrogram": "mel",
    "invert_mel": "mel",
    "griffin_lim": "phase",
    "griffin_lim_steps": "phase",
    "admm_steps": "phase",
    "pghi": "phase",
    "SpectrogramParams": "image",
    "image_from_spectrogram": "image",
    "spectrogram_from_image": "image",
    "load_image": "image",
    "save_image": "image",
    "audio_to_image": "convert",
    "image_to_audio": "convert",
    "load_checkpoint": "checkpoint",
    "load_pipeline": "generate",
}

__all__ = [*_HOME, "__version__"]


def __getattr__(name: str):
    """Fetch a public name from its module when it is first used (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'riffedu' has no attribute {name!r}")
    value = getattr(import_module(f"riffedu.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))


class _Package(ModuleType):
    """Keeps ``riffedu.stft`` the function: importing the module of that name would rebind it."""

    def __setattr__(self, name: str, value) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
