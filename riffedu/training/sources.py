"""Where the data set's ingredients come from and under which licences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .instruments import ONE_SHOTS

MIT_SOUNDFONT = (
    "MIT: Permission is hereby granted, free of charge, to any person obtaining a "
    "copy of this software and associated documentation files, to deal in the Software "
    "without restriction, including without limitation the rights to use, copy, "
    "modify, merge, publish, distribute, sublicense, and/or sell copies, provided "
    "that the copyright notice and this permission notice are included. Provided "
    '"as is", without warranty of any kind.'
)
KNOWN_SOUNDFONTS = {
    "FluidR3_GM": (
        "Fluid (R3) General MIDI, (c) 2000-2002, 2008 Frank Wen; (c) 2008 Toby Smithe. "
        "Debian package fluid-soundfont-gm",
        MIT_SOUNDFONT,
    ),
    "MuseScore_General": (
        "MuseScore_General, (c) 2018-2021 S. Christian Collins, mirabilos; from "
        "Fluid (R3) Mono, (c) 2014-2017 Michael Cowgill, 2002 Ethan Winer, 2016 "
        "Michael Schorsch, 2000-2002, 2008 Frank Wen. Debian packages "
        "musescore-general-soundfont and -small",
        MIT_SOUNDFONT + " Parts are CC0 (drumline, cymbals) or public domain.",
    ),
}
COLLECTIONS = {
    "bach": "Chorales by J. S. Bach (1685-1750), encoded in music21's corpus; only files whose "
    "header states no rights",
    "ryansMammoth": "Ryan's Mammoth Collection (Boston, 1883), ABC by Ray Davies and others",
    "oneills1850": "Music of Ireland, F. O'Neill (Chicago, 1903), ABC by John Walsh, John Chambers "
    "and others",
    "airdsAirs": "A Selection of Scotch, English, Irish and Foreign Airs, J. Aird (Glasgow, "
    "1778-1801), ABC by Jack Campin",
    "mozart": "Quartets and a sonata by W. A. Mozart (1756-1791)",
    "haydn": "Quartet by J. Haydn (1732-1809)",
    "joplin": "Maple Leaf Rag by S. Joplin (1899)",
}


def sources(paths: Sequence[str | Path], pieces: list[dict], one_shots: bool) -> list[dict]:
    """Return source and licence of every ingredient: soundfonts, one-shots, scores and patterns."""
    found: list[dict] = []
    for path in paths:
        known = next(
            (v for k, v in KNOWN_SOUNDFONTS.items() if Path(path).stem.startswith(k)),
            ("given by the user", "unknown: see the soundfont's own documents"),
        )
        found.append(
            {"what": "soundfont", "name": Path(path).name, "source": known[0], "licence": known[1]}
        )
    if one_shots:
        files = sorted({name for names in ONE_SHOTS.values() for name in names})
        found.append(
            {
                "what": "drum one-shots",
                "name": "Sonic Pi samples",
                "source": "freesound.org, collected by Sonic Pi (samples/README.md names "
                "each); Debian package sonic-pi-samples",
                "licence": "CC0 1.0",
                "files": [f"{f}.flac" for f in files],
            }
        )
    for collection in sorted({p["id"].split("/")[0] for p in pieces}):
        found.append(
            {
                "what": "scores",
                "name": f"music21 corpus/{collection}",
                "source": COLLECTIONS.get(collection, collection),
                "licence": "compositions in the public domain; encodings distributed with "
                "music21 by permission of the encoders",
                "files": sorted(
                    {p["id"].split("#")[0] for p in pieces if p["id"].startswith(collection + "/")}
                ),
            }
        )
    found.append(
        {
            "what": "patterns and grooves",
            "name": "riffedu/training/music",
            "source": "programmed for riffedu",
            "licence": "MIT",
        }
    )
    return found
