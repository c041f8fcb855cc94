"""Tables of instruments (General MIDI programs, range, suitable music) and drum voices.

Program numbers are the General MIDI level 1 sound set counted from 0, so that every GM soundfont
can play them. Ranges are MIDI notes (60 = middle C). Notebook: 14_train_your_own.
"""

from __future__ import annotations

from typing import NamedTuple


class Instrument(NamedTuple):
    """An instrument: its programs, range and textures.

    ``programs`` are General MIDI programs, ``low`` and ``high`` the playable MIDI notes,
    ``textures`` suit it (names of `music.textures.TEXTURES`; repeated names are more likely), and
    ``sustain`` is true if a held note keeps sounding.
    """

    programs: tuple[int, ...]
    low: int
    high: int
    textures: tuple[str, ...]
    sustain: bool


def _table() -> dict[str, Instrument]:
    keys = (
        "melody",
        "chords",
        "arpeggio",
        "broken chords",
        "accompanied",
        "accompanied",
        "ostinato",
        "scale run",
        "repeated note",
    )
    mallet = ("melody", "melody", "arpeggio", "ostinato", "scale run", "repeated note", "chords")
    reed_keys = ("melody", "melody", "chords", "held chords", "accompanied", "ostinato")
    plucked = ("melody", "melody", "arpeggio", "arpeggio", "broken chords", "ostinato", "scale run")
    guitar = (
        "strummed chords",
        "strummed chords",
        "arpeggio",
        "broken chords",
        "melody",
        "ostinato",
    )
    low_strings = ("bass line", "bass line", "bass line", "ostinato", "repeated note")
    wind = (
        "melody",
        "melody",
        "melody",
        "melody",
        "ostinato",
        "scale run",
        "arpeggio",
        "long notes",
    )
    section = ("held chords", "held chords", "chords", "melody", "long notes")
    world = ("melody", "melody", "ostinato", "drone", "arpeggio", "scale run")
    return {
        "piano": Instrument((0, 1), 33, 96, keys, False),
        "electric piano": Instrument((4, 5), 36, 91, keys, False),
        "harpsichord": Instrument((6,), 38, 88, keys, False),
        "music box": Instrument((10,), 60, 100, mallet, False),
        "vibraphone": Instrument((11,), 53, 89, mallet, False),
        "marimba": Instrument((12,), 45, 90, mallet, False),
        "xylophone": Instrument((13,), 65, 100, mallet, False),
        "tubular bells": Instrument((14,), 57, 79, ("melody", "ostinato", "long notes"), False),
        "church organ": Instrument((19,), 36, 88, section + ("accompanied", "arpeggio"), True),
        "rock organ": Instrument((16, 18), 40, 88, reed_keys, True),
        "accordion": Instrument((21,), 48, 88, reed_keys, True),
        "harmonica": Instrument((22,), 58, 90, wind, True),
        "acoustic guitar": Instrument((24, 25), 40, 79, guitar, False),
        "electric guitar": Instrument((27, 26), 40, 84, guitar, False),
        "distorted guitar": Instrument(
            (30, 29),
            38,
            82,
            ("power chords", "power chords", "power chords", "riff", "melody"),
            True,
        ),
        "double bass": Instrument((32,), 28, 55, low_strings, False),
        "electric bass": Instrument((33, 34), 28, 55, low_strings, False),
        "slap bass": Instrument((36,), 28, 57, low_strings, False),
        "synth bass": Instrument((38, 39), 26, 55, low_strings + ("arpeggio",), True),
        "violin": Instrument((40,), 55, 96, wind, True),
        "cello": Instrument((42,), 36, 72, wind, True),
        "pizzicato strings": Instrument(
            (45,), 40, 88, ("melody", "arpeggio", "ostinato", "chords", "scale run"), False
        ),
        "harp": Instrument(
            (46,),
            36,
            96,
            ("arpeggio", "arpeggio", "broken chords", "glissando", "glissando", "melody"),
            False,
        ),
        "strings": Instrument((48, 49), 36, 88, section, True),
        "choir": Instrument((52, 53), 43, 81, section, True),
        "trumpet": Instrument((56,), 55, 86, wind + ("repeated note", "fanfare", "fanfare"), True),
        "trombone": Instrument((57,), 40, 72, wind, True),
        "french horn": Instrument((60,), 41, 77, wind + ("fanfare",), True),
        "brass": Instrument((61,), 43, 82, section + ("chords", "fanfare"), True),
        "saxophone": Instrument((66, 65), 46, 82, wind, True),
        "oboe": Instrument((68,), 58, 88, wind, True),
        "clarinet": Instrument((71,), 50, 88, wind, True),
        "flute": Instrument((73,), 60, 96, wind, True),
        "recorder": Instrument((74,), 65, 96, wind, True),
        "pan flute": Instrument((75,), 60, 91, wind, True),
        "synth lead": Instrument(
            (81, 80),
            48,
            91,
            ("melody", "melody", "arpeggio", "arpeggio", "ostinato", "scale run", "riff"),
            True,
        ),
        "synth pad": Instrument(
            (89, 95, 91), 43, 84, ("held chords", "held chords", "held chords", "long notes"), True
        ),
        "sitar": Instrument((104,), 48, 81, world, False),
        "banjo": Instrument((105,), 50, 86, plucked, False),
        "koto": Instrument((107,), 48, 86, world, False),
        "kalimba": Instrument((108,), 55, 91, mallet, False),
        "bagpipe": Instrument((109,), 58, 81, ("drone", "drone", "melody"), True),
        "steel drums": Instrument((114,), 55, 88, mallet, False),
        "timpani": Instrument((47,), 36, 57, ("drum line", "drum line", "roll"), False),
    }


