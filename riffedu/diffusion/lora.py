"""Lesson 14: LoRA, a low-rank change of a trained network, and its files.

A trained layer keeps its weights W. Beside it are two thin matrices, A (r × in) and B (out × r),
and their product is added to what the layer computes::

    y = W x + strength · (α / r) · B A x

Only A and B are trained. B starts at zero, so at first nothing changes. In a convolution A is a
convolution with r output channels, of the layer's own kernel and stride, and B one of kernel 1 × 1.

    lora = add_lora(unet, rank=8)                  # a new one, to be trained
    lora.save("my-lora.safetensors")
    lora = load_lora(unet, "my-lora.safetensors")  # anyone's, in the format of diffusers
    lora.strength = 0.8                            # at any time, while it plays too
    lora.remove()

Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021).
Notebook: 14_train_your_own.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.output import write_tensors

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("attention", "convolution")
ATTENTION = re.compile(r"\.to_(q|k|v|out\.0)$")
STRONGEST = 2.0

# Endings of a tensor's name, in the files of diffusers (new, old), peft and kohya's scripts.
DOWN = re.compile(r"(\.lora_A(\.\w+)?|[._]lora(_linear_layer)?\.down|\.lora_down)\.weight$")
UP = re.compile(r"(\.lora_B(\.\w+)?|[._]lora(_linear_layer)?\.up|\.lora_up)\.weight$")
UNKNOWN = re.compile(r"hada_w|lokr_|lora_mid|lora_magnitude_vector|dora_scale|oft_")


def low_rank_pair(layer: Any, rank: int, alpha: float) -> Any:
    """Return A and B for a layer, as a network of two layers without biases.

        pair(x) = B A x,   A: in → rank, random;   B: rank → out, zero

    ``layer`` is a torch ``Linear`` or ``Conv2d``. The pair has two numbers of its own: ``scale`` is
    α / rank, ``strength`` is 1. A is initialised as torch initialises a layer. Notebook:
    14_train_your_own.
    """
    from torch import nn

    if isinstance(layer, nn.Conv2d):
        shape = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        down = nn.Conv2d(layer.in_channels, rank, *shape, bias=False)  # type: ignore[arg-type]
        up: Any = nn.Conv2d(rank, layer.out_channels, 1, bias=False)
    else:
        down = nn.Linear(layer.in_features, rank, bias=False)
        up = nn.Linear(rank, layer.out_features, bias=False)
    nn.init.zeros_(up.weight)
    pair: Any = nn.Sequential(down, up).to(layer.weight.device, layer.weight.dtype)
    pair.scale, pair.strength = alpha / rank, 1.0
    return pair


def add_changes(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """Add to a layer's output what its pairs compute: a forward hook.

        y + Σ strength · scale · B A x

    A pair of strength 0 is not computed: the output is then exactly the layer's own. Notebook:
    14_train_your_own.
    """
    for pair in layer.changes:
        if pair.strength:
            output = output + pair.strength * pair.scale * pair(inputs[0])
    return output


def weight_change(pair: Any) -> Tensor:
    """Return the change ΔW = strength · (α / r) · B A that a pair makes to its layer's weights.

    It has the shape of the layer's weights: ``(out, in)``, or ``(out, in, height, width)`` of a
    convolution. The layer with weights W + ΔW computes the same as the layer and its pair.
    Notebook: 14_train_your_own.
    """
    a, b = pair[0].weight, pair[1].weight
    product = b.flatten(1) @ a.flatten(1)
    return pair.strength * pair.scale * product.reshape(len(b), *a.shape[1:])


@dataclass(eq=False)
class Lora:
    """One low-rank change of a network: a pair of matrices per layer.

    ``pairs`` maps a layer's name to its pair. ``name`` is for people. Several can change the same
    network: their changes are summed. Notebook: 14_train_your_own.
    """

    network: Any
    pairs: dict[str, Any]
    name: str = ""
    _hooks: list[Any] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        from torch import nn

        for name, pair in self.pairs.items():
            layer = self.network.get_submodule(name)
            if not hasattr(layer, "changes"):
                layer.changes = nn.ModuleList()
                layer.changes_hook = layer.register_forward_hook(add_changes)
            layer.changes.append(pair)

    @property
    def strength(self) -> float:
        """How much of the change is applied: 0 is none, 1 is what was trained, at most 2."""
        return next(iter(self.pairs.values())).strength

    @strength.setter
    def strength(self, value: float) -> None:
        value = limits.number("the strength of a LoRA", value, 0, STRONGEST)
        for pair in self.pairs.values():
            pair.strength = value

    @contextmanager
    def off(self) -> Iterator[None]:
        """Switch this change off inside a ``with`` block."""
        kept = self.strength
        self.strength = 0
        try:
            yield
        finally:
            self.strength = kept

    @property
    def attached(self) -> bool:
        """Whether the network has this change; False after `remove`."""
        name, pair = next(iter(self.pairs.items()))
        return any(
            pair is each for each in getattr(self.network.get_submodule(name), "changes", ())
        )

    @property
    def module(self) -> Any:
        """All pairs as one torch module: what an optimizer or `riffedu.training.loop` trains."""
        from torch import nn

        return nn.ModuleList(self.pairs.values())

    @property
    def weights(self) -> int:
        """The number of weights in all pairs."""
        return sum(each.numel() for each in self.module.parameters())

    def remove(self) -> None:
        """Take the change off; the network is then as it was before. A second call does nothing."""
        for name, pair in self.pairs.items():
            layer = self.network.get_submodule(name)
            left = [each for each in getattr(layer, "changes", ()) if each is not pair]
            if left:
                layer.changes = type(layer.changes)(left)
            elif hasattr(layer, "changes"):
                layer.changes_hook.remove()
                del layer.changes, layer.changes_hook

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights by the names that diffusers gives them, with α / r in B.

        ``unet.LAYER.lora_A.weight`` and ``unet.LAYER.lora_B.weight``. Without an α in the file,
        programs take α = r, so the factor belongs in the weights.
        """
        found = {}
        for name, pair in self.pairs.items():
            found[f"unet.{name}.lora_A.weight"] = pair[0].weight.detach().cpu().contiguous()
            found[f"unet.{name}.lora_B.weight"] = (pair.scale * pair[1].weight).detach().cpu()
        return found

    def save(self, path: str | Path, half: bool = False) -> Path:
        """Write a safetensors file in the format of diffusers; ``half`` for float16.

        The strength is not saved: a file contains what was trained. The file is written whole or
        not at all. Raises RiffeduError for another ending than ``.safetensors``, and as
        `riffedu.output.write_tensors` does.
        """
        path = check_name(path).expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {k: (v.half() if half else v).contiguous() for k, v in self.tensors().items()}
        write_tensors(path, tensors, {"format": "pt"})
        return path


