"""Items of the data set: a pattern or a score excerpt becomes a clip with metadata.

The modules, in reading order: `library` (soundfonts and scores, loaded once), `performance`
(tempo, pitch range and timing), `excerpts` (stretches of real pieces), `solo`, `pair` and `band`
(the kinds of clips), `mood` and `item` (one whole item: its waveform and its metadata).

Taught by notebook 14.
"""
