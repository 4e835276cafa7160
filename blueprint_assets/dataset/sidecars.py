"""What travels with an episode and LeRobot does not read: segmentations and point clouds.

<camera>_segmentation.npz   `segmentation` uint8 (frames, height, width), `names` text: numpy.load, nothing pickled
point_cloud_first.ply       what the cameras saw at the first frame, in the world's frame, and
point_cloud_last.ply        at the last one: x y z in metres, red green blue, label; labels are named in comments
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.encoded_episode import Calibration, Sidecar

from .calibration import Array, rays

if TYPE_CHECKING:
    from resources.simulator.render import View

    from .unit import UnitWriter

Modality = Literal["depth", "segmentation", "point_cloud"]
MODALITIES: tuple[Modality, ...] = ("depth", "segmentation", "point_cloud")
"""What an episode can hold besides colour pictures."""

REACH = 3.0
"""Points further than this from the camera, metres, are left out of a cloud: the room around, not the workspace (the arm
reaches 0.855 m and the cameras stand within 2 m)."""
VOXEL = 0.005
"""One point is kept per cube of this side, metres: a pixel of a 256 px camera covers 4 mm at 1.2 m."""

UNKNOWN = "0" * 64
"""In place of a sha256 that `UnitWriter.finish` fills in."""

_POINT = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3), ("label", "u1")])


class SidecarError(ValueError):
    """A sidecar cannot be written. The message names the file."""


class EpisodeSidecars:
    """Writes an episode's sidecars into its unit while it is rendered.

    sidecars = EpisodeSidecars(writer, {"segmentation"}, names, calibrations)
    for views in …:
        sidecars.add(views)
    sidecars.finish()
    """

    def __init__(
        self,
        writer: UnitWriter,
        modalities: Collection[Modality],
        names: Sequence[str],
        calibrations: Mapping[str, Calibration],
    ) -> None:
        """`names[i]` is what the number i in a segmentation stands for; `calibrations` is by camera."""
        self._writer, self._names, self._calibrations = writer, names, calibrations
        self._wanted = set(modalities)
        self._segmentations: dict[str, SegmentationWriter] = {}
        self._last: Mapping[str, View] = {}

    def add(self, views: Mapping[str, View]) -> None:
        """Takes what every camera saw at the next frame.

        Raises:
            SidecarError: see `SegmentationWriter.add` and `back_project`.
        """
        if not self._last and "point_cloud" in self._wanted:
            self._write_cloud("point_cloud_first.ply", views)
        self._last = views
        if "segmentation" not in self._wanted:
            return
        for camera, view in views.items():
            if camera not in self._segmentations:
                entry = Sidecar(sha256=UNKNOWN, kind="segmentation", camera=camera)
                path = self._writer.sidecar(f"{camera}_segmentation.npz", entry)
                self._segmentations[camera] = SegmentationWriter(path, self._names)
            assert view.segmentation is not None
            self._segmentations[camera].add(view.segmentation)

    def finish(self) -> None:
        """Completes the files; to be called before the unit is finished."""
        for segmentation in self._segmentations.values():
            segmentation.close()
        if self._last and "point_cloud" in self._wanted:
            self._write_cloud("point_cloud_last.ply", self._last)

    def _write_cloud(self, name: str, views: Mapping[str, View]) -> None:
        clouds = [back_project(view, self._calibrations[camera]) for camera, view in views.items()]
        entry = Sidecar(sha256=UNKNOWN, kind="point_cloud", camera=None)
        write_ply(self._writer.sidecar(name, entry), fuse(clouds), self._names)


class SegmentationWriter:
    """Takes an episode's segmentation frame by frame and writes it when closed.

    Frames wait compressed (1 to 2 kB each at 256 px): the array's size stands at its beginning. In the file they are
    compressed together (bzip2: 0.3 to 0.5 kB each). Same frames, same bytes.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        """`names[i]` is what the number i stands for."""
        self.path = path
        self._names = tuple(names)
        self._frames: list[bytes] = []
        self._shape: tuple[int, ...] = ()

    def add(self, numbers: NDArray[np.uint8]) -> None:
        """Takes one frame, shape (height, width).

        Raises:
            SidecarError: another shape than the first frame's, another type, or a number without a name.
        """
        if numbers.dtype != np.uint8 or numbers.ndim != 2 or (self._frames and numbers.shape != self._shape):
            raise SidecarError(
                f"{self.path}: frame {len(self._frames)} is {numbers.dtype} {numbers.shape}; expected uint8 "
                f"{self._shape or '(height, width)'}"
            )
        if numbers.size and int(numbers.max()) >= len(self._names):
            raise SidecarError(
                f"{self.path}: frame {len(self._frames)} holds {numbers.max()}, but there are {len(self._names)} names"
            )
        self._shape = numbers.shape
        self._frames.append(zlib.compress(numbers.tobytes(), 1))

    def close(self) -> None:
        """Writes the file.

        Raises:
            SidecarError: no frame was added.
        """
        if not self._frames:
            raise SidecarError(f"{self.path}: no frame was added")
        header = io.BytesIO()
        shape = (len(self._frames), *self._shape)
        np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
        names = io.BytesIO()
        np.save(names, np.array(self._names), allow_pickle=False)
        with zipfile.ZipFile(self.path, "w") as archive:
            with archive.open(_member("segmentation.npy"), "w", force_zip64=True) as member:
                member.write(header.getvalue())
                for frame in self._frames:
                    member.write(zlib.decompress(frame))
            archive.writestr(_member("names.npy"), names.getvalue())


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # its time is 1980, always
    info.compress_type = zipfile.ZIP_BZIP2
    return info


