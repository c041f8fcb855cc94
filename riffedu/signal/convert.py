"""Lesson 04: convert sound to pictures, for sounds of any length."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image

from riffedu.errors import RiffeduError, warn
from riffedu.signal.arrays import Array, as_rate, as_waveform
from riffedu.signal.audio import Source, load_blocks, resample
from riffedu.signal.files.sources import at_hand
from riffedu.signal.image import (
    image_from_pixels,
    image_from_spectrogram,
    to_pixels,
)
from riffedu.signal.mel import mel_blocks, mel_spectrogram
from riffedu.signal.params import SpectrogramParams

BLOCK_SECONDS = 10.0
"""What is read of a file at a time."""

CANCELLED = 1e-5
"""A mix whose power is less than this share (−50 dB) of the louder channel's is an accident."""

LONGEST_IN_COLOUR = 65536
"""Columns of a picture of a file that still has three channels, as Riffusion's have: 11 minutes."""


def audio_to_image(
    waveform: Array, sample_rate: int, params: SpectrogramParams | None = None
) -> Image.Image:
    """Convert a waveform to a picture: resample, take the mel spectrogram, draw it.

    ``waveform``: (samples,) or (channels, samples), of any kind that
    `riffedu.signal.arrays.as_waveform` takes. Channels are mixed to one; if they cancel each other,
    the louder one is drawn, with a warning. With ``params.stereo`` two are drawn (a mono sound in
    both). There is one column per hop: 5.12 s give
    512. Raises RiffeduError for an invalid waveform or more than two channels in a stereo picture.
    Notebook: 04_image.

    >>> audio_to_image(np.zeros(4410), 44100).size
    (10, 512)
    """
    params = params or SpectrogramParams()
    waveform, sample_rate = as_waveform(waveform), as_rate(sample_rate)
    waveform = mix_channels(waveform, sample_rate, params.stereo)
    waveform = resample(waveform, sample_rate, params.sample_rate)
    return image_from_spectrogram(mel_spectrogram(waveform, params), params)


def mix_channels(waveform: np.ndarray, sample_rate: float, stereo: bool = False) -> np.ndarray:
    """Return the channels to draw of a whole sound: see `mixed`.

    >>> mix_channels(np.ones((2, 5), np.float32), 44100)
    array([1., 1., 1., 1., 1.], dtype=float32)
    """
    size = round(BLOCK_SECONDS * sample_rate) or 1
    pieces = (waveform[..., i : i + size] for i in range(0, waveform.shape[-1], size))
    parts = list(mixed(pieces, stereo))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)


def mixed(blocks: Iterable[np.ndarray], stereo: bool = False) -> Iterator[np.ndarray]:
    """Mix the channels of a sound that arrives in blocks, as `channels_for` does.

    Where right = −left, the mix is silence and what rounding left of it. If that is so in the first
    block that is not silent, the louder channel is taken instead, all through, with a warning
    (RiffeduWarning); if it is so only later, the warning says how much of the sound is lost.

    >>> [block.tolist() for block in mixed([np.ones((2, 2))])]
    [[1.0, 1.0]]
    """
    alone, lost, total = None, 0, 0
    for block in blocks:
        mix = channels_for(block, stereo)
        if stereo or block.ndim == 1 or len(block) == 1:
            yield mix
            continue
        total += mix.shape[-1]
        mixed_power, powers = _tenths(mix), np.array([_tenths(x) for x in block])
        if alone is None and powers.any():
            loudest = powers.sum(axis=1)
            alone = -1
            if mixed_power.sum() < CANCELLED * loudest.max():
                alone = int((loudest > 0.999 * loudest.max()).argmax())
                warn(
                    "the channels cancel each other when they are mixed (right = −left): channel "
                    f"{alone + 1}, the louder one, is used alone"
                )
        if alone == -1:
            lost += mix.shape[-1] * float((mixed_power < CANCELLED * powers.max(axis=0)).mean())
        yield mix if alone in (None, -1) else block[alone]
    if lost:
        warn(
            f"in {lost / total:.0%} of the sound the channels cancel each other when they are "
            "mixed (right = −left): that part is silent; use one channel, as in waveform[0]"
        )


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


def _tenths(x: np.ndarray) -> np.ndarray:
    """The energy of each tenth of a block."""
    size = -(-len(x) // 10)
    return np.array([np.vdot(part, part) for part in np.split(x, range(size, len(x), size))])


def file_to_mel(path: Source, params: SpectrogramParams) -> Iterator[np.ndarray]:
    """Yield the mel amplitudes of a sound file of any length, 64 columns at a time.

    The file is read, resampled and transformed piece by piece: an hour needs no more memory than a
    second.

    >>> from riffedu.signal.audio import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(f"{folder}/silence.wav", np.zeros(44100), 44100)
    ...     print([mel.shape for mel in file_to_mel(path, SpectrogramParams())])
    [(512, 64), (512, 36)]
    """
    pieces = load_blocks(path, seconds=BLOCK_SECONDS, sample_rate=params.sample_rate)
    yield from mel_blocks(mixed(pieces, params.stereo), params)


def file_to_image(
    path: Source, params: SpectrogramParams | None = None, progress: bool = True
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

    params, given = params or SpectrogramParams(), at_hand(path)
    shapes, loudest = [], 0.0
    bar = {"unit": "col", "desc": "sound → picture", "delay": 1.0, "leave": False}
    with tempfile.TemporaryFile() as waiting, tqdm(disable=not progress, **bar) as told:
        for block in file_to_mel(given, params):
            waiting.write(np.ascontiguousarray(block, dtype=np.float32).data)
            shapes.append(block.shape)
            loudest = max(loudest, float(block.max()))
            told.update(block.shape[-1])
        if not np.isfinite(loudest):
            raise RiffeduError(f"{given} is too loud for float32: lower its level first")
        waiting.seek(0)
        # Upside down, as a picture is stored: turning three hours would take twice the memory.
        stored = np.empty((*shapes[0][:-1], sum(s[-1] for s in shapes)), np.uint8)
        pixels = stored[..., ::-1, :]
        at = 0
        for shape in shapes:
            block = np.frombuffer(waiting.read(4 * int(np.prod(shape))), np.float32).reshape(shape)
            pixels[..., at : at + shape[-1]] = to_pixels(block, loudest, params.power_for_image)
            at += shape[-1]
    grey = pixels.shape[-1] > LONGEST_IN_COLOUR
    return image_from_pixels(pixels, loudest, params, grey=grey)


def file_to_images(
    path: Source, params: SpectrogramParams | None = None, columns: int = 512
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
