"""Write a checkpoint folder as one file in the original layout of Stable Diffusion v1.

The inverse of diffusers' converter: the names are those of the original code
(CompVis/stable-diffusion), derived from the structure of the networks.
"""

from pathlib import Path

from safetensors.torch import load_file, save_file

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def replaced(text: str, names: dict[str, str]) -> str:
    for ours, theirs in names.items():
        if text.startswith(ours + ".") or text == ours:
            return theirs + text[len(ours) :]
    return text


def unet_name(name: str, layers: int, attention_up: set[int]) -> str:
    kind, number, rest = [*name.split(".", 2), "", ""][:3]
    if kind == "mid_block":
        index, inner = rest.split(".", 1)
        if number == "attentions":
            return f"middle_block.1.{inner}"
        return f"middle_block.{2 * int(index)}.{replaced(inner, RESNET)}"
    if kind not in ("down_blocks", "up_blocks"):
        return replaced(name, ENDS)
    block, (which, index, inner) = int(number), rest.split(".", 2)
    down = kind == "down_blocks"
    side = "input_blocks" if down else "output_blocks"
    place = block * (layers + 1) + int(index) + down
    if which == "downsamplers":
        return f"{side}.{(block + 1) * (layers + 1)}.0.op{inner.removeprefix('conv')}"
    if which == "upsamplers":
        last = 2 if block in attention_up else 1
        return f"{side}.{block * (layers + 1) + layers}.{last}.{inner}"
    if which == "attentions":
        return f"{side}.{place}.1.{inner}"
    return f"{side}.{place}.0.{replaced(inner, RESNET)}"


def vae_name(name: str, blocks: int) -> str:
    half, _, rest = name.partition(".")
    if half not in ("encoder", "decoder"):
        return name
    parts = rest.split(".")
    if parts[0] == "mid_block" and parts[1] == "attentions":
        return f"{half}.mid.attn_1.{replaced('.'.join(parts[3:]), ATTENTION)}"
    inner = ".".join(parts[4:]).replace("conv_shortcut", "nin_shortcut")
    if parts[0] == "mid_block":
        inner = ".".join(parts[3:])
        return f"{half}.mid.block_{int(parts[2]) + 1}.{inner}"
    if parts[0] in ("down_blocks", "up_blocks"):
        up = parts[0] == "up_blocks"
        block = blocks - 1 - int(parts[1]) if up else int(parts[1])
        way = "up" if up else "down"
        if parts[2].endswith("samplers"):
            return f"{half}.{way}.{block}.{way}sample.{inner}"
        return f"{half}.{way}.{block}.block.{parts[3]}.{inner}"
    return f"{half}.{rest.replace('conv_norm_out', 'norm_out')}"


def write_single_file(folder: Path, path: Path, half: bool = False, drop: str = "") -> Path:
    """Write the checkpoint in ``folder`` as one file; leave out names that contain ``drop``."""
    import json

    unet = json.loads((folder / "unet" / "config.json").read_text())
    vae = json.loads((folder / "vae" / "config.json").read_text())
    layers = unet["layers_per_block"]
    attention_up = {i for i, kind in enumerate(unet["up_block_types"]) if "CrossAttn" in kind}
    weights = {}
    for name, tensor in load_file(folder / "unet/diffusion_pytorch_model.safetensors").items():
        weights["model.diffusion_model." + unet_name(name, layers, attention_up)] = tensor
    for name, tensor in load_file(folder / "vae/diffusion_pytorch_model.safetensors").items():
        new = vae_name(name, len(vae["block_out_channels"]))
        if ".attn_1." in new and "norm" not in new and new.endswith("weight"):
            tensor = tensor[:, :, None, None]
        weights["first_stage_model." + new] = tensor
    for name, tensor in load_file(folder / "text_encoder/model.safetensors").items():
        name = name if name.startswith("text_model.") else "text_model." + name
        weights["cond_stage_model.transformer." + name] = tensor
    kept = {
        name: (tensor.half() if half else tensor).contiguous()
        for name, tensor in weights.items()
        if not drop or drop not in name
    }
    save_file(kept, path)
    return path
