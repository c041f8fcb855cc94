"""Training of the shipped model: its data set, its captions and its two networks.

The data set, in reading order: `scores` (pieces as notes), `music` (programmed patterns and
grooves), `instruments`, `render` (synthesizer and drums), `effects`, `items` (one clip and its
metadata), `vocabulary`, `captions` and `caption_numbers` (the words), `sources` (licences), `data`
(shards and manifest) and `dataset` (reading them back).

The networks: `presets` (settings per machine), `loop` (the training loop), `linear_start`,
`autoencoder` and `decoder` (pictures ↔ latents), `linear_code` and `latents` (encoding the data
set), `text_encoder` (made smaller), `feed` (batches), `structures`, `speed` and `denoiser`.
Notebook: 14_train_your_own.
"""