INSTRUMENTS: dict[str, Instrument] = _table()

# Who can carry a tune over whom, in the pairs.
MELODY_INSTRUMENTS = (
    "piano",
    "vibraphone",
    "accordion",
    "harmonica",
    "acoustic guitar",
    "electric guitar",
    "violin",
    "cello",
    "trumpet",
    "trombone",
    "french horn",
    "saxophone",
    "oboe",
    "clarinet",
    "flute",
    "recorder",
    "pan flute",
    "synth lead",
    "sitar",
    "banjo",
    "koto",
    "steel drums",
    "marimba",
    "xylophone",
    "music box",
    "kalimba",
    "choir",
    "distorted guitar",
)
BACKING_INSTRUMENTS = (
    "piano",
    "electric piano",
    "harpsichord",
    "church organ",
    "rock organ",
    "acoustic guitar",
    "electric guitar",
    "harp",
    "strings",
    "synth pad",
    "choir",
    "double bass",
    "electric bass",
    "synth bass",
    "pizzicato strings",
    "brass",
    "accordion",
    "slap bass",
    "cello",
    "vibraphone",
    "marimba",
)

# Drum voices: General MIDI percussion keys.
DRUM_KEYS = {
    "kick": 36,
    "snare": 38,
    "rim": 37,
    "clap": 39,
    "hat": 42,
    "pedal": 44,
    "open": 46,
    "ride": 51,
    "bell": 53,
    "crash": 49,
    "tom1": 50,
    "tom2": 47,
    "tom3": 43,
    "cowbell": 56,
    "tambourine": 54,
    "shaker": 70,
    "conga1": 63,
    "conga2": 64,
    "conga3": 62,
    "clave": 75,
    "triangle": 81,
    "cabasa": 69,
}

# CC0 one-shots of Sonic Pi (sonic-pi-samples): voice -> files, for electronic kits.
ONE_SHOTS = {
    "kick": (
        "bd_808",
        "bd_haus",
        "bd_tek",
        "bd_klub",
        "bd_fat",
        "bd_gas",
        "bd_ada",
        "bd_zum",
        "bd_sone",
        "bd_boom",
        "bd_pure",
        "bd_mehackit",
        "bd_zome",
    ),
    "snare": (
        "sn_dolf",
        "sn_dub",
        "sn_generic",
        "sn_zome",
        "elec_snare",
        "elec_hi_snare",
        "elec_lo_snare",
        "elec_mid_snare",
        "elec_filt_snare",
        "drum_snare_hard",
    ),
    "clap": ("perc_snap", "perc_snap2", "sn_generic", "sn_dolf"),
    "hat": ("drum_cymbal_closed", "elec_tick", "drum_cymbal_pedal", "elec_blip2"),
    "open": ("drum_cymbal_open", "elec_cymbal"),
    "rim": ("elec_wood", "elec_pop", "elec_tick"),
    "cowbell": ("drum_cowbell", "elec_ping"),
}
