"""Captions: many phrasings of the same metadata, from one word to a sentence.

`caption` draws a new phrasing each time, so training pairs one clip with many captions.
`held_out_captions` uses sentence templates and near-synonyms that `caption` never uses, so that
evaluation prompts the model with words that it was not trained on. Taught by notebook 14.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .caption_numbers import with_numbers
from .music.draws import pick
from .vocabulary import (
    ARTICULATIONS,
    BAND,
    DRUMS,
    DYNAMICS,
    EFFECTS,
    HELD_OUT,
    HELD_OUT_MOODS,
    HELD_OUT_TEMPI,
    INSTRUMENT_NAMES,
    MASS,
    MOODS,
    PAIR,
    PLURAL,
    PLURAL_NOUNS,
    REGISTERS,
    SCALES,
    SOLO,
    STYLE_NAMES,
    TEMPI,
    TEXTURES,
)


def article(words: str) -> str:
    """Put ``a`` or ``an`` before singular words; plurals and mass nouns stay as they are."""
    if words in PLURAL or words in MASS or words.split()[-1] in PLURAL:
        return words
    return ("an " if words[0] in "aeiou" else "a ") + words


def _name(rng: np.random.Generator, name: str) -> str:
    others = INSTRUMENT_NAMES.get(name, ())
    return pick(rng, others) if others and rng.random() < 0.3 else name


def _noun(phrase: str) -> str:
    """A texture with its article: "a melody", but "long chords"."""
    plural = any(word in PLURAL_NOUNS for word in phrase.split())
    return phrase if plural else article(phrase)


def _adjectives(metadata: dict, rng: np.random.Generator) -> list[str]:
    """Two or more different adjectives that are true of the clip, in random order."""
    words = [pick(rng, MOODS[metadata["mood"]])] * 2
    words.append(pick(rng, TEMPI[metadata["tempo_word"]]))
    if metadata["tempo_word"] != "medium":
        words.append(pick(rng, TEMPI[metadata["tempo_word"]]))
    if metadata["dynamics"] in DYNAMICS:
        words.append(pick(rng, DYNAMICS[metadata["dynamics"]]))
    if metadata["kind"] == "solo":
        if metadata["register"] in REGISTERS:
            words.append(pick(rng, REGISTERS[metadata["register"]]))
        if metadata["articulation"] in ARTICULATIONS:
            words.append(pick(rng, ARTICULATIONS[metadata["articulation"]]))
    if "low-pass" in metadata["effects"]:
        words.append("muffled")
    order = rng.permutation(len(words))
    distinct = list(dict.fromkeys(words[i] for i in order))
    return distinct if len(distinct) > 1 else distinct + ["simple"]


def _tail(metadata: dict, rng: np.random.Generator, adjectives: list[str]) -> str:
    """A phrase for the end of a caption: an effect, the key, the tempo or the register."""
    options = [pick(rng, EFFECTS[e]) for e in metadata["effects"] for _ in range(3)]
    if metadata["scale"] in SCALES:
        options.append(pick(rng, SCALES[metadata["scale"]]))
    if not set(adjectives[:2]) & set(TEMPI[metadata["tempo_word"]]):
        options.append(
            {"slow": "at a slow tempo", "medium": "at a medium tempo", "fast": "at a fast tempo"}[
                metadata["tempo_word"]
            ]
        )
    if metadata["key"] and metadata["scale"] in ("major", "minor"):
        options.append(f"in {metadata['key']} {metadata['scale']}")
    if metadata["register"] != "middle" and metadata["kind"] == "solo":
        options.append(f"in a {metadata['register']} register")
    if metadata["effects"] and rng.random() < 0.5:
        return options[0]
    return pick(rng, options) if options else ""


def _listing(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _frame(rng: np.random.Generator, frames: Sequence[tuple[str, float]]) -> str:
    return pick(rng, [f for f, _ in frames], [w for _, w in frames])


def _tidy(text: str) -> str:
    """Single spaces, no space before punctuation, and "an" before vowels."""
    spaced = " ".join(text.split()).replace(" ,", ",").replace(" .", ".")
    words = spaced.replace("bass bass", "bass").split(" ")
    for n, word in enumerate(words[:-1]):
        if word.lower() == "a" and words[n + 1][0].lower() in "aeiou":
            words[n] = word + "n"
    return " ".join(words)


def _fields(
    metadata: dict, rng: np.random.Generator, adjectives: list[str], names: list[str]
) -> dict[str, str]:
    adj, adj2 = adjectives[0], adjectives[1]
    i = names[0] if names else ""
    j = names[1] if len(names) > 1 else ""
    texture = metadata["texture"]
    if texture.startswith("melody over "):
        texture = texture[len("melody over ") :]
    tex = pick(rng, TEXTURES.get(texture, ("music",)))
    the_i = (
        i
        if i in PLURAL or i in MASS
        else "the " + i
        if rng.random() < 0.4
        else article(i)
        if i
        else ""
    )
    return {
        "i": i,
        "j": j,
        "adj": adj,
        "adj2": adj2,
        "tex": tex,
        "jtex": tex,
        "the_i": the_i,
        "a_i": article(i) if i else "",
        "a_j": article(j) if j else "",
        "a_tex": _noun(tex),
        "A_i": article(i) if i else "",
        "A_adj": "a " + adj,
        "A_adj_i": (f"{adj} {i}" if i in PLURAL or i in MASS else f"a {adj} {i}"),
        "a_adj_tex": (f"a {adj} {tex}" if _noun(tex) != tex else f"{adj} {tex}"),
        "tail": _tail(metadata, rng, adjectives),
        "list": _listing(names) if names else "",
        "s": pick(rng, STYLE_NAMES[metadata["style"]]) if metadata["style"] else "",
    }


def _names(metadata: dict, rng: np.random.Generator) -> list[str]:
    names = list(metadata["instruments"])
    if metadata["kind"] == "band":
        pitched = [n for n in names if n != "drums"]
        order = rng.permutation(len(pitched))
        names = [pitched[k] for k in order] + (["drums"] if "drums" in names else [])
    return [_name(rng, n) for n in names]


def caption(metadata: dict, rng: np.random.Generator) -> str:
    """Return a random phrasing of what the clip is, for training.

    Parameters
    ----------
    metadata : dict
        Metadata of a clip from `items.item.render_item`.
    rng : numpy.random.Generator
        The same state gives the same words.

    Returns
    -------
    str : one to about twenty words; names the instrument (bands and drums: the style) in about
        97 captions of 100.

    """
    names = _names(metadata, rng)
    frames = {"solo": SOLO, "pair": PAIR, "band": BAND, "drums": DRUMS}[metadata["kind"]]
    frame = _frame(rng, frames)
    if len(names) < 2 and ("{j}" in frame or "{list}" in frame):
        frame = "{adj} {s} with {i}"
    text = frame.format(**_fields(metadata, rng, _adjectives(metadata, rng), names))
    if metadata["kind"] in ("solo", "pair") and names[0] in PLURAL:
        text = text.replace(" plays ", " play ")
    text = _tidy(with_numbers(_tidy(text), metadata, rng))
    return text[0].upper() + text[1:] if text.endswith(".") else text


def held_out_captions(metadata: dict, rng: np.random.Generator) -> list[str]:
    """Fill each held-out caption template for the clip's kind once, with held-out adjectives.

    Instruments keep their plain names. `caption` never returns these phrasings.
    """
    adjectives = [pick(rng, HELD_OUT_MOODS[metadata["mood"]])] * 2
    fields = _fields(metadata, rng, adjectives, list(metadata["instruments"]))
    fields["tempo"] = pick(rng, HELD_OUT_TEMPI[metadata["tempo_word"]])
    fields["a_tempo"] = "a " + fields["tempo"]
    if metadata["style"]:
        fields["s"] = metadata["style"]
    return [_tidy(frame.format(**fields)) for frame in HELD_OUT[metadata["kind"]]]
