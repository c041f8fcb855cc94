"""The fastest way to take a training step on this machine, found by trying it.

What pays differs from machine to machine: bfloat16 is nine times faster than float32 where the
processor multiplies it in tiles (AMX), and a hundred times slower where it has to be emulated;
fused attention is made for long sequences and loses on 64 tokens. So one step of training's own
shapes is timed each way. Nothing here changes what is computed, but for rounding.

Taught in lesson 14.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

COMPILE_FROM = 30.0  # minutes of training from which six minutes of compiling pay


def seconds_per_step(step: Callable[[], Any], repeats: int = 2) -> float:
    """The shortest of ``repeats`` runs of ``step()`` after one that warms up."""
    step()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


def plain_attention(unet: Any) -> Any:
    """Attention as three plain products instead of PyTorch's fused one; returns ``unet``."""
    from diffusers.models.attention_processor import AttnProcessor

    if hasattr(unet, "set_attn_processor"):
        unet.set_attn_processor(AttnProcessor())
    for layer in unet.modules():
        if hasattr(layer, "upcast_softmax"):
            layer.upcast_softmax = False  # bfloat16 has float32's range: nothing overflows
    return unet


def half_precision(device: str) -> Any:
    """A context in which products are taken in bfloat16 and weights stay float32."""
    import torch

    return torch.autocast(device, torch.bfloat16)


def fastest_precision(unet: Any, inputs: Any, device: str = "cpu") -> Any:
    """``half_precision`` or no change, whichever makes a forward and backward pass shorter.

    ``inputs``: ``(noisy, times, states)`` of a training batch; on a GPU half precision is taken.
    """
    if device != "cpu":
        return lambda: half_precision(device)
    small = [x[:8] for x in inputs]  # emulated bfloat16 would take minutes with a whole batch

    def seconds(context: Any) -> Any:
        def step() -> None:
            with context():
                loss = unet(*small).sample.float().square().mean()
            loss.backward()
            unet.zero_grad(set_to_none=True)

        return seconds_per_step(step)

    half = lambda: half_precision("cpu")  # noqa: E731
    return half if seconds(half) < 0.9 * seconds(contextlib.nullcontext) else contextlib.nullcontext


def compiled(unet: Any, minutes: float) -> Any:
    """``unet`` compiled for one shape where the run is long enough and a compiler is there.

    The compiled network shares its weights with ``unet``, which is what is saved.
    """
    import shutil

    import torch

    if minutes < COMPILE_FROM or not (shutil.which("g++") or torch.cuda.is_available()):
        return unet
    return torch.compile(unet, dynamic=False)
