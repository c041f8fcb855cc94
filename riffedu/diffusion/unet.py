"""Lesson 08b: inside the U-Net.

A U-Net sees noisy latents ``x (n, channels, rows, columns)`` at several resolutions. On the way
down each level halves rows and columns; on the way up each level doubles them again and also
receives what the way down had found at this resolution, the skip connections (dotted):

    full size   x → in → down 0 ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄→ up 2 → out → prediction
    half              ↘ down 1 ┄┄┄┄┄┄┄┄┄┄┄┄→ up 1 ↗
    quarter                ↘ down 2 → mid → up 0 ↗

Source: Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation"
(2015); with time and words: Ho et al. (2020), Rombach et al. (2022).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from torch import Tensor

WORDS = "words"
TIME = "time"


def timestep_embedding(timesteps: Tensor, width: int, longest: float = 10_000.0) -> Tensor:
    """Represent times as cosines and sines of many frequencies: ``(n,)`` → ``(n, width)``.

        e = [cos(t ω_0), cos(t ω_1), …, sin(t ω_0), sin(t ω_1), …],   ω_i = longest^(−2 i / width)

    One number becomes a pattern from which a linear layer can read both fine and coarse differences
    of time, like the hands of a clock. Equal to diffusers' `Timesteps` with ``flip_sin_to_cos``.
    Source: Vaswani et al., "Attention Is All You Need" (2017), §3.5. Notebook: 08b_unet.
    """
    import torch

    half = width // 2
    frequencies = torch.exp(-math.log(longest) * torch.arange(half) / half)
    angles = timesteps.float()[:, None] * frequencies.to(timesteps.device)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def residual_block(block: Any, x: Tensor, time: Tensor) -> Tensor:
    """Compute a diffusers `ResnetBlock2D` by hand from its weights.

        h = conv₁(silu(norm₁(x))) + W silu(time),   y = shortcut(x) + conv₂(silu(norm₂(h)))

    ``x (n, c, rows, columns)``, ``time (n, d)`` the time embedding after its MLP; returns ``(n, c′,
    rows, columns)``. The norms are group norms, the convolutions are 3 × 3, and the shortcut is the
    identity, or a 1 × 1 convolution where c′ ≠ c. Because the block adds to its input, a block that
    has learnt nothing passes it on. Source: He et al., "Deep Residual Learning" (2016). Notebook:
    08b_unet.
    """
    import torch.nn.functional as F

    h = block.conv1(F.silu(group_norm(block.norm1, x)))
    h = h + block.time_emb_proj(F.silu(time))[:, :, None, None]
    h = block.conv2(F.silu(group_norm(block.norm2, h)))
    shortcut = x if block.conv_shortcut is None else block.conv_shortcut(x)
    return shortcut + h


def group_norm(norm: Any, x: Tensor) -> Tensor:
    """Normalise groups of channels to mean 0 and variance 1, then scale and shift each channel.

        y = γ (x − mean) / √(variance + ε) + β,   mean and variance per item and group

    ``x (n, c, rows, columns)``. Source: Wu and He, "Group Normalization" (2018). Notebook:
    08b_unet.
    """
    n, c, rows, columns = x.shape
    groups = x.reshape(n, norm.num_groups, -1)
    mean = groups.mean(-1, keepdim=True)
    variance = groups.var(-1, keepdim=True, unbiased=False)
    normalised = ((groups - mean) / (variance + norm.eps).sqrt()).reshape(x.shape)
    return normalised * norm.weight[:, None, None] + norm.bias[:, None, None]


def attend(queries: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Compute scaled dot-product attention: (output, attention weights).

        A = softmax(Q Kᵀ / √d),    output = A V

    ``queries (…, positions, d)``, ``keys (…, tokens, d)``, ``values (…, tokens, m)``; the output is
    ``(…, positions, m)``, the weights are ``(…, positions, tokens)``, non-negative, and sum to 1
    over the tokens. Subtracting the largest score first keeps the exponential finite and does not
    change the weights. Source: Vaswani et al., "Attention Is All You Need" (2017), eq. 1.
    Notebooks: 08b_unet, 10_text_and_guidance.
    """
    scores = queries @ keys.transpose(-1, -2) / math.sqrt(queries.shape[-1])
    exponentials = (scores - scores.amax(-1, keepdim=True)).exp()
    weights = exponentials / exponentials.sum(-1, keepdim=True)
    return weights @ values, weights


