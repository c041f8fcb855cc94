"""Alternative structures of the denoiser, and starting one from the weights of another.

All are diffusers' own U-Net class, so the rest of riffedu does not depend on the choice. `build`
makes one by name. `take_over` copies the weights that fit from a trained network and sets the
output of new parts to zero, so that the new network starts with the predictions of the old one.

Taught in lesson 14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


COMMON = dict(
    sample_size=16,
    in_channels=32,
    out_channels=32,
    layers_per_block=1,
    block_out_channels=(128, 192, 224),
    cross_attention_dim=384,
)
CROSS_DOWN, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"

STRUCTURES: dict[str, dict] = {
    # attention on grids of 8×8 and 4×4 cells only; the caption also joins the time embedding
    "coarse": dict(
        down_block_types=("DownBlock2D", CROSS_DOWN, CROSS_DOWN),
        up_block_types=(CROSS_UP, CROSS_UP, "UpBlock2D"),
        attention_head_dim=8,
        addition_embed_type="text",
    ),
    # the 16×16 cells attend to one another (2 heads of 64), words only on the coarser grids
    "self": dict(
        down_block_types=("AttnDownBlock2D", CROSS_DOWN, CROSS_DOWN),
        up_block_types=(CROSS_UP, CROSS_UP, "AttnUpBlock2D"),
        attention_head_dim=(64, 8, 8),
        addition_embed_type="text",
    ),
    # whole transformer blocks on the 16×16 cells: one another, words, a small network (4 heads)
    "full": dict(
        down_block_types=(CROSS_DOWN,) * 3,
        up_block_types=(CROSS_UP,) * 3,
        attention_head_dim=(4, 8, 8),
    ),
}


def build(name: str, **changes: Any) -> Any:
    """Return a new `diffusers.UNet2DConditionModel` by its name in `STRUCTURES`.

    ``changes`` are added to its configuration.
    """
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**{**COMMON, **STRUCTURES[name], **changes})


def without_pooled_caption(weights: dict, states: torch.Tensor) -> dict:
    """Return the weights of a U-Net without the pooled caption in its time embedding.

    The pooled caption's mean contribution over the token states ``states (n, tokens, width)`` of
    typical captions is added to the time embedding's bias, so only what differs between captions is
    lost.
    """
    import torch
    from diffusers.models.embeddings import TextTimeEmbedding

    pooled = {
        k.removeprefix("add_embedding."): v
        for k, v in weights.items()
        if k.startswith("add_embedding.")
    }
    if not pooled:
        return weights
    width, out = states.shape[-1], len(pooled["proj.bias"])
    embedding = TextTimeEmbedding(width, out, 64)
    embedding.load_state_dict(pooled)
    with torch.no_grad():
        mean = embedding(states).mean(0)
    kept = {k: v for k, v in weights.items() if not k.startswith("add_embedding.")}
    kept["time_embedding.linear_2.bias"] = kept["time_embedding.linear_2.bias"] + mean
    return kept


def take_over(unet: Any, old_weights: dict) -> list[str]:
    """Copy the weights of a trained U-Net that fit into ``unet``; zero the output of new parts.

    A new attention or transformer block adds to its input, ``y = x + W h + b``, so with ``W = 0, b
    = 0`` it starts as the identity. The pooled caption is normalised last, and is set to zero
    there.

    Returns the names of the parameters that were not in ``old_weights``.
    """
    import torch

    own = unet.state_dict()
    fits = {k: v for k, v in old_weights.items() if k in own and v.shape == own[k].shape}
    unet.load_state_dict(fits, strict=False)
    new = [name for name in own if name not in fits]
    last = ("proj_out", "to_out.0", "add_embedding.norm2")
    with torch.no_grad():
        for name, value in unet.named_parameters():
            layer = name.rpartition(".")[0]
            whole_block = "transformer_blocks" not in name  # its proj_out silences all of it
            if name in new and whole_block and layer.endswith(last):
                value.zero_()
    return new
