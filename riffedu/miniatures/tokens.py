"""Lesson 15: a neural codec's last step by hand: residual vector quantisation of our pictures.

EnCodec and its relatives turn sound into whole numbers: an encoder makes one vector per frame, and
each vector is replaced by the number of the nearest entry of a *codebook*. One codebook is coarse,
so a second one codes what the first leaves over, and so on: a *residual* vector quantiser. Here
the encoder is our picture itself: a frame is a few of its columns.

    frames = to_frames(pixels)                           # (frames, rows · columns)
    *_, codec = train_rvq(frames, codebooks=8)
    tokens = encode(frames, codec)                       # (frames, 8) whole numbers
    picture = to_pixels(decode(tokens[:, :2], codec))    # heard with two codebooks
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from riffedu.errors import RiffeduError

COLUMNS = 4  # picture columns in a frame: 40 ms, 25 frames per second
SIZE = 64  # entries of a codebook: 6 bits


@dataclass(frozen=True)
class KMeansState:
    """``codebook (size, d)`` before an update, ``nearest (n,)`` and the mean squared ``error``."""

    codebook: np.ndarray
    nearest: np.ndarray
    error: float


def to_frames(pixels: np.ndarray, columns: int = COLUMNS) -> np.ndarray:
    """Cut a picture into frames of a few columns: loudness (frames, rows · columns) in 0..1.

    ``pixels (rows, n)`` uint8, dark is loud; columns that do not fill a frame are left out.
    """
    rows, n = pixels.shape
    loud = 1 - pixels[:, : n - n % columns].astype(np.float32) / 255
    return loud.reshape(rows, -1, columns).transpose(1, 0, 2).reshape(-1, rows * columns)


def to_pixels(frames: np.ndarray, columns: int = COLUMNS) -> np.ndarray:
    """Reassemble frames: uint8 (rows, n), the inverse of `to_frames`."""
    loud = frames.reshape(len(frames), -1, columns).transpose(1, 0, 2)
    return np.rint(255 * (1 - loud.reshape(loud.shape[0], -1).clip(0, 1))).astype(np.uint8)


def nearest_entry(x: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """Return the number of the codebook entry nearest to each vector.

        i(x) = argmin_k |x − c_k|² = argmin_k (|c_k|² − 2 x · c_k)

    |x|² is the same for every k and can be left out, so one matrix product does the work. ``x (n,
    d)``, ``codebook (size, d)``; returns (n,) whole numbers. Equal to scipy.cluster.vq.vq.
    Notebook: 15_measure_and_compare.
    """
    return (np.square(codebook).sum(axis=1) - 2 * x @ codebook.T).argmin(axis=1)


def k_means(x: np.ndarray, codebook: np.ndarray, steps: int = 10) -> Iterator[KMeansState]:
    """Move a codebook towards its vectors; yield the state before each of ``steps`` updates.

        c_k ← mean of the x whose nearest entry is k

    Neither half of a step can increase the error: the nearest entry is the best choice for given
    means, the mean the best entry for a given choice. An entry that no vector chooses stays. Equal
    to scipy.cluster.vq.kmeans2 from the same start. The final state is the last that is yielded.
    Source: Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28 (1982). Notebook:
    15_measure_and_compare.
    """
    for step in range(steps + 1):
        nearest = nearest_entry(x, codebook)
        yield KMeansState(codebook, nearest, float(np.square(x - codebook[nearest]).mean()))
        if step < steps:
            chosen = nearest == np.arange(len(codebook))[:, None]  # (size, n)
            counts = chosen.sum(axis=1, keepdims=True)
            sums = chosen.astype(x.dtype) @ x
            codebook = np.where(counts > 0, sums / np.maximum(counts, 1), codebook)


def train_rvq(
    frames: np.ndarray, codebooks: int = 8, size: int = SIZE, steps: int = 8, seed: int = 0
) -> Iterator[list[np.ndarray]]:
    """Train one codebook after the other, each on the residual of the previous ones.

        r_0 = x,   r_q = r_{q−1} − c_{i_q}^{(q)},   i_q = nearest entry of codebook q to r_{q−1}

    Yields the list of codebooks so far, each (size, d), after each one. A codebook starts from
    vectors chosen at random. Real codecs learn encoder, codebooks and decoder together, with a
    critic. Source: Zeghidour et al., "SoundStream" (2021), alg. 1; Défossez et al., "High Fidelity
    Neural Audio Compression" (2022). Notebook: 15_measure_and_compare.
    """
    if len(frames) < size:
        raise RiffeduError(f"{len(frames)} frames are too few for codebooks of {size} entries")
    random = np.random.default_rng(seed)
    rest, trained = frames, []
    for _ in range(codebooks):
        start = rest[random.choice(len(rest), size, replace=False)]
        *_, last = k_means(rest, start, steps)
        trained.append(last.codebook)
        rest = rest - last.codebook[last.nearest]
        yield list(trained)


def encode(frames: np.ndarray, codebooks: Sequence[np.ndarray]) -> np.ndarray:
    """Return the tokens of frames: (frames, codebooks) whole numbers, coarse to fine."""
    rest, tokens = frames, []
    for codebook in codebooks:
        tokens.append(nearest_entry(rest, codebook))
        rest = rest - codebook[tokens[-1]]
    return np.stack(tokens, axis=1)


def decode(tokens: np.ndarray, codebooks: Sequence[np.ndarray]) -> np.ndarray:
    """Return the frames of tokens: the sum of the chosen entries, (frames, d).

    ``tokens (frames, q)`` may have fewer columns than there are codebooks: then only the first q
    are summed, a coarser sound.
    """
    return sum(codebook[column] for codebook, column in zip(codebooks, np.asarray(tokens).T))


def bits_per_second(codebooks: int, size: int = SIZE, frames_per_second: float = 25) -> float:
    """Return the rate of a token stream: codebooks · log₂(size) · frames per second.

    EnCodec's music model at 32 kHz has 4 codebooks of 2048 entries, 50 frames per second:

    >>> bits_per_second(4, 2048, 50)
    2200.0
    """
    return codebooks * math.log2(size) * frames_per_second
