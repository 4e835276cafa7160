"""Where a dataset's episodes came from, in tables beside those that LeRobot reads.

meta/provenance/file-000.parquet   one row per episode, keyed by episode_uuid: plain values to look up and filter by,
                                   hashes that survive re-assembly, and the whole `EncodedEpisode` as JSON
meta/histograms/file-000.parquet   one row per episode and video stream: pixel counts before encoding, so that a
                                   dataset made from this one has exact statistics without decoding a picture
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from blueprint_assets.contracts.encoded_episode import EncodedEpisode, Scalar

from .stats import ImageHistogram
from .tables import episode_key

if TYPE_CHECKING:
    import pyarrow as pa

PROVENANCE_PATH = "meta/provenance/file-{file_index:03d}.parquet"
HISTOGRAMS_PATH = "meta/histograms/file-{file_index:03d}.parquet"
DOCUMENT_COLUMN = "document"


def plain_values(document: EncodedEpisode) -> dict[str, Scalar]:
    """What an episode's row shows as columns: its provenance, whether it succeeded, and its hashes."""
    values: dict[str, Scalar] = {
        "episode_uuid": document.episode_uuid,
        "episode_key": episode_key(document.episode_uuid),
    }
    values |= document.provenance
    values |= {"success": document.success, "rows_sha256": document.rows_sha256}
    return values | {f"packets_sha256/{stream}": video.packets_sha256 for stream, video in document.streams.items()}


def plain_schema(documents: Iterable[EncodedEpisode]) -> pa.Schema:
    """One field per key of any document; a value that an episode does not have is null.

    Raises:
        ValueError: a key holds values of different types.
    """
    import pyarrow as pa

    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    kinds: dict[str, tuple[type, str]] = {}
    for document in documents:
        for name, value in plain_values(document).items():
            kind, first = kinds.setdefault(name, (type(value), document.episode_uuid))
            if type(value) is not kind:
                raise ValueError(
                    f"provenance {name!r} is {type(value).__name__} in episode {document.episode_uuid} but "
                    f"{kind.__name__} in {first}; give it one type in all episodes"
                )
    return pa.schema([pa.field(name, types[kind]) for name, (kind, _) in kinds.items()])


def provenance_schema(plain: pa.Schema) -> pa.Schema:
    """Schema of meta/provenance."""
    import pyarrow as pa

    return plain.append(pa.field(DOCUMENT_COLUMN, pa.string()))


def provenance_row(document: EncodedEpisode) -> dict[str, Scalar]:
    """One row of meta/provenance."""
    return plain_values(document) | {DOCUMENT_COLUMN: document.model_dump_json()}


def histogram_schema() -> pa.Schema:
    """Schema of meta/histograms; `counts` is (channels, levels), row by row."""
    import pyarrow as pa

    counts = pa.list_(pa.field("element", pa.int64()))
    return pa.schema(
        [("episode_uuid", pa.string()), ("stream", pa.string()), ("frames", pa.int64()), ("counts", counts)]
    )


def histogram_row(document: EncodedEpisode, stream: str, histogram: ImageHistogram) -> dict[str, Any]:
    """One row of meta/histograms."""
    return {
        "episode_uuid": document.episode_uuid,
        "stream": stream,
        "frames": histogram.frames,
        "counts": histogram.counts.ravel(),
    }


def arrow_table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table; what a row does not have is null."""
    import pyarrow as pa

    return pa.Table.from_arrays(
        [pa.array([row.get(field.name) for row in rows], type=field.type) for field in schema], schema=schema
    )
