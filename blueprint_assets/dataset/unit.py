"""A unit: one episode, encoded once, immutable.

    <uuid>/<camera>.mp4      one video per camera
    <uuid>/frames.parquet    frame_index, observation.state, action; one row a frame
    <uuid>/stats.json        256-bin counts per camera and channel, over every frame
    <uuid>/unit.json         what it is, where it came from, and the sha256 of the other files

A dataset is assembled from units by copying; no video is ever encoded twice. A unit appears under its name whole or
not at all: it is written beside it and renamed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from blueprint_assets.contracts.base import ContractError, Document, Sha256
from io_managers.digest import hash_file

from .stats import ImageHistogram
from .video import Codec, Image, VideoEncoder, VideoError, packets_sha256

Float32 = NDArray[np.float32]
Scalar = bool | int | float | str


class UnitError(ValueError):
    """An episode cannot be encoded, or an encoded one is damaged. The message names the folder and the file."""


class CameraVideo(Document):
    """One camera's video. `packets_sha256` stays the same when the video is joined into a dataset."""

    file: str
    sha256: Sha256
    packets_sha256: Sha256
    frames: int = Field(ge=1)
    width: int
    height: int
    codec: str
    crf: int
    preset: str


class UnitDocument(Document):
    """`unit.json`. `cameras` is in the dataset's order; `provenance` holds plain values, `episode_uuid` among them."""

    schema_version: Literal["1.0"] = "1.0"
    episode_uuid: str = Field(min_length=1)
    task: str = Field(min_length=1)
    success: bool
    fps: int = Field(ge=1)
    frames: int = Field(ge=1)
    cameras: dict[str, CameraVideo]
    table_sha256: Sha256
    stats_sha256: Sha256
    provenance: dict[str, Scalar]


@dataclass(frozen=True)
class Unit:
    """An encoded episode on disk."""

    folder: Path
    document: UnitDocument

    def video(self, camera: str) -> Path:
        """The camera's mp4."""
        return self.folder / self.document.cameras[camera].file

    def arrays(self) -> tuple[Float32, Float32]:
        """(observation.state, action), float32, shape (frames, joints) each."""
        import pyarrow.parquet as pq

        table = pq.read_table(self.folder / "frames.parquet")
        state, action = (
            table[name].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
            for name in ("observation.state", "action")
        )
        return state, action

    def histogram(self, camera: str) -> ImageHistogram:
        """Pixel counts over every frame of the camera, taken before encoding."""
        entry = json.loads((self.folder / "stats.json").read_text(encoding="utf-8"))[camera]
        return ImageHistogram(np.array(entry["counts"], np.int64), entry["frames"])