def attention(layer: Any, x: Tensor, context: Tensor | None = None) -> Tensor:
    """Compute a diffusers `Attention` layer by hand from its weights: `attend` in several heads.

    ``x (n, positions, width)`` asks; ``context (n, tokens, width′)`` answers: the token states of
    the words (cross-attention), or by default x itself (self-attention). Each head works on its own
    share of the channels. Returns ``(n, positions, width)``. Notebook: 08b_unet.
    """
    source = x if context is None else context

    def split(each: Tensor) -> Tensor:
        return each.unflatten(-1, (layer.heads, -1)).transpose(1, 2)

    queries, keys, values = layer.to_q(x), layer.to_k(source), layer.to_v(source)
    output, _ = attend(split(queries), split(keys), split(values))
    return layer.to_out[0](output.transpose(1, 2).flatten(2))


class Block(NamedTuple):
    """One part of a U-Net: ``name``, module, weights, and the shape of its output."""

    name: str
    module: Any
    parameters: int
    attention: bool
    shape: tuple[int, ...]


def modules(unet: Any) -> dict[str, Any]:
    """Return the parts of a diffusers U-Net in the order of the data flow: name → module."""
    return {
        "in": unet.conv_in,
        **{f"down {n}": block for n, block in enumerate(unet.down_blocks)},
        "mid": unet.mid_block,
        **{f"up {n}": block for n, block in enumerate(unet.up_blocks)},
        "out": unet.conv_out,
    }


@contextmanager
def record_activations(unet: Any) -> Iterator[dict[str, Tensor]]:
    """Record the output of every part of a U-Net in a ``with`` block: name → ``(n, c, h, w)``.

    The names are those of `modules`. The hooks are removed at the end, even after an error.
    Notebook: 08b_unet.
    """
    record: dict[str, Tensor] = {}

    def keep(name: str) -> Callable:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            record[name] = (output[0] if isinstance(output, tuple) else output).detach()

        return hook

    hooks = [part.register_forward_hook(keep(name)) for name, part in modules(unet).items()]
    try:
        yield record
    finally:
        for hook in hooks:
            hook.remove()


def weights(*parts: Any) -> int:
    """Count the trained numbers of modules: weights and biases."""
    return sum(each.numel() for part in parts for each in part.parameters())


def blocks(unet: Any, x: Tensor, timestep: int, words: Tensor) -> list[Block]:
    """Return every part of a U-Net with the shape of its output for one prediction.

    ``x (n, channels, rows, columns)``, ``words (n, tokens, width)``. The norm before the last
    convolution counts as a part of "out". The network that reads the time is in no block. Notebook:
    08b_unet.
    """
    import torch

    with torch.no_grad(), record_activations(unet) as record:
        unet(x, timestep, words)
    return [
        Block(
            name,
            part,
            weights(part, unet.conv_norm_out) if name == "out" else weights(part),
            bool(getattr(part, "attentions", None)),
            tuple(record[name].shape[1:]),
        )
        for name, part in modules(unet).items()
    ]


class Skip(NamedTuple):
    """A skip connection from the part ``source`` into ``target``, and the shape of its tensor.

    ``halved`` says that it is taken behind the source's halving, not before.
    """

    source: str
    halved: bool
    target: str
    shape: tuple[int, ...]


def skips(unet: Any, x: Tensor, timestep: int, words: Tensor) -> list[Skip]:
    """Follow the skip connections of a U-Net through one prediction, in order.

    Hooks note what each part of the way down outputs, and which of it each block of the way up
    receives. Arguments as for `blocks`. Notebook: 08b_unet.
    """
    import torch

    made: list[tuple[Tensor, str, bool]] = []
    taken: list[tuple[Tensor, str]] = []

    def give(name: str) -> Callable:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            last, each = output if isinstance(output, tuple) else (None, (output,))
            halves = getattr(module, "downsamplers", None) is not None
            made.extend((tensor, name, halves and tensor is last) for tensor in each)

        return hook

    def take(name: str) -> Callable:
        def hook(module: Any, inputs: Any, options: dict) -> None:
            taken.extend((tensor, name) for tensor in options["res_hidden_states_tuple"])

        return hook

    hooks = []
    for name, part in modules(unet).items():
        if name.startswith("up"):
            hooks.append(part.register_forward_pre_hook(take(name), with_kwargs=True))
        elif name.startswith(("in", "down")):
            hooks.append(part.register_forward_hook(give(name)))
    try:
        with torch.no_grad():
            unet(x, timestep, words)
    finally:
        for handle in hooks:
            handle.remove()
    return [
        Skip(source, halved, target, tuple(tensor.shape[1:]))
        for tensor, source, halved in made
        for other, target in taken
        if other is tensor
    ]


