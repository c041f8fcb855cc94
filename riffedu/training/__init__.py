"""Training of the shipped model: its data set, its captions and its two networks.

The data set, in reading order: `scores` (pieces as notes), `music` (programmed patterns and
grooves), `instruments`, `render` (synthesizer and drums), `effects`, `items` (one clip and its
metadata), `vocabulary`, `captions` and `numbers` (the words), `sources` (licences), `data` (shards
and manifest) and `dataset` (reading them back). Taught by notebook 14.
"""
