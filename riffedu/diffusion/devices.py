"""Lesson 09: the device that runs the networks, and its preferred precision.

Noise is always drawn on the CPU and then moved, so that a seed gives the same music everywhere;
devices differ only in rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str | torch.device = "auto") -> torch.device:
    """Return the torch device with a name in `DEVICES`, or such as ``"cuda:1"``.

    ``"auto"`` is a CUDA GPU if there is one, else Apple's GPU (``"mps"``), else the CPU. A
    ``torch.device`` is returned as it is. Raises RiffeduError for an unknown name and for a device
    that torch can't use here. Notebook: 09_latents.
    """
    import torch

    if isinstance(name, torch.device):
        return name
    kind, _, number = str(name).lower().partition(":")
    if kind not in DEVICES or (number and not (kind == "cuda" and number.isdecimal())):
        raise RiffeduError(f"the device must be one of {', '.join(DEVICES)}, not {name!r}")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    if kind == "auto":
        kind = "cuda" if gpus else "mps" if mps else "cpu"
    if kind == "cuda" and not gpus:
        why = "sees no CUDA GPU" if torch.version.cuda else "is built without CUDA"
        raise RiffeduError(f"device {name!r} is not available (torch {why}): use cpu or auto")
    if kind == "mps" and not mps:
        raise RiffeduError(
            f"device {name!r} is not available (torch sees no Apple GPU): use cpu or auto"
        )
    if number and int(number) >= gpus:
        raise RiffeduError(f"device {name!r} is not available: torch sees {gpus} GPUs (0-based)")
    return torch.device(f"{kind}:{number}" if number else kind)


def likes_half(device: torch.device) -> bool:
    """Return whether a device is faster in float16: Apple's GPUs, and CUDA GPUs since Volta."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (7, 0)
    return device.type == "mps"


def run_in_half(network: Any, dtype: torch.dtype | None = None) -> None:
    """Keep a network's weights in half precision; its inputs and outputs stay float32.

    ``dtype`` is float16 by default. Latents, noise levels and samplers keep full precision, so that
    the rounding of one step does not add up over the steps. Notebook: 09_latents.
    """
    import torch

    half = dtype or torch.float16

    def cast(value: Any, to: torch.dtype) -> Any:
        if isinstance(value, torch.Tensor):
            return value.to(to) if value.is_floating_point() and value.ndim else value
        if isinstance(value, (list, tuple)):
            return type(value)(cast(each, to) for each in value)
        return value

    def before(_: Any, args: tuple, options: dict) -> tuple[tuple, dict]:
        return cast(args, half), {name: cast(value, half) for name, value in options.items()}

    def after(_: Any, args: tuple, output: Any) -> Any:
        if hasattr(output, "sample"):  # diffusers' output with return_dict=True
            output.sample = output["sample"] = cast(output.sample, torch.float32)
            return output
        return cast(output, torch.float32)

    network.to(half)
    network.register_forward_pre_hook(before, with_kwargs=True)
    network.register_forward_hook(after)
