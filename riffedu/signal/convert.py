"""Lesson 04: convert sound to pictures, for sounds of any length."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from riffedu.errors import RiffeduError
from riffedu.signal.arrays import Array
from riffedu.signal.audio import as_waveform, load_blocks, resample
from riffedu.signal.image import (
    image_from_pixels,
    image_from_spectrogram,
    to_pixels,
)
from riffedu.signal.mel import mel_blocks, mel_spectrogram
from riffedu.signal.params import SpectrogramParams

LONGEST_IN_COLOUR = 65536
"""Columns of a picture of a file that still has three channels, as Riffusion's have: 11 minutes."""


def audio_to_image(
    waveform: Array, sample_rate: int, params: SpectrogramParams | None = None
) -> Image.Image:
    """Convert a waveform to a picture: resample, take the mel spectrogram, draw it.

    ``waveform``: (samples,) or (channels, samples). Channels are mixed to one; with
    ``params.stereo`` two are drawn (a mono sound in both). There is one column per hop: 5.12 s give
    512. Raises RiffeduError for an invalid waveform or more than two channels in a stereo picture.
    Notebook: 04_image.

    >>> audio_to_image(np.zeros(4410), 44100).size
    (10, 512)
    """
    params = params or SpectrogramParams()
    waveform = channels_for(as_waveform(waveform), params.stereo)
    waveform = resample(waveform, sample_rate, params.sample_rate)
    return image_from_spectrogram(mel_spectrogram(waveform, params), params)


def channels_for(waveform: Array, stereo: bool) -> np.ndarray:
    """Return the channels to draw: the mean of all, or two for a stereo picture.

    >>> channels_for(np.zeros((2, 5)), stereo=False).shape
    (5,)
    """
    waveform = np.atleast_2d(waveform)
    if not stereo:
        return waveform.mean(axis=0)
    if len(waveform) > 2:
        raise RiffeduError(f"a stereo picture has two channels, but the sound has {len(waveform)}")
    return np.broadcast_to(waveform, (2, waveform.shape[-1]))


def file_to_mel(path: str | Path, params: SpectrogramParams) -> Iterator[np.ndarray]:
    """Yield the mel amplitudes of a sound file of any length, 64 columns at a time.

    The file is read, resampled and transformed piece by piece: an hour needs no more memory than a
    second.

    >>> from riffedu.signal.audio import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(f"{folder}/silence.wav", np.zeros(44100), 44100)
    ...     print([mel.shape for mel in file_to_mel(path, SpectrogramParams())])
    [(512, 64), (512, 36)]
    """
    pieces = load_blocks(path, sample_rate=params.sample_rate)
    yield from mel_blocks((channels_for(x, params.stereo) for x in pieces), params)


def file_to_image(
    path: str | Path, params: SpectrogramParams | None = None, progress: bool = True
) -> Image.Image:
    """Convert a whole sound file of any length to one picture.

    The greatest amplitude must be known before the first pixel is drawn, and an hour of amplitudes
    takes 0.7 GB, so they are kept in a temporary file. Pictures wider than `LONGEST_IN_COLOUR`
    columns are grey ("L"), which takes a third of the memory. The result equals `audio_to_image` of
    the loaded file. Raises RiffeduError as `riffedu.signal.audio.load` does. Notebook: 04_image.

    >>> from riffedu.signal.audio import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(f"{folder}/silence.wav", np.zeros(44100), 44100)
    ...     print(file_to_image(path, progress=False).size)
    (100, 512)
    """
    from tqdm.auto import tqdm

    params = params or SpectrogramParams()
    shapes, loudest = [], 0.0
    bar = {"unit": "col", "desc": "sound → picture", "delay": 1.0, "leave": False}
    with tempfile.TemporaryFile() as waiting, tqdm(disable=not progress, **bar) as told:
        for block in file_to_mel(path, params):
            waiting.write(np.ascontiguousarray(block, dtype=np.float32).data)
            shapes.append(block.shape)
            loudest = max(loudest, float(block.max()))
            told.update(block.shape[-1])
        if not np.isfinite(loudest):
            raise RiffeduError(f"{path} is too loud for float32: lower its level first")
        waiting.seek(0)
        pixels = np.empty((*shapes[0][:-1], sum(s[-1] for s in shapes)), np.uint8)
        at = 0
        for shape in shapes:
            block = np.frombuffer(waiting.read(4 * int(np.prod(shape))), np.float32).reshape(shape)
            pixels[..., at : at + shape[-1]] = to_pixels(block, loudest, params.power_for_image)
            at += shape[-1]
    grey = pixels.shape[-1] > LONGEST_IN_COLOUR
    return image_from_pixels(pixels, loudest, params, grey=grey)


def file_to_images(
    path: str | Path, params: SpectrogramParams | None = None, columns: int = 512
) -> Iterator[Image.Image]:
    """Yield a sound file as pictures of ``columns`` columns each; the last one may be narrower.

    Each picture is drawn as soon as its sound has been read, scaled to its own greatest amplitude.
    Memory does not grow with the length of the file. Notebook: 04_image.

    >>> from riffedu.signal.audio import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(f"{folder}/silence.wav", np.zeros(44100), 44100)
    ...     print([image.width for image in file_to_images(path, columns=40)])
    [40, 40, 20]
    """
    params = params or SpectrogramParams()
    if columns < 1:
        raise RiffeduError(f"columns={columns} must be at least 1")
    held = None
    for block in file_to_mel(path, params):
        held = block if held is None else np.concatenate([held, block], axis=-1)
        while held.shape[-1] >= columns:
            yield image_from_spectrogram(held[..., :columns], params)
            held = held[..., columns:]
    if held is not None and held.shape[-1]:
        yield image_from_spectrogram(held, params)
