"""riffedu: how a picture becomes music, one idea per module, one lesson per idea.

Every name below is importable from ``riffedu`` at once; what it needs (torch, diffusers …) is
imported when it is first called.
"""

import os
from importlib import import_module

__version__ = "0.1.0"

# Read when torch loads: its threads wait for each other by spinning a moment, then sleeping. Left to
# spin, they make a step five times slower as soon as anything else (a browser, say) wants a core;
# sent to sleep at once, half as slow again on a machine that is otherwise idle.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

_HOME = {
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
