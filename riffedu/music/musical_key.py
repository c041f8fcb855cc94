"""Lesson 11: a key in the noise, so that a clip is in the key that its prompt names.

"In D minor" is three tokens of a prompt, and a small network rarely puts all notes on one scale
because of them. Faint lines in the noise, at the pitches of the scale, settle it before the first
step, as the strokes of `riffedu.music.pulse` settle the tempo.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.signal.mel import hz_to_mel, mel_to_hz

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from riffedu.signal.params import SpectrogramParams

AMOUNT = 0.1
"""Gain of the key: its standard deviation in the noise, whose own is 1."""

ANY = "any"
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
"""Steps of a scale in semitones above its tonic."""

LOWEST, HIGHEST = 100.0, 1500.0
"""Range of the lines in hertz; below it, a picture does not resolve semitones."""

WIDTH = 0.3
QUIET_GREY, SWING = 128, 102
_ACCIDENTAL = {"sharp": 1, "#": 1, "♯": 1, "flat": -1, "b": -1, "♭": -1}
_ALTERED = "sharp|flat|[#♯♭b]"
_KEY = rf"[ -]?({_ALTERED})?[ -]([Mm]ajor|[Mm]inor)"
_WHOLE = re.compile(rf"([A-Ga-g]){_KEY}")
_ENDS = r"(?=\W*$| ?[^\w\s-]| - | \d| (?:and|at|for|in|on|pentatonic|then|to|with)\b)"
# The article of "A major hit" and of "in a minor key" is no tonic.
_TONICS = (
    r"\b[B-G]",
    r"(?<=[Ii]n )[Ab-g]|(?<=[Kk]ey of )[Aa-g]",
    r"(?<=[Ii]n )a(?! (?:major|minor)[ -](?:key|scale))",
    rf"\bA(?=-|[ -]?(?:{_ALTERED}))",
    r"(?<=[\w,;] )A(?= (?:major|minor)(?![ -](?:key|scale)))",  # within a sentence
    rf"\bA(?= [Mm](?:ajor|inor){_ENDS})",
)
_NAMED = re.compile(rf"(?:{'|'.join(_TONICS)}){_KEY}\b")
_MODE = re.compile(r"\b[Ii]n (?:a )?(major|minor)\b")


def parse_key(name: str) -> tuple[int, str]:
    """Return the tonic of a key in semitones above C, and its mode, "major" or "minor".

    Raises RiffeduError for anything but a letter, an accidental if needed, and a mode.
    Notebook: 11_text_to_music.

    >>> parse_key("D minor"), parse_key("Bb major"), parse_key("f sharp minor")
    ((2, 'minor'), (10, 'major'), (6, 'minor'))
    """
    found = _WHOLE.fullmatch(str(name).strip())
    if not found:
        raise RiffeduError(f"{name!r} is not a key: write it as 'D minor' or 'Bb major'")
    tonic = NAMES.index(found[1].upper()) + _ACCIDENTAL.get(found[2], 0)
    return tonic % 12, found[3].lower()


def key_name(name: str) -> str:
    """Return a key with its tonic as in `NAMES`: "Bb major" is "A# major"."""
    tonic, mode = parse_key(name)
    return f"{NAMES[tonic]} {mode}"


def named_key(prompt: str, seed: int = 0) -> str:
    """Return the first key that a prompt names, as `key_name` writes it; "" if it names none.

    A mode alone, as in "in a minor key", gets its tonic from ``seed``.

    >>> named_key("piano in D minor"), named_key("piano in a minor key", 1), named_key("piano")
    ('D minor', 'F minor', '')
    """
    if found := _NAMED.search(prompt):
        return key_name(found[0])
    mode = _MODE.search(prompt)
    return _drawn_key(seed, mode[1]) if mode else ""


def chosen_key(prompt: str, seed: int, key: str | None = None) -> str:
    """Return the key for a clip: ``key`` itself, or by default the one that the prompt names.

    "any" draws one from ``seed`` for a prompt that names none: notes become clearer in any key.
    "" is no key.

    >>> chosen_key("piano in D minor", 1, "any"), chosen_key("piano", 1, "any"), chosen_key("", 1)
    ('D minor', 'F minor', '')
    """
    if key not in (None, ANY):
        return key_name(key) if key else ""
    return named_key(prompt, seed) or (_drawn_key(seed) if key else "")


def _drawn_key(seed: int, mode: str = "") -> str:
    random = np.random.default_rng(seed)
    tonic = NAMES[random.integers(12)]
    return f"{tonic} {mode or random.choice(list(SCALES))}"


def pitch_class_weights(name: str) -> np.ndarray:
    """Return the weight of each of the twelve pitch classes, from C: (12,), of mean 0.

        w = 2 on the tonic triad, 1 on the rest of the scale, −1 off the scale, minus their mean

    The triad decides between keys that share a scale, such as C major and A minor.
    Notebook: 11_text_to_music.

    >>> sorted(pitch_class_weights("C major").argsort()[-3:].tolist())
    [0, 4, 7]
    """
    tonic, mode = parse_key(name)
    steps = np.array(SCALES[mode])
    weights = np.full(12, -1.0)
    weights[(tonic + steps) % 12] = 1
    weights[(tonic + steps[[0, 2, 4]]) % 12] = 2
    return weights - weights.mean()


def key_picture(name: str, columns: int, params: SpectrogramParams) -> Image:
    """Draw a picture that holds only a key: a line at every pitch of its scale, for all its length.

    A row of pitch p, in semitones, is darker than grey 128 by the weights w of the pitch classes c
    near it, and lighter where they are negative:

        Σ_c w_c · exp(−d² / 2 · 0.3²),    d = distance from p to the nearest pitch of class c

    between 100 and 1500 Hz; all other rows are grey. ``columns`` is its width; rows are those of
    ``params``. Raises RiffeduError as `parse_key`. Notebook: 11_text_to_music.
    """
    from PIL import Image

    scale = params.mel_scale_type
    low, high = hz_to_mel([params.min_frequency, params.max_frequency], scale)
    hertz = mel_to_hz(np.linspace(low, high, params.num_frequencies + 2)[1:-1], scale)
    pitch = 69 + 12 * np.log2(hertz / 440)
    distance = (pitch[:, None] - np.arange(12) + 6) % 12 - 6
    lines = np.exp(-0.5 * (distance / WIDTH) ** 2) @ pitch_class_weights(name)
    lines[(hertz < LOWEST) | (hertz > HIGHEST)] = 0
    greys = QUIET_GREY - SWING * lines / max(np.abs(lines).max(), 1e-9)
    column = np.rint(greys[::-1, None]).astype(np.uint8)
    return Image.fromarray(np.repeat(column, columns, axis=1)).convert("RGB")


def key_latents(
    encode: Callable[[Image], Tensor], name: str, columns: int, params: SpectrogramParams
) -> Tensor:
    """Return the latents (1, c, h, w) of a key's lines, of power 1, to add to noise.

        ε ← ε + a · d / rms(d),    d = z_key − z_grey

    ``encode`` turns a picture into latents; z_grey are those of plain grey, so that only the lines
    remain. All columns are equal, so ``columns`` that make one column of latents are enough. At
    a = 0.1 they add 1 % to the variance of the noise. A larger a hits more keys, but the lines
    begin to sound as a drone. Notebook: 11_text_to_music.
    """
    from PIL import Image

    grey = Image.new("RGB", (columns, params.num_frequencies), (QUIET_GREY,) * 3)
    lines = encode(key_picture(name, columns, params)) - encode(grey)
    return lines / lines.square().mean().sqrt()
