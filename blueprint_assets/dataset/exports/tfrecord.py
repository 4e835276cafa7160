"""TFRecord files of tf.train.Example messages, without TensorFlow.

A record is its length (uint64), the masked CRC of those eight bytes (uint32), the message, and the masked CRC of the message
(uint32), all little-endian. The CRC is CRC-32C (Castagnoli, RFC 3720), masked by rotating it right by 15 bits and adding
0xa282ead8. Source: the TensorFlow guide's "TFRecords format details" (tensorflow.org/tutorials/load_data/tfrecord).

The message's fields are those of TensorFlow's example.proto and feature.proto. They are declared here under a package name of
our own, so that TensorFlow can be imported in the same process; names are not part of what is written.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

Values = Sequence[bytes] | Sequence[str] | NDArray[Any]
"""What a feature holds: byte strings, texts (stored as UTF-8), or an array, which is flattened row by row."""

MASK_DELTA = 0xA282EAD8
MAX_MESSAGE_BYTES = (1 << 31) - 1
"""Protobuf's own limit for one message."""

_SCHEMA = """
name: "blueprint/tfrecord.proto" package: "blueprint.tfrecord" syntax: "proto3"
message_type { name: "BytesList" field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_BYTES } }
message_type { name: "FloatList" field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_FLOAT } }
message_type { name: "Int64List" field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_INT64 } }
message_type {
  name: "Feature" oneof_decl { name: "kind" }
  field { name: "bytes_list" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".blueprint.tfrecord.BytesList"
          oneof_index: 0 }
  field { name: "float_list" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".blueprint.tfrecord.FloatList"
          oneof_index: 0 }
  field { name: "int64_list" number: 3 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".blueprint.tfrecord.Int64List"
          oneof_index: 0 }
}
message_type {
  name: "Features"
  field { name: "feature" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE
          type_name: ".blueprint.tfrecord.Features.FeatureEntry" }
  nested_type {
    name: "FeatureEntry" options { map_entry: true }
    field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".blueprint.tfrecord.Feature" }
  }
}
message_type {
  name: "Example"
  field { name: "features" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".blueprint.tfrecord.Features" }
}
"""


class TfrecordError(ValueError):
    """Something cannot be stored in a TFRecord file. The message names what and why."""


def example_bytes(features: Mapping[str, Values]) -> bytes:
    """A serialized tf.train.Example; features in the order of their names, so that equal features give equal bytes.

    Arrays of floats become float32, of integers and booleans int64, as TensorFlow Datasets stores them.

    Raises:
        TfrecordError: an array of another type, or more than protobuf can hold in one message (2 GiB).
    """
    from google.protobuf.message import EncodeError

    message = _example_class()()
    for name, values in features.items():
        feature = message.features.feature[name]
        if not isinstance(values, np.ndarray):
            feature.bytes_list.value.extend(v.encode() if isinstance(v, str) else v for v in values)
        elif values.dtype.kind == "f":
            feature.float_list.value.extend(values.astype(np.float32).ravel().tolist())
        elif values.dtype.kind in "biu":
            feature.int64_list.value.extend(values.astype(np.int64).ravel().tolist())
        else:
            raise TfrecordError(f"feature {name!r} is of type {values.dtype}; expected floats, integers or booleans")
    size = message.ByteSize()
    if size > MAX_MESSAGE_BYTES:
        raise TfrecordError(
            f"an example of {size / 1e9:.1f} GB; one message holds at most {MAX_MESSAGE_BYTES / 1e9:.1f} GB: use JPEG "
            "pictures, or shorter episodes"
        )
    try:
        return bytes(message.SerializeToString(deterministic=True))
    except EncodeError as error:
        raise TfrecordError(f"an example of {size / 1e9:.1f} GB cannot be serialized: {error}") from error


def masked_crc(data: bytes) -> int:
    """The CRC-32C of `data`, masked as TFRecord stores it."""
    import google_crc32c

    crc = int(google_crc32c.value(data))
    return ((crc >> 15 | crc << 17) + MASK_DELTA) & 0xFFFFFFFF


class RecordWriter:
    """Writes records to a file.

    with RecordWriter(path) as records:
        records.write(example_bytes({"steps/action": actions}))
    print(records.sizes)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sizes: list[int] = []
        """Bytes of each record written, without its framing."""
        self._file: BinaryIO = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def write(self, record: bytes) -> None:
        """Adds one record."""
        length = struct.pack("<Q", len(record))
        self._file.write(length + struct.pack("<I", masked_crc(length)))
        self._file.write(record)
        self._file.write(struct.pack("<I", masked_crc(record)))
        self.sizes.append(len(record))


@cache
def _example_class() -> type[Any]:
    from google.protobuf import descriptor_pool, message_factory, text_format
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    pool = descriptor_pool.DescriptorPool()
    pool.Add(text_format.Parse(_SCHEMA, FileDescriptorProto()))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("blueprint.tfrecord.Example"))