def layer_names(network: Any, kinds: Any = KINDS) -> list[str]:
    """Return the names of the layers that a LoRA changes.

    "attention": the projections to queries, keys, values and output, of a diffusers network.
    "convolution": every convolution. Raises RiffeduError for another kind, or if there is none.
    Notebook: 14_train_your_own.
    """
    from torch import nn

    kinds = [limits.one_of("kinds", kind, KINDS) for kind in kinds]
    found = [
        name
        for name, layer in network.named_modules()
        if ("attention" in kinds and isinstance(layer, nn.Linear) and ATTENTION.search(name))
        or ("convolution" in kinds and isinstance(layer, nn.Conv2d) and layer.groups == 1)
    ]
    found = [name for name in found if ".changes." not in name]
    if not found:
        raise RiffeduError(f"this network has no layer of the kinds {', '.join(kinds) or 'given'}")
    return found


def add_lora(
    network: Any,
    rank: int = 8,
    alpha: float | None = None,
    kinds: Any = KINDS,
    seed: int = 0,
    name: str = "new",
) -> Lora:
    """Add a new LoRA of strength 1 to a network. Nothing changes until it is trained.

    ``rank`` is r, ``alpha`` is α (default: r), ``kinds`` as in `layer_names`, ``seed`` draws A. The
    network's own weights are frozen: only A and B have gradients. Notebook: 14_train_your_own.
    """
    import torch

    rank = limits.whole("the rank of a LoRA", rank, 1, 1024)
    network.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pairs = {
            each: low_rank_pair(network.get_submodule(each), rank, rank if alpha is None else alpha)
            for each in layer_names(network, kinds)
        }
    return Lora(network, pairs, name)


def load_lora(network: Any, path: str | Path, strength: float = 1.0) -> Lora:
    """Add a LoRA from a file: one of riffedu, or any made for the same U-Net.

    Reads the safetensors files of diffusers (``lora_A.weight`` and the older ``lora.down.weight``),
    of peft and of kohya's scripts (``lora_unet_….lora_down.weight`` with ``alpha``), which most
    Stable Diffusion LoRAs are. Changes to the text encoder are left out, with a warning.

    Raises RiffeduError if the file is missing, pickled, not a LoRA, or made for another network.
    Notebook: 14_train_your_own.
    """
    import torch

    path = Path(path)
    strength = limits.number("the strength of a LoRA", strength, 0, STRONGEST)
    tensors, metadata = _read(path)
    pairs = {}
    for name, (a, b, alpha) in _by_layer(network, tensors, metadata, path).items():
        layer = network.get_submodule(name)
        pair = low_rank_pair(layer, len(a), alpha)
        for what, own, read in (("A", pair[0].weight, a), ("B", pair[1].weight, b)):
            if own.numel() != read.numel() or own.shape[:2] != read.shape[:2]:
                raise RiffeduError(
                    f"{path} was made for another model: the {what} of {name} is "
                    f"{tuple(read.shape)}, and this U-Net needs {tuple(own.shape)}"
                )
            with torch.no_grad():
                own.copy_(read.reshape(own.shape))
        pairs[name] = pair.requires_grad_(False)
    lora = Lora(network, pairs, path.stem)
    lora.strength = strength
    return lora


