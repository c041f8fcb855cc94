"""Words for clips: many phrasings of the same metadata, from one word to a sentence.

`caption` draws a phrasing for training each time it is asked, so one clip is seen under many
names. `held_out_captions` uses sentence frames and near-synonyms that `caption` never uses: with
them, evaluation asks in words that the model has not been trained on. Taught by notebook 14.
"""

from __future__ import annotations

import numpy as np

from .music.draws import pick
from .numbers import with_numbers

INSTRUMENT_NAMES: dict[str, tuple[str, ...]] = {
    "piano": ("grand piano", "acoustic piano"),
    "electric piano": ("rhodes piano", "e-piano"),
    "music box": ("musical box",),
    "vibraphone": ("vibes",),
    "church organ": ("pipe organ", "organ"),
    "rock organ": ("hammond organ", "electric organ"),
    "acoustic guitar": ("guitar", "nylon guitar", "steel string guitar"),
    "electric guitar": ("clean electric guitar", "clean guitar"),
    "distorted guitar": ("distorted electric guitar", "overdriven guitar"),
    "double bass": ("upright bass", "acoustic bass"),
    "electric bass": ("bass guitar", "bass"),
    "synth bass": ("synthesizer bass",),
    "violin": ("fiddle",),
    "pizzicato strings": ("plucked strings",),
    "strings": ("string section", "string orchestra", "string ensemble"),
    "choir": ("choir voices", "vocal choir"),
    "french horn": ("horn",),
    "brass": ("brass section", "brass ensemble"),
    "saxophone": ("sax",),
    "pan flute": ("panpipes",),
    "synth lead": ("lead synth", "synthesizer", "synth"),
    "synth pad": ("pad", "synthesizer pad"),
    "bagpipe": ("bagpipes",),
    "steel drums": ("steel pan",),
    "timpani": ("kettledrums",),
    "kalimba": ("thumb piano",),
    "drums": ("drum kit", "drum set"),
}
PLURAL = {
    "strings",
    "pizzicato strings",
    "plucked strings",
    "steel drums",
    "tubular bells",
    "timpani",
    "kettledrums",
    "drums",
    "panpipes",
    "bagpipes",
    "choir voices",
    "vibes",
}
MASS = {"brass"}

STYLE_NAMES: dict[str, tuple[str, ...]] = {
    "rock": ("rock", "rock", "rock and roll"),
    "metal": ("metal", "heavy metal"),
    "techno": ("techno",),
    "house": ("house", "house", "deep house"),
    "disco": ("disco",),
    "hip hop": ("hip hop", "hip-hop"),
    "funk": ("funk",),
    "reggae": ("reggae",),
    "bossa nova": ("bossa nova", "bossa nova", "bossa"),
    "jazz": ("jazz", "swing", "swing jazz"),
    "blues": ("blues", "blues shuffle"),
    "drum and bass": ("drum and bass", "dnb", "drum & bass"),
    "waltz": ("waltz",),
    "march": ("march", "marching band", "military march"),
    "ambient": ("ambient", "ambient", "ambient soundscape"),
    "salsa": ("salsa", "salsa", "latin salsa"),
    "country": ("country", "country", "country and western"),
}

MOODS: dict[str, tuple[str, ...]] = {
    "calm": ("calm", "peaceful", "gentle", "relaxed"),
    "happy": ("happy", "bright", "pleasant", "sunny"),
    "cheerful": ("cheerful", "happy", "lively", "joyful"),
    "sad": ("sad", "melancholy", "sorrowful", "mournful"),
    "dark": ("dark", "serious", "moody", "sombre"),
    "tense": ("tense", "dramatic", "agitated", "restless"),
    "dreamy": ("dreamy", "floating", "ethereal", "atmospheric"),
    "exotic": ("exotic", "mysterious", "middle eastern"),
    "bluesy": ("bluesy", "soulful"),
    "laid-back": ("laid-back", "relaxed", "chilled"),
    "groovy": ("groovy", "steady", "grooving"),
    "energetic": ("energetic", "driving", "lively", "powerful"),
    "aggressive": ("aggressive", "heavy", "brutal", "angry"),
}
HELD_OUT_MOODS: dict[str, tuple[str, ...]] = {
    "calm": ("tranquil", "serene", "soothing"),
    "happy": ("cheery", "glad"),
    "cheerful": ("jolly", "merry"),
    "sad": ("unhappy", "gloomy"),
    "dark": ("grim", "brooding"),
    "tense": ("nervous", "anxious"),
    "dreamy": ("hazy", "heavenly"),
    "exotic": ("far-away", "desert"),
    "bluesy": ("blue",),
    "laid-back": ("easygoing", "mellow"),
    "groovy": ("danceable",),
    "energetic": ("pumping", "vigorous"),
    "aggressive": ("furious", "violent"),
}
TEMPI = {
    "slow": ("slow", "slow", "unhurried"),
    "medium": ("mid-tempo", "moderate"),
    "fast": ("fast", "fast", "quick", "up-tempo"),
}
HELD_OUT_TEMPI = {
    "slow": ("leisurely", "sluggish"),
    "medium": ("walking-pace", "medium-speed"),
    "fast": ("speedy", "rapid"),
}
DYNAMICS = {"soft": ("soft", "quiet"), "loud": ("loud", "strong", "forceful")}

