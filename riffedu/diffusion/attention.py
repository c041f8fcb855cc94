"""Lesson 10: which word speaks where in the picture. Cross-attention, by hand, and watched.

In its cross-attention layers every place of the picture asks a question, every token offers a key,
and the place takes in a mixture of what the tokens have to say. `recording` lets a U-Net of
diffusers run with the lesson's own `attend` in those layers, and keeps the shares:

    with recording(unet) as seen:
        predict(x, timestep)
    seen.maps(16, 16)[place_of_token]           # where in the picture this token was listened to
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from riffedu.diffusion.guidance import LONGEST, parse_weights
from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from torch import Tensor

NO_WORD = "no word"
"""The name for what start, end, filling and signs are given, see `by_word`."""


def attend(queries, keys, values):
    """Every place takes from every token, in shares: (answers, shares).

        A = softmax(Q Kᵀ / √d),    answers = A V

    ``queries (…, places, d)``, ``keys (…, tokens, d)``, ``values (…, tokens, m)``; answers are
    ``(…, places, m)``, shares ``(…, places, tokens)``, at least 0, and those of a place sum to 1.
    The largest score is taken off first, which changes no share and keeps the exponential finite.
    Torch tensors. Source: Vaswani et al., "Attention Is All You Need" (2017), eq. 1.
    Notebook: 10_text_and_guidance.
    """
    scores = queries @ keys.transpose(-1, -2) / math.sqrt(queries.shape[-1])
    powers = (scores - scores.amax(-1, keepdim=True)).exp()
    shares = powers / powers.sum(-1, keepdim=True)
    return shares @ values, shares


@dataclass
class Seen:
    """What the cross-attention layers did when the U-Net was last asked.

    ``shares`` maps each layer's name to its shares ``(items, heads, places, tokens)``. With
    guidance the items are first those without words (or with the negative prompt), then those with words.
    """

    shares: dict[str, Tensor] = field(default_factory=dict)

    def maps(self, height: int, width: int, item: int = -1, finest: bool = True) -> Tensor:
        """Shares over the picture, the mean of heads and layers: ``(tokens, height, width)``.

        ``height`` and ``width`` are the latents'. The layers with the finest grid count, or all of
        them, the coarser ones in larger squares. At each place the tokens' shares sum to 1.
        ``item`` counts in the batch; the last one is the prompt's, with or without guidance.
        Source: Tang et al., "What the DAAM: Interpreting Stable Diffusion Using Cross Attention"
        (2023). Notebook: 10_text_and_guidance.
        """
        from torch.nn.functional import interpolate

        if not self.shares:
            raise RiffeduError("nothing was recorded: ask the U-Net inside `with recording(unet)`")
        most = max(shares.shape[2] for shares in self.shares.values())
        used = [shares for shares in self.shares.values() if shares.shape[2] == most or not finest]
        drawn = 0
        for shares in used:
            rows, columns = grid(shares.shape[2], height, width)
            small = shares[item].mean(0).T.reshape(1, -1, rows, columns)
            drawn = drawn + interpolate(small, (height, width), mode="nearest")[0]
        return drawn / len(used)


def grid(places: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of a layer with so many places, under latents of ``height`` × ``width``.

    Each level of a U-Net halves both, and rounds up. Raises RiffeduError where none fits.
    """
    while height * width > places:
        height, width = -(-height // 2), -(-width // 2)
        if height * width == 1:
            break
    if height * width != places:
        raise RiffeduError(
            f"a layer with {places} places doesn't belong to latents of this size: give the height "
            "and width of the latents that the U-Net was asked about"
        )
    return height, width


@contextmanager
def recording(unet: Any) -> Iterator[Seen]:
    """Watch a diffusers U-Net's cross-attention inside a ``with`` block; gives a `Seen`.

    Inside, the answers are the same (to rounding), a little slower. Afterwards each layer has the
    processor that it had, also when the block ends with an error. Raises RiffeduError for a U-Net
    without cross-attention or with a kind of it that has more parts than `attend`.
    Notebook: 10_text_and_guidance.
    """
    layers = {
        name: layer
        for name, layer in unet.named_modules()
        if getattr(layer, "is_cross_attention", False)
    }
    if not layers:
        raise RiffeduError("this U-Net has no cross-attention: no words go into it")
    if odd := next((name for name, layer in layers.items() if not _plain(layer)), None):
        raise RiffeduError(f"the cross-attention in {odd} has more parts than softmax(QKᵀ/√d)V")
    seen, before = Seen(), {name: layer.processor for name, layer in layers.items()}
    try:
        for name, layer in layers.items():
            layer.set_processor(Watcher(partial(seen.shares.__setitem__, name)))
        yield seen
    finally:
        for name, layer in layers.items():
            layer.set_processor(before[name])


class Watcher:
    """An attention processor for diffusers: `attend`, whose shares are handed to ``keep``."""

    def __init__(self, keep: Callable[[Tensor], Any]):
        self.keep = keep

    def __call__(self, layer, hidden_states, encoder_hidden_states, attention_mask=None, temb=None):
        """The picture's places ``(items, places, width)`` listen to token states; same shape."""
        if attention_mask is not None:
            raise RiffeduError("a mask over the tokens cannot be recorded: leave it out")

        def heads(x: Tensor) -> Tensor:
            return x.unflatten(-1, (layer.heads, -1)).transpose(1, 2)

        queries = heads(layer.to_q(hidden_states))
        keys, values = (heads(to(encoder_hidden_states)) for to in (layer.to_k, layer.to_v))
        answers, shares = attend(queries, keys, values)
        self.keep(shares.detach())
        return layer.to_out[0](answers.transpose(1, 2).flatten(2))


def words(tokenizer: Any, text: str) -> list[tuple[str, list[int]]]:
    """The words of a prompt, each with the places of its tokens among the token states.

    For the states of `riffedu.diffusion.guidance.encode_weighted`: brackets and weights are left out, and a
    prompt of several parts goes on in the next part. Signs such as commas count as words.
    Notebook: 10_text_and_guidance.
    """
    size = tokenizer.model_max_length
    room = size - tokenizer.num_special_tokens_to_add()
    found: list[tuple[str, list[int]]] = []
    count = 0
    for piece, _ in parse_weights(text):
        told = tokenizer(piece, add_special_tokens=False, verbose=False)
        before = None
        for word in told.word_ids():
            part, within = divmod(count, room)
            count += 1
            if part >= LONGEST:
                return found
            if word != before:
                start, end = told.word_to_chars(word)
                found.append((piece[start:end].strip(), []))
            before = word
            found[-1][1].append(part * size + 1 + within)
    return found


def by_word(maps: Tensor, tokenizer: Any, text: str) -> dict[str, Tensor]:
    """`Seen.maps`, a word's tokens added up: word → its share at each place ``(height, width)``.

    What is left, the tokens for start, end and filling and signs such as commas, is under
    `NO_WORD`, so that all of them sum to 1. A word that comes again gets a number. Notebook: 10_text_and_guidance.
    """
    shares: dict[str, Tensor] = {}
    for word, places in words(tokenizer, text):
        if any(map(str.isalnum, word)):
            again = sum(name.split(" (")[0] == word for name in shares)
            shares[f"{word} ({again + 1})" if again else word] = maps[places].sum(0)
    shares[NO_WORD] = maps.sum(0) - sum(shares.values())
    return shares


def _plain(layer: Any) -> bool:
    """Whether a diffusers attention layer does nothing but softmax(QKᵀ/√d)V between its maps."""
    extra = (
        "group_norm",
        "spatial_norm",
        "norm_cross",
        "norm_q",
        "norm_k",
        "added_kv_proj_dim",
        "residual_connection",
    )
    return (
        not any(getattr(layer, name, None) for name in extra)
        and layer.scale_qk
        and layer.rescale_output_factor == 1
    )