def parse_strength(text: str | Path) -> tuple[Path, float]:
    """Split ``FILE:0.8`` into file and strength; without a number the strength is 1.

    >>> parse_strength("mine.safetensors:0.5")[1], parse_strength("mine.safetensors")[1]
    (0.5, 1.0)
    """
    file, colon, number = str(text).rpartition(":")
    try:
        strength = float(number)
    except ValueError:
        return check_name(text), 1.0
    if not colon:
        return check_name(text), 1.0
    return check_name(file), limits.number("the strength of a LoRA", strength, 0, STRONGEST)


def check_name(path: str | Path) -> Path:
    """Return ``path`` if it ends in ``.safetensors``, else raise RiffeduError."""
    if Path(path).suffix.lower() != ".safetensors":
        raise RiffeduError(
            f"a LoRA is a .safetensors file, not {str(path)!r} (.bin, .pt and .ckpt files can run "
            "code when they are loaded)"
        )
    return Path(path)


def check_file(path: str | Path) -> Path:
    """Return ``path`` if it is an existing ``.safetensors`` file, else raise RiffeduError."""
    path = check_name(path)
    if not path.is_file():
        raise RiffeduError(f"there is no LoRA file {path}")
    return path


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors of a safetensors file, and what diffusers noted about the adapter."""
    from safetensors import SafetensorError, safe_open

    check_file(path)
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            noted = json.loads((file.metadata() or {}).get("lora_adapter_metadata", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise RiffeduError(f"{path} can't be read as safetensors: {error}") from error
    return tensors, noted if isinstance(noted, dict) else {}


def _by_layer(
    network: Any, tensors: dict[str, Tensor], noted: dict[str, Any], path: Path
) -> dict[str, tuple[Tensor, Tensor, float]]:
    """Return A, B and α for each layer of the network that the file names."""
    from torch import nn

    if strange := next((key for key in tensors if UNKNOWN.search(key)), None):
        raise RiffeduError(
            f"{path} is another kind of adapter ({strange}): riffedu reads LoRA only, "
            "not LoHa, LoKr, OFT, DoRA or LoCon with a middle matrix"
        )
    layers = [n for n, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    known = {n: n for n in layers} | {n.replace(".", "_"): n for n in layers}
    found: dict[str, dict[str, Any]] = {}
    words, missing = 0, []
    for key, value in tensors.items():
        side = "down" if DOWN.search(key) else "up" if UP.search(key) else None
        stem = DOWN.sub("", UP.sub("", key)).removesuffix(".alpha")
        if side is None and not key.endswith(".alpha"):
            continue
        if re.match(r"(text_encoder|lora_te)", stem):
            words += side == "down"
            continue
        stem = re.sub(r"^(base_model\.model\.|lora_unet_)?(unet\.)?", "", stem)
        stem = stem.replace(".processor.", ".")
        stem = stem + ".0" if stem.endswith("to_out") else stem
        if stem in known:
            found.setdefault(known[stem], {})[side or "alpha"] = value
        elif side == "down":
            missing.append(stem)
    if missing:
        raise RiffeduError(
            f"{path} was made for another model: this U-Net has no layer {missing[0]}"
            + (f" and {len(missing) - 1} more" if missing[1:] else "")
        )
    if broken := next((n for n, each in found.items() if not {"down", "up"} <= each.keys()), None):
        raise RiffeduError(f"{path} is incomplete: {broken} has only one of its two matrices")
    if not found:
        raise RiffeduError(
            f"{path} contains no LoRA for a U-Net" + (", only words" if words else "")
        )
    if words:
        warnings.warn(
            f"{path.name} also changes {words} layers of the text encoder: they are left out",
            stacklevel=3,
        )
    return {
        name: (each["down"], each["up"], _alpha(name, each, noted)) for name, each in found.items()
    }


def _alpha(name: str, each: dict[str, Any], noted: dict[str, Any]) -> float:
    """Return α of a layer: the file's own, else what diffusers noted, else the rank."""
    rank = len(each["down"])
    if "alpha" in each:
        return float(each["alpha"])
    patterns = noted.get("unet.alpha_pattern") or {}
    own = next((a for end, a in patterns.items() if f".{name}".endswith(f".{end}")), None)
    alpha = own if own is not None else noted.get("unet.lora_alpha", rank)
    return float(alpha) * (math.sqrt(rank) if noted.get("unet.use_rslora") else 1)
