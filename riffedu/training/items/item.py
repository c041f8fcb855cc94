"""One item of the data set: its waveform, its metadata and its picture, from a seed."""

from __future__ import annotations

import numpy as np

from riffedu.signal.audio import set_level

from ...errors import RiffeduError
from ..effects import apply_effects, rms
from ..music.draws import pick, split_of
from ..render import SAMPLE_RATE
from .band import draw_band
from .library import SoundLibrary, open_sound_library
from .mood import mood_of
from .pair import draw_pair
from .performance import SAMPLES, tempo_word
from .solo import draw_solo

KINDS = {"solo": 0.54, "pair": 0.08, "band": 0.20, "drums": 0.18}


def render_item(
    seed: int, index: int, library: SoundLibrary | None = None
) -> tuple[np.ndarray, dict]:
    """Render item ``index`` of dataset ``seed``: (waveform, metadata).

    Parameters
    ----------
    seed, index : int
        Identify the item; its ``id`` is ``"seed-index"``.
    library : SoundLibrary, optional
        Soundfonts and scores; by default those of `open_sound_library`.

    Returns
    -------
    waveform : float32 (225792,)
        44.1 kHz mono, RMS -20 dBFS (less if the peak would exceed -1 dBFS).
    metadata : dict
        ``id, split, pattern, kind, instruments, style, mood, tempo_bpm, tempo_word, texture,
        register, dynamics, key, mode, scale, effects, soundfont`` and more.

    A silent draw is repeated with the generator of the next attempt.

    """
    library = library or open_sound_library()
    for attempt in range(20):
        rng = np.random.default_rng([seed, index, attempt])
        kind = pick(rng, tuple(KINDS), tuple(KINDS.values()))
        if kind == "solo":
            layers, metadata = draw_solo(rng, library)
        elif kind == "pair":
            layers, metadata = draw_pair(rng, library)
        else:
            layers, metadata = draw_band(rng, library, drums_only=kind == "drums")
        cut = int(round(metadata.pop("lead_in") * SAMPLE_RATE))
        if any(rms(layer[cut:]) < 1e-5 for layer, _ in layers):
            continue
        sound = sum(level * layer / rms(layer[cut:]) for layer, level in layers)
        sound, effects = apply_effects(rng, sound.astype(np.float32), metadata)
        sound = sound[cut : cut + SAMPLES]
        begin = rms(sound[: SAMPLE_RATE // 2])
        if np.isfinite(sound).all() and begin > 0.05 * rms(sound) > 0:
            metadata["effects"] = effects
            metadata["tempo_bpm"] = round(metadata["tempo_bpm"], 1)
            metadata["notes_per_second"] = round(metadata["notes_per_second"], 2)
            metadata["tempo_word"] = tempo_word(metadata["tempo_bpm"])
            metadata["mood"] = mood_of(metadata)
            metadata["split"] = split_of(metadata["pattern"])
            metadata["id"] = f"{seed}-{index}"
            return set_level(sound), metadata
    raise RiffeduError(
        f"item {index} of seed {seed} was silent in all 20 draws: "
        "check that the soundfont is a General MIDI one"
    )


def picture(waveform: np.ndarray) -> np.ndarray:
    """Return the grey levels of a clip's spectrogram image: uint8 (512, 512)."""
    from riffedu.signal.image import image_from_spectrogram
    from riffedu.signal.mel import mel_spectrogram

    return np.asarray(image_from_spectrogram(mel_spectrogram(waveform)))[..., 0]
