from __future__ import annotations

import struct
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.dataset.exports import tfrecord
from blueprint_assets.dataset.exports.tfrecord import RecordWriter, TfrecordError, example_bytes, masked_crc

BY_TENSORFLOW = bytes.fromhex(
    "a700000000000000b889692b0aa4010a2b0a1d657069736f64655f6d657461646174612f657069736f64655f75756964120a0a080a06757569642d"
    "300a200a0c73746570732f616374696f6e1210120e0a0c0000003f0000a0bf000040400a270a0d73746570732f69735f6c61737412161a140a1200"
    "01f9ffffffffffffffff018080808080200a2a0a1a73746570732f6c616e67756167655f696e737472756374696f6e120c0a0a0a06c39c62756e67"
    "0a00685c3163000000000000000029039807d8ea82a2"
)
"""tf.io.TFRecordWriter of TensorFlow 2.21: one tf.train.Example, serialized deterministically, then an empty record."""


def test_a_file_is_what_tensorflow_writes_byte_for_byte(tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "file") as records:
        record = example_bytes(
            {
                "steps/action": np.array([[0.5, -1.25, 3.0]], np.float64),
                "steps/is_last": np.array([0, 1, -7, 1 << 40]),
                "steps/language_instruction": ["Übung", ""],
                "episode_metadata/episode_uuid": [b"uuid-0"],
            }
        )
        records.write(record)
        records.write(b"")
    assert (tmp_path / "file").read_bytes() == BY_TENSORFLOW
    assert records.sizes == [len(record), 0]


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
)
def test_the_crc_gives_the_vectors_of_rfc_3720(data: bytes, crc: int) -> None:
    assert google_crc32c.value(data) == crc
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    assert masked_crc(data) == (rotated + 0xA282EAD8) % 2**32


def test_the_crc_is_computed_in_c() -> None:
    # The package falls back to Python where it has no wheel, which would take minutes for a dataset.
    assert google_crc32c.implementation == "c"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=6))
def test_records_stand_one_after_the_other(tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("records") / "file"
    with RecordWriter(path) as records:
        for content in contents:
            records.write(content)
    rest = path.read_bytes()
    for content in contents:
        length, head, rest = rest[:8], rest[8:12], rest[12:]
        assert struct.unpack("<Q", length)[0] == len(content)
        assert struct.unpack("<I", head)[0] == masked_crc(length)
        found, tail, rest = rest[: len(content)], rest[len(content) : len(content) + 4], rest[len(content) + 4 :]
        assert (found, struct.unpack("<I", tail)[0]) == (content, masked_crc(content))
    assert not rest


def test_equal_features_give_equal_bytes_in_whatever_order_they_came() -> None:
    features = {name: np.arange(4.0) for name in ("b", "a", "c")}
    assert example_bytes(features) == example_bytes(dict(reversed(features.items())))


def test_what_cannot_be_stored_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TfrecordError, match="feature 'x' is of type complex128"):
        example_bytes({"x": np.zeros(2, complex)})
    monkeypatch.setattr(tfrecord, "MAX_MESSAGE_BYTES", 100)
    with pytest.raises(TfrecordError, match="use JPEG"):
        example_bytes({"x": [bytes(200)]})
