"""`units/<uuid>/unit.json`: one episode, encoded once; and, per episode, what a dataset's sidecars keep of it.

Streams are keyed by the name of their feature (`observation.images.<camera>`, `observation.depth.<camera>`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Document, Matrix4, Sha256

Scalar = bool | int | float | str
CAMERA_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
"""A name in a folder: it cannot lead out of it."""


class DepthQuantization(Document):
    """How 16-bit or float depth became 12-bit grey values: LeRobot's logarithmic scheme. Metres."""

    unit: Literal["m", "mm"] = "m"
    depth_min: float = Field(gt=0)
    depth_max: float = Field(gt=0)
    shift: float
    use_log: bool


class VideoStream(Document):
    """One camera's video. `packets_sha256` stays the same when the video is joined into a dataset or cut out of one."""

    file: str = Field(description="relative to the unit; in a dataset's sidecar, the name it had there")
    sha256: Sha256
    packets_sha256: Sha256
    packets_bytes: int = Field(ge=1, description="sum of the packets' sizes")
    frames: int = Field(ge=1)
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    codec: str = Field(description="as LeRobot's info.json calls it: h264, av1, hevc")
    pixel_format: str
    crf: int | None = Field(description="null for a lossless stream")
    preset: str
    depth: DepthQuantization | None = Field(default=None, description="null for colour pictures")


class Calibration(Document):
    """A pinhole camera without distortion, in OpenCV's axes: x right, y down, z forward.

    `intrinsics`: 3x3, pixels, centre of the upper left pixel at (0.5, 0.5). `parent_from_camera`: metres; the parent is
    `world` or a link of the robot.
    """

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    intrinsics: tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
    parent: str
    parent_from_camera: Matrix4


class Subtask(Document):
    """What was being done from a frame on, until the next one begins."""

    frame: int = Field(ge=0)
    text: str = Field(min_length=1)


class Sidecar(Document):
    """A file that travels with the episode and that LeRobot does not read."""

    sha256: Sha256
    kind: Literal["segmentation", "point_cloud"]
    camera: str | None


class EncodedEpisode(Document):
    """Everything about an encoded episode but its rows and pictures.

    `streams` is in the dataset's order; `provenance` holds plain values, `episode_uuid` among them, one type per key.
    """

    schema_version: Literal["2.0"] = "2.0"
    episode_uuid: FileName
    task: str = Field(min_length=1)
    success: bool
    fps: int = Field(ge=1)
    frames: int = Field(ge=1)
    robot: str = Field(min_length=1)
    joint_names: tuple[str, ...] = Field(min_length=1)
    streams: dict[str, VideoStream]
    rows_sha256: Sha256 = Field(
        description="over frame count, joints and the float32 bytes of state, then action: the same in every file"
    )
    statistics_sha256: Sha256 = Field(description="of statistics.json")
    table_sha256: Sha256 = Field(description="of frames.parquet")
    calibration: dict[str, Calibration] = Field(default={}, description="camera -> calibration")
    subtasks: tuple[Subtask, ...] = ()
    sidecars: dict[FileName, Sidecar] = Field(default={}, description="file name in the unit -> what it is")
    provenance: dict[str, Scalar]
