from __future__ import annotations

import numpy as np
import pytest

from resources.vision.onnx_input_size import with_input_size
from resources.vision.protobuf_wire import BYTES, Field, WireError, integer, message, read_message, text, write_message

ort = pytest.importorskip("onnxruntime")
FLOAT, INT64 = 1, 7


def value(name: str, *shape: int) -> list[Field]:
    dims = [message(1, [integer(1, size)]) for size in shape]
    return [text(1, name), message(2, [message(1, [integer(1, FLOAT), message(2, dims)])])]


def tensor(name: str, values: np.ndarray, kind: int) -> list[Field]:
    dims = [integer(1, size) for size in values.shape]
    return [*dims, integer(2, kind), text(8, name), (9, BYTES, values.tobytes())]


def node(kind: str, inputs: list[str], output: str, *attributes: Field) -> list[Field]:
    return [*(text(1, name) for name in inputs), text(2, output), text(4, kind), *attributes]


def shrink_and_grow(size: int, sizes: np.ndarray, constant: bool = True) -> bytes:
    """Average of 2x2 pixels, and back to the old size by nearest neighbour; a second output that is left out later."""
    half = message(5, [text(1, "kernel_shape"), integer(8, 2), integer(8, 2), integer(20, 7)])
    step = message(5, [text(1, "strides"), integer(8, 2), integer(8, 2), integer(20, 7)])
    nearest = message(5, [text(1, "mode"), text(4, "nearest"), integer(20, 3)])
    grown = ["half", "", "", "sizes"] if constant else ["half", "", "factors"]
    graph = [
        message(1, node("AveragePool", ["input"], "half", half, step)),
        message(1, node("Resize", grown, "output", nearest)),
        text(2, "test"),
        message(5, tensor("sizes", sizes, INT64)),
        message(5, tensor("factors", np.array([1, 1, 2, 2], np.float32), FLOAT)),
        message(11, value("input", 1, 1, size, size)),
        message(12, value("output", 1, 1, size, size)),
        message(12, value("half", 1, 1, size // 2, size // 2)),
        message(13, value("half", 1, 1, size // 2, size // 2)),
    ]
    return write_message([integer(1, 8), message(7, graph), message(8, [text(1, ""), integer(2, 13)])])


SIZES = np.array([1, 1, 8, 8], np.int64)


def run(model: bytes, picture: np.ndarray) -> list[np.ndarray]:
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"input": picture})


def test_the_network_runs_at_the_new_size() -> None:
    model = shrink_and_grow(8, SIZES)
    picture = np.random.default_rng(0).random((1, 1, 8, 8), np.float32)
    assert run(model, picture)[0].shape == (1, 1, 8, 8)

    (grown,) = run(with_input_size(model, 8, 4), picture[:, :, :4, :4])
    blocks = picture[0, 0, :4, :4].reshape(2, 2, 2, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(grown[0, 0], np.kron(blocks, np.ones((2, 2))), rtol=1e-6)


def test_everything_else_keeps_its_bytes() -> None:
    model = shrink_and_grow(8, SIZES)
    there_and_back = with_input_size(with_input_size(model, 8, 4), 4, 8)
    kept = [field for field in read_message(read_message(model)[1][2]) if field[0] != 13]  # type: ignore[arg-type]
    outputs = [index for index, field in enumerate(kept) if field[0] == 12]
    del kept[outputs[1]]
    assert read_message(read_message(there_and_back)[1][2]) == kept  # type: ignore[arg-type]


def test_a_size_that_is_computed_is_refused() -> None:
    with pytest.raises(WireError, match="not a constant"):
        with_input_size(shrink_and_grow(8, SIZES, constant=False), 8, 4)


def test_a_size_that_would_not_be_whole_is_refused() -> None:
    with pytest.raises(WireError, match="8 times 3/16 is not a whole number"):
        with_input_size(shrink_and_grow(8, SIZES), 16, 3)


def test_sizes_of_another_kind_are_refused() -> None:
    with pytest.raises(WireError, match="not four int64 numbers"):
        with_input_size(shrink_and_grow(8, SIZES[:3]), 8, 4)


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x0a\x02hi"])
def test_what_is_not_a_model_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        with_input_size(data, 8, 4)
