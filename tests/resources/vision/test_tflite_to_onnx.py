from __future__ import annotations

import contextlib
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.vision.flatbuffer import FlatbufferError, Table
from resources.vision.tflite_to_onnx import POOLED, tflite_to_onnx

ort = pytest.importorskip("onnxruntime")

Entry = Any
"""What a table's field can be here: ("b" or "i", number), bytes (a vector of bytes), an int32 or float32 or int64 array, a dict
(a table by field number), or a list of those."""


def flatbuffer(root: dict[int, Entry], identifier: bytes = b"TFL3") -> bytes:
    """A writer that puts every object behind what refers to it, so that all offsets point forward."""
    data = bytearray(struct.pack("<I4s", 0, identifier))

    def align(size: int = 8) -> None:
        data.extend(b"\0" * (-len(data) % size))

    def point(place: int) -> None:
        struct.pack_into("<I", data, place, len(data) - place)

    def write(entry: Entry, place: int) -> None:
        align()
        if isinstance(entry, dict):
            count = max(entry, default=-1) + 1
            vtable = len(data)
            data.extend(struct.pack("<HH", 4 + 2 * count, 4 + 4 * count) + b"\0\0" * count)
            align()
            table = len(data)
            point(place)
            data.extend(struct.pack("<i", table - vtable) + b"\0\0\0\0" * count)
            for field, value in entry.items():
                at = table + 4 + 4 * field
                struct.pack_into("<H", data, vtable + 4 + 2 * field, at - table)
                if isinstance(value, tuple):
                    struct.pack_into("<" + value[0], data, at, value[1])
                else:
                    write(value, at)
        elif isinstance(entry, list):
            point(place)
            data.extend(struct.pack("<I", len(entry)) + b"\0\0\0\0" * len(entry))
            start = len(data) - 4 * len(entry)
            for index, value in enumerate(entry):
                write(value, start + 4 * index)
        else:
            raw = entry if isinstance(entry, bytes) else entry.tobytes()
            point(place)
            data.extend(struct.pack("<I", len(raw) if isinstance(entry, bytes) else len(entry)) + raw)

    write(root, 0)
    return bytes(data)


RNG = np.random.default_rng(5)
STORED = {
    "conv": RNG.integers(-127, 128, (4, 3, 3, 3), dtype=np.int8),
    "depthwise": RNG.integers(-127, 128, (1, 3, 3, 4), dtype=np.int8),
    "dense": RNG.integers(-127, 128, (5, 4), dtype=np.int8),
}
SCALES = {
    "conv": np.float32([0.01, 0.02, 0.005, 0.015]),
    "depthwise": np.float32([0.01, 0.02, 0.005, 0.015]),
    "dense": np.float32([0.01]),
}
BIASES = {
    "conv": RNG.integers(-90, 90, 4, dtype=np.int32),
    "depthwise": RNG.integers(-90, 90, 4, dtype=np.int32),
    "dense": RNG.integers(-90, 90, 5, dtype=np.int32),
}
ACTIVATION_SCALE = 0.05