# texture -> nouns for "a sad piano ___"
TEXTURES: dict[str, tuple[str, ...]] = {
    "melody": ("melody", "melody", "tune", "line"),
    "chords": ("chords", "chords", "chord progression"),
    "held chords": ("long chords", "sustained chords", "held chords"),
    "strummed chords": ("strumming", "strummed chords", "chords"),
    "arpeggio": ("arpeggio", "arpeggios", "arpeggiated chords"),
    "broken chords": ("broken chords", "arpeggio figure", "picking pattern"),
    "accompanied": ("melody with chords", "piece", "melody and accompaniment"),
    "ostinato": ("ostinato", "repeating pattern", "repeated figure"),
    "repeated note": ("repeated notes", "repeating note", "single repeated note"),
    "long notes": ("long notes", "sustained notes", "slow notes"),
    "scale run": ("scale", "scales", "runs up and down the scale"),
    "glissando": ("glissando", "glissandos", "sweeping runs"),
    "bass line": ("bass line", "bassline", "groove"),
    "power chords": ("power chords", "chords", "riff"),
    "riff": ("riff", "riff", "repeating riff"),
    "fanfare": ("fanfare", "fanfare", "call"),
    "drone": ("melody over a drone", "tune with a drone"),
    "drum line": ("rhythm", "beats", "pattern"),
    "roll": ("roll", "drum roll"),
    "chorale": ("chorale", "hymn", "four-part harmony"),
    "ensemble": ("classical piece", "quartet", "chamber music"),
}
PLURAL_NOUNS = (
    "chords",
    "arpeggios",
    "notes",
    "runs",
    "scales",
    "glissandos",
    "beats",
    "strumming",
    "harmony",
    "music",
)
EFFECTS = {
    "reverb": (
        "with reverb",
        "with a lot of reverb",
        "in a large hall",
        "with echo",
        "in a church",
    ),
    "low-pass": ("muffled", "with a muffled sound", "low-pass filtered", "through a wall"),
    "drive": ("with distortion", "overdriven", "with a dirty sound"),
    "tremolo": ("with tremolo", "with a pulsing tremolo"),
    "chorus": ("with chorus", "with a chorus effect"),
}
SCALES = {
    "major": ("in a major key", "in major"),
    "minor": ("in a minor key", "in minor"),
    "harmonic minor": ("in a minor key",),
    "dorian": ("in the dorian mode",),
    "phrygian": ("in the phrygian mode",),
    "mixolydian": ("in the mixolydian mode",),
    "major pentatonic": ("on a pentatonic scale",),
    "minor pentatonic": ("on a pentatonic scale",),
    "blues": ("on the blues scale",),
    "whole tone": ("on a whole-tone scale",),
    "hijaz": ("on an arabic scale",),
}
REGISTERS = {"low": ("low", "deep"), "high": ("high", "high-pitched")}
ARTICULATIONS = {"staccato": ("staccato", "short and detached"), "legato": ("legato", "smooth")}