def switches(unet: Any) -> list[str]:
    """Return the names of what `without` can switch off: words, time, skips, attention.

    ``"skips up 0"`` are the skip connections into that block of the way up; the last block is the
    finest. ``"attention down 1"`` is the attention in that block, to the picture and to the words.
    """
    with_attention = [
        name for name, part in modules(unet).items() if getattr(part, "attentions", None)
    ]
    return [
        WORDS,
        TIME,
        *(f"skips up {n}" for n in range(len(unet.up_blocks))),
        *(f"attention {name}" for name in with_attention),
    ]


@contextmanager
def without(unet: Any, *names: str) -> Iterator[None]:
    """Switch parts of a U-Net off in a ``with`` block; `switches` lists the names.

    "words" sets the token states to zero, "time" the time embedding, and "skips up n" the skip
    connections into that block. "attention …" bypasses that attention, so its input passes
    unchanged. On exit, even after an error, the U-Net is restored. Raises RiffeduError for an
    unknown name. Notebook: 08b_unet.
    """
    known = switches(unet)
    if unknown := [name for name in names if name not in known]:
        raise RiffeduError(f"{unknown[0]!r} is not a part of this U-Net: choose from {known}")
    hooks: list[Any] = []
    try:
        for name in names:
            hooks += _switch_off(unet, name)
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _switch_off(unet: Any, name: str) -> list[Any]:
    """Register the hooks that switch one part off."""
    if name == TIME:
        return [unet.time_embedding.register_forward_hook(lambda m, i, output: 0 * output)]
    if name == WORDS:
        return [unet.register_forward_pre_hook(_without_words, with_kwargs=True)]
    kind, _, where = name.partition(" ")
    if kind == "skips":
        block = modules(unet)[where]
        return [block.register_forward_pre_hook(_without_skips, with_kwargs=True)]
    layers = modules(unet)[where].attentions
    return [layer.register_forward_hook(_pass_input) for layer in layers]


def _without_words(module: Any, inputs: tuple, options: dict) -> tuple[tuple, dict]:
    """Set the token states of a call ``unet(x, t, words)`` to zero."""
    if "encoder_hidden_states" in options:
        return inputs, {**options, "encoder_hidden_states": 0 * options["encoder_hidden_states"]}
    return (*inputs[:2], 0 * inputs[2], *inputs[3:]), options


def _without_skips(module: Any, inputs: tuple, options: dict) -> tuple[tuple, dict]:
    """Set the skip connections into a block of the way up to zero."""
    skips = tuple(0 * each for each in options["res_hidden_states_tuple"])
    return inputs, {**options, "res_hidden_states_tuple": skips}


def _pass_input(module: Any, inputs: tuple, output: Any) -> Any:
    """Return the input of a transformer in place of its output."""
    return (inputs[0],) if isinstance(output, tuple) else inputs[0]


def receptive_field(unet: Any, x: Tensor, timestep: int, words: Tensor, name: str) -> Tensor:
    """Measure which cells of ``x`` influence the middle of a part's output: ``(rows, columns)``.

    The size of the gradient of the middle position's channels with respect to x, summed over the
    channels of x and divided by the largest
    sum. ``name`` is one of `modules`. Attention and group norms
    let every cell have some influence; convolutions make the near ones large. Notebook: 08b_unet.
    """
    import torch

    asked = x.detach().clone().requires_grad_(True)
    found: list[Tensor] = []

    def hook(module: Any, inputs: Any, output: Any) -> None:
        found.append(output[0] if isinstance(output, tuple) else output)

    handle = modules(unet)[name].register_forward_hook(hook)
    try:
        with torch.enable_grad():
            unet(asked, timestep, words)
            output = found[0]
            middle = output[0, :, output.shape[2] // 2, output.shape[3] // 2]
            [gradient] = torch.autograd.grad(middle.square().sum(), asked)
    finally:
        handle.remove()
    size = gradient[0].abs().sum(0)
    return size / size.max()