@dataclass(frozen=True)
class PointCloud:
    """`points`: float32 (n, 3), world, metres. `colours`: uint8 (n, 3), RGB. `labels`: uint8 (n,)."""

    points: NDArray[np.float32]
    colours: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def back_project(view: View, camera: Calibration) -> PointCloud:
    """The points that a camera saw, as far as REACH and where there is something (label > 0).

    Raises:
        SidecarError: depth or segmentation was not rendered, or they are of another size than the calibration's.
    """
    size = (camera.height, camera.width)
    depth, labels = view.depth, view.segmentation
    if depth is None or labels is None or not (depth.shape == labels.shape == size):
        found = [None if part is None else part.shape for part in (depth, labels)]
        raise SidecarError(f"a point cloud needs depth and segmentation of {size}; found {found[0]} and {found[1]}")
    local: Array = rays(camera) * depth[..., None]
    kept = (labels > 0) & (np.linalg.norm(local, axis=-1) <= REACH)
    points = local[kept] @ view.world_from_camera[:3, :3].T + view.world_from_camera[:3, 3]
    return PointCloud(points.astype(np.float32), view.image[kept], labels[kept])


def fuse(clouds: Sequence[PointCloud], voxel: float = VOXEL) -> PointCloud:
    """All points together, of those in one cube of side `voxel` the first."""
    points, colours, labels = (
        np.concatenate([getattr(cloud, name) for cloud in clouds]) for name in ("points", "colours", "labels")
    )
    _, first = np.unique(np.floor(points / voxel).astype(np.int64), axis=0, return_index=True)
    first.sort()
    return PointCloud(points[first], colours[first], labels[first])


def write_ply(path: Path, cloud: PointCloud, names: Sequence[str]) -> None:
    """Writes a cloud as binary PLY (Stanford's polygon file format 1.0)."""
    rows = np.empty(len(cloud.points), _POINT)
    rows["xyz"], rows["rgb"], rows["label"] = cloud.points, cloud.colours, cloud.labels
    comments = [f"comment label {number} {name}" for number, name in enumerate(names)]
    properties = [f"property float {axis}" for axis in "xyz"]
    properties += [f"property uchar {name}" for name in ("red", "green", "blue", "label")]
    header = ["ply", "format binary_little_endian 1.0", "comment world frame, metres, z up", *comments]
    header += [f"element vertex {len(rows)}", *properties, "end_header"]
    text = "".join(f"{line}\n" for line in header)
    path.write_bytes(text.encode("ascii", "backslashreplace") + rows.tobytes())
