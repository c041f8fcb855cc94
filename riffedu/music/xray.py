"""Lesson 11: what drew a place in a generated picture: which words, which step, which latent.

A run is watched step by step, with lesson 10's `record_attention` in the U-Net:

    with watching(pipeline.checkpoint.unet) as watch:
        for step in pipeline.denoise(noise, [prompt]):
            watch(step)
    XRay(watch, words_of(tokenizer, [prompt])).at(0.5, 0.25)

`xray` does this for a generated result, from its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from riffedu.diffusion.attention import AttentionRecord, record_attention, word_positions
from riffedu.errors import RiffeduError
from riffedu.music.prompt_schedule import one_prompt

if TYPE_CHECKING:
    from torch import Tensor

    from riffedu.music.generate import TextToMusic
    from riffedu.music.result import Result

SETTLED = 0.1
"""A prediction has settled once it stays within this share of the final one."""
MOST = 4
"""Words, and channels, that are named."""


@dataclass
class Watch:
    """The states of one run, and the attention in each; call it with every step.

    ``maps (tokens, h, w)`` is the sum of the steps' attention maps, ``x0`` holds each step's
    prediction of the clean latents, ``(c, h, w)``.
    """

    record: AttentionRecord
    maps: Any = 0.0
    x0: list[Tensor] = field(default_factory=list)

    def __call__(self, step: Any) -> None:
        """Keep a `SamplerStep` or `DenoisingState`."""
        height, width = step.x0.shape[-2:]
        self.maps = self.maps + self.record.maps(height, width)
        self.x0.append(step.x0[-1])


@contextmanager
def watching(unet: Any) -> Iterator[Watch]:
    """Record a U-Net's attention in a ``with`` block, step by step. Notebook: 11_text_to_music."""
    with record_attention(unet) as record:
        yield Watch(record)


def words_of(
    tokenizer: Any, prompts: Sequence[str], shares: Sequence[float] = (1.0,)
) -> list[tuple[str, list[int], float]]:
    """Return each word of the prompts with the positions of its tokens and its prompt's share.

    ``shares`` are the weights with which the prompts' token states are mixed. Raises RiffeduError
    for a prompt schedule. Notebook: 11_text_to_music.
    """
    return [
        (word, positions, share)
        for prompt, share in zip(prompts, shares)
        for word, positions in word_positions(tokenizer, one_prompt(prompt, "an X-ray"))
        if any(map(str.isalnum, word))
    ]


@dataclass(frozen=True)
class Place:
    """What drew one place of a picture.

    ``row`` (0 is the top) and ``column`` are those of its latent cell, in a grid of ``shape``.
    ``words`` are the words that received most attention there, as (word, share); ``other`` is the
    share of start, end, padding and punctuation. From ``step`` of ``steps`` on, the prediction for
    the cell stayed as it is in the end. ``channels`` are the cell's largest latents, as (channel,
    value).
    """

    row: int
    column: int
    shape: tuple[int, int]
    words: list[tuple[str, float]]
    other: float
    step: int
    steps: int
    channels: list[tuple[int, float]]


class XRay:
    """What drew each place of a picture; ``words`` are those of `words_of`.

    ``settled (h, w)`` is the step k from which on

        ‖x̂₀ʲ − x̂₀ᴺ‖ ≤ 0.1 ‖x̂₀ᴺ‖  for every j ≥ k,

    with norms over the channels of a cell. ``shape`` is (h, w). Raises RiffeduError if nothing was
    watched. Notebook: 11_text_to_music.
    """

    def __init__(self, watch: Watch, words: list[tuple[str, list[int], float]]):
        import torch

        if not watch.x0:
            raise RiffeduError("no step was watched: this clip was not generated from noise")
        x0 = torch.stack(watch.x0).float().cpu()
        self.latents, self.steps = x0[-1], len(x0)
        self.maps = watch.maps.float().cpu() / self.steps
        self.words, self.shape = words, (x0.shape[-2], x0.shape[-1])
        far = (x0 - x0[-1]).norm(dim=1) > SETTLED * x0[-1].norm(dim=0)
        last_far = (far * torch.arange(1, self.steps + 1)[:, None, None]).amax(0)
        self.settled = (last_far + 1).clamp(max=self.steps)

    def at(self, down: float, along: float) -> Place:
        """Return what drew the place this far down and along the picture, both in [0, 1]."""
        height, width = self.shape
        row = min(height - 1, max(0, int(down * height)))
        column = min(width - 1, max(0, int(along * width)))
        shares: dict[str, float] = {}
        for word, positions, share in self.words:
            received = float(self.maps[positions, row, column].sum())
            shares[word] = shares.get(word, 0.0) + share * received
        cell = self.latents[:, row, column]
        largest = cell.abs().argsort(descending=True)[:MOST].tolist()
        return Place(
            row,
            column,
            self.shape,
            sorted(shares.items(), key=lambda pair: -pair[1])[:MOST],
            max(0.0, 1 - sum(shares.values())),
            int(self.settled[row, column]),
            self.steps,
            [(channel, float(cell[channel])) for channel in largest],
        )


def xray(pipeline: TextToMusic, result: Result) -> XRay:
    """Make a generated clip's latents again, from its parameters, and watch.

    Raises RiffeduError for a clip that `TextToMusic.generate` did not make, that is longer than the
    U-Net's width (5.12 s), or whose prompt changes with time. Notebook: 11_text_to_music.
    """
    import torch

    told = result.parameters
    if told.get("verb") != "generate":
        raise RiffeduError("an X-ray needs a clip from `pipeline.generate`")
    words = words_of(pipeline.checkpoint.tokenizer, [told["prompt"]])
    generator = torch.Generator().manual_seed(told["seed"])
    noise = pipeline.initial_noise(generator, told["duration"], told["tempo"], told["key"])
    if noise.shape[-1] > pipeline.window:
        raise RiffeduError(f"an X-ray needs a shorter clip than {told['duration']:g} s")
    states = pipeline.denoise(
        noise,
        [told["prompt"]],
        pipeline.encode_prompt([told["negative_prompt"]]),
        told["num_inference_steps"],
        told["guidance_scale"],
        [generator],
        told["sampler"],
    )
    with watching(pipeline.checkpoint.unet) as watch:
        for state in states:
            watch(state)
    return XRay(watch, words)
