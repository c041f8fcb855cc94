"""The pipeline's networks as ONNX files, small enough for a web page.

The shipped weights are float16. The decoder keeps them. The U-Net's matrices and convolutions are
stored as whole numbers of 12 bits with one scale per output channel,

    w ≈ s · q,    s = max|w| / 2047,    q = 16 · high + low

where ``high`` is an int8 and ``low`` a uint4. The graph itself puts the weights together, once,
when it is loaded: an ONNX runtime folds operations on constants, and computes in float32.
"""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.errors import RiffeduError
from riffedu.output import write_whole

if TYPE_CHECKING:
    from riffedu.music.generate import TextToMusic

LARGEST = 2047
"""The largest of the whole numbers of 12 bits that stand for weights."""
OPSET = 17
OPSET_WITH_UINT4 = 21


def export_networks(pipeline: TextToMusic, folder: Path) -> dict[str, int]:
    """Write ``unet.onnx.gz`` and ``decoder.onnx.gz``; return the size of each in bytes.

    The U-Net maps ``latents (n, c, h, w)``, ``timestep ()`` and ``states (n, tokens, width)`` to
    ``prediction``; the decoder maps ``latents (1, c, h, w)`` to ``pixels`` in about [−1, 1]. Height
    and width are those the U-Net was trained on. Raises RiffeduError if the package onnx is
    missing.
    """
    _onnx()
    sizes = {}
    for name, graph in (("unet", unet_graph(pipeline)), ("decoder", decoder_graph(pipeline))):
        with write_whole(folder / f"{name}.onnx.gz") as part:
            packed = gzip.compress(graph.SerializeToString(), 9, mtime=0)
            part.write_bytes(packed)
        sizes[name] = len(packed)
    return sizes