SOLO = (
    ("{i}", 2),
    ("solo {i}", 2),
    ("{the_i} alone", 0.5),
    ("{adj} {i}", 3),
    ("{i} {tex}", 2),
    ("{adj} {i} {tex}", 3),
    ("a {adj} solo {i}", 3),
    ("{i} solo", 1),
    ("{adj} {i} music", 1),
    ("a {adj} {i} {tex}", 2),
    ("{adj} {tex} on {the_i}", 2),
    ("{adj}, {adj2} {i} {tex}", 2),
    ("{i} solo, {adj}, {adj2}", 1),
    ("{i}, {tex}, {adj}, {adj2}", 2),
    ("{adj} {adj2} {i} {tex} {tail}", 3),
    ("{A_i} plays {a_tex}.", 2),
    ("{A_adj_i} plays {a_tex} {tail}.", 4),
    ("{i} playing {a_adj_tex} {tail}", 3),
    ("{a_adj_tex} played on {the_i} {tail}", 2),
    ("{i} {tail}", 1),
    ("{i} {tex} {tail}", 2),
    ("solo {i}, {adj} and {adj2}, {tail}", 1),
    ("{adj} {adj2} {tex}", 0.6),
    ("{adj} music", 0.3),
)
PAIR = (
    ("{i} and {j}", 3),
    ("{adj} {i} and {j}", 3),
    ("{i} with {j}", 2),
    ("{i} melody over {j}", 2),
    ("{i} accompanied by {j}", 2),
    ("duet of {i} and {j}", 2),
    ("a {adj} duet for {i} and {j}", 2),
    ("{i} and {j}, {adj}, {adj2}", 2),
    ("{adj} {adj2} {i} melody with {j} {jtex}", 3),
    ("{A_adj_i} plays a melody over {j} {jtex} {tail}.", 3),
    ("{i} and {j} playing together {tail}", 1),
    ("{adj} melody on {the_i} with {j} {tail}", 2),
)
BAND = (
    ("{s}", 3),
    ("{s} music", 2),
    ("{adj} {s} music", 1),
    ("{s} band", 2),
    ("{adj} {s}", 3),
    ("{adj} {s} groove", 1),
    ("{s} song", 1),
    ("a {adj} {s} band", 2),
    ("{s} with {i}", 2),
    ("{adj} {s} with {i} and {j}", 2),
    ("{s} with {list}", 2),
    ("{s}, {list}, {adj}", 2),
    ("{adj}, {adj2} {s}", 2),
    ("instrumental {s}, {adj}", 1),
    ("{A_adj} {s} band with {list} {tail}.", 3),
    ("{adj} {adj2} {s} with {i} {tail}", 2),
)
DRUMS = (
    ("{s} drums", 3),
    ("{s} beat", 2),
    ("{s} drum beat", 3),
    ("{adj} {s} drums", 3),
    ("drums playing {s}", 2),
    ("a {adj} {s} beat", 2),
    ("{s} drum loop", 2),
    ("drum solo, {s}", 1),
    ("{adj}, {adj2} {s} drum beat", 2),
    ("only drums, {adj} {s}", 1),
    ("{s} groove on drums", 1),
    ("{A_adj} drum kit plays a {s} beat {tail}.", 3),
    ("drums", 0.5),
    ("{adj} {adj2} {s} drum groove {tail}", 2),
)
HELD_OUT = {
    "solo": (
        "something {adj} for {i}",
        "could you play {adj} music on {the_i}?",
        "the sound of {the_i}, {adj}",
        "I want to hear {a_i}",
        "{i} recording, {tempo} and {adj}",
    ),
    "pair": (
        "music for {i} together with {j}",
        "I want to hear {a_i} next to {a_j}",
        "{i} plus {j}, {adj}",
    ),
    "band": (
        "some {s} please",
        "I want to hear {s} that feels {adj}",
        "play me {a_tempo} {s} tune",
        "the sound of {s}",
    ),
    "drums": (
        "percussion only: {s}",
        "I want to hear a drummer play {s}",
        "{tempo} rhythm section, {s}, just drums",
    ),
}


def article(words: str) -> str:
    """``a`` or ``an`` before singular words; nothing before plurals and masses."""
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
    """What else can be said at the end: an effect, the key, the tempo, the register."""
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


def _frame(rng: np.random.Generator, frames) -> str:
    return pick(rng, [f for f, _ in frames], [w for _, w in frames])


def _tidy(text: str) -> str:
    """Single spaces, right articles before vowels, verbs that agree with plurals."""
    words = " ".join(text.split()).replace(" ,", ",").replace(" .", ".")
    words = words.replace("bass bass", "bass").split(" ")
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
    """A random phrasing of what the clip is, for training.

    Parameters
    ----------
    metadata : metadata of a clip as `data.render_item` gives it.
    rng : `numpy.random.Generator`; the same state gives the same words.

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
    """Every held-out frame of the clip's kind once, with held-out adjectives and plain names:
    phrasings that `caption` never gives.
    """
    adjectives = [pick(rng, HELD_OUT_MOODS[metadata["mood"]])] * 2
    fields = _fields(metadata, rng, adjectives, list(metadata["instruments"]))
    fields["tempo"] = pick(rng, HELD_OUT_TEMPI[metadata["tempo_word"]])
    fields["a_tempo"] = "a " + fields["tempo"]
    if metadata["style"]:
        fields["s"] = metadata["style"]
    return [_tidy(frame.format(**fields)) for frame in HELD_OUT[metadata["kind"]]]