def write_unit(
    folder: Path,
    *,
    frames: Mapping[str, Iterable[Image]],
    state: Float32,
    action: Float32,
    task: str,
    fps: int,
    success: bool,
    provenance: Mapping[str, Scalar],
    codec: Codec | None = None,
) -> Unit:
    """Encodes one episode into `folder`, which must not exist. Frames are taken one at a time, camera after camera.

    `state` (measured) and `action` (commanded) have shape (T, n); each camera gives T frames of one size. `codec` None
    chooses by size. `provenance["episode_uuid"]` names the episode.

    Raises:
        UnitError: `folder` exists, shapes or counts disagree, a value is not finite, no frame or no camera.
        VideoError: a frame cannot be encoded.
    """
    state, action = np.asarray(state, np.float32), np.asarray(action, np.float32)
    _demand(not folder.exists(), f"{folder}: exists already; a unit is never overwritten")
    _demand(
        state.ndim == 2 and len(state) > 0, f"{folder}: state has shape {state.shape}; expected (frames > 0, joints)"
    )
    _demand(state.shape == action.shape, f"{folder}: state has shape {state.shape} but action {action.shape}")
    _demand(bool(np.isfinite(state).all()), f"{folder}: state holds values that are not finite")
    _demand(bool(np.isfinite(action).all()), f"{folder}: action holds values that are not finite")
    _demand(bool(frames), f"{folder}: no camera; an episode needs at least one")
    _demand("episode_uuid" in provenance, f"{folder}: provenance lacks episode_uuid")

    staging = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        cameras: dict[str, CameraVideo] = {}
        counts: dict[str, dict[str, object]] = {}
        for camera, images in frames.items():
            _demand(
                camera.isidentifier(),
                f"{folder}: camera name {camera!r} is not a word of letters, digits and underscores",
            )
            video, histogram = _encode(staging / f"{camera}.mp4", images, fps, codec)
            _demand(
                video.frames == len(state),
                f"{folder}: camera {camera} gave {video.frames} frames but there are {len(state)} rows",
            )
            cameras[camera] = video
            counts[camera] = {"frames": histogram.frames, "counts": histogram.counts.tolist()}
        _write_table(staging / "frames.parquet", state, action)
        (staging / "stats.json").write_text(json.dumps(counts, separators=(",", ":")) + "\n", encoding="utf-8")
        document = UnitDocument(
            episode_uuid=str(provenance["episode_uuid"]),
            task=task,
            success=success,
            fps=fps,
            frames=len(state),
            cameras=cameras,
            table_sha256=hash_file(staging / "frames.parquet"),
            stats_sha256=hash_file(staging / "stats.json"),
            provenance=dict(provenance),
        )
        document.write(staging / "unit.json")
        staging.rename(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return Unit(folder, document)


def read_unit(folder: Path) -> Unit:
    """Opens a unit and verifies it: every file's hash, packets against rows, rows against the document.

    Raises:
        UnitError: a file is missing or altered, or the counts disagree.
    """
    import pyarrow.parquet as pq

    try:
        document = UnitDocument.read(folder / "unit.json")
    except ContractError as error:
        raise UnitError(f"{folder}: not a unit: {error}") from error
    expected = {"frames.parquet": document.table_sha256, "stats.json": document.stats_sha256}
    expected |= {video.file: video.sha256 for video in document.cameras.values()}
    for name, sha256 in expected.items():
        path = folder / name
        _demand(path.parent == folder and path.is_file(), f"{folder}: {name} is missing; import the episode again")
        found = hash_file(path)
        _demand(found == sha256, f"{path}: sha256 {found[:12]}…, expected {sha256[:12]}…; import the episode again")
    rows = pq.read_metadata(folder / "frames.parquet").num_rows
    _demand(rows == document.frames, f"{folder}: frames.parquet has {rows} rows, unit.json says {document.frames}")
    for camera, video in document.cameras.items():
        packets, digest = packets_sha256(folder / video.file)
        _demand(packets == rows, f"{folder}: camera {camera} has {packets} packets but there are {rows} rows")
        _demand(digest == video.packets_sha256, f"{folder}: camera {camera}: packets differ from unit.json")
    return Unit(folder, document)


def _encode(path: Path, images: Iterable[Image], fps: int, codec: Codec | None) -> tuple[CameraVideo, ImageHistogram]:
    iterator = iter(images)
    first = next(iterator, None)
    if first is None or first.ndim != 3:
        raise VideoError(f"{path}: no frame was given" if first is None else f"{path}: frame 0 has shape {first.shape}")
    histogram = ImageHistogram()
    with VideoEncoder(path, first.shape[1], first.shape[0], fps, codec) as encoder:
        image: Image | None = first
        while image is not None:
            encoder.write(image)
            histogram.add(image)
            image = next(iterator, None)
    made, used = encoder.summary, encoder.codec
    video = CameraVideo(
        file=path.name,
        sha256=hash_file(path),
        packets_sha256=made.packets_sha256,
        frames=made.frames,
        width=made.width,
        height=made.height,
        codec=made.codec,
        crf=used.crf,
        preset=used.preset,
    )
    return video, histogram


def _write_table(path: Path, state: Float32, action: Float32) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"frame_index": pa.array(np.arange(len(state), dtype=np.int64))}
    for name, values in (("observation.state", state), ("action", action)):
        columns[name] = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    pq.write_table(pa.table(columns), path, compression="snappy")


def _demand(condition: bool, message: str) -> None:
    if not condition:
        raise UnitError(message)
