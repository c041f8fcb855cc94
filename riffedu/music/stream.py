"""Lesson 13: endless music. Each piece continues the end of the last one.

Up to four prompts stand in the corners of a square, and a point in it sets their proportions. A
piece is as long as the U-Net's width. Its first part repeats the last part of the piece before,
kept by a mask as in `riffedu.music.continuation.extend`, and the rest is new. In the sound, the two
versions of the shared part are cross-faded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from riffedu.music.generate import TextToMusic
    from riffedu.music.result import Result


from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, repeat
from typing import Any

import numpy as np

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.music.interpolate import four_corners, prompt_path
from riffedu.music.prompt_schedule import one_prompt

LINEAR = 0.9
SHARED = 0.25
"""The share of a piece that it has in common with the one before."""
AFTER = 0.03
"""Seconds of what would follow that a piece brings along, to cross-fade a repeat with."""


@dataclass(frozen=True)
class Piece:
    """The next piece to play; it begins at the sample where the last piece ended.

    ``waveform`` is float32 (samples,) at ``sample_rate``; ``image`` is the whole picture, the
    shared part included; ``place`` is the point in the square. For a player that has to repeat the
    piece, ``after`` holds the samples that would follow, and ``period`` is the time in seconds
    after which the piece is most like itself (`riffedu.music.continuation.period`).
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
        """Duration of the waveform in seconds."""
        return len(self.waveform) / self.sample_rate


def endless(
    pipeline: TextToMusic,
    prompts: str | Sequence[str],
    where: Callable[[int], tuple] | None = None,
    seed: int = 0,
    **options: Any,
) -> Iterator[Piece]:
    """Generate endless music, one `Piece` at a time.

    ``prompts``: one, two (left and right) or four (lower left, lower right, upper left, upper
    right). ``where(number)`` returns the point (x, y), each in [0, 1], for the piece with that
    number. It is called just before the piece is made, so the point can move while the music plays
    (default: the middle). ``options`` go to `riffedu.music.edit.transform_steps`:
    num_inference_steps, guidance_scale, negative_prompt.

    The same seed and points give the same music. A piece is `SHARED` shorter than the U-Net's width
    (3.84 s here). Memory does not grow with the number of pieces. Raises RiffeduError for another
    number of prompts, or for a point outside the square. Notebook: 13_interpolation.
    """
    corners = corner_states(pipeline, prompts)
    places = map(where, count()) if where else repeat((0.5, 0.5))
    wanted = ((place, four_corners(corners, *place)) for place in map(_checked, places))
    yield from grow(pipeline, wanted, seed, **options)


def interpolate_prompts(
    pipeline: TextToMusic,
    prompts: Sequence[str],
    pieces: int = 3,
    easing: str = "linear",
    seed: int = 0,
    **options: Any,
) -> Iterator[Piece]:
    """Interpolate over a list of prompts, one `Piece` at a time.

    ``pieces`` is the number of pieces from one prompt to the next; one more ends at the last
    prompt. ``easing`` is one of those of `riffedu.music.interpolate.prompt_path`. A piece's
    ``place`` is (progress, 0), from 0 at the first prompt to 1 at the last. Raises RiffeduError for
    fewer than two prompts. Notebook: 13_interpolation.
    """
    prompts = list(prompts) if limits.is_list(prompts) else []
    if len(prompts) < 2:
        raise RiffeduError("a prompt path needs a list of at least two prompts")
    texts = [one_prompt(limits.text("prompt", prompt), "each stop") for prompt in prompts]
    stops = pipeline.encode_prompt(texts)
    pieces = limits.whole("pieces", pieces, 1, 1000)
    way = list(prompt_path(stops.split(1), pieces, easing=easing))
    yield from grow(
        pipeline, (((k / (len(way) - 1), 0.0), text) for k, text in enumerate(way)), seed, **options
    )


def grow(
    pipeline: TextToMusic, wanted: Iterable[tuple], seed: int = 0, **options: Any
) -> Iterator[Piece]:
    """Continue piece by piece, for every (place, token states) in ``wanted``.

    ``wanted`` is read just before each piece is made. Notebook: 13_interpolation.
    """
    stream, seed = Stream(pipeline), limits.seed_of(seed)
    for place, text in wanted:
        yield stream.next(text, place, seed, **options)


class Stream:
    """Music that continues: `next` generates a piece from the end of the last one.

    Text, seed and options can change from piece to piece. ``number`` is the number of the next
    piece, ``shared`` the number of latent columns that two neighbours share, and ``again`` is the
    call that made the last piece's latents.
    """

    def __init__(self, pipeline: TextToMusic):
        self.pipeline, self.number = pipeline, 0
        self.shared = max(1, round(SHARED * pipeline.window))
        self.again: Callable[..., torch.Tensor] | None = None
        self._latents: torch.Tensor | None = None
        self._tail: np.ndarray | None = None

    def next(
        self,
        text: torch.Tensor,
        place: tuple[float, float] = (0.5, 0.5),
        seed: int = 0,
        **options: Any,
    ) -> Piece:
        """Return the next `Piece` for token states ``text``; its noise has seed ``seed`` + number.

        ``options`` go to `next_latents`.
        """
        before, noise_seed = self._latents, seed + self.number
        self.again = partial(
            next_latents, self.pipeline, text, before, self.shared, noise_seed, **options
        )
        latents = self.again()
        piece, self._tail = _to_piece(
            self.pipeline, latents, self.shared, self.number, place, self._tail
        )
        self._latents, self.number = latents, self.number + 1
        return piece