def small_classifier(strange_code: int | None = None) -> bytes:
    """8x8 pixels; 3x3 conv stride 2 with ReLU6, 3x3 depthwise, their sum, average pool, reshape, dense, softmax."""
    buffers: list[dict[int, Entry]] = [{}]
    tensors: list[dict[int, Entry]] = []

    def tensor(shape: tuple[int, ...], kind: int, scale: np.ndarray, values: np.ndarray | None = None) -> int:
        if values is not None:
            buffers.append({0: values.tobytes()})
        quantization = {2: scale.astype(np.float32), 3: np.zeros(len(scale), np.int64)}
        buffer = len(buffers) - 1 if values is not None else 0
        tensors.append({0: np.int32(shape), 1: ("b", kind), 2: ("I", buffer), 4: quantization})
        return len(tensors) - 1

    def computed(*shape: int) -> int:
        return tensor(shape, 9, np.array([ACTIVATION_SCALE]))

    source = tensor((1, 8, 8, 3), 3, np.array([ACTIVATION_SCALE]))
    rounded, conv, depthwise, total, pooled, flat, dense, soft = (
        computed(*shape)
        for shape in [(1, 8, 8, 3), (1, 4, 4, 4), (1, 4, 4, 4), (1, 4, 4, 4), (1, 1, 1, 4), (1, 4), (1, 5), (1, 5)]
    )
    parts = {
        name: (
            tensor(STORED[name].shape, 9, SCALES[name], STORED[name]),
            tensor(BIASES[name].shape, 2, SCALES[name] * ACTIVATION_SCALE, BIASES[name]),
        )
        for name in STORED
    }
    shape = tensor((2,), 2, np.array([]), np.int32([1, 4]))
    codes = [114, 3, 4, 0, 1, 22, 9, 25 if strange_code is None else strange_code]
    operators = [
        (0, [source], [rounded], {}),
        (1, [rounded, *parts["conv"]], [conv], {0: ("b", 0), 1: ("i", 2), 2: ("i", 2), 3: ("b", 3)}),
        (2, [conv, *parts["depthwise"]], [depthwise], {0: ("b", 0), 1: ("i", 1), 2: ("i", 1), 3: ("i", 1)}),
        (3, [conv, depthwise], [total], {}),
        (4, [total], [pooled], {0: ("b", 1), 1: ("i", 4), 2: ("i", 4), 3: ("i", 4), 4: ("i", 4)}),
        (5, [pooled, shape], [flat], {}),
        (6, [flat, *parts["dense"]], [dense], {}),
        (7, [dense], [soft], {}),
    ]
    return flatbuffer(
        {
            0: ("i", 3),
            1: [{0: ("b", code), 3: ("i", code)} for code in codes],
            2: [
                {
                    0: tensors,
                    1: np.int32([source]),
                    2: np.int32([soft]),
                    3: [
                        {0: ("I", code), 1: np.int32(inputs), 2: np.int32(outputs), 4: options}
                        for code, inputs, outputs, options in operators
                    ],
                }
            ],
            4: buffers,
        }
    )


def expected(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same in numpy, picture (8, 8, 3)."""

    def floats(name: str, axis: int) -> tuple[np.ndarray, np.ndarray]:
        scale = SCALES[name].astype(float)
        shape = [1] * STORED[name].ndim
        shape[axis] = -1
        return STORED[name] * scale.reshape(shape), BIASES[name] * scale * ACTIVATION_SCALE

    weights, bias = floats("conv", 0)
    padded = np.pad(picture, ((0, 1), (0, 1), (0, 0)))  # TFLite's SAME: 8 to 4 with stride 2 pads at the end only
    conv = np.array(
        [
            [np.einsum("oyxc,yxc->o", weights, padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]) for j in range(4)]
            for i in range(4)
        ]
    )
    conv = np.clip(conv + bias, 0, 6)
    weights, bias = floats("depthwise", 3)
    padded = np.pad(conv, ((1, 1), (1, 1), (0, 0)))
    depthwise = np.array(
        [[np.einsum("yxc,yxc->c", weights[0], padded[i : i + 3, j : j + 3]) for j in range(4)] for i in range(4)]
    )
    pooled = (conv + depthwise + bias).mean(axis=(0, 1))
    weights, bias = floats("dense", 0)
    logits = weights @ pooled + bias
    scores = np.exp(logits - logits.max())
    return scores / scores.sum(), pooled


def test_the_onnx_network_computes_what_the_tflite_network_says() -> None:
    model = tflite_to_onnx(small_classifier())
    assert tflite_to_onnx(small_classifier()) == model
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["scores", POOLED]
    picture = RNG.normal(0, 1, (8, 8, 3)).astype(np.float32)
    scores, pooled = session.run(None, {"input": picture.transpose(2, 0, 1)[None].copy()})
    wanted_scores, wanted_pooled = expected(picture)
    np.testing.assert_allclose(pooled[0], wanted_pooled, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scores[0], wanted_scores, rtol=1e-4, atol=1e-6)


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(FlatbufferError, match=r"operator 99 .*not known"):
        tflite_to_onnx(small_classifier(strange_code=99))


def test_another_file_is_refused() -> None:
    with pytest.raises(FlatbufferError, match="identifier"):
        tflite_to_onnx(b"\0" * 100)
    with pytest.raises(FlatbufferError):
        tflite_to_onnx(b"")


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_broken_bytes_are_refused_or_read(data: st.DataObject) -> None:
    broken = bytearray(small_classifier())
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(8, len(broken) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FlatbufferError):
        tflite_to_onnx(bytes(broken[: data.draw(st.integers(8, len(broken)))]))


def test_absent_fields_have_their_defaults() -> None:
    table = Table.root(flatbuffer({1: ("i", 7)}), b"TFL3")
    assert (table.number(1), table.number(0, default=3), table.number(9)) == (7, 3, 0)
    assert table.table(4) is None
    assert table.tables(5) == []
    assert table.array(6, "<i4").size == 0
