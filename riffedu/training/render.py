"""From notes to sound: soundfonts played in process, and drum one-shots.

Waveforms are float32, mono, shape (samples,), 44.1 kHz. Taught by notebook 14.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RiffeduError
from .instruments import DRUM_KEYS, ONE_SHOTS

SAMPLE_RATE = 44100
SOUNDFONTS = (
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/sounds/sf3/MuseScore_General_Lite.sf3",
    "/usr/share/sounds/sf3/MuseScore_General.sf3",
    "/usr/share/sounds/sf3/FluidR3Mono_GM.sf3",
    "/usr/local/share/sounds/sf2/FluidR3_GM.sf2",
    "/opt/homebrew/share/sounds/sf2/FluidR3_GM.sf2",
)
ONE_SHOT_FOLDERS = ("/usr/share/sonic-pi/samples",)


def find_soundfonts(paths: Sequence[str | Path] | None = None) -> list[str]:
    """Return the soundfonts to play: ``paths`` if given, else up to two of `SOUNDFONTS`.

    The shipped model was trained on the first two of `SOUNDFONTS`.

    Raises
    ------
    RiffeduError
        If a path does not exist, or if no soundfont is installed.

    """
    if paths:
        missing = [str(p) for p in paths if not Path(p).is_file()]
        if missing:
            raise RiffeduError(
                f"no soundfont at {missing[0]}: give the path of an .sf2 or .sf3 "
                "file to --soundfont"
            )
        return [str(p) for p in paths]
    found = [p for p in SOUNDFONTS if os.path.isfile(p)][:2]
    if not found:
        raise RiffeduError(
            "no soundfont found: install Debian's fluid-soundfont-gm and "
            "musescore-general-soundfont-small, or download FluidR3_GM.sf2 "
            "(https://member.keymusician.com/Member/FluidR3_GM/) and MuseScore_General.sf3 "
            "(https://ftp.osuosl.org/pub/musescore/soundfont/MuseScore_General/), then name "
            "them with --soundfont"
        )
    return found


class Synthesizer:
    """Loaded soundfonts that render one part at a time.

    ``Synthesizer(paths)``; ``names`` are the files' stems; ``render`` plays one part.
    """

    def __init__(self, paths: Sequence[str | Path] | None = None) -> None:
        try:
            import tinysoundfont
        except ImportError as error:
            raise RiffeduError(
                "rendering needs tinysoundfont: run `make train-deps` or "
                "`pip install --no-deps tinysoundfont`"
            ) from error
        self.paths = find_soundfonts(paths)
        self.names = [Path(p).stem for p in self.paths]
        self._synths = []
        for path in self.paths:
            synth = tinysoundfont.Synth(gain=-12.0, samplerate=SAMPLE_RATE)
            try:
                number = synth.sfload(path, max_voices=160)
            except Exception as error:
                raise RiffeduError(f"{path} cannot be read as a soundfont: {error}") from error
            self._synths.append((synth, number))

    def has(self, font: int, program: int, drums: bool = False) -> bool:
        """Return whether soundfont ``font`` has the program (bank 0) or drum kit (bank 128)."""
        synth, number = self._synths[font]
        return bool(synth.sfpreset_name(number, 128 if drums else 0, program))

    def render(
        self, font: int, program: int, notes: Iterable[tuple], seconds: float, drums: bool = False
    ) -> np.ndarray:
        """Render ``notes`` = (start s, end s, MIDI note, velocity 1..127) as ``seconds`` of sound.

        Notes before time 0 must have been shifted by the caller; those after the end are left
        out. Both stereo channels are averaged.
        """
        synth, number = self._synths[font]
        channel = 9 if drums else 0
        synth.program_select(channel, number, 128 if drums else 0, program, drums)
        total = int(round(seconds * SAMPLE_RATE))
        events = []
        for start, end, key, velocity in notes:
            at = int(round(start * SAMPLE_RATE))
            if 0 <= at < total:
                events.append((at, 1, int(key), int(np.clip(velocity, 1, 127))))
                events.append((max(at + 441, int(round(end * SAMPLE_RATE))), 0, int(key), 0))
        sound = np.zeros((total, 2), np.float32)
        position = 0
        for at, on, key, velocity in sorted(events):
            if at >= total:
                break
            if at > position:
                sound[position:at] = self._block(synth, at - position)
                position = at
            if on:
                synth.noteon(channel, key, velocity)
            else:
                synth.noteoff(channel, key)
        if position < total:
            sound[position:] = self._block(synth, total - position)
        synth.sounds_off(channel)
        synth.generate(4096)  # lets cut voices decay, so that the next part starts from silence
        return sound.mean(axis=1)

    @staticmethod
    def _block(synth: Any, samples: int) -> np.ndarray:
        return np.frombuffer(synth.generate(samples), np.float32).reshape(samples, 2)


@cache
def one_shot(name: str) -> np.ndarray | None:
    """Return a CC0 drum sample of Sonic Pi as mono 44.1 kHz float32, 1 s at most, or None."""
    import soundfile

    for folder in ONE_SHOT_FOLDERS:
        path = Path(folder) / f"{name}.flac"
        if path.is_file():
            sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
            sound = sound.mean(axis=1)[:rate]
            if rate != SAMPLE_RATE:
                at = np.arange(int(len(sound) * SAMPLE_RATE / rate)) * rate / SAMPLE_RATE
                sound = np.interp(at, np.arange(len(sound)), sound).astype(np.float32)
            fade = min(len(sound), 2000)
            sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
            return sound / max(1e-6, float(np.abs(sound).max()))
    return None


def have_one_shots() -> bool:
    """Return whether Sonic Pi's samples (Debian: sonic-pi-samples) are installed."""
    return one_shot("bd_haus") is not None


def one_shot_kit(rng: np.random.Generator) -> dict[str, str]:
    """Choose a file per voice of `ONE_SHOTS`: kick, snare and clap always, the others in 60 %."""
    return {
        voice: names[int(rng.integers(len(names)))]
        for voice, names in ONE_SHOTS.items()
        if voice in ("kick", "snare", "clap") or rng.random() < 0.6
    }


LOUDNESS = {
    "kick": 1.0,
    "snare": 0.7,
    "clap": 0.6,
    "hat": 0.28,
    "open": 0.35,
    "rim": 0.5,
    "cowbell": 0.4,
}


def render_drums(
    synth: Synthesizer,
    font: int,
    kit: int,
    hits: Sequence[tuple[float, str, float]],
    seconds: float,
    samples: dict[str, str] | None = None,
) -> np.ndarray:
    """Render drum hits (start s, voice, strength 0..1) on a kit.

    The voices named in ``samples`` are played from one-shots instead.
    """
    samples = samples or {}
    notes = [
        (at, at + 0.2, DRUM_KEYS[voice], 20 + 105 * strength)
        for at, voice, strength in hits
        if voice not in samples
    ]
    sound = synth.render(font, kit, notes, seconds, drums=True)
    if samples:
        loud = float(np.abs(sound).max())
        mixed = np.zeros_like(sound)
        for at, voice, strength in hits:
            shot = one_shot(samples[voice]) if voice in samples else None
            begin = int(round(at * SAMPLE_RATE))
            if shot is not None and 0 <= begin < len(mixed):
                end = min(len(mixed), begin + len(shot))
                mixed[begin:end] += LOUDNESS[voice] * strength**1.5 * shot[: end - begin]
        sound = mixed + (0.45 / loud * sound if loud > 1e-6 else 0)
    return sound.astype(np.float32)
