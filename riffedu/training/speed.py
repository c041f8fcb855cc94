"""Find the fastest way to take a training step on this machine by trying it.

The gain differs between machines: bfloat16 is nine times faster than float32 on a processor with
matrix instructions for it (AMX), and a hundred times slower where it is emulated; fused attention
is made for long sequences and is slower on 64 tokens. So one step with the shapes of training is
timed each way. Apart from rounding, the result is the same.

Taught in lesson 14.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

COMPILE_FROM = 30.0  # minutes of training from which six minutes of compiling pay


def seconds_per_step(step: Callable[[], Any], repeats: int = 2) -> float:
    """Return the shortest time of ``repeats`` calls of ``step()``, after one warm-up call."""
    step()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


def plain_attention(unet: Any) -> Any:
    """Replace PyTorch's fused attention with three plain matrix products; return ``unet``."""
    from diffusers.models.attention_processor import AttnProcessor

    if hasattr(unet, "set_attn_processor"):
        unet.set_attn_processor(AttnProcessor())
    for layer in unet.modules():
        if hasattr(layer, "upcast_softmax"):
            layer.upcast_softmax = False  # bfloat16 has float32's range: nothing overflows
    return unet


def half_precision(device: str) -> Any:
    """Return a context in which matrix products use bfloat16 while weights stay float32."""
    import torch

    return torch.autocast(device, torch.bfloat16)


def fastest_precision(unet: Any, inputs: Any, device: str = "cpu") -> Any:
    """Return the faster context for a forward and backward pass: ``half_precision`` or none.

    ``inputs``: ``(noisy, times, states)`` of a training batch. On a GPU half precision is always
    used.
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
    """Return ``unet`` compiled for one shape if the run is long enough and a compiler is available.

    The compiled network shares its weights with ``unet``, which is the one that is saved.
    """
    import shutil

    import torch

    if minutes < COMPILE_FROM or not (shutil.which("g++") or torch.cuda.is_available()):
        return unet
    return torch.compile(unet, dynamic=False)
