"""Lessons 01 to 06 in one step: sound to picture, and picture to sound."""

from __future__ import annotations

import numpy as np
from PIL import Image

from riffedu.audio import as_waveform, resample
from riffedu.errors import RiffeduError
from riffedu.image import SpectrogramParams, image_from_spectrogram, spectrogram_from_image
from riffedu.inversion import sound_from_mel
from riffedu.mel import mel_spectrogram


def audio_to_image(waveform, sample_rate: int,
                   params: SpectrogramParams | None = None) -> Image.Image:
    """Sound to picture: resample to ``params.sample_rate``, `mel_spectrogram`, draw.

    ``waveform``: (samples,) or (channels, samples). Channels are mixed to one, unless
    ``params.stereo``, where two are drawn (a mono sound in both). One column per hop: 5.12 s give
    512. Raises RiffeduError for an unfit waveform or more than two channels in a stereo picture.
    Notebook: 04_image.
    """
    params = params or SpectrogramParams()
    waveform = np.atleast_2d(as_waveform(waveform))
    if not params.stereo:
        waveform = waveform.mean(axis=0)
    elif len(waveform) > 2:
        raise RiffeduError(f"a stereo picture holds two channels, the sound has {len(waveform)}")
    else:
        waveform = np.broadcast_to(waveform, (2, waveform.shape[-1]))
    waveform = resample(waveform, sample_rate, params.sample_rate)
    return image_from_spectrogram(mel_spectrogram(waveform, params), params)


def image_to_audio(image: Image.Image, params: SpectrogramParams | None = None,
                   quality: str = "fast", seed: int = 0, n_iter: int | None = None,
                   progress: bool = True):
    """Picture to sound: (waveform, sample_rate).

    ``quality`` is one of `riffedu.inversion.WAYS`, the quickest first; "plain" is what Riffusion
    does, the inverse mel and then fast Griffin-Lim on all rows. ``n_iter`` iterations, each way's
    own number by default, from phases drawn with ``seed``: the same seed gives the same sound.

    Returns float32, (samples,) or (2, samples) for a stereo picture, columns · hop_length samples
    at ``params.sample_rate``. Nothing is normalised: the level is the picture's, from its
    MAX_VALUE, so peaks may pass 1; see `riffedu.audio.set_level`. With ``progress``, a bar shows
    if it takes more than a second. Raises RiffeduError for an unfit picture or an unknown quality.
    Notebook: 06_beyond_griffin_lim.
    """
    mel = spectrogram_from_image(image, params)
    params = params or SpectrogramParams.from_exif(image.getexif())
    channels = [sound_from_mel(channel, params, quality, seed, n_iter, progress)
                for channel in mel.reshape(-1, *mel.shape[-2:])]
    return (np.stack(channels) if params.stereo else channels[0]), params.sample_rate
