"""Lesson 13: music that doesn't end. Each piece grows out of the last one's final moments.

Up to four prompts stand in the corners of a square, and a point in it says how much of each is wanted. A
piece is as long as the U-Net learned, and its first part is the last part of the piece before, kept as
in `riffedu.music.continuation.extend`; the rest is made anew. In sound, the two versions of the part that they share
are faded into each other, so no sample jumps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, repeat
from typing import Any

import numpy as np

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.music.interpolate import four_corners, prompt_path

LINEAR = 0.9
SHARED = 0.25
"""The share of a piece that it has in common with the one before."""
AFTER = 0.03
"""Seconds of what would follow that a piece brings along, to cross-fade a repeat with."""


@dataclass(frozen=True)
class Piece:
    """What to play next: it begins at the sample where the last piece ended.

    ``waveform`` float32 (samples,) at ``sample_rate``; ``image`` the whole picture that it came from,
    the shared part included; ``place`` where in the square it was made. For a player that has to
    repeat it: ``after`` are the samples that would follow, ``period`` the seconds after which the
    piece is most like itself (`riffedu.music.continuation.period`).
    """

    number: int
    waveform: np.ndarray
    sample_rate: int
    image: Any
    place: tuple[float, float]
    after: np.ndarray
    period: float

    @property
    def seconds(self) -> float:
        return len(self.waveform) / self.sample_rate


def endless(
    pipeline,
    prompts: str | Sequence[str],
    where: Callable[[int], tuple] | None = None,
    seed: int = 0,
    **options,
) -> Iterator[Piece]:
    """Music without end, a `Piece` at a time; take as many as you like.

    ``prompts``: one, two (left and right), or four (lower left, lower right, upper left, upper right).
    ``where(number)`` gives the place (x, y), each in [0, 1], at which piece ``number`` is made; it is
    asked just before, so a pad may move while the music plays (default: the middle). ``options`` are
    those of `riffedu.music.edit.transform_steps`: num_inference_steps, guidance_scale, negative_prompt.

    The same seed and places give the same music. A piece is `SHARED` shorter than what the U-Net learned
    (3.84 s here); a player stays fed as long as that takes longer to play than to make. Memory does
    not grow: only the last picture and the last moments of sound are kept.
    Raises RiffeduError for another number of prompts, or a place outside the square.
    Notebook: 13_interpolation.
    """
    corners = corner_states(pipeline, prompts)
    places = map(where, count()) if where else repeat((0.5, 0.5))
    wanted = ((place, four_corners(corners, *place)) for place in map(_checked, places))
    yield from grow(pipeline, wanted, seed, **options)


def interpolate_prompts(
    pipeline,
    prompts: Sequence[str],
    pieces: int = 3,
    easing: str = "linear",
    seed: int = 0,
    **options,
) -> Iterator[Piece]:
    """From prompt to prompt, ``pieces`` from each to the next and one at the last, a `Piece` at a time.

    ``easing`` is one of `riffedu.music.interpolate.prompt_path`. A piece's ``place`` is (how far, 0): 0 at the first
    prompt, 1 at the last. Notebook: 13_interpolation.
    """
    prompts = list(prompts) if limits.is_list(prompts) else []
    if len(prompts) < 2:
        raise RiffeduError("a journey needs a list of two prompts or more")
    stops = pipeline.encode_prompt([limits.text("prompt", prompt) for prompt in prompts])
    pieces = limits.whole("pieces", pieces, 1, 1000)
    way = list(prompt_path(stops.split(1), pieces, easing=easing))
    yield from grow(
        pipeline, (((k / (len(way) - 1), 0.0), text) for k, text in enumerate(way)), seed, **options
    )


def grow(pipeline, wanted: Iterable[tuple], seed: int = 0, **options) -> Iterator[Piece]:
    """Each piece out of the end of the last one, for every (place, token states) in ``wanted``.

    What is wanted is asked for just before a piece is made. Notebook: 13_interpolation.
    """
    riff = Stream(pipeline)
    for place, text in wanted:
        yield riff.next(text, place, seed, **options)


class Stream:
    """Music that goes on: `next` makes a piece out of the end of the last one.

    Text, seed and every option may be others each time. ``number`` is that of the next piece, ``shared``
    how many latent columns it has in common with the last.
    """

    def __init__(self, pipeline):
        self.pipeline, self.number = pipeline, 0
        self.shared = max(1, round(SHARED * pipeline.window))
        self._latents = self._tail = None

    def next(
        self, text, place: tuple[float, float] = (0.5, 0.5), seed: int = 0, **options
    ) -> Piece:
        """The next `Piece`, by token states ``text``; its noise has the seed plus its number.

        ``options`` as for `next_latents`.
        """
        latents = next_latents(
            self.pipeline, text, self._latents, self.shared, seed + self.number, **options
        )
        piece, self._tail = _to_piece(
            self.pipeline, latents, self.shared, self.number, place, self._tail
        )
        self._latents, self.number = latents, self.number + 1
        return piece


def join(pipeline, pieces: Sequence[Piece], parameters: dict[str, Any] | None = None):
    """Pieces that followed each other as one Result: their sounds end to end, and one picture.

    Greys mean the same in all of it, so a quiet piece is drawn lighter than in its own picture.
    """
    from riffedu.music.result import Result
    from riffedu.signal.image import image_from_spectrogram, spectrogram_from_image

    hop = pipeline.params.hop_length
    mels = [
        spectrogram_from_image(piece.image, pipeline.params)[..., : len(piece.waveform) // hop]
        for piece in pieces
    ]
    image = image_from_spectrogram(np.concatenate(mels, axis=-1), pipeline.params)
    waveform = np.concatenate([piece.waveform for piece in pieces])
    return Result(waveform, pieces[0].sample_rate, image, dict(parameters or {}))


def corner_states(pipeline, prompts: str | Sequence[str]) -> list:
    """The token states of four corners, of one length; one or two prompts fill more than one."""
    prompts = [prompts] if isinstance(prompts, str) else list(prompts)
    if len(prompts) not in (1, 2, 4) or not all(isinstance(p, str) and p.strip() for p in prompts):
        raise RiffeduError(f"give one, two or four prompts, none of them empty, not {prompts!r}")
    return list(pipeline.encode_prompt((prompts * 4)[:4]).split(1))


def next_latents(
    pipeline, text, before, shared: int, seed: int, under=None, strength: float = 1.0, **options
):
    """The latents of a piece whose first ``shared`` columns are the last ones of ``before``.

    ``text`` are token states; without ``before`` all is new. ``under``: latents of a sound that the new
    part begins from and may leave by ``strength``; without it there is nothing to keep to.
    """
    import torch

    from riffedu.music.edit import last_latents, transform_steps

    canvas = torch.zeros_like(pipeline.initial_noise(0, _seconds(pipeline, pipeline.window)))
    if under is None:
        strength = 1.0
    else:
        canvas = canvas + under
    mask = torch.ones(1, 1, *canvas.shape[-2:])
    if before is not None:
        canvas[..., :shared] = before[..., -shared:]
        mask[..., :shared] = 0
    return last_latents(
        transform_steps(pipeline, canvas, text, strength, mask, seed=seed, **options), canvas
    )


def _to_piece(pipeline, latents, shared: int, number: int, place, tail):
    """The piece's sound, faded out of ``tail`` at its start; and its own tail, kept for the next."""
    from riffedu.music.continuation import period
    from riffedu.signal.audio import ramp

    [image] = pipeline.decode_latents(latents)
    result = pipeline.play_picture(image, {})
    sound, rate = result.waveform, result.sample_rate
    kept = round(shared * pipeline.checkpoint.compression * pipeline.params.hop_length)
    if tail is not None:
        # One sound twice, but with phases found anew: powers add, not amplitudes.
        rise = ramp(kept, "equal power")
        sound = np.concatenate([tail * rise[::-1] + sound[:kept] * rise, sound[kept:]])
    body, tail = sound[:-kept], sound[-kept:].copy()
    after = _bent(tail[: round(AFTER * rate)])
    seconds = (
        period(np.asarray(image.convert("L")), pipeline.params.step_size_ms)
        * pipeline.params.step_size_ms
        / 1000
    )
    return Piece(number, _bent(body), rate, result.image, place, after, seconds), tail


def _bent(sound) -> np.ndarray:
    """Two sounds at once may go over full scale. Bent there, no piece gets softer than the last."""
    over = np.maximum(np.abs(sound) - LINEAR, 0) / (1 - LINEAR)
    bent = np.where(over > 0, np.sign(sound) * (LINEAR + (1 - LINEAR) * np.tanh(over)), sound)
    return bent.astype(np.float32)


def _seconds(pipeline, columns: int) -> float:
    return columns * pipeline.checkpoint.compression * pipeline.params.step_size_ms / 1000


def _checked(place) -> tuple[float, float]:
    try:
        x, y = (float(each) for each in place)
    except (TypeError, ValueError):
        raise RiffeduError(f"a place is two numbers, not {place!r}") from None
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise RiffeduError(f"the place ({x:g}, {y:g}) lies outside the square from 0 to 1")
    return x, y
