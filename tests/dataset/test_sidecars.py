from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.encoded_episode import Calibration
from blueprint_assets.dataset.sidecars import (
    REACH,
    EpisodeSidecars,
    PointCloud,
    SegmentationWriter,
    SidecarError,
    back_project,
    fuse,
    write_ply,
)

NAMES = ("nothing", "robot", "mug")


def _camera(width: int = 64, height: int = 48) -> Calibration:
    return Calibration(
        width=width,
        height=height,
        intrinsics=((60.0, 0.0, width / 2), (0.0, 60.0, height / 2), (0.0, 0.0, 1.0)),
        parent="world",
        parent_from_camera=tuple(tuple(float(i == j) for j in range(4)) for i in range(4)),
    )


def _view(depth: float = 1.0, pose: np.ndarray | None = None, size: tuple[int, int] = (48, 64)) -> SimpleNamespace:
    labels = np.ones(size, np.uint8)
    labels[:, 30:] = 2
    return SimpleNamespace(
        image=np.dstack([np.full(size, value, np.uint8) for value in (10, 20, 30)]),
        world_from_camera=np.eye(4) if pose is None else pose,
        depth=np.full(size, depth, np.float32),
        segmentation=labels,
    )


class _Folder:
    """The part of a unit's writer that sidecars use."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.entries = folder, {}

    def sidecar(self, name: str, entry) -> Path:
        self.entries[name] = entry
        return self.folder / name


@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_a_segmentation_is_read_back_by_numpy_alone(tmp_path_factory, frames, height, width, random) -> None:
    path = tmp_path_factory.mktemp("segmentation") / "a.npz"
    expected = np.array([random.randrange(3) for _ in range(frames * height * width)], np.uint8)
    expected = expected.reshape(frames, height, width)
    writer = SegmentationWriter(path, NAMES)
    for frame in expected:
        writer.add(frame)
    writer.close()
    with np.load(path, allow_pickle=False) as found:
        np.testing.assert_array_equal(found["segmentation"], expected)
        assert found["segmentation"].dtype == np.uint8
        assert tuple(found["names"]) == NAMES


def test_the_same_frames_give_the_same_bytes_and_are_small(tmp_path: Path) -> None:
    frame = np.zeros((256, 256), np.uint8)
    frame[80:160, 40:200] = 2
    files = [tmp_path / name for name in ("a.npz", "b.npz")]
    for path in files:
        writer = SegmentationWriter(path, NAMES)
        for shift in range(20):
            writer.add(np.roll(frame, shift, axis=1))
        writer.close()
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].stat().st_size < 20 * 500
    with zipfile.ZipFile(files[0]) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((4, 5), np.uint8), r"frame 1 is uint8 \(4, 5\); expected uint8 \(4, 4\)"),
        (np.zeros((4, 4), np.uint16), r"frame 1 is uint16"),
        (np.full((4, 4), 3, np.uint8), r"frame 1 holds 3, but there are 3 names"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused(tmp_path: Path, frame: np.ndarray, message: str) -> None:
    writer = SegmentationWriter(tmp_path / "a.npz", NAMES)
    writer.add(np.zeros((4, 4), np.uint8))
    with pytest.raises(SidecarError, match=message):
        writer.add(frame)


def test_no_frame_is_no_segmentation(tmp_path: Path) -> None:
    with pytest.raises(SidecarError, match="no frame was added"):
        SegmentationWriter(tmp_path / "a.npz", NAMES).close()
    assert not list(tmp_path.iterdir())


def test_a_flat_wall_is_seen_as_a_flat_wall_where_it_stands() -> None:
    pose = np.array([[0, 0, 1, 1], [-1, 0, 0, 2], [0, -1, 0, 3], [0, 0, 0, 1]], float)  # looks along the world's x
    cloud = back_project(_view(2.0, pose), _camera())
    assert len(cloud.points) == 48 * 64
    np.testing.assert_allclose(cloud.points[:, 0], 3.0, atol=1e-6)
    # From pixel centre to pixel centre: (64 - 1) and (48 - 1) pixels at 2 m and f = 60.
    np.testing.assert_allclose(np.ptp(cloud.points, axis=0), [0, 63 / 60 * 2, 47 / 60 * 2], atol=1e-5)
    np.testing.assert_allclose(cloud.points.mean(axis=0), [3, 2, 3], atol=1e-5)
    assert cloud.points[0, 1] > 2  # the first pixel is the upper left one: left is +y, up is +z
    assert cloud.points[0, 2] > 3
    assert set(cloud.labels) == {1, 2}
    assert (cloud.colours == [10, 20, 30]).all()


def test_what_is_far_or_nothing_is_left_out() -> None:
    assert len(back_project(_view(REACH * 2), _camera()).points) == 0
    view = _view()
    view.segmentation[:] = 0
    view.segmentation[5, 7] = 1
    assert len(back_project(view, _camera()).points) == 1


def test_pictures_of_another_size_or_missing_are_refused() -> None:
    with pytest.raises(SidecarError, match=r"needs depth and segmentation of \(48, 64\); found \(8, 8\)"):
        back_project(_view(size=(8, 8)), _camera())
    view = _view()
    view.depth = None
    with pytest.raises(SidecarError, match="found None"):
        back_project(view, _camera())


@given(st.lists(st.tuples(*[st.floats(-2, 2, width=32)] * 3), min_size=1, max_size=40))
@settings(deadline=None, max_examples=50)
def test_fusing_keeps_one_of_the_points_in_every_cube(points) -> None:
    given_points = np.array(points, np.float32)
    count = len(given_points)
    cloud = PointCloud(given_points, np.zeros((count, 3), np.uint8), np.arange(count, dtype=np.uint8))
    fused = fuse([cloud, cloud], 0.5)
    cubes = [tuple(cube) for cube in np.floor(fused.points / 0.5).astype(int)]
    assert len(set(cubes)) == len(cubes)
    assert set(cubes) == {tuple(cube) for cube in np.floor(given_points / 0.5).astype(int)}
    np.testing.assert_array_equal(fused.points, given_points[fused.labels])


def test_trimesh_reads_the_ply(tmp_path: Path) -> None:
    cloud = fuse([back_project(_view(), _camera())])
    write_ply(tmp_path / "cloud.ply", cloud, (*NAMES, "grüne Tasse"))
    read = trimesh.load(tmp_path / "cloud.ply")
    np.testing.assert_array_equal(np.asarray(read.vertices, np.float32), cloud.points)
    np.testing.assert_array_equal(read.colors[:, :3], cloud.colours)
    raw = read.metadata["_ply_raw"]["vertex"]["data"]
    np.testing.assert_array_equal(raw["label"].ravel(), cloud.labels)
    header = (tmp_path / "cloud.ply").read_bytes().split(b"end_header")[0].decode("ascii")
    assert "comment label 2 mug\n" in header


def test_a_unit_gets_the_sidecars_that_were_asked_for(tmp_path: Path) -> None:
    folder = _Folder(tmp_path)
    sidecars = EpisodeSidecars(folder, {"segmentation", "point_cloud", "depth"}, NAMES, {"scene": _camera()})
    for depth in (1.0, 1.5, 2.0):
        sidecars.add({"scene": _view(depth)})
    sidecars.finish()
    kinds = {name: (entry.kind, entry.camera) for name, entry in folder.entries.items()}
    assert kinds == {
        "scene_segmentation.npz": ("segmentation", "scene"),
        "point_cloud_first.ply": ("point_cloud", None),
        "point_cloud_last.ply": ("point_cloud", None),
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kinds)
    assert np.asarray(trimesh.load(tmp_path / "point_cloud_last.ply").vertices)[:, 2].max() == pytest.approx(2.0)
    with np.load(tmp_path / "scene_segmentation.npz") as found:
        assert found["segmentation"].shape == (3, 48, 64)


def test_nothing_asked_for_nothing_written(tmp_path: Path) -> None:
    folder = _Folder(tmp_path)
    sidecars = EpisodeSidecars(folder, (), NAMES, {})
    sidecars.add({"scene": _view()})
    sidecars.finish()
    assert not folder.entries
    assert not list(tmp_path.iterdir())
