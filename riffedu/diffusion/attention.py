"""Lesson 10: cross-attention, and maps of the attention that each word receives in the picture.

In a cross-attention layer every position of the picture has a query, every token has a key and a
value, and each position receives a weighted mean of the values. `record_attention` runs a diffusers
U-Net with the lesson's own `attend` in those layers, and records the attention weights:

    with record_attention(unet) as record:
        predict(x, timestep)
    record.maps(16, 16)[position_of_token]      # the attention to this token across the picture
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from riffedu.diffusion.guidance import MAX_CHUNKS, parse_weights
from riffedu.diffusion.unet import attend
from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "AttentionRecord",
    "attend",
    "grid_shape",
    "maps_by_word",
    "record_attention",
    "word_positions",
]

NO_WORD = "no word"
"""The key for start, end, padding and punctuation tokens in the result of `maps_by_word`."""


@dataclass
class AttentionRecord:
    """The cross-attention weights of the last evaluation of a U-Net.

    ``weights`` maps each layer's name to its weights ``(items, heads, positions, tokens)``. With
    guidance, the batch holds first the items without words (or with the negative prompt), then the
    items with the prompt.
    """

    weights: dict[str, Tensor] = field(default_factory=dict)

    def maps(self, height: int, width: int, item: int = -1, finest: bool = True) -> Tensor:
        """Return attention maps, averaged over heads and layers: ``(tokens, height, width)``.

        ``height`` and ``width`` are those of the latents. With ``finest``, only the layers with the
        finest grid are averaged; otherwise all, with coarser grids enlarged. At each position the
        weights of the tokens sum to 1. ``item`` is an index in the batch; the last item is the
        prompt's, with or without guidance. Raises RiffeduError if nothing was recorded or the size
        does not fit. Source: Tang et al., "What the DAAM: Interpreting Stable Diffusion Using Cross
        Attention" (2023). Notebook: 10_text_and_guidance.
        """
        from torch.nn.functional import interpolate

        if not self.weights:
            raise RiffeduError(
                "nothing was recorded: run the U-Net inside `with record_attention(unet)`"
            )
        layers = list(self.weights.values())
        most = max(weights.shape[2] for weights in layers)
        used = [weights for weights in layers if weights.shape[2] == most or not finest]
        total: Any = 0
        for weights in used:
            rows, columns = grid_shape(weights.shape[2], height, width)
            small = weights[item].mean(0).T.reshape(1, -1, rows, columns)
            total = total + interpolate(small, (height, width), mode="nearest")[0]
        return total / len(used)


def grid_shape(positions: int, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of a layer of ``positions`` positions for latents of this size.

    Each level of a U-Net halves both, rounding up. Raises RiffeduError if no level fits.

    >>> grid_shape(32, 16, 8)
    (8, 4)
    """
    while height * width > positions:
        height, width = -(-height // 2), -(-width // 2)
        if height * width == 1:
            break
    if height * width != positions:
        raise RiffeduError(
            f"a layer with {positions} positions does not fit latents of this size: give the "
            "height and width of the latents that were the U-Net's input"
        )
    return height, width


@contextmanager
def record_attention(unet: Any) -> Iterator[AttentionRecord]:
    """Record the cross-attention of a diffusers U-Net in a ``with`` block: an `AttentionRecord`.

    Inside the block the U-Net's output is the same up to rounding, and a little slower. On exit,
    even after an error, every layer gets its own processor back. Raises RiffeduError for a U-Net
    without cross-attention, or whose cross-attention has more parts than `attend`.
    Notebook: 10_text_and_guidance.
    """
    layers = {
        name: layer
        for name, layer in unet.named_modules()
        if getattr(layer, "is_cross_attention", False)
    }
    if not layers:
        raise RiffeduError("this U-Net has no cross-attention: give a text-conditioned U-Net")
    if unsupported := next((name for name, layer in layers.items() if not _plain(layer)), None):
        raise RiffeduError(
            f"the cross-attention layer {unsupported} has more parts than softmax(QKᵀ/√d)V and "
            "cannot be recorded"
        )
    record, original = AttentionRecord(), {n: layer.processor for n, layer in layers.items()}
    try:
        for name, layer in layers.items():
            layer.set_processor(RecordingProcessor(partial(record.weights.__setitem__, name)))
        yield record
    finally:
        for name, layer in layers.items():
            layer.set_processor(original[name])


class RecordingProcessor:
    """A diffusers attention processor that passes the weights of `attend` to ``on_weights``."""

    def __init__(self, on_weights: Callable[[Tensor], Any]) -> None:
        self.on_weights = on_weights

    def __call__(
        self,
        layer: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """Attend from picture positions ``(items, positions, width)`` to tokens; same shape."""
        if attention_mask is not None:
            raise RiffeduError("attention with a mask over the tokens cannot be recorded: omit it")

        def heads(x: Tensor) -> Tensor:
            return x.unflatten(-1, (layer.heads, -1)).transpose(1, 2)

        queries = heads(layer.to_q(hidden_states))
        keys, values = (heads(f(encoder_hidden_states)) for f in (layer.to_k, layer.to_v))
        output, weights = attend(queries, keys, values)
        self.on_weights(weights.detach())
        return layer.to_out[0](output.transpose(1, 2).flatten(2))


def word_positions(tokenizer: Any, text: str) -> list[tuple[str, list[int]]]:
    """Return the words of a prompt, each with the positions of its tokens in the token states.

    The positions are those in `riffedu.diffusion.guidance.encode_weighted`: brackets and weights
    are not tokens, and a long prompt continues in the next chunk. Punctuation marks count as words.
    Notebook: 10_text_and_guidance.
    """
    size = tokenizer.model_max_length
    room = size - tokenizer.num_special_tokens_to_add()
    found: list[tuple[str, list[int]]] = []
    count = 0
    for piece, _ in parse_weights(text):
        encoding = tokenizer(piece, add_special_tokens=False, verbose=False)
        previous = None
        for word in encoding.word_ids():
            chunk, within = divmod(count, room)
            count += 1
            if chunk >= MAX_CHUNKS:
                return found
            if word != previous:
                start, end = encoding.word_to_chars(word)
                found.append((piece[start:end].strip(), []))
            previous = word
            found[-1][1].append(chunk * size + 1 + within)
    return found


def maps_by_word(maps: Tensor, tokenizer: Any, text: str) -> dict[str, Tensor]:
    """Sum `AttentionRecord.maps` over each word's tokens: word → map ``(height, width)``.

    The remaining tokens (start, end, padding and punctuation) are summed under `NO_WORD`, so that
    the maps sum to 1. A repeated word gets a number. Notebook: 10_text_and_guidance.
    """
    by_word: dict[str, Tensor] = {}
    for word, positions in word_positions(tokenizer, text):
        if any(map(str.isalnum, word)):
            again = sum(name.split(" (")[0] == word for name in by_word)
            by_word[f"{word} ({again + 1})" if again else word] = maps[positions].sum(0)
    by_word[NO_WORD] = maps.sum(0) - sum(by_word.values())
    return by_word


def _plain(layer: Any) -> bool:
    """Whether a diffusers attention layer is plain softmax(QKᵀ/√d)V with linear projections."""
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
