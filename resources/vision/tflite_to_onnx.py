"""An 8-bit TFLite image classifier as an ONNX network of floats, so that one runtime runs everything.

Weights stay 8-bit in the file (a Cast and a Mul give back the floats when it is loaded); activations are floats and are not
rounded to 8 bits as TFLite's are, so that scores differ a little. Field numbers: tensorflow/lite/schema/schema.fbs, version 3,
and onnx.proto. Only the operators of EfficientNet-Lite are known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resources.vision.flatbuffer import FlatbufferError, Table
from resources.vision.protobuf_wire import BYTES, Field, integer, message, text, write_message

ADD, AVERAGE_POOL, CONV, DEPTHWISE_CONV, FULLY_CONNECTED, RESHAPE, SOFTMAX, QUANTIZE = 0, 1, 3, 4, 9, 22, 25, 114
TYPES = {0: "<f4", 2: "<i4", 3: "<u1", 9: "<i1"}
RELU6 = 3
FLOAT, INT8, INT64 = 1, 3, 7
OPSET = 13
POOLED = "embedding"
"""Name of the second output: what the last average pool gives, one number per channel."""


@dataclass(frozen=True)
class _Tensor:
    shape: tuple[int, ...]
    values: NDArray[Any] | None
    """None: computed, not stored."""
    scale: NDArray[np.float64]
    zero_point: NDArray[np.int64]


@dataclass
class _Graph:
    nodes: list[list[Field]] = field(default_factory=list)
    initializers: list[list[Field]] = field(default_factory=list)

    def node(self, kind: str, inputs: list[str], output: str, **attributes: int | list[int] | str) -> str:
        fields = [text(1, name) for name in inputs] + [text(2, output), text(3, output), text(4, kind)]
        self.nodes.append(fields + [message(5, _attribute(name, value)) for name, value in sorted(attributes.items())])
        return output

    def constant(self, name: str, values: NDArray[Any]) -> str:
        kind = {"float32": FLOAT, "int8": INT8, "int64": INT64}[values.dtype.name]
        dims = [integer(1, size) for size in values.shape]
        self.initializers.append([*dims, integer(2, kind), text(8, name), (9, BYTES, values.tobytes())])
        return name


def tflite_to_onnx(model: bytes) -> bytes:
    """The network with input `input` (1, 3, height, width), already scaled as the TFLite input's quantisation says, and the
    outputs `scores` (1, classes) and `embedding` (1, channels).

    Raises:
        FlatbufferError: not a TFLite model, or one with an operator that is not known here.
    """
    try:
        return _converted(Table.root(model, b"TFL3"))
    except FlatbufferError:
        raise
    except (IndexError, KeyError, ValueError) as error:
        raise FlatbufferError(f"the TFLite model contradicts itself: {error!r}") from error


def _converted(root: Table) -> bytes:
    codes = [max(code.number(0, "<b"), code.number(3)) for code in root.tables(1)]
    buffers = root.tables(4)
    subgraph = root.tables(2)[0]
    tensors = [_tensor(tensor, buffers) for tensor in subgraph.tables(0)]
    (source,), (target,) = subgraph.array(1, "<i4").tolist(), subgraph.array(2, "<i4").tolist()
    graph = _Graph()
    names = {source: "input"}
    pooled = ""
    for operator in subgraph.tables(3):
        code = codes[operator.number(0, "<I")]
        inputs, outputs = operator.array(1, "<i4").tolist(), operator.array(2, "<i4").tolist()
        options = operator.table(4)
        name = f"value{outputs[0]}"
        if code in (QUANTIZE, RESHAPE):  # no rounding here, and the shape is (1, channels) from the pool on
            names[outputs[0]] = names[inputs[0]]
            continue
        if code == AVERAGE_POOL:
            flat = graph.node("GlobalAveragePool", [names[inputs[0]]], f"{name}_pooled")
            _demand(tensors[outputs[0]].shape[1:3] == (1, 1), "an average pool that is not global")
            pooled = name = graph.node("Flatten", [flat], POOLED)
        elif code in (CONV, DEPTHWISE_CONV) and options is not None:
            _convolution(graph, tensors, code, options, names[inputs[0]], inputs, name)
            name = _activated(graph, name, options.number(3 if code == CONV else 4, "<b"))
        elif code == ADD:
            graph.node("Add", [names[inputs[0]], names[inputs[1]]], name)
            name = _activated(graph, name, 0 if options is None else options.number(0, "<b"))
        elif code == FULLY_CONNECTED:
            weights, bias = _weights(graph, tensors, inputs, name, (0, 1))
            graph.node("Gemm", [names[inputs[0]], weights, bias], name, transB=1)
            name = _activated(graph, name, 0 if options is None else options.number(0, "<b"))
        elif code == SOFTMAX:
            graph.node("Softmax", [names[inputs[0]]], name, axis=1)
        else:
            raise FlatbufferError(f"operator {code} of the TFLite model is not known here")
        names[outputs[0]] = name
    _demand(bool(pooled), "no average pool")
    graph.node("Identity", [names[target]], "scores")
    height, width = tensors[source].shape[1:3]
    shapes = [("scores", tensors[target].shape), (POOLED, (1, -1))]
    return write_message(
        [
            integer(1, 8),  # IR version of ONNX 1.10
            text(2, "blueprint-assets"),
            message(
                7,
                [
                    *(message(1, node) for node in graph.nodes),
                    text(2, "classifier"),
                    *(message(5, tensor) for tensor in graph.initializers),
                    message(11, _value("input", (1, 3, height, width))),
                    *(message(12, _value(name, shape)) for name, shape in shapes),
                ],
            ),
            message(8, [text(1, ""), integer(2, OPSET)]),
        ]
    )


def _tensor(table: Table, buffers: list[Table]) -> _Tensor:
    shape = tuple(table.array(0, "<i4").tolist())
    kind = table.number(1, "<b")
    data = buffers[table.number(2, "<I")].array(0, "<u1")
    values = data.view(TYPES[kind]).reshape(shape) if data.size and kind in TYPES else None
    quantization = table.table(4)
    scale = np.empty(0) if quantization is None else quantization.array(2, "<f4").astype(np.float64)
    zero = np.empty(0, np.int64) if quantization is None else quantization.array(3, "<i8")
    return _Tensor(shape, values, scale, zero)


def _convolution(
    graph: _Graph, tensors: list[_Tensor], code: int, options: Table, source: str, inputs: list[int], name: str
) -> None:
    # TFLite keeps weights as (out, rows, columns, in), depthwise as (1, rows, columns, out)
    order = (0, 3, 1, 2) if code == CONV else (3, 0, 1, 2)
    weights, bias = _weights(graph, tensors, inputs, name, order)
    shape = tensors[inputs[1]].shape
    _demand(code == CONV or options.number(3) == 1, "a depth multiplier other than 1")
    graph.node(
        "Conv",
        [source, weights, bias],
        name,
        auto_pad="VALID" if options.number(0, "<b") else "SAME_UPPER",
        group=1 if code == CONV else shape[3],
        kernel_shape=[shape[1], shape[2]],
        strides=[options.number(2), options.number(1)],
    )


def _weights(
    graph: _Graph, tensors: list[_Tensor], inputs: list[int], name: str, order: tuple[int, ...]
) -> tuple[str, str]:
    """Names of the float weights, axes in the given order with the output channel first, and of the bias."""
    source, weights, bias = (tensors[index] for index in inputs)
    values = weights.values
    if values is None or bias.values is None:
        raise FlatbufferError("weights that are computed, not stored")
    _demand(values.dtype == np.int8 and not weights.zero_point.any(), "weights that are not symmetric 8-bit")
    values = np.ascontiguousarray(values.transpose(order))
    scale = np.broadcast_to(weights.scale, values.shape[0])
    floats = graph.node("Cast", [graph.constant(f"{name}_stored", values)], f"{name}_floats", to=FLOAT)
    column = scale.astype(np.float32).reshape(-1, *([1] * (values.ndim - 1)))
    scaled = graph.node("Mul", [floats, graph.constant(f"{name}_scale", column)], f"{name}_weights")
    offset = bias.values.astype(np.float64) * scale * source.scale[0]
    return scaled, graph.constant(f"{name}_bias", offset.astype(np.float32))


def _activated(graph: _Graph, name: str, activation: int) -> str:
    if activation == 0:
        return name
    _demand(activation == RELU6, f"activation {activation}")
    bounds = [graph.constant(f"{name}_{end}", np.array(value, np.float32)) for end, value in (("low", 0), ("high", 6))]
    return graph.node("Clip", [name, *bounds], f"{name}_active")


def _attribute(name: str, value: int | list[int] | str) -> list[Field]:
    if isinstance(value, str):
        return [text(1, name), text(4, value), integer(20, 3)]
    if isinstance(value, int):
        return [text(1, name), integer(3, value), integer(20, 2)]
    return [text(1, name), *(integer(8, item) for item in value), integer(20, 7)]


def _value(name: str, shape: tuple[int, ...]) -> list[Field]:
    """A graph input or output; a size of -1 is left open."""
    dims = [message(1, [integer(1, size)] if size >= 0 else []) for size in shape]
    return [text(1, name), message(2, [message(1, [integer(1, FLOAT), message(2, dims)])])]


def _demand(fits: bool, what: str) -> None:
    if not fits:
        raise FlatbufferError(f"the TFLite model has {what}, which is not known here")
