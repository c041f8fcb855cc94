"""Render the sounds in data/clips/ again: python -m riffedu.training.clips.

Needs what `make train-deps` adds (tinysoundfont, music21), both soundfonts and Sonic Pi's samples
(see data/LICENCES.md), and for Kevin MacLeod's recording the source package of librosa 0.7.2:

    pip download --no-deps --no-binary :all: --no-build-isolation librosa==0.7.2

Each clip is cut to 5.12 s where it is longer, faded in over 1 ms and out over 10, set to an RMS of
−20 dBFS (or a peak of −1 dBFS, where that comes first) and written as 16-bit FLAC at 44.1 kHz.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.paths import data_folder
from riffedu.signal.audio import load, save, set_level
from riffedu.training.render import Synthesizer

from ..output import say, write_text

RATE, SECONDS = 44100, 5.12
SAMPLES = Path("/usr/share/sonic-pi/samples")
VIBE_ACE = "librosa-0.7.2/librosa/util/example_data/Kevin_MacLeod_-_Vibe_Ace.ogg"
RENDER = (
    "rendered by this project with FluidR3_GM.sf2 (MIT), © 2000–2002, 2008 Frank Wen, "
    "© 2008 Toby Smithe"
)
CC0 = "CC0 1.0"


def tune(synth: Synthesizer) -> np.ndarray:
    """Return the first part of a jig on a flute."""
    [part] = _parts("ryansMammoth/CherishTheLadiesJig.abc")
    return synth.render(0, 73, _perform(part, 240, 90), SECONDS)


def sustained(synth: Synthesizer) -> np.ndarray:
    """Return the opening of a chorale, all voices on a string ensemble."""
    parts = _parts("bach/bwv66.6.mxl")
    return np.sum([synth.render(0, 48, _perform(part, 84, 80), SECONDS) for part in parts], 0)


def piano(synth: Synthesizer) -> np.ndarray:
    """Return the opening of a sonata."""
    parts = _parts("mozart/k545/movement1_exposition.mxl")
    return np.sum([synth.render(0, 0, _perform(part, 132, 85), SECONDS) for part in parts], 0)


def stereo(synth: Synthesizer) -> np.ndarray:
    """Return a string quartet, the players spread from left to right by equal-power panning."""
    parts = _parts("mozart/k458/movement1.mxl")
    seats = zip(parts, (40, 40, 41, 42), np.radians([9, 32, 58, 81]))
    players = [
        (synth.render(0, program, _perform(part, 260, 90), SECONDS), seat)
        for part, program, seat in seats
    ]
    return np.sum([np.outer([np.cos(s), np.sin(s)], sound) for sound, s in players], 0)


def speech_like(_: object) -> np.ndarray:
    """Return meaningless syllables, synthesised by formula."""
    from riffedu.signal.synth import babble

    words = "ma si to ne ku - sa lo mi te no pa - ku si ma lo -"
    return babble(words, SECONDS / len(words.split()))


def percussion(_: object) -> np.ndarray:
    """Return a recorded tabla loop."""
    return _sample("loop_tabla")


def guitar(_: object) -> np.ndarray:
    """Return a recorded electric guitar chord."""
    return _sample("guit_em9")


def choir(_: object) -> np.ndarray:
    """Return a recorded choir chord."""
    return _sample("ambi_choir")


def drum_hit(_: object) -> np.ndarray:
    """Return a recorded snare stroke."""
    return _sample("sn_dolf")


def full_mix(package: Path) -> np.ndarray:
    """Return 5.12 s of a jazz quartet, both channels averaged."""
    import io

    import soundfile

    with tarfile.open(package) as archive:
        member = archive.extractfile(VIBE_ACE)
        assert member is not None, VIBE_ACE
        ogg = io.BytesIO(member.read())
    sound, rate = soundfile.read(ogg, dtype="float32")
    start = 20 * rate
    return sound[start : start + round(SECONDS * rate)].mean(axis=1)


CLIPS: dict[str, tuple[Callable[[Any], np.ndarray], str, str, str, str]] = {
    "tune": (
        tune,
        "Cherish the Ladies: a jig, one flute",
        "traditional, Ryan's Mammoth Collection (1883); " + RENDER,
        "public domain, MIT",
        "a melody of single notes",
    ),
    "sustained": (
        sustained,
        "Chorale from BWV 66: string ensemble",
        "J. S. Bach; " + RENDER,
        "public domain, MIT",
        "held chords that change slowly",
    ),
    "piano": (
        piano,
        "Sonata K. 545, opening: piano",
        "W. A. Mozart; " + RENDER,
        "public domain, MIT",
        "notes that are struck and die away",
    ),
    "stereo": (
        stereo,
        "Quartet K. 458, opening: four strings from left to right",
        "W. A. Mozart; " + RENDER,
        "public domain, MIT",
        "two channels that differ",
    ),
    "speech_like": (
        speech_like,
        "Babble: syllables without sense, made by formula",
        "riffedu.signal.synth.babble, this project",
        "MIT",
        "vowels, hisses and bursts that follow each other as in speech; no person speaks",
    ),
    "percussion": (
        percussion,
        "Tabla loop",
        "lezaarth, freesound.org/people/lezaarth/sounds/242591, from Sonic Pi's samples",
        CC0,
        "a recording of drum strokes, dry and ringing",
    ),
    "guitar": (
        guitar,
        "Electric guitar chord",
        "Sub-d, freesound.org/people/Sub-d/sounds/46992, from Sonic Pi's samples",
        CC0,
        "a recording of plucked strings that ring",
    ),
    "choir": (
        choir,
        "Choir, one chord, 1.57 s",
        "Exsomniel, freesound.org/people/Exsomniel/sounds/207809, from Sonic Pi's samples",
        CC0,
        "voices, a short clip",
    ),
    "drum_hit": (
        drum_hit,
        "Snare drum, one stroke, 0.38 s",
        "Dolfeus, freesound.org/people/Dolfeus/sounds/57534, from Sonic Pi's samples",
        CC0,
        "a sound shorter than most windows want",
    ),
    "full_mix": (
        full_mix,
        "Vibe Ace (5.12 s from 0:20, mono, level changed)",
        "“Vibe Ace” by Kevin MacLeod (incompetech.com), by way of librosa 0.7.2",
        "CC BY 3.0, https://creativecommons.org/licenses/by/3.0/",
        "a band: vibraphone, piano, bass and drums together",
    ),
}


def make(folder: Path, package: Path) -> None:
    """Write every clip and clips.json into ``folder``."""
    synth, entries = Synthesizer(), []
    folder.mkdir(parents=True, exist_ok=True)
    for name, (source, title, credit, licence, shows) in CLIPS.items():
        sound = _finish(source(package if source is full_mix else synth))
        save(folder / f"{name}.flac", sound, RATE)
        entries.append(
            {
                "name": name,
                "file": f"{name}.flac",
                "title": title,
                "credit": credit,
                "licence": licence,
                "shows": shows,
            }
        )
        say(f"{name:12} {sound.shape[-1] / RATE:5.2f} s")
    text = json.dumps({"clips": entries}, indent=1, ensure_ascii=False)
    write_text(folder / "clips.json", text + "\n")


def _finish(sound: np.ndarray) -> np.ndarray:
    sound = np.array(sound[..., : round(SECONDS * RATE)], np.float32)
    up, down = np.linspace(0, 1, 44), np.linspace(1, 0, 441)  # 1 ms, so that attacks stay sharp
    sound[..., :44] *= up
    sound[..., -441:] *= down
    return set_level(sound)


def _sample(name: str) -> np.ndarray:
    path = SAMPLES / f"{name}.flac"
    if not path.is_file():
        raise RiffeduError(f"{path} is missing: install Debian's package sonic-pi-samples")
    return np.atleast_2d(load(path, RATE)[0]).mean(axis=0)


def _parts(name: str) -> list[list[list[float]]]:
    """The parts of a score in music21's corpus as `riffedu.training.scores.notes_of` gives them."""
    import music21

    from riffedu.training.scores import notes_of

    path = Path(music21.__file__).parent / "corpus" / name
    return [notes_of(part) for part in music21.converter.parse(path).parts]


def _perform(part: list[list[float]], quarters_a_minute: float, velocity: int) -> list[tuple]:
    """Convert onsets and lengths in quarter notes to start and end times in seconds."""
    beat = 60 / quarters_a_minute
    return [
        (0.05 + at * beat, 0.05 + (at + 0.95 * length) * beat, key, velocity)
        for at, length, key in part
    ]


def main() -> None:
    """Write the clips that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, help="path of librosa-0.7.2.tar.gz")
    parser.add_argument(
        "--folder", type=Path, default=None, help="folder to write (default: data/clips)"
    )
    arguments = parser.parse_args()
    make(arguments.folder or data_folder() / "clips", arguments.package)


if __name__ == "__main__":
    main()
