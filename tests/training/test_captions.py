"""Captions: names, variety, held-out phrasings, moods, and numbers that are true of the clip."""

import re

import numpy as np

from riffedu.training import captions
from riffedu.training.instruments import INSTRUMENTS
from riffedu.training.items.mood import mood_of
from riffedu.training.known_words import unknown_words
from riffedu.training.music.draws import pick
from riffedu.training.music.styles import STYLES
from riffedu.training.music.theory import KEYS, SCALES


def metas(n=400):
    """Metadata of every kind without rendering."""
    rng = np.random.default_rng(0)
    for index in range(n):
        kind = ("solo", "pair", "band", "drums")[index % 4]
        names = tuple(INSTRUMENTS)
        style = pick(rng, tuple(STYLES)) if kind in ("band", "drums") else None
        instruments = {
            "solo": [pick(rng, names)],
            "pair": [pick(rng, names), pick(rng, names)],
            "band": ["drums"] + [pick(rng, names) for _ in range(rng.integers(1, 4))],
            "drums": ["drums"],
        }[kind]
        scale = None if kind == "drums" else pick(rng, tuple(SCALES))
        yield {
            "kind": kind,
            "instruments": instruments,
            "style": style,
            "mood": pick(rng, tuple(captions.MOODS)),
            "tempo_word": pick(rng, ("slow", "medium", "fast")),
            "dynamics": pick(rng, ("soft", "medium", "loud")),
            "register": pick(rng, ("low", "middle", "high")),
            "articulation": pick(rng, ("normal", "staccato", "legato")),
            "effects": pick(rng, ([], ["reverb"], ["low-pass"], ["drive"], ["tremolo"])),
            "texture": pick(rng, tuple(captions.TEXTURES)),
            "scale": scale,
            "mode": scale,
            "key": None if kind == "drums" else pick(rng, KEYS),
            "tempo_bpm": 100.0,
        }


def test_captions_name_the_instrument_or_the_style():
    rng = np.random.default_rng(1)
    named = total = 0
    for metadata in metas():
        for _ in range(5):
            text = captions.caption(metadata, rng).lower()
            if metadata["style"]:
                words = (metadata["style"], *captions.STYLE_NAMES[metadata["style"]])
            else:
                name = metadata["instruments"][0]
                words = (name, *captions.INSTRUMENT_NAMES.get(name, ()))
            named += any(w in text for w in words)
            total += 1
    assert named / total >= 0.95


def test_every_word_of_a_caption_is_known_and_no_held_out_one():
    rng = np.random.default_rng(5)
    metadata = list(metas(200))
    said = {word for each in metadata for word in unknown_words(captions.caption(each, rng))}
    assert said == set()
    assert unknown_words("three tranquil pianos and a heavenly bagpipe at 97 bpm") == [
        "tranquil",
        "heavenly",
    ]
    assert unknown_words("x" * 5000 + " 钢琴 🎹 (piano:1.3)") == ["x" * 5000]


def test_captions_are_plain_varied_and_short():
    rng = np.random.default_rng(2)
    texts = [captions.caption(metadata, rng) for metadata in metas() for _ in range(10)]
    assert len(set(texts)) > 0.6 * len(texts)
    lengths = [len(re.findall(r"\w+|[^\w\s]", t)) for t in texts]
    # 1.3 word pieces a word at most leaves them under 40.
    assert max(lengths) <= 30 and min(lengths) == 1
    for text in texts:
        assert text.strip() == text and "  " not in text and "{" not in text
        assert not re.search(r"\b[Aa] [aeio]", text), text
        assert " ." not in text and " ," not in text and not text.endswith((",", " with"))


def test_captions_repeat_from_the_same_generator():
    metadata = next(iter(metas()))
    assert [captions.caption(metadata, np.random.default_rng(s)) for s in range(20)] == [
        captions.caption(metadata, np.random.default_rng(s)) for s in range(20)
    ]


def test_held_out_phrasings_are_never_trained_on():
    rng = np.random.default_rng(3)
    frames = {
        f
        for group in (captions.SOLO, captions.PAIR, captions.BAND, captions.DRUMS)
        for f, _ in group
    }
    held = {f for group in captions.HELD_OUT.values() for f in group}
    assert not frames & held
    train_words = {w for group in captions.MOODS.values() for w in group} | {
        w for group in captions.TEMPI.values() for w in group
    }
    held_words = {w for group in captions.HELD_OUT_MOODS.values() for w in group} | {
        w for group in captions.HELD_OUT_TEMPI.values() for w in group
    }
    assert not train_words & held_words
    assert set(captions.HELD_OUT_MOODS) == set(captions.MOODS)
    trained = {captions.caption(m, rng).lower() for m in metas() for _ in range(10)}
    for metadata in metas():
        texts = captions.held_out_captions(metadata, rng)
        assert len(texts) == len(captions.HELD_OUT[metadata["kind"]])
        name = metadata["style"] or metadata["instruments"][0]
        assert all(name in t for t in texts)
        assert not trained & {t.lower() for t in texts}


def test_moods_follow_from_the_music():
    base = {
        "tempo_bpm": 60,
        "notes_per_second": 1.5,
        "dynamics": "soft",
        "style": None,
        "kind": "solo",
        "scale": "major",
        "mode": "major",
    }
    assert mood_of(base) == "calm"
    assert mood_of(dict(base, scale="minor", mode="minor")) == "sad"
    lively = dict(base, tempo_bpm=170, notes_per_second=8, dynamics="loud")
    assert mood_of(lively) == "cheerful"
    assert mood_of(dict(lively, scale="minor", mode="minor")) == "tense"
    assert mood_of(dict(base, style="ambient", kind="band")) == "dreamy"
    assert {
        mood_of(dict(base, tempo_bpm=b, kind="drums", style="rock", mode=None))
        for b in (80, 100, 140)
    } == {"laid-back", "groovy", "energetic"}


def test_captions_name_tempo_and_key_in_words_that_are_true():
    from riffedu.training.caption_numbers import bpm_of, key_words

    rng = np.random.default_rng(5)
    named = keys = total = 0
    for metadata in metas():
        metadata = dict(metadata, meter="4/4", tempo_bpm=float(rng.integers(50, 181)))
        text = captions.caption(metadata, rng)
        numbers = [int(n) for n in re.findall(r"\b\d{2,3}\b", text)]
        assert set(numbers) <= {bpm_of(metadata)}
        named += bool(numbers)
        keys += bool(key_words(metadata)) and key_words(metadata).lower() in text.lower()
        total += 1
        assert (
            bpm_of(dict(metadata, meter="6/8")) is None
            and bpm_of(dict(metadata, meter=None)) is None
        )
    assert 0.35 < named / total < 0.6 and keys / total > 0.1
