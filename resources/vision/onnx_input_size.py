"""Gives an ONNX network with a fixed square input another input size."""

from __future__ import annotations

import struct

from resources.vision.protobuf_wire import BYTES, Field, WireError, integer, only, read_message, write_message

# Field numbers of onnx.proto.
MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE_INFO = 1, 5, 11, 12, 13
NODE_INPUT, NODE_OP_TYPE = 1, 4
TENSOR_DATA_TYPE, TENSOR_NAME, TENSOR_RAW_DATA = 2, 8, 9
VALUE_TYPE, TYPE_TENSOR, TENSOR_SHAPE, SHAPE_DIM, DIM_VALUE = 2, 1, 2, 1, 1
INT64 = 7


def with_input_size(model: bytes, old: int, new: int) -> bytes:
    """The network with a square input of `new` instead of `old` pixels, and only its first output.

    The last two numbers of every Resize node's `sizes` (its fourth input, NCHW) are scaled by new/old, the declared sizes of
    input and output too, and the sizes noted for values in between are dropped. Convolutions do not care. `old` to `new` has
    to keep every size whole.

    Raises:
        WireError: not an ONNX model, or a Resize whose size is not a constant of whole proportion.
    """
    fields = read_message(model)
    if not any(number == MODEL_GRAPH and kind == BYTES for number, kind, _ in fields):
        raise WireError("not an ONNX model: it has no graph")
    return write_message(
        (number, kind, _resized_graph(value, old, new) if number == MODEL_GRAPH and isinstance(value, bytes) else value)
        for number, kind, value in fields
    )


def _resized_graph(graph: bytes, old: int, new: int) -> bytes:
    fields = read_message(graph)
    nodes = [read_message(value) for number, _, value in fields if number == GRAPH_NODE and isinstance(value, bytes)]
    sizes = {_fourth_input(node) for node in nodes if only(node, NODE_OP_TYPE) == b"Resize"}
    found: set[bytes] = set()
    result: list[Field] = []
    outputs = 0
    for number, kind, value in fields:
        if number == GRAPH_VALUE_INFO:
            continue
        if number == GRAPH_OUTPUT:
            outputs += 1
            if outputs > 1:
                continue
        if number in (GRAPH_INPUT, GRAPH_OUTPUT) and isinstance(value, bytes):
            value = _resized_value(value, old, new)
        elif number == GRAPH_INITIALIZER and isinstance(value, bytes):
            tensor = read_message(value)
            name = only(tensor, TENSOR_NAME)
            if name in sizes:
                found.add(name)
                value = _resized_tensor(tensor, old, new)
        result.append((number, kind, value))
    missing = sorted(name.decode(errors="replace") for name in sizes - found)
    if missing:
        raise WireError(f"the size of {len(missing)} Resize nodes is not a constant: {missing[0] or 'no fourth input'}")
    return write_message(result)


def _fourth_input(node: list[Field]) -> bytes:
    inputs = [value for number, _, value in node if number == NODE_INPUT and isinstance(value, bytes)]
    return inputs[3] if len(inputs) > 3 else b""


def _resized_tensor(tensor: list[Field], old: int, new: int) -> bytes:
    name = only(tensor, TENSOR_NAME).decode(errors="replace")
    raw = only(tensor, TENSOR_RAW_DATA)
    if integer(TENSOR_DATA_TYPE, INT64) not in tensor or len(raw) != 32:
        raise WireError(f"Resize sizes {name}: not four int64 numbers")
    batch, channels, *spatial = struct.unpack("<4q", raw)
    scaled = struct.pack("<4q", batch, channels, *(_scaled(size, old, new, name) for size in spatial))
    return write_message(
        (number, kind, scaled if number == TENSOR_RAW_DATA else value) for number, kind, value in tensor
    )


def _resized_value(value: bytes, old: int, new: int) -> bytes:
    """A graph input or output whose dimensions equal to `old` become `new`."""

    def dimension(data: bytes) -> bytes:
        size = integer(DIM_VALUE, old)
        return write_message(integer(DIM_VALUE, new) if field == size else field for field in read_message(data))

    def inside(data: bytes, path: tuple[int, ...]) -> bytes:
        if not path:
            return dimension(data)
        return write_message(
            (number, kind, inside(part, path[1:]))
            if number == path[0] and isinstance(part, bytes)
            else (number, kind, part)
            for number, kind, part in read_message(data)
        )

    return inside(value, (VALUE_TYPE, TYPE_TENSOR, TENSOR_SHAPE, SHAPE_DIM))


def _scaled(size: int, old: int, new: int, name: str) -> int:
    if size * new % old:
        raise WireError(f"Resize sizes {name}: {size} times {new}/{old} is not a whole number")
    return size * new // old
