"""A unit: one episode, encoded once, immutable.

    <uuid>/<camera>.mp4      one video per camera; and <camera>_depth.mp4, of one with depth
    <uuid>/frames.parquet    frame_index, observation.state, action; one row a frame
    <uuid>/statistics.json   how often each level occurs in each video, over every frame; mergeable sketches of the vectors
    <uuid>/unit.json         what it is, where it came from, and the sha256 of the other files
    <uuid>/…                 sidecars

A dataset is assembled from units by copying; no video is ever encoded twice. A unit appears under its name whole or not
at all: it is written beside it, made durable and renamed.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from pydantic_core import from_json

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.encoded_episode import (
    CAMERA_NAME,
    Calibration,
    EncodedEpisode,
    Scalar,
    Sidecar,
    Subtask,
    VideoStream,
)
from io_managers.digest import hash_file
from io_managers.durable import publish, staged

from .depth import HEVC, QUANTIZATION, Depth, DepthHistogram, depth_feature, histogram_of, quantize
from .episode import Float32
from .sketch import VectorSketch
from .stats import ImageHistogram
from .tables import VECTORS, arrow_column, image_feature, vector_rows
from .video import Codec, Image, Picture, Segment, VideoEncoder, read_packets

DOCUMENT = "unit.json"
TABLE = "frames.parquet"
STATISTICS = "statistics.json"


class UnitError(ValueError):
    """An episode cannot be encoded, or an encoded one is damaged. The message names the folder and the file."""


@dataclass(frozen=True)
class Description:
    """What an episode is, known when it is over. `provenance["episode_uuid"]` names it.

    `joint_names` says what a row of state and action holds; `calibration` is by camera.
    """

    task: str
    success: bool
    robot: str
    joint_names: Sequence[str]
    provenance: Mapping[str, Scalar]
    calibration: Mapping[str, Calibration] | None = None
    subtasks: Sequence[Subtask] = ()


@dataclass(frozen=True)
class Unit:
    """An encoded episode on disk; an `episode.Episode`."""

    folder: Path
    document: EncodedEpisode

    @property
    def origin(self) -> str:
        """The folder."""
        return str(self.folder)

    def segment(self, stream: str) -> Segment:
        """The stream's packets: the whole of its mp4."""
        video = self.document.streams[stream]
        return Segment(self.folder / video.file, 0, video.frames)

    def arrays(self) -> tuple[Float32, Float32]:
        """(observation.state, action), float32, shape (frames, joints) each."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetFile(pa.BufferReader((self.folder / TABLE).read_bytes()), pre_buffer=False) as file:
            table = file.read(list(VECTORS), use_threads=False)
        state, action = (vector_rows(table[name]) for name in VECTORS)
        return state, action

    def statistics(self) -> tuple[dict[str, ImageHistogram], dict[str, VectorSketch]]:
        """Pixel counts by stream, before encoding, and the sketches of state and action."""
        found = _parsed(self.folder / STATISTICS)
        histograms = {stream: self._histogram(stream, entry) for stream, entry in found["images"].items()}
        return histograms, {name: VectorSketch.from_json(entry) for name, entry in found["vectors"].items()}

    def histogram(self, stream: str) -> ImageHistogram:
        """Pixel counts over every frame of the stream, taken before encoding."""
        return self._histogram(stream, _parsed(self.folder / STATISTICS)["images"][stream])

    def sidecar(self, name: str) -> Path:
        """One of `document.sidecars`."""
        return self.folder / name

    def _histogram(self, stream: str, entry: Mapping[str, Any]) -> ImageHistogram:
        return histogram_of(self.document.streams[stream], np.array(entry["counts"], np.int64), entry["frames"])


class UnitWriter:
    """Encodes an episode while it happens: frame by frame, every camera, nothing kept but the rows.

        with UnitWriter(folder, fps=20) as writer:
            for …:
                writer.add({"scene": image, "wrist": image}, state, action)
            unit = writer.finish(description)

    The folder appears at `finish`. A block that ends without it, or a killed process, leaves no unit.
    """

    def __init__(self, folder: Path, *, fps: int, codec: Codec | None = None) -> None:
        """`folder` must not exist; `codec` None chooses by each camera's size.

        Raises:
            UnitError: `folder` exists.
        """
        _demand(not folder.exists(), f"{folder}: exists already; a unit is never overwritten")
        self.folder = folder
        self._fps, self._codec = fps, codec
        self._place = staged(folder)
        self._staging = folder
        self._encoders: dict[str, VideoEncoder] = {}
        self._histograms: dict[str, ImageHistogram] = {}
        self._sidecars: dict[str, Sidecar] = {}
        self._state: list[Float32] = []
        self._action: list[Float32] = []

    def __enter__(self) -> Self:
        self._staging = self._place.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for encoder in self._encoders.values():
            encoder.abandon()
        self._place.__exit__(kind, error, trace)

    def add(
        self,
        images: Mapping[str, Image],
        state: Float32,
        action: Float32,
        depth: Mapping[str, Depth] | None = None,
    ) -> None:
        """One control step: a picture per camera, RGB uint8, and the rows, float32, shape (joints,); `depth` of those
        cameras that measure it, metres, float32, shape (height, width).

        Raises:
            UnitError: other cameras or joints than in the first step, or a value that is not finite.
            VideoError: a picture of another size or type.
        """
        frame = len(self._state)
        pictures: dict[str, Picture] = {image_feature(camera): image for camera, image in images.items()}
        for camera, metres in (depth or {}).items():
            try:
                pictures[depth_feature(camera)] = quantize(metres)
            except ValueError as error:
                raise UnitError(f"{self.folder}: camera {camera}, frame {frame}: {error}") from error
        if not frame:
            self._open(pictures)
        state, action = np.array(state, np.float32), np.array(action, np.float32)
        _demand(
            list(pictures) == list(self._encoders),
            f"{self.folder}: frame {frame} has the cameras {_shown(pictures)}; frame 0 had {_shown(self._encoders)}",
        )
        _demand(
            state.ndim == 1 and state.shape == action.shape and (not frame or state.shape == self._state[0].shape),
            f"{self.folder}: frame {frame} has state {state.shape} and action {action.shape}; both must be (joints,)",
        )
        for name, row in zip(VECTORS, (state, action), strict=True):
            _demand(bool(np.isfinite(row).all()), f"{self.folder}: {name} of frame {frame} holds a value not finite")
        for stream, picture in pictures.items():
            self._encoders[stream].write(picture)
            self._histograms[stream].add(picture)
        self._state.append(state)
        self._action.append(action)

    def sidecar(self, name: str, entry: Sidecar) -> Path:
        """Where to write a sidecar, before `finish`; `entry.sha256` is filled in then."""
        _demand(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.]*", name) is not None, f"{self.folder}: sidecar name {name!r}")
        self._sidecars[name] = entry
        return self._staging / name

    def finish(self, description: Description) -> Unit:
        """Completes the files, makes them durable and gives the folder its name.

        Raises:
            UnitError: no frame was added, joints or provenance do not fit, or somebody else made the folder meanwhile.
            VideoError: an encoder did not give one packet a frame.
        """
        _demand(bool(self._state), f"{self.folder}: no frame was added; an episode needs at least one")
        _demand("episode_uuid" in description.provenance, f"{self.folder}: provenance lacks episode_uuid")
        state, action = np.array(self._state), np.array(self._action)
        joints = len(description.joint_names)
        _demand(
            state.shape[1] == joints,
            f"{self.folder}: rows hold {state.shape[1]} joints, but {joints} are named: {', '.join(description.joint_names)}",
        )
        streams = {stream: _stream(encoder) for stream, encoder in self._encoders.items()}
        self._encoders = {}
        _write_table(self._staging / TABLE, state, action)
        self._write_statistics(state, action)
        document = EncodedEpisode(
            episode_uuid=str(description.provenance["episode_uuid"]),
            task=description.task,
            success=description.success,
            fps=self._fps,
            frames=len(state),
            robot=description.robot,
            joint_names=tuple(description.joint_names),
            streams=streams,
            rows_sha256=rows_sha256(state, action),
            statistics_sha256=hash_file(self._staging / STATISTICS),
            table_sha256=hash_file(self._staging / TABLE),
            calibration=dict(description.calibration or {}),
            subtasks=tuple(description.subtasks),
            sidecars={
                name: entry.model_copy(update={"sha256": hash_file(self._staging / name)})
                for name, entry in self._sidecars.items()
            },
            provenance=dict(description.provenance),
        )
        document.write(self._staging / DOCUMENT)
        _demand(not self.folder.exists(), f"{self.folder}: somebody else made it meanwhile; read that one")
        publish(self._staging, self.folder)
        return Unit(self.folder, document)

    def _open(self, pictures: Mapping[str, Picture]) -> None:
        _demand(bool(pictures), f"{self.folder}: no camera; an episode needs at least one")
        for stream, picture in pictures.items():
            is_depth = stream.startswith(depth_feature(""))
            camera = stream.removeprefix(depth_feature("") if is_depth else image_feature(""))
            _demand(
                re.fullmatch(CAMERA_NAME, camera) is not None,
                f"{self.folder}: camera name {camera!r} is not a word of letters, digits and underscores",
            )
            _demand(is_depth or picture.ndim == 3, f"{self.folder}: camera {camera}, frame 0 has shape {picture.shape}")
            path = self._staging / (f"{camera}_depth.mp4" if is_depth else f"{camera}.mp4")
            _demand(
                path not in [encoder.path for encoder in self._encoders.values()],
                f"{self.folder}: a camera is called {path.stem}, like the depth of another; rename it",
            )
            height, width = picture.shape[:2]
            codec = HEVC if is_depth else self._codec
            self._encoders[stream] = VideoEncoder(path, width, height, self._fps, codec)
            self._histograms[stream] = DepthHistogram() if is_depth else ImageHistogram()

    def _write_statistics(self, state: Float32, action: Float32) -> None:
        found: dict[str, dict[str, Any]] = {
            "images": {
                stream: {"frames": histogram.frames, "counts": histogram.counts.tolist()}
                for stream, histogram in self._histograms.items()
            },
            "vectors": {
                name: VectorSketch.of(rows).to_json() for name, rows in zip(VECTORS, (state, action), strict=True)
            },
        }
        text = json.dumps(found, separators=(",", ":")) + "\n"
        (self._staging / STATISTICS).write_text(text, encoding="utf-8")


def write_unit(
    folder: Path,
    description: Description,
    *,
    frames: Mapping[str, Iterable[Image]],
    state: Float32,
    action: Float32,
    fps: int,
    codec: Codec | None = None,
) -> Unit:
    """Encodes a recorded episode. `state` (measured) and `action` (commanded) have shape (T, joints); each camera gives T
    frames, which are taken one step at a time, all cameras together.

    Raises:
        UnitError: as `UnitWriter`; or a camera gives more or fewer frames than there are rows.
        VideoError: a frame cannot be encoded.
    """
    _demand(
        np.ndim(state) == 2 and np.shape(state) == np.shape(action) and len(state) > 0,
        f"{folder}: state has shape {np.shape(state)} and action {np.shape(action)}; expected (frames > 0, joints)",
    )
    sources = {camera: iter(images) for camera, images in frames.items()}
    with UnitWriter(folder, fps=fps, codec=codec) as writer:
        for index in range(len(state)):
            images: dict[str, Image] = {}
            for camera, source in sources.items():
                image = next(source, None)
                if image is None:
                    raise UnitError(f"{folder}: camera {camera} gave {index} frames but there are {len(state)} rows")
                images[camera] = image
            writer.add(images, state[index], action[index])
        for camera, source in sources.items():
            _demand(
                next(source, None) is None,
                f"{folder}: camera {camera} gave more frames than there are rows ({len(state)})",
            )
        return writer.finish(description)


def read_unit(folder: Path) -> Unit:
    """Opens a unit and verifies it: every file's hash, packets against rows, rows against the document.

    Raises:
        UnitError: a file is missing or altered, or the counts disagree.
    """
    try:
        document = EncodedEpisode.read(folder / DOCUMENT)
    except ContractError as error:
        raise UnitError(f"{folder}: not a unit: {error}") from error
    unit = Unit(folder, document)
    expected = {TABLE: document.table_sha256, STATISTICS: document.statistics_sha256}
    expected |= {video.file: video.sha256 for video in document.streams.values()}
    expected |= {name: entry.sha256 for name, entry in document.sidecars.items()}
    for name, sha256 in expected.items():
        path = folder / name
        _demand(path.parent == folder and path.is_file(), f"{folder}: {name} is missing; import the episode again")
        found = hash_file(path)
        _demand(found == sha256, f"{path}: sha256 {found[:12]}…, expected {sha256[:12]}…; import the episode again")
    state, action = unit.arrays()
    _demand(
        rows_sha256(state, action) == document.rows_sha256 and len(state) == document.frames,
        f"{folder / TABLE}: {len(state)} rows that are not those of unit.json ({document.frames}); import the episode again",
    )
    for stream, video in document.streams.items():
        packets, digest, _ = read_packets(folder / video.file)
        _demand(packets == len(state), f"{folder}: {stream} has {packets} packets but there are {len(state)} rows")
        _demand(digest == video.packets_sha256, f"{folder}: {stream}: packets differ from unit.json")
    return unit


def rows_sha256(state: Float32, action: Float32) -> str:
    """The sha256 over the shape and the values of an episode's rows: the same in whatever file they stand."""
    digest = hashlib.sha256(f"{len(state)} {state.shape[1]} ".encode())
    for values in (state, action):
        digest.update(np.ascontiguousarray(values, dtype="<f4").tobytes())
    return digest.hexdigest()


