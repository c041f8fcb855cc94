"""Lesson 06: picture to sound, for pictures of any width."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from riffedu.signal.arrays import as_waveform
from riffedu.signal.audio import ramp
from riffedu.signal.image import ready, tags_of, unit_spectrogram
from riffedu.signal.inversion import sound_from_mel
from riffedu.signal.params import SpectrogramParams

LONGEST_AT_ONCE = 4096
"""Columns that are turned into sound at once: 41 s, in under a gigabyte."""


def image_to_audio(
    image: Image.Image,
    params: SpectrogramParams | None = None,
    quality: str = "fast",
    seed: int = 0,
    n_iter: int | None = None,
    progress: bool = True,
) -> tuple[np.ndarray, int]:
    """Convert a picture to sound; return (waveform, sample_rate).

    ``image``: a PIL picture or a file of one, see `riffedu.signal.picture.as_picture`.
    ``quality`` is one of `riffedu.signal.inversion.QUALITIES`, fastest first; "plain" is
    Riffusion's method, the inverse mel transform and then fast Griffin-Lim on all rows. ``n_iter``
    overrides the number of iterations. ``seed`` sets the random initial phases: the same seed gives
    the same sound.

    Returns float32, (samples,) or (2, samples) for a stereo picture, columns · hop_length samples
    at ``params.sample_rate``. The level comes from the picture's MAX_VALUE and is not
    normalised, so peaks can exceed 1; see `riffedu.signal.audio.set_level`. Pictures wider
    than `LONGEST_AT_ONCE` columns are processed in pieces, see `pieces_of`. With ``progress``, a
    progress bar appears after one second. Raises RiffeduError for an unreadable picture or an
    unknown quality. Notebook: 06_beyond_griffin_lim.

    >>> from riffedu.signal.image import image_from_spectrogram
    >>> params = SpectrogramParams(sample_rate=8000, num_frequencies=64, max_frequency=4000)
    >>> image = image_from_spectrogram(np.ones((64, 20)), params)
    >>> waveform, sample_rate = image_to_audio(image, n_iter=1, progress=False)
    >>> waveform.shape, sample_rate
    ((1600,), 8000)
    """
    image, params = ready(image, params)
    if image.width <= LONGEST_AT_ONCE:
        return _sound_of(image, params, None, quality, seed, n_iter, progress)
    return _sound_of_pieces(image, params, quality, seed, n_iter, progress)


def _sound_of(
    image: Image.Image,
    params: SpectrogramParams | None,
    columns: tuple[int, int] | None,
    quality: str,
    seed: int,
    n_iter: int | None,
    progress: bool,
) -> tuple[np.ndarray, int]:
    mel, loudest = unit_spectrogram(image, params, columns)
    params = params or SpectrogramParams.from_exif(tags_of(image))
    channels = [
        sound_from_mel(channel, params, quality, seed, n_iter, progress)
        for channel in mel.reshape(-1, *mel.shape[-2:])
    ]
    waveform = np.stack(channels) if params.stereo else channels[0]
    return waveform * np.float32(loudest), params.sample_rate


def _sound_of_pieces(
    image: Image.Image,
    params: SpectrogramParams | None,
    quality: str,
    seed: int,
    n_iter: int | None,
    progress: bool,
) -> tuple[np.ndarray, int]:
    """Convert a wide picture piece by piece, so that only one piece is processed at a time.

    The phases of two pieces are unrelated, so neighbours are cross-faded at equal power.
    """
    from tqdm.auto import tqdm

    params = params or SpectrogramParams.from_exif(tags_of(image))
    hop, before = params.hop_length, 0
    sound = np.zeros((1 + params.stereo, image.width * hop), np.float32)
    with tqdm(
        total=image.width, desc="picture → sound", unit="col", leave=False, disable=not progress
    ) as bar:
        for left, right in pieces_of(image, params):
            part, _ = _sound_of(image, params, (left, right), quality, seed, n_iter, False)
            rise = ramp((before - left) * hop, "equal power")
            part[..., : len(rise)] *= rise
            sound[:, left * hop : before * hop] *= rise[::-1]
            sound[:, left * hop : right * hop] += part
            bar.update(right - before)
            before = right
    return sound if params.stereo else sound[0], params.sample_rate


def pieces_of(image: Image.Image, params: SpectrogramParams) -> Iterator[tuple[int, int]]:
    """Return where to cut a wide picture: (first column, last column + 1) of overlapping pieces.

    Each piece ends at the quietest column of its last eighth, where a seam is least audible, and
    the next one begins one window earlier.

    >>> image = Image.new("RGB", (512, 512))
    >>> list(pieces_of(image, SpectrogramParams()))
    [(0, 512)]
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


def repaint(
    waveform: np.ndarray,
    sample_rate: int,
    image: Image.Image,
    start: int,
    stop: int,
    margin: float = 0.3,
) -> np.ndarray:
    """Update the sound of a picture that changed only in columns ``start`` ≤ c < ``stop``.

    These columns and ``margin`` seconds on both sides are converted again and cross-faded into
    ``waveform``, of shape (samples,) or (channels, samples), whose length does not change. The
    cost depends only on the width of the change. The fades are equal-power, because the new phases
    are unrelated to the old ones. Notebook: 04_image.

    >>> from riffedu.signal.image import image_from_spectrogram
    >>> params = SpectrogramParams(sample_rate=8000, num_frequencies=64, max_frequency=4000)
    >>> image = image_from_spectrogram(np.ones((64, 100)), params)
    >>> repaint(np.zeros(8000), 8000, image, start=40, stop=50, margin=0.1).shape
    (8000,)
    """
    waveform = as_waveform(waveform)
    image, params = ready(image)
    hop = sample_rate * params.column_ms / 1000
    wide = round(1000 * margin / params.column_ms)
    first, last = max(0, start - wide), min(image.width, stop + wide)
    part = image.crop((first, 0, last, image.height))
    part.info["exif"] = tags_of(image).tobytes()
    new, _ = image_to_audio(part, progress=False)
    begin = round(first * hop)
    new = new[..., : waveform.shape[-1] - begin]
    rise = ramp(round(margin * sample_rate / 2), "equal power")
    result = waveform.copy()
    old = waveform[..., begin : begin + new.shape[-1]].copy()
    share = np.ones(new.shape[-1], np.float32)
    if first > 0:
        share[: len(rise)] = rise
    if last < image.width:
        share[-len(rise) :] = np.minimum(share[-len(rise) :], rise[::-1])
    kept = np.sqrt(np.maximum(0, 1 - share**2))
    result[..., begin : begin + new.shape[-1]] = share * new + kept * old
    return result