def unet_graph(pipeline: TextToMusic) -> Any:
    """Return the U-Net as an ONNX model, its weights stored in 12 bits."""
    import torch

    class Predict(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unet = pipeline.checkpoint.unet

        def forward(self, latents: Any, timestep: Any, states: Any) -> Any:
            return self.unet(latents, timestep, encoder_hidden_states=states, return_dict=False)[0]

    latents, states = _noise(pipeline), pipeline.encode_prompt("")
    inputs = latents.expand(2, -1, -1, -1), torch.tensor(500.0), states.expand(2, -1, -1)
    graph = _traced(Predict(), inputs, ["latents", "timestep", "states"], "prediction", "n")
    _store(graph, in_twelve_bits=True)
    return graph


def decoder_graph(pipeline: TextToMusic) -> Any:
    """Return the autoencoder's decoder as an ONNX model, its weights stored in float16."""
    import torch

    class Decode(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vae = pipeline.checkpoint.vae

        def forward(self, latents: Any) -> Any:
            scaled = latents / self.vae.config.scaling_factor
            return self.vae.decode(scaled, return_dict=False)[0]

    graph = _traced(Decode(), (_noise(pipeline),), ["latents"], "pixels")
    _store(graph, in_twelve_bits=False)
    return graph


def _noise(pipeline: TextToMusic) -> Any:
    """Latents as wide as the U-Net's window."""
    columns = pipeline.window * pipeline.checkpoint.compression
    return pipeline.initial_noise(0, columns * pipeline.params.column_ms / 1000)


def _traced(
    network: Any, inputs: tuple, names: Sequence[str], output: str, batch: str | None = None
) -> Any:
    import torch

    onnx = _onnx()
    file = io.BytesIO()
    axes = {name: {0: batch} for name in ("latents", "states", output)} if batch else None
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a tracer that knows only one shape, which is meant
        torch.onnx.export(
            network.eval(),
            inputs,
            file,
            input_names=list(names),
            output_names=[output],
            opset_version=OPSET,
            dynamo=False,
            dynamic_axes=axes,
        )
    graph = onnx.load_from_string(file.getvalue())
    for node in graph.graph.node:
        if node.op_type == "Transpose":  # movedim(1, -1) is written with a −1, which ONNX forbids
            [axes_order] = [each for each in node.attribute if each.name == "perm"]
            order = [axis % len(axes_order.ints) for axis in axes_order.ints]
            axes_order.ints[:] = order
    return graph


def _store(graph: Any, in_twelve_bits: bool) -> None:
    """Replace a graph's float32 weights with smaller ones and the operations that restore them."""
    from onnx import numpy_helper

    nodes, weights = graph.graph.node, graph.graph.initializer
    used_by = {name: node.op_type for node in nodes for name in node.input}
    kept, added = [], []
    for tensor in weights:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 16:
            kept.append(tensor)
            continue
        if in_twelve_bits and values.ndim > 1:
            outputs_last = used_by[tensor.name] == "MatMul"
            stored, steps = _twelve_bits(tensor.name, values, outputs_last)
        else:
            stored, steps = _sixteen_bits(tensor.name, values)
        kept += stored
        added += steps
    del weights[:]
    weights.extend(kept)
    following = list(nodes)
    del nodes[:]
    nodes.extend(added + following)
    if in_twelve_bits:
        # The operators used here mean the same in both versions; only uint4 is new.
        graph.opset_import[0].version = OPSET_WITH_UINT4


def _sixteen_bits(name: str, values: np.ndarray) -> tuple[list, list]:
    from onnx import TensorProto, helper, numpy_helper

    half = numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
    return [half], [helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT)]


def _twelve_bits(name: str, values: np.ndarray, outputs_last: bool) -> tuple[list, list]:
    from onnx import TensorProto, helper, numpy_helper

    scale, high, low = twelve_bits(values, outputs_last)
    flat = np.append(low.reshape(-1), np.zeros(low.size % 2, np.uint8))
    pairs = flat[0::2] | (flat[1::2] << 4)
    stored = [
        numpy_helper.from_array(high, f"{name}.high"),
        TensorProto(
            name=f"{name}.low",
            data_type=TensorProto.UINT4,
            dims=low.shape,
            raw_data=pairs.tobytes(),
        ),
        numpy_helper.from_array(scale, f"{name}.scale"),
        numpy_helper.from_array(np.float32(16), f"{name}.sixteen"),
    ]
    steps = [
        ("Cast", ["high"], "a", {"to": TensorProto.FLOAT}),
        ("Mul", ["a", "sixteen"], "b", {}),
        ("Cast", ["low"], "c", {"to": TensorProto.FLOAT}),
        ("Add", ["b", "c"], "d", {}),
    ]
    made = [
        helper.make_node(kind, [f"{name}.{each}" for each in ins], [f"{name}.{out}"], **options)
        for kind, ins, out, options in steps
    ]
    made.append(helper.make_node("Mul", [f"{name}.d", f"{name}.scale"], [name]))
    return stored, made


def twelve_bits(
    values: np.ndarray, outputs_last: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (scale, high, low) of weights: ``values ≈ scale · (16 · high + low)``.

    Each output channel, along the first axis or the last, has a scale of its own. ``scale`` is
    float32, ``high`` int8, ``low`` uint8 from 0 to 15; the error is at most half a ``scale``.

    >>> scale, high, low = twelve_bits(np.array([[1.0, -0.5], [0.25, 0.0]], np.float32))
    >>> np.round(scale * (16.0 * high + low), 3).tolist()
    [[1.0, -0.5], [0.25, 0.0]]
    """
    axes = tuple(range(values.ndim - 1)) if outputs_last else tuple(range(1, values.ndim))
    scale = np.maximum(np.abs(values).max(axes, keepdims=True), 1e-20) / np.float32(LARGEST)
    whole = np.rint(values / scale).astype(np.int16)
    return scale, (whole >> 4).astype(np.int8), (whole & 15).astype(np.uint8)


def _onnx() -> Any:
    try:
        import onnx
    except ImportError:
        raise RiffeduError(
            "exporting the networks needs the package onnx: run "
            "`pip install -c constraints.txt -e '.[web]'`"
        ) from None
    return onnx