def _parsed(path: Path) -> dict[str, Any]:
    """A statistics file, kept until another one is asked for: assembly asks for every stream of an episode in turn."""
    found = path.stat()
    return _parsed_as_of(path, found.st_mtime_ns, found.st_ino)


@functools.lru_cache(maxsize=1)
def _parsed_as_of(path: Path, _changed: int, _inode: int) -> dict[str, Any]:
    parsed: dict[str, Any] = from_json(path.read_bytes())
    return parsed


def _stream(encoder: VideoEncoder) -> VideoStream:
    made, used = encoder.close(), encoder.codec
    return VideoStream(
        file=encoder.path.name,
        sha256=hash_file(encoder.path),
        packets_sha256=made.packets_sha256,
        packets_bytes=made.packets_bytes,
        frames=made.frames,
        width=made.width,
        height=made.height,
        codec=made.codec,
        pixel_format=used.pixel_format,
        crf=used.crf,
        preset=used.preset,
        depth=QUANTIZATION if used is HEVC else None,
    )


def _shown(streams: Iterable[str]) -> str:
    return ", ".join(stream.removeprefix(image_feature("")) for stream in streams)


def _write_table(path: Path, state: Float32, action: Float32) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [arrow_column(np.arange(len(state), dtype=np.int64), pa.int64())]
    columns += [arrow_column(values, pa.list_(pa.float32(), values.shape[1])) for values in (state, action)]
    pq.write_table(pa.Table.from_arrays(columns, names=["frame_index", *VECTORS]), path, compression="snappy")


def _demand(condition: bool, message: str) -> None:
    if not condition:
        raise UnitError(message)
