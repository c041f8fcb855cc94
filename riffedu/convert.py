"""Lessons 01 to 06 in one step: sound to picture, and picture to sound."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import numpy as np
from PIL import Image

from riffedu.audio import as_waveform, load_blocks, ramp, resample
from riffedu.errors import RiffeduError
from riffedu.image import (
    SpectrogramParams,
    image_from_pixels,
    image_from_spectrogram,
    tags_of,
    to_pixels,
    unit_spectrogram,
)
from riffedu.inversion import sound_from_mel
from riffedu.mel import mel_blocks, mel_spectrogram

LONGEST_IN_COLOUR = 65536
"""Columns of a picture of a file that still has three channels, as Riffusion's have: 11 minutes."""

LONGEST_AT_ONCE = 4096
"""Columns that are turned into sound at once: 41 s, in under a gigabyte."""


def audio_to_image(waveform, sample_rate: int,
                   params: SpectrogramParams | None = None) -> Image.Image:
    """Sound to picture: resample to ``params.sample_rate``, `mel_spectrogram`, draw.

    ``waveform``: (samples,) or (channels, samples). Channels are mixed to one, unless
    ``params.stereo``, where two are drawn (a mono sound in both). One column per hop: 5.12 s give
    512. Raises RiffeduError for an unfit waveform or more than two channels in a stereo picture.
    Notebook: 04_image.
    """
    params = params or SpectrogramParams()
    waveform = channels_for(as_waveform(waveform), params.stereo)
    waveform = resample(waveform, sample_rate, params.sample_rate)
    return image_from_spectrogram(mel_spectrogram(waveform, params), params)


def channels_for(waveform, stereo: bool):
    """The channels that a picture draws: the mean of all, or the two of a stereo picture."""
    waveform = np.atleast_2d(waveform)
    if not stereo:
        return waveform.mean(axis=0)
    if len(waveform) > 2:
        raise RiffeduError(f"a stereo picture holds two channels, the sound has {len(waveform)}")
    return np.broadcast_to(waveform, (2, waveform.shape[-1]))


def file_to_mel(path, params: SpectrogramParams) -> Iterator[np.ndarray]:
    """The mel amplitudes of a sound file of any length, 64 columns at a time.

    Read, resampled and transformed piece by piece: an hour needs no more memory than a second.
    """
    pieces = load_blocks(path, sample_rate=params.sample_rate)
    yield from mel_blocks((channels_for(x, params.stereo) for x in pieces), params)


def file_to_image(path, params: SpectrogramParams | None = None,
                  progress: bool = True) -> Image.Image:
    """A whole sound file as one picture, however long.

    The loudest moment must be known before the first pixel can be drawn, and an hour of amplitudes
    is 0.7 GB: they wait in a temporary file. Pictures of over `LONGEST_IN_COLOUR` columns are grey
    ("L"), which holds the same in a third of the memory. Equal to `audio_to_image` of the loaded
    file. Raises RiffeduError as `riffedu.audio.load` does. Notebook: 04_image.
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
            raise RiffeduError(f"{path} is louder than numbers can hold: mend its samples first")
        waiting.seek(0)
        pixels = np.empty((*shapes[0][:-1], sum(s[-1] for s in shapes)), np.uint8)
        at = 0
        for shape in shapes:
            block = np.frombuffer(waiting.read(4 * int(np.prod(shape))), np.float32).reshape(shape)
            pixels[..., at:at + shape[-1]] = to_pixels(block, loudest, params.power_for_image)
            at += shape[-1]
    grey = pixels.shape[-1] > LONGEST_IN_COLOUR
    return image_from_pixels(pixels, loudest, params, grey=grey)


def file_to_images(path, params: SpectrogramParams | None = None,
                   columns: int = 512) -> Iterator[Image.Image]:
    """A sound file as pictures of ``columns`` each, the last one as wide as what is left.

    Each is drawn as soon as its sound has been read, with a loudest moment of its own. Memory does
    not grow with the file's length. Notebook: 04_image.
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


def image_to_audio(image: Image.Image, params: SpectrogramParams | None = None,
                   quality: str = "fast", seed: int = 0, n_iter: int | None = None,
                   progress: bool = True):
    """Picture to sound: (waveform, sample_rate).

    ``quality`` is one of `riffedu.inversion.WAYS`, the quickest first; "plain" is what Riffusion
    does, the inverse mel and then fast Griffin-Lim on all rows. ``n_iter`` iterations, each way's
    own number by default, from phases drawn with ``seed``: the same seed gives the same sound.

    Returns float32, (samples,) or (2, samples) for a stereo picture, columns · hop_length samples
    at ``params.sample_rate``. Nothing is normalised: the level is the picture's, from its
    MAX_VALUE, so peaks may pass 1; see `riffedu.audio.set_level`. Pictures of over
    `LONGEST_AT_ONCE` columns are worked on in pieces, see `pieces_of`. With ``progress``, a bar
    shows if it takes more than a second. Raises RiffeduError for an unfit picture or an unknown
    quality. Notebook: 06_beyond_griffin_lim.
    """
    if not isinstance(image, Image.Image) or image.width <= LONGEST_AT_ONCE:
        return _sound_of(image, params, None, quality, seed, n_iter, progress)
    return _sound_of_pieces(image, params, quality, seed, n_iter, progress)


def _sound_of(image, params, columns, quality, seed, n_iter, progress):
    mel, loudest = unit_spectrogram(image, params, columns)
    params = params or SpectrogramParams.from_exif(tags_of(image))
    channels = [sound_from_mel(channel, params, quality, seed, n_iter, progress)
                for channel in mel.reshape(-1, *mel.shape[-2:])]
    waveform = np.stack(channels) if params.stereo else channels[0]
    return waveform * np.float32(loudest), params.sample_rate


def _sound_of_pieces(image, params, quality, seed, n_iter, progress):
    """A wide picture in pieces: memory holds its pixels, its sound, and the work on one piece.

    Phases of two pieces don't agree, so they are faded into each other at equal power.
    """
    from tqdm.auto import tqdm

    params = params or SpectrogramParams.from_exif(tags_of(image))
    hop, before = params.hop_length, 0
    sound = np.zeros((1 + params.stereo, image.width * hop), np.float32)
    with tqdm(total=image.width, desc="picture → sound", unit="col", leave=False,
              disable=not progress) as bar:
        for left, right in pieces_of(image, params):
            part, _ = _sound_of(image, params, (left, right), quality, seed, n_iter, False)
            rise = ramp((before - left) * hop, "equal power")
            part[..., :len(rise)] *= rise
            sound[:, left * hop:before * hop] *= rise[::-1]
            sound[:, left * hop:right * hop] += part
            bar.update(right - before)
            before = right
    return sound if params.stereo else sound[0], params.sample_rate


def pieces_of(image: Image.Image, params: SpectrogramParams) -> Iterator[tuple[int, int]]:
    """Where to cut a wide picture: (first column, last column + 1) of pieces that overlap.

    Each ends at the quietest place of its last eighth, where a seam is heard least, and the next
    one begins a window earlier.
    """
    left, search = 0, LONGEST_AT_ONCE // 8
    overlap = min(-(-params.win_length // params.hop_length), search // 2)
    while image.width - left > LONGEST_AT_ONCE:
        right = left + LONGEST_AT_ONCE
        mel, _ = unit_spectrogram(image, params, (right - search, right))
        power = (mel**2).reshape(-1, search).sum(axis=0)
        cut = right - search + int(np.convolve(power, np.ones(overlap), "valid").argmin())
        yield left, cut + overlap
        left = cut
    yield left, image.width