def join(
    pipeline: TextToMusic, pieces: Sequence[Piece], parameters: dict[str, Any] | None = None
) -> Result:
    """Join consecutive pieces into one Result: their sounds end to end, and one picture.

    Grey levels have one scale throughout, so a quiet piece is drawn lighter than in its own
    picture. ``parameters`` become the Result's, with the model's name and hash.
    """
    from riffedu.music.provenance import record_of
    from riffedu.music.result import Result
    from riffedu.signal.files.tags import attach
    from riffedu.signal.image import image_from_spectrogram, spectrogram_from_image

    hop = pipeline.params.hop_length
    mels = [
        spectrogram_from_image(piece.image, pipeline.params)[..., : len(piece.waveform) // hop]
        for piece in pieces
    ]
    image = image_from_spectrogram(np.concatenate(mels, axis=-1), pipeline.params)
    waveform = np.concatenate([piece.waveform for piece in pieces])
    recorded = {**(parameters or {}), **pipeline.identity()}
    if "verb" in recorded:
        attach(image, record_of(recorded))
    return Result(waveform, pieces[0].sample_rate, image, recorded)


def journey_parameters(
    pipeline: TextToMusic,
    prompts: Sequence[str],
    pieces: int,
    easing: str,
    made: int,
    **options: Any,
) -> dict[str, Any]:
    """Return the parameters of a journey through prompts, of which ``made`` pieces were made."""
    from riffedu.music.edit import run_parameters

    return {
        "verb": "interpolate",
        "prompt": list(prompts),
        "pieces": pieces,
        "easing": easing,
        "pieces_made": made,
        **run_parameters(pipeline, **options),
    }


def corner_states(pipeline: TextToMusic, prompts: str | Sequence[str]) -> list:
    """Return the token states of four corners, of the same length; one or two prompts fill several.

    Raises RiffeduError for another number of prompts or an empty one.
    """
    prompts = [prompts] if isinstance(prompts, str) else list(prompts)
    if len(prompts) not in (1, 2, 4) or not all(isinstance(p, str) and p.strip() for p in prompts):
        raise RiffeduError(f"give one, two or four non-empty prompts, not {prompts!r}")
    return list(pipeline.encode_prompt((prompts * 4)[:4]).split(1))


def next_latents(
    pipeline: TextToMusic,
    text: torch.Tensor,
    before: torch.Tensor | None,
    shared: int,
    seed: int,
    under: torch.Tensor | None = None,
    strength: float = 1.0,
    callback: Callable | None = None,
    **options: Any,
) -> torch.Tensor:
    """Return the latents of a piece whose first ``shared`` columns are the last ones of ``before``.

    ``text`` are token states; without ``before`` everything is new. ``under`` are latents of a
    sound from which the new part starts, at ``strength``; without it the new part starts from
    noise. ``callback`` is called with every step.
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
    steps = transform_steps(pipeline, canvas, text, strength, mask, seed=seed, **options)
    return last_latents(steps, canvas, callback=callback)


def _to_piece(
    pipeline: TextToMusic,
    latents: torch.Tensor,
    shared: int,
    number: int,
    place: tuple[float, float],
    tail: np.ndarray | None,
) -> tuple[Piece, np.ndarray]:
    """Return the piece, cross-faded from ``tail`` at its start, and its own tail."""
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
    after = _soft_clip(tail[: round(AFTER * rate)])
    seconds = (
        period(np.asarray(image.convert("L")), pipeline.params.column_ms)
        * pipeline.params.column_ms
        / 1000
    )
    return Piece(number, _soft_clip(body), rate, result.image, place, after, seconds), tail


def _soft_clip(sound: np.ndarray) -> np.ndarray:
    """Soft-clip the sum of two sounds, which can exceed full scale, without lowering the rest."""
    over = np.maximum(np.abs(sound) - LINEAR, 0) / (1 - LINEAR)
    bent = np.where(over > 0, np.sign(sound) * (LINEAR + (1 - LINEAR) * np.tanh(over)), sound)
    return bent.astype(np.float32)


def _seconds(pipeline: TextToMusic, columns: int) -> float:
    return columns * pipeline.checkpoint.compression * pipeline.params.column_ms / 1000


def _checked(place: tuple[float, float]) -> tuple[float, float]:
    try:
        x, y = (float(each) for each in place)
    except (TypeError, ValueError):
        raise RiffeduError(f"a position must be two numbers, not {place!r}") from None
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise RiffeduError(f"the place ({x:g}, {y:g}) lies outside the square from 0 to 1")
    return x, y
