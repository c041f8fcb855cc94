"""Programmed music: scales, patterns for one instrument and grooves for a band.

Everything is drawn first as a *pattern* in scale degrees and beats, independent of key, tempo and
instrument. The pattern's fingerprint decides whether it belongs to the training, validation or
test split (`draws.split_of`), so no test item is a transposed training item. The modules, in
reading order: `theory` (scales, keys, chords), `draws` (random choices, splits), `patterns` (notes
in degrees and beats), `melodies` and `accompaniments` (the textures), `textures` (all of them by
name), `styles` (seventeen styles of bands) and `grooves` (four bars of a style).

Taught by notebook 14.
"""
